"""Workers as real processes that are killed, renewed, stopped or never come up: who notices, and what is lost."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from tests.end_to_end.processes import ROOT, Service, environment, free_port, running_service
from tests.end_to_end.worker_groups import (
    PATIENCE_S,
    PATIENT,
    RED,
    KeptConnection,
    connections_of,
    events,
    slow_model,
    until,
    until_all_up,
    value,
    workers_of,
)
from tests.model_folders import write_model


def test_a_killed_worker_costs_its_own_requests_and_no_others(tmp_path: Path) -> None:
    """Of many callers only those in its hands get no answer; it is replaced, and the counts do not go backwards."""
    settings = {"workers": 2, "queue_size": 64, **PATIENT}
    with running_service(tmp_path, models_dir=slow_model(tmp_path, busy_work=4), **settings) as service:
        until_all_up(service)
        outcomes, held, counted = asyncio.run(_kill_under_load(service))
        until_all_up(service, starts=3)
        text = httpx.get(f"{service.url}/metrics", timeout=PATIENCE_S).text
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

    async with httpx.AsyncClient(timeout=PATIENCE_S, limits=httpx.Limits(max_connections=16)) as client:
        callers = [asyncio.create_task(ask(client)) for _ in range(16)]
        await enough.wait()
        counted = value(
            (await asyncio.to_thread(httpx.get, f"{service.url}/metrics", timeout=PATIENCE_S)).text,
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
        assert service.process.wait(PATIENCE_S) == 0
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

    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
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
                return value(httpx.get(f"{service.url}/metrics", timeout=PATIENCE_S).text, "convserve_queue_depth") >= 1

            asyncio.run(until(in_work))
            service.process.send_signal(signal.SIGTERM)
            asyncio.run(until(lambda: bool(events(service, "stopping"))))
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(PATIENCE_S) == 128 + signal.SIGTERM
        assert not [worker for worker in workers if worker.is_running()]


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    """Nobody is left behind on the port."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models", workers=2) as service:
        until_all_up(service)
        workers = workers_of(service)
        service.process.kill()
        service.process.wait()
        gone, alive = psutil.wait_procs(workers, timeout=PATIENCE_S)
        assert (len(gone), alive) == (2, [])


def test_an_operator_may_renew_a_worker(tmp_path: Path) -> None:
    """A worker that is asked to end finishes, and another takes its place; nothing is logged as an error."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models", workers=2) as service:
        until_all_up(service)
        workers_of(service)[0].terminate()
        until_all_up(service, starts=3)
        assert len(workers_of(service)) == 2
        text = httpx.get(f"{service.url}/metrics", timeout=PATIENCE_S).text
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

    async with httpx.AsyncClient(timeout=PATIENCE_S, limits=httpx.Limits(max_connections=8)) as client:
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
        timeout=PATIENCE_S,
        check=False,
    )
    assert result.returncode == 2
    assert "convserve: No worker came up" in result.stderr
    assert 10 <= result.stderr.count('"signal":"SIGSEGV"') <= 16  # five of each; one may be ahead of the other
