"""The series of the service have the names, types and labels that dashboards and alerts are built on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.metrics import CONTENT_TYPE, IMAGE_REJECTIONS, UNKNOWN_MODEL, Metrics
from service.telemetry.model_metrics import LiveModelMetrics
from service.telemetry.series import MOST_COUNTED_CLASSES, OUTCOMES, REJECTIONS, SHADOW_OUTCOMES, STAGES

# What is promised to whoever queries: name as Prometheus shows it, type, labels.
TABLE: Final[dict[str, tuple[str, set[str]]]] = {
    "convserve_http_requests": ("counter", {"method", "route", "code"}),
    "convserve_http_request_duration_seconds": ("histogram", {"method", "route"}),
    "convserve_http_requests_in_flight": ("gauge", set()),
    "convserve_predictions": ("counter", {"model", "version", "outcome"}),
    "convserve_predicted_class": ("counter", {"model", "version", "label"}),
    "convserve_stage_duration_seconds": ("histogram", {"model", "stage"}),
    "convserve_queue_depth": ("gauge", {"model"}),
    "convserve_queue_capacity": ("gauge", {"model"}),
    "convserve_rejections": ("counter", {"model", "reason"}),
    "convserve_batch_size": ("histogram", {"model"}),
    "convserve_image_bytes": ("histogram", set()),
    "convserve_image_pixels": ("histogram", set()),
    "convserve_images_rejected": ("counter", {"reason"}),
    "convserve_prediction_confidence": ("histogram", {"model", "version"}),
    "convserve_prediction_entropy_ratio": ("histogram", {"model", "version"}),
    "convserve_model_info": ("gauge", {"model", "version", "sha256", "precision", "provider"}),
    "convserve_model_ready": ("gauge", {"model", "version"}),
    "convserve_model_load_seconds": ("gauge", {"model", "version"}),
    "convserve_model_warmup_seconds": ("gauge", {"model", "version"}),
    "convserve_provider_fallback": ("gauge", {"model"}),
    "convserve_worker_restarts": ("counter", {"reason"}),
    "convserve_shadow_predictions": ("counter", {"model", "version", "outcome"}),
    "convserve_shadow_distance": ("histogram", {"model", "version"}),
    "convserve_model_refusals": ("counter", {"model", "reason"}),
    "convserve_traffic_share": ("gauge", {"model", "version"}),
    "convserve_unauthenticated": ("gauge", set()),
    "convserve_authentication_failures": ("counter", {"reason"}),
    "convserve_key_requests": ("counter", {"kind", "key", "outcome"}),
    "convserve_keys": ("gauge", {"kind"}),
    "convserve_key_file_broken": ("gauge", {"kind"}),
    "convserve_build_info": ("gauge", {"version", "python"}),
}
DURATION_EDGES_S: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075,
    0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, float("inf"),
)  # fmt: skip
PETS: Final = {"model": "pets", "version": "3"}


@pytest.fixture
def metrics() -> Metrics:
    """Make the series of one process."""
    return Metrics(version="1.2.3", runtime={"python": "3.11.7"})


def live(metrics: Metrics, labels: Sequence[str] = ("cat", "dog")) -> LiveModelMetrics:
    """Make the series of one live model."""
    metrics.model.watch_queue("pets", depth=lambda: 2.0, capacity=lambda: 9.0)
    return LiveModelMetrics(metrics.model, model="pets", version=3, labels=labels)


def families(metrics: Metrics) -> dict[str, Metric]:
    """Read the text that is scraped, with the parser that stands beside Prometheus' own format."""
    return {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Read one series."""
    return metrics.registry.get_sample_value(name, labels)


def test_names_types_and_labels_are_those_of_the_table(metrics: Metrics) -> None:
    """Nothing is missing, nothing is new, nothing is spelled otherwise: queries live on these names."""
    assert set(live(metrics).shadow.outcomes) == set(SHADOW_OUTCOMES)
    metrics.model.refusals.labels("pets", "hash")
    metrics.model.traffic_share.labels("pets", "3")
    metrics.expect(method="GET", route="/models", codes=[200])
    metrics.model.info.labels("pets", "3", "a" * 64, "fp32", "cpu").set(1)
    for gauge in (metrics.model.ready, metrics.model.load_seconds, metrics.model.warmup_seconds):
        gauge.labels("pets", "3").set(1)
    metrics.model.fallback.labels("pets").set(0)
    metrics.access.show_keys("api", names=("phone",), is_broken=False)
    found = {
        name: (family.type, {label for sample in family.samples for label in sample.labels if label != "le"})
        for name, family in families(metrics).items()
        if name.startswith("convserve_")
    }
    assert found == TABLE


def test_every_family_has_a_help_text_and_nothing_but_the_process_stands_beside_ours(metrics: Metrics) -> None:
    """Names begin with `convserve_`, or are those that every Python process has."""
    for name, family in families(metrics).items():
        assert family.documentation
        assert name.startswith(("convserve_", "process_", "python_info"))


def test_the_process_tells_its_memory_and_start(metrics: Metrics) -> None:
    """What alerts on memory need."""
    assert {"process_resident_memory_bytes", "process_start_time_seconds", "process_open_fds"} <= families(
        metrics
    ).keys()


def test_no_line_is_spent_on_the_time_at_which_a_series_began(metrics: Metrics) -> None:
    """The client library would add one line per counter and histogram that no query uses."""
    live(metrics)
    assert "_created" not in metrics.render().decode()


def test_what_is_scraped_says_which_format_it_has() -> None:
    """Prometheus' text format, version 0.0.4."""
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_every_series_of_a_live_model_is_there_before_its_first_picture(metrics: Metrics) -> None:
    """`rate()` is right from the first event, because the zero before it was scraped."""
    live(metrics)
    for outcome in OUTCOMES:
        assert value(metrics, "convserve_predictions_total", **PETS, outcome=outcome) == 0
    for label in ("cat", "dog"):
        assert value(metrics, "convserve_predicted_class_total", **PETS, label=label) == 0
    for reason in REJECTIONS:
        assert value(metrics, "convserve_rejections_total", model="pets", reason=reason) == 0
    for stage in STAGES:
        assert value(metrics, "convserve_stage_duration_seconds_count", model="pets", stage=stage) == 0
    for name in ("prediction_confidence", "prediction_entropy_ratio"):
        assert value(metrics, f"convserve_{name}_count", **PETS) == 0
    assert value(metrics, "convserve_batch_size_count", model="pets") == 0


def test_every_series_that_needs_no_model_is_there_from_the_start(metrics: Metrics) -> None:
    """Pictures that are refused, requests for models that do not exist, and the build."""
    for reason in IMAGE_REJECTIONS:
        assert value(metrics, "convserve_images_rejected_total", reason=reason) == 0
    unknown = {"model": UNKNOWN_MODEL, "version": "", "outcome": "bad_input"}
    assert value(metrics, "convserve_predictions_total", **unknown) == 0
    assert value(metrics, "convserve_build_info", version="1.2.3", python="3.11.7") == 1
    for name in ("http_requests_in_flight", "unauthenticated", "image_bytes_count", "image_pixels_count"):
        assert value(metrics, f"convserve_{name}") == 0


def test_the_series_of_a_route_are_there_before_its_first_request(metrics: Metrics) -> None:
    """One counter for each status that it may answer with, and one histogram."""
    metrics.expect(method="POST", route="/predict", codes=[200, 400])
    for code in ("200", "400"):
        assert value(metrics, "convserve_http_requests_total", method="POST", route="/predict", code=code) == 0
    duration = {"method": "POST", "route": "/predict"}
    assert value(metrics, "convserve_http_request_duration_seconds_count", **duration) == 0


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("convserve_http_request_duration_seconds", {"method": "GET", "route": "/"}),
        ("convserve_stage_duration_seconds", {"model": "pets", "stage": "decode"}),
    ],
)
def test_durations_are_counted_between_the_promised_edges(metrics: Metrics, name: str, labels: dict[str, str]) -> None:
    """Half a millisecond to ten seconds, finest where answers usually lie."""
    live(metrics)
    metrics.expect(method="GET", route="/", codes=[])
    assert edges_of(metrics, name, **labels) == DURATION_EDGES_S


