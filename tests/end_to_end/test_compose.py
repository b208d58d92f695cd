"""`docker compose up` for real: what a person gets who follows the README with a container engine."""

from __future__ import annotations

import contextlib
import http.client
import io
import itertools
import math
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.deploy.queries import REPOSITORY, Query, panel_queries, read_rules, recorded_names, rule_queries, selectors
from tests.deploy.stack import Stack, run, running, wait_for, wait_until_none_of, why_no_engine

MODEL = "fashion-mnist"
SAMPLE = REPOSITORY / "models" / MODEL / "1" / "samples" / "ankle-boot.png"
ROUTE = f"/models/{MODEL}/predict"

_NO_ENGINE = why_no_engine()
pytestmark = pytest.mark.skipif(bool(_NO_ENGINE), reason=_NO_ENGINE or "an engine answers")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Service and Prometheus, healthy."""
    with running("convserve", "prometheus") as started:
        yield started


def classify(stack: Stack, picture: bytes) -> httpx.Response:
    """Send a picture to the published port."""
    return httpx.post(f"{stack.service_url}{ROUTE}", content=picture, timeout=30)


def total(stack: Stack, expression: str) -> float:
    """Ask Prometheus for a single number; 0 where there is none."""
    result = stack.query(expression)
    return float(result[0]["value"][1]) if result else 0.0


def test_picture_is_classified_and_counted(stack: Stack) -> None:
    """The shipped boot is recognised over the published port, and Prometheus has counted it once."""
    count = f'sum(convserve_predictions_total{{model="{MODEL}", outcome="ok"}})'
    before = total(stack, count)
    answer = classify(stack, SAMPLE.read_bytes())
    assert answer.status_code == 200
    assert answer.json()["predictions"][0]["label"] == "Ankle boot"
    wait_for("the count of the prediction", lambda: total(stack, count) == before + 1, limit_s=60)


def test_every_panel_query_returns_data(stack: Stack) -> None:
    """With some traffic no query of the Grafana dashboard comes back empty from Prometheus."""
    empty = panel_queries()

    def places_without_data() -> list[str]:
        classify(stack, SAMPLE.read_bytes())
        classify(stack, b"no picture")
        empty[:] = [query for query in empty if not has_data(stack, query)]
        return [query.place for query in empty]

    assert empty
    wait_until_none_of(places_without_data, limit_s=90)


def has_data(stack: Stack, query: Query) -> bool:
    """Tell whether a query has a finite value now."""
    return any(math.isfinite(float(series["value"][1])) for series in stack.query(query.expression))


def test_every_selector_finds_series(stack: Stack) -> None:
    """The labels that rules and panels select by are labels, and values, that the service really has."""
    written = {selector for query in panel_queries() + rule_queries() for selector in selectors(query.expression)}
    written -= recorded_names()
    written = {selector for selector in written if not selector.startswith("ALERTS")}
    assert written

    wait_until_none_of(lambda: [selector for selector in written if not stack.query(f"count({selector})")], limit_s=60)


def test_alerts_are_loaded_and_a_healthy_service_fires_none(stack: Stack) -> None:
    """Prometheus evaluates every rule without an error, and no alert fires."""

    def rules() -> list[dict[str, Any]]:
        groups = httpx.get(f"{stack.prometheus_url}/api/v1/rules", timeout=30).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    wait_for("an evaluation of every rule", lambda: all(rule["health"] == "ok" for rule in rules()), limit_s=60)
    loaded = rules()
    assert {rule["name"] for rule in loaded} == {rule.get("alert") or rule["record"] for rule in read_rules()}
    assert [rule["name"] for rule in loaded if rule.get("state") == "firing"] == []


def test_container_has_no_rights(stack: Stack) -> None:
    """The service is no root, can write nowhere but in /tmp, has no capabilities and cannot gain any."""
    script = """
import os, pathlib
status = dict(line.split(":\\t", 1) for line in pathlib.Path("/proc/1/status").read_text().splitlines())
def writable(folder):
    try:
        pathlib.Path(folder, "probe").write_text("x")
    except OSError:
        return False
    return True
