"""A version appears whole or not at all, and what fails or is interrupted leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from service.adding.publication import publish
from service.errors import ArtifactError, ConfigurationError
from service.repository.store import StoredVersion

FILES = {"model.onnx": b"network", "samples/picture.png": b"picture"}


def files_of(version: int) -> Mapping[str, bytes]:
    """Give files that know their version."""
    return {**FILES, "manifest.json": str(version).encode()}


def good(_: StoredVersion) -> None:
    """Find nothing wrong."""


def everything_in(folder: Path) -> set[str]:
    """List files and folders, hidden ones too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_the_folder_is_checked_before_anybody_can_see_it(tmp_path: Path) -> None:
    """While it is checked it is hidden and complete; afterwards it has its number."""
    seen: list[set[str]] = []

    def check(stored: StoredVersion) -> None:
        assert stored.folder.name.startswith(".")
        assert (stored.folder / "model.onnx").read_bytes() == b"network"
        seen.append({path.name for path in (tmp_path / "m").iterdir() if not path.name.startswith(".")})

    stored = publish(tmp_path, name="m", version=None, files_of=files_of, check=check)
    assert seen == [set()]
    assert (stored.version, stored.folder) == (1, tmp_path / "m" / "1")
    assert (stored.folder / "manifest.json").read_bytes() == b"1"
    expected = {"m", "m/1", "m/1/samples", "m/1/manifest.json", *(f"m/1/{name}" for name in FILES)}
    assert everything_in(tmp_path) == expected
    assert stored.folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), ArtifactError(Path("x"), reason="odd"), MemoryError()], ids=repr
)
def test_nothing_is_left_of_what_failed_or_was_interrupted(tmp_path: Path, error: BaseException) -> None:
    """Neither in a new models folder, which disappears again, nor beside an older version."""

    def fail(_: StoredVersion) -> None:
        raise error

    with pytest.raises(type(error)):
        publish(tmp_path / "deep" / "models", name="m", version=None, files_of=files_of, check=fail)
    assert everything_in(tmp_path) == set()
    publish(tmp_path, name="m", version=None, files_of=files_of, check=good)
    before = everything_in(tmp_path)
    with pytest.raises(type(error)):
        publish(tmp_path, name="m", version=None, files_of=files_of, check=fail)
    assert everything_in(tmp_path) == before


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """It would stay for ever otherwise, because nobody looks into hidden folders."""
    left = tmp_path / "m" / ".adding-4711"
    left.mkdir(parents=True)
    (left / "model.onnx").write_bytes(b"half")
    publish(tmp_path, name="m", version=None, files_of=files_of, check=good)
    assert {path.name for path in (tmp_path / "m").iterdir()} == {"1"}


def test_several_at_once_get_versions_of_their_own(tmp_path: Path) -> None:
    """Each waits for the one before."""
    found: list[int] = []

    def run() -> None:
        found.append(publish(tmp_path, name="m", version=None, files_of=files_of, check=good).version)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    for version in found:
        assert (tmp_path / "m" / str(version) / "manifest.json").read_bytes() == str(version).encode()


def test_a_version_that_is_taken_is_refused(tmp_path: Path) -> None:
    """And stays what it was."""
    publish(tmp_path, name="m", version=3, files_of=files_of, check=good)
    with pytest.raises(ArtifactError, match="leave --version out to take the next free one"):
        publish(tmp_path, name="m", version=3, files_of=lambda _: {"manifest.json": b"other"}, check=good)
    assert (tmp_path / "m/3/manifest.json").read_bytes() == b"3"


@pytest.mark.parametrize("folder", ["file/models", "/sys/models"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, folder: str) -> None:
    """A file where a folder should be, and a place where nobody may write."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"models/m cannot be written \(.+\); nothing was added"):
        publish(tmp_path / folder, name="m", version=None, files_of=files_of, check=good)
    assert everything_in(tmp_path) == {"file"}
