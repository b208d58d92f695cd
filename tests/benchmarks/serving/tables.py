"""A run as Markdown: the aims, every server, overload, and what could not be measured; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.benchmarks.serving.aims import RATE, Verdict, verdicts
from tests.benchmarks.serving.balance import MEASURE
from tests.benchmarks.serving.figures import LIMIT, OURS, Figures, Key, number
from tests.benchmarks.serving.results import Result
from tests.benchmarks.serving.scenarios import (
    BALANCE_CONNECTIONS,
    BALANCE_SCENARIO,
    OVERLOAD_SCENARIO,
    SCENARIOS,
    STORM_CLIENTS,
    Scenario,
    scenario,
)

_COLUMNS = (1, 8, 64)
_WORDS = {
    "resident_mib": "resident, MiB",
    "balance_spread": "rate spread over any number of connections",
    "mean_difference": "mean difference of the tensor, /255",
    "largest_difference": "largest, /255",
    "overload_livez_p99_ms": "4x open-loop overload: /livez p99, ms",
    "overload_good_per_s": "answers within 1 s, share of the best rate",
    "overload_accepted_p99_ms": "p99 of accepted, ms",
    "storm_rate_per_s": f"{STORM_CLIENTS} clients that retry at once, share of the best rate",
    "start_s": "start to first answer, s",
    "cached_load_ms": "loaded from the cache by a fresh process, ms",
    "second_session_mib": "a second session, MiB more",
}


def report(result: Result) -> str:
    """Write everything."""
    figures = result.figures
    tables = (servers_table(figures), overload_table(figures), balance_table(figures))
    parts = [aims_table(result), *tables, *_notes(result.notes)]
    return "\n\n".join(part for part in parts if part)


def aims_table(result: Result) -> str:
    """Write each scenario's rates with each ratio beside its aim."""
    found = list(verdicts(result.figures))
    rows = [_aims_row(one, result.figures, found) for one in SCENARIOS]
    head = _table(("scenario", *(f"c={callers}" for callers in _COLUMNS), "also"), rows)
    met, judged = sum(one.met is True for one in found), sum(one.met is not None for one in found)
    facts = result.facts
    return (
        f"{facts['machine']}; requests per second, median [least-greatest] of {facts['rounds']} interleaved rounds of "
        f"{facts['seconds']:g} s; limit: the same decoding, preprocessing and network in process without HTTP; weights "
        f"are random{_circumstances(facts)}.\n\n{head}\n\n{met} of {judged} measured aims are met."
        f"{_tunings(facts.get('tunings', {}))}"
    )


def _circumstances(facts: Mapping[str, Any]) -> str:
    """Say what else the machine did, and of which state of the project this is."""
    load, commit = facts.get("load_before"), facts.get("commit")
    busy = f"; load average before the run {load:.2g}" if load is not None else ""
    return f"{busy}; commit {commit}" if commit else busy


def _tunings(tunings: Mapping[str, str]) -> str:
    told = [f"{scenario(name).title}: {text}" for name, text in tunings.items() if text]
    return f" Forms in use, chosen by the service: {'; '.join(told)}." if told else ""


def servers_table(figures: Figures) -> str:
    """Write every server's figures in every scenario, in the form that is best in each cell."""
    rows = [
        _server_row(one, server, figures)
        for one in SCENARIOS
        for server in figures.servers()
        if server != LIMIT and any(figures.best(one.name, RATE, c, servers=[server]) for c in one.callers)
    ]
    columns = (
        "scenario",
        "server",
        *(f"c={callers}" for callers in _COLUMNS),
        "p99 at c=8, ms",
        "PSS, MiB",
        "start, s",
    )
    return _table(columns, rows)


