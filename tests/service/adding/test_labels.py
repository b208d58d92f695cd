"""Class names are read from every form in which people have them, and never guessed or shifted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adding.labels import MOST_BYTES, LabelsError, _distinct, _from_value, _parser, labels_in, read_labels
from service.errors import ArtifactError

CATS: Final = ("cat", "dog", "fox")


def labels_file(tmp_path: Path, content: str | bytes, *, name: str = "labels.txt") -> Path:
    """Write a file of labels."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.txt", "cat\ndog\nfox\n"),
        ("l.txt", "cat\r\ndog\r\nfox"),
        ("l.txt", b"\xef\xbb\xbfcat\n dog \nfox\n\n\n"),
        ("l.txt", "n02123045 cat\nn02084071\tdog\nn02118333, fox\n"),
        ("l.json", '["cat", "dog", "fox"]'),
        ("l.json", '{"0": "cat", "2": "fox", "1": "dog"}'),
        ("l.json", '{"cat": 0, "dog": 1, "fox": 2}'),
        ("l.json", '{"0": ["n02123045", "cat"], "1": ["n02084071", "dog"], "2": ["n02118333", "fox"]}'),
        ("config.json", '{"model_type": "resnet", "id2label": {"0": "cat", "1": "dog", "2": "fox"}}'),
        ("data.json", '{"names": ["cat", "dog", "fox"], "nc": 3}'),
        ("l.txt", "{0: 'cat',\n 1: 'dog',\n 2: 'fox'}"),
        ("l.txt", "('cat', 'dog', 'fox')".replace("(", "[").replace(")", "]")),
        ("l.csv", "cat\ndog\nfox\n"),
        ("l.csv", "label\ncat\ndog\nfox\n"),
        ("l.csv", "index,label\n2,fox\n0,cat\n1,dog\n"),
        ("l.csv", "0,n02123045,cat\n1,n02084071,dog\n2,n02118333,fox\n"),
        ("l.csv", "class_id;name\n0;cat\n1;dog\n2;fox\n"),
        ("l.tsv", "n02123045\tcat\nn02084071\tdog\nn02118333\tfox\n"),
        ("l.csv", 'id,class_name,many\n0,"cat",9\n1,"dog",8\n2,"fox",7\n'),
    ],
)
def test_every_form_gives_the_same_names_in_the_order_of_the_outputs(tmp_path: Path, name: str, content: str) -> None:
    """Lines, JSON both ways round, configurations, Python dictionaries, tables with and without a header."""
    assert read_labels(labels_file(tmp_path, content, name=name)) == CATS


def test_names_keep_commas_spaces_and_letters_of_every_language(tmp_path: Path) -> None:
    """A line is a name."""
    names = ("great white shark, white shark", "Hängebrücke", "猫", "0")
    assert read_labels(labels_file(tmp_path, "\n".join(names))) == names
    assert read_labels(labels_file(tmp_path, json.dumps(names), name="l.json")) == names


def test_names_that_occur_twice_under_numbers_of_wordnet_keep_those(tmp_path: Path) -> None:
    """ImageNet has two cranes."""
    content = "n02012849\tcrane\nn01440764\ttench\nn03126707\tcrane\n"
    assert read_labels(labels_file(tmp_path, content)) == ("crane (n02012849)", "tench", "crane (n03126707)")


