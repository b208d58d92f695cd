"""Accepts connections from a socket that several processes listen on, one at a time and only in turn.

The event loop's own server takes whatever has arrived as soon as it wakes, which puts all of a client's connections
into one process. This one stands back for a moment where another worker has fewer connections.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

from service.telemetry.logs import log
from service.workers.balance import Balance
from service.workers.protocol import BalancedHttpProtocol

STAND_BACK_S: Final = 0.001  # the finest that uvloop's timers can do; the other worker is awake already
_EXHAUSTED_S: Final = 0.1  # without a file descriptor left, accepting at once again would spin
_MOST_AT_ONCE: Final = 64  # then the loop may do something else
_MOST_LEFT: Final = 4096  # more than the kernel keeps


class Acceptor:
    """Takes the place of an `asyncio.Server`.

    Args:
        listener: Bound, listening and non-blocking.
        make_protocol: For each connection.
        balance: Says whose turn it is, and counts.
        loop: Which runs the connections.
        stand_back_s: How long another worker may take to come first.

    """

    def __init__(
        self,
        listener: socket.socket,
        *,
        make_protocol: Callable[[], BalancedHttpProtocol],
        balance: Balance,
        loop: asyncio.AbstractEventLoop,
        stand_back_s: float = STAND_BACK_S,
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._balance = balance
        self._loop = loop
        self._stand_back_s = stand_back_s
        self._accepts = False
        self._stopped = False
        self._closed = False
        self._pause: asyncio.TimerHandle | None = None
        self._connecting: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Accept from now on, unless stopped."""
        if not self._accepts and not self._stopped:
            self._accepts = True
            self._balance.on_closed = self._look_again
            self._balance.board.set_accepts(self._balance.number, accepts=True)
            self._loop.add_reader(self._listener, self._on_connection)

    def rest(self) -> None:
        """Leave what comes to other workers until `start`; connections stay."""
        if not self._accepts:
            return
        self._accepts = False
        self._balance.board.set_accepts(self._balance.number, accepts=False)
        if self._pause is None:
            self._loop.remove_reader(self._listener)
        else:
            self._pause.cancel()
            self._pause = None

    def stop(self) -> None:
        """Accept for the last time, where nobody else does, what has waited; connections stay."""
        accepted = self._accepts
        self._stopped = True
        self.rest()  # before looking: of two workers that stop at once, both look for the last connections
        if accepted and self._balance.is_alone():
            for _ in range(_MOST_LEFT):
                if not self._accept():
                    return

    def close(self) -> None:
        """Stop, and end what is still being taken over as soon as it can be. Part of `asyncio.Server`."""
        self.stop()
        self._closed = True
        self._balance.board.set_accepts(self._balance.number, accepts=False)  # nor will it be seen any more

    async def wait_closed(self) -> None:
        """Wait for connections that were being taken over. Part of `asyncio.Server`."""
        await asyncio.gather(*self._connecting)

    def _on_connection(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            if not self._balance.is_turn():
                self._stand_back(self._stand_back_s)
                return
            if not self._accept():
                return

    def _accept(self) -> bool:
        """Take one connection, and tell whether there was one."""
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False  # another worker was quicker, or the client changed its mind
        except OSError as error:
            log(logging.ERROR, "cannot accept a connection", reason=str(error))
            if self._accepts:
                self._stand_back(_EXHAUSTED_S)
            return False
        self._balance.opened()
        task = self._loop.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return True

    async def _connect(self, connection: socket.socket) -> None:
        """Run a connection that is counted; once it is made it counts itself no more when it ends."""
        protocol = None
        try:
            connection.settimeout(0)
            protocol = self._make_protocol()
            await self._loop.connect_accepted_socket(lambda: protocol, connection)
        except OSError as error:
            log(logging.DEBUG, "a connection was gone before it was taken over", reason=str(error))
        except Exception as error:  # noqa: BLE001  whatever it is costs this connection, and no place in the count
            log(logging.ERROR, "cannot take over a connection", error=error)
        finally:
            if protocol is None or not protocol.made:
                connection.close()
                self._balance.closed()
        if self._closed and protocol is not None and protocol.made:
            protocol.shutdown()  # it came too late to be among those that the server has told to finish

    def _stand_back(self, pause_s: float) -> None:
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(pause_s, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._on_connection)

    def _look_again(self) -> None:
        """End a moment of standing back early, because a connection of this worker has ended."""
        if self._pause is not None:
            self._pause.cancel()
            self._resume()
