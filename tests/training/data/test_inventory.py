"""`inventory` and the command `data`: what is in a folder is counted, named and said without a stack trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.picture_files import encoded, noise
from tests.training.conftest import folder_arguments
from tests.training.data_sets import folders_in, shape_picture, write_class_folders, write_parquet
from training.__main__ import main
from training.data import open_data
from training.data.inventory import Inventory, take_inventory
from training.data.inventory_page import as_values, in_words, suggested


def _inventory(folder: Path) -> Inventory:
    return take_inventory(open_data(str(folder), settings=folders_in(folder.parent)), workers=0)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Photographs of several sizes and colours, some broken, some twice."""
    folder = tmp_path / "photos"
    write_class_folders(folder / "train", {"cats": 9, "dogs": 2})
    write_class_folders(folder / "test", {"cats": 1, "dogs": 1}, first_seed=70)
    (folder / "train" / "cats" / "big.jpg").write_bytes(encoded(noise(90, 40), "JPEG"))
    (folder / "train" / "dogs" / "notes.txt").write_text("no picture")
    (folder / "test" / "cats" / "copy.bmp").write_bytes(encoded(Image.fromarray(shape_picture(0, seed=3)), "BMP"))
    (folder / "test" / "dogs" / "wrong.png").write_bytes(encoded(shape_picture(0, seed=4)))
    return folder


def test_sizes_colours_and_formats_are_counted(mixed: Path) -> None:
    """What is broken counts for none of them and is named."""
    found = _inventory(mixed)
    assert found.sizes == {(28, 28): 15, (90, 40): 1}
    assert found.modes == {"L": 15, "RGB": 1}
    assert found.formats == {"PNG": 14, "JPEG": 1, "BMP": 1}
    assert found.problems["test"] == ()
    (text,) = found.problems["train"]
    assert "dogs/notes.txt: Pictures may be JPEG" in text


def test_identical_pictures_are_found_by_their_pixels(mixed: Path) -> None:
    """A copy in another file format is a copy, and one under another class is a contradiction."""
    twins = _inventory(mixed).twins
    assert (twins.test_in_training, twins.contradictory) == (2, 2)
    assert any("copy.bmp = " in text for text in twins.named)


def test_words_hold_everything_that_was_found(mixed: Path) -> None:
    """Classes with their numbers, sizes, what is broken, and values for a recipe that can be copied."""
    text = in_words(_inventory(mixed))
    assert "photos: 2 classes in" in text
    assert "class train test cats 10 2 dogs 3 2 all 13 4" in " ".join(text.split())
    assert "Sizes: 28 to 90 pixels wide (half of them up to 28)" in text
    assert "Broken: 1\n  " in text
    assert "Unbalanced: 10 pictures of 'cats', 3 of 'dogs'." in text
    assert '[picture]\nsize = 28\ncolor_mode = "RGB"' in text


def test_suggestions_follow_the_pictures(tmp_path: Path, mixed: Path) -> None:
    """Grey only where all are grey, the usual side that half of the pictures have, weights where classes differ."""
    broken = suggested(_inventory(mixed))
    assert broken["data"]["broken"] == "skip"
    assert broken["training"] == {"class_weights": "balanced"}
    files = [encoded(noise(130 + number, 200, channels=1)) for number in range(6)]
    write_parquet(tmp_path / "grey" / "train.parquet", files, [0, 1, 2, 0, 1, 2])
    clean = suggested(_inventory(tmp_path / "grey"))
    assert clean["picture"] == {"size": 128, "color_mode": "L"}
    assert "broken" not in clean["data"]
    assert "training" not in clean


def test_values_can_be_written_as_json(mixed: Path) -> None:
    """Programs read the same facts."""
    values = json.loads(json.dumps(as_values(_inventory(mixed))))
    assert values["pictures"] == {"train": [10, 3], "test": [2, 2]}
    assert values["width"] == {"least": 28, "median": 28, "most": 90}
    assert values["identical"]["test_in_training"] == 2


def test_folder_in_which_nothing_can_be_read_is_described_all_the_same(tmp_path: Path) -> None:
    """Looking fails at nothing; training would refuse."""
    for name in ("a/1.jpg", "b/2.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True)
        (tmp_path / "photos" / name).write_bytes(b"nothing")
    text = in_words(_inventory(tmp_path / "photos"))
    assert "Sizes: no picture could be read." in text
    assert "Broken: 2" in text


def test_command_prints_words_or_json(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line gives both, and status 0 even where pictures are broken."""
    folders = folder_arguments(folders_in(mixed.parent))
    assert main(["data", str(mixed), "--workers", "0", *folders]) == 0
    assert "Suggested for a recipe:" in capsys.readouterr().out
    assert main(["data", str(mixed), "--workers", "0", "--json", *folders]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == ["cats", "dogs"]


def test_command_names_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A typo is answered in words and status 2."""
    assert main(["data", "phtos", *folder_arguments(folders_in(tmp_path))]) == 2
    assert "There is no data set 'phtos'" in capsys.readouterr().err
