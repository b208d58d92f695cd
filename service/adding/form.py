"""How pictures have to lie in memory for a network: layout, type, channels and size, from what its file declares.

An axis of 1 or 3 is that of the channels; three axes have none. Where the file leaves the axes open there are several
forms, and running tells which one the network takes. Letters: N pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

from service.adding.signature import Dimension, Signature, TensorInfo
from service.adding.told import Layout, Notes, Size, Told
from service.errors import ArtifactError, InvalidParameterError

DEFAULT_SIZE: Final = (224, 224)  # of most ImageNet classifiers
_LONGEST_SIDE: Final = 8192  # what a manifest may say
_MOST_NUMBERS: Final = 2**28  # of one run: a gigabyte of float32
_CHANNELS: Final[tuple[Literal[1, 3], ...]] = (3, 1)
_CHANNEL_WORD: Final = "channel"  # as in the num_channels of Hugging Face's exporter
_LAYOUTS: Final[tuple[Layout, ...]] = ("NCHW", "NHWC")
_TYPES: Final = ("float32", "float16", "uint8")


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which pictures can be laid out.

    Args:
        tensor: Name of the input.
        layout: Order of its axes.
        dtype: Element type.
        channels: 1 or 3.
        size: Rows and columns.
        batch: The only number of pictures, or None for any.
        is_size_assumed: Whether the file leaves the size open and nobody told it.

    """

    tensor: str
    layout: Layout
    dtype: Literal["float32", "float16", "uint8"]
    channels: Literal[1, 3]
    size: Size
    batch: int | None
    is_size_assumed: bool


def forms_of(signature: Signature, told: Told, *, path: Path) -> list[Form]:
    """List the forms that a network may take, the likeliest first; almost always there is one.

    Args:
        signature: What the file declares.
        told: What the flags say.
        path: Of the file, for messages.

    Raises:
        ArtifactError: The network takes something else than one batch of pictures.
        InvalidParameterError: A flag contradicts the file.

    """
    declared = _only_input(signature, path)
    if declared.dtype not in _TYPES:
        raise ArtifactError(
            path, reason=f"its input {declared} is of a type that pictures are not given in; "
            f"export it with an input of {', '.join(_TYPES)}"
        )  # fmt: skip
    shape = declared.shape if declared.shape is not None else (None,) * 4
    pairs = _layouts(shape, told, declared, path, signature)
    forms = [_form(declared, shape, layout, channels, told) for layout, channels in pairs]
    for form in forms:
        numbers = (form.batch or 1) * form.channels * form.size[0] * form.size[1]
        if numbers > _MOST_NUMBERS or max(form.size) > _LONGEST_SIDE:
            rows, columns = form.size
            what = f"one run with {rows}x{columns} pixels takes {numbers} numbers"
            limits = f"{_MOST_NUMBERS} and sides of {_LONGEST_SIDE} pixels are the most"
            raise ArtifactError(path, reason=f"its input {declared} is too large: {what}, and {limits}")
    return forms


def note_form(form: Form, *, allowed: int, fitting: int, notes: Notes) -> None:
    """Write down what was chosen that neither the file nor a flag said.

    Args:
        form: The one that is used.
        allowed: How many forms the file allows.
        fitting: How many of them run.
        notes: Where to write.

    """
    rows, columns = form.size
    if form.is_size_assumed:
        notes.assume(f"size {rows}x{columns}, which the file leaves open", "--size ROWSxCOLUMNS")
    what = f"layout {form.layout} with {form.channels} channel(s)"
    if fitting > 1:
        notes.assume(f"{what}, the likeliest of {fitting} that run", "--layout, --colour")
    elif allowed > 1:
        notes.find(f"{what}: the only one of {allowed} that runs")
    batch = "any number of pictures" if form.batch is None else f"{form.batch} picture(s) at a time"
    notes.find(f"input {form.tensor!r}: {form.layout} {form.dtype}, {form.channels} x {rows} x {columns}, {batch}")
    if form.batch is not None and form.batch > 1:
        notes.find(f"every run takes {form.batch} pictures; a single one pays for the empty places beside it")


def _only_input(signature: Signature, path: Path) -> TensorInfo:
    inputs = signature.inputs
    if not inputs:
        raise ArtifactError(path, reason="has no input, and a classifier takes pictures")
    if len(inputs) > 1:
        listed = ", ".join(map(str, inputs))
        raise ArtifactError(
            path, reason=f"has {len(inputs)} inputs ({listed}), and a picture fills one; export it with a single "
            "input, the others fixed as constants"
        )  # fmt: skip
    return inputs[0]


