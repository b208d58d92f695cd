"""The network's input, said once: the manifest's `Input` for serving, and the same arithmetic on tensors for training.

Knows neither data sets nor networks.
"""

from __future__ import annotations

import torch

from service.artifact import Input, Preprocessing, Resize
from training.recipe import Picture

INPUT_NAME = "input"
MAX_PIXELS = 64_000_000  # what the service decodes by default; a larger picture could be trained on and not be served
_BLACK = (0, 0, 0)
_SCALE = 1 / 255


def input_spec(picture: Picture, *, mean: tuple[float, ...], std: tuple[float, ...]) -> Input:
    """Describe the input of a network that was trained on pictures of these statistics.

    Args:
        picture: Size and colours, from the recipe.
        mean: Per channel, in units of 0..1.
        std: Per channel, in units of 0..1; a channel that never varies takes 1.

    """
    return Input(
        tensor=INPUT_NAME,
        layout="NCHW",
        dtype="float32",
        channels=1 if picture.color_mode == "L" else 3,
        height=picture.size,
        width=picture.size,
        preprocessing=Preprocessing(
            exif_orientation=True,
            color_mode=picture.color_mode,
            background=_BLACK,
            resize=Resize(rule=picture.resize, size=None, interpolation="bilinear", antialias=True),
            crop="none",
            scale=_SCALE,
            mean=mean,
            std=tuple(deviation or 1.0 for deviation in std),
        ),
    )


def plain_input_spec(picture: Picture) -> Input:
    """Describe the input before anything was measured: mean 0 and std 1."""
    channels = 1 if picture.color_mode == "L" else 3
    return input_spec(picture, mean=(0.0,) * channels, std=(1.0,) * channels)


def normalized(pixels_NCHW: torch.Tensor, *, spec: Input) -> torch.Tensor:
    """Turn uint8 pixels into the float32 values that the service would feed."""
    steps = spec.preprocessing
    factor = torch.tensor([steps.scale / std for std in steps.std], device=pixels_NCHW.device)
    offset = torch.tensor(
        [mean / std for mean, std in zip(steps.mean, steps.std, strict=True)], device=pixels_NCHW.device
    )
    return pixels_NCHW.to(torch.float32) * factor.view(1, -1, 1, 1) - offset.view(1, -1, 1, 1)
