"""What is measured: models, pictures, callers and settings, as data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CORES: Final = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Scenario:
    """One model with one kind of picture.

    Args:
        name: In files and on the command line.
        title: In tables.
        model: Name of the model.
        precision: Of the variant.
        pictures: Kind of the pictures.
        callers: Numbers of requests in flight.
        settings: Of the service, beyond models folder, port and precision.
        query: Parameters that a request carries.
        limit_of: Scenario whose limit counts; empty for its own.
        rivals: Whether rivals run it.
        quick: Whether the short form of the benchmark runs it.

    """

    name: str
    title: str
    model: str
    precision: str
    pictures: str
    callers: tuple[int, ...] = (1, 8, 64)
    settings: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    limit_of: str = ""
    rivals: bool = False
    quick: bool = True

    @property
    def limit_scenario(self) -> str:
        """Name of the scenario whose limit counts."""
        return self.limit_of or self.name

    @property
    def scaled(self) -> bool:
        """Whether photographs are scaled down while they are decoded, so that the network sees other pixels."""
        return self.query.get("decode") == "fast"


_LARGE: Final = "jpeg-4000x3000"
_USUAL: Final = "jpeg-500x375"
_SMALL: Final = "png-32x32"

SCENARIOS: Final = (
    Scenario(
        "r50", "ResNet-50, 224, 500x375 JPEG, fp32", model="resnet50", precision="fp32", pictures=_USUAL, rivals=True
    ),
    Scenario("r50-int8", "the same, int8", model="resnet50", precision="int8", pictures=_USUAL),
    Scenario(
        "r20",
        "ResNet-20, 32 px PNG, one process",
        model="resnet20",
        precision="fp32",
        pictures=_SMALL,
        rivals=True,
    ),
    Scenario(
        "r20-workers",
        f"the same, {CORES} workers",
        model="resnet20",
        precision="fp32",
        pictures=_SMALL,
        settings={"WORKERS": str(CORES)},
        limit_of="r20",
    ),
    Scenario(
        "12mp",
        "12-megapixel JPEG, ResNet-50, exact",
        model="resnet50",
        precision="fp32",
        pictures=_LARGE,
        callers=(1, 8),
        query={"decode": "exact"},
        rivals=True,
        quick=False,
    ),
    Scenario(
        "12mp-scaled",
        "12-megapixel JPEG, scaled decoding",
        model="resnet50",
        precision="fp32",
        pictures=_LARGE,
        callers=(1, 8),
        query={"decode": "fast"},
        limit_of="12mp",
        quick=False,
    ),
)
# Connections that stay open, for the balance between workers.
BALANCE_SCENARIO: Final = "r20-workers"
BALANCE_CONNECTIONS: Final = (4, 5, 6, 7, 8, 12, 16)
OVERLOAD_SCENARIO: Final = "r50"
OVERLOAD_FACTOR: Final = 4
STORM_CLIENTS: Final = 256
START_SCENARIO: Final = "r20"


def scenario(name: str) -> Scenario:
    """Find a scenario."""
    return next(found for found in SCENARIOS if found.name == name)
