"""What people claimed about the order of networks, judged by figures of our own: confirmed, not confirmed, too close.

Two figures are too close to be told apart where they differ by at most twice the standard error of their difference. A
mean over seeds is uncertain because other seeds would give others, and because other test pictures would; both count.
One seed says nothing of the first: such a network is taken to vary as much as the most variable one of several seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from training.comparison.groups import Group
from training.results.over_seeds import Results

_ERRORS = 2.0  # standard errors; about 95 % of differences that are chance alone are smaller
CONFIRMED, OPPOSITE, CLOSE = "confirmed", "not confirmed here", "within the spread"


def sentences(group: Group, results: Mapping[str, Results]) -> list[str]:
    """Judge every claim of a group that both figures are there for.

    Args:
        group: With its claims.
        results: By recipe of the group.

    Returns:
        One sentence per claim, in the group's order.

    """
    told = []
    for claim in group.claims:
        if claim.better in results and claim.worse in results:
            better, worse = results[claim.better], results[claim.worse]
            judged = [_judged(better, worse, figure, others=results) for figure in ("top1_error", "top5_error")]
            told.append(
                f"{group.title_of(claim.better)} errs less often than {group.title_of(claim.worse)}: "
                f"{judged[0]} (top-1 error {_pair(better, worse, 'top1_error')}); "
                f"by top-5 error {judged[1]} ({_pair(better, worse, 'top5_error')})."
            )
    return told


def verdict(difference: float, *, standard_error: float) -> str:
    """Judge a claim.

    Args:
        difference: Figure of what is said to be worse, less that of what is said to be better.
        standard_error: Of the difference.

    """
    if abs(difference) <= _ERRORS * standard_error:
        return CLOSE
    return CONFIRMED if difference > 0 else OPPOSITE


def standard_error(results: Results, figure: str, *, unknown_deviation: float) -> float:
    """Tell how far the mean over seeds of an error may be from that over all seeds and all pictures.

    Args:
        results: Of one recipe.
        figure: `top1_error` or `top5_error`.
        unknown_deviation: Standard deviation over seeds where there is only one.

    """
    spread = results.spread(figure)
    deviation = unknown_deviation if spread.deviation is None else spread.deviation
    return math.sqrt(deviation**2 / spread.n + spread.mean * (1 - spread.mean) / results.n)


def _judged(better: Results, worse: Results, figure: str, *, others: Mapping[str, Results]) -> str:
    known = [row.spread(figure).deviation for row in others.values()]
    unknown = max((deviation for deviation in known if deviation is not None), default=0.0)
    errors = (standard_error(row, figure, unknown_deviation=unknown) for row in (better, worse))
    difference = worse.spread(figure).mean - better.spread(figure).mean
    return verdict(difference, standard_error=math.hypot(*errors))


def _pair(better: Results, worse: Results, figure: str) -> str:
    return f"{better.spread(figure).percent()} against {worse.spread(figure).percent()} %"
