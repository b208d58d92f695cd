"""Pictures that occur twice: across splits they flatter a score, with two labels they teach nonsense.

Two pictures are the same where they have the same pixels at the size of the network's input. Knows keys and where
pictures lie, not the pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.data import Examples

_SHOWN = 3

Place = tuple["Keyed", int]  # a split and a position in it


@dataclass(frozen=True, slots=True)
class Twins:
    """How many pictures of a later split stand, pixel for pixel, in an earlier one too.

    Args:
        validation_in_training: Validation pictures that training shows as well.
        test_in_training: Test pictures that training or validation shows as well.
        contradictory: Pictures, of all splits, that another one of other class equals.
        named: The first few of each, as sentences.

    """

    validation_in_training: int
    test_in_training: int
    contradictory: int = 0
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keyed:
    """The pictures of a split by their pixels.

    Args:
        keys: One for each picture; equal pictures have equal keys.
        labels: Class of each.
        origin: Says where a picture lies, by its position.

    """

    keys: Sequence[bytes]
    labels: Sequence[int]
    origin: Callable[[int], str]

    @classmethod
    def of(cls, examples: Examples, keys: Sequence[bytes]) -> Keyed:
        """Take labels and origins from the list of the pictures."""
        return cls(keys, examples.labels_N.tolist(), examples.origin)


def find_twins(training: Keyed, validation: Keyed, test: Keyed) -> Twins:
    """Find identical pictures across splits, and identical ones of several classes anywhere."""
    first: dict[bytes, Place] = {}
    _note(first, training)
    of_validation = _pairs(first, validation)
    _note(first, validation)
    of_test = _pairs(first, test)
    _note(first, test)
    contradictory = _contradictions((training, validation, test))
    return Twins(
        validation_in_training=len(of_validation),
        test_in_training=len(of_test),
        contradictory=len(contradictory),
        named=(
            *_named("Identical in training and validation", of_validation),
            *_named("Identical in test and an earlier split", of_test),
            *_named("Identical, of different classes", contradictory),
        ),
    )


def _note(first: dict[bytes, Place], split: Keyed) -> None:
    for position, key in enumerate(split.keys):
        first.setdefault(key, (split, position))


def _pairs(first: dict[bytes, Place], later: Keyed) -> list[tuple[Place, Place]]:
    """Pair the pictures of a split with the earlier ones they equal."""
    return [((later, position), first[key]) for position, key in enumerate(later.keys) if key in first]


def _contradictions(splits: Sequence[Keyed]) -> list[tuple[Place, Place]]:
    """Pair each picture that has a twin of other class with one such twin."""
    places = [(split, position) for split in splits for position in range(len(split.keys))]
    by_key: dict[bytes, dict[int, Place]] = {}
    for split, position in places:
        by_key.setdefault(split.keys[position], {}).setdefault(split.labels[position], (split, position))
    pairs = []
    for split, position in places:
        others = [place for label, place in by_key[split.keys[position]].items() if label != split.labels[position]]
        pairs += [((split, position), other) for other in others[:1]]
    return pairs


def _named(heading: str, pairs: Sequence[tuple[Place, Place]]) -> tuple[str, ...]:
    if not pairs:
        return ()
    shown = "; ".join(" = ".join(split.origin(position) for split, position in pair) for pair in pairs[:_SHOWN])
    more = f"; and {len(pairs) - _SHOWN:,} more" if len(pairs) > _SHOWN else ""
    return (f"{heading}: {shown}{more}.",)
