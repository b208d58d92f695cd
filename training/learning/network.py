"""The network of a recipe: built with first weights, or filled with those of a checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from training import architectures
from training.errors import CheckpointError, RecipeError
from training.learning.checkpoints import read_checkpoint
from training.recipe import Recipe

WEIGHTS = "network"
NORMALIZATION = "normalization"  # key of what is known about a file of weights: mean and std of the inputs


def build_network(recipe: Recipe, *, num_classes: int) -> nn.Module:
    """Build the network that a recipe names; its first weights come from torch's global generator.

    Raises:
        RecipeError: There is no such architecture, or it has no such option or size.

    """
    try:
        network = architectures.build(
            recipe.network.architecture,
            num_classes=num_classes,
            in_channels=1 if recipe.picture.color_mode == "L" else 3,
            input_size=recipe.picture.size,
            **recipe.network.options,
        )
    except (ValueError, TypeError) as error:
        raise RecipeError(f"network.architecture: {error}") from error
    return architectures.ViewAverage(network) if recipe.network.mirror_average else network


def load_network(path: Path, *, recipe: Recipe, num_classes: int) -> nn.Module:
    """Build a network on the CPU with the weights of a checkpoint, ready to be evaluated.

    Raises:
        CheckpointError: The file is missing or damaged, or its weights are of another architecture.

    """
    checkpoint = read_checkpoint(path)
    network = build_network(recipe, num_classes=num_classes)
    fill_network(network, checkpoint.part(WEIGHTS), source=path)
    return network.eval()


def fill_network(network: nn.Module, weights: dict[str, torch.Tensor], *, source: Path) -> None:
    """Put weights into a network of the same form.

    Raises:
        CheckpointError: Names or shapes differ.

    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{source} holds the weights of another network: {reason}") from error


def needs_pictures(network: nn.Module) -> bool:
    """Tell whether a network has layers whose first weights come from training pictures."""
    return any(isinstance(layer, architectures.StartsFromPictures) for layer in network.modules())


def start_from_pictures(network: nn.Module, images_NCHW: torch.Tensor) -> None:
    """Let the layers whose first weights come from training pictures set them.

    Args:
        network: As it was built.
        images_NCHW: Some training pictures, normalised.

    """
    for layer in network.modules():
        if isinstance(layer, architectures.StartsFromPictures):
            layer.start_from(images_NCHW)
