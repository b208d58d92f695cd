"""Data sets that go by a short name, with what a model card must say about them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownSet:
    """A data set that goes by a short name.

    Args:
        title: As its authors write it.
        hub: Its name on the Hugging Face Hub; None where the Hub has no copy that can be read as it is.
        license: Of the pictures, as the card names it.
        free: The licence lets pictures travel with a model.
        home: Where its authors explain and offer it.

    """

    title: str
    hub: str | None
    license: str
    free: bool
    home: str


KNOWN_SETS = {
    "fashion-mnist": KnownSet(
        "Fashion-MNIST",
        "zalando-datasets/fashion_mnist",
        "MIT",
        free=True,
        home="https://github.com/zalandoresearch/fashion-mnist",
    ),
    "cifar10": KnownSet(
        "CIFAR-10", "uoft-cs/cifar10", "none stated", free=False, home="https://www.cs.toronto.edu/~kriz/cifar.html"
    ),
    "clothing": KnownSet(
        "Clothing dataset (small)",
        None,
        "CC0 1.0",
        free=True,
        home="https://github.com/alexeygrigorev/clothing-dataset-small",
    ),
    "imagenette": KnownSet(
        "Imagenette",
        None,
        "ImageNet terms, research only",
        free=False,
        home="https://github.com/fastai/imagenette",
    ),
}
