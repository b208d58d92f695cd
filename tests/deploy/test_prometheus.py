"""Scrape configuration, rules and alerts, as Prometheus' own checker reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.queries import PROMETHEUS, RUNBOOK, read_rules

TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.yml"))
ALERTS = [rule for rule in read_rules() if "alert" in rule]
ALERT_NAMES = [alert["alert"] for alert in ALERTS]

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)


def promtool(*arguments: str | Path) -> str:
    """Run the checker, and fail with what it printed unless it is content."""
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_configuration_is_accepted_and_finds_its_rule_files() -> None:
    """The configuration is valid where the container mounts it, and names both rule files."""
    assert "2 rule files found" in promtool("check", "config", PROMETHEUS / "prometheus.yml")


@needs_promtool
def test_rules_are_accepted_and_none_is_doubled() -> None:
    """Every rule parses, and the checker finds no duplicates."""
    out = promtool("check", "rules", *sorted((PROMETHEUS / "rules").glob("*.yml")))
    assert "duplicate" not in out


@needs_promtool
@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(path: Path) -> None:
    """The cases written beside the rules hold."""
    promtool("test", "rules", path)


def alert_cases(name: str) -> list[dict[str, Any]]:
    """List the cases in which an alert is looked at, over all test files."""
    files = [yaml.safe_load(path.read_text()) for path in TEST_FILES]
    cases = [case for file in files for test in file["tests"] for case in test.get("alert_rule_test", ())]
    return [case for case in cases if case["alertname"] == name]


@pytest.mark.parametrize("name", ALERT_NAMES)
def test_alert_has_a_firing_and_a_silent_case(name: str) -> None:
    """No alert is trusted that was never seen both to fire and to keep quiet."""
    fires = {bool(case["exp_alerts"]) for case in alert_cases(name)}
    assert fires == {True, False}


@pytest.mark.parametrize("alert", ALERTS, ids=ALERT_NAMES)
def test_alert_says_what_it_means_and_where_help_is(alert: dict[str, Any]) -> None:
    """Each alert has a severity, a sentence, a description and a heading of its own in the runbook."""
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    path, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert path == "deploy/runbook.md"
    assert anchor == alert["alert"].lower()
    assert anchor in runbook_sections()


@pytest.mark.parametrize("anchor", [name.lower() for name in ALERT_NAMES])
def test_runbook_answers_the_three_questions_of_someone_just_woken(anchor: str) -> None:
    """Every heading says what the alert means, what to look at and what to do, in that order."""
    section = runbook_sections()[anchor]
    places = [section.find(words) for words in ("**Means** (", "**Look at**", "**Do")]
    assert -1 not in places
    assert places == sorted(places)


def test_runbook_tells_the_severity_that_the_rule_has() -> None:
    """The runbook does not call a ticket what wakes people."""
    told = {anchor: re.search(r"\*\*Means\*\* \((\w+)\)", text) for anchor, text in runbook_sections().items()}
    told_severities = {anchor: match.group(1) for anchor, match in told.items() if match}
    assert told_severities == {alert["alert"].lower(): alert["labels"]["severity"] for alert in ALERTS}


def test_runbook_links_lead_somewhere() -> None:
    """Every link inside the runbook names a heading that exists."""
    targets = re.findall(r"\]\(#([^)]*)\)", RUNBOOK.read_text())
    assert targets
    assert set(targets) <= set(runbook_sections())


def runbook_sections() -> dict[str, str]:
    """Read the runbook as anchors and the text below each."""
    _, *sections = re.split(r"^## ", RUNBOOK.read_text(), flags=re.MULTILINE)
    return {title.lower(): text for title, _, text in (section.partition("\n") for section in sections)}
