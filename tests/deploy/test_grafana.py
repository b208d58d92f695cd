"""Dashboard and provisioning files, checked without Grafana: their form, and that they agree with each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy.queries import DASHBOARD, PROMETHEUS, REPOSITORY, read_dashboard

SCHEMAS = Path(__file__).parent
PROVISIONING = REPOSITORY / "deploy" / "grafana" / "provisioning"


def panels(*, kind: str | None = None) -> list[dict[str, Any]]:
    """List the panels, or those of one kind."""
    found: list[dict[str, Any]] = read_dashboard()["panels"]
    return [panel for panel in found if kind is None or panel["type"] == kind]


def validator(file: str, *, part: str = "") -> jsonschema.Draft202012Validator:
    """Make a validator from one of the schemas beside this file, or from one of its definitions."""
    schema = json.loads((SCHEMAS / file).read_text())
    if part:
        schema = {**schema, "$ref": f"#/$defs/{part}"}
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_dashboard_has_the_form_that_grafana_reads() -> None:
    """Every field of the dashboard is one that Grafana knows, with a value that it takes."""
    validator("grafana_dashboard.schema.json").validate(read_dashboard())


@pytest.mark.parametrize(
    "damage",
    [
        lambda dashboard: dashboard["panels"][1].update(titel="Predict requests"),
        lambda dashboard: dashboard["panels"][1]["options"].update(colourMode="value"),
        lambda dashboard: dashboard["panels"][1]["targets"][0].pop("expr"),
        lambda dashboard: dashboard["panels"][1]["gridPos"].update(w=25),
        lambda dashboard: dashboard.pop("uid"),
    ],
    ids=["misspelt field", "misspelt option", "no query", "wider than the grid", "no uid"],
)
def test_schema_refuses_what_grafana_would_drop_in_silence(damage: Any) -> None:
    """The schema is strict enough to be worth the name."""
    dashboard = read_dashboard()
    damage(dashboard)
    with pytest.raises(jsonschema.ValidationError):
        validator("grafana_dashboard.schema.json").validate(dashboard)


@pytest.mark.parametrize("part", ["datasources", "dashboards"])
def test_provisioning_has_the_form_that_grafana_reads(part: str) -> None:
    """Grafana finds one file in each of the two folders, and knows every field in it."""
    (path,) = (PROVISIONING / part).glob("*.yml")
    validator("grafana_provisioning.schema.json", part=part).validate(yaml.safe_load(path.read_text()))


def test_provisioning_agrees_with_compose() -> None:
    """What Grafana is told to read lies where docker-compose.yml mounts it, and Prometheus answers where it asks."""
    services = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
    mounts = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
    provider = yaml.safe_load((PROVISIONING / "dashboards" / "convserve.yml").read_text())["providers"][0]
    source = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"][0]
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    assert mounts[f"./{DASHBOARD.parent.relative_to(REPOSITORY)}"] == provider["options"]["path"]
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/{DASHBOARD.name}"
    assert source["url"].removeprefix("http://").partition(":")[0] in services


def test_dashboard_uses_the_data_source_and_the_pace_of_the_scrapes() -> None:
    """The provisioned data source is the dashboard's default, and knows the interval of the scrapes."""
    source = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yml").read_text())["datasources"][0]
    scrape = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["global"]["scrape_interval"]
    variable = read_dashboard()["templating"]["list"][0]
    assert variable["current"]["value"] == source["uid"]
    assert source["jsonData"]["timeInterval"] == scrape


def test_panels_have_their_own_number_and_place() -> None:
    """No two panels share a number or overlap, and none leaves the grid."""
    numbers = [panel["id"] for panel in panels()]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels())
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(numbers)) == len(numbers)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_every_panel_of_figures_explains_itself_and_has_a_unit() -> None:
    """Who looks at a panel for the first time is told what it shows."""
    for panel in panels():
        if panel["type"] != "row":
            assert panel["description"], panel["title"]
        if panel["type"] in {"stat", "timeseries", "bargauge"}:
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
