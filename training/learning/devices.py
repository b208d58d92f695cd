"""Where training runs and in what precision: Lightning Fabric set up from a few words; its only importer.

Knows no recipe: the device is no part of an experiment.
"""

from __future__ import annotations

import functools
import logging
import os
import shutil
import warnings
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

import torch
from lightning_fabric import Fabric
from lightning_fabric.accelerators import ACCELERATOR_REGISTRY
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import nn

from training.errors import DeviceError, did_you_mean
from training.learning.batches import Share
from training.recipe import Precision

PRECISIONS = get_args(Precision)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChoice:
    """What the command line asks for.

    Args:
        device: `auto`, `cpu`, `cuda`, `mps` or another accelerator that Fabric knows.
        processes: On this machine, one per device; several train together on parts of every batch.
        machines: That train together; torchrun starts the processes on each.
        precision: One of `PRECISIONS`.

    """

    device: str = "auto"
    processes: int = 1
    machines: int = 1
    precision: str = "32-true"


def start(choice: DeviceChoice) -> Fabric:
    """Set a device up and start the further processes where several were asked for.

    Raises:
        DeviceError: This machine has no such device, precision or number of them.

    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces precision and process groups
    choice = _as_torchrun_has_it(choice)
    _require_known(choice)
    torch.backends.cudnn.deterministic = True  # a resumed run must repeat what an uninterrupted one does
    try:
        fabric = _set_up(choice)
    except (RuntimeError, ValueError, ImportError, MisconfigurationException) as error:
        raise DeviceError(f"{choice.processes} x {choice.device} cannot be used here: {error}") from error
    if fabric.strategy.precision.precision != choice.precision:
        raise DeviceError(f"{choice.precision} does not work on {fabric.device.type}; take bf16-mixed or 32-true.")
    fabric.launch()
    _all_threads()
    return fabric


def use_threads(threads: int | None) -> None:
    """Split sums on the processor over so many threads; None takes as many as there were at the start."""
    torch.set_num_threads(threads or _all_threads())


@functools.cache
def _all_threads() -> int:
    """Remember how many threads torch, or Fabric for several processes, chose for this process."""
    return torch.get_num_threads()


def compiled(network: nn.Module, *, device: torch.device) -> nn.Module:
    """Let torch make one program of a network, at its first use; the weights stay those of the network.

    Raises:
        DeviceError: Programs for the processor need a C++ compiler, and there is none.

    """
    compiler = os.environ.get("CXX", "g++")
    if device.type == "cpu" and shutil.which(compiler) is None:
        raise DeviceError(
            f"training.compile needs a C++ compiler, and there is no {compiler}; install one or leave it off."
        )
    return cast(nn.Module, torch.compile(network))


def share_of(fabric: Fabric) -> Share:
    """Tell which part of every batch this process takes."""
    return Share(rank=fabric.global_rank, world_size=fabric.world_size)


def precision_state(fabric: Fabric) -> dict[str, Any]:
    """Give what the precision remembers from step to step: the loss scale of 16-mixed, otherwise nothing."""
    return fabric.strategy.precision.state_dict()


def restore_precision(fabric: Fabric, state: dict[str, Any]) -> None:
    """Put back what `precision_state` gave."""
    fabric.strategy.precision.load_state_dict(state)


def sum_over_processes(fabric: Fabric, value: torch.Tensor) -> torch.Tensor:
    """Add a tensor up over all processes, the same result on each."""
    return cast(torch.Tensor, fabric.all_reduce(value.clone(), reduce_op="sum"))  # one tensor in, one out


def share_buffers(fabric: Fabric, network: nn.Module) -> None:
    """Give every process the statistics of normalisation of the first one, whose are saved."""
    if fabric.world_size == 1:
        return
    for buffer in network.buffers():
        buffer.copy_(sum_over_processes(fabric, buffer if fabric.is_global_zero else torch.zeros_like(buffer)))


def gather_over_processes(fabric: Fabric, value: torch.Tensor) -> torch.Tensor:
    """Stack a tensor of every process along a new first axis."""
    # by a sum, because Fabric's own gathering calls what torch has deprecated, and warns
    places = torch.zeros(fabric.world_size, *value.shape, dtype=value.dtype, device=fabric.device)
    places[fabric.global_rank] = value
    return sum_over_processes(fabric, places)


def _set_up(choice: DeviceChoice) -> Fabric:
    with warnings.catch_warnings():
        # Fabric replaces a precision that the device lacks with a warning; `start` makes that an error
        warnings.filterwarnings("ignore", message="You passed `Fabric", category=UserWarning)
        return Fabric(
            accelerator=choice.device,
            devices=choice.processes,
            num_nodes=choice.machines,
            strategy="ddp" if choice.processes * choice.machines > 1 else "auto",
            precision=choice.precision,  # type: ignore[arg-type]  # checked against the same names before
        )


def _as_torchrun_has_it(choice: DeviceChoice) -> DeviceChoice:
    """Take the numbers of processes and machines from torchrun, where it started this process."""
    if not TorchElasticEnvironment.detect():
        return choice
    here, everywhere = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
    return replace(choice, processes=here, machines=everywhere // here)


def _require_known(choice: DeviceChoice) -> None:
    known = ["auto", *sorted({"gpu", *ACCELERATOR_REGISTRY.available_accelerators()})]
    if choice.device not in known:
        raise DeviceError(f"There is no device {choice.device!r}; {did_you_mean(choice.device, known)}")
    if choice.precision not in PRECISIONS:
        raise DeviceError(f"There is no precision {choice.precision!r}; {did_you_mean(choice.precision, PRECISIONS)}")
    if choice.processes < 1:
        raise DeviceError(f"At least 1 process must train, not {choice.processes}.")
