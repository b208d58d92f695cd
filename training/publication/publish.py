"""A model folder that appears whole or not at all, checked before anyone can see it.

The files are written into a folder beside the versions, flushed, read back, hashed and classified with; then one rename
makes the version. A version is never changed afterwards. What an interrupted publication left is removed by the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from service.artifact import MANIFEST_NAME, Manifest, file_sha256, load_manifest
from service.errors import ConvserveError
from training.data import Example
from training.durable import sync_folder
from training.errors import PublicationError
from training.publication.evaluation import load_session, predict

_UNFINISHED = ".publishing-"

Files = Mapping[str, bytes]


def publish(models_dir: Path, *, name: str, version: int | None = None, files_of: Callable[[int], Files]) -> Path:
    """Publish a model under the next free version.

    Args:
        models_dir: Folder of all models; made where it is missing.
        name: Of the model.
        version: A free version to take instead of the next.
        files_of: Gives the files of the folder for a version, by path inside it.

    Returns:
        The folder of the new version.

    Raises:
        PublicationError: The version exists, the disk is full, or the folder does not verify.

    """
    home = models_dir / name
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PublicationError(f"{home} cannot be written: {error.strerror}") from error
    with _alone_in(home):
        _remove_unfinished(home)
        chosen = version if version is not None else max(published_versions(home), default=0) + 1
        require_free(models_dir, name=name, version=chosen)
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=home))
        try:
            _write(unfinished, files_of(chosen))
            verify(unfinished)
            unfinished.chmod(0o755)  # mkdtemp gives the folder to its owner alone
            unfinished.rename(home / str(chosen))
        except OSError as error:
            raise PublicationError(f"{home / str(chosen)} cannot be written: {error}") from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        sync_folder(home)
    return home / str(chosen)


def require_free(models_dir: Path, *, name: str, version: int) -> None:
    """Make sure that a version may be published.

    Raises:
        PublicationError: It exists.

    """
    if (models_dir / name / str(version)).exists():
        raise PublicationError(
            f"{models_dir / name / str(version)} exists, and a published version never changes; "
            "leave --version out to take the next free one."
        )


def published_versions(home: Path) -> list[int]:
    """List the versions in a model's folder, lowest first."""
    if not home.is_dir():
        return []
    return sorted(int(path.name) for path in home.iterdir() if path.name.isdecimal() and path.is_dir())


def verify(folder: Path) -> Manifest:
    """Read a model folder as the service will: manifest, hashes, golden samples through a session.

    Raises:
        PublicationError: Something in it contradicts the manifest.

    """
    try:
        manifest = load_manifest(folder / MANIFEST_NAME)
        for variant in manifest.variants:
            _require_hash(folder / variant.file, variant.sha256)
        for sample in manifest.golden:
            _require_hash(folder / sample.file, sample.sha256)
        _require_golden(folder, manifest)
    except PublicationError:
        raise
    except (ConvserveError, OSError) as error:
        raise PublicationError(f"The model does not verify and was not published: {error}") from error
    return manifest


def _require_hash(path: Path, expected: str) -> None:
    if file_sha256(path) != expected:
        raise PublicationError(f"{path.name} is not what the manifest was written for, so nothing was published.")


def _require_golden(folder: Path, manifest: Manifest) -> None:
    for variant in manifest.variants:
        model = (folder / variant.file).read_bytes()
        session = load_session(model, spec=manifest.input, output=manifest.output)
        for sample in manifest.golden:
            example = Example((folder / sample.file).read_bytes(), 0, sample.file)
            got_K = predict(session, [example], spec=manifest.input, output=manifest.output).probabilities_NK[0]
            difference = float(np.abs(got_K - np.array(sample.probabilities[variant.precision])).max())
            if difference > sample.tolerance:
                raise PublicationError(
                    f"{variant.file} gives {sample.file} probabilities that differ by {difference:.2g} from those in "
                    "the manifest, so nothing was published."
                )


def _write(folder: Path, files: Files) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    for path in {folder, *(path.parent for path in folder.rglob("*"))}:
        sync_folder(path)


def _remove_unfinished(home: Path) -> None:
    for path in home.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path)


@contextlib.contextmanager
def _alone_in(home: Path) -> Iterator[None]:
    """Keep other publications of the same model waiting; the lock ends with the process, whatever ends it."""
    descriptor = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
