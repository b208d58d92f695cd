"""Several workers keep their models as one: what is live is live for all of them, or for none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from service.errors import ConfigurationError
from service.fleet.membership import Fleet, Member
from service.repository.live_model import LiveModel
from service.repository.loading import Loader
from service.repository.store import StoredVersion
from tests.model_folders import write_model
from tests.service.repository.conftest import House
from tests.service.repository.test_keeper import damage, live, see

MakeHouse = Callable[..., House]
MakeLoader = Callable[..., Loader]


def test_a_version_is_live_for_all_workers_at_once_and_for_none_before_all_have_it(
    tmp_path: Path, make_house: MakeHouse
) -> None:
    """The worker that is last decides when."""
    write_model(tmp_path, version=1)
    fleet = Fleet(2)
    houses = [make_house(member=Member(fleet, number=number), watch=True) for number in range(2)]
    for house in houses:
        house.keeper.start_up()
    write_model(tmp_path, version=2)
    see(houses[0])
    assert [live(house) for house in houses] == [1, 1]
    assert houses[0].registry.resolve("colors", 2).manifest.version == 2
    see(houses[1])
    assert [live(house) for house in houses] == [2, 2]


def test_a_version_that_one_worker_cannot_load_is_live_for_none(
    tmp_path: Path, make_house: MakeHouse, make_loader: MakeLoader
) -> None:
    """All of them say the same about it."""

    class PoorLoader(Loader):
        def load(self, stored: StoredVersion) -> LiveModel:
            if stored.version == 2:
                raise MemoryError
            return super().load(stored)

    write_model(tmp_path, version=1)
    fleet, plain = Fleet(2), make_loader()
    rich = make_house(member=Member(fleet, number=0), watch=True)
    poor = make_house(
        member=Member(fleet, number=1), watch=True, loader=PoorLoader(plain.settings, plain.scheduler, plain.series)
    )
    for house in (rich, poor):
        house.keeper.start_up()
    write_model(tmp_path, version=2)
    for house in (rich, poor, rich):
        see(house)
    for house in (rich, poor):
        assert live(house) == 1
        assert house.registry.find("colors").versions[2].reason == "there is not enough memory for it"
        assert house.registry.find("colors").versions[2].model is None


def test_a_worker_that_comes_later_serves_what_the_others_serve(tmp_path: Path, make_house: MakeHouse) -> None:
    """Not what is newest on disk, and not before it has everything."""
    for version in (1, 2):
        write_model(tmp_path, version=version)
    fleet = Fleet(2)
    first = make_house(member=Member(fleet, number=0))
    first.keeper.start_up()
    first.ask(transition=lambda plan: plan.pinned_to(1))
    second = make_house(member=Member(fleet, number=1))
    second.keeper.start_up()
    assert live(second) == 1
    fleet.leave(1)
    first.ask(transition=lambda plan: plan.pinned_to(2))
    assert live(first) == 2  # nobody waits for a worker that has ended


def test_a_worker_that_cannot_load_what_the_others_serve_does_not_join_them(
    tmp_path: Path, make_house: MakeHouse
) -> None:
    """It ends with the reason, and whoever started it may try again."""
    write_model(tmp_path, version=1)
    fleet = Fleet(2)
    first = make_house(member=Member(fleet, number=0))
    first.keeper.start_up()
    damage(tmp_path / "colors" / "1")
    second = make_house(member=Member(fleet, number=1))
    with pytest.raises(ConfigurationError, match=r"which the other workers serve, cannot be loaded: model\.onnx"):
        second.keeper.start_up()
    first.keeper.step()
    assert live(first) == 1
