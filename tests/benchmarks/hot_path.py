"""What each part of one request costs in microseconds: every middleware, every stage, and what stands between them.

Run it with `python -m tests.benchmarks.hot_path`; it prints a table and writes `results/hot_path.json`. The real app
with the shipped model is called in this process, without sockets, in turns with a bare FastAPI route that reads a body
and answers a constant. Probes between the layers tell their times apart; stages come from the answer's own
`Server-Timing`. Figures are medians with quartiles; ratios are to the bare route.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop
from fastapi import FastAPI, Request, Response
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.app import create_app
from service.engine.allocator import tune_allocator
from service.settings import read_settings
from service.telemetry.logs import LOGGER_NAME, configure_logging
from tests.benchmarks.serving.results import machine
from tests.end_to_end.processes import ROOT

RESULT: Final = Path(__file__).parent / "results" / "hot_path.json"
_MODEL: Final = "fashion-mnist"
_SAMPLE: Final = ROOT / "models" / _MODEL / "1" / "samples" / "ankle-boot.png"
_ROUNDS: Final = 60
_REQUESTS: Final = 20  # of each kind in a round
_POLL_S: Final = 0.01
_OK: Final = 200
_NOT_READY: Final = 503
_STAGE: Final = re.compile(r"([a-z]+);dur=([0-9.]+)")
_MODEL_STAGES: Final = frozenset({"decode", "preprocess", "inference", "postprocess"})
_BARE: Final = "bare FastAPI route"
_REST: Final = "routing, parameters, way back from the thread, counting, answer"
_OWN: Final = "all but decode, preprocess, inference and postprocess"
_WHOLE: Final = "whole request"
_LOG: Final = "the log line in RequestRecorder"

Times = dict[str, float]  # microseconds by part


@dataclass(slots=True)
class Probe:
    """Stands before a layer and notes when a request goes in and comes out, and how long the layers outside send.

    Args:
        app: The layer.
        name: Of the layer.

    """

    app: ASGIApp
    name: str
    entered_s: float = 0.0
    left_s: float = 0.0
    sending_s: float = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        self.sending_s = 0.0

        async def timed_send(message: Message) -> None:
            begun_s = time.perf_counter()
            await send(message)
            self.sending_s += time.perf_counter() - begun_s

        self.entered_s = time.perf_counter()
        await self.app(scope, receive, timed_send)
        self.left_s = time.perf_counter()

    @property
    def inside_s(self) -> float:
        """Seconds inside the layer, without those in which layers outside sent what it gave."""
        return self.left_s - self.entered_s - self.sending_s


@dataclass(slots=True)
class Answer:
    """Takes what an app sends."""

    status: int = 0
    stages_us: Times = field(default_factory=dict)

    async def send(self, message: Message) -> None:
        """Keep status and stage times."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            timing = dict(message["headers"]).get(b"server-timing", b"").decode()
            self.stages_us = {stage: float(ms) * 1000 for stage, ms in _STAGE.findall(timing)}


def probed(app: FastAPI) -> list[Probe]:
    """Put a probe before each middleware and before the router, outermost first."""
    app.middleware_stack = app.build_middleware_stack()
    probes = [Probe(app.middleware_stack, type(app.middleware_stack).__name__)]
    app.middleware_stack = probes[0]
    while not isinstance(probes[-1].app, Router):
        layer: Any = probes[-1].app
        attribute = "app" if hasattr(layer, "app") else "_app"
        inner = getattr(layer, attribute)
        probes.append(Probe(inner, type(inner).__name__))
        setattr(layer, attribute, probes[-1])
    return probes


def parts(probes: Sequence[Probe], stages_us: Mapping[str, float]) -> Times:
    """Split one request: each middleware without what is inside it, each stage, and what the route does besides."""
    inside_us = [probe.inside_s * 1e6 for probe in probes]
    middleware = {
        probe.name: outer - inner for probe, outer, inner in zip(probes, inside_us, inside_us[1:], strict=False)
    }
    rest_us = inside_us[-1] - sum(stages_us.values())
    stages = {f"stage {name}": us for name, us in stages_us.items()}
    own_us = inside_us[0] - sum(us for name, us in stages_us.items() if name in _MODEL_STAGES)
    return {
        **middleware,
        **stages,
        _REST: rest_us,
        _OWN: own_us,
        _WHOLE: inside_us[0],
    }


def summary(values: Sequence[float]) -> tuple[float, float, float]:
    """Give median, lower and upper quartile."""
    low, middle, high = statistics.quantiles(values, n=4)
    return middle, low, high


