"""Workers accept in turn, and let connections go where they hold more than others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.workers.balance import Balance
from service.workers.board import Board

TURNS_OF_A_SECOND = 10


def balances(connections: Sequence[int]) -> list[Balance]:
    """Make one worker for each of these numbers of connections, all of them accepting."""
    board = Board(len(connections))
    made = [Balance(board, number=number) for number in range(len(connections))]
    for balance, held in zip(made, connections, strict=True):
        board.see(balance.number)
        board.set_accepts(balance.number, accepts=True)
        board.add_connections(balance.number, held)
    return made


@pytest.mark.parametrize(
    ("connections", "turns"),
    [
        ((0, 0), (True, True)),
        ((1, 0), (False, True)),
        ((3, 4), (True, False)),
        ((2, 2, 1), (False, False, True)),
        ((5,), (True,)),
    ],
)
def test_it_is_the_turn_of_whoever_holds_no_more_than_any_other(
    connections: tuple[int, ...], turns: tuple[bool, ...]
) -> None:
    """Of several with equally few it is the turn of each."""
    assert tuple(balance.is_turn() for balance in balances(connections)) == turns


@given(st.integers(1, 6), st.lists(st.integers(0, 5), max_size=60))
def test_connections_that_stay_are_even_to_within_one_whoever_wakes_first(workers: int, wakes: list[int]) -> None:
    """In any order of waking, because only those whose turn it is accept."""
    made = balances([0] * workers)
    for wake in wakes:
        balance = made[wake % workers]
        if balance.is_turn():
            balance.opened()
    held = [balance.board.connections(balance.number) for balance in made]
    assert max(held) - min(held) <= 1


def test_there_is_always_one_whose_turn_it_is() -> None:
    """No connection waits for ever."""
    for connections in ((0, 0), (3, 1), (1, 3), (7, 7, 7), (0, 9, 4)):
        assert any(balance.is_turn() for balance in balances(connections))


def test_a_worker_alone_knows_it() -> None:
    """Nobody else accepts, whether loaded or not."""
    first, second = balances((0, 0))
    assert not first.is_alone()
    second.board.set_accepts(second.number, accepts=False)
    assert first.is_alone()


def test_a_worker_knows_whether_another_can_answer() -> None:
    """One that takes connections and has loaded its models; it need not be ready itself then."""
    first, second = balances((0, 0))
    assert not first.others_serve()
    first.board.set_up(first.number)
    assert not first.others_serve()
    second.board.set_up(second.number)
    assert first.others_serve()
    second.board.set_accepts(second.number, accepts=False)
    assert not first.others_serve()


def test_whoever_waits_is_told_when_a_connection_has_ended() -> None:
    """Then it may be this worker's turn again."""
    first, second = balances((2, 1))
    told: list[bool] = []
    first.on_closed = lambda: told.append(first.is_turn())
    first.closed()
    assert told == [True]
    assert second.board.connections(0) == 1


def let_turns_pass(balance: Balance, number: int) -> None:
    """Let the server look at the board some times."""
    for _ in range(number):
        balance.turn()


def test_an_uneven_worker_ends_half_of_its_surplus_after_a_while() -> None:
    """The clients come back and are spread evenly; a passing difference ends nothing."""
    full, empty = balances((8, 0))
    let_turns_pass(full, TURNS_OF_A_SECOND - 1)
    assert not full.ends_this_one()
    full.turn()
    assert [full.ends_this_one() for _ in range(6)] == [True] * 4 + [False] * 2
    let_turns_pass(empty, 2 * TURNS_OF_A_SECOND)
    assert not empty.ends_this_one()


def test_a_difference_of_one_is_even() -> None:
    """Of an odd number of connections some worker has one more."""
    fuller, _ = balances((5, 4))
    let_turns_pass(fuller, 3 * TURNS_OF_A_SECOND)
    assert not fuller.ends_this_one()


def test_after_it_has_ended_some_a_worker_looks_for_a_while_again() -> None:
    """What it has ended needs time to come back elsewhere."""
    full, empty = balances((4, 0))
    let_turns_pass(full, TURNS_OF_A_SECOND)
    assert full.ends_this_one()
    full.closed()
    empty.opened()
    full.turn()
    assert not full.ends_this_one()
    let_turns_pass(full, TURNS_OF_A_SECOND)
    assert full.ends_this_one()


def test_a_worker_alone_ends_nothing() -> None:
    """There is nobody who could take its clients."""
    (alone,) = balances((50,))
    let_turns_pass(alone, 3 * TURNS_OF_A_SECOND)
    assert not alone.ends_this_one()
