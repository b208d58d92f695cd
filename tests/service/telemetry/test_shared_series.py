"""Several workers' series read as one: sums of counts, and gauges of those that live, whichever worker is asked."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence

import pytest
from prometheus_client import Metric, values
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.declaring import Declaring
from service.telemetry.metrics import Metrics
from service.telemetry.model_metrics import LiveModelMetrics
from service.telemetry.shared_page import Page
from service.telemetry.shared_series import SharedSeries
from service.telemetry.worker_metrics import ENDINGS, WorkerMetrics

PETS = {"model": "pets", "version": "3"}


class Worker:
    """One worker's metrics; several of them live in this process, on pages of their own."""

    def __init__(self, pages: Sequence[Page], number: int) -> None:
        self.series = SharedSeries(pages, number=number)
        self.series.begin(1000 + number)
        self.metrics = Metrics(version="1.2.3", runtime={"python": "3.11.7"}, shared=self.series)

    def value(self, name: str, **labels: str) -> float | None:
        """Read one series from what this worker would show."""
        for family in text_string_to_metric_families(self.metrics.render().decode()):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        return None

    def families(self) -> dict[str, Metric]:
        """Read everything this worker would show."""
        found = text_string_to_metric_families(self.metrics.render().decode())
        return {family.name: family for family in found}

    def serve_pets(self, *, depth: float = 0.0, capacity: float = 4.0) -> LiveModelMetrics:
        """Make the series of a live model."""
        self.metrics.model.watch_queue("pets", depth=lambda: depth, capacity=lambda: capacity)
        return LiveModelMetrics(self.metrics.model, model="pets", version=3, labels=("cat", "dog"))


@pytest.fixture
def pages() -> list[Page]:
    """Make the memory of two workers."""
    return [Page(numbers=4096, name_bytes=2**20) for _ in range(2)]


@pytest.fixture
def workers(pages: list[Page]) -> list[Worker]:
    """Start two workers."""
    return [Worker(pages, number) for number in range(2)]


def test_each_worker_shows_the_counts_of_all(workers: list[Worker]) -> None:
    """Five requests here and two there are seven everywhere."""
    route = ("POST", "/predict", "200")
    workers[0].metrics.requests.labels(*route).inc(5)
    workers[1].metrics.requests.labels(*route).inc(2)
    for worker in workers:
        labels = {"method": "POST", "route": "/predict", "code": "200"}
        assert worker.value("convserve_http_requests_total", **labels) == 7


def test_a_distribution_is_that_of_all_workers(workers: list[Worker]) -> None:
    """Each bucket, the count and the sum."""
    for worker, durations_s in zip(workers, ([0.004, 0.02], [0.004, 9.0]), strict=True):
        for duration_s in durations_s:
            worker.metrics.request_duration.labels("GET", "/x").observe(duration_s)
    key = {"method": "GET", "route": "/x"}
    name = "convserve_http_request_duration_seconds"
    for worker in workers:
        assert worker.value(f"{name}_bucket", **key, le="0.003") == 0
        assert worker.value(f"{name}_bucket", **key, le="0.005") == 2
        assert worker.value(f"{name}_bucket", **key, le="0.02") == 3
        assert worker.value(f"{name}_bucket", **key, le="+Inf") == 4
        assert worker.value(f"{name}_count", **key) == 4
        assert worker.value(f"{name}_sum", **key) == pytest.approx(9.028)


def test_a_series_that_only_one_worker_has_is_shown_by_the_other(workers: list[Worker]) -> None:
    """With and without labels, counts and gauges."""
    workers[0].metrics.requests.labels("GET", "/rare", "499").inc()
    workers[0].metrics.model.ready.labels("pets", "3").set(1)
    assert workers[1].value("convserve_http_requests_total", method="GET", route="/rare", code="499") == 1
    assert workers[1].value("convserve_model_ready", **PETS) == 1


def test_all_workers_show_the_same_series_with_the_same_types_and_texts(workers: list[Worker]) -> None:
    """What is scraped does not depend on who answers."""
    workers[0].serve_pets()
    workers[1].metrics.requests.labels("GET", "/rare", "499").inc()
    shown = [worker.families() for worker in workers]
    assert shown[0].keys() == shown[1].keys()
    for name, family in shown[0].items():
        other = shown[1][name]
        assert (family.type, family.documentation) == (other.type, other.documentation)
        if name.startswith("convserve_"):
            keys = [{(s.name, *sorted(s.labels.items())) for s in found.samples} for found in (family, other)]
            assert keys[0] == keys[1]


def test_one_worker_shows_what_a_process_without_workers_shows(pages: list[Page]) -> None:
    """The same families, types and labels, so that dashboards and alerts need not know."""
    alone = Metrics(version="1.2.3", runtime={"python": "3.11.7"})
    expected = {family.name: family.type for family in text_string_to_metric_families(alone.render().decode())}
    shared = {name: family.type for name, family in Worker(pages, 0).families().items()}
    ours = {name for name in expected if not name.startswith("process_")}
    assert {name: shared.get(name) for name in ours} == {name: expected[name] for name in ours}


def test_readings_are_added_or_the_least_or_the_most_of_those_that_live(workers: list[Worker]) -> None:
    """Requests in flight add up; a model is ready where every worker has it ready; build info stays 1."""
    workers[0].metrics.in_flight.inc(3)
    workers[1].metrics.in_flight.inc(2)
    workers[1].metrics.in_flight.dec(1)
    for worker, ready in zip(workers, (1, 0), strict=True):
        worker.metrics.model.ready.labels("pets", "3").set(ready)
        worker.metrics.model.load_seconds.labels("pets", "3").set(0.5 + ready)
    for worker in workers:
        assert worker.value("convserve_http_requests_in_flight") == 4
        assert worker.value("convserve_model_ready", **PETS) == 0
        assert worker.value("convserve_model_load_seconds", **PETS) == 1.5
        assert worker.value("convserve_build_info", version="1.2.3", python="3.11.7") == 1


