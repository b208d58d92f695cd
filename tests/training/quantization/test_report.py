"""`training.quantization.report`: the same figures for people and for programs."""

from __future__ import annotations

import dataclasses
import json

from training.quantization import Quantized


def test_report_can_be_written_as_json(int8: Quantized) -> None:
    """With the derived figures of the comparison."""
    read = json.loads(json.dumps(int8.report.as_json()))
    assert read["accepted"] is True
    assert read["comparison"]["rise"] == int8.report.comparison.rise
    assert read["comparison"]["interval"] == list(int8.report.comparison.interval)
    assert len(read["measured"]) == 8


def test_words_tell_slower_from_faster(int8: Quantized) -> None:
    """A file that takes longer is not praised."""
    pace = dataclasses.replace(int8.report.pace, ratio=1.4, lowest=1.2, highest=1.6)
    assert "SLOWER than float32 (ratio of times 1.40, 1.20 to 1.60" in _words(int8, pace)
    faster = dataclasses.replace(pace, ratio=0.4)
    assert "2.50 times as fast as float32" in _words(int8, faster)


def test_words_of_a_refusal_say_why_and_where(refused: Quantized) -> None:
    """Reasons first, then layers."""
    words = refused.report.in_words()
    assert words.startswith("int8: REFUSED\n  because top-1 error rises by")
    assert "what each layer does alone, worst first" in words


def _words(int8: Quantized, pace: object) -> str:
    return dataclasses.replace(int8.report, pace=pace).in_words()  # type: ignore[arg-type]  # it is a Pace
