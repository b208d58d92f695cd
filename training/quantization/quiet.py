"""Keeps the libraries that quantise from talking: progress on standard output, advice on the root logger.

What they say is either reported here as a figure or is advice for somebody who calls them by hand.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

import onnxruntime

_ERRORS = 3  # of the runtime's own log levels


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Swallow what is printed and logged meanwhile, and leave logging as it was.

    The handler is there because `logging.warning` sets up the root logger for good where it has none.
    """
    root, handler = logging.getLogger(), logging.NullHandler()
    before = logging.root.manager.disable
    onnxruntime.set_default_logger_severity(_ERRORS)
    root.addHandler(handler)
    logging.disable(logging.CRITICAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
        root.removeHandler(handler)
