"""Every kind of network that people bring becomes a model that answers, by the file alone or with few flags."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from service.adding.told import Assumption
from service.artifact import load_manifest
from service.engine.predictor import Sent
from service.errors import ArtifactError
from tests.foreign_networks import color_classifier, many_classes, several_outputs
from tests.model_folders import picture
from tests.service.adding.conftest import RGB, Bring, answers, loaded

MakeLabels = Callable[..., Path]


@pytest.mark.parametrize("opset", range(8, 24))
def test_every_opset_from_8_to_23_is_served(bring: Bring, labels_file: MakeLabels, opset: int) -> None:
    """Old files list their weights among their inputs; that is no second input."""
    added = bring(color_classifier(opset=opset), labels=labels_file(*RGB))
    assert answers(added, *RGB) == list(RGB)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_every_layout_and_type_of_input_is_served(
    bring: Bring, labels_file: MakeLabels, layout: str, dtype: str
) -> None:
    """The axis of three is that of the channels; bytes are taken as they are, halves are rounded to."""
    added = bring(color_classifier(layout=layout, dtype=dtype), labels=labels_file(*RGB))
    assert (added.manifest.input.layout, added.manifest.input.dtype) == (layout, dtype)
    assert answers(added, *RGB) == list(RGB)
    assert np.max(loaded(added.stored).classify(picture("red")).probabilities) > 0.99


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_network_of_half_precision_is_served_as_such(bring: Bring, labels_file: MakeLabels, layout: str) -> None:
    """Input, weights and output in float16."""
    added = bring(color_classifier(layout=layout, half=True), labels=labels_file(*RGB))
    assert (added.manifest.variants[0].precision, added.manifest.input.dtype) == ("fp16", "float16")
    assert answers(added, *RGB) == list(RGB)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "NHW"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_grey_networks_with_and_without_an_axis_for_it_are_served(
    bring: Bring, labels_file: MakeLabels, layout: str, dtype: str
) -> None:
    """Colours become grey before a network of one channel."""
    model = color_classifier(layout=layout, dtype=dtype, channels=1)
    added = bring(model, labels=labels_file("dark", "bright"))
    assert added.manifest.input.preprocessing.color_mode == "L"
    assert answers(added, "black", "white", (20, 20, 20), "yellow") == ["dark", "bright", "dark", "bright"]


@pytest.mark.parametrize("batch", [1, 2, 4, 5])
def test_a_fixed_batch_is_split_and_padded_and_not_refused(bring: Bring, labels_file: MakeLabels, batch: int) -> None:
    """Any number of pictures is answered, however many the network takes at a time."""
    added = bring(color_classifier(batch=batch), labels=labels_file(*RGB))
    assert added.manifest.input.batch == batch
    for many in ([*RGB], [*RGB] * 2, ["blue"]):
        assert answers(added, *many) == many


@pytest.mark.parametrize("size", [("h", "w"), (8, "w"), (-1, -1)])
def test_an_open_size_is_told_or_assumed(bring: Bring, labels_file: MakeLabels, size: Any) -> None:
    """--size says it; otherwise the usual 224, or the side that is known, is taken and named."""
    model = color_classifier(size=size)
    told = bring(model, size=(16, 12) if size[0] != 8 else (8, 12), labels=labels_file(*RGB))
    assert (told.manifest.input.height, told.manifest.input.width) == ((16, 12) if size[0] != 8 else (8, 12))
    assert not any("--size" in each.flag for each in told.notes.assumed)
    assumed = bring(model, labels=labels_file(*RGB))
    side = 8 if size[0] == 8 else 224
    assert (assumed.manifest.input.height, assumed.manifest.input.width) == (side, side)
    assert Assumption(f"size {side}x{side}, which the file leaves open", "--size ROWSxCOLUMNS") in assumed.notes.assumed
    assert answers(assumed, *RGB) == list(RGB)


@pytest.mark.parametrize(("layout", "channels"), [("NCHW", 3), ("NCHW", 1), ("NHWC", 3), ("NHWC", 1)])
def test_axes_without_any_size_are_found_by_running(bring: Bring, layout: str, channels: int) -> None:
    """The weights behind the first layer take one form and fail on the others."""
    model = color_classifier(layout=layout, channels=channels, open_axes=True)
    added = bring(model, size=(8, 8))
    assert (added.manifest.input.layout, added.manifest.input.channels) == (layout, channels)
    assert f"layout {layout} with {channels} channel(s): the only one of 4 that runs" in added.notes.found


def test_what_is_only_tried_leaves_no_lines_of_the_runtime_behind(
    bring: Bring, capfd: pytest.CaptureFixture[str]
) -> None:
    """Forms that fail are expected to; one message tells what was found."""
    bring(color_classifier(layout="NHWC", open_axes=True), size=(8, 8))
    assert capfd.readouterr() == ("", "")


def test_the_name_of_an_axis_says_that_it_is_the_channels(bring: Bring) -> None:
    """Hugging Face's exporter leaves every size open and names the axes."""
    model = color_classifier(size=("height", "width"))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "num_channels"
    added = bring(model)
    assert (added.manifest.input.layout, added.manifest.input.channels) == ("NCHW", 3)
    assert "layout NCHW with 3 channel(s): the only one of 2 that runs" in added.notes.found


