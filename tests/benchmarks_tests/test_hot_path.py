"""`tests.benchmarks.hot_path`: probes tell the layers of an app apart, and parts add up to the whole."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app import create_app
from service.settings import read_settings
from tests.benchmarks.hot_path import Probe, bare_app, parts, probed, shipped_model, summary, table


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand for an app."""
    del scope, receive, send


def passed(app: ASGIApp, name: str, *, entered_s: float, left_s: float, sending_s: float) -> Probe:
    """Make a probe that a request has passed."""
    return Probe(app, name, entered_s=entered_s, left_s=left_s, sending_s=sending_s)


def test_parts_add_up_to_the_whole() -> None:
    """Times by hand: 100 us in all, 10 of them the server's sending, 3 the middleware's."""
    probes = [
        passed(nothing, "Recorder", entered_s=0.0, left_s=100e-6, sending_s=10e-6),
        passed(nothing, "Router", entered_s=10e-6, left_s=95e-6, sending_s=13e-6),
    ]
    found = parts(probes, {"decode": 20.0, "read": 5.0})
    assert found["Recorder"] == pytest.approx(90 - 72)
    assert found["whole request"] == pytest.approx(90)
    assert found["all but decode, preprocess, inference and postprocess"] == pytest.approx(70)
    names = (
        "Recorder",
        "stage decode",
        "stage read",
        "routing, parameters, way back from the thread, counting, answer",
    )
    assert sum(found[name] for name in names) == pytest.approx(90)


def test_every_middleware_of_the_real_app_has_a_probe() -> None:
    """The recorder of requests is among them, and the router comes last."""
    with shipped_model() as models_dir:
        app = create_app(read_settings({"CONVSERVE_MODELS_DIR": str(models_dir)}))
    names = [probe.name for probe in probed(app)]
    assert "RequestRecorder" in names
    assert names[-1].endswith("Router")
    assert len(names) == len(set(names)) > 3


async def test_probes_leave_the_answer_as_it_is() -> None:
    """A request goes through all of them and comes out answered, with times noted."""
    app: FastAPI = bare_app()
    probes = probed(app)
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"x", "more_body": False}

    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": [], "query_string": b""}
    await app(scope, receive, send)
    assert sent[0]["status"] == 200  # type: ignore[index]  # the first message is the head
    assert all(probe.left_s >= probe.entered_s > 0 for probe in probes)


def test_table_gives_ratios_to_the_bare_route() -> None:
    """Twice the bare route's time is 2.00."""
    text = table({"bare FastAPI route": [10.0, 10.0, 10.0], "whole request": [19.0, 20.0, 21.0]})
    assert "| whole request | 20.0 [19.0-21.0] | 2.00 |" in text
    assert summary([1.0, 2.0, 3.0]) == (2.0, 1.0, 3.0)
