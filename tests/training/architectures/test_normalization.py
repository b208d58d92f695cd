"""Local response normalisation equals the paper's formula, channel by channel."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.architectures.normalization import LocalResponseNorm


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("size", [3, 5])
def test_equals_the_papers_formula(channels: int, size: int) -> None:
    """Computed here with loops: alpha times the sum, not the mean, of the squares of the neighbours that exist."""
    maps = torch.randn(2, channels, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = torch.empty_like(maps)
    for channel in range(channels):
        first, last = max(0, channel - size // 2), min(channels - 1, channel + size // 2)
        energy = sum(
            (maps[:, other] ** 2 for other in range(first, last + 1)), torch.zeros(2, 3, 3, dtype=torch.float64)
        )
        expected[:, channel] = maps[:, channel] / (2.0 + 0.3 * energy) ** 0.75
    layer = LocalResponseNorm(size=size, alpha=0.3, beta=0.75, k=2.0)
    torch.testing.assert_close(layer(maps), expected)


def test_is_pytorchs_layer_with_alpha_times_the_size() -> None:
    """PyTorch divides alpha by the size of the neighbourhood, the paper does not."""
    maps = 30 * torch.randn(2, 9, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(LocalResponseNorm()(maps), nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)(maps))
    assert not torch.allclose(LocalResponseNorm()(maps), nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)(maps))
