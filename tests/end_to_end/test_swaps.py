"""Versions change under load in real processes: no request is lost, no answer mixes versions, and all workers agree."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.processes import Service, running_service
from tests.model_folders import color_network, picture, write_model

RED = picture("red")
_CALLERS = 4
_SWAPS = 50


def sharpness_of(version: int) -> float:
    """Make each version sure to another degree, so that an answer tells which network it is from."""
    return 0.1 * version


def share_of(version: int) -> float:
    """Compute what a version answers for red on a red picture."""
    return math.exp(sharpness_of(version)) / (math.exp(sharpness_of(version)) + 2)


def publish(models_dir: Path, version: int) -> None:
    """Put a version into the folder in one step, as a publisher does."""
    hidden = models_dir / ".being-written"
    write_model(hidden, version=version, network=color_network(sharpness=sharpness_of(version)), golden=())
    (models_dir / "colors").mkdir(parents=True, exist_ok=True)
    os.rename(hidden / "colors" / str(version), models_dir / "colors" / str(version))  # noqa: PTH104  one step
    shutil.rmtree(hidden)


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer: when its request began and ended, and which version it says and shows."""

    began_s: float
    ended_s: float
    version: int
    shares: tuple[float, ...]


class Callers:
    """Callers that ask without pause until told to stop, one picture and two by turns."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.stopping = False
        self.seen: list[Seen] = []
        self.latest = 0

    async def call(self) -> None:
        """Ask until told to stop; anything but an answer is an error."""
        pictures = [("file", ("red.png", RED, "image/png"))] * 2
        async with httpx.AsyncClient(base_url=self._url, timeout=60) as client:
            for turn in itertools.count():
                if self.stopping:
                    return
                began_s = time.monotonic()
                if turn % 2:
                    answer = await client.post("/models/colors/predict", content=RED)
                else:
                    answer = await client.post("/models/colors/predict", files=pictures)
                assert answer.status_code == httpx.codes.OK, answer.text
                self._note(answer.json(), began_s)

    def _note(self, body: dict[str, Any], began_s: float) -> None:
        results = body.get("results", [body])
        shares = tuple(result["predictions"][0]["probability"] for result in results)
        version = body["model"]["version"]
        self.seen.append(Seen(began_s, time.monotonic(), version, shares))
        self.latest = max(self.latest, version)


async def swap_under_load(service: Service, models_dir: Path) -> Callers:
    """Publish versions one after the other, each when the one before it answers."""
    callers = Callers(service.url)
    async with asyncio.TaskGroup() as group:
        for _ in range(_CALLERS):
            group.create_task(callers.call())
        for version in range(2, _SWAPS + 2):
            await asyncio.to_thread(publish, models_dir, version)
            while callers.latest < version:  # noqa: ASYNC110  it comes about in another process
                await asyncio.sleep(0.005)
        callers.stopping = True
    return callers


@pytest.mark.parametrize("workers", [1, 2])
def test_fifty_swaps_under_load_lose_no_request_and_mix_no_answer(tmp_path: Path, workers: int) -> None:
    """Every answer is of the version it names; once a version has answered, no older one does, in any worker."""
    models_dir = tmp_path / "models"
    publish(models_dir, 1)
    settings = {"models_dir": models_dir, "watch": True, "watch_interval_ms": 20, "workers": workers}
    with running_service(tmp_path, **settings) as service:
        callers = asyncio.run(swap_under_load(service, models_dir))
        metrics = httpx.get(f"{service.url}/metrics").text
        assert service.stop() == 0
    assert callers.latest == _SWAPS + 1
    for seen in callers.seen:
        assert seen.shares == pytest.approx([share_of(seen.version)] * len(seen.shares), abs=1e-5)
    newest_when_ended = 0
    by_end = iter(sorted(callers.seen, key=lambda seen: seen.ended_s))
    ended = next(by_end)
    for seen in sorted(callers.seen, key=lambda seen: seen.began_s):
        while ended.ended_s < seen.began_s:
            newest_when_ended = max(newest_when_ended, ended.version)
            ended = next(by_end)
        assert seen.version >= newest_when_ended
    live = [
        line for line in metrics.splitlines() if line.startswith("convserve_traffic_share{") and line.endswith(" 1.0")
    ]
    assert [line for line in live if f'version="{_SWAPS + 1}"' in line] == live
    assert len(live) == 1
