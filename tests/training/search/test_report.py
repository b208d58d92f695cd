"""`training.search.report`: what a search found, how sure that is, and what was not looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna import Trial, TrialPruned

from tests.training.data_sets import recipe_tables
from tests.training.search.studies import HIDDEN, RATE, SPACE, formula, open_small, search, small_space
from training.recipe_file import read_recipe
from training.search.errors import TrialFailedError
from training.search.report import About, write_report
from training.search.study import StudyFolder

ABOUT = About(
    recipe="shapes",
    tables={**recipe_tables(), "search": SPACE},
    space=small_space(),
    sampler="random",
    pruner="median",
    seed=1,
    asked=10,
    data="shapes",
    validation_pictures=400,
    storage="journal:x",
)


def _objective(trial: Trial) -> float:
    if trial.number == 2:
        raise TrialFailedError("a | b\nno batch")
    if trial.number == 3:
        trial.report(0.7, 1)
        raise TrialPruned
    trial.report(0.9, 1)
    return formula(trial) / 10 + 0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    """A study of ten trials, of which one failed and one was stopped, with its report."""
    path = tmp_path_factory.mktemp("study")
    search(path, trials=10, objective=_objective)
    write_report(open_small(path), about=ABOUT, folder=StudyFolder(path))
    return StudyFolder(path)


def test_report_counts_what_became_of_the_trials(folder: StudyFolder) -> None:
    """All of them, not only those that went well; failures with their reason, in one line of the table."""
    text = folder.report.read_text()
    for line in (
        "| trials | 10 of 10 asked for |",
        "| complete | 8 |",
        "| stopped early | 1 |",
        "| failed | 1 |",
        "| under way | 0 |",
        "| data | shapes, 400 validation pictures |",
        "| sampler, pruner, seed | random, median, 1 |",
        f"| `{RATE}` | 0.01 to 1, by order of magnitude, 4 values in a grid |",
    ):
        assert line in text
    assert "| 2 | a \\| b no batch | " in text


def test_report_ranks_the_best_trials_with_their_values(folder: StudyFolder) -> None:
    """The first line is the winner, the last the worst, and every key is a column."""
    table = folder.report.read_text().partition("## Best trials")[2].strip().splitlines()
    assert f"`{RATE}`" in table[0]
    assert f"`{HIDDEN}`" in table[0]
    rows = [line.split("|") for line in table[2:] if line.startswith("|")][:8]
    errors = [float(row[2].strip().removesuffix("%")) for row in rows]
    assert errors == sorted(errors)
    assert len(errors) == 8


def test_report_says_what_the_best_error_is_worth(folder: StudyFolder) -> None:
    """By hand: 1.96 standard deviations of a share near 10 % among 400 pictures are about 3 points."""
    text = folder.report.read_text()
    assert "The test pictures were not looked at" in text
    assert "is optimistic, because it is the lowest of 10 trials" in text
    assert "about ±2.9" in text or "about ±3." in text


def test_report_shows_every_picture_and_the_way_to_the_winner(folder: StudyFolder) -> None:
    """What the text names lies beside it, and the winner is a recipe."""
    text = folder.report.read_text()
    for name in ("history", "importance", "slices", "parallel-coordinates", "intermediate-values"):
        assert f"![{name}]({name}.png)" in text
        assert (folder.path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert f"python -m training train {folder.winner} --seed 1" in text
    assert read_recipe(folder.winner).network.options.keys() == {"hidden"}


def test_importance_finds_the_key_that_decides(tmp_path: Path) -> None:
    """Where only the rate counts, it explains nearly everything."""
    search(tmp_path, trials=12, objective=lambda trial: abs(trial.params[RATE] - 0.1))
    write_report(open_small(tmp_path), about=ABOUT, folder=StudyFolder(tmp_path))
    row = next(
        line
        for line in StudyFolder(tmp_path).report.read_text().splitlines()
        if line.startswith(f"| `{RATE}` |") and "%" in line
    )
    assert int(row.split("|")[2].strip().removesuffix("%")) > 80


def test_search_without_a_finished_trial_has_a_report_and_no_winner(tmp_path: Path) -> None:
    """What failed, and why, is worth knowing even then."""

    def objective(trial: object) -> float:
        del trial
        raise TrialFailedError("never")

    search(tmp_path, trials=2, objective=objective)
    folder = StudyFolder(tmp_path)
    assert write_report(open_small(tmp_path), about=ABOUT, folder=folder) is None
    assert "No trial came to its end." in folder.report.read_text()
    assert "| 0 | never | " in folder.report.read_text()
    assert not folder.winner.exists()
    assert list(folder.path.glob("*.png")) == []
