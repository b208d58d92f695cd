"""`training.figures.of_run`: a run gets the figures that apply to its network, and no others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from service.artifact import Input
from tests.picture_files import encoded
from tests.training.data_sets import LABELS, SIDE, shape_picture
from training import architectures
from training.arguments import figures as arguments
from training.data import Example
from training.data.preprocessing import input_spec
from training.figures.of_run import KINDS, Material, captions, draw, run_figures, shift_steps, shown_picture
from training.learning.history import EpochRecord
from training.publication.evaluation import Predictions
from training.recipe import Picture

ALWAYS = {"curves.png", "confusion.png", "edges.png"}


def _spec(color_mode: str = "L") -> Input:
    channels = 1 if color_mode == "L" else 3
    picture = Picture(size=SIDE, color_mode=color_mode)  # type: ignore[arg-type]  # one of the two
    return input_spec(picture, mean=(0.5,) * channels, std=(0.25,) * channels)


def _record(epoch: int) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        learning_rate=0.1,
        training_loss=1 / epoch,
        training_error=0.5 / epoch,
        validation_loss=1 / epoch,
        validation_error=0.4 / epoch,
        seconds=1.0,
        pictures_per_s=10.0,
    )


def _predictions() -> Predictions:
    probabilities_NK = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.1, 0.3]], np.float32)
    return Predictions(probabilities_NK, np.array([0, 1, 2]), np.zeros(3))


def _figures(architecture: str, *, color_mode: str = "L") -> dict[str, bytes]:
    torch.manual_seed(0)
    network = architectures.build(
        architecture, num_classes=3, in_channels=1 if color_mode == "L" else 3, input_size=SIDE
    )
    return run_figures(
        network.eval(),
        spec=_spec(color_mode),
        example=Example(encoded(shape_picture(0, seed=1)), 0, "bar.png"),
        labels=LABELS,
        history=[_record(1), _record(2)],
        predictions=_predictions(),
    )


@pytest.mark.parametrize(
    ("architecture", "color_mode", "expected"),
    [
        ("lenet5", "RGB", {"filters.png", "feature-maps.png", "duplicates.png", "equivariance.png"}),
        ("mlp", "L", {"filters.png", "duplicates.png"}),
        ("logistic_regression", "RGB", {"class-weights.png"}),
    ],
)
def test_network_gets_the_figures_that_apply_to_it(architecture: str, color_mode: str, expected: set[str]) -> None:
    """A perceptron has no feature maps, and only a logistic regression has one picture per class."""
    files = _figures(architecture, color_mode=color_mode)
    assert set(files) == ALWAYS | expected
    assert all(data.startswith(b"\x89PNG") for data in files.values())


def test_captions_name_every_figure_of_a_run() -> None:
    """The card shows each file from the folder where it lies, with a sentence."""
    text = captions({"curves.png": b"", "edges.png": b""}, folder="figures/")
    assert "![curves](figures/curves.png)" in text
    assert KINDS["edges"].caption in text


def test_command_line_offers_exactly_the_kinds_there_are() -> None:
    """It lists them itself, so that help needs no Matplotlib."""
    assert tuple(KINDS) == arguments.KINDS


def test_nothing_is_drawn_of_nothing() -> None:
    """Without material no figure applies."""
    assert draw(Material()) == {}


def test_shown_picture_is_what_the_network_gets() -> None:
    """Grey is repeated for the eye; the network's values are those of the serving preprocessing."""
    pixels_HW = shape_picture(2, seed=3)
    shown = shown_picture(Example(encoded(pixels_HW), 2, "block.png"), spec=_spec(), subject="block")
    assert np.array_equal(shown.pixels_HWC[:, :, 1], pixels_HW)
    assert np.allclose(shown.images_NCHW[0, 0].numpy(), (pixels_HW / 255 - 0.5) / 0.25, atol=1e-5)


@pytest.mark.parametrize(
    ("width", "step", "last"), [(28, 1, 14), (32, 1, 16), (64, 2, 32), (224, 4, 64), (299, 8, 128)]
)
def test_shifts_are_in_powers_of_two(width: int, step: int, last: int) -> None:
    """So that the strides of the stages are among them, for small and for large pictures."""
    shifts = shift_steps(width)
    assert (shifts[0], shifts[1], shifts[-1]) == (0, step, last)
