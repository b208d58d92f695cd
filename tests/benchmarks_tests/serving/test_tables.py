"""`tests.benchmarks.serving.tables`: what a reader sees of a run."""

from __future__ import annotations

from tests.benchmarks.serving.figures import LIMIT, OURS, Figures, Key
from tests.benchmarks.serving.results import Result
from tests.benchmarks.serving.scenarios import SCENARIOS
from tests.benchmarks.serving.tables import aims_table, balance_table, overload_table, report, servers_table

FACTS = {"machine": "2 cores of X", "rounds": 3, "seconds": 4.0}


def made() -> Figures:
    """Give a small run."""
    figures = Figures()
    for server, form, values in (
        (LIMIT, "2 x intra 1", [50.0, 51.0]),
        (OURS, "as it comes", [48.0, 48.5]),
        ("Mosec", "processes 2, intra 1", [45.0, 46.0]),
        ("Mosec", "processes 1, intra 2", [40.0, 41.0]),
    ):
        for value in values:
            figures.add(Key("r50", server, form, "rate_per_s", 8), value)
    figures.add(Key("r50", OURS, "as it comes", "overload_good_per_s"), 40.0)
    figures.add(Key("r20", OURS, "as it comes", "resident_mib"), 104.0)
    return figures


def row(text: str, beginning: str) -> str:
    """Find a row of a table."""
    return next(line for line in text.splitlines() if line.startswith(f"| {beginning}"))


def test_ratio_stands_beside_its_aim() -> None:
    """48.25 of 50.5 is 0.955, and 0.95 was aimed at."""
    found = row(aims_table(Result(FACTS, (), made())), "ResNet-50, 224")
    assert "48.2 [48-48.5]/s" in found
    assert "0.955 (aim >= 0.95: met) of the limit (2 x intra 1)" in found
    assert "resident, MiB: 104 (aim <= 110: met)" in row(aims_table(Result(FACTS, (), made())), "ResNet-20")


def test_every_scenario_has_a_row_even_where_nothing_was_measured() -> None:
    """What is missing is seen to be missing."""
    text = aims_table(Result(FACTS, (), Figures()))
    for scenario in SCENARIOS:
        assert "not measured" in row(text, scenario.title)
    assert "0 of 0 measured aims are met." in text


def test_rival_is_shown_in_its_best_form() -> None:
    """The form is stated, and the slower one is not shown."""
    found = row(servers_table(made()), "ResNet-50, 224, 500x375 JPEG, fp32 | Mosec")
    assert "45.5 [45-46]<br>processes 2, intra 1" in found
    assert "40" not in found


def test_overload_is_shown_where_it_was_measured() -> None:
    """One row per server that was overloaded."""
    assert row(overload_table(made()), f"{OURS}, as it comes")
    assert overload_table(Figures()) == ""


def test_tables_have_as_many_cells_as_columns() -> None:
    """Markdown shows a table only then."""
    for line in report(Result(FACTS, ("a note",), made())).splitlines():
        if line.startswith("|") and not line.startswith("| overload"):
            assert line.count(" | ") + 1 in {5, 8, 10}


def test_form_that_the_service_chose_is_told() -> None:
    """A ratio is of a form, and a service that tells none is no gap in the text."""
    text = aims_table(
        Result({**FACTS, "tunings": {"r50": "form both, batch 1, because measured", "r20": ""}}, (), made())
    )
    assert "ResNet-50, 224, 500x375 JPEG, fp32: form both, batch 1, because measured." in text


def test_rate_of_every_number_of_connections_is_shown() -> None:
    """A number that is always slow has no spread of its own, and is seen here."""
    figures = Figures()
    for connections, values in ((4, [2800.0, 2790.0]), (5, [1400.0, 1410.0])):
        for value in values:
            figures.add(Key("r20-workers", OURS, "WORKERS=2", "balance_rate_per_s", connections), value)
    assert balance_table(figures).splitlines()[0].endswith("| 4 | 5 |")
    assert row(balance_table(figures), "requests") == (
        "| requests per second | 2,795 [2,790-2,800] | 1,405 [1,400-1,410] |"
    )
    assert balance_table(Figures()) == ""


def test_busy_machine_and_state_of_the_project_are_told() -> None:
    """Figures beside a load of 3 are of another machine."""
    text = aims_table(Result({**FACTS, "load_before": 3.14, "commit": "0123abc-dirty"}, (), made()))
    assert "; load average before the run 3.1; commit 0123abc-dirty." in text


def test_notes_are_listed() -> None:
    """A server that could not be started is named with its reason."""
    assert "- Mosec: did not start" in report(Result(FACTS, ("Mosec: did not start",), made()))
