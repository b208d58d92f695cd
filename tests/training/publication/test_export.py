"""`training.publication.export`: one file that takes any batch and computes what PyTorch computes, or an error."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from service.engine.session import Session
from tests.training.data_sets import shape_recipe
from training.errors import ExportError
from training.learning.network import build_network
from training.publication.export import ExportedModel, export_model, require_parity


def _images(count: int = 7) -> torch.Tensor:
    return torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """LeNet-5 with weights of which none is zero."""
    torch.manual_seed(0)
    made = build_network(shape_recipe(), num_classes=10)
    for weights in made.parameters():
        nn.init.normal_(weights, std=0.1)
    return made


@pytest.fixture(scope="module")
def exported(network: nn.Module) -> ExportedModel:
    """The network as ONNX."""
    return export_model(network, images_NCHW=_images())


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 64])
def test_file_takes_any_batch_and_gives_pytorchs_probabilities(
    network: nn.Module, exported: ExportedModel, batch: int
) -> None:
    """Also for batches that were not compared during the export."""
    session = Session.load(exported.onnx, input_name="input", output_name="probabilities")
    assert session.fixed_batch is None
    images_NCHW = torch.randn(batch, 1, 28, 28)
    with torch.inference_mode():
        expected_NK = torch.softmax(network.eval()(images_NCHW), dim=1).numpy()
    assert np.allclose(session.run(images_NCHW.numpy()), expected_NK, atol=1e-6)


def test_file_has_one_input_one_output_and_nothing_outside_itself(exported: ExportedModel) -> None:
    """Names are the manifest's, the batch is symbolic, the operators are standard, the weights are inside."""
    model = onnx.load_from_string(exported.onnx)
    assert [tensor.name for tensor in model.graph.input] == ["input"]
    assert [tensor.name for tensor in model.graph.output] == ["probabilities"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert [opset.domain for opset in model.opset_import] == [""]
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in model.graph.initializer)
    assert 0 < exported.largest_difference < 1e-4


def test_file_tells_nothing_of_the_machine_that_made_it(exported: ExportedModel) -> None:
    """No path, no stack trace, no module name of ours travels with the weights."""
    for secret in (b".py", b"site-packages", b"/training", b"stack_trace"):
        assert secret not in exported.onnx


def test_dropout_is_off_in_the_file() -> None:
    """A network that was left in training mode is exported as it evaluates."""
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 3)).train()
    made = export_model(network, images_NCHW=torch.randn(7, 1, 2, 2))
    assert "Dropout" not in {node.op_type for node in onnx.load_from_string(made.onnx).graph.node}


def _with_logits(network: nn.Module, *, batch: int | str = "batch", shift: float = 0.0) -> bytes:
    """Write the ONNX file of a linear network by hand."""
    linear = network[1]  # type: ignore[index]  # a Sequential
    weight = onnx.numpy_helper.from_array(linear.weight.detach().numpy(), "w")
    bias = onnx.numpy_helper.from_array(linear.bias.detach().numpy() + np.float32(shift), "b")
    shape = onnx.numpy_helper.from_array(np.array([-1, 4]), "shape")
    nodes = [
        onnx.helper.make_node("Reshape", ["input", "shape"], ["flat"]),
        onnx.helper.make_node("Gemm", ["flat", "w", "b"], ["logits"], transB=1),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [batch, 1, 2, 2])],
        [onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, [batch, 3])],
        [weight, bias, shape],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    data: bytes = model.SerializeToString()
    return data


def test_parity_tells_rounding_from_error() -> None:
    """The true graph passes; one whose logits are off by a thousandth does not."""
    network, images = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.randn(7, 1, 2, 2)
    assert require_parity(_with_logits(network), network, images_NCHW=images) < 1e-5
    with pytest.raises(ExportError, match=r"differ by 0\.001 in a logit for a batch of 1"):
        require_parity(_with_logits(network, shift=0.001), network, images_NCHW=images)


def test_parity_finds_a_graph_that_takes_one_batch_size_only() -> None:
    """A session would split and pad for it, so it is refused before anything is compared."""
    network, images = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.randn(7, 1, 2, 2)
    with pytest.raises(ExportError, match="takes batches of 1 only"):
        require_parity(_with_logits(network, batch=1), network, images_NCHW=images)
