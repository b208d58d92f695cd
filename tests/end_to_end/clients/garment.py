"""What every client is shown: a picture of an ankle boot, the tensor that the shipped model makes of it, its answer."""

from __future__ import annotations

from typing import Any, Final

import httpx
import numpy as np
from numpy.typing import NDArray

from service.artifact import load_manifest
from service.engine.decoding import decoded
from service.engine.preprocessing import to_tensor
from tests.end_to_end.processes import ROOT

MODEL: Final = "fashion-mnist"
LABEL: Final = "Ankle boot"
INDEX: Final = 9
FILE: Final = ROOT / "models" / MODEL / "1/samples/ankle-boot.png"
OTHER_FILE: Final = ROOT / "models" / MODEL / "1/samples/bag.png"
OTHER_INDEX: Final = 8
MANIFEST: Final = load_manifest(ROOT / "models" / MODEL / "1/manifest.json")


def tensors(*files: Any) -> NDArray[np.float32]:
    """Prepare pictures as the service does, and lay them out as one batch."""
    rows = []
    for file in files:
        with decoded(file.read_bytes(), max_pixels=10**6, reduction=None) as picture:
            rows.append(to_tensor(picture, MANIFEST.input))
    return np.stack(rows).astype(np.float32)


def probabilities(url: str) -> list[float]:
    """Ask the service's own route for the answer to the picture, in label order."""
    answer = httpx.post(f"{url}/models/{MODEL}/predict?top_k=10", content=FILE.read_bytes(), timeout=60)
    by_index = {item["index"]: item["probability"] for item in answer.json()["predictions"]}
    return [by_index[index] for index in range(10)]
