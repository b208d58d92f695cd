"""What cannot be added is refused in words that say what it is, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from service.errors import ArtifactError, ConvserveError, InferenceError, InvalidParameterError, UnsafeModelError
from tests.foreign_networks import color_classifier, several_inputs, write
from tests.model_folders import color_network
from tests.service.adding.conftest import RGB, Bring

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 13370000\n"
GOOD = color_classifier().SerializeToString()


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path) -> Any:
    """No test here leaves a models folder."""
    yield
    assert not (tmp_path / "models").exists()


def bytes_in(tmp_path: Path, data: bytes) -> Path:
    """Write bytes under the name of a network."""
    path = tmp_path / "network.onnx"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "has 0 bytes; a download that failed"),
        (POINTER, "is a Git LFS pointer and not the file itself; run `git lfs pull`"),
        (b"PK\x03\x04" + bytes(40), "is a ZIP archive or a PyTorch checkpoint"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "is a Keras or HDF5 file"),
        (b"\x1f\x8b\x08" + bytes(40), "is compressed with gzip"),
        (b"\x80\x02}q\x00" + bytes(40), "is a Python pickle"),
        (b"\n<!DOCTYPE html><html>not found</html>", "is a page of HTML"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(40), "is a TensorFlow Lite model"),
        (b"\x1c\x00\x00\x00ORTM" + bytes(40), "is in ONNX Runtime's own format"),
        (b"This is no model, only text.", "is no ONNX model"),
        (GOOD[: len(GOOD) // 2], "is no ONNX model, or is cut short"),
        (GOOD[:-1], "is no ONNX model, or is cut short"),
        (
            onnx.ModelProto(ir_version=8, graph=onnx.GraphProto(name="no operators")).SerializeToString(),
            "without a single",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_something_else_is_named(bring: Bring, tmp_path: Path, data: bytes, reason: str) -> None:
    """The path and what it is."""
    with pytest.raises(ArtifactError) as refusal:
        bring(bytes_in(tmp_path, data))
    assert str(refusal.value).startswith(f"{tmp_path / 'network.onnx'}: ")
    assert reason in str(refusal.value)


def test_a_file_that_is_not_there_or_no_file_is_refused(bring: Bring, tmp_path: Path) -> None:
    """Also a folder and a device that never ends."""
    with pytest.raises(ArtifactError, match=r"cannot be read .No such file"):
        bring(tmp_path / "missing.onnx")
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(ArtifactError, match=r"is no file; name the .onnx file itself"):
            bring(path)


def test_weights_in_another_file_and_foreign_operators_are_refused(bring: Bring, tmp_path: Path) -> None:
    """They would make this process read and load what nobody looked at."""
    with pytest.raises(UnsafeModelError, match=r"external data.; export it into one file"):
        bring(bytes_in(tmp_path, color_network(external_data="weights.bin")))
    with pytest.raises(UnsafeModelError, match=r"needs operators of com.acme"):
        bring(bytes_in(tmp_path, color_network(domain="com.acme")))


def test_several_inputs_are_listed(bring: Bring) -> None:
    """A picture fills one of them."""
    with pytest.raises(ArtifactError, match=r"has 2 inputs \('image' float32 \[n, 3, 8, 8\], 'temperature' float32"):
        bring(several_inputs())


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (color_classifier(ending="argmax"), "gives class numbers; .* without ArgMax"),
        (color_classifier(dtype="float64"), r"'image' float64 \[n, 3, 8, 8\] is of a type that pictures are not given"),
    ],
    ids=["class numbers", "double"],
)
def test_numbers_of_another_kind_are_refused(bring: Bring, model: onnx.ModelProto, reason: str) -> None:
    """With the type that was found."""
    with pytest.raises(ArtifactError, match=reason):
        bring(model)


def reshaped(*shape: int | str) -> onnx.ModelProto:
    """Declare another shape of the input."""
    model = color_classifier()
    dims = model.graph.input[0].type.tensor_type.shape
    del dims.dim[:]
    for size in shape:
        dims.dim.add(**({"dim_value": size} if isinstance(size, int) else {"dim_param": size}))
    return model


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (("n", 192), "has 2 axes"),
        (("n", 3, 8, 8, 8), "has 5 axes"),
        (("n", 4, 8, 8), "no axis of 1 or 3 channels"),
        ((3, 8, 8), "no axis for the pictures of a batch"),
        ((8, 8, 3), "no axis for the pictures of a batch"),
    ],
)
def test_shapes_that_no_picture_has_are_refused(bring: Bring, shape: tuple[int | str, ...], reason: str) -> None:
    """Flattened rows, videos, four channels, one picture without a batch."""
    with pytest.raises(ArtifactError, match=reason):
        bring(reshaped(*shape))


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"name": "Colors"}, "--name must be .*, not 'Colors'"),
        ({"name": "../up"}, "--name must be"),
        ({"name": ""}, "--name must be"),
        ({"name": "a" * 65}, "--name must be"),
        ({"size": (9, 8)}, "--size must be 8 rows, which the input 'image' .* fixes, not '9x8'"),
        ({"layout": "NHWC"}, "--layout must be one that fits the input 'image'"),
        ({"colour": "L"}, "--colour must be one that fits"),
        ({"mean": (0.5, 0.5)}, "--mean must be 3"),
        ({"preset": "keras"}, "--preset must be one of keras-caffe, .*torchvision-v2, not 'keras'"),
        ({"output": "logits"}, "--output must be an output of the network: 'answer' float32"),
        ({"holds": "sigmoid"}, "--holds must be probabilities or logits for several numbers"),
        ({"shorter_side": 4}, "--resize must be 8 at least"),
        ({"resize": "exact", "crop": "center"}, "--crop must be"),
        ({"resize": "exact", "crop_share": 0.9}, "--crop must be"),
        ({"resize": "shorter_side", "crop": "none"}, "--crop must be"),
        ({"scale": -1.0}, "the preprocessing must be free of contradictions"),
        ({"std": (0.0,)}, "the preprocessing must be free of contradictions"),
        ({"background_class": "none"}, "--background-class must be given together with --labels"),
    ],
    ids=str,
)
def test_flags_that_contradict_the_file_or_each_other_are_refused(
    bring: Bring, flags: dict[str, Any], reason: str
) -> None:
    """With the flag, what it may be, and what it was."""
    with pytest.raises(InvalidParameterError, match=reason):
        bring(color_classifier(), **flags)


def test_bytes_cannot_be_scaled(bring: Bring) -> None:
    """A network of uint8 takes pixels as they are."""
    with pytest.raises(InvalidParameterError, match="--mean must be left out"):
        bring(color_classifier(dtype="uint8"), mean=(0.5,))


def test_labels_of_another_length_or_none_are_refused(bring: Bring, labels_file: Callable[..., Path]) -> None:
    """Both numbers, and the names by which the file is recognised."""
    with pytest.raises(ArtifactError, match=r"names 5 classes \(a, b ... e\), and the network tells 3 apart$"):
        bring(color_classifier(), labels=labels_file(*"abcde"))
    with pytest.raises(ArtifactError, match="holds one name"):
        bring(color_classifier(ending="sigmoid"), labels=labels_file("cat"))


def test_a_background_that_is_named_already_is_refused(bring: Bring, labels_file: Callable[..., Path]) -> None:
    """It would stand in the list twice."""
    with pytest.raises(ArtifactError, match=r"names 'red' already; leave --background-class out"):
        bring(color_classifier(background=True), labels=labels_file(*RGB), background_class="red")


def test_a_file_larger_than_any_message_may_be_is_refused_unread(bring: Bring, tmp_path: Path) -> None:
    """Two gigabytes and a byte, none of which is on the disk."""
    path = tmp_path / "network.onnx"
    with path.open("wb") as stream:
        stream.truncate(2 * 2**30 + 1)
    with pytest.raises(ArtifactError, match="has 2147483649 bytes, and one ONNX file may have 2147483648"):
        bring(path)


@pytest.mark.parametrize(
    "shape", [(1, 3, 100_000, 100_000), (10**6, 3, 224, 224), ("n", 3, 8193, 1), (2**62, 3, 8, 8)], ids=str
)
def test_an_input_that_no_memory_holds_is_refused_before_it_is_made(bring: Bring, shape: tuple[int | str, ...]) -> None:
    """Sides and batches beyond anything that is served."""
    with pytest.raises(ArtifactError, match=r"is too large: one run with .* are the most"):
        bring(reshaped(*shape))


def test_a_network_without_an_input_is_refused(bring: Bring) -> None:
    """A constant answers nothing."""
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Constant", [], ["answer"], value_floats=[0.5, 0.5])],
        "constant",
        [],
        [onnx.helper.make_tensor_value_info("answer", onnx.TensorProto.FLOAT, [2])],
    )
    with pytest.raises(ArtifactError, match="has no input, and a classifier takes pictures"):
        bring(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8))


@pytest.mark.parametrize(("kind", "reason"), [(2, "is quantised; .* DequantizeLinear"), (8, "is string; prob")])
def test_answers_of_another_type_are_refused(bring: Bring, kind: int, reason: str) -> None:
    """Bytes without their scale, and texts."""
    model = color_classifier()
    model.graph.output[0].type.tensor_type.elem_type = kind
    with pytest.raises(ArtifactError, match=reason):
        bring(model)


def test_a_picture_that_is_missing_or_too_large_is_refused(bring: Bring, tmp_path: Path) -> None:
    """Before it is read."""
    sample = tmp_path / "mine.png"
    with pytest.raises(ArtifactError, match="cannot be read"):
        bring(color_classifier(), picture=sample)
    with sample.open("wb") as stream:
        stream.truncate(21 * 2**20)
    with pytest.raises(ArtifactError, match="a smaller picture will do"):
        bring(color_classifier(), picture=sample)


def test_a_picture_that_cannot_be_read_is_refused(bring: Bring, tmp_path: Path) -> None:
    """The sample is one that requests may send."""
    sample = tmp_path / "mine.png"
    sample.write_bytes(b"no picture")
    with pytest.raises(ArtifactError, match=r"mine.png: .*Known formats: .*JPEG"):
        bring(color_classifier(), picture=sample)


def test_a_network_that_the_runtime_refuses_says_why(bring: Bring) -> None:
    """An operator that does not exist."""
    model = color_classifier()
    model.graph.node[-1].op_type = "Softmaxx"
    with pytest.raises(InferenceError, match=r"does not load the network: .*Softmaxx"):
        bring(model)


def test_a_network_that_gives_no_numbers_is_refused(bring: Bring) -> None:
    """The logarithm of nothing, for a black picture."""
    model = color_classifier(ending="logits")
    model.graph.node[-1].output[0] = "plain"
    model.graph.node.append(onnx.helper.make_node("Log", ["plain"], ["answer"]))
    with pytest.raises(InferenceError, match="values that are no numbers"):
        bring(model)


def test_an_assumed_size_that_does_not_fit_is_said(bring: Bring) -> None:
    """The runtime's words about shapes do not name the flag."""
    model = color_classifier(size=("h", "w"))
    model.graph.node[0].op_type = "MaxPool"
    model.graph.node[0].attribute.add(name="kernel_shape", ints=[8, 8], type=onnx.AttributeProto.INTS)
    with pytest.raises(InferenceError, match=r"224x224 was assumed because the file leaves the size open; give --size"):
        bring(model)


