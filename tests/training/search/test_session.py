"""`python -m training tune`: a search from the command line to the recipe that trains."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.training.conftest import folder_arguments
from tests.training.data_sets import write_parquet, write_recipe, write_shapes
from tests.training.search.trainings import tiny_tables
from training.__main__ import main
from training.recipe_file import read_recipe
from training.search.study import StudyFolder
from training.search.worker import Worker
from training.settings import Settings

SPACE = """
[search]
optimizer.learning_rate = { low = 0.005, high = 0.5, log = true, steps = 3 }
network.options.hidden = { choices = [4, [6, 4]] }
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe that trains at once, with a space."""
    tables = tiny_tables(training={"epochs": 2}, data={"validation_pictures": 12})
    network = tables.pop("network")
    path = write_recipe(tmp_path / "tiny.toml", **tables)
    plain = path.read_text().replace('architecture = "lenet5"', f'architecture = "{network["architecture"]}"')
    path.write_text(f"{plain}{SPACE}[network.options]\nlayers = 1\nfilters = 2\nstride = 3\n")
    return path


@pytest.fixture
def blind(tmp_path: Path) -> Settings:
    """Folders with a data set of which no test picture can be decoded."""
    folder = write_shapes(tmp_path / "data" / "shapes", training=60, test=30)
    write_parquet(folder / "test.parquet", [b"no picture"] * 30, [number % 3 for number in range(30)])
    return Settings(data_dirs=(tmp_path / "data",), runs_dir=tmp_path / "runs", models_dir=tmp_path / "models")


def _tune(recipe: Path, settings: Settings, *more: str) -> int:
    return main(["tune", str(recipe), "--device", "cpu", *folder_arguments(settings), *more])


def test_search_from_the_command_line_ends_with_a_recipe_that_trains(
    recipe: Path, blind: Settings, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """No test picture is needed to find the winner; with a sound test set it trains to an evaluated model."""
    assert _tune(recipe, blind, "--sampler", "grid", "--trials", "3", "--set", "optimizer.momentum=0.8") == 0
    told = capsys.readouterr().out
    assert "3 of the 6 points of the grid" in told
    assert "48 pictures to train, 12 to validate; the test pictures stay unseen" in told
    folder = StudyFolder(blind.runs_dir / "tune" / "tiny-grid")
    assert str(folder.report) in told
    assert "| points of the grid | 3 of 6 |" in folder.report.read_text()
    assert len(list(folder.path.glob("trial-*/log.csv"))) == 3
    assert read_recipe(folder.winner).optimizer.momentum == 0.8
    assert main(["train", str(folder.winner), "--device", "cpu", *folder_arguments(settings)]) == 0
    assert "top-1 error" in capsys.readouterr().out


def test_search_that_is_repeated_goes_on_and_that_with_another_seed_is_refused(
    recipe: Path, blind: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command is the same study; its trials are counted, and nothing else may be mixed in."""
    arguments = ("--sampler", "random", "--study", "mine", "--pruner", "halving")
    assert _tune(recipe, blind, *arguments, "--trials", "1") == 0
    assert _tune(recipe, blind, *arguments, "--trials", "2", "--storage", _default_storage(blind)) == 0
    told = capsys.readouterr().out
    assert "study mine: 1 of 2 trials so far, random, halving" in told
    assert "| trials | 2 of 2 asked for |" in StudyFolder(blind.runs_dir / "tune" / "mine").report.read_text()
    for changes, named in ((["--seed", "2"], "seed"), (["--space", "training.epochs={low=1, high=2}"], "search space")):
        assert _tune(recipe, blind, *arguments, *changes) == 2
        assert f"was begun with another {named}." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sampler", "tpee"], "no sampler 'tpee'; did you mean 'tpe'"),
        (["--trials", "0"], "--trials must be at least 1, not 0"),
        (["--timeout", "-1"], "--timeout must be above 0 minutes, not -1"),
        (["--study", "A/b"], "--study must be lower-case letters, digits, dots and dashes, not 'A/b'"),
        (["--space", "optimizer.lerning_rate={low=0.1, high=1.0}"], "did you mean 'learning_rate'"),
        (["--storage", "mysql://x"], "--storage is journal:FILE"),
        (["--set", "training.batch_size=100"], "No trial came to its end"),
    ],
)
def test_wrong_request_is_answered_in_one_line(
    arguments: list[str], message: str, recipe: Path, blind: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a person can mend is said, and nothing is trained."""
    assert _tune(recipe, blind, "--sampler", "random", "--trials", "1", *arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert message in told
    assert told.count("\n") == 1


def test_second_worker_on_sqlite_is_refused(
    recipe: Path, blind: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite serves one; the answer names what serves several."""
    folder = StudyFolder(blind.runs_dir / "tune" / "tiny-random")
    storage = ("--storage", f"sqlite:///{tmp_path / 'study.db'}")
    with Worker(folder.workers, now_s=time.time):
        assert _tune(recipe, blind, "--sampler", "random", "--trials", "1", *storage) == 2
    assert "SQLite serves one worker at a time" in capsys.readouterr().err
    assert _tune(recipe, blind, "--sampler", "random", "--trials", "1", *storage) == 0


def test_time_that_is_up_at_once_leaves_a_study_to_go_on_with(
    recipe: Path, blind: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """No trial began, nothing failed."""
    assert _tune(recipe, blind, "--sampler", "random", "--timeout", "1e-9") == 0
    assert "no trial came to its end yet" in capsys.readouterr().out


def _default_storage(settings: Settings) -> str:
    return f"journal:{settings.runs_dir / 'tune' / 'mine' / 'journal.log'}"
