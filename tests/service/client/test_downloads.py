"""Downloads: bounded in bytes and time, redirected only to where a caller could have meant."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from service.client.downloads import Downloads
from service.errors import PictureError
from tests.service.client.servers import Answerer, Asked, Server, Told, serving

PUBLIC = "93.184.215.14"


@pytest.fixture
def serve() -> Iterator[Callable[[Answerer], Server]]:
    """Run servers for as long as a test takes."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))


Serve = Callable[[Answerer], Server]


def test_picture_is_fetched_with_its_query_and_without_its_fragment(serve: Serve) -> None:
    """Blanks and letters beyond ASCII are quoted, what is quoted already stays."""
    server = serve(lambda _: Told(body=b"picture"))
    url = f"{server.url}/träume/a b%20c.jpg?size=1&name=é#top"
    assert Downloads(100).fetch(url) == b"picture"
    assert server.asked[0].path == "/tr%C3%A4ume/a%20b%20c.jpg?size=1&name=%C3%A9"
    assert server.asked[0].headers["host"] == f"127.0.0.1:{server.port}"


def test_no_more_is_read_than_the_limit_and_one_byte(serve: Serve) -> None:
    """A picture without end ends there; whoever reads it sees that it is too large."""
    server = serve(lambda _: Told(body=bytes(1000)))
    assert len(Downloads(100).fetch(server.url)) == 101
    assert len(Downloads(1000).fetch(server.url)) == 1000


def test_redirects_are_followed_to_relative_addresses_too(serve: Serve) -> None:
    """Up to five of them."""

    def answer(asked: Asked) -> Told:
        step = int(asked.path.rpartition("/")[2])
        return Told(302, headers={"location": f"../hop/{step - 1}"}) if step else Told(body=b"there")

    server = serve(answer)
    assert Downloads(100).fetch(f"{server.url}/hop/5") == b"there"
    with pytest.raises(PictureError, match="more than 5 times"):
        Downloads(100).fetch(f"{server.url}/hop/6")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/a", "gopher://x", "javascript:1"])
def test_redirect_to_another_scheme_is_refused(serve: Serve, target: str) -> None:
    """No address leads to a file of this machine."""
    server = serve(lambda _: Told(302, headers={"location": target}))
    with pytest.raises(PictureError, match="Only http and https"):
        Downloads(100).fetch(server.url)


@pytest.mark.parametrize(
    "private", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1%eth0", "224.0.0.1"]
)
def test_public_address_does_not_lead_into_the_own_network(private: str) -> None:
    """Where a redirect from outside ends inside, nothing is asked there; a mixed answer of names counts as inside."""
    redirecting = Downloads(100, lookup=lambda host, _: [PUBLIC] if host == "public.example" else [PUBLIC, private])
    target = redirecting._address  # the decision itself: no test may connect to a public address
    from service.client.downloads import _parsed

    assert target(_parsed("http://inside.example/"), public_only=False) in (PUBLIC, private)
    with pytest.raises(PictureError, match=r"'inside\.example', which lies in this machine's own network"):
        target(_parsed("http://inside.example/"), public_only=True)
    assert target(_parsed("http://public.example/"), public_only=True) == PUBLIC
    for public in ("2606:2800:21f:cb07::1", f"::ffff:{PUBLIC}"):
        outside = Downloads(100, lookup=lambda *_, address=public: [address])
        assert outside._address(_parsed("http://outside.example/"), public_only=True) == public


def test_own_network_may_be_named_and_redirects_inside_it(serve: Serve) -> None:
    """Whoever names a private address means it."""
    behind = serve(lambda _: Told(body=b"inside"))
    before = serve(lambda _: Told(307, headers={"location": behind.url}))
    assert Downloads(100).fetch(before.url) == b"inside"


def test_the_address_that_was_checked_is_the_one_connected_to(serve: Serve) -> None:
    """The name is looked up once for each hop, so that a second answer cannot differ; the server sees the name."""
    server = serve(lambda _: Told(body=b"picture"))
    lookups: list[str] = []

    def lookup(host: str, _: int) -> list[str]:
        lookups.append(host)
        return ["::1", "127.0.0.1"]  # IPv4 is preferred

    assert Downloads(100, lookup=lookup).fetch(f"http://name.example:{server.port}/") == b"picture"
    assert lookups == ["name.example"]
    assert server.asked[0].headers["host"] == f"name.example:{server.port}"


def test_redirect_from_https_to_http_is_refused() -> None:
    """What began encrypted stays so."""
    from service.client.downloads import _parsed, _redirected

    with pytest.raises(PictureError, match="from https to http"):
        _redirected(_parsed("https://example.org/a"), "http://example.org/a")
    assert _redirected(_parsed("https://example.org/a"), "//other.example/b") == "https://other.example/b"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://", "Only http"),
        ("http://user:secret@example.org/", "name and password"),
        ("http://example.org:port/", "is no address"),
        ("http://[::1/", "is no address"),
        ("file:///etc/passwd", "Only http"),
        ("http://127.0.0.1:1/", "cannot be fetched"),
    ],
)
def test_address_that_cannot_be_used_says_why(url: str, words: str) -> None:
    """And shows no password."""
    with pytest.raises(PictureError, match=words) as caught:
        Downloads(100).fetch(url)
    assert "secret" not in str(caught.value)


def test_host_that_is_not_there_is_named() -> None:
    """A name without an address is a likely mistake."""

    def lookup(host: str, _: int) -> list[str]:
        raise OSError(host)

    with pytest.raises(PictureError, match=r"no host 'nowhere\.example'"):
        Downloads(100, lookup=lookup).fetch("http://nowhere.example/")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(404), "answers 404 Not Found"),
        (Told(304), "answers 304"),
        (Told(302), "answers 302"),
        (Told(body=b"half", headers={"content-length": "8"}, hangs_up=True), "cannot be fetched: IncompleteRead"),
        (None, "cannot be fetched"),
    ],
)
def test_answer_without_a_picture_says_what_came(serve: Serve, told: Told | None, words: str) -> None:
    """A status, a body that was cut off, or nothing."""
    with pytest.raises(PictureError, match=words):
        Downloads(100).fetch(serve(lambda _: told).url)


@pytest.mark.parametrize("limits", [{"silence_s": 0.05}, {"total_s": 0.05}])
def test_server_that_does_not_answer_is_left_in_time(serve: Serve, limits: dict[str, Any]) -> None:
    """Silence ends a download, and so does its time as a whole."""
    release = threading.Event()

    def answer(_: Asked) -> None:
        release.wait()

    server = serve(answer)
    try:
        with pytest.raises(PictureError, match="does not answer in time"):
            Downloads(100, **limits).fetch(server.url)
    finally:
        release.set()
