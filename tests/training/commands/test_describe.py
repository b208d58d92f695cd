"""The two commands list and explain networks, as text for people and as JSON for programs."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import pytest

from training.arguments import describe

LIST_KEYS = {
    "name",
    "year",
    "paper",
    "input",
    "num_classes",
    "parameters",
    "multiply_adds",
    "receptive_field",
    "top1_error",
    "top5_error",
}


def _run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    describe.add(parser.add_subparsers(required=True))
    parsed = parser.parse_args(arguments)
    status = parsed.run(parsed)
    assert isinstance(status, int)
    return status


def test_architectures_as_json_has_the_facts_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts are numbers, errors are shares, and what nobody published is null."""
    assert _run("architectures", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert all(set(row) >= LIST_KEYS for row in rows.values())
    resnet = rows["resnet50"]
    assert (resnet["year"], resnet["input"], resnet["num_classes"]) == (2015, "3x224x224", 1000)
    assert (resnet["parameters"], resnet["multiply_adds"]) == (25_557_032, 4_089_184_256)
    assert (resnet["receptive_field"], resnet["top1_error"], resnet["top5_error"]) == (427, 0.2285, 0.0671)
    assert "1512.03385" in resnet["paper"]
    assert rows["mlp"]["top1_error"] is None


def test_architectures_as_text_is_a_table_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """The header, a rule, and one line per name, errors in per cent."""
    assert _run("architectures") == 0
    header, rule, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["name", "year", "input"]
    assert set(rule) == {"-", " "}
    (line,) = [line for line in lines if line.startswith("resnet50 ")]
    assert line.split() == [
        "resnet50",
        "2015",
        "3x224x224",
        "1000",
        "25,557,032",
        "4,089,184,256",
        "427",
        "22.85",
        "6.71",
    ]


def test_describe_as_json_has_every_layer(capsys: pytest.CaptureFixture[str]) -> None:
    """The first layer of ResNet-50 is the textbooks' example."""
    assert _run("describe", "resnet50", "--input", "3x224x224", "--json") == 0
    description = json.loads(capsys.readouterr().out)
    assert description["parameters"] == sum(layer["parameters"] for layer in description["layers"]) == 25_557_032
    first = description["layers"][0]
    assert (first["output"], first["padding"], first["receptive_field"]) == ("64x112x112", "3", "7x7")
    assert (first["parameters"], first["multiply_adds"]) == (9_408, 118_013_952)
    assert description["layers"][-1]["output"] == "1000"


def test_describe_with_formula_shows_the_numbers_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The sign of the padding is a plus, and the bias counts as one more input."""
    assert _run("describe", "alexnet", "--formula") == 0
    text = capsys.readouterr().out
    assert "height = floor((224 + 2*2 - 1*(11 - 1) - 1) / 4) + 1 = 55" in text
    assert "parameters = (11*11*3 + 1) * 64 = 23,296" in text
    assert "multiply-adds = 11*11*3 * 64 * 55*55 = 70,276,800" in text
    assert "receptive field, rows = 1 + 1*(11 - 1)*1 = 11" in text


def test_describe_without_formula_is_one_line_per_layer(capsys: pytest.CaptureFixture[str]) -> None:
    """Formulas come on request only."""
    assert _run("describe", "alexnet_2012") == 0
    text = capsys.readouterr().out
    assert "floor" not in text
    assert "60,965,224 parameters" in text
    (line,) = [line for line in text.splitlines() if line.startswith("conv2 ")]
    assert "2 groups" in line
    assert "256x27x27" in line
    assert "307,456" in line


def test_describe_counts_auxiliary_heads_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """They train and vanish, so that they belong to neither total."""
    assert _run("describe", "googlenet") == 0
    assert "6,998,552 parameters and 6,379,728 in auxiliary heads" in capsys.readouterr().out


def test_describe_adapts_the_network_to_the_input(capsys: pytest.CaptureFixture[str]) -> None:
    """Small grey pictures get the small stem with one channel."""
    assert _run("describe", "resnet18", "--input", "1x28x28", "--json") == 0
    description = json.loads(capsys.readouterr().out)
    assert description["input"] == "1x28x28"
    assert description["layers"][0]["output"] == "64x28x28"


def test_describe_takes_pictures_that_are_not_square(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the network averages its last maps, any shape goes through."""
    assert _run("describe", "resnet18", "--input", "3x224x320", "--json") == 0
    layers = {layer["name"]: layer for layer in json.loads(capsys.readouterr().out)["layers"]}
    assert layers["conv5_2"]["output"] == "512x7x10"


def test_describe_of_unknown_name_suggests_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    """On the error stream, with the exit status of wrong input."""
    assert _run("describe", "resnt50") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "did you mean resnet50" in printed.err


def test_describe_of_an_input_that_does_not_fit_names_the_layer(capsys: pytest.CaptureFixture[str]) -> None:
    """A flattened map of another size cannot go into the layer built for it."""
    assert _run("describe", "alexnet", "--input", "3x224x300") == 2
    assert "fc6 does not fit" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["3x224", "224", "3x224x224x1", "3x0x224", "axbxc", "-3x2x2", ""])
def test_input_of_another_form_is_refused_with_an_example(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Three whole numbers above zero."""
    with pytest.raises(SystemExit):
        _run("describe", "resnet50", f"--input={text}")
    assert "3x224x224" in capsys.readouterr().err


def test_help_does_not_import_torch() -> None:
    """`--help` answers at once."""
    script = (
        "import argparse, sys; from training.arguments import describe;"
        "describe.add(argparse.ArgumentParser().add_subparsers()); print('torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
