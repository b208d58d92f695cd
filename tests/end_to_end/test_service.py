"""The service as a process: start, answers on the shipped model, hostile clients, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.end_to_end.processes import ROOT, Service, free_port, run_service, running_service
from tests.model_folders import color_network, picture, write_model

ANKLE_BOOT = ROOT / "models/fashion-mnist/1/samples/ankle-boot.png"
RED = picture("red")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve the repository's own models."""
    with running_service(tmp_path_factory.mktemp("shipped"), models_dir=ROOT / "models") as service:
        yield service


def test_shipped_model_recognises_the_ankle_boot(shipped: Service) -> None:
    """The README's curl answers with the right class."""
    answer = httpx.post(f"{shipped.url}/models/fashion-mnist/predict", content=ANKLE_BOOT.read_bytes())
    assert answer.json()["predictions"][0]["label"] == "Ankle boot"


def test_service_with_the_shipped_model_stays_below_200_mib(shipped: Service) -> None:
    """Memory after start and some requests is that of one process, and small."""
    for _ in range(20):
        httpx.post(f"{shipped.url}/models/fashion-mnist/predict", content=ANKLE_BOOT.read_bytes())
    resident_bytes = psutil.Process(shipped.process.pid).memory_info().rss
    assert resident_bytes < 200 * 2**20


def test_body_of_50_megabytes_is_refused_and_the_client_can_read_why(shipped: Service) -> None:
    """The answer arrives although the client is still sending, announced length or not."""
    url = f"{shipped.url}/models/fashion-mnist/predict"
    body = bytes(50 * 10**6)
    announced = httpx.post(url, content=body, timeout=60)
    chunked = httpx.post(url, content=(body[i : i + 10**6] for i in range(0, len(body), 10**6)), timeout=60)
    for answer in (announced, chunked):
        assert answer.status_code == 413
        assert "at most 20971520 bytes" in answer.json()["detail"]
    assert httpx.get(f"{shipped.url}/readyz").status_code == 200


def test_health_command_tells_a_ready_service_from_none(shipped: Service) -> None:
    """What the container's health check runs exits 0 for a ready service and 1 for a port where nobody listens."""
    port = shipped.url.rpartition(":")[2]
    assert run_service("health", port=port).returncode == 0
    assert run_service("health", port=free_port()).returncode == 1


def test_port_in_use_is_said_in_one_line(shipped: Service) -> None:
    """The message names the port and the way out; there is no traceback."""
    port = shipped.url.rpartition(":")[2]
    result = run_service(port=port, models_dir=ROOT / "models")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert f"127.0.0.1:{port} is in use" in result.stderr


def test_missing_models_folder_is_said_in_one_line(tmp_path: Path) -> None:
    """The message names the folder that was looked for and the setting that changes it."""
    result = run_service(models_dir=tmp_path / "nowhere", port=free_port())
    assert result.returncode == 2
    assert f"{tmp_path}/nowhere" in result.stderr
    assert "CONVSERVE_MODELS_DIR" in result.stderr
    assert "Traceback" not in result.stderr


def test_misspelt_setting_is_said_with_the_right_one(tmp_path: Path) -> None:
    """A typing mistake does not pass in silence."""
    result = run_service(prot=1, models_dir=tmp_path)
    assert result.returncode == 2
    assert "did you mean CONVSERVE_PORT?" in result.stderr


def test_gpu_that_is_demanded_and_absent_refuses_to_start(tmp_path: Path) -> None:
    """Without the demanded provider the process ends and says what is in use instead."""
    write_model(tmp_path / "models")
    result = run_service(models_dir=tmp_path / "models", port=free_port(), providers="cuda", require_gpu="true")
    assert result.returncode == 2
    assert "cuda was demanded, but the runtime uses cpu" in result.stderr


