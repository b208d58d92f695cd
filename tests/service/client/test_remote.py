"""Asking a service: routes, keys, patience."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service.client.pipeline import StoppedError
from service.client.remote import Patience, Remote, make_remote, read_key
from service.errors import ConfigurationError, PictureError, ServerError
from tests.end_to_end.processes import free_port
from tests.service.client.servers import CAT, LIVE, Asked, Told, as_json, problem, serving


@dataclass(slots=True)
class Time:
    """A clock that waits move."""

    now_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)
    stops: bool = False

    def __call__(self) -> float:
        """Tell the time."""
        self.now_s += 1e-6  # no two moments are the same
        return self.now_s

    def wait(self, seconds: float) -> bool:
        """Let time pass, and say whether the work is to stop."""
        self.waits_s.append(seconds)
        self.now_s += seconds
        return self.stops


Make = Callable[..., Remote]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make ways to services, under a clock of the test's own; their connections are closed at the end."""
    with ExitStack() as stack:

        def way(
            url: str, time: Time | None = None, *, seconds: float = 60.0, key: str | None = None, **changes: Any
        ) -> Remote:
            time = time or Time()
            choice: dict[str, Any] = {"model": None, "version": None, "query": {"top_k": 1}, **changes}
            patience = Patience(seconds, time.wait, time)
            return stack.enter_context(closing(make_remote(url, key=key, patience=patience, **choice)))

        yield way


