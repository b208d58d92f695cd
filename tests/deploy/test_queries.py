"""Every query of the dashboard and of the rules parses, and names only metrics that the service exposes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest
import yaml

from tests.deploy.queries import REPOSITORY, Query, metric_names, panel_queries, recorded_names, rule_queries
from tests.model_folders import write_model

# Made by Prometheus itself, for each target and each alert.
MADE_BY_PROMETHEUS = frozenset({"up", "ALERTS"})


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)")
def test_every_query_of_a_panel_is_promql(tmp_path: Path) -> None:
    """Prometheus' own parser accepts each query, given to it as a recording rule."""
    rules = [
        {"record": f"panel:query_{number}:x", "expr": query.expression} for number, query in enumerate(panel_queries())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (job) (rate(a_total{route=~".*/predict", code="b{c}"}[5m])) / b', {"a_total", "b"}),
        ("histogram_quantile(0.99, sum by (le) (rate(c_bucket[1h30m]))) > 0.33", {"c_bucket"}),
        ("job:d:rate5m and on (job, instance) time() - e > 6 * 3600", {"job:d:rate5m", "e"}),
        ('count(ALERTS{alertstate="firing"}) or vector(0)', {"ALERTS"}),
    ],
)
def test_metric_names_are_read_out_of_an_expression(expression: str, names: set[str]) -> None:
    """Functions, keywords, labels, ranges and strings are no metrics; what is left is."""
    assert metric_names(expression) == names


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[frozenset[str]]:
    """Names of the series of a real service with one model, started for this and stopped afterwards."""
    models = tmp_path_factory.mktemp("models")
    write_model(models)
    port = _free_port()
    environment = {**os.environ, "CONVSERVE_MODELS_DIR": str(models), "CONVSERVE_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "service"], cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        assert process.stderr is not None
        _wait_until_ready(process.stderr)
        lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text.splitlines()
        yield frozenset(line.partition(" ")[0].partition("{")[0] for line in lines if line and line[0] != "#")
    finally:
        watchdog.cancel()
        process.terminate()
        process.communicate(timeout=30)


def _wait_until_ready(log: IO[str]) -> None:
    """Read the service's log up to the line that says that its model is ready."""
    seen = []
    for line in log:
        seen.append(line)
        if json.loads(line)["message"] == "model ready":
            return
    pytest.fail("the service ended before its model was ready:\n" + "".join(seen))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.parametrize("query", panel_queries() + rule_queries(), ids=lambda query: query.place)
def test_every_metric_named_is_one_that_the_service_exposes(query: Query, exposed: frozenset[str]) -> None:
    """A panel or rule on a metric that does not exist would stay empty, or silent, for ever."""
    unknown = metric_names(query.expression) - exposed - recorded_names() - MADE_BY_PROMETHEUS
    assert not unknown
