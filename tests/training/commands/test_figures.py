"""The command `figures`: of a finished run, of one that is going, of networks made by hand, and of what is neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.picture_files import encoded
from tests.training.conftest import Road
from tests.training.data_sets import shape_picture
from training.__main__ import main
from training.learning.history import EpochRecord, as_csv


def _record(epoch: int) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        learning_rate=0.1,
        training_loss=1.0,
        training_error=0.5,
        validation_loss=1.0,
        validation_error=0.5,
        seconds=1.0,
        pictures_per_s=10.0,
    )


@pytest.fixture
def picture_file(tmp_path: Path) -> Path:
    """Write a picture."""
    path = tmp_path / "bar.png"
    path.write_bytes(encoded(shape_picture(0, seed=1)))
    return path


def test_finished_run_is_drawn_with_all_that_applies(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    """LeNet-5 has everything but the pictures of a logistic regression; they lie in the run's folder."""
    assert main(["figures", str(road.recipe), *road.arguments]) == 0
    drawn = {Path(line).name for line in capsys.readouterr().out.splitlines()}
    expected = {"curves", "confusion", "filters", "feature-maps", "edges", "duplicates", "equivariance"}
    assert drawn == {f"{kind}.png" for kind in expected}
    assert all((road.run / "figures" / name).stat().st_size > 1000 for name in drawn)


def test_kind_that_does_not_apply_is_said(
    road: Road, tmp_path: Path, picture_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What can be drawn is drawn, and the rest is an error."""
    kinds = ("--kind", "filters", "class-weights", "--picture", str(picture_file), "--out", str(tmp_path / "out"))
    assert main(["figures", str(road.run), *kinds]) == 2
    assert "nothing to draw for class-weights" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["filters.png"]


def test_picture_beyond_the_end_of_the_split_is_refused(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    """The number of pictures is told."""
    assert main(["figures", str(road.recipe), "--kind", "edges", "--number", "60", *road.arguments]) == 2
    assert "has 60 test pictures" in capsys.readouterr().err


def test_run_that_is_going_shows_its_curves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the log is needed."""
    folder = tmp_path / "going" / "seed-1"
    folder.mkdir(parents=True)
    (folder / "log.csv").write_bytes(as_csv([_record(1), _record(2)]))
    assert main(["figures", str(folder)]) == 0
    output = capsys.readouterr().out
    assert "is not finished" in output
    assert [path.name for path in (folder / "figures").iterdir()] == ["curves.png"]


@pytest.mark.parametrize("text", [b"", b"epoch,loss\n1,2\n", b"\xff\xfe", b"no log at all\n1\n"])
def test_damaged_log_is_refused_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: bytes) -> None:
    """The file is named."""
    (tmp_path / "log.csv").write_bytes(text)
    assert main(["figures", str(tmp_path), "--kind", "curves"]) == 2
    assert "log.csv" in capsys.readouterr().err


def test_network_made_by_hand_needs_no_run(
    tmp_path: Path, picture_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kirsch's filters are there from the start; a picture is all it takes."""
    arguments = ["figures", "kirsch_compass", "--picture", str(picture_file), "--runs-dir", str(tmp_path)]
    assert main([*arguments, "--kind", "filters", "edges", "feature-maps"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert (tmp_path / "figures" / "kirsch_compass" / "edges.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["kirsch_compass"], "choose a picture"),
        (["lenet5"], "has weights to learn"),
        (["nothing-known"], "neither a run, nor a recipe"),
        (["fashion-mlp"], "train first"),
        (["kirsch_compass", "--picture", "missing.png"], "missing.png cannot be read"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """Status 2, no stack trace."""
    assert main(["figures", *arguments, "--runs-dir", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
