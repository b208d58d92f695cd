"""`training.settings`: which folders are used, and who wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.settings import from_environment


def test_without_anything_the_folders_lie_below_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone works without settings."""
    monkeypatch.chdir(tmp_path)
    found = from_environment({})
    assert found.data_dirs == (Path("data"),)
    assert found.runs_dir == Path("runs")
    assert found.models_dir == Path("models")


def test_environment_names_the_folders_and_arguments_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable replaces a default, and an argument replaces a variable; an empty variable counts as none."""
    monkeypatch.chdir(tmp_path)
    names = {"CONVSERVE_DATA_DIR": "/pictures", "CONVSERVE_RUNS_DIR": "/work", "CONVSERVE_MODELS_DIR": ""}
    found = from_environment(names, runs_dir=Path("/elsewhere"))
    assert found.data_dirs == (Path("/pictures"),)
    assert found.runs_dir == Path("/elsewhere")
    assert found.models_dir == Path("models")


def test_shared_data_is_tried_last_where_it_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The named folder comes first, so that it can replace a shared data set."""
    (tmp_path / "shared" / "data").mkdir(parents=True)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert from_environment({}).data_dirs == (Path("data"), Path("../shared/data"))
