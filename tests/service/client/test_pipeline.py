"""Many sources at once, results in order, bounded memory, and an end that loses nothing that was done."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from service.client.pipeline import StoppedError, Work, in_order, interruptible
from service.client.rows import Answer, Row
from service.client.sources import Source
from service.errors import InferenceError, PictureError, ServerError

ANSWER = Answer("m", 1, "fp32", ())


def sources(number: int) -> list[Source]:
    """Make files named by their number."""
    return [Source(str(place), "file") for place in range(number)]


def work(classify: Callable[[bytes], Answer], *, stopping: threading.Event | None = None) -> Work:
    """Make work whose pictures are the names of their sources."""
    return Work(lambda source: source.name.encode(), classify, stopping or threading.Event())


def run(classify: Callable[[bytes], Answer], *, number: int, workers: int = 4) -> list[Row]:
    """Work on some sources to the end."""
    return list(in_order(sources(number), work(classify), workers=workers))


def test_rows_come_in_the_order_of_their_sources_whoever_is_done_first() -> None:
    """The first picture ends last here, and still comes first."""
    others_done = threading.Semaphore(0)

    def classify(data: bytes) -> Answer:
        if data == b"0":
            for _ in range(3):
                others_done.acquire()
        else:
            others_done.release()
        return ANSWER

    assert [row.source for row in run(classify, number=4)] == ["0", "1", "2", "3"]


def test_all_workers_work_at_once() -> None:
    """Four pictures meet; with fewer threads they would wait for each other for ever."""
    meeting = threading.Barrier(4, timeout=60)

    def classify(_: bytes) -> Answer:
        meeting.wait()
        return ANSWER

    assert len(run(classify, number=8, workers=4)) == 8


def test_sources_are_taken_only_so_far_ahead_of_the_results() -> None:
    """A million names are not held because the first picture takes long."""
    taken = 0
    release = threading.Event()

    def endless() -> Iterator[Source]:
        nonlocal taken
        for place in count():
            taken += 1
            if taken == 130:  # far more than are ever ahead of a first one that is not done
                release.set()
            yield Source(str(place), "file")

    def classify(data: bytes) -> Answer:
        if data == b"0":
            release.wait(0.2)
        return ANSWER

    rows = in_order(endless(), work(classify), workers=1)
    assert next(rows).source == "0"
    assert taken <= 66
    rows.close()  # type: ignore[attr-defined]  # a generator


def test_never_more_pictures_are_in_memory_than_workers() -> None:
    """A picture is read by the thread that classifies it."""
    held, most = 0, 0
    lock = threading.Lock()

    def read(_: Source) -> bytes:
        nonlocal held, most
        with lock:
            held += 1
            most = max(most, held)
        return b"x"

    def classify(_: bytes) -> Answer:
        nonlocal held
        with lock:
            held -= 1
        return ANSWER

    list(in_order(sources(200), Work(read, classify, threading.Event()), workers=3))
    assert 1 <= most <= 3


@pytest.mark.parametrize("error", [PictureError("Broken."), InferenceError("Failed."), MemoryError()])
def test_picture_that_cannot_be_classified_fails_alone(error: Exception) -> None:
    """It has a row with its error; the others have theirs."""

    def classify(data: bytes) -> Answer:
        if data == b"1":
            raise error
        return ANSWER

    rows = run(classify, number=3)
    assert [row.answer for row in rows] == [ANSWER, None, ANSWER]
    assert rows[1].error


def test_failure_of_everything_comes_after_the_rows_that_were_finished() -> None:
    """What was done before a server went away is given first, and nothing more is begun."""

    def classify(data: bytes) -> Answer:
        if data == b"3":
            raise ServerError("gone")
        return ANSWER

    rows = in_order(sources(50), work(classify), workers=1)
    assert [next(rows).source for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(ServerError, match="gone"):
        next(rows)


def test_error_that_nobody_foresaw_ends_the_work() -> None:
    """A mistake in the program is shown, instead of ten thousand times."""
    begun: list[bytes] = []

    def classify(data: bytes) -> Answer:
        begun.append(data)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(classify, number=100, workers=1)
    assert begun == [b"0"]


def test_stopping_ends_after_what_was_begun() -> None:
    """Nothing new is begun, a wait that was cut short is no row, and finished pictures keep theirs."""
    stopping = threading.Event()

    def classify(data: bytes) -> Answer:
        if data == b"2":
            stopping.set()
        if data == b"3":
            raise StoppedError
        return ANSWER

    rows = list(in_order(sources(1000), work(classify, stopping=stopping), workers=1))
    assert [row.source for row in rows] == ["0", "1", "2"]


def test_threads_end_when_nobody_takes_the_rows_any_more() -> None:
    """A reader that closes early stops the work."""
    stopping = threading.Event()
    rows = in_order(sources(1000), work(lambda _: ANSWER, stopping=stopping), workers=2)
    next(rows)
    rows.close()  # type: ignore[attr-defined]  # a generator
    assert stopping.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("classifying")]


def test_first_interrupt_stops_the_work_and_raises_nothing() -> None:
    """Ctrl-C sets the events; the handler that was there before is back afterwards."""
    before = signal.getsignal(signal.SIGINT)
    stopping = threading.Event()
    with interruptible(stopping) as interrupted:
        os.kill(os.getpid(), signal.SIGINT)
        assert stopping.wait(60)
        assert interrupted.is_set()
    assert signal.getsignal(signal.SIGINT) is before
