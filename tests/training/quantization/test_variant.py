"""`training.quantization.variant`: a file joins a model folder, and the real service serves it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from service.app import create_app
from service.artifact import MANIFEST_NAME, Manifest
from service.settings import Settings
from tests.training.data_sets import LABELS
from tests.training.quantization.small_network import model_files
from training.data import Example
from training.errors import PublicationError
from training.publication.publish import Files, publish, verify
from training.quantization import Quantized, with_variant
from training.quantization.variant import TOLERANCE

_MOST_POLLS = 10_000


@pytest.fixture(scope="module")
def files(network: bytes, evaluation: list[Example]) -> Files:
    """A model folder with float32 alone and three golden samples."""
    return model_files(network, golden=evaluation[:3])


def _manifest(files: Files) -> Manifest:
    return TypeAdapter(Manifest).validate_json(files[MANIFEST_NAME])


def test_file_stands_in_the_manifest_behind_float32(files: Files, int8: Quantized) -> None:
    """With its size and its own measured errors; what is there already stays as it was."""
    extended = with_variant(files, int8)
    before, after = _manifest(files), _manifest(extended)
    assert [variant.precision for variant in after.variants] == ["fp32", "int8"]
    assert after.variants[0] == before.variants[0]
    added = after.variants[1]
    assert (added.file, added.bytes) == ("model.int8.onnx", len(extended["model.int8.onnx"]))
    assert (added.top1_error, added.evaluated) == (int8.report.comparison.error_after, int8.report.comparison.n)
    assert {name: extended[name] for name in files if name not in {MANIFEST_NAME, "README.md"}} == {
        name: data for name, data in files.items() if name not in {MANIFEST_NAME, "README.md"}
    }


def test_golden_samples_hold_the_answers_of_both_files(files: Files, int8: Quantized) -> None:
    """Float32's stay, and the tolerance has room for the wider of the two."""
    before, after = _manifest(files), _manifest(with_variant(files, int8))
    for old, new in zip(before.golden, after.golden, strict=True):
        assert new.probabilities["fp32"] == old.probabilities["fp32"]
        assert sum(new.probabilities["int8"]) == pytest.approx(1, abs=1e-5)
        assert new.probabilities["int8"] != new.probabilities["fp32"]
        assert new.tolerance == TOLERANCE["int8"] > old.tolerance


def test_second_time_replaces_the_file(files: Files, int8: Quantized) -> None:
    """One file for each precision, one section of the card."""
    once = with_variant(files, int8)
    assert with_variant(once, int8) == once


def test_model_without_a_card_gets_one(files: Files, int8: Quantized) -> None:
    """Models from elsewhere need none."""
    without = {name: data for name, data in files.items() if name != "README.md"}
    card = with_variant(without, int8)["README.md"].decode()
    assert card.startswith("# shapes\n\n## In whole numbers: int8\n")


def test_refused_file_is_not_added(files: Files, refused: Quantized) -> None:
    """There is none."""
    with pytest.raises(PublicationError, match="int8 file was refused"):
        with_variant(files, refused)


def test_service_verifies_and_serves_int8(
    tmp_path: Path, files: Files, int8: Quantized, evaluation: list[Example]
) -> None:
    """The real service, set to int8, classifies with that file; a request for another precision is refused."""
    folder = publish(tmp_path, name="shapes", files_of=lambda _: with_variant(files, int8))
    assert verify(folder).variant("int8") is not None
    settings = Settings.model_validate({"models_dir": tmp_path, "threads": 1, "precision": "int8"})
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        for _ in range(_MOST_POLLS):
            if client.get("/models").json()["models"][0]["state"] != "loading":
                break
        for example in evaluation[:6]:
            answer = client.post("/predict?precision=int8", content=example.encoded)
            assert answer.status_code == 200, answer.text
            assert answer.json()["model"] == {"name": "shapes", "version": 1, "precision": "int8"}
            assert answer.json()["predictions"][0]["label"] == LABELS[example.label]
        assert client.post("/predict?precision=fp32", content=evaluation[0].encoded).status_code == 422


def test_file_that_was_changed_afterwards_is_not_served(tmp_path: Path, files: Files, int8: Quantized) -> None:
    """The hash in the manifest is that of the file."""
    extended = with_variant(files, int8)
    changed = extended["model.int8.onnx"][:-1] + b"\0"
    with pytest.raises(PublicationError, match="nothing was published"):
        publish(tmp_path, name="shapes", files_of=lambda _: {**extended, "model.int8.onnx": changed})
