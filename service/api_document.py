"""Writes the OpenAPI document, which is frozen beside the routes: `service/api/openapi.json`.

The file is the public contract as a reader, a diff and a generator of clients see it, of a service with keys and an
administrator. It is the same on every machine: no model, setting or order of routes shows in it. A test holds the
routes against it.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Final

from service.app import create_app
from service.security.key_editing import add_key
from service.settings import Settings

FROZEN: Final = Path(__file__).parent / "api" / "openapi.json"


def document() -> str:
    """Make the document of an app with every route, as sorted JSON that ends in a newline."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "models").mkdir()
        keys = folder / "keys"
        add_key(keys, name="somebody", rate=None)
        app = create_app(Settings(models_dir=folder / "models", api_keys_file=keys, admin_key_file=keys))
    return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
