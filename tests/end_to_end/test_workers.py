"""Several workers as real processes: balance, death, one scrape for all, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.processes import ROOT, Service, environment, free_port, run_service, running_service
from tests.model_folders import color_network, picture, write_model

RED = picture("red")
_PATIENCE_S = 600.0  # reached only by what hangs
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
    async with asyncio.timeout(_PATIENCE_S):
        while not condition():  # noqa: ASYNC110  nothing in this process tells when it has come about
            await asyncio.sleep(0.02)


def until_all_up(service: Service, starts: int = 2) -> None:
    """Wait until so many starts of workers have come to their end, all models loaded."""
    asyncio.run(until(lambda: len(events(service, "ready")) >= starts))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve a small model with two workers; for tests that leave both alive."""
    folder = tmp_path_factory.mktemp("workers")
    write_model(folder / "models")
    with running_service(folder, models_dir=folder / "models", workers=2) as service:
        until_all_up(service)
        yield service


class KeptConnection:
    """One keep-alive connection that stays with the worker which accepted it."""

    def __init__(self, service: Service, stack: ExitStack) -> None:
        transport = httpx.HTTPTransport(limits=httpx.Limits(max_connections=1))
        self._client = stack.enter_context(httpx.Client(base_url=service.url, transport=transport, timeout=_PATIENCE_S))
        self.classify()

    def classify(self) -> int:
        """Send a picture and return the status."""
        return self._client.post("/predict", content=RED).status_code

    def scrape(self) -> str:
        """Read the metrics from this connection's worker."""
        return self._client.get("/metrics").text


@pytest.mark.parametrize("clients", [4, 5, 8, 16])
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
    text = httpx.get(f"{shipped.url}/metrics", timeout=_PATIENCE_S).text
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
            text = httpx.get(f"{shipped.url}/metrics", timeout=_PATIENCE_S).text
            assert kept.classify() == 200
        finally:
            idle.resume()
        assert value(text, "convserve_predictions_total", outcome="ok") >= 1


def slow_model(folder: Path, *, busy_work: int) -> Path:
    """Write a model that takes its time."""
    write_model(folder / "models", network=color_network(busy_work=busy_work), golden=())
    return folder / "models"


def test_a_killed_worker_costs_its_own_requests_and_no_others(tmp_path: Path) -> None:
    """Of many callers only those in its hands get no answer; it is replaced, and the counts do not go backwards."""
    settings = {"workers": 2, "queue_size": 64, **PATIENT}
    with running_service(tmp_path, models_dir=slow_model(tmp_path, busy_work=4), **settings) as service:
        until_all_up(service)
        outcomes, held, counted = asyncio.run(_kill_under_load(service))
        until_all_up(service, starts=3)
        text = httpx.get(f"{service.url}/metrics", timeout=_PATIENCE_S).text
        assert service.stop() == 0
        ended = events(service, "worker ended")
    lost = [outcome for outcome in outcomes if outcome != "200"]
    assert set(lost) <= {"lost"}
    assert len(lost) <= held  # fewer where a client was between two requests
    assert value(text, "convserve_predictions_total", outcome="ok") >= max(counted, outcomes.count("200"))
    assert value(text, "convserve_worker_restarts_total", reason="signal") == 1
    assert [line["signal"] for line in ended[:1]] == ["SIGKILL"]


async def _kill_under_load(service: Service) -> tuple[list[str], int, float]:
    """Keep 16 callers asking, kill a worker, and let each ask on for a while.

    Returns:
        What became of each request, how many connections the killed worker held, and the count before its death.

    """
    outcomes: list[str] = []
    enough = asyncio.Event()
    wanted = math.inf

    async def ask(client: httpx.AsyncClient) -> None:
        while outcomes.count("200") < wanted:
            try:
                answer = await client.post(f"{service.url}/predict", content=RED)
            except httpx.TransportError:
                outcomes.append("lost")
                continue
            outcomes.append(str(answer.status_code))
            if len(outcomes) >= 32:
                enough.set()

    async with httpx.AsyncClient(timeout=_PATIENCE_S, limits=httpx.Limits(max_connections=16)) as client:
        callers = [asyncio.create_task(ask(client)) for _ in range(16)]
        await enough.wait()
        counted = value(
            (await asyncio.to_thread(httpx.get, f"{service.url}/metrics", timeout=_PATIENCE_S)).text,
            "convserve_predictions_total",
            outcome="ok",
        )
        held = connections_of(service)[0]
        workers_of(service)[0].kill()
        wanted = outcomes.count("200") + 64
        await asyncio.gather(*callers)
    return outcomes, held, counted


