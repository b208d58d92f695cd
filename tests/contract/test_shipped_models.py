"""The models of this repository keep the contract that anybody's models must keep: a clone serves at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from service.artifact import file_sha256, load_manifest
from service.repository.inspection import require_safe
from service.repository.verification import verify_models
from service.settings import Settings

MODELS_DIR: Final = Path(__file__).parents[2] / "models"
MANIFESTS: Final = sorted(MODELS_DIR.glob("*/*/manifest.json"))


def name_of(path: Path) -> str:
    """Name a version as its folder does."""
    return "/".join(path.parts[-3:-1])


def test_a_clone_brings_the_model_that_the_readme_serves() -> None:
    """Without these the first commands of the README would answer 404."""
    assert {"cifar10/1", "fashion-mnist/1"} <= {name_of(path) for path in MANIFESTS}


def test_the_default_model_is_good_small_and_there_in_int8_too() -> None:
    """At most 5.5 % of the test pictures wrong in either precision, and 20 MB for all its files."""
    folder = MODELS_DIR / "cifar10" / "1"
    manifest = load_manifest(folder / "manifest.json")
    assert {variant.precision for variant in manifest.variants} == {"fp32", "int8"}
    assert all(variant.top1_error is not None and variant.top1_error <= 0.055 for variant in manifest.variants)
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) <= 20e6


@pytest.mark.parametrize("path", MANIFESTS, ids=name_of)
def test_a_shipped_manifest_is_strict_and_speaks_of_its_folder(path: Path) -> None:
    """It loads without a complaint, and carries everything that a publication of ours has."""
    manifest = load_manifest(path)
    assert f"{manifest.name}/{manifest.version}" == name_of(path)
    assert manifest.golden
    assert manifest.evaluation is not None
    assert manifest.reference is not None
    assert manifest.architecture is not None
    assert manifest.provenance is not None
    assert manifest.assumed == ()


@pytest.mark.parametrize("path", MANIFESTS, ids=name_of)
def test_every_file_of_a_shipped_model_is_the_one_its_manifest_was_written_for(path: Path) -> None:
    """Networks and samples have the sizes and hashes that are stated."""
    manifest = load_manifest(path)
    for variant in manifest.variants:
        file = path.parent / variant.file
        assert file.stat().st_size == variant.bytes
        assert file_sha256(file) == variant.sha256
        require_safe(file.read_bytes(), path=file)
    for sample in manifest.golden:
        assert file_sha256(path.parent / sample.file) == sample.sha256


@pytest.mark.parametrize("path", MANIFESTS, ids=name_of)
def test_a_shipped_folder_holds_its_card_and_nothing_that_nobody_speaks_of(path: Path) -> None:
    """Manifest, card, networks and samples, and what the card names; anything else that lies there was forgotten."""
    manifest = load_manifest(path)
    spoken_of = {"manifest.json", "README.md"}
    spoken_of |= {variant.file for variant in manifest.variants} | {sample.file for sample in manifest.golden}
    card = (path.parent / "README.md").read_text(encoding="utf-8")
    found = {str(file.relative_to(path.parent)) for file in path.parent.rglob("*") if file.is_file()}
    assert spoken_of <= found
    assert [name for name in sorted(found - spoken_of) if name not in card] == []


def test_every_shipped_model_reproduces_its_publication_on_this_machine() -> None:
    """Each is loaded as the service loads it, and its golden samples come out as published."""
    lines = list(verify_models(Settings(models_dir=MODELS_DIR)))
    assert [line for line, passed in lines if not passed] == []
    assert len(lines) == len(MANIFESTS)
