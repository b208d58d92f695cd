"""Lets the shadow of a model see pictures that the live version has answered, and counts how often they agree.

The caller has its answer before the shadow begins. Shadows run as work that is not urgent, so they are refused before
anybody who waits is, and no more than a bounded number of pictures is kept for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from service.engine.predictor import Classification, Sent, predict
from service.errors import DeadlineExceededError, UnavailableError
from service.repository.live_model import LiveModel
from service.telemetry.logs import log

_MOST_PENDING: Final = 64
_MOST_BYTES: Final = 32 * 2**20


class Shadows:
    """The shadow runs of this process; used from its event loop.

    Args:
        clock: Of deadlines.
        patience_s: Longest time that a picture is kept for a shadow.

    """

    def __init__(self, *, clock: Callable[[], float], patience_s: float) -> None:
        self._clock = clock
        self._patience_s = patience_s
        self._pending: set[asyncio.Task[None]] = set()
        self._held_bytes = 0

    def offer(self, sent: Sent, answer: Classification, *, live: LiveModel, shadow: LiveModel) -> None:
        """Have a shadow classify a picture too, unless too many wait already.

        Args:
            sent: The picture.
            answer: Of the live version.
            live: That version.
            shadow: The other version.

        """
        if len(self._pending) >= _MOST_PENDING or self._held_bytes + sent.bytes_held > _MOST_BYTES:
            shadow.metrics.shadow.outcomes["skipped"].inc()
            return
        task = asyncio.get_running_loop().create_task(self._compare(sent, answer, live=live, shadow=shadow))
        self._pending.add(task)
        self._held_bytes += sent.bytes_held
        task.add_done_callback(partial(self._let_go, held_bytes=sent.bytes_held))

    def _let_go(self, task: asyncio.Task[None], *, held_bytes: int) -> None:
        self._pending.discard(task)
        self._held_bytes -= held_bytes

    async def _compare(self, sent: Sent, answer: Classification, *, live: LiveModel, shadow: LiveModel) -> None:
        series = shadow.metrics.shadow
        try:
            other = await predict(sent, lane=shadow.lane, deadline_s=self._clock() + self._patience_s, urgent=False)
        except (UnavailableError, DeadlineExceededError):
            series.outcomes["skipped"].inc()
            return
        except Exception as error:  # noqa: BLE001  a network that fails is what a shadow is there to find
            series.outcomes["failed"].inc()
            key = shadow.manifest
            log(logging.WARNING, "shadow failed", reason=repr(error), model=key.name, version=key.version)
            return
        series.outcomes["agree" if _first(answer, live) == _first(other, shadow) else "differ"].inc()
        if live.manifest.labels == shadow.manifest.labels:
            series.distance.observe(float(np.abs(answer.probabilities - other.probabilities).sum()) / 2)


def _first(answer: Classification, model: LiveModel) -> str:
    return model.manifest.labels[int(answer.probabilities.argmax())]
