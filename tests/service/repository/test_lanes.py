"""The lane that a model gets follows from the provider that is really in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from service.artifact import Output
from service.engine.device_lane import DeviceLane
from service.engine.forms import Sessions
from service.engine.lane import Lane
from service.engine.predictor import Classification, Classifier, PictureLane
from service.engine.scheduler import Scheduler
from service.engine.session import Session
from service.errors import InferenceError
from service.repository.lanes import make_lane
from service.settings import Settings
from tests.model_folders import color_input, color_network, picture

Answer = Callable[[bytes], Classification]


def _session(*, provider: str, sharpness: float = 10.0) -> Session:
    """Load a network on the CPU, and say that it is elsewhere."""
    network = color_network(sharpness=sharpness)
    return replace(Session.load(network, input_name="input", output_name="probabilities"), provider=provider)


def _made(
    provider: str, *, verified: Callable[[Answer], None], another: float = 10.0, settings: Settings | None = None
) -> tuple[PictureLane, Classifier]:
    output = Output(tensor="probabilities", holds="probabilities")
    sessions = Sessions(_session(provider=provider))
    classifier = Classifier(sessions, color_input(), output, classes=3, max_pixels=10_000)
    lane = make_lane(
        classifier,
        settings=settings or Settings(),
        scheduler=Scheduler(threads=2),
        run_s=0.01,
        another=partial(_session, provider=provider, sharpness=another),
        verified=verified,
    )
    return lane, classifier


def _sure(answer: Answer) -> None:
    if not np.isclose(answer(picture("red")).probabilities[0], 1, atol=1e-3):
        raise InferenceError("not as published")


def test_a_cpu_gets_a_lane_whose_threads_do_all_the_work() -> None:
    """Nothing is asked again: the form was verified before."""
    asked: list[Answer] = []
    lane, classifier = _made("cpu", verified=asked.append)
    assert type(lane) is Lane
    assert asked == []
    assert classifier.sessions.tuning.because == "default"


def test_a_device_gets_streams_each_of_whose_batches_answers_as_published() -> None:
    """And tells which batches these are."""
    asked: list[Answer] = []

    def ask(answer: Answer) -> None:
        asked.append(answer)
        _sure(answer)

    lane, classifier = _made("elsewhere", verified=ask)
    assert isinstance(lane, DeviceLane)
    assert len(asked) == 2 * len(lane.sizes)
    tuning = classifier.sessions.tuning
    assert (tuning.form, tuning.batch, tuning.because) == ("streams", lane.sizes[-1], "measured")
    assert lane.stop(patience_s=30)


def test_a_device_whose_second_stream_answers_otherwise_is_refused() -> None:
    """The first one alone says nothing about the others."""
    with pytest.raises(InferenceError, match="not as published"):
        _made("elsewhere", verified=_sure, another=1.0)


def test_a_number_that_was_set_bounds_instead_of_the_time() -> None:
    """However long a picture takes."""
    lane, _ = _made("cpu", verified=_sure, settings=Settings(queue_size=5))
    assert lane.bound == 5
    lane.cost.fixed_s = 1000.0
    assert lane.bound == 5
