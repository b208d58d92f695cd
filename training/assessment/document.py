"""An assessment in words: a Markdown document that stands beside its figures; pure, every figure from the record."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from training.assessment import drawing
from training.assessment.by_class import ClassScore
from training.assessment.latency import Timing
from training.assessment.perturbations import PERTURBATIONS
from training.assessment.record import Assessment, Subject
from training.assessment.robustness import Robustness

_MOST_CLASSES = 40
_MISTAKES_IN_WORDS = 10


def document(assessment: Assessment, *, figures: Collection[str] = ()) -> str:
    """Write the report.

    Args:
        assessment: What was measured.
        figures: File names of the figures that stand beside the document.

    """
    parts = [
        _heading(assessment),
        _scores(assessment),
        _classes(assessment, figures),
        _calibration(assessment, figures),
        _mistakes(assessment, figures),
        _robustness(assessment.robustness, figures),
        _latency(assessment),
        _made_with(assessment),
    ]
    return "\n".join(part for part in parts if part)


def summary(assessment: Assessment) -> str:
    """Say the most important figures in one line."""
    evaluation, subject = assessment.evaluation, assessment.subject
    return (
        f"{subject.name} version {subject.version} ({subject.precision}) on {evaluation.dataset} {evaluation.split}, "
        f"{evaluation.n:,} pictures: top-1 error {_with_interval(evaluation.top1_error, evaluation.top1_interval)}, "
        f"top-5 error {evaluation.top5_error:.2%}, calibration error {evaluation.calibration_error:.2%}, "
        f"{assessment.latency.total.median_ms:.2f} ms a picture"
    )


def _heading(assessment: Assessment) -> str:
    subject, evaluation = assessment.subject, assessment.evaluation
    network = f", {subject.architecture}" if subject.architecture else ""
    remarks = "".join(f"\nOf the data: {remark}\n" for remark in assessment.remarks)
    return f"""# {subject.name} version {subject.version} put to the test

`{subject.file}` ({subject.precision}{network}, {subject.bytes / 1000:,.0f} kB, sha256 `{subject.sha256[:12]}`) on the
{evaluation.n:,} pictures of the {evaluation.split} split of {evaluation.dataset}, through the decoder, the
preprocessing and the runtime that serve it.
{remarks}"""


def _scores(assessment: Assessment) -> str:
    evaluation = assessment.evaluation
    rows = [
        ("top-1 error", f"{evaluation.top1_error:.2%}", _interval(evaluation.top1_interval)),
        ("top-5 error", f"{evaluation.top5_error:.2%}", _interval(evaluation.top5_interval)),
        ("expected calibration error", f"{evaluation.calibration_error:.2%}", ""),
    ]
    few = len(assessment.labels) <= 5
    notes = ["", "With at most five classes the first five guesses are all there are.\n"] if few else []
    return "\n".join(
        [_table(("figure", "value", "95 % interval"), rows), *notes, _published(assessment.subject, assessment)]
    )


def _published(subject: Subject, assessment: Assessment) -> str:
    """Compare with what the publisher measured, where that was on the same pictures."""
    here = f"{assessment.evaluation.dataset} {assessment.evaluation.split}"
    if subject.published_top1_error is None or subject.published_on != here:
        return ""
    same = abs(subject.published_top1_error - assessment.evaluation.top1_error) < 0.5 / assessment.evaluation.n
    verdict = "the same as" if same else "not the same as"
    return f"The manifest says {subject.published_top1_error:.2%} on these pictures, {verdict} what was found here.\n"


def _classes(assessment: Assessment, figures: Collection[str]) -> str:
    by_error = sorted(assessment.classes, key=lambda score: -1.0 if score.error is None else score.error, reverse=True)
    shown = by_error[:_MOST_CLASSES]
    all_of_them = len(shown) == len(by_error)
    heading = "" if all_of_them else f"\nThe {len(shown)} hardest of {len(by_error)}; `report.json` has them all.\n"
    rows = [_class_row(score) for score in shown]
    columns = ("class", "pictures", "error", "95 % interval", "most often taken for", "right when guessed")
    table = _table(columns, rows)
    images = _image(drawing.CLASSES_FILE, figures) + _image(drawing.CONFUSION_FILE, figures)
    return f"## Class by class\n{heading}\n{table}\n{images}"


def _class_row(score: ClassScore) -> tuple[str, ...]:
    confused = f"{_cell(score.confused_with)} ({score.confused})" if score.confused_with else ""
    return (
        _cell(score.label),
        f"{score.n:,}",
        "" if score.error is None else f"{score.error:.2%}",
        "" if score.interval is None else _interval(score.interval),
        confused,
        "" if score.precision is None else f"{score.precision:.2%}",
    )


def _calibration(assessment: Assessment, figures: Collection[str]) -> str:
    rows = [
        (
            f"{part.low:.2f} to {part.high:.2f}",
            f"{part.n:,}",
            f"{part.confidence:.2%}",
            f"{part.accuracy:.2%}",
            _interval(part.interval),
        )
        for part in assessment.calibration
    ]
    columns = ("probability of the first guess", "pictures", "mean", "right", "95 % interval")
    return f"## Is it as sure as it is right?\n\n{_table(columns, rows)}\n{_image(drawing.CALIBRATION_FILE, figures)}"


def _mistakes(assessment: Assessment, figures: Collection[str]) -> str:
    if not assessment.mistakes:
        return "## The surest mistakes\n\nNot one picture is taken for another class.\n"
    rows = [
        (
            f"{mistake.number}",
            _cell(mistake.true),
            _cell(mistake.predicted),
            f"{mistake.probability:.2%}",
            f"{mistake.true_probability:.2%}",
        )
        for mistake in assessment.mistakes[:_MISTAKES_IN_WORDS]
    ]
    columns = ("picture, from 0", "is", "taken for", "with probability", "its own class got")
    return f"""## The surest mistakes

