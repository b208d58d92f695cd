"""How many channels a layer has in a network that is as wide as published, wider or narrower: one rule for all.

The option `width` multiplies the channels and hidden units of every layer; pictures and classes stay what they are. At
a quarter of the width a network needs about a sixteenth of the multiply-adds and of the weights, because both count
input channels times output channels.
"""

from __future__ import annotations

import math


def scaled(channels: int, width: float, *, multiple: int = 1) -> int:
    """Tell the channels at a width: `channels * width`, rounded to the nearest multiple but never to none.

    Args:
        channels: as published.
        width: factor, above 0.
        multiple: what the channels must divide by, for example the groups of a convolution.

    Raises:
        ValueError: the factor is not above 0, or not finite.
    """
    if not (0 < width < math.inf):
        raise ValueError(f"width must be above 0, for example 0.25, not {width!r}.")
    return multiple * max(1, math.floor(channels * width / multiple + 0.5))
