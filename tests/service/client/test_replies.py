"""What a service's answers mean to its caller."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from service.client.connection import Reply
from service.client.replies import is_busy, read_answer, require_ours, retry_after_s
from service.client.rows import Guess
from service.errors import PictureError, ServerError

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "http://vision.example"


def reply(status: int, body: object = None, *, media_type: str = "application/json", **headers: str) -> Reply:
    """Make an answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"content-type": media_type, **named}, json.dumps(body).encode())


def problem(status: int, detail: str = "It is so.") -> Reply:
    """Make a problem."""
    return reply(status, {"status": status, "detail": detail}, media_type="application/problem+json; charset=utf-8")


GOOD = {
    "model": {"name": "pets", "version": 3, "precision": "int8"},
    "predictions": [{"label": "cat", "index": 1, "probability": 1}],
    "request_id": "x",
}


def test_good_answer_is_read() -> None:
    """With the model that really answered."""
    answer = read_answer(reply(200, GOOD), url=URL)
    assert (answer.model, answer.version, answer.precision) == ("pets", 3, "int8")
    assert answer.guesses == (Guess("cat", 1, 1.0),)


@pytest.mark.parametrize("status", [400, 408, 413, 415, 500, 504])
def test_problem_of_a_picture_keeps_its_words(status: int) -> None:
    """They are those that the engine would have said on this machine."""
    with pytest.raises(PictureError, match=r"^The picture is cut short\.$"):
        read_answer(problem(status, "The picture is cut short."), url=URL)


def test_proxy_that_finds_a_picture_too_large_refuses_that_one() -> None:
    """Its 413 is no problem of ours, and the next picture may be smaller."""
    with pytest.raises(PictureError, match="413"):
        read_answer(reply(413, "<html>", media_type="text/html"), url=URL)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (problem(404, "There is no model 'x'."), "refuses: There is no model 'x'"),
        (problem(422, "top_k must be 1."), "refuses: top_k must be 1"),
        (problem(401), "--key-file or CONVSERVE_API_KEY"),
        (reply(403, "no", media_type="text/html"), "403 Forbidden Give a key"),
        (reply(302, location="https://new.example/"), "has moved to 'https://new.example/'"),
        (reply(200, {"hello": "world"}), "Another program answers at http://vision.example"),
        (reply(200, [1]), "Another program"),
        (reply(200, {**GOOD, "predictions": [{"label": "cat"}]}), "Another program"),
        (reply(200, {**GOOD, "predictions": [{"label": "", "index": 0, "probability": "NaN"}]}), "Another program"),
        (reply(404, "nginx", media_type="text/html"), "404 Not Found, text/html"),
        (reply(500, "oops", media_type="text/plain"), "Another program"),
        (reply(777), "Another program"),
    ],
)
def test_what_every_picture_would_meet_ends_the_work(answer: Reply, words: str) -> None:
    """The message says who answered what, and what to change."""
    with pytest.raises(ServerError) as caught:
        read_answer(answer, url=URL)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "busy"),
    [
        (problem(503), True),
        (problem(429), True),
        (reply(429, media_type="text/html"), True),
        (reply(502, media_type="text/html"), True),
        (reply(504, media_type="text/html"), True),
        (problem(504), False),
        (problem(500), False),
        (reply(200), False),
    ],
)
def test_busy_is_what_may_pass(answer: Reply, *, busy: bool) -> None:
    """A proxy without its service counts, a deadline that the service itself gave up on does not."""
    assert is_busy(answer) is busy


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Thursday, 01-Jan-26 12:00:05 GMT", 5.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    """Seconds, or a date; what is neither says nothing."""
    assert retry_after_s({"retry-after": value}, now=NOW) == seconds


def test_absent_retry_after_says_nothing() -> None:
    """The caller then pauses as it sees fit."""
    assert retry_after_s({}, now=NOW) is None


def test_service_is_known_by_its_liveness() -> None:
    """A busy one may still be one; what answers otherwise is another program."""
    require_ours(reply(200, {"status": "live", "waiting_for": []}), url=URL)
    require_ours(problem(503), url=URL)
    for other in (reply(200, {"status": "ok"}), reply(404), reply(200, "live"), Reply(200, {}, b"\xff")):
        with pytest.raises(ServerError, match="Another program"):
            require_ours(other, url=URL)
