"""The list of architectures and the layers of one network, as JSON values, as text and as a Markdown table.

Numbers come from `architectures` and `geometry`; this file chooses columns and words. It neither prints nor writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from training import architectures
from training.architectures.blocks import AuxiliaryNetwork
from training.geometry.measure import Layer, measure

Row = dict[str, Any]
Shape = tuple[int, ...]

TABLE_BEGINS = "<!-- made by: python -m training architectures --update-readme -->\n"
TABLE_ENDS = "<!-- end of what is made -->\n"
_LIST_HEADER = ("name", "year", "input", "classes", "parameters", "multiply-adds", "field", "top-1 %", "top-5 %")
_LAYER_HEADER = ("layer", "kind", "options", "padding", "output", "parameters", "multiply-adds", "field")


def architecture_rows() -> list[Row]:
    """Give what is known about every architecture, oldest first; errors are shares, None where unpublished."""
    return [_architecture_row(architectures.facts(name)) for name in architectures.names()]


def architectures_as_text(rows: Sequence[Row]) -> str:
    """Lay the list out in columns for a terminal, errors in per cent."""
    return "\n".join(_columns([_LIST_HEADER, *map(_list_cells, rows)], left=1)) + "\n"


def architectures_as_markdown(rows: Sequence[Row]) -> str:
    """Lay the list out as a Markdown table, errors in per cent, what they were measured on at the end."""
    header = (*_LIST_HEADER, "measured on")
    lines = [header, ("---", *["---:"] * (len(header) - 2), "---")]
    lines += [(*_list_cells(row), row["measured_on"]) for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def readme_with_table(readme: str, *, table: str) -> str:
    """Put a table between the two marks of a README.

    Raises:
        ValueError: the README has no such marks.
    """
    before, begins, rest = readme.partition(TABLE_BEGINS)
    _, ends, after = rest.partition(TABLE_ENDS)
    if not (begins and ends):
        raise ValueError(f"The README needs the lines {TABLE_BEGINS.strip()} and {TABLE_ENDS.strip()}.")
    return f"{before}{begins}\n{table}\n{ends}{after}"


def describe(name: str, *, input_shape: tuple[int, int, int] | None = None) -> Row:
    """Compute everything about one network for one input shape, without a forward pass.

    Args:
        name: an architecture.
        input_shape: channels, height, width in pixels; the canonical one where None. The network is built for the
            smaller side.

    Returns:
        The network's totals, and under `layers` one entry per layer in the order in which they compute.

    Raises:
        UnknownArchitectureError: there is no architecture of that name.
        ValueError: the network does not take such pictures; the text names the layer.
    """
    facts = architectures.facts(name)
    shape = input_shape or facts.input_shape
    with torch.device("meta"):
        network = architectures.build(name, in_channels=shape[0], input_size=min(shape[1:]))
    geometry = measure(network, input_shape=shape)
    heads = network.heads.parameters() if isinstance(network, AuxiliaryNetwork) else ()
    return {
        "name": name,
        "paper": str(facts.paper),
        "input": _by(shape),
        "num_classes": facts.num_classes,
        "parameters": geometry.parameters,
        "auxiliary_parameters": sum(weights.numel() for weights in heads),
        "multiply_adds": geometry.multiply_adds,
        "receptive_field": geometry.receptive_field,
        "options": architectures.options_of(name),
        "layers": [_layer_row(layer) for layer in geometry.layers],
    }


def description_as_text(description: Row, *, formulas: bool) -> str:
    """Lay one network out for a terminal.

    Args:
        description: as `describe` gives it.
        formulas: write below each layer how its numbers come about.
    """
    layers = description["layers"]
    header, rule, *lines = _columns([_LAYER_HEADER, *map(_layer_cells, layers)], left=5)
    body = [header, rule]
    for line, layer in zip(lines, layers, strict=True):
        body.append(line)
        body += [f"    {formula}" for formula in layer["formulas"] if formulas]
    return "\n".join([*_summary(description), "", *body]) + "\n"


def _architecture_row(facts: architectures.Facts) -> Row:
    return {
        "name": facts.name,
        "year": facts.year,
        "paper": str(facts.paper),
        "input": _by(facts.input_shape),
        "num_classes": facts.num_classes,
        "parameters": facts.parameters,
        "multiply_adds": facts.multiply_adds,
        "receptive_field": facts.receptive_field,
        "top1_error": facts.top1_error,
        "top5_error": facts.top5_error,
        "measured_on": facts.measured_on,
    }


def _list_cells(row: Row) -> tuple[str, ...]:
    counts = (f"{row[key]:,}" for key in ("parameters", "multiply_adds", "receptive_field"))
    errors = ("" if row[key] is None else f"{100 * row[key]:.2f}" for key in ("top1_error", "top5_error"))
    return (row["name"], str(row["year"]), row["input"], str(row["num_classes"]), *counts, *errors)


def _layer_row(layer: Layer) -> Row:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "options": layer.options,
        "padding": layer.padding,
        "input": _by(layer.input_shape),
        "output": _by(layer.output_shape),
        "parameters": layer.parameters,
        "multiply_adds": layer.multiply_adds,
        "receptive_field": _by(layer.receptive_field),
        "stride_in_pixels": _by(layer.jump),
        "formulas": list(layer.formulas),
    }


def _layer_cells(row: Row) -> tuple[str, ...]:
    words = (row[key] for key in ("name", "kind", "options", "padding", "output"))
    counts = (f"{row[key]:,}" if row[key] else "" for key in ("parameters", "multiply_adds"))
    return (*words, *counts, row["receptive_field"])


def _summary(description: Row) -> list[str]:
    heads = description["auxiliary_parameters"]
    options = ", ".join(f"{key}={default!r}" for key, default in description["options"].items())
    lines = [
        f"{description['name']}: {description['paper']}",
        f"input {description['input']}, {description['num_classes']} classes",
        f"{description['parameters']:,} parameters" + (f" and {heads:,} in auxiliary heads" if heads else ""),
        f"{description['multiply_adds']:,} multiply-adds",
        f"receptive field of the last map {description['receptive_field']:,} pixels",
    ]
    return [*lines, f"options: {options}"] if options else lines


def _columns(rows: Sequence[Sequence[str]], *, left: int) -> list[str]:
    """Pad cells to equal widths, the first `left` columns to the left, and rule off the header."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if position < left else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    header, *body = rows
    return [line(header), line(["-" * width for width in widths]), *map(line, body)]


def _by(numbers: Shape) -> str:
    return "x".join(map(str, numbers))
