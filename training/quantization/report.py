"""What came out of quantising a network: every figure that decides, and the words for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from service.artifact import Precision
from training.quantization.candidates import Measured
from training.quantization.gate import GoldenAnswer, points
from training.quantization.latency import Pace
from training.quantization.paired import Comparison
from training.quantization.sensitivity import Damage

_WORST = 10  # layers that the words name


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationReport:
    """One attempt to write a network in fewer bits.

    Args:
        precision: Of the new file.
        accepted: It may be published.
        objections: Why not, in sentences.
        max_rise: Largest rise of the top-1 error that was accepted, as a share.
        comparison: Of the first guesses of both files on the evaluation pictures.
        top5_error: Of the new file, as a share.
        chosen: The form that was written.
        measured: All forms that were tried, on held-back pictures.
        selection_pictures: Number of these.
        calibration_pictures: Number of training pictures that gave the ranges; 0 where none are needed.
        pace: Time of one picture, or of one whole batch where the network takes no other.
        bytes_before: Size of the float32 file.
        bytes_after: Size of the new file.
        golden: What both say about each golden sample.
        damages: Layers and what each does alone, worst first; only where the file was refused.

    """

    precision: Precision
    accepted: bool
    objections: tuple[str, ...]
    max_rise: float
    comparison: Comparison
    top5_error: float
    chosen: Measured
    measured: tuple[Measured, ...]
    selection_pictures: int
    calibration_pictures: int
    pace: Pace
    bytes_before: int
    bytes_after: int
    golden: tuple[GoldenAnswer, ...]
    damages: tuple[Damage, ...]

    def as_json(self) -> dict[str, Any]:
        """Give every figure as plain values, the derived ones of the comparison too."""
        comparison = self.comparison
        derived = {
            "error_before": comparison.error_before,
            "error_after": comparison.error_after,
            "rise": comparison.rise,
            "interval": comparison.interval,
            "p_value": comparison.p_value,
        }
        plain = asdict(self)
        return {**plain, "comparison": {**plain["comparison"], **derived}}

    def in_words(self) -> str:
        """Tell the outcome in a few lines."""
        lines = [
            f"{self.precision}: {'accepted' if self.accepted else 'REFUSED'}",
            *(f"  because {objection}" for objection in self.objections),
            f"  {_error_in_words(self.comparison)}",
            f"  {_pace_in_words(self.pace)}",
            f"  {self.bytes_after / 1000:,.0f} kB, {self.bytes_after / self.bytes_before:.0%} of float32",
            f"  in float32 stays {', '.join(self.chosen.spared) or 'no layer'}; calibration: {self.chosen.calibration}",
        ]
        if self.golden:
            worst = max(answer.difference for answer in self.golden)
            lines.append(f"  {len(self.golden)} golden samples, largest difference of a probability {worst:.2g}")
        if self.damages:
            lines += ["  what each layer does alone, worst first:", *(f"    {_damage(one)}" for one in self._worst())]
        return "\n".join(lines)

    def _worst(self) -> tuple[Damage, ...]:
        return self.damages[:_WORST]


@dataclass(frozen=True, slots=True)
class Quantized:
    """A report, and the file if it was accepted.

    Args:
        report: How it went.
        network: The ONNX file; None where the gate refused it.

    """

    report: QuantizationReport
    network: bytes | None


def _error_in_words(comparison: Comparison) -> str:
    low, high = comparison.interval
    return (
        f"top-1 error {comparison.error_before:.2%} -> {comparison.error_after:.2%} on {comparison.n:,} pictures: "
        f"{points(comparison.rise)}, 95 % interval {low * 100:+.2f} to {high * 100:+.2f} (paired), "
        f"McNemar p = {comparison.p_value:.2g}; {comparison.disagreements:,} first guesses changed"
    )


def _pace_in_words(pace: Pace) -> str:
    verdict = f"{1 / pace.ratio:.2f} times as fast as float32" if pace.ratio <= 1 else "SLOWER than float32"
    return (
        f"{pace.after_s * 1000:.3g} ms a run against {pace.before_s * 1000:.3g} ms, one thread: {verdict} "
        f"(ratio of times {pace.ratio:.2f}, {pace.lowest:.2f} to {pace.highest:.2f} over {pace.turns} turns)"
    )


def _damage(damage: Damage) -> str:
    return f"{damage.changed:6.1%} of first guesses changed, {damage.signal_to_noise_db:5.1f} dB  {damage.layer}"
