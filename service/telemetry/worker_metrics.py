"""The series of worker processes, counted by their supervisor and shown by whichever of them is scraped.

A service of one process has them too, at zero, so that alerts need not know how it was started.
"""

from __future__ import annotations

from typing import Final, Literal

from service.telemetry.declaring import Declaring

Ending = Literal["asked", "error", "signal", "hung"]
# Told to end by somebody; ended with a failure's exit code; killed from outside or crashed; killed by the supervisor.
ENDINGS: Final[tuple[Ending, ...]] = ("asked", "error", "signal", "hung")


class WorkerMetrics:
    """Declares the series of worker processes.

    Args:
        declare: Makes them in a registry.

    """

    def __init__(self, declare: Declaring) -> None:
        restarts = declare.counter(
            "worker_restarts", "Worker processes that were replaced, by how they ended.", ("reason",)
        )
        self.restarts = {ending: restarts.labels(ending) for ending in ENDINGS}
