"""`training.architectures.airbench`: windows from pictures, convolutions that pass on, and the mean of two looks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.architectures import ArchitectureOptionError, build, facts
from training.architectures.airbench import OffsetBatchNorm2d, WhiteningConv2d
from training.geometry.measure import measure


def _smooth_pictures(count: int = 200) -> torch.Tensor:
    """Make pictures whose neighbouring pixels are alike, as in photographs."""
    noise_NCHW = torch.randn(count, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    return nn.functional.avg_pool2d(noise_NCHW, 5, stride=1)


def test_whitened_outputs_are_uncorrelated_and_of_equal_strength() -> None:
    """The first half of the windows gives outputs whose covariance is nearly the unit matrix; the rest negates it."""
    pictures_NCHW = _smooth_pictures()
    layer = WhiteningConv2d(3)
    layer.start_from(pictures_NCHW)
    with torch.no_grad():
        outputs_NCHW = layer(pictures_NCHW)
    values_MD = outputs_NCHW[:, :12].permute(0, 2, 3, 1).reshape(-1, 12)
    covariance_DD = torch.cov(values_MD.T)
    strengths_D = covariance_DD.diagonal()
    assert (covariance_DD - torch.diag(strengths_D)).abs().max() < 0.05
    assert strengths_D.max() < 1.05
    assert strengths_D[0] > 0.95
    assert torch.allclose(outputs_NCHW[:, 12:], -outputs_NCHW[:, :12], atol=1e-4)


def test_windows_and_factors_do_not_learn() -> None:
    """Of the first layer only offsets are trained, of normalisation too."""
    network = build("airbench94")
    fixed = {name for name, weights in network.named_parameters() if not weights.requires_grad}
    norms = {name for name, layer in network.named_modules() if isinstance(layer, OffsetBatchNorm2d)}
    assert fixed == {"whitening.weight"} | {f"{name}.weight" for name in norms}


def test_size_is_the_published_one() -> None:
    """The paper counts 1.97 million weights, fixed windows and factors among them; the catalogue, those that learn."""
    network = build("airbench94")
    assert sum(weights.numel() for weights in network.parameters()) == 1_972_792
    assert sum(weights.numel() for weights in network.parameters() if weights.requires_grad) == 1_971_352
    assert facts("airbench94").parameters == 1_971_352
    assert facts("airbench94").multiply_adds == measure(network, input_shape=(3, 32, 32)).multiply_adds == 118_147_360


def test_first_windows_of_a_convolution_pass_their_input_on() -> None:
    """What comes into a group leaves its first convolution unchanged in as many channels."""
    group = build("airbench94").get_submodule("group1")
    images_NCHW = torch.randn(2, 24, 8, 8)
    assert torch.equal(group.get_submodule("conv1")(images_NCHW)[:, :24], images_NCHW)


@pytest.mark.parametrize("side", [9, 20, 28, 32, 64])
def test_pictures_of_any_size_get_logits(side: int) -> None:
    """The maximum over what is left of the maps fits every size."""
    assert build("airbench94", input_size=side, num_classes=5)(torch.randn(2, 3, side, side)).shape == (2, 5)


def test_pictures_too_small_for_the_groups_are_refused() -> None:
    """Eight pixels cannot be halved three times after the first window."""
    with pytest.raises(ArchitectureOptionError, match="3 groups halve 8 pixels to nothing"):
        build("airbench94", input_size=8)
