"""Verifies every version in the models folder without serving, as an operator does before a deployment."""

from __future__ import annotations

from collections.abc import Iterator

from service.engine.scheduler import Scheduler
from service.errors import ConvserveError, UnknownModelError
from service.repository.loading import Loader
from service.repository.store import find_versions
from service.settings import Settings
from service.telemetry.metrics import Metrics


def verify_models(settings: Settings, *, only: str | None = None) -> Iterator[tuple[str, bool]]:
    """Load each version and classify its golden samples.

    Args:
        settings: As for serving.
        only: Name of one model, or None for all.

    Yields:
        One line of text a version, and whether it passed.

    Raises:
        ConfigurationError: There is no models folder.
        UnknownModelError: `only` is not in it.

    """
    found = find_versions(settings.models_dir)
    if only is not None and only not in found:
        raise UnknownModelError(only, known=list(found))
    loader = Loader(settings=settings, scheduler=Scheduler(threads=1), series=Metrics(version="", runtime={}).model)
    for name, versions in found.items():
        if only not in (None, name):
            continue
        for stored in versions:
            try:
                model = loader.load(stored)
            except Exception as error:  # noqa: BLE001  one odd folder must not hide what is wrong with the next
                reason = error if isinstance(error, ConvserveError) else repr(error)
                yield f"{name}/{stored.version}: REFUSED: {reason}", False
            else:
                samples = len(model.manifest.golden)
                yield f"{name}/{stored.version}: good ({samples} golden samples on {model.provider})", True
