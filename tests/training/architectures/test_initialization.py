"""First weights have the distribution of the paper that each scheme is named after."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from training.architectures import build
from training.architectures.initialization import Scheme, initialize, truncated_normal


def _deviation(numbers: torch.Tensor) -> float:
    return float(numbers.detach().std())


def _layer(scheme: Scheme, layer: nn.Module) -> torch.Tensor:
    torch.manual_seed(0)
    return initialize(layer, scheme=scheme).get_parameter("weight").detach()


@pytest.mark.parametrize(
    ("scheme", "conv", "linear"),
    [
        ("he", math.sqrt(2 / (128 * 9)), math.sqrt(2 / 400)),
        ("he_fan_in", math.sqrt(2 / (64 * 9)), math.sqrt(2 / 400)),
        ("glorot", math.sqrt(2 / (64 * 9 + 128 * 9)), math.sqrt(2 / (400 + 500))),
        ("gaussian_001", 0.01, 0.01),
        ("lecun_1998", 2.4 / (64 * 9) / math.sqrt(3), 2.4 / 400 / math.sqrt(3)),
        ("zeros", 0.0, 0.0),
    ],
)
def test_deviation_is_the_papers(scheme: Scheme, conv: float, linear: float) -> None:
    """Of 73,728 and 200,000 draws, within two per cent."""
    assert _deviation(_layer(scheme, nn.Conv2d(64, 128, 3))) == pytest.approx(conv, rel=0.02)
    assert _deviation(_layer(scheme, nn.Linear(400, 500))) == pytest.approx(linear, rel=0.02)


def test_grouped_convolution_counts_the_inputs_of_its_group_only() -> None:
    """Fan in is what one unit sees."""
    weight = _layer("he_fan_in", nn.Conv2d(64, 512, 3, groups=4))
    assert _deviation(weight) == pytest.approx(math.sqrt(2 / (16 * 9)), rel=0.02)


def test_truncated_normal_stays_within_two_deviations_and_fills_them() -> None:
    """Its deviation is 0.8796 of the uncut one's, and no draw lies outside."""
    weight = torch.empty(200_000)
    torch.manual_seed(0)
    truncated_normal(weight, deviation=0.1)
    assert 0.199 < float(weight.abs().max()) <= 0.2 + 1e-6
    assert _deviation(weight) == pytest.approx(0.08796, rel=0.01)
    assert float(weight.mean()) == pytest.approx(0.0, abs=1e-3)


def test_biases_start_at_zero_but_in_lecuns_scheme() -> None:
    """His are drawn like the weights."""
    assert initialize(nn.Linear(100, 50), scheme="he").bias.abs().max() == 0
    bias = initialize(nn.Linear(100, 50), scheme="lecun_1998").bias
    assert 0 < float(bias.detach().abs().max()) <= 2.4 / 100


def test_alexnet_starts_as_its_paper_says() -> None:
    """N(0, 0.01) everywhere; biases of 1 in conv2, conv4, conv5, fc6 and fc7, else 0."""
    network = build("alexnet_2012", input_size=96, num_classes=10)
    ones = {name for name, bias in network.named_parameters() if name.endswith("bias") and bool((bias == 1).all())}
    zeros = {name for name, bias in network.named_parameters() if name.endswith("bias") and bool((bias == 0).all())}
    assert ones == {f"{layer}.bias" for layer in ("conv2", "conv4", "conv5", "fc6", "fc7")}
    assert zeros == {f"{layer}.bias" for layer in ("conv1", "conv3", "fc8")}
    assert _deviation(network.get_parameter("conv4.weight")) == pytest.approx(0.01, rel=0.02)


def test_small_alexnet_and_zfnet_start_by_he_unless_asked() -> None:
    """The papers' deviation would leave nothing of the signal behind a 3x3 window."""
    fan_out = math.sqrt(2 / (384 * 9))
    for name in ("alexnet_2012", "zfnet"):
        assert _deviation(build(name, input_size=32).get_parameter("conv3.weight")) == pytest.approx(fan_out, rel=0.02)
        asked = build(name, input_size=32, initial_weights="paper").get_parameter("conv3.weight")
        assert _deviation(asked) == pytest.approx(0.01, rel=0.02)


def test_googlenet_starts_with_caffes_biases() -> None:
    """0.2 behind every convolution, 0 in the fully connected layers."""
    network = build("googlenet", input_size=96)
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            assert bool((layer.bias == 0.2).all()), name
        if isinstance(layer, nn.Linear):
            assert bool((layer.bias == 0).all()), name


def test_inception_v3_starts_with_deviation_0_1_and_less_in_its_head() -> None:
    """0.01 in the head's 5x5 convolution, 0.001 in its last layer; a cut normal has 0.8796 of it."""
    network = build("inception_v3", input_size=96, auxiliary_heads=True)
    found = {name: _deviation(weights) / 0.8796 for name, weights in network.named_parameters() if weights.dim() > 1}
    head = {name: deviation for name, deviation in found.items() if name.startswith("heads")}
    assert head.pop("heads.mixed_6e.conv2.0.conv.weight") == pytest.approx(0.01, rel=0.02)
    assert head.pop("heads.mixed_6e.output.weight") == pytest.approx(0.001, rel=0.02)
    others = [deviation for name, deviation in found.items() if not name.startswith("heads")] + list(head.values())
    assert all(deviation == pytest.approx(0.1, rel=0.1) for deviation in others)


@pytest.mark.parametrize("name", ["resnet18", "resnet20", "resnext29_8x64d"])
def test_quiet_residual_blocks_start_as_the_identity(name: str) -> None:
    """Where asked for, each block's last scale is zero; by default it is one, as in the paper."""
    quiet = build(name, input_size=32, zero_init_residual=True).state_dict()
    published = build(name, input_size=32).state_dict()
    last = [key for key in quiet if ".body.norm" in key and key.endswith("weight") and ".body.norm1" not in key]
    assert len(last) == sum(".body.conv1.conv.weight" in key for key in quiet)
    assert all(bool((quiet[key] == 0).all()) and bool((published[key] == 1).all()) for key in last)


def test_equal_seeds_give_equal_networks() -> None:
    """All randomness is torch's global generator's."""
    networks = []
    for _ in range(2):
        torch.manual_seed(7)
        networks.append(build("lenet5_1998"))
    for one, other in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        assert torch.equal(one, other)


def test_first_logits_of_deep_networks_neither_vanish_nor_explode() -> None:
    """What a signal of unit variance becomes at the end of the small forms that have no normalisation."""
    images_NCHW = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for name in ("lenet5", "lenet5_1998", "alexnet", "alexnet_2012", "zfnet", "vgg11"):
        torch.manual_seed(0)
        network = build(name, in_channels=3, num_classes=10, input_size=32).eval()
        assert 1e-3 < _deviation(network(images_NCHW)) < 10, name
