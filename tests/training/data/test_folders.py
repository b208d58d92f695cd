"""`training.data.folders`: anyone's folders become classes, whatever else lies in them, and no file is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from training.data.folders import Listing, list_class_folders
from training.errors import DataError


def _touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def _names(listing: Listing, split: str = "train") -> dict[str, list[str]]:
    """Give the names of the files of each class."""
    found: dict[str, list[str]] = {label: [] for label in listing.labels}
    for example in listing.splits[split]:
        found[listing.labels[example.label]].append(Path(example.origin).name)
    return found


def test_every_file_of_a_class_folder_is_a_picture_until_it_is_read(tmp_path: Path) -> None:
    """Upper-case endings, other endings and none are all tried: bytes tell what a file is, not its name."""
    _touch(tmp_path, "cats/a.JPG", "cats/b.JPEG", "cats/c", "cats/d.txt", "dogs/e.png")
    found = list_class_folders(tmp_path)
    assert found.labels == ("cats", "dogs")
    assert _names(found) == {"cats": ["a.JPG", "b.JPEG", "c", "d.txt"], "dogs": ["e.png"]}
    assert found.remarks == ()


def test_what_programs_leave_behind_is_passed_over(tmp_path: Path) -> None:
    """Files and folders that nobody put there on purpose are no pictures and no classes."""
    hidden = (".DS_Store", "cats/.DS_Store", "cats/._a.jpg", "cats/Thumbs.db", "dogs/desktop.ini", ".git/config")
    _touch(tmp_path, "cats/a.jpg", "dogs/b.jpg", "__MACOSX/cats/a.jpg", "@eaDir/x.jpg", *hidden)
    assert _names(list_class_folders(tmp_path)) == {"cats": ["a.jpg"], "dogs": ["b.jpg"]}


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "dev", "testing"), ("TRAIN", "valid", "Test")]
)
def test_splits_go_by_their_usual_names(tmp_path: Path, names: tuple[str, str, str]) -> None:
    """The many names of the same three splits are understood."""
    _touch(tmp_path, *(f"{name}/{label}/{name}.jpg" for name in names for label in ("cats", "dogs")))
    found = list_class_folders(tmp_path)
    assert set(found.splits) == {"train", "validation", "test"}
    assert _names(found, "validation") == {"cats": [f"{names[1]}.jpg"], "dogs": [f"{names[1]}.jpg"]}


def test_class_of_one_split_alone_has_its_number_in_all(tmp_path: Path) -> None:
    """Classes are those of all splits together, so that numbers mean the same everywhere."""
    _touch(tmp_path, "train/ant/a.jpg", "train/cat/b.jpg", "test/bee/c.jpg", "test/cat/d.jpg")
    found = list_class_folders(tmp_path)
    assert found.labels == ("ant", "bee", "cat")
    assert found.splits["train"].counts().tolist() == [1, 0, 1]
    assert found.splits["test"].counts().tolist() == [0, 1, 1]


def test_two_folders_for_one_split_are_refused(tmp_path: Path) -> None:
    """Which of them validates cannot be guessed."""
    _touch(tmp_path, "train/a/1.jpg", "val/a/2.jpg", "valid/a/3.jpg")
    with pytest.raises(DataError, match="holds val and valid, which are one split"):
        list_class_folders(tmp_path)


def test_class_may_be_called_like_a_split(tmp_path: Path) -> None:
    """Pictures of trains beside pictures of planes are no training split."""
    _touch(tmp_path, "train/ice.jpg", "plane/jet.jpg")
    assert list_class_folders(tmp_path).labels == ("plane", "train")


def test_folders_beside_the_splits_are_remarked(tmp_path: Path) -> None:
    """What is not used is said."""
    _touch(tmp_path, "train/a/1.jpg", "train/b/2.jpg", "raw/c/3.jpg")
    found = list_class_folders(tmp_path)
    assert found.labels == ("a", "b")
    assert found.remarks == (f"Left out: {tmp_path / 'raw'} is no split.",)


def test_pictures_in_no_class_are_remarked_and_counted(tmp_path: Path) -> None:
    """A forgotten heap of photographs is not lost in silence; notes beside the folders are nobody's business."""
    _touch(tmp_path, "a/1.jpg", "b/2.jpg", "README.md", *(f"loose{number}.jpg" for number in range(5)))
    (remark,) = list_class_folders(tmp_path).remarks
    assert "loose0.jpg lies in no class folder" in remark
    assert remark.endswith("and 2 more.")
    assert "README" not in remark


def test_folders_within_a_class_belong_to_it(tmp_path: Path) -> None:
    """Photographs may be sorted by year as well."""
    _touch(tmp_path, "cats/2023/a.jpg", "cats/2024/june/b.jpg", "dogs/c.jpg")
    assert _names(list_class_folders(tmp_path))["cats"] == ["b.jpg", "a.jpg"]


