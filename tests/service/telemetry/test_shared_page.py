"""A page of shared memory keeps numbers by name, for its writer and for readers in other processes."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from service.telemetry.shared_page import Page


def in_another_process(work: Callable[[], None]) -> None:
    """Do something in a forked process, and fail where it fails."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def place_of(page: Page, name: bytes, initial: float = 0.0) -> int:
    """Find a place that must be there."""
    place = page.place(name, initial=initial)
    assert place is not None
    return place


@pytest.fixture
def page() -> Page:
    """Make a small page."""
    return Page(numbers=4, name_bytes=32)


def test_a_name_has_one_place_and_its_number_starts_as_told(page: Page) -> None:
    """Asking again neither moves nor resets it."""
    place = place_of(page, b"a", 2.5)
    assert page.numbers[place] == 2.5
    page.numbers[place] = 7.0
    assert place_of(page, b"a", 2.5) == place
    assert page.numbers[place] == 7.0
    assert place_of(page, b"b") != place


def test_what_another_process_writes_can_be_read_here(page: Page) -> None:
    """Names and numbers, from before and after the fork, once they have been asked for."""
    before = place_of(page, b"before", 1.0)

    def write() -> None:
        page.begin(os.getpid())
        page.numbers[before] += 4.0
        page.numbers[place_of(page, b"after")] = 3.0

    in_another_process(write)
    assert page.numbers[before] == 5.0
    assert b"after" not in page.places
    page.refresh()
    assert page.numbers[page.places[b"after"]] == 3.0


def test_a_successor_goes_on_with_the_numbers_of_the_process_before_it(page: Page) -> None:
    """Also where that one was killed: nothing has to be handed over."""

    def count() -> None:
        page.begin(os.getpid())
        page.numbers[place_of(page, b"requests")] += 1.0
        page.numbers[place_of(page, str(page.numbers[0]).encode())] += 1.0

    for _ in range(3):
        in_another_process(count)
    page.refresh()
    assert list(page.places) == [b"requests", b"1.0", b"2.0", b"3.0"]
    assert page.numbers[0] == 3.0


def test_names_that_have_not_arrived_yet_are_learned_later(page: Page) -> None:
    """Another processor may see the new length before the bytes it is about."""
    place_of(page, b"first")
    reader = Page(numbers=4, name_bytes=32)
    reader._header[1] = page._header[1]
    reader._names[:3] = page._names[:3]
    reader.refresh()
    assert reader.places == {}
    reader._names[:6] = page._names[:6]
    reader.refresh()
    assert reader.places == {b"first": 0}


def test_a_page_tells_which_process_writes_to_it(page: Page) -> None:
    """None before the first and after the last."""
    assert page.pid == 0
    in_another_process(lambda: page.begin(1234))
    assert page.pid == 1234
    page.end()
    assert page.pid == 0


def test_a_full_page_takes_no_further_number_and_keeps_those_it_has(page: Page) -> None:
    """Whoever asks for one more is told."""
    places = [place_of(page, bytes([name])) for name in b"abcd"]
    assert page.place(b"e", initial=0.0) is None
    assert [place_of(page, bytes([name])) for name in b"abcd"] == places


def test_names_that_do_not_fit_are_refused_as_well() -> None:
    """A short one that still fits is taken after a long one that does not."""
    page = Page(numbers=4, name_bytes=8)
    assert page.place(b"12345678", initial=0.0) is None
    assert page.place(b"1234567", initial=0.0) == 0
    assert page.place(b"", initial=0.0) is None
