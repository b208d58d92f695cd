"""Several workers as real processes: balance, one scrape for all, and what is refused before any is started."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from tests.end_to_end.processes import ROOT, Service, free_port, run_service, running_service
from tests.end_to_end.worker_groups import (
    PATIENCE_S,
    KeptConnection,
    connections_of,
    events,
    until,
    until_all_up,
    value,
    workers_of,
)
from tests.model_folders import write_model


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve a small model with two workers; for tests that leave both alive."""
    folder = tmp_path_factory.mktemp("workers")
    write_model(folder / "models")
    with running_service(folder, models_dir=folder / "models", workers=2) as service:
        until_all_up(service)
        yield service


@pytest.mark.parametrize("clients", [2, 3, 5, 16])
def test_connections_of_keep_alive_clients_are_even_to_within_one(shipped: Service, clients: int) -> None:
    """As the kernel counts them, whoever woke first."""
    asyncio.run(until(lambda: connections_of(shipped) == [0, 0]))
    with ExitStack() as stack:
        kept = [KeptConnection(shipped, stack) for _ in range(clients)]
        held = connections_of(shipped)
        assert sum(held) == clients
        assert max(held) - min(held) <= 1
        assert {connection.classify() for connection in kept} == {200}


def test_connections_that_come_all_at_once_are_even_to_within_one(shipped: Service) -> None:
    """What a load generator or a proxy with a pool does."""

    async def connect_all() -> list[int]:
        port = int(shipped.url.rpartition(":")[2])
        opened = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(16)))
        await until(lambda: sum(connections_of(shipped)) == 16)
        held = connections_of(shipped)
        for _, writer in opened:
            writer.close()
        return held

    asyncio.run(until(lambda: connections_of(shipped) == [0, 0]))
    assert asyncio.run(connect_all()) == [8, 8]


def test_any_worker_shows_the_sums_of_all(shipped: Service) -> None:
    """Counts that both have made, read from each of them, exactly."""
    labels = {"model": "colors", "version": "1", "outcome": "ok"}
    with ExitStack() as stack:
        kept = [KeptConnection(shipped, stack) for _ in range(4)]
        assert min(connections_of(shipped)) == 2
        before = value(kept[0].scrape(), "convserve_predictions_total", **labels)
        for connection in kept:
            for _ in range(5):
                assert connection.classify() == 200
        for connection in kept:
            text = connection.scrape()
            assert value(text, "convserve_predictions_total", **labels) == before + 20
            assert value(text, "convserve_http_requests_in_flight") == 1  # the scrape itself
            assert value(text, "convserve_model_ready", model="colors") == 1
            assert value(text, "convserve_queue_capacity", model="colors") > 0


def test_process_metrics_are_one_series_each_for_the_whole_service(shipped: Service) -> None:
    """Alerts on memory and age look at the service, whichever worker they are told by."""
    text = httpx.get(f"{shipped.url}/metrics", timeout=PATIENCE_S).text
    names = ["process_resident_memory_bytes", "process_start_time_seconds", "process_cpu_seconds_total"]
    for name in names:
        assert text.count(f"\n{name} ") == 1
    everyone = [psutil.Process(shipped.process.pid), *workers_of(shipped)]
    resident_bytes = [process.memory_info().rss for process in everyone]
    assert max(resident_bytes) < value(text, names[0]) < sum(resident_bytes)
    assert value(text, names[1]) == pytest.approx(everyone[0].create_time(), abs=1.5)


def test_two_workers_take_less_memory_than_two_services(shipped: Service) -> None:
    """What was imported is in memory once."""
    shared_bytes = sum(process.memory_full_info().pss for process in workers_of(shipped))
    apart_bytes = sum(process.memory_info().rss for process in workers_of(shipped))
    assert shared_bytes < 0.75 * apart_bytes


def test_a_worker_that_stands_still_delays_neither_connections_nor_scrapes_for_long(shipped: Service) -> None:
    """The other one takes what was left to it, and shows its counts without asking it."""
    asyncio.run(until(lambda: connections_of(shipped) == [0, 0]))
    with ExitStack() as stack:
        kept = KeptConnection(shipped, stack)
        idle = workers_of(shipped)[connections_of(shipped).index(0)]  # whose turn it is
        idle.suspend()
        try:
            text = httpx.get(f"{shipped.url}/metrics", timeout=PATIENCE_S).text
            assert kept.classify() == 200
        finally:
            idle.resume()
        assert value(text, "convserve_predictions_total", outcome="ok") >= 1


def test_models_folder_that_is_missing_is_said_once_and_nothing_is_started_again(tmp_path: Path) -> None:
    """The message is the one of a single process, and so is the exit code."""
    result = run_service(models_dir=tmp_path / "nowhere", port=free_port(), workers=2)
    assert result.returncode == 2
    said = [line for line in result.stderr.splitlines() if line.startswith("convserve: ")]
    assert len(said) == 1
    assert f"{tmp_path}/nowhere" in said[0]
    assert "CONVSERVE_MODELS_DIR" in said[0]
    assert "Traceback" not in result.stderr


def test_gpu_that_is_demanded_and_absent_ends_all_workers(tmp_path: Path) -> None:
    """What only a worker finds out reaches the supervisor's exit code."""
    write_model(tmp_path / "models")
    settings = {"models_dir": tmp_path / "models", "providers": "cuda", "require_gpu": "true", "workers": 2}
    result = run_service(port=free_port(), **settings)
    assert result.returncode == 2
    assert "convserve: cuda was demanded, but the runtime uses cpu" in result.stderr


def test_port_in_use_is_said_before_any_worker_starts(shipped: Service) -> None:
    """In one line, as by a single process."""
    result = run_service(port=shipped.url.rpartition(":")[2], models_dir=ROOT / "models", workers=2)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "is in use" in result.stderr


def test_more_workers_than_the_machine_is_good_for_are_refused(tmp_path: Path) -> None:
    """Before anything is started."""
    result = run_service(port=free_port(), models_dir=tmp_path, workers=256)
    assert result.returncode == 2
    assert "CONVSERVE_WORKERS=256" in result.stderr


def test_a_worker_is_forked_from_a_process_with_one_thread(shipped: Service) -> None:
    """A thread that holds a lock at that moment would hold it in the worker for ever."""
    assert psutil.Process(shipped.process.pid).num_threads() == 1


def test_one_worker_needs_no_supervisor(tmp_path: Path) -> None:
    """With the default nothing is forked and nothing shared."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models") as service:
        assert workers_of(service) == []
        assert not events(service, "worker started")
