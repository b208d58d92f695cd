"""Tells from the markers of a JPEG how its pixels are coded: in one scan or in several, by cosines or without loss.

A decoder reads a picture of one scan row by row. Where they come in several, as in every progressive file, it has to
keep the whole picture's coefficients, and each further scan is a pass over them: that is what costs memory and time,
whatever the size at which the picture is asked for. Only what was transformed by cosines can be asked for smaller.

Reads markers alone, and nothing of what stands between them. What a decoder would step over, because no encoder writes
it, ends the reading: a file that is read differently here and there could hide its scans.

Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MARKER: Final = 0xFF
_STUFFING: Final = 0x00  # behind 0xFF it means the value 0xFF, and no marker
_START_OF_SCAN: Final = 0xDA
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RST0..7, SOI
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_IN_ONE_PASS: Final = frozenset({0xC0, 0xC1})  # baseline and extended sequential, Huffman coded
_BY_COSINES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # sequential and progressive; not lossless, in layers
_COMPONENTS_AT: Final = 9  # in a frame header, from its marker: length, precision, height and width before it


@dataclass(frozen=True, slots=True)
class Coding:
    """How a JPEG's pixels are coded; what cannot be told is taken for the kind that costs more.

    Args:
        in_one_scan: Whether its first scan holds the whole picture.
        scales: Whether a decoder can leave out columns and rows of it on the way.

    """

    in_one_scan: bool
    scales: bool


_UNKNOWN: Final = Coding(in_one_scan=False, scales=False)


def coding_of(data: bytes) -> Coding:
    """Read how a JPEG is coded.

    Args:
        data: The file's bytes.

    """
    place, frame, components = 2, 0, 0
    while place + 5 <= len(data) and data[place] == _MARKER:
        kind = data[place + 1]
        if kind == _MARKER:  # any number of these may stand before a marker
            place += 1
        elif kind in _WITHOUT_LENGTH:
            place += 2
        elif kind == _START_OF_SCAN:
            whole = frame in _IN_ONE_PASS and data[place + 4] == components
            return Coding(in_one_scan=whole, scales=frame in _BY_COSINES)
        elif kind == _STUFFING:
            break
        else:
            if kind in _START_OF_FRAME:
                frame, components = kind, _components(data, place)
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return _UNKNOWN


def _components(data: bytes, frame: int) -> int:
    return data[frame + _COMPONENTS_AT] if frame + _COMPONENTS_AT < len(data) else 0
