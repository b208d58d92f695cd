"""A version folder becomes a model that answers only after it has reproduced its own publication."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from service.artifact import GoldenSample, Manifest, Output, dump_manifest
from service.engine.predictor import Classifier
from service.errors import InferenceError, ManifestError, ProviderUnavailableError, VerificationError
from service.repository.live_model import LiveModel
from service.repository.loading import Loader, _run_time
from service.repository.store import StoredVersion
from service.telemetry.metrics import Metrics
from tests.model_folders import COLORS, color_network, picture, write_model
from tests.service.engine.gates import Clock
from tests.service.repository.conftest import House

MakeLoader = Callable[..., Loader]


def stored(models_dir: Path) -> StoredVersion:
    """Name the folder that `write_model` writes."""
    return StoredVersion("colors", 1, models_dir / "colors" / "1")


def golden(manifest: Manifest, **changes: object) -> tuple[GoldenSample, ...]:
    """Change the first golden sample of a manifest."""
    first, *rest = manifest.golden
    return (replace(first, **changes), *rest)  # type: ignore[arg-type]  # fields of the sample


def rewrite(models_dir: Path, manifest: Manifest, **changes: object) -> None:
    """Publish the same files under a changed manifest."""
    changed = replace(manifest, **changes)  # type: ignore[arg-type]  # fields of the manifest
    (models_dir / "colors" / "1" / "manifest.json").write_bytes(dump_manifest(changed))


def test_a_published_model_is_loaded_and_answers_as_published(tmp_path: Path, make_loader: MakeLoader) -> None:
    """Its manifest, its file, its provider and its answers are all there."""
    manifest = write_model(tmp_path)
    model = make_loader().load(stored(tmp_path))
    assert isinstance(model, LiveModel)
    assert model.manifest == manifest
    assert model.variant == manifest.variants[0]
    assert model.provider == "cpu"
    answer = model.classifier.classify(picture("blue"))
    assert COLORS[int(answer.probabilities.argmax())] == "blue"


def test_loading_and_warming_up_are_timed_and_the_run_time_is_measured(tmp_path: Path, make_loader: MakeLoader) -> None:
    """Three times that really passed: the run is a part of the warm-up."""
    write_model(tmp_path)
    model = make_loader().load(stored(tmp_path))
    assert model.load_s > 0
    assert 0 < model.lane.run_s < model.warmup_s


@pytest.mark.parametrize(("run_s", "runs"), [(0.001, 5), (0.4, 3), (10.0, 1)])
def test_a_slow_model_is_not_run_for_minutes_before_it_is_ready(tmp_path: Path, run_s: float, runs: int) -> None:
    """Five runs, or as many as fill a second."""
    manifest, clock, run = write_model(tmp_path, golden=()), Clock(), []

    def take_time(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        clock.now_s += run_s
        run.append(batch)
        return batch

    classifier = SimpleNamespace(
        session=SimpleNamespace(run=take_time), blank_batch=lambda: np.zeros(1), probabilities_of=lambda values: values
    )
    assert _run_time(cast("Classifier", classifier), manifest, stored(tmp_path), clock=clock) == pytest.approx(run_s)
    assert len(run) == runs


@pytest.mark.parametrize(("deadline_ms", "told"), [(1, True), (24 * 3600 * 1000, False)])
def test_a_model_that_cannot_meet_the_deadline_is_told_of(
    tmp_path: Path, make_loader: MakeLoader, caplog: pytest.LogCaptureFixture, deadline_ms: int, *, told: bool
) -> None:
    """Every request to it will time out, and the log says why before the first one does."""
    write_model(tmp_path, network=color_network(busy_work=20), golden=())
    make_loader(deadline_ms=deadline_ms).load(stored(tmp_path))
    assert ("CONVSERVE_DEADLINE_MS" in caplog.text) is told


def test_a_model_without_samples_is_warmed_up_with_a_blank_picture(tmp_path: Path, make_loader: MakeLoader) -> None:
    """Nothing can be verified, but the network has run before the first request."""
    write_model(tmp_path, golden=())
    assert make_loader().load(stored(tmp_path)).lane.run_s > 0


def test_a_model_that_does_not_reproduce_its_sample_is_refused_with_the_difference(
    tmp_path: Path, make_loader: MakeLoader
) -> None:
    """The sample, the size of the difference, the provider and what was allowed: all that helps to find out why."""
    manifest = write_model(tmp_path)
    red, green, blue = manifest.golden[0].probabilities["fp32"]
    other = {"fp32": (red - 0.25, green + 0.25, blue)}
    rewrite(tmp_path, manifest, golden=golden(manifest, probabilities=other))
    with pytest.raises(VerificationError, match=r"differ by 0\.25 .* on cpu; 0\.0001 is allowed") as caught:
        make_loader().load(stored(tmp_path))
    assert caught.value.path == tmp_path / "colors" / "1" / "samples" / "red.png"


@pytest.mark.parametrize(("difference", "passes"), [(0.9e-4, True), (1.1e-4, False)])
def test_the_tolerance_of_the_sample_decides(
    tmp_path: Path, make_loader: MakeLoader, difference: float, passes: bool
) -> None:
    """A sample with a tolerance of 1e-4 takes what lies within and nothing more."""
    manifest = write_model(tmp_path)
    red, green, blue = manifest.golden[0].probabilities["fp32"]
    near = {"fp32": (red - difference, green, blue)}
    rewrite(tmp_path, manifest, golden=golden(manifest, probabilities=near))
    if passes:
        assert make_loader().load(stored(tmp_path)).manifest.golden[0].probabilities == near
    else:
        with pytest.raises(VerificationError):
            make_loader().load(stored(tmp_path))


def test_every_sample_counts_and_not_only_the_first(tmp_path: Path, make_loader: MakeLoader) -> None:
    """A wrong last sample refuses the model too."""
    manifest = write_model(tmp_path)
    wrong = replace(manifest.golden[-1], probabilities={"fp32": (1.0, 0.0, 0.0)})
    rewrite(tmp_path, manifest, golden=(*manifest.golden[:-1], wrong))
    with pytest.raises(VerificationError, match=r"blue\.png"):
        make_loader().load(stored(tmp_path))


def test_a_sample_that_is_no_picture_is_refused_with_the_reason(tmp_path: Path, make_loader: MakeLoader) -> None:
    """The decoder's words say what is wrong with it."""
    manifest = write_model(tmp_path)
    path = tmp_path / "colors" / "1" / "samples" / "red.png"
    path.write_bytes(b"no picture")
    rewrite(tmp_path, manifest, golden=golden(manifest, sha256=hashlib.sha256(b"no picture").hexdigest()))
    with pytest.raises(VerificationError, match=r"red\.png: Pictures may be JPEG, .* no picture of a known format"):
        make_loader().load(stored(tmp_path))