def test_where_several_layouts_run_the_likeliest_is_assumed(bring: Bring) -> None:
    """Pictures of three rows fit both ways; --layout decides."""
    model = color_classifier(size=(3, 3))
    added = bring(model)
    assert added.manifest.input.layout == "NCHW"
    assert [each.text for each in added.notes.assumed if each.flag == "--layout, --colour"] == [
        "layout NCHW with 3 channel(s), the likeliest of 2 that run"
    ]
    assert bring(model, layout="NHWC").manifest.input.layout == "NHWC"


@pytest.mark.parametrize(("layout", "channels"), [("NHW", 1), ("NHWC", 3), ("NCHW", 3)])
def test_a_file_that_says_nothing_of_its_axes_is_told(bring: Bring, layout: str, channels: int) -> None:
    """--layout and --size are enough."""
    model = color_classifier(layout=layout, channels=channels)
    model.graph.input[0].type.tensor_type.ClearField("shape")
    added = bring(model, layout=layout, size=(8, 8))
    assert (added.manifest.input.layout, added.manifest.input.channels) == (layout, channels)


@pytest.mark.parametrize(
    ("ending", "holds"),
    [("softmax", "probabilities"), ("shares", "probabilities"), ("logits", "logits"), ("log_softmax", "logits")],
)
def test_softmax_inside_or_outside_gives_the_same_probabilities(
    bring: Bring, labels_file: MakeLabels, ending: str, holds: str
) -> None:
    """Where the graph does not say it, its numbers do; nobody has to know."""
    added = bring(color_classifier(ending=ending), labels=labels_file(*RGB))
    assert added.manifest.output.holds == holds
    expected = np.exp([10, 0, 0]) / np.exp([10, 0, 0]).sum()
    np.testing.assert_allclose(loaded(added.stored).classify(picture("red")).probabilities, expected, atol=1e-6)


@pytest.mark.parametrize("ending", ["sigmoid", "logit"])
def test_one_number_tells_two_classes_apart(bring: Bring, labels_file: MakeLabels, ending: str) -> None:
    """With its sigmoid inside or without: the first label is that near 0."""
    added = bring(color_classifier(ending=ending), labels=labels_file("dark", "bright"))
    assert added.manifest.output.holds == ending
    assert answers(added, "black", "white") == ["dark", "bright"]
    grey = loaded(added.stored).classify(picture((128, 128, 128))).probabilities
    np.testing.assert_allclose(grey, [0.49, 0.51], atol=0.01)


def test_sigmoids_of_several_classes_are_said_to_be_no_shares(bring: Bring, labels_file: MakeLabels) -> None:
    """They are divided by their sum, which is an assumption."""
    added = bring(color_classifier(ending="sigmoids"), labels=labels_file(*RGB))
    assert [each.flag for each in added.notes.assumed if "sigmoids" in each.text] == ["--holds"]
    assert answers(added, *RGB) == list(RGB)


def test_labels_come_from_the_files_own_metadata(bring: Bring) -> None:
    """As Ultralytics writes them: a Python dictionary under `names`."""
    added = bring(color_classifier(metadata={"names": "{0: 'red', 1: 'green', 2: 'blue'}", "license": "MIT"}))
    assert added.manifest.labels == RGB
    assert added.manifest.license == "MIT"
    assert not any("--labels" in each.flag for each in added.notes.assumed)