def test_spaces_and_umlauts_are_letters_like_others(tmp_path: Path) -> None:
    """However a file system spells an umlaut, it is one class of one name."""
    _touch(tmp_path, "train/Rotes Gef\u00e4\u00df/1.jpg", "train/b/2.jpg", "test/Rotes Gefa\u0308\u00df/3.jpg")
    found = list_class_folders(tmp_path)
    assert found.labels == ("Rotes Gef\u00e4\u00df", "b")
    assert found.splits["test"].counts().tolist() == [1, 0]


def test_class_name_that_cannot_be_printed_is_refused(tmp_path: Path) -> None:
    """A label is shown to people and written as JSON."""
    _touch(tmp_path, "a/1.jpg", "b\nc/2.jpg")
    with pytest.raises(DataError, match=r"b\?c: the name of a class must consist of printable characters"):
        list_class_folders(tmp_path)


def test_file_whose_name_is_no_text_can_be_read_and_named(tmp_path: Path) -> None:
    """Names from old archives hold bytes of other alphabets."""
    _touch(tmp_path, "a/1.jpg", "b/2.jpg")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path / "a") + b"/\xe4.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes no such names")
    examples = list_class_folders(tmp_path).splits["train"]
    assert [(example.encoded, Path(example.origin).name) for example in examples][1] == (b"x", "?.jpg")


def test_links_are_followed_and_circles_are_not(tmp_path: Path) -> None:
    """Pictures may lie elsewhere; a link to a folder above or to one that was listed ends there and is remarked."""
    elsewhere = _touch(tmp_path / "elsewhere", "x.jpg")
    root = _touch(tmp_path / "photos", "cats/a.jpg", "dogs/b.jpg")
    (root / "cats" / "more").symlink_to(elsewhere)
    (root / "cats" / "again").symlink_to(elsewhere)
    (root / "cats" / "up").symlink_to(root)
    (root / "dogs" / "self").symlink_to(root / "dogs")
    (root / "dogs" / "picture.jpg").symlink_to(elsewhere / "x.jpg")
    found = list_class_folders(root)
    assert _names(found) == {"cats": ["a.jpg", "x.jpg"], "dogs": ["b.jpg", "picture.jpg"]}
    assert found.remarks[0].count("leads back to a folder that was listed") == 3


def test_listing_opens_no_file_and_a_dead_link_names_itself_when_read(tmp_path: Path) -> None:
    """A link to nothing is listed like any file, and a link to itself too; reading says what is wrong."""
    _touch(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "a" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "a" / "loop.jpg").symlink_to(tmp_path / "a" / "loop.jpg")
    examples = list_class_folders(tmp_path).splits["train"]
    assert [Path(examples.origin(position)).name for position in range(4)] == ["1.jpg", "gone.jpg", "loop.jpg", "2.jpg"]
    with pytest.raises(DataError, match=r"gone\.jpg cannot be read: No such file"):
        examples[1]
    with pytest.raises(DataError, match=r"loop\.jpg cannot be read: Too many levels"):
        examples[2]


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """What is no file would never end when it is read."""
    _touch(tmp_path, "a/1.jpg", "b/2.jpg")
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    found = list_class_folders(tmp_path)
    assert _names(found)["a"] == ["1.jpg"]
    assert found.remarks == (f"Left out: {tmp_path / 'a' / 'pipe.jpg'} is no file.",)


def test_file_beyond_any_picture_is_refused_unread(tmp_path: Path) -> None:
    """A film among the photographs does not fill the memory."""
    _touch(tmp_path, "a/1.jpg", "b/2.jpg")
    with (tmp_path / "a" / "film.mov").open("wb") as file:
        file.truncate(600_000_000)  # takes no room on the disk
    with pytest.raises(DataError, match=r"film\.mov has 600 MB; a picture may have at most 500 MB"):
        list_class_folders(tmp_path).splits["train"][1]


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may open every folder")
def test_folder_that_may_not_be_opened_is_named(tmp_path: Path) -> None:
    """Missing permission is said with the folder's name."""
    _touch(tmp_path, "a/1.jpg", "b/2.jpg")
    (tmp_path / "b").chmod(0)
    with pytest.raises(DataError, match="b cannot be opened: Permission denied"):
        list_class_folders(tmp_path)


def test_files_without_class_folders_are_told_to_be_sorted(tmp_path: Path) -> None:
    """A plain heap of photographs says nothing about classes."""
    _touch(tmp_path, "1.jpg", "2.jpg")
    with pytest.raises(DataError, match="2 files lie in no class folder; sort them into one folder per class"):
        list_class_folders(tmp_path)


def test_class_folders_without_files_are_refused(tmp_path: Path) -> None:
    """Folders were made and never filled."""
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=r"its class folders \(a, b, c, \.\.\.\) are empty"):
        list_class_folders(tmp_path)
