"""The command line of training: what there is to call; `commands.py` does it.

    python -m training train fashion-lenet5

Heavy libraries are imported when a command runs, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from service.errors import ConvserveError
from training import describe
from training.errors import InterruptedRunError

_WRONG_INPUT = 2  # as argparse itself exits for what it cannot accept
_INTERRUPTED = 130  # 128 + SIGINT, as shells count

Run = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: Without the program's name.

    Returns:
        0, 2 for what the caller can mend, 130 after Ctrl-C.

    """
    parsed = _parser().parse_args(arguments)
    try:
        run: Run = parsed.run
        return run(parsed)
    except InterruptedRunError as error:
        print(f"{error}\nContinue with: {_resuming(arguments)}", file=sys.stderr)
        return _INTERRUPTED
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return _INTERRUPTED
    except ConvserveError as error:
        print(f"error: {error}", file=sys.stderr)
        return _WRONG_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    describe.add_commands(commands)
    _add_train(commands)
    _add_compare(commands)
    _add_steps(commands)
    _add_table(commands)
    return parser


def _add_train(commands: describe.Subparsers) -> None:
    train = commands.add_parser("train", help="train, export, evaluate and publish a recipe")
    _add_recipe(train)
    _add_seed(train)
    _add_hardware(train)
    _add_start(train)
    _add_folders(train)
    train.add_argument(
        "--publish",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="publish the model that the recipe names, if it names one (default: yes)",
    )
    train.add_argument(
        "--version", type=int, metavar="N", help="publish under this version instead of the next free one"
    )
    train.set_defaults(run=_lazily("train"))


def _add_compare(commands: describe.Subparsers) -> None:
    compare = commands.add_parser("compare", help="measure recipes over several seeds and write the published figures")
    compare.add_argument("recipes", nargs="+", metavar="RECIPE", help="names or .toml files")
    compare.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 1 to N (default: 3)")
    _add_changes(compare)
    _add_hardware(compare)
    _add_start(compare)
    _add_folders(compare)
    compare.add_argument(
        "--results-dir", type=Path, metavar="FOLDER", help="where the figures go (default: with the recipes)"
    )
    compare.set_defaults(run=_lazily("compare"))


def _add_steps(commands: describe.Subparsers) -> None:
    export = commands.add_parser("export", help="export and evaluate the best epoch of a run again")
    _add_recipe(export)
    _add_seed(export)
    _add_folders(export)
    export.set_defaults(run=_lazily("export"))

    evaluate = commands.add_parser("evaluate", help="score a published model through the serving path")
    evaluate.add_argument(
        "model", type=Path, metavar="FOLDER", help="models/NAME for the highest version, or a version"
    )
    evaluate.add_argument("--data", metavar="NAME", help="data set (default: the one it was published with)")
    evaluate.add_argument("--split", default="test", help="which pictures (default: test)")
    evaluate.add_argument("--json", action="store_true", help="as JSON")
    _add_folders(evaluate)
    evaluate.set_defaults(run=_lazily("evaluate"))

    publish = commands.add_parser("publish", help="publish a finished run")
    _add_recipe(publish)
    publish.add_argument("--seed", type=int, metavar="N", help="of the run (default: the lowest validation error)")
    publish.add_argument("--version", type=int, metavar="N", help="instead of the next free one")
    _add_folders(publish)
    publish.set_defaults(run=_lazily("publish"))


def _add_table(commands: describe.Subparsers) -> None:
    table = commands.add_parser("table", help="print the published figures as a Markdown table")
    table.add_argument("--write", nargs="+", type=Path, default=[], metavar="FILE", help="put it into these documents")
    table.set_defaults(run=_lazily("show_table"))


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a name from training/recipes, or a .toml file")
    _add_changes(parser)


def _add_changes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="NAME", help="data set: a folder, a known name or a Hugging Face Hub name")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the training pictures")
    parser.add_argument("--threads", type=int, metavar="N", help="processor threads of each process")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="KEY=VALUE",
        help="change a value of the recipe, for example optimizer.learning_rate=0.05; may be repeated",
    )


def _add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of every random number (default: 1)")


def _add_hardware(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="one per device (default: 1)")
    parser.add_argument("--precision", default="32-true", help="32-true, bf16-mixed, 16-mixed ... (default: 32-true)")


def _add_start(parser: argparse.ArgumentParser) -> None:
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="continue an interrupted run")
    start.add_argument("--restart", action="store_true", help="start over, even if an unfinished run is lost")


def _add_folders(parser: argparse.ArgumentParser) -> None:
    folders = parser.add_argument_group("folders")
    folders.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", help="data sets (CONVSERVE_DATA_DIR, default: data)"
    )
    folders.add_argument("--runs-dir", type=Path, metavar="FOLDER", help="runs (CONVSERVE_RUNS_DIR, default: runs)")
    folders.add_argument(
        "--models-dir", type=Path, metavar="FOLDER", help="published models (CONVSERVE_MODELS_DIR, default: models)"
    )


def _lazily(name: str) -> Run:
    """Import the commands, and with them torch, only when one is run."""

    def run(parsed: argparse.Namespace) -> int:
        command: Run = getattr(importlib.import_module("training.commands"), name)
        return command(parsed)

    return run


def _resuming(arguments: Sequence[str]) -> str:
    """Write the command that continues what these arguments began."""
    kept = [argument for argument in arguments if argument not in {"--resume", "--restart"}]
    return shlex.join(["python", "-m", "training", *kept, "--resume"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