def _layouts(
    shape: tuple[Dimension, ...], told: Told, declared: TensorInfo, path: Path, signature: Signature
) -> list[tuple[Layout, Literal[1, 3]]]:
    """List the orders of axes that a shape allows."""
    if declared.shape is None and told.layout == "NHW":
        candidates: list[tuple[Layout, Literal[1, 3]]] = [("NHW", 1)]
    elif len(shape) == 3:
        _require_batch_axis(shape, declared, path, signature)
        candidates = [("NHW", 1)]
    elif len(shape) == 4:
        candidates = [
            (layout, channels)
            for channels in _CHANNELS
            for layout in _named_layouts(shape)
            if _may_be(shape[_axis(layout, "C")], channels)
        ]
        if isinstance(shape[1], int) or isinstance(shape[3], int):  # a number says more than an open axis
            sure = [pair for pair in candidates if shape[_axis(pair[0], "C")] == pair[1]]
            candidates = sure or candidates
    else:
        raise ArtifactError(path, reason=f"its input {declared} has {len(shape)} axes; pictures come as {_ALLOWED}")
    return _told_ones(candidates, told, declared, path)


_ALLOWED: Final = "[N, C, H, W], [N, H, W, C] or [N, H, W]; a Reshape before the first layer would take them"


def _told_ones(
    candidates: list[tuple[Layout, Literal[1, 3]]], told: Told, declared: TensorInfo, path: Path
) -> list[tuple[Layout, Literal[1, 3]]]:
    """Keep the candidates that agree with the flags."""
    if not candidates:
        raise ArtifactError(path, reason=f"its input {declared} has no axis of 1 or 3 channels; pictures have these")
    fitting = [pair for pair in candidates if told.layout in (None, pair[0])]
    if not fitting:
        raise InvalidParameterError("--layout", value=told.layout, expected=f"one that fits the input {declared}")
    if told.colour is not None:
        channels = 1 if told.colour == "L" else 3
        fitting = [pair for pair in fitting if pair[1] == channels]
        if not fitting:
            raise InvalidParameterError("--colour", value=told.colour, expected=f"one that fits the input {declared}")
    return fitting


def _named_layouts(shape: tuple[Dimension, ...]) -> tuple[Layout, ...]:
    """Read the layout from the names of open axes, where one is called after the channels."""
    named = tuple(
        layout
        for layout in _LAYOUTS
        if isinstance(name := shape[_axis(layout, "C")], str) and _CHANNEL_WORD in name.lower()
    )
    return named or _LAYOUTS


def _may_be(size: Dimension, channels: int) -> bool:
    return size == channels or not isinstance(size, int)


def _require_batch_axis(shape: tuple[Dimension, ...], declared: TensorInfo, path: Path, signature: Signature) -> None:
    """Refuse [3, H, W] and [H, W, 3], which look like [N, H, W] and are one picture without a batch axis."""
    answers = [output.shape for output in signature.outputs if output.shape]
    is_batch = any(len(answer) > 1 and answer[0] == shape[0] for answer in answers)
    if shape[2] in _CHANNELS or (shape[0] == 3 and not is_batch):
        raise ArtifactError(
            path, reason=f"its input {declared} has no axis for the pictures of a batch; export it with one, "
            "[N, C, H, W], for example from an example input of shape [1, 3, 224, 224]"
        )  # fmt: skip


def _form(
    declared: TensorInfo, shape: tuple[Dimension, ...], layout: Layout, channels: Literal[1, 3], told: Told
) -> Form:
    shape = shape[: len(layout)]  # where the file says nothing, four open axes stand for any number of them
    rows, columns = shape[_axis(layout, "H")], shape[_axis(layout, "W")]
    size = told.size or _default_size(rows, columns)
    for axis, given, wanted in (("rows", rows, size[0]), ("columns", columns, size[1])):
        if isinstance(given, int) and given != wanted:
            raise InvalidParameterError(
                "--size", value=f"{size[0]}x{size[1]}", expected=f"{given} {axis}, which the input {declared} fixes"
            )
    batch = shape[0] if isinstance(shape[0], int) else None
    is_assumed = told.size is None and not (isinstance(rows, int) and isinstance(columns, int))
    dtype = cast("Literal['float32', 'float16', 'uint8']", declared.dtype)  # `forms_of` looked
    return Form(declared.name, layout, dtype, channels, size, batch, is_assumed)


def _default_size(rows: Dimension, columns: Dimension) -> Size:
    """Fill an open side with the other one, else with the usual size."""
    known = [side for side in (rows, columns) if isinstance(side, int)]
    default = known[0] if known else DEFAULT_SIZE[0]
    return (rows if isinstance(rows, int) else default, columns if isinstance(columns, int) else default)


def _axis(layout: Layout, letter: str) -> int:
    return layout.index(letter)
