"""Where training finds pictures and puts its work; the only file of `training` that reads the environment.

Knows folders, not what lies in them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LAST_DATA_DIR = Path("../shared/data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Folders of one invocation.

    Args:
        data_dirs: Where data sets are looked for by name, in this order.
        runs_dir: One folder per recipe and seed is made here.
        models_dir: Published models.

    """

    data_dirs: tuple[Path, ...]
    runs_dir: Path
    models_dir: Path

    @property
    def cache_dir(self) -> Path:
        """Scratch folder of libraries that insist on one; nothing in it is worth keeping."""
        return self.runs_dir / "cache"


def from_environment(
    environment: Mapping[str, str] = os.environ,
    *,
    data_dir: Path | None = None,
    runs_dir: Path | None = None,
    models_dir: Path | None = None,
) -> Settings:
    """Read CONVSERVE_DATA_DIR, CONVSERVE_RUNS_DIR and CONVSERVE_MODELS_DIR; an argument that is not None wins.

    The folder `../shared/data` is tried after the data folder where it exists.
    """
    first = data_dir or Path(environment.get("CONVSERVE_DATA_DIR") or "data")
    last = (_LAST_DATA_DIR,) if _LAST_DATA_DIR.is_dir() else ()
    return Settings(
        data_dirs=(first, *last),
        runs_dir=runs_dir or Path(environment.get("CONVSERVE_RUNS_DIR") or "runs"),
        models_dir=models_dir or Path(environment.get("CONVSERVE_MODELS_DIR") or "models"),
    )
