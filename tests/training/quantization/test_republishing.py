"""`python -m training quantize`: a published model gets its next version, or stays as it is and you are told why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from service.artifact import MANIFEST_NAME, load_manifest
from tests.picture_files import encoded
from tests.training.conftest import folder_arguments
from tests.training.data_sets import LABELS, folders_in, shape_picture, write_parquet
from tests.training.quantization.small_network import model_files
from training.__main__ import main
from training.data import Example
from training.publication.publish import publish, verify
from training.settings import Settings

Run = Callable[..., int]
CARD = "# Shapes\n\n## How to use it\n\ncurl --data-binary @models/shapes/1/samples/0.png\n"


@pytest.fixture(scope="module")
def shapes_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures to train, to validate and to test; few, and none in two of them."""
    folder = tmp_path_factory.mktemp("data")
    for split, count, first in (("train", 45, 0), ("validation", 30, 5_000), ("test", 60, 100_000)):
        kinds = [number % len(LABELS) for number in range(count)]
        files = [encoded(shape_picture(kind, seed=first + number)) for number, kind in enumerate(kinds)]
        write_parquet(folder / "shapes" / f"{split}.parquet", files, kinds)
    return folder


@pytest.fixture
def settings(tmp_path: Path, shapes_dir: Path) -> Settings:
    """Fresh folders, with these pictures."""
    fresh = folders_in(tmp_path)
    return Settings(data_dirs=(shapes_dir,), runs_dir=fresh.runs_dir, models_dir=fresh.models_dir)


@pytest.fixture
def run(settings: Settings) -> Run:
    """Call the command on the model `shapes`."""

    def call(*arguments: str) -> int:
        few = ("--calibration-pictures", "30", "--selection-pictures", "30", "--calibration", "minmax", "--turns", "1")
        return main(["quantize", "shapes", *few, *arguments, *folder_arguments(settings)])

    return call


def _publish(settings: Settings, network: bytes, golden: list[Example]) -> Path:
    files = model_files(network, golden=golden, card=CARD)
    return publish(settings.models_dir, name="shapes", files_of=lambda _: {**files, "weights.safetensors": b"weights"})


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def first(settings: Settings, network: bytes, evaluation: list[Example]) -> Path:
    """Version 1 of a model that int8 suits."""
    return _publish(settings, network, evaluation[:3])


def test_next_version_holds_both_files_and_the_last_one_stays(
    settings: Settings, first: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """A published version never changes, so the new file comes as version 2, with everything that version 1 held."""
    before = _tree(first)
    assert run() == 0
    assert _tree(first) == before
    second = settings.models_dir / "shapes" / "2"
    manifest = verify(second)
    assert (manifest.version, [one.precision for one in manifest.variants]) == (2, ["fp32", "int8"])
    after = _tree(second)
    for same in ("model.onnx", "weights.safetensors", "samples/0.png"):
        assert after[same] == before[same]
    card = after["README.md"].decode()
    assert "models/shapes/2/samples/0.png" in card
    assert "## In whole numbers: int8" in card
    output = capsys.readouterr().out
    assert "int8: accepted" in output
    assert f"published {second}" in output


def test_dry_run_publishes_nothing(first: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """And with --json the report has standard output to itself."""
    assert run("--dry-run", "--json", "--precision", "fp16") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["precision"], report["accepted"], report["comparison"]["n"]) == ("fp16", True, 60)
    assert list(first.parent.iterdir()) == [first]


def test_refused_file_is_not_published_and_the_layer_is_named(
    settings: Settings, run: Run, extreme_network: bytes, evaluation: list[Example], capsys: pytest.CaptureFixture[str]
) -> None:
    """The command fails, the models folder is as it was, and what to spare is said."""
    _publish(settings, extreme_network, evaluation[:1])
    assert run() == 2
    captured = capsys.readouterr()
    assert "int8: REFUSED" in captured.out
    assert "middle.weight (Conv)" in captured.out.split("worst first:")[1].splitlines()[1]
    assert "nothing was published: top-1 error rises by" in captured.err
    assert [path.name for path in (settings.models_dir / "shapes").iterdir()] == ["1"]


def test_layer_that_was_named_can_be_spared(
    settings: Settings, run: Run, extreme_network: bytes, evaluation: list[Example]
) -> None:
    """Then the file passes, under the version that was asked for."""
    _publish(settings, extreme_network, evaluation[:1])
    assert run("--spare", "middle.weight (Conv)", "--version", "7") == 0
    manifest = load_manifest(settings.models_dir / "shapes" / "7" / MANIFEST_NAME)
    assert manifest.version == 7
    assert manifest.variant("int8") is not None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--max-rise", "2"), "--max-rise is a share between 0 and 1, not 2.0"),
        (("--calibration-pictures", "0"), "--calibration-pictures must be at least 1, not 0"),
        (("--turns", "0"), "--turns must be at least 1, not 0"),
        (("--version", "1"), "shapes/1 exists"),
        (("--data", "nowhere"), "There is no data set 'nowhere'"),
        (("--spare", "nonsense"), "There is no layer 'nonsense' to spare"),
    ],
)
def test_what_cannot_be_meant_is_told(
    first: Path, run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    """In one line that names the value, and nothing is published."""
    assert run(*arguments) == 2
    assert words in capsys.readouterr().err
    assert list(first.parent.iterdir()) == [first]


def test_model_that_is_not_there_is_told(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """With the form that a name has."""
    assert run() == 2
    assert "there is no published model; name models/NAME or models/NAME/VERSION" in capsys.readouterr().err
