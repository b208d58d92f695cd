"""One recipe with one seed, and the folder in which its run keeps everything."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from training.recipe import Recipe
from training.recipe_file import recipe_digest


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is run.

    Args:
        name: Of the recipe.
        recipe: Everything that decides the outcome but the seed.
        seed: Of every random number.
        changes: What the command line changed in the recipe's file, like `training.epochs=2`.

    """

    name: str
    recipe: Recipe
    seed: int
    changes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Short name of what the recipe says."""
        return recipe_digest(self.recipe)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Names of the files of a run; nothing is made before it is written.

    Args:
        path: `<runs>/<recipe>/seed-<seed>`.

    """

    path: Path

    @classmethod
    def of(cls, experiment: Experiment, *, runs_dir: Path) -> RunFolder:
        """Find the folder of an experiment."""
        return cls(runs_dir / experiment.name / f"seed-{experiment.seed}")

    @property
    def last(self) -> Path:
        """The checkpoint to continue from."""
        return self.path / "last.safetensors"

    @property
    def best(self) -> Path:
        """The weights of the epoch with the lowest validation error."""
        return self.path / "best.safetensors"

    @property
    def log(self) -> Path:
        """One line per epoch."""
        return self.path / "log.csv"

    @property
    def tensorboard(self) -> Path:
        """The same figures as TensorBoard reads them, in a folder."""
        return self.path / "tensorboard"

    @property
    def figures(self) -> Path:
        """Pictures of what came out, in a folder."""
        return self.path / "figures"

    @property
    def recipe(self) -> Path:
        """The recipe as it was run, defaults and changes included."""
        return self.path / "recipe.json"

    @property
    def environment(self) -> Path:
        """Hardware, versions and commit."""
        return self.path / "environment.json"

    @property
    def model(self) -> Path:
        """The exported network."""
        return self.path / "model.onnx"

    @property
    def report(self) -> Path:
        """What came out; it exists only where the run is complete."""
        return self.path / "report.json"

    @property
    def is_unfinished(self) -> bool:
        """A run began here and did not come to its report."""
        return self.last.exists() and not self.report.exists()

    def clear(self) -> None:
        """Remove what an earlier run left, so that nothing of it can be taken for the new one's."""
        rests = self.path.glob(".*.safetensors.*")  # of saves that were killed
        for file in (self.report, self.model, self.best, self.last, self.log, self.recipe, *rests):
            file.unlink(missing_ok=True)
        for folder in (self.tensorboard, self.figures):
            shutil.rmtree(folder, ignore_errors=True)
