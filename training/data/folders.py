"""Anyone's photographs: one folder per class, with or without folders for training, validation and test above them.

Listing opens no file, so that a hundred thousand pictures are there within a second. Names decide classes and splits
and nothing else: what a file is, its bytes tell when it is read. What file managers leave behind is passed over, a link
that leads in a circle is followed once, and whatever was left out is said in a remark.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training.data.examples import Examples
from training.errors import DataError

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
_LEFT_BY_PROGRAMS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "$recycle.bin", "@eadir"}
_PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif", ".heic", ".heif", ".tif", ".tiff")
_LARGEST_FILE_BYTES = 500_000_000  # a video among pictures must not fill the memory; photographs have a tenth of it
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """Files below a folder.

    Args:
        root: The folder.
        names: Of the files, from the folder on.

    """

    root: str
    names: tuple[str, ...]

    def read(self, number: int) -> bytes:
        """Give the bytes of a file."""
        try:
            with Path(self.root, self.names[number]).open("rb") as file:
                size_bytes = os.fstat(file.fileno()).st_size
                if size_bytes > _LARGEST_FILE_BYTES:
                    raise DataError(
                        f"{self.origin(number)} has {size_bytes / 1e6:,.0f} MB; a picture may have at most "
                        f"{_LARGEST_FILE_BYTES / 1e6:,.0f} MB."
                    )
                return file.read()
        except OSError as error:
            raise DataError(f"{self.origin(number)} cannot be read: {error.strerror}.") from error

    def origin(self, number: int) -> str:
        """Give the path of a file."""
        return printable(str(Path(self.root, self.names[number])))


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found in a folder.

    Args:
        labels: Class names, sorted.
        splits: Pictures of each split; a folder without splits has `train` alone.
        remarks: What was left out, in sentences.

    """

    labels: tuple[str, ...]
    splits: dict[str, Examples]
    remarks: tuple[str, ...]


@dataclass(slots=True)
class _Walk:
    """Files by class while they are being found; `left_out` says of each thing passed over why."""

    root: Path
    files: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def list_class_folders(root: Path) -> Listing:
    """List the pictures in class folders.

    Args:
        root: Holds class folders, or the folders train, validation and test with class folders in them.

    Raises:
        DataError: There are no class folders or no files in them, or a folder cannot be opened.

    """
    folders = _split_folders(root)
    walks = {split: _walked(folder) for split, folder in folders.items()}
    labels = tuple(sorted({label for walk in walks.values() for label in walk.files}))
    if not labels:
        raise DataError(f"{printable(str(root))} holds no pictures that can be read: {_why_no_classes(root)}")
    if not any(files for walk in walks.values() for files in walk.files.values()):
        raise DataError(
            f"{printable(str(root))} holds no pictures that can be read: its class folders "
            f"({', '.join(labels[:_SHOWN])}{', ...' if len(labels) > _SHOWN else ''}) are empty."
        )
    left_out = _beside_the_splits(root, folders) + [text for walk in walks.values() for text in walk.left_out]
    return Listing(labels, {split: _examples(walk, labels) for split, walk in walks.items()}, _remarks(left_out))


def printable(text: str) -> str:
    """Show a name whose bytes are no characters, or control the terminal, with question marks in their place."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _split_folders(root: Path) -> dict[str, Path]:
    """Find out which folders are splits; without any, the folder itself is the one split."""
    folders = [entry for entry in _visible(root) if _is_folder(entry)]
    named = [entry for entry in folders if entry.name.casefold() in SPLIT_NAMES]
    has_classes = any(_is_folder(inner) for entry in named for inner in _visible(Path(entry.path)))
    # a class may be called "train" too: then its folder holds pictures, and others stand beside it
    if not has_classes:
        return {"train": root}
    found: dict[str, Path] = {}
    for entry in named:
        split = SPLIT_NAMES[entry.name.casefold()]
        if split in found:
            raise DataError(f"{printable(str(root))} holds {found[split].name} and {entry.name}, which are one split.")
        found[split] = Path(entry.path)
    return found


def _walked(root: Path) -> _Walk:
    walk = _Walk(root)
    for entry in _visible(root):
        if _is_folder(entry):
            label = unicodedata.normalize("NFC", entry.name)
            if not label.isprintable():
                raise DataError(f"{printable(entry.path)}: the name of a class must consist of printable characters.")
            walk.files.setdefault(label, []).extend(_files_below(Path(entry.path), walk))
        elif entry.name.casefold().endswith(_PICTURE_ENDINGS):
            walk.left_out.append(f"{printable(entry.path)} lies in no class folder")
    return walk


def _files_below(folder: Path, walk: _Walk) -> Iterator[str]:
    """Give the files of a class, those in folders of its own included, in a fixed order."""
    home = os.path.realpath(folder)
    seen, waiting = {home}, [folder]
    while waiting:
        for entry in _visible(waiting.pop()):
            if _is_folder(entry):
                real = os.path.realpath(entry.path)
                if real in seen or Path(home).is_relative_to(real):
                    walk.left_out.append(f"{printable(entry.path)} leads back to a folder that was listed")
                    continue
                seen.add(real)
                waiting.append(Path(entry.path))
            elif _is_file_or_dead_link(entry):
                yield os.path.relpath(entry.path, walk.root)
            else:
                walk.left_out.append(f"{printable(entry.path)} is no file")


def _examples(walk: _Walk, labels: tuple[str, ...]) -> Examples:
    names: list[str] = []
    counts = []
    for label in labels:
        files = walk.files.get(label, [])
        names += files
        counts.append(len(files))
    labels_N = np.repeat(np.arange(len(labels)), counts)
    return Examples.all_of(FolderFiles(str(walk.root), tuple(names)), labels_N=labels_N, classes=len(labels))


def _visible(folder: Path) -> list[os.DirEntry[str]]:
    """List a folder by name, without what programs hide in it."""
    try:
        with os.scandir(folder) as entries:
            shown = [
                entry
                for entry in entries
                if not entry.name.startswith(".") and entry.name.casefold() not in _LEFT_BY_PROGRAMS
            ]
    except OSError as error:
        raise DataError(f"{printable(str(folder))} cannot be opened: {error.strerror}.") from error
    return sorted(shown, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_file_or_dead_link(entry: os.DirEntry[str]) -> bool:
    """Tell what can be tried from pipes and devices, which would be waited for; a dead link names itself when read."""
    try:
        mode = entry.stat().st_mode if entry.is_symlink() else None
        return stat.S_ISREG(mode) if mode is not None else entry.is_file()
    except OSError:
        return True


def _beside_the_splits(root: Path, folders: dict[str, Path]) -> list[str]:
    if root in folders.values():
        return []
    taken = {folder.name for folder in folders.values()}
    others = [entry for entry in _visible(root) if _is_folder(entry) and entry.name not in taken]
    return [f"{printable(entry.path)} is no split" for entry in others]


def _remarks(left_out: list[str]) -> tuple[str, ...]:
    if not left_out:
        return ()
    more = f"; and {len(left_out) - _SHOWN:,} more" if len(left_out) > _SHOWN else ""
    return (f"Left out: {'; '.join(left_out[:_SHOWN])}{more}.",)


def _why_no_classes(root: Path) -> str:
    loose = sum(not _is_folder(entry) for entry in _visible(root))
    if loose:
        return f"{loose:,} files lie in no class folder; sort them into one folder per class, named like the class."
    return "it is empty; put one folder per class into it, named like the class."
