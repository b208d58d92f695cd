"""`tests.benchmarks.serving.scenarios`: what is measured."""

from __future__ import annotations

from service.settings import Settings
from tests.benchmarks.serving.materials import MODELS, PICTURES
from tests.benchmarks.serving.scenarios import SCENARIOS, scenario


def test_scenarios_name_models_pictures_and_limits_that_exist() -> None:
    """Data that points nowhere would be found only after half an hour."""
    for one in SCENARIOS:
        assert one.model in {kind.name for kind in MODELS}
        assert one.pictures in {kind.name for kind in PICTURES}
        assert scenario(one.limit_scenario).limit_of == ""
        assert (scenario(one.limit_scenario).model, scenario(one.limit_scenario).pictures) == (one.model, one.pictures)


def test_scaled_decoding_is_held_against_exact_decoding() -> None:
    """Its limit is that of the scenario that decodes the same pictures exactly."""
    scaled = [one for one in SCENARIOS if one.scaled]
    assert [one.name for one in scaled] == ["12mp-scaled"]
    assert [scenario(one.limit_of).query for one in scaled] == [{"decode": "exact"}]


def test_settings_are_the_services_own() -> None:
    """A name that the service does not know would measure something else without a word."""
    assert {name.lower() for one in SCENARIOS for name in one.settings} <= set(Settings.model_fields)
