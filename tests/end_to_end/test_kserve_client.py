"""KServe's Python client against a running service.

It asks for older versions of psutil, protobuf and python-dateutil than this project, so it runs in an environment of
its own; where that was not made, these tests skip and say how.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tests.end_to_end.clients.garment import FILE, INDEX, LABEL, MODEL, OTHER_FILE, OTHER_INDEX, probabilities, tensors
from tests.end_to_end.processes import ROOT, Service

_HOME: Final = ROOT / ".venv" / "clients" / "kserve"
_PYTHON: Final = Path(os.environ.get("KSERVE_PYTHON", _HOME / "bin" / "python"))
_PATIENCE_S: Final = 300.0  # it imports pandas, gRPC and Kubernetes' client first

pytestmark = pytest.mark.skipif(
    not _PYTHON.is_file(),
    reason=f"KServe's client needs an environment of its own: python3.11 -m venv {_HOME.relative_to(ROOT)} && "
    f"{_HOME.relative_to(ROOT)}/bin/pip install -r tests/end_to_end/clients/kserve.txt; or name its interpreter in "
    "KSERVE_PYTHON",
)

# Runs in the other environment: url, model, folder with a picture and a tensor; prints what it found as JSON.
_PROGRAM: Final = """
import asyncio, json, pathlib, sys
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

url, model, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
picture = InferInput("input", [1], "BYTES")
picture.set_data_from_numpy(np.array([(folder / "picture").read_bytes()], dtype=np.object_))
values = np.load(folder / "tensor.npy")
texts = InferInput("input", list(values.shape), "FP32")
texts.set_data_from_numpy(values, binary_data=False)
numbers = InferInput("input", list(values.shape), "FP32")
numbers.set_data_from_numpy(values, binary_data=True)

async def main():
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=60)) as client:
        async def infer(sent, name=model, parameters=None, outputs=None):
            request = InferRequest(name, [sent], parameters=parameters, request_outputs=outputs, request_id="7")
            answer = await client.infer(url, request, model_name=name)
            return {"id": answer.id, "values": answer.outputs[0].as_numpy().tolist()}

        found = {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model": await client.is_model_ready(url, model),
            "nobody": await client.is_model_ready(url, "nobody"),
            "picture": await infer(picture),
            "texts": await infer(texts),
            "numbers": await infer(numbers, parameters={"binary_data_output": True}),
            "classes": await infer(picture, outputs=[RequestedOutput("probabilities", {"classification": 2})]),
        }
        try:
            await infer(picture, name="nobody")
        except Exception as error:
            found["error"] = str(error)
        print(json.dumps(found))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def found(served: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Let the client do everything once, because starting it takes longest."""
    folder = tmp_path_factory.mktemp("kserve")
    (folder / "picture").write_bytes(FILE.read_bytes())
    np.save(folder / "tensor.npy", tensors(FILE, OTHER_FILE))
    done = subprocess.run(
        [str(_PYTHON), "-c", _PROGRAM, served.url, MODEL, str(folder)],
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_server_and_models_are_found_ready(found: dict[str, Any]) -> None:
    """The client reads the bodies of the health routes, not their statuses alone."""
    assert [found[name] for name in ("live", "ready", "model", "nobody")] == [True, True, True, False]


@pytest.mark.parametrize("form", ["texts", "numbers"])
def test_tensor_is_classified_in_either_form(found: dict[str, Any], form: str) -> None:
    """As JSON and as binary data, there and back, with the id of the request."""
    assert np.argmax(found[form]["values"], axis=1).tolist() == [INDEX, OTHER_INDEX]
    assert found[form]["id"] == "7"


def test_encoded_picture_is_classified(served: Service, found: dict[str, Any]) -> None:
    """With the scores of the service's own route."""
    np.testing.assert_allclose(found["picture"]["values"][0], probabilities(served.url), rtol=0, atol=1e-6)


def test_classes_and_errors_arrive_as_texts(found: dict[str, Any]) -> None:
    """The classification extension, and the message of an unknown model."""
    assert found["classes"]["values"][0][0].endswith(f":{INDEX}:{LABEL}")
    assert "known models" in found["error"]