def test_connections_are_even_again_after_a_worker_was_replaced(tmp_path: Path) -> None:
    """Those who ask on are told by an answer that it is the last, and come back to the new worker."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models", workers=2) as service, ExitStack() as stack:
        until_all_up(service)
        killed = workers_of(service)[0]
        killed.kill()
        kept = [KeptConnection(service, stack) for _ in range(8)]  # while there is one worker, or nearly so
        until_all_up(service, starts=3)

        def even() -> bool:
            assert {connection.classify() for connection in kept} == {200}
            return connections_of(service) == [4, 4]

        asyncio.run(until(even))


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stop_under_load_answers_everything_that_was_accepted(tmp_path: Path, sig: signal.Signals) -> None:
    """In every worker; the exit code is 0, also where the signal reaches all processes, as from a terminal."""
    if sig == signal.SIGHUP and signal.getsignal(sig) is signal.SIG_IGN:
        pytest.skip("these tests run under nohup, and so would the service")
    settings = {"workers": 2, "queue_size": 64, **PATIENT}
    with running_service(tmp_path, models_dir=slow_model(tmp_path, busy_work=4), **settings) as service:
        until_all_up(service)
        everyone = [service.process.pid, *(worker.pid for worker in workers_of(service))]

        def tell_everyone() -> None:
            for pid in everyone:
                os.kill(pid, sig)
            if sig == signal.SIGHUP:  # the shell sends one, and the kernel another
                os.kill(everyone[0], sig)

        outcomes = asyncio.run(_load_and_stop(service, tell_everyone))
        assert service.process.wait(_PATIENCE_S) == 0
        lines = service.log_lines()
    taken = [str(line["status"]) for line in lines if line.get("route") == "/predict"]
    assert Counter(taken) == Counter(outcome for outcome in outcomes if outcome != "refused")
    assert set(taken) <= {"200", "503"}
    assert taken.count("200") >= 16
    assert not [line for line in lines if line["level"] in ("error", "critical")]
    assert {line["code"] for line in lines if line["message"] == "worker ended"} == {0}


async def _load_and_stop(service: Service, stop: Callable[[], None]) -> list[str]:
    """Keep 16 callers asking, stop the service after 16 answers, and collect what each request got."""
    outcomes: list[str] = []
    enough = asyncio.Event()

    async def ask_until_refused(client: httpx.AsyncClient) -> None:
        while True:
            try:
                answer = await client.post(f"{service.url}/predict", content=RED)
            except httpx.TransportError:  # no connection, or an idle one that closed before a worker saw the request
                outcomes.append("refused")
                return
            outcomes.append(str(answer.status_code))
            if outcomes.count("200") >= 16:
                enough.set()
            if answer.status_code != httpx.codes.OK:
                return

    async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
        callers = [asyncio.create_task(ask_until_refused(client)) for _ in range(16)]
        await enough.wait()
        stop()
        await asyncio.gather(*callers)
    return outcomes


def test_second_signal_ends_all_processes_at_once(tmp_path: Path) -> None:
    """Whoever asks twice does not wait for work in progress."""
    settings = {"workers": 2, "threads": 1, "queue_size": 8, **PATIENT}
    with running_service(tmp_path, models_dir=slow_model(tmp_path, busy_work=40), **settings) as service:
        until_all_up(service)
        workers = workers_of(service)
        port = int(service.url.rpartition(":")[2])
        request = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(RED) + RED
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request)

            def in_work() -> bool:
                return (
                    value(httpx.get(f"{service.url}/metrics", timeout=_PATIENCE_S).text, "convserve_queue_depth") >= 1
                )

            asyncio.run(until(in_work))
            service.process.send_signal(signal.SIGTERM)
            asyncio.run(until(lambda: bool(events(service, "stopping"))))
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(_PATIENCE_S) == 128 + signal.SIGTERM
        assert not [worker for worker in workers if worker.is_running()]


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    """Nobody is left behind on the port."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models", workers=2) as service:
        until_all_up(service)
        workers = workers_of(service)
        service.process.kill()
        service.process.wait()
        gone, alive = psutil.wait_procs(workers, timeout=_PATIENCE_S)
        assert (len(gone), alive) == (2, [])


