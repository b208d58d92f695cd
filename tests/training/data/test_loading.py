"""`loading`: a split loads alike into memory and as a stream, and as if its broken pictures had never been."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.data_sets import LABELS, folders_in, write_class_folders
from training.data import Examples, open_data
from training.data.loading import Loader
from training.data.preprocessing import plain_input_spec
from training.recipe import Picture

SPEC = plain_input_spec(Picture(size=16, color_mode="L"))


def _loader() -> Loader:
    return Loader(spec=SPEC, workers=0, skip_broken=True)


@pytest.fixture
def whole(tmp_path: Path) -> Examples:
    """Twenty-four pictures, all in order."""
    write_class_folders(tmp_path / "photos" / "train", dict.fromkeys(LABELS, 8))
    write_class_folders(tmp_path / "photos" / "test", dict.fromkeys(LABELS, 1), first_seed=900)
    return open_data(str(tmp_path / "photos"), settings=folders_in(tmp_path)).examples("train")


@pytest.fixture
def broken(tmp_path: Path, whole: Examples) -> Examples:
    """The same with three files more that are no pictures."""
    for number, label in enumerate(LABELS):
        (tmp_path / "photos" / "train" / label.replace("/", "-") / f"00{number}-.jpg").write_bytes(b"no picture")
    found = open_data(str(tmp_path / "photos"), settings=folders_in(tmp_path)).examples("train")
    assert len(found) == len(whole) + 3
    return found


def test_memory_and_stream_find_the_same_and_broken_pictures_leave_no_trace(whole: Examples, broken: Examples) -> None:
    """Fingerprint, names, statistics and labels are those of the pictures that are in order, whatever lay between."""
    expected_loader = _loader()
    expected = expected_loader.into_memory(whole)
    for way in ("into_memory", "streamed"):
        for examples in (whole, broken):
            loader = _loader()
            found = getattr(loader, way)(examples)
            assert loader.fingerprint.hexdigest() == expected_loader.fingerprint.hexdigest()
            assert found.keys == expected.keys
            assert found.counts.statistics() == expected.counts.statistics()
            assert found.pictures.labels_N.tolist() == expected.pictures.labels_N.tolist()
            assert len(found.problems) == len(examples) - len(whole)


def test_look_keeps_the_pictures_that_can_be_used_in_order(whole: Examples, broken: Examples) -> None:
    """Nothing is kept but the list and what was found out."""
    kept, found = _loader().look_through(broken)
    assert [kept.origin(position) for position in range(len(kept))] == [whole.origin(n) for n in range(len(whole))]
    assert found.keys == _loader().into_memory(whole).keys
    assert [Path(problem.text.split(": ")[0]).name for problem in found.problems] == [
        *("001-.jpg", "002-.jpg", "000-.jpg")  # classes come in the order of their names
    ]


def test_parts_follow_each_other_in_the_fingerprint(whole: Examples) -> None:
    """Training before validation is another set than the two exchanged."""
    forth, back = _loader(), _loader()
    forth.into_memory(whole[:10])
    forth.streamed(whole[10:])
    back.into_memory(whole[10:])
    back.streamed(whole[:10])
    assert forth.fingerprint.hexdigest() != back.fingerprint.hexdigest()
