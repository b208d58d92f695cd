"""`training.architectures.plain_cnn`: every option changes one thing, and every combination is a network."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from training.architectures import ArchitectureOptionError, build, facts
from training.geometry.measure import measure


def _network(**options: object) -> nn.Module:
    with torch.device("meta"):
        return build("plain_cnn", **options).eval()  # type: ignore[arg-type]  # options are what is tested


def _convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]


def _map_sides(network: nn.Module, side: int) -> list[int]:
    """Run a picture through and give the side of the map after every convolution."""
    sides: list[int] = []
    for convolution in _convolutions(network):
        convolution.register_forward_hook(lambda _layer, _inputs, maps_NCHW: sides.append(maps_NCHW.shape[2]))
    network(torch.empty(1, 3, side, side, device="meta"))
    return sides


def test_default_form_has_the_size_that_the_catalogue_says() -> None:
    """By hand: 864 + 18,432 + 73,728 filters, 448 of normalisation, 262,272 hidden, 1,290 for ten classes."""
    network = _network()
    assert sum(weights.numel() for weights in network.parameters()) == 357_034
    geometry = measure(network, input_shape=(3, 32, 32))
    assert geometry.parameters == facts("plain_cnn").parameters == 357_034
    assert geometry.multiply_adds == facts("plain_cnn").multiply_adds
    assert geometry.receptive_field == facts("plain_cnn").receptive_field


@pytest.mark.parametrize("layers", [1, 2, 5, 9])
def test_filters_double_where_the_map_became_smaller(layers: int) -> None:
    """32 pixels can be halved five times; after that neither the map nor the width changes any more."""
    network = _network(layers=layers, filters=4)
    assert [conv.out_channels for conv in _convolutions(network)] == [4, 8, 16, 32, 64, 128, 128, 128, 128][:layers]
    assert _map_sides(network, 32) == [32, 16, 8, 4, 2, 1, 1, 1, 1][:layers]


def test_filters_stay_where_nothing_makes_the_map_smaller() -> None:
    """Twice the width at the same size would cost four times as much."""
    network = _network(layers=3, filters=4, pool="none")
    assert [conv.out_channels for conv in _convolutions(network)] == [4, 4, 4]
    assert _map_sides(network, 32) == [32, 32, 32]


def test_widths_name_the_filters_of_every_stage() -> None:
    """They decide the number of stages too."""
    network = _network(widths=(6, 16, 5, 7), layers=2, filters=99)
    assert [conv.out_channels for conv in _convolutions(network)] == [6, 16, 5, 7]


def test_one_number_is_for_all_stages_and_a_list_for_each() -> None:
    """Windows and strides, as a search may want the one or the other."""
    network = _network(layers=3, kernel_size=5, stride=(1, 2, 1), pool="none")
    assert [conv.kernel_size for conv in _convolutions(network)] == [(5, 5)] * 3
    assert _map_sides(network, 32) == [32, 16, 16]
    assert [conv.kernel_size[0] for conv in _convolutions(_network(layers=2, kernel_size=(7, 4)))] == [7, 4]


@pytest.mark.parametrize("hidden", [0, (), 20, (20, 30)])
def test_hidden_units_are_any_number_of_layers(hidden: int | tuple[int, ...]) -> None:
    """Zero and an empty list leave the last layer alone."""
    network = _network(hidden=hidden)
    widths = [layer.out_features for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert widths == [*((hidden,) if isinstance(hidden, int) and hidden else hidden or ()), 10]


def test_every_combination_of_options_is_a_network() -> None:
    """A search may draw any of them, on the smallest pictures as well; formulas and forward pass agree on each."""
    space: dict[str, tuple[object, ...]] = {
        "layers": (1, 4),
        "kernel_size": (1, 2, 5),
        "stride": (1, 3),
        "pool": ("max", "average", "none"),
        "batch_norm": (True, False),
        "head": ("flatten", "average"),
        "hidden": (0, 6),
    }
    for number, values in enumerate(itertools.product(*space.values())):
        options = dict(zip(space, values, strict=True))
        side = (1, 5, 28)[number % 3]
        network = _network(filters=2, in_channels=1, input_size=side, dropout=0.1, **options)
        assert network(torch.empty(2, 1, side, side, device="meta")).shape == (2, 10), options
        counted = sum(weights.numel() for weights in network.parameters())
        assert measure(network, input_shape=(1, side, side)).parameters == counted, options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": 0}, "layers must be at least 1, not 0"),
        ({"widths": (8, 0)}, "widths must be at least 1, not 0"),
        ({"kernel_size": (3, 3), "layers": 3}, "kernel_size names 2 stages, but there are 3"),
        ({"stride": 0}, "stride must be at least 1, not 0"),
        ({"hidden": -1}, "hidden must be at least 1, not -1"),
        ({"dropout": 1.0}, r"dropout must be at least 0 and below 1, not 1\.0"),
        ({"pool": "median"}, "pool may be max, average, none, not 'median'"),
        ({"activation": "gelu"}, "activation may be relu, tanh, not 'gelu'"),
        ({"head": "none"}, "head may be flatten, average, not 'none'"),
    ],
)
def test_impossible_option_is_named(options: dict[str, object], message: str) -> None:
    """A search that draws it learns why that trial failed."""
    with pytest.raises(ArchitectureOptionError, match=message):
        _network(**options)


def test_tanh_starts_as_glorot_and_rectified_units_as_he() -> None:
    """The deviation of the hidden layer's weights tells which: 2 / fan in against 2 / (fan in + fan out)."""
    torch.manual_seed(0)
    expected = {"relu": (2 / 2048) ** 0.5, "tanh": (2 / (2048 + 128)) ** 0.5}
    for activation, deviation in expected.items():
        weights = build("plain_cnn", activation=activation).state_dict()["hidden1.weight"]
        assert weights.std().item() == pytest.approx(deviation, rel=0.01)
