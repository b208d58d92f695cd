"""A version folder that appears whole or not at all.

The files are written into a hidden folder beside the versions, flushed, and tried by the service's own loader there;
then one rename makes the version. What failed or was interrupted is removed, and what a killed process left is removed
by the next one. The lock on the model's folder is the one that publications from a training take too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from service.errors import ArtifactError, ConfigurationError
from service.repository.store import StoredVersion

Files = Mapping[str, bytes]

_UNFINISHED: Final = ".adding-"
_FOLDER_MODE: Final = 0o755


def publish(
    models_dir: Path,
    *,
    name: str,
    version: int | None,
    files_of: Callable[[int], Files],
    check: Callable[[StoredVersion], None],
) -> StoredVersion:
    """Make a new version.

    Args:
        models_dir: Of all models; made where it is missing.
        name: Of the model.
        version: To take instead of the next.
        files_of: Gives the files of a version by path inside its folder.
        check: Raises where the folder, which nobody else sees yet, is not good.

    Raises:
        ArtifactError: The version exists; or what `check` raises.
        ConfigurationError: The folder cannot be written.

    """
    home = models_dir / name
    missing = [folder for folder in (home, *home.parents) if not folder.exists()]
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _alone_in(home):
            return _publish_alone(home, name, version, files_of, check)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigurationError(f"{home} cannot be written ({reason}); nothing was added.") from error
    finally:
        for folder in missing:  # empty only where nothing was published
            with contextlib.suppress(OSError):
                folder.rmdir()


def require_free(models_dir: Path, *, name: str, version: int | None) -> None:
    """Make sure that a version may be taken, before any work is done for it.

    Raises:
        ArtifactError: It exists.

    """
    folder = models_dir / name / str(version)
    if version is not None and folder.exists():
        reason = "exists, and a version never changes once it is there; leave --version out to take the next free one"
        raise ArtifactError(folder, reason=reason)


def _publish_alone(
    home: Path,
    name: str,
    version: int | None,
    files_of: Callable[[int], Files],
    check: Callable[[StoredVersion], None],
) -> StoredVersion:
    for left in home.glob(f"{_UNFINISHED}*"):  # by a process that was killed: a living one would hold the lock
        shutil.rmtree(left, ignore_errors=True)
    require_free(home.parent, name=name, version=version)
    chosen = version if version is not None else _next(home)
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=home))
    try:
        _write(unfinished, files_of(chosen))
        check(StoredVersion(name, chosen, unfinished))
        unfinished.chmod(_FOLDER_MODE)  # mkdtemp gives the folder to its owner alone
        unfinished.rename(home / str(chosen))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    _sync(home)
    return StoredVersion(name, chosen, home / str(chosen))


def _next(home: Path) -> int:
    numbers = [int(path.name) for path in home.iterdir() if path.name.isascii() and path.name.isdecimal()]
    return max(numbers, default=0) + 1


def _write(folder: Path, files: Files) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _sync(path.parent)
    _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _alone_in(home: Path) -> Iterator[None]:
    """Keep other publications of this model waiting; the lock ends with the process, whatever ends it."""
    descriptor = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
