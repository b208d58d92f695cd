"""What tests ask of a service of several worker processes, from outside: its workers, connections, counts and log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.processes import Service
from tests.model_folders import color_network, picture, write_model

RED = picture("red")
PATIENCE_S = 600.0  # reached only by what hangs
PATIENT = {"deadline_ms": 600_000, "drain_timeout_ms": 600_000}


def workers_of(service: Service) -> list[psutil.Process]:
    """List the worker processes, oldest first."""
    found = psutil.Process(service.process.pid).children()
    return sorted(found, key=lambda process: (process.create_time(), process.pid))


def connections_of(service: Service) -> list[int]:
    """Count the connections of each worker as the kernel shows them."""
    port = int(service.url.rpartition(":")[2])
    return [
        sum(
            connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
            for connection in worker.net_connections(kind="tcp")
        )
        for worker in workers_of(service)
    ]


def value(text: str, name: str, **labels: str) -> float:
    """Read one series out of a scrape, 0 where it is not there."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return 0.0


def events(service: Service, message: str) -> list[dict[str, object]]:
    """Read the log lines with a message."""
    return [line for line in service.log_lines() if line["message"] == message]


async def until(condition: Callable[[], bool]) -> None:
    """Ask again and again until something is so in other processes, which need the processor more than the question."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  nothing in this process tells when it has come about
            await asyncio.sleep(0.02)


def until_all_up(service: Service, starts: int = 2) -> None:
    """Wait until so many starts of workers have come to their end, all models loaded."""
    asyncio.run(until(lambda: len(events(service, "ready")) >= starts))


class KeptConnection:
    """One keep-alive connection that stays with the worker which accepted it."""

    def __init__(self, service: Service, stack: ExitStack) -> None:
        transport = httpx.HTTPTransport(limits=httpx.Limits(max_connections=1))
        self._client = stack.enter_context(httpx.Client(base_url=service.url, transport=transport, timeout=PATIENCE_S))
        self.classify()

    def classify(self) -> int:
        """Send a picture and return the status."""
        return self._client.post("/predict", content=RED).status_code

    def scrape(self) -> str:
        """Read the metrics from this connection's worker."""
        return self._client.get("/metrics").text


def slow_model(folder: Path, *, busy_work: int) -> Path:
    """Write a model that takes its time."""
    write_model(folder / "models", network=color_network(busy_work=busy_work), golden=())
    return folder / "models"
