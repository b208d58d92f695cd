"""The three forms of a row, read back with independent readers where there are any."""

from __future__ import annotations

import csv
import io
import json

import pytest

from service.client.rows import Answer, Csv, Guess, JsonLines, Row, Table, form_named

ANSWER = Answer("pets", 2, "int8", (Guess("cat", 3, 0.98765432), Guess("dog, large", 0, 1.2e-8)))
ODD = 'a "b",\nc.jpg'


def test_csv_is_read_back_by_any_reader_one_line_a_picture() -> None:
    """Commas, quotes and line breaks in names are quoted; an error has a line of its own, as long as the others."""
    form = Csv(2)
    text = form.heading() + form.line(Row(ODD, ANSWER)) + form.line(Row("b.jpg", None, "It is empty."))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0] == {
        "source": ODD,
        "label": "cat",
        "probability": "0.987654",
        "index": "3",
        "label_2": "dog, large",
        "probability_2": "0.000000",
        "index_2": "0",
        "error": "",
    }
    assert (rows[1]["source"], rows[1]["error"], rows[1]["label"]) == ("b.jpg", "It is empty.", "")
    assert None not in rows[1].values(), "a cell is missing"


def test_csv_of_one_class_has_the_plain_columns() -> None:
    """What most scripts will want."""
    assert Csv(1).heading() == "source,label,probability,index,error\n"


def test_json_lines_hold_the_model_and_numbers() -> None:
    """Each line is an object of its own; probabilities are numbers."""
    lines = [json.loads(JsonLines().line(row)) for row in (Row(ODD, ANSWER), Row("b.jpg", None, "It is empty."))]
    assert lines[0] == {
        "source": ODD,
        "model": "pets",
        "version": 2,
        "precision": "int8",
        "predictions": [
            {"label": "cat", "index": 3, "probability": 0.987654},
            {"label": "dog, large", "index": 0, "probability": 0.0},
        ],
    }
    assert lines[1] == {"source": "b.jpg", "error": "It is empty."}
    assert JsonLines().line(Row(ODD, ANSWER)).count("\n") == 1


def test_table_names_the_source_once_and_stays_in_line() -> None:
    """Further classes stand beneath the first; errors say what and why."""
    form = Table()
    lines = (form.line(Row("a.jpg", ANSWER)) + form.line(Row("b.jpg", None, "It is empty."))).splitlines()
    assert lines[0].split() == ["98.77%", "cat", "a.jpg"]
    assert lines[1].split() == ["0.00%", "dog,", "large"]
    assert lines[2].split(maxsplit=1) == ["error", "b.jpg: It is empty."]
    assert lines[0].index("cat") == lines[1].index("dog") == lines[2].index("b.jpg")


def test_table_shows_control_characters_instead_of_obeying_them() -> None:
    """A file name cannot clear the screen or begin another line."""
    text = Table().line(Row("a\x1b[2J\n.jpg", Answer("m", 1, "fp32", (Guess("c\rat", 0, 1.0),))))
    assert "\x1b" not in text
    assert text.count("\n") == 1
    assert "a\\x1b[2J\\n.jpg" in text


@pytest.mark.parametrize(("name", "kind"), [("table", Table), ("csv", Csv), ("jsonl", JsonLines)])
def test_forms_have_names(name: str, kind: type) -> None:
    """Those of the command line."""
    assert isinstance(form_named(name, top_k=1), kind)
