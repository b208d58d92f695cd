"""Two networks on the same pictures: by how much the error rate differs, and how sure that is.

Both see the same pictures, so only those count on which one is right and the other wrong. Pictures that both miss, most
of the noise between two independent samples, cancel out.

Axes: N pictures, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from training.publication.scores import error_with_interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """Top-1 errors before and after a change.

    Args:
        n: Number of pictures.
        newly_wrong: Right before, wrong after.
        newly_right: Wrong before, right after.
        wrong_before: Wrong before, whatever they are after.
        disagreements: First guesses that changed, right or wrong.

    """

    n: int
    newly_wrong: int
    newly_right: int
    wrong_before: int
    disagreements: int

    @property
    def wrong_after(self) -> int:
        """Pictures whose first guess is wrong after the change."""
        return self.wrong_before + self.newly_wrong - self.newly_right

    @property
    def error_before(self) -> float:
        """Share of wrong first guesses before."""
        return self.wrong_before / self.n

    @property
    def error_after(self) -> float:
        """Share of wrong first guesses after."""
        return self.wrong_after / self.n

    @property
    def rise(self) -> float:
        """By how much the error rose, as a share; negative where it fell."""
        return (self.newly_wrong - self.newly_right) / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the rise."""
        return paired_interval(
            both=self.wrong_after - self.newly_wrong,
            only_first=self.newly_wrong,
            only_second=self.newly_right,
            neither=self.n - self.wrong_before - self.newly_wrong,
        )

    @property
    def p_value(self) -> float:
        """Probability of a difference like this or larger if both were equally good.

        Source: McNemar 1947, "Note on the sampling error of the difference between correlated proportions"; exact.
        """
        changed = self.newly_wrong + self.newly_right
        return float(binomtest(self.newly_wrong, changed, 0.5).pvalue) if changed else 1.0


def compare(before_NK: NDArray[np.float32], after_NK: NDArray[np.float32], labels_N: NDArray[np.int64]) -> Comparison:
    """Compare the first guesses of two networks on the same pictures.

    Args:
        before_NK: Probabilities.
        after_NK: Probabilities of the other network, pictures in the same order.
        labels_N: True classes.

    """
    before_N, after_N = before_NK.argmax(axis=1), after_NK.argmax(axis=1)
    right_before_N, right_after_N = before_N == labels_N, after_N == labels_N
    return Comparison(
        n=len(labels_N),
        newly_wrong=int((right_before_N & ~right_after_N).sum()),
        newly_right=int((~right_before_N & right_after_N).sum()),
        wrong_before=int((~right_before_N).sum()),
        disagreements=int((before_N != after_N).sum()),
    )


def paired_interval(*, both: int, only_first: int, only_second: int, neither: int) -> tuple[float, float]:
    """Give the 95 % interval of the difference of two shares of the same cases, first less second.

    Args:
        both: Cases that count for both shares.
        only_first: Cases that count for the first share alone.
        only_second: Likewise for the second.
        neither: Cases that count for none.

    Source: Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on
        paired data", method 10.
    """
    n = both + only_first + only_second + neither
    first, (low_1, high_1) = error_with_interval(both + only_first, n)
    second, (low_2, high_2) = error_with_interval(both + only_second, n)
    phi = _correlation(both, only_first, only_second, neither)
    below_1, above_1, below_2, above_2 = first - low_1, high_1 - first, second - low_2, high_2 - second
    down = sqrt(max(0.0, below_1**2 - 2 * phi * below_1 * above_2 + above_2**2))
    up = sqrt(max(0.0, above_1**2 - 2 * phi * above_1 * below_2 + below_2**2))
    return max(-1.0, first - second - down), min(1.0, first - second + up)


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Give the correlation of the two shares, drawn towards 0 as method 10 does."""
    n = both + only_first + only_second + neither
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    excess = float(both * neither - only_first * only_second)
    if not margins or 0 <= excess <= n / 2:
        return 0.0
    return (excess - n / 2 if excess > 0 else excess) / sqrt(margins)
