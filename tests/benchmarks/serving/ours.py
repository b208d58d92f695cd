"""The service as a user starts it: `python -m service serve`, its settings in the environment."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Collection
from typing import Final
from urllib.parse import urlencode

from service.settings import PREFIX
from tests.benchmarks.serving.cell import Cell
from tests.benchmarks.serving.figures import OURS
from tests.benchmarks.serving.materials import models_dir, picture_files
from tests.benchmarks.serving.rival_forms import media_type
from tests.benchmarks.serving.scenarios import Scenario
from tests.benchmarks.serving.servers import HOST, Request, Running, Server
from tests.benchmarks.serving.workplace import Workplace
from tests.end_to_end.processes import ROOT

_ROUTE: Final = "/predict"


def ours(scenario: Scenario, *, workplace: Workplace, **further: str) -> Server:
    """Say how the service is started for a scenario.

    Args:
        scenario: Which.
        workplace: With the models and pictures.
        further: Settings beside the scenario's.

    """
    given = {
        "MODELS_DIR": str(models_dir(scenario.model, workplace=workplace)),
        "PRECISION": scenario.precision,
        "PORT": "{port}",
        "CACHE_DIR": str(workplace.cache),
        **scenario.settings,
        **further,
    }
    query = f"?{urlencode(scenario.query)}" if scenario.query else ""
    files = picture_files(scenario.pictures, workplace=workplace)
    shown = ", ".join(f"{name}={value}" for name, value in {**scenario.settings, **further, **scenario.query}.items())
    return Server(
        name=OURS,
        form=shown or "as it comes",
        command=[sys.executable, "-m", "service", "serve"],
        environment={"PYTHONPATH": str(ROOT), **{f"{PREFIX}{name}": value for name, value in given.items()}},
        request=Request(_ROUTE + query, media_type(files[0]), files),
        live_path="/livez",
        ready_path="/readyz",
    )


def note_load_time(cell: Cell) -> None:
    """Note how long the model took to read, to check and to load."""
    seconds = metric(cell.running, "convserve_model_load_seconds")
    if seconds is not None:
        cell.note("load_ms", seconds * 1000)


def tuning_of(running: Running, *, model: str) -> str:
    """Say in which form the service runs a model and why; nothing where it does not tell."""
    document = json.loads(fetch(running.port, f"/models/{model}/versions/1"))
    tuning = document.get("tuning") or {}
    return ", ".join(f"{name} {tuning[name]}" for name in ("form", "batch", "because") if name in tuning)


def metric(running: Running, name: str) -> float | None:
    """Read the first series of a metric of a running service, None where it has none of that name."""
    lines = fetch(running.port, "/metrics").decode().splitlines()
    return first_value(lines, name)


def first_value(lines: Collection[str], name: str) -> float | None:
    """Find the value of the first series of a metric in Prometheus' text format."""
    found = (line for line in lines if line.startswith((f"{name} ", f"{name}{{")))
    return next((float(line.rsplit(" ", 1)[1]) for line in found), None)


def fetch(port: int, path: str) -> bytes:
    """Get a document."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()
