"""Reads the file that somebody wants to add, and says what it is where it is no ONNX file.

What people add by mistake has a beginning of its own: the pointer that Git leaves in place of a large file, a
checkpoint, the page that a download ended in. Saying so saves them the search.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from service.errors import ArtifactError, UnsafeModelError
from service.repository.inspection import Declaration, require_safe

MOST_BYTES: Final = 2 * 2**30  # what one message of protocol buffers may hold
_LEAST_BYTES: Final = 16
_BEGINNINGS: Final = (
    (b"version https://git-lfs.github.com/spec/", "is a Git LFS pointer and not the file itself; run `git lfs pull`"),
    (
        b"PK\x03\x04",
        "is a ZIP archive or a PyTorch checkpoint; unpack it, or export it with torch.onnx.export",
    ),
    (b"\x89HDF", "is a Keras or HDF5 file; convert it with tf2onnx or with keras.Model.export(format='onnx')"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it"),
    (b"\x80\x02", "is a Python pickle, probably a PyTorch checkpoint; export the network with torch.onnx.export"),
    (b"<", "is a page of HTML or XML; the download went wrong"),
)
_RUNTIME_FORMAT: Final = b"ORTM"  # after the four bytes of an offset
_OTHER_FORMAT: Final = "is in ONNX Runtime's own format; add the .onnx file that it was made from"
_TFLITE: Final = b"TFL3"


def read_onnx(path: Path) -> tuple[bytes, Declaration]:
    """Read an ONNX file that is safe to load.

    Args:
        path: Of the file.

    Returns:
        Its bytes and what it declares.

    Raises:
        ArtifactError: It cannot be read, or is something else.
        UnsafeModelError: It is cut short, keeps tensors elsewhere, or needs foreign operators.

    """
    data = _read(path)
    reason = _what_else(data)
    if reason:
        raise ArtifactError(path, reason=reason)
    declaration = require_safe(data, path=path)
    if not declaration.nodes:
        raise UnsafeModelError(path, reason="is an ONNX file without a single operator")
    return data, declaration


def _read(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe or a device may never end
            raise ArtifactError(path, reason="is no file; name the .onnx file itself")
        size_bytes = path.stat().st_size
        if size_bytes > MOST_BYTES:
            raise ArtifactError(path, reason=f"has {size_bytes} bytes, and one ONNX file may have {MOST_BYTES}")
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(path, reason=f"cannot be read ({error.strerror})") from error


def _what_else(data: bytes) -> str | None:
    """Recognise what is often mistaken for an ONNX file."""
    if len(data) < _LEAST_BYTES:
        return f"has {len(data)} bytes; a download that failed?"
    beginning = data.lstrip()[:64]
    for known, reason in _BEGINNINGS:
        if beginning.startswith(known):
            return reason
    if data[4:8] == _TFLITE:
        return "is a TensorFlow Lite model; convert it with tf2onnx --tflite"
    return _OTHER_FORMAT if data[4:8] == _RUNTIME_FORMAT else None
