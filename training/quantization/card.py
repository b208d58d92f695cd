"""What a model card says about a file in fewer bits; a section that finds its place in a card that exists."""

from __future__ import annotations

import re

from service.artifact import Precision
from training.quantization.report import QuantizationReport

_BEFORE = "\n## What goes in and what comes out"
_TITLES: dict[Precision, str] = {
    "fp32": "In float32",
    "int8": "In whole numbers: int8",
    "fp16": "In half the width: fp16, for GPUs",
}


def section_of(report: QuantizationReport, *, file: str) -> str:
    """Write the section, ending in a newline.

    Args:
        report: Of the accepted file.
        file: Its name in the model folder.

    """
    comparison, pace = report.comparison, report.pace
    low, high = comparison.interval
    speed = f"{1 / pace.ratio:.2f} times as fast" if pace.ratio <= 1 else f"slower, {pace.ratio:.2f} times the time"
    return f"""## {_TITLES[report.precision]}

`{file}` is the same network in {report.bytes_after / 1000:,.0f} kB ({report.bytes_after / report.bytes_before:.0%}).
{_how(report)}

| figure | float32 | {report.precision} | difference |
|---|---|---|---|
| top-1 error | {comparison.error_before:.2%} | {comparison.error_after:.2%} | {_points(comparison.rise)} points \
(95 % interval {_points(low)} to {_points(high)}, paired) |
| time of one picture on a processor, one thread | {pace.before_s * 1000:.3g} ms | {pace.after_s * 1000:.3g} ms | \
{speed} ({pace.lowest:.2f} to {pace.highest:.2f} of the time over {pace.turns} turns) |

Of {comparison.n:,} first guesses {comparison.disagreements:,} changed: {comparison.newly_wrong:,} became wrong, \
{comparison.newly_right:,} became right.
The service takes this file with `CONVSERVE_PRECISION={report.precision}`.
"""


def with_section(card: str, report: QuantizationReport, *, file: str) -> str:
    """Put the section into a card, in front of what goes in and comes out; one of the same precision is replaced."""
    title = re.escape(f"## {_TITLES[report.precision]}")
    without = re.sub(rf"\n{title}\n.*?(?=\n## |\Z)", "", card, flags=re.DOTALL)
    section = "\n" + section_of(report, file=file)
    if _BEFORE in without:
        return without.replace(_BEFORE, section + _BEFORE, 1)
    return without.rstrip("\n") + "\n" + section


def _how(report: QuantizationReport) -> str:
    kept = f"; in float32 stay {', '.join(report.chosen.spared)}" if report.chosen.spared else ""
    if report.precision == "fp16":
        return f"Weights and tensors are float16, softmax and local response normalisation float32{kept}."
    return (
        f"Weights have a scale for each output channel; the ranges of tensors come from\n"
        f"{report.calibration_pictures:,} training pictures ({report.chosen.calibration}){kept}.\n"
        f"Chosen among {len(report.measured)} forms on {report.selection_pictures:,} pictures that were held back from "
        "calibration."
    )


def _points(share: float) -> str:
    return f"{share * 100:+.2f}"