def test_gpu_that_is_preferred_and_absent_serves_on_the_cpu_and_says_so(tmp_path: Path) -> None:
    """Without the demand the service runs, and its fallback can be seen in log, metrics and model."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models", providers="cuda,cpu") as service:
        assert httpx.get(f"{service.url}/models/colors/versions/1").json()["provider"] == "cpu"
        assert 'convserve_provider_fallback{model="colors"} 1.0' in httpx.get(f"{service.url}/metrics").text
        assert any(line["message"] == "provider fallback" for line in service.log_lines())


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stop_under_load_answers_everything_that_was_accepted(tmp_path: Path, sig: signal.Signals) -> None:
    """Each request that the service took gets its answer, later ones a refusal or no connection; the exit code is 0."""
    if sig == signal.SIGHUP and signal.getsignal(sig) is signal.SIG_IGN:
        pytest.skip("these tests run under nohup, and so would the service")
    write_model(tmp_path / "models", network=color_network(busy_work=4), golden=())
    with running_service(tmp_path, models_dir=tmp_path / "models", deadline_ms=60_000, queue_size=64) as service:
        outcomes = asyncio.run(_load_and_stop(service, sig))
        assert service.process.wait(60) == 0
        lines = service.log_lines()
    taken = [str(line["status"]) for line in lines if line.get("route") == "/predict"]
    assert Counter(taken) == Counter(outcome for outcome in outcomes if outcome != "refused")
    assert set(taken) <= {"200", "503"}
    assert taken.count("200") >= 16
    assert not [line for line in lines if line["level"] in ("error", "critical")]


async def _load_and_stop(service: Service, sig: signal.Signals) -> list[str]:
    """Keep 16 callers asking, stop the service after 16 answers, and collect what each request got."""
    outcomes: list[str] = []
    enough = asyncio.Event()

    async def ask_until_refused(client: httpx.AsyncClient) -> None:
        while True:
            try:
                answer = await client.post(f"{service.url}/predict", content=RED)
            except httpx.TransportError:  # no connection, or an idle one that closed before the service saw the request
                outcomes.append("refused")
                return
            outcomes.append(str(answer.status_code))
            if outcomes.count("200") >= 16:
                enough.set()
            if answer.status_code != httpx.codes.OK:
                return

    async with httpx.AsyncClient(timeout=60) as client:
        callers = [asyncio.create_task(ask_until_refused(client)) for _ in range(16)]
        await enough.wait()
        service.process.send_signal(sig)
        await asyncio.gather(*callers)
    return outcomes


def test_caller_that_hangs_up_frees_its_place(tmp_path: Path) -> None:
    """Work of a vanished caller is dropped, counted, and the next caller is served."""
    write_model(tmp_path / "models", network=color_network(busy_work=8), golden=())
    with running_service(tmp_path, models_dir=tmp_path / "models", threads=1, queue_size=2) as service:
        port = int(service.url.rpartition(":")[2])
        request = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(RED) + RED
        for _ in range(2):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(request)
        for _ in range(200):
            answer = httpx.post(f"{service.url}/predict", content=RED, timeout=60)
            if answer.status_code == 200:
                break
        assert answer.status_code == 200
        metrics = httpx.get(f"{service.url}/metrics").text
        assert 'convserve_queue_depth{model="colors"} 0.0' in metrics
        assert 'convserve_http_requests_total{code="499",method="POST",route="/predict"}' in metrics


def test_body_that_never_comes_is_answered_408(tmp_path: Path) -> None:
    """A client that announces a picture and stops sending does not hold a connection for ever."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models", body_timeout_ms=50) as service:
        port = int(service.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
            connection.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nstart")
            answer = b""
            while b"bytes came" not in answer:
                piece = connection.recv(65536)
                assert piece, answer
                answer += piece
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"5 bytes came" in answer


def test_full_queue_refuses_at_once_and_says_when_to_come_back(tmp_path: Path) -> None:
    """Of many callers at the same time one is answered, and those without a place are refused with Retry-After."""
    write_model(tmp_path / "models", network=color_network(busy_work=8), golden=())

    async def burst(url: str) -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=60) as client:
            return list(await asyncio.gather(*(client.post(f"{url}/predict", content=RED) for _ in range(16))))

    with running_service(tmp_path, models_dir=tmp_path / "models", threads=1, queue_size=1) as service:
        answers = asyncio.run(burst(service.url))
    statuses = {answer.status_code for answer in answers}
    assert statuses == {200, 503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 503)


