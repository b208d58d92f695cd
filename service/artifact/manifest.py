"""The manifest of one version of one model: its type, and reading and writing it.

Reading is strict: an unknown key, a wrong type or a contradiction between two fields refuses the model, because a guess
here is an error in every answer that follows. This file knows neither where folders lie nor how networks run.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from service.artifact.evidence import Architecture, Evaluation, GoldenSample, Provenance, Reference, Variant
from service.artifact.fields import STRICT, ModelName, Positive, Text
from service.artifact.tensors import Input, Output
from service.errors import ManifestError

MANIFEST_NAME = "manifest.json"
_MOST_BYTES = 64 * 2**20  # room for some samples of 20,000 classes


@dataclass(frozen=True, slots=True, config=STRICT)
class Manifest:
    """Everything the service needs to know about one version of one model; see the types of its fields."""

    schema_version: Literal[1]
    name: ModelName
    version: Positive
    description: str
    license: Text
    created_at: AwareDatetime
    labels: Annotated[tuple[Text, ...], Field(min_length=2)]
    input: Input
    output: Output
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]
    assumed: tuple[str, ...] = ()
    evaluation: Evaluation | None = None
    reference: Reference | None = None
    architecture: Architecture | None = None
    provenance: Provenance | None = None
    golden: tuple[GoldenSample, ...] = field(default=())

    @model_validator(mode="after")
    def _agree(self) -> Manifest:
        _require_unique("labels", self.labels)
        _require_unique("variants", [variant.precision for variant in self.variants])
        if self.output.holds in ("sigmoid", "logit") and len(self.labels) != 2:
            raise ValueError(
                f"one {self.output.holds} tells two classes apart, and there are {len(self.labels)} labels"
            )
        if self.reference is not None and len(self.reference.class_shares) != len(self.labels):
            raise ValueError(f"reference.class_shares needs {len(self.labels)} values, one per label")
        precisions = {variant.precision for variant in self.variants}
        for sample in self.golden:
            missing = sorted(precisions - sample.probabilities.keys())
            if missing:
                raise ValueError(f"golden {sample.file}: no probabilities for {', '.join(missing)}")
            for precision, expected in sample.probabilities.items():
                if len(expected) != len(self.labels):
                    counts = f"{len(expected)} probabilities for {len(self.labels)} labels"
                    raise ValueError(f"golden {sample.file}: {precision} has {counts}")
        return self

    def variant(self, precision: str | None = None) -> Variant | None:
        """Find the variant of a precision; None asks for the one listed first, the publisher's choice."""
        if precision is None:
            return self.variants[0]
        return next((variant for variant in self.variants if variant.precision == precision), None)


def _require_unique(what: str, values: tuple[str, ...] | list[str]) -> None:
    twice = sorted(value for value, count in Counter(values).items() if count > 1)
    if twice:
        raise ValueError(f"{what} must differ, and {', '.join(map(repr, twice))} occurs twice")


_ADAPTER: TypeAdapter[Manifest] = TypeAdapter(Manifest)


def load_manifest(path: Path) -> Manifest:
    """Read a manifest strictly.

    Args:
        path: The `manifest.json` itself.

    Raises:
        ManifestError: The file cannot be read, is no JSON, or breaks the schema; the reason names each key at fault.

    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ManifestError(path, reason=f"has more than {_MOST_BYTES} bytes")
        return _ADAPTER.validate_json(path.read_bytes())
    except OSError as error:
        raise ManifestError(path, reason=f"cannot be read ({error.strerror})") from error
    except ValidationError as error:
        raise ManifestError(path, reason=_explain(error)) from error


def _explain(error: ValidationError) -> str:
    """Say in one line what is wrong where, most important first."""
    problems = [
        f"{'.'.join(map(str, item['loc'])) or 'manifest'}: {item['msg']}" for item in error.errors(include_url=False)
    ]
    shown = "; ".join(problems[:5])
    return shown if len(problems) <= 5 else f"{shown}; and {len(problems) - 5} more"


def dump_manifest(manifest: Manifest) -> bytes:
    """Write a manifest as the JSON that `load_manifest` reads back to an equal value, ending in a newline."""
    return _ADAPTER.dump_json(manifest, indent=2) + b"\n"


def manifest_as_json(manifest: Manifest) -> dict[str, Any]:
    """Show a manifest as the plain values its JSON holds."""
    return cast("dict[str, Any]", _ADAPTER.dump_python(manifest, mode="json"))


def file_sha256(path: Path) -> str:
    """Hash a file in lower-case hex.

    Raises:
        OSError: The file cannot be read.

    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
