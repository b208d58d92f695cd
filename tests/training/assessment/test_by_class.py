"""`training.assessment.by_class`: each class by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.assessment.by_class import class_scores
from training.publication.scores import error_with_interval

COUNTS = np.array([[8, 2, 0, 0], [1, 5, 4, 0], [0, 0, 0, 0], [0, 0, 0, 3]])
LABELS = ("ant", "bee", "cow", "dog")


def test_error_of_a_class_is_that_of_its_own_pictures() -> None:
    """Two of ten ants are wrong, whatever is wrong elsewhere, with Wilson's interval."""
    ant = class_scores(COUNTS, LABELS)[0]
    assert (ant.label, ant.n, ant.wrong) == ("ant", 10, 2)
    assert ant.error == pytest.approx(0.2)
    assert ant.interval == error_with_interval(2, 10)[1]


def test_most_confused_class_leaves_the_right_one_out() -> None:
    """Bees are mostly right, and of the wrong ones four are taken for cows."""
    bee = class_scores(COUNTS, LABELS)[1]
    assert (bee.confused_with, bee.confused) == ("cow", 4)


def test_class_without_pictures_has_no_error() -> None:
    """Nothing is known about cows but that four guesses of it were wrong."""
    cow = class_scores(COUNTS, LABELS)[2]
    assert (cow.n, cow.error, cow.interval, cow.confused_with, cow.precision) == (0, None, None, None, 0.0)


def test_class_without_mistakes_is_confused_with_nothing() -> None:
    """Dogs are all right, and every guess of a dog is one."""
    dog = class_scores(COUNTS, LABELS)[3]
    assert (dog.wrong, dog.confused_with, dog.confused, dog.precision) == (0, None, 0, 1.0)
