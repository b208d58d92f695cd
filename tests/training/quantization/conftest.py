"""What the tests of quantisation share: one small trained network, quantised once."""

from __future__ import annotations

import pytest

from tests.training.quantization.small_network import OUTPUT, SPEC, shapes, small_network
from training.data import Example
from training.quantization import Options, Pictures, Quantized, quantize

EVALUATION = 120


@pytest.fixture(scope="session")
def network() -> bytes:
    """The small network, trained."""
    return small_network()


@pytest.fixture(scope="session")
def extreme_network() -> bytes:
    """The same with a layer that int8 cannot hold."""
    return small_network(extreme=1000.0)


@pytest.fixture(scope="session")
def evaluation() -> list[Example]:
    """Pictures that took part in nothing."""
    return shapes(EVALUATION, first=100_000)


@pytest.fixture(scope="session")
def pictures(evaluation: list[Example]) -> Pictures:
    """Pictures for everything; three of them are golden samples."""
    return Pictures(
        calibration=shapes(30, first=0),
        selection=shapes(30, first=5_000),
        evaluation=evaluation,
        golden={f"samples/{number}.png": evaluation[number] for number in range(3)},
    )


@pytest.fixture(scope="session")
def int8(network: bytes, pictures: Pictures) -> Quantized:
    """The small network in int8."""
    return quantize(network, spec=SPEC, output=OUTPUT, pictures=pictures, options=Options(turns=1))


@pytest.fixture(scope="session")
def refused(extreme_network: bytes, pictures: Pictures) -> Quantized:
    """The other network in int8."""
    options = Options(calibrations=("minmax",), turns=1)
    return quantize(extreme_network, spec=SPEC, output=OUTPUT, pictures=pictures, options=options)
