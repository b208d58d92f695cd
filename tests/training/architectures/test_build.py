"""`build` makes every network for any classes, channels and small pictures, and says what it cannot make."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from training.architectures import ArchitectureOptionError, TrainingOutput, build, facts, names, options_of

# Parameters for colour pictures of 32 pixels and 10 classes.
AT_32_PIXELS = {
    "lenet5": 62_006,
    "alexnet": 2_472_266,
    "alexnet_2012": 7_557_002,
    "zfnet": 8_970_122,
    "vgg11_bn": 9_231_114,
    "vgg13_bn": 9_416_010,
    "vgg16_bn": 14_728_266,
    "vgg19_bn": 20_040_522,
    "googlenet": 5_871_914,
    "inception_v2": 10_061_066,
    "inception_v3": 21_806_058,
    "inception_v4": 41_158_186,
    "inception_resnet_v2": 54_321_834,
    "resnet18": 11_173_962,
    "resnet34": 21_282_122,
    "resnet50": 23_520_842,
    "resnet101": 42_512_970,
    "resnet152": 58_156_618,
}
MULTIPLY_ADDS_MILLIONS = {
    "lenet5": 0.7,
    "alexnet": 15,
    "alexnet_2012": 214,
    "zfnet": 363,
    "vgg16_bn": 313,
    "googlenet": 1_447,
    "inception_v2": 2_017,
    "inception_v3": 828,
    "inception_v4": 1_920,
    "inception_resnet_v2": 2_130,
    "resnet18": 555,
}
# One member of each family: the others differ in depth only.
FIRST_OF_FAMILY = sorted({facts(name).builder: name for name in reversed(names())}.values())


def _small(name: str, *, input_size: int, in_channels: int = 3) -> nn.Module:
    with torch.device("meta"):
        classes = min(10, facts(name).num_classes)
        return build(name, num_classes=classes, in_channels=in_channels, input_size=input_size).eval()


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", AT_32_PIXELS)
def test_form_for_32_pixels_has_its_published_parameters(name: str) -> None:
    """The widths of the modules stay, only the stem and the classifier change."""
    assert _count(_small(name, input_size=32)) == AT_32_PIXELS[name]


@pytest.mark.parametrize("name", MULTIPLY_ADDS_MILLIONS)
def test_form_for_32_pixels_has_its_published_cost(name: str) -> None:
    """Counted by torch during a forward pass."""
    counter = torch.utils.flop_counter.FlopCounterMode(display=False)
    with counter:
        _small(name, input_size=32)(torch.empty(1, 3, 32, 32, device="meta"))
    expected = MULTIPLY_ADDS_MILLIONS[name]
    assert counter.get_total_flops() / 2e6 == pytest.approx(expected, rel=0.005, abs=0.05)


@pytest.mark.parametrize("input_size", [28, 32, 64, 96])
@pytest.mark.parametrize("name", FIRST_OF_FAMILY)
def test_every_family_takes_every_size(name: str, input_size: int) -> None:
    """Grey pictures of Fashion-MNIST, CIFAR, Tiny ImageNet and the smallest that keep the published stem."""
    network = _small(name, input_size=input_size, in_channels=1)
    logits_NK = network(torch.empty(2, 1, input_size, input_size, device="meta"))
    assert logits_NK.shape == (2, min(10, facts(name).num_classes))


@pytest.mark.parametrize("input_size", [28, 64])
@pytest.mark.parametrize("name", sorted(set(AT_32_PIXELS) & set(FIRST_OF_FAMILY) - {"lenet5"}))
def test_parameters_are_those_of_32_pixels_for_28_and_64(name: str, input_size: int) -> None:
    """28 pixels are padded and 64 halved at the start, so that the rest is one network."""
    assert _count(_small(name, input_size=input_size)) == AT_32_PIXELS[name]


def test_lenet_for_28_pixels_is_that_for_32() -> None:
    """It pads two pixels inside its first convolution; without them it would have 44,426 parameters."""
    assert _count(build("lenet5", input_size=28)) == _count(build("lenet5")) == 61_706


def test_defaults_are_the_canonical_ones() -> None:
    """`build(name)` alone is the published network."""
    assert build("lenet5")(torch.zeros(2, 1, 32, 32)).shape == (2, 10)
    with torch.device("meta"):
        assert build("resnet50")(torch.empty(2, 3, 224, 224)).shape == (2, 1000)


def test_unknown_option_is_refused_with_those_that_exist() -> None:
    """A misspelt option must not be dropped in silence."""
    with pytest.raises(ArchitectureOptionError, match="mlp has no option hiden; it has hidden"):
        build("mlp", hiden=3)
    with pytest.raises(ArchitectureOptionError, match="it has none"):
        build("logistic_regression", depth=3)


@pytest.mark.parametrize("option", ["num_classes", "in_channels", "input_size"])
def test_sizes_below_one_are_refused(option: str) -> None:
    """No class, no channel, no pixel: no network."""
    with pytest.raises(ArchitectureOptionError, match=f"{option} must be at least 1, not 0"):
        build("lenet5", **{option: 0})


def test_picture_too_small_for_the_windows_is_refused_by_name() -> None:
    """The text holds the network, the numbers and the reason."""
    with pytest.raises(ArchitectureOptionError, match=r"lenet5 cannot be built with .*input_size=32.*kernel_size=15"):
        build("lenet5", kernel_size=15)


def test_what_makes_a_member_of_a_family_is_no_option() -> None:
    """resnet50 cannot be asked for 18 layers; its other options can."""
    assert set(options_of("resnet50")) == {"shortcut", "zero_init_residual", "width"}
    with pytest.raises(ArchitectureOptionError, match="no option depth"):
        build("resnet50", depth=18)


@pytest.mark.parametrize(("name", "heads", "weight"), [("googlenet", 2, 0.3), ("inception_v3", 1, 0.4)])
def test_auxiliary_heads_train_and_vanish_in_evaluation(name: str, heads: int, weight: float) -> None:
    """While training the heads' logits come along and their weights get gradients; in evaluation one tensor comes."""
    size = 96
    network = build(name, num_classes=4, input_size=size, auxiliary_heads=True)
    images_NCHW = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    output = network(images_NCHW)
    assert isinstance(output, TrainingOutput)
    assert [tuple(logits.shape) for logits in output.auxiliary_logits] == [(2, 4)] * heads
    assert output.weight == weight
    sum(logits.square().sum() for logits in output.auxiliary_logits).backward()  # type: ignore[union-attr]  # sum starts at 0
    assert all(weights.grad is not None for weights in network.get_submodule("heads").parameters())
    evaluated = network.eval()(images_NCHW)
    assert isinstance(evaluated, torch.Tensor)
    assert evaluated.shape == (2, 4)


def test_heads_are_an_option_and_off_for_small_pictures() -> None:
    """The trunk's weights keep their names, so that a checkpoint with heads fills a network without."""
    with torch.device("meta"):
        bare = build("googlenet", auxiliary_heads=False).train()
        full = build("googlenet")
        assert isinstance(build("googlenet", input_size=32)(torch.empty(2, 3, 32, 32)), torch.Tensor)
    assert isinstance(bare(torch.empty(2, 3, 224, 224, device="meta")), torch.Tensor)
    assert set(bare.state_dict()) == {key for key in full.state_dict() if key.startswith("trunk.")}


def test_package_needs_nothing_but_torch_and_the_standard_library() -> None:
    """Every module of ours that importing it loads is its own."""
    script = (
        "import sys; before = set(sys.modules); import torch; after_torch = set(sys.modules);"
        "import training.architectures; new = set(sys.modules) - after_torch - set(sys.stdlib_module_names);"
        "ours = ('torch.', 'training.architectures.');"
        "print(sorted(m for m in new if m != 'training' and not (m + '.').startswith(ours)))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
