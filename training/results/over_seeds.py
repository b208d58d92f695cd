"""Published figures: one small file per recipe with what each seed gave.

Nobody types a figure into a table. `compare` writes `recipes/results/*.json`, and README tables, model cards and the
heading of each recipe are written from there.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from service.artifact import Architecture
from training.durable import write_durably
from training.errors import TrainingError
from training.recipe_file import RECIPES_DIR
from training.results.report import Report

RESULTS_DIR = RECIPES_DIR / "results"
_STRICT = ConfigDict(extra="forbid", strict=True)
HEADING = "# Measured:"


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class SeedResult:
    """What one seed gave; errors are shares in 0..1, on the test split unless named otherwise."""

    seed: int
    top1_error: float
    top5_error: float
    calibration_error: float
    validation_error: float
    best_epoch: int
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class SinglePicture:
    """How long the network takes for one picture on a processor.

    Args:
        median_ms: Half of the pictures take no longer; decoding and preprocessing are not in it.
        n: Pictures, one after the other.
        threads: Of the runtime.
        hardware: Processor, and how many cores.

    """

    median_ms: float
    n: int
    threads: int
    hardware: str


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation over seeds; the deviation of a single seed is unknown."""

    mean: float
    deviation: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value."""
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.fmean(values), deviation, len(values))

    def percent(self) -> str:
        """Write shares as per cent: `7.43 ± 0.12`."""
        deviation = "" if self.deviation is None else f" ± {self.deviation:.2%}".removesuffix("%")
        return f"{self.mean:.2%}".removesuffix("%") + deviation


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Results:
    """What a recipe gives.

    Args:
        recipe: Its name.
        recipe_digest: What it said when this was measured.
        dataset: Name of the data set.
        n: Test pictures.
        epochs: Passes over the training pictures.
        architecture: Name and size.
        hardware: On which the minutes were measured.
        runs: One per seed.
        width: Factor of the channels of every layer, where the architecture has that option.
        model_bytes: Size of the ONNX file.
        single_picture: None where nobody measured it.

    """

    recipe: str
    recipe_digest: str
    dataset: str
    n: int
    epochs: int
    architecture: Architecture
    hardware: str
    runs: tuple[SeedResult, ...]
    width: float = 1.0
    model_bytes: int | None = None
    single_picture: SinglePicture | None = None

    @classmethod
    def of(cls, name: str, reports: Sequence[Report], *, single_picture: SinglePicture | None = None) -> Results:
        """Gather the reports of several seeds of one recipe."""
        first = reports[0]
        return cls(
            recipe=name,
            recipe_digest=first.recipe_digest,
            dataset=first.evaluation.dataset,
            n=first.evaluation.n,
            epochs=first.recipe.training.epochs,
            architecture=first.architecture,
            hardware=first.provenance.hardware,
            runs=tuple(_seed_result(report) for report in reports),
            width=_width_of(first),
            model_bytes=first.model_bytes,
            single_picture=single_picture,
        )

    def spread(self, figure: str) -> Spread:
        """Summarise one figure of `SeedResult` over the seeds."""
        return Spread.of([getattr(run, figure) for run in self.runs])

    def heading(self) -> str:
        """Say the outcome in the one line that stands above the recipe."""
        top1, minutes = self.spread("top1_error"), self.spread("minutes")
        return (
            f"{HEADING} top-1 error {top1.percent()} % (n = {top1.n} seeds, {self.n:,} test pictures), "
            f"{minutes.mean:.1f} minutes each on {self.hardware}"
        )


_ADAPTER: TypeAdapter[Results] = TypeAdapter(Results)


def write_results(results: Results, *, folder: Path = RESULTS_DIR) -> Path:
    """Replace the published figures of a recipe; those of a group's lie in a folder of its name."""
    path = folder / f"{results.recipe}.json"
    write_durably(path, _ADAPTER.dump_json(results, indent=2) + b"\n")
    return path


def read_results(name: str, *, folder: Path = RESULTS_DIR) -> Results | None:
    """Read the published figures of a recipe; None where there are none.

    Raises:
        TrainingError: The file is damaged.

    """
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except ValidationError as error:
        raise TrainingError(f"{path} is damaged; measure again with `compare {name}`. {error}") from error


def all_results(*, folder: Path = RESULTS_DIR) -> list[Results]:
    """Read the published figures of all recipes outside groups, the highest error first, as history went."""
    found = [read_results(path.stem, folder=folder) for path in folder.glob("*.json")]
    present = [results for results in found if results is not None]
    return sorted(present, key=lambda results: -results.spread("top1_error").mean)


def _width_of(report: Report) -> float:
    width = report.recipe.network.options.get("width", 1.0)
    return float(width) if isinstance(width, int | float) else 1.0


def _seed_result(report: Report) -> SeedResult:
    return SeedResult(
        seed=report.provenance.seed,
        top1_error=report.evaluation.top1_error,
        top5_error=report.evaluation.top5_error,
        calibration_error=report.evaluation.calibration_error,
        validation_error=report.validation_error,
        best_epoch=report.best_epoch,
        minutes=report.provenance.minutes,
    )
