"""How much memory the C library keeps for itself."""

import ctypes
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Of glibc's malloc.h."""
_LARGE: Final = 16 * 2**20
"""Bytes. glibc starts with 128 KiB, and raises that with every larger block that is freed, to 32 MiB in the end.

An answer of an endpoint has some megabytes, and is copied a few times. Were each of these given back by itself, the
system would have to hand out and clear the same pages again and again: while history was read, a tenth of all processor
time went into that. What is smaller and free is given back each minute, see `give_back`.
"""


def keep_little() -> None:
    """Have all threads share one heap, and what is very large given back when it is freed; only glibc knows of that.

    By itself it has a heap for each thread, none of which gives back what another one could use: with a transfer every
    half a second, 8 MB more after eight minutes, and growing. Call it before there are threads: the heap of one that
    has begun already stays, and each later thread is given one of the two.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for parameter, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _LARGE)):
        mallopt(parameter, value)


def give_back() -> None:
    """Give back the pages that are free between blocks in use: by itself glibc gives back the end of its heap alone."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
