"""What all figures share: colours, a sheet to draw on, and PNG bytes.

No global state of pyplot is touched, so figures can be drawn in any thread and no window is ever opened.
"""

from __future__ import annotations

import io
import warnings
from typing import Final

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

INK: Final = "#222222"
QUIET: Final = "#777777"
GREEN: Final = "#1a7f37"
RED: Final = "#c62828"
BLUE: Final = "#1f6fb2"
ORANGE: Final = "#d9730d"
# Weights as the project draws them everywhere: positive green, negative red, nothing white.
WEIGHTS: Final = LinearSegmentedColormap.from_list("weights", [RED, "white", GREEN])

_DPI: Final = 110
_ELLIPSIS: Final = "…"


def canvas(width_in: float, height_in: float) -> Figure:
    """Begin a figure whose parts keep out of each other's way.

    Args:
        width_in: In inches.
        height_in: In inches.

    """
    return Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")


def as_png(figure: Figure) -> bytes:
    """Draw a figure; equal figures give equal bytes on one machine."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # class names may be in a script that no installed font has; boxes in a figure are better than no figure
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def plain(text: str, *, longest: int = 24) -> str:
    """Fit a name that people chose into a figure: shortened, and with no sign taken for a formula."""
    line = " ".join(text.split())
    short = line if len(line) <= longest else line[: longest - 1] + _ELLIPSIS
    return short.replace("$", r"\$")


def percent(share: float) -> str:
    """Write a share with as many digits as it deserves."""
    return f"{100 * share:.1f} %"
