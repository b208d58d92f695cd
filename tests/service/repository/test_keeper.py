"""Versions come and go while the service runs; what answers is replaced only by something that has proved itself."""

from __future__ import annotations

import gc
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import ConfigurationError, VersionNotLoadedError
from service.fleet.plan import Canary
from service.repository.live_model import State
from service.repository.loading import Loader
from service.telemetry.metrics import Metrics
from tests.model_folders import write_model
from tests.service.repository.conftest import House

MakeHouse = Callable[..., House]
MakeLoader = Callable[..., Loader]


def damage(folder: Path) -> None:
    """Change a network."""
    data = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(bytes(len(data)))


def see(house: House) -> None:
    """Look at the folder until what changed has come to rest, and do what follows."""
    for _ in range(3):
        house.keeper.look()
        house.keeper.step()


def live(house: House) -> int:
    """Ask which version answers."""
    return house.registry.resolve("colors").manifest.version


def _in_memory(house: House) -> set[int]:
    return {model.manifest.version for reference in house.loaded if (model := reference()) is not None}


def _value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"convserve_{name}", labels)


def test_a_watched_folder_brings_a_new_version_to_life(tmp_path: Path, make_house: MakeHouse) -> None:
    """The old one stays in memory, so that requests that were given to it end, and the way back is open."""
    write_model(tmp_path, version=1)
    house = make_house(watch=True)
    house.keeper.start_up()
    write_model(tmp_path, version=2)
    see(house)
    assert live(house) == 2
    assert house.registry.resolve("colors", 1).manifest.version == 1


def test_an_unwatched_folder_brings_nothing(tmp_path: Path, make_house: MakeHouse) -> None:
    """Who does not ask for it is not surprised; the version can be seen."""
    write_model(tmp_path, version=1)
    house = make_house(watch=False)
    house.keeper.start_up()
    write_model(tmp_path, version=2)
    see(house)
    assert live(house) == 1
    assert house.registry.find("colors").versions[2].state is State.AVAILABLE


