"""Plain curl, as the documentation of each protocol shows it, against a running service."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.clients.garment import FILE, INDEX, LABEL, MODEL, tensors
from tests.end_to_end.processes import Service

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")


def curl(*arguments: str, timeout_s: float = 60) -> bytes:
    """Run curl and return what it prints."""
    command = ["curl", "--silent", "--show-error", *arguments]
    return subprocess.run(command, capture_output=True, check=True, timeout=timeout_s).stdout


def curl_json(*arguments: str) -> Any:
    """Run curl and read what it prints."""
    return json.loads(curl(*arguments))


def test_picture_is_classified_through_the_open_inference_protocol(served: Service, tmp_path: Path) -> None:
    """A JSON file with the picture in base64 gives the best classes."""
    request = {
        "id": "42",
        "inputs": [
            {
                "name": "input",
                "shape": [1],
                "datatype": "BYTES",
                "data": [base64.b64encode(FILE.read_bytes()).decode()],
            }
        ],
        "outputs": [{"name": "probabilities", "parameters": {"classification": 1}}],
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    answer = curl_json("--json", f"@{tmp_path}/request.json", f"{served.url}/v2/models/{MODEL}/infer")
    (output,) = answer["outputs"]
    assert (answer["id"], output["shape"], output["datatype"]) == ("42", [1, 1], "BYTES")
    assert output["data"][0].endswith(f":{INDEX}:{LABEL}")


def test_tensor_alone_is_a_request_too(served: Service, tmp_path: Path) -> None:
    """With a header that says that there is no JSON, the body is the tensor, and the answer ends in the scores."""
    import numpy as np

    (tmp_path / "tensor.bin").write_bytes(tensors(FILE).tobytes())
    answer = curl(
        "--header", "Inference-Header-Content-Length: 0",
        "--header", "Content-Type: application/octet-stream",
        "--data-binary", f"@{tmp_path}/tensor.bin",
        f"{served.url}/v2/models/{MODEL}/infer",
    )  # fmt: skip
    assert np.frombuffer(answer[-40:], dtype="<f4").argmax() == INDEX


def test_model_that_is_not_there_is_told_in_the_protocols_form(served: Service) -> None:
    """The object has one member, error."""
    answer = curl_json(f"{served.url}/v2/models/nobody")
    assert list(answer) == ["error"]
    assert "known models" in answer["error"]


@pytest.mark.parametrize(
    "arguments",
    [("--upload-file", str(FILE)), ("--form", f"data=@{FILE}"), ("--data-binary", f"@{FILE}")],
    ids=["put", "form", "post"],
)
@pytest.mark.parametrize("version", ["", "/1.0"])
def test_torchserve_commands_work_with_another_address(
    served: Service, arguments: tuple[str, ...], version: str
) -> None:
    """The commands of its documentation: five labels with their probabilities, the best first."""
    answer = curl_json(*arguments, f"{served.url}/predictions/{MODEL}{version}")
    assert len(answer) == 5
    assert next(iter(answer)) == LABEL
    assert list(answer.values()) == sorted(answer.values(), reverse=True)


def test_torchserves_ping_says_healthy(served: Service) -> None:
    """What its monitors look for."""
    assert curl_json(f"{served.url}/ping") == {"status": "Healthy"}
