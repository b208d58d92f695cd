"""Where trials are written down: a journal file, SQLite or PostgreSQL.

| written | for |
|---|---|
| `journal:FILE` | several workers on one machine |
| `sqlite:///FILE` | one worker |
| `postgresql://[user[:password]@]host/database` | workers on many machines; needs the package psycopg |
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from optuna.storages import BaseStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalStorage
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from training.search.errors import SearchError
from training.search.locks import FileLock, JournalLock

_FIRST_OF_JOURNAL = b'{"op_code"'
# between two epochs lie minutes, in which a connection would only be cut or keep others out
_UNPOOLED = {"poolclass": NullPool}
_ADVISORY_KEY = 0x636F6E7673657276  # "convserv"; any number that no other program uses
_JOURNAL, _SQLITE, _POSTGRESQL = "journal:", "sqlite:///", "postgresql://"


def open_storage(address: str) -> BaseStorage:
    """Open a storage, or make it.

    Args:
        address: In one of the forms of the table above.

    Raises:
        SearchError: It has another form, cannot be opened, or needs a package that is not installed.

    """
    if address.startswith(_JOURNAL):
        return _open_journal(Path(address.removeprefix(_JOURNAL)))
    if address.startswith(_SQLITE):
        return _open_sqlite(Path(address.removeprefix(_SQLITE)))
    if address.startswith(_POSTGRESQL):
        return _open_postgresql(address)
    raise SearchError(
        f"--storage is journal:FILE, sqlite:///FILE or postgresql://user:password@host/database, not {address!r}."
    )


def serves_one_worker(address: str) -> bool:
    """Tell whether a second worker must be refused."""
    return address.startswith(_SQLITE)


def without_password(address: str) -> str:
    """Give an address as it may be shown."""
    return make_url(address).render_as_string() if address.startswith(_POSTGRESQL) else address


def _open_journal(path: Path) -> BaseStorage:
    lock_path = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock_path):
            _drop_half_line(path)
        return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalLock(lock_path)))
    except OSError as error:
        raise SearchError(f"journal:{path} cannot be opened: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SearchError(f"{path} is no journal of trials, or is damaged: {error}") from error


def _drop_half_line(path: Path) -> None:
    """Cut off what a full disk or a killed process left of the last line, which would make the next unreadable."""
    if not path.exists():
        return
    with path.open("rb+") as stream:
        content = stream.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content) and content.startswith(_FIRST_OF_JOURNAL):  # nobody else's file is cut
            stream.truncate(whole)


def _open_sqlite(path: Path) -> BaseStorage:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return RDBStorage(f"{_SQLITE}{path}", engine_kwargs=_UNPOOLED)
    except OSError as error:
        raise SearchError(f"sqlite:///{path} cannot be opened: {error.strerror}.") from error
    except (SQLAlchemyError, RuntimeError) as error:
        raise SearchError(f"sqlite:///{path} cannot be opened: {_first_line(error)}") from error


def _open_postgresql(address: str) -> BaseStorage:
    if importlib.util.find_spec("psycopg") is None:
        raise SearchError("postgresql:// needs the package psycopg: pip install 'psycopg[binary]'.")
    try:
        url = make_url(address).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return _one_after_the_other(url)
    except ArgumentError as error:
        raise SearchError(
            "The address after --storage is not like postgresql://user:password@host/database."
        ) from error
    except (SQLAlchemyError, RuntimeError) as error:
        raise SearchError(f"{without_password(address)} cannot be opened: {_first_line(error)}") from error


def _one_after_the_other(url: str) -> BaseStorage:
    """Open a database while no other worker does, because each would make the same tables.

    Source: the lock is one of PostgreSQL's advisory locks, which end with their connection.
    """
    with create_engine(url, poolclass=NullPool).connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_KEY})
        return RDBStorage(url, engine_kwargs=_UNPOOLED)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
