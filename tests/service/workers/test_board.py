"""The board shows every worker who accepts, with how many connections, and who has not been seen for long."""

from __future__ import annotations

import os

import pytest

from service.workers.board import STALE_NS, Board


class Clock:
    """Nanoseconds that pass when told to."""

    def __init__(self) -> None:
        self.now_ns = 10**12

    def __call__(self) -> int:
        """Read the time."""
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    """Start at some time after boot."""
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    """Make a board for three workers."""
    return Board(3, clock_ns=clock)


def accept(board: Board, number: int, *, connections: int) -> None:
    """Let a worker accept and hold some connections."""
    board.see(number)
    board.set_accepts(number, accepts=True)
    board.add_connections(number, connections)


def test_the_least_loaded_other_worker_counts(board: Board) -> None:
    """Neither oneself nor one that does not accept."""
    assert board.least_of_others(0) is None
    accept(board, 0, connections=1)
    accept(board, 1, connections=5)
    assert (board.least_of_others(0), board.least_of_others(1), board.least_of_others(2)) == (5, 1, 1)
    board.set_accepts(0, accepts=False)
    assert board.least_of_others(1) is None


def test_a_worker_that_was_not_seen_of_late_is_not_waited_for(board: Board, clock: Clock) -> None:
    """Until it is seen again."""
    accept(board, 0, connections=0)
    clock.now_ns += STALE_NS - 1
    assert board.least_of_others(1) == 0
    clock.now_ns += 1
    assert board.least_of_others(1) is None
    board.see(0)
    assert board.least_of_others(1) == 0


def test_a_worker_that_was_not_seen_of_late_serves_nobody(board: Board, clock: Clock) -> None:
    """Whatever it said before."""
    accept(board, 0, connections=0)
    board.set_up(0)
    assert board.others_serve(1)
    clock.now_ns += STALE_NS
    assert not board.others_serve(1)


def test_a_worker_that_is_expected_counts_before_it_has_started(board: Board, clock: Clock) -> None:
    """The others leave it its share, and not for long if it never comes."""
    board.expect(2)
    assert board.least_of_others(0) == 0
    assert not board.is_up(2)
    clock.now_ns += STALE_NS
    assert board.least_of_others(0) is None


def test_a_worker_that_has_ended_leaves_nothing_behind(board: Board) -> None:
    """Its connections are gone, and nobody waits for it."""
    accept(board, 1, connections=7)
    board.set_up(1)
    assert board.any_up()
    board.clear(1)
    assert (board.connections(1), board.is_up(1), board.any_up()) == (0, False, False)
    assert board.least_of_others(0) is None


def test_the_time_since_a_worker_was_seen_is_told(board: Board, clock: Clock) -> None:
    """Of one that need not be seen it is nothing."""
    assert board.unseen_s(0) == 0
    accept(board, 0, connections=0)
    clock.now_ns += 31_000_000_000
    assert board.unseen_s(0) == 31
    board.set_accepts(0, accepts=False)  # it finishes what it has, which may take as long as it is set to
    assert board.unseen_s(0) == 0


def test_other_processes_see_what_is_written(board: Board) -> None:
    """The memory is shared, not copied, when a process is forked."""
    if (pid := os.fork()) == 0:
        accept(board, 1, connections=3)
        os._exit(0)
    os.waitpid(pid, 0)
    assert board.connections(1) == 3
    assert board.least_of_others(0) == 3
