"""Class names out of a file, whatever form it has: lines, JSON, a Python dictionary, CSV.

Names are never guessed and never moved: a gap, a name that occurs twice, or a list of the wrong length is an error that
names the place, because a shifted list gives wrong answers that look right.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from service.errors import ArtifactError

MOST_BYTES: Final = 16 * 2**20
# Under which exporters note the names: Ultralytics, fast.ai and others, Hugging Face configurations.
METADATA_KEYS: Final = ("names", "labels", "classes", "class_names", "id2label", "categories")
_LONGEST_INDEX: Final = 9  # digits
_WORDNET: Final = re.compile(r"(n\d{8})[\s,]+(\S.*)")
_NAME_COLUMNS: Final = frozenset({"label", "labels", "name", "class", "class_name", "classname", "category", "title"})
_INDEX_COLUMNS: Final = frozenset({"index", "idx", "id", "class_id", "class_index", "number", ""})


class LabelsError(Exception):
    """A text that holds no list of class names; says why."""


def read_labels(path: Path, *, numbered: bool = False) -> tuple[str, ...]:
    """Read a file of class names.

    Args:
        path: Text with a name a line, JSON (a list, index to name, name to index, or `id2label` among other keys), a
            Python dictionary, or CSV with or without a header.
        numbered: Tell names that occur twice apart by their index.

    Returns:
        The names in the order of the network's outputs.

    Raises:
        ArtifactError: The file cannot be read, or what it holds is no list of distinct names.

    """
    text = _read(path)
    try:
        labels = _parser(path, text)(text)
        return _distinct(labels, numbered=numbered)
    except LabelsError as error:
        raise ArtifactError(path, reason=str(error)) from error


def labels_in(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Find class names in what the exporting program noted; None where there are none that can be read."""
    for key in METADATA_KEYS:
        text = metadata.get(key, "").strip()
        if not text or len(text) > MOST_BYTES:
            continue
        try:
            return _distinct(_from_document(text) if text[0] in "[{" else _from_commas(text), numbered=False)
        except LabelsError:
            continue  # a note of another kind under the same name
    return None


