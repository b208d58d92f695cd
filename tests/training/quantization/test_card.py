"""`training.quantization.card`: the section finds its place, and says what was measured."""

from __future__ import annotations

import dataclasses

from training.quantization import QuantizationReport, Quantized
from training.quantization.card import section_of, with_section

CARD = "# Shapes\n\n## How good it is\n\nVery.\n\n## What goes in and what comes out\n\nPictures.\n"


def _report(int8: Quantized, **changes: object) -> QuantizationReport:
    return dataclasses.replace(int8.report, **changes)  # type: ignore[arg-type]  # fields by name, in these tests alone


def test_section_stands_in_front_of_what_goes_in(int8: Quantized) -> None:
    """Behind how good the model is."""
    card = with_section(CARD, int8.report, file="model.int8.onnx")
    headings = [line for line in card.splitlines() if line.startswith("## ")]
    assert headings == ["## How good it is", "## In whole numbers: int8", "## What goes in and what comes out"]
    assert card.endswith("Pictures.\n")


def test_section_is_replaced_and_another_precision_keeps_its_own(int8: Quantized) -> None:
    """Quantising again does not make the card longer."""
    once = with_section(CARD, int8.report, file="model.int8.onnx")
    assert with_section(once, int8.report, file="model.int8.onnx") == once
    both = with_section(once, _report(int8, precision="fp16"), file="model.fp16.onnx")
    assert with_section(both, int8.report, file="model.int8.onnx").count("\n## ") == 4


def test_card_without_that_place_gets_the_section_at_its_end(int8: Quantized) -> None:
    """Any card will do."""
    card = with_section("# Shapes\n", int8.report, file="model.int8.onnx")
    assert card.startswith("# Shapes\n\n## In whole numbers: int8\n")
    assert with_section(card, int8.report, file="model.int8.onnx") == card


def test_figures_are_those_of_the_report(int8: Quantized) -> None:
    """Errors, interval, times, size; a slower file is called so."""
    pace = dataclasses.replace(int8.report.pace, before_s=0.004, after_s=0.001, ratio=0.25, lowest=0.2, highest=0.3)
    comparison = dataclasses.replace(
        int8.report.comparison, n=1000, newly_wrong=5, newly_right=2, wrong_before=50, disagreements=9
    )
    report = _report(int8, pace=pace, comparison=comparison, bytes_before=8_000_000, bytes_after=2_000_000)
    section = section_of(report, file="model.int8.onnx")
    for words in ("5.00%", "5.30%", "+0.30 points", "4 ms", "1 ms", "4.00 times as fast", "2,000 kB (25%)"):
        assert words in section
    slower = section_of(_report(int8, pace=dataclasses.replace(pace, ratio=1.5)), file="model.int8.onnx")
    assert "slower, 1.50 times the time" in slower
