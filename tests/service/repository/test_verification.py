"""An operator verifies every version on disk before a deployment, one line each."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import ConfigurationError, UnknownModelError
from service.repository.verification import verify_models
from service.settings import Settings
from tests.model_folders import color_network, write_model


def verify(models_dir: Path, *, only: str | None = None) -> list[tuple[str, bool]]:
    """Verify all versions, or those of one model."""
    return list(verify_models(Settings(models_dir=models_dir), only=only))


def test_every_version_is_verified_and_not_only_the_newest(tmp_path: Path) -> None:
    """Newest first, with the number of samples and the provider they ran on."""
    write_model(tmp_path, version=1)
    write_model(tmp_path, version=2)
    assert verify(tmp_path) == [
        ("colors/2: good (3 golden samples on cpu)", True),
        ("colors/1: good (3 golden samples on cpu)", True),
    ]


def test_a_bad_version_is_told_with_its_reason_and_hides_none_of_the_others(tmp_path: Path) -> None:
    """The line names the whole path, because an operator has to find the file."""
    write_model(tmp_path, name="a")
    write_model(tmp_path, name="m", network=color_network(domain="com.acme"), golden=())
    write_model(tmp_path, name="z")
    (first, bad, last) = verify(tmp_path)
    assert (first[1], bad[1], last[1]) == (True, False, True)
    assert bad[0].startswith(f"m/1: REFUSED: {tmp_path / 'm' / '1' / 'model.onnx'}: needs operators of com.acme")


def test_one_model_can_be_verified_alone(tmp_path: Path) -> None:
    """The others are not loaded."""
    write_model(tmp_path, name="apple")
    write_model(tmp_path, name="pear")
    assert verify(tmp_path, only="pear") == [("pear/1: good (3 golden samples on cpu)", True)]


def test_an_unknown_name_is_told_with_the_known_ones(tmp_path: Path) -> None:
    """Nothing is verified by mistake."""
    write_model(tmp_path, name="apple")
    with pytest.raises(UnknownModelError, match="no model 'aple'; known models: apple"):
        verify(tmp_path, only="aple")


def test_a_missing_models_folder_is_told(tmp_path: Path) -> None:
    """As when serving."""
    with pytest.raises(ConfigurationError, match="no models folder"):
        verify(tmp_path / "nowhere")
