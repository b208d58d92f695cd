"""`tests.benchmarks.serving.multipart`: forms that an independent reader takes apart."""

from __future__ import annotations

from pathlib import Path

import multipart

from tests.benchmarks.serving.multipart import as_multipart


def test_form_holds_the_picture_unchanged(tmp_path: Path) -> None:
    """The part is called `file`, and its bytes are the file's."""
    picture = tmp_path / "0.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n--\r\n\x00")
    content_type, (body,) = as_multipart([picture], folder=tmp_path / "forms")
    _, parameters = multipart.parse_options_header(content_type)
    with body.open("rb") as stream:
        (part,) = multipart.MultipartParser(stream, parameters["boundary"])
        assert (part.name, part.raw) == ("file", picture.read_bytes())
        part.close()
