"""On which terms a request is answered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from starlette.requests import Request

from service.api.classification import Deadline
from service.api.context import Context
from service.api.terms import deadline_of
from service.errors import InvalidParameterError


def terms_of(**headers: str) -> Deadline:
    """Read the terms of a request with these headers that arrived at 100 s, where the service allows 10 s."""
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "headers": pairs})
    return deadline_of(request, cast("Context", SimpleNamespace(deadline_s=10.0)), arrived_s=100.0)


@pytest.mark.parametrize(
    ("value", "urgent"),
    [(None, True), ("u=0", True), ("u=3", True), ("u=4", False), ("i, u=7", False), ("u=9", True), ("nonsense", True)],
)
def test_the_priority_header_says_what_can_wait(value: str | None, *, urgent: bool) -> None:
    """RFC 9218: three is usual, more is less urgent, and what says nothing changes nothing."""
    assert terms_of(**({} if value is None else {"priority": value})).urgent is urgent


@pytest.mark.parametrize(("given", "patience_s"), [(None, 10.0), ("1500", 1.5), ("1", 0.001), ("999999999999", 10.0)])
def test_the_caller_may_be_less_patient_than_the_service_and_never_more(given: str | None, patience_s: float) -> None:
    """The deadline is counted from when the request arrived."""
    found = terms_of(**({} if given is None else {"x_request_timeout_ms": given}))
    assert (found.patience_s, found.at_s) == (patience_s, 100 + patience_s)


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "", "soon", "9" * 13])
def test_a_time_that_is_none_is_refused(given: str) -> None:
    """Whole milliseconds from 1."""
    with pytest.raises(InvalidParameterError, match="a whole number of milliseconds from 1"):
        terms_of(x_request_timeout_ms=given)
