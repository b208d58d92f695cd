"""The model that answers on this machine is the one that a service would answer with."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from service.client.offline import Offline, load_offline
from service.errors import (
    ArtifactError,
    BadImageError,
    ConfigurationError,
    InvalidParameterError,
    UnknownModelError,
    UnknownVersionError,
)
from service.settings import Settings
from tests.model_folders import color_network, picture, write_model
from tests.picture_files import encoded, texture

PHOTOGRAPH = encoded(texture(1200, 900), "JPEG")


def load(
    models_dir: Path, *, name: str | None = None, version: int | None = None, k: int = 1, default: str = ""
) -> Offline:
    """Load with two threads."""
    settings = Settings(models_dir=models_dir, default_model=default)
    return load_offline(settings, name=name, version=version, threads=2, k=k, decoding=None)


def test_picture_is_classified_with_as_many_classes_as_wanted(tmp_path: Path) -> None:
    """Most probable first, with the model that answered."""
    write_model(tmp_path)
    answer = load(tmp_path, k=2).classify(picture("blue"))
    assert (answer.model, answer.version, answer.precision) == ("colors", 1, "fp32")
    assert [(guess.label, guess.index) for guess in answer.guesses] == [("blue", 2), ("red", 0)]
    assert answer.guesses[0].probability == pytest.approx(1, abs=1e-3)


def test_model_is_chosen_as_a_service_chooses_it(tmp_path: Path) -> None:
    """By its name, else the setting, else cifar10, else the only one; newest version first."""
    write_model(tmp_path, name="pets", version=1)
    assert load(tmp_path).model.manifest.name == "pets"
    write_model(tmp_path, name="cifar10", version=2)
    write_model(tmp_path, name="cifar10", version=10)
    assert (load(tmp_path).model.manifest.name, load(tmp_path).model.manifest.version) == ("cifar10", 10)
    assert load(tmp_path, default="pets").model.manifest.name == "pets"
    assert load(tmp_path, name="cifar10", version=2).model.manifest.version == 2


def test_refused_version_leaves_the_one_before_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And says so; one that was asked for by its number is not replaced."""
    write_model(tmp_path, version=1)
    write_model(tmp_path, version=2)
    (tmp_path / "colors/2/model.onnx").write_bytes(color_network(sharpness=9))
    with caplog.at_level(logging.WARNING):
        assert load(tmp_path).model.manifest.version == 1
    assert "colors/2 is refused" in caplog.text
    with pytest.raises(ArtifactError):
        load(tmp_path, version=2)


def test_what_is_not_there_is_said_with_what_is(tmp_path: Path) -> None:
    """Models, versions, classes."""
    write_model(tmp_path, name="first")
    write_model(tmp_path, name="second")
    with pytest.raises(ConfigurationError, match=r"--model\. Known models: first, second"):
        load(tmp_path)
    with pytest.raises(UnknownModelError, match="first, second"):
        load(tmp_path, name="third")
    with pytest.raises(UnknownVersionError, match="known versions: 1"):
        load(tmp_path, name="first", version=7)
    with pytest.raises(InvalidParameterError, match="from 1 to 3"):
        load(tmp_path, name="first", k=4)


def test_decoding_is_the_models_own_unless_chosen(tmp_path: Path) -> None:
    """A large photograph is scaled down on its way where the manifest allows it, which changes a digit far behind."""
    write_model(tmp_path)
    offline = load(tmp_path)
    shares = [
        replace(offline, decoding=decoding).classify(PHOTOGRAPH).guesses[0].probability
        for decoding in (None, "fast", "exact")
    ]
    assert shares[0] == shares[1] != shares[2]
    assert shares[0] == pytest.approx(shares[2], abs=0.01)


def test_picture_that_cannot_be_read_gives_its_core_back(tmp_path: Path) -> None:
    """After more failures than cores, the next picture is classified."""
    write_model(tmp_path)
    offline = load(tmp_path)
    for _ in range(5):
        with pytest.raises(BadImageError):
            offline.classify(picture("red")[:40])
    answers = []
    thread = threading.Thread(target=lambda: answers.append(offline.classify(picture("red"))), daemon=True)
    thread.start()
    thread.join(60)
    assert answers
