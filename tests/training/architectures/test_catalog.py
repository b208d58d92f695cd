"""Every published count is that of the network that is built, to the unit."""

from __future__ import annotations

import functools
import re

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from training.architectures import UnknownArchitectureError, build, facts, names
from training.architectures.blocks import AuxiliaryNetwork

# Parameters, and multiply-adds in millions as the papers' and implementations' tables round them.
PUBLISHED = {
    "logistic_regression": (7_850, 0.00784),
    "mlp": (79_510, 0.0794),
    "lenet5": (61_706, 0.4165),
    "lenet5_1998": (60_000, 0.3257),
    "alexnet": (61_100_840, 714.2),
    "alexnet_2012": (60_965_224, 724.4),
    "zfnet": (62_357_608, 1_168),
    "vgg11": (132_863_336, 7_609),
    "vgg13": (133_047_848, 11_308),
    "vgg16": (138_357_544, 15_470),
    "vgg16_c": (133_638_952, 11_771),
    "vgg19": (143_667_240, 19_632),
    "vgg11_bn": (132_868_840, 7_609),
    "vgg13_bn": (133_053_736, 11_308),
    "vgg16_bn": (138_365_992, 15_470),
    "vgg16_c_bn": (133_647_400, 11_771),
    "vgg19_bn": (143_678_248, 19_632),
    "googlenet": (6_998_552, 1_583),
    "inception_v2": (11_295_240, 2_033),
    "inception_v3": (23_834_568, 5_713),
    "inception_v4": (42_679_816, 12_254),
    "inception_resnet_v2": (55_843_464, 13_156),
    "resnet18": (11_689_512, 1_814),
    "resnet34": (21_797_672, 3_664),
    "resnet50": (25_557_032, 4_089),
    "resnet101": (44_549_160, 7_801),
    "resnet152": (60_192_808, 11_514),
    "resnet20": (269_722, 40.55),
    "resnet32": (464_154, 68.86),
    "resnet44": (658_586, 97.17),
    "resnet56": (853_018, 125.5),
    "resnet110": (1_727_962, 252.9),
    "resnext50_32x4d": (25_028_904, 4_230),
    "resnext101_32x8d": (88_791_336, 16_414),
    "resnext101_64x4d": (83_455_272, 15_460),
    "resnext29_8x64d": (34_426_698, 5_387),
}
# Made here: nothing is published about them.
OWN = {"kirsch_compass", "kirsch_linear", "square_finder", "plain_cnn"}
WITH_HEADS = {"googlenet": 13_378_280, "inception_v3": 27_161_264}
DENSE_C3_EXTRA = (96 - 60) * 25 * 100  # torch counts the connections that LeNet's sparse layer leaves out
# Fields of view that others have computed for the same networks.
FIELDS = {
    "lenet5": 32,
    "alexnet_2012": 195,
    "alexnet": 195,
    "vgg16": 212,
    "inception_v2": 699,
    "inception_v3": 1311,
    "inception_v4": 2071,
    "inception_resnet_v2": 3039,
    "resnet50": 427,
}


@functools.cache
def _on_meta(name: str) -> nn.Module:
    """Build without memory; once per name, because the deep ones take a second."""
    with torch.device("meta"):
        return build(name).eval()


def _without_heads(network: nn.Module) -> nn.Module:
    return network.trunk if isinstance(network, AuxiliaryNetwork) else network


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_catalog_holds_every_published_network_and_the_handmade_ones() -> None:
    """Neither a name without a check nor a check without a name."""
    assert set(names()) == set(PUBLISHED) | OWN | {"airbench94"}  # whose count stands in test_airbench.py


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_equal_the_published_count(name: str) -> None:
    """Built at its canonical input and classes, auxiliary heads left aside; the catalogue says the same."""
    assert _count(_without_heads(_on_meta(name))) == PUBLISHED[name][0] == facts(name).parameters


@pytest.mark.parametrize("name", WITH_HEADS)
def test_parameters_with_auxiliary_heads_equal_the_published_count(name: str) -> None:
    """The heads are part of the network that trains."""
    assert _count(_on_meta(name)) == WITH_HEADS[name]


@pytest.mark.parametrize("name", names())
def test_multiply_adds_equal_those_that_torch_counts(name: str) -> None:
    """Torch's own counter watches one forward pass; published figures agree within their rounding."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        logits_NK = _on_meta(name)(torch.empty(1, *facts(name).input_shape, device="meta"))
    expected = counter.get_total_flops() // 2 - (DENSE_C3_EXTRA if name == "lenet5_1998" else 0)
    assert facts(name).multiply_adds == expected
    assert logits_NK.shape == (1, facts(name).num_classes)
    if name in PUBLISHED:
        assert facts(name).multiply_adds == pytest.approx(PUBLISHED[name][1] * 1e6, rel=1e-3)


@pytest.mark.parametrize("name", FIELDS)
def test_receptive_field_equals_that_found_by_others(name: str) -> None:
    """Araujo, Norris and Sim 2019 give most of them."""
    assert facts(name).receptive_field == FIELDS[name]


@pytest.mark.parametrize("name", names())
def test_facts_are_complete_and_plausible(name: str) -> None:
    """A paper with an address, errors as shares with what they were measured on, top-5 below top-1."""
    entry = facts(name)
    assert re.match(r"https://", entry.paper.url)
    assert entry.year == entry.paper.year
    errors = [error for error in (entry.top5_error, entry.top1_error) if error is not None]
    assert bool(errors) == bool(entry.measured_on)
    assert errors == sorted(errors)
    assert all(0 < error < 1 for error in errors)


def test_names_run_through_history() -> None:
    """Years never go back, so that a list of them tells the story."""
    years = [facts(name).year for name in names()]
    assert years == sorted(years)


@pytest.mark.parametrize(("wrong", "closest"), [("resnt50", "resnet50"), ("VGG16", "vgg16"), ("lenet", "lenet5")])
def test_unknown_name_is_answered_with_the_closest(wrong: str, closest: str) -> None:
    """A slip of the finger costs no look into the list."""
    with pytest.raises(UnknownArchitectureError, match=f"'{wrong}'") as caught:
        facts(wrong)
    assert caught.value.close[0] == closest
    assert closest in str(caught.value)


def test_name_like_no_other_is_answered_with_the_command_that_lists_them() -> None:
    """There is nothing close to suggest."""
    with pytest.raises(UnknownArchitectureError, match="python -m training architectures"):
        facts("qqqqqqqq")
