"""The root of all errors that this project raises on purpose, and how an offending value is shown in one."""

from __future__ import annotations

SHOWN_CHARACTERS = 200


def shortened(value: object) -> str:
    """Show an offending value in a message, whatever its size and depth."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or a number with too many digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


class ConvserveError(Exception):
    """Root of everything this project raises on purpose; its text is fit for the person who caused it."""
