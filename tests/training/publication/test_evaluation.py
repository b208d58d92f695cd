"""`evaluation`: encoded pictures go through the serving path, and nothing is lost at the end of a portion."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import onnx
import pytest

from service.artifact import Output
from tests.model_folders import SIDE, color_input, color_network, load_onnx, picture
from tests.picture_files import encoded, noise
from training.data import Example
from training.errors import DataError
from training.publication.evaluation import brightness_of, load_session, predict

OUTPUT = Output(tensor="probabilities", holds="probabilities")
COLORS = ("red", "lime", "blue")  # each wholly of one channel


def _examples(count: int) -> list[Example]:
    return [Example(picture(COLORS[n % 3], size=(20, 30)), n % 3, f"{n}.png") for n in range(count)]


def _fixed_batch(model: bytes, size: int) -> bytes:
    loaded = load_onnx(model)
    for tensor in (*loaded.graph.input, *loaded.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_value = size
    data: bytes = loaded.SerializeToString()
    return data


@pytest.mark.parametrize("count", [1, 250, 251])
def test_every_picture_gets_its_own_probabilities_in_order(count: int) -> None:
    """Also the last ones, which do not fill a portion."""
    session = load_session(color_network(), spec=color_input(), output=OUTPUT)
    found = predict(session, iter(_examples(count)), spec=color_input(), output=OUTPUT)
    assert found.probabilities_NK.argmax(axis=1).tolist() == [n % 3 for n in range(count)]
    assert found.labels_N.tolist() == [n % 3 for n in range(count)]
    assert found.probabilities_NK.sum(axis=1) == pytest.approx(np.ones(count))


def test_network_of_a_fixed_batch_is_filled_up_and_its_surplus_dropped() -> None:
    """Seven pictures in portions of four give seven answers."""
    session = load_session(_fixed_batch(color_network(), 4), spec=color_input(), output=OUTPUT)
    assert session.fixed_batch == 4
    found = predict(session, _examples(7), spec=color_input(), output=OUTPUT)
    assert found.probabilities_NK.argmax(axis=1).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_logits_become_probabilities_as_they_do_when_serving() -> None:
    """A network that ends before its softmax is scored the same."""
    loaded = load_onnx(color_network())
    del loaded.graph.node[-1]
    loaded.graph.output[0].name = "logits"
    logits = Output(tensor="logits", holds="logits")
    session = load_session(loaded.SerializeToString(), spec=color_input(), output=logits)
    found = predict(session, _examples(3), spec=color_input(), output=logits)
    whole = load_session(color_network(), spec=color_input(), output=OUTPUT)
    expected = predict(whole, _examples(3), spec=color_input(), output=OUTPUT)
    assert found.probabilities_NK == pytest.approx(expected.probabilities_NK, abs=1e-6)
    assert isinstance(loaded, onnx.ModelProto)


def test_picture_that_cannot_be_read_is_named() -> None:
    """The file at fault is found among ten thousand."""
    session = load_session(color_network(), spec=color_input(), output=OUTPUT)
    examples = [*_examples(2), Example(b"GIF89a", 0, "broken.gif")]
    with pytest.raises(DataError, match=r"broken\.gif: "):
        predict(session, examples, spec=color_input(), output=OUTPUT)


@pytest.mark.parametrize(("layout", "dtype"), list(itertools.product(["NCHW", "NHWC"], ["float32", "uint8"])))
def test_brightness_is_the_mean_of_the_pixels_whatever_the_network_is_fed(layout: str, dtype: str) -> None:
    """Scale, mean, std and layout are taken back out; what remains is the picture's own mean, 0..1."""
    spec = color_input()
    if dtype == "uint8":
        steps = replace(spec.preprocessing, scale=1.0)
    else:
        steps = replace(spec.preprocessing, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    spec = replace(spec, layout=layout, dtype=dtype, preprocessing=steps)  # type: ignore[arg-type]  # parametrised
    pixels_HWC = noise(SIDE, SIDE)
    from service.engine.preprocessing import decode, to_tensor

    tensor = to_tensor(decode(encoded(pixels_HWC), max_pixels=10_000), spec)
    assert brightness_of(tensor[None], spec=spec) == pytest.approx([pixels_HWC.mean() / 255], abs=1e-6)


def test_brightness_of_a_picture_without_a_channel_axis() -> None:
    """Layout NHW has one channel and no axis for it."""
    steps = replace(color_input().preprocessing, color_mode="L", mean=(0.5,), std=(0.25,))
    spec = replace(color_input(), layout="NHW", channels=1, preprocessing=steps)
    assert brightness_of(np.zeros((2, SIDE, SIDE), np.float32), spec=spec) == pytest.approx([0.5, 0.5])


def test_split_without_pictures_is_refused() -> None:
    """There is nothing to score."""
    session = load_session(color_network(), spec=color_input(), output=OUTPUT)
    with pytest.raises(DataError, match="not a single picture"):
        predict(session, [], spec=color_input(), output=OUTPUT)
