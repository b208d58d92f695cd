"""Logs are one JSON object a line, in UTC, whatever the values are."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.telemetry.logs import LOGGER_NAME, JsonFormatter, configure_logging, log, logger


def formatted(message: str = "hello", *, name: str = LOGGER_NAME, **fields: Any) -> dict[str, Any]:
    """Format one record, and read the line back with the standard library."""
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, message, None, None)
    record.__dict__["convserve_fields"] = fields
    line = JsonFormatter().format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return found


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Put back the handlers and levels that a test configures."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logger.level)
    yield
    root.handlers[:], level, own_level = before
    root.setLevel(level)
    logger.setLevel(own_level)


def test_a_line_tells_time_level_message_and_fields_in_this_order() -> None:
    """What a person reads first stands first."""
    found = formatted("model ready", model="pets", version=3)
    assert list(found) == ["time", "level", "message", "model", "version"]
    assert (found["level"], found["message"], found["model"], found["version"]) == ("warning", "model ready", "pets", 3)


def test_constant_fields_stand_in_every_line_after_the_message() -> None:
    """Which of several worker processes wrote it, for example."""
    record = logging.LogRecord(LOGGER_NAME, logging.INFO, __file__, 1, "ready", None, None)
    record.__dict__["convserve_fields"] = {"model": "pets"}
    found = json.loads(JsonFormatter(worker=1).format(record))
    assert list(found.items())[2:] == [("message", "ready"), ("worker", 1), ("model", "pets")]


def test_the_time_is_utc_to_the_millisecond() -> None:
    """Readable by any ISO 8601 parser, and within the moment in which it was written."""
    before = datetime.now(UTC)
    text = formatted()["time"]
    moment = datetime.fromisoformat(text)
    assert text.endswith("+00:00")
    assert len(text) == len("2026-01-02T03:04:05.678+00:00")
    assert before - timedelta(milliseconds=1) <= moment <= datetime.now(UTC)


def test_a_line_of_a_library_tells_which() -> None:
    """Our own lines do without, because there are most of them."""
    assert formatted(name="uvicorn.error")["logger"] == "uvicorn.error"
    assert "logger" not in formatted()


def test_arguments_of_a_librarys_message_are_filled_in() -> None:
    """The message is the finished text."""
    record = logging.LogRecord("lib", logging.ERROR, __file__, 1, "%s of %d", ("one", 2), None)
    assert json.loads(JsonFormatter().format(record))["message"] == "one of 2"


def test_an_error_brings_its_traceback_in_the_same_line() -> None:
    """Where it came from, on one line of JSON."""
    try:
        int("no number")
    except ValueError:
        record = logging.LogRecord(LOGGER_NAME, logging.ERROR, __file__, 1, "failed", None, sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert 'int("no number")' in json.loads(line)["traceback"]


class Unprintable:
    """Fails when somebody wants to show it."""

    def __repr__(self) -> str:
        """Fail."""
        raise RuntimeError("no text")


def loop() -> dict[str, Any]:
    """Make a table that contains itself."""
    table: dict[str, Any] = {}
    table["self"] = table
    return table


ODD: dict[str, object] = {
    "a path": Path("/tmp/x"),
    "bytes": b"\x00\xff",
    "a set": {1},
    "NumPy's number": np.float32(0.5),
    "NumPy's array": np.arange(3),
    "not a number": float("nan"),
    "infinity": float("inf"),
    "more than 64 bits": 2**70,
    "half a surrogate": "broken \ud800 text",
    "a key that is no text": {1: "one", None: "none", (1, 2): "pair"},
    "a table in itself": loop(),
    "an error": ValueError("x"),
    "what has no text": Unprintable(),
    "line breaks": "one\ntwo\u2028three",
    "deep nesting": json.loads("[" * 500 + "]" * 500),
}


@pytest.mark.parametrize("case", ODD)
def test_an_odd_value_does_not_lose_the_line(case: str) -> None:
    """The other fields stay readable, and the odd one is told somehow."""
    found = formatted("odd", before=1, value=ODD[case], after="x")
    assert (found["message"], found["before"], found["after"]) == ("odd", 1, "x")
    assert "value" in found


def test_an_odd_message_does_not_lose_the_line() -> None:
    """Half a surrogate, as undecodable file names bring it."""
    assert formatted("bad \udcff name", x=1)["x"] == 1


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda key: key not in ("message", "name")),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(), inner),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_any_fields_give_one_line_of_json(fields: dict[str, Any]) -> None:
    """Whatever a caller passes on, a log shipper can read it."""
    assert {str(key) for key in fields} <= formatted("any", **fields).keys()


@pytest.mark.usefixtures("restored_logging")
def test_log_writes_fields_and_error_where_its_level_is_enabled(caplog: pytest.LogCaptureFixture) -> None:
    """One record, with the traceback of the error it was given."""
    logger.setLevel(logging.INFO)
    error = ValueError("x")
    log(logging.INFO, "happened", error=error, model="pets")
    (record,) = caplog.records
    assert record.__dict__["convserve_fields"] == {"model": "pets"}
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@pytest.mark.usefixtures("restored_logging")
def test_log_writes_nothing_below_its_level(caplog: pytest.LogCaptureFixture) -> None:
    """A disabled line costs next to nothing."""
    logger.setLevel(logging.WARNING)
    log(logging.INFO, "happened")
    assert not caplog.records


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error", "library warning"]),
        ("info", ["info", "warning", "error", "library warning"]),
        ("warning", ["warning", "error", "library warning"]),
        ("error", ["error", "library warning"]),
    ],
)
def test_the_level_decides_about_our_lines_and_libraries_warn_always(
    capsys: pytest.CaptureFixture[str], level: str, written: list[str]
) -> None:
    """Everything goes to standard error as JSON; a library's chatter below a warning goes nowhere."""
    configure_logging(level)
    for name in ("debug", "info", "warning", "error"):
        log(logging.getLevelNamesMapping()[name.upper()], name)
    logging.getLogger("library").info("library info")
    logging.getLogger("library").warning("library warning")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [json.loads(line)["message"] for line in captured.err.splitlines()] == written


@pytest.mark.usefixtures("restored_logging")
def test_configuring_twice_writes_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The handlers of before are replaced."""
    configure_logging("info")
    configure_logging("info")
    log(logging.INFO, "once")
    assert len(capsys.readouterr().err.splitlines()) == 1
