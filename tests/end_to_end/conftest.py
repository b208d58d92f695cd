"""One service on the repository's own models, for all clients that only ask it something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.processes import ROOT, Service, running_service


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Serve the repository's own models."""
    with running_service(tmp_path_factory.mktemp("served"), models_dir=ROOT / "models") as service:
        yield service
