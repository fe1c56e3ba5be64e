"""The CPU's memory: what a step frees is kept for the next one."""

from __future__ import annotations

import ctypes
import functools

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # numbers of glibc's <malloc.h>
LARGEST = 32 * 2**20  # bytes; glibc accepts no more
KEPT = 2**30  # bytes


@functools.cache
def keep_freed_memory() -> bool:
    """Have this process keep up to a gigabyte of freed memory; returns whether its C library can.

    By itself glibc hands the activations of a step back to the system, and the next step gets them page by page, each
    page set to zero: a tenth to a third of the time of a convolutional network. PyTorch's guide to performance advises
    another allocator for that, which would have to be installed beside Python; two settings of this one do as well
    (https://man7.org/linux/man-pages/man3/mallopt.3.html).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc
        return False
    # Both: setting one ends glibc's own adjustment of the other.
    return bool(mallopt(MMAP_THRESHOLD, LARGEST) and mallopt(TRIM_THRESHOLD, KEPT))