def test_an_operator_may_renew_a_worker(tmp_path: Path) -> None:
    """A worker that is asked to end finishes, and another takes its place; nothing is logged as an error."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models", workers=2) as service:
        until_all_up(service)
        workers_of(service)[0].terminate()
        until_all_up(service, starts=3)
        assert len(workers_of(service)) == 2
        text = httpx.get(f"{service.url}/metrics", timeout=_PATIENCE_S).text
        assert value(text, "convserve_worker_restarts_total", reason="asked") == 1
        assert service.stop() == 0
        lines = service.log_lines()
    assert not [line for line in lines if line["level"] in ("error", "critical")]


def test_a_worker_that_is_renewed_under_load_refuses_nobody(tmp_path: Path) -> None:
    """It answers what it has accepted; at most an idle connection ends at the moment when a request is sent."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models", workers=2) as service:
        until_all_up(service)
        outcomes = asyncio.run(_renew_under_load(service))
        assert service.stop() == 0
        lines = service.log_lines()
    assert set(outcomes) <= {"200", "lost"}
    assert outcomes.count("lost") <= 8
    assert {line["status"] for line in lines if line.get("route") == "/predict"} == {200}
    assert not [line for line in lines if line["level"] in ("error", "critical")]


async def _renew_under_load(service: Service) -> list[str]:
    """Keep 8 callers asking while a worker is told to end and another one takes its place."""
    outcomes: list[str] = []
    renewed = asyncio.Event()

    async def ask(client: httpx.AsyncClient) -> None:
        while not renewed.is_set():
            try:
                answer = await client.post(f"{service.url}/predict", content=RED)
            except httpx.TransportError:
                outcomes.append("lost")
                continue
            outcomes.append(str(answer.status_code))

    async with httpx.AsyncClient(timeout=_PATIENCE_S, limits=httpx.Limits(max_connections=8)) as client:
        callers = [asyncio.create_task(ask(client)) for _ in range(8)]
        await until(lambda: len(outcomes) >= 32)
        workers_of(service)[0].terminate()
        await until(lambda: len(events(service, "ready")) >= 3)
        renewed.set()
        await asyncio.gather(*callers)
    return outcomes


def test_a_worker_is_replaced_although_the_starter_ignores_the_end_of_processes(tmp_path: Path) -> None:
    """What a process inherits about SIGCHLD from whoever started it does not blind the supervisor."""
    write_model(tmp_path / "models")
    with ExitStack() as stack:
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # handed on to the service
        try:
            service = stack.enter_context(running_service(tmp_path, models_dir=tmp_path / "models", workers=2))
        finally:
            signal.signal(signal.SIGCHLD, before)
        until_all_up(service)
        workers_of(service)[0].kill()
        until_all_up(service, starts=3)
        assert service.stop() == 0


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


def test_workers_that_crash_at_their_start_are_given_up(tmp_path: Path) -> None:
    """After some starts with growing pauses the supervisor ends, says so, and does not spin."""
    write_model(tmp_path / "models")
    code = (
        "import os, service.workers.supervisor as s, service.__main__ as m\n"
        "s.run_worker = lambda post: os.kill(os.getpid(), 11)\n"
        "raise SystemExit(m.main(['serve']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(port=free_port(), models_dir=tmp_path / "models", workers=2),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert result.returncode == 2
    assert "convserve: No worker came up" in result.stderr
    assert 10 <= result.stderr.count('"signal":"SIGSEGV"') <= 16  # five of each; one may be ahead of the other
