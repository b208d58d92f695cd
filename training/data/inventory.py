"""What is in a data set: every picture looked at once, before anything is decided about training.

Counts and names; what it means in words stands in `inventory_page.py`. Two pictures are the same here where they have
the same pixels at their own size.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from service.engine.preprocessing import decode
from service.errors import InputError
from training.data import DataSet, Examples
from training.data.decoding import Problem, problem_text
from training.data.preprocessing import MAX_PIXELS
from training.data.streaming import in_order
from training.data.twins import Keyed, Twins, find_twins
from training.errors import DataError

_GREY_MODES = {"1", "L", "LA", "I;16"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture as its file stores it.

    Args:
        width: In pixels.
        height: In pixels.
        mode: Colours, in Pillow's words: L is grey, P has a palette.
        format: Of the file.
        key: Equal for equal pixels.

    """

    width: int
    height: int
    mode: str
    format: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What was found.

    Args:
        dataset: Where.
        sizes: How many pictures have this width and height.
        modes: How many pictures have these colours.
        formats: How many files are of this format.
        problems: One sentence for each picture that cannot be used, by split.
        twins: Identical pictures across splits.

    """

    dataset: DataSet
    sizes: Counter[tuple[int, int]]
    modes: Counter[str]
    formats: Counter[str]
    problems: dict[str, tuple[str, ...]]
    twins: Twins

    @property
    def all_grey(self) -> bool:
        """No picture has colours."""
        return set(self.modes) <= _GREY_MODES


def take_inventory(dataset: DataSet, *, workers: int) -> Inventory:
    """Look at every picture of every split.

    Args:
        dataset: Opened and listed.
        workers: Processes that decode.

    """
    sizes: Counter[tuple[int, int]] = Counter()
    modes: Counter[str] = Counter()
    formats: Counter[str] = Counter()
    problems, keyed = {}, {}
    for split, examples in dataset.pictures.items():
        found = _looked_at(examples, workers=workers)
        seen = {position: entry for position, entry in enumerate(found) if isinstance(entry, Seen)}
        problems[split] = tuple(entry.text for entry in found if isinstance(entry, Problem))
        sizes.update((entry.width, entry.height) for entry in seen.values())
        modes.update(entry.mode for entry in seen.values())
        formats.update(entry.format for entry in seen.values())
        usable = [position in seen for position in range(len(examples))]
        keyed[split] = Keyed.of(examples.where(usable), [entry.key for entry in seen.values()])
    nothing = Keyed([], [], str)
    twins = find_twins(*(keyed.get(split, nothing) for split in ("train", "validation", "test")))
    return Inventory(dataset=dataset, sizes=sizes, modes=modes, formats=formats, problems=problems, twins=twins)


@dataclass(frozen=True, slots=True)
class _Inspector:
    """Looks at pictures of a list; it can be sent to another process."""

    examples: Examples

    def look(self, positions: Sequence[int]) -> list[Seen | Problem]:
        return [self._look(position) for position in positions]

    def _look(self, position: int) -> Seen | Problem:
        try:
            example = self.examples[position]
            picture = decode(example.encoded, max_pixels=MAX_PIXELS)
        except DataError as error:
            return Problem(position, str(error))
        except InputError as error:
            return Problem(position, problem_text(self.examples.origin(position), error))
        image = picture.image
        digest = hashlib.blake2b(f"{image.mode} {image.size}".encode(), digest_size=16)
        digest.update(image.tobytes())
        return Seen(picture.width, picture.height, image.mode, picture.format, digest.digest())


def _looked_at(examples: Examples, *, workers: int) -> list[Seen | Problem]:
    portions = in_order(_Inspector(examples).look, count=len(examples), workers=workers)
    return [entry for portion in portions for entry in portion]
