"""Takes values of known types out of parsed JSON, and says precisely what stands there instead of them.

JSON has no types beyond its six; `true` is no number here although Python says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from service.errors import MalformedBodyError, shortened


def text(value: object, what: str) -> str:
    """Take a text.

    Raises:
        MalformedBodyError: It is something else; the message calls it `what`.

    """
    if not isinstance(value, str):
        raise _other_type(what, "a text", value)
    return value


def whole_number(value: object, what: str, *, least: int) -> int:
    """Take a whole number from `least` up.

    Raises:
        MalformedBodyError: It is something else, or smaller.

    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _other_type(what, f"a whole number from {least}", value)
    return value


def flag(value: object, what: str) -> bool:
    """Take true or false.

    Raises:
        MalformedBodyError: It is neither.

    """
    if not isinstance(value, bool):
        raise _other_type(what, "true or false", value)
    return value


def array(value: object, what: str) -> list[Any]:
    """Take an array.

    Raises:
        MalformedBodyError: It is something else.

    """
    if not isinstance(value, list):
        raise _other_type(what, "an array", value)
    return value


def members(value: object, what: str, *, known: Collection[str]) -> dict[str, Any]:
    """Take an object without members that nobody here would look at; one that is null counts as left out.

    Raises:
        MalformedBodyError: It is no object, or has a member that is not known.

    """
    if not isinstance(value, dict):
        raise _other_type(what, "an object", value)
    for name in value:
        if name not in known:
            names = ", ".join(map(repr, known))
            raise MalformedBodyError(f"{what} may have {names}; {shortened(name)} is not known here.")
    return {name: member for name, member in value.items() if member is not None}


def required(values: Mapping[str, Any], name: str, what: str) -> object:
    """Take a member that must be there.

    Raises:
        MalformedBodyError: It is not.

    """
    if name not in values:
        raise MalformedBodyError(f"{what} has no {name!r}.")
    return values[name]


def _other_type(what: str, expected: str, value: object) -> MalformedBodyError:
    return MalformedBodyError(f"{what} must be {expected}, not {shortened(value)}.")
