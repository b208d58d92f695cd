"""How many workers there are, and what each of them may use of what is set for the service as a whole."""

from __future__ import annotations

import os
import signal
from typing import Final

from service.errors import ConfigurationError
from service.settings import Settings

CAN_SUPERVISE: Final = hasattr(os, "fork") and hasattr(signal, "sigtimedwait")  # macOS lacks one, Windows both
MOST_PER_CORE: Final = 4  # beyond that they only wait for each other, and each takes memory


def count_workers(settings: Settings, *, cores: int, can_supervise: bool = CAN_SUPERVISE) -> int:
    """Tell how many workers are wanted.

    Args:
        settings: `auto` is one for each core.
        cores: That the service may use.
        can_supervise: Whether this system has what several workers need; `auto` is one where it has not.

    Raises:
        ConfigurationError: More than the machine is good for.

    """
    if settings.workers == "auto":
        return cores if can_supervise else 1
    if settings.workers > 1 and not can_supervise:
        raise ConfigurationError(
            f"CONVSERVE_WORKERS={settings.workers} needs Linux: this system has no way to fork workers and to wait for "
            "them. Set CONVSERVE_WORKERS=1, which uses all cores with threads."
        )
    most = MOST_PER_CORE * cores
    if settings.workers > most:
        raise ConfigurationError(
            f"CONVSERVE_WORKERS={settings.workers} is more than the {cores} cores of this service are good for; "
            f"set at most {most}, or auto for one worker per core."
        )
    return settings.workers


def require_form(settings: Settings, *, workers: int, cores: int) -> None:
    """Refuse a form that some worker cannot give, before any is started: others might come up meanwhile.

    Raises:
        ConfigurationError: A worker has one thread, and the form needs several.

    """
    last = settings_of_worker(settings, number=workers - 1, workers=workers, cores=cores)  # nobody has fewer
    if settings.form in ("wide", "both") and last.threads == 1:
        raise ConfigurationError(
            f"CONVSERVE_FORM={settings.form} runs a network on several threads, and of {workers} workers on {cores} "
            "cores some have one; set a smaller CONVSERVE_WORKERS, CONVSERVE_THREADS=2, or CONVSERVE_FORM=narrow."
        )


def settings_of_worker(settings: Settings, *, number: int, workers: int, cores: int) -> Settings:
    """Give a worker its share of cores, of the memory for bodies and of the queue.

    Args:
        settings: Of the service.
        number: Of the worker, from 0.
        workers: How many there are.
        cores: That the service may use.

    """
    own_cores = max(1, cores // workers + (number < cores % workers))
    return settings.model_copy(
        update={
            "threads": settings.threads or own_cores,
            "max_held_bytes": max(settings.max_body_bytes, settings.max_held_bytes // workers),
            "queue_size": settings.queue_size and -(-settings.queue_size // workers),
        }
    )
