"""`training.data.opening`: Parquet, class folders and known names give the same; what is missing is explained."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import datasets
import huggingface_hub
import pytest

from tests.picture_files import encoded
from tests.training.data_sets import LABELS, folders_in, shape_picture, write_class_folders, write_parquet
from training.data import Division, open_data
from training.errors import DataError


def _files(count: int = 3) -> list[bytes]:
    return [encoded(shape_picture(number % 3, seed=number)) for number in range(count)]


def test_parquet_gives_bytes_labels_and_names_as_they_stand(tmp_path: Path) -> None:
    """Pictures stay encoded, and class names are spelled as the schema spells them."""
    settings = folders_in(tmp_path)
    files = _files()
    write_parquet(tmp_path / "data" / "shapes" / "train.parquet", files, [2, 0, 1])
    found = open_data("shapes", settings=settings)
    assert found.labels == LABELS
    assert found.splits == ("train",)
    examples = list(found.examples("train"))
    assert [example.encoded for example in examples] == files
    assert [example.label for example in examples] == [2, 0, 1]
    assert examples[0].origin == "train-0.png"
    assert list(found.examples("train")) == examples  # a second reading gives the same


def test_columns_are_found_by_their_kind_and_not_by_their_name(tmp_path: Path) -> None:
    """Sets of the Hub call their columns as they like."""
    path = tmp_path / "data" / "shapes" / "test.parquet"
    write_parquet(path, _files(), [0, 1, 2], columns=("img", "fine_label"))
    assert len(list(open_data("shapes", settings=folders_in(tmp_path)).examples("test"))) == 3


def test_class_folders_give_the_same_as_parquet(tmp_path: Path) -> None:
    """Anyone's photographs, sorted into folders, are a data set."""
    for split in ("train", "test"):
        for number, name in enumerate(("cat", "dog")):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            (folder / "one.png").write_bytes(encoded(shape_picture(number, seed=1)))
    found = open_data(str(tmp_path / "photos"), settings=folders_in(tmp_path))
    assert found.labels == ("cat", "dog")
    assert set(found.splits) == {"train", "test"}
    examples = list(found.examples("test"))
    assert [example.label for example in examples] == [0, 1]
    assert examples[1].encoded == encoded(shape_picture(1, seed=1))
    assert examples[1].origin.endswith("test/dog/one.png")


def test_class_folders_alone_are_divided_by_seed(tmp_path: Path) -> None:
    """A fifth of each class is put aside for the test; the same seed puts the same pictures aside."""
    write_class_folders(tmp_path / "photos", dict.fromkeys(LABELS, 10))
    found, again, other = (
        open_data(str(tmp_path / "photos"), settings=folders_in(tmp_path), division=Division(seed=seed))
        for seed in (1, 1, 2)
    )
    assert found.examples("test").counts().tolist() == [2, 2, 2]
    assert found.examples("train").counts().tolist() == [8, 8, 8]
    tested, trained = ({example.origin for example in found.examples(split)} for split in ("test", "train"))
    assert len(tested | trained) == 30
    assert tested == {example.origin for example in again.examples("test")}
    assert tested != {example.origin for example in other.examples("test")}
    assert found.notes() == ("6 of the 30 pictures were put aside for the test by chance (seed 1).",)


def test_division_can_be_changed_without_listing_again(tmp_path: Path) -> None:
    """A recipe may ask for more test pictures than were put aside at first; a set's own test pictures stay."""
    write_class_folders(tmp_path / "photos", dict.fromkeys(LABELS, 10))
    found = open_data(str(tmp_path / "photos"), settings=folders_in(tmp_path))
    assert len(found.divided(Division(test_pictures=12)).examples("test")) == 12
    write_class_folders(tmp_path / "own" / "train", {"cat": 9, "dog": 9})
    write_class_folders(tmp_path / "own" / "test", {"cat": 1, "dog": 1})
    own = open_data(str(tmp_path / "own"), settings=folders_in(tmp_path))
    assert own.divided(Division(test_pictures=12)) is own
    assert own.notes() == ()


def test_single_parquet_file_is_a_data_set(tmp_path: Path) -> None:
    """Its one split is divided like a folder of classes."""
    files = [encoded(shape_picture(number % 3, seed=number)) for number in range(30)]
    write_parquet(tmp_path / "mine.parquet", files, [number % 3 for number in range(30)])
    found = open_data(str(tmp_path / "mine.parquet"), settings=folders_in(tmp_path))
    assert found.labels == LABELS
    assert {split: len(found.examples(split)) for split in found.splits} == {"train": 24, "test": 6}


def test_parquet_one_folder_deeper_is_found(tmp_path: Path) -> None:
    """A clone of a repository of the Hub keeps its tables in a folder of their own."""
    write_parquet(tmp_path / "clone" / "data" / "train-00000-of-00001.parquet", _files(), [0, 1, 2])
    write_parquet(tmp_path / "clone" / "data" / "valid-00000-of-00001.parquet", _files(), [0, 1, 2])
    (tmp_path / "clone" / "README.md").write_text("# Shapes")
    assert open_data(str(tmp_path / "clone"), settings=folders_in(tmp_path)).splits == ("train", "validation")


