"""`training.learning.checkpoints`: one file, no pickle, exact to the bit; damage is told in words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from training.errors import CheckpointError
from training.learning.checkpoints import (
    Checkpoint,
    pack_optimizer,
    prefixed,
    read_checkpoint,
    unpack_optimizer,
    write_checkpoint,
)


def test_tensors_and_facts_come_back_exactly(tmp_path: Path) -> None:
    """Types, shapes, bits and nested facts survive, also of tensors that do not lie in memory row by row."""
    tensors = {
        "a": torch.randn(3, 4).t(),
        "b": torch.tensor(2.5, dtype=torch.float64),
        "c": torch.arange(5, dtype=torch.uint8),
        "d": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    }
    facts = {"epoch": 3, "history": [{"loss": 0.1}], "name": "ü"}
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, Checkpoint(tensors, facts))
    found = read_checkpoint(path)
    assert found.facts == facts
    assert found.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert torch.equal(found.tensors[name], tensor)


def test_part_gives_the_tensors_of_one_prefix() -> None:
    """A prefix that begins another one is not mistaken for it."""
    tensors = {**prefixed("network", {"w": torch.ones(1)}), **prefixed("network2", {"w": torch.zeros(1)})}
    assert Checkpoint(tensors, {}).part("network") == {"w": torch.ones(1)}


def test_missing_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    """--resume without a run is a misunderstanding that words can clear up."""
    with pytest.raises(CheckpointError, match=r"no checkpoint .*last\.safetensors; train without --resume first"):
        read_checkpoint(tmp_path / "last.safetensors")


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "foreign"])
def test_damaged_or_foreign_file_is_refused(tmp_path: Path, damage: str) -> None:
    """What is no checkpoint of this program is never loaded as one."""
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, Checkpoint({"a": torch.ones(100)}, {}))
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif damage == "foreign":
        save_file({"a": torch.ones(2)}, path)
    else:
        path.write_bytes(b"some text" if damage == "text" else b"")
    with pytest.raises(CheckpointError, match=r"x\.safetensors is no checkpoint of this program, or is damaged"):
        read_checkpoint(path)


def test_folder_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    """A place where nothing can be saved is no stack trace."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        write_checkpoint(tmp_path / "file" / "x.safetensors", Checkpoint({}, {}))


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_optimizer_continues_as_if_it_had_never_stopped(tmp_path: Path, kind: str) -> None:
    """Two steps, a save, a load into a new optimiser and two more equal four steps, bit for bit."""

    def make() -> tuple[nn.Linear, torch.optim.Optimizer]:
        torch.manual_seed(1)
        network = nn.Linear(3, 2)
        groups = [{"params": [network.weight], "weight_decay": 0.1}, {"params": [network.bias], "weight_decay": 0.0}]
        if kind == "sgd":
            return network, torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
        return network, torch.optim.AdamW(groups, lr=0.1)

    def step(network: nn.Linear, optimizer: torch.optim.Optimizer, seed: int) -> None:
        inputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        network(inputs).square().sum().backward()
        optimizer.step()

    whole, whole_optimizer = make()
    for seed in range(4):
        step(whole, whole_optimizer, seed)

    first, first_optimizer = make()
    for seed in range(2):
        step(first, first_optimizer, seed)
    tensors, facts = pack_optimizer(first_optimizer)
    write_checkpoint(tmp_path / "x.safetensors", Checkpoint(tensors, facts))
    saved = read_checkpoint(tmp_path / "x.safetensors")

    second, second_optimizer = make()
    second.load_state_dict(first.state_dict())
    unpack_optimizer(second_optimizer, saved.tensors, saved.facts)
    for seed in range(2, 4):
        step(second, second_optimizer, seed)
    assert torch.equal(second.weight, whole.weight)
    assert torch.equal(second.bias, whole.bias)
