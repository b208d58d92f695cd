"""Triton's own client, in its two kinds, against a running service: nothing of it knows that this is no Triton."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.end_to_end.clients.garment import (
    FILE,
    INDEX,
    LABEL,
    MODEL,
    OTHER_FILE,
    OTHER_INDEX,
    probabilities,
    tensors,
)
from tests.end_to_end.processes import Service

triton = pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")
aio = pytest.importorskip("tritonclient.http.aio", reason="tritonclient[http] is not installed")
utils = pytest.importorskip("tritonclient.utils")


@pytest.fixture
def client(served: Service) -> Iterator[Any]:
    """Connect the synchronous client."""
    with triton.InferenceServerClient(served.url.removeprefix("http://"), network_timeout=60) as client:
        yield client


def tensor_input(*, binary: bool = True, kind: Any = triton) -> Any:
    """Two garments as the network's own tensor."""
    values = tensors(FILE, OTHER_FILE)
    sent = kind.InferInput("input", list(values.shape), "FP32")
    sent.set_data_from_numpy(values, binary_data=binary)
    return sent


def picture_input(*elements: bytes | str, binary: bool = True, kind: Any = triton) -> Any:
    """Encoded pictures, or what should be some."""
    sent = kind.InferInput("input", [len(elements)], "BYTES")
    sent.set_data_from_numpy(np.array(elements, dtype=np.object_), binary_data=binary)
    return sent


def test_server_and_model_are_found_ready_and_describe_themselves(client: Any) -> None:
    """The metadata names what the network takes and gives, with -1 for the batch alone."""
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, "1")
    assert not client.is_model_ready("nobody")
    assert not client.is_model_ready(MODEL, "7")
    assert {"binary_tensor_data", "classification"} <= set(client.get_server_metadata()["extensions"])
    metadata = client.get_model_metadata(MODEL, "1")
    assert metadata["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 1, 28, 28]}]
    assert metadata["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}]
    assert {(entry["name"], entry["state"]) for entry in client.get_model_repository_index()} >= {(MODEL, "READY")}


@pytest.mark.parametrize("binary", [True, False])
def test_tensor_is_classified_as_the_picture_that_it_was_made_of(served: Service, client: Any, *, binary: bool) -> None:
    """Scores come back as they are on the service's own route, whichever way the tensor travels."""
    outputs = [triton.InferRequestedOutput("probabilities", binary_data=binary)]
    result = client.infer(MODEL, [tensor_input(binary=binary)], outputs=outputs, request_id="order 1")
    scores = result.as_numpy("probabilities")
    assert scores.dtype == np.float32
    assert scores.argmax(axis=1).tolist() == [INDEX, OTHER_INDEX]
    np.testing.assert_allclose(scores[0], probabilities(served.url), rtol=0, atol=1e-6)
    response = result.get_response()
    assert (response["model_name"], response["model_version"], response["id"]) == (MODEL, "1", "order 1")


def test_outputs_that_are_not_named_come_as_binary_data(client: Any) -> None:
    """The client then asks for all of them at once, by a parameter of the request."""
    result = client.infer(MODEL, [tensor_input()], model_version="1")
    assert result.get_output("probabilities")["parameters"]["binary_data_size"] == 2 * 10 * 4
    assert result.as_numpy("probabilities").shape == (2, 10)


@pytest.mark.parametrize("binary", [True, False])
def test_encoded_pictures_are_decoded_and_classified(served: Service, client: Any, *, binary: bool) -> None:
    """The bytes of the files, or base64 of them where they have to be text."""
    import base64

    files = [FILE.read_bytes(), OTHER_FILE.read_bytes()]
    elements = files if binary else [base64.b64encode(file).decode() for file in files]
    scores = client.infer(MODEL, [picture_input(*elements, binary=binary)]).as_numpy("probabilities")
    assert scores.argmax(axis=1).tolist() == [INDEX, OTHER_INDEX]
    np.testing.assert_allclose(scores[0], probabilities(served.url), rtol=0, atol=1e-6)


@pytest.mark.parametrize("binary", [True, False])
def test_classification_extension_gives_the_best_classes_as_texts(client: Any, *, binary: bool) -> None:
    """Each is score, index and label, the best first."""
    outputs = [triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=3)]
    texts = client.infer(MODEL, [tensor_input()], outputs=outputs).as_numpy("probabilities")
    assert texts.shape == (2, 3)
    first = texts[0, 0].decode() if binary else texts[0, 0]
    score, index, label = first.split(":")
    assert (index, label) == (str(INDEX), LABEL)
    assert float(score) > 0.9


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_requests_and_answers_are_understood(client: Any, algorithm: str) -> None:
    """A batch whose answer is long enough to be compressed comes back whole."""
    values = np.repeat(tensors(FILE, OTHER_FILE), 20, axis=0)
    sent = triton.InferInput("input", list(values.shape), "FP32").set_data_from_numpy(values)
    result = client.infer(
        MODEL, [sent], request_compression_algorithm=algorithm, response_compression_algorithm=algorithm
    )
    assert result.as_numpy("probabilities").argmax(axis=1).tolist() == [INDEX] * 20 + [OTHER_INDEX] * 20


def test_priority_and_timeout_are_taken(client: Any) -> None:
    """The schedule policy's parameters do not disturb; a time that is too short is told."""
    assert client.infer(MODEL, [tensor_input()], priority=2, timeout=60_000_000).as_numpy("probabilities") is not None
    with pytest.raises(utils.InferenceServerException, match="No answer within") as caught:
        client.infer(MODEL, [tensor_input()], timeout=1)
    assert caught.value.status() == "504"


@pytest.mark.parametrize(
    ("model", "sent", "status", "words"),
    [
        ("nobody", tensor_input, "404", "known models"),
        (MODEL, lambda: picture_input(b"no picture"), "415", "Element 0 of input 'input'"),
        (
            MODEL,
            lambda: triton.InferInput("data", [1], "FP32").set_data_from_numpy(np.ones(1, np.float32)),
            "400",
            "'data'",
        ),
        (
            MODEL,
            lambda: triton.InferInput("input", [1], "INT8").set_data_from_numpy(np.ones(1, np.int8)),
            "400",
            "INT8",
        ),
    ],
    ids=["model", "picture", "name", "datatype"],
)
def test_errors_reach_the_caller_in_words(client: Any, model: str, sent: Any, status: str, words: str) -> None:
    """The client finds status and message where the protocol puts them."""
    with pytest.raises(utils.InferenceServerException, match=words) as caught:
        client.infer(model, [sent()])
    assert caught.value.status() == status


async def test_asyncio_client_does_all_of_it(served: Service) -> None:
    """Metadata, tensors, pictures, classes and an error, through the client for event loops."""
    async with aio.InferenceServerClient(served.url.removeprefix("http://"), conn_timeout=60) as client:
        assert await client.is_server_ready()
        assert (await client.get_model_metadata(MODEL))["platform"] == "onnxruntime_onnx"
        tensor = await client.infer(MODEL, [tensor_input(kind=aio)], request_compression_algorithm="gzip")
        assert tensor.as_numpy("probabilities").argmax(axis=1).tolist() == [INDEX, OTHER_INDEX]
        outputs = [aio.InferRequestedOutput("probabilities", class_count=1)]
        classes = await client.infer(MODEL, [picture_input(FILE.read_bytes(), kind=aio)], outputs=outputs)
        assert classes.as_numpy("probabilities")[0, 0].endswith(f":{INDEX}:{LABEL}".encode())
        with pytest.raises(utils.InferenceServerException, match="known models"):
            await client.get_model_metadata("nobody")
