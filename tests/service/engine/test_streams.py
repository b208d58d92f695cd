"""Streams answer as the network does alone, whatever a batch is padded to; the sizes that pay are kept."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

from service.artifact import Output
from service.engine.cost import Cost
from service.engine.forms import Sessions
from service.engine.predictor import Classification, Classifier, Sent, predict
from service.engine.scheduler import Scheduler
from service.engine.session import Session
from service.engine.streams import Streams, worthwhile
from service.errors import BadImageError, InferenceError
from service.repository.lanes import device_lane
from tests.model_folders import COLORS, color_input, color_network, picture
from tests.networks import network, node
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
                assert isinstance(one, Classification)
                np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=0, atol=1e-6)


def test_a_network_with_a_fixed_batch_has_that_size_only() -> None:
    """Its pictures are padded to what it takes."""
    network = color_network()
    model = Session.load(network, input_name="input", output_name="probabilities")
    fixed = Session("cpu", 4, model._runtime, model._input_name, model._output_name)
    streams = Streams.warm(_streams().classifier, [fixed], sizes=(1, 2, 4, 8))
    assert streams.sizes == (4,)


@pytest.mark.parametrize(
    ("each_ms", "kept"),
    [
        ({1: 4.0, 2: 2.0, 4: 1.0, 8: 1.0}, [1, 2, 4]),
        ({1: 4.0, 2: 4.1, 4: 1.0, 8: 0.5}, [1, 2, 4, 8]),
        ({1: 1.0, 2: 0.97, 4: 1.2}, [1]),
        ({4: 1.0}, [4]),
    ],
)
def test_sizes_are_kept_up_to_where_a_picture_costs_nearly_as_little_as_anywhere(
    each_ms: dict[int, float], kept: list[int]
) -> None:
    """One size that happens to be slow does not keep a device from the larger ones."""
    assert worthwhile(each_ms) == kept


def test_sizes_that_the_network_does_not_take_are_left_out() -> None:
    """A file may promise any batch and take one picture only; it is served one by one."""
    streams = Streams.warm(_streams().classifier, [_single(), _single()], sizes=(1, 2, 4))
    assert streams.sizes == (1,)
    with pytest.raises(InferenceError):
        Streams.warm(_streams().classifier, [_single()], sizes=(2, 4))


def _single() -> Session:
    """Load a network that says it takes any batch, and adds one picture to what it is given."""
    shape = (1, 3, 8, 8)
    nodes = [
        node("Reshape", ["input", "shape"], ["one"]),
        node("ReduceMean", ["one", "axes"], ["probabilities"], keepdims=0),
    ]
    weights = {"shape": np.array(shape), "axes": np.array([2, 3])}
    model = network(nodes, inputs={"input": ("n", *shape[1:])}, outputs={"probabilities": ("n", 3)}, weights=weights)
    return Session.load(model, input_name="input", output_name="probabilities")


def test_what_was_measured_is_told_with_the_sizes_in_use() -> None:
    """Every size that was tried has its figures, and the largest kept is the batch."""
    streams = _streams()
    assert [measured.batch for measured in streams.measurements] == [1, 2, 4]
    assert (streams.tuning.form, streams.tuning.batch) == ("streams", streams.sizes[-1])
    assert all(measured.median_s >= measured.least_s > 0 for measured in streams.measurements)


def test_every_size_of_every_stream_can_be_asked_for_verification() -> None:
    """Each gives the answer that the network gives alone."""
    streams = _streams()
    answers = list(streams.answers())
    assert len(answers) == 2 * len(streams.sizes)
    for answer in answers:
        assert COLORS[int(answer(picture("blue")).probabilities.argmax())] == "blue"


def test_a_device_without_room_for_a_batch_is_an_error_of_the_network() -> None:
    """Here one that this build of the runtime cannot reach at all."""
    model = _session()
    elsewhere = Session("cuda", None, model._runtime, model._input_name, model._output_name)
    with pytest.raises(InferenceError, match=r"no room for a batch of shape \(1, 3, 8, 8\) on cuda"):
        elsewhere.bind(np.zeros((1, 3, 8, 8), dtype=np.float32))


def test_a_picture_on_which_the_network_fails_spoils_no_other_answer_of_its_batch() -> None:
    """The others are run again without it."""
    failing = Session.load(color_network(fails_on_bright=True), input_name="input", output_name="probabilities")
    output = Output(tensor="probabilities", holds="probabilities")
    classifier = Classifier(Sessions(failing), color_input(), output, classes=3, max_pixels=10_000)
    prepared = [classifier.prepare(Sent(picture(color))) for color in ("black", "red", "black")]
    first, bad, last = classifier.classify_together(prepared, failing.run, size=4)
    assert isinstance(first, Classification)
    assert isinstance(last, Classification)
    assert isinstance(bad, InferenceError)


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
