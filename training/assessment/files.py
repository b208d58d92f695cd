"""An assessment on disk: `report.json` for programs; `report.html`, `report.md` and figures for people."""

from __future__ import annotations

from pathlib import Path

from training.assessment.assess import Assessed
from training.assessment.document import document
from training.assessment.drawing import evaluation_figures
from training.assessment.page import page_of
from training.assessment.record import Subject, as_json
from training.durable import write_durably
from training.errors import TrainingError

JSON_FILE = "report.json"
DOCUMENT_FILE = "report.md"
PAGE_FILE = "report.html"


def default_folder(subject: Subject, *, runs_dir: Path) -> Path:
    """Name the folder of a report that was not told where to go; variants do not overwrite each other."""
    variant = "" if subject.precision == "fp32" else f"-{subject.precision}"
    return runs_dir / "evaluation" / f"{subject.name}-{subject.version}{variant}"


def write_assessment(folder: Path, assessed: Assessed) -> list[Path]:
    """Write the report with its figures; `report.json` comes last, so where it stands all stands.

    Raises:
        TrainingError: The folder cannot be written.

    """
    figures = evaluation_figures(assessed)
    text = document(assessed.assessment, figures=figures)
    files = {
        **figures,
        DOCUMENT_FILE: text.encode(),
        PAGE_FILE: page_of(text, pictures=figures).encode(),
        JSON_FILE: as_json(assessed.assessment),
    }
    try:
        (folder / JSON_FILE).unlink(missing_ok=True)
        for name, data in files.items():
            write_durably(folder / name, data)
    except OSError as error:
        raise TrainingError(f"{folder} cannot be written: {error.strerror}") from error
    return [folder / name for name in files]
