"""COCO 2017: fetched, checked and unpacked, whole folders or nothing.

`python -m hpe_lib.data download --root DIR`, or `download.coco(DIR, only="val")` in a notebook.
"""

import hashlib
import http.client
import os
import shutil
import stat
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from tqdm.auto import tqdm

from hpe_lib.data.annotations import stays_inside
from hpe_lib.machine import require_room

SERVER = "http://images.cocodataset.org"
WAITS = (1, 2, 4, 8, 16)  # seconds before each new try, counted again whenever the file has grown
TIMEOUT = 20  # seconds without a byte after which a server counts as stalled


@dataclass(frozen=True)
class Archive:
    """One of COCO's archives: where it lies on a server, how to know it, and what of it becomes which folder."""

    path: str  # below the server's address
    size: int  # bytes
    md5: str
    folder: str  # in the archive and below the root
    pattern: str  # the files of that folder which are kept (captions and boxes are not)
    files: int  # how many those are ...
    content: int  # ... and their bytes, about

    @property
    def name(self):
        return PurePosixPath(self.path).name


COCO = {
    "annotations": Archive("annotations/annotations_trainval2017.zip", 252_907_541, "f4bbac642086de4f52a3fdda2de5fa2c",
                           "annotations", "person_keypoints_*.json", 2, 248_905_388),
    "val": Archive("zips/val2017.zip", 815_585_330, "442b8da7639aecaf257c1dceb8ba8c80",
                   "val2017", "*.jpg", 5_000, 815_585_330),
    "train": Archive("zips/train2017.zip", 19_336_861_798, "cced6f7f71b7629ddf16f17bbcfab6b2",
                     "train2017", "*.jpg", 118_287, 19_336_861_798),
}  # fmt: skip


def coco(root, only=None, mirrors=(), keep_archives=False, progress=True, archives=None, waits=WAITS, timeout=TIMEOUT):
    """Fetch COCO 2017 (annotations of the keypoints, val2017, train2017) into a folder, and return that folder.

    only: "val" or "train" leaves the other images out (20 GB less without train). mirrors: addresses that replace
    COCO's own, tried in order. Whatever is complete already is not fetched again; after a break the same call goes on.
    Raises OSError (no room, no connection) or ValueError (a damaged archive), with what to do.
    """
    if only not in (None, "val", "train"):
        raise ValueError(f"only is 'val', 'train' or None, got {only!r}")
    mirrors = [mirrors] if isinstance(mirrors, str) else list(mirrors)
    for address in mirrors:
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"a mirror is an address that starts with http:// or https://, got {address!r}")
    root, used, needed = Path(root).expanduser(), 0, 0
    wanted = [archive for part, archive in (archives or COCO).items() if part == "annotations" or only in (None, part)]
    missing = [archive for archive in wanted if not is_complete(root / archive.folder, archive)]
    for archive in missing:  # one after the other: an archive goes when it is unpacked
        needed = max(needed, used + archive.size + archive.content)
        used += archive.content + archive.size * keep_archives
    if missing:
        there = sum(path.stat().st_size for path in (root / "archives").glob("*"))
        require_room(root, needed - there, f"fetching and unpacking {', '.join(archive.name for archive in missing)}")
    try:
        for archive in missing:
            places = root / "archives" / archive.name, root / archive.name  # the second: where a browser put it
            file = next((place for place in places if place.is_file()), places[0])
            addresses = [f"{server.rstrip('/')}/{archive.path}" for server in mirrors or [SERVER]]
            fetch(addresses, file, archive.md5, archive.size, waits, timeout, progress)
            unpack(file, archive, root, progress)
            if not keep_archives and file == places[0]:
                file.unlink()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped: what has arrived stays in {root / 'archives'}, and the same command goes on from there"
        ) from None
    return root


def is_complete(folder, archive):
    """Tell whether the folder of an archive is there whole: as many files as there should be, and none empty."""
    sizes = [path.stat().st_size for path in folder.glob(archive.pattern)]
    return len(sizes) >= archive.files and all(sizes)


