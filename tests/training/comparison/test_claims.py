"""`training.comparison.claims`: a claim is confirmed only where the difference is more than chance."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.training.result_files import results
from training.comparison.claims import CLOSE, CONFIRMED, OPPOSITE, sentences, standard_error, verdict
from training.comparison.groups import Claim, Group, Member

GROUP = Group(
    Path("shapes"),
    (Member(recipe="a", title="Network A", seeds=3), Member(recipe="b", title="Network B", seeds=1)),
    (Claim(better="b", worse="a"),),
)


@pytest.mark.parametrize(
    ("difference", "expected"), [(0.03, CONFIRMED), (0.019, CLOSE), (0.0, CLOSE), (-0.019, CLOSE), (-0.03, OPPOSITE)]
)
def test_difference_counts_beyond_two_standard_errors(difference: float, expected: str) -> None:
    """0.01 of standard error: 0.03 is told from nothing, 0.019 is not, in both directions."""
    assert verdict(difference, standard_error=0.01) == expected


def test_standard_error_counts_seeds_and_test_pictures() -> None:
    """Three seeds with a deviation of 0.01 on 400 pictures at an error of 0.5: by hand."""
    measured = results(0.49, 0.50, 0.51, n=400)
    expected = math.sqrt(0.01**2 / 3 + 0.5 * 0.5 / 400)
    assert standard_error(measured, "top1_error", unknown_deviation=9.0) == pytest.approx(expected)


def test_single_seed_is_taken_to_vary_as_others_do() -> None:
    """Its own deviation is unknown, not zero."""
    measured = results(0.5, n=400)
    expected = math.sqrt(0.02**2 + 0.5 * 0.5 / 400)
    assert standard_error(measured, "top1_error", unknown_deviation=0.02) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("errors_of_a", "error_of_b", "expected"),
    [
        ((0.100, 0.101, 0.099), 0.06, CONFIRMED),
        ((0.100, 0.101, 0.099), 0.14, OPPOSITE),
        ((0.100, 0.101, 0.099), 0.098, CLOSE),
        ((0.08, 0.10, 0.12), 0.065, CLOSE),  # b's one seed may be as lucky as a's first
    ],
)
def test_sentence_says_what_the_figures_say(errors_of_a: tuple[float, ...], error_of_b: float, expected: str) -> None:
    """Verdict, then both figures."""
    (sentence,) = sentences(GROUP, {"a": results(*errors_of_a), "b": results(error_of_b)})
    assert sentence.startswith(f"Network B errs less often than Network A: {expected} (top-1 error ")
    assert f"{error_of_b:.2%}".removesuffix("%") + " against 10.00" in sentence


def test_top_5_error_is_judged_by_itself() -> None:
    """The claims of the time are about both."""
    (sentence,) = sentences(GROUP, {"a": results(0.1, top5=0.03), "b": results(0.1, top5=0.001)})
    assert f"Network A: {CLOSE} (" in sentence
    assert f"by top-5 error {CONFIRMED} (0.10 against 3.00 %)" in sentence


def test_claim_without_both_figures_is_not_judged() -> None:
    """Half a comparison says nothing."""
    assert sentences(GROUP, {"a": results(0.1)}) == []
