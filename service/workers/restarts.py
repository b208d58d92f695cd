"""When a worker that has ended is started again, and when there is no use in it any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MOST_FAILURES: Final = 5  # starts of each worker in a row, none of which came up
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 10.0
_LONG_LIFE_S: Final = 10.0  # a worker that served for longer did not die of its start


@dataclass(slots=True)
class Restarts:
    """Counts failures and gives each worker a pause that doubles with every one.

    A worker that served for a while is replaced at once: its clients are waiting.

    Args:
        workers: How many there are.

    """

    workers: int
    _of_worker: dict[int, int] = field(default_factory=dict)
    _in_vain: dict[int, int] = field(default_factory=dict)  # starts since some worker came up

    def pause_s(self, number: int, *, lived_s: float, came_up: bool, meant_to: bool) -> float:
        """Tell how long to wait before a worker is started again.

        Args:
            number: Which worker has ended.
            lived_s: For how long it lived.
            came_up: Whether it had loaded its models.
            meant_to: Whether it ended in good order, because somebody asked it to.

        """
        if came_up or meant_to:
            self._in_vain.clear()
        else:
            self._in_vain[number] = self._in_vain.get(number, 0) + 1
        if meant_to or (came_up and lived_s >= _LONG_LIFE_S):
            self._of_worker[number] = 0
            return 0.0
        failures = self._of_worker[number] = self._of_worker.get(number, 0) + 1
        if came_up and failures == 1:
            return 0.0
        return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (failures - 1))

    def is_hopeless(self) -> bool:
        """Tell whether so many starts of each worker have failed that another is of no use, unless some worker serves.

        One that takes long to load has not failed, however often another does.
        """
        return len(self._in_vain) == self.workers and min(self._in_vain.values()) >= MOST_FAILURES
