"""What is computed by formula is what PyTorch produces, for every layer of every network."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from training.architectures import build, facts, names
from training.architectures.blocks import AuxiliaryNetwork, Branches, Conv, Residual, chain
from training.architectures.kirsch import FixedConv2d
from training.architectures.lenet_1998 import SparseConv2d
from training.architectures.padding import padded_conv
from training.architectures.resnet import SubsamplingShortcut
from training.geometry.measure import Geometry, measure

CONTAINERS = (nn.Sequential, nn.ModuleDict, AuxiliaryNetwork)
# Name, and a height and a width that the network takes; different ones wherever it does not flatten a map.
SIZES = [(name, facts(name).input_shape) for name in names()]
OTHER_SIZES = [
    ("googlenet", (3, 231, 260)),
    ("inception_v2", (3, 200, 231)),
    ("inception_v3", (3, 231, 150)),
    ("inception_v4", (3, 180, 233)),
    ("inception_resnet_v2", (3, 151, 200)),
    ("resnet34", (3, 199, 257)),
    ("resnext50_32x4d", (3, 100, 143)),
    ("resnet20", (1, 33, 50)),
    ("kirsch_compass", (3, 21, 40)),
    ("square_finder", (1, 30, 45)),
    *((name, (1, 28, 28)) for name in ("lenet5_1998", "alexnet", "alexnet_2012", "zfnet", "vgg11_bn", "googlenet")),
    *((name, (3, 64, 64)) for name in ("inception_v2", "inception_v3", "inception_v4", "resnet18")),
]


Seen = tuple[str, nn.Module, Tensor, Tensor]


@contextmanager
def _watched(network: nn.Module) -> Iterator[list[Seen]]:
    """Write down name, layer, input and output of everything that runs, in order."""
    seen: list[Seen] = []

    def write(name: str, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        # A block ends after its rectification; its sum is what comes before.
        ended_with_relu = isinstance(layer, Residual) and seen[-1][0] == f"{name}.relu"
        seen.insert(len(seen) - ended_with_relu, (name, layer, inputs[0], output))

    handles = [
        layer.register_forward_hook(functools.partial(write, name))
        for name, layer in network.named_modules()
        if not isinstance(layer, (*CONTAINERS, nn.Identity))
    ]
    yield seen
    for handle in handles:
        handle.remove()


def _multiply_adds_of(layer: nn.Module, output: Tensor) -> int:
    """Count from real weights: each output of a convolution costs one multiplication per weight of its filter."""
    if isinstance(layer, SparseConv2d):
        return layer.weight.numel() * output[0, 0].numel()
    if isinstance(layer, (nn.Conv2d, FixedConv2d, nn.Linear)):
        weight = layer.weight
        return weight[0].numel() * output[0].numel()
    return 0


@pytest.mark.parametrize(("name", "shape"), SIZES + OTHER_SIZES)
def test_every_layer_is_computed_as_pytorch_runs_it(name: str, shape: tuple[int, int, int]) -> None:
    """Order, input, output, parameters and multiply-adds of all layers, on the meta device and at native size."""
    with torch.device("meta"):
        network = build(name, in_channels=shape[0], input_size=min(shape[1:])).eval()
        with _watched(network) as seen:
            network(torch.empty(1, *shape))
    geometry = measure(network, input_shape=shape)
    assert [layer.name for layer in geometry.layers] == [name for name, *_ in seen]
    for layer, (_, module, entering, output) in zip(geometry.layers, seen, strict=True):
        assert layer.input_shape == entering.shape[1:], layer.name
        assert layer.output_shape == output.shape[1:], layer.name
        own = (
            0
            if isinstance(module, (Branches, Residual))
            else sum(p.numel() for p in module.parameters() if p.requires_grad)
        )
        assert layer.parameters == own, layer.name
        assert layer.multiply_adds == _multiply_adds_of(module, output), layer.name


@pytest.mark.parametrize("name", names())
def test_totals_are_those_of_the_catalogue(name: str) -> None:
    """Parameters, multiply-adds and receptive field of the published form."""
    entry = facts(name)
    with torch.device("meta"):
        geometry = measure(build(name), input_shape=entry.input_shape)
    found = (geometry.parameters, geometry.multiply_adds, geometry.receptive_field)
    assert found == (entry.parameters, entry.multiply_adds, entry.receptive_field)


def _seen_pixels(features: nn.Module, *, side: int) -> tuple[int, int]:
    """Find by gradients how many rows and columns of pixels the middle output sees.

    Every weight is made positive and every maximum an average, so that no path can cancel another or stay unused.
    """
    features = _positive(features).double().eval()
    images_NCHW = torch.ones(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    maps_NCHW = features(images_NCHW)
    middle = [size // 2 for size in maps_NCHW.shape[2:]]
    maps_NCHW[0, :, middle[0], middle[1]].sum().backward()
    assert images_NCHW.grad is not None
    reached = images_NCHW.grad[0, 0] != 0
    rows, columns = reached.any(dim=1).nonzero(), reached.any(dim=0).nonzero()
    return int(rows.max() - rows.min() + 1), int(columns.max() - columns.min() + 1)


def _positive(network: nn.Module) -> nn.Module:
    for parent in list(network.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.MaxPool2d):
                options = (layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
                setattr(parent, name, nn.AvgPool2d(*options))
            elif isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.constant_(layer.weight, 1 / layer.weight[0].numel())
    return network


@pytest.mark.parametrize(
    ("name", "last", "side"),
    [
        ("lenet5", "s4", 64),
        ("alexnet", "pool5", 323),
        ("zfnet", "pool5", 323),
        ("vgg11", "pool5", 192),
        ("resnet20", "conv4_3", 128),
        ("resnext29_8x64d", "conv3_1", 40),
    ],
)
def test_receptive_field_is_what_gradients_reach(name: str, last: str, side: int) -> None:
    """The first layers of real networks, on pictures so large that no border cuts the field."""
    network = build(name, in_channels=1, num_classes=2)
    layers = dict(network.named_children())
    wanted = list(layers)[: list(layers).index(last) + 1]
    features = nn.Sequential(*(layers[key] for key in wanted))
    geometry = measure(features, input_shape=(1, side, side))
    assert _seen_pixels(features, side=side) == geometry.layers[-1].receptive_field


def test_receptive_field_of_branches_is_the_widest_of_each_axis() -> None:
    """A 1x7 and a 5x1 window beside each other see 5 rows and 7 columns."""
    features = nn.Sequential(
        nn.Conv2d(1, 2, 3, 2),
        Branches(chain(2, Conv(2, (1, 7))), chain(2, Conv(2, (5, 1)))),
    )
    layer = measure(features, input_shape=(1, 65, 65)).layers[-1]
    assert layer.receptive_field == (3 + 4 * 2, 3 + 6 * 2)
    assert layer.jump == (2, 2)
    assert _seen_pixels(features, side=65) == layer.receptive_field


def test_receptive_field_of_a_block_includes_its_shortcut() -> None:
    """At stride 2 without padding in the body, the two ways see different pixels, and the sum sees both."""
    block = Residual(nn.Conv2d(1, 2, 3, 2, padding=1), shortcut=SubsamplingShortcut(1, stride=2))
    layer = measure(nn.Sequential(block), input_shape=(1, 33, 33)).layers[-1]
    assert layer.receptive_field == (3, 3)


@pytest.mark.parametrize(("windows", "one"), [(2, 5), (3, 7)])
def test_stacked_3x3_windows_see_what_one_larger_sees(windows: int, one: int) -> None:
    """Two see what one 5x5 sees, three what one 7x7 sees, with fewer weights."""
    stack = nn.Sequential(*(nn.Conv2d(1, 1, 3, bias=False) for _ in range(windows)))
    single = nn.Sequential(nn.Conv2d(1, 1, one, bias=False))
    assert measure(stack, input_shape=(1, 31, 31)).receptive_field == one
    assert _seen_pixels(stack, side=31) == _seen_pixels(single, side=31) == (one, one)
    assert measure(stack, input_shape=(1, 31, 31)).parameters < measure(single, input_shape=(1, 31, 31)).parameters


def test_receptive_field_of_a_flattened_picture_is_the_picture() -> None:
    """A fully connected layer sees every pixel."""
    geometry = measure(build("mlp"), input_shape=(1, 28, 28))
    assert geometry.receptive_field == 28
    assert geometry.layers[1].receptive_field == (28, 28)


def test_same_padding_moves_the_field_and_keeps_its_size() -> None:
    """Padding adds pixels outside and takes none from what a window sees."""
    layers = measure(padded_conv(1, 1, 5, stride=2), input_shape=(1, 20, 20)).layers
    assert [layer.output_shape for layer in layers] == [(1, 23, 23), (1, 10, 10)]
    assert layers[-1].receptive_field == (5, 5)


def test_layer_that_does_not_fit_is_named() -> None:
    """Which layer, what it was built for, what it gets."""
    network = build("alexnet", input_size=224)
    with pytest.raises(ValueError, match=r"fc6 does not fit .* 9,216 numbers, and gets 6,400"):
        measure(network, input_shape=(3, 200, 200))
    with pytest.raises(ValueError, match=r"conv1 does not fit .* 3 channels, and gets 1"):
        measure(network, input_shape=(1, 224, 224))


def test_ways_of_different_sizes_cannot_meet() -> None:
    """A forgotten padding is found without running the network."""
    branches = Branches(nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3, padding=1))
    with pytest.raises(ValueError, match="different sizes meet"):
        measure(branches, input_shape=(1, 9, 9))


def test_unknown_layer_is_refused_by_its_class() -> None:
    """A guess would be worse than no number."""
    with pytest.raises(TypeError, match="Softsign"):
        measure(nn.Sequential(nn.Softsign()), input_shape=(1, 9, 9))


def test_geometry_of_nothing_is_empty() -> None:
    """No layers, no parameters; the field is the picture."""
    geometry = measure(nn.Sequential(), input_shape=(3, 5, 7))
    assert geometry == Geometry(input_shape=(3, 5, 7), layers=())
    assert (geometry.parameters, geometry.multiply_adds, geometry.receptive_field) == (0, 0, 7)
