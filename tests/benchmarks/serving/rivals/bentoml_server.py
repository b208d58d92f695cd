"""BentoML: `WORKERS` processes; the picture is the whole body, which takes a parameter that is positional only."""

import os
from pathlib import Path
from typing import Annotated

import bentoml
from bentoml.validators import ContentType
from classify import Classifier


@bentoml.service(
    workers=int(os.environ.get("WORKERS", "1")),
    threads=1,
    traffic={"timeout": 60},
    logging={"access": {"enabled": False}},
)
class Classify:
    """The service."""

    def __init__(self):
        self._classify = Classifier()

    @bentoml.api(route="/predict")
    def predict(self, picture: Annotated[Path, ContentType("image/*")], /) -> dict:
        """Classify."""
        return self._classify(picture.read_bytes())
