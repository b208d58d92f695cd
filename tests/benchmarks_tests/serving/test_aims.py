"""`tests.benchmarks.serving.aims`: what a run is held to."""

from __future__ import annotations

import pytest

from tests.benchmarks.serving.aims import AIMS, RATE, Aim, Verdict, verdict, verdicts
from tests.benchmarks.serving.figures import LIMIT, OURS, Figures, Key

SHARE = Aim("r50", RATE, 0.95, callers=8, against="limit", of_scenario="r50")


def figures(**medians: float) -> Figures:
    """Give rates in the scenario r50 at 8 callers."""
    return Figures({Key("r50", name.replace("_", " "), "form", RATE, 8): [value] for name, value in medians.items()})


@pytest.mark.parametrize(("ours", "met"), [(47.4, False), (47.5, True), (52.0, True)])
def test_share_of_the_limit_is_judged_at_its_bound(ours: float, met: bool) -> None:
    """0.95 of 50 is 47.5, and exactly so much is enough."""
    found = verdict(SHARE, figures(convserve=ours, limit=50.0))
    assert found.met is met
    assert found.value == pytest.approx(ours / 50)


def test_limit_is_its_best_form() -> None:
    """A form of the limit that suits nobody makes no aim easier."""
    measured = figures(convserve=40.0)
    measured.add(Key("r50", LIMIT, "bad", RATE, 8), 20.0)
    measured.add(Key("r50", LIMIT, "good", RATE, 8), 50.0)
    assert verdict(SHARE, measured).value == pytest.approx(0.8)
    assert verdict(SHARE, measured).beside == "limit, good"


def test_best_rival_is_neither_the_limit_nor_ours() -> None:
    """Of three servers beside ours, the quickest rival counts."""
    aim = Aim("r50", RATE, 1.15, callers=8, against="rivals")
    found = verdict(aim, figures(convserve=50.0, limit=90.0, Mosec=40.0, FastAPI_inline=45.0))
    assert found.value == pytest.approx(50 / 45)
    assert found.beside == "FastAPI inline, form"


def test_own_best_rate_is_over_all_callers() -> None:
    """Overload is compared with the best that the same server did without it."""
    measured = figures(convserve=48.0)
    measured.add(Key("r50", OURS, "form", RATE, 64), 50.0)
    measured.add(Key("r50", OURS, "form", "overload_good_per_s"), 45.0)
    aim = Aim("r50", "overload_good_per_s", 0.95, against="own best rate")
    assert verdict(aim, measured).value == pytest.approx(0.9)


def test_ceiling_is_met_from_below() -> None:
    """Of a latency or of memory less is better."""
    aim = Aim("r20", "resident_mib", 110, least=False)
    key = Key("r20", OURS, "form", "resident_mib")
    assert verdict(aim, Figures({key: [110.0]})).met is True
    assert verdict(aim, Figures({key: [110.1]})).met is False


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    """Without ours or without its divisor nothing is claimed."""
    for measured in (figures(limit=50.0), figures(convserve=50.0), Figures()):
        found = verdict(SHARE, measured)
        assert found.met is None
        assert "not measured" in found.text()


def test_text_says_met_or_missed_beside_the_aim() -> None:
    """The table has to be read without a calculator."""
    assert Verdict(SHARE, 0.951).text() == "0.951 (aim >= 0.95: met)"
    assert Verdict(SHARE, 0.9).text() == "0.9 (aim >= 0.95: MISSED)"


def test_every_aim_is_judged_once() -> None:
    """No aim is lost on the way to the table, and none stands there twice."""
    assert [found.aim for found in verdicts(Figures())] == list(AIMS)
    assert len(set(AIMS)) == len(AIMS)
