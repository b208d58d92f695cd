"""Every answer that the OpenAPI document declares is provoked.

Here for the kinds of route that are alike, and by all tests of this folder together for the rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from service.api_document import FROZEN
from service.app import create_app
from service.settings import Settings
from tests.model_folders import color_network, write_model
from tests.service.api.conftest import Serve
from tests.service.api.contract import LAST_TEST, SEEN, Document, Key, checked_client
from tests.service.api.provocations import (
    ADMIN_KEY,
    LIMIT_BYTES,
    PROVOCATIONS,
    SETTINGS,
    Operation,
    can_be_provoked,
)

DOCUMENT: Final = Document(json.loads(FROZEN.read_text(encoding="utf-8")))
API_KEY: Final = "the-key-of-a-telephone"
GUARDS: Final = frozenset({"401", "403", "429"})

_SLOW_ACT = "an act that a worker does not follow is waited for longer than a test; the operator's tests do it"
# Answers that no test of this folder provokes, and why not.
UNPROVOKED: Final[dict[Key, str]] = {
    ("POST", "/models/{name}/default", "503"): _SLOW_ACT,
    ("PUT", "/models/{name}/traffic", "503"): _SLOW_ACT,
    ("POST", "/models/{name}/versions/{version}/load", "503"): _SLOW_ACT,
    ("POST", "/models/{name}/versions/{version}/unload", "503"): _SLOW_ACT,
}
# One handler outside all routes makes these, whatever the route; test_bad_input provokes it.
UNPROVOKED_ANYWHERE: Final = frozenset({"500"})


def operations(status: str) -> list[Operation]:
    """List the operations that declare a status; what takes a model away comes last."""
    found = []
    for method, route, declared in DOCUMENT.declared():
        content: Any = DOCUMENT.content["paths"][route][method.lower()]
        if declared == status:
            found.append(Operation(method, route, content["tags"][0], "requestBody" in content))
    return sorted(found, key=lambda operation: operation.route.endswith("/unload"))


@pytest.mark.parametrize("status", PROVOCATIONS)
def test_routes_answer_with_each_status_they_declare(tmp_path: Path, serve: Serve, status: str) -> None:
    """Each in the form that the document gives it, which the client checks."""
    write_model(tmp_path / "models", network=color_network(fails_on_bright=True), golden=())
    write_model(tmp_path / "models", name="broken")
    (tmp_path / "models/broken/1/model.onnx").write_bytes(b"another file than the manifest was written for")
    (tmp_path / "admin").write_text(f"ops: {ADMIN_KEY}\n")
    settings = SETTINGS.get(status, {})
    client = serve(max_body_bytes=LIMIT_BYTES, admin_key_file=tmp_path / "admin", **settings)
    known = [operation for operation in operations(status) if can_be_provoked(operation, status)]
    assert known
    for operation in known:
        assert PROVOCATIONS[status](client, operation) == int(status), operation
        client.get("/livez")  # the client checks all answers so far, those included that went around it


@pytest.mark.parametrize("status", sorted(GUARDS))
def test_guarded_routes_refuse_whom_they_must(tmp_path: Path, status: str) -> None:
    """No key, a key that is no administrator's, a key that was used too often."""
    write_model(tmp_path / "models")
    (tmp_path / "api").write_text(f"phone: {API_KEY}\n")
    (tmp_path / "admin").write_text(f"ops: {ADMIN_KEY} 1/day\n")
    files = {"api_keys_file": tmp_path / "api", "admin_key_file": tmp_path / "admin"}
    app = create_app(Settings.model_validate({"models_dir": tmp_path / "models", "threads": 2, **files}))
    key = {"401": "", "403": API_KEY, "429": ADMIN_KEY}[status]
    headers = {"authorization": f"Bearer {key}"} if key else {}
    with checked_client(app) as client:
        client.get("/models", headers=headers)  # spends what the key may in a day
        assert operations(status)
        for operation in operations(status):
            answer = client.request(operation.method, operation.url(), headers=headers)
            assert answer.status_code == int(status), operation


def test_repository_that_cannot_load_a_version_says_so(tmp_path: Path, serve: Serve) -> None:
    """A conflict between what is asked and what lies in the folder."""
    write_model(tmp_path / "models")
    (tmp_path / "models/colors/1/model.onnx").write_bytes(b"another file")
    (tmp_path / "admin").write_text(f"ops: {ADMIN_KEY}\n")
    client = serve(admin_key_file=tmp_path / "admin")
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    assert client.post("/v2/repository/models/colors/load", headers=headers).status_code == 409


def test_every_declared_answer_was_provoked(request: pytest.FixtureRequest) -> None:
    """Nothing is promised that nobody has seen; what cannot be provoked stands in a list, with the reason.

    Runs last. Whoever declares a status writes a test of it in this folder, with the client of its conftest.
    """
    if not _all_ran(request):
        pytest.skip("needs every test of tests/service/api to have run before it, in this process")
    declared = set(DOCUMENT.declared())
    expected = {key for key in declared if key[2] not in UNPROVOKED_ANYWHERE}
    assert sorted(expected - SEEN - UNPROVOKED.keys()) == []
    assert sorted(UNPROVOKED.keys() - declared) == [], "listed as not provoked, and no longer declared"
    assert sorted(UNPROVOKED.keys() & SEEN) == [], "listed as not provoked, and provoked meanwhile"


def _all_ran(request: pytest.FixtureRequest) -> bool:
    """Tell whether all other tests of this folder ran in this process, as far as can be seen."""
    config = request.config
    folder = Path(__file__).parent
    ran = {item.path for item in request.session.items}
    selected = config.getoption("keyword") or any("::" in argument for argument in config.args)
    is_part = hasattr(config, "workerinput") or config.getoption("maxfail") or config.getoption("lf", default=False)
    return set(folder.rglob("test_*.py")) <= ran and not selected and not is_part and request.node.name == LAST_TEST
