"""Tells from the markers of a JPEG how its pixels are coded: in one scan or in several, by cosines or without loss.

A decoder reads a picture of one scan row by row. Where they come in several, as in every progressive file, it has to
keep the whole picture's coefficients, and each further scan is a pass over them: that is what costs memory and time,
whatever the size at which the picture is asked for. Only what was transformed by cosines can be asked for smaller.

Reads markers alone, and nothing of what stands between them. What decoders step over each in its own way, because no
encoder writes it, ends the reading: a file that is read differently here and there could hide its scans and its parts.

Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Final

# Each costs a reader microseconds, and a part of EXIF a copy of those before it: 400,000 of ten bytes kept one busy for
# minutes. The largest profiles and descriptions that are written come in 255 and in some hundred.
MOST_PARTS: Final = 1000

_MARKER: Final = 0xFF
_START_OF_SCAN: Final = 0xDA
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RST0..7, SOI
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Frames, tables (DHT, DAC, DQT), DNL, DRI, applications' data and comments. Not 0x00, which is no marker behind 0xFF;
# not EOI and the reserved ones, behind which some decoders expect a length and others none.
_WITH_LENGTH: Final = _START_OF_FRAME | {0xC4, 0xCC, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE}
_PART: Final = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")  # what no scan holds; restarts (0xD0 to 0xD7) are in scans
_IN_ONE_PASS: Final = frozenset({0xC0, 0xC1})  # baseline and extended sequential, Huffman coded
_BY_COSINES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # sequential and progressive; not lossless, in layers
_COMPONENTS_AT: Final = 9  # in a frame header, from its marker: length, precision, height and width before it


@dataclass(frozen=True, slots=True)
class Coding:
    """How a JPEG's pixels are coded; what cannot be told is taken for the kind that costs more.

    Args:
        in_one_scan: Whether its first scan holds the whole picture.
        scales: Whether a decoder can leave out columns and rows of it on the way.
        parts: Markers before the first scan, most of them with tables, comments or applications' data; not counted
            beyond one more than `MOST_PARTS`.

    """

    in_one_scan: bool
    scales: bool
    parts: int


def coding_of(data: bytes) -> Coding:
    """Read how a JPEG is coded.

    Args:
        data: The file's bytes.

    """
    place, frame, components, parts = 2, 0, 0, 0
    while place + 5 <= len(data) and data[place] == _MARKER and parts <= MOST_PARTS:
        kind = data[place + 1]
        parts += 1
        if kind == _MARKER:  # any number of these may stand before a marker
            place += 1
        elif kind in _WITHOUT_LENGTH:
            place += 2
        elif kind == _START_OF_SCAN:
            whole = frame in _IN_ONE_PASS and data[place + 4] == components
            return Coding(in_one_scan=whole, scales=frame in _BY_COSINES, parts=parts)
        elif kind in _WITH_LENGTH:
            if kind in _START_OF_FRAME:
                frame, components = kind, _components(data, place)
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        else:
            break
    return Coding(in_one_scan=False, scales=False, parts=max(parts, _most_parts(data)))


def _most_parts(data: bytes) -> int:
    """Count what could be a part; behind the first scan too, because nothing tells where that begins."""
    return sum(1 for _ in itertools.islice(_PART.finditer(data), MOST_PARTS + 1))


def _components(data: bytes, frame: int) -> int:
    return data[frame + _COMPONENTS_AT] if frame + _COMPONENTS_AT < len(data) else 0
