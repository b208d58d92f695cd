"""Why a version does not answer: a word for metrics, and a sentence for people that shows no folder of this machine."""

from __future__ import annotations

from typing import Final

from service.errors import (
    ArtifactError,
    HashMismatchError,
    InferenceError,
    ManifestError,
    ProviderUnavailableError,
    UnsafeModelError,
    VerificationError,
)
from service.fleet.plan import Refusal
from service.repository.store import StoredVersion

_MEMORY: Final = "memory"
_UNFORESEEN_REASON: Final = "failed in a way that nobody foresaw; the log has the details"
_KINDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ManifestError, "manifest"),
    (HashMismatchError, "hash"),
    (UnsafeModelError, "unsafe"),
    (VerificationError, "verification"),
    (ArtifactError, "file"),
    (InferenceError, "runtime"),
    (ProviderUnavailableError, "provider"),
    (MemoryError, _MEMORY),
)
UNFORESEEN: Final = "unforeseen"
KINDS: Final = (*(kind for _, kind in _KINDS), UNFORESEEN)


def refusal_of(error: Exception, stored: StoredVersion, *, fingerprint: str) -> Refusal:
    """Say why a version was refused.

    Args:
        error: What loading it raised.
        stored: The version.
        fingerprint: Of its folder, before it was read.

    """
    kind = next((word for known, word in _KINDS if isinstance(error, known)), UNFORESEEN)
    if kind == UNFORESEEN:
        reason = _UNFORESEEN_REASON
    elif kind == _MEMORY:
        reason = "there is not enough memory for it"
    else:
        reason = str(error).replace(f"{stored.folder}/", "").replace(f"{stored.folder}: ", "")
    return Refusal(kind, reason, fingerprint)
