"""The OpenAPI document is frozen in the repository, and is what OpenAPI 3.1 allows."""

from __future__ import annotations

import difflib
import json
from typing import Any

import pytest

from service.api_document import FROZEN, document

_SHOWN_LINES = 60


def test_routes_agree_with_the_frozen_document() -> None:
    """A change of the public contract is made on purpose: with `make openapi`, and seen in the diff."""
    before, after = FROZEN.read_text(encoding="utf-8"), document()
    if before != after:
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "frozen", "routes", lineterm="", n=2)
        shown = "\n".join(list(lines)[:_SHOWN_LINES])
        pytest.fail(
            f"The routes are no longer what {FROZEN.name} says. If that is meant, run `make openapi`, look at the "
            f"difference, commit it and tell of it in CHANGELOG.md; if not, mend the route:\n{shown}",
            pytrace=False,
        )


def test_document_is_valid_openapi() -> None:
    """An independent validator finds nothing against it."""
    validator: Any = pytest.importorskip("openapi_spec_validator", reason="it comes with requirements/dev.txt")
    content = json.loads(FROZEN.read_text(encoding="utf-8"))
    assert content["openapi"].startswith("3.1")
    assert [error.message for error in validator.OpenAPIV31SpecValidator(content).iter_errors()] == []


def test_document_does_not_depend_on_the_machine_it_was_made_on() -> None:
    """No model's name, folder or address stands in it."""
    text = FROZEN.read_text(encoding="utf-8")
    for word in ("cifar10", "localhost", "127.0.0.1", "/tmp"):
        assert word not in text
