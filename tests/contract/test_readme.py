"""What README.md promises: its figures are those that were measured, its commands and paths exist."""

from __future__ import annotations

import json
import re

from tests.benchmarks.footprint import RESULT, render, updated
from tests.end_to_end.processes import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_figures_are_those_of_the_result_file() -> None:
    """Nobody typed a figure of the service: the table is what the benchmark wrote."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    assert updated(README, render(result)) == README


def test_make_targets_that_are_named_exist() -> None:
    """Every `make target` in the README is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)\s*make ([a-z-]+)", README, re.MULTILINE))
    assert named
    assert named <= targets


def test_links_into_the_repository_lead_somewhere() -> None:
    """Every relative link points at a file that is there."""
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
