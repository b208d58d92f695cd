"""What an administrator asks for is done when the act ends, or is refused with a reason and changes nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from service.errors import (
    ActSupersededError,
    ActUnfinishedError,
    UnknownModelError,
    UnknownVersionError,
    VersionInUseError,
    VersionNotLoadedError,
    VersionRefusedError,
)
from service.fleet.plan import Canary
from service.repository.operator import Operator
from tests.model_folders import write_model
from tests.service.repository.conftest import House

MakeHouse = Callable[..., House]


@pytest.fixture
def house(tmp_path: Path, make_house: MakeHouse) -> Iterator[House]:
    """A repository with two versions, the second of them live, whose keeper runs."""
    for version in (1, 2):
        write_model(tmp_path, version=version)
    made = make_house()
    made.keeper.start_up()
    thread = threading.Thread(target=made.keeper.run)
    thread.start()
    yield made
    made.keeper.stop()
    thread.join()


@pytest.fixture
def operator(house: House) -> Operator:
    """Carries out acts on it."""
    return Operator(house.registry, member=house.member, keeper=house.keeper)


def _damage(folder: Path) -> None:
    data = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(bytes(len(data)))


def test_a_version_is_loaded_when_the_act_ends_and_gone_when_it_is_unloaded(house: House, operator: Operator) -> None:
    """The live one stays what it is; a second time changes nothing."""

    async def acts() -> None:
        for _ in range(2):
            await operator.load("colors", 1)
            assert house.registry.resolve("colors", 1).manifest.version == 1
            assert house.registry.resolve("colors").manifest.version == 2
        for _ in range(2):
            await operator.unload("colors", 1)
            with pytest.raises(VersionNotLoadedError):
                house.registry.resolve("colors", 1)

    asyncio.run(acts())


def test_a_version_that_was_published_a_moment_ago_can_be_loaded_without_watching(
    tmp_path: Path, house: House, operator: Operator
) -> None:
    """The folder is looked at again for what is not known yet, and nothing else in it changes what is live."""
    for version in (3, 4):
        write_model(tmp_path, version=version)
    asyncio.run(operator.load("colors", 3))
    assert house.registry.resolve("colors", 3).manifest.version == 3
    assert house.registry.resolve("colors").manifest.version == 2


def test_a_chosen_version_is_live_when_the_act_ends_and_the_choice_can_be_given_back(
    house: House, operator: Operator
) -> None:
    """Given back, what is newest on disk answers."""

    async def acts() -> None:
        await operator.choose("colors", 1)
        assert house.registry.resolve("colors").manifest.version == 1
        assert house.registry.find("colors").plan.pinned == 1
        await operator.choose("colors", None)
        assert house.registry.resolve("colors").manifest.version == 2
        assert house.registry.find("colors").plan.pinned is None

    asyncio.run(acts())


def test_a_version_that_fails_is_an_error_with_its_reason(tmp_path: Path, house: House, operator: Operator) -> None:
    """Whatever it was wanted for; what was live answers."""
    _damage(tmp_path / "colors" / "1")

    async def try_all() -> None:
        acts: list[Callable[[], Coroutine[None, None, None]]] = [
            lambda: operator.load("colors", 1),
            lambda: operator.choose("colors", 1),
            lambda: operator.split("colors", canary=Canary(1, 0.5), shadow=None),
            lambda: operator.split("colors", canary=None, shadow=1),
        ]
        for act in acts:
            with pytest.raises(VersionRefusedError, match=r"refused, and what was live still is: model\.onnx"):
                await act()
            assert house.registry.resolve("colors").manifest.version == 2
            assert house.registry.find("colors").plan.needed == {2}

    asyncio.run(try_all())


def test_a_version_that_failed_can_be_asked_for_again_once_it_is_mended(
    tmp_path: Path, house: House, operator: Operator
) -> None:
    """Without a restart, and without watching."""
    good = (tmp_path / "colors" / "1" / "model.onnx").read_bytes()
    _damage(tmp_path / "colors" / "1")

    async def acts() -> None:
        with pytest.raises(VersionRefusedError):
            await operator.load("colors", 1)
        (tmp_path / "colors" / "1" / "model.onnx").write_bytes(good)
        await operator.load("colors", 1)

    asyncio.run(acts())
    assert house.registry.resolve("colors", 1).manifest.version == 1


def test_what_answers_requests_is_not_unloaded(house: House, operator: Operator) -> None:
    """The error says which way out there is."""

    async def acts() -> None:
        with pytest.raises(VersionInUseError, match=r"Version 2 of model 'colors' is live; .* POST /models/colors/def"):
            await operator.unload("colors", 2)
        await operator.split("colors", canary=Canary(1, 0.5), shadow=None)
        with pytest.raises(VersionInUseError, match=r"is the canary; end that first, with PUT /models/colors/traffic"):
            await operator.unload("colors", 1)
        await operator.split("colors", canary=None, shadow=1)
        with pytest.raises(VersionInUseError, match=r"is the shadow"):
            await operator.unload("colors", 1)
        await operator.split("colors", canary=None, shadow=None)
        await operator.unload("colors", 1)
        with pytest.raises(VersionInUseError, match=r"Version 2 .* is live"):
            await operator.split("colors", canary=Canary(2, 0.5), shadow=None)

    asyncio.run(acts())
    assert house.registry.resolve("colors").manifest.version == 2


def test_what_is_not_there_is_an_error(operator: Operator) -> None:
    """Model and version."""

    async def acts() -> None:
        for act in (operator.load, operator.unload, operator.choose):
            with pytest.raises(UnknownModelError, match="known models: colors"):
                await act("plums", 1)
            with pytest.raises(UnknownVersionError, match="no version 7; known versions: 2, 1"):
                await act("colors", 7)

    asyncio.run(acts())


def test_two_loads_of_one_version_at_once_both_end_well(house: House, operator: Operator) -> None:
    """It is loaded once."""

    async def acts() -> None:
        await asyncio.gather(operator.load("colors", 1), operator.load("colors", 1))

    asyncio.run(acts())
    assert [model.manifest.version for reference in house.loaded if (model := reference())] == [2, 1]


def test_of_two_choices_at_once_the_later_one_holds_and_the_earlier_one_says_so(
    tmp_path: Path, make_house: MakeHouse
) -> None:
    """Nobody believes that a version is live which is not."""
    for version in (1, 2, 3):
        write_model(tmp_path, version=version)
    house = make_house()
    house.keeper.start_up()  # and then stands still, so that both choices come before it
    operator = Operator(house.registry, member=house.member, keeper=house.keeper)

    async def acts() -> list[BaseException | None]:
        both = asyncio.gather(operator.choose("colors", 1), operator.choose("colors", 2), return_exceptions=True)
        await asyncio.sleep(0)
        house.keeper.step()
        return list(await both)

    earlier, later = asyncio.run(acts())
    assert isinstance(earlier, ActSupersededError)
    assert later is None
    assert house.registry.resolve("colors").manifest.version == 2


def test_an_act_that_takes_too_long_says_where_to_look(tmp_path: Path, make_house: MakeHouse) -> None:
    """It goes on all the same."""
    for version in (1, 2):
        write_model(tmp_path, version=version)
    house = make_house()
    house.keeper.start_up()
    operator = Operator(house.registry, member=house.member, keeper=house.keeper, patience_s=0.05)
    with pytest.raises(ActUnfinishedError, match="GET /models/colors shows when it is done"):
        asyncio.run(operator.load("colors", 1))
    house.keeper.step()
    assert house.registry.resolve("colors", 1).manifest.version == 1