@pytest.mark.parametrize("name", ["convserve_image_bytes", "convserve_image_pixels"])
def test_pictures_are_counted_between_powers_of_four_up_to_64_million(metrics: Metrics, name: str) -> None:
    """From 256 bytes to more than a body may have, and from 16 x 16 to more pixels than are decoded."""
    edges = edges_of(metrics, name)
    assert edges[0] == 256
    assert all(upper == 4 * lower for lower, upper in itertools.pairwise(edges[:-1]))
    assert edges[-2:] == (64 * 2**20, float("inf"))


def edges_of(metrics: Metrics, name: str, **labels: str) -> tuple[float, ...]:
    """Read the edges of one histogram from what is scraped."""
    return tuple(
        float(sample.labels["le"])
        for sample in families(metrics)[name].samples
        if sample.name.endswith("_bucket") and labels.items() <= sample.labels.items()
    )


def test_an_answer_is_counted_by_its_first_guess_its_confidence_and_its_entropy(metrics: Metrics) -> None:
    """Each once, under the label's own name."""
    series = live(metrics)
    series.observe_answer(first_index=1, confidence=0.93, entropy_ratio=0.25)
    assert value(metrics, "convserve_predicted_class_total", **PETS, label="dog") == 1
    assert value(metrics, "convserve_predicted_class_total", **PETS, label="cat") == 0
    assert value(metrics, "convserve_prediction_confidence_sum", **PETS) == pytest.approx(0.93)
    assert value(metrics, "convserve_prediction_confidence_bucket", **PETS, le="0.9") == 0
    assert value(metrics, "convserve_prediction_confidence_bucket", **PETS, le="0.95") == 1
    assert value(metrics, "convserve_prediction_entropy_ratio_sum", **PETS) == pytest.approx(0.25)


