"""`tests.benchmarks.serving.programs`: a process of its own, and why it failed."""

from __future__ import annotations

import pytest

from tests.benchmarks.serving.errors import BenchmarkError
from tests.benchmarks.serving.programs import output_of


def test_failed_program_says_why() -> None:
    """Its last line is the reason."""
    with pytest.raises(BenchmarkError, match=r"no_such_program failed: .*No module named"):
        output_of("no_such_program")