def fetch(addresses, file, md5, size, waits=WAITS, timeout=TIMEOUT, progress=True):
    """Have a file: checked where it is there already, else downloaded, going on from what an earlier try left.

    addresses: of the same file, tried in order, each with patience as long as the file grows. What has come lies in
    FILE.part until its MD5 is right. OSError where no address gives it, ValueError where what came is not the file.
    """
    part, answers = file.with_name(file.name + ".part"), {}
    for path in (file, part):
        if path.is_symlink():
            raise OSError(f"{path} is a link to another place: remove it, it would be written through")
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_file():
        if file.stat().st_size == size and _md5(file, progress) == md5:
            return
        os.replace(file, part)  # another program's unfinished download, or a damaged one
    if part.is_file() and part.stat().st_size >= size and _md5(part, progress) != md5:
        part.unlink()
    for address in addresses:
        pauses, reached = iter(waits), _length(part)
        while _length(part) < size:
            try:
                _receive(address, part, size, timeout, progress)
            except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
                silent = isinstance(getattr(error, "reason", error), TimeoutError)
                answers[address] = f"nothing came for {timeout} s" if silent else str(error) or type(error).__name__
            if _length(part) > reached:
                pauses, reached = iter(waits), _length(part)
            if _length(part) < size and (pause := next(pauses, None)) is None:
                break
            if _length(part) < size:
                time.sleep(pause)
        if _length(part) == size and _md5(part, progress) == md5:
            os.replace(part, file)
            return
        if _length(part) >= size:
            answers[address] = "what it sent is not the file (another MD5): nothing of it was kept"
            part.unlink()
    reasons = "; ".join(f"{address}: {answers.get(address, 'it ended too early')}" for address in addresses)
    kind = ValueError if "MD5" in reasons else OSError
    raise kind(f"{file.name} could not be fetched ({reasons}): {_length(part):,} bytes are kept, try again later")


def _receive(address, part, size, timeout, progress):
    """One request: write what comes into FILE.part, from its end on where the server can."""
    start = _length(part)
    headers = {"User-Agent": "hpe_course", "Accept-Encoding": "identity"} | (
        {"Range": f"bytes={start}-"} if start else {}
    )
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=timeout) as response:
        if response.status != 206:
            start = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise http.client.HTTPException(
                f"asked for byte {start:,} on, it sends {response.headers['Content-Range']}"
            )
        told = response.headers.get("Content-Length", "")
        if told.isdigit() and start + int(told) != size:
            raise http.client.HTTPException(f"it offers {start + int(told):,} bytes instead of {size:,}")
        with (
            open(part, "r+b" if part.is_file() else "wb") as file,
            tqdm(initial=start, total=size, desc=part.stem, unit="B", unit_scale=True, disable=not progress) as bar,
        ):
            file.seek(start)  # over what is there: a server that starts anew takes nothing away
            while block := response.read1(1 << 20):
                if file.tell() + len(block) > size:
                    raise http.client.HTTPException(f"it sends more than the file's {size:,} bytes")
                try:
                    file.write(block)
                    file.flush()
                except OSError as error:
                    raise OSError(f"cannot write {part} ({error.strerror}): what has come is kept, make room") from None
                bar.update(len(block))


def unpack(file, archive, root, progress=True):
    """Unpack what is kept of an archive into its folder, which is put in place when it is whole.

    Raises ValueError for a damaged archive and for one with a member outside its folder: nothing is unpacked then.
    """
    folder, temporary = root / archive.folder, root / f".unpacking-{archive.folder}"
    shutil.rmtree(temporary, ignore_errors=True)  # of a run that was killed
    try:
        with zipfile.ZipFile(file) as zipped:
            members = _members(zipped, file, archive)
            require_room(root, sum(member.file_size for member in members), f"the content of {file.name}")
            temporary.mkdir(parents=True)
            for member in tqdm(members, desc=f"unpacking {file.name}", unit="file", disable=not progress):
                with zipped.open(member) as source, open(temporary / Path(member.filename).name, "wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
        if folder.is_dir():  # it has other files, or too few: they stay
            for path in temporary.iterdir():
                os.replace(path, folder / path.name)
        else:
            os.replace(temporary, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"{file} is not a whole zip archive ({error}): delete it and fetch it again") from None
    except OSError as error:
        raise OSError(
            f"{file.name} could not be unpacked in {root} ({error}): the archive is kept, try again"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _members(zipped, file, archive):
    """The members of an archive that are kept. ValueError when any at all would land outside its folder."""
    kept = []
    for member in zipped.infolist():
        path = PurePosixPath(member.filename)
        if not stays_inside(member.filename) or stat.S_ISLNK(member.external_attr >> 16):
            raise ValueError(f"{file}: its member {member.filename!r} would land outside {archive.folder}: refused")
        if str(path.parent) == archive.folder and fnmatch(path.name, archive.pattern) and not member.is_dir():
            kept.append(member)
    if not kept:
        raise ValueError(f"{file} has no {archive.folder}/{archive.pattern}: it is not {archive.name} of COCO 2017")
    return kept


def _length(file):
    """Bytes of a file; 0 where there is none."""
    return file.stat().st_size if file.is_file() else 0


def _md5(file, progress):
    """The MD5 of a file, in hexadecimal digits."""
    found = hashlib.md5(usedforsecurity=False)
    bar = tqdm(total=_length(file), desc=f"checking {file.name}", unit="B", unit_scale=True, disable=not progress)
    with open(file, "rb") as opened, bar:
        while block := opened.read(1 << 22):
            found.update(block)
            bar.update(len(block))
    return found.hexdigest()
