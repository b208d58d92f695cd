"""A picture's bytes become probabilities, on the caller's thread or in a lane, and every stage is timed."""

from __future__ import annotations

import asyncio
import gc
import math
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from service.artifact import Output
from service.engine.cost import Cost
from service.engine.forms import Sessions
from service.engine.lane import Lane
from service.engine.predictor import Classification, Classifier, PictureLane, Sent, predict
from service.engine.scheduler import Scheduler
from service.engine.session import Session
from service.errors import BadImageError, InferenceError, InputError, TooManyPixelsError, UnsupportedImageFormatError
from tests.model_folders import COLORS, SIDE, color_input, color_network, picture
from tests.networks import network, node
from tests.picture_files import input_of, tensor_of

RED_SHARE = math.exp(10) / (math.exp(10) + 2)  # softmax of ten times (1, 0, 0)


def classifier(**changes: Any) -> Classifier:
    """Load the network that tells the strongest colour."""
    fields: dict[str, Any] = {
        "sessions": Sessions(Session.load(color_network(), input_name="input", output_name="probabilities")),
        "input": color_input(),
        "output": Output(tensor="probabilities", holds="probabilities"),
        "classes": 3,
        "max_pixels": 10_000,
    }
    return Classifier(**{**fields, **changes})


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    """Run one thread for as long as a test takes."""
    scheduler = Scheduler(threads=1)
    scheduler.start()
    yield scheduler
    scheduler.stop()


@pytest.mark.parametrize(("color", "index"), [("red", 0), ("lime", 1), ("blue", 2)])
def test_a_picture_becomes_the_probabilities_that_the_network_gives_it(color: str, index: int) -> None:
    """The strongest colour gets its softmax share, worked out with the standard library, and the others the rest."""
    answer = classifier().classify(picture(color))
    expected = np.full(3, (1 - RED_SHARE) / 2)
    expected[index] = RED_SHARE
    np.testing.assert_allclose(answer.probabilities, expected, rtol=0, atol=1e-6)


def test_the_answer_tells_the_size_of_the_picture_in_its_file() -> None:
    """Width and height are those that were sent, whatever the network takes."""
    answer = classifier().classify(picture("red", size=(31, 17)))
    assert (answer.width, answer.height) == (31, 17)


def test_every_stage_on_the_thread_is_timed() -> None:
    """Each of the four stages took some time, and none is missing."""
    stages_s = classifier().classify(picture("red")).stages_s
    assert list(stages_s) == ["decode", "preprocess", "inference", "postprocess"]
    assert all(seconds > 0 for seconds in stages_s.values())


def test_what_the_output_holds_decides_how_it_is_read() -> None:
    """The same values read as logits go through another softmax."""
    logits = classifier(output=Output(tensor="probabilities", holds="logits"))
    first = math.exp(RED_SHARE)
    rest = 2 * math.exp((1 - RED_SHARE) / 2)
    assert logits.classify(picture("red")).probabilities[0] == pytest.approx(first / (first + rest), abs=1e-6)


def test_a_broken_picture_is_the_callers_error() -> None:
    """Decoding errors reach the caller as they are."""
    with pytest.raises(BadImageError):
        classifier().classify(picture("red")[:-30])


def test_the_pixel_limit_of_the_classifier_holds() -> None:
    """A picture above it is refused."""
    with pytest.raises(TooManyPixelsError):
        classifier(max_pixels=SIDE * SIDE - 1).classify(picture("red"))


def test_a_photograph_is_decoded_exactly_unless_asked_otherwise() -> None:
    """Golden samples go this way and pin exact numbers; the answer says what was done."""
    data = picture("red", size=(1200, 900), format="JPEG")
    exact, fast = (
        classifier(max_pixels=10**7).classify(data),
        _classified(classifier(max_pixels=10**7), Sent(data, "fast")),
    )
    assert (exact.reduction, fast.reduction) == (1, 4)
    assert (fast.width, fast.height) == (1200, 900)
    np.testing.assert_allclose(fast.probabilities, exact.probabilities, rtol=0, atol=1e-3)


def test_a_small_picture_is_decoded_exactly_however_it_is_asked_for() -> None:
    """Nothing is gained by scaling it down."""
    small = picture("red", size=(64, 64), format="JPEG")
    assert _classified(classifier(), Sent(small, "fast")).reduction == 1


def _classified(classifier: Classifier, sent: Sent) -> Classification:
    (answer,) = classifier.classify_each([sent], alone=True)
    assert isinstance(answer, Classification)
    return answer