def overload_table(figures: Figures) -> str:
    """Write what servers do with more than they can."""
    keys = list(figures.keys(OVERLOAD_SCENARIO, "overload_good_per_s"))
    if not keys:
        return ""
    rows = [
        (
            f"{key.server}, {key.form}",
            *(
                _value(figures, key, f"overload_{name}")
                for name in ("offered_per_s", "good_per_s", "accepted_p50_ms", "accepted_p99_ms", "refused")
            ),
            *(_value(figures, key, f"overload_{name}") for name in ("given_up", "livez_p50_ms", "livez_p99_ms")),
            _value(figures, key, "storm_rate_per_s", STORM_CLIENTS),
        )
        for key in keys
    ]
    columns = ("overload", "offered/s", "200 within 1 s, /s", "p50 of 200s, ms", "p99, ms", "refused", "gave up")
    return _table((*columns, "alive p50, ms", "alive p99, ms", f"{STORM_CLIENTS} clients at once, 200s/s"), rows)


def balance_table(figures: Figures) -> str:
    """Write the service's rate by number of connections that stay open."""
    found = {c: figures.best(BALANCE_SCENARIO, MEASURE, c, servers=[OURS]) for c in BALANCE_CONNECTIONS}
    measured = {c: spread for c, key in found.items() if key and (spread := figures.spread(key))}
    if not measured:
        return ""
    columns = (f"connections, {scenario(BALANCE_SCENARIO).title}", *map(str, measured))
    return _table(columns, [("requests per second", *(spread.text() for spread in measured.values()))])


def _aims_row(measured: Scenario, figures: Figures, found: Sequence[Verdict]) -> tuple[str, ...]:
    mine = [one for one in found if one.aim.scenario == measured.name]
    cells = [_rate_cell(measured, callers, figures, mine) for callers in _COLUMNS]
    return (measured.title, *cells, "<br>".join(_also(one) for one in mine if one.aim.measure in _WORDS))


def _rate_cell(measured: Scenario, callers: int, figures: Figures, mine: Iterable[Verdict]) -> str:
    if callers not in measured.callers:
        return "-"
    best = figures.best(measured.name, RATE, callers, servers=[OURS])
    spread = figures.spread(best) if best else None
    if spread is None:
        return "not measured"
    here = [one for one in mine if one.aim.callers == callers]
    rates = [_ratio(one) for one in here if one.aim.measure == RATE]
    alive = [f"/livez p99, ms: {one.text()}" for one in here if one.aim.measure == "livez_p99_ms"]
    return "<br>".join([f"{spread.text()}/s", *rates, *alive])


def _ratio(one: Verdict) -> str:
    of = "the limit" if one.aim.against == "limit" else "the best rival"
    beside = one.beside.removeprefix(f"{LIMIT}, ")
    return f"{one.text()} of {of}{f' ({beside})' if beside else ''}"


def _also(one: Verdict) -> str:
    return f"{_WORDS[one.aim.measure]}: {one.text()}"


def _server_row(measured: Scenario, server: str, figures: Figures) -> tuple[str, ...]:
    best = {c: figures.best(measured.name, RATE, c, servers=[server]) for c in _COLUMNS if c in measured.callers}
    rates = [_with_form(figures, best.get(callers)) for callers in _COLUMNS]
    usual = best.get(8) or next(key for key in best.values() if key)
    further = [_value(figures, usual, name, callers) for name, callers in (("p99_ms", 8), ("proportional_mib", 0))]
    return (measured.title, server, *rates, *further, _value(figures, usual, "start_s"))


def _with_form(figures: Figures, key: Key | None) -> str:
    spread = figures.spread(key) if key else None
    if key is None or spread is None:
        return "-"
    return spread.text() if key.server == OURS else f"{spread.text()}<br>{key.form}"


def _value(figures: Figures, beside: Key, measure: str, callers: int = 0) -> str:
    spread = figures.spread(Key(beside.scenario, beside.server, beside.form, measure, callers))
    return number(spread.median) if spread else "-"


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield "\n".join(f"- {note}" for note in notes)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
