"""Keep freed memory for reuse (glibc malloc settings).

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
    """Tell the C library to keep freed memory; commands that train do so, an import does not.

    Returns:
        False without glibc, or if the environment already has settings of its allocator
        (``MALLOC_...``).
    """
    if not sys.platform.startswith("linux") or any(k.startswith("MALLOC_") for k in os.environ):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, _MOST))
