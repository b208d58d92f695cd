"""The words of `python -m service predict`; imports nothing heavy, because every command builds the whole parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

FORMATS: Final = ("table", "csv", "jsonl")
MOST_AT_ONCE: Final = 1024
USUAL_IN_FLIGHT: Final = 8
USUAL_PATIENCE_S: Final = 60.0

_DESCRIPTION: Final = (
    "Classify pictures with a model of the models folder, or with --server through a running service. "
    "Exit code: 0 when every picture was classified, 1 when one was not, 2 when nothing could start, 130 after Ctrl-C."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the parser of `predict` its arguments."""
    parser.description = _DESCRIPTION
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="file, folder (walked recursively), http(s) address, or - for stdin",
    )
    _add_model(parser.add_argument_group("model"))
    _add_output(parser.add_argument_group("output"))
    offline = parser.add_argument_group("offline")
    offline.add_argument("--threads", type=_whole(1, MOST_AT_ONCE), metavar="N", help="pictures in work; all cores")
    _add_remote(parser.add_argument_group("through a running service"))


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", metavar="NAME", help="name of a model; the default one if left out")
    group.add_argument(
        "--model-version", type=_whole(1, 2**31 - 1), metavar="N", help="version; the live one if left out"
    )
    group.add_argument(
        "--precision", choices=("fp32", "fp16", "int8"), help="variant; the one the publisher lists first"
    )
    group.add_argument(
        "--decode", choices=("exact", "fast"), help="how JPEG photographs are decoded; as the model says"
    )
    group.add_argument("--top-k", type=_whole(1, 2**31 - 1), default=1, metavar="K", help="classes a picture (1)")


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--output", metavar="FILE", help="where results go; standard output if left out")
    group.add_argument(
        "--format", choices=FORMATS, help="table on a terminal, else csv; jsonl for a FILE that ends in .jsonl"
    )


def _add_remote(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--server", metavar="URL", help="ask the service there, such as http://127.0.0.1:8000")
    group.add_argument(
        "--in-flight", type=_whole(1, MOST_AT_ONCE), metavar="N", help=f"requests at once ({USUAL_IN_FLIGHT})"
    )
    group.add_argument(
        "--patience", type=_seconds, metavar="SECONDS", help=f"longest wait for a busy service ({USUAL_PATIENCE_S:g})"
    )
    group.add_argument("--key-file", metavar="FILE", help="file with the API key; else CONVSERVE_API_KEY")


def _whole(least: int, most: int) -> Callable[[str], int]:
    """Make a reader of whole numbers between bounds."""

    def whole(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}, not {text!r}")
        return int(text)

    return whole


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 24 * 3600:
        raise argparse.ArgumentTypeError(f"must be seconds from 0 to 86400, not {text!r}")
    return seconds
