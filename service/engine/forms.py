"""In which form a network runs on this machine: one thread a run, all cores for one run, or both side by side.

Many callers are served best by as many runs at once as there are cores, each on one; a caller who is alone by one run
on all of them. Where both forms are loaded, a request takes the one that fits the moment at which it starts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as validated

from service.engine.session import Session

Form = Literal["narrow", "wide", "both", "streams"]

MOST_BATCHED: Final = 1024  # pictures; beyond that a run keeps everybody else waiting on any device
_STRICT: Final = ConfigDict(extra="forbid", allow_inf_nan=False)


@validated(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Measurement:
    """How long one form takes.

    Args:
        threads: Of one run.
        batch: Pictures in it.
        median_s: Seconds for each picture.
        least_s: The quickest.
        n: Runs.

    """

    threads: int
    batch: int
    median_s: float
    least_s: float
    n: int


@validated(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Tuning:
    """The form of a model on this machine, and why.

    Args:
        form: Which sessions are loaded: `narrow`, `wide` or `both` on a CPU, `streams` on a GPU.
        batch: Most pictures in one run.
        because: `measured`, `pinned` by a setting, or `default` while nothing is known.
        measurements: What was timed.

    """

    form: Form
    batch: Annotated[int, Field(ge=1, le=MOST_BATCHED)]
    because: Literal["default", "measured", "pinned"]
    measurements: tuple[Measurement, ...] = ()


DEFAULT: Final = Tuning(form="narrow", batch=1, because="default")


@dataclass(slots=True)
class Sessions:
    """The loaded forms of one network, exchanged while requests go on.

    Args:
        narrow: Runs on one thread, or on a GPU.
        wide: Runs on all cores; None where nobody would use it.
        tuning: Why these are loaded, and when the wide one is used.

    """

    narrow: Session
    wide: Session | None = None
    tuning: Tuning = field(default=DEFAULT)

    def session(self, *, alone: bool) -> Session:
        """Choose for one run.

        Args:
            alone: Whether nothing else runs or waits.

        """
        if self.wide is not None and (alone or self.tuning.form == "wide"):
            return self.wide
        return self.narrow
