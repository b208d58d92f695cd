"""A data set by name: a path or a folder below the data folders first, then the Hugging Face Hub.

A folder holds class folders, or Parquet files in the Hugging Face layout; a single Parquet file will do too. Local data
is read without a connection. A set without test pictures gives some of its training pictures to that purpose, always
the same ones, so that training and evaluation agree on which pictures were never looked at.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.data.division import Division, held_back, usual_test_pictures
from training.data.examples import Examples
from training.data.folders import SPLIT_NAMES, Listing, list_class_folders
from training.data.known import KNOWN_SETS
from training.data.tables import open_hub, open_tables
from training.errors import DataError
from training.settings import Settings

_IN_ORDER = ("train", "validation", "test")
_TABLE_ENDINGS = (".parquet", ".arrow")
_LEAST_PER_CLASS = 3  # one to train, one to validate, one to test


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that was found and listed; no picture of it was opened.

    Args:
        name: What it was asked for by.
        source: Folder or Hub name it comes from.
        labels: Class names, exactly as the folders or the set's schema spell them.
        pictures: Of each split.
        remarks: What was left out or decided, in sentences.
        undivided: The pictures out of which the test pictures were taken; None where the set has its own.
        division: How they were taken.

    """

    name: str
    source: str
    labels: tuple[str, ...]
    pictures: dict[str, Examples]
    remarks: tuple[str, ...] = ()
    undivided: Examples | None = None
    division: Division | None = None

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits."""
        return tuple(self.pictures)

    def examples(self, split: str) -> Examples:
        """Give the pictures of a split in order, unread.

        Raises:
            DataError: There is no such split.

        """
        if split not in self.pictures:
            raise DataError(
                f"{self.source} has no split {split!r}, only {', '.join(self.splits)}; "
                f"put its pictures into {split}.parquet or into {split}/<class>/."
            )
        return self.pictures[split]

    def divided(self, division: Division) -> DataSet:
        """Take test pictures in another way; a set with test pictures of its own stays as it is.

        Raises:
            DataError: So many cannot be taken.

        """
        if self.undivided is None:
            return self
        training, test = _test_taken(self.undivided, division, source=self.source)
        if not len(test):
            return replace(self, pictures={**self.pictures, "train": self.undivided}, division=None)
        return replace(self, pictures={**self.pictures, "train": training, "test": test}, division=division)

    def notes(self) -> tuple[str, ...]:
        """Say what was left out, and that test pictures were taken out of the training pictures where they were."""
        if self.division is None:
            return self.remarks
        taken, whole = len(self.pictures["test"]), len(self.undivided or ())
        text = f"{taken:,} of the {whole:,} pictures were put aside for the test by chance (seed {self.division.seed})."
        return (*self.remarks, text)


def open_data(name: str, *, settings: Settings, division: Division | None = None) -> DataSet:
    """Find a data set and list it.

    Args:
        name: A path, a folder below one of the data folders, a known name, or a Hub name with a slash.
        settings: Which folders to look in.
        division: How test pictures are taken from a set that has none of its own; None is the usual way.

    Raises:
        DataError: It is nowhere, or it holds no labelled pictures; the text says where was looked and what to do.

    """
    tried = [Path(name).expanduser(), *(folder / name for folder in settings.data_dirs)]
    found = next((path for path in tried if path.is_dir() or path.is_file()), None)
    if found is not None:
        dataset = _named_set(name, str(found), _opened(found, settings=settings))
        return dataset.divided(division or Division())
    known = KNOWN_SETS.get(name)
    hub_name = known.hub if known else name
    if hub_name is None or "/" not in hub_name or name.startswith((".", "/", "~")):
        raise DataError(_nowhere(name, tried, reason="and it is no name of the Hugging Face Hub"))
    try:
        labels, pictures = open_hub(hub_name)
    except DataError as error:
        raise DataError(_nowhere(name, tried, reason=f"and {error}")) from error
    return _named_set(name, hub_name, Listing(labels, pictures, ())).divided(division or Division())


def _opened(path: Path, *, settings: Settings) -> Listing:
    if path.is_file() and path.suffix.casefold() != ".parquet":
        raise DataError(
            f"{path} is a file; a data set is a folder with one folder per class, or a .parquet file. "
            "An archive must be unpacked first."
        )
    if path.is_dir() and not _holds_tables(path):
        return list_class_folders(path)
    labels, pictures = open_tables(path, cache_dir=settings.cache_dir)
    return Listing(labels, pictures, ())


def _holds_tables(folder: Path) -> bool:
    """Tell Parquet from pictures by the first files that are seen; the Hub's own sets keep theirs one folder deeper."""
    try:
        inside = list(folder.iterdir())
        first_files = [_first_file(path) for path in inside if path.is_dir()]
    except OSError as error:
        raise DataError(f"{folder} cannot be opened: {error.strerror} ({error.filename}).") from error
    return any(name.casefold().endswith(_TABLE_ENDINGS) for name in (*(path.name for path in inside), *first_files))


