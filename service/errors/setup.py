"""Folders, files, settings and devices with which the service cannot work."""

from __future__ import annotations

from pathlib import Path

from service.errors.root import ConvserveError


class ArtifactError(ConvserveError):
    """A model folder, or a file in it, that is refused."""

    def __init__(self, path: Path, *, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class ManifestError(ArtifactError):
    """A manifest that breaks its own contract: unknown key, missing key, wrong type, contradiction."""


class HashMismatchError(ArtifactError):
    """A file that is not the one its manifest was written for."""

    def __init__(self, path: Path, *, expected: str, actual: str) -> None:
        super().__init__(
            path, reason=f"sha256 is {actual}, the manifest says {expected}; the file was changed after publication"
        )
        self.expected = expected
        self.actual = actual


class UnsafeModelError(ArtifactError):
    """An ONNX file with external data, foreign operator domains or sizes out of bounds."""


class VerificationError(ArtifactError):
    """A model that does not reproduce its own golden samples on this machine."""


class ProviderUnavailableError(ConvserveError):
    """The runtime uses another execution provider than the one demanded."""

    def __init__(self, *, wanted: str, used: str) -> None:
        super().__init__(
            f"{wanted} was demanded, but the runtime uses {used}; check the driver, the onnxruntime-gpu package and "
            "the container's access to the device, or allow the CPU by setting CONVSERVE_REQUIRE_GPU to false."
        )
        self.wanted = wanted
        self.used = used


class ConfigurationError(ConvserveError):
    """A setting, folder or port with which the service cannot start."""


class KeyFileError(ConfigurationError):
    """A file of keys that cannot be used; its text names places in the file and never what stands there."""

    def __init__(self, path: Path, *, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
