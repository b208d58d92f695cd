"""What an operator can set: one frozen, validated value, and the only reader of the environment.

Every setting is an environment variable with the prefix `CONVSERVE_`. A variable with that prefix that is no setting is
an error, because a typing mistake that is silently ignored is found in production.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from service.errors import ConfigurationError

PREFIX: Final = "CONVSERVE_"
# Read by the training programs, the compose file and the client from the same environment; nothing for the server.
FOREIGN: Final = frozenset({"API_KEY", "DATA_DIR", "RUNS_DIR", "VERSION"})

_SERVICE_LINK: Final = re.compile(rf"{PREFIX}(SERVICE_(HOST|PORT(_.+)?)|PORT_\d+_(TCP|UDP)(_.+)?)")

Provider = Literal["cpu", "cuda"]
Milliseconds = Annotated[int, Field(ge=1, le=24 * 3600 * 1000)]


def _split(value: object) -> object:
    """Read a comma-separated list of names in any case."""
    return tuple(part.strip().lower() for part in value.split(",")) if isinstance(value, str) else value


def _pairs(value: object) -> object:
    """Read a comma-separated list of NAME:VERSION."""
    if not isinstance(value, str):
        return value
    return dict(part.strip().rpartition(":")[::2] for part in value.split(","))


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class Settings(BaseModel):
    """How this process serves; field names are the environment variables in lower case, without the prefix."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(default=8000, ge=1, le=65535, description="TCP port to listen on")
    workers: Annotated[Literal["auto"] | Annotated[int, Field(ge=1, le=256)], BeforeValidator(_lower)] = Field(
        default=1, description="processes that share the port and the limits below; auto: one per core"
    )
    models_dir: Path = Field(default=Path("models"), description="folder with NAME/VERSION/manifest.json")
    default_model: str = Field(
        default="", description="model behind /predict; empty: cifar10 if present, else the only model, else none"
    )
    pinned: Annotated[
        dict[Annotated[str, Field(min_length=1)], Annotated[int, Field(ge=1)]], BeforeValidator(_pairs)
    ] = Field(default_factory=dict, description="NAME:VERSION, ...: versions that answer although there are newer ones")
    watch: bool = Field(default=False, description="notice new versions in the models folder, and let them answer")
    watch_interval_ms: Milliseconds = Field(default=2000, description="time between two looks at the models folder")
    keep_previous: bool = Field(
        default=True, description="keep the version before the live one loaded, so that the way back takes no time"
    )
    providers: Annotated[tuple[Provider, ...], BeforeValidator(_split)] = Field(
        default=("cpu",), min_length=1, description="ONNX Runtime providers, best first: cpu, cuda"
    )
    require_gpu: bool = Field(default=False, description="refuse to start where a GPU was asked for and is not in use")
    precision: Literal["fp32", "fp16", "int8"] | None = Field(
        default=None, description="variant to serve: fp32, fp16, int8; empty: the one the publisher lists first"
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="requests in work at once, of each worker; empty: its cores"
    )
    form: Annotated[Literal["narrow", "wide", "both"] | None, BeforeValidator(_lower)] = Field(
        default=None,
        description="how a network runs: narrow (one thread a run), wide (all of them), both; empty: measured",
    )
    cache_dir: Path | None = Field(
        default=None,
        description="folder of this service alone for what is worked out about models here; empty: nothing is kept",
    )
    target_latency_ms: Milliseconds = Field(
        default=330, description="waiting requests are bounded so that an accepted one is answered within this time"
    )
    deadline_ms: Milliseconds = Field(default=10_000, description="longest time from arrival to answer, then 504")
    queue_size: int | None = Field(
        default=None, ge=1, le=100_000, description="requests in work and waiting; empty: from the measured run time"
    )
    body_timeout_ms: Milliseconds = Field(default=30_000, description="longest time for a body to arrive, then 408")
    drain_timeout_ms: Milliseconds = Field(
        default=20_000, description="after SIGTERM, longest time for accepted requests to finish"
    )
    max_body_bytes: int = Field(default=20 * 2**20, ge=1, description="largest request body, then 413")
    max_held_bytes: int = Field(default=256 * 2**20, ge=1, description="bodies of all requests together, then 503")
    max_pixels: int = Field(default=64_000_000, ge=1, description="most pixels of a picture, then 413")
    api_keys_file: Path | None = Field(
        default=None, description="file of the keys that may use the service; empty: anyone may"
    )
    admin_key_file: Path | None = Field(
        default=None, description="file of the keys that may load and unload models; empty: nobody may"
    )
    require_keys: bool = Field(default=False, description="refuse to start without a file of keys")
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        default="info", description="least severe log line"
    )

    @model_validator(mode="after")
    def _agree(self) -> Settings:
        if self.require_gpu and "cuda" not in self.providers:
            raise ValueError("require_gpu needs cuda among the providers: set CONVSERVE_PROVIDERS=cuda")
        if self.require_keys and self.api_keys_file is None:
            raise ValueError("require_keys needs keys: set CONVSERVE_API_KEYS_FILE, and see `python -m service keys`")
        return self


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from environment variables; an empty one leaves the default.

    Raises:
        ConfigurationError: A variable with the prefix is no setting, or a value is out of its range.

    """
    given = {
        key.removeprefix(PREFIX): value
        for key, value in environment.items()
        if key.startswith(PREFIX) and value and not _is_service_link(key, value)
    }
    known = {name.upper() for name in Settings.model_fields}
    for name in sorted(given.keys() - known - FOREIGN):
        close = difflib.get_close_matches(name, known, n=1)
        advice = f"did you mean {PREFIX}{close[0]}?" if close else "`python -m service settings` lists them."
        raise ConfigurationError(f"{PREFIX}{name} is no setting; {advice}")
    try:
        return Settings.model_validate({name.lower(): value for name, value in given.items() if name in known})
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from error


def client_key(environment: Mapping[str, str] = os.environ) -> str | None:
    """Read the API key with which a client speaks to a service; None where there is none.

    No field of `Settings`, because those are shown.
    """
    return environment.get(f"{PREFIX}API_KEY", "").strip() or None


def _is_service_link(key: str, value: str) -> bool:
    """Recognise what Kubernetes puts into every container beside a Service that is named like this program."""
    return _SERVICE_LINK.fullmatch(key) is not None or (key == f"{PREFIX}PORT" and value.startswith("tcp://"))


def describe_settings(settings: Settings) -> str:
    """List every setting with its value and meaning, one per line, as the environment would spell it."""
    lines = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        lines.append(f"{PREFIX}{name.upper()}={_spelled(value)}  # {field.description}")
    return "\n".join(lines)


def _spelled(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return ",".join(f"{key}:{number}" for key, number in value.items())
    return "" if value is None else str(value)


def _explain(error: ValidationError) -> str:
    problems = []
    for item in error.errors(include_url=False):
        message = item["msg"].removeprefix("Value error, ")
        if item["loc"]:
            message = f"{PREFIX}{str(item['loc'][0]).upper()}={item['input']!r}: {message}"
        problems.append(message)
    return "; ".join(problems)
