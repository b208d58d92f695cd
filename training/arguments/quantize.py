"""The command `quantize`: a published model in fewer bits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.arguments import shared

if TYPE_CHECKING:
    from training.arguments.shared import Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
    quantize = commands.add_parser(
        "quantize",
        help="publish a model's next version with an int8 or fp16 file beside float32, if it errs as rarely",
        description="Writes a published model's network in fewer bits, measures it on the test pictures and the golden "
        "samples, and publishes the model's next version with both files. A file whose error rises by too much is not "
        "published; then you are told which layers hurt.",
    )
    quantize.add_argument(
        "model", type=Path, metavar="FOLDER", help="models/NAME for the highest version, or a version"
    )
    quantize.add_argument(
        "--precision",
        choices=("int8", "fp16"),
        default="int8",
        help="int8 for processors (default), fp16 for GPUs: on a processor it is checked, and no faster",
    )
    quantize.add_argument("--data", metavar="NAME", help="data set (default: the one it was published with)")
    quantize.add_argument(
        "--calibration-pictures",
        type=int,
        default=512,
        metavar="N",
        help="training pictures that give int8 its ranges (default: 512)",
    )
    quantize.add_argument(
        "--selection-pictures",
        type=int,
        default=1000,
        metavar="N",
        help="held-back pictures that choose between forms of the file (default: 1000)",
    )
    quantize.add_argument(
        "--calibration",
        choices=("minmax", "percentile", "entropy"),
        help="how ranges follow from pictures (default: the better one of minmax and percentile)",
    )
    quantize.add_argument(
        "--spare",
        action="append",
        default=[],
        metavar="LAYER",
        help="keep a layer in float32, by the name that a report gives it; may be repeated",
    )
    quantize.add_argument(
        "--max-rise",
        type=float,
        default=0.005,
        metavar="SHARE",
        help="largest accepted rise of the top-1 error (default: 0.005, half a point)",
    )
    quantize.add_argument(
        "--turns", type=int, default=15, metavar="N", help="how often each file is timed beside float32 (default: 15)"
    )
    quantize.add_argument("--version", type=int, metavar="N", help="publish under this version, not the next free one")
    quantize.add_argument("--dry-run", action="store_true", help="measure and report, publish nothing")
    quantize.add_argument("--json", action="store_true", help="report as JSON, progress on standard error")
    shared.add_folders(quantize)
    quantize.set_defaults(run=shared.lazily("quantize", "quantize"))
