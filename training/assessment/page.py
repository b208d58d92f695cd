"""A report as one page: its Markdown as HTML with every picture inside, to open, mail or print."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping

from markdown_it import MarkdownIt

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
td { font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #ddd; padding: .25rem .8rem; text-align: left; }
img { max-width: 100%; height: auto; }
code { background: #f2f2f2; padding: .1rem .25rem; }
@media (prefers-color-scheme: dark) {
  body { background: #161616; color: #e6e6e6; } th, td { border-color: #444; } code { background: #2a2a2a; }
  img { background: #fff; }
}
"""


def page_of(markdown: str, *, pictures: Mapping[str, bytes]) -> str:
    """Turn a report into one HTML file that needs no other.

    Args:
        markdown: Of the report.
        pictures: PNG files by the name that the report uses.

    """
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    inside = re.sub(r'src="([^"]+)"', lambda found: f'src="{_source(found[1], pictures)}"', body)
    title = next((line.removeprefix("# ") for line in markdown.splitlines() if line.startswith("# ")), "Report")
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n{inside}</html>\n"
    )


def _source(name: str, pictures: Mapping[str, bytes]) -> str:
    png = pictures.get(name)
    return name if png is None else f"data:image/png;base64,{base64.b64encode(png).decode()}"
