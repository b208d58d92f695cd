"""A model is measured only while nobody else is there, and the form that pays is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from service.engine.forms import Measurement
from service.engine.tuning import (
    BusyError,
    Stopwatch,
    Tensor,
    batch_sizes,
    choose_batch,
    choose_form,
    worth_widening,
)
from tests.service.engine.gates import Clock

ONE = np.zeros((1, 3), dtype=np.float32)


@dataclass
class TimedNetwork:
    """A network each of whose runs takes the time that the test says."""

    clock: Clock
    run_s: Callable[[int], float]
    fixed_batch: int | None = None
    begins: Callable[[int], None] = lambda _: None
    runs: int = 0

    def run(self, batch: Tensor, /) -> NDArray[np.float32]:
        """Let the time pass."""
        self.begins(self.runs)
        self.clock.now_s += self.run_s(self.runs)
        self.runs += 1
        return np.zeros((len(batch), 1), dtype=np.float32)


@dataclass
class Traffic:
    """Requests that are there when the test says.

    Args:
        looks: Whether nobody is there, one for each look; quiet after the last.
        comers: Runs of the network into which a request comes that is gone at their end.

    """

    looks: list[bool] = field(default_factory=list)
    comers: tuple[int, ...] = ()
    came: int = 0
    pauses: int = 0
    patience: int = 1000

    def idle(self) -> bool:
        """Look."""
        return self.looks.pop(0) if self.looks else True

    def arrived(self) -> int:
        """Count."""
        return self.came

    def run_begins(self, number: int) -> None:
        """Let a request come."""
        self.came += number in self.comers

    def pause(self) -> None:
        """Wait a moment."""
        self.pauses += 1
        if self.pauses > self.patience:
            raise BusyError


def _measured(
    network: TimedNetwork, *, traffic: Traffic | None = None, tensor: Tensor = ONE, threads: int = 1
) -> Measurement:
    traffic = traffic or Traffic()
    network.begins = traffic.run_begins
    stopwatch = Stopwatch(traffic.idle, traffic.arrived, traffic.pause, network.clock)
    return stopwatch.measure(network, tensor, threads=threads)


def _found(median_s: float, *, batch: int = 1) -> Measurement:
    return Measurement(threads=1, batch=batch, median_s=median_s, least_s=median_s, n=5)


def test_the_first_run_is_left_out_and_the_median_of_the_others_counts(clock: Clock) -> None:
    """Sessions allocate in their first run, and one slow run among many means nothing."""
    network = TimedNetwork(clock, lambda number: {0: 1.0, 3: 0.3}.get(number, 0.01))
    found = _measured(network)
    assert found.median_s == pytest.approx(0.01)
    assert found.least_s == pytest.approx(0.01)
    assert found.n == network.runs - 1 == 15


def test_slow_networks_are_run_a_few_times_only(clock: Clock) -> None:
    """Runs of 0.4 s take three, and one of ten seconds is enough."""
    assert _measured(TimedNetwork(clock, lambda _: 0.4)).n == 3
    endless = TimedNetwork(clock, lambda _: 10.0)
    assert (_measured(endless).n, endless.runs) == (1, 1)
    assert _measured(endless).median_s == pytest.approx(10.0)


def test_the_time_of_a_batch_is_that_of_each_of_its_pictures(clock: Clock) -> None:
    """Eight pictures in 40 ms are 5 ms each."""
    found = _measured(TimedNetwork(clock, lambda _: 0.04), tensor=np.repeat(ONE, 8, axis=0))
    assert found.batch == 8
    assert found.median_s == pytest.approx(0.005)


def test_runs_into_which_a_request_came_do_not_count(clock: Clock) -> None:
    """A run of 0.7 s beside a request is thrown away and made again, even where the request was gone at its end."""
    network = TimedNetwork(clock, lambda number: 0.7 if number == 1 else 0.01)
    traffic = Traffic(comers=(1,))
    found = _measured(network, traffic=traffic)
    assert found.least_s == pytest.approx(0.01)
    assert found.median_s == pytest.approx(0.01)
    assert traffic.pauses == 1


def test_nothing_runs_while_requests_are_there(clock: Clock) -> None:
    """Measuring waits for a quiet moment before it starts, and gives up where none comes."""
    network = TimedNetwork(clock, lambda _: 0.01)
    _measured(network, traffic=(traffic := Traffic([False, False, False])))
    assert traffic.pauses == 3
    busy = TimedNetwork(clock, lambda _: 0.01)
    with pytest.raises(BusyError):
        _measured(busy, traffic=Traffic([False] * 50, patience=20))
    assert busy.runs == 0


def test_a_machine_whose_every_run_meets_a_request_is_too_busy(clock: Clock) -> None:
    """Four tries for one run are enough."""
    network = TimedNetwork(clock, lambda _: 0.01)
    with pytest.raises(BusyError):
        _measured(network, traffic=Traffic(comers=tuple(range(100))))
    assert network.runs == 4


def test_a_run_that_takes_long_and_met_a_request_is_not_made_again(clock: Clock) -> None:
    """Ten seconds on all cores, four times over, would be felt by everybody."""
    network = TimedNetwork(clock, lambda _: 10.0)
    with pytest.raises(BusyError):
        _measured(network, traffic=Traffic(comers=(0,)))
    assert network.runs == 1


def test_both_forms_are_loaded_where_the_wide_one_is_a_tenth_faster() -> None:
    """A gain of less does not pay for a second session."""
    assert choose_form(_found(0.040), _found(0.022)) == "both"
    assert choose_form(_found(0.040), _found(0.037)) == "narrow"


@pytest.mark.parametrize(("run_s", "cores", "worth"), [(0.04, 2, True), (0.04, 1, False), (0.0004, 8, False)])
def test_a_wide_form_is_not_even_loaded_for_small_networks_or_a_single_core(
    run_s: float, cores: int, *, worth: bool
) -> None:
    """Waking threads takes longer than such a run."""
    assert worth_widening(_found(run_s), cores=cores) is worth


def test_the_largest_batch_whose_pictures_wait_for_nothing_is_chosen() -> None:
    """A picture in a batch may take a tenth longer than alone, for the hops that it saves."""
    assert choose_batch(_found(0.0004), [_found(0.00040, batch=4), _found(0.00043, batch=8)]) == 8
    assert choose_batch(_found(0.0004), [_found(0.00040, batch=4), _found(0.00060, batch=8)]) == 4
    assert choose_batch(_found(0.0004), []) == 1


def test_batches_are_tried_for_small_networks_that_take_any_number(clock: Clock) -> None:
    """A fixed batch leaves no choice, and long runs gain nothing."""
    small = TimedNetwork(clock, lambda _: 0.0004)
    assert batch_sizes(small, _found(0.0004)) == (4, 8)
    assert batch_sizes(small, _found(0.04)) == ()
    assert batch_sizes(TimedNetwork(clock, lambda _: 0.0004, fixed_batch=1), _found(0.0004)) == ()
