"""The figures that belong to a run: which there are, what each needs, and all of them as PNG files.

`run_figures` is what a finished run calls; `draw` gives single ones to the command line. A figure that means nothing
for a network (filters of one that sees no pixels, say) is left out and not faked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from service.artifact import Input
from training.architectures.kirsch import COMPASS, kirsch_filters
from training.data import Example
from training.data.pictures import decode_all
from training.data.preprocessing import normalized
from training.figures import anatomy, shifting
from training.figures.canvas import as_png
from training.figures.confusion import confusion_figure
from training.figures.curves import learning_curves_figure
from training.figures.duplicates import duplicates_figure
from training.figures.edges import edges_figure
from training.figures.equivariance import equivariance_figure
from training.figures.feature_maps import feature_maps_figure
from training.figures.weights import class_weights_figure, filters_figure
from training.learning.history import EpochRecord
from training.publication.evaluation import Predictions
from training.publication.scores import confusion

_MOST_SHIFTS = 16


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """One picture as a network sees it.

    Args:
        pixels_HWC: Three channels to look at, before mean and std; grey where the network sees grey.
        images_NCHW: Of the one picture, ready for the network.
        subject: What it shows.

    """

    pixels_HWC: NDArray[np.uint8]  # noqa: N815  # axes in the name
    images_NCHW: torch.Tensor  # noqa: N815  # axes in the name
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What figures of a run are made of; what is None leaves out the figures that need it.

    Args:
        network: With its best weights, in evaluation mode.
        picture: For feature maps, edges and shifts.
        history: Of every epoch.
        predictions: Of the exported network on the test pictures.
        labels: Class names.

    """

    network: nn.Module | None = None
    picture: ShownPicture | None = None
    history: Sequence[EpochRecord] = ()
    predictions: Predictions | None = None
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of figure.

    Args:
        caption: One sentence for the card.
        draw: None as its result means that the figure does not apply.

    """

    caption: str
    draw: Callable[[Material], Figure | None]


SHOWING_A_PICTURE = frozenset({"feature-maps", "edges", "equivariance"})  # of the test split: only where it may travel


def run_figures(
    network: nn.Module,
    *,
    spec: Input,
    example: Example,
    labels: Sequence[str],
    history: Sequence[EpochRecord],
    predictions: Predictions,
) -> dict[str, bytes]:
    """Draw all figures that apply to a finished run.

    Args:
        network: With its best weights; on the CPU and in evaluation mode.
        spec: The network's input.
        example: A picture for feature maps, edges and shifts, best one of the test split.
        labels: Class names.
        history: Of every epoch.
        predictions: On the test split.

    Returns:
        File names to PNG bytes, such as `curves.png`; `captions` words them for a card.

    Raises:
        DataError: The picture cannot be read.

    """
    picture = shown_picture(example, spec=spec, subject=labels[example.label])
    material = Material(network=network, picture=picture, history=history, predictions=predictions, labels=labels)
    return draw(material)


def draw(material: Material, *, kinds: Sequence[str] | None = None) -> dict[str, bytes]:
    """Draw figures that apply, as file names to PNG bytes.

    Args:
        material: What there is.
        kinds: Keys of `KINDS`; None takes them all.

    """
    files = {}
    for name in KINDS if kinds is None else kinds:
        figure = KINDS[name].draw(material)
        if figure is not None:
            files[f"{name}.png"] = as_png(figure)
    return files


def captions(files: Mapping[str, bytes], *, folder: str = "") -> str:
    """Write figures as Markdown, each with its caption.

    Args:
        files: From `run_figures` or `draw`.
        folder: Where the files lie, seen from the document, such as `figures/`.

    """
    parts = [f"![{name}]({folder}{file})\n\n{KINDS[name].caption}\n" for name, file in _named(files)]
    return "\n".join(parts)


def shown_picture(example: Example, *, spec: Input, subject: str) -> ShownPicture:
    """Bring a picture to the form that a network sees.

    Raises:
        DataError: It cannot be read.

    """
    pixels_NCHW = decode_all([example], spec=spec).pixels_NCHW
    pixels_HWC = pixels_NCHW[0].permute(1, 2, 0).numpy()
    return ShownPicture(
        pixels_HWC=np.repeat(pixels_HWC, 3 // pixels_HWC.shape[2], axis=2),
        images_NCHW=normalized(pixels_NCHW, spec=spec),
        subject=subject,
    )


def _named(files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    return [(file.removesuffix(".png"), file) for file in files]


def _curves(material: Material) -> Figure | None:
    return learning_curves_figure(material.history) if material.history else None


def _confusion(material: Material) -> Figure | None:
    if material.predictions is None:
        return None
    return confusion_figure(
        confusion(material.predictions.probabilities_NK, material.predictions.labels_N), material.labels
    )


def _filters(material: Material) -> Figure | None:
    if material.network is None or material.picture is None or _class_weights(material) is not None:
        return None  # those of a logistic regression are drawn with the names of the classes
    _, channels, height, width = material.picture.images_NCHW.shape
    found = anatomy.first_weights(material.network, channels=channels, height=height, width=width)
    return None if found is None else filters_figure(found[1], layer=found[0])


def _class_weights(material: Material) -> Figure | None:
    if material.network is None or material.picture is None:
        return None
    _, channels, height, width = material.picture.images_NCHW.shape
    weights_KCHW = anatomy.class_weights(material.network, channels=channels, height=height, width=width)
    return None if weights_KCHW is None else class_weights_figure(weights_KCHW, material.labels)


def _feature_maps(material: Material) -> Figure | None:
    if material.network is None or material.picture is None:
        return None
    stages = anatomy.stages_of(material.network, material.picture.images_NCHW)
    if not stages:
        return None
    return feature_maps_figure(material.picture.pixels_HWC, stages, subject=material.picture.subject)


def _edges(material: Material) -> Figure | None:
    if material.picture is None:
        return None
    pixels_HWC = material.picture.pixels_HWC
    grey_NCHW = torch.from_numpy(pixels_HWC.mean(axis=2, dtype=np.float32) / 255)[None, None]
    filters = kirsch_filters()
    answers_NCHW = functional.conv2d(functional.pad(grey_NCHW, (1, 1, 1, 1), mode="replicate"), filters).relu()
    return edges_figure(
        pixels_HWC,
        filters_DHW=filters[:, 0].numpy(),
        answers_DHW=answers_NCHW[0].numpy(),
        directions=COMPASS,
        subject=material.picture.subject,
    )


def _duplicates(material: Material) -> Figure | None:
    layers = [] if material.network is None else anatomy.hidden_layers(material.network)
    return duplicates_figure(layers) if layers else None


def _equivariance(material: Material) -> Figure | None:
    if material.network is None or material.picture is None:
        return None
    network, images_NCHW = material.network, material.picture.images_NCHW
    if not anatomy.stages_of(network, images_NCHW):
        return None
    shifts = shift_steps(images_NCHW.shape[3])
    return equivariance_figure(
        shifting.show_shift(network, images_NCHW, picture_HWC=material.picture.pixels_HWC),
        shifts=shifts,
        stages=shifting.measure_stages(network, images_NCHW, shifts=shifts),
        answer_changes=shifting.answer_changes(network, images_NCHW, shifts=shifts),
    )


def shift_steps(width: int) -> list[int]:
    """Choose shifts for pictures of `width` pixels: steps of 1, 2, 4 ... pixels, so that strides are among them."""
    step = 1 << max(0, (width // 32).bit_length() - 1)
    return list(range(0, min(_MOST_SHIFTS * step, width // 2) + 1, step))


KINDS: Final[dict[str, Kind]] = {
    "curves": Kind(
        "Loss, error and learning rate over the epochs; the best epoch is the one that was exported.", _curves
    ),
    "confusion": Kind("Which class is taken for which on the test pictures.", _confusion),
    "filters": Kind("The filters of the first layer: green is positive, red negative.", _filters),
    "class-weights": Kind(
        "What the logistic regression learned: pixels for (green) and against each class.", _class_weights
    ),
    "feature-maps": Kind("What the network makes of one picture, stage by stage.", _feature_maps),
    "edges": Kind("Edges of the same picture by Kirsch's eight filters, which nobody trained.", _edges),
    "duplicates": Kind("How close the nearest twin of every hidden unit is, beside random weights.", _duplicates),
    "equivariance": Kind("A shifted picture gives shifted maps, measured for every stage.", _equivariance),
}
