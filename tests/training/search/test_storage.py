"""`training.search.storage`: the three storages keep trials, and what cannot be opened says why."""

from __future__ import annotations

import getpass
import importlib
import importlib.util
import multiprocessing
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.training.search.studies import finished, open_small, search
from training.search.errors import SearchError
from training.search.storage import open_storage, serves_one_worker, without_password

SECRET = "postgresql://me:secret@127.0.0.1:1/none"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """Start a real PostgreSQL server on a socket in a folder; give its address."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    if getpass.getuser() == "root" and not shutil.which("runuser"):
        pytest.skip("PostgreSQL refuses to run as root, and there is no runuser")
    programs = [shutil.which("initdb") or "", shutil.which("pg_ctl") or ""]
    if not all(programs):
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed")
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to any user but the tests'
        yield from _served(Path(name), *programs)


def _served(folder: Path, initdb: str, pg_ctl: str) -> Iterator[str]:
    as_user = _as_owner(folder)
    data, address = folder / "data", f"postgresql:///postgres?host={folder}&user=tester"
    subprocess.run([*as_user, initdb, "-D", data, "-U", "tester", "-A", "trust", "-N"], check=True, capture_output=True)
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    control = [*as_user, pg_ctl, "-D", str(data), "-w", "-l", str(folder / "log")]
    subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL)
    yield address
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL)


def _as_owner(folder: Path) -> list[str]:
    """Give a folder to an ordinary user where the tests run as root, and say how to run as that user."""
    if getpass.getuser() != "root":
        return []
    shutil.chown(folder, "nobody")
    return ["runuser", "-u", "nobody", "--"]


@pytest.mark.parametrize("storage", ["journal", "sqlite"])
def test_storage_in_a_file_keeps_trials_for_the_next_process(storage: str, tmp_path: Path) -> None:
    """Folders that are not there are made; both storages hold the same trials."""
    colon = {"journal": "journal:", "sqlite": "sqlite:///"}[storage]
    address = f"{colon}{tmp_path / 'new' / 'trials.db'}"
    search(tmp_path, trials=2, address=address)
    search(tmp_path, trials=4, address=address)
    search(tmp_path / "plain", trials=4)
    assert finished(tmp_path, address=address) == finished(tmp_path / "plain")


def test_postgresql_keeps_the_same_trials(postgresql: str, tmp_path: Path) -> None:
    """A real server, asked as by workers of several machines."""
    search(tmp_path, trials=2, address=postgresql)
    search(tmp_path, trials=4, address=postgresql)
    search(tmp_path / "plain", trials=4)
    assert finished(tmp_path, address=postgresql) == finished(tmp_path / "plain")


def _work(path: Path, address: str, start: Connection, result: Connection) -> None:
    start.recv()
    search(path, sampler="grid", trials=12, address=address)
    result.send("done")


def test_two_machines_on_an_empty_postgresql_share_a_grid(postgresql: str, tmp_path: Path) -> None:
    """Both make the tables and the study at once and share no folder; each point is trained, at most one too often."""
    psycopg = importlib.import_module("psycopg")
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("CREATE DATABASE shared")
    address = postgresql.replace("/postgres?", "/shared?")
    fork = multiprocessing.get_context("fork")
    pipes = [(fork.Pipe(), fork.Pipe()) for _ in range(2)]
    machines = [
        fork.Process(target=_work, args=(tmp_path / f"machine-{number}", address, start[1], result[1]), daemon=True)
        for number, (start, result) in enumerate(pipes)
    ]
    for machine in machines:
        machine.start()
    for start, _ in pipes:
        start[0].send("go")
    for machine in machines:
        machine.join()
    assert [machine.exitcode for machine in machines] == [0, 0]
    found = finished(tmp_path, address=address)
    assert len({(rate, hidden) for rate, hidden, _ in found}) == 12
    assert len(found) <= 13


def test_postgresql_that_does_not_answer_is_named_without_the_password() -> None:
    """What stands in a log must not open the database."""
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    with pytest.raises(
        SearchError, match=r"postgresql://me:\*\*\*@127\.0\.0\.1:1/none cannot be opened: .*refused"
    ) as caught:
        open_storage(SECRET)
    assert "secret" not in str(caught.value)


def test_postgresql_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is asked for only where the storage is."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SearchError, match=r"needs the package psycopg: pip install 'psycopg\[binary\]'"):
        open_storage(SECRET)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://host/x", "--storage is journal:FILE, sqlite:///FILE or postgresql://.*, not 'mysql://host/x'"),
        ("sqlite://x", "--storage is journal:FILE"),
        ("journal:{folder}", "cannot be opened"),
        ("sqlite:///{folder}", "cannot be opened: .*unable to open"),
        ("sqlite:///{folder}/a-file/x.db", "cannot be opened: "),
        ("journal:{folder}/a-file", "is no journal of trials, or is damaged"),
        ("sqlite:///{folder}/a-file", "cannot be opened: .*not a database"),
    ],
)
def test_storage_that_cannot_be_opened_is_named(address: str, message: str, tmp_path: Path) -> None:
    """No stack trace of a database."""
    (tmp_path / "a-file").write_bytes(b"these are\nno trials at all" * 100)
    with pytest.raises(SearchError, match=message):
        open_storage(address.format(folder=tmp_path))
    assert (tmp_path / "a-file").stat().st_size == 2600  # a file of someone else is left as it is


def test_journal_with_half_a_last_line_goes_on(tmp_path: Path) -> None:
    """What a full disk left of a line does not make the next one unreadable."""
    search(tmp_path, trials=2)
    before = finished(tmp_path)
    journal = tmp_path / "journal.log"
    with journal.open("ab") as stream:
        stream.write(b'{"op_code":4,"worker_id":"12')
    assert finished(tmp_path) == before
    search(tmp_path, trials=3)
    assert finished(tmp_path)[:2] == before
    assert len(finished(tmp_path)) == 3


def test_sqlite_alone_serves_one_worker_and_only_postgresql_has_a_password() -> None:
    """What decides whether a second worker is refused, and what a report may show."""
    assert [serves_one_worker(a) for a in ("sqlite:///x", "journal:x", SECRET)] == [True, False, False]
    assert without_password(SECRET) == "postgresql://me:***@127.0.0.1:1/none"
    assert without_password("journal:a:b@c") == "journal:a:b@c"


def test_study_of_another_recipe_is_refused_by_name(tmp_path: Path) -> None:
    """Trials of two recipes must not stand in one table."""
    study = open_small(tmp_path)
    study.set_user_attr("identity", {"recipe": "xyz", "seed": 1})
    with pytest.raises(SearchError, match=r"'small' was begun with another recipe\. Repeat .*--study"):
        open_small(tmp_path)
