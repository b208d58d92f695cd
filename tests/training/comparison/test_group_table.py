"""`training.comparison.group_table`: every cell comes from figures, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

from tests.training.result_files import results
from training.comparison.group_table import group_figure, group_table
from training.comparison.groups import Claim, Group, Member
from training.results.over_seeds import SinglePicture

GROUP = Group(
    Path("shapes"),
    (Member(recipe="new", title="AlexNet", seeds=1), Member(recipe="old", title="LeNet-5", seeds=3)),
    (Claim(better="new", worse="old"),),
)
TIMED = SinglePicture(median_ms=0.1234, n=200, threads=1, hardware="2 cores of X")


def test_row_holds_facts_and_figures_of_one_network() -> None:
    """In the order of the group, one line each."""
    measured = {
        "old": results(0.07, 0.08, 0.09),
        "new": results(0.05, architecture="alexnet", width=0.25, model_bytes=634_900, single_picture=TIMED),
    }
    lines = group_table(GROUP, measured).splitlines()
    assert lines[0].startswith("| network | year | width | parameters | multiply-adds | ONNX kB | CPU latency ms |")
    assert lines[2] == "| AlexNet | 2014 | 0.25 | 61,706 | 416,520 | 635 | 0.12 | 5.00 | 1.00 | 1 | 1.5 |"
    assert lines[3] == "| LeNet-5 | 1998 | 1 | 61,706 | 416,520 | - | - | 8.00 ± 1.00 | 1.00 ± 0.00 | 3 | 1.5 |"
    assert len({line.count("|") for line in lines[:4]}) == 1


def test_conditions_of_measurement_stand_below() -> None:
    """Data, hardware, and how latency was taken; different ones are all named."""
    other = SinglePicture(median_ms=0.1, n=50, threads=2, hardware="4 cores of Y")
    text = group_table(GROUP, {"old": results(0.07, single_picture=TIMED), "new": results(0.05, single_picture=other)})
    assert "Measured on shapes, 3 epochs, 10,000 test pictures, trained on 2 cores of X." in text
    assert "median of 200 pictures one by one, the network alone, 1 thread, 2 cores of X" in text
    assert "median of 50 pictures one by one, the network alone, 2 threads, 4 cores of Y" in text


def test_network_without_figures_is_named_and_not_judged() -> None:
    """A table that is still being measured is no table of everything."""
    text = group_table(GROUP, {"old": results(0.07)}, figure="figure.png")
    assert "Not measured yet: AlexNet." in text
    assert "errs less often" not in text
    assert "](figure.png)" in text


def test_group_without_any_figures_says_so() -> None:
    """Neither a figure nor conditions are made up."""
    text = group_table(GROUP, {}, figure="figure.png")
    assert "Not measured yet: AlexNet, LeNet-5." in text
    assert "Measured on" not in text
    assert "figure.png" not in text
    assert group_figure(GROUP, {}) is None


def test_claims_stand_below_the_table_with_how_they_were_judged() -> None:
    """One item each, and the rule."""
    text = group_table(GROUP, {"old": results(0.10), "new": results(0.05)})
    assert "\n- AlexNet errs less often than LeNet-5: confirmed (top-1 error 5.00 against 10.00 %)" in text
    assert "twice the standard error" in text


def test_figure_is_a_png_of_what_is_measured() -> None:
    """It changes with the figures."""
    one, two = (group_figure(GROUP, {"old": results(error)}) for error in (0.1, 0.2))
    assert one is not None
    assert one.startswith(b"\x89PNG")
    assert one != two
