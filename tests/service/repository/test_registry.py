"""The newest good version of each model answers; what is wrong with the others can be read, and harms nobody else."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from service.errors import (
    ConfigurationError,
    ModelNotReadyError,
    NoDefaultModelError,
    ProviderUnavailableError,
    UnknownModelError,
    UnknownVersionError,
    VersionNotLoadedError,
)
from service.repository.live_model import LiveModel, State
from service.repository.loading import Loader
from service.repository.store import StoredVersion
from service.telemetry.metrics import Metrics
from tests.model_folders import color_network, write_model
from tests.service.repository.conftest import House

MakeHouse = Callable[..., House]
MakeLoader = Callable[..., Loader]


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Read one series."""
    return metrics.registry.get_sample_value(f"convserve_{name}", labels)


def test_the_newest_version_of_every_model_answers(tmp_path: Path, make_house: MakeHouse) -> None:
    """Older versions stay on disk and are not loaded."""
    for name, version in (("apple", 1), ("apple", 2), ("pear", 1)):
        write_model(tmp_path, name=name, version=version)
    house = make_house()
    registry = house.registry
    house.keeper.start_up()
    assert registry.resolve("apple").manifest.version == 2
    assert registry.resolve("pear", 1).manifest.name == "pear"
    assert registry.find("apple").versions[1].state is State.AVAILABLE
    assert registry.find("apple").state is State.READY
    assert registry.waiting_for() == []


def test_before_loading_a_model_is_loading_and_says_when_to_come_back(tmp_path: Path, make_house: MakeHouse) -> None:
    """It exists, so it is not unknown; it cannot answer, so it is unavailable for seconds."""
    write_model(tmp_path, name="apple")
    house = make_house()
    registry = house.registry
    for version in (None, 1):
        with pytest.raises(ModelNotReadyError) as caught:
            registry.resolve("apple", version)
        assert 0 < caught.value.retry_after_s < 10
    assert registry.find("apple").state is State.LOADING
    assert registry.waiting_for() == ["model apple is loading"]


def test_a_refused_newest_version_leaves_the_older_one_answering(
    tmp_path: Path, make_house: MakeHouse, metrics: Metrics
) -> None:
    """A bad publication never takes a good model away, and its reason can be read."""
    write_model(tmp_path, version=1)
    write_model(tmp_path, version=2)
    (tmp_path / "colors" / "2" / "model.onnx").write_bytes(bytes(len(color_network())))
    house = make_house()
    registry = house.registry
    house.keeper.start_up()
    assert registry.resolve("colors").manifest.version == 1
    refused = registry.find("colors").versions[2]
    assert refused.state is State.REFUSED
    assert "sha256" in refused.reason
    assert refused.model is None
    assert registry.find("colors").state is State.READY
    assert value(metrics, "model_ready", model="colors", version="2") == 0
    assert value(metrics, "model_ready", model="colors", version="1") == 1


