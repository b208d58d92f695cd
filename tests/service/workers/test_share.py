"""The number of workers follows setting and cores, and each gets its share."""

from __future__ import annotations

from typing import Literal

import pytest

from service.errors import ConfigurationError
from service.settings import Settings
from service.workers.share import count_workers, require_form, settings_of_worker


@pytest.mark.parametrize(
    ("workers", "cores", "count"), [(1, 8, 1), (2, 2, 2), (8, 2, 8), ("auto", 1, 1), ("auto", 6, 6)]
)
def test_workers_are_as_many_as_set_or_as_cores(workers: int | str, cores: int, count: int) -> None:
    """`auto` is one for each core."""
    assert count_workers(Settings.model_validate({"workers": workers}), cores=cores) == count


def test_more_workers_than_the_cores_are_good_for_are_refused() -> None:
    """The message names the value, the cores, and what to set."""
    with pytest.raises(ConfigurationError, match=r"CONVSERVE_WORKERS=9 .* 2 cores .* at most 8, or auto"):
        count_workers(Settings(workers=9), cores=2)


def test_where_workers_cannot_be_forked_one_is_enough_and_more_are_refused() -> None:
    """`auto` takes what the system gives; a number is a demand."""
    assert count_workers(Settings(workers="auto"), cores=4, can_supervise=False) == 1
    assert count_workers(Settings(workers=1), cores=4, can_supervise=False) == 1
    with pytest.raises(ConfigurationError, match=r"CONVSERVE_WORKERS=2 needs Linux.* CONVSERVE_WORKERS=1"):
        count_workers(Settings(workers=2), cores=4, can_supervise=False)


@pytest.mark.parametrize(
    ("cores", "workers", "shares"), [(2, 2, [1, 1]), (5, 2, [3, 2]), (8, 3, [3, 3, 2]), (1, 4, [1, 1, 1, 1])]
)
def test_cores_are_shared_out_and_each_worker_has_at_least_one(cores: int, workers: int, shares: list[int]) -> None:
    """None is left over; the first workers take what does not divide."""
    made = [settings_of_worker(Settings(), number=number, workers=workers, cores=cores) for number in range(workers)]
    assert [settings.threads for settings in made] == shares


@pytest.mark.parametrize("form", ["wide", "both"])
def test_a_form_that_one_of_the_workers_cannot_give_is_refused(form: Literal["wide", "both"]) -> None:
    """Of two workers on three cores the second has one thread, which only it would find out."""
    with pytest.raises(ConfigurationError, match=rf"CONVSERVE_FORM={form} .* of 2 workers on 3 cores"):
        require_form(Settings(form=form), workers=2, cores=3)
    require_form(Settings(form=form), workers=2, cores=4)
    require_form(Settings(form=form, threads=2), workers=2, cores=3)
    require_form(Settings(form="narrow"), workers=2, cores=3)
    require_form(Settings(), workers=2, cores=3)


def test_threads_that_are_set_are_those_of_each_worker() -> None:
    """Whoever sets them knows better."""
    assert settings_of_worker(Settings(threads=3), number=1, workers=2, cores=2).threads == 3


def test_limits_of_the_whole_service_are_shared_out() -> None:
    """Memory for bodies, never less than one body needs, and places in the queue, rounded up; an unset one stays so."""
    given = Settings(max_held_bytes=100, max_body_bytes=40, queue_size=7)
    half = settings_of_worker(given, number=0, workers=2, cores=2)
    assert (half.max_held_bytes, half.queue_size) == (50, 4)
    quarter = settings_of_worker(given, number=0, workers=4, cores=2)
    assert (quarter.max_held_bytes, quarter.queue_size) == (40, 2)
    assert settings_of_worker(Settings(), number=0, workers=2, cores=2).queue_size is None


def test_everything_else_is_handed_on() -> None:
    """A worker serves as the service was told to."""
    given = Settings(workers=2, port=1234, default_model="pets", log_level="debug", deadline_ms=7)
    mine = settings_of_worker(given, number=0, workers=2, cores=2)
    changed = {name for name in Settings.model_fields if getattr(given, name) != getattr(mine, name)}
    assert changed == {"threads", "max_held_bytes"}
