"""`training.data.pictures`: pixels in memory are those that the service would see, and can be counted and named."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from service.engine.preprocessing import decode, to_tensor
from tests.picture_files import encoded, noise
from training.data import Example
from training.data.pictures import ChannelCounts, Fingerprint, Pictures, add_part, decode_all
from training.data.preprocessing import input_spec, normalized, plain_input_spec
from training.errors import DataError
from training.recipe import Picture

GREY = Picture(size=12, color_mode="L")


def _example(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], label: int = 0) -> Example:
    return Example(encoded(pixels), label, "one.png")


def test_pictures_of_the_right_size_keep_every_pixel() -> None:
    """Nothing is resampled or rounded on the way into memory."""
    pixels_HW = noise(12, 12, channels=1)
    found = decode_all([_example(pixels_HW, 3)], spec=plain_input_spec(GREY))
    assert found.pixels_NCHW.dtype == torch.uint8
    assert np.array_equal(found.pixels_NCHW.numpy()[0, 0], pixels_HW)
    assert found.labels_N.tolist() == [3]


@pytest.mark.parametrize("color_mode", ["L", "RGB"])
@pytest.mark.parametrize("resize", ["letterbox", "exact"])
def test_training_sees_what_the_service_sees(color_mode: str, resize: str) -> None:
    """Decoding to bytes and normalising a batch gives, bit for bit, the tensor that serving makes of the file."""
    picture = Picture(size=12, color_mode=color_mode, resize=resize)  # type: ignore[arg-type]  # the parameters above
    channels = 1 if color_mode == "L" else 3
    mean, std = (0.1, 0.5, 0.7)[:channels], (0.2, 0.3, 0.35)[:channels]
    spec = input_spec(picture, mean=mean, std=std)
    example = _example(noise(31, 17))
    served_CHW = to_tensor(decode(example.encoded, max_pixels=10_000), spec)
    trained_NCHW = normalized(decode_all([example], spec=spec).pixels_NCHW, spec=spec)
    assert np.array_equal(trained_NCHW.numpy()[0], served_CHW)


def test_file_that_is_no_picture_is_named() -> None:
    """A broken file is found by its name, not by a stack trace."""
    with pytest.raises(DataError, match=r"holiday\.jpg: "):
        decode_all([Example(b"not a picture", 0, "holiday.jpg")], spec=plain_input_spec(GREY))


def test_statistics_are_those_of_the_pixels_per_channel() -> None:
    """Mean and standard deviation agree with NumPy's, channel by channel."""
    pixels = np.random.default_rng(1).integers(0, 256, (5, 3, 6, 6), dtype=np.uint8)
    pixels[:, 1] //= 3
    mean, std = _counted(pixels).statistics()
    assert mean == pytest.approx((pixels / 255).mean(axis=(0, 2, 3)), abs=1e-12)
    assert std == pytest.approx((pixels / 255).std(axis=(0, 2, 3)), abs=1e-12)


def test_statistics_do_not_depend_on_the_portions_they_were_counted_in() -> None:
    """A stream of pictures has the statistics of the whole, to the last bit."""
    pixels = np.random.default_rng(2).integers(0, 256, (7, 2, 5, 5), dtype=np.uint8)
    assert _counted(pixels[:3], pixels[3:6], pixels[6:]).statistics() == _counted(pixels).statistics()


def _counted(*portions: NDArray[np.uint8]) -> ChannelCounts:
    counts = ChannelCounts()
    for pixels_NCHW in portions:
        counts.add(pixels_NCHW)
    return counts


def test_portions_are_what_was_asked_for_in_that_order() -> None:
    """Pictures in memory answer to the same names as those that are streamed."""
    pictures = _pictures(1)
    first, second = pictures.portions([torch.tensor([2, 0]), torch.tensor([1])])
    assert torch.equal(first, pictures.pixels_NCHW[[2, 0]])
    assert torch.equal(second, pictures.take(torch.tensor([1])))


def _pictures(seed: int, count: int = 4) -> Pictures:
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 1, 6, 6), dtype=np.uint8)
    return Pictures(torch.from_numpy(pixels), torch.arange(count))


def test_fingerprint_changes_with_pixels_labels_order_and_division() -> None:
    """Equal fingerprints mean equal training data."""
    pictures = _pictures(1)
    other_label = Pictures(pictures.pixels_NCHW, pictures.labels_N.flip(0))
    backwards = pictures.select(np.array([3, 2, 1, 0]))
    halves = (pictures.select(np.array([0, 1])), pictures.select(np.array([2, 3])))
    found = [
        _fingerprint(pictures),
        _fingerprint(_pictures(2)),
        _fingerprint(other_label),
        _fingerprint(backwards),
        _fingerprint(*halves),
    ]
    assert len(set(found)) == len(found)
    assert _fingerprint(_pictures(1)) == found[0]


def _fingerprint(*parts: Pictures) -> str:
    found = Fingerprint()
    for part in parts:
        add_part(found, part)
    return found.hexdigest()


def test_keys_are_equal_for_equal_pixels_only() -> None:
    """Identical pictures can be found whatever they are called."""
    pictures = _pictures(1).select(np.array([0, 1, 0, 2]))
    keys = pictures.keys()
    assert keys[0] == keys[2]
    assert len(set(keys)) == 3
