"""What depends on the machine: its device, its cache folder, whole files, memory, and how commands end."""

import argparse
import ctypes
import errno
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import filelock
import torch
from platformdirs import user_cache_dir


def best_device():
    """NVIDIA's or Apple's GPU where there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def device_option(text):
    """A device as a command line names it ("cpu", "cuda", "cuda:1", "mps"), once it has been seen to work."""
    try:
        device = torch.device(text)
        torch.zeros(1, device=device)
    except Exception as error:  # torch raises several types, of several lines
        reason = str(error).splitlines()[0]
        best = best_device()
        raise argparse.ArgumentTypeError(f"{text} does not work here ({reason}); the best here is {best}") from None
    return device


def number_option(kind, least, most=float("inf")):
    """What reads a number of `kind` (int or float) from a command line, between `least` and `most`."""

    def read(text):
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            limit = f"from {least} to {most}" if most < float("inf") else f"of at least {least}"
            sort = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"a {sort} {limit} is wanted, got {text!r}")
        return value

    return read


def cache_folder():
    """The folder where this user's programs keep what can be made again; HPE_CACHE names another."""
    return Path(os.environ.get("HPE_CACHE") or user_cache_dir("hpe_course", appauthor=False, opinion=False))


def write_atomically(write, path):
    """Call write(file) on a binary file that becomes `path` at the end: the old file or the new one, never half.

    OSError names the path, and what to do where the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                write(file)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(f"the disk of {path} is full: make room; what was saved before is still there") from None
        raise OSError(f"{path} could not be written ({error.strerror or error})") from None


def require_room(folder, needed, what):
    """OSError that says how much is missing where, unless the disk of a folder has `needed` bytes free."""
    folder = Path(folder).absolute()
    existing = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise OSError(
            f"{folder}: {what} needs {needed / 1e9:,.3f} GB more and its disk has {free / 1e9:,.3f} GB free: "
            f"make room or choose another folder"
        )


@contextmanager
def sole_writer(folder):
    """While this lasts, no other process writes into a folder; what killed ones left half written is removed.

    The lock goes with the process that holds it, however it ends. OSError names the folder where it is taken.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise OSError(f"{folder} is a file: name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise OSError(f"{folder}: another process is writing there: wait for it, or name another folder") from None
    except OSError as error:
        raise OSError(f"{folder} cannot be written to ({error.strerror or error}): name another folder") from None
    try:
        for left in folder.glob("*.part"):
            left.unlink()
        yield
    finally:
        lock.release()


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
    """Call a command's `main`; a wrong path, damaged file or full disk becomes one line, Ctrl-C a short one.

    A KeyboardInterrupt may say what is kept: its words stand in that line.
    """
    try:
        main()
    except KeyboardInterrupt as stop:
        sys.exit(": ".join(["stopped", *map(str, stop.args)]))
    except (ValueError, OSError) as error:
        text = str(error)
        if text.startswith("Caught "):  # by a process that reads images: its own traceback stands before its words
            text = text.strip().splitlines()[-1].partition(": ")[2]
        sys.exit(f"error: {text}")
