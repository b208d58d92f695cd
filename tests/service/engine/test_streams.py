"""Streams answer as the network does alone, whatever a batch is padded to; the sizes that pay are kept."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

from service.artifact import Output
from service.engine.cost import Cost
from service.engine.forms import Sessions
from service.engine.predictor import Classifier, Sent, predict
from service.engine.scheduler import Scheduler
from service.engine.session import Session
from service.engine.streams import Streams
from service.errors import BadImageError
from service.repository.lanes import device_lane
from tests.model_folders import COLORS, color_input, color_network, picture
from tests.service.engine.gates import soon


def _session() -> Session:
    return Session.load(color_network(), input_name="input", output_name="probabilities")


def _streams(*, sizes: tuple[int, ...] = (1, 2, 4)) -> Streams:
    output = Output(tensor="probabilities", holds="probabilities")
    classifier = Classifier(Sessions(_session()), color_input(), output, classes=3, max_pixels=10_000)
    return Streams.warm(classifier, [_session(), _session()], sizes=sizes)


def test_every_stream_has_the_same_sizes_beginning_with_one() -> None:
    """How many sizes pay is the machine's business; the first always does."""
    streams = _streams()
    first, second = streams.runs
    assert list(first) == list(second) == list(streams.sizes)
    assert streams.sizes == (1, 2, 4)[: len(streams.sizes)]
    assert streams.sizes


@pytest.mark.parametrize("stream", [0, 1])
def test_padding_changes_no_answer(stream: int) -> None:
    """Every warm size, filled with one picture and as many others as fit, on either stream."""
    streams = _streams()
    sent = [picture(COLORS[number % 3]) for number in range(4)]
    for size in streams.sizes:
        for count in range(1, size + 1):
            prepared = [streams.classifier.prepare(Sent(data)) for data in sent[:count]]
            found = streams.run(prepared, size=size, stream=stream)
            alone = [streams.classifier.classify(data) for data in sent[:count]]
            for one, other in zip(found, alone, strict=True):
                np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=0, atol=1e-6)


def test_a_network_with_a_fixed_batch_has_that_size_only() -> None:
    """Its pictures are padded to what it takes."""
    network = color_network()
    model = Session.load(network, input_name="input", output_name="probabilities")
    fixed = Session("cpu", 4, model._runtime, model._input_name, model._output_name)
    streams = Streams.warm(_streams().classifier, [fixed], sizes=(1, 2, 4, 8))
    assert streams.sizes == (4,)


async def test_pictures_go_through_a_lane_before_streams_from_bytes_to_answers() -> None:
    """Real threads, real sessions: good pictures are answered, a bad one fails alone, and stopping loses nothing."""
    scheduler = Scheduler(threads=2)
    scheduler.start()
    lane = device_lane(_streams(), scheduler=scheduler, capacity=99, cost=Cost(0.01), target_s=math.inf)
    sent = [picture("red"), b"", picture("blue"), picture("lime"), picture("red")]
    deadline_s = scheduler.clock() + 60
    found = await soon(
        asyncio.gather(
            *(predict(Sent(data), lane=lane, deadline_s=deadline_s) for data in sent), return_exceptions=True
        )
    )
    assert isinstance(found, list)
    assert isinstance(found[1], BadImageError)
    assert [int(found[place].probabilities.argmax()) for place in (0, 2, 3, 4)] == [0, 2, 1, 0]
    await asyncio.to_thread(scheduler.stop)
    await asyncio.to_thread(lane.stop)
    assert lane.depth == 0
