"""What came out of a run, in one file: all that a card, a manifest or a table says about it.

The file `report.json` of a run folder exists only where training, export and evaluation were all completed.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from service.artifact import Architecture, Evaluation, Input, Output, Provenance, Reference
from training.durable import write_durably
from training.errors import CheckpointError
from training.experiment import RunFolder
from training.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Report:
    """One finished run.

    Args:
        recipe: As it was run.
        changes: What the command line changed in the recipe's file.
        recipe_digest: Short name of what it says.
        data_source: Name of the data set.
        training_pictures: Number of them.
        validation_pictures: Number of them.
        validation_in_training: Validation pictures that are identical to a training picture.
        test_in_training: Test pictures that are identical to a training or validation picture.
        best_epoch: Epoch whose weights were exported, from 1.
        validation_error: Of that epoch.
        labels: Class names in output order.
        input: The manifest's input.
        output: The manifest's output.
        architecture: Name and size.
        provenance: How to make the model again.
        model_sha256: Of the ONNX file.
        model_bytes: Its size.
        largest_difference: Of a logit, from PyTorch.
        temperature: By which the ONNX file divides the logits before the softmax.
        evaluation: Scores of the ONNX file on the test split.
        reference: What inputs and predictions looked like there.

    """

    recipe: Recipe
    changes: tuple[str, ...]
    recipe_digest: str
    data_source: str
    training_pictures: int
    validation_pictures: int
    validation_in_training: int
    test_in_training: int
    best_epoch: int
    validation_error: float
    labels: tuple[str, ...]
    input: Input
    output: Output
    architecture: Architecture
    provenance: Provenance
    model_sha256: str
    model_bytes: int
    largest_difference: float
    evaluation: Evaluation
    reference: Reference
    temperature: float = 1.0


_ADAPTER: TypeAdapter[Report] = TypeAdapter(Report)


def write_report(path: Path, report: Report) -> None:
    """Write a report durably."""
    write_durably(path, _ADAPTER.dump_json(report, indent=2) + b"\n")


def read_report(path: Path) -> Report:
    """Read what `write_report` wrote.

    Raises:
        CheckpointError: There is none, or it is of another version of this program.

    """
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"There is no finished run in {path.parent}; train first, or --resume.") from error
    except ValidationError as error:
        raise CheckpointError(f"{path} cannot be read; make it again with `export`. {error}") from error


def best_seed(name: str, *, digest: str, runs_dir: Path) -> int:
    """Choose among the finished runs of a recipe the one with the lowest validation error.

    Raises:
        CheckpointError: No run of this recipe is finished.

    """
    folders = [RunFolder(path) for path in sorted((runs_dir / name).glob("seed-*"))]
    reports = [read_report(folder.report) for folder in folders if folder.report.exists()]
    fitting = [report for report in reports if report.recipe_digest == digest]
    if not fitting:
        raise CheckpointError(f"No run of {name} as the recipe stands is finished in {runs_dir}; train it first.")
    return min(fitting, key=lambda report: report.validation_error).provenance.seed