def table(found: Mapping[str, Sequence[float]]) -> str:
    """Write every part with its quartiles, and the ratio to the bare route."""
    bare_us = statistics.median(found[_BARE])
    lines = ["| part | us, median [quartiles] | ratio to the bare route |", "|---|---|---|"]
    for name, values in found.items():
        middle, low, high = summary(values)
        lines.append(f"| {name} | {middle:.1f} [{low:.1f}-{high:.1f}] | {middle / bare_us:.2f} |")
    return "\n".join(lines)


async def measure(*, rounds: int = _ROUNDS, requests: int = _REQUESTS) -> dict[str, list[float]]:
    """Call both apps in turns.

    Returns:
        Microseconds by part, one value per request.

    """
    with shipped_model() as models_dir:
        app = create_app(read_settings({"CONVSERVE_MODELS_DIR": str(models_dir)}))
        probes, bare = probed(app), bare_app()
        bare_probe = probed(bare)[0]
        async with app.router.lifespan_context(app):
            await _ready(app)
            found: dict[str, list[float]] = {}
            for number in range(rounds + 1):
                for times in await _round(app, probes, bare, bare_probe, requests):
                    if number:  # the first warms up
                        _note(found, times)
            return found


async def _round(app: ASGIApp, probes: Sequence[Probe], bare: ASGIApp, bare_probe: Probe, requests: int) -> list[Times]:
    times: list[Times] = []
    data = _SAMPLE.read_bytes()
    for _ in range(requests):
        await _ask(bare, "POST", "/predict", data)
        times.append({_BARE: bare_probe.inside_s * 1e6})
    for _ in range(requests):
        answer = await _ask(app, "POST", "/predict", data)
        times.append(parts(probes, answer.stages_us))
    with _quiet():
        for index in range(requests):
            await _ask(app, "POST", "/predict", data)
            loud = times[requests + index]["RequestRecorder"]
            times.append({_LOG: loud - parts(probes, {})["RequestRecorder"]})
    return times


def _note(found: dict[str, list[float]], times: Times) -> None:
    for name, us in times.items():
        found.setdefault(name, []).append(us)


async def _ready(app: ASGIApp) -> None:
    while (await _ask(app, "GET", "/readyz", b"")).status != _OK:  # noqa: ASYNC110  the app tells by HTTP alone
        await asyncio.sleep(_POLL_S)


async def _ask(app: Callable[..., Awaitable[None]], method: str, path: str, body: bytes) -> Answer:
    """Call an app as a server does, and require its answer."""
    answer, messages = Answer(), iter([{"type": "http.request", "body": body, "more_body": False}])
    forever: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    async def receive() -> Message:
        return next(messages, None) or await forever  # the caller stays

    await app(_scope(method, path, len(body)), receive, answer.send)
    if answer.status not in (_OK, _NOT_READY):
        raise RuntimeError(f"{method} {path} was answered with {answer.status}")
    return answer


def _scope(method: str, path: str, length: int) -> Scope:
    headers = {b"host": b"localhost", b"content-type": b"image/png", b"content-length": str(length).encode()}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers.items()),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


def bare_app() -> FastAPI:
    """Make the least that FastAPI can do with a body."""
    app = FastAPI()

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        await request.body()
        return Response(b'{"predictions": []}', media_type="application/json")

    return app


@contextmanager
def shipped_model() -> Iterator[Path]:
    """Give a models folder with this one model."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "models" / _MODEL, Path(folder, _MODEL))
        yield Path(folder)


@contextmanager
def _quiet() -> Iterator[None]:
    logger = logging.getLogger(LOGGER_NAME)
    before = logger.level
    logger.setLevel(logging.WARNING)
    yield
    logger.setLevel(before)


def main() -> None:
    """Measure, print, keep the figures."""
    tune_allocator()
    with tempfile.TemporaryFile("w") as log:
        shown, sys.stderr = sys.stderr, log  # the log goes to a file, as it does in a container
        configure_logging("info")
        found = uvloop.run(measure())
        sys.stderr = shown
    print(f"{machine()}, n = {len(found[_WHOLE])}\n\n{table(found)}")  # noqa: T201  a benchmark prints
    figures = {
        name: dict(zip(("median", "lower", "upper"), summary(values), strict=True)) for name, values in found.items()
    }
    result = {"machine": machine(), "unit": "us", "n": len(found[_WHOLE]), "figures": figures}
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
