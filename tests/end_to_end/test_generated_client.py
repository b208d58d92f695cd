"""A client generated from the OpenAPI document works: the document says enough, and the truth."""

from __future__ import annotations

import base64
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.end_to_end.clients.garment import FILE, INDEX, LABEL, MODEL
from tests.end_to_end.processes import Service

pytestmark = pytest.mark.skipif(
    find_spec("openapi_python_client") is None, reason="openapi-python-client is not installed"
)

_PACKAGE = "generated_convserve_client"
_PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def generated(served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ModuleType]]:
    """Generate a client from what the running service tells of itself, and import parts of it by name."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_bytes(httpx.get(f"{served.url}/openapi.json", timeout=60).content)
    (folder / "config.json").write_text(json.dumps({"post_hooks": []}))
    command = ["-m", "openapi_python_client", "generate", "--meta", "none", "--path", "openapi.json"]
    done = subprocess.run(
        [sys.executable, *command, "--config", "config.json", "--output-path", _PACKAGE],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"{_PACKAGE}.{name}")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def client(served: Service, generated: Callable[[str], ModuleType]) -> Iterator[Any]:
    """Connect the generated client."""
    with generated("client").Client(base_url=served.url, timeout=httpx.Timeout(60)) as client:
        yield client


def test_generated_client_classifies_a_picture(client: Any, generated: Callable[[str], ModuleType]) -> None:
    """Through the service's own route, as raw bytes and as a form, into typed values."""
    route = generated("api.predict.predict_model_models_name_predict_post")
    form = generated("models").PredictModelModelsNamePredictPostFilesBody
    file = generated("types").File
    for body in (file(BytesIO(FILE.read_bytes())), form(file(BytesIO(FILE.read_bytes()), "boot.png", "image/png"))):
        answer = route.sync(MODEL, client=client, body=body, top_k=2)
        assert (answer.predictions[0].index, answer.predictions[0].label) == (INDEX, LABEL)
        assert (len(answer.predictions), answer.model.name) == (2, MODEL)


def test_generated_client_speaks_the_open_inference_protocol(
    client: Any, generated: Callable[[str], ModuleType]
) -> None:
    """A typed request with a picture, and a typed answer with its class."""
    models = generated("models")
    sent = models.InputTensor("input", [1], "BYTES", data=[base64.b64encode(FILE.read_bytes()).decode()])
    best = models.WantedTensorParametersType0.from_dict({"classification": 1})
    request = models.InferenceRequest([sent], outputs=[models.WantedTensor("probabilities", best)], id="9")
    route = generated("api.open_inference_protocol.infer_v2_models_name_infer_post")
    answer = route.sync(MODEL, client=client, body=request)
    assert (answer.id, answer.outputs[0].shape) == ("9", [1, 1])
    assert answer.outputs[0].data[0].endswith(f":{INDEX}:{LABEL}")


def test_generated_client_reads_errors_as_what_they_are(client: Any, generated: Callable[[str], ModuleType]) -> None:
    """A problem on the service's own routes, the protocol's error object on the others."""
    route = generated("api.predict.predict_model_models_name_predict_post")
    file = generated("types").File
    problem = route.sync("nobody", client=client, body=file(BytesIO(Path(FILE).read_bytes())))
    assert (problem.status, "known models" in problem.detail) == (404, True)
    error = generated("api.open_inference_protocol.describe_model_v2_models_name_get").sync("nobody", client=client)
    assert "known models" in error.error
