"""The models folder: finds versions, reads and checks their files. Touches the disk and nothing else does.

    <models_dir>/<name>/<version>/manifest.json

Hidden folders (a publication in progress) and files beside the folders are passed over. Bytes are read once, hashed,
and handed on, so that what is checked is what runs.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.artifact import MANIFEST_NAME, NAME_PATTERN, GoldenSample, Manifest, Variant, load_manifest
from service.errors import ArtifactError, ConfigurationError, HashMismatchError, ManifestError
from service.repository.inspection import require_safe
from service.telemetry.logs import log

_MOST_SAMPLE_BYTES: Final = 64 * 2**20
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")
_NAME: Final = re.compile(NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version folder; nothing in it has been read yet.

    Args:
        name: Of the model.
        version: From 1.
        folder: Where it lies.

    """

    name: str
    version: int
    folder: Path


def find_versions(models_dir: Path, *, tell: bool = True) -> dict[str, list[StoredVersion]]:
    """List the versions of every model, newest first, names in alphabetical order.

    Args:
        models_dir: The models folder.
        tell: Whether folders that are none of a model or version are worth a line in the log.

    Raises:
        ConfigurationError: There is no such folder, or it cannot be read.

    """
    try:
        folders = [path for path in _visible_folders(models_dir) if _fits(path, _NAME, what="model", tell=tell)]
        found = {folder.name: _versions_of(folder, tell=tell) for folder in folders}
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"There is no models folder {models_dir.absolute()}; set CONVSERVE_MODELS_DIR to the folder that holds "
            "NAME/VERSION/manifest.json."
        ) from error
    except OSError as error:
        raise ConfigurationError(f"{error.filename or models_dir} cannot be read ({error.strerror}).") from error
    return {name: versions for name, versions in found.items() if versions}


def _versions_of(folder: Path, *, tell: bool) -> list[StoredVersion]:
    folders = [path for path in _visible_folders(folder) if _fits(path, _VERSION, what="version", tell=tell)]
    numbers = [int(path.name) for path in folders]
    return [StoredVersion(folder.name, number, folder / str(number)) for number in sorted(numbers, reverse=True)]


def _visible_folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _fits(folder: Path, pattern: re.Pattern[str], *, what: str, tell: bool) -> bool:
    """Tell whether a folder's name has the form of a model or version, and say so where it has not."""
    fits = pattern.fullmatch(folder.name) is not None
    if tell and not fits:
        log(logging.WARNING, f"folder passed over: its name is none of a {what}", folder=str(folder))
    return fits


def read_manifest(stored: StoredVersion) -> Manifest:
    """Read a version's manifest and check that it speaks of this folder.

    Raises:
        ManifestError: It breaks the schema, or names another model or version.

    """
    path = stored.folder / MANIFEST_NAME
    manifest = load_manifest(path)
    if (manifest.name, manifest.version) != (stored.name, stored.version):
        found = f"{manifest.name!r} version {manifest.version}"
        raise ManifestError(path, reason=f"speaks of {found}, and the folder is {stored.name}/{stored.version}")
    return manifest


def read_network(stored: StoredVersion, variant: Variant) -> bytes:
    """Read a variant's ONNX file and check that it is the published one and safe to load.

    Raises:
        HashMismatchError: The file was changed.
        UnsafeModelError: See `require_safe`.
        ArtifactError: The file is missing or of another size.

    """
    path = stored.folder / variant.file
    _require_size(path, expected_bytes=variant.bytes)
    data = _read_hashed(path, sha256=variant.sha256)
    require_safe(data, path=path)
    return data


def read_sample(stored: StoredVersion, sample: GoldenSample) -> bytes:
    """Read a golden sample.

    Raises:
        HashMismatchError: The file was changed.
        ArtifactError: The file is missing.

    """
    path = stored.folder / sample.file
    _require_size(path, most_bytes=_MOST_SAMPLE_BYTES)
    return _read_hashed(path, sha256=sample.sha256)


def _require_size(path: Path, *, expected_bytes: int | None = None, most_bytes: int | None = None) -> None:
    """Refuse a file of another size before reading it: a wrong file may be larger than memory."""
    try:
        actual_bytes = path.stat().st_size
    except OSError as error:
        raise ArtifactError(path, reason=f"cannot be read ({error.strerror})") from error
    if most_bytes is not None and actual_bytes > most_bytes:
        raise ArtifactError(path, reason=f"has {actual_bytes} bytes, and a sample may have {most_bytes}")
    if expected_bytes is not None and actual_bytes != expected_bytes:
        raise ArtifactError(path, reason=f"has {actual_bytes} bytes, the manifest says {expected_bytes}")


def _read_hashed(path: Path, *, sha256: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(path, reason=f"cannot be read ({error.strerror})") from error
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256:
        raise HashMismatchError(path, expected=sha256, actual=actual)
    return data
