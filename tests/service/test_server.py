"""The port is bound or the reason is said in one line, and signals mean what an operator means by them."""

from __future__ import annotations

import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
from fastapi import FastAPI

from service.errors import ConfigurationError
from service.server import bind, configuration, is_impatient, stop_signals
from service.settings import Settings


def free_port(family: socket.AddressFamily, host: str) -> int:
    """Ask the kernel for a port that nobody uses now."""
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def no_file_left() -> Iterator[None]:
    """Let this process open no further file."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_address_of_either_family_is_listened_on() -> None:
    """What the colon in it decides."""
    with bind(Settings(port=free_port(socket.AF_INET, "127.0.0.1"))) as listener:
        assert listener.family == socket.AF_INET
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with bind(Settings(host="::1", port=free_port(socket.AF_INET6, "::1"))) as listener:
        assert listener.family == socket.AF_INET6


def test_a_port_in_use_is_named_as_one_would_type_it() -> None:
    """An IPv6 address stands in brackets, or the port could not be told from it."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"\[::1\]:{port} is in use"):
            bind(Settings(host="::1", port=port))


def test_a_socket_that_cannot_even_be_made_is_a_problem_of_configuration() -> None:
    """As on a machine without IPv6: one line with the reason, no traceback."""
    with no_file_left(), pytest.raises(ConfigurationError, match=r"Cannot listen on 127\.0\.0\.1:8000 \(Too many open"):
        bind(Settings())


@pytest.mark.parametrize("host", ["..", "a" * 70, "no such host"])
def test_a_name_that_is_no_host_is_a_problem_of_configuration(host: str) -> None:
    """Whichever way the library fails over it; nothing stays open."""
    open_files = psutil.Process().num_fds()
    with pytest.raises(ConfigurationError, match="set CONVSERVE_HOST"):
        bind(Settings(host=host))
    assert psutil.Process().num_fds() == open_files


def test_the_end_of_a_terminal_asks_for_an_end_unless_it_is_ignored() -> None:
    """`nohup` sets it to be ignored before the program starts."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert signal.SIGHUP in stop_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert stop_signals() == (signal.SIGTERM, signal.SIGINT)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_only_what_a_person_sends_twice_is_impatience() -> None:
    """A terminal that closes says so more than once."""
    assert is_impatient(signal.SIGTERM)
    assert is_impatient(signal.SIGINT)
    assert not is_impatient(signal.SIGHUP)


def test_no_connection_changes_its_protocol() -> None:
    """Whatever libraries are installed beside the service."""
    config = configuration(FastAPI(), Settings())
    config.load()
    assert config.ws == "none"
    assert config.ws_protocol_class is None
