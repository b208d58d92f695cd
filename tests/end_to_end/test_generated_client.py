"""A client generated from the OpenAPI document works: the document says enough, and the truth."""

from __future__ import annotations

import base64
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from types import ModuleType
from typing import Any

import httpx
import pytest

from tests.end_to_end.clients.garment import FILE, INDEX, LABEL, MODEL
from tests.end_to_end.processes import Service

pytestmark = pytest.mark.skipif(
    find_spec("openapi_python_client") is None, reason="openapi-python-client is not installed"
)

PREDICT = "/models/{name}/predict"
_PACKAGE = "generated_convserve_client"
_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Generated:
    """A generated package.

    Args:
        document: What it was generated from.

    """

    document: dict[str, Any]

    def part(self, name: str) -> ModuleType:
        """Import a module of it."""
        return importlib.import_module(f"{_PACKAGE}.{name}")

    def operation_id(self, method: str, path: str) -> str:
        """Say what the document calls an operation; the generator names modules and bodies after it."""
        return re.sub(r"_+", "_", self.document["paths"][path][method]["operationId"])

    def call(self, method: str, path: str) -> ModuleType:
        """Import the module of an operation."""
        (tag,) = self.document["paths"][path][method]["tags"]
        return self.part(f"api.{tag.replace(' ', '_')}.{self.operation_id(method, path)}")

    def form(self, method: str, path: str) -> Any:
        """Find the type of an operation's multipart body."""
        words = self.operation_id(method, path).split("_")
        return getattr(self.part("models"), "".join(map(str.capitalize, words)) + "FilesBody")


@pytest.fixture(scope="module")
def generated(served: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    """Generate a client from what the running service tells of itself."""
    folder = tmp_path_factory.mktemp("generated")
    document = httpx.get(f"{served.url}/openapi.json", timeout=60)
    (folder / "openapi.json").write_bytes(document.content)
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
    yield Generated(document.json())
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def client(served: Service, generated: Generated) -> Iterator[Any]:
    """Connect the generated client."""
    with generated.part("client").Client(base_url=served.url, timeout=httpx.Timeout(60)) as client:
        yield client


def test_generated_client_classifies_a_picture(client: Any, generated: Generated) -> None:
    """Through the service's own route, as raw bytes and as a form, into typed values."""
    route = generated.call("post", PREDICT)
    form = generated.form("post", PREDICT)
    file = generated.part("types").File
    for body in (file(BytesIO(FILE.read_bytes())), form(file(BytesIO(FILE.read_bytes()), "boot.png", "image/png"))):
        answer = route.sync(MODEL, client=client, body=body, top_k=2)
        assert (answer.predictions[0].index, answer.predictions[0].label) == (INDEX, LABEL)
        assert (len(answer.predictions), answer.model.name) == (2, MODEL)


def test_generated_client_speaks_the_open_inference_protocol(client: Any, generated: Generated) -> None:
    """A typed request with a picture, and a typed answer with its class."""
    models = generated.part("models")
    sent = models.InputTensor("input", [1], "BYTES", data=[base64.b64encode(FILE.read_bytes()).decode()])
    best = models.WantedTensorParametersType0.from_dict({"classification": 1})
    request = models.InferenceRequest([sent], outputs=[models.WantedTensor("probabilities", best)], id="9")
    answer = generated.call("post", "/v2/models/{name}/infer").sync(MODEL, client=client, body=request)
    assert (answer.id, answer.outputs[0].shape) == ("9", [1, 1])
    assert answer.outputs[0].data[0].endswith(f":{INDEX}:{LABEL}")


def test_generated_client_reads_errors_as_what_they_are(client: Any, generated: Generated) -> None:
    """A problem on the service's own routes, the protocol's error object on the others."""
    picture = generated.part("types").File(BytesIO(FILE.read_bytes()))
    problem = generated.call("post", PREDICT).sync("nobody", client=client, body=picture)
    assert (problem.status, "known models" in problem.detail) == (404, True)
    error = generated.call("get", "/v2/models/{name}").sync("nobody", client=client)
    assert "known models" in error.error
