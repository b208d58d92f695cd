"""Preprocessing by name, as the libraries that trained a network apply it.

A preset is what the network's authors would otherwise have told; a flag that is given beside it wins. None of them says
anything about sizes that the file itself declares.

Sources:
    torchvision: torchvision/transforms/_presets.py, ImageClassification; references/classification/presets.py.
        The shorter side is 256 for a crop of 224, and in that proportion for others (Inception v3: 342 for 299).
        The second generation of weights (IMAGENET1K_V2) was evaluated with 232 for 224.
    timm: timm/data/constants.py and config.py (DEFAULT_CROP_PCT 0.875, bicubic); data/transforms_factory.py, which
        rounds the shorter side down. Its vision transformers keep 0.9 (timm/models/vision_transformer.py, _cfg).
    Keras: keras/src/applications/imagenet_utils.py, preprocess_input, modes caffe, tf and torch; each module of
        keras.applications names its mode, and EfficientNet, ConvNeXt and MobileNetV3 hold the step inside. Pictures are
        stretched to the size as keras.utils.image_dataset_from_directory does: bilinear, without antialiasing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

ColorMode = Literal["RGB", "BGR", "L"]
Rule = Literal["shorter_side", "exact", "letterbox"]
Values = tuple[float, ...]

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
_CLIP_MEAN: Final = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD: Final = (0.26862954, 0.26130258, 0.27577711)
_CAFFE_MEAN: Final = (103.939, 116.779, 123.68)  # blue, green, red
_BYTE: Final = 1 / 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How one library prepares pictures.

    Args:
        colour: Order of the channels.
        scale: Factor on pixel values 0..255.
        mean: Per channel, in scaled units.
        std: Per channel, in scaled units.
        rule: How a picture comes to the size of the network.
        kept: Share of the resized shorter side that the crop keeps.
        rounds_down: Whether the shorter side rounds down instead of to the nearest.
        interpolation: Of the resampling.
        antialias: Whether it widens its filter.

    """

    colour: ColorMode = "RGB"
    scale: float = _BYTE
    mean: Values = IMAGENET_MEAN
    std: Values = IMAGENET_STD
    rule: Rule = "shorter_side"
    kept: float = 224 / 256
    rounds_down: bool = False
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    antialias: bool = True

    def shorter_side(self, longer_side: int) -> int:
        """Say to how many pixels the shorter side is scaled for an input whose longer side has so many."""
        exact = longer_side / self.kept
        return max(longer_side, math.floor(exact) if self.rounds_down else round(exact))


def _timm(mean: Values, std: Values, *, kept: float = 0.875) -> Preset:
    return Preset(mean=mean, std=std, interpolation="bicubic", kept=kept, rounds_down=True)


def _keras(scale: float, mean: Values, std: Values = (1.0, 1.0, 1.0), *, colour: ColorMode = "RGB") -> Preset:
    return Preset(colour=colour, scale=scale, mean=mean, std=std, rule="exact", antialias=False)


_KERAS_CAFFE: Final = _keras(1.0, _CAFFE_MEAN, colour="BGR")
_KERAS_TF: Final = _keras(1 / 127.5, (1.0, 1.0, 1.0))
_KERAS_TORCH: Final = _keras(_BYTE, IMAGENET_MEAN, IMAGENET_STD)
_KERAS_INSIDE: Final = _keras(1.0, (0.0, 0.0, 0.0))

PRESETS: Final[dict[str, Preset]] = {
    "torchvision": Preset(),
    "torchvision-v2": Preset(kept=224 / 232),
    "timm": _timm(IMAGENET_MEAN, IMAGENET_STD),
    "timm-inception": _timm((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "timm-vit": _timm((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), kept=0.9),
    "timm-clip": _timm(_CLIP_MEAN, _CLIP_STD, kept=0.9),
    "keras-caffe": _KERAS_CAFFE,
    "keras-tf": _KERAS_TF,
    "keras-torch": _KERAS_TORCH,
    "keras-inside": _KERAS_INSIDE,
    **dict.fromkeys(("keras-resnet", "keras-vgg"), _KERAS_CAFFE),
    **dict.fromkeys(
        (
            "keras-inception",
            "keras-mobilenet",
            "keras-mobilenet-v2",
            "keras-nasnet",
            "keras-resnet-v2",
            "keras-xception",
        ),
        _KERAS_TF,
    ),
    "keras-densenet": _KERAS_TORCH,
    **dict.fromkeys(("keras-convnext", "keras-efficientnet", "keras-mobilenet-v3"), _KERAS_INSIDE),
}
