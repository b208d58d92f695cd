"""An inventory in words for people, and as plain values for programs; with what it suggests for a recipe."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.inventory import Inventory

_SIDES = (28, 32, 48, 64, 96, 128, 160, 192, 224)  # beyond 224 the classic networks gain little and cost a lot
_CLASSES_SHOWN = 40
_PROBLEMS_SHOWN = 10
_UNBALANCED = 3  # so many times the pictures of another class


def in_words(inventory: Inventory) -> str:
    """Write the inventory as text for a terminal."""
    dataset = inventory.dataset
    lines = [f"{dataset.name}: {len(dataset.labels)} classes in {dataset.source}", *dataset.notes(), ""]
    lines += [*_class_table(inventory), ""]
    lines += [_sizes(inventory), f"Colours: {_counted(inventory.modes)}. Files: {_counted(inventory.formats)}."]
    lines += [_broken(inventory), *_twins(inventory), *_balance(inventory), "", "Suggested for a recipe:", ""]
    for table, values in suggested(inventory).items():
        lines += [
            f"[{table}]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()),
            "",
        ]
    return "\n".join(lines).rstrip()


def as_values(inventory: Inventory) -> dict[str, Any]:
    """Give the inventory as values that JSON knows."""
    dataset, twins = inventory.dataset, inventory.twins
    widths, heights = _sides(inventory)
    return {
        "name": dataset.name,
        "source": dataset.source,
        "labels": list(dataset.labels),
        "pictures": {split: examples.counts().tolist() for split, examples in dataset.pictures.items()},
        "notes": list(dataset.notes()),
        "width": _spread(widths),
        "height": _spread(heights),
        "modes": dict(inventory.modes),
        "formats": dict(inventory.formats),
        "broken": {split: list(texts) for split, texts in inventory.problems.items()},
        "identical": {
            "validation_in_training": twins.validation_in_training,
            "test_in_training": twins.test_in_training,
            "contradictory": twins.contradictory,
            "named": list(twins.named),
        },
        "suggested": suggested(inventory),
    }


def suggested(inventory: Inventory) -> dict[str, dict[str, Any]]:
    """Suggest recipe values: the largest usual side that half of the pictures have, grey only where all are grey."""
    widths, heights = _sides(inventory)
    shorter = np.minimum(widths, heights)
    median = float(np.median(shorter)) if len(shorter) else _SIDES[0]
    size = max((side for side in _SIDES if side <= median), default=_SIDES[0])
    data: dict[str, Any] = {"name": inventory.dataset.name}
    if any(inventory.problems.values()):
        data["broken"] = "skip"
    tables = {"data": data, "picture": {"size": size, "color_mode": "L" if inventory.all_grey else "RGB"}}
    return tables if _is_balanced(_counts(inventory)) else {**tables, "training": {"class_weights": "balanced"}}


def _class_table(inventory: Inventory) -> list[str]:
    dataset = inventory.dataset
    columns = {split: examples.counts().tolist() for split, examples in dataset.pictures.items()}
    shown = dataset.labels[:_CLASSES_SHOWN]
    width = max(len(label) for label in (*shown, "class"))
    lines = ["  ".join([f"{'class':{width}}", *(f"{split:>10}" for split in columns)])]
    for number, label in enumerate(shown):
        lines.append("  ".join([f"{label:{width}}", *(f"{counts[number]:>10,}" for counts in columns.values())]))
    if len(dataset.labels) > len(shown):
        lines.append(f"... and {len(dataset.labels) - len(shown)} more")
    return [*lines, "  ".join([f"{'all':{width}}", *(f"{sum(counts):>10,}" for counts in columns.values())])]


def _sizes(inventory: Inventory) -> str:
    if len(inventory.sizes) == 1:
        ((width, height),) = inventory.sizes
        return f"Sizes: all {width} x {height} pixels."
    widths, heights = (_spread(sides) for sides in _sides(inventory))
    if widths is None or heights is None:
        return "Sizes: no picture could be read."
    return (
        f"Sizes: {widths['least']} to {widths['most']} pixels wide (half of them up to {widths['median']}), "
        f"{heights['least']} to {heights['most']} high (half of them up to {heights['median']})."
    )


def _broken(inventory: Inventory) -> str:
    texts = [text for split in inventory.problems.values() for text in split]
    if not texts:
        return "Broken: none."
    more = [f"... and {len(texts) - _PROBLEMS_SHOWN:,} more"] if len(texts) > _PROBLEMS_SHOWN else []
    return "\n  ".join([f"Broken: {len(texts):,}", *texts[:_PROBLEMS_SHOWN], *more])


def _twins(inventory: Inventory) -> list[str]:
    twins = inventory.twins
    text = (
        f"Identical across splits: {twins.validation_in_training:,} of validation, {twins.test_in_training:,} of test; "
        f"with different classes: {twins.contradictory:,}."
    )
    return [text, *twins.named]


def _balance(inventory: Inventory) -> list[str]:
    names, counts_K = inventory.dataset.labels, _counts(inventory)
    if _is_balanced(counts_K):
        return []
    most, least = int(counts_K.argmax()), int(counts_K.argmin())
    return [f"Unbalanced: {counts_K[most]:,} pictures of {names[most]!r}, {counts_K[least]:,} of {names[least]!r}."]


def _counts(inventory: Inventory) -> NDArray[np.int64]:
    """Count the pictures of each class that train, or of the only split there is."""
    pictures = inventory.dataset.pictures
    return pictures.get("train", next(iter(pictures.values()))).counts()


def _is_balanced(counts_K: NDArray[np.int64]) -> bool:
    return bool(counts_K.max() < _UNBALANCED * counts_K.min())


def _sides(inventory: Inventory) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the widths and heights of all pictures that could be read."""
    sizes = np.array(list(inventory.sizes.elements()), dtype=np.int64).reshape(-1, 2)
    return sizes[:, 0], sizes[:, 1]


def _spread(sides: NDArray[np.int64]) -> dict[str, int] | None:
    if not len(sides):
        return None
    return {"least": int(sides.min()), "median": int(np.median(sides)), "most": int(sides.max())}


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common()) or "none"
