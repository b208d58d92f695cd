"""`training.data.decoding`: pixels are those of the service; what cannot be used is a finding and no exception."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.engine.preprocessing import decode, to_tensor
from service.errors import InputError
from tests.picture_files import encoded, noise
from tests.training.data_sets import experiment, folders_in, write_class_folders
from training.data import Example, Examples, open_data
from training.data.decoding import Decoder
from training.data.folders import FolderFiles
from training.data.preprocessing import MAX_PIXELS, plain_input_spec
from training.data.splits import make_splits
from training.recipe import Picture
from training.settings import from_environment

SPEC = plain_input_spec(Picture(size=12, color_mode="RGB"))


def test_broken_pictures_are_named_and_the_others_keep_their_place() -> None:
    """Positions count as in the list, and what is broken is black."""
    pixels = noise(12, 12)
    examples = [Example(b"broken", 0, "a.heif"), Example(encoded(pixels), 0, "b.png"), Example(b"", 0, "c.jpg")]
    found = Decoder(examples, SPEC).decode([2, 1, 0])
    assert [problem.position for problem in found.problems] == [2, 0]
    assert found.problems[0].text.startswith("c.jpg: ")
    assert found.problems[1].text == "a.heif: HEIF is not read; convert it to one of JPEG, PNG, WebP, GIF, BMP, AVIF."
    assert np.array_equal(found.pixels_NCHW[1], pixels.transpose(2, 0, 1))
    assert not found.pixels_NCHW[[0, 2]].any()


@pytest.fixture(scope="module")
def awkward() -> Examples:
    """Awkward and broken files that other programs wrote, where they are at hand."""
    folders = [folder / "hostile-images" for folder in from_environment().data_dirs]
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        pytest.skip("the data folder holds no hostile-images")
    names = tuple(sorted(path.name for path in folder.iterdir() if path.is_file()))
    return Examples.all_of(FolderFiles(str(folder), names), labels_N=np.zeros(len(names), np.int64), classes=1)


def test_awkward_files_become_pixels_or_findings_as_the_service_decides(awkward: Examples) -> None:
    """Each of two hundred files gives the pixels of the service or is named; none ends the pass."""
    found = Decoder(awkward, SPEC).decode(range(len(awkward)))
    texts = {problem.position: problem.text for problem in found.problems}
    assert 50 < len(texts) < len(awkward) - 100
    served_spec = plain_input_spec(Picture(size=12, color_mode="RGB"))
    for position, example in enumerate(awkward):
        try:
            served_CHW = to_tensor(decode(example.encoded, max_pixels=MAX_PIXELS), served_spec)
        except InputError:
            assert texts[position].startswith(f"{example.origin}: ")
        else:
            assert position not in texts
            assert np.abs(found.pixels_NCHW[position] - served_CHW * 255).max() < 1e-3


def test_awkward_files_among_others_do_not_keep_anyone_from_training(awkward: Examples, tmp_path: Path) -> None:
    """In a class folder they are read where the service could read them, and left out by name where it could not."""
    assert isinstance(awkward.files, FolderFiles)
    folder = write_class_folders(tmp_path / "photos", {"cats": 30, "dogs": 30})
    for name in awkward.files.names[::4]:
        (folder / "cats" / name).symlink_to(Path(awkward.files.root, name).resolve())
    recipe = experiment(data={"validation_pictures": None, "broken": "skip"}, picture={"size": 12}).recipe
    found = make_splits(open_data(str(folder), settings=folders_in(tmp_path)), recipe=recipe)
    (remark,) = [remark for remark in found.remarks if "left out" in remark]
    left_out = int(remark.split()[0])
    assert (
        len(found.training) + len(found.validation) + len(found.test) == 60 + len(awkward.files.names[::4]) - left_out
    )
    assert left_out > 10
