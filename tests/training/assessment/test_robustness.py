"""`training.assessment.robustness`: the same sample under every change, told apart from the unchanged one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.artifact import Output
from tests.model_folders import color_input, color_network, picture
from tests.networks import network, node
from tests.picture_files import Pixels, encoded
from tests.training.assessment.conftest import Colors
from training.assessment.perturbations import PERTURBATIONS, Perturbation
from training.assessment.robustness import Robustness, draw_sample, measure_robustness
from training.data import Example
from training.publication.evaluation import load_session
from training.publication.scores import error_with_interval

OUTPUT = Output(tensor="probabilities", holds="probabilities")


def _turn_colors(pixels_HWC: Pixels, share: float, _chance: np.random.Generator) -> Pixels:
    """Exchange the channels of all pictures, or of those that are bright."""
    return np.roll(pixels_HWC, 1, axis=2) if pixels_HWC.max() > 255 * share else pixels_HWC


TURN = Perturbation("turn", "channels exchanged", (0.9, 0.0), ("bright ones", "all"), _turn_colors)


def _measured(colors: Colors, *, perturbations: tuple[Perturbation, ...] = (TURN,), seed: int = 0) -> Robustness:
    sample = colors.pictures.select(range(7))
    manifest = colors.model.manifest
    return measure_robustness(
        colors.model.load(),
        sample,
        spec=manifest.input,
        output=manifest.output,
        of=7,
        seed=seed,
        perturbations=perturbations,
    )


def test_errors_are_those_of_the_changed_pictures(colors: Colors) -> None:
    """One of seven is wrong unchanged; with channels exchanged green turns blue, so that picture alone is right."""
    found = _measured(colors)
    assert (found.error, found.interval) == error_with_interval(1, 7)
    bright, everything = found.outcomes
    assert (bright.wrong, everything.wrong) == (4, 6)
    assert everything.interval == error_with_interval(6, 7)[1]
    assert (bright.changed_guess, everything.changed_guess) == pytest.approx((3 / 7, 1.0))


def test_every_published_change_is_measured_and_repeats_exactly(colors: Colors) -> None:
    """All kinds and strengths; the same seed gives the same figures."""
    first, again = (_measured(colors, perturbations=PERTURBATIONS, seed=5) for _ in range(2))
    assert first == again
    assert len(first.outcomes) == sum(len(kind.strengths) for kind in PERTURBATIONS)
    assert first.left_out == ()


def test_chance_of_a_picture_does_not_depend_on_the_others() -> None:
    """A smaller sample shows the same pictures the same noise: results of several samples can be compared."""
    seen: list[Pixels] = []

    def record(pixels_HWC: Pixels, _strength: float, chance: np.random.Generator) -> Pixels:
        seen.append(np.rint(pixels_HWC * chance.uniform()).astype(np.uint8))
        return pixels_HWC

    kind = Perturbation("record", "", (1.0,), ("",), record)
    examples = {number: Example(picture("red"), 0, "") for number in (3, 8, 9)}
    spec = color_input()
    session = load_session(color_network(), spec=spec, output=OUTPUT)
    for sample in (examples, {8: examples[8]}):
        measure_robustness(session, sample, spec=spec, output=OUTPUT, of=10, seed=1, perturbations=[kind])
    assert np.array_equal(seen[1], seen[3])
    assert not np.array_equal(seen[0], seen[1])


def test_grey_is_left_out_where_the_model_sees_no_colour() -> None:
    """And the report says why."""
    spec = color_input()
    steps = replace(spec.preprocessing, color_mode="L", mean=(0.0,), std=(1.0,))
    spec = replace(spec, channels=1, preprocessing=steps)
    onnx_file = network(
        [node("GlobalAveragePool", ["input"], ["mean"]), node("Flatten", ["mean"], ["probability"])],
        inputs={"input": ("n", 1, 8, 8)},
        outputs={"probability": ("n", 1)},
    )
    output = Output(tensor="probability", holds="sigmoid")
    session = load_session(onnx_file, spec=spec, output=output)
    sample = {0: Example(encoded(np.full((8, 8), 200, np.uint8)), 1, "bright.png")}
    greys = [kind for kind in PERTURBATIONS if kind.name in {"grey", "noise"}]
    found = measure_robustness(session, sample, spec=spec, output=output, of=1, seed=0, perturbations=greys)
    assert {outcome.change for outcome in found.outcomes} == {"noise"}
    assert found.left_out == ("grey: this model sees no colours",)


def test_sample_is_drawn_by_seed_without_repetition() -> None:
    """As many as asked for, all where there are fewer, others with another seed."""
    drawn = draw_sample(1000, count=50, seed=1)
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 50
    assert drawn == draw_sample(1000, count=50, seed=1)
    assert drawn != draw_sample(1000, count=50, seed=2)
    assert draw_sample(7, count=50, seed=1) == list(range(7))
    assert draw_sample(7, count=0, seed=1) == []
