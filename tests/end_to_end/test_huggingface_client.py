"""Hugging Face's own client against a running service, by the URL of the route that speaks its form."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.clients.garment import FILE, INDEX, LABEL, MODEL, probabilities
from tests.end_to_end.processes import Service

hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a client that has no token and asks no hub."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return hub.InferenceClient(provider="hf-inference", timeout=60)


@pytest.mark.parametrize("picture", [FILE.read_bytes(), FILE, str(FILE)], ids=["bytes", "path", "text"])
def test_picture_without_parameters_is_sent_as_it_is_and_classified(
    served: Service, client: Any, picture: object
) -> None:
    """The five best classes come back, the best first, with the scores of the service's own route."""
    found = client.image_classification(picture, model=f"{served.url}/huggingface/{MODEL}")
    assert (len(found), found[0].label) == (5, LABEL)
    assert found[0].score == pytest.approx(probabilities(served.url)[INDEX], abs=1e-6)


@pytest.mark.parametrize(("top_k", "count"), [(2, 2), (1000, 10)])
def test_picture_with_parameters_is_sent_in_base64_and_classified(
    served: Service, client: Any, top_k: int, count: int
) -> None:
    """As many classes come back as were asked for, or all there are."""
    found = client.image_classification(
        FILE.read_bytes(), model=f"{served.url}/huggingface/{MODEL}", top_k=top_k, function_to_apply="softmax"
    )
    assert (len(found), found[0].label) == (count, LABEL)


def test_unknown_model_is_an_error_with_words(served: Service, client: Any) -> None:
    """The client raises its own error, and the answer behind it says what there is."""
    with pytest.raises(hub.errors.HfHubHTTPError) as caught:
        client.image_classification(FILE.read_bytes(), model=f"{served.url}/huggingface/nobody")
    assert caught.value.response.status_code == 404
    assert "known models" in caught.value.response.json()["detail"]