@pytest.mark.parametrize(("classes", "series"), [(MOST_COUNTED_CLASSES, 50), (MOST_COUNTED_CLASSES + 1, 0)])
def test_classes_are_counted_one_by_one_up_to_fifty_and_not_at_all_above(
    metrics: Metrics, classes: int, series: int
) -> None:
    """A thousand series per model would cost more than they tell; answers are observed all the same."""
    names = [f"class {number}" for number in range(classes)]
    live(metrics, names).observe_answer(first_index=classes - 1, confidence=1.0, entropy_ratio=0.0)
    assert metrics.render().count(b"\nconvserve_predicted_class_total{") == series
    assert value(metrics, "convserve_prediction_confidence_count", **PETS) == 1


def test_depth_and_capacity_are_read_when_they_are_scraped(metrics: Metrics) -> None:
    """A gauge that is set on events would lie between them."""
    now = {"depth": 1.0, "capacity": 4.0}
    metrics.model.watch_queue("pets", depth=lambda: now["depth"], capacity=lambda: now["capacity"])
    now["depth"], now["capacity"] = 3.0, 5.0
    assert value(metrics, "convserve_queue_depth", model="pets") == 3
    assert value(metrics, "convserve_queue_capacity", model="pets") == 5


def test_two_apps_in_one_process_do_not_share_their_counts() -> None:
    """Each has a registry of its own."""
    first, second = (Metrics(version="1", runtime={}) for _ in range(2))
    live(first).outcomes["ok"].inc()
    live(second)
    key = {**PETS, "outcome": "ok"}
    assert value(first, "convserve_predictions_total", **key) == 1
    assert value(second, "convserve_predictions_total", **key) == 0


def test_odd_labels_of_a_model_do_not_break_the_scrape(metrics: Metrics) -> None:
    """Quotes, line breaks and backslashes in class names come back as they are."""
    names = ['a "cat"', "two\nlines", "back\\slash", "Ångström"]
    live(metrics, names)
    found = {sample.labels["label"] for sample in families(metrics)["convserve_predicted_class"].samples}
    assert found == set(names)
