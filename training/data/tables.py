"""Pictures in Parquet files and on the Hugging Face Hub; the only importer of `datasets`.

The library keeps a copy in its own format beside the runs (or in the Hub's cache), mapped into memory and not loaded:
any picture can be read at once, also by several processes, however large the set is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.examples import MISSING_LABEL, Examples
from training.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class TableFiles:
    """The picture column of one split.

    Args:
        table: A map-style data set of the library, whose types stop here.
        column: Name of the column.
        named: How a picture without a name of its own is called, before its number.

    """

    table: Any
    column: str
    named: str

    def read(self, number: int) -> bytes:
        """Give the bytes of a picture; a table may also hold the name of a file in their place."""
        cell = self._cell(number)
        if cell["bytes"] is not None:
            return bytes(cell["bytes"])
        try:
            return Path(cell["path"] or "").read_bytes()
        except OSError as error:
            raise DataError(f"{self.origin(number)} cannot be read: {error.strerror}.") from error

    def origin(self, number: int) -> str:
        """Give the name that the table holds, or a number."""
        return str(self._cell(number)["path"] or f"{self.named} {number}")

    def _cell(self, number: int) -> dict[str, Any]:
        return self.table[number][self.column] or {"bytes": None, "path": None}


def open_tables(path: Path, *, cache_dir: Path) -> tuple[tuple[str, ...], dict[str, Examples]]:
    """Open a folder of Parquet files, or one such file.

    Returns:
        Class names, and the pictures of each split under the split's name.

    Raises:
        DataError: It holds no labelled pictures.

    """
    import datasets  # noqa: PLC0415  importing it takes a second that `--help` need not wait for
    from datasets.exceptions import DatasetsError  # noqa: PLC0415  see above

    datasets.disable_progress_bars()
    where = {"path": "parquet", "data_files": str(path)} if path.is_file() else {"path": str(path.resolve())}
    try:
        tables = datasets.load_dataset(**where, cache_dir=str(cache_dir.resolve()))
    except (OSError, ValueError, DatasetsError) as error:
        raise DataError(f"{path} holds no pictures that can be read: {_first_line(error)}") from error
    return _described(str(path), tables)


def open_hub(name: str) -> tuple[tuple[str, ...], dict[str, Examples]]:
    """Open a data set of the Hugging Face Hub, downloading it the first time.

    Raises:
        DataError: The Hub does not give it, or it holds no labelled pictures.

    """
    import datasets  # noqa: PLC0415  see above
    import httpx  # noqa: PLC0415  only where the Hub is asked
    from datasets.exceptions import DatasetsError  # noqa: PLC0415  see above
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415  see above

    datasets.enable_progress_bars()
    try:
        tables = datasets.load_dataset(name)
    except (OSError, ValueError, RuntimeError, DatasetsError, httpx.HTTPError, HfHubHTTPError) as error:
        raise DataError(f"the Hugging Face Hub did not give {name}: {_first_line(error)}") from error
    return _described(name, tables)


def _described(source: str, tables: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, Examples]]:
    import datasets  # noqa: PLC0415  see above

    features = next(iter(tables.values())).features
    pictures = [column for column, kind in features.items() if isinstance(kind, datasets.Image)]
    labels = [column for column, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
    if len(pictures) != 1 or len(labels) != 1:
        raise DataError(
            f"{source} needs one column of pictures and one of class labels; it has {', '.join(features) or 'none'}. "
            "Parquet files tell the two apart by the Hugging Face schema that `datasets` writes."
        )
    names = tuple(features[labels[0]].names)
    examples = {}
    for split, table in tables.items():
        encoded = table.cast_column(pictures[0], datasets.Image(decode=False)).select_columns(pictures)
        files = TableFiles(encoded, pictures[0], f"{split} picture of {source}, number")
        examples[str(split)] = Examples.all_of(files, labels_N=_labels(table, labels[0]), classes=len(names))
    return names, examples


def _labels(table: Any, column: str) -> NDArray[np.int64]:  # noqa: ANN401  see TableFiles.table
    """Read the labels alone; where there is none stands `MISSING_LABEL`."""
    found: NDArray[np.int64] = table.data.column(column).fill_null(MISSING_LABEL).to_numpy().astype(np.int64)
    return found


def _first_line(error: Exception) -> str:
    """Give the cause in one line: the library wraps the error that says what is wrong in one that does not."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    lines = str(cause).splitlines()
    return lines[0] if lines else type(cause).__name__
