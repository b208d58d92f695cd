"""Whole numbers on the command line, refused in words where they make no sense."""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """Read a whole number that is not negative.

    Raises:
        argparse.ArgumentTypeError: It is something else.

    """
    return _at_least(0, text)


def positive(text: str) -> int:
    """Read a whole number that is at least 1.

    Raises:
        argparse.ArgumentTypeError: It is something else.

    """
    return _at_least(1, text)


def _at_least(lowest: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = lowest - 1
    if number < lowest:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least {lowest}, not {text!r}")
    return number
