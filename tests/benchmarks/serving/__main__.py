"""The command line: `python -m tests.benchmarks.serving [--quick]`.

The whole takes about an hour, most of it the rivals; `--quick` measures the limit and the service alone in about a
minute. Only a whole run is added to the project's results and shown in its README.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.serving import readme
from tests.benchmarks.serving.errors import BenchmarkError
from tests.benchmarks.serving.results import RESULT, Result, append, facts
from tests.benchmarks.serving.rival_forms import RIVALS
from tests.benchmarks.serving.runs import Plan, Run
from tests.benchmarks.serving.scenarios import SCENARIOS
from tests.benchmarks.serving.tables import report
from tests.benchmarks.serving.workplace import DEFAULT_FOLDER, Workplace
from tests.benchmarks.serving.wrk import require_wrk

_TERMINATED: Final = 128 + signal.SIGTERM
_INTERRUPTED: Final = 128 + signal.SIGINT
_RIVAL_NAMES: Final = frozenset(rival.name for rival in RIVALS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, keep the figures.

    Returns:
        0, 2 where the benchmark cannot begin, or 130 where it was interrupted: then what was measured until then is
        printed and not kept.

    """
    options = _parser().parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (2.0 if options.quick else 4.0)
    workplace = Workplace.at(options.work)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # so that servers are ended with this program
    begun_s = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun_s:6.1f} s] {text}", file=sys.stderr)  # noqa: T201  a benchmark prints

    try:
        require_wrk()
    except BenchmarkError as error:
        say(str(error))
        return 2
    known = facts(rounds=options.rounds, cell_s=options.seconds)
    run = Run(_plan(options), workplace, say)
    interrupted = False
    try:
        run.measure()
    except KeyboardInterrupt:
        interrupted = True
        say("interrupted: what was measured until now follows, and is not kept")
    result = Result({**known, "tunings": run.tunings}, tuple(run.notes), run.figures)
    print(report(result))  # noqa: T201  a benchmark prints
    if interrupted:
        return _INTERRUPTED
    say(_keep(result, _place(options, workplace)))
    return 0


def _place(options: argparse.Namespace, workplace: Workplace) -> Path:
    """Say where figures are kept: only those of a whole run stand for the project."""
    if options.out:
        return Path(options.out)
    whole = not options.quick and not options.only and options.overload > 0 and {*options.rivals} == _RIVAL_NAMES
    return RESULT if whole else workplace.root / ("quick.jsonl" if options.quick else "part.jsonl")


def _keep(result: Result, path: Path) -> str:
    """Add a run to a file, draw it beside that, and show a whole one in the README.

    Returns:
        Where it is now.

    """
    from tests.benchmarks.serving.plot import draw  # matplotlib takes memory and time, and nothing else needs it

    append(result, path)
    plot = path.with_suffix(".png")
    draw(result.figures, plot)
    if path != RESULT:
        return f"kept in {path} and {plot}"
    shown = "shown in" if readme.update() else f"not shown in, because it has no mark {readme.BEGINS},"
    return f"kept in {path} and {plot}, {shown} {readme.README}"


def _plan(options: argparse.Namespace) -> Plan:
    names = options.only or [scenario.name for scenario in SCENARIOS if scenario.quick or not options.quick]
    return Plan(
        scenarios=[scenario for scenario in SCENARIOS if scenario.name in names],
        rounds=options.rounds,
        cell_s=options.seconds,
        form_s=options.seconds / 4 if options.quick else options.seconds / 2,
        liveness=not options.quick,
        further_s=0.0 if options.quick else options.overload,
        rivals=frozenset() if options.quick else frozenset(options.rivals),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.serving", description="Compare the service with the limit and with others."
    )
    names = [scenario.name for scenario in SCENARIOS]
    rivals = [rival.name for rival in RIVALS]
    parser.add_argument("--quick", action="store_true", help="the limit and the service alone, one short round")
    parser.add_argument("--rounds", type=int, help="how often everything takes its turn (3; 1 with --quick)")
    parser.add_argument("--seconds", type=float, help="of load in every cell (4; 2 with --quick)")
    parser.add_argument(
        "--overload", type=float, default=12, help="seconds of overload; 0 leaves out all but the cells"
    )
    parser.add_argument("--only", nargs="+", choices=names, metavar="SCENARIO", help=", ".join(names))
    parser.add_argument("--rivals", nargs="*", choices=rivals, default=rivals, metavar="RIVAL", help=", ".join(rivals))
    parser.add_argument("--work", type=Path, default=DEFAULT_FOLDER, help="where pictures, models and rivals are kept")
    parser.add_argument(
        "--out",
        type=Path,
        help="file of results; by default the project's for a whole run, and one in WORK for any other",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
