"""Networks quantised by ONNX Runtime's own tool are served, each with the care that its kind needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnxruntime import quantization

from service.engine.predictor import Sent
from tests.foreign_networks import convolution_classifier, write
from tests.model_folders import picture
from tests.service.adding.conftest import RGB, Bring, answers, loaded


class Noise(quantization.CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime ships no types
    """Pictures to calibrate with: noise in 0..1."""

    def __init__(self) -> None:
        numbers = np.random.default_rng(0)
        self._left: Iterator[Any] = iter([{"image": numbers.random((1, 3, 8, 8), dtype=np.float32)} for _ in range(8)])

    def get_next(self) -> Any:
        """Give the next one, or None."""
        return next(self._left, None)


@pytest.fixture
def quantised(tmp_path: Path) -> Callable[[str], Path]:
    """Quantise the network of a convolution and a product."""

    def make(kind: str) -> Path:
        source, target = write(convolution_classifier(), tmp_path / "plain.onnx"), tmp_path / f"{kind}.onnx"
        if kind == "dynamic":
            quantization.quantize_dynamic(source, target, op_types_to_quantize=["Conv", "MatMul"])
        else:
            form = {"qdq": quantization.QuantFormat.QDQ, "qoperator": quantization.QuantFormat.QOperator}[kind]
            quantization.quantize_static(source, target, Noise(), quant_format=form)
        return target

    return make


@pytest.mark.parametrize("kind", ["qdq", "qoperator"])
def test_static_graphs_take_batches(
    bring: Bring, labels_file: Callable[..., Path], quantised: Callable[[str], Path], kind: str
) -> None:
    """Their scales are constants, so that company changes nothing."""
    added = bring(quantised(kind), labels=labels_file(*RGB))
    assert added.manifest.variants[0].precision == "int8"
    assert added.manifest.input.batch is None
    assert answers(added, *RGB) == list(RGB)


def test_dynamic_graphs_run_one_picture_at_a_time(
    bring: Bring, labels_file: Callable[..., Path], quantised: Callable[[str], Path]
) -> None:
    """Their scales come from the whole batch, so that a bright neighbour would change the answer for a dark one."""
    path = quantised("dynamic")
    assert "DynamicQuantizeLinear" in {node.op_type for node in onnx.load(path).graph.node}
    added = bring(path, labels=labels_file(*RGB))
    assert added.manifest.variants[0].precision == "int8"
    assert added.manifest.input.batch == 1
    dark = picture((37, 29, 31))
    classifier = loaded(added.stored)
    in_company = classifier.classify_each([Sent(dark), Sent(picture("white"))], alone=False)[0]
    np.testing.assert_array_equal(in_company.probabilities, classifier.classify(dark).probabilities)  # type: ignore[union-attr]  # it does not fail
    assert answers(added, *RGB) == list(RGB)
