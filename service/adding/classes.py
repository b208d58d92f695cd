"""The names of a network's classes: from the file that was told, else from the network's own notes, else numbered."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from service.adding.labels import labels_in, read_labels
from service.adding.signature import Signature
from service.adding.told import Notes, Told
from service.errors import ArtifactError, InvalidParameterError

_BACKGROUND: Final = frozenset({"background", "__background__", "dummy", "none"})


def labels_of(classes: int, *, signature: Signature, told: Told, notes: Notes) -> tuple[str, ...]:
    """Name the classes in the order of the outputs.

    Args:
        classes: How many the network tells apart.
        signature: What the file declares.
        told: What the flags say.
        notes: Where defaults are written.

    Raises:
        ArtifactError: The file of names is unreadable, or has another number of names.

    """
    if told.labels is not None:
        return _told_labels(told.labels, classes, told)
    if told.background_class is not None:
        expected = "given together with --labels, before whose names it stands"
        raise InvalidParameterError("--background-class", value=told.background_class, expected=expected)
    noted = labels_in(signature.metadata)
    if noted is not None and len(noted) == classes:
        notes.find(f"labels: {classes} names from the file's own metadata, {_some(noted)}")
        return noted
    if noted is not None:
        notes.find(f"the file's own metadata names {len(noted)} classes, and the network tells {classes} apart")
    labels = tuple(f"class_{index}" for index in range(classes))
    notes.assume(f"labels {_some(labels)}", "--labels FILE")
    return labels


def _told_labels(path: Path, classes: int, told: Told) -> tuple[str, ...]:
    labels = read_labels(path, numbered=told.number_labels)
    if told.background_class is not None:
        if told.background_class in labels:
            raise ArtifactError(path, reason=f"names {told.background_class!r} already; leave --background-class out")
        labels = (told.background_class, *labels)
    if len(labels) != classes:
        raise ArtifactError(path, reason=_mismatch(labels, classes))
    return labels


def _mismatch(labels: tuple[str, ...], classes: int) -> str:
    """Explain a list of the wrong length; the class too many is often the background."""
    said = f"names {len(labels)} classes ({_some(labels)}), and the network tells {classes} apart"
    if classes == len(labels) + 1:
        return (
            f"{said}; if its first class is the background, as often in TensorFlow, add --background-class background"
        )
    if classes == len(labels) - 1 and labels[0].lower() in _BACKGROUND:
        return f"{said}; leave out the first name, {labels[0]!r}"
    return said


def _some(labels: tuple[str, ...]) -> str:
    return ", ".join(labels) if len(labels) <= 3 else f"{labels[0]}, {labels[1]} ... {labels[-1]}"
