"""What can keep a part of the benchmark from being measured."""

from __future__ import annotations


class BenchmarkError(Exception):
    """Something that is measured could not be made, started or asked; the text says what to do."""
