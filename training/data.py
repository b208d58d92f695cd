"""Pictures and labels by name: a local folder first, then the Hugging Face Hub; the only importer of `datasets`.

A folder holds Parquet files in the Hugging Face layout (`train.parquet`, `test.parquet`, or the Hub's own file names),
or picture files in `train/<class>/` and `test/<class>/`. Local folders are read without a connection, a progress bar
or a copy; what comes from the Hub lands in the Hub's own cache. Pictures stay encoded here: see `pictures.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import DataError
from training.settings import Settings


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A data set that goes by a short name.

    Args:
        title: As its authors write it.
        hub: Its name on the Hugging Face Hub.
        license: Of the pictures, as the card names it.
        free: The licence lets pictures travel with a model.

    """

    title: str
    hub: str
    license: str
    free: bool


KNOWN_SETS = {
    "fashion-mnist": KnownSet("Fashion-MNIST", "zalando-datasets/fashion_mnist", "MIT", free=True),
    "cifar10": KnownSet("CIFAR-10", "uoft-cs/cifar10", "none stated", free=False),
}


@dataclass(frozen=True, slots=True)
class Example:
    """One picture as its file holds it.

    Args:
        encoded: The bytes of a PNG, JPEG or the like.
        label: Index of its class.
        origin: Where it stands, for messages.

    """

    encoded: bytes
    label: int
    origin: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that was found; iterate over a split as often as needed.

    Args:
        name: What it was asked for by.
        source: Folder or Hub name it comes from.
        labels: Class names, exactly as the set's schema spells them.
        splits: Names of its splits.

    """

    name: str
    source: str
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    _columns: tuple[str, str]
    _tables: Any  # a `datasets` dict of splits, map-style or streamed; the library's types stop here

    def examples(self, split: str) -> Iterator[Example]:
        """Read the pictures of a split in order.

        Raises:
            DataError: There is no such split, or a label is none of the classes.

        """
        if split not in self.splits:
            raise DataError(
                f"{self.source} has no split {split!r}, only {', '.join(self.splits)}; "
                f"put its pictures into {split}.parquet or into {split}/<class>/."
            )
        for number, (cell, label) in enumerate(self._cells(split)):
            origin = cell["path"] or f"{split} picture {number} of {self.source}"
            if label is None or not 0 <= label < len(self.labels):
                raise DataError(f"{origin}: label {label} is none of the {len(self.labels)} classes.")
            yield Example(_file_bytes(cell, origin=origin), int(label), origin)

    def _cells(self, split: str) -> Iterator[tuple[dict[str, Any], int | None]]:
        import datasets  # noqa: PLC0415  importing it takes a second that `--help` need not wait for

        picture, label = self._columns
        table = self._tables[split].cast_column(picture, datasets.Image(decode=False))
        for rows in table.iter(batch_size=1000):
            yield from zip(rows[picture], rows[label], strict=True)


def open_data(name: str, *, settings: Settings) -> DataSet:
    """Find a data set.

    Args:
        name: A path, a folder below one of the data folders, a known name, or a Hub name with a slash.
        settings: Which folders to look in.

    Raises:
        DataError: It is nowhere, or it holds no labelled pictures; the text says where was looked and what to do.

    """
    tried = [Path(name), *(folder / name for folder in settings.data_dirs)]
    folder = next((path for path in tried if path.is_dir()), None)
    if folder is not None:
        tables = _open_local(folder, cache_dir=settings.cache_dir)
        return _described(name, str(folder), tables)
    hub_name = KNOWN_SETS[name].hub if name in KNOWN_SETS else name
    if "/" not in hub_name or name.startswith((".", "/")):
        raise DataError(_nowhere(name, tried, reason="and it is no name of the Hugging Face Hub"))
    try:
        tables = _open_hub(hub_name)
    except _hub_errors() as error:
        reason = f"and the Hugging Face Hub did not give {hub_name}: {str(error).splitlines()[0]}"
        raise DataError(_nowhere(name, tried, reason=reason)) from error
    return _described(name, hub_name, tables)


def _open_local(folder: Path, *, cache_dir: Path) -> Any:  # noqa: ANN401  see DataSet._tables
    import datasets  # noqa: PLC0415  see above

    datasets.disable_progress_bars()  # looking through many files shows one at a terminal
    try:
        return datasets.load_dataset(str(folder.resolve()), streaming=True, cache_dir=str(cache_dir))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} holds no pictures that can be read: {str(error).splitlines()[0]}") from error


def _open_hub(hub_name: str) -> Any:  # noqa: ANN401  see DataSet._tables
    import datasets  # noqa: PLC0415  see above

    datasets.enable_progress_bars()
    return datasets.load_dataset(hub_name)


def _hub_errors() -> tuple[type[Exception], ...]:
    """Collect what a failing download raises: the network, the Hub's answer, or a set that is not there."""
    import httpx  # noqa: PLC0415  only where the Hub is asked
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415  see above

    return (OSError, ValueError, httpx.HTTPError, HfHubHTTPError)


def _nowhere(name: str, tried: list[Path], *, reason: str) -> str:
    looked = ", ".join(str(path) for path in tried)
    known = KNOWN_SETS.get(name)
    where = f" (on the Hub it is {known.hub})" if known else ""
    return (
        f"There is no data set {name!r}: looked in {looked}, {reason}. Put train.parquet and test.parquet{where}, or "
        f"pictures in train/<class>/ and test/<class>/, into one of these folders, or set CONVSERVE_DATA_DIR."
    )


def _described(name: str, source: str, tables: Any) -> DataSet:  # noqa: ANN401  see DataSet._tables
    import datasets  # noqa: PLC0415  see above

    features = next(iter(tables.values())).features or {}
    pictures = [column for column, kind in features.items() if isinstance(kind, datasets.Image)]
    labels = [column for column, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
    if len(pictures) != 1 or len(labels) != 1:
        raise DataError(
            f"{source} needs one column of pictures and one of class labels; it has {', '.join(features) or 'none'}. "
            "Parquet files tell the two apart by the Hugging Face schema that `datasets` writes."
        )
    return DataSet(
        name=name,
        source=source,
        labels=tuple(features[labels[0]].names),
        splits=tuple(tables),
        _columns=(pictures[0], labels[0]),
        _tables=tables,
    )


def _file_bytes(cell: dict[str, Any], *, origin: str) -> bytes:
    if cell["bytes"] is not None:
        return bytes(cell["bytes"])
    try:
        return Path(cell["path"]).read_bytes()
    except OSError as error:
        raise DataError(f"{origin} cannot be read: {error.strerror}.") from error
