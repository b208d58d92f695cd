"""The folder in which the benchmark keeps what it makes once: pictures, models, environments, logs.

Git ignores it by a file inside it. Everything in it can be deleted; the next run makes it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.processes import ROOT

DEFAULT_FOLDER = ROOT / "build" / "bench"


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folders below one root.

    Args:
        root: Made where it is missing.

    """

    root: Path

    @classmethod
    def at(cls, root: Path) -> Workplace:
        """Make the folder, and keep git and the linters out of it."""
        root.mkdir(parents=True, exist_ok=True)
        (root / ".gitignore").write_text("*\n", encoding="ascii")
        return cls(root.resolve())

    @property
    def pictures(self) -> Path:
        """One folder per kind of picture."""
        return self.root / "pictures"

    def models_of(self, model: str) -> Path:
        """Give the models folder that holds this one model, because a service loads all that it finds."""
        return self.root / "models" / model

    @property
    def cache(self) -> Path:
        """The service's own cache."""
        return self.root / "cache"

    @property
    def environments(self) -> Path:
        """One virtual environment per rival."""
        return self.root / "environments"

    @property
    def logs(self) -> Path:
        """What servers print."""
        folder = self.root / "logs"
        folder.mkdir(exist_ok=True)
        return folder