def _first_file(folder: Path) -> str:
    """Give the name of any file of a folder; the folder may hold a hundred thousand, so one has to do."""
    with os.scandir(folder) as entries:
        return next((entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file()), "")


def _named_set(name: str, source: str, listing: Listing) -> DataSet:
    pictures = _by_usual_names(listing.splits)
    undivided = pictures["train"] if "train" in pictures and "test" not in pictures else None
    return DataSet(
        name=name,
        source=source,
        labels=listing.labels,
        pictures=pictures,
        remarks=listing.remarks,
        undivided=undivided,
    )


def _by_usual_names(splits: dict[str, Examples]) -> dict[str, Examples]:
    """Call splits by the names used here; the only split there is trains, whatever it is called."""
    renamed = {SPLIT_NAMES.get(split.casefold(), split): examples for split, examples in splits.items()}
    if len(renamed) == 1 and not renamed.keys() & set(SPLIT_NAMES.values()):
        return {"train": next(iter(renamed.values()))}
    order = [split for split in _IN_ORDER if split in renamed]
    return {split: renamed[split] for split in (*order, *sorted(renamed.keys() - set(order)))}


def _test_taken(whole: Examples, division: Division, *, source: str) -> tuple[Examples, Examples]:
    """Take test pictures; a class with too few of them keeps all to train, which `splits.py` then refuses by name."""
    counts_K = whole.counts()
    valid_N = (whole.labels_N >= 0) & (whole.labels_N < whole.classes)
    eligible = np.flatnonzero(valid_N & (counts_K[np.where(valid_N, whole.labels_N, 0)] >= _LEAST_PER_CLASS))
    classes = len(np.unique(whole.labels_N[eligible]))
    count = division.test_pictures or usual_test_pictures(len(eligible), classes=classes)
    if not len(eligible):
        return whole, whole.select(eligible)
    try:
        _, held = held_back(whole.labels_N[eligible], count=count, seed=division.seed)
    except ValueError as error:
        raise DataError(
            f"{count} of the {len(eligible)} pictures of {source} cannot be put aside for the test with every class on "
            f"both sides ({error}); change data.test_pictures, for example --set data.test_pictures="
            f"{usual_test_pictures(len(eligible), classes=classes)}."
        ) from error
    test = eligible[held]
    return whole.select(np.setdiff1d(np.arange(len(whole)), test)), whole.select(test)


def _nowhere(name: str, tried: list[Path], *, reason: str) -> str:
    looked = ", ".join(str(path) for path in tried)
    known = KNOWN_SETS.get(name)
    where = f" (its home is {known.home}{f', on the Hub it is {known.hub}' if known.hub else ''})" if known else ""
    return (
        f"There is no data set {name!r}: looked in {looked}, {reason}. Put train.parquet and test.parquet{where}, or "
        f"pictures in <class>/ or in train/<class>/ and test/<class>/, into one of these folders, or set "
        f"CONVSERVE_DATA_DIR."
    )
