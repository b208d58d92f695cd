"""What is sent and what is served: kinds of pictures and models, made once and kept in the work folder.

Making them needs the training stack, which would fill the memory of the process that measures; it happens in programs
of their own, `picture_making` and `model_making`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.serving.programs import output_of
from tests.benchmarks.serving.workplace import Workplace


@dataclass(frozen=True, slots=True)
class PictureKind:
    """How a picture is made of a photograph.

    Args:
        name: Of its folder; changed with the recipe, so that old pictures are not taken for new ones.
        size: Width and height in pixels, reached by cutting the middle out and resampling with Lanczos.
        format: File format.
        quality: Of a JPEG.
        noise: Standard deviation of the Gaussian noise that stands for a camera's, in steps of 255.
        count: Different pictures, sent in turn.

    """

    name: str
    size: tuple[int, int]
    format: str
    quality: int = 0
    noise: float = 0.0
    count: int = 8


@dataclass(frozen=True, slots=True)
class ModelKind:
    """A network and the pictures that it is shown while it is made.

    Args:
        name: Of the architecture and of the model.
        side: Of its input, in pixels.
        classes: Labels.
        pictures: Kind of the pictures.
        int8: Whether it gets a variant in int8.

    """

    name: str
    side: int
    classes: int
    pictures: str
    int8: bool


PICTURES: Final = (
    PictureKind("jpeg-500x375", (500, 375), "JPEG", quality=95),
    PictureKind("jpeg-4000x3000", (4000, 3000), "JPEG", quality=88, noise=5.0, count=4),
    PictureKind("png-32x32", (32, 32), "PNG"),
)
MODELS: Final = (
    ModelKind("resnet50", 224, 1000, "jpeg-500x375", int8=True),
    ModelKind("resnet20", 32, 10, "png-32x32", int8=False),
)


def picture_files(kind: str, *, workplace: Workplace) -> list[Path]:
    """Give the files of one kind of picture, and make all pictures where they are missing.

    Raises:
        BenchmarkError: The photographs are nowhere.

    """
    folder = workplace.pictures / kind
    if not folder.is_dir():
        output_of("picture_making", str(workplace.root))
    return sorted(folder.iterdir())


def models_dir(model: str, *, workplace: Workplace) -> Path:
    """Give the models folder that holds one model, and make it where it is missing.

    Raises:
        BenchmarkError: The model could not be made.

    """
    folder = workplace.models_of(model)
    if not (folder / model / "1" / "manifest.json").is_file():
        kind = next(kind for kind in MODELS if kind.name == model)
        picture_files(kind.pictures, workplace=workplace)
        output_of("model_making", str(workplace.root), model)
    return folder