def test_a_name_that_occurs_twice_is_refused_unless_numbering_is_asked_for(tmp_path: Path) -> None:
    """The message shows both places and both ways out."""
    path = labels_file(tmp_path, "crane\ntench\ncrane\n")
    with pytest.raises(ArtifactError, match=r"names both class 0 and class 2 'crane'; .*--number-labels.*'crane #2'"):
        read_labels(path)
    assert read_labels(path, numbered=True) == ("crane #0", "tench", "crane #2")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("l.txt", "", "is empty"),
        ("l.txt", " \n\n", "is empty"),
        ("l.txt", "cat\n\ndog\n", "line 2 is empty"),
        ("l.txt", "cat\nb\xe4r\n".encode("latin-1"), "is not UTF-8 (line 2, byte 0xe4); save it as UTF-8"),
        ("l.txt", "cat\ndog\n".encode("utf-16"), "is not UTF-8"),
        ("l.txt", "cat\0dog\n", "is no text"),
        ("l.txt", "cat\n", "holds one name"),
        ("l.json", '["cat", "dog"', "is no JSON"),
        ("l.json", '["cat", ""]', "entry 1 has no name"),
        ("l.json", '["cat", null]', "entry 1 has no name"),
        ("l.json", '{"0": "cat", "2": "dog"}', "has no name for class 1"),
        ("l.json", '{"1": "cat", "2": "dog"}', "has no name for class 0"),
        ("l.json", '{"a": "cat", "b": "dog"}', "holds keys that are no class numbers"),
        ("l.json", "[" * 100_000, "is no JSON"),
        ("l.csv", "index,label\n0,cat\n0,dog\n", "gives two rows the same class number"),
        ("l.csv", "index,label\n0,cat\n1\n", "row 3 has another number of columns"),
        ("l.csv", "index,label\n", "has no rows"),
        ("l.csv", ",\n,\n", "has no rows"),
        ("l.csv", 'cat,"' + "x" * 200_000 + '"', "is no table (field larger"),
        ("l.csv", "index,label\n0,cat\n1, \n", "row 3 has no name"),
    ],
)
def test_what_is_no_list_of_distinct_names_is_refused(
    tmp_path: Path, name: str, content: str | bytes, reason: str
) -> None:
    """With the place where it is wrong."""
    path = labels_file(tmp_path, content, name=name)
    with pytest.raises(ArtifactError) as refusal:
        read_labels(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert reason in str(refusal.value)


def test_a_file_that_is_not_there_or_endless_is_refused(tmp_path: Path) -> None:
    """A missing one, a folder, a device."""
    large = tmp_path / "large.txt"
    with large.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    for path in (tmp_path / "missing.txt", tmp_path, Path("/dev/zero"), large):
        with pytest.raises(ArtifactError):
            read_labels(path)


@given(st.text())
def test_any_text_gives_distinct_names_or_an_error_of_ours(text: str) -> None:
    """Nothing else comes out, whatever is in the file."""
    for name in ("l.txt", "l.csv"):
        if not text.strip():
            continue
        try:
            labels = _distinct(_parser(Path(name), text)(text), numbered=False)
        except LabelsError:
            continue
        assert len(set(labels)) == len(labels) >= 2
        assert all(label.strip() for label in labels)


DOCUMENTS: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers().map(str), inner),
)


@given(DOCUMENTS)
def test_any_document_gives_distinct_names_or_an_error_of_ours(document: object) -> None:
    """Lists in lists, numbers with a thousand digits, names that are dictionaries."""
    try:
        labels = _distinct(_from_value(document), numbered=False)
    except LabelsError:
        return
    assert len(set(labels)) == len(labels) >= 2


@pytest.mark.parametrize(
    "metadata",
    [
        {"names": "{0: 'cat', 1: 'dog', 2: 'fox'}"},
        {"labels": "cat,dog,fox"},
        {"classes": "cat\ndog\nfox"},
        {"class_names": '["cat", "dog", "fox"]'},
        {"id2label": '{"0": "cat", "1": "dog", "2": "fox"}'},
        {"names": "3", "labels": "cat, dog, fox"},
    ],
)
def test_names_are_found_in_what_exporters_note(metadata: dict[str, str]) -> None:
    """Under the keys that they use; a note of another kind is passed over."""
    assert labels_in(metadata) == CATS


@pytest.mark.parametrize("metadata", [{}, {"names": ""}, {"names": "{"}, {"author": "cat, dog"}, {"labels": "a,a"}])
def test_notes_without_names_give_none(metadata: dict[str, str]) -> None:
    """Nothing is guessed."""
    assert labels_in(metadata) is None