def test_a_gauge_that_a_worker_never_set_does_not_count(workers: list[Worker]) -> None:
    """A version that only one worker serves is not taken for one that another failed to load."""
    workers[0].metrics.model.ready.labels("pets", "3").set(1)
    for _ in range(2):  # the second time the series has been taken over by the worker that never set it
        assert workers[1].value("convserve_model_ready", **PETS) == 1
        assert workers[0].value("convserve_model_ready", **PETS) == 1


def test_readings_that_are_functions_are_seen_by_others_once_published(workers: list[Worker]) -> None:
    """A worker's own are read when it is scraped, the others' as of their last word."""
    workers[0].serve_pets(depth=2, capacity=9)
    workers[1].serve_pets(depth=3, capacity=9)
    assert workers[0].value("convserve_queue_depth", model="pets") == 2
    workers[1].metrics.publish()
    assert workers[0].value("convserve_queue_depth", model="pets") == 5
    assert workers[0].value("convserve_queue_capacity", model="pets") == 18


def test_a_dead_worker_keeps_its_counts_and_loses_its_readings(workers: list[Worker], pages: list[Page]) -> None:
    """Counters never go backwards, and nothing is in flight in a process that is gone."""
    workers[1].metrics.requests.labels("GET", "/x", "200").inc(5)
    workers[1].metrics.in_flight.inc(3)
    workers[0].metrics.in_flight.inc(1)
    pages[1].end()
    assert workers[0].value("convserve_http_requests_total", method="GET", route="/x", code="200") == 5
    assert workers[0].value("convserve_http_requests_in_flight") == 1


def test_a_replacement_counts_on_and_starts_with_nothing_in_flight(workers: list[Worker], pages: list[Page]) -> None:
    """Its counts are those of the worker before it plus its own."""
    workers[1].metrics.requests.labels("GET", "/x", "200").inc(5)
    workers[1].metrics.in_flight.inc(3)
    workers[1].metrics.model.ready.labels("pets", "2").set(1)
    pages[1].end()
    replacement = Worker(pages, 1)
    replacement.metrics.requests.labels("GET", "/x", "200").inc(1)
    replacement.metrics.in_flight.inc(1)
    for worker in (workers[0], replacement):
        assert worker.value("convserve_http_requests_total", method="GET", route="/x", code="200") == 6
        assert worker.value("convserve_http_requests_in_flight") == 1
        assert worker.value("convserve_model_ready", model="pets", version="2") == 0


def test_what_the_supervisor_counts_is_shown_by_every_worker(pages: list[Page]) -> None:
    """It has a page of its own, and is no worker."""
    everyone = [*pages, Page(numbers=4096, name_bytes=2**20)]
    supervisor = SharedSeries(everyone, number=2)
    restarts = WorkerMetrics(Declaring(supervisor.registry, shared=supervisor)).restarts
    workers = [Worker(everyone, number) for number in range(2)]
    restarts["hung"].inc()
    for worker in workers:
        assert [worker.value("convserve_worker_restarts_total", reason=ending) for ending in ENDINGS] == [0, 0, 0, 1]
        assert everyone[2].pid == 0


def test_every_metric_of_a_worker_is_shared(workers: list[Worker]) -> None:
    """A new one that is declared past `Declaring` would show one worker's counts as those of all."""
    series = workers[0].series
    declared = series.registry.families
    assert len(declared) > 20
    for metric in declared.values():
        assert isinstance(metric, (series.counter, series.gauge, series.histogram))


def test_odd_labels_come_back_as_they_are(workers: list[Worker]) -> None:
    """Quotes, line breaks and letters of any script."""
    for name in ('a "cat"', "two\nlines\r", "back\\slash", "Ångström"):
        workers[0].metrics.model.classes.labels("pets", "3", name).inc(2)
        assert workers[1].value("convserve_predicted_class_total", **PETS, label=name) == 2


def test_series_that_do_not_fit_are_counted_by_their_worker_alone_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full page costs what it cannot hold, and never a request."""
    pages = [Page(numbers=1, name_bytes=2**16) for _ in range(2)]
    with caplog.at_level(logging.ERROR, logger="convserve"):
        worker = Worker(pages, 0)
    worker.metrics.requests.labels("GET", "/x", "200").inc(2)
    assert worker.value("convserve_http_requests_total", method="GET", route="/x", code="200") == 2
    assert [record.message for record in caplog.records] == ["more series than workers can share"]


def test_other_metrics_of_the_process_keep_values_of_their_own(workers: list[Worker]) -> None:
    """Only this project's series are shared; the library is left as it was."""
    assert workers[0].series.registry.families
    assert values.ValueClass is values.MutexValue


def test_numbers_in_memory_carry_their_whole_description(workers: list[Worker], pages: list[Page]) -> None:
    """Which is how a worker of the same program finds what they are."""
    workers[0].metrics.in_flight.inc(2)
    name = json.dumps(
        ["gauge", "livesum", "convserve_http_requests_in_flight", "convserve_http_requests_in_flight", [], []]
    ).encode()
    assert pages[0].numbers[pages[0].places[name]] == 2
    assert math.isnan(pages[1].numbers[pages[1].places[name]])