Mistakes made with certainty are worth a look: some are errors of the labels.

{_table(columns, rows)}
{_image(drawing.MISTAKES_FILE, figures)}"""


def _robustness(robustness: Robustness | None, figures: Collection[str]) -> str:
    if robustness is None:
        return ""
    titles = {perturbation.name: perturbation.title for perturbation in PERTURBATIONS}
    rows = [
        (
            titles.get(outcome.change, outcome.change),
            outcome.strength,
            f"{outcome.error:.2%}",
            _interval(outcome.interval),
            f"{100 * (outcome.error - robustness.error):+.2f}",
            f"{outcome.changed_guess:.2%}",
        )
        for outcome in robustness.outcomes
    ]
    columns = ("change", "strength", "top-1 error", "95 % interval", "points more", "other guess than before")
    left_out = "".join(f"\nLeft out: {reason}.\n" for reason in robustness.left_out)
    return f"""## When pictures are not as they should be

Measured on {robustness.pictures:,} of the {robustness.of:,} pictures, drawn by seed {robustness.seed}; unchanged,
their error is {_with_interval(robustness.error, robustness.interval)}. Every change is made to the decoded picture,
before the preprocessing; the side is the shorter one.

{_table(columns, rows)}{left_out}
{_image(drawing.ROBUSTNESS_FILE, figures)}"""


def _latency(assessment: Assessment) -> str:
    latency = assessment.latency
    parts = [
        ("from file to probabilities", latency.total),
        ("decoding", latency.decode),
        ("preprocessing", latency.preprocess),
        ("network", latency.infer),
    ]
    rows = [(name, *_times(timing)) for name, timing in parts]
    threads = f"{latency.threads} thread{'' if latency.threads == 1 else 's'}"
    return f"""## How long one picture takes

{latency.n:,} pictures one by one, {threads} of {latency.hardware}; HTTP and queueing are not in it.

{_table(("step", "median, ms", "10 % within, ms", "90 % within, ms"), rows)}"""


def _times(timing: Timing) -> tuple[str, ...]:
    return (f"{timing.median_ms:.3f}", f"{timing.p10_ms:.3f}", f"{timing.p90_ms:.3f}")


def _made_with(assessment: Assessment) -> str:
    libraries = ", ".join(f"{name} {version}" for name, version in assessment.versions.items())
    return f"Measured with {libraries}.\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str | None) -> str:
    """Keep names that people chose from breaking a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


def _image(file: str, figures: Collection[str]) -> str:
    return f"\n![{file.removesuffix('.png').replace('-', ' ')}]({file})\n" if file in figures else ""


def _interval(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{low:.2%} to {high:.2%}"


def _with_interval(share: float, interval: tuple[float, float]) -> str:
    return f"{share:.2%} (95 % interval {_interval(interval)})"
