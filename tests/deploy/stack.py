"""Brings up services of docker-compose.yml as a project of its own, and removes every trace of it afterwards.

Every call to the engine has a limit, so that a test that cannot go on fails instead of hanging. Ports are free ones,
the project and the image's tag are unique: a stack that a developer has running is neither disturbed nor reused.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.deploy.queries import REPOSITORY

_BUILD_LIMIT_S: Final = 600
_CALL_LIMIT_S: Final = 120
_POLL_S: Final = 0.5


def why_no_engine() -> str:
    """Say why no container engine can be used here; empty where one answers."""
    try:
        done = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except FileNotFoundError:
        return "docker is not installed"
    except subprocess.TimeoutExpired:
        return "the container engine does not answer within 20 s"
    return "" if done.returncode == 0 else f"no container engine answers: {done.stderr.strip()}"


def run(
    *command: str,
    environment: Mapping[str, str] | None = None,
    limit_s: float = _CALL_LIMIT_S,
    errors_too: bool = False,
) -> str:
    """Run a command to its end and return what it printed.

    Args:
        command: Program and arguments.
        environment: In place of this process's own.
        limit_s: Longest time it may take, in seconds.
        errors_too: Return what it wrote to standard error as well.

    Raises:
        AssertionError: It failed; the text is what it printed.
        subprocess.TimeoutExpired: It took longer than `limit_s`.

    """
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=limit_s, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr if errors_too else done.stdout


def wait_for(what: str, ready: Callable[[], bool], *, limit_s: float) -> None:
    """Wait until something outside this process has happened; a failure names it."""
    wait_until_none_of(lambda: [] if ready() else [what], limit_s=limit_s)


def wait_until_none_of(missing: Callable[[], Collection[str]], *, limit_s: float) -> None:
    """Wait until nothing is missing any more; a failure names what still is.

    It asks again and again, because nothing outside this process would tell.
    """
    deadline_s = time.monotonic() + limit_s
    while left := missing():
        assert time.monotonic() < deadline_s, f"missing after {limit_s:g} s: {'; '.join(sorted(left))}"
        time.sleep(_POLL_S)


@dataclass(frozen=True, slots=True)
class Stack:
    """A project that is up.

    Args:
        project: Its unique name, which is the tag of its image too.
        environment: With which compose was called.
        service_url: Published address of the service.
        prometheus_url: Published address of Prometheus, if that was started.

    """

    project: str
    environment: Mapping[str, str]
    service_url: str
    prometheus_url: str

    @property
    def image(self) -> str:
        """Name of the image that was built for this project."""
        return f"convserve:{self.project}"

    def compose(self, *arguments: str, limit_s: float = _CALL_LIMIT_S) -> str:
        """Call compose for this project."""
        command = ("docker", "compose", "--project-name", self.project, *arguments)
        return run(*command, environment=self.environment, limit_s=limit_s)

    def inspect(self, service: str) -> dict[str, Any]:
        """Ask the engine for all it knows about a service's container, running or not."""
        description: dict[str, Any] = json.loads(run("docker", "inspect", self._container(service)))[0]
        return description

    def log(self, service: str) -> list[dict[str, Any]]:
        """Read what a service has logged, one JSON object a line."""
        printed = run("docker", "logs", self._container(service), errors_too=True)
        return [json.loads(line) for line in printed.splitlines()]

    def time_of_signal(self, service: str, *, since_s: float) -> float:
        """Ask the engine when it sent the service its first signal, in seconds of the wall clock."""
        only = ("--filter", "event=kill", "--filter", f"container={self._container(service)}")
        period = ("--since", f"{since_s:.3f}", "--until", f"{time.time():.3f}")
        first, *_ = run("docker", "events", *period, *only, "--format", "{{.TimeNano}}").split()
        return int(first) / 1e9

    def _container(self, service: str) -> str:
        (container,) = self.compose("ps", "--all", "--quiet", service).split()
        return container

    def execute(self, *command: str) -> str:
        """Run a command in the service's container."""
        return self.compose("exec", "--no-TTY", "convserve", *command)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Ask Prometheus for the value of an expression now."""
        answer = httpx.get(f"{self.prometheus_url}/api/v1/query", params={"query": expression}, timeout=30).json()
        assert answer["status"] == "success", answer
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


@contextmanager
def running(*services: str) -> Iterator[Stack]:
    """Build, start and await the health of some services; afterwards remove containers, volumes, network and image."""
    service_port, prometheus_port = _free_ports(2)
    project = f"convserve-test-{uuid.uuid4().hex[:12]}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("CONVSERVE_", "COMPOSE_"))},
        "CONVSERVE_VERSION": project,
        "CONVSERVE_PORT": str(service_port),
        "PROMETHEUS_PORT": str(prometheus_port),
        "CPU_LIMIT": str(min(2, os.cpu_count() or 1)),
    }
    stack = Stack(project, environment, f"http://127.0.0.1:{service_port}", f"http://127.0.0.1:{prometheus_port}")
    try:
        stack.compose("build", "convserve", limit_s=_BUILD_LIMIT_S)
        _start(stack, services)
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        run("docker", "image", "rm", "--force", stack.image)


def _start(stack: Stack, services: tuple[str, ...]) -> None:
    try:
        stack.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "100", *services)
    except AssertionError as error:
        error.add_note(stack.compose("logs", "--no-color", "--tail", "50"))
        raise


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
