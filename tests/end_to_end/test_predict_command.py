"""`python -m service predict` beside a real service, which says the same, and as a process: signals and pipes."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.__main__ import main
from tests.end_to_end.processes import ROOT, environment, running_service
from tests.model_folders import picture, write_model
from tests.picture_files import encoded, texture

_PATIENCE_S = 300


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of pictures of several kinds, and some files that are none."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "photo.jpg").write_bytes(encoded(texture(1600, 1200), "JPEG"))
    (folder / "strip.png").write_bytes(encoded(texture(600, 20)))
    (folder / "grey.webp").write_bytes(encoded(texture(90, 70)[:, :, 0], "WEBP"))
    (folder / 'a "quoted", name.gif').write_bytes(picture("red", format="GIF"))
    (folder / "text.png").write_bytes(b"Dear Sir or Madam")
    (folder / "cut.jpg").write_bytes(encoded(texture(200, 100), "JPEG")[:2000])
    (folder / "empty.bmp").touch()
    return folder


@contextmanager
def command(*arguments: str, models_dir: Path, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """Start the command; it is killed if the test leaves it running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "predict", *arguments],
        cwd=ROOT,
        env=environment(models_dir=models_dir),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_lines_are_the_same_with_and_without_a_service(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the networks that the project ships: classes, probabilities, errors, order, exit code, in both forms."""
    samples = [str(path) for path in sorted((ROOT / "models").glob("*/1/samples"))]
    count = sum(len(list(Path(folder).iterdir())) for folder in (str(pictures), *samples))
    choices = (
        ["--format", "csv"],
        ["--format", "jsonl", "--top-k", "3", "--model", "fashion-mnist", "--model-version", "1"],
        ["--format", "csv", "--top-k", "2", "--decode", "exact"],
    )

    def lines(*arguments: str) -> list[str]:
        assert main(["predict", str(pictures), *samples, *arguments]) == 1  # three of the files are no pictures
        return capsys.readouterr().out.splitlines()

    with running_service(tmp_path) as service:
        for choice in choices:
            offline, remote = lines(*choice), lines(*choice, "--server", service.url, "--in-flight", "4")
            assert offline == remote
            assert len(offline) == count + ("csv" in choice)
    rows = list(csv.DictReader(offline))
    assert [Path(row["source"]).name for row in rows if row["error"]] == ["cut.jpg", "empty.bmp", "text.png"]
    assert rows[0]["source"] == f'{pictures}/a "quoted", name.gif'
    assert len({row["probability"] for row in rows}) > 10, "the networks tell these pictures apart"


def test_picture_comes_from_standard_input(tmp_path: Path) -> None:
    """`-` is what was piped in."""
    write_model(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "service", "predict", "-"],
        cwd=ROOT,
        env=environment(models_dir=tmp_path),
        input=picture("green"),
        capture_output=True,
        timeout=_PATIENCE_S,
        check=True,
    )
    assert done.stdout.splitlines()[1].startswith(b"-,green,")


def test_interrupt_leaves_what_was_done_written_and_begins_nothing_new(tmp_path: Path) -> None:
    """Pictures in work are finished, their lines written, and the exit code is that of an interrupt."""
    write_model(tmp_path / "models")
    for name in ("a.png", "b.png", "last.png"):
        (tmp_path / name).write_bytes(picture("blue"))
    pipe = tmp_path / "pipe"  # the one thread waits for what comes through it
    os.mkfifo(pipe)
    sources = [tmp_path / "a.png", tmp_path / "b.png", pipe, tmp_path / "last.png"]
    with command(*map(str, sources), "--threads", "1", models_dir=tmp_path / "models") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert [line.partition(",")[2][:4] for line in lines[1:]] == ["blue", "blue"]
        with pipe.open("wb") as writer:  # opens when the command has begun to read it
            process.send_signal(signal.SIGINT)
            while (line := process.stderr.readline()) and "stopping after the pictures in work" not in line:
                pass
            writer.write(picture("red"))
        out, err = process.communicate(timeout=_PATIENCE_S)
    assert process.returncode == 130
    assert out.startswith(f"{pipe},red,")
    assert "last.png" not in out
    assert err.startswith("interrupted: 3 of 4 pictures classified"), err
    assert "Traceback" not in err


def test_reader_that_goes_away_ends_the_run_quietly(tmp_path: Path) -> None:
    """As `head` does; there is no traceback."""
    write_model(tmp_path / "models")
    (tmp_path / "a.png").write_bytes(picture("blue"))
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with command(str(tmp_path / "a.png"), models_dir=tmp_path / "models", stdout=writing) as process:
            _, err = process.communicate(timeout=_PATIENCE_S)
    finally:
        os.close(writing)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
