"""The state of a run in one file, exact to the bit: tensors as safetensors, everything else as JSON in its header.

One file, because two cannot be replaced in one step. No pickle, because loading one runs code. What a checkpoint must
hold so that a run continues as if nothing had happened is gathered in `run_state.py`; this file knows formats.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from training.durable import write_durably
from training.errors import CheckpointError

_HEADER_KEY = "convserve"
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What stands in one file.

    Args:
        tensors: By name; parts of the state have a prefix each, such as `network.`.
        facts: Whatever JSON can hold.

    """

    tensors: Tensors
    facts: dict[str, Any]

    def part(self, prefix: str) -> Tensors:
        """Take the tensors of one part, without its prefix."""
        start = f"{prefix}."
        return {name.removeprefix(start): tensor for name, tensor in self.tensors.items() if name.startswith(start)}


def prefixed(prefix: str, tensors: Tensors) -> Tensors:
    """Put the name of a part before the names of its tensors; `Checkpoint.part` takes it off."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace a checkpoint in one step.

    Raises:
        CheckpointError: The disk is full or not writable; the previous checkpoint is untouched.

    """
    try:
        write_durably(path, checkpoint_bytes(checkpoint))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error.strerror}); the one before it is intact.") from error


def checkpoint_bytes(checkpoint: Checkpoint) -> bytes:
    """Give what the file of a checkpoint holds."""
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    return save(on_cpu, metadata={_HEADER_KEY: json.dumps(checkpoint.facts)})


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what `write_checkpoint` wrote.

    Raises:
        CheckpointError: There is no such file, or it is damaged or of another program.

    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})[_HEADER_KEY])
            return Checkpoint({name: file.get_tensor(name) for name in file.keys()}, facts)  # noqa: SIM118  no mapping
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no checkpoint {path}; train without --resume first.") from error
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} is no checkpoint of this program, or is damaged: {error}") from error


def pack_optimizer(optimizer: torch.optim.Optimizer) -> tuple[Tensors, dict[str, Any]]:
    """Take an optimiser's state apart into tensors and JSON."""
    state = optimizer.state_dict()
    tensors: Tensors = {}
    numbers: dict[str, Any] = {}
    for index, entries in state["state"].items():
        for name, value in entries.items():
            (tensors if isinstance(value, torch.Tensor) else numbers)[f"{index}.{name}"] = value
    return tensors, {"numbers": numbers, "groups": state["param_groups"]}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors, facts: dict[str, Any]) -> None:
    """Put a state that `pack_optimizer` took apart into an optimiser of the same form."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in (tensors | facts["numbers"]).items():
        index, name = key.split(".", maxsplit=1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": facts["groups"]})
