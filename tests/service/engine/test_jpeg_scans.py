"""From its markers alone: does a JPEG come in one scan or in several, and can it be asked for smaller."""

from __future__ import annotations

import io
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from service.engine.jpeg_scans import MOST_PARTS, Coding, coding_of
from tests.picture_files import encoded, lossless_jpeg, noise

FRAME: Final = b"\xff\xc0"
SCAN: Final = b"\xff\xda"


def has_one_scan(data: bytes) -> bool:
    """Ask for this one fact."""
    return coding_of(data).in_one_scan


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    """Write a JPEG of some kind."""
    return encoded(Image.fromarray(noise(40, 30)).convert(mode), "JPEG", **options)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(("progressive", "one"), [(False, True), (True, False)])
def test_a_baseline_file_has_one_scan_and_a_progressive_one_several(mode: str, progressive: bool, one: bool) -> None:
    """For one, three and four components."""
    assert has_one_scan(jpeg(mode, progressive=progressive)) == one


def test_a_scan_of_one_component_out_of_three_is_not_the_only_one() -> None:
    """A baseline file may give its components one after the other."""
    data = jpeg()
    place = data.index(SCAN) + 4  # the number of components in the scan
    assert data[place] == 3
    assert not has_one_scan(data[:place] + b"\1" + data[place + 1 :])


def test_scans_of_the_small_picture_inside_the_metadata_do_not_count() -> None:
    """Cameras put a whole JPEG as a preview before their own first scan."""
    preview = jpeg("L", progressive=True)
    assert has_one_scan(jpeg(exif=b"Exif\0\0" + preview))
    assert has_one_scan(jpeg(comment=SCAN * 300))


def test_a_flood_of_fill_bytes_is_as_many_parts() -> None:
    """Each is a step of every reader."""
    data = jpeg()
    assert coding_of(data[:2] + b"\xff" * 2000 + data[2:]).parts == MOST_PARTS + 1


def test_fill_bytes_and_markers_without_a_length_are_passed_over() -> None:
    """Any number of 0xFF may stand before a marker, and some markers are nothing but themselves."""
    data = jpeg()
    assert has_one_scan(data[:2] + b"\xff\xff\xff\x01\xff\xd0" + data[2:])


@pytest.mark.parametrize("end", [0, 1, 3, 20, 200])
def test_a_file_that_ends_before_its_first_scan_is_not_said_to_have_one(end: int) -> None:
    """What cannot be told is taken for the kind that costs more."""
    assert not has_one_scan(jpeg()[:end])


def test_a_scan_without_a_frame_before_it_is_not_said_to_be_the_only_one() -> None:
    """Nothing tells how many components there are."""
    data = jpeg()
    assert not has_one_scan(data[:2] + data[data.index(SCAN) :])


def test_bytes_that_a_decoder_steps_over_cannot_hide_scans() -> None:
    """A decoder takes 0xFF00 for rubbish and reads on behind it; read as a segment it would lead into a comment."""
    one, several = jpeg(), jpeg(progressive=True)
    header = one[one.index(FRAME) : one.index(SCAN) + 14]
    comment = b"\xff\xfe" + (len(header) + 2).to_bytes(2, "big") + header
    data = several[:2] + b"\xff\0\0\6" + comment + several[2:]
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.info["progressive"]
    assert not has_one_scan(data)


@pytest.mark.parametrize("progressive", [False, True])
def test_what_was_transformed_by_cosines_can_be_asked_for_smaller(progressive: bool) -> None:
    """Baseline and progressive files alike."""
    assert coding_of(jpeg(progressive=progressive)).scales


def test_a_lossless_file_is_read_whole() -> None:
    """It has no cosines of which to leave some out, and its decoder keeps what cannot be told here."""
    coding = coding_of(lossless_jpeg(40, 30))
    assert (coding.in_one_scan, coding.scales) == (False, False)


def test_parts_before_the_first_scan_are_counted() -> None:
    """Ten comments more are ten parts more; what a preview inside of one holds is none."""
    data, comment = jpeg(), b"\xff\xfe\0\x06\xff\xfe\0\2"
    assert coding_of(data[:2] + comment * 10 + data[2:]).parts == coding_of(data).parts + 10


@pytest.mark.parametrize(
    "start", [b"", b"\xff\0\0\6", b"\xff\xd9\0\6", b"\xff\xf0\0\6", b"\xff\xc8\0\6", b"\xff\2\0\6", b"rubbish"]
)
@pytest.mark.parametrize("part", [b"\xff\xe1\0\x09Exif\0\0.", b"\xff\xfe\0\2", b"\xff\xd8"])
def test_many_parts_are_seen_behind_whatever_stands_before_them(start: bytes, part: bytes) -> None:
    """Markers that decoders read differently, or not at all, cannot hide them; and no more are counted than needed."""
    data = jpeg()
    assert coding_of(data[:2] + start + part * 2000 + data[2:]).parts == MOST_PARTS + 1


def test_restarts_inside_a_scan_are_no_parts() -> None:
    """A camera may write one for every row of blocks, and a file with an odd header is a picture all the same."""
    data = encoded(noise(800, 800), "JPEG", restart_marker_blocks=1)
    assert sum(data.count(bytes([0xFF, 0xD0 + number])) for number in range(8)) > MOST_PARTS
    assert coding_of(data[:2] + b"rubbish" + data[2:]).parts < 20


@given(data=st.binary(max_size=60), start=st.sampled_from([b"", b"\xff\xd8", jpeg()[:180]]))
def test_any_bytes_have_an_answer(data: bytes, start: bytes) -> None:
    """Rubbish is never read beyond its end."""
    assert isinstance(coding_of(start + data), Coding)
