"""Median pooling is the median, windows in order, of every channel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view

from training.architectures.pooling import MedianPool2d


@pytest.mark.parametrize(("kernel", "stride"), [(2, None), (3, None), (3, 1), (3, 2), (2, 3), (1, 1), (4, 2)])
def test_median_pool_equals_numpys_median_of_every_window(kernel: int, stride: int | None) -> None:
    """Odd windows take the middle value, even ones the mean of the two in the middle, as NumPy does."""
    maps = torch.randn(2, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    step = stride or kernel
    windows = sliding_window_view(maps.numpy(), (kernel, kernel), axis=(2, 3))[:, :, ::step, ::step]
    np.testing.assert_allclose(MedianPool2d(kernel, stride)(maps).numpy(), np.median(windows, axis=(4, 5)), rtol=1e-6)


def test_median_pool_ignores_one_noisy_pixel_of_nine() -> None:
    """The maximum and the average would both move."""
    quiet = torch.ones(1, 1, 3, 3)
    noisy = quiet.clone()
    noisy[0, 0, 1, 2] = 1000.0
    assert torch.equal(MedianPool2d(3)(noisy), MedianPool2d(3)(quiet))


def test_median_pool_passes_its_gradient_to_the_median() -> None:
    """Only the pixel that was kept learns."""
    maps = torch.tensor([[3.0, 1.0, 2.0]]).repeat(3, 1)[None, None] + torch.arange(3.0)[:, None] * 10
    maps.requires_grad_()
    MedianPool2d(3)(maps).sum().backward()
    assert maps.grad is not None
    assert maps.grad.nonzero().tolist() == [[0, 0, 1, 2]]
