"""`training.assessment.latency`: every step is timed once per picture, by the clock that it is given."""

from __future__ import annotations

import itertools

import pytest

from tests.model_folders import load_onnx
from tests.training.assessment.conftest import Colors
from training.assessment.latency import Latency, measure_latency
from training.publication.evaluation import load_session


class _Clock:
    """Ticks one, two, three milliseconds for the steps of each picture, and tells how often it was read."""

    def __init__(self) -> None:
        self.reads = 0
        self._now_s = 0.0
        self._steps_s = itertools.cycle((0.0, 0.001, 0.002, 0.003))

    def __call__(self) -> float:
        self.reads += 1
        self._now_s += next(self._steps_s)
        return self._now_s


def _measured(colors: Colors, clock: _Clock, *, count: int = 7) -> Latency:
    manifest = colors.model.manifest
    return measure_latency(
        colors.model.load(),
        list(colors.pictures)[:count],
        spec=manifest.input,
        output=manifest.output,
        threads=1,
        hardware="a machine",
        clock=clock,
    )


def test_steps_are_told_apart_and_add_up(colors: Colors) -> None:
    """One millisecond of decoding, two of preprocessing, three of the network: six in all."""
    found = _measured(colors, _Clock())
    medians = [timing.median_ms for timing in (found.decode, found.preprocess, found.infer, found.total)]
    assert medians == pytest.approx([1, 2, 3, 6])
    assert (found.n, found.threads, found.hardware) == (7, 1, "a machine")


def test_warm_up_is_not_counted(colors: Colors) -> None:
    """Ten pictures run before the first that is timed, also where there are fewer than ten."""
    clock = _Clock()
    found = _measured(colors, clock, count=2)
    assert found.n == 2
    assert clock.reads == 4 * (10 + 2)


def test_quantiles_show_the_slow_ones(colors: Colors) -> None:
    """Nine tenths stay below p90, and the median does not move for one slow picture."""

    class Slow(_Clock):
        def __call__(self) -> float:
            self.reads += 1
            self._now_s += 0.5 if self.reads == 4 * 11 else 0.001
            return self._now_s

    found = _measured(colors, Slow())
    assert found.infer.p10_ms == pytest.approx(1)
    assert found.infer.median_ms == pytest.approx(1)
    assert found.infer.p90_ms > 100


def test_network_of_a_fixed_batch_is_timed_with_a_full_one(colors: Colors) -> None:
    """Four pictures at once is what such a network takes; its time is the time of one request."""
    manifest = colors.model.manifest
    loaded = load_onnx((colors.model.folder / "model.onnx").read_bytes())
    for tensor in (*loaded.graph.input, *loaded.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_value = 4
    session = load_session(loaded.SerializeToString(), spec=manifest.input, output=manifest.output)
    found = measure_latency(
        session,
        list(colors.pictures),
        spec=manifest.input,
        output=manifest.output,
        threads=1,
        hardware="",
        clock=_Clock(),
    )
    assert found.n == 7
