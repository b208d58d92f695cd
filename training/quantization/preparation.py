"""A graph made ready for quantising: normalisation folded into layers, shapes known, every node named.

The runtime's own preparation does the folding; it is fed through files, because from memory it takes the weights out of
the graph and then misses the sizes that some operators keep there.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it ships no types
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.quantization.errors import QuantizationError
from training.quantization.folding import move_normalization_before_pooling
from training.quantization.layers import with_names
from training.quantization.quiet import quietly
from training.quantization.sharing import share_equal_weights

_FOLDER = "convserve-quantize-"
_LEAST_OPSET = 13
_ALREADY = frozenset({"QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger"})


def prepared(network: bytes) -> onnx.ModelProto:
    """Read an ONNX file of float32 and bring it into the form that quantising starts from.

    Raises:
        QuantizationError: It is no ONNX file, is quantised already, or its shapes cannot be found out.

    """
    try:
        model = onnx.load_model_from_string(network)
    except DecodeError as error:
        raise QuantizationError(f"The network is no ONNX file: {error}") from error
    opset = max((opset.version for opset in model.opset_import if opset.domain in {"", "ai.onnx"}), default=0)
    if opset < _LEAST_OPSET:
        raise QuantizationError(
            f"The network is written in opset {opset}; a scale for each channel needs {_LEAST_OPSET} or later, so "
            "export it again."
        )
    found = sorted(_ALREADY & {node.op_type for node in model.graph.node})
    if found:
        raise QuantizationError(f"The network is quantised already: it holds {', '.join(found)}; start from float32.")
    with tempfile.TemporaryDirectory(prefix=_FOLDER) as folder, quietly():
        before, after = Path(folder, "before.onnx"), Path(folder, "after.onnx")
        onnx.save_model(move_normalization_before_pooling(model), before)
        try:
            # convolutional networks need no symbolic shapes, and those would take one library more
            quant_pre_process(before, after, skip_symbolic_shape=True)
        except (RuntimeError, ValueError, onnx.shape_inference.InferenceError) as error:
            raise QuantizationError(f"The network's shapes cannot be found out: {error}") from error
        return share_equal_weights(with_names(onnx.load_model(after)))
