"""Tests of this folder run on the event loop that the service runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001  the plugin's signature
    item: pytest.Item,  # noqa: ARG001  the same
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Name uvloop as the only one."""
    return {"uvloop": uvloop.new_event_loop}
