"""`tests.benchmarks.serving.scenarios`: what is measured, and what is left out where the service lacks something."""

from __future__ import annotations

import dataclasses

from tests.benchmarks.serving.materials import MODELS, PICTURES
from tests.benchmarks.serving.scenarios import SCENARIOS, scenario


def test_scenarios_name_models_pictures_and_limits_that_exist() -> None:
    """Data that points nowhere would be found only after half an hour."""
    for one in SCENARIOS:
        assert one.model in {kind.name for kind in MODELS}
        assert one.pictures in {kind.name for kind in PICTURES}
        assert scenario(one.limit_scenario).limit_of == ""
        assert (scenario(one.limit_scenario).model, scenario(one.limit_scenario).pictures) == (one.model, one.pictures)


def test_unknown_setting_is_lacking() -> None:
    """A service without workers cannot be measured with several."""
    one = dataclasses.replace(scenario("r20"), settings={"WORKERS": "2"})
    assert one.lacking(settings={"PORT"}, query=()) == "the setting WORKERS"
    assert one.lacking(settings={"PORT", "WORKERS"}, query=()) == ""


def test_unknown_query_is_lacking_only_where_it_is_the_point() -> None:
    """Exact decoding is what a service without the parameter does anyway."""
    one = dataclasses.replace(scenario("r20"), query={"decode": "exact"})
    assert one.lacking(settings=(), query=()) == ""
    assert dataclasses.replace(one, needs_query=True).lacking(settings=(), query=()) == "the query parameter decode"