def test_a_precision_that_was_not_published_is_refused_with_those_that_were(
    tmp_path: Path, make_loader: MakeLoader
) -> None:
    """The setting that asked for it is named."""
    write_model(tmp_path)
    with pytest.raises(ManifestError, match=r"has no int8 variant \(CONVSERVE_PRECISION\); it has fp32"):
        make_loader(precision="int8").load(stored(tmp_path))


def test_the_precision_that_is_asked_for_is_loaded(tmp_path: Path, make_loader: MakeLoader) -> None:
    """Of two variants the named one runs, and without a name the one listed first; each is held to its own sample."""
    manifest = write_model(tmp_path)
    data = color_network(sharpness=1.0)
    (tmp_path / "colors" / "1" / "model.int8.onnx").write_bytes(data)
    soft = replace(
        manifest.variants[0],
        file="model.int8.onnx",
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        precision="int8",
    )
    share = math.e / (math.e + 2)  # softmax of (1, 0, 0)
    rest = (1 - share) / 2
    expected = [(share, rest, rest), (rest, share, rest), (rest, rest, share)]
    samples = tuple(
        replace(sample, probabilities={**sample.probabilities, "int8": probabilities})
        for sample, probabilities in zip(manifest.golden, expected, strict=True)
    )
    # "green" of the sample pictures is (0, 128, 0): weaker than the others
    green = math.exp(128 / 255)
    middle = (1 / (green + 2), green / (green + 2), 1 / (green + 2))
    samples = (samples[0], replace(samples[1], probabilities={**samples[1].probabilities, "int8": middle}), samples[2])
    rewrite(tmp_path, manifest, variants=(*manifest.variants, soft), golden=samples)
    loaded = make_loader(precision="int8").load(stored(tmp_path))
    assert loaded.variant == soft
    np.testing.assert_allclose(loaded.classifier.classify(picture("red")).probabilities, expected[0], atol=1e-5)
    assert make_loader().load(stored(tmp_path)).variant.precision == "fp32"


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA"
)
def test_a_gpu_that_was_demanded_and_is_not_in_use_stops_loading(tmp_path: Path, make_loader: MakeLoader) -> None:
    """A silent fallback to the CPU is what `require_gpu` is there to prevent."""
    write_model(tmp_path)
    with pytest.raises(ProviderUnavailableError, match="cuda was demanded, but the runtime uses cpu"):
        make_loader(providers=("cuda",), require_gpu=True).load(stored(tmp_path))


