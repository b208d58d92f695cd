"""One worker's part in keeping connections even: whose turn it is to accept, and when to let one go.

All workers listen on one socket, and the kernel wakes all of them. A worker accepts only while no other holds fewer
connections, so that as many clients as there are workers never end up on one of them. After a worker was replaced the
others still hold its share; they end a keep-alive connection after its answer, one at a time, and the client comes back
through the rule above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from service.workers.board import Board

_UNEVEN: Final = 2  # one more than another is as even as it gets
_PATIENT_TURNS: Final = 10  # of the server's clock, a second: clients come and go all the time


class Balance:
    """One worker's view of the board.

    Args:
        board: Shared with the others.
        number: Of this worker.

    """

    def __init__(self, board: Board, *, number: int) -> None:
        self.board = board
        self.number = number
        self.on_closed: Callable[[], None] = _nobody_listens
        self._uneven_turns = 0
        self._to_end = 0

    def is_turn(self) -> bool:
        """Tell whether this worker may accept: no other that does holds fewer connections."""
        least = self.board.least_of_others(self.number)
        return least is None or self.board.connections(self.number) <= least

    def is_alone(self) -> bool:
        """Tell whether no other worker accepts."""
        return self.board.least_of_others(self.number) is None

    def others_serve(self) -> bool:
        """Tell whether another worker takes connections and can answer them."""
        return self.board.others_serve(self.number)

    def opened(self) -> None:
        """Count a connection."""
        self.board.add_connections(self.number, +1)

    def closed(self) -> None:
        """Count it no more, and tell whoever waits for that."""
        self.board.add_connections(self.number, -1)
        self.on_closed()

    def turn(self) -> None:
        """Look at the board; called ten times a second."""
        self.board.see(self.number)
        least = self.board.least_of_others(self.number)
        surplus = 0 if least is None else self.board.connections(self.number) - least
        self._uneven_turns = self._uneven_turns + 1 if surplus >= _UNEVEN else 0
        self._to_end = surplus // 2 if self._uneven_turns >= _PATIENT_TURNS else 0

    def ends_this_one(self) -> bool:
        """Tell whether the connection that a request came over is to end after the answer; counts it if so."""
        if not self._to_end:
            return False
        self._to_end -= 1
        self._uneven_turns = 0
        return True


def _nobody_listens() -> None:
    pass
