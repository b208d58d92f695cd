"""The command `evaluate`: a published model put to the test."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from training.arguments import counts, shared

if TYPE_CHECKING:
    from training.arguments.shared import Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
    evaluate = commands.add_parser(
        "evaluate",
        help="put a published model to the test, through the serving path",
        description="Writes report.md, report.json and figures: errors with intervals, every class, calibration, the "
        "surest mistakes, robustness, latency.",
    )
    evaluate.add_argument(
        "model", type=Path, metavar="MODEL", help="models/NAME for the highest version, a version's folder, or NAME"
    )
    evaluate.add_argument("--data", metavar="NAME", help="data set or folder (default: the one it was published with)")
    evaluate.add_argument("--split", default="test", help="which pictures (default: test)")
    _add_division(evaluate)
    evaluate.add_argument(
        "--precision", choices=("fp32", "fp16", "int8"), help="which file of the model (default: the one listed first)"
    )
    evaluate.add_argument(
        "--robustness",
        type=counts.count,
        default=1000,
        metavar="N",
        help="pictures that are shifted, blurred and so on (default: 1000; 0: none)",
    )
    evaluate.add_argument("--seed", type=counts.count, default=0, metavar="N", help="of samples and noise (default: 0)")
    evaluate.add_argument(
        "--threads", type=counts.positive, default=1, metavar="N", help="of one run of the network (default: 1)"
    )
    evaluate.add_argument(
        "--out", type=Path, metavar="FOLDER", help="for the report (default: evaluation/ in the runs folder)"
    )
    evaluate.add_argument("--json", action="store_true", help="print report.json instead of a summary")
    shared.add_folders(evaluate)
    evaluate.set_defaults(run=shared.lazily("evaluate", "evaluate"))


def _add_division(evaluate: argparse.ArgumentParser) -> None:
    """Take how a set without test pictures was divided when the model was trained."""
    evaluate.add_argument(
        "--split-seed",
        type=int,
        metavar="N",
        help="data.split_seed of the training, for data without test pictures of its own (default: the recipe's)",
    )
    evaluate.add_argument(
        "--test-pictures", type=counts.positive, metavar="N", help="data.test_pictures of the training, likewise"
    )