@pytest.mark.skipif(
    "CUDAExecutionProvider" not in onnxruntime.get_available_providers(), reason="this ONNX Runtime has no CUDA"
)
def test_a_gpu_that_is_asked_for_and_there_is_used_and_reproduces_the_samples(
    tmp_path: Path, make_loader: MakeLoader
) -> None:
    """The provider of the settings reaches the runtime."""
    write_model(tmp_path)
    assert make_loader(providers=("cuda", "cpu"), require_gpu=True).load(stored(tmp_path)).provider == "cuda"


def test_the_pixel_limit_of_the_settings_holds_for_samples_too(tmp_path: Path, make_loader: MakeLoader) -> None:
    """What verifies the model takes the same way as what is asked of it."""
    write_model(tmp_path)
    with pytest.raises(VerificationError, match=r"red\.png: The picture has 8 x 8 = 64 pixels, and at most 63"):
        make_loader(max_pixels=63).load(stored(tmp_path))


def test_labels_that_do_not_fit_the_output_are_refused(tmp_path: Path, make_loader: MakeLoader) -> None:
    """Four labels for three outputs would name classes that do not exist; no sample is needed to see that."""
    write_model(tmp_path, labels=(*COLORS, "grey"), golden=())
    with pytest.raises(InferenceError, match="3 classes and has 4 labels"):
        make_loader().load(stored(tmp_path))


def test_a_wrong_tensor_name_is_refused(tmp_path: Path, make_loader: MakeLoader) -> None:
    """The manifest and the file must speak of the same tensors."""
    write_model(tmp_path, output=Output(tensor="logit", holds="logits"), golden=())
    with pytest.raises(InferenceError, match="no output tensor 'logit'; it has 'probabilities'"):
        make_loader().load(stored(tmp_path))


def test_a_queue_size_that_was_set_is_the_bound(tmp_path: Path, make_loader: MakeLoader) -> None:
    """Whatever the run time is."""
    write_model(tmp_path)
    lane = make_loader(queue_size=7).load(stored(tmp_path)).lane
    assert (lane.bound, lane.capacity) == (7, 7)
    lane.cost.fixed_s = 1000.0
    assert lane.bound == 7


def test_without_a_queue_size_the_run_time_bounds_the_queue(tmp_path: Path, make_loader: MakeLoader) -> None:
    """What two threads can do within nine tenths of the target latency of 500 ms, at 10 ms each, is ninety."""
    write_model(tmp_path)
    lane = make_loader(target_latency_ms=500).load(stored(tmp_path)).lane
    lane.cost.fixed_s = 0.01
    assert lane.bound == 90


def test_the_gauges_of_the_queue_show_the_lane_as_it_is_now(
    tmp_path: Path, make_house: Callable[..., House], metrics: Metrics
) -> None:
    """Depth and capacity are read when the metrics are, not when the model was loaded."""
    write_model(tmp_path)
    house = make_house()
    house.keeper.start_up()
    lane = house.registry.resolve("colors").lane
    lane.depth, lane.cost.fixed_s = 3, 0.033
    labels = {"model": "colors"}
    assert metrics.registry.get_sample_value("convserve_queue_depth", labels) == 3
    assert metrics.registry.get_sample_value("convserve_queue_capacity", labels) == lane.bound == 18
