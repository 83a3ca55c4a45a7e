"""Freed memory is kept for the next step instead of being given back to the system.

A step of training frees arrays of tens of megabytes and asks for them again in the next one. The C
library of Linux maps each of them anew above 32 MiB, and the system fills every page with zeros:
with towers of 128 and 64 over 64 users and all items of ml-100k, that is a third of the time.
"""

import ctypes
import os
import sys

# glibc's malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_MOST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Ask the C library to; what trains does it, importing this package does not.

    Returns:
        whether it could be asked: not outside glibc, nor where the environment already says
        something about its allocator (``MALLOC_...``).
    """
    if not sys.platform.startswith("linux") or any(k.startswith("MALLOC_") for k in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, _MOST))
