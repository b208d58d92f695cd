"""`training.release`: what travels with a model, and what may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.artifact import MANIFEST_NAME, load_manifest
from tests.training.conftest import PUBLICATION, Road
from tests.training.data_sets import write_recipe
from training.__main__ import main
from training.figures.of_run import SHOWING_A_PICTURE
from training.learning.starting import find_weights, read_weights


def test_card_shows_the_pictures_that_lie_beside_it(road: Road) -> None:
    """Every figure that the card names is a PNG file in the folder, and every figure in the folder is named."""
    card = (road.model / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\]\((figures/[^)]+)\)", card))
    assert named == {f"figures/{path.name}" for path in (road.model / "figures").iterdir()}
    assert {"figures/curves.png", "figures/confusion.png", "figures/filters.png"} <= named
    assert all((road.model / name).read_bytes().startswith(b"\x89PNG") for name in named)


def test_figures_that_show_a_picture_stay_with_the_run_where_the_licence_is_unknown(road: Road) -> None:
    """The run's folder has them; the model, which travels, does not."""
    run = {path.stem for path in (road.run / "figures").iterdir()}
    assert run >= SHOWING_A_PICTURE
    assert {path.stem for path in (road.model / "figures").iterdir()} == run - SHOWING_A_PICTURE


def test_next_run_can_start_from_what_was_published(road: Road) -> None:
    """The weights that travel are found by the model's name and know their mean and std."""
    weights = read_weights(find_weights(str(road.model.parent)))
    steps = road.report.input.preprocessing
    assert weights.source == road.model / "weights.safetensors"
    assert weights.normalization == (steps.mean, steps.std)


def test_int8_joins_the_first_version_where_the_recipe_wants_it(road: Road, tmp_path: Path) -> None:
    """One publication holds both files, and the int8 one answers for every golden sample."""
    recipe = write_recipe(
        tmp_path / "shapes-lenet5.toml", training={"epochs": 6}, publication={**PUBLICATION, "int8": True}
    )
    folders = ["--data-dir", str(road.settings.data_dirs[0]), "--runs-dir", str(tmp_path / "runs")]
    assert main(["train", str(recipe), "--device", "cpu", *folders, "--models-dir", str(tmp_path / "models")]) == 0
    manifest = load_manifest(tmp_path / "models" / "shapes" / "1" / MANIFEST_NAME)
    assert [variant.precision for variant in manifest.variants] == ["fp32", "int8"]
    assert all(set(sample.probabilities) == {"fp32", "int8"} for sample in manifest.golden)
    fp32, int8 = manifest.variants
    assert int8.bytes < 0.6 * fp32.bytes


def test_run_is_not_exported_or_published_under_another_recipe(road: Road, capsys: pytest.CaptureFixture[str]) -> None:
    """What --set said in training must be said again: other held-back pictures would give another score."""
    before = (road.run / "report.json").read_bytes()
    for command in ("export", "publish"):
        changed = [command, str(road.recipe), "--seed", "1", "--set", "data.split_seed=5", *road.arguments]
        assert main(changed) == 2
        assert "another r" in capsys.readouterr().err
    assert (road.run / "report.json").read_bytes() == before


def test_table_that_only_the_run_had_is_a_difference_too(
    road: Road, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recipe that says less than the run was trained with is another recipe."""
    tables = road.recipe.read_text(encoding="utf-8").split("\n\n")
    shorter = tmp_path / road.recipe.name
    shorter.write_text(
        "\n\n".join(table for table in tables if not table.startswith("[augmentation]")), encoding="utf-8"
    )
    assert main(["export", str(shorter), "--seed", "1", *road.arguments]) == 2
    assert "augmentation" in capsys.readouterr().err
