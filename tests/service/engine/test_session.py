"""A session runs one network, tells which provider really runs it, and turns the runtime's failures into ours."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from service.engine.session import PROVIDERS, Session
from service.errors import ConfigurationError, InferenceError
from tests.networks import network, network_proto, node

HAS_CUDA: Final = PROVIDERS["cuda"] in onnxruntime.get_available_providers()
BATCH: Final = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)


def doubling(**options: Any) -> bytes:
    """Make a network whose output is twice its input."""
    return network([node("Add", ["input", "input"], ["output"])], **options)


def load(model: bytes, **options: Any) -> Session:
    """Load a network with the tensor names of these tests."""
    return Session.load(model, **{"input_name": "input", "output_name": "output", **options})


def test_a_network_runs_on_a_batch_of_any_size() -> None:
    """Each row of the output belongs to the row of the input."""
    session = load(doubling())
    for n in (1, 2, 7):
        batch = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
        np.testing.assert_array_equal(session.run(batch), 2 * batch)


def test_every_further_axis_of_the_output_is_laid_out_flat() -> None:
    """[N, 3, 1, 1], as convolutional heads give it, becomes [N, 3]."""
    model = network(
        [node("Unsqueeze", ["input", "axes"], ["output"])],
        outputs={"output": ("n", 3, 1, 1)},
        weights={"axes": np.array([2, 3], dtype=np.int64)},
    )
    np.testing.assert_array_equal(load(model).run(BATCH), BATCH)


def test_a_single_output_per_picture_keeps_its_axis() -> None:
    """One sigmoid comes as [N, 1] even where the network gives [N]."""
    model = network(
        [node("ReduceSum", ["input", "axes"], ["output"], keepdims=0)],
        outputs={"output": ("n",)},
        weights={"axes": np.array([1], dtype=np.int64)},
    )
    np.testing.assert_array_equal(load(model).run(np.vstack([BATCH, 2 * BATCH])), [[6.0], [12.0]])


def test_an_output_of_another_number_type_becomes_float32() -> None:
    """Half precision and integers come out as the numbers they are."""
    model = network([node("Cast", ["input"], ["output"], to=TensorProto.FLOAT16)], output_type=TensorProto.FLOAT16)
    values = load(model).run(BATCH)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, BATCH)


def test_a_network_of_bytes_takes_bytes() -> None:
    """A uint8 input gets a uint8 batch."""
    model = network([node("Cast", ["input"], ["output"], to=TensorProto.FLOAT)], input_type=TensorProto.UINT8)
    np.testing.assert_array_equal(load(model).run(np.array([[0, 128, 255]], dtype=np.uint8)), [[0, 128, 255]])


@pytest.mark.parametrize(
    ("shape", "fixed_batch"), [(("n", 3), None), ((1, 3), 1), ((4, 3), 4), (None, None), ((), None)], ids=str
)
def test_the_batch_size_that_a_network_insists_on_is_known(
    shape: tuple[int | str, ...] | None, fixed_batch: int | None
) -> None:
    """A number in the file is a promise; a name, or no shape at all, is freedom."""
    assert load(doubling(inputs={"input": shape})).fixed_batch == fixed_batch


def test_the_provider_in_use_is_reported_by_its_short_name() -> None:
    """The CPU is `cpu`."""
    assert load(doubling()).provider == "cpu"


@pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime has CUDA, so nothing falls back")
@pytest.mark.parametrize("providers", [("cuda",), ("cuda", "cpu")])
def test_a_provider_that_is_not_there_falls_back_to_the_cpu_and_says_so(providers: tuple[str, ...]) -> None:
    """Asked for CUDA on a machine without, the session runs and does not claim CUDA."""
    session = load(doubling(), providers=providers)
    assert session.provider == "cpu"
    np.testing.assert_array_equal(session.run(BATCH), 2 * BATCH)


@pytest.mark.skipif(not HAS_CUDA, reason="this ONNX Runtime has no CUDA")
def test_cuda_is_used_where_it_is_asked_for_and_there() -> None:
    """The first provider that works is the one in use."""
    session = load(doubling(), providers=("cuda", "cpu"))
    assert session.provider == "cuda"
    np.testing.assert_array_equal(session.run(BATCH), 2 * BATCH)


def test_an_unknown_provider_is_a_mistake_in_the_configuration() -> None:
    """A typing mistake does not fall back to the CPU without a word."""
    with pytest.raises(ConfigurationError, match="'cpuu'; providers are cpu, cuda"):
        load(doubling(), providers=("cuda", "cpuu"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"input_name": "x"}, "has no input tensor 'x'; it has 'input'"),
        ({"output_name": "y"}, "has no output tensor 'y'; it has 'output'"),
    ],
)
def test_a_wrong_tensor_name_is_told_with_the_right_ones(option: dict[str, str], message: str) -> None:
    """Who writes the manifest sees what the file has."""
    with pytest.raises(InferenceError, match=message):
        load(doubling(), **option)


@pytest.mark.parametrize("model", [b"", b"rubbish", doubling()[:-20]], ids=["empty", "rubbish", "cut short"])
def test_a_file_that_is_no_network_is_refused(model: bytes) -> None:
    """The runtime's own exception does not leave this file."""
    with pytest.raises(InferenceError, match="does not load the network"):
        load(model)