def test_without_labels_classes_are_numbered_and_that_is_said(bring: Bring) -> None:
    """`class_0` and so on; also where the metadata names another number of classes."""
    added = bring(color_classifier(metadata={"labels": "cat, dog"}))
    assert added.manifest.labels == ("class_0", "class_1", "class_2")
    assert Assumption("labels class_0, class_1, class_2", "--labels FILE") in added.notes.assumed
    assert "the file's own metadata names 2 classes, and the network tells 3 apart" in added.notes.found


def test_a_background_class_in_front_is_explained_and_can_be_named(bring: Bring, labels_file: MakeLabels) -> None:
    """The 1001 classes of a network and the 1000 names of a file."""
    model, labels = color_classifier(background=True), labels_file(*RGB)
    with pytest.raises(ArtifactError, match=r"names 3 classes .* tells 4 apart; .* --background-class"):
        bring(model, labels=labels)
    added = bring(model, labels=labels, background_class="background")
    assert added.manifest.labels == ("background", *RGB)
    assert answers(added, *RGB) == list(RGB)


def test_a_background_name_too_many_is_explained(bring: Bring, labels_file: MakeLabels) -> None:
    """The 1000 classes of a network and the 1001 names of a file."""
    with pytest.raises(ArtifactError, match="leave out the first name, 'background'"):
        bring(color_classifier(), labels=labels_file("background", *RGB))


def test_one_of_several_outputs_is_chosen_by_name(bring: Bring, labels_file: MakeLabels) -> None:
    """Without a choice all of them are listed."""
    with pytest.raises(ArtifactError, match=r"2 outputs \('answer' float32 \[n, 3\], .*choose one with --output"):
        bring(several_outputs())
    assert answers(bring(several_outputs(), output="answer", labels=labels_file(*RGB)), "green") == ["green"]


def test_what_was_assumed_stands_in_manifest_card_and_result(bring: Bring) -> None:
    """The manifest that is read back says what the command said."""
    added = bring(color_classifier())
    manifest = load_manifest(added.stored.folder / "manifest.json")
    assert manifest == added.manifest
    assert manifest.assumed == tuple(map(str, added.notes.assumed))
    flags = " ".join(each.flag for each in added.notes.assumed)
    for flag in ("--labels", "--colour", "--scale", "--mean", "--std", "--resize", "--interpolation"):
        assert flag in flags
    text = (added.stored.folder / "README.md").read_text(encoding="utf-8")
    assert all(each in text for each in manifest.assumed)


def test_strictness_refuses_what_would_be_assumed_and_takes_what_is_told(
    bring: Bring, labels_file: MakeLabels, tmp_path: Path
) -> None:
    """The refusal names every flag; with all of them nothing is assumed."""
    with pytest.raises(ArtifactError, match=r"--strict refuses .*--scale.*--labels") as refusal:
        bring(color_classifier(), strict=True)
    assert "--preset" in str(refusal.value)
    assert not (tmp_path / "models").exists()
    told = {"resize": "exact", "interpolation": "bicubic", "colour": "RGB", "scale": 1 / 255, "mean": (0.0,)}
    added = bring(color_classifier(), strict=True, labels=labels_file(*RGB), std=(1.0,), **told)
    assert added.manifest.assumed == ()
    assert bring(color_classifier(), strict=True, labels=labels_file(*RGB), preset="torchvision").manifest.assumed == ()


def test_versions_follow_each_other_and_a_taken_one_is_refused(bring: Bring, tmp_path: Path) -> None:
    """The next free number is taken; --version takes a free one of choice."""
    assert [bring(color_classifier()).stored.version for _ in range(2)] == [1, 2]
    assert bring(color_classifier(), version=7).stored.version == 7
    assert bring(color_classifier()).stored.version == 8
    before = (tmp_path / "models/colors/7/manifest.json").read_bytes()
    with pytest.raises(ArtifactError, match="colors/7: exists, and a version never changes"):
        bring(color_classifier(), version=7)
    assert (tmp_path / "models/colors/7/manifest.json").read_bytes() == before


