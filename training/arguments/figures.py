"""The command `figures`: a run, or a network made by hand, in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.arguments import counts, shared

if TYPE_CHECKING:
    from training.arguments.shared import Subparsers

# The keys of training.figures.of_run.KINDS, which is not imported because it needs Matplotlib and torch.
KINDS = (
    "curves",
    "confusion",
    "filters",
    "class-weights",
    "feature-maps",
    "edges",
    "duplicates",
    "equivariance",
)


def add(commands: Subparsers) -> None:
    """Add the command."""
    figures = commands.add_parser(
        "figures",
        help="draw what a network learned and does",
        description="Draws filters, feature maps, edges, learning curves, confusion, what a logistic regression "
        "learned, duplicate hidden features, and what shifts of the picture do.",
    )
    figures.add_argument(
        "subject",
        metavar="RUN",
        help="a recipe that was run, the folder of a run, or a network made by hand such as kirsch_compass",
    )
    shared.add_seed(figures)
    figures.add_argument(
        "--kind", nargs="+", choices=KINDS, metavar="KIND", help=f"{', '.join(KINDS)} (default: all that apply)"
    )
    figures.add_argument("--picture", type=Path, metavar="FILE", help="to send through the network")
    figures.add_argument("--data", metavar="NAME", help="to take the picture from (default: the run's own)")
    figures.add_argument("--split", default="test", help="of the data (default: test)")
    figures.add_argument(
        "--number", type=counts.count, default=0, metavar="N", help="of the picture in the split, from 0 (default: 0)"
    )
    figures.add_argument(
        "--out", type=Path, metavar="FOLDER", help="for the figures (default: figures/ in the run's folder)"
    )
    shared.add_folders(figures)
    figures.set_defaults(run=shared.lazily("figures", "figures"))
