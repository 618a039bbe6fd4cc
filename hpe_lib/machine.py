"""What depends on the machine: its device, its cache folder, whole files, memory, and how commands end."""

import ctypes
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

import torch
from platformdirs import user_cache_dir


def best_device():
    """NVIDIA's or Apple's GPU where there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def cache_folder():
    """The folder where this user's programs keep what can be made again; HPE_CACHE names another."""
    return Path(os.environ.get("HPE_CACHE") or user_cache_dir("hpe_course", appauthor=False, opinion=False))


def write_atomically(write, path):
    """Call write(file) on a binary file that becomes `path` at the end: the old file or the new one, never half."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@cache
def keep_freed_memory():
    """Let this process keep the memory of freed tensors for the next ones, where its C library is Linux's glibc.

    glibc would give large pieces back at once. To get them anew, page by page, takes a large network a tenth to a third
    of its time. This holds for the whole process, until it ends: only commands call it, and notebook 05, which says so.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(-4, 0)  # M_MMAP_MAX: no piece is mapped apart from the others, however large
        mallopt(-1, -1)  # M_TRIM_THRESHOLD: never give back


def run_command(main):
    """Call a command's `main`; a wrong path, damaged file or full disk becomes one line, Ctrl-C a short one."""
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
