"""Numbers of half the width: weights and tensors as float16, for GPUs.

Input and output stay float32, so the service feeds both files alike. Softmax and local response normalisation stay
float32 too: squares and exponentials leave the range of float16, whose largest number is 65,504. A processor without
float16 arithmetic casts to and fro and gains nothing.
"""

from __future__ import annotations

from collections.abc import Collection

import onnx

from training.quantization.int8 import written
from training.quantization.quiet import quietly

_FLOAT32_TYPES = ("Softmax", "LRN")


def to_fp16(model: onnx.ModelProto, *, nodes: Collection[str]) -> bytes:
    """Write the fp16 file.

    Args:
        model: With a name for every node; left as it is.
        nodes: Names of the nodes that become float16.

    """
    # a folder of scripts that puts itself on the module path: not before somebody wants it
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16  # noqa: PLC0415

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    with quietly():
        half: onnx.ModelProto = convert_float_to_float16(
            copy,
            keep_io_types=True,
            op_block_list=[*DEFAULT_OP_BLOCK_LIST, *_FLOAT32_TYPES],
            node_block_list=[node.name for node in model.graph.node if node.name not in nodes],
        )
    return written(half)
