"""Logs: one JSON object a line on standard error, UTC, never pictures, never keys."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import orjson

LOGGER_NAME: Final = "convserve"
_FIELDS: Final = "convserve_fields"

logger: Final = logging.getLogger(LOGGER_NAME)
_audit_logger: Final = logging.getLogger(f"{LOGGER_NAME}.audit")
_audit_logger.setLevel(logging.INFO)  # its own: no setting silences who did what


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; fields given to `log` stand beside the message.

    Args:
        constant: Fields of every line.

    """

    def __init__(self, **constant: object) -> None:
        super().__init__()
        self._constant = constant

    def format(self, record: logging.LogRecord) -> str:
        """Write time, level, logger and message first, then the fields, then the traceback."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **self._constant,
        }
        if record.name != LOGGER_NAME:
            line["logger"] = record.name
        line.update(getattr(record, _FIELDS, {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _as_json(line)


def _as_json(line: dict[str, Any]) -> str:
    try:
        return orjson.dumps(line, default=str).decode()
    except TypeError:  # more than 64 bits, half a surrogate, a table in itself: the line counts for more than its form
        return orjson.dumps({name: _shown(value) for name, value in line.items()}).decode()


def _shown(value: object) -> object:
    """Return a value that JSON can hold: itself, or else its text."""
    try:
        return orjson.Fragment(orjson.dumps(value, default=str))
    except TypeError:
        pass
    try:
        return ascii(value)
    except Exception:  # noqa: BLE001  a value's own __repr__ may raise anything
        return f"<{type(value).__name__}>"


def configure_logging(level: str, **constant: object) -> None:
    """Send everything at and above `level` to standard error as JSON, from libraries too.

    Args:
        level: Least severe one, in lower case.
        constant: Fields of every line.

    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(**constant))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(level.upper())


def log(level: int, message: str, *, error: BaseException | None = None, **fields: object) -> None:
    """Write one line with fields beside the message, where the level is enabled.

    Args:
        level: As in `logging`.
        message: What happened, a constant text.
        error: Its traceback goes into the line.
        fields: Data of the case.

    """
    if logger.isEnabledFor(level):
        logger.log(level, message, exc_info=error, extra={_FIELDS: fields})


def audit(level: int, message: str, **fields: object) -> None:
    """Write one line about an act of an administrator, whatever the least severe level of other lines is.

    Args:
        level: `logging.INFO` for one that was done, above for one that was not.
        message: What kind of act, a constant text.
        fields: Data of the case.

    """
    _audit_logger.log(level, message, extra={_FIELDS: fields})
