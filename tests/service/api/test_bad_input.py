"""Bad input: each case has its status and a message that a person can act on, and the service goes on."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service.api.problems import MEDIA_TYPE
from service.api.schemas import ProblemBody
from tests.model_folders import SIDE, color_network, picture, write_model
from tests.service.api.conftest import Serve

RED = picture("red")
JPEG = picture("red", size=(64, 64), format="JPEG")


def huge_png(*, side: int) -> bytes:
    """Make a small file that announces, and really holds, side x side black pixels of one bit."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(1 + side // 8) * side, 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def check(client: TestClient, url: str, *, status: int, words: str, **request: object) -> ProblemBody:
    """Post, expect a problem with these words, and a good answer right after it."""
    answer = client.post(url, **request)  # type: ignore[arg-type]  # httpx's own keyword arguments
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = ProblemBody.model_validate(answer.json())
    assert (problem.status, problem.instance) == (status, url.partition("?")[0])
    assert problem.request_id == answer.headers["x-request-id"]
    assert words in problem.detail
    assert client.post("/predict", content=RED).status_code == 200
    return problem


CASES: dict[str, tuple[str, int, str, Mapping[str, object]]] = {
    "empty body": ("/predict", 400, "empty", {"content": b""}),
    "text renamed to .jpg": (
        "/predict",
        415,
        "no picture of a known format",
        {"files": {"file": ("photo.jpg", b"Dear Sir or Madam", "image/jpeg")}},
    ),
    "truncated JPEG": ("/predict", 400, "cut short", {"content": JPEG[: len(JPEG) // 2]}),
    "wrong content type": (
        "/predict",
        415,
        "'text/html' carries no picture",
        {"content": RED, "headers": {"content-type": "text/html"}},
    ),
    "unknown model": ("/models/nobody/predict", 404, "known models: colors", {"content": RED}),
    "unknown version": ("/models/colors/versions/9/predict", 404, "known versions: 1", {"content": RED}),
    "version that is no number": ("/models/colors/versions/x/predict", 422, "'x'", {"content": RED}),
    "top_k of 0": ("/predict?top_k=0", 422, "greater than or equal to 1, not '0'", {"content": RED}),
    "top_k above the classes": ("/predict?top_k=1000", 422, "from 1 to 3", {"content": RED}),
    "top_k that is no number": ("/predict?top_k=x", 422, "not 'x'", {"content": RED}),
    "decode in a word of its own": ("/predict?decode=quick", 422, "'exact' or 'fast', not 'quick'", {"content": RED}),
    "decode of nothing": ("/predict?decode=", 422, "'exact' or 'fast'", {"content": RED}),
    "precision that is not loaded": ("/predict?precision=int8", 422, "must be fp32", {"content": RED}),
    "broken multipart": (
        "/predict",
        400,
        "multipart body cannot be read",
        {"content": b"--x\r\nnonsense", "headers": {"content-type": "multipart/form-data; boundary=x"}},
    ),
    "multipart without boundary": (
        "/predict",
        400,
        "multipart body cannot be read",
        {"content": b"--x--", "headers": {"content-type": "multipart/form-data"}},
    ),
    "multipart without a picture": ("/predict", 400, "no part named 'file'", {"files": {"document": RED}}),
    "multipart with an empty picture": ("/predict", 400, "empty", {"files": {"file": b""}}),
    "too many pictures": ("/predict", 422, "at most 64", {"files": [("file", RED)] * 65}),
    "no JSON": ("/predict", 400, "no JSON", {"content": b"{", "headers": {"content-type": "application/json"}}),
    "JSON without inputs": ("/predict", 400, '"inputs"', {"json": {"image": "abc"}}),
    "JSON that is not base64": ("/predict", 400, "no base64", {"json": {"inputs": "no base64!"}}),
    "JSON with a number": ("/predict", 400, "not int", {"json": {"inputs": [7]}}),
    "JSON with an empty list": ("/predict", 400, "empty", {"json": {"inputs": []}}),
    "JSON with base64 of a text": ("/predict", 415, "known format", {"json": {"inputs": ["aGVsbG8="]}}),
    "JSON with odd parameters": (
        "/predict",
        400,
        '"parameters" must be an object',
        {"json": {"inputs": base64.b64encode(RED).decode(), "parameters": [1]}},
    ),
    "JSON with top_k 0": (
        "/predict",
        422,
        "not 0",
        {"json": {"inputs": base64.b64encode(RED).decode(), "parameters": {"top_k": 0}}},
    ),
    "JSON with top_k true": (
        "/predict",
        422,
        "not True",
        {"json": {"inputs": base64.b64encode(RED).decode(), "parameters": {"top_k": True}}},
    ),
    "JSON asking for another function": (
        "/predict",
        422,
        "must be softmax",
        {"json": {"inputs": base64.b64encode(RED).decode(), "parameters": {"function_to_apply": "sigmoid"}}},
    ),
    "top_k of more than 64 bits": (f"/predict?top_k={10**30}", 422, "less than or equal to", {"content": RED}),
    "version of more than 64 bits": (f"/models/colors/versions/{10**30}/predict", 422, "less", {"content": RED}),
    "JSON with a function in 300 lists": (
        "/predict",
        422,
        "must be softmax",
        {
            "content": b'{"inputs": "", "parameters": {"function_to_apply": ' + b"[" * 300 + b"]" * 300 + b"}}",
            "headers": {"content-type": "application/json"},
        },
    ),
    "JSON with thousands of values": ("/predict", 400, "more than 1000 values", {"json": {"inputs": ["AAAA"] * 2000}}),
    "multipart with thousands of parts": (
        "/predict",
        400,
        "multipart body cannot be read",
        {"files": [("comment", b"x")] * 5000},
    ),
    "deadline of 0": ("/predict", 422, "not '0'", {"content": RED, "headers": {"x-request-timeout-ms": "0"}}),
    "deadline in words": ("/predict", 422, "not 'soon'", {"content": RED, "headers": {"x-request-timeout-ms": "soon"}}),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_answered_with_its_status_and_words(client: TestClient, case: str) -> None:
    """Every listed case gets its own status and a message that names what to change, and the next request is fine."""
    url, status, words, request = CASES[case]
    check(client, url, status=status, words=words, **request)


def test_picture_of_a_hundred_megapixels_is_refused_by_its_header(client: TestClient) -> None:
    """A file of some kilobytes that would unfold to 100 million pixels is refused with both numbers."""
    bomb = huge_png(side=10_240)
    assert len(bomb) < 100_000
    problem = check(client, "/predict", status=413, words="104857600 pixels", content=bomb)
    assert problem.model_dump()["limit_pixels"] == 64_000_000


def test_body_above_the_limit_is_refused_with_both_sizes(tmp_path: Path, serve: Serve) -> None:
    """An announced length is refused before it is read, an unannounced one as soon as it is too long."""
    write_model(tmp_path / "models")
    client = serve(max_body_bytes=1000)
    check(client, "/predict", status=413, words="at most 1000 bytes, and this one has 1001", content=bytes(1001))
    check(client, "/predict", status=413, words="at most 1000 bytes", content=iter([bytes(600), bytes(600)]))


def test_deadline_that_passes_in_the_queue_answers_504(tmp_path: Path, serve: Serve) -> None:
    """Work that cannot be done in the caller's time is dropped and said to be."""
    write_model(tmp_path / "models", network=color_network(busy_work=20), golden=())
    client = serve()
    answer = client.post("/predict", content=RED, headers={"x-request-timeout-ms": "1"})
    assert answer.status_code == 504
    assert "within 0.001 s" in answer.json()["detail"]


def test_unknown_route_and_method_are_problems_too(client: TestClient) -> None:
    """The router's own refusals have the same form as every other."""
    missing = client.get("/nothing/here")
    assert (missing.status_code, missing.headers["content-type"]) == (404, MEDIA_TYPE)
    wrong = client.get("/predict")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    ProblemBody.model_validate(wrong.json())


def test_no_default_model_among_several_names_them(tmp_path: Path, serve: Serve) -> None:
    """Two models and no default: the caller learns which names there are."""
    write_model(tmp_path / "models", name="first")
    write_model(tmp_path / "models", name="second")
    answer = serve().post("/predict", content=RED)
    assert answer.status_code == 404
    assert "first, second" in answer.json()["detail"]


def test_refused_model_answers_503_and_says_where_the_reason_is(tmp_path: Path, serve: Serve) -> None:
    """A model that failed verification does not answer; GET /models tells the reason, without paths of the machine."""
    write_model(tmp_path / "models")
    (tmp_path / "models/colors/1/model.onnx").write_bytes(color_network(sharpness=9))
    client = serve()
    answer = client.post("/predict", content=RED)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "GET /models/colors" in answer.json()["detail"]
    (version,) = client.get("/models/colors").json()["versions"]
    assert version["state"] == "refused"
    assert "model.onnx" in version["reason"]
    assert str(tmp_path) not in version["reason"]
    assert client.get("/readyz").status_code == 503


def test_error_that_nobody_foresaw_answers_a_constant_text(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Internals stay in the log, under the request id that the caller gets."""

    async def broken() -> None:
        raise ZeroDivisionError("secret detail")

    client.app.add_api_route("/broken", broken)  # type: ignore[attr-defined]  # the FastAPI app behind the client
    answer = client.get("/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert ProblemBody.model_validate(answer.json()).request_id == answer.headers["x-request-id"]
    assert "secret detail" in caplog.text


def test_picture_of_another_size_than_the_network_is_no_error(client: TestClient) -> None:
    """Any size is brought to the network's own."""
    assert client.post("/predict", content=picture("red", size=(SIDE * 7, 3))).status_code == 200


def test_network_that_fails_is_found_in_the_log_under_the_request_id(
    tmp_path: Path, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer says that the log has the details, and it has, for a single picture and for one among several."""
    write_model(tmp_path / "models", network=color_network(fails_on_bright=True), golden=())
    client = serve()
    alone = client.post("/predict", content=RED, headers={"x-request-id": "alone"})
    among = client.post(
        "/predict", files=[("file", RED), ("file", picture("black"))], headers={"x-request-id": "among"}
    )
    assert alone.status_code == 500
    assert [result.get("problem", {}).get("status") for result in among.json()["results"]] == [500, None]
    failed = [
        vars(record)["convserve_fields"]["request_id"]
        for record in caplog.records
        if record.message == "request failed"
    ]
    assert failed == ["alone", "among"]
