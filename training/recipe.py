"""What a training run does, in numbers: frozen types, one for each table of a recipe file.

Two runs of equal recipe and seed on the same machine give equal weights. The seed and the device are no part of a
recipe: they may change without it becoming another experiment. This file knows no TOML and no torch; see
`recipe_file.py`.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic.dataclasses import dataclass

from service.artifact import NAME_PATTERN

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0.0)]
Name = Annotated[str, StringConstraints(min_length=1)]
Option = bool | int | float | str | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Network:
    """Which architecture, and what is special about it.

    Args:
        architecture: A name of `python -m training architectures`.
        options: What only this family has, such as `hidden` of mlp.

    """

    architecture: Name
    options: dict[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Picture:
    """How a picture of any size becomes an input; the same when training and when serving.

    Args:
        size: Side of the square input in pixels.
        color_mode: `L` for one grey channel, `RGB` for three.
        resize: `letterbox` keeps the whole picture and its aspect, `exact` distorts it.

    """

    size: Positive
    color_mode: Literal["L", "RGB"]
    resize: Literal["letterbox", "exact"] = "letterbox"


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Data:
    """Which pictures, and which of them are held back.

    Args:
        name: A folder below the data folder, a path, a known name or a Hugging Face Hub name.
        validation_pictures: Taken from the training split by chance where the set has no validation split of its own.
        split_seed: Seed of that choice; the same for every run, so that validation errors of several seeds compare.

    """

    name: Name
    validation_pictures: Positive = 5000
    split_seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Augmentation:
    """How training pictures are varied each time they are shown.

    Args:
        flip: Mirror every second picture left to right.
        shift_pixels: Move by up to this many pixels in each direction; the border is filled with black.

    """

    flip: bool = False
    shift_pixels: Annotated[int, Field(ge=0, le=16)] = 0


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Optimizer:
    """How gradients change weights.

    Args:
        name: `sgd` with Nesterov momentum, or `adamw`.
        learning_rate: The highest of the schedule.
        momentum: Of sgd.
        weight_decay: Shrinks the weights, never biases or normalisation.

    """

    name: Literal["sgd", "adamw"]
    learning_rate: Rate
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Schedule:
    """How the learning rate moves: up in a line during the warm-up, then down.

    Args:
        name: `cosine` and `linear` fall to zero at the last step, `constant` stays.
        warmup_share: Share of all steps spent on the way up.

    """

    name: Literal["cosine", "linear", "constant"] = "cosine"
    warmup_share: Share = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Training:
    """How long and in what portions.

    Args:
        epochs: Passes over the training pictures.
        batch_size: Pictures per update, over all processes together.
        label_smoothing: Share of the target spread evenly over all classes.
        channels_last: Keep the channels of a pixel side by side in memory: the same sums in another order, and half as
            fast again for small convolutions on a processor.
        threads: Processor threads of each process; None takes all cores. Their number decides the order of sums, and
            so the last bits of every weight.

    """

    epochs: Positive
    batch_size: Positive
    label_smoothing: Share = 0.0
    channels_last: bool = False
    threads: Positive | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Publication:
    """What the published model is called.

    Args:
        model: Folder below the models folder.
        title: Heading of the card.
        description: One sentence for the manifest and the card.
        license: SPDX name in lower case, as the Hugging Face Hub writes it.
        samples: Where golden samples come from: `test` pictures, where their licence lets them travel, or `none`.

    """

    model: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    title: Name
    description: Name
    license: Name
    samples: Literal["test", "none"] = "none"


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Recipe:
    """One experiment: everything that decides its outcome but the seed."""

    network: Network
    picture: Picture
    data: Data
    training: Training
    optimizer: Optimizer
    schedule: Schedule = field(default_factory=Schedule)
    augmentation: Augmentation = field(default_factory=Augmentation)
    publication: Publication | None = None


RECIPE_ADAPTER: TypeAdapter[Recipe] = TypeAdapter(Recipe)
