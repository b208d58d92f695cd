"""What lies in the models folder, without loading a network: one line for each version."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from service.artifact import Manifest
from service.errors import ArtifactError
from service.repository.store import StoredVersion, find_versions, read_manifest

_KILO = 1000


@dataclass(frozen=True, slots=True)
class Listed:
    """A version as its manifest describes it.

    Args:
        name: Of the model.
        version: Its number.
        variants: Precisions.
        classes: How many it tells apart.
        input: Layout, type and size, as people write them.
        bytes: Of all its variants.
        top1_error: Share of wrong first guesses where it was evaluated.
        assumed: How many things nobody told.
        reason: Why its manifest is refused, else empty.

    """

    name: str
    version: int
    variants: tuple[str, ...] = ()
    classes: int | None = None
    input: str = ""
    bytes: int | None = None
    top1_error: float | None = None
    assumed: int = 0
    reason: str = ""

    def row(self) -> tuple[str, ...]:
        """Show it in cells of text."""
        return (
            self.name,
            str(self.version),
            ",".join(self.variants) or "-",
            "-" if self.classes is None else str(self.classes),
            self.input or "-",
            "-" if self.bytes is None else _size(self.bytes),
            "-" if self.top1_error is None else f"{100 * self.top1_error:.2f} %",
        )

    def as_json(self) -> dict[str, Any]:
        """Show it as the plain values of JSON."""
        return asdict(self)


def list_versions(models_dir: Path) -> list[Listed]:
    """Describe every version, names in alphabetical order and the newest first.

    Raises:
        ConfigurationError: There is no such folder.

    """
    return [_listed(stored) for versions in find_versions(models_dir).values() for stored in versions]


def _listed(stored: StoredVersion) -> Listed:
    try:
        manifest = read_manifest(stored)
    except ArtifactError as error:
        return Listed(stored.name, stored.version, reason=error.reason)
    return Listed(
        stored.name,
        stored.version,
        variants=tuple(variant.precision for variant in manifest.variants),
        classes=len(manifest.labels),
        input=_input(manifest),
        bytes=sum(variant.bytes for variant in manifest.variants),
        top1_error=manifest.evaluation.top1_error if manifest.evaluation else None,
        assumed=len(manifest.assumed),
    )


def _input(manifest: Manifest) -> str:
    spec = manifest.input
    return f"{spec.layout} {spec.dtype} {spec.channels}x{spec.height}x{spec.width}"


def _size(count: int) -> str:
    """Show a number of bytes with three digits that count."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < _KILO:
            return f"{value:.3g} {unit}"
        value /= _KILO
    return f"{value:.3g} GB"
