"""Pictures wrapped as multipart forms, for servers that take nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

_BOUNDARY: Final = "a-boundary-that-is-in-no-picture"


def as_multipart(files: Sequence[Path], *, folder: Path) -> tuple[str, list[Path]]:
    """Write each file as the part `file` of a form.

    Args:
        files: Pictures.
        folder: For the bodies; made where it is missing.

    Returns:
        The content type, and the bodies.

    """
    folder.mkdir(parents=True, exist_ok=True)
    bodies = []
    for file in files:
        body = folder / f"{file.name}.form"
        body.write_bytes(wrapped(file.read_bytes(), name=file.name))
        bodies.append(body)
    return f"multipart/form-data; boundary={_BOUNDARY}", bodies


def wrapped(data: bytes, *, name: str) -> bytes:
    """Write a form with one part."""
    head = (
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
