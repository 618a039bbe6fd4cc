"""One file over a connection that may break: go on where it stopped, and believe it only when its digest is right."""

import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

from tqdm.auto import tqdm

WAITS = (1, 2, 4, 8, 16)  # seconds before each new try, counted again whenever the file has grown
TIMEOUT = 20  # seconds without a byte after which a server counts as stalled


class Broken(Exception):
    """A download failed in a way that another try may mend."""


class Refused(Exception):
    """An address will not give the file, however often one asks."""


def partial(file):
    """Where a file grows until it is whole and checked."""
    return file.with_name(file.name + ".part")


def length(file):
    """Bytes of a file; 0 where there is none."""
    return file.stat().st_size if file.is_file() else 0


def require_room(folder, needed, what):
    """OSError that says how much is missing where, unless the disk of a folder has `needed` bytes free."""
    folder = Path(folder).absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise OSError(
            f"{folder}: {what} needs {needed / 1e9:,.3f} GB more and its disk has {free / 1e9:,.3f} GB free: "
            f"make room or choose another folder"
        )


def fetch(addresses, file, digest, size=None, waits=WAITS, timeout=TIMEOUT, progress=True):
    """Have a file: checked where it is there already, else downloaded, going on from what an earlier try left.

    addresses: of the same file, tried in order. digest: "md5:..." or "sha256:...", of which the first digits are
    enough. size: bytes, where known. What has come lies in FILE.part until it is checked, so FILE is always right.
    Returns its path. Raises OSError where no address gives it, ValueError where what came is twice not the file.
    """
    file, part = Path(file), partial(Path(file))
    if size and length(part) > size:
        part.unlink()
    if size and length(part) < length(file) < size:
        os.replace(file, part)  # another program's unfinished download
    if file.is_file():
        if has_digest(file, digest, size, progress):
            return file
        if progress:
            print(f"{file} is not the file that was published ({digest}): it is fetched again")
        file.unlink()
    file.parent.mkdir(parents=True, exist_ok=True)
    for order in (list(addresses), [*addresses[1:], addresses[0]]):
        _collect(order, part, size, waits, timeout, progress)
        if has_digest(part, digest, size, progress):
            os.replace(part, file)
            return file
        part.unlink()
    raise ValueError(
        f"what {' and '.join(addresses)} sent was twice not {file.name} (its {digest.replace(':', ' is not ')}): "
        f"nothing of it was kept; try again later or from another address"
    )


def has_digest(file, digest, size=None, progress=False):
    """Tell whether a file has this size (bytes) and digest ("md5:..." or "sha256:...", or the first digits)."""
    if size is not None and length(file) != size:
        return False
    kind, digits = digest.split(":")
    check = hashlib.new(kind, usedforsecurity=False)
    with open(file, "rb") as opened, byte_bar(length(file), f"checking {file.name}", progress) as bar:
        while block := opened.read(1 << 22):
            check.update(block)
            bar.update(len(block))
    return check.hexdigest().startswith(digits.lower())


def byte_bar(total, title, progress):
    """A tqdm bar of bytes, with speed and time left."""
    return tqdm(total=total, desc=title, unit="B", unit_scale=True, disable=not progress)


def _collect(addresses, part, size, waits, timeout, progress):
    """Fill FILE.part up to its end, with patience as long as it grows. OSError with each address's last answer."""
    answers = {}
    with byte_bar(size, part.stem, progress) as bar:
        for address in addresses:
            pauses, reached = iter(waits), length(part)
            while True:
                try:
                    return _receive(address, part, size, timeout, bar)
                except Refused as error:
                    answers[address] = error
                    break
                except Broken as error:
                    answers[address] = error
                if length(part) > reached:
                    pauses, reached = iter(waits), length(part)
                pause = next(pauses, None)
                if pause is None:
                    break
                bar.set_postfix_str(f"{answers[address]}; again in {pause} s")
                time.sleep(pause)
    reasons = "; ".join(f"{address}: {error}" for address, error in answers.items())
    raise OSError(f"{part.stem} could not be fetched ({reasons}): {length(part):,} bytes are kept, try again later")


def _receive(address, part, size, timeout, bar):
    """One request: write what comes into FILE.part, from its end on where the server can. Broken or Refused if not."""
    start = length(part)
    if size is not None and start >= size:
        return
    headers = {"User-Agent": "hpe_course", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing comes after our part: it is longer than the file, or whole and never checked
            part.unlink(missing_ok=True)
        kind = Broken if error.code in (408, 416, 425, 429) or error.code >= 500 else Refused
        raise kind(f"the server answers {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise Broken(_reason(error, timeout)) from None
    with response:
        start, total = _extent(response, start)
        if size is not None and total not in (None, size):
            raise Refused(f"the server offers {total:,} bytes instead of {size:,}")
        total = size or total
        require_room(part.parent, (total or 0) - length(part), part.stem)
        bar.reset(total)
        bar.initial = bar.n = start
        bar.set_postfix_str("")
        try:
            with open(part, "r+b" if part.is_file() else "wb") as file:
                file.seek(start)  # over what is there: a server that starts anew takes nothing away
                for block in _blocks(response, timeout):
                    if total is not None and file.tell() + len(block) > total:
                        raise Refused(f"the server sends more than the file's {total:,} bytes")
                    file.write(block)
                    bar.update(len(block))
                if total is not None and file.tell() != total:
                    raise Broken(f"the connection ended after {file.tell():,} of {total:,} bytes")
                file.truncate()
        except OSError as error:
            raise OSError(
                f"cannot write {part} ({error.strerror or error}): what has come is kept, make room"
            ) from None


def _extent(response, start):
    """From the answer's headers: the byte that its body starts at, and the size of the whole file, None if not said."""
    if response.status != 206:
        size = response.headers.get("Content-Length", "")
        return 0, int(size) if size.isdigit() else None
    span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    if span.split("-")[0] != str(start):
        raise Refused(f"the server was asked for byte {start:,} on and sends {span or 'an unnamed part'}")
    return start, int(total) if total.isdigit() else None


def _blocks(response, timeout):
    """What arrives, as it arrives; Broken when the connection fails or nothing comes for `timeout` seconds."""
    while True:
        try:
            block = response.read1(1 << 20)
        except (OSError, http.client.HTTPException) as error:
            raise Broken(_reason(error, timeout)) from None
        if not block:
            return
        yield block


def _reason(error, timeout):
    error = getattr(error, "reason", error)
    return f"nothing came for {timeout} s" if isinstance(error, TimeoutError) else f"{error or type(error).__name__}"
