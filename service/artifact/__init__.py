"""The contract between training and service: what a published model folder says about itself.

`models/<name>/<version>/manifest.json` holds everything that a picture needs to become probabilities. The types are
frozen, so a manifest in memory is the manifest on disk.
"""

from service.artifact.evidence import Architecture, Evaluation, GoldenSample, Histogram, Provenance, Reference, Variant
from service.artifact.fields import NAME_PATTERN, Decoding, Precision
from service.artifact.manifest import (
    MANIFEST_NAME,
    Manifest,
    dump_manifest,
    file_sha256,
    load_manifest,
    manifest_as_json,
)
from service.artifact.tensors import Holds, Input, Output, Preprocessing, Resize

__all__ = [
    "MANIFEST_NAME",
    "NAME_PATTERN",
    "Architecture",
    "Decoding",
    "Evaluation",
    "GoldenSample",
    "Histogram",
    "Holds",
    "Input",
    "Manifest",
    "Output",
    "Precision",
    "Preprocessing",
    "Provenance",
    "Reference",
    "Resize",
    "Variant",
    "dump_manifest",
    "file_sha256",
    "load_manifest",
    "manifest_as_json",
]
