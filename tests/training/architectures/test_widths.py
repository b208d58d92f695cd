"""The option `width` makes every layer narrower or wider and leaves the published network as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from training.architectures import ArchitectureOptionError, build, names, options_of
from training.architectures.widths import scaled
from training.geometry.measure import measure

WITH_WIDTH = [name for name in names() if "width" in options_of(name)]
# One of each family, and both forms of a family that has two.
ONE_OF_EACH = [
    "alexnet",
    "alexnet_2012",
    "zfnet",
    "vgg16_bn",
    "googlenet",
    "inception_v2",
    "inception_v3",
    "inception_v4",
    "inception_resnet_v2",
    "resnet18",
    "resnet50",
    "resnet20",
    "resnext50_32x4d",
    "resnext29_8x64d",
]


def _at_28_pixels(name: str, **options: object) -> nn.Module:
    with torch.device("meta"):
        return build(name, num_classes=10, in_channels=1, input_size=28, **options).eval()


def _parameters(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def _multiply_adds(network: nn.Module, *, side: int = 28) -> int:
    """Let torch count during a forward pass: an oracle that knows nothing of our geometry."""
    counter = FlopCounterMode(display=False)
    with counter:
        logits_NK = network(torch.empty(1, 1, side, side, device="meta"))
    assert logits_NK.shape == (1, 10)
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize(
    ("channels", "width", "multiple", "expected"),
    [(64, 1.0, 1, 64), (64, 0.25, 1, 16), (10, 0.25, 1, 3), (3, 0.1, 1, 1), (128, 0.2, 32, 32), (16, 0.01, 2, 2)],
)
def test_channels_are_rounded_to_what_groups_need_and_never_to_none(
    channels: int, width: float, multiple: int, expected: int
) -> None:
    """Half a channel rounds up, 128 * 0.2 = 25.6 becomes 32 in groups of 32."""
    assert scaled(channels, width, multiple=multiple) == expected


def test_all_large_networks_have_the_option_and_the_baselines_have_not() -> None:
    """So a command can narrow a whole history of networks and leave the baselines alone."""
    assert set(ONE_OF_EACH) <= set(WITH_WIDTH)
    assert not {"logistic_regression", "mlp", "lenet5", "kirsch_linear"} & set(WITH_WIDTH)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_quarter_of_the_width_costs_about_a_sixteenth(name: str) -> None:
    """Input channels times output channels; only first and last layer, and ways of few channels, keep more."""
    full, quarter = _at_28_pixels(name), _at_28_pixels(name, width=0.25)
    assert 12 < _multiply_adds(full) / _multiply_adds(quarter) <= 16
    assert 10 < _parameters(full) / _parameters(quarter) <= 16


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_width_of_one_is_the_published_network(name: str) -> None:
    """Same layers, same shapes, same names."""
    published, asked = _at_28_pixels(name), _at_28_pixels(name, width=1.0)
    shapes = {key: tuple(weights.shape) for key, weights in published.state_dict().items()}
    assert shapes == {key: tuple(weights.shape) for key, weights in asked.state_dict().items()}


@pytest.mark.parametrize("width", [0.25, 0.3, 1.5])
@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_geometry_of_a_scaled_network_is_what_torch_counts(name: str, width: float) -> None:
    """Also where rounded branches no longer add up to a rounded sum."""
    network = _at_28_pixels(name, width=width)
    geometry = measure(network, input_shape=(1, 28, 28))
    assert geometry.multiply_adds == _multiply_adds(network)
    assert geometry.parameters == _parameters(network)


@pytest.mark.parametrize("name", ["alexnet", "zfnet", "vgg16", "googlenet", "inception_v3", "resnet18"])
def test_hidden_units_and_heads_of_the_published_size_are_scaled_too(name: str) -> None:
    """At 299 pixels, with fc6, fc7 and auxiliary heads, everything but the classes is narrower."""
    with torch.device("meta"):
        full, quarter = (build(name, num_classes=10, input_size=299, width=width) for width in (1.0, 0.25))
    logits = quarter(torch.empty(2, 3, 299, 299, device="meta"))
    assert (logits if isinstance(logits, torch.Tensor) else logits.logits).shape == (2, 10)
    assert 10 < _parameters(full) / _parameters(quarter) <= 16


def test_ways_of_resnext_get_narrower_and_stay_as_many() -> None:
    """A quarter of 32x4d is 32x1d; an eighth would be half a channel and is 32x1d too."""
    for width in (0.25, 0.125):
        network = _at_28_pixels("resnext50_32x4d", width=width)
        grouped = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.groups > 1]
        assert {layer.groups for layer in grouped} == {32}
        assert grouped[0].out_channels == 32


def test_both_cards_of_alexnet_keep_equal_halves() -> None:
    """An odd number of channels could not be divided: 256 * 0.3 = 76.8 is nearer to 38 pairs than to 39."""
    network = _at_28_pixels("alexnet_2012", width=0.3)
    filters = [layer.out_channels for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert filters == [28, 76, 116, 116, 76]


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_width_is_refused(width: float) -> None:
    """In words that name the architecture and the value."""
    with pytest.raises(ArchitectureOptionError, match=r"vgg16 cannot be built.*width must be above 0"):
        build("vgg16", input_size=28, width=width)


@pytest.mark.parametrize("name", ["resnet20", "googlenet", "resnext29_8x64d"])
def test_narrowest_network_of_all_still_computes(name: str) -> None:
    """One channel per layer, or one per group, is the least there is."""
    assert _multiply_adds(_at_28_pixels(name, width=0.001)) > 0
