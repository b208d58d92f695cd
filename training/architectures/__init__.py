"""The networks that made image recognition, each as its paper describes it, in one folder.

`build` makes any of them by name, for any number of classes and channels and for small pictures as well as the
published size. Read the families in the order of `README.md` for the history. This package needs torch and the
standard library, and knows nothing of data, training or export.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from training.architectures.blocks import StartsFromPictures, TrainingOutput
from training.architectures.catalog import Facts, facts, names
from training.architectures.errors import ArchitectureOptionError, UnknownArchitectureError
from training.architectures.parts import auxiliary_heads, backbone_and_head
from training.architectures.views import ViewAverage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

__all__ = [
    "ArchitectureOptionError",
    "Facts",
    "StartsFromPictures",
    "TrainingOutput",
    "UnknownArchitectureError",
    "ViewAverage",
    "auxiliary_heads",
    "backbone_and_head",
    "build",
    "facts",
    "names",
    "options_of",
]

_SIZES = {"num_classes", "in_channels", "input_size"}


def build(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int | None = None,
    input_size: int | None = None,
    **options: object,
) -> nn.Module:
    """Build a network that maps images_NCHW to logits_NK, with the initial weights of its paper.

    Args:
        name: one of `names()`.
        num_classes: K; the published number where None.
        in_channels: C, 1 for grey and 3 for colour; the published number where None.
        input_size: side of the square pictures in pixels; the published one where None. Below 96 pixels a network made
            for larger pictures gets a stem that loses no resolution (28 is padded to 32, 64 is halved first).
        options: what only this family has, for example `hidden` of mlp; `python -m training describe` lists them.

    Returns:
        The network in training mode, on torch's current default device.

    Raises:
        UnknownArchitectureError: there is no architecture of that name.
        ArchitectureOptionError: an option or a value that this architecture does not have.
    """
    entry = facts(name)
    known = options_of(name)
    if unknown := sorted(set(options) - set(known)):
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise ArchitectureOptionError(f"{name} has no option {', '.join(unknown)}; {has}.")
    channels, side, _ = entry.input_shape
    sizes = {
        "num_classes": entry.num_classes if num_classes is None else num_classes,
        "in_channels": channels if in_channels is None else in_channels,
        "input_size": side if input_size is None else input_size,
    }
    for option, value in sizes.items():
        if value < 1:
            raise ArchitectureOptionError(f"{option} must be at least 1, not {value!r}.")
    try:
        return entry.builder(**sizes, **entry.fixed, **options)
    except ValueError as error:
        raise ArchitectureOptionError(f"{name} cannot be built with {_in_words(sizes | options)}: {error}") from error


def options_of(name: str) -> dict[str, object]:
    """Tell what `build` takes for this architecture beyond the sizes, with the default of each.

    Raises:
        UnknownArchitectureError: there is no architecture of that name.
    """
    entry = facts(name)
    parameters = inspect.signature(entry.builder).parameters
    return {key: parameter.default for key, parameter in parameters.items() if key not in _SIZES | set(entry.fixed)}


def _in_words(settings: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in settings.items())
