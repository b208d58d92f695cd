"""`training.durable`: a file is the old one or the new one, whatever happens in between."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from training.durable import write_durably

_WRITER = """
import sys
from pathlib import Path
from training.durable import write_durably
path = Path(sys.argv[1])
while True:
    for letter in (b"a", b"b"):
        write_durably(path, letter * 3_000_000)
        print(letter.decode(), flush=True)
"""


def test_file_holds_what_was_written_and_can_be_read_by_others(tmp_path: Path) -> None:
    """Folders are made, an old file is replaced, and nothing is left beside it."""
    path = tmp_path / "deep" / "file.bin"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("writes", [1, 2, 3, 4])
def test_kill_in_the_middle_of_a_save_leaves_a_whole_file(tmp_path: Path, writes: int) -> None:
    """A writer that is killed without warning leaves one complete version, never a part."""
    path = tmp_path / "file.bin"
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert writer.stdout is not None
    with writer.stdout:
        for _ in range(writes):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    assert path.read_bytes() in (b"a" * 3_000_000, b"b" * 3_000_000)


def test_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    """A full disk costs the new state and not the old one."""
    path = tmp_path / "file.bin"
    write_durably(path, b"good")
    limited = (
        "import resource, sys; from pathlib import Path; from training.durable import write_durably; import signal; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        "write_durably(Path(sys.argv[1]), b'x' * 5000)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", limited, str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert "File too large" in ended.stderr
    assert path.read_bytes() == b"good"
    assert list(tmp_path.iterdir()) == [path]
