"""PyTorch -> ONNX, in one file, and the proof that both compute the same.

The graph takes a batch of any size and ends in a softmax. What is compared are the logits before it, where a difference
cannot hide, on batches of 1, 2 and 7: a graph that was traced with a fixed batch fails there.

Axes: N pictures, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from service.engine.session import Session
from service.errors import InferenceError
from training.data.preprocessing import INPUT_NAME
from training.errors import ExportError

OUTPUT_NAME = "probabilities"
PARITY_BATCHES = (1, 2, 7)
_LOGITS = "logits"
_OPSET = 20  # torch's own default, and old enough for every ONNX Runtime of the last two years
_LARGEST_BATCH = 65_536
_TOLERANCE = 1e-4  # of the largest logit; float32 sums in another order differ by about 1e-6


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """An ONNX file that was proved equal to its network.

    Args:
        onnx: The bytes of the file.
        largest_difference: Largest absolute difference of a logit from PyTorch's that was seen.
        temperature: By which the file divides the logits before the softmax.

    """

    onnx: bytes
    largest_difference: float
    temperature: float = 1.0


class _Classifier(nn.Module):
    """A network with its temperature and softmax; the logits stay visible for the comparison."""

    def __init__(self, network: nn.Module, *, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, images_NCHW: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits_NK = self.network(images_NCHW)
        if self.temperature != 1:
            logits_NK = logits_NK / self.temperature
        return logits_NK, torch.softmax(logits_NK, dim=1)


def export_model(network: nn.Module, *, images_NCHW: torch.Tensor, temperature: float = 1.0) -> ExportedModel:
    """Export a network and compare the file with it.

    Args:
        network: On the CPU, with its final weights; it is left in evaluation mode.
        images_NCHW: At least 7 real inputs, normalised.
        temperature: By which the file divides the logits before the softmax.

    Raises:
        ExportError: The file is no valid ONNX, fixes the batch size, or computes something else.

    """
    model = _traced(_Classifier(network, temperature=temperature).eval(), example_NCHW=images_NCHW[:2])
    _strip(model)
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ExportError(f"The exported graph is no valid ONNX: {error}") from error
    if not model.graph.input[0].type.tensor_type.shape.dim[0].dim_param:
        raise ExportError("The exported graph takes only one batch size; look for shapes that the network fixes.")
    largest_difference = require_parity(
        model.SerializeToString(), network, images_NCHW=images_NCHW, temperature=temperature
    )
    kept = [output for output in model.graph.output if output.name == OUTPUT_NAME]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    return ExportedModel(model.SerializeToString(), largest_difference, temperature)


def require_parity(model: bytes, network: nn.Module, *, images_NCHW: torch.Tensor, temperature: float = 1.0) -> float:
    """Compare the logits of a graph with those of a network on real, random and extreme inputs.

    Returns:
        The largest absolute difference.

    Raises:
        ExportError: A difference is too large, or the runtime does not take a batch.

    """
    session = Session.load(model, input_name=INPUT_NAME, output_name=_LOGITS)
    if session.fixed_batch is not None:  # the session would split and pad
        raise ExportError(f"The exported graph takes batches of {session.fixed_batch} only; look for fixed shapes.")
    largest = 0.0
    for batch_NCHW in _probes(images_NCHW):
        with torch.inference_mode():
            expected_NK: NDArray[np.float32] = (network(batch_NCHW) / temperature).numpy()
        try:
            actual_NK = session.run(batch_NCHW.numpy())
        except InferenceError as error:
            raise ExportError(f"The exported graph does not take a batch of {len(batch_NCHW)}: {error}") from error
        difference = float(np.abs(actual_NK - expected_NK).max())
        allowed = _TOLERANCE * max(1.0, float(np.abs(expected_NK).max()))
        if difference > allowed:
            raise ExportError(
                f"ONNX and PyTorch differ by {difference:.2g} in a logit for a batch of {len(batch_NCHW)}; "
                f"{allowed:.2g} would be rounding."
            )
        largest = max(largest, difference)
    return largest


def _probes(images_NCHW: torch.Tensor) -> Iterator[torch.Tensor]:
    """Give batches of each size: real pictures, noise, and the darkest and brightest values there are."""
    noise = torch.randn(images_NCHW[: max(PARITY_BATCHES)].shape, generator=torch.Generator().manual_seed(0))
    for size in PARITY_BATCHES:
        yield images_NCHW[:size]
        yield noise[:size]
        yield torch.full_like(noise[:size], float(images_NCHW.min()))
        yield torch.full_like(noise[:size], float(images_NCHW.max()))


def _traced(classifier: nn.Module, *, example_NCHW: torch.Tensor) -> onnx.ModelProto:
    # The example has 2 pictures: tracing is known to take sizes of 1 for constants.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it reports that torchvision is absent, four times
    with warnings.catch_warnings():
        # torch calls a part of itself that it has deprecated
        warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)`", category=FutureWarning)
        program = torch.onnx.export(
            classifier,
            (example_NCHW,),
            input_names=[INPUT_NAME],
            output_names=[_LOGITS, OUTPUT_NAME],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=_LARGEST_BATCH)},),
            opset_version=_OPSET,
            dynamo=True,
            optimize=True,
            verbose=False,
        )
    return cast(torch.onnx.ONNXProgram, program).model_proto  # None only from the exporter that is not used here


def _strip(model: onnx.ModelProto) -> None:
    """Remove what tells of the machine and the code that exported: stack traces, paths, traced names."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]
    graph.name = "network"
