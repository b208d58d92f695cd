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
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
Option = bool | int | float | str | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Network:
    """Which architecture, and what is special about it.

    Args:
        architecture: A name of `python -m training architectures`.
        options: What only this family has, such as `hidden` of mlp.
        mirror_average: When not training, look at each picture and at its mirror image and take the mean of the
            logits. Each answer then costs two looks, in the exported model too.

    """

    architecture: Name
    options: dict[str, Option] = field(default_factory=dict)
    mirror_average: bool = False


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
        validation_pictures: Taken from the training split by chance where the set has no validation split of its own;
            None is a tenth, at most 5,000.
        test_pictures: The same for a set without test pictures; None is a fifth, at most 10,000.
        split_seed: Seed of that choice; the same for every run, so that validation errors of several seeds compare.
        broken: What becomes of pictures that cannot be read or have no class: `refuse` names them and ends, `skip`
            names them and goes on without them.
        memory_mb: Most megabytes that decoded training and validation pictures may take; beyond, they are decoded
            anew in every epoch.
        workers: Processes that decode; None is one per processor core, 0 none beside the training process.

    """

    name: Name
    validation_pictures: Positive | None = None
    test_pictures: Positive | None = None
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] = 1
    broken: Literal["refuse", "skip"] = "refuse"
    memory_mb: Annotated[int, Field(ge=0)] = 2000
    workers: Annotated[int, Field(ge=0)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Augmentation:
    """How training pictures are varied each time they are shown.

    Args:
        flip: Mirror every second picture left to right.
        shift_pixels: Move by up to this many pixels in each direction.
        border: What a moved picture shows where it ends: `black`, or `reflect` for its own mirrored edge.
        cutout_pixels: Paint a square of this side over a random place, in the mean colour; 0 for none.
        crop_area: Show a random part of at least this share of the picture, enlarged; None for the whole.
        trivial_augment: Change each picture in one way of TrivialAugment's: colours, sharpness, rotation, shear.
        erasing: Probability that a rectangle of a picture is painted over.
        mixup_alpha: Lay pictures over each other; 0 for none, 0.2 is usual.
        cutmix_alpha: Put a part of one picture into another; 0 for none, 1.0 is usual.

    """

    flip: bool = False
    shift_pixels: Annotated[int, Field(ge=0, le=16)] = 0
    border: Literal["black", "reflect"] = "black"
    cutout_pixels: Annotated[int, Field(ge=0)] = 0
    crop_area: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    trivial_augment: bool = False
    erasing: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    mixup_alpha: Annotated[float, Field(ge=0.0)] = 0.0
    cutmix_alpha: Annotated[float, Field(ge=0.0)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Optimizer:
    """How gradients change weights.

    Args:
        name: `sgd` with Nesterov momentum, or `adamw`.
        learning_rate: The highest of the schedule.
        momentum: Of sgd.
        weight_decay: Shrinks the weights, never biases or normalisation.
        norm_offset_factor: The offsets of normalisation learn at this many times the rate.

    """

    name: Literal["sgd", "adamw"]
    learning_rate: Rate
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    norm_offset_factor: Rate = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Schedule:
    """How the learning rate moves: up in a line during the warm-up, then down.

    Args:
        name: `cosine` and `linear` fall to the last rate, `step` falls at each milestone, `constant` stays.
        warmup_share: Share of all steps spent on the way up.
        first: Rate at which the warm-up starts, as a share of the highest; a `cosine` with a warm-up of 0.3 from 0.04
            is the one-cycle schedule.
        last: Rate at which `cosine` and `linear` end, as a share of the highest.
        milestones: Shares of all steps at which `step` falls.
        drop: Factor of the rate at each milestone.

    """

    name: Literal["cosine", "linear", "step", "constant"] = "cosine"
    warmup_share: Share = 0.0
    first: Share = 0.0
    last: Share = 0.0
    milestones: tuple[Share, ...] = (0.5, 0.75)
    drop: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1


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
        precision: Of the sums: `32-true`, or `bf16-mixed` and `16-mixed`, which keep the weights in float32.
        average_decay: Validate, keep and export a running mean of the weights in which each step's weigh 1 - this
            much (exponential moving average); 0 takes the weights themselves.
        portions: Cut each batch into so many parts that go through the network one by one and make one step together,
            for batches that do not fit into memory (gradient accumulation).
        max_gradient_norm: Shorten the gradient of all weights together to this length; None for any.
        class_weights: `balanced` lets every class count alike, however many pictures it has.
        patience: End after so many epochs without a better validation error; None never does.
        compile: Let torch.compile make one program of the network. It helps on GPUs; on two processor cores it was
            slower (424 against 503 pictures a second).
        sizes: Show pictures in a smaller size at first: pairs of (share of the epochs from which on, pixels per side).

    """

    epochs: Positive
    batch_size: Positive
    label_smoothing: Share = 0.0
    channels_last: bool = False
    threads: Positive | None = None
    precision: Precision = "32-true"
    average_decay: Share = 0.0
    portions: Positive = 1
    max_gradient_norm: Rate | None = None
    class_weights: Literal["none", "balanced"] = "none"
    patience: Positive | None = None
    compile: bool = False
    sizes: tuple[tuple[Share, Positive], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Start:
    """From which weights a run starts, where not from random ones (fine-tuning).

    Args:
        weights: Folder of a run, of a published model or of one of its versions, or a `.safetensors` file.
        frozen: Only the head learns.
        layer_factor: Each layer learns at this much of the rate of the layer after it; 1 for all alike.
        normalization: Mean and std of the `training` pictures, or `start` for those that the weights learned with.

    """

    weights: Name
    frozen: bool = False
    layer_factor: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    normalization: Literal["training", "start"] = "start"


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Export:
    """What is done to the trained network when it becomes an ONNX file; no part of the training.

    Args:
        shift_pixels: Look at each picture also moved by so many pixels, up to the left and down to the right, each with
            half the weight of the picture in its place; every answer then costs three times as much.
        calibrate: Divide the logits by the temperature that makes the validation pictures likeliest, so that of the
            answers given with 0.8 eight in ten are right; no answer changes its class.

    """

    shift_pixels: Annotated[int, Field(ge=0, le=8)] = 0
    calibrate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Publication:
    """What the published model is called.

    Args:
        model: Folder below the models folder.
        title: Heading of the card.
        description: One sentence for the manifest and the card.
        license: SPDX name in lower case, as the Hugging Face Hub writes it.
        samples: Where golden samples come from: `test` pictures, where their licence lets them travel; `none`; or
            another data set whose licence does, whatever the model may take its pictures for.
        weights: Publish the weights as float16 too, so that others can start from them.
        int8: Publish the network in int8 too, where it passes the gate of `python -m training quantize`.

    """

    model: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    title: Name
    description: Name
    license: Name
    samples: Name = "none"
    weights: bool = True
    int8: bool = False


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
    start: Start | None = None
    export: Export = field(default_factory=Export)
    publication: Publication | None = None


RECIPE_ADAPTER: TypeAdapter[Recipe] = TypeAdapter(Recipe)
