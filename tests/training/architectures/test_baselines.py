"""The baselines have the sizes of the textbooks and start from sensible weights."""

from __future__ import annotations

import torch

from training.architectures import build


def test_logistic_regression_on_fashion_mnist_has_7850_parameters() -> None:
    """One weight per pixel and class, one bias per class."""
    assert _count(build("logistic_regression")) == 7_850


def test_mlp_hidden_widths_are_an_option() -> None:
    """One hidden layer of 100 by default, any number of any width on request."""
    assert _count(build("mlp")) == 79_510
    assert _count(build("mlp", hidden=(256, 128))) == 235_146


def test_logistic_regression_starts_undecided() -> None:
    """Zero weights give every class the same logit, so the first loss is the logarithm of the number of classes."""
    logits_NK = build("logistic_regression", num_classes=7)(torch.randn(3, 1, 28, 28))
    assert torch.equal(logits_NK, torch.zeros(3, 7))


def _count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
