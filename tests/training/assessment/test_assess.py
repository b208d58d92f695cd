"""`training.assessment` as a whole: a small published model assessed, written down, read back and told in words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from tests.training.assessment.conftest import Colors
from training.assessment.assess import Assessed, Options, assess
from training.assessment.document import document, summary
from training.assessment.drawing import evaluation_figures
from training.assessment.files import default_folder, write_assessment
from training.assessment.record import Assessment, as_json
from training.errors import TrainingError

_READ = TypeAdapter(Assessment)


@pytest.fixture
def assessed(colors: Colors) -> Assessed:
    """Assess the small model on all there is."""
    return assess(colors.model, colors.pictures, options=Options(robustness_pictures=5, seed=1))


def test_assessment_holds_what_can_be_worked_out_by_hand(assessed: Assessed) -> None:
    """Seven pictures, the last one green and called blue."""
    found = assessed.assessment
    assert (found.evaluation.n, found.wrong) == (7, 1)
    assert found.evaluation.top1_error == pytest.approx(1 / 7)
    assert found.confusion == ((2, 0, 0), (0, 2, 0), (0, 1, 2))
    assert [score.wrong for score in found.classes] == [0, 0, 1]
    (mistake,) = found.mistakes
    assert (mistake.number, mistake.true, mistake.predicted) == (6, "blue", "green")
    assert found.robustness is not None
    assert (found.robustness.pictures, found.robustness.of) == (5, 7)
    assert found.latency.n == 7
    assert found.latency.total.median_ms > 0


def test_mistaken_pictures_are_those_of_the_mistakes(assessed: Assessed) -> None:
    """The sheet shows the dark green one, as a person sees it."""
    (pixels_HWC,) = assessed.mistaken
    assert np.array_equal(pixels_HWC, np.full((12, 20, 3), (0, 64, 0), np.uint8))


def test_robustness_can_be_left_out(colors: Colors) -> None:
    """No sample, no section, no figure."""
    found = assess(colors.model, colors.pictures, options=Options(robustness_pictures=0))
    assert found.assessment.robustness is None
    assert "robustness.png" not in evaluation_figures(found)
    assert "not as they should be" not in document(found.assessment)


def test_json_is_read_back_to_an_equal_assessment(assessed: Assessed) -> None:
    """Programs get every figure."""
    assert _READ.validate_json(as_json(assessed.assessment)) == assessed.assessment


def test_document_tells_the_figures_of_the_record(assessed: Assessed) -> None:
    """Nothing in it is typed: error, interval, class, mistake, sample and time are those that were measured."""
    found = assessed.assessment
    text = document(found, figures=evaluation_figures(assessed))
    assert f"| top-1 error | {1 / 7:.2%} |" in text
    assert "| blue | 3 | 33.33% |" in text
    assert "| 6 | blue | green |" in text
    assert "Measured on 5 of the 7 pictures, drawn by seed 1" in text
    assert f"{found.latency.total.median_ms:.3f}" in text
    assert "With at most five classes" in text
    images = re.findall(r"\]\((\S+\.png)\)", text)
    assert sorted(images) == sorted(evaluation_figures(assessed))


def test_document_breaks_no_table_over_a_name(assessed: Assessed) -> None:
    """A class called a|b stays in its cell."""
    first = replace(assessed.assessment.classes[0], label="a|b\nc")
    text = document(replace(assessed.assessment, classes=(first, *assessed.assessment.classes[1:])))
    assert "| a\\|b c |" in text


def test_document_of_many_classes_shows_the_hardest(assessed: Assessed) -> None:
    """A thousand lines would be read by nobody; the JSON has them."""
    score = assessed.assessment.classes[2]
    many = tuple(replace(score, label=f"class {number}", error=number / 100) for number in range(90))
    text = document(replace(assessed.assessment, classes=many))
    assert "The 40 hardest of 90" in text
    assert "| class 89 |" in text
    assert "| class 49 |" not in text


def test_published_error_is_compared_on_the_same_pictures_only(assessed: Assessed) -> None:
    """Another data set's figure would say nothing; a different one on the same pictures is pointed out."""
    found = assessed.assessment
    subject = replace(found.subject, published_top1_error=1 / 7, published_on="colors test")
    assert "the same as what was found" in document(replace(found, subject=subject))
    other = replace(subject, published_top1_error=0.5)
    assert "not the same as what was found" in document(replace(found, subject=other))
    elsewhere = replace(subject, published_on="other test")
    assert "The manifest says" not in document(replace(found, subject=elsewhere))


def test_model_without_mistakes_says_so(colors: Colors, assessed: Assessed) -> None:
    """No sheet is drawn of nothing."""
    found = Assessed(replace(assessed.assessment, mistakes=()), ())
    assert "Not one picture is taken for another class" in document(found.assessment)
    assert "mistakes.png" not in evaluation_figures(found)
    assert colors.model.manifest.name in summary(found.assessment)


def test_report_is_complete_where_its_json_stands(assessed: Assessed, tmp_path: Path) -> None:
    """Figures and words are written before it, and a second report replaces the first."""
    folder = tmp_path / "report"
    for _ in range(2):
        written = write_assessment(folder, assessed)
        assert written[-1].name == "report.json"
        assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in written)
    assert _READ.validate_json((folder / "report.json").read_bytes()) == assessed.assessment


def test_folder_that_cannot_be_written_is_refused_in_words(assessed: Assessed, tmp_path: Path) -> None:
    """A file in the way is named."""
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(TrainingError, match=r"report cannot be written"):
        write_assessment(tmp_path / "report", assessed)


def test_variants_have_folders_of_their_own(assessed: Assessed) -> None:
    """The report of the int8 file does not replace that of the fp32 file."""
    subject = assessed.assessment.subject
    assert default_folder(subject, runs_dir=Path("runs")) == Path("runs/evaluation/colors-1")
    int8 = replace(subject, precision="int8")
    assert default_folder(int8, runs_dir=Path("runs")) == Path("runs/evaluation/colors-1-int8")
