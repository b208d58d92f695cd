"""An accepted file joins a model folder: beside the others, in the manifest, with golden answers, on the card.

A published version never changes, so this works on the contents of a folder before they are published: of a run on its
way to its first version, or of a published version on its way to the next.
"""

from __future__ import annotations

import dataclasses
import hashlib

from pydantic import TypeAdapter

from service.artifact import MANIFEST_NAME, GoldenSample, Manifest, Precision, Variant, dump_manifest
from service.engine.session import Session
from training.data import Example
from training.errors import PublicationError
from training.publication.evaluation import load_session, predict
from training.publication.model_card import CARD_FILE
from training.publication.publish import Files
from training.quantization.card import with_section
from training.quantization.report import Quantized

# How far the same file's probabilities may lie apart on two machines. A sum that rounds to the other side moves a whole
# step of int8, so kernels of another kind give answers that differ visibly.
TOLERANCE: dict[Precision, float] = {"fp32": 1e-4, "fp16": 5e-3, "int8": 2e-2}


def file_of(precision: Precision) -> str:
    """Name the file of a precision."""
    return "model.onnx" if precision == "fp32" else f"model.{precision}.onnx"


def with_variant(files: Files, quantized: Quantized) -> Files:
    """Add a file in fewer bits to the contents of a model folder; one of the same precision is replaced.

    Args:
        files: Contents by path, with manifest, card and samples.
        quantized: Of this model.

    Raises:
        PublicationError: The file was refused.

    """
    if quantized.network is None:
        raise PublicationError(f"The {quantized.report.precision} file was refused and is not published.")
    report = quantized.report
    manifest = TypeAdapter(Manifest).validate_json(files[MANIFEST_NAME])
    file = file_of(report.precision)
    variant = Variant(
        file=file,
        sha256=hashlib.sha256(quantized.network).hexdigest(),
        bytes=len(quantized.network),
        precision=report.precision,
        top1_error=report.comparison.error_after,
        top5_error=report.top5_error,
        evaluated=report.comparison.n,
    )
    card = files.get(CARD_FILE, f"# {manifest.name}\n".encode())  # a model from elsewhere may have none
    session = load_session(quantized.network, spec=manifest.input, output=manifest.output)
    extended = dataclasses.replace(
        manifest,
        variants=(*(old for old in manifest.variants if old.precision != report.precision), variant),
        golden=tuple(
            _answered(sample, files[sample.file], session=session, manifest=manifest, precision=report.precision)
            for sample in manifest.golden
        ),
    )
    return {
        **files,
        file: quantized.network,
        CARD_FILE: with_section(card.decode(), report, file=file).encode(),
        MANIFEST_NAME: dump_manifest(extended),
    }


def _answered(
    sample: GoldenSample, picture: bytes, *, session: Session, manifest: Manifest, precision: Precision
) -> GoldenSample:
    """Add what a file gives for a golden sample; the widest tolerance of all files holds for the sample."""
    example = Example(picture, 0, sample.file)
    answer_K = predict(session, [example], spec=manifest.input, output=manifest.output).probabilities_NK[0]
    probabilities = {**sample.probabilities, precision: tuple(min(1.0, float(value)) for value in answer_K)}
    return dataclasses.replace(
        sample, probabilities=probabilities, tolerance=max(sample.tolerance, TOLERANCE[precision])
    )
