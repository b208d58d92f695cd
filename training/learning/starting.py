"""A network that starts from weights that were trained before: its backbone filled, its head new.

The weights are those of a run (`best.safetensors`) or of a published version, which carries `weights.safetensors`
beside its ONNX file. Everything but the head must fit, because a backbone that is half filled learns badly and nobody
would notice why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from training.architectures import auxiliary_heads, backbone_and_head
from training.errors import CheckpointError
from training.learning.checkpoints import Checkpoint, prefixed, read_checkpoint
from training.learning.network import NORMALIZATION, WEIGHTS
from training.publication.publish import published_versions

WEIGHTS_FILE = "weights.safetensors"
_PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class StartingWeights:
    """Weights to start from.

    Args:
        source: The file.
        tensors: By their names in the network, without what averages over mirror images.
        normalization: Mean and std of the pictures that they learned from; None where the file does not say.

    """

    source: Path
    tensors: dict[str, torch.Tensor]
    normalization: tuple[tuple[float, ...], tuple[float, ...]] | None


def find_weights(name: str) -> Path:
    """Find the file that a recipe means.

    Args:
        name: A `.safetensors` file, the folder of a run or of a version, or `models/<name>` for its highest version.

    Raises:
        CheckpointError: There is no such file.

    """
    path = Path(name)
    if not path.exists() and (_PROJECT / name).exists():
        path = _PROJECT / name  # what ships with the project is found from any folder
    if path.is_file():
        return path
    folders = [path / str(version) for version in reversed(published_versions(path))] or [path]
    tried = [folder / file for folder in folders for file in (WEIGHTS_FILE, "best.safetensors")]
    found = next((file for file in tried if file.is_file()), None)
    if found is None:
        raise CheckpointError(
            f"There are no weights to start from at {name!r}: looked for {', '.join(map(str, tried))}. Name a run's "
            "folder, a published model that carries its weights, or a .safetensors file."
        )
    return found


def read_weights(path: Path) -> StartingWeights:
    """Read the weights of a run or of a published version.

    Raises:
        CheckpointError: The file is missing, damaged or of another program.

    """
    checkpoint = read_checkpoint(path)
    tensors = {_bare(name): tensor.float() for name, tensor in checkpoint.part(WEIGHTS).items()}
    facts = checkpoint.facts.get(NORMALIZATION) or checkpoint.facts.get("identity", {}).get(NORMALIZATION)
    normalization = (tuple(facts["mean"]), tuple(facts["std"])) if facts else None
    return StartingWeights(path, tensors, normalization)


def weights_to_publish(
    checkpoint: Checkpoint, *, mean: tuple[float, ...], std: tuple[float, ...], labels: tuple[str, ...]
) -> Checkpoint:
    """Give what a version carries: the best weights, at half the size, and the mean and std of their inputs.

    Statistics of normalisation may be larger or smaller than float16 can say; they are few and stay as they are.
    """
    tensors = {
        name: tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor
        for name, tensor in checkpoint.part(WEIGHTS).items()
    }
    facts = {NORMALIZATION: {"mean": mean, "std": std}, "labels": labels}
    return Checkpoint(prefixed(WEIGHTS, tensors), facts)


def start_network(network: nn.Module, weights: StartingWeights) -> None:
    """Fill the backbone; the head keeps its random first weights.

    Args:
        network: As it was built, for classes of its own.
        weights: To start from.

    Raises:
        CheckpointError: They are of another architecture.

    """
    _, head = backbone_and_head(network)
    heads = {id(tensor) for layer in (head, *auxiliary_heads(network)) for tensor in _state_of(layer)}
    wanted = {_bare(name): tensor for name, tensor in network.state_dict(keep_vars=True).items()}
    wanted = {name: tensor for name, tensor in wanted.items() if id(tensor) not in heads}
    problems = list(_differences(wanted, weights.tensors))
    if problems:
        raise CheckpointError(
            f"{weights.source} cannot start this network: {'; '.join(problems[:3])}"
            + (f" and {len(problems) - 3} more" if len(problems) > 3 else "")
            + ". Only the last layer may differ; take the recipe's architecture, options and colour mode from there."
        )
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(weights.tensors[name])


def freeze(network: nn.Module) -> None:
    """Let nothing but the head learn; normalisation of the backbone keeps the statistics that it came with."""
    backbone, _ = backbone_and_head(network)
    for layer in [*backbone, *(layer for head in auxiliary_heads(network) for layer in head.modules())]:
        for weights in layer.parameters(recurse=False):
            weights.requires_grad = False
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001  their base has no public name
            layer.register_forward_pre_hook(_stay_in_evaluation)


def _state_of(layer: nn.Module) -> Iterator[torch.Tensor]:
    yield from layer.parameters()
    yield from layer.buffers()


def _stay_in_evaluation(layer: nn.Module, _: object) -> None:
    layer.eval()


def _differences(wanted: dict[str, torch.Tensor], found: dict[str, torch.Tensor]) -> Iterator[str]:
    for name, tensor in wanted.items():
        if name not in found:
            yield f"it has no {name}"
        elif found[name].shape != tensor.shape:
            yield f"{name} has the shape {tuple(found[name].shape)} there and {tuple(tensor.shape)} here"


def _bare(name: str) -> str:
    """Leave out what averages over mirror images, which has no weights of its own."""
    return name.removeprefix("network.")