def test_answers_that_depend_on_company_in_a_fixed_batch_are_refused(
    bring: Bring, labels_file: Callable[..., Path]
) -> None:
    """Nothing can be put beside a picture that would leave its answer alone."""
    model = color_classifier(ending="logits", batch=4)
    model.graph.node[-1].output[0] = "free"
    model.graph.node.append(onnx.helper.make_node("ReduceMax", ["free"], ["most"], axes=[0], keepdims=1))
    model.graph.node.append(onnx.helper.make_node("Mul", ["free", "most"], ["answer"]))
    with pytest.raises(
        InferenceError,
        match=r"takes 4 pictures at a time, and in a batch its probabilities change by up to .*; export it",
    ):
        bring(model, labels=labels_file(*RGB))


@pytest.mark.parametrize("cut", range(0, len(GOOD), 41))
def test_a_file_cut_anywhere_is_refused_by_name(bring: Bring, tmp_path: Path, cut: int) -> None:
    """Whatever remains is refused, by our words and not by a crash."""
    with pytest.raises(ConvserveError):
        bring(bytes_in(tmp_path, GOOD[:cut]))


def test_a_damaged_type_is_refused_by_name(bring: Bring, tmp_path: Path) -> None:
    """Nobody had looked into the inputs before."""
    model = color_classifier()
    data = write(model, tmp_path / "good.onnx").read_bytes()
    kind = model.graph.input[0].type.SerializeToString()
    broken = data.replace(kind, b"\x0a\x7f" + kind[2:], 1)
    assert broken != data
    with pytest.raises(UnsafeModelError, match="is a damaged ONNX model"):
        bring(bytes_in(tmp_path, broken))
