"""Who may use the service and who may run it, and how that is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from service.errors import ForbiddenKeyError, MissingKeyError, RateLimitedError, UnknownKeyError
from service.security.access import Access, Grant
from service.security.rate_cells import OwnCells
from service.security.rate_limit import Rate, Spending
from service.telemetry.metrics import Metrics

PHONE: Final = b"the-key-of-the-phone"
BATCH: Final = b"the-key-of-the-batch"
OPS: Final = b"the-key-of-operations"
NOBODY: Final = b"a-key-that-nobody-has"


class Clock:
    """Stands still until it is moved."""

    now_ns = 10**15

    def __call__(self) -> int:
        """Tell the time."""
        return self.now_ns


class Door:
    """Access with two API keys and one admin key, and what was counted."""

    def __init__(self, folder: Path) -> None:
        api, admin = folder / "api", folder / "admin"
        api.write_text(f"phone: {PHONE.decode()} 3/min\nbatch: {BATCH.decode()}\n")
        admin.write_text(f"ops: {OPS.decode()} 2/min\n")
        self.clock = Clock()
        self.metrics = Metrics(version="1", runtime={})
        self.access = Access(
            api_keys_file=api,
            admin_key_file=admin,
            cells=OwnCells(clock_ns=self.clock),
            metrics=self.metrics.access,
        )

    def count(self, name: str, **labels: str) -> float | None:
        """Read one series, None where it does not exist."""
        return self.metrics.registry.get_sample_value(f"convserve_{name}", labels)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    """Make one."""
    return Door(tmp_path)


def test_a_key_without_a_rate_may_as_often_as_it_likes(door: Door) -> None:
    """There is nothing to say about what is left."""
    assert [door.access.admit(BATCH) for _ in range(50)] == [Grant("batch", None, None)] * 50
    assert door.count("key_requests_total", kind="api", key="batch", outcome="admitted") == 50


def test_a_key_with_a_rate_may_until_it_is_spent_and_again_when_it_comes_back(door: Door) -> None:
    """The refusal says when."""
    assert door.access.admit(PHONE) == Grant("phone", Rate(3, 60), Spending(allowed=True, remaining=2, next_s=20.0))
    door.access.admit(PHONE)
    door.access.admit(PHONE)
    with pytest.raises(RateLimitedError) as caught:
        door.access.admit(PHONE)
    error = caught.value
    assert (error.key, error.limit, error.window_s, error.retry_after_s) == ("phone", 3, 60, 20.0)
    door.clock.now_ns += 20_000_000_000
    door.access.admit(PHONE)
    assert door.count("key_requests_total", kind="api", key="phone", outcome="admitted") == 4
    assert door.count("key_requests_total", kind="api", key="phone", outcome="rate_limited") == 1


def test_no_key_and_a_key_that_is_not_known_are_two_things(door: Door) -> None:
    """Each is counted as what it is, at both doors, and no name is made up for it."""
    for admit in (door.access.admit, door.access.admit_admin):
        with pytest.raises(MissingKeyError):
            admit(None)
        with pytest.raises(UnknownKeyError):
            admit(NOBODY)
    assert door.count("authentication_failures_total", reason="missing") == 2
    assert door.count("authentication_failures_total", reason="unknown") == 2


def test_an_api_key_may_not_run_the_service(door: Door) -> None:
    """That is told with its name, and spends nothing."""
    with pytest.raises(ForbiddenKeyError, match="Key 'phone' may classify"):
        door.access.admit_admin(PHONE)
    assert door.count("authentication_failures_total", reason="forbidden") == 1
    assert door.access.admit(PHONE).spending == Spending(allowed=True, remaining=2, next_s=20.0)


def test_an_admin_key_may_do_both_within_one_rate(door: Door) -> None:
    """It is limited like any other."""
    assert door.access.admit_admin(OPS).key == "ops"
    assert door.access.admit(OPS).key == "ops"
    for admit in (door.access.admit, door.access.admit_admin):
        with pytest.raises(RateLimitedError):
            admit(OPS)
    assert door.count("key_requests_total", kind="admin", key="ops", outcome="admitted") == 2


def test_a_key_in_both_files_is_an_admin_key_where_it_matters(tmp_path: Path) -> None:
    """Each door looks into its own file first."""
    for name in ("api", "admin"):
        (tmp_path / name).write_text(f"{name}-name: {OPS.decode()}\n")
    access = Access(
        api_keys_file=tmp_path / "api",
        admin_key_file=tmp_path / "admin",
        cells=OwnCells(),
        metrics=Metrics(version="1", runtime={}).access,
    )
    assert access.admit(OPS).key == "api-name"
    assert access.admit_admin(OPS).key == "admin-name"


def test_keys_of_one_name_in_two_files_have_a_rate_each(tmp_path: Path) -> None:
    """The admin's own uses are not missing to the program of the same name."""
    (tmp_path / "api").write_text(f"ci: {PHONE.decode()} 1/day\n")
    (tmp_path / "admin").write_text(f"ci: {OPS.decode()} 1/day\n")
    access = Access(
        api_keys_file=tmp_path / "api",
        admin_key_file=tmp_path / "admin",
        cells=OwnCells(),
        metrics=Metrics(version="1", runtime={}).access,
    )
    access.admit(PHONE)
    access.admit(OPS)


def test_series_of_each_key_exist_from_the_start(door: Door) -> None:
    """`rate()` is right from the first request on; keys that come later have theirs when they come."""
    for kind, key in (("api", "phone"), ("api", "batch"), ("admin", "ops")):
        for outcome in ("admitted", "rate_limited"):
            assert door.count("key_requests_total", kind=kind, key=key, outcome=outcome) == 0
    for reason in ("missing", "unknown", "forbidden"):
        assert door.count("authentication_failures_total", reason=reason) == 0
    assert door.count("keys", kind="api") == 2
    assert door.count("keys", kind="admin") == 1
    assert door.count("key_file_broken", kind="api") == 0


def test_a_broken_file_shows_in_the_metrics_until_it_is_mended(tmp_path: Path) -> None:
    """While the old keys stay in force."""
    door = Door(tmp_path)
    watched = door.access.watch._watched[0]
    for text, keys, broken in ((":", 2, 1), ("[keys]", 0, 0)):
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").replace(tmp_path / "api")
        watched.look()
        assert door.count("keys", kind="api") == keys
        assert door.count("key_file_broken", kind="api") == broken
