"""What the person who adds a model said about it, and what nobody said and took a default."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from service.adding.presets import ColorMode, Rule, Values
from service.artifact import Holds, Precision

Layout = Literal["NCHW", "NHWC", "NHW"]
Interpolation = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Size = tuple[int, int]  # rows, columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The flags; None is what was not told.

    Args:
        name: Of the model.
        version: To take instead of the next.
        labels: File of class names.
        number_labels: Tell equal names apart by their index.
        background_class: Name of a class that the network has before those in the file.
        preset: Key of `PRESETS`.
        layout: Order of the input's axes.
        size: Rows and columns of the input.
        scale: Factor on pixel values 0..255.
        mean: Per channel in scaled units, or one value for all.
        std: Per channel in scaled units, or one value for all.
        resize: Rule.
        shorter_side: Pixels of the shorter side before the crop.
        crop: `center` or `none`.
        crop_share: Share of the shorter side that the crop keeps.
        interpolation: Of the resampling.
        antialias: Whether it widens its filter.
        colour: Order of the channels.
        background: RGB laid under transparency and around a letterbox.
        output: Name of the output tensor.
        holds: What it holds.
        precision: Of the weights.
        description: One sentence.
        license: SPDX identifier or text.
        picture: File to try it with, kept as its golden sample.
        strict: Refuse what would be assumed.

    """

    name: str
    version: int | None = None
    labels: Path | None = None
    number_labels: bool = False
    background_class: str | None = None
    preset: str | None = None
    layout: Layout | None = None
    size: Size | None = None
    scale: float | None = None
    mean: Values | None = None
    std: Values | None = None
    resize: Rule | None = None
    shorter_side: int | None = None
    crop: Literal["center", "none"] | None = None
    crop_share: float | None = None
    interpolation: Interpolation | None = None
    antialias: bool | None = None
    colour: ColorMode | None = None
    background: tuple[int, int, int] | None = None
    output: str | None = None
    holds: Holds | None = None
    precision: Precision | None = None
    description: str | None = None
    license: str | None = None
    picture: Path | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Assumption:
    """A default that was taken because neither the file nor a flag said anything.

    Args:
        text: What was assumed.
        flag: Which flag says otherwise.

    """

    text: str
    flag: str

    def __str__(self) -> str:
        """Show it as the manifest keeps it."""
        return f"{self.text} ({self.flag})"


@dataclass(slots=True)
class Notes:
    """What is worth knowing about how a model was understood.

    Args:
        assumed: Defaults that were taken.
        found: Facts read from the file or measured by running it.

    """

    assumed: list[Assumption] = field(default_factory=list)
    found: list[str] = field(default_factory=list)

    def assume(self, text: str, flag: str) -> None:
        """Note a default."""
        self.assumed.append(Assumption(text, flag))

    def find(self, text: str) -> None:
        """Note a fact."""
        self.found.append(text)
