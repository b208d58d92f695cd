"""`training.publication.golden`: one certain, correct picture of each class, byte for byte, with what it must give."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from service.artifact import Output
from tests.model_folders import color_input, color_network, picture
from training.data import Example
from training.publication.evaluation import Predictions, load_session, predict
from training.publication.golden import TOLERANCE, choose_foreign_samples, choose_samples, file_stem, golden_sample

OUTPUT = Output(tensor="probabilities", holds="probabilities")


def _predictions(rows: list[tuple[int, float, float]]) -> Predictions:
    """Make predictions of two classes from (true class, probability of class 0, probability of class 1)."""
    values = np.array([row[1:] for row in rows], dtype=np.float32)
    return Predictions(values, np.array([row[0] for row in rows]), np.zeros(len(rows)))


def _chosen(rows: list[tuple[int, float, float]]) -> list[tuple[str, str]]:
    examples = [Example(picture("red"), row[0], f"{number}") for number, row in enumerate(rows)]
    samples = choose_samples(examples, _predictions(rows), labels=["Ankle boot", "T-shirt/top"])
    return [(sample.example.origin, sample.file) for sample in samples]


def test_first_correct_and_certain_picture_of_each_class_is_chosen() -> None:
    """Wrong ones and uncertain ones are passed over, and later ones are not looked at."""
    rows = [(0, 0.1, 0.9), (0, 0.6, 0.4), (0, 0.97, 0.03), (1, 0.02, 0.98), (0, 0.99, 0.01)]
    assert _chosen(rows) == [("2", "samples/ankle-boot.png"), ("3", "samples/t-shirt-top.png")]


def test_class_without_certainty_gives_its_surest_correct_picture() -> None:
    """A weak network still gets samples."""
    assert _chosen([(0, 0.6, 0.4), (0, 0.7, 0.3), (0, 0.2, 0.8), (1, 0.45, 0.55)]) == [
        ("1", "samples/ankle-boot.png"),
        ("3", "samples/t-shirt-top.png"),
    ]


def test_class_that_is_never_right_gives_no_sample() -> None:
    """A golden sample is never a picture that the model gets wrong."""
    assert _chosen([(0, 0.9, 0.1), (1, 0.9, 0.1)]) == [("0", "samples/ankle-boot.png")]


def test_pictures_of_another_set_are_chosen_by_the_surest_of_each_answer() -> None:
    """What they show is none of the classes, so every answer the model gives brings its surest picture."""
    rows = [(0, 0.8, 0.2), (1, 0.9, 0.1), (0, 0.3, 0.7), (0, 0.05, 0.95)]
    examples = [Example(picture("red"), row[0], f"{number}") for number, row in enumerate(rows)]
    samples = choose_foreign_samples(examples, _predictions(rows), names=["Sock", "Hat"])
    assert [(sample.example.origin, sample.file) for sample in samples] == [
        ("3", "samples/sock.png"),
        ("1", "samples/hat.png"),
    ]


def test_foreign_pictures_of_one_kind_get_numbers() -> None:
    """Two socks are two files."""
    rows = [(0, 0.8, 0.2), (0, 0.1, 0.9)]
    examples = [Example(picture("red"), row[0], f"{number}") for number, row in enumerate(rows)]
    samples = choose_foreign_samples(examples, _predictions(rows), names=["Sock"])
    assert [sample.file for sample in samples] == ["samples/sock.png", "samples/sock-2.png"]


def test_sample_pins_bytes_and_probabilities() -> None:
    """The hash is of the file as it is, and the numbers are those of the picture on its own."""
    example = Example(picture("red"), 0, "red.png")
    session = load_session(color_network(), spec=color_input(), output=OUTPUT)
    predictions = predict(session, [example], spec=color_input(), output=OUTPUT)
    (sample,) = choose_samples([example], predictions, labels=["red"])
    golden = golden_sample(sample, session=session, spec=color_input(), output=OUTPUT, precision="fp32")
    assert golden.sha256 == hashlib.sha256(example.encoded).hexdigest()
    assert golden.probabilities["fp32"] == pytest.approx(predictions.probabilities_NK[0], abs=1e-7)
    assert golden.tolerance == TOLERANCE


@pytest.mark.parametrize(
    ("label", "stem"),
    [("Ankle boot", "ankle-boot"), ("T-shirt/top", "t-shirt-top"), ("café  Ω", "cafe"), ("..", "class-5ec1f7e7")],
)
def test_class_names_become_plain_file_names(label: str, stem: str) -> None:
    """Whatever a class is called, its file can be typed and lies inside the folder."""
    assert file_stem(label) == stem


def test_file_keeps_the_ending_of_its_format() -> None:
    """A JPEG is not called PNG."""
    examples = [Example(picture("red", format="JPEG"), 0, "x")]
    (sample,) = choose_samples(examples, _predictions([(0, 0.99, 0.01)]), labels=["a", "b"])
    assert sample.file == "samples/a.jpg"
