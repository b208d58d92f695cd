"""`published`: any published model can be scored again; the shipped one gives its published figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.artifact import MANIFEST_NAME, Evaluation, load_manifest
from service.errors import ArtifactError, HashMismatchError, ManifestError
from tests.model_folders import COLORS, color_network, picture, write_model
from tests.picture_files import encoded
from tests.training.conftest import Road
from tests.training.data_sets import LABELS, folders_in, shape_picture, write_parquet, write_shapes
from training.__main__ import main
from training.data import open_data
from training.data.splits import as_recipe_says
from training.errors import DataError
from training.publication.publish import verify
from training.publication.published import open_published, pictures_for
from training.publication.scores import evaluation_of
from training.recipe_file import find_recipe, read_recipe
from training.settings import Settings, from_environment

MODELS = Path(__file__).parents[3] / "models"
SHIPPED = MODELS / "fashion-mnist" / "1"


def _evaluated(path: Path, *, data: str | None, split: str, settings: Settings) -> Evaluation:
    model = open_published(path, models_dir=settings.models_dir)
    pictures = pictures_for(model, data=data, split=split, settings=settings)
    found = model.predict(model.load(), pictures)
    return evaluation_of(found.probabilities_NK, found.labels_N, dataset=pictures.dataset.name, split=split)


def test_published_model_is_scored_with_the_figures_of_its_manifest(road: Road) -> None:
    """Evaluating again, from the folder alone, gives exactly what was published."""
    again = _evaluated(road.model.parent, data=None, split="test", settings=road.settings)
    assert again == load_manifest(road.model / MANIFEST_NAME).evaluation


def test_other_split_gives_other_pictures(road: Road) -> None:
    """The training pictures can be scored too, under their own name."""
    found = _evaluated(road.model, data="shapes", split="train", settings=road.settings)
    assert (found.n, found.split) == (240, "train")


def test_pictures_of_other_classes_are_refused(tmp_path: Path) -> None:
    """Scores mean nothing where the classes differ."""
    write_model(tmp_path / "models")
    write_shapes(tmp_path / "data" / "shapes", training=3, test=3)
    with pytest.raises(DataError, match=r"does not know .lying bar.*does not show .red"):
        _evaluated(tmp_path / "models" / "colors", data="shapes", split="test", settings=folders_in(tmp_path))


def test_model_without_evaluation_needs_a_data_set(tmp_path: Path) -> None:
    """Where the manifest does not say on what, the caller must."""
    write_model(tmp_path / "models")
    with pytest.raises(DataError, match="name some with --data"):
        _evaluated(tmp_path / "models" / "colors", data=None, split="test", settings=folders_in(tmp_path))


def test_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """The manifest that is missing is named."""
    with pytest.raises(ManifestError, match=r"manifest\.json"):
        _evaluated(tmp_path, data=None, split="test", settings=folders_in(tmp_path))


def test_classes_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    """Folders come in the order of the alphabet and models in that of their training; both mean the same classes."""
    write_model(tmp_path / "models")
    names = ("blue", "green", "red")
    files = [picture("blue"), picture("lime"), picture("red"), picture("red")]
    write_parquet(tmp_path / "data" / "colors" / "test.parquet", files, [0, 1, 2, 2], names=names)
    model = open_published(tmp_path / "models" / "colors")
    pictures = pictures_for(model, data="colors", split="test", settings=folders_in(tmp_path))
    predictions = model.predict(model.load(), pictures)
    assert predictions.labels_N.tolist() == [2, 1, 0, 0]
    assert predictions.probabilities_NK.argmax(axis=1).tolist() == [2, 1, 0, 0]
    assert [example.label for example in pictures.select([3, 0]).values()] == [0, 2]


def test_model_is_found_by_its_name(tmp_path: Path) -> None:
    """A path comes first, then a name in the models folder; a version's folder is that version."""
    for version in (1, 2):
        write_model(tmp_path / "models", version=version)
    assert open_published(Path("colors"), models_dir=tmp_path / "models").manifest.version == 2
    assert open_published(tmp_path / "models" / "colors" / "1").manifest.version == 1


def test_precision_that_was_not_published_is_refused(tmp_path: Path) -> None:
    """What there is instead is named."""
    write_model(tmp_path / "models")
    with pytest.raises(ArtifactError, match="no int8 file, only fp32"):
        open_published(tmp_path / "models" / "colors", precision="int8")