def test_a_model_whose_versions_are_all_refused_is_refused(
    tmp_path: Path, make_house: MakeHouse, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    """It stays known, unavailable until somebody mends it, and the log names the file."""
    write_model(tmp_path, network=color_network(external_data="w.bin"), golden=())
    house = make_house()
    registry = house.registry
    house.keeper.start_up()
    assert registry.find("colors").state is State.REFUSED
    assert registry.waiting_for() == ["model colors is refused"]
    for version in (None, 1):
        with pytest.raises(ModelNotReadyError) as caught:
            registry.resolve("colors", version)
        assert caught.value.state == "refused"
        assert caught.value.retry_after_s >= 10
    assert value(metrics, "model_ready", model="colors", version="1") == 0
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert str(tmp_path) in record.__dict__["convserve_fields"]["reason"]


def break_manifest(folder: Path) -> None:
    """Add an unknown key."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "extra": 1}))


def remove_network(folder: Path) -> None:
    """Lose the network."""
    (folder / "model.onnx").unlink()


def remove_sample(folder: Path) -> None:
    """Lose a sample."""
    (folder / "samples" / "red.png").unlink()


@pytest.mark.parametrize(
    ("damage", "settings", "reason"),
    [
        (break_manifest, {}, "manifest.json: extra: Unexpected keyword argument"),
        (remove_network, {}, "model.onnx: cannot be read (No such file or directory)"),
        (remove_sample, {}, "samples/red.png: cannot be read (No such file or directory)"),
        (lambda _: None, {"precision": "int8"}, "has no int8 variant (CONVSERVE_PRECISION); it has fp32"),
    ],
)
def test_a_reason_shows_what_is_wrong_and_not_where_it_lies(
    tmp_path: Path,
    make_house: MakeHouse,
    damage: Callable[[Path], None],
    settings: dict[str, Any],
    reason: str,
) -> None:
    """Callers see the file inside the model folder, never a path of this machine."""
    write_model(tmp_path)
    damage(tmp_path / "colors" / "1")
    house = make_house(**settings)
    registry = house.registry
    house.keeper.start_up()
    assert registry.find("colors").versions[1].reason == reason


def test_one_bad_model_keeps_no_other_from_loading(tmp_path: Path, make_house: MakeHouse) -> None:
    """Before and after it in the alphabet."""
    for name in ("a", "m", "z"):
        write_model(tmp_path, name=name)
    break_manifest(tmp_path / "m" / "1")
    house = make_house()
    registry = house.registry
    house.keeper.start_up()
    assert [model.state for model in registry.models.values()] == [State.READY, State.REFUSED, State.READY]
    assert registry.waiting_for() == ["model m is refused"]


class OddLoader(Loader):
    """Fails on one model as nobody foresaw."""

    def load(self, stored: StoredVersion) -> LiveModel:
        """Load, or divide by zero."""
        if stored.name == "m":
            raise ZeroDivisionError(f"in {stored.folder}")
        return super().load(stored)


def test_an_unforeseen_failure_refuses_its_model_and_keeps_no_other_from_loading(
    tmp_path: Path, make_house: MakeHouse, make_loader: MakeLoader, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is a constant text; the traceback is in the log."""
    for name in ("a", "m", "z"):
        write_model(tmp_path, name=name)
    plain = make_loader()
    house = make_house(loader=OddLoader(plain.settings, plain.scheduler, plain.series))
    registry = house.registry
    house.keeper.start_up()
    assert [model.state for model in registry.models.values()] == [State.READY, State.REFUSED, State.READY]
    reason = registry.find("m").versions[1].reason
    assert "the log has the details" in reason
    assert str(tmp_path) not in reason
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


def test_while_an_older_version_is_tried_the_model_is_loading_and_not_refused(
    tmp_path: Path, make_house: MakeHouse, make_loader: MakeLoader
) -> None:
    """Callers come back in seconds rather than minutes."""
    write_model(tmp_path, version=1)
    write_model(tmp_path, version=2)
    break_manifest(tmp_path / "colors" / "2")
    states: list[State] = []

    class WatchingLoader(Loader):
        def load(self, stored: StoredVersion) -> LiveModel:
            states.append(registry.find("colors").state)
            return super().load(stored)

    plain = make_loader()
    house = make_house(loader=WatchingLoader(plain.settings, plain.scheduler, plain.series))
    registry = house.registry
    house.keeper.start_up()
    assert states == [State.LOADING, State.LOADING]
    assert registry.find("colors").state is State.READY


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA"
)
def test_a_gpu_that_was_demanded_and_is_not_there_stops_the_service(tmp_path: Path, make_house: MakeHouse) -> None:
    """This is no matter of one model."""
    write_model(tmp_path)
    house = make_house(providers=("cuda",), require_gpu=True)
    registry = house.registry
    with pytest.raises(ProviderUnavailableError):
        house.keeper.start_up()
    assert registry.find("colors").live is None


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA"
)
def test_a_fallback_to_the_cpu_is_told_in_metrics_and_log(
    tmp_path: Path, make_house: MakeHouse, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    """Asked for CUDA and running on the CPU: an alert can fire, and the log says what was wanted and what is used."""
    write_model(tmp_path)
    make_house(providers=("cuda", "cpu")).keeper.start_up()
    assert value(metrics, "provider_fallback", model="colors") == 1
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    fields = record.__dict__["convserve_fields"]
    assert (fields["model"], fields["wanted"], fields["used"]) == ("colors", "cuda", "cpu")


def test_what_is_loaded_can_be_read_in_the_metrics(tmp_path: Path, make_house: MakeHouse, metrics: Metrics) -> None:
    """File, precision and provider in one info series, and the times of loading and warming up."""
    manifest = write_model(tmp_path)
    make_house().keeper.start_up()
    key = {"model": "colors", "version": "1"}
    info = {**key, "sha256": manifest.variants[0].sha256, "precision": "fp32", "provider": "cpu"}
    assert value(metrics, "model_info", **info) == 1
    assert value(metrics, "model_ready", **key) == 1
    assert value(metrics, "provider_fallback", model="colors") == 0
    load_s, warmup_s = value(metrics, "model_load_seconds", **key), value(metrics, "model_warmup_seconds", **key)
    assert load_s is not None
    assert warmup_s is not None
    assert min(load_s, warmup_s) > 0


def test_a_loaded_model_is_told_in_the_log(
    tmp_path: Path, make_house: MakeHouse, caplog: pytest.LogCaptureFixture
) -> None:
    """Once per model, with what an operator asks first."""
    caplog.set_level(logging.INFO, "convserve")
    write_model(tmp_path, assumed=("scale",))
    make_house().keeper.start_up()
    (record,) = caplog.records
    fields = record.__dict__["convserve_fields"]
    assert record.getMessage() == "model ready"
    assert (fields["model"], fields["version"], fields["provider"], fields["precision"]) == ("colors", 1, "cpu", "fp32")
    assert fields["assumed"] == ["scale"]
    assert min(fields["load_s"], fields["warmup_s"], fields["run_s"], fields["capacity"]) > 0


def test_an_older_version_on_disk_is_told_apart_from_an_unknown_one(tmp_path: Path, make_house: MakeHouse) -> None:
    """Version 1 is there and not loaded, version 7 is not there."""
    write_model(tmp_path, version=1)
    write_model(tmp_path, version=2)
    house = make_house()
    registry = house.registry
    house.keeper.start_up()
    assert registry.resolve("colors", 2).manifest.version == 2
    with pytest.raises(VersionNotLoadedError, match="Version 1 of model 'colors' is on disk and not loaded"):
        registry.resolve("colors", 1)
    with pytest.raises(UnknownVersionError, match="no version 7; known versions: 2, 1"):
        registry.resolve("colors", 7)


def test_an_unknown_model_is_told_with_the_known_ones(tmp_path: Path, make_house: MakeHouse) -> None:
    """Names in alphabetical order."""
    for name in ("pear", "apple"):
        write_model(tmp_path, name=name)
    with pytest.raises(UnknownModelError, match="no model 'plum'; known models: apple, pear"):
        make_house().registry.resolve("plum")


@pytest.mark.parametrize(
    ("names", "setting", "default"),
    [
        (["only"], "", "only"),
        (["apple", "cifar10"], "", "cifar10"),
        (["apple", "pear"], "", None),
        (["apple", "cifar10"], "apple", "apple"),
        ([], "", None),
    ],
)
def test_the_default_is_the_one_that_was_named_else_cifar10_else_the_only_one(
    tmp_path: Path, make_house: MakeHouse, names: list[str], setting: str, default: str | None
) -> None:
    """With several models and no name, none is the default, and a request without a name learns the known ones."""
    for name in names:
        write_model(tmp_path, name=name)
    house = make_house(default_model=setting)
    registry = house.registry
    house.keeper.start_up()
    assert registry.default == default
    if default is None:
        with pytest.raises(NoDefaultModelError, match=", ".join(names) or "none"):
            registry.resolve()
    else:
        assert registry.resolve().manifest.name == default


def test_a_default_model_that_is_not_there_is_a_mistake_in_the_configuration(
    tmp_path: Path, make_house: MakeHouse
) -> None:
    """The service does not start with a typing mistake in it."""
    write_model(tmp_path, name="apple")
    with pytest.raises(ConfigurationError, match=r"CONVSERVE_DEFAULT_MODEL='aple' is not in .*; models there: apple\."):
        make_house(default_model="aple")


def test_an_empty_models_folder_keeps_the_service_from_being_ready(make_house: MakeHouse) -> None:
    """It runs, and says what it waits for."""
    house = make_house()
    registry = house.registry
    house.keeper.start_up()
    assert registry.waiting_for() == ["the models folder is empty"]


def test_a_service_that_is_told_to_stop_loads_no_further_model(
    tmp_path: Path, make_house: MakeHouse, make_loader: MakeLoader
) -> None:
    """What is not loaded yet is not worth the time any more."""
    for name in ("a", "b"):
        write_model(tmp_path, name=name)
    loader = make_loader()
    house = make_house(loader=loader)
    registry = house.registry
    loader.scheduler.drain()
    house.keeper.start_up()
    assert [model.state for model in registry.models.values()] == [State.LOADING, State.LOADING]
