"""Tells the C library's allocator that this process holds few, large, short-lived buffers.

Without this, every thread keeps an arena of its own, and the pages of a decoded photo are given back to the kernel and
faulted in again with each request. With glibc only; elsewhere nothing happens.

Source: mallopt(3).
"""

from __future__ import annotations

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_MMAP_BYTES: Final = 32 * 2**20  # larger buffers come from the kernel and go back to it at once
_TRIM_BYTES: Final = 64 * 2**20  # free memory at the top of the heap above this goes back too


def tune_allocator(library: str | None = None) -> bool:
    """Set the options; called before the first thread starts.

    Args:
        library: File of the C library; None for the one that this process runs on.

    Returns:
        Whether the allocator took them.

    """
    try:
        mallopt = ctypes.CDLL(library).mallopt
    except (OSError, AttributeError):
        return False  # another C library
    options = ((_M_ARENA_MAX, 1), (_M_MMAP_THRESHOLD, _MMAP_BYTES), (_M_TRIM_THRESHOLD, _TRIM_BYTES))
    return all(mallopt(option, value) == 1 for option, value in options)
