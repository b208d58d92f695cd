"""The story of adding a model: read the file, understand it, try it, write it down, publish it."""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from service.adding.answer import ending_of, meaning_of, output_of
from service.adding.card import card
from service.adding.classes import labels_of
from service.adding.form import forms_of, note_form
from service.adding.onnx_file import read_onnx
from service.adding.publication import publish, require_free
from service.adding.signature import Signature, read_signature
from service.adding.steps import Chosen, preset_of
from service.adding.told import Notes, Told
from service.adding.trial import alone, classified, first_that_runs, largest_batch, read_picture
from service.adding.weights import precision_of
from service.artifact import (
    MANIFEST_NAME,
    NAME_PATTERN,
    GoldenSample,
    Input,
    Manifest,
    Output,
    Precision,
    Variant,
    dump_manifest,
)
from service.engine.scheduler import Scheduler
from service.errors import ArtifactError, InvalidParameterError
from service.repository.loading import Loader
from service.repository.store import StoredVersion, find_versions, read_manifest
from service.settings import Settings
from service.telemetry.metrics import Metrics

_NETWORK: Final = "model.onnx"
# Largest difference of a probability that counts as the same on another processor or in another form of the graph.
# Measured over seven photographs between ONNX Runtime's optimised graph and the plain one: 2.4e-7 for a network in
# float32; 0.11 for a quantised MobileNetV2, which is computed in integers in the one and in float32 in the other. Half
# precision has steps of 5e-4 below 1.
_TOLERANCES: Final[dict[Precision, float]] = {"fp32": 1e-3, "fp16": 1e-2, "int8": 0.25}
_LARGEST_TOLERANCE: Final = 0.5
_LONGEST_NOTE: Final = 1000  # characters


@dataclass(frozen=True, slots=True)
class Understood:
    """All that is known about a network once it has run.

    Args:
        data: Its file.
        path: Where the file came from.
        signature: What it declares.
        input: How pictures become its input.
        output: What its numbers are.
        labels: Its classes.
        precision: Of its weights.
        golden: What it gave for the picture.
        picture: Bytes of the picture.
        notes: What was assumed and found.

    """

    data: bytes
    path: Path
    signature: Signature
    input: Input
    output: Output
    labels: tuple[str, ...]
    precision: Precision
    golden: GoldenSample
    picture: bytes
    notes: Notes


@dataclass(frozen=True, slots=True)
class Added:
    """A model that was added.

    Args:
        stored: Where it lies.
        manifest: What was written.
        notes: What was assumed and found.

    """

    stored: StoredVersion
    manifest: Manifest
    notes: Notes


def add(path: Path, told: Told, *, settings: Settings) -> Added:
    """Add a network from elsewhere to the models folder.

    Args:
        path: Of the ONNX file.
        told: What the flags say.
        settings: The models folder, and how models are loaded.

    Raises:
        ArtifactError: The file, the labels or the picture cannot be used, the version exists, or strictness forbids
            what would be assumed.
        InvalidParameterError: A flag is out of range or contradicts the file.
        InferenceError: The runtime does not take the network.
        ConfigurationError: The models folder cannot be written.

    """
    _require_name(told.name)
    require_free(settings.models_dir, name=told.name, version=told.version)
    network = understand(path, told)
    _require_told(network, told)
    _note_other_classes(network, told, settings.models_dir)
    manifests: dict[int, Manifest] = {}

    def files_of(version: int) -> dict[str, bytes]:
        manifest = manifests[version] = _manifest(network, told, version=version)
        text = card(manifest, source=path.name, producer=network.signature.producer, notes=network.notes)
        return {
            _NETWORK: network.data,
            network.golden.file: network.picture,
            MANIFEST_NAME: dump_manifest(manifest),
            "README.md": text.encode(),
        }

    stored = publish(
        settings.models_dir,
        name=told.name,
        version=told.version,
        files_of=files_of,
        check=lambda unfinished: _load(unfinished, settings),
    )
    return Added(stored, manifests[stored.version], network.notes)


