"""Works on many sources at once and gives the results in their order, holding a bounded number of either.

A thread takes a source, reads it and classifies it, so that there are never more pictures in memory than threads.
Knows neither where pictures come from nor who classifies them.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

from service.client.rows import Answer, Row
from service.client.sources import Source
from service.errors import ConvserveError, InferenceError, InputError

EXIT_INTERRUPTED: Final = 130  # 128 and the number of the signal, as shells have it
STDERR: Final = 2
_STOPPING: Final = b"\nstopping after the pictures in work; Ctrl-C again ends at once\n"
_AHEAD: Final = 64  # results for each thread that may wait for one before them; they are small


class StoppedError(Exception):
    """A wait ended because the work is to stop; no outcome of a picture."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is done with each source, on any thread.

    Args:
        read: Gets its bytes.
        classify: Answers for them.
        stopping: Set when nothing new is to be begun.

    """

    read: Callable[[Source], bytes]
    classify: Callable[[bytes], Answer]
    stopping: threading.Event

    def __call__(self, source: Source) -> Row | None:
        """Classify a picture; one that cannot be becomes a row that says why, None is for one not begun.

        Raises:
            ConvserveError: What no picture caused, and what every other one would meet too.

        """
        if self.stopping.is_set():
            return None
        try:
            return Row(source.name, self.classify(self.read(source)))
        except StoppedError:
            return None
        except (InputError, InferenceError) as error:
            return Row(source.name, None, str(error))
        except MemoryError:
            return Row(source.name, None, "There is not enough memory for it; fewer threads need less.")
        except BaseException:
            self.stopping.set()  # here, so that the other threads begin nothing more
            raise


def in_order(sources: Iterable[Source], work: Work, *, workers: int) -> Iterator[Row]:
    """Work on sources with several threads.

    After `work.stopping` was set, what has been begun is finished and still given.

    Args:
        sources: Taken one by one, not far ahead of the results.
        work: What is done with each.
        workers: Threads.

    Raises:
        ConvserveError: As `work`, after the rows of all that was finished.

    """
    stopping = work.stopping
    failure: ConvserveError | None = None
    waiting: deque[Future[Row | None]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="classifying") as pool:
        try:
            todo = iter(sources)
            more = True
            while more or waiting:
                source = next(todo, None) if more and not stopping.is_set() else None
                more = source is not None
                if source is not None:
                    waiting.append(pool.submit(work, source))
                if waiting and (not more or len(waiting) > _AHEAD * workers or waiting[0].done()):
                    try:
                        row = waiting.popleft().result()
                    except ConvserveError as error:
                        failure = failure or error
                        continue
                    if row is not None:
                        yield row
        finally:
            stopping.set()  # also where whoever takes the rows went away: the threads are waited for
    if failure is not None:
        raise failure


@contextmanager
def interruptible(stopping: threading.Event) -> Iterator[threading.Event]:
    """Let the first Ctrl-C stop the work in good order, and the second one at once.

    Yields:
        Set where there was one.

    """
    interrupted = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if interrupted.is_set():
            os._exit(EXIT_INTERRUPTED)  # what was written has been flushed, and threads may hold up any other way out
        interrupted.set()
        stopping.set()
        os.write(STDERR, _STOPPING)  # not print: the signal may have come in the middle of one

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
