"""A connection that is kept, and what happens when the other side has not kept it."""

from __future__ import annotations

import http.client

import pytest

from service.client.connection import Connection, parse_server
from service.errors import ConfigurationError
from tests.service.client.servers import Asked, Told, serving


def test_requests_share_a_connection() -> None:
    """Every one of them comes from the same port, with the path before the routes."""
    with serving(lambda asked: Told(body=asked.body)) as server:
        connection = Connection(parse_server(f"{server.url}/vision/"), 60)
        replies = [connection.send("POST", "/predict?top_k=1", body=b"x" * size, headers={}) for size in (1, 2, 3)]
        connection.close()
    assert [len(reply.body) for reply in replies] == [1, 2, 3]
    assert {asked.path for asked in server.asked} == {"/vision/predict?top_k=1"}
    assert len({asked.port for asked in server.asked}) == 1


def test_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    """The request is sent again, and its caller notices nothing."""
    with serving(lambda _: Told(body=b"ok", hangs_up=True)) as server:
        connection = Connection(parse_server(server.url), 60)
        for _ in range(3):
            assert connection.send("POST", "/", body=b"x", headers={}).body == b"ok"
        connection.close()
    assert len({asked.port for asked in server.asked}) == 3


def test_service_that_says_that_it_closes_is_believed() -> None:
    """`Connection: close` is no error."""
    with serving(lambda _: Told(body=b"ok", headers={"connection": "close"})) as server:
        connection = Connection(parse_server(server.url), 60)
        assert [connection.send("GET", "/", headers={}).status for _ in range(2)] == [200, 200]
        connection.close()


def test_new_connection_without_an_answer_is_an_error() -> None:
    """It is tried once: whether and when to try again is the caller's to say."""
    with serving(lambda _: None) as server:
        with pytest.raises(http.client.RemoteDisconnected):
            Connection(parse_server(server.url), 60).send("GET", "/", headers={})
        assert len(server.asked) == 1


def test_answer_that_was_cut_off_is_an_error() -> None:
    """Half an answer is none."""

    def answer(_: Asked) -> Told:
        return Told(body=b"half", headers={"content-length": "100"}, hangs_up=True)

    with serving(answer) as server, pytest.raises(http.client.IncompleteRead):
        Connection(parse_server(server.url), 60).send("GET", "/", headers={})


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "ftp://x", "http://", "http://x:y", "http://[::1", "http://a:b@x", "http://x/?a=1", ""]
)
def test_address_of_no_service_is_refused(url: str) -> None:
    """The message shows one that would do."""
    with pytest.raises(ConfigurationError, match="--server"):
        parse_server(url)
