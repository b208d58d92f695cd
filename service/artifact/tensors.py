"""What goes into the network and what comes out: tensors, and the preprocessing that fills the input.

Nothing about preprocessing lives in code: two models with equal `Input` values see equal tensors for the same picture,
where both decode it exactly or both fast.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from service.artifact.fields import STRICT, Byte, Decoding, Interpolation, Positive, Side, Text


@dataclass(frozen=True, slots=True, config=STRICT)
class Resize:
    """How a picture of any size comes to the size of the network.

    Args:
        rule: `shorter_side` scales the shorter side to `size` and keeps the aspect; `exact` distorts to the input size;
            `letterbox` fits the whole picture inside and fills the rest with the background.
        size: Length of the shorter side in pixels; None (the input's own size) for the other rules.
        interpolation: Resampling filter, always on 8-bit values.
        antialias: True widens the filter when shrinking, as Pillow does; False is what OpenCV does.

    """

    rule: Literal["shorter_side", "exact", "letterbox"]
    size: Side | None
    interpolation: Interpolation
    antialias: bool


@dataclass(frozen=True, slots=True, config=STRICT)
class Preprocessing:
    """From the pixels of a picture to the values of a tensor: `(pixel * scale - mean) / std` per channel.

    Args:
        exif_orientation: Turn the picture as its EXIF tag asks.
        color_mode: Order and number of channels: `RGB`, `BGR` or `L` (one grey channel).
        background: RGB colour, 0..255, laid under transparency and around a letterbox.
        resize: See `Resize`.
        crop: `center` cuts the middle out after resizing; `none` where the resize is already exact.
        scale: Factor on the pixel values 0..255, for example 1/255; exactly 1 for uint8 input.
        mean: One value per channel, in scaled units.
        std: One positive value per channel, in scaled units.
        decode: How requests that do not say otherwise are decoded. `fast` scales a JPEG photograph down on the way
            where it has a megapixel or more and stays at least 2.9 times larger than the result; on photographs the
            pixels then differ by 0.25 of 255 on average and by 4 at most. Everything else, and everything with
            `exact`, is decoded as it is. Evaluation and golden samples are always exact.

    """

    exif_orientation: bool
    color_mode: Literal["RGB", "BGR", "L"]
    background: tuple[Byte, Byte, Byte]
    resize: Resize
    crop: Literal["center", "none"]
    scale: Annotated[float, Field(gt=0.0)]
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0.0)], ...]
    decode: Decoding = "fast"

    @model_validator(mode="after")
    def _agree(self) -> Preprocessing:
        shorter_side = self.resize.rule == "shorter_side"
        if shorter_side != (self.resize.size is not None):
            raise ValueError("resize.size belongs to the rule shorter_side, and to no other")
        if shorter_side != (self.crop == "center"):
            raise ValueError("crop is 'center' after the rule shorter_side and 'none' after the others")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class Input:
    """The network's input tensor and the preprocessing that fills it.

    Args:
        tensor: Name of the ONNX input.
        layout: Order of its axes; `NHW` has no channel axis.
        dtype: Element type; `float16` is computed as `float32` and rounded once.
        channels: 1 or 3.
        height: Rows in pixels.
        width: Columns in pixels.
        preprocessing: See `Preprocessing`.
        batch: The only number of pictures that the network takes at once, or that keeps each answer its own; None
            where any number does. Others are split and padded.

    """

    tensor: Text
    layout: Literal["NCHW", "NHWC", "NHW"]
    dtype: Literal["float32", "float16", "uint8"]
    channels: Literal[1, 3]
    height: Side
    width: Side
    preprocessing: Preprocessing
    batch: Positive | None = None

    @model_validator(mode="after")
    def _agree(self) -> Input:
        steps = self.preprocessing
        if self.channels != (1 if steps.color_mode == "L" else 3):
            raise ValueError(f"color_mode {steps.color_mode} does not fill {self.channels} channel(s)")
        if self.layout == "NHW" and self.channels != 1:
            raise ValueError("layout NHW has room for one channel only")
        if not len(steps.mean) == len(steps.std) == self.channels:
            raise ValueError(f"mean and std need {self.channels} value(s) each, one per channel")
        if self.dtype == "uint8" and (steps.scale != 1.0 or any(steps.mean) or any(s != 1.0 for s in steps.std)):
            raise ValueError("uint8 input takes pixels as they are: scale 1, mean 0, std 1")
        if steps.resize.size is not None and steps.resize.size < max(self.height, self.width):
            raise ValueError(f"resize.size {steps.resize.size} is smaller than the crop {self.height} x {self.width}")
        return self


Holds = Literal["probabilities", "logits", "sigmoid", "logit"]


@dataclass(frozen=True, slots=True, config=STRICT)
class Output:
    """The network's output tensor [N, classes], or [N, 1] for a network that tells two classes apart by one number.

    Args:
        tensor: Name of the ONNX output.
        holds: What its values are: `probabilities` or `logits` of all classes; `sigmoid`, the second class's
            probability; `logit`, of which that probability is the sigmoid.

    """

    tensor: Text
    holds: Holds
