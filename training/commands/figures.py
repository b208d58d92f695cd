"""A run, or a network made by hand, in pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.commands.shared import settings_of
from training.durable import write_durably
from training.errors import TrainingError
from training.experiment import RunFolder
from training.figures.from_folder import CURVES, PictureChoice, material_of_architecture, material_of_run
from training.figures.of_run import KINDS, draw
from training.learning.progress import ConsoleReporter
from training.recipe_file import recipe_names
from training.settings import Settings


def figures(parsed: argparse.Namespace) -> int:
    """Draw the figures that were asked for, or all that apply."""
    settings, teller = settings_of(parsed), ConsoleReporter()
    choice = PictureChoice(file=parsed.picture, data=parsed.data, split=parsed.split, number=parsed.number)
    folder = _run_folder(parsed, settings=settings)
    if folder is None:
        kinds = parsed.kind or list(KINDS)
        material = material_of_architecture(parsed.subject, choice=choice, settings=settings)
        home = settings.runs_dir / "figures" / parsed.subject
    else:
        kinds = parsed.kind or _kinds_of(folder, teller)
        material = material_of_run(folder, kinds=kinds, choice=choice, settings=settings)
        home = folder.path / "figures"
    files = draw(material, kinds=kinds)
    _write(parsed.out or home, files, teller)
    missing = [kind for kind in parsed.kind or () if f"{kind}.png" not in files]
    if missing:
        raise TrainingError(f"{parsed.subject} has nothing to draw for {', '.join(missing)}.")
    return 0


def _run_folder(parsed: argparse.Namespace, *, settings: Settings) -> RunFolder | None:
    """Find the run that was meant; None where it is a network made by hand."""
    named = Path(parsed.subject)
    if named.is_dir():
        return RunFolder(named)
    name = named.stem if named.suffix == ".toml" else parsed.subject
    folder = RunFolder(settings.runs_dir / name / f"seed-{parsed.seed}")
    return folder if folder.path.is_dir() or name in recipe_names() or named.suffix == ".toml" else None


def _kinds_of(folder: RunFolder, teller: ConsoleReporter) -> list[str]:
    """Take every kind; of a run that is still going only its curves."""
    if folder.log.exists() and not folder.report.exists():
        teller.say(f"{folder.path} is not finished, so only its learning curves can be drawn")
        return [CURVES]
    return list(KINDS)


def _write(folder: Path, files: dict[str, bytes], teller: ConsoleReporter) -> None:
    for name, data in files.items():
        try:
            write_durably(folder / name, data)
        except OSError as error:
            raise TrainingError(f"{folder / name} cannot be written: {error.strerror}") from error
        teller.say(str(folder / name))
