"""Series that several worker processes count together: each writes its own numbers, any of them shows the sums.

prometheus_client keeps each value of a metric in an object; here that object is a place in the worker's page, and
reading it puts the pages of all workers together. Counting costs what it costs in one process, a scrape asks nobody,
and a worker that hangs or has died neither delays it nor takes its counts away.

The library's own way for several processes writes files into a folder, which a read-only container lacks, and has no
gauges that are read from a function.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from array import array
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from service.telemetry.logs import log
from service.telemetry.shared_page import MOST_NUMBERS, Page

# How a gauge of several workers is put together; the names are the library's. A count is that of all there ever were.
OverWorkers = Literal["livesum", "livemin", "livemax"]
SUM: Final = "livesum"
LEAST: Final = "livemin"
MOST: Final = "livemax"
_RULES: Final[dict[str, Callable[[list[float]], float]]] = {"": sum, SUM: sum, LEAST: min, MOST: max}

_UNSET: Final = math.nan  # a gauge that its worker has not set says nothing
_EDGE: Final = "le"
_SWAPPING: Final = threading.RLock()


class SharedSeries:
    """One worker's series, which read as those of all workers.

    Args:
        pages: One per process that counts.
        number: Which of them is this process' own.

    """

    def __init__(self, pages: Sequence[Page], *, number: int) -> None:
        self.pages = pages
        self.registry = _FamilyRegistry()
        self.counter, self.gauge, self.histogram = _kinds(self)
        self.functions: dict[Gauge, Callable[[], float]] = {}
        self._own = pages[number]
        self._adopted = [0] * len(pages)
        self._told_full = False

    def begin(self, pid: int) -> None:
        """Start to count where the worker that had this number before has stopped, with no gauge set."""
        self._own.begin(0)
        for name, place in self._own.places.items():
            if _is_gauge(name):
                self._own.numbers[place] = _UNSET
        self._own.begin(pid)

    def publish(self) -> None:
        """Read the gauges that are functions, so that other workers can show them; called now and then."""
        for gauge, function in list(self.functions.items()):
            gauge.set(function())

    def gather(self) -> None:
        """Make everything ready to be shown: this worker's functions, and series that only others have."""
        self.publish()
        for index, page in enumerate(self.pages):
            page.refresh()
            names = list(page.places)
            for name in names[self._adopted[index] :]:
                self._adopt(name)
            self._adopted[index] = len(names)

    def place(self, name: bytes, *, initial: float) -> tuple[MutableSequence[float] | memoryview[float], int]:
        """Find where a value is kept: in the page, or, where that is full, in this process alone."""
        place = self._own.place(name, initial=initial)
        if place is not None:
            return self._own.numbers, place
        if not self._told_full:
            self._told_full = True
            log(logging.ERROR, "more series than workers can share", most=MOST_NUMBERS)
        return array("d", (initial,)), 0

    def _adopt(self, name: bytes) -> None:
        """Create the series that another worker has, so that it is shown here too."""
        _, _, family, _, label_names, label_values = json.loads(name)
        metric = self.registry.families.get(family)
        labels = {key: value for key, value in zip(label_names, label_values, strict=True) if key != _EDGE}
        if metric is not None and labels:
            metric.labels(**labels)


class SharedValue:
    """One value: written in this worker's page, read from all; what prometheus_client calls a value class.

    Args:
        series: Whose value it is.
        name: Names it in every page.
        rule: How those of several workers are put together, a key of the rules.
        live_only: Whether a worker that has ended still counts; one that is new then says nothing at first.

    """

    _multiprocess = False  # in the library's sense: files

    def __init__(self, series: SharedSeries, *, name: bytes, rule: str, live_only: bool) -> None:
        self._pages = series.pages
        self._name = name
        self._live_only = live_only
        self._combine = _RULES[rule]
        self._numbers, self._place = series.place(name, initial=_UNSET if live_only else 0.0)
        self._lock = threading.Lock()

    def inc(self, amount: float) -> None:
        """Add to this worker's own number."""
        with self._lock:
            now = self._numbers[self._place]
            self._numbers[self._place] = amount if math.isnan(now) else now + amount

    def set(self, value: float, timestamp: float | None = None) -> None:  # noqa: ARG002  the library's signature
        """Set this worker's own number."""
        with self._lock:
            self._numbers[self._place] = value

    def get(self) -> float:
        """Put the numbers of all workers together: of all there ever were, or for a gauge of those that live."""
        found = [
            page.numbers[place]
            for page in self._pages
            if (place := page.places.get(self._name)) is not None and (page.pid or not self._live_only)
        ]
        if isinstance(self._numbers, array):  # the page was full
            found.append(self._numbers[0])
        known = [number for number in found if not math.isnan(number)]
        return self._combine(known) if known else 0.0

    def set_exemplar(self, exemplar: object) -> None:
        """Do nothing: there are no exemplars here."""

    def get_exemplar(self) -> None:
        """Say that there is none."""


class _FamilyRegistry(CollectorRegistry):
    """A registry that can be asked for a metric by its name."""

    def __init__(self) -> None:
        super().__init__(auto_describe=True)
        self.families: dict[str, MetricWrapperBase] = {}

    def register(self, collector: Collector) -> None:
        """Remember the metric."""
        super().register(collector)
        if isinstance(collector, MetricWrapperBase):
            self.families.update({metric.name: collector for metric in collector.describe()})


def _is_gauge(name: bytes) -> bool:
    return bool(json.loads(name)[0] == "gauge")


def _kinds(series: SharedSeries) -> tuple[type[Counter], type[Gauge], type[Histogram]]:
    """Make metric classes whose values, and those of their children, are kept in the series' page."""

    class SharedCounter(Counter):
        def _metric_init(self) -> None:
            with _values_of(series):
                super()._metric_init()

    class SharedHistogram(Histogram):
        def _metric_init(self) -> None:
            with _values_of(series):
                super()._metric_init()

    class SharedGauge(Gauge):
        def _metric_init(self) -> None:
            with _values_of(series):
                super()._metric_init()

        def set_function(self, f: Callable[[], float]) -> None:
            series.functions[self] = f

    return SharedCounter, SharedGauge, SharedHistogram


@contextmanager
def _values_of(series: SharedSeries) -> Iterator[None]:
    """Let the library make its value objects here; it looks their class up in its module whenever it makes one."""

    def make(*description: Any, multiprocess_mode: str = "") -> SharedValue:  # noqa: ANN401  the library's arguments
        kind, family, sample, label_names, label_values, _ = description
        name = json.dumps([kind, multiprocess_mode, family, sample, label_names, label_values]).encode()
        return SharedValue(series, name=name, rule=multiprocess_mode, live_only=kind == "gauge")

    with _SWAPPING:
        before = values.ValueClass
        values.ValueClass = make
        try:
            yield
        finally:
            values.ValueClass = before
