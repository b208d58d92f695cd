"""What is read from an ONNX file without the onnx package is what the onnx package reads in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from onnx import TensorProto, helper

from service.adding.signature import Operator, TensorInfo, read_signature
from service.errors import UnsafeModelError
from service.repository.inspection import require_safe
from tests.foreign_networks import color_classifier, convolution_classifier, several_inputs, several_outputs
from tests.model_folders import color_network
from tests.service.repository.onnx_files import PATH, damaged_models
from tests.service.repository.test_inspection import FOREIGN_MODELS

NUMBERS = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.UINT8: "uint8"}


def require_equal_to_onnx(data: bytes) -> None:
    """Compare inputs, outputs, operators, weights and notes."""
    found, graph = read_signature(data, path=PATH), onnx.load_from_string(data).graph
    weights = {weight.name for weight in graph.initializer}
    assert [each.name for each in found.inputs] == [each.name for each in graph.input if each.name not in weights]
    assert [each.name for each in found.outputs] == [each.name for each in graph.output]
    for each, declared in zip(found.outputs, graph.output, strict=True):
        tensor = declared.type.tensor_type
        assert each.dtype == NUMBERS[tensor.elem_type]
        sizes = tuple(size.dim_param or size.dim_value or None for size in tensor.shape.dim)
        assert each.shape == (sizes if tensor.HasField("shape") else None)
    assert found.operators == Counter(node.op_type for node in graph.node)
    assert sum(found.weights.values()) == sum(int(np.prod(weight.dims)) for weight in graph.initializer)
    for node in graph.node:
        for name in node.output:
            assert found.producers[name] == Operator(node.op_type, tuple(node.input))


@pytest.mark.parametrize(
    "model",
    [
        color_classifier(opset=8, batch=1),
        color_classifier(opset=23, layout="NHW", channels=1, dtype="float16"),
        color_classifier(open_axes=True, dtype="uint8"),
        several_inputs(),
        several_outputs(),
        convolution_classifier(),
    ],
)
def test_a_file_declares_what_the_onnx_package_reads_in_it(model: onnx.ModelProto) -> None:
    """Old and new files, with sizes, names and without either."""
    require_equal_to_onnx(model.SerializeToString())


@pytest.mark.parametrize("name", ["cntk-mnist-opset8-batch1.onnx", "mobilenetv2-12-qdq.imagenet.onnx"])
def test_files_of_other_programs_declare_what_the_onnx_package_reads_in_them(name: str) -> None:
    """Networks exported by CNTK and quantised by ONNX Runtime's own tool."""
    path = FOREIGN_MODELS / name
    if not path.is_file():
        pytest.skip(f"{path} is not there; CONVSERVE_TEST_DATA names the folder that holds foreign-models")
    require_equal_to_onnx(path.read_bytes())


def test_notes_and_producer_are_read() -> None:
    """Keys and values as they are."""
    found = read_signature(color_classifier(metadata={"names": "a,b", "": "x"}).SerializeToString(), path=PATH)
    assert (found.metadata, found.producer) == ({"names": "a,b", "": "x"}, "tests")


def test_what_is_no_tensor_is_said() -> None:
    """Converters of other kinds of model give sequences of maps."""
    model = color_classifier()
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    model.graph.output.append(helper.make_value_info("list", kind))
    model.graph.output.append(onnx.ValueInfoProto(name="nothing"))
    *_, sequence, nothing = read_signature(model.SerializeToString(), path=PATH).outputs
    assert sequence == TensorInfo("list", "not a tensor", None)
    assert nothing == TensorInfo("nothing", "of no declared type", None)
    assert str(sequence) == "'list' not a tensor [shape not declared]"


def test_sparse_weights_are_no_inputs() -> None:
    """A network of an old version lists these too."""
    model = color_classifier()
    sparse = onnx.SparseTensorProto(dims=[4])
    sparse.values.CopyFrom(onnx.numpy_helper.from_array(np.ones(2, dtype=np.float32), "thin"))
    sparse.indices.CopyFrom(onnx.numpy_helper.from_array(np.array([0, 3], dtype=np.int64), "places"))
    model.graph.sparse_initializer.append(sparse)
    model.graph.input.append(helper.make_tensor_value_info("thin", TensorProto.FLOAT, [4]))
    assert [each.name for each in read_signature(model.SerializeToString(), path=PATH).inputs] == ["image"]


def test_a_shape_in_packed_form_is_read_and_an_endless_one_cut_off() -> None:
    """Two ways to write repeated numbers; a hostile one costs nothing."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT)
    packed = weight.SerializeToString() + b"\x0a\x03\x02\x80\x01"
    endless = weight.SerializeToString() + b"\x0a\x80\x80\x40" + b"\xff" * 2**20
    for tensor, count in ((packed, 256), (endless, 1)):
        graph = b"\x2a" + _length(len(tensor)) + tensor
        found = read_signature(b"\x3a" + _length(len(graph)) + graph, path=PATH)
        assert found.weights["float32"] == count


def _length(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


@settings(max_examples=300)
@given(damaged_models())
def test_damaged_files_are_read_or_refused(data: bytes) -> None:
    """Nothing else happens, whatever is in them."""
    try:
        require_safe(data, path=Path("x"))
        read_signature(data, path=Path("x"))
    except UnsafeModelError:
        return


def test_the_networks_of_other_tests_are_read() -> None:
    """One that is served all the time."""
    require_equal_to_onnx(color_network(busy_work=2))
