"""What was worked out about a model on this machine is found again, and whatever is wrong with it costs time only."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from service.engine.session import Session
from service.repository.cache import Cache
from tests.model_folders import SIDE, color_network

NETWORK = color_network(busy_work=1)
SHA256 = hashlib.sha256(NETWORK).hexdigest()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """Make a cache in a folder that is not there yet."""
    return Cache(tmp_path / "cache")


def _load(source: bytes | Path) -> Session:
    return Session.load(source, input_name="input", output_name="probabilities")


def _entry(cache: Cache) -> Path:
    (path,) = cache.folder.glob("*/optimized")
    return path


def test_an_optimised_model_answers_as_the_published_one_to_the_bit(cache: Cache) -> None:
    """It is found again under the hash of the file that it was made of, and under no other."""
    assert cache.optimized(SHA256) is None
    written = cache.write_optimized(SHA256, NETWORK)
    assert written is not None
    assert cache.optimized(SHA256) == written
    assert cache.optimized(SHA256.replace(SHA256[0], "f" if SHA256[0] != "f" else "0")) is None
    pictures = np.random.default_rng(1).random((3, 3, SIDE, SIDE), dtype=np.float32)
    np.testing.assert_array_equal(_load(written).run(pictures), _load(NETWORK).run(pictures))


def test_large_weights_lie_in_a_file_of_their_own(cache: Cache) -> None:
    """That file can be mapped, so that sessions and processes share it; the graph is small."""
    written = cache.write_optimized(SHA256, NETWORK)
    assert written is not None
    assert (written.parent / "weights.bin").stat().st_size >= 512 * 512 * 4
    assert written.stat().st_size < 50_000


def test_nothing_unfinished_is_left_behind(cache: Cache) -> None:
    """A second writing replaces the first."""
    for _ in range(2):
        assert cache.write_optimized(SHA256, NETWORK) is not None
    assert sorted(path.name for path in _entry(cache).parent.iterdir()) == ["optimized"]
    assert sorted(path.name for path in _entry(cache).iterdir()) == ["entry.json", "model.onnx", "weights.bin"]


def test_an_entry_that_is_good_is_left_to_whoever_loads_it(cache: Cache) -> None:
    """The slower of two processes that write at once takes the files of the quicker one."""
    assert cache.write_optimized(SHA256, NETWORK) is not None
    before = (_entry(cache) / "weights.bin").stat().st_ino
    assert cache.write_optimized(SHA256, NETWORK) is not None
    assert (_entry(cache) / "weights.bin").stat().st_ino == before


def test_processes_that_write_at_once_leave_one_good_entry(cache: Cache) -> None:
    """Each gets a path whose files it can load, whoever was there first."""
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda _: cache.write_optimized(SHA256, NETWORK), range(4)))
    assert set(written) == {_entry(cache) / "model.onnx"}
    _load(_entry(cache) / "model.onnx")


def test_what_a_process_that_died_was_writing_is_cleared_away(cache: Cache) -> None:
    """After an hour; what is younger belongs to somebody who is still at it."""
    assert cache.write_optimized(SHA256, NETWORK) is not None
    home = _entry(cache).parent
    dead, alive = home / ".writing-dead", home / ".writing-alive"
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "weights.bin").write_bytes(bytes(1000))
    os.utime(dead, (0, 0))
    assert cache.write_optimized(SHA256, NETWORK) is not None
    assert not dead.exists()
    assert alive.exists()


@pytest.mark.parametrize("content", [b"[" * 60_000, b" " * 100_000, b"\xff", b"null", b"7"])
def test_whatever_stands_where_an_entry_should_be_is_as_good_as_none(cache: Cache, content: bytes) -> None:
    """Nesting without end, a file without end, no text at all: the model is loaded as it was published."""
    assert cache.write_optimized(SHA256, NETWORK) is not None
    (_entry(cache) / "entry.json").write_bytes(content)
    assert cache.optimized(SHA256) is None
    cache.write_note(SHA256, "tuning-2.json", "x" * 100_000)
    assert cache.note(SHA256, "tuning-2.json") is None


@pytest.mark.parametrize("damaged", ["entry.json", "model.onnx", "weights.bin"])
@pytest.mark.parametrize("how", ["missing", "cut"])
def test_a_damaged_entry_is_as_good_as_none_and_can_be_written_anew(cache: Cache, damaged: str, how: str) -> None:
    """A crash in the middle of writing, a full disk, a hand in the wrong place."""
    assert cache.write_optimized(SHA256, NETWORK) is not None
    path = _entry(cache) / damaged
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    assert cache.optimized(SHA256) is None
    assert cache.write_optimized(SHA256, NETWORK) is not None
    assert [path.name for path in _entry(cache).parent.iterdir()] == ["optimized"]


def test_an_entry_of_another_machine_is_not_taken(cache: Cache) -> None:
    """Runtime and processor are part of its name."""
    assert cache.write_optimized(SHA256, NETWORK) is not None
    home = _entry(cache).parent
    home.rename(home.with_name(home.name[:-1] + ("0" if home.name[-1] != "0" else "1")))
    assert cache.optimized(SHA256) is None


def test_a_folder_that_cannot_be_written_keeps_nothing_and_breaks_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file stands where the folder should be; the log says so once for each attempt."""
    (tmp_path / "cache").write_text("a file")
    cache = Cache(tmp_path / "cache")
    assert cache.optimized(SHA256) is None
    assert cache.write_optimized(SHA256, NETWORK) is None
    cache.write_note(SHA256, "tuning-2.json", "{}")
    assert cache.note(SHA256, "tuning-2.json") is None
    assert "cache cannot be written" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_keeps_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    """As in a container with a read-only file system."""
    (tmp_path / "cache").mkdir(mode=0o500)
    assert Cache(tmp_path / "cache").write_optimized(SHA256, NETWORK) is None


def test_a_model_that_the_runtime_does_not_take_is_not_kept(cache: Cache) -> None:
    """No half of an entry stays."""
    assert cache.write_optimized(SHA256, b"no model") is None
    assert cache.optimized(SHA256) is None


def test_notes_are_kept_beside_the_model_and_outlive_its_rewriting(cache: Cache) -> None:
    """What was measured stays true when the files are made again."""
    assert cache.note(SHA256, "tuning-2.json") is None
    cache.write_note(SHA256, "tuning-2.json", json.dumps({"form": "both"}))
    assert cache.write_optimized(SHA256, NETWORK) is not None
    assert cache.note(SHA256, "tuning-2.json") == '{"form": "both"}'
    cache.write_note(SHA256, "tuning-2.json", "changed")
    assert cache.note(SHA256, "tuning-2.json") == "changed"