print(os.getuid(), os.getgid(), int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"].strip())
print([folder for folder in ("/", "/app", "/app/models", "/opt/venv", "/var/tmp", "/home", "/tmp") if writable(folder)])
"""
    assert stack.execute("python", "-c", script).splitlines() == ["10001 10001 0 0 1", "['/tmp']"]


def test_container_is_healthy_and_restarts_by_itself(stack: Stack) -> None:
    """The engine finds the service healthy by the image's own check, and would start it again."""
    description = stack.inspect("convserve")
    assert description["State"]["Health"]["Status"] == "healthy"
    assert description["RestartCount"] == 0
    assert description["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert description["HostConfig"]["Init"] is True


def test_ports_are_published_on_loopback_only(stack: Stack) -> None:
    """Nothing of the stack can be reached from another machine."""
    for service in ("convserve", "prometheus"):
        published = stack.inspect(service)["NetworkSettings"]["Ports"]
        addresses = {binding["HostIp"] for bindings in published.values() for binding in bindings or ()}
        assert addresses == {"127.0.0.1"}


def test_image_holds_the_models_and_no_training_stack(stack: Stack) -> None:
    """The image serves without a mounted folder, is small, and has neither torch nor our training code."""
    alone = ("docker", "run", "--rm", "--read-only", "--network", "none", stack.image)
    listed = [line.split()[:2] for line in run(*alone, "python", "-m", "service", "models", "list").splitlines()]
    assert [MODEL, "1"] in listed
    script = "import importlib.util as u; print([n for n in ('torch', 'training', 'onnx', 'scipy') if u.find_spec(n)])"
    assert stack.execute("python", "-c", script).strip() == "[]"
    assert int(run("docker", "image", "inspect", "--format", "{{.Size}}", stack.image)) < 1e9


CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of a client that goes on while the service stops.

    Args:
        request_id: Given to the service, found again in its log.
        ended_s: When the answer was there, or the connection had failed; seconds of the wall clock.
        status: Of the answer; None where not a byte of one came.

    """

    request_id: str
    ended_s: float
    status: int | None


def test_stopping_loses_no_accepted_request() -> None:
    """While clients send, the stack is stopped: what was accepted is answered, what comes later is refused."""
    with running("convserve") as stack:
        started_s = time.time()
        stopped = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(keep_sending, stack, stopped) for _ in range(CLIENTS)]
            try:
                wait_for("requests that wait", lambda: waiting(stack) > CLIENTS / 2, limit_s=60)
                looked_s = time.time()
                accepted = waiting(stack)
                stack.compose("stop", "convserve", limit_s=60)
            finally:
                stopped.set()
            attempts = list(itertools.chain.from_iterable(client.result(timeout=60) for client in clients))
        exit_code = stack.inspect("convserve")["State"]["ExitCode"]
        signalled_s = stack.time_of_signal("convserve", since_s=started_s)
        log = [line for line in stack.log("convserve") if line.get("route", "").endswith("/predict")]

    assert exit_code == 0
    answered = [attempt for attempt in attempts if attempt.status is not None]
    assert {attempt.request_id: attempt.status for attempt in answered} == {
        line["request_id"]: line["status"] for line in log
    }
    assert {attempt.status for attempt in answered} <= {200, 503}
    assert sum(attempt.status == 200 and attempt.ended_s > looked_s for attempt in attempts) >= accepted
    assert any(line["status"] == 200 and began_s(line) < signalled_s < ended_s(line) for line in log)


def ended_s(line: dict[str, Any]) -> float:
    """Tell when the request of a line of the log was answered, in seconds of the wall clock."""
    return datetime.fromisoformat(line["time"]).timestamp()


def began_s(line: dict[str, Any]) -> float:
    """Tell when the request of a line of the log arrived."""
    milliseconds: float = line["duration_ms"]
    return ended_s(line) - milliseconds / 1000


def waiting(stack: Stack) -> float:
    """Read from the service how many pictures are in work and waiting."""
    text = httpx.get(f"{stack.service_url}/metrics", timeout=30).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("convserve_queue_depth{"))


def keep_sending(stack: Stack, stopped: threading.Event) -> list[Attempt]:
    """Send a picture that takes a while, again and again, until the service is gone."""
    picture = slow_picture()
    attempts = [attempt_to_classify(stack, picture)]
    while attempts[-1].status is not None and not stopped.is_set():
        attempts.append(attempt_to_classify(stack, picture))
    return attempts


def attempt_to_classify(stack: Stack, picture: bytes) -> Attempt:
    """Send one request on a connection of its own; half an answer is an error of the test."""
    request_id = uuid.uuid4().hex
    host = stack.service_url.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(host, timeout=30)) as connection:
        try:
            connection.request("POST", ROUTE, picture, {"X-Request-ID": request_id})
            answer = connection.getresponse()
        except (OSError, http.client.BadStatusLine):
            return Attempt(request_id, time.time(), None)
        answer.read()
    return Attempt(request_id, time.time(), answer.status)


def slow_picture() -> bytes:
    """Encode twenty megapixels of one colour: a small file that takes some tenths of a second to decode."""
    stream = io.BytesIO()
    Image.new("RGB", (5000, 4000), "red").save(stream, "PNG")
    return stream.getvalue()
