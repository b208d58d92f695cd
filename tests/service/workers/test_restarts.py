"""A worker that has served is replaced at once, one that never comes up with growing pauses, and at last not at all."""

from __future__ import annotations

from service.workers.restarts import MOST_FAILURES, Restarts


def crash_at_start(restarts: Restarts, number: int = 0) -> float:
    """Let a worker die before it came up."""
    return restarts.pause_s(number, lived_s=0.2, came_up=False, meant_to=False)


def crash_after(restarts: Restarts, lived_s: float, number: int = 0) -> float:
    """Let a worker die that had come up."""
    return restarts.pause_s(number, lived_s=lived_s, came_up=True, meant_to=False)


def test_a_worker_that_served_for_a_while_is_replaced_at_once() -> None:
    """However often: its clients are waiting."""
    restarts = Restarts(2)
    assert [crash_after(restarts, 60.0) for _ in range(20)] == [0.0] * 20
    assert not restarts.is_hopeless()


def test_a_worker_that_dies_at_its_start_waits_twice_as_long_each_time() -> None:
    """From a tenth of a second to ten, so that nothing spins."""
    restarts = Restarts(2)
    pauses_s = [crash_at_start(restarts) for _ in range(10)]
    assert pauses_s[:5] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert pauses_s[-2:] == [10.0, 10.0]


def test_a_worker_that_dies_soon_after_it_came_up_is_replaced_at_once_and_then_ever_later() -> None:
    """One accident is one; a request that kills every worker must not keep the machine busy with starts."""
    restarts = Restarts(2)
    assert [crash_after(restarts, 1.0) for _ in range(4)] == [0.0, 0.2, 0.4, 0.8]


def test_each_worker_has_a_pause_of_its_own() -> None:
    """The misfortune of one is not that of the other."""
    restarts = Restarts(2)
    crash_at_start(restarts, number=0)
    crash_at_start(restarts, number=0)
    assert crash_at_start(restarts, number=1) == 0.1


def test_a_long_life_forgives() -> None:
    """The next failure is the first again."""
    restarts = Restarts(2)
    for _ in range(4):
        crash_at_start(restarts)
    assert crash_after(restarts, 60.0) == 0.0
    assert crash_at_start(restarts) == 0.1


def test_a_worker_that_was_asked_to_end_has_not_failed() -> None:
    """An operator may renew workers one by one, as often as they like."""
    restarts = Restarts(2)
    for _ in range(MOST_FAILURES + 1):
        assert restarts.pause_s(0, lived_s=0.1, came_up=False, meant_to=True) == 0.0
    assert not restarts.is_hopeless()


def test_it_is_hopeless_when_no_worker_came_up_however_often_each_was_started() -> None:
    """One that comes up renews the hope."""
    restarts = Restarts(2)
    for _ in range(MOST_FAILURES):
        assert not restarts.is_hopeless()
        crash_at_start(restarts, number=0)
        assert not restarts.is_hopeless()
        crash_at_start(restarts, number=1)
    assert restarts.is_hopeless()
    crash_after(restarts, 0.5)
    assert not restarts.is_hopeless()


def test_it_is_not_hopeless_while_one_worker_has_not_failed() -> None:
    """It may load a large model, for which there is memory once only."""
    restarts = Restarts(2)
    for _ in range(10 * MOST_FAILURES):
        crash_at_start(restarts, number=1)
    assert not restarts.is_hopeless()


def test_many_workers_that_fail_once_are_all_tried_again() -> None:
    """What goes wrong at the first start of sixteen may go well at the second."""
    restarts = Restarts(16)
    for number in range(16):
        crash_at_start(restarts, number=number)
    assert not restarts.is_hopeless()
