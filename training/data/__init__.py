"""Pictures with labels, whatever they lie in: class folders, Parquet, the Hugging Face Hub, a known name.

`open_data` finds a data set and lists it without opening a single picture; its pictures stay encoded until someone
reads one. What becomes of them for a network stands in `splits.py`: decoded once into memory (`pictures.py`) or anew in
every epoch by other processes (`streaming.py`).
"""

from __future__ import annotations

from training.data.division import Division
from training.data.examples import Example, Examples
from training.data.known import KNOWN_SETS, KnownSet
from training.data.opening import DataSet, open_data

__all__ = ["KNOWN_SETS", "DataSet", "Division", "Example", "Examples", "KnownSet", "open_data"]
