"""Bodies of the protocol as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas import Schema


class InferenceError(BaseModel):
    """What every failure answers."""

    error: str


class ServerMetadata(Schema):
    """What this server is, and which extensions it speaks."""

    name: str
    version: str
    extensions: list[str]


class ServerLive(Schema):
    """Whether the server can answer."""

    live: bool


class ServerReady(Schema):
    """Whether every model can answer."""

    ready: bool


class ModelReady(Schema):
    """Whether a model can answer."""

    name: str
    ready: bool


class TensorMetadata(Schema):
    """A tensor of a model."""

    name: str
    datatype: str
    shape: list[int] = Field(description="-1 where any number goes")


class ModelMetadata(Schema):
    """A model: its versions that can be asked for, and its tensors."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class InputTensor(Schema):
    """A tensor that is sent."""

    name: str
    shape: list[int]
    datatype: str = Field(description="the model's own, or BYTES for encoded pictures")
    parameters: dict[str, Any] | None = Field(None, description="binary_data_size: its bytes behind the JSON")
    data: list[Any] | None = Field(
        None, description="elements, flat or nested; of pictures base64; left out where they stand behind the JSON"
    )


class WantedTensor(Schema):
    """A tensor that is wanted."""

    name: str
    parameters: dict[str, Any] | None = Field(
        None, description="binary_data: behind the JSON; classification: so many of the best classes instead"
    )


class InferenceRequest(Schema):
    """A request; binary data may stand behind it."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    id: str | None = None
    model_name: str | None = Field(None, description="stands in the URL already")
    model_version: str | None = Field(None, description="stands in the URL already")
    parameters: dict[str, Any] | None = Field(
        None,
        description="binary_data_output: all outputs behind the JSON; timeout: in microseconds; "
        "priority: above 1 the request waits behind others",
    )
    inputs: list[InputTensor]
    outputs: list[WantedTensor] | None = None


class OutputTensor(Schema):
    """A tensor of an answer."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = None


class InferenceResponse(Schema):
    """An answer; binary data may stand behind it."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class IndexRequest(Schema):
    """Which models to list."""

    ready: bool | None = Field(None, description="only those that can answer")


class ParametersRequest(Schema):
    """How to load or unload a model: there is nothing to choose, and unloading may say what is so anyway."""

    parameters: dict[Literal["unload_dependents"], bool] | None = None


class IndexEntry(Schema):
    """A version of a model in the repository."""

    name: str
    version: str
    state: str = Field(description="READY, LOADING or UNAVAILABLE")
    reason: str
