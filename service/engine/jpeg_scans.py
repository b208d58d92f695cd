"""Tells from the markers of a JPEG whether its pixels come in a single scan.

A decoder reads such a picture row by row. Where they come in several, as in every progressive file, it has to keep the
whole picture's coefficients, and each further scan is a pass over them: that is what costs memory and time, whatever
the size at which the picture is asked for.

Reads markers alone, and nothing of what stands between them.

Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

from typing import Final

_MARKER: Final = 0xFF
_START_OF_SCAN: Final = 0xDA
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RST0..7, SOI
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_IN_ONE_PASS: Final = frozenset({0xC0, 0xC1})  # baseline and extended sequential, Huffman coded
_COMPONENTS_AT: Final = 9  # in a frame header, from its marker: length, precision, height and width before it


def has_one_scan(data: bytes) -> bool:
    """Say whether the first scan of a JPEG holds the whole picture; False where that cannot be told.

    Args:
        data: The file's bytes.

    """
    place, components = 2, 0
    while place + 5 <= len(data) and data[place] == _MARKER:
        kind = data[place + 1]
        if kind == _MARKER:  # any number of these may stand before a marker
            place += 1
        elif kind in _WITHOUT_LENGTH:
            place += 2
        elif kind == _START_OF_SCAN:
            return data[place + 4] == components
        else:
            if kind in _START_OF_FRAME:
                components = _components(data, place) if kind in _IN_ONE_PASS else 0
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return False


def _components(data: bytes, frame: int) -> int:
    return data[frame + _COMPONENTS_AT] if frame + _COMPONENTS_AT < len(data) else 0