def test_service_never_imports_the_training_stack() -> None:
    """The modules that a serving process loads hold no torch, so its image needs none."""
    code = "import sys, service.server; print([m for m in ('torch', 'training', 'onnx', 'pandas') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_models_commands_list_and_verify(tmp_path: Path) -> None:
    """An operator sees what is there, and whether it reproduces its publication, without serving."""
    write_model(tmp_path, version=1)
    write_model(tmp_path, version=2)
    (tmp_path / "colors/2/model.onnx").write_bytes(color_network(sharpness=9))
    heading, *listed = run_service("models", "list", models_dir=tmp_path).stdout.splitlines()
    assert heading.split()[:2] == ["MODEL", "VERSION"]
    assert [line.split()[:2] for line in listed] == [["colors", "2"], ["colors", "1"]]
    verified = run_service("models", "verify", models_dir=tmp_path)
    assert verified.returncode == 1
    assert "colors/1: good (3 golden samples on cpu)" in verified.stdout
    assert "colors/2: REFUSED" in verified.stdout
    unknown = run_service("models", "verify", "nobody", models_dir=tmp_path)
    assert (unknown.returncode, "known models: colors" in unknown.stderr) == (2, True)


def slow_model(folder: Path) -> Path:
    """Write a model that takes a second or more for a picture, and nothing while it loads."""
    write_model(folder / "models", network=color_network(busy_work=40), golden=())
    return folder / "models"


def test_work_that_outlasts_the_drain_time_is_cut_with_a_problem_and_a_failure_code(tmp_path: Path) -> None:
    """The caller learns that the service went down, and the exit code tells the operator that work was lost."""

    async def ask_and_stop(service: Service) -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=60) as client:
            asked = [asyncio.create_task(client.post(f"{service.url}/predict", content=RED)) for _ in range(16)]
            while 'queue_depth{model="colors"} 16.0' not in (await client.get(f"{service.url}/metrics")).text:
                pass
            service.process.send_signal(signal.SIGTERM)
            return [await task for task in asked]

    settings = {"threads": 1, "queue_size": 16, "deadline_ms": 60_000, "drain_timeout_ms": 1}
    with running_service(tmp_path, models_dir=slow_model(tmp_path), **settings) as service:
        answers = asyncio.run(ask_and_stop(service))
        assert service.process.wait(60) == 1
        assert any(line["message"] == "stopped with work unfinished" for line in service.log_lines())
    cut = [answer for answer in answers if answer.status_code != 200]
    assert cut
    assert {(answer.status_code, answer.headers["content-type"]) for answer in cut} == {
        (503, "application/problem+json")
    }


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_the_process_at_once(tmp_path: Path, sig: signal.Signals) -> None:
    """Whoever asks twice does not wait for work in progress, and the process ends by its own will, not by an abort."""
    settings = {"threads": 1, "queue_size": 8, "deadline_ms": 60_000}
    with running_service(tmp_path, models_dir=slow_model(tmp_path), **settings) as service:
        port = int(service.url.rpartition(":")[2])
        request = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(RED) + RED
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request)
            while 'queue_depth{model="colors"} 1.0' not in httpx.get(f"{service.url}/metrics").text:
                pass
            service.process.send_signal(sig)
            while not any(line["message"] == "stopping" for line in service.log_lines()):
                pass
            service.process.send_signal(sig)
            assert service.process.wait(60) == 128 + sig


def test_java_client_that_offers_http_2_is_answered(shipped: Service) -> None:
    """The offer that comes with every request of some clients does not cost the request its body."""
    headers = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2-settings": "AAEAAEAAAAIAAAAB"}
    url = f"{shipped.url}/models/fashion-mnist/predict"
    assert httpx.post(url, content=ANKLE_BOOT.read_bytes(), headers=headers).status_code == 200


def test_health_command_asks_where_the_service_listens(tmp_path: Path) -> None:
    """A service on another loopback address is found by its own settings."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models", host="127.0.0.2") as service:
        port = service.url.rpartition(":")[2]
        assert run_service("health", port=port, host="127.0.0.2").returncode == 0
        assert run_service("health", port=port).returncode == 1


def test_callers_that_hang_up_leave_no_traceback(tmp_path: Path) -> None:
    """Pipelined requests of a caller that is gone are counted as such, and the log stays free of errors."""
    write_model(tmp_path / "models")
    with running_service(tmp_path, models_dir=tmp_path / "models") as service:
        port = int(service.url.rpartition(":")[2])
        request = b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(RED) + RED
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(request * 2)
        while "http_requests_in_flight 1.0" not in httpx.get(f"{service.url}/metrics").text:
            pass  # the scrape itself is in flight
        assert service.stop() == 0
        lines = service.log_lines()
    assert not [line for line in lines if line["level"] == "error"]
