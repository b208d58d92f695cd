"""Tables are laid out for terminals and Markdown, and the README carries the current one."""

from __future__ import annotations

import pytest

from training.commands.describe import README
from training.geometry import tables


def test_readme_shows_the_current_table() -> None:
    """`python -m training architectures --update-readme` brings it up to date."""
    table = tables.architectures_as_markdown(tables.architecture_rows())
    readme = README.read_text("utf-8")
    assert tables.readme_with_table(readme, table=table) == readme


def test_readme_names_every_file_of_the_folder() -> None:
    """A reader finds the way through the history there."""
    readme = README.read_text("utf-8")
    missing = [path.name for path in README.parent.glob("*.py") if f"`{path.name}`" not in readme]
    assert missing == []


def test_readme_without_marks_is_refused() -> None:
    """Nothing is written into a file that does not expect it."""
    with pytest.raises(ValueError, match="needs the lines"):
        tables.readme_with_table("# Networks\n", table="| a |\n")


def test_table_is_replaced_and_the_rest_kept() -> None:
    """Only what stands between the marks changes."""
    before = f"above\n{tables.TABLE_BEGINS}old\n{tables.TABLE_ENDS}below\n"
    after = tables.readme_with_table(before, table="| new |\n")
    assert after == f"above\n{tables.TABLE_BEGINS}\n| new |\n\n{tables.TABLE_ENDS}below\n"


def test_markdown_has_a_row_of_equal_width_for_every_architecture() -> None:
    """A header, a line of dashes, one row each, all with the same columns."""
    rows = tables.architecture_rows()
    lines = tables.architectures_as_markdown(rows).splitlines()
    assert len(lines) == len(rows) + 2
    assert {line.count("|") for line in lines} == {11}
