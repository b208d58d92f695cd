"""Which models exist, which version of each is live, and which one answers when nobody names any.

The newest version that passes verification is live; one that does not is kept as refused, with the reason, and the next
older one is tried, so that a bad publication never takes a good model away.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from service.errors import (
    ArtifactError,
    ConfigurationError,
    InferenceError,
    ModelNotReadyError,
    NoDefaultModelError,
    ProviderUnavailableError,
    UnknownModelError,
    UnknownVersionError,
    VersionNotLoadedError,
)
from service.repository.live_model import LiveModel, State, Version
from service.repository.loading import Loader
from service.repository.store import find_versions
from service.settings import Settings
from service.telemetry.logs import log
from service.telemetry.model_metrics import ModelMetrics

PREFERRED_DEFAULT: Final = "cifar10"
_UNFORESEEN: Final = "failed in a way that nobody foresaw; the log has the details"
_LOADING_RETRY_S: Final = 2.0
_REFUSED_RETRY_S: Final = 60.0  # until somebody mends it


@dataclass(slots=True)
class Model:
    """All versions of one model.

    Args:
        name: In URLs and metrics.
        versions: Number to version, newest first.
        live: The version that answers, or None while none does.

    """

    name: str
    versions: dict[int, Version]
    live: LiveModel | None = None

    @property
    def state(self) -> State:
        """Ready where a version is live, refused where every version was tried, else loading."""
        if self.live is not None:
            return State.READY
        refused = all(version.state is State.REFUSED for version in self.versions.values())
        return State.REFUSED if refused else State.LOADING


class Registry:
    """The models of this process.

    Args:
        settings: The models folder and the default model.
        loader: Makes versions live.
        series: Per-model metrics.

    Raises:
        ConfigurationError: The folder is missing, or the default model that was named is not in it.

    """

    def __init__(self, settings: Settings, *, loader: Loader, series: ModelMetrics) -> None:
        self._loader = loader
        self._series = series
        self._providers = settings.providers
        self.models: dict[str, Model] = {
            name: Model(name, {stored.version: Version(stored) for stored in versions})
            for name, versions in find_versions(settings.models_dir).items()
        }
        self.default = self._default_name(settings)

    def load_all(self) -> None:
        """Load the newest good version of every model; takes seconds, so not on the event loop.

        Raises:
            ProviderUnavailableError: A GPU was demanded and is not in use.

        """
        for model in self.models.values():
            for version in model.versions.values():
                if self._loader.scheduler.draining or self._load(model, version):
                    break

    def resolve(self, name: str | None = None, version: int | None = None) -> LiveModel:
        """Find the model that answers.

        Args:
            name: None for the default model.
            version: None for the live version.

        Raises:
            NotFoundError: No such model or version, or no default.
            ModelNotReadyError: It is there and does not answer yet, or was refused.

        """
        model = self.find(name or self._require_default())
        if version is None:
            if model.live is None:
                raise _not_ready(model.name, model.state)
            return model.live
        found = self.find_version(model, version)
        if found.state is State.AVAILABLE and model.live is not None:
            raise VersionNotLoadedError(model.name, version=version, live=model.live.manifest.version)
        if found.model is None:
            raise _not_ready(model.name, found.state)
        return found.model

    def find(self, name: str) -> Model:
        """Find a model by name.

        Raises:
            UnknownModelError: There is none.

        """
        model = self.models.get(name)
        if model is None:
            raise UnknownModelError(name, known=list(self.models))
        return model

    def find_version(self, model: Model, version: int) -> Version:
        """Find a version of a model.

        Raises:
            UnknownVersionError: There is none.

        """
        found = model.versions.get(version)
        if found is None:
            raise UnknownVersionError(model.name, version=version, known=list(model.versions))
        return found

    def live(self) -> list[LiveModel]:
        """List the versions that answer."""
        return [model.live for model in self.models.values() if model.live is not None]

    def waiting_for(self) -> list[str]:
        """Say what keeps the service from being ready, nothing when it is."""
        if not self.models:
            return ["the models folder is empty"]
        return [f"model {name} is {model.state}" for name, model in self.models.items() if model.live is None]

    def _load(self, model: Model, version: Version) -> bool:
        stored = version.stored
        version.state = State.LOADING
        self._series.ready.labels(stored.name, str(stored.version)).set(0)
        try:
            loaded = self._loader.load(stored)
        except (ArtifactError, InferenceError) as error:
            version.state, version.reason = State.REFUSED, _public_reason(error, version)
            log(logging.ERROR, "model refused", reason=str(error), model=stored.name, version=stored.version)
            return False
        except ProviderUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  no folder, however odd, may keep the other models from loading
            version.state, version.reason = State.REFUSED, _UNFORESEEN
            log(logging.ERROR, "model refused", error=error, model=stored.name, version=stored.version)
            return False
        version.model, version.state, model.live = loaded, State.READY, loaded
        self._publish(loaded)
        _log_ready(loaded)
        return True

    def _publish(self, loaded: LiveModel) -> None:
        key = (loaded.manifest.name, str(loaded.manifest.version))
        fell_back = loaded.provider != self._providers[0]
        self._series.info.labels(*key, loaded.variant.sha256, loaded.variant.precision, loaded.provider).set(1)
        self._series.ready.labels(*key).set(1)
        self._series.load_seconds.labels(*key).set(loaded.load_s)
        self._series.warmup_seconds.labels(*key).set(loaded.warmup_s)
        self._series.fallback.labels(key[0]).set(fell_back)
        if fell_back:
            log(logging.WARNING, "provider fallback", model=key[0], wanted=self._providers[0], used=loaded.provider)

    def _default_name(self, settings: Settings) -> str | None:
        if settings.default_model:
            if settings.default_model not in self.models:
                known = ", ".join(self.models) or "none"
                raise ConfigurationError(
                    f"CONVSERVE_DEFAULT_MODEL={settings.default_model!r} is not in {settings.models_dir.absolute()}; "
                    f"models there: {known}."
                )
            return settings.default_model
        if PREFERRED_DEFAULT in self.models:
            return PREFERRED_DEFAULT
        return next(iter(self.models)) if len(self.models) == 1 else None

    def _require_default(self) -> str:
        if self.default is None:
            raise NoDefaultModelError(known=list(self.models))
        return self.default


def _public_reason(error: ArtifactError | InferenceError, version: Version) -> str:
    """Say why a version was refused without showing where on this machine it lies."""
    return str(error).replace(f"{version.stored.folder}/", "").replace(f"{version.stored.folder}: ", "")


def _log_ready(loaded: LiveModel) -> None:
    log(
        logging.INFO,
        "model ready",
        model=loaded.manifest.name,
        version=loaded.manifest.version,
        provider=loaded.provider,
        precision=loaded.variant.precision,
        load_s=round(loaded.load_s, 4),
        warmup_s=round(loaded.warmup_s, 4),
        run_s=round(loaded.lane.run_s, 6),
        capacity=loaded.lane.bound,
        assumed=list(loaded.manifest.assumed),
    )


def _not_ready(name: str, state: State) -> ModelNotReadyError:
    retry_after_s = _REFUSED_RETRY_S if state is State.REFUSED else _LOADING_RETRY_S
    return ModelNotReadyError(name, state=state, retry_after_s=retry_after_s)