def test_file_that_was_changed_after_publication_is_not_measured(tmp_path: Path) -> None:
    """Its scores would be those of something else than the model."""
    write_model(tmp_path / "models")
    (tmp_path / "models" / "colors" / "1" / "model.onnx").write_bytes(color_network(sharpness=3.0))
    with pytest.raises(HashMismatchError):
        open_published(tmp_path / "models" / "colors").load()


def test_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """A manifest alone is no model."""
    write_model(tmp_path / "models")
    (tmp_path / "models" / "colors" / "1" / "model.onnx").unlink()
    with pytest.raises(ArtifactError, match=r"model\.onnx: cannot be read"):
        open_published(tmp_path / "models" / "colors").load()


def test_network_with_other_classes_than_its_manifest_is_refused(tmp_path: Path) -> None:
    """Three values for four labels are no scores."""
    labels = (*COLORS, "violet")
    write_model(tmp_path / "models", labels=labels, golden=())
    write_parquet(tmp_path / "data" / "colors" / "test.parquet", [picture("red")] * 4, [0, 1, 2, 3], names=labels)
    model = open_published(tmp_path / "models" / "colors")
    pictures = pictures_for(model, data="colors", split="test", settings=folders_in(tmp_path))
    with pytest.raises(ArtifactError, match="gives 3 values, for 4 labels"):
        model.predict(model.load(), pictures)


def test_shipped_model_verifies() -> None:
    """What a clone holds is what was published: hashes, and every golden sample."""
    manifest = verify(SHIPPED)
    assert manifest.architecture is not None
    assert (manifest.architecture.name, manifest.architecture.parameters) == ("lenet5", 61_706)
    boot = next(sample for sample in manifest.golden if sample.file == "samples/ankle-boot.png")
    probabilities = boot.probabilities["fp32"]
    assert manifest.labels[probabilities.index(max(probabilities))] == "Ankle boot"
    assert max(probabilities) > 0.9


def test_shipped_model_reproduces_its_published_scores() -> None:
    """All 10,000 test pictures, through the serving path, give the figures of the manifest."""
    settings = from_environment()
    if not any((folder / "fashion-mnist").is_dir() for folder in settings.data_dirs):
        pytest.skip(f"needs fashion-mnist in one of {', '.join(map(str, settings.data_dirs))}")
    again = _evaluated(SHIPPED, data=None, split="test", settings=settings)
    published = load_manifest(SHIPPED / MANIFEST_NAME).evaluation
    assert published is not None
    assert published.top1_error <= 0.08
    assert again.n == published.n == 10_000
    # another processor may round a probability to the other side; more than one picture of 10,000 is no rounding
    assert again.top1_error == pytest.approx(published.top1_error, abs=1.5e-4)
    assert again.top5_error == pytest.approx(published.top5_error, abs=1.5e-4)
    assert again.calibration_error == pytest.approx(published.calibration_error, abs=1e-3)


def test_model_is_tested_on_what_its_run_put_aside(tmp_path: Path) -> None:
    """A folder without test pictures was divided by a seed; another one would test on pictures that were trained on."""
    photos = tmp_path / "photos"
    for number in range(90):
        kind = number % len(LABELS)
        (photos / f"class-{kind}").mkdir(parents=True, exist_ok=True)
        (photos / f"class-{kind}" / f"{number}.png").write_bytes(encoded(shape_picture(kind, seed=number)))
    changes = ["data.split_seed=3", "data.validation_pictures=12", "training.batch_size=20"]
    changed = [word for change in changes for word in ("--set", change)]
    folders = ["--runs-dir", str(tmp_path / "runs"), "--models-dir", str(tmp_path / "models")]
    arguments = ["fashion-lenet5", "--data", str(photos), "--epochs", "1", *changed, "--device", "cpu", *folders]
    assert main(["train", *arguments]) == 0
    model = open_published(tmp_path / "models" / "fashion-mnist")
    settings = folders_in(tmp_path)
    tested = pictures_for(model, data=str(photos), split="test", settings=settings)
    recipe = read_recipe(find_recipe("fashion-lenet5"), changes=changes)
    put_aside = as_recipe_says(open_data(str(photos), settings=settings), recipe=recipe)
    as_usual = open_data(str(photos), settings=settings)
    assert {example.origin for example in tested} == {example.origin for example in put_aside.examples("test")}
    assert {example.origin for example in tested} != {example.origin for example in as_usual.examples("test")}
