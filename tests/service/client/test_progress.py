"""The bar, the plain lines, and the last line."""

from __future__ import annotations

import io

from service.client.progress import Progress


class Clock:
    """A clock that a test moves."""

    now_s = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now_s


def progress(*, is_terminal: bool, total: int = 4) -> tuple[Progress, io.StringIO, Clock]:
    """Make one under a clock of the test's own."""
    stream, clock = io.StringIO(), Clock()
    return Progress(stream, total, is_terminal, clock), stream, clock


def test_terminal_shows_a_bar_that_is_written_over() -> None:
    """Count, rate and the time that is left, not more often than ten times a second."""
    shown, stream, clock = progress(is_terminal=True)
    shown.advance(failed=False)
    assert stream.getvalue() == "", "shown at once"
    clock.now_s += 2
    shown.advance(failed=True)
    line = stream.getvalue()
    assert line.startswith("\r\x1b[K[############............]  50%")
    assert "2 of 4, 1 failed, 1 a second, 0:02 left" in line
    assert "\n" not in line


def test_bar_makes_room_for_other_lines_and_only_when_it_is_there() -> None:
    """What is written to the same terminal begins on a clean line."""
    shown, stream, clock = progress(is_terminal=True)
    shown.hide()
    assert stream.getvalue() == ""
    clock.now_s += 1
    shown.advance(failed=False)
    shown.hide()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_file_gets_plain_lines_now_and_then() -> None:
    """A log of a long run stays short, and has no control characters."""
    shown, stream, clock = progress(is_terminal=False, total=100)
    for _ in range(40):
        clock.now_s += 0.5
        shown.advance(failed=False)
    assert stream.getvalue() == "20 of 100, 2 a second\n40 of 100, 2 a second\n"


def test_last_line_says_what_became_of_everything() -> None:
    """Failures and what was passed over are told where there are any."""
    shown, stream, clock = progress(is_terminal=False, total=3)
    for failed in (False, True):
        shown.advance(failed=failed)
    clock.now_s += 4
    shown.finish(passed_over=7, interrupted=True)
    assert stream.getvalue() == (
        "interrupted: 1 of 3 pictures classified, 1 failed, 7 other files passed over; 4.0 s, 0 a second\n"
    )


def test_last_line_of_one_good_picture_is_short() -> None:
    """Nothing is said of what did not happen."""
    shown, stream, clock = progress(is_terminal=False, total=1)
    shown.advance(failed=False)
    clock.now_s += 0.5
    shown.finish(passed_over=0, interrupted=False)
    assert stream.getvalue() == "1 of 1 picture classified; 0.5 s, 2 a second\n"
