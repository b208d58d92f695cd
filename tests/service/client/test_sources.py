"""What is walked, in which order, what is passed over, and how bytes are read under a limit."""

from __future__ import annotations

import inspect
import io
import os
import sys
import threading
from pathlib import Path

import pytest

from service.client.sources import Reader, Source, Walk, natural
from service.errors import PictureError


def reader(*, limit_bytes: int = 100, stdin: bytes = b"") -> Reader:
    """Make a reader whose addresses hold their own name."""
    return Reader(limit_bytes=limit_bytes, download=str.encode, stdin=io.BytesIO(stdin))


def names(*arguments: str) -> list[str]:
    """Walk."""
    return [source.name for source in Walk(arguments)]


def test_folder_is_walked_in_the_order_in_which_a_person_counts(tmp_path: Path) -> None:
    """`2` comes before `10`, folders stand among files by their name, and case does not tear names apart."""
    for name in ("img10.jpg", "img2.jpg", "Img3.PNG", "b/1.webp", "a/11.gif", "a/9.bmp", "z.avif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    expected = ["a/9.bmp", "a/11.gif", "b/1.webp", "img2.jpg", "Img3.PNG", "img10.jpg", "z.avif"]
    assert names(str(tmp_path)) == [f"{tmp_path}/{name}" for name in expected]


def test_what_a_folder_holds_beside_pictures_is_counted_and_passed_over(tmp_path: Path) -> None:
    """Other files, hidden ones, links to folders and what is no file at all; links to pictures are followed."""
    for name in ("a.jpg", "notes.txt", "no_suffix", ".hidden.jpg", ".git/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    walk = Walk([str(tmp_path)])
    assert [Path(source.name).name for source in walk] == ["a.jpg", "link.jpg"]
    assert walk.passed_over == 7
    assert walk.count() == 2
    assert walk.passed_over == 7, "a second walk counts anew"


def test_files_that_are_named_are_tried_whatever_their_name(tmp_path: Path) -> None:
    """Their bytes will decide; what is not there is a source too, whose reading says so."""
    (tmp_path / "photo").touch()
    arguments = [f"{tmp_path}/photo", f"{tmp_path}/nobody.jpg", "-", "https://example.org/a.jpg"]
    kinds = [(source.name, source.kind) for source in Walk(arguments)]
    assert kinds == list(zip(arguments, ["file", "file", "stdin", "address"], strict=True))


def test_folders_may_lie_deeper_than_functions_may_call_each_other(tmp_path: Path) -> None:
    """Two hundred folders inside each other are walked where there is room for fifty calls."""
    folder = tmp_path.joinpath(*["d"] * 200)
    folder.mkdir(parents=True)
    (folder / "x.jpg").touch()
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 50)
    try:
        assert Walk([str(tmp_path)]).count() == 1
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    ("before", "after"), [("img2", "img10"), ("2", "a"), ("a", "B"), ("img007", "img8"), ("x1y2", "x1y10"), ("", "0")]
)
def test_natural_order_compares_numbers_as_numbers(before: str, after: str) -> None:
    """And everything else as text, whatever its case."""
    assert natural(before) < natural(after)


def test_file_is_read_up_to_the_limit_and_refused_beyond(tmp_path: Path) -> None:
    """One byte more than the limit is too many, and an empty file is no picture."""
    file = tmp_path / "a.jpg"
    for size, words in ((0, "It is empty"), (101, "more than 100 bytes")):
        file.write_bytes(bytes(size))
        with pytest.raises(PictureError, match=words):
            reader().read(Source(str(file), "file"))
    file.write_bytes(b"x" * 100)
    assert reader().read(Source(str(file), "file")) == b"x" * 100


def test_pipe_is_read_to_its_end_in_the_pieces_in_which_it_comes(tmp_path: Path) -> None:
    """A named pipe has no size."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as stream:
            stream.write(b"one")
            stream.write(b"two")

    writer = threading.Thread(target=write)
    writer.start()
    assert reader().read(Source(str(pipe), "file")) == b"onetwo"
    writer.join()


@pytest.mark.parametrize(("name", "words"), [("nobody.jpg", "No such file"), (".", "Is a directory"), ("a\0b", "null")])
def test_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, words: str) -> None:
    """In the words of the system."""
    with pytest.raises(PictureError, match=words):
        reader().read(Source(f"{tmp_path}/{name}", "file"))


def test_standard_input_and_addresses_obey_the_same_limit() -> None:
    """Whatever a picture comes from."""
    assert reader(stdin=b"abc").read(Source("-", "stdin")) == b"abc"
    assert reader().read(Source("http://x", "address")) == b"http://x"
    with pytest.raises(PictureError, match="more than 5 bytes"):
        reader(stdin=b"abcdef", limit_bytes=5).read(Source("-", "stdin"))
    with pytest.raises(PictureError, match="more than 5 bytes"):
        reader(limit_bytes=5).read(Source("http://x", "address"))
