"""`training.figures.shifting`: convolution is equivariant where theory says so, and measured not to be elsewhere."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from training.figures.canvas import as_png
from training.figures.equivariance import equivariance_figure, largest_at_strides
from training.figures.shifting import answer_changes, measure_stages, shifted_right, show_shift

SIDE = 20


def _network(*, stride: int = 1) -> nn.Sequential:
    torch.manual_seed(0)
    layers = OrderedDict[str, nn.Module](
        conv=nn.Conv2d(1, 3, 3, stride, padding=1),
        relu=nn.ReLU(),
        pool=nn.MaxPool2d(2),
        average=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        output=nn.Linear(3, 4),
    )
    return nn.Sequential(layers).eval()


def _image() -> torch.Tensor:
    return torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def test_shift_moves_columns_and_repeats_the_border() -> None:
    """The left column fills what comes in; nothing wraps around."""
    image = torch.arange(4.0).reshape(1, 1, 1, 4)
    assert shifted_right(image, 2).flatten().tolist() == [0.0, 0.0, 0.0, 1.0]
    assert shifted_right(image, 0).flatten().tolist() == [0.0, 1.0, 2.0, 3.0]


def test_shifts_by_a_multiple_of_the_stride_give_shifted_maps() -> None:
    """At stride 1 every shift does, after a pool of 2 the even ones; odd ones differ by far more than rounding."""
    relu, pool = measure_stages(_network(), _image(), shifts=[0, 1, 2, 3, 4])
    assert (relu.name, relu.stride, pool.name, pool.stride) == ("relu", 1, "pool", 2)
    assert relu.differences == pytest.approx([0.0] * 5, abs=1e-5)
    odd, even = [pool.differences[shift] for shift in (1, 3)], [pool.differences[shift] for shift in (0, 2, 4)]
    assert even == pytest.approx([0.0] * 3, abs=1e-5)
    assert min(gap for gap in odd if gap is not None) > 0.05


def test_padding_that_breaks_equivariance_is_kept_out_of_the_measure() -> None:
    """With the border counted in, zero padding would make a difference here: the picture is bright at its edge."""
    relu, _ = measure_stages(_network(), _image() + 5.0, shifts=[1])
    assert relu.differences == pytest.approx([0.0], abs=1e-5)


def test_stage_of_which_every_place_sees_the_border_is_not_measured() -> None:
    """A window as large as the picture leaves no place to compare."""
    layers = OrderedDict[str, nn.Module](conv=nn.Conv2d(1, 2, 15, padding=7), relu=nn.ReLU())
    (stage,) = measure_stages(nn.Sequential(layers).eval(), torch.rand(1, 1, 15, 15), shifts=[1])
    assert stage.differences == [None]


def test_answer_changes_by_the_probability_that_moves() -> None:
    """Not at all without a shift; never beyond 1."""
    none, some = answer_changes(_network(), _image(), shifts=[0, 9])
    assert none == 0.0
    assert 0.0 < some <= 1.0


def test_shown_shift_is_by_the_stride_of_the_last_stage_with_places_left() -> None:
    """Maps, pictures and difference belong to one shift; where the border is seen the difference is not a number."""
    picture_HWC = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture_HWC[:, 5] = 200
    shown = show_shift(_network(), _image(), picture_HWC=picture_HWC)
    assert (shown.stage, shown.shift) == ("pool", 2)
    assert shown.shifted_HWC[0, :, 0].tolist().index(200) == 7
    assert np.isnan(shown.difference_HW[:, 0]).all()
    assert np.nanmax(shown.difference_HW) < 1e-5


def test_figure_is_drawn_and_says_how_exact_it_is() -> None:
    """The curves of a real measurement make a picture."""
    network, image, shifts = _network(), _image(), [0, 1, 2]
    stages = measure_stages(network, image, shifts=shifts)
    figure = equivariance_figure(
        show_shift(network, image, picture_HWC=np.zeros((SIDE, SIDE, 3), np.uint8)),
        shifts=shifts,
        stages=stages,
        answer_changes=answer_changes(network, image, shifts=shifts),
    )
    words = largest_at_strides(shifts, stages)
    assert any(words in axes.get_title() for axes in figure.axes)
    assert as_png(figure).startswith(b"\x89PNG")
