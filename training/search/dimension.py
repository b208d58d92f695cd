"""The values that one key may take: a range of numbers, or choices, as a recipe's `[search]` table writes them.

    { low = 0.01, high = 1.0, log = true }      any number between, evenly by order of magnitude
    { low = 1, high = 4 }                       1, 2, 3 or 4
    { low = 0.0, high = 0.5, steps = 6 }        the same for a sampler; a grid takes six values of it
    { low = 3, high = 7, step = 2 }             3, 5 or 7
    { choices = [[100], [200, 50]] }            one of the list, whatever it holds

Knows neither recipes nor keys; `space.py` does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from training.errors import did_you_mean
from training.search.errors import SearchError

WORDS = ("low", "high", "log", "step", "steps", "choices")
_TOLERANCE = 1e-9  # of a number of steps, which decimal fractions miss by a rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Args:
        low: The lowest.
        high: The highest.
        whole: Integers only.
        log: Even by order of magnitude instead of by difference.
        step: Distance between neighbouring values; None allows all between.
        steps: Number of values that a grid takes.

    """

    low: float
    high: float
    whole: bool
    log: bool = False
    step: float | None = None
    steps: int | None = None

    def distribution(self) -> BaseDistribution:
        """Say the same to Optuna."""
        if self.whole:
            step = 1 if self.step is None else int(self.step)
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=step)
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def value_of(self, parameter: CategoricalChoiceType) -> object:
        """Give what a recipe writes for one of Optuna's parameters."""
        return float(f"{parameter:.12g}") if self.step is not None and isinstance(parameter, float) else parameter

    def grid(self) -> list[CategoricalChoiceType] | None:
        """List the values of a grid; None where they are not countable."""
        if self.step is not None:
            count = round((self.high - self.low) / self.step) + 1
            return [self._number(self.low + number * self.step) for number in range(count)]
        if self.steps is None:
            return None
        shares = [number / (self.steps - 1) for number in range(self.steps)] if self.steps > 1 else [0.0]
        if self.log:
            numbers = [self.low * (self.high / self.low) ** share for share in shares]
        else:
            numbers = [self.low + (self.high - self.low) * share for share in shares]
        return list(dict.fromkeys(self._number(number) for number in numbers))

    def _number(self, number: float) -> float:
        inside = min(max(number, self.low), self.high)  # rounding may lead out of the range by a last bit
        return round(inside) if self.whole else inside

    def __str__(self) -> str:
        words = [f"{self.low:g} to {self.high:g}"]
        words += ["by order of magnitude"] if self.log else []
        words += [f"in steps of {self.step:g}"] if self.step is not None else []
        words += [f"{self.steps} values in a grid"] if self.steps is not None else []
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class Choices:
    """One of several values of any kind.

    Args:
        values: As a recipe writes them.

    """

    values: tuple[Any, ...]

    def distribution(self) -> BaseDistribution:
        """Say the same to Optuna, which takes no lists: they become their text."""
        return CategoricalDistribution([_parameter(value) for value in self.values])

    def value_of(self, parameter: CategoricalChoiceType) -> object:
        """Give what a recipe writes for one of Optuna's parameters."""
        return next(value for value in self.values if _same(_parameter(value), parameter))

    def grid(self) -> list[CategoricalChoiceType] | None:
        """List the values of a grid."""
        return [_parameter(value) for value in self.values]

    def __str__(self) -> str:
        return ", ".join(str(_parameter(value)) for value in self.values)


Dimension = Range | Choices


def read_dimension(written: object, *, key: str) -> Dimension:
    """Read what a `[search]` table says about a key.

    Args:
        written: A table with some of `WORDS`.
        key: For messages.

    Raises:
        SearchError: It says something else, or something that no value fulfils.

    """
    if not isinstance(written, Mapping) or not written:
        raise SearchError(
            f"search.{key} must be a table like {{ low = 0.01, high = 1.0 }} or {{ choices = [16, 32] }}, "
            f"not {written!r}."
        )
    for word in written:
        if word not in WORDS:
            raise SearchError(f"search.{key}: unknown word {word!r}; {did_you_mean(word, WORDS)}")
    if "choices" in written:
        return _choices(written, key=key)
    return _range(written, key=key)


def _choices(written: Mapping[str, Any], *, key: str) -> Choices:
    values = written["choices"]
    if len(written) > 1 or not isinstance(values, list) or not values:
        raise SearchError(f"search.{key}: choices must be a list with at least one value, and stand alone.")
    names = [json.dumps(value, default=str) for value in values]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SearchError(f"search.{key}: the choice {twice} stands there twice.")
    return Choices(tuple(values))


def _range(written: Mapping[str, Any], *, key: str) -> Range:
    missing = [word for word in ("low", "high") if word not in written]
    if missing:
        raise SearchError(f"search.{key}: {' and '.join(missing)} is missing.")
    for word, value in written.items():
        good = isinstance(value, bool) if word == "log" else _is_number(value, whole=word == "steps")
        if not good:
            raise SearchError(f"search.{key}: {word} cannot be {value!r}.")
    low, high, step = written["low"], written["high"], written.get("step")
    whole = all(isinstance(number, int) for number in (low, high, step) if number is not None)
    found = Range(low=low, high=high, whole=whole, log=written.get("log", False), step=step, steps=written.get("steps"))
    _require_sense(found, key=key)
    return found


def _require_sense(found: Range, *, key: str) -> None:
    if found.low > found.high:
        raise SearchError(f"search.{key}: low {found.low} is above high {found.high}.")
    if found.log and found.low <= 0:
        raise SearchError(f"search.{key}: log needs a low above 0, not {found.low}.")
    if found.log and found.step is not None:
        raise SearchError(f"search.{key}: log and step exclude each other; a grid can use steps instead.")
    if found.step is not None and found.steps is not None:
        raise SearchError(f"search.{key}: step is a distance and steps a number of values; give one of the two.")
    if found.steps is not None and found.steps < 1:
        raise SearchError(f"search.{key}: steps must be at least 1, not {found.steps}.")
    if found.step is not None:
        _require_reached(found, found.step, key=key)


def _require_reached(found: Range, step: float, *, key: str) -> None:
    if step <= 0:
        raise SearchError(f"search.{key}: step must be above 0, not {step}.")
    count = (found.high - found.low) / step
    if abs(count - round(count)) > _TOLERANCE * max(1.0, count):
        raise SearchError(f"search.{key}: steps of {step} from {found.low} never reach high {found.high}.")


def _is_number(value: object, *, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) if whole else math.isfinite(value)


def _parameter(value: object) -> CategoricalChoiceType:
    return value if isinstance(value, bool | int | float | str) else json.dumps(value)


def _same(one: CategoricalChoiceType, other: CategoricalChoiceType) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)  # True equals 1 in Python
