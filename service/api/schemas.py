"""Bodies of answers as the OpenAPI document shows them: the public contract.

Answers of the hot path are built as plain values and written by orjson; these types describe them, and tests hold one
against the other.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

LARGEST_NUMBER: Final = 2**31 - 1  # of any number in a request


class Schema(BaseModel):
    """Base of all bodies; unknown keys are an error so that tests notice one that is not described."""

    model_config = ConfigDict(extra="forbid")


class ModelReference(Schema):
    """Which model answered."""

    name: str
    version: int
    precision: str


class Prediction(Schema):
    """One class and its probability."""

    label: str
    index: int = Field(description="position among the model's labels, from 0")
    probability: float = Field(ge=0, le=1)


class PredictResponse(Schema):
    """The classes of one picture, most probable first."""

    model: ModelReference
    predictions: list[Prediction]
    request_id: str


class PartResult(Schema):
    """One of several pictures: its predictions, or the problem it met."""

    predictions: list[Prediction] | None = None
    problem: dict[str, Any] | None = None


class PredictManyResponse(Schema):
    """The classes of several pictures, in the order in which they were sent."""

    model: ModelReference
    results: list[PartResult]
    request_id: str


class LabelScore(Schema):
    """One class in the Hugging Face form."""

    label: str
    score: float


class VersionSummary(Schema):
    """A version of a model and what became of it."""

    version: int
    state: str = Field(description="available, loading, ready or refused")
    reason: str = Field(description="why it was refused, else empty")


class ModelSummary(Schema):
    """A model and its versions, newest first."""

    name: str
    state: str
    default: bool
    live_version: int | None
    versions: list[VersionSummary]


class ModelList(Schema):
    """All models of this service."""

    models: list[ModelSummary]


class CanaryBody(Schema):
    """A version that answers a share of the requests that name no version."""

    version: int = Field(ge=1, le=LARGEST_NUMBER)
    share: float = Field(gt=0, le=1, description="of the requests that name no version")


class TrafficBody(Schema):
    """Which versions see the requests that name no version, and what is kept for them."""

    live: int | None = Field(description="answers them")
    canary: CanaryBody | None
    shadow: int | None = Field(description="sees the same pictures; its answers are compared and not sent")
    pinned: int | None = Field(description="chosen by somebody: newer versions change nothing")
    candidate: int | None = Field(description="becomes live as soon as every worker has loaded it")
    previous: int | None = Field(description="was live before, and is kept loaded for the way back")


class TrafficRequest(BaseModel):
    """How the traffic of a model is to be split."""

    model_config = ConfigDict(extra="forbid")

    canary: CanaryBody | None = None
    shadow: int | None = Field(default=None, ge=1, le=LARGEST_NUMBER)


class DefaultRequest(BaseModel):
    """Which version is to answer the requests that name none."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(ge=1, le=LARGEST_NUMBER, description="null: the newest on disk again")


class ModelDetail(ModelSummary):
    """A model with what its live version says about itself."""

    traffic: TrafficBody

    description: str | None
    license: str | None
    labels: list[str] | None


class MeasurementBody(Schema):
    """How long one form of the network takes on this machine."""

    threads: int = Field(description="of one run")
    batch: int = Field(description="pictures in it")
    median_s: float = Field(description="seconds for each picture")
    least_s: float
    n: int = Field(description="runs")


class TuningBody(Schema):
    """In which form the network runs on this machine, and why."""

    form: str = Field(
        description="narrow: one thread a run; wide: all of them; both: wide for a caller who is alone; streams: a GPU"
    )
    batch: int = Field(description="most pictures in one run")
    because: str = Field(description="measured, pinned by a setting, or default while nothing is known")
    measurements: list[MeasurementBody]


class VersionDetail(VersionSummary):
    """A version with its manifest and how it runs here."""

    model: str
    manifest: dict[str, Any] | None
    provider: str | None = Field(description="execution provider really in use")
    precision: str | None
    capacity: int | None = Field(description="most pictures in work and waiting")
    run_s: float | None = Field(description="seconds for one picture, moving average")
    tuning: TuningBody | None


class ProblemBody(BaseModel):
    """RFC 9457 problem; further keys carry the data of the case."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str


class PingBody(Schema):
    """State of the service in TorchServe's words."""

    status: str = Field(description="Healthy or Unhealthy")


class HealthBody(Schema):
    """State of the service."""

    status: str
    waiting_for: list[str] = Field(default_factory=list)
