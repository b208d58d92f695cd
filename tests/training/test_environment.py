"""`training.environment`: what a run was made on and with."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

from training.environment import commit, current_environment, hardware


def _git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


def test_commit_is_marked_where_tracked_files_were_changed(tmp_path: Path) -> None:
    """A run can be made again only from what was committed; files that git does not know do not count."""
    _git(tmp_path, "init")
    (tmp_path / "a").write_text("1")
    _git(tmp_path, "add", "a")
    _git(tmp_path, "commit", "-m", "x")
    (tmp_path / "new").write_text("1")
    clean = commit(tmp_path)
    assert len(clean) == 12
    (tmp_path / "a").write_text("2")
    assert commit(tmp_path) == f"{clean}-dirty"


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    """A copy without history trains all the same."""
    assert commit(tmp_path) == ""


def test_hardware_names_processor_and_threads() -> None:
    """Minutes mean something only beside the machine that took them."""
    torch.set_num_threads(1)
    text = hardware(torch.device("cpu"), processes=1)
    assert "core" in text
    assert "of " in text


def test_versions_are_those_installed() -> None:
    """The libraries that decide the outcome are listed as they are."""
    found = current_environment(torch.device("cpu"), processes=1).versions
    assert found["torch"] == version("torch")
    assert found["onnxruntime"] == version("onnxruntime")