def test_the_picture_that_was_told_becomes_the_golden_sample(bring: Bring, tmp_path: Path) -> None:
    """It is kept with the model, and pinned."""
    sample = tmp_path / "mine.PNG"
    sample.write_bytes(picture("green"))
    added = bring(color_classifier(), picture=sample)
    (golden,) = added.manifest.golden
    assert (added.stored.folder / golden.file).read_bytes() == picture("green")
    assert golden.file == "samples/picture.png"
    assert golden.probabilities["fp32"][1] > 0.9  # this green is half as bright as can be


def test_metadata_that_is_no_list_of_names_is_passed_over(bring: Bring) -> None:
    """Exporters note many things."""
    notes = {"names": "{0: open('x')}", "classes": "3", "labels": json.dumps({"a": "b"}), "id2label": "{" * 5000}
    assert bring(color_classifier(metadata=notes)).manifest.labels[0] == "class_0"


def test_a_batch_that_the_network_only_pretends_to_take_is_found_out(bring: Bring, labels_file: MakeLabels) -> None:
    """Declared for any number, made for one: pictures go one by one."""
    model = color_classifier(ending="logits")
    model.graph.node[-1].output[0] = "free"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 3], dtype=np.int64), "shape"))
    model.graph.node.append(onnx.helper.make_node("Reshape", ["free", "shape"], ["answer"]))
    added = bring(model, labels=labels_file(*RGB))
    assert added.manifest.input.batch == 1
    assert any("one picture a run: a batch of four fails" in text for text in added.notes.found)
    assert answers(added, *RGB) == list(RGB)


def test_a_network_that_answers_for_its_first_picture_only_gets_one_at_a_time(bring: Bring) -> None:
    """Twelve numbers for four pictures would be three for each."""
    model = many_classes(12)
    model.graph.node[-1].output[0] = "free"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0], dtype=np.int64), "first"))
    model.graph.node.append(onnx.helper.make_node("Gather", ["free", "first"], ["answer"], axis=0))
    added = bring(model)
    assert added.manifest.input.batch == 1
    assert "one picture a run: a batch of four gives answers of another length" in added.notes.found


def test_answers_that_depend_on_company_are_given_alone(bring: Bring, labels_file: MakeLabels) -> None:
    """A network that subtracts the average of its batch answers every picture by itself."""
    model = color_classifier(ending="logits")
    model.graph.node[-1].output[0] = "free"
    model.graph.node.append(onnx.helper.make_node("ReduceMax", ["free"], ["most"], axes=[0], keepdims=1))
    model.graph.node.append(onnx.helper.make_node("Mul", ["free", "most"], ["answer"]))
    added = bring(model, labels=labels_file(*RGB))
    assert added.manifest.input.batch == 1
    assert any("in a batch its probabilities change" in text for text in added.notes.found)
    classifier = loaded(added.stored)
    alone = classifier.classify(picture("red")).probabilities
    in_company = classifier.classify_each([Sent(picture(color)) for color in ("red", "white")], alone=False)[0]
    np.testing.assert_array_equal(in_company.probabilities, alone)  # type: ignore[union-attr]  # it does not fail


def test_a_version_with_other_classes_than_the_one_before_is_warned_of(bring: Bring, labels_file: MakeLabels) -> None:
    """A name that is taken already is often a mistake, and its callers would notice first."""
    assert not any("WARNING" in text for text in bring(color_classifier(), labels=labels_file(*RGB)).notes.found)
    assert not any("WARNING" in text for text in bring(color_classifier(), labels=labels_file(*RGB)).notes.found)
    added = bring(color_classifier(), labels=labels_file("cat", "dog", "fox"))
    assert "WARNING: version 2 of colors tells other classes apart" in added.notes.found


def test_a_network_that_looks_at_nothing_is_added_with_a_warning(bring: Bring) -> None:
    """The same answer for black, white, noise and a slope."""
    model = color_classifier()
    for weight in model.graph.initializer:
        weight.CopyFrom(onnx.numpy_helper.from_array(np.zeros_like(onnx.numpy_helper.to_array(weight)), weight.name))
    assert any("WARNING" in text for text in bring(model).notes.found)
