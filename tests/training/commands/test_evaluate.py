"""The command `evaluate`: a report where it was asked for, one line or JSON on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.model_folders import color_network, write_model
from tests.training.assessment.conftest import write_colors
from training.__main__ import main


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Publish a small model beside its pictures."""
    write_model(tmp_path / "models", network=color_network(sharpness=4.0))
    write_colors(tmp_path)
    return tmp_path


def _arguments(home: Path, *more: str) -> list[str]:
    folders = ("--data-dir", home / "data", "--runs-dir", home / "runs", "--models-dir", home / "models")
    return ["evaluate", "colors", "--data", "colors", *map(str, folders), *more]


def test_report_goes_into_the_runs_folder_and_one_line_says_where(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last two lines are the figures and the path."""
    assert main(_arguments(home, "--robustness", "3")) == 0
    *_, figures, path = capsys.readouterr().out.splitlines()
    assert "7 pictures: top-1 error 14.29%" in figures
    report = home / "runs" / "evaluation" / "colors-1" / "report.md"
    assert path == str(report.with_name("report.html"))
    assert report.with_name("report.html").exists()
    assert "Measured on 3 of the 7 pictures" in report.read_text(encoding="utf-8")
    assert (report.parent / "mistakes.png").stat().st_size > 1000


def test_json_is_all_that_is_printed_and_equals_the_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that it can be piped."""
    assert main(_arguments(home, "--json", "--out", str(home / "here"), "--robustness", "0")) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((home / "here" / "report.json").read_bytes())
    assert printed["evaluation"]["n"] == 7


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--precision", "int8"), "no int8 file"),
        (("--split", "validation"), "no split 'validation'"),
        (("--data", "nowhere"), "no data set 'nowhere'"),
    ],
)
def test_what_is_not_there_is_refused_in_words(
    home: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], words: str
) -> None:
    """Status 2, no stack trace."""
    assert main(_arguments(home, *more)) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("number", ["-1", "many", "1.5"])
def test_number_of_pictures_must_be_a_number(home: Path, capsys: pytest.CaptureFixture[str], number: str) -> None:
    """Argparse ends with what it expected."""
    with pytest.raises(SystemExit):
        main(_arguments(home, "--robustness", number))
    assert "a whole number of at least 0" in capsys.readouterr().err
