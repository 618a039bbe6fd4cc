"""COCO 2017: fetched, checked and unpacked, whole folders or nothing.

`python -m hpe_lib.data download --root DIR`, or `download.coco(DIR, only="val")` in a notebook.
"""

import errno
import json
import os
import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from hpe_lib.data.transfer import TIMEOUT, WAITS, byte_bar, fetch, length, partial, require_room

SERVER = "http://images.cocodataset.org"
BLOCK = 4096  # bytes that a file takes on a disk are a multiple of this


@dataclass(frozen=True)
class Archive:
    """One of COCO's archives: where it lies on a server, how to know it, and what of it becomes which folder."""

    path: str  # below the server's address
    size: int  # bytes
    md5: str
    folder: str  # in the archive and below the root
    pattern: str  # the files of that folder which are kept
    files: int  # how many those are ...
    content: int  # ... and their bytes, about; the archive itself is asked before it is unpacked

    @property
    def name(self):
        return PurePosixPath(self.path).name

    @property
    def room(self):
        """Bytes of disk that the unpacked folder needs."""
        return self.content + BLOCK * self.files


COCO = {
    "annotations": Archive(
        "annotations/annotations_trainval2017.zip",
        252_907_541,
        "f4bbac642086de4f52a3fdda2de5fa2c",
        "annotations",
        "person_keypoints_*.json",  # the captions and boxes beside them are not used here
        2,
        248_905_388,
    ),
    "val": Archive(
        "zips/val2017.zip",
        815_585_330,
        "442b8da7639aecaf257c1dceb8ba8c80",
        "val2017",
        "*.jpg",
        5_000,
        815_585_330,  # JPEG does not get smaller in an archive
    ),
    "train": Archive(
        "zips/train2017.zip",
        19_336_861_798,
        "cced6f7f71b7629ddf16f17bbcfab6b2",
        "train2017",
        "*.jpg",
        118_287,
        19_336_861_798,
    ),
}


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
    root = Path(root).expanduser()
    wanted = [archive for part, archive in (archives or COCO).items() if part == "annotations" or only in (None, part)]
    missing = [archive for archive in wanted if not is_complete(root, archive)]
    _require_room_for(root, missing, keep_archives)
    try:
        for archive in wanted:
            if archive in missing:
                addresses = [f"{server.rstrip('/')}/{archive.path}" for server in mirrors or [SERVER]]
                digest = f"md5:{archive.md5}"
                file = fetch(addresses, _place(root, archive), digest, archive.size, waits, timeout, progress)
                unpack(file, archive, root, progress)
                if not keep_archives and file.parent.name == "archives":
                    file.unlink()
            if progress:
                print(f"{root / archive.folder}: complete")
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped: what has arrived stays in {root / 'archives'}, and the same command goes on from there"
        ) from None
    return root


def _place(root, archive):
    """Where an archive lies or will lie: one that a browser put beside the folders is taken too."""
    places = root / "archives" / archive.name, root / archive.name
    return next((place for place in places if place.is_file()), places[0])


def is_complete(root, archive):
    """Tell whether the folder of an archive is there whole: as many files and bytes as were unpacked here.

    For a folder that somebody else unpacked: all files, none of them empty, and at least half the usual bytes.
    """
    folder, files, content = Path(root) / archive.folder, archive.files, archive.content // 2
    try:
        note = json.loads(_note(root, archive).read_text())
        if note["md5"] == archive.md5:
            files, content = note["files"], note["bytes"]
    except (OSError, ValueError, KeyError, TypeError):  # no note, or one that a full disk cut short
        pass
    if not folder.is_dir():
        return False
    sizes = [entry.stat().st_size for entry in os.scandir(folder) if fnmatch(entry.name, archive.pattern)]
    return len(sizes) >= files and sum(sizes) >= content and all(sizes)


def _note(root, archive):
    """The small file that says what was unpacked."""
    return Path(root) / "archives" / f"{archive.name}.unpacked.json"


def _require_room_for(root, missing, keep_archives):
    """OSError unless the disk has room for the archives and their content, one after the other."""
    needed = used = 0
    for archive in missing:
        place = _place(root, archive)
        there = max(length(place), length(partial(place)))
        needed = max(needed, used + archive.size - there + archive.room)
        used += archive.room + (archive.size - there if keep_archives else -there)
    if missing:
        require_room(root, needed, f"fetching and unpacking {', '.join(archive.name for archive in missing)}")


def unpack(file, archive, root, progress=True):
    """Unpack what is kept of an archive into its folder, which is put in place when it is whole.

    Raises ValueError for a damaged archive and for one with a member outside its folder: nothing is unpacked then.
    """
    folder, temporary = root / archive.folder, root / f".unpacking-{archive.folder}"
    shutil.rmtree(temporary, ignore_errors=True)  # of a run that was killed
    try:
        with zipfile.ZipFile(file) as zipped:
            members = _members(zipped, file, archive)
            size = sum(member.file_size for member in members)
            require_room(root, size + BLOCK * len(members), f"the content of {file.name}")
            temporary.mkdir(parents=True)
            with byte_bar(size, f"unpacking {file.name}", progress) as bar:
                for member in members:
                    target = temporary / PurePosixPath(member.filename).name
                    with zipped.open(member) as source, open(target, "wb") as copy:
                        shutil.copyfileobj(source, copy, 1 << 20)
                    bar.update(member.file_size)
        note = {"md5": archive.md5, "files": len(members), "bytes": size}
        if folder.is_dir():  # it has other files, or too few: they stay
            for path in temporary.iterdir():
                os.replace(path, folder / path.name)
        else:
            os.replace(temporary, folder)
        _note(root, archive).parent.mkdir(exist_ok=True)
        _note(root, archive).write_text(json.dumps(note))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"{file} is not a whole zip archive ({error}): delete it and fetch it again") from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise OSError(f"the disk of {root} is full while unpacking {file.name}: make room and try again") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _members(zipped, file, archive):
    """The members of an archive that are kept. ValueError when any at all would land outside its folder."""
    kept = []
    for member in zipped.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        link = stat.S_ISLNK(member.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or ":" in member.filename or link:
            raise ValueError(f"{file}: its member {member.filename!r} would land outside {archive.folder}: refused")
        if str(path.parent) == archive.folder and fnmatch(path.name, archive.pattern) and not member.is_dir():
            kept.append(member)
    if not kept:
        raise ValueError(f"{file} has no {archive.folder}/{archive.pattern}: it is not {archive.name} of COCO 2017")
    return kept
