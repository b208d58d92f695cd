"""What makes a convolution a convolution: local, shared weights, moving with the picture.

N pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.architectures import build
from training.architectures.padding import PaddingMode, padded_conv
from training.architectures.pooling import MedianPool2d

SHIFTS = [(0, 1), (1, 0), (3, 2), (5, 7)]


def _noise(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def _shifted(maps_NCHW: Tensor, shift: tuple[int, int]) -> Tensor:
    return maps_NCHW.roll(shift, dims=(2, 3))


def _convolution(mode: PaddingMode, *, stride: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return padded_conv(2, 3, 3, stride=stride, mode=mode).double()


@pytest.mark.parametrize("shift", SHIFTS)
def test_convolution_commutes_with_shifts_exactly_under_circular_padding(shift: tuple[int, int]) -> None:
    """Shift then convolve, or convolve then shift: the same everywhere."""
    convolve, picture = _convolution("wrap"), _noise(1, 2, 12, 16)
    torch.testing.assert_close(convolve(_shifted(picture, shift)), _shifted(convolve(picture), shift))


@pytest.mark.parametrize("mode", ["constant", "nearest", "mirror"])
def test_convolution_commutes_with_shifts_in_the_interior_under_other_padding(mode: PaddingMode) -> None:
    """Where the window touches neither border nor what was rolled around; at the border it does not."""
    convolve, picture = _convolution(mode), _noise(1, 2, 12, 16)
    one, other = convolve(_shifted(picture, (2, 3))), _shifted(convolve(picture), (2, 3))
    interior = (..., slice(3, -1), slice(4, -1))
    torch.testing.assert_close(one[interior], other[interior])
    assert not torch.allclose(one, other)


def test_strided_convolution_commutes_with_shifts_by_its_stride_only() -> None:
    """Two pixels in, one pixel out; a shift by one pixel gives other values."""
    convolve, picture = _convolution("wrap", stride=2), _noise(1, 2, 12, 16)
    torch.testing.assert_close(convolve(_shifted(picture, (2, 4))), _shifted(convolve(picture), (1, 2)))
    one_pixel = convolve(_shifted(picture, (0, 1)))
    assert not any(torch.allclose(one_pixel, _shifted(convolve(picture), (0, step))) for step in range(8))


def test_network_of_convolutions_with_global_average_is_invariant_to_shifts() -> None:
    """With circular padding and no stride, where the object is changes nothing at all."""
    torch.manual_seed(0)
    layers = [padded_conv(1, 4, 3, mode="wrap"), nn.ReLU(), padded_conv(4, 4, 5, mode="wrap"), nn.AdaptiveAvgPool2d(1)]
    network, picture = nn.Sequential(*layers).double(), _noise(1, 1, 14, 14)
    for shift in SHIFTS:
        torch.testing.assert_close(network(_shifted(picture, shift)), network(picture))


@pytest.mark.parametrize("pool", [nn.MaxPool2d(4), nn.AvgPool2d(4), MedianPool2d(4)])
def test_pooling_makes_small_shifts_smaller(pool: nn.Module) -> None:
    """A smooth blob moved by one pixel changes pooled maps, relative to their size, less than the pixels themselves."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    blob = torch.exp(-((rows - 15) ** 2 + (columns - 14) ** 2) / 8)[None, None]
    moved = _shifted(blob, (0, 1))

    def change(one: Tensor, other: Tensor) -> float:
        return float((one - other).norm() / one.norm())

    assert change(pool(blob), pool(moved)) < change(blob, moved)


def test_global_average_pooling_is_blind_to_where() -> None:
    """Whatever the order of the pixels."""
    picture = _noise(1, 3, 8, 8)
    scrambled = picture.flatten(2)[..., torch.randperm(64, generator=torch.Generator().manual_seed(1))].view(1, 3, 8, 8)
    torch.testing.assert_close(nn.AdaptiveAvgPool2d(1)(picture), nn.AdaptiveAvgPool2d(1)(scrambled))


def test_fully_connected_network_does_not_know_neighbours_and_a_convolution_does() -> None:
    """Scramble the pixels and the weights of the MLP alike: same output. No such weights exist for the convolution."""
    order = torch.randperm(784, generator=torch.Generator().manual_seed(0))
    picture = torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    scrambled = picture.flatten()[order].view(1, 1, 28, 28)
    network = build("mlp")
    before = network(picture)
    first = network.get_parameter("hidden1.weight")
    first.data = first.data[:, order]
    torch.testing.assert_close(network(scrambled), before)


def test_gradient_of_a_shared_weight_is_the_sum_over_its_copies() -> None:
    """Give every place its own copy of the window: the copies' gradients add up to that of the shared one."""
    picture, window = _noise(1, 1, 6, 7), _noise(1, 1, 3, 3).requires_grad_()
    places = functional.unfold(picture, 3)[0].T  # one row of nine pixels per place
    copies = window.detach().flatten().repeat(len(places), 1).requires_grad_()
    weights_of_places = torch.linspace(-1, 2, len(places), dtype=torch.float64)
    (functional.conv2d(picture, window).flatten() * weights_of_places).sum().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    ((places * copies).sum(dim=1) * weights_of_places).sum().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert window.grad is not None
    assert copies.grad is not None
    torch.testing.assert_close(window.grad.flatten(), copies.grad.sum(dim=0))


@pytest.mark.parametrize(("stride", "padding", "groups"), list(itertools.product((1, 2), (0, 1), (1, 2))))
def test_convolution_equals_its_dense_matrix(stride: int, padding: int, groups: int) -> None:
    """The matrix is written down weight by weight: mostly zeros, and the same few numbers again and again."""
    layer = nn.Conv2d(2, 4, 3, stride, padding, groups=groups, bias=False).double()
    picture = _noise(1, 2, 5, 6)
    output = layer(picture)
    matrix = _dense_matrix(layer.weight.detach(), output.shape, picture.shape, stride=stride, padding=padding)
    torch.testing.assert_close(matrix @ picture.flatten(), output.flatten())
    assert len(set(matrix[matrix != 0].tolist())) <= layer.weight.numel()


def _dense_matrix(weight: Tensor, output: torch.Size, image: torch.Size, *, stride: int, padding: int) -> Tensor:
    """Write a grouped convolution as a matrix from the flat picture to the flat output, by loops."""
    (_, filters, out_rows, out_columns), (_, channels, rows, columns) = output, image
    matrix = torch.zeros(filters, out_rows, out_columns, channels, rows, columns, dtype=torch.float64)
    per_group = weight.shape[1]
    for place in itertools.product(range(filters), range(out_rows), range(out_columns)):
        number, out_row, out_column = place
        first_channel = number // (filters // (channels // per_group)) * per_group
        for channel, row, column in itertools.product(range(per_group), range(3), range(3)):
            at_row, at_column = out_row * stride + row - padding, out_column * stride + column - padding
            if 0 <= at_row < rows and 0 <= at_column < columns:
                matrix[(*place, first_channel + channel, at_row, at_column)] = weight[number, channel, row, column]
    return matrix.view(filters * out_rows * out_columns, -1)


def test_1x1_convolution_is_a_fully_connected_layer_at_every_pixel() -> None:
    """It mixes channels and knows no neighbours."""
    layer, picture = nn.Conv2d(5, 3, 1).double(), _noise(2, 5, 4, 4)
    expected = functional.linear(picture.permute(0, 2, 3, 1), layer.weight[:, :, 0, 0], layer.bias)
    torch.testing.assert_close(layer(picture), expected.permute(0, 3, 1, 2))
