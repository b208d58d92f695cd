"""`training.assessment.page`: one file that shows the whole report, and runs nothing that a class name says."""

from __future__ import annotations

import base64

from training.assessment.page import page_of

PICTURE = b"\x89PNG not really"


def test_page_holds_its_pictures_and_tables() -> None:
    """Nothing has to lie beside it: pictures are inside, tables are tables."""
    page = page_of("# Boots\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![curve](c.png)\n", pictures={"c.png": PICTURE})
    assert f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}" in page
    assert "<td>2</td>" in page
    assert "<title>Boots</title>" in page
    assert "c.png" not in page


def test_class_names_are_text_and_not_html() -> None:
    """A folder called like a script shows its name."""
    page = page_of("# <script>alert(1)</script>\n\n<script>alert(2)</script>\n", pictures={})
    assert "<script>" not in page
    assert "&lt;script&gt;alert(2)" in page
