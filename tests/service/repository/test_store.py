"""The store finds version folders and hands on only bytes that are what their manifest says."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from service.artifact import Manifest
from service.errors import ArtifactError, ConfigurationError, HashMismatchError, ManifestError, UnsafeModelError
from service.repository.store import StoredVersion, find_versions, read_manifest, read_network, read_sample
from tests.model_folders import color_network, picture, write_model


def folders(models_dir: Path, *names: str) -> None:
    """Make empty folders."""
    for name in names:
        (models_dir / name).mkdir(parents=True)


def found(models_dir: Path) -> dict[str, list[int]]:
    """List names and version numbers."""
    return {name: [stored.version for stored in versions] for name, versions in find_versions(models_dir).items()}


def test_versions_are_listed_newest_first_by_number_and_models_by_name(tmp_path: Path) -> None:
    """10 is newer than 9, whatever the alphabet says."""
    folders(tmp_path, "zebra/1", "apple/9", "apple/10", "apple/2", "a-b.c_d/1")
    assert found(tmp_path) == {"a-b.c_d": [1], "apple": [10, 9, 2], "zebra": [1]}
    assert list(find_versions(tmp_path)) == ["a-b.c_d", "apple", "zebra"]
    assert find_versions(tmp_path)["zebra"] == [StoredVersion("zebra", 1, tmp_path / "zebra" / "1")]


@pytest.mark.parametrize("name", [".incoming/1", "apple/.2", "apple/.2.tmp/1"])
def test_a_hidden_folder_is_passed_over_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """A publication in progress is no news."""
    folders(tmp_path, "apple/1", name)
    assert found(tmp_path) == {"apple": [1]}
    assert not caplog.records


@pytest.mark.parametrize(
    "name",
    ["Apple/1", "-apple/1", "äpfel/1", "a b/1", "line\n/1", "x" * 65 + "/1", "apple/v2", "apple/02", "apple/0"],
)
def test_a_folder_whose_name_is_none_is_passed_over_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Somebody put it there on purpose and wonders why it is not served."""
    folders(tmp_path, "apple/1", name)
    assert found(tmp_path) == {"apple": [1]}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "passed over" in record.getMessage()


def test_files_beside_the_folders_and_models_without_versions_are_passed_over(tmp_path: Path) -> None:
    """A README in the models folder is no model."""
    folders(tmp_path, "apple/1", "empty")
    (tmp_path / "readme").write_text("x")
    (tmp_path / "apple" / "2").write_text("x")
    assert found(tmp_path) == {"apple": [1]}


def test_an_empty_models_folder_has_no_models(tmp_path: Path) -> None:
    """That is no error: models may come."""
    assert find_versions(tmp_path) == {}


def test_a_missing_models_folder_is_told_with_the_setting_that_names_it(tmp_path: Path) -> None:
    """The whole path, so that nobody guesses what a relative one was relative to."""
    missing = tmp_path / "nowhere"
    with pytest.raises(ConfigurationError, match=f"no models folder {missing}; set CONVSERVE_MODELS_DIR"):
        find_versions(missing)


def test_a_models_folder_that_is_a_file_is_told_as_such(tmp_path: Path) -> None:
    """The operating system's own reason stands behind the path."""
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(ConfigurationError, match=f"{path} cannot be read .*directory"):
        find_versions(path)