def test_broken_parquet_is_named(tmp_path: Path) -> None:
    """A table that was cut short is an error of the data."""
    path = tmp_path / "shapes" / "train.parquet"
    write_parquet(path, _files(), [0, 1, 2])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"shapes holds no pictures that can be read: "):
        open_data(str(tmp_path / "shapes"), settings=folders_in(tmp_path))


def test_archive_is_told_from_a_folder(tmp_path: Path) -> None:
    """Who names a zip file learns to unpack it."""
    (tmp_path / "photos.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"photos\.zip is a file; .* must be unpacked first"):
        open_data(str(tmp_path / "photos.zip"), settings=folders_in(tmp_path))


def test_known_set_that_the_hub_does_not_have_names_its_home(tmp_path: Path) -> None:
    """Where to get it is said in place of a connection."""
    with pytest.raises(DataError, match=r"its home is https://github\.com/alexeygrigorev/clothing-dataset-small\)"):
        open_data("clothing", settings=folders_in(tmp_path))


def test_named_folder_wins_over_later_ones(tmp_path: Path) -> None:
    """A set of one's own replaces a shared one of the same name."""
    for place, label in (("first", 0), ("second", 1)):
        write_parquet(tmp_path / place / "shapes" / "train.parquet", _files(1), [label])
    folders = folders_in(tmp_path)
    settings = dataclasses.replace(folders, data_dirs=(tmp_path / "first", tmp_path / "second"))
    assert [example.label for example in open_data("shapes", settings=settings).examples("train")] == [0]


def test_missing_set_names_the_folders_tried_and_what_to_do(tmp_path: Path) -> None:
    """Who has no data yet learns where to put it."""
    with pytest.raises(DataError) as caught:
        open_data("shapes", settings=folders_in(tmp_path))
    text = str(caught.value)
    assert str(tmp_path / "data" / "shapes") in text
    assert "train.parquet" in text
    assert "CONVSERVE_DATA_DIR" in text


def test_known_set_without_a_connection_names_its_place_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known name is looked for on the Hub, and the answer says under which name."""
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    with pytest.raises(DataError, match=r"zalando-datasets/fashion_mnist.*CONVSERVE_DATA_DIR"):
        open_data("fashion-mnist", settings=folders_in(tmp_path))


def test_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    """An empty folder is told apart from a missing one."""
    (tmp_path / "data" / "shapes").mkdir(parents=True)
    with pytest.raises(DataError, match="holds no pictures that can be read"):
        open_data("shapes", settings=folders_in(tmp_path))


def test_parquet_without_class_names_is_refused(tmp_path: Path) -> None:
    """Numbers alone do not say what the classes are called."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "data" / "shapes"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"picture": [b"x"], "kind": [1]}), folder / "train.parquet")
    with pytest.raises(DataError, match=r"one column of pictures and one of class labels; it has picture, kind"):
        open_data("shapes", settings=folders_in(tmp_path))


def test_unknown_split_names_those_there_are(tmp_path: Path) -> None:
    """A set without test pictures cannot be scored, and says so."""
    write_parquet(tmp_path / "data" / "shapes" / "train.parquet", _files(), [0, 1, 2])
    with pytest.raises(DataError, match=r"no split 'test', only train; put its pictures into test\.parquet"):
        list(open_data("shapes", settings=folders_in(tmp_path)).examples("test"))


@pytest.mark.parametrize("label", [-1, 3, None])
def test_label_of_no_class_names_its_picture(tmp_path: Path, label: int) -> None:
    """A label out of range is an error of the data and not of the network."""
    write_parquet(tmp_path / "data" / "shapes" / "train.parquet", _files(), [0, label, 2])
    with pytest.raises(DataError, match=f"train-1.png: label {label} is none of the 3 classes"):
        list(open_data("shapes", settings=folders_in(tmp_path)).examples("train"))


_LISTENER = """
import sys
def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        print("connection", arguments)
sys.addaudithook(note)
from pathlib import Path
from training.data import open_data
from training.settings import Settings
home = Path(sys.argv[1])
settings = Settings(data_dirs=(home / "data",), runs_dir=home / "runs", models_dir=home / "models")
print("examples", len(list(open_data("shapes", settings=settings).examples("train"))))
"""


def test_local_data_is_read_silently_and_without_a_connection(tmp_path: Path) -> None:
    """No connection, no bar, no warning, and nothing left in the home folder."""
    write_parquet(tmp_path / "data" / "shapes" / "train.parquet", _files(), [0, 1, 2])
    home = tmp_path / "home"
    home.mkdir()
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", _LISTENER, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3]), "PATH": ""},
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "examples 3\n", "")
    assert list(home.rglob("*")) == []


def test_replaced_parquet_is_read_anew(tmp_path: Path) -> None:
    """The copy that the library keeps beside the runs never answers for a file that has changed."""
    path = tmp_path / "shapes" / "train.parquet"
    for labels in ([0, 1, 2], [2, 1, 0]):
        write_parquet(path, _files(), labels)
        found = open_data(str(tmp_path / "shapes"), settings=folders_in(tmp_path))
        assert found.examples("train").labels_N.tolist() == labels