def understand(path: Path, told: Told) -> Understood:
    """Read a file and run it until everything that serving needs is known.

    Raises:
        ArtifactError, InvalidParameterError, InferenceError: As `add`.

    """
    notes = Notes()
    preset = preset_of(told)
    data, declaration = read_onnx(path)
    signature = read_signature(data, path=path)
    by = f", written by {signature.producer}" if signature.producer else ""
    notes.find(f"ONNX opset {declaration.opsets.get('', 'unknown')}, {declaration.nodes} operators{by}")
    declared_output = output_of(signature, told, path=path)
    forms = forms_of(signature, told, path=path)
    trial = first_that_runs(data, forms, output=declared_output.name)
    note_form(trial.form, allowed=len(forms), fitting=trial.fitting, notes=notes)
    spec = Chosen(told, preset, trial.form, notes).input(batch=trial.form.batch)
    precision = precision_of(signature, told)
    values_NK = alone(trial, spec, notes=notes)
    holds = meaning_of(
        values_NK,
        ending=ending_of(signature, declared_output),
        told=told,
        notes=notes,
        is_rounded=precision == "int8",
    )
    output = Output(tensor=declared_output.name, holds=holds)
    labels = labels_of(max(2, values_NK.shape[1]), signature=signature, told=told, notes=notes)
    batch = largest_batch(trial, spec, values_NK, output=output, precision=precision, notes=notes)
    spec = replace(spec, batch=batch)
    file, picture = read_picture(told.picture)
    answer, in_company = classified(trial, spec, output, classes=len(labels), picture=picture, path=told.picture)
    golden = GoldenSample(
        file=file,
        sha256=hashlib.sha256(picture).hexdigest(),
        probabilities={precision: tuple(min(1.0, float(value)) for value in answer.probabilities)},
        tolerance=min(_LARGEST_TOLERANCE, max(_TOLERANCES[precision], 2 * in_company)),
    )
    return Understood(data, path, signature, spec, output, labels, precision, golden, picture, notes)


def _require_name(name: str) -> None:
    if re.fullmatch(NAME_PATTERN, name) is None:
        expected = "1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"
        raise InvalidParameterError("--name", value=name, expected=expected)


def _require_told(network: Understood, told: Told) -> None:
    """Refuse assumptions where they are not wanted."""
    assumed = network.notes.assumed
    if told.strict and assumed:
        listed = "; ".join(map(str, assumed))
        raise ArtifactError(network.path, reason=f"--strict refuses what neither the file nor a flag says: {listed}")


def _note_other_classes(network: Understood, told: Told, models_dir: Path) -> None:
    """Warn where the model's newest version tells other classes apart: its callers will get these from now on."""
    if not (models_dir / told.name).is_dir():
        return
    versions = find_versions(models_dir).get(told.name, [])
    with contextlib.suppress(ArtifactError):  # one that is refused has no callers
        if versions and read_manifest(versions[0]).labels != network.labels:
            network.notes.find(f"WARNING: version {versions[0].version} of {told.name} tells other classes apart")


def _manifest(network: Understood, told: Told, *, version: int) -> Manifest:
    variant = Variant(
        file=_NETWORK,
        sha256=hashlib.sha256(network.data).hexdigest(),
        bytes=len(network.data),
        precision=network.precision,
    )
    return Manifest(
        schema_version=1,
        name=told.name,
        version=version,
        description=told.description
        or _note(network, "description")
        or f"Tells {len(network.labels)} classes of pictures apart.",
        license=told.license or _note(network, "license") or "unknown",
        created_at=datetime.now(UTC),
        labels=network.labels,
        input=network.input,
        output=network.output,
        variants=(variant,),
        assumed=tuple(map(str, network.notes.assumed)),
        golden=(network.golden,),
    )


def _note(network: Understood, key: str) -> str:
    """Read what the exporting program noted under a name."""
    return network.signature.metadata.get(key, "").strip()[:_LONGEST_NOTE]


def _load(stored: StoredVersion, settings: Settings) -> None:
    """Load the folder as the service will; its golden sample must come out as it was written."""
    settings = settings.model_copy(update={"precision": None})  # another model's choice
    Loader(settings=settings, scheduler=Scheduler(threads=1), series=Metrics(version="", runtime={}).model).load(stored)