@pytest.mark.parametrize("labels", [2, 4, 1000])
def test_a_network_for_another_number_of_classes_is_an_error_with_both_numbers(labels: int) -> None:
    """Labels that do not fit the output would name the wrong classes."""
    with pytest.raises(InferenceError, match=f"3 classes and has {labels} labels"):
        classifier(classes=labels).classify(picture("red"))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("color_mode", ["RGB", "L"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_blank_batch_has_the_form_of_a_batch_with_a_picture(layout: str, color_mode: str, dtype: str) -> None:
    """Warming up without a sample runs the network on the very form that requests have."""
    require_blank_batch_like_a_picture(layout=layout, color_mode=color_mode, dtype=dtype)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_blank_batch_without_channel_axis_has_the_form_of_a_batch_with_a_picture(dtype: str) -> None:
    """The same for networks that take [N, H, W]."""
    require_blank_batch_like_a_picture(layout="NHW", color_mode="L", dtype=dtype)


def require_blank_batch_like_a_picture(**options: Any) -> None:
    """Compare a blank batch with what a real picture becomes."""
    spec = input_of(width=6, height=4, **options)
    tensor = tensor_of(picture("red"), spec)
    blank = classifier(input=spec).blank_batch()
    assert blank.shape == (1, *tensor.shape)
    assert blank.dtype == tensor.dtype
    assert not blank.any()


def test_a_network_of_bytes_in_rows_and_columns_is_served_too() -> None:
    """uint8, NHWC and a single sigmoid, the other end of what manifests allow: white gives 1, black 0."""
    nodes = [
        node("Cast", ["input"], ["numbers"], to=1),
        node("ReduceMean", ["numbers", "axes"], ["mean"], keepdims=0),
        node("Div", ["mean", "white"], ["output"]),
    ]
    model = network(
        nodes,
        inputs={"input": ("n", 4, 6, 3)},
        outputs={"output": ("n",)},
        weights={"axes": np.array([1, 2, 3]), "white": np.array(255, dtype=np.float32)},
        input_type=2,
    )
    session = Session.load(model, input_name="input", output_name="output")
    spec = input_of(width=6, height=4)
    sigmoid = classifier(
        sessions=Sessions(session), input=spec, output=Output(tensor="output", holds="sigmoid"), classes=2
    )
    assert sigmoid.classify(picture("white")).probabilities.tolist() == [0.0, 1.0]
    assert sigmoid.classify(picture("black")).probabilities.tolist() == [1.0, 0.0]


def _lane(scheduler: Scheduler, classifier: Classifier, *, batch: int = 1) -> PictureLane:
    return Lane(scheduler, run=classifier.classify_each, capacity=9, cost=Cost(0.01), target_s=math.inf, batch=batch)


@pytest.mark.parametrize("alone", [True, False])
def test_pictures_that_share_a_run_are_answered_as_if_each_had_been_alone(*, alone: bool) -> None:
    """Order, probabilities and sizes are those of single runs; a picture that cannot be read fails alone."""
    colors = classifier()
    sent = [picture("red"), b"no picture", picture("blue", size=(31, 17)), picture("lime")]
    red, broken, blue, lime = colors.classify_each([Sent(data) for data in sent], alone=alone)
    assert isinstance(broken, InputError)
    for found, data in ((red, sent[0]), (blue, sent[2]), (lime, sent[3])):
        single = colors.classify(data)
        assert isinstance(found, Classification)
        np.testing.assert_allclose(found.probabilities, single.probabilities, rtol=0, atol=1e-6)
        assert (found.width, found.height) == (single.width, single.height)


def test_pictures_none_of_which_can_be_read_run_no_network() -> None:
    """Each has its own error, in order."""
    found = classifier().classify_each([Sent(b"no picture"), Sent(b"")], alone=False)
    assert [type(one) for one in found] == [UnsupportedImageFormatError, BadImageError]


def test_a_picture_on_which_the_network_fails_is_the_only_one_of_its_run_that_does() -> None:
    """It answers NaN for red; who sent another picture at the same moment gets the answer that he would get alone."""
    bright = Sessions(
        Session.load(color_network(fails_on_bright=True), input_name="input", output_name="probabilities")
    )
    black, red, grey = classifier(sessions=bright).classify_each(
        [Sent(picture(color)) for color in ("black", "red", "grey")], alone=False
    )
    assert isinstance(red, InferenceError)
    assert isinstance(black, Classification)
    assert isinstance(grey, Classification)


def test_errors_of_a_run_keep_no_pictures_in_memory() -> None:
    """Who sends broken pictures by the batch fills no memory, even where nothing collects."""
    held = weakref.WeakSet[Exception]()
    gc.disable()
    try:
        held.update(_failures(classifier().classify_each([Sent(b"\xff\xd8\xff"), Sent(b"BM"), Sent(b"")], alone=False)))
        assert not held
    finally:
        gc.enable()


def _failures(found: list[Classification | BaseException]) -> list[Exception]:
    assert all(isinstance(one, InputError) for one in found)
    return [one for one in found if isinstance(one, Exception)]


def test_whoever_is_alone_gets_the_wide_form_where_both_are_loaded() -> None:
    """The two forms are told apart by networks that answer differently."""
    narrow, wide = (
        Session.load(color_network(sharpness=sharpness), input_name="input", output_name="probabilities")
        for sharpness in (1.0, 100.0)
    )
    both = classifier(sessions=Sessions(narrow, wide))
    surest = [
        float(one.probabilities.max())
        for alone in (True, False)
        for one in both.classify_each([Sent(picture("red"))], alone=alone)
        if isinstance(one, Classification)
    ]
    assert surest == [pytest.approx(1.0), pytest.approx(math.e / (math.e + 2))]


async def test_pictures_that_wait_share_a_run_and_are_told_so(scheduler: Scheduler) -> None:
    """Where the lane allows it, what waits behind a busy thread runs at once."""
    lane = _lane(scheduler, classifier(), batch=8)
    deadline_s = scheduler.clock() + 60
    scheduler.stop()
    tasks = [asyncio.create_task(predict(Sent(picture(color)), lane=lane, deadline_s=deadline_s)) for color in COLORS]
    await asyncio.sleep(0)
    scheduler.start()
    found = await asyncio.gather(*tasks)
    assert [(int(one.probabilities.argmax()), one.batch) for one in found] == [(0, 3), (1, 3), (2, 3)]


async def test_a_picture_in_a_lane_gets_the_same_answer_and_its_waiting_time(scheduler: Scheduler) -> None:
    """The answer is `classify`'s own, with the time that it waited before its stages."""
    lane = _lane(scheduler, classifier())
    direct = classifier().classify(picture("red"))
    answer = await predict(Sent(picture("red")), lane=lane, deadline_s=scheduler.clock() + 60)
    np.testing.assert_array_equal(answer.probabilities, direct.probabilities)
    assert list(answer.stages_s) == ["queue", "decode", "preprocess", "inference", "postprocess"]
    assert answer.stages_s["queue"] >= 0
    assert (answer.width, answer.height) == (direct.width, direct.height)


async def test_a_broken_picture_in_a_lane_is_its_callers_error_and_no_others(scheduler: Scheduler) -> None:
    """Of two pictures in work one fails alone, and the lane is empty again."""
    lane = _lane(scheduler, classifier())
    deadline_s = scheduler.clock() + 60
    work = [predict(Sent(data), lane=lane, deadline_s=deadline_s) for data in (b"no picture", picture("red"))]
    broken, good = await asyncio.gather(*work, return_exceptions=True)
    assert isinstance(broken, Exception)
    assert not isinstance(good, BaseException)
    assert good.probabilities.argmax() == 0
    assert lane.depth == 0


@pytest.mark.parametrize("alone", [True, False])
def test_a_tensor_gets_the_answer_of_the_picture_that_it_was_made_of(*, alone: bool) -> None:
    """It goes through the same run as a picture beside it, and nothing of it was decoded."""
    data = picture("red", size=(31, 17))
    (tensor, other) = classifier().classify_each(
        [Sent(tensor_of(data, color_input())), Sent(picture("lime"))], alone=alone
    )
    expected = classifier().classify(data)
    assert isinstance(tensor, Classification)
    assert isinstance(other, Classification)
    np.testing.assert_allclose(tensor.probabilities, expected.probabilities, rtol=0, atol=1e-6)
    assert list(tensor.stages_s) == ["inference", "postprocess"]
    assert other.probabilities.argmax() == 1


async def test_a_tensor_in_a_lane_is_told_its_waiting_time_and_no_decoding(scheduler: Scheduler) -> None:
    """The stages that it did not need are not among its times, and it counts as a piece without size."""
    lane = _lane(scheduler, classifier())
    sent = Sent(tensor_of(picture("blue"), color_input()))
    answer = await predict(sent, lane=lane, deadline_s=scheduler.clock() + 60)
    assert answer.probabilities.argmax() == 2
    assert list(answer.stages_s) == ["queue", "inference", "postprocess"]
    assert (sent.size, Sent(bytes(2_000_000)).size) == (0.0, 2.0)


def test_scores_are_the_logits_where_the_network_gives_them_and_probabilities_elsewhere() -> None:
    """Whoever asks for the output tensor gets what the network put there; whoever asks for classes gets shares."""
    logits = classifier(output=Output(tensor="probabilities", holds="logits")).classify(picture("red"))
    assert logits.scores[0] == pytest.approx(RED_SHARE, abs=1e-6)
    assert logits.probabilities[0] < RED_SHARE - 0.1
    shares = classifier().classify(picture("red"))
    np.testing.assert_array_equal(shares.scores, shares.probabilities)