def in_turn(*answers: Told | None) -> Callable[[Asked], Told | None]:
    """Give these answers one after the other, the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize(
    ("choice", "path"),
    [
        ({}, "/predict?top_k=1"),
        ({"version": 2}, "/predict?version=2&top_k=1"),
        ({"model": "pets"}, "/models/pets/predict?top_k=1"),
        ({"model": "a/b", "version": 2}, "/models/a%2Fb/versions/2/predict?top_k=1"),
        ({"query": {"top_k": 3, "decode": "exact", "precision": None}}, "/predict?top_k=3&decode=exact"),
    ],
)
def test_picture_is_posted_to_the_route_of_its_model(make: Make, choice: dict[str, object], path: str) -> None:
    """As bytes, whatever they are; what was not chosen is left to the service."""
    with serving(lambda _: CAT) as server:
        assert make(server.url, **choice).classify(b"picture").guesses[0].label == "cat"
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", path, b"picture")
    assert asked.headers["content-type"] == "application/octet-stream"
    assert "authorization" not in asked.headers


def test_key_goes_along_as_a_bearer(make: Make) -> None:
    """And with the first question already."""
    with serving(lambda asked: LIVE if asked.path == "/livez" else CAT) as server:
        remote = make(server.url, key="secret")
        remote.require_service()
        remote.classify(b"x")
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer secret"] * 2


@pytest.mark.parametrize("status", [429, 503])
def test_busy_service_is_asked_again_when_it_says(make: Make, status: int) -> None:
    """Not earlier, and over the same connection."""
    time = Time()
    busy = problem(status, "Busy.", retry_after="7")
    with serving(in_turn(busy, busy, CAT)) as server:
        assert make(server.url, time).classify(b"x").guesses
    assert time.waits_s == [7, 7]
    assert len({asked.port for asked in server.asked}) == 1


def test_busy_service_that_says_nothing_is_asked_after_rising_pauses(make: Make) -> None:
    """Up to eight seconds."""
    time = Time()
    with serving(in_turn(*[problem(503, "Busy.")] * 8, CAT)) as server:
        make(server.url, time).classify(b"x")
    assert time.waits_s == [0.25, 0.5, 1, 2, 4, 8, 8, 8]


def test_connection_that_fails_is_tried_again_like_a_busy_service(make: Make) -> None:
    """A service that restarts loses no picture."""
    time = Time()
    with serving(in_turn(None, None, CAT)) as server:
        assert make(server.url, time).classify(b"x").guesses
    assert time.waits_s == [0.25, 0.5]


def test_patience_ends_the_work_where_nothing_is_answered(make: Make) -> None:
    """The message says what the service said and how long was waited."""
    time = Time()
    with (
        serving(in_turn(problem(503, "Busy.", retry_after="25"))) as server,
        pytest.raises(ServerError, match="503, and asks to wait 25 s more; --patience is 60 s"),
    ):
        make(server.url, time).classify(b"x")
    assert time.waits_s == [25, 25]


def test_wait_beyond_the_patience_is_not_begun(make: Make) -> None:
    """Whoever says an hour gets none of it."""
    time = Time()
    with serving(in_turn(problem(429, "Enough.", retry_after="3600"))) as server, pytest.raises(ServerError):
        make(server.url, time).classify(b"x")
    assert time.waits_s == []


def test_picture_that_is_refused_while_others_are_answered_fails_alone(make: Make) -> None:
    """The service is well; only this one had no luck."""
    time = Time()

    def answer(asked: Asked) -> Told:
        if asked.body == b"unlucky":
            remote.classify(b"lucky")  # another thread's picture, answered meanwhile
            return problem(503, "Busy.", retry_after="30")
        return CAT

    with serving(answer) as server:
        remote = make(server.url, time)
        with pytest.raises(PictureError, match="too busy for it"):
            remote.classify(b"unlucky")


def test_wait_ends_when_the_work_is_to_stop(make: Make) -> None:
    """A picture that waits is left, and is no failure."""
    with serving(in_turn(problem(503, "Busy.", retry_after="5"))) as server, pytest.raises(StoppedError):
        make(server.url, Time(stops=True)).classify(b"x")


def test_problem_of_a_picture_is_told_in_the_services_words(make: Make) -> None:
    """At once, without waiting."""
    time = Time()
    with serving(in_turn(problem(415, "No picture."))) as server, pytest.raises(PictureError, match=r"^No picture\.$"):
        make(server.url, time).classify(b"x")
    assert time.waits_s == []


def test_nothing_there_is_said_before_the_first_picture(make: Make) -> None:
    """With what to do about it."""
    with pytest.raises(ServerError, match=r"Nothing answers at .* start it with `python -m service`"):
        make(f"http://127.0.0.1:{free_port()}").require_service()


@pytest.mark.parametrize("other", [as_json({"status": "ok"}), Told(404), Told(200, b"<html>")])
def test_another_program_is_said_to_be_one(make: Make, other: Told) -> None:
    """Before it gets a picture."""
    with serving(lambda _: other) as server, pytest.raises(ServerError, match="Another program answers at"):
        make(server.url).require_service()


def test_key_comes_from_its_file_before_the_environment(tmp_path: Path) -> None:
    """Its line break is no part of it."""
    file = tmp_path / "key"
    file.write_text("from-file\n")
    assert read_key(str(file), otherwise="from-environment") == "from-file"
    assert read_key(None, otherwise="from-environment") == "from-environment"
    assert read_key(None, otherwise=None) is None


@pytest.mark.parametrize("content", [b"", b"two words", b"line\nline", b"\xff", b"a\x01b"])
def test_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """It could end up in a header otherwise; the key itself is not shown."""
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="key"):
        read_key(str(file), otherwise="good")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_key(str(tmp_path / "nobody"), otherwise=None)


@pytest.mark.parametrize(
    ("url", "warned"), [("http://vision.example", 1), ("https://vision.example", 0), ("http://127.0.0.1", 0)]
)
def test_key_that_anyone_could_read_on_its_way_is_warned_of(
    make: Make, caplog: pytest.LogCaptureFixture, url: str, warned: int
) -> None:
    """Once, naming the host and not the key."""
    with caplog.at_level(logging.WARNING):
        make(url, key="secret")
    assert len(caplog.records) == warned
    assert "secret" not in caplog.text
