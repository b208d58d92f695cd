"""From the start of an app to its end: threads start, models load beside the event loop, and what was accepted is done.

    start ──▶ live ──▶ models loaded, told ──▶ serving ──▶ drained: keeper and tuner end, then the threads of the lanes

The models load on a thread after the app has started, so that liveness answers from the first moment.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from service.api.context import Context
from service.errors import ConvserveError
from service.repository.keeper import Keeper
from service.repository.tuner import Tuner
from service.telemetry.logs import log


def lifespan_of(
    context: Context,
    tuner: Tuner,
    *,
    on_failure: Callable[[ConvserveError], None] | None,
    on_loaded: Callable[[], None] | None,
    drain_s: float,
) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """Say what happens from an app's start to its end.

    Args:
        context: The objects that live so long.
        tuner: Measures what was loaded.
        on_failure: Called on the event loop when the service can never become ready.
        on_loaded: Called on the event loop when every model has been tried, unless the service can never become ready.
        drain_s: Longest time for accepted work to be done, in seconds.

    """

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        context.scheduler.start()
        context.access.watch.start()
        loop = asyncio.get_running_loop()

        def told(failure: ConvserveError | None) -> None:
            _post(loop, _tell, context, failure, on_failure, on_loaded)
            tuner.begin()

        keeping = _on_thread(lambda: _keep(context.keeper, told), name="keeping")
        tuning = _on_thread(tuner.run, name="tuning")
        yield
        context.scheduler.drain()
        context.access.watch.stop()
        context.keeper.stop()
        tuner.stop()
        until_s = context.scheduler.draining_since_s + drain_s
        await asyncio.wait((keeping, tuning), timeout=max(0.0, until_s - context.scheduler.clock()))
        patience_s = max(0.0, until_s - context.scheduler.clock())
        ended = await asyncio.to_thread(context.scheduler.stop, patience_s=patience_s)
        for model in context.registry.loaded():
            patience_s = max(0.0, until_s - context.scheduler.clock())
            ended = ended and await asyncio.to_thread(model.lane.stop, patience_s=patience_s)
        context.ended_cleanly = ended and keeping.done() and tuning.done()

    return lifespan


def _keep(keeper: Keeper, told: Callable[[ConvserveError | None], None]) -> None:
    """Load all models, and keep them as they are wanted afterwards.

    Args:
        keeper: Does both.
        told: Called when all models have been tried, with what keeps the service from ever serving.

    """
    try:
        keeper.start_up()
    except ConvserveError as error:
        told(error)
        return
    told(None)
    keeper.run()


def _tell(
    context: Context,
    failure: ConvserveError | None,
    on_failure: Callable[[ConvserveError], None] | None,
    on_loaded: Callable[[], None] | None,
) -> None:
    _tell_of_loading(context, failure)
    if failure is not None and on_failure is not None:
        on_failure(failure)
    if failure is None and on_loaded is not None:
        on_loaded()


def _on_thread(work: Callable[[], None], *, name: str) -> asyncio.Future[None]:
    """Do work on a thread that does not keep the process alive.

    Returns:
        Done when the thread is.

    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def run() -> None:
        try:
            work()
        finally:
            _post(loop, ended.set_result, None)

    threading.Thread(target=run, name=name, daemon=True).start()
    return ended


def _post(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    with suppress(RuntimeError):  # the event loop has ended meanwhile; nobody waits any more
        loop.call_soon_threadsafe(call, *arguments)


def _tell_of_loading(context: Context, failure: ConvserveError | None) -> None:
    if failure is not None:
        log(logging.CRITICAL, "cannot serve", reason=str(failure))
    elif waiting_for := context.registry.waiting_for():
        log(logging.ERROR, "not ready", waiting_for=waiting_for)
    else:
        log(logging.INFO, "ready", models=list(context.registry.models), default=context.registry.default)
