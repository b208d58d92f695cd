"""Reads every PromQL expression that `deploy/` ships, and names the metrics in it.

Dashboards and rules are data that no compiler sees; tests take them from here so that each is checked in one way.
Knows neither Prometheus nor Grafana: whether an expression parses and what it returns is asked of the real programs.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PROMETHEUS: Final = REPOSITORY / "deploy" / "prometheus"
DASHBOARD: Final = REPOSITORY / "deploy" / "grafana" / "dashboards" / "convserve.json"
RUNBOOK: Final = REPOSITORY / "deploy" / "runbook.md"

# What Grafana puts in place of its variables when a panel shows the last five minutes of a target scraped every 5 s.
_GRAFANA_VARIABLES: Final = {"$__rate_interval": "20s", "$__range": "5m", "$model": ".*"}

_STRING: Final = re.compile(r'"(?:\\.|[^"\\])*"')
_MATCHERS: Final = re.compile(r"\{[^}]*\}")
_RANGE: Final = re.compile(r"\[[^\]]*\]")
_LABEL_LIST: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAME: Final = re.compile(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])")
_SELECTOR: Final = re.compile(r'([a-zA-Z_:][\w:]*)(\{(?:[^{}"]|"(?:\\.|[^"\\])*")*\})')
_WORDS: Final = frozenset({"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "inf", "nan"})


@dataclass(frozen=True, slots=True)
class Query:
    """One expression and where a person finds it."""

    place: str
    expression: str


def read_dashboard() -> dict[str, Any]:
    """Read the dashboard as Grafana would."""
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return dashboard


def panel_queries() -> list[Query]:
    """List the queries of all panels, Grafana's variables filled in."""
    return [
        Query(f"panel {panel['title']!r}, query {target['refId']}", _fill_in(target["expr"]))
        for panel in read_dashboard()["panels"]
        for target in panel.get("targets", ())
    ]


def read_rules() -> list[dict[str, Any]]:
    """List recording and alerting rules of all files, in order."""
    files = [yaml.safe_load(path.read_text()) for path in sorted((PROMETHEUS / "rules").glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def rule_queries() -> list[Query]:
    """List the expressions of all rules."""
    return [Query(f"rule {rule.get('alert') or rule['record']}", rule["expr"]) for rule in read_rules()]


def recorded_names() -> frozenset[str]:
    """Names of the series that recording rules make."""
    return frozenset(rule["record"] for rule in read_rules() if "record" in rule)


def metric_names(expression: str) -> frozenset[str]:
    """Name the metrics that an expression reads."""
    bare = expression
    for pattern in (_STRING, _MATCHERS, _RANGE, _LABEL_LIST):
        bare = pattern.sub(" ", bare)
    return frozenset(name for name in _NAME.findall(bare) if name.lower() not in _WORDS)


def selectors(expression: str) -> frozenset[str]:
    """List what an expression selects: each metric with its label matchers, as it is written."""
    bare = expression
    for pattern in (_RANGE, _LABEL_LIST):
        bare = pattern.sub(" ", bare)
    found = {f"{name}{matchers}" for name, matchers in _SELECTOR.findall(bare)}
    without = frozenset(metric_names(_SELECTOR.sub(" ", bare)))
    return frozenset(found) | without


def _fill_in(expression: str) -> str:
    for variable, value in _GRAFANA_VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression
