"""`training.publication.publish`: a version appears whole, verified, and never changes; nothing else is touched."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from service.artifact import MANIFEST_NAME, dump_manifest, load_manifest
from tests.model_folders import color_network, write_model
from training.errors import PublicationError
from training.publication.publish import Files, publish, published_versions, require_free, verify


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The files of a model that verifies, its version left at 1."""
    write_model(tmp_path / "made")
    folder = tmp_path / "made" / "colors" / "1"
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _publish(models_dir: Path, files: Files, *, version: int | None = None) -> Path:
    return publish(models_dir, name="colors", version=version, files_of=lambda _: files)


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_versions_count_up_and_older_ones_stay(tmp_path: Path, files: Files) -> None:
    """The next free number is taken, beyond any gap, and what was published before is not touched."""
    models_dir = tmp_path / "models"
    first = _publish(models_dir, files)
    before = _tree(first)
    _publish(models_dir, files, version=7)
    third = _publish(models_dir, files)
    assert (first.name, third.name) == ("1", "8")
    assert _tree(first) == before
    assert published_versions(models_dir / "colors") == [1, 7, 8]
    assert _tree(third) == dict(files)


def test_version_is_told_to_what_makes_the_files(tmp_path: Path, files: Files) -> None:
    """A manifest carries the version under which it is published."""
    told: list[int] = []

    def files_of(version: int) -> Files:
        told.append(version)
        return files

    publish(tmp_path / "models", name="colors", version=4, files_of=files_of)
    assert told == [4]


def test_existing_version_is_refused(tmp_path: Path, files: Files) -> None:
    """A published version is immutable, and the way out is said."""
    _publish(tmp_path / "models", files)
    with pytest.raises(
        PublicationError, match=r"colors/1 exists, and a published version never changes; leave --version"
    ):
        _publish(tmp_path / "models", files, version=1)
    with pytest.raises(PublicationError):
        require_free(tmp_path / "models", name="colors", version=1)


@pytest.mark.parametrize("part", ["model.onnx", "samples/red.png", MANIFEST_NAME])
def test_folder_that_contradicts_its_manifest_is_not_published(tmp_path: Path, files: Files, part: str) -> None:
    """A changed byte anywhere stops the publication, and no trace of it stays."""
    broken = {**files, part: files[part] + b" x"}
    with pytest.raises(PublicationError, match=r"not published|nothing was published"):
        _publish(tmp_path / "models", broken)
    assert list((tmp_path / "models" / "colors").iterdir()) == []


def test_model_that_misses_its_golden_samples_is_not_published(tmp_path: Path, files: Files) -> None:
    """Hashes that agree are not enough: the samples are classified."""
    write_model(tmp_path / "other", network=color_network(sharpness=3.0))
    other = load_manifest(tmp_path / "other" / "colors" / "1" / MANIFEST_NAME)
    mine = tmp_path / "mine" / MANIFEST_NAME
    mine.parent.mkdir()
    mine.write_bytes(files[MANIFEST_NAME])
    manifest = load_manifest(mine)
    import dataclasses

    mixed = dump_manifest(dataclasses.replace(manifest, golden=other.golden))
    with pytest.raises(PublicationError, match=r"gives samples/red\.png probabilities that differ by"):
        _publish(tmp_path / "models", {**files, MANIFEST_NAME: mixed})


def test_rest_of_an_interrupted_publication_is_removed_and_never_counts(tmp_path: Path, files: Files) -> None:
    """A process that was killed half-way blocks nobody."""
    rest = tmp_path / "models" / "colors" / ".publishing-x1"
    rest.mkdir(parents=True)
    (rest / "model.onnx").write_bytes(b"half")
    assert published_versions(rest.parent) == []
    assert _publish(tmp_path / "models", files).name == "1"
    assert not rest.exists()


def test_failure_while_making_the_files_leaves_nothing(tmp_path: Path) -> None:
    """What goes wrong before anything is written changes nothing on disk but the model's empty folder."""

    def fails(_: int) -> Files:
        raise PublicationError("no samples")

    with pytest.raises(PublicationError, match="no samples"):
        publish(tmp_path / "models", name="colors", files_of=fails)
    assert list((tmp_path / "models" / "colors").iterdir()) == []


def test_place_that_cannot_be_written_is_told_in_words(tmp_path: Path, files: Files) -> None:
    """A models folder that is a file is no stack trace."""
    (tmp_path / "models").write_text("")
    with pytest.raises(PublicationError, match="cannot be written"):
        _publish(tmp_path / "models", files)


def test_publications_at_the_same_time_take_different_versions(tmp_path: Path, files: Files) -> None:
    """Two of them wait for each other instead of fighting for a number."""
    published: list[str] = []

    def one() -> None:
        published.append(_publish(tmp_path / "models", files).name)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(published) == ["1", "2", "3", "4"]


def test_published_files_can_be_read_by_others(tmp_path: Path, files: Files) -> None:
    """A service under another user reads the folder."""
    folder = _publish(tmp_path / "models", files)
    assert folder.stat().st_mode & 0o055 == 0o055
    assert (folder / "model.onnx").stat().st_mode & 0o044 == 0o044


def test_verify_reads_a_folder_as_a_whole(tmp_path: Path) -> None:
    """A sound folder gives its manifest; a missing file is told."""
    write_model(tmp_path)
    folder = tmp_path / "colors" / "1"
    assert verify(folder).name == "colors"
    (folder / "samples" / "red.png").unlink()
    with pytest.raises(PublicationError, match="does not verify"):
        verify(folder)