def test_a_name_that_is_no_text_refuses_the_network() -> None:
    """The runtime takes the bytes and stumbles over them when it is asked for the shape."""
    good = doubling(inputs={"input": ("size", 3)})
    bad = good.replace(b"size", b"siz\xe7")
    assert bad != good
    with pytest.raises(InferenceError, match="does not load the network"):
        load(bad)


def test_a_file_in_the_format_of_the_runtime_itself_is_refused() -> None:
    """ORT files would load without having been looked into: only ONNX is read, whatever the bytes resemble."""
    with pytest.raises(InferenceError, match="INVALID_PROTOBUF"):
        load(b"\x14\0\0\0ORTM" + bytes(100))


def failing(operator: str, **attributes: Any) -> list[Any]:
    """Make one node from `input` to `output`."""
    return [node(operator, ["input"], ["output"], **attributes)]


def table_network() -> bytes:
    """Make a network as scikit-learn's exporters do: it answers with a dictionary per row."""
    zip_map = failing("ZipMap", domain="ai.onnx.ml", classlabels_strings=["a", "b", "c"])
    model = network_proto(zip_map, opsets={"": 20, "ai.onnx.ml": 1})
    model.graph.output[0].ClearField("type")
    data: bytes = model.SerializeToString()
    return data


BAD_OUTPUTS: Final[dict[str, tuple[bytes, NDArray[np.float32]]]] = {
    "NaN": (network(failing("Sqrt")), -BATCH),
    "infinite": (network(failing("Log")), 0 * BATCH),
    "one number for two pictures": (
        network([node("ReduceSum", ["input"], ["output"], keepdims=0)], outputs={"output": ()}),
        np.vstack([BATCH, BATCH]),
    ),
    "three rows for two pictures": (
        network(
            [node("Gather", ["input", "rows"], ["output"])],
            outputs={"output": ("m", 3)},
            weights={"rows": np.array([0, 1, 0])},
        ),
        np.vstack([BATCH, BATCH]),
    ),
    "no number at all": (
        network(
            [node("Slice", ["input", "start", "end"], ["output"])],
            outputs={"output": ("m", 3)},
            weights={"start": np.array([5]), "end": np.array([6])},
        ),
        BATCH,
    ),
    "a table of words and numbers": (
        table_network(),
        BATCH,
    ),
    "words": (
        network([node("Cast", ["input"], ["numbers"], to=TensorProto.STRING), node(
            "StringConcat", ["numbers", "x"], ["output"])],
            output_type=TensorProto.STRING,
            weights={"x": np.array(["x"], dtype=object)},
        ),
        BATCH,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_OUTPUTS)
def test_an_output_that_is_not_one_row_of_finite_numbers_per_picture_is_an_error(case: str) -> None:
    """Nothing that cannot be probabilities gets further."""
    model, batch = BAD_OUTPUTS[case]
    with pytest.raises(InferenceError, match="The network gave"):
        load(model).run(batch)


def test_a_network_that_needs_a_second_input_is_an_error() -> None:
    """A picture is all that there is to give."""
    model = network([node("Add", ["input", "second"], ["output"])], inputs={"input": ("n", 3), "second": ("n", 3)})
    with pytest.raises(InferenceError, match="second"):
        load(model).run(BATCH)


@pytest.mark.parametrize("batch", [np.zeros((1, 4), np.float32), np.zeros((1, 3), np.uint8), np.zeros(3, np.float32)])
def test_a_batch_of_the_wrong_form_is_an_error(batch: NDArray[Any]) -> None:
    """Neither another shape nor another type crashes the process."""
    with pytest.raises(InferenceError, match="The network failed on a batch of shape"):
        load(doubling()).run(batch)


def test_several_threads_get_their_own_answers_at_once() -> None:
    """Eight threads that start together, fifty runs each: nobody sees another's numbers."""
    session = load(doubling())
    threads = 8
    together = threading.Barrier(threads)

    def check(number: int) -> bool:
        together.wait()
        batches = [np.full((1, 3), number * 1000 + run, dtype=np.float32) for run in range(50)]
        return all(np.array_equal(session.run(batch), 2 * batch) for batch in batches)

    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(check, range(threads)))


def test_the_runtime_gets_the_threads_it_is_told_and_does_not_spin() -> None:
    """Left alone it would count the host's cores and burn them while it waits."""
    options = load(doubling(), threads=3)._runtime.get_session_options()
    assert options.intra_op_num_threads == 3
    assert options.inter_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_telemetry_is_off_before_the_runtime_is_imported() -> None:
    """The runtime reads the variable while it is imported: it stands there at that moment, whatever it was before."""
    probe = (
        "import os, sys\n"
        "class Probe:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            print(os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
        "sys.meta_path.insert(0, Probe())\n"
        "import service.engine.session\n"
    )
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"]