@pytest.fixture
def stored(tmp_path: Path) -> StoredVersion:
    """Publish a model."""
    write_model(tmp_path)
    return StoredVersion("colors", 1, tmp_path / "colors" / "1")


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Nothing is added and nothing lost on the way."""
    written = write_model(tmp_path)
    assert read_manifest(StoredVersion("colors", 1, tmp_path / "colors" / "1")) == written


@pytest.mark.parametrize(("name", "version"), [("other", 1), ("colors", 2)])
def test_a_manifest_of_another_folder_is_refused_with_both_names(tmp_path: Path, name: str, version: int) -> None:
    """A folder that was copied or renamed would answer under a name that is not its own."""
    write_model(tmp_path, name=name, version=version)
    moved = (tmp_path / name / str(version)).rename(tmp_path / "moved")
    with pytest.raises(ManifestError, match=f"speaks of '{name}' version {version}, and the folder is colors/1"):
        read_manifest(StoredVersion("colors", 1, moved))


def test_an_unknown_key_in_a_manifest_is_named(stored: StoredVersion) -> None:
    """Strictness comes with the place of the mistake."""
    path = stored.folder / "manifest.json"
    content = json.loads(path.read_bytes())
    content["input"]["preprocessing"]["resize"]["colour"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(ManifestError, match=r"input\.preprocessing\.resize\.colour: Unexpected keyword argument"):
        read_manifest(stored)


def test_a_missing_manifest_is_told(stored: StoredVersion) -> None:
    """An empty version folder is refused, not skipped."""
    (stored.folder / "manifest.json").unlink()
    with pytest.raises(ManifestError, match=r"manifest\.json: cannot be read \(No such file"):
        read_manifest(stored)


def test_the_bytes_of_a_network_are_those_that_were_published(stored: StoredVersion) -> None:
    """Size and hash agree, so the bytes are handed on."""
    manifest = read_manifest(stored)
    assert read_network(stored, manifest.variants[0]) == color_network()


def changed(stored: StoredVersion) -> None:
    """Change one byte."""
    path = stored.folder / "model.onnx"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def longer(stored: StoredVersion) -> None:
    """Add one byte."""
    with (stored.folder / "model.onnx").open("ab") as stream:
        stream.write(b"\0")


def missing(stored: StoredVersion) -> None:
    """Remove the file."""
    (stored.folder / "model.onnx").unlink()


@pytest.mark.parametrize(
    ("damage", "kind", "message"),
    [
        (changed, HashMismatchError, "sha256 is [0-9a-f]{64}, the manifest says [0-9a-f]{64}"),
        (longer, ArtifactError, r"has \d+ bytes, the manifest says \d+"),
        (missing, ArtifactError, r"cannot be read \(No such file"),
    ],
)
def test_a_network_that_is_not_the_published_one_is_refused(
    stored: StoredVersion, damage: Callable[[StoredVersion], None], kind: type[ArtifactError], message: str
) -> None:
    """A changed byte, a changed size and a missing file each have their own words and name the file."""
    manifest = read_manifest(stored)
    damage(stored)
    with pytest.raises(kind, match=message) as caught:
        read_network(stored, manifest.variants[0])
    assert caught.value.path == stored.folder / "model.onnx"


@pytest.mark.parametrize("options", [{"external_data": "weights.bin"}, {"domain": "com.acme"}])
def test_an_unsafe_network_is_refused_although_its_hash_is_right(tmp_path: Path, options: dict[str, str]) -> None:
    """Publication does not make a file safe."""
    manifest = write_model(tmp_path, network=color_network(**options), golden=())  # type: ignore[arg-type]  # both are texts
    with pytest.raises(UnsafeModelError):
        read_network(StoredVersion("colors", 1, tmp_path / "colors" / "1"), manifest.variants[0])


def sample_of(manifest: Manifest, stored: StoredVersion, file: str) -> Path:
    """Find a golden sample on disk."""
    assert file in [sample.file for sample in manifest.golden]
    return stored.folder / file


def test_a_golden_sample_is_read_as_published(stored: StoredVersion) -> None:
    """The bytes of the picture come back."""
    manifest = read_manifest(stored)
    assert read_sample(stored, manifest.golden[0]) == picture("red")


def test_a_golden_sample_that_was_changed_or_is_missing_is_refused(stored: StoredVersion) -> None:
    """A model cannot prove itself on another picture."""
    manifest = read_manifest(stored)
    path = sample_of(manifest, stored, "samples/red.png")
    path.write_bytes(picture("green"))
    with pytest.raises(HashMismatchError):
        read_sample(stored, manifest.golden[0])
    path.unlink()
    with pytest.raises(ArtifactError, match=r"samples/red\.png: cannot be read \(No such file"):
        read_sample(stored, manifest.golden[0])


def test_a_golden_sample_that_is_a_folder_is_refused(stored: StoredVersion) -> None:
    """What cannot be read is told with the operating system's reason."""
    manifest = read_manifest(stored)
    sample = replace(manifest.golden[0], file="samples")
    with pytest.raises(ArtifactError, match=r"samples: cannot be read \(Is a directory"):
        read_sample(stored, sample)


def test_a_golden_sample_larger_than_any_picture_is_refused_before_it_is_read(stored: StoredVersion) -> None:
    """The file has a hole of 65 megabytes: its size alone is looked at."""
    manifest = read_manifest(stored)
    with sample_of(manifest, stored, "samples/red.png").open("ab") as stream:
        stream.truncate(65 * 2**20)
    with pytest.raises(ArtifactError, match="has 68157440 bytes, and a sample may have 67108864"):
        read_sample(stored, manifest.golden[0])
