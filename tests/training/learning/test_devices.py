"""`training.learning.devices`: what this machine does not offer is refused in words."""

from __future__ import annotations

import pytest
import torch
from lightning_fabric import Fabric

from training.errors import DeviceError
from training.learning.batches import Share
from training.learning.devices import (
    DeviceChoice,
    gather_over_processes,
    share_buffers,
    share_of,
    start,
    sum_over_processes,
    use_threads,
)


def test_processor_is_found() -> None:
    """The plainest choice works anywhere."""
    fabric = start(DeviceChoice(device="cpu"))
    assert fabric.device == torch.device("cpu")
    assert share_of(fabric) == Share(rank=0, world_size=1)


def test_threads_are_those_asked_for_or_all_again() -> None:
    """A recipe for one thread does not slow the next recipe down."""
    start(DeviceChoice(device="cpu"))
    use_threads(None)
    everything = torch.get_num_threads()
    use_threads(3)
    assert torch.get_num_threads() == 3
    use_threads(None)
    assert torch.get_num_threads() == everything


def test_unknown_device_is_answered_with_the_known_ones() -> None:
    """A word that means no device is told apart from a device that is absent."""
    with pytest.raises(DeviceError, match=r"no device 'quantum'; known are auto, cpu, cuda"):
        start(DeviceChoice(device="quantum"))
    with pytest.raises(DeviceError, match=r"no device 'cdua'; did you mean 'cuda'\?"):
        start(DeviceChoice(device="cdua"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device whose absence is tested")
def test_absent_device_is_refused_instead_of_replaced() -> None:
    """Who asks for a GPU is not given a processor silently."""
    with pytest.raises(DeviceError, match=r"1 x cuda cannot be used here: .*not available"):
        start(DeviceChoice(device="cuda"))


def test_unknown_precision_is_answered_with_the_closest() -> None:
    """A typo in the precision is found before anything is set up."""
    with pytest.raises(DeviceError, match=r"no precision 'bf16-mixd'; did you mean 'bf16-mixed'"):
        start(DeviceChoice(device="cpu", precision="bf16-mixd"))


def test_precision_that_the_device_lacks_is_refused_instead_of_replaced() -> None:
    """Fabric would warn and take another one; a result must not be of another precision than its record says."""
    with pytest.raises(DeviceError, match="16-mixed does not work on cpu; take bf16-mixed"):
        start(DeviceChoice(device="cpu", precision="16-mixed"))


def test_no_process_at_all_is_refused() -> None:
    """Somebody has to do it."""
    with pytest.raises(DeviceError, match="At least 1 process"):
        start(DeviceChoice(device="cpu", processes=0))


def test_alone_a_process_is_its_own_sum_and_gathering(fabric: Fabric) -> None:
    """One process goes the same way as several."""
    value = torch.tensor([1.0, 2.0])
    assert torch.equal(sum_over_processes(fabric, value), value)
    assert torch.equal(gather_over_processes(fabric, value), value.view(1, 2))


def test_mixed_precision_computes_in_bfloat16() -> None:
    """The precision asked for is the one in use."""
    fabric = start(DeviceChoice(device="cpu", precision="bf16-mixed"))
    with fabric.autocast():
        assert torch.nn.functional.linear(torch.ones(1, 2), torch.ones(1, 2)).dtype == torch.bfloat16


class SecondOfTwo:
    """Stands in for Fabric in the second of two processes, the first of which sends ones."""

    world_size = 2
    is_global_zero = False

    def all_reduce(self, value: torch.Tensor, *, reduce_op: str) -> torch.Tensor:
        """Add what the first process sends."""
        assert reduce_op == "sum"
        return value + 1


def test_further_processes_take_the_statistics_of_the_first() -> None:
    """Whatever they had counted themselves, every process then validates the network that is saved."""
    network = torch.nn.BatchNorm1d(2)
    for buffer in network.buffers():
        buffer.fill_(7)
    share_buffers(SecondOfTwo(), network)  # type: ignore[arg-type]  # it stands in for Fabric
    assert all(bool((buffer == 1).all()) for buffer in network.buffers())


def test_one_process_keeps_its_statistics(fabric: Fabric) -> None:
    """There is nobody to take others from."""
    network = torch.nn.BatchNorm1d(2)
    for buffer in network.buffers():
        buffer.fill_(7)
    share_buffers(fabric, network)
    assert all(bool((buffer == 7).all()) for buffer in network.buffers())