def test_a_version_that_fails_changes_nothing_for_anybody(
    tmp_path: Path, make_house: MakeHouse, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    """The old one answers, the service is ready, and the reason stands where people and alerts look."""
    write_model(tmp_path, version=1)
    house = make_house(watch=True)
    house.keeper.start_up()
    write_model(tmp_path, version=2)
    damage(tmp_path / "colors" / "2")
    see(house)
    assert live(house) == 1
    assert house.registry.waiting_for() == []
    refused = house.registry.find("colors").versions[2]
    assert (refused.state, refused.model) == (State.REFUSED, None)
    assert "sha256" in refused.reason
    assert _value(metrics, "model_refusals_total", model="colors", reason="hash") == 1
    assert _value(metrics, "model_refusals_total", model="colors", reason="unsafe") == 0
    assert [record for record in caplog.records if record.levelno == logging.ERROR]


def test_a_refused_version_is_tried_again_when_its_folder_changes_and_only_then(
    tmp_path: Path, make_house: MakeHouse, metrics: Metrics
) -> None:
    """A copy that was interrupted can be finished."""
    write_model(tmp_path, version=1)
    house = make_house(watch=True)
    house.keeper.start_up()
    write_model(tmp_path, version=2)
    good = (tmp_path / "colors" / "2" / "model.onnx").read_bytes()
    damage(tmp_path / "colors" / "2")
    for _ in range(3):
        see(house)
    assert _value(metrics, "model_refusals_total", model="colors", reason="hash") == 1
    (tmp_path / "colors" / "2" / "model.onnx").write_bytes(good)
    see(house)
    assert live(house) == 2
    assert house.registry.find("colors").versions[2].reason == ""


def test_a_folder_that_still_grows_is_waited_for(tmp_path: Path, make_house: MakeHouse, metrics: Metrics) -> None:
    """A copy in progress is no broken version."""
    write_model(tmp_path, version=1)
    house = make_house(watch=True)
    house.keeper.start_up()
    write_model(tmp_path / "elsewhere", version=2)
    target = tmp_path / "colors" / "2"
    for file in sorted((tmp_path / "elsewhere" / "colors" / "2").rglob("*")):
        place = target / file.relative_to(tmp_path / "elsewhere" / "colors" / "2")
        if file.is_dir():
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
        house.keeper.look()
        house.keeper.step()
        assert live(house) == 1
    see(house)
    assert live(house) == 2
    assert _value(metrics, "model_refusals_total", model="colors", reason="file") == 0


def test_a_new_model_is_served_and_a_new_bad_one_keeps_nobody_waiting(tmp_path: Path, make_house: MakeHouse) -> None:
    """Readiness speaks of what was there at the start."""
    write_model(tmp_path, name="colors")
    house = make_house(watch=True)
    house.keeper.start_up()
    write_model(tmp_path, name="good")
    write_model(tmp_path, name="bad")
    damage(tmp_path / "bad" / "1")
    see(house)
    assert house.registry.resolve("good").manifest.name == "good"
    assert house.registry.find("bad").state is State.REFUSED
    assert house.registry.waiting_for() == []


def test_the_way_back_takes_no_loading(tmp_path: Path, make_house: MakeHouse) -> None:
    """The version before is still there, and a newer one on disk does not undo what somebody chose."""
    for version in (1, 2):
        write_model(tmp_path, version=version)
    house = make_house(watch=True)
    house.keeper.start_up()
    house.ask(transition=lambda plan: plan.pinned_to(1))
    assert live(house) == 1
    loaded = len(house.loaded)
    house.ask(transition=lambda plan: plan.pinned_to(2))
    assert (live(house), len(house.loaded)) == (2, loaded)
    house.ask(transition=lambda plan: plan.pinned_to(1))
    write_model(tmp_path, version=3)
    see(house)
    assert live(house) == 1
    house.ask(transition=lambda plan: plan.unpinned())
    assert live(house) == 3


def test_a_chosen_version_that_fails_leaves_everything_as_it_was(tmp_path: Path, make_house: MakeHouse) -> None:
    """Its reason can be read."""
    for version in (1, 2):
        write_model(tmp_path, version=version)
    damage(tmp_path / "colors" / "1")
    house = make_house()
    house.keeper.start_up()
    house.ask(transition=lambda plan: plan.pinned_to(1))
    assert live(house) == 2
    assert "sha256" in house.registry.find("colors").versions[1].reason
    assert house.member.plan_of("colors").pinned is None


def test_a_version_pinned_in_the_settings_answers_from_the_start(tmp_path: Path, make_house: MakeHouse) -> None:
    """Newer ones stay on disk."""
    for version in (1, 2):
        write_model(tmp_path, version=version)
    house = make_house(pinned={"colors": 1}, watch=True)
    house.keeper.start_up()
    see(house)
    assert live(house) == 1
    with pytest.raises(VersionNotLoadedError):
        house.registry.resolve("colors", 2)


def test_a_pinned_version_that_fails_is_not_replaced_by_another(tmp_path: Path, make_house: MakeHouse) -> None:
    """Who pins a version wants that one or none."""
    for version in (1, 2):
        write_model(tmp_path, version=version)
    damage(tmp_path / "colors" / "1")
    house = make_house(pinned={"colors": 1})
    house.keeper.start_up()
    assert house.registry.find("colors").live is None
    assert len(house.registry.waiting_for()) == 1


def test_a_pinned_version_that_is_not_there_is_a_mistake_in_the_configuration(
    tmp_path: Path, make_house: MakeHouse
) -> None:
    """The service does not start with it."""
    write_model(tmp_path, version=1)
    with pytest.raises(ConfigurationError, match=r"CONVSERVE_PINNED asks for colors:7, .*; versions there: 1\."):
        make_house(pinned={"colors": 7})


def test_a_version_that_was_asked_for_is_loaded_beside_the_live_one_and_let_go_again(
    tmp_path: Path, make_house: MakeHouse, metrics: Metrics
) -> None:
    """It answers requests that name it, as long as somebody wants it."""
    for version in (1, 2):
        write_model(tmp_path, version=version)
    house = make_house()
    house.keeper.start_up()
    house.ask(transition=lambda plan: plan.holding(1))
    assert (live(house), house.registry.resolve("colors", 1).manifest.version) == (2, 1)
    house.ask(transition=lambda plan: plan.releasing(1))
    with pytest.raises(VersionNotLoadedError):
        house.registry.resolve("colors", 1)
    assert _value(metrics, "model_ready", model="colors", version="1") == 0
    assert _value(metrics, "model_ready", model="colors", version="2") == 1


def test_what_nobody_uses_any_more_leaves_the_memory(tmp_path: Path, make_house: MakeHouse) -> None:
    """After many swaps the live version and the one before it are left; a request keeps its version until it ends."""
    write_model(tmp_path, version=1)
    house = make_house(watch=True)
    house.keeper.start_up()
    in_use = house.registry.resolve("colors")
    for version in range(2, 7):
        write_model(tmp_path, version=version)
        see(house)
    gc.collect()
    assert in_use.manifest.version == 1
    assert _in_memory(house) == {1, 5, 6}
    del in_use
    gc.collect()
    assert _in_memory(house) == {5, 6}


def test_a_canary_gets_its_share_of_the_requests_that_name_no_version(
    tmp_path: Path, make_house: MakeHouse, metrics: Metrics
) -> None:
    """A quarter of four thousand, give or take five standard deviations; who names a version gets that one."""
    for version in (1, 2):
        write_model(tmp_path, version=version)
    house = make_house(pinned={"colors": 1})
    house.keeper.start_up()
    house.ask(transition=lambda plan: plan.splitting(canary=Canary(2, 0.25), shadow=None))
    answers = [live(house) for _ in range(4000)]
    assert answers.count(2) == pytest.approx(1000, abs=5 * (4000 * 0.25 * 0.75) ** 0.5)
    assert {house.registry.resolve("colors", 1).manifest.version for _ in range(50)} == {1}
    assert _value(metrics, "traffic_share", model="colors", version="1") == 0.75
    assert _value(metrics, "traffic_share", model="colors", version="2") == 0.25
    house.ask(transition=lambda plan: plan.splitting(canary=None, shadow=None))
    assert {live(house) for _ in range(200)} == {1}
    assert _value(metrics, "traffic_share", model="colors", version="2") == 0


def test_a_folder_that_is_lost_takes_nothing_away(
    tmp_path: Path, make_house: MakeHouse, caplog: pytest.LogCaptureFixture
) -> None:
    """A mount that went away for a moment is told once, and what is in memory answers."""
    models_dir = tmp_path / "models"
    write_model(models_dir, version=1)
    house = make_house(watch=True, models_dir=models_dir)
    house.keeper.start_up()
    models_dir.rename(tmp_path / "away")
    for _ in range(2):
        see(house)
    assert live(house) == 1
    assert len([record for record in caplog.records if record.getMessage() == "models folder lost"]) == 1
    (tmp_path / "away").rename(models_dir)
    write_model(models_dir, version=2)
    see(house)
    assert live(house) == 2


def test_a_live_version_whose_folder_is_deleted_goes_on_answering(tmp_path: Path, make_house: MakeHouse) -> None:
    """Nothing older takes its place either."""
    for version in (1, 2):
        write_model(tmp_path, version=version)
    house = make_house(watch=True)
    house.keeper.start_up()
    shutil.rmtree(tmp_path / "colors" / "2")
    see(house)
    assert live(house) == 2
