"""A manifest with every optional part filled in, for tests of the contract."""

from __future__ import annotations

from datetime import UTC, datetime

from service.artifact import (
    Architecture,
    Evaluation,
    GoldenSample,
    Histogram,
    Input,
    Manifest,
    Output,
    Preprocessing,
    Provenance,
    Reference,
    Resize,
    Variant,
)


def complete_manifest() -> Manifest:
    """Make a manifest of two variants with evaluation, reference, architecture, provenance and a golden sample."""
    steps = Preprocessing(
        exif_orientation=True,
        color_mode="RGB",
        background=(124, 116, 104),
        resize=Resize(rule="shorter_side", size=256, interpolation="bilinear", antialias=True),
        crop="center",
        scale=1 / 255,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    return Manifest(
        schema_version=1,
        name="pets",
        version=3,
        description="Tells cats from dogs.",
        license="apache-2.0",
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        labels=("cat", "dog", "neither"),
        input=Input(tensor="x", layout="NCHW", dtype="float32", channels=3, height=224, width=224, preprocessing=steps),
        output=Output(tensor="y", holds="logits"),
        variants=(
            Variant("model.onnx", "a" * 64, 1000, "fp32", 0.1, 0.0, 500, 1e-6),
            Variant("model.int8.onnx", "b" * 64, 300, "int8", 0.11, 0.0, 500, 0.01),
        ),
        assumed=("std",),
        evaluation=Evaluation("pets", "test", 500, 0.1, (0.08, 0.13), 0.0, (0.0, 0.01), 0.02),
        reference=Reference(
            confidence=Histogram((0.0, 0.5, 1.0), (100, 400)),
            class_shares=(0.5, 0.25, 0.25),
            brightness=Histogram((0.0, 1.0), (500,)),
        ),
        architecture=Architecture("resnet18", "Deep Residual Learning, He et al., 2015", 11_689_512, 1_814_073_344),
        provenance=Provenance("pets-resnet18", 7, "abc123", "f" * 64, {"torch": "2.13.0"}, "2 cores", 12.5),
        golden=(
            GoldenSample(
                "samples/cat.png", "c" * 64, {"fp32": (0.9, 0.05, 0.05), "int8": (0.89, 0.06, 0.05)}, tolerance=1e-3
            ),
        ),
    )
