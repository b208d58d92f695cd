"""`training.learning.network`: recipes name networks, and weights go only into the network they were made for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.data_sets import shape_recipe
from training.errors import CheckpointError, RecipeError
from training.learning.checkpoints import Checkpoint, prefixed, write_checkpoint
from training.learning.network import WEIGHTS, build_network, load_network


def _checkpoint(path: Path) -> dict[str, torch.Tensor]:
    network = build_network(shape_recipe(), num_classes=3)
    weights = network.state_dict()
    write_checkpoint(path, Checkpoint(prefixed(WEIGHTS, weights), {}))
    return weights


def test_recipe_decides_size_and_classes() -> None:
    """The network takes the recipe's pictures and answers for the data's classes."""
    network = build_network(shape_recipe(picture={"size": 32, "color_mode": "RGB"}), num_classes=7)
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"architecture": "lenet6"}, r"no architecture 'lenet6'; did you mean lenet5"),
        ({"options": {"colour": 3}}, r"lenet5 has no option colour"),
    ],
)
def test_network_that_does_not_exist_is_an_error_of_the_recipe(keys: dict[str, object], message: str) -> None:
    """The catalogue's own words reach the person who wrote the recipe."""
    with pytest.raises(RecipeError, match=message):
        build_network(shape_recipe(network=keys), num_classes=3)


def test_weights_come_back_into_the_same_network(tmp_path: Path) -> None:
    """A loaded network has every weight of the saved one and is ready to be evaluated."""
    weights = _checkpoint(tmp_path / "best.safetensors")
    network = load_network(tmp_path / "best.safetensors", recipe=shape_recipe(), num_classes=3)
    assert not network.training
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("recipe", "num_classes"),
    [(shape_recipe(network={"architecture": "mlp"}), 3), (shape_recipe(), 4)],
    ids=["another architecture", "another number of classes"],
)
def test_weights_of_another_network_are_refused(tmp_path: Path, recipe: object, num_classes: int) -> None:
    """Names or shapes that differ are an error, never a partly filled network."""
    _checkpoint(tmp_path / "best.safetensors")
    with pytest.raises(CheckpointError, match=r"best\.safetensors holds the weights of another network"):
        load_network(tmp_path / "best.safetensors", recipe=recipe, num_classes=num_classes)  # type: ignore[arg-type]  # parametrised