def _read(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise ArtifactError(path, reason="is no file of class names")
        if path.stat().st_size > MOST_BYTES:
            raise ArtifactError(path, reason=f"has more than {MOST_BYTES} bytes, and holds class names")
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(path, reason=f"cannot be read ({error.strerror})") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        reason = f"is not UTF-8 (line {line}, byte 0x{data[error.start]:02x}); save it as UTF-8"
        raise ArtifactError(path, reason=reason) from error
    if not text.strip():
        raise ArtifactError(path, reason="is empty; it needs one class name a line, in the order of the outputs")
    if "\0" in text:
        raise ArtifactError(path, reason="is no text (it holds zero bytes)")
    return text


def _parser(path: Path, text: str) -> Callable[[str], list[str]]:
    """Choose by what the text looks like, then by the file's name."""
    if text.lstrip()[0] in "[{":
        return _from_document
    if path.suffix.lower() in (".csv", ".tsv"):
        return _from_table
    return _from_lines


def _from_lines(text: str) -> list[str]:
    lines = text.rstrip().splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            raise LabelsError(f"line {number} is empty, and every line is the name of one class")
    return _without_ids([line.strip() for line in lines])


def _from_commas(text: str) -> list[str]:
    names = [name.strip() for name in text.split("\n" if "\n" in text else ",")]
    if len(names) < 2 or not all(names):
        raise LabelsError("is no list of names")
    return names


def _without_ids(names: list[str]) -> list[str]:
    """Take WordNet's numbers off where every name has one; those whose rest occurs twice keep it behind."""
    found = [_WORDNET.fullmatch(name) for name in names]
    pairs = [(match[1], match[2].strip()) for match in found if match is not None]
    if len(pairs) < len(names):
        return names
    counts = Counter(name for _, name in pairs)
    return [f"{name} ({number})" if counts[name] > 1 else name for number, name in pairs]


def _from_document(text: str) -> list[str]:
    """Read JSON, or the same written in Python as people paste it."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as json_error:
        try:
            document = ast.literal_eval(text.strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            raise LabelsError(f"is no JSON ({json_error})") from json_error
    return _from_value(document)


def _from_value(document: object) -> list[str]:
    if isinstance(document, (list, tuple)):
        return _without_ids([_name(value, place=f"entry {index}") for index, value in enumerate(document)])
    if not isinstance(document, dict):
        raise LabelsError(f"holds a {type(document).__name__}, and class names come as a list or by index")
    for key in ("id2label", "names", "labels", "classes"):
        if isinstance(document.get(key), (dict, list)):
            return _from_value(document[key])
    by_index = document if not _are_indices(document.values()) else {index: name for name, index in document.items()}
    if not _are_indices(by_index):
        raise LabelsError("holds keys that are no class numbers; it needs index to name, or name to index")
    return _in_order({int(index): _name(name, place=f"class {index}") for index, name in by_index.items()})


def _are_indices(values: object) -> bool:
    return all(
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and _is_index(value))
        for value in values  # type: ignore[attr-defined]  # the keys or the values of a dictionary
    )


def _is_index(text: str) -> bool:
    return text.isdecimal() and len(text) <= _LONGEST_INDEX


def _name(value: object, *, place: str) -> str:
    """Take a name, or the last of several, as Keras writes `["n01440764", "tench"]`."""
    if isinstance(value, (list, tuple)) and value:
        value = value[-1]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise LabelsError(f"{place} has no name")
    return value.strip()


def _in_order(by_index: Mapping[int, str]) -> list[str]:
    missing = sorted(set(range(len(by_index))) - by_index.keys())
    if missing:
        raise LabelsError(f"has no name for class {missing[0]}; class numbers must run from 0 to {len(by_index) - 1}")
    return [by_index[index] for index in range(len(by_index))]


def _from_table(text: str) -> list[str]:
    """Read CSV: the column that names classes, in the order of the rows or of the column that numbers them."""
    delimiter = next((mark for mark in ("\t", ";", ",") if mark in text.strip().splitlines()[0]), ",")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=None), delimiter=delimiter) if "".join(row).strip()]
    except csv.Error as error:
        raise LabelsError(f"is no table ({error})") from error
    if not rows:
        raise LabelsError("has no rows")
    header = [cell.strip().lower() for cell in rows[0]]
    has_header = bool(_NAME_COLUMNS & set(header))
    if has_header:
        rows = rows[1:]
    columns = len(header)
    uneven = next((number for number, row in enumerate(rows, start=1 + has_header) if len(row) != columns), None)
    if uneven or not rows:
        raise LabelsError(f"row {uneven} has another number of columns than the first" if rows else "has no rows")
    index_column = _index_column(rows, header if has_header else [])
    name_column = _name_column(rows, header if has_header else [], index_column)
    names = [_name(row[name_column], place=f"row {number}") for number, row in enumerate(rows, start=1 + has_header)]
    if index_column is None:
        return _without_ids(names)
    numbers = [int(row[index_column]) for row in rows]
    if len(set(numbers)) < len(numbers):
        raise LabelsError("gives two rows the same class number")
    return _in_order(dict(zip(numbers, names, strict=True)))


def _index_column(rows: Sequence[Sequence[str]], header: Sequence[str]) -> int | None:
    """Find the column that numbers the classes; a single column names them, even by numbers."""
    if len(rows[0]) < 2:
        return None
    candidates = [column for column, name in enumerate(header) if name in _INDEX_COLUMNS] or range(len(rows[0]))
    return next((column for column in candidates if all(_is_index(row[column].strip()) for row in rows)), None)


def _name_column(rows: Sequence[Sequence[str]], header: Sequence[str], index_column: int | None) -> int:
    named = [column for column, name in enumerate(header) if name in _NAME_COLUMNS and column != index_column]
    others = [column for column in range(len(rows[0])) if column != index_column]
    # An identifier such as n01440764 often stands before the name.
    return named[0] if named else others[-1] if others else 0


def _distinct(labels: Sequence[str], *, numbered: bool) -> tuple[str, ...]:
    places: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        places.setdefault(label, []).append(index)
    twice = [(label, found) for label, found in places.items() if len(found) > 1]
    if twice and not numbered:
        label, (first, second, *_) = twice[0]
        more = f" (and {len(twice) - 1} more such names)" if len(twice) > 1 else ""
        raise LabelsError(
            f"names both class {first} and class {second} {label!r}{more}; names must differ: change one, or give "
            f"--number-labels, which makes them {f'{label} #{first}'!r} and {f'{label} #{second}'!r}"
        )
    if len(labels) < 2:
        raise LabelsError("holds one name, and a classifier tells two classes apart at least")
    return tuple(f"{label} #{index}" if len(places[label]) > 1 else label for index, label in enumerate(labels))
