"""Shifts of a picture measured through a network: which difference they make to every stage and to the answer.

Places that see the border are found by marking it: pixels that are no numbers make every place that sees them one that
is no number, whatever layers lie between.

Axes: C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.figures.anatomy import stages_of, trunk_of
from training.figures.equivariance import ShownShift, StageShifts
from training.figures.feature_maps import Stage
from training.geometry.measure import measure

Maps = NDArray[np.floating[Any]]


def shifted_right(images_NCHW: torch.Tensor, shift: int) -> torch.Tensor:
    """Move pictures by whole pixels; the leftmost column fills what comes in."""
    if shift == 0:
        return images_NCHW.clone()
    border_NCH1 = images_NCHW[..., :1]
    return torch.cat([border_NCH1.expand(*border_NCH1.shape[:-1], shift), images_NCHW[..., :-shift]], dim=-1)


def measure_stages(network: nn.Module, images_NCHW: torch.Tensor, *, shifts: list[int]) -> list[StageShifts]:
    """Compare the maps of a shifted picture with the shifted maps, for every stage and shift.

    Args:
        network: In evaluation mode, of layers that `training.layer_rules` knows.
        images_NCHW: One picture as the network takes it.
        shifts: In pixels to the right.

    """
    strides = _strides(network, images_NCHW)
    still = _stages(network, images_NCHW, shift=0)
    results: dict[str, list[float | None]] = {stage.name: [] for stage in still}
    for shift in shifts:
        for before, after in zip(still, _stages(network, images_NCHW, shift=shift), strict=True):
            results[before.name].append(_difference(before, after, places=round(shift / strides[before.name])))
    return [StageShifts(name, strides[name], differences) for name, differences in results.items()]


def answer_changes(network: nn.Module, images_NCHW: torch.Tensor, *, shifts: list[int]) -> list[float]:
    """Measure for each shift how much of the probability goes to other classes than before, 0..1."""
    with torch.no_grad():
        probabilities_SK = torch.cat([network(shifted_right(images_NCHW, shift)).softmax(dim=1) for shift in shifts])
        before_1K = network(images_NCHW).softmax(dim=1)
    return [float(change) for change in (probabilities_SK - before_1K).abs().sum(dim=1) / 2]


def show_shift(network: nn.Module, images_NCHW: torch.Tensor, *, picture_HWC: NDArray[np.uint8]) -> ShownShift:
    """Shift by the stride of the last stage that keeps a place away from the border; see `ShownShift`.

    Args:
        network: In evaluation mode.
        images_NCHW: One picture as the network takes it.
        picture_HWC: The same picture to look at.

    """
    strides = _strides(network, images_NCHW)
    still = _stages(network, images_NCHW, shift=0)
    candidates = [number for number, stage in enumerate(still) if _sees_less_than_all(stage)] or [0]
    for number in reversed(candidates):
        name = still[number].name
        moved = _stages(network, images_NCHW, shift=strides[name])
        difference_CHW = _differences(still[number], moved[number], places=1)
        if not np.isnan(difference_CHW).all() or number == candidates[0]:
            break
    plain = stages_of(network, images_NCHW)[number].maps_CHW
    channel = int(plain.std(axis=(1, 2)).argmax())
    images = shifted_right(images_NCHW, strides[name])
    difference_HW = np.full(plain.shape[1:], np.nan)
    difference_HW[:, 1:] = np.abs(difference_CHW[channel])
    return ShownShift(
        stage=name,
        shift=strides[name],
        picture_HWC=picture_HWC,
        shifted_HWC=_shifted_pixels(picture_HWC, strides[name]),
        map_HW=plain[channel],
        map_of_shifted_HW=stages_of(network, images)[number].maps_CHW[channel],
        difference_HW=difference_HW,
    )


def _stages(network: nn.Module, images_NCHW: torch.Tensor, *, shift: int) -> list[Stage]:
    """Run a shifted picture whose border, and what came in with the shift, are marked as no numbers."""
    marked_NCHW = shifted_right(images_NCHW, shift)
    marked_NCHW[..., : shift + 1] = torch.nan
    marked_NCHW[..., -1:] = torch.nan
    marked_NCHW[..., :1, :] = torch.nan
    marked_NCHW[..., -1:, :] = torch.nan
    return stages_of(network, marked_NCHW)


def _differences(before: Stage, after: Stage, *, places: int) -> Maps:
    """Subtract where both are known; NaN elsewhere."""
    width = before.maps_CHW.shape[2]
    return after.maps_CHW[:, :, places:] - before.maps_CHW[:, :, : width - places]


def _difference(before: Stage, after: Stage, *, places: int) -> float | None:
    difference_CHW = _differences(before, after, places=places)
    known = ~np.isnan(difference_CHW)
    if not known.any():
        return None
    shifted = after.maps_CHW[:, :, places:][known]
    size = float(np.linalg.norm(shifted.astype(np.float64)))
    gap = float(np.linalg.norm(difference_CHW[known].astype(np.float64)))
    return gap / size if size else (0.0 if gap == 0 else 1.0)


def _sees_less_than_all(stage: Stage) -> bool:
    return not bool(np.isnan(stage.maps_CHW).all())


def _strides(network: nn.Module, images_NCHW: torch.Tensor) -> dict[str, int]:
    """Look up how many pixels lie between two places of each stage."""
    _, channels, height, width = images_NCHW.shape
    layers = measure(trunk_of(network), input_shape=(channels, height, width)).layers
    names = [stage.name for stage in stages_of(network, images_NCHW)]
    return {name: next(layer.jump[1] for layer in reversed(layers) if _belongs(layer.name, name)) for name in names}


def _belongs(layer: str, stage: str) -> bool:
    """Tell whether a layer is a stage, or inside of what a stage is made of."""
    return layer == stage or layer.startswith(f"{stage}.")


def _shifted_pixels(picture_HWC: NDArray[np.uint8], shift: int) -> NDArray[np.uint8]:
    columns = np.maximum(np.arange(picture_HWC.shape[1]) - shift, 0)
    return picture_HWC[:, columns]
