"""Sizes worked out by hand: what a picture becomes, and how far it may be scaled down on its way there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.artifact import Input
from service.engine.framing import may_reduce, reduction_of, whole_size
from tests.picture_files import input_of


def imagenet(**changes: Any) -> Input:
    """Describe the usual input: shorter side to 256, the middle 224 x 224."""
    return input_of(**{"width": 224, "height": 224, "rule": "shorter_side", "size": 256, **changes})


@pytest.mark.parametrize(
    ("picture", "spec", "size"),
    [
        ((500, 375), imagenet(), (341, 256)),
        ((375, 500), imagenet(), (256, 341)),
        ((500, 375), imagenet(rule="exact", size=None), (224, 224)),
        ((500, 375), imagenet(rule="letterbox", size=None), (224, 168)),
        ((375, 500), imagenet(rule="letterbox", size=None, width=100), (100, 133)),
        ((5000, 1), imagenet(rule="letterbox", size=None), (224, 1)),
        ((1, 5000), imagenet(), (256, 1_280_000)),
    ],
)
def test_the_whole_picture_takes_the_size_of_its_rule(
    picture: tuple[int, int], spec: Input, size: tuple[int, int]
) -> None:
    """500 * 256 / 375 = 341.3; 375 * 224 / 500 = 168; 500 * 100 / 375 = 133.3; and no side becomes nothing."""
    assert whole_size(picture, spec) == size


@pytest.mark.parametrize(
    ("picture", "changes", "reduction"),
    [
        pytest.param((4000, 3000), {}, 4, id="12 megapixels: 3000 / 256 / 4 = 2.93"),
        pytest.param((3000, 4000), {}, 4, id="the same, high"),
        pytest.param((12000, 9000), {}, 4, id="never more than 4"),
        pytest.param((500, 375), {}, 1, id="an ordinary photograph"),
        pytest.param((2000, 1485), {}, 2, id="1485 / 256 / 2 = 2.9004"),
        pytest.param((2000, 1484), {}, 1, id="a pixel less"),
        pytest.param((2970, 2970), {}, 4, id="2970 / 256 / 4 = 2.9004"),
        pytest.param((2970, 2969), {}, 2, id="a pixel less again"),
        pytest.param((1000, 1000), {"width": 32, "height": 32, "size": 32}, 4, id="a megapixel, for a small network"),
        pytest.param((1000, 999), {"width": 32, "height": 32, "size": 32}, 1, id="less than a megapixel"),
        pytest.param((65_535, 200), {}, 1, id="a strip that is enlarged"),
        pytest.param((65_535, 1500), {}, 2, id="a strip that is shrunk: 1500 / 256 / 2 = 2.93"),
        pytest.param((4000, 1000), {"rule": "exact", "size": None}, 1, id="distorted: 1000 / 224 = 4.5 decides"),
        pytest.param((4000, 1000), {"rule": "letterbox", "size": None}, 4, id="fitted: 4000 / 224 = 17.9 decides"),
        pytest.param(
            (1000, 4000), {"rule": "exact", "size": None, "width": 64, "height": 256}, 4, id="high, into high"
        ),
        pytest.param(
            (4000, 1000), {"rule": "exact", "size": None, "width": 64, "height": 256}, 1, id="wide, into high"
        ),
        pytest.param((40_000, 50), {"rule": "letterbox", "size": None}, 4, id="a line: 50 rows become one"),
    ],
)
def test_a_photograph_is_scaled_down_as_far_as_leaves_enough_of_it(
    picture: tuple[int, int], changes: dict[str, Any], reduction: int
) -> None:
    """At least 2.9 pixels are left for one of the result along the side that shrinks least."""
    assert reduction_of(picture, imagenet(**changes)) == reduction


@pytest.mark.parametrize(
    "changes", [{"antialias": False}, {"interpolation": "nearest"}, {"interpolation": "box"}], ids=str
)
def test_a_resampling_that_reads_single_pixels_keeps_every_picture_whole(changes: dict[str, Any]) -> None:
    """Stepping over pixels, or cutting blocks by edges, is another thing when blocks were averaged before."""
    assert not may_reduce(imagenet(**changes))
    assert reduction_of((12_000, 9000), imagenet(**changes)) == 1


@pytest.mark.parametrize("interpolation", ["bilinear", "hamming", "bicubic", "lanczos"])
def test_a_smooth_resampling_may_begin_with_averages(interpolation: str) -> None:
    """All four filters that fall off smoothly take part."""
    assert may_reduce(imagenet(interpolation=interpolation))
    assert reduction_of((4000, 3000), imagenet(interpolation=interpolation)) == 4


@given(
    picture=st.tuples(st.integers(1, 65_535), st.integers(1, 65_535)),
    width=st.integers(1, 1024),
    height=st.integers(1, 1024),
    rule=st.sampled_from(["exact", "letterbox", "shorter_side"]),
)
def test_whatever_the_sizes_enough_is_left_and_no_more_than_needed(
    picture: tuple[int, int], width: int, height: int, rule: str
) -> None:
    """The result is never enlarged from what is left, and the next smaller picture would not have been enough."""
    size = max(width, height) if rule == "shorter_side" else None
    spec = input_of(width=width, height=height, rule=rule, size=size)
    reduction = reduction_of(picture, spec)
    smallest = min(side / target for side, target in zip(picture, whole_size(picture, spec), strict=True))
    assert reduction in {1, 2, 4}
    if reduction > 1:
        assert smallest / reduction >= 2.9
        assert picture[0] * picture[1] >= 1_000_000
    if reduction < 4 and picture[0] * picture[1] >= 1_000_000:
        assert smallest / (reduction * 2) < 2.9
