"""The README of an added model: what was told, what was found, what was assumed. Pure."""

from __future__ import annotations

import json

from service.adding.told import Notes
from service.artifact import Manifest

_SHOWN_LABELS = 10


def card(manifest: Manifest, *, source: str, producer: str, notes: Notes) -> str:
    """Write a model card with Hugging Face front matter.

    Args:
        manifest: Of the model.
        source: Name of the file that was added.
        producer: Program that exported it; empty where the file does not say.
        notes: How it was understood.

    """
    by = f", exported by {producer}" if producer else ""
    labels = ", ".join(manifest.labels[:_SHOWN_LABELS])
    more = f" and {len(manifest.labels) - _SHOWN_LABELS} more" if len(manifest.labels) > _SHOWN_LABELS else ""
    parts = [
        f"---\nlicense: {json.dumps(manifest.license)}\nlibrary_name: onnx\npipeline_tag: image-classification\n---",
        f"# {manifest.name}",
        manifest.description,
        f"Added from `{source}`{by}. It was not evaluated; what it gave for the sample picture stands in the manifest.",
        f"It tells {len(manifest.labels)} classes apart: {labels}{more}.",
        "## Found in the file and by running it\n\n" + "\n".join(f"- {text}" for text in notes.found),
    ]
    if notes.assumed:
        parts.append(
            "## Assumed, because neither the file nor a flag said it\n\n"
            + "\n".join(f"- {each}" for each in notes.assumed)
        )
    return "\n\n".join(parts) + "\n"
