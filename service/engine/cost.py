"""How long a piece of work will take by its size, learned from the pieces before it.

A photograph of twelve megapixels takes many times as long as an icon, so a queue that counts pieces promises a time
that it cannot keep. Expected seconds are a part that every piece costs and a part that grows with its size; both follow
what pieces really took. One that took many times what was expected counts as a few times as much: a machine that stood
still for a minute says nothing about its work, and work that really became slower says so again and again.

Source: normalised least mean squares, e.g. Haykin, "Adaptive Filter Theory", chapter 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_STEP: Final = 0.1  # share of its error by which an expectation moves after each piece
_LEAST_S: Final = 1e-5
# Of what was expected, counted at most: a single piece can then not quite double an expectation, and pieces that take
# a hundred times as long from now on bring it halfway there in ten of them.
_MOST_SURPRISE: Final = 10


@dataclass(slots=True)
class Cost:
    """What pieces of work cost.

    Args:
        fixed_s: Seconds of a piece without size.
        per_size_s: Seconds more for each unit of size.
        typical_size: Moving average of the sizes seen.

    """

    fixed_s: float
    per_size_s: float = 0.0
    typical_size: float = 0.0

    def expected_s(self, size: float) -> float:
        """Estimate the seconds of a piece."""
        return max(_LEAST_S, self.fixed_s + self.per_size_s * size)

    @property
    def typical_s(self) -> float:
        """Estimate the seconds of a piece of typical size."""
        return self.expected_s(self.typical_size)

    def learn(self, *, size: float, run_s: float) -> None:
        """Take into account what a piece took.

        The error is shared between the two parts as the size suggests: a small piece that took long moves what every
        piece costs, a large one what size costs. Neither becomes negative.
        """
        believed_s = min(run_s, _MOST_SURPRISE * self.expected_s(size))
        error_s = believed_s - (self.fixed_s + self.per_size_s * size)
        step_s = _STEP * error_s / (1 + size * size)
        self.fixed_s = max(0.0, self.fixed_s + step_s)
        self.per_size_s = max(0.0, self.per_size_s + step_s * size)
        self.typical_size += _STEP * (size - self.typical_size)
