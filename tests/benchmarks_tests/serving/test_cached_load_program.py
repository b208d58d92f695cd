"""`tests.benchmarks.serving.cached_load_program`: the network comes from the cache, or nothing is measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.artifact import Variant
from service.repository.cache import Cache
from tests.benchmarks.serving.cached_load_program import main
from tests.model_folders import write_model


def model(folder: Path) -> tuple[Path, tuple[Variant, ...]]:
    """Write a model; give its folder and its variants."""
    manifest = write_model(folder / "models")
    return folder / "models" / manifest.name / str(manifest.version), manifest.variants


def test_optimised_form_is_loaded(tmp_path: Path) -> None:
    """The time is of something that happened."""
    folder, (variant, *_) = model(tmp_path)
    assert Cache(tmp_path / "cache").write_optimized(variant.sha256, (folder / variant.file).read_bytes())
    assert main(tmp_path / "cache", folder, variant.precision) > 0


def test_empty_cache_is_no_quick_load(tmp_path: Path) -> None:
    """A network that would have to be loaded otherwise is not measured."""
    folder, (variant, *_) = model(tmp_path)
    with pytest.raises(SystemExit, match="holds no optimised form"):
        main(tmp_path / "cache", folder, variant.precision)
