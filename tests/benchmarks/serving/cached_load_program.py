"""Loads a network from the service's cache once, as a process that has just started does, and prints the milliseconds.

python -m tests.benchmarks.serving.cached_load_program CACHE MODEL_FOLDER PRECISION
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from service.artifact import MANIFEST_NAME, load_manifest
from service.engine.session import Session
from service.repository.cache import Cache


def main(cache: Path, folder: Path, precision: str) -> float:
    """Find the optimised form of a published network and load it.

    Returns:
        Milliseconds.

    """
    manifest = load_manifest(folder / MANIFEST_NAME)
    variant = manifest.variant(precision)
    if variant is None:
        raise SystemExit(f"{folder} has no {precision} variant")
    started_s = time.perf_counter()
    optimized = Cache(cache).optimized(variant.sha256)
    if optimized is None:
        raise SystemExit(f"{cache} holds no optimised form of {folder}")
    Session.load(optimized, input_name=manifest.input.tensor, output_name=manifest.output.tensor)
    return (time.perf_counter() - started_s) * 1000


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))  # noqa: T201  a program's result
