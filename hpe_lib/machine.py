"""How a process on a Linux processor keeps its memory."""

import ctypes
import sys
from functools import cache


@cache
def keep_freed_memory():
    """Let this process keep the memory of freed tensors for the next ones, where its C library is Linux's glibc.

    It would give large pieces back at once. To get them anew, page by page, takes a large network a tenth to a third of
    its time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(-4, 0)  # M_MMAP_MAX: no piece is mapped apart from the others, however large
        mallopt(-1, -1)  # M_TRIM_THRESHOLD: never give back
