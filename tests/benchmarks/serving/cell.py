"""One server in one scenario: load by each number of callers, liveness meanwhile, memory afterwards.

The throughput of a cell is measured without anybody asking whether the server lives; liveness gets a load of its own,
because its questions would cost the server a share of what is measured.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import Final

import uvloop

from tests.benchmarks.serving import wrk
from tests.benchmarks.serving.arrivals import Schedule
from tests.benchmarks.serving.errors import BenchmarkError
from tests.benchmarks.serving.figures import OURS, Figures, Key
from tests.benchmarks.serving.open_loop import Outcome, Target, http_request, send
from tests.benchmarks.serving.processes import Memory, memory_of, tree_of, wait_for_rest
from tests.benchmarks.serving.servers import HOST, Running
from tests.benchmarks.serving.wrk import Load

_PROBES_PER_S: Final = 100.0
_WARM_UP_CALLERS: Final = 8
_WARM_UP_S: Final = 1.0
_REST_PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Cell:
    """A server that runs, and where its figures go.

    Args:
        running: The server.
        scenario: Name of the scenario.
        figures: Where values are noted.

    """

    running: Running
    scenario: str
    figures: Figures

    @property
    def is_ours(self) -> bool:
        """Whether the server is this project's."""
        return self.running.server.name == OURS

    def note(self, measure: str, value: float, *, callers: int = 0) -> None:
        """Note one value."""
        server = self.running.server
        self.figures.add(Key(self.scenario, server.name, server.form, measure, callers), value)

    def warm_up(self) -> None:
        """Wait until the server does nothing of its own any more, and let it work for a moment."""
        self.rest()
        self.load(_WARM_UP_CALLERS, _WARM_UP_S)

    def rest(self) -> None:
        """Wait until what an earlier load left is worked off."""
        wait_for_rest(self.running.process, patience_s=_REST_PATIENCE_S)

    def load(self, callers: int, seconds: float) -> Load:
        """Load the server, and wait until it rests again.

        Raises:
            BenchmarkError: The load failed, or the server ended under it.

        """
        with self._sending(callers, seconds) as loading:
            found = wrk.finished(loading)
        self._require_alive(callers)
        self.rest()
        return found

    def measure_rates(self, callers: Sequence[int], seconds: float) -> None:
        """Note rate and latency for each number of callers."""
        for count in callers:
            found = self.load(count, seconds)
            for field in fields(found):
                self.note(field.name, getattr(found, field.name), callers=count)

    def measure_liveness(self, callers: Sequence[int], seconds: float) -> None:
        """Note how quickly the server says that it lives, under load by each number of callers."""
        for count in callers:
            with self._sending(count, seconds) as loading:
                probed = self.probe(seconds)
                wrk.finished(loading)
            self._require_alive(count)
            self.rest()
            self.note("livez_p50_ms", probed.latency_ms(0.5), callers=count)
            self.note("livez_p99_ms", probed.latency_ms(0.99), callers=count)
            self.note("livez_probe_late_p99_ms", probed.late_ms(0.99), callers=count)

    def measure_memory(self) -> None:
        """Note what all processes of the server hold now."""
        memory = self.memory()
        self.note("resident_mib", memory.resident)
        self.note("proportional_mib", memory.proportional)

    def memory(self) -> Memory:
        """Measure what all processes of the server hold now."""
        return memory_of(tree_of(self.running.process))

    def probe(self, seconds: float) -> Outcome:
        """Ask every 10 ms whether the server lives."""
        return uvloop.run(send(self.liveness, Schedule(_PROBES_PER_S, seconds)))

    @property
    def liveness(self) -> Target:
        """Where the server says that it lives."""
        port = self.running.port
        return Target(HOST, port, [http_request(self.running.server.live_path, host=HOST, port=port)])

    @property
    def pictures(self) -> Target:
        """Where pictures are sent."""
        asked, port = self.running.server.request, self.running.port
        requests = [
            http_request(
                asked.path,
                host=HOST,
                port=port,
                method="POST",
                body=body.read_bytes(),
                content_type=asked.content_type,
            )
            for body in asked.bodies
        ]
        return Target(HOST, port, requests)

    def _sending(self, callers: int, seconds: float) -> AbstractContextManager[subprocess.Popen[str]]:
        asked = self.running.server.request
        return wrk.sending(
            self.running.url, clients=callers, seconds=seconds, content_type=asked.content_type, bodies=asked.bodies
        )

    def _require_alive(self, callers: int) -> None:
        code = self.running.process.poll()
        if code is not None:
            raise BenchmarkError(f"it ended with code {code} under {callers} callers")
