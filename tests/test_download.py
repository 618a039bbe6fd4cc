"""COCO from a server on this machine that does what bad servers do: every run ends whole, or clear and clean."""

import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpe_lib.data import __main__ as command_line
from hpe_lib.data import download
from tests.local_server import serve

FAST = {"waits": (0.01, 0.01, 0.01), "timeout": 0.3, "progress": False}  # seconds


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def zipped(members):
    """A zip archive of {name: content}, as bytes."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return file.getvalue()


def drawing(seed):
    with io.BytesIO() as file:
        pixels = np.random.default_rng(seed).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, "jpeg", quality=95)
        return file.getvalue()


CONTENT = {
    "annotations": {
        f"annotations/person_keypoints_{split}2017.json": f'{{"of": "{split}"}}' for split in ("train", "val")
    },
    "val": {f"val2017/{index:012}.jpg": drawing(index) for index in range(12)},
    "train": {f"train2017/{index:012}.jpg": drawing(index) for index in range(12, 32)},
}


def describe(part, body):
    """A small stand-in for a line of `download.COCO`."""
    real = download.COCO[part]
    return download.Archive(
        real.path,
        len(body),
        hashlib.md5(body).hexdigest(),
        real.folder,
        real.pattern,
        len(CONTENT[part]),
        sum(map(len, CONTENT[part].values())),
    )


BODIES = {
    part: zipped(members | {f"{download.COCO[part].folder}/other.txt": "not kept"}) for part, members in CONTENT.items()
}
ARCHIVES = {part: describe(part, body) for part, body in BODIES.items()}
FILES = {f"/{ARCHIVES[part].path}": body for part, body in BODIES.items()}


def contents(root):
    """{path below the root: bytes} of everything but what the download notes for itself."""
    files = (path for path in Path(root).rglob("*") if path.is_file() and path.parent.name != "archives")
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def expected(*parts):
    found = {}
    for part in ("annotations", *parts):
        found |= {name: value if isinstance(value, bytes) else value.encode() for name, value in CONTENT[part].items()}
    return found


def get(server, root, only="val", **options):
    return download.coco(root, only, [server.address], **{"archives": ARCHIVES} | FAST | options)


def length(file):
    """Bytes of a file; 0 where there is none."""
    return file.stat().st_size if file.is_file() else 0


def leftovers(root):
    """Half-made things: hidden temporary folders, unfinished or deleted-later archives."""
    return [
        path.name for path in Path(root).rglob("*") if path.name.startswith(".") or path.suffix in (".part", ".zip")
    ]


def test_coco_comes_whole_and_only_once(tmp_path):
    with serve(FILES) as server:
        assert get(server, tmp_path / "coco") == tmp_path / "coco"
        assert contents(tmp_path / "coco") == expected("val") and not leftovers(tmp_path)
        assert len(server.asked) == 2
        get(server, tmp_path / "coco")
        assert len(server.asked) == 2  # nothing twice
        get(server, tmp_path / "coco", only=None)
        assert contents(tmp_path / "coco") == expected("val", "train") and len(server.asked) == 3


def test_the_table_is_cocos():
    """Sizes and digests that COCO's archives are known by."""
    assert download.COCO["val"].size == 815_585_330 and download.COCO["train"].size == 19_336_861_798
    assert [archive.md5[:8] for archive in download.COCO.values()] == ["f4bbac64", "442b8da7", "cced6f7f"]
    assert download.SERVER + "/" + download.COCO["val"].path == "http://images.cocodataset.org/zips/val2017.zip"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("manners", ["", "no-range", "no-length", "no-range no-length"])
def test_cut_at_random_bytes(tmp_path, seed, manners):
    chance = random.Random(seed)
    size = len(BODIES["val"])
    plan = ["fine", *(f"{manners} cut={chance.randrange(size)}" for _ in range(3)), "error=503", f"{manners}", "fine"]
    with serve(FILES, *plan) as server:
        get(server, tmp_path)
        assert contents(tmp_path) == expected("val") and not leftovers(tmp_path)
        starts = [int(asked[6:-1]) if asked else 0 for path, asked in server.asked if "val2017" in path]
        assert max(starts) > 0 and starts == sorted(starts)  # it goes on from where it was, never from less


@pytest.mark.parametrize(
    "plan",
    [
        ["error=500", "error=503", "fine"],
        ["stall cut=5000", "fine"],
        ["stall-first", "fine"],
        ["short", "fine"],
        ["flip", "fine"],
        ["cut=3000", "flip", "fine"],
        ["cut=100", "wrong-range", "fine"],
        ["longer", "fine"],
        ["cut=0", "cut=1", "fine"],
    ],
)
def test_what_goes_wrong_at_first_ends_whole(tmp_path, plan):
    """Two addresses of the same server: what one refuses for good, the next gives."""
    with serve(FILES, *plan) as server:
        download.coco(tmp_path, "val", [server.address, f"{server.address}/"], archives=ARCHIVES, **FAST)
    assert contents(tmp_path) == expected("val") and not leftovers(tmp_path)


@pytest.mark.parametrize(
    "plan, words",
    [
        ("error=404", "404"),
        ("error=500", "500"),
        ("stall-first", "nothing came for 0.3 s"),
        ("short", "bytes instead of"),
        ("longer", "bytes instead of"),
        ("longer no-length", "sends more than"),
        ("cut=10", "10 bytes read|ended too early|10 bytes are kept"),
        ("flip", "another MD5"),
    ],
)
def test_what_stays_wrong_ends_in_a_clear_error(tmp_path, plan, words):
    waits = () if plan == "cut=10" else (0.01,)
    manners = "no-range " if plan == "cut=10" else ""
    with serve(FILES, manners + plan) as server, pytest.raises((OSError, ValueError), match=words) as error:
        get(server, tmp_path, waits=waits)
    assert "annotations_trainval2017.zip" in str(error.value) and "\n" not in str(error.value)
    assert contents(tmp_path) == {} and not (tmp_path / "annotations").exists()
    assert plan != "flip" or not leftovers(tmp_path)  # nothing that is known to be wrong stays


def test_no_server_at_all(tmp_path):
    with serve(FILES) as server:
        address = server.address
    with pytest.raises(OSError, match="annotations_trainval2017.zip could not be fetched.*refused"):
        download.coco(tmp_path, "val", [address], archives=ARCHIVES, **FAST)


def test_mirrors_are_tried_in_order_and_share_what_has_come(tmp_path):
    with serve(FILES, "cut=2000", "error=404") as first, serve(FILES) as second:
        addresses = [f"{server.address}/zips/val2017.zip" for server in (first, second)]
        file, archive = tmp_path / "val2017.zip", ARCHIVES["val"]
        download.fetch(addresses, file, archive.md5, archive.size, **FAST | {"waits": (0.01,)})
    assert file.read_bytes() == BODIES["val"]
    assert second.asked == [("/zips/val2017.zip", "bytes=2000-")]
    with pytest.raises(ValueError, match="http://"):
        download.coco(tmp_path, mirrors=["/disk/coco"])


def test_a_server_that_sends_another_part_is_left_before_it_harms(tmp_path):
    with serve(FILES, "cut=2000", "wrong-range") as first, serve(FILES) as second:
        addresses = [f"{server.address}/zips/val2017.zip" for server in (first, second)]
        download.fetch(addresses, tmp_path / "val2017.zip", ARCHIVES["val"].md5, ARCHIVES["val"].size, **FAST)
    assert second.asked == [("/zips/val2017.zip", "bytes=2000-")]


def test_archives_that_are_there_are_checked_and_used(tmp_path):
    (tmp_path / "archives").mkdir()
    (tmp_path / "archives" / "annotations_trainval2017.zip").write_bytes(BODIES["annotations"])
    (tmp_path / "val2017.zip").write_bytes(BODIES["val"])  # where a browser put it
    with serve({}) as server:
        get(server, tmp_path)
        assert server.asked == []
    assert (tmp_path / "val2017.zip").is_file() and not (
        tmp_path / "archives" / "annotations_trainval2017.zip"
    ).exists()


def test_damaged_and_unfinished_archives_are_replaced(tmp_path):
    (tmp_path / "archives").mkdir()
    damaged = bytearray(BODIES["annotations"])
    damaged[50] ^= 1
    (tmp_path / "archives" / "annotations_trainval2017.zip").write_bytes(damaged)
    (tmp_path / "archives" / "val2017.zip").write_bytes(BODIES["val"][:7000])
    with serve(FILES) as server:
        get(server, tmp_path, keep_archives=True)
        assert [asked for _, asked in server.asked] == [None, "bytes=7000-"]
    assert (tmp_path / "archives" / "val2017.zip").read_bytes() == BODIES["val"]
    assert {name for name in contents(tmp_path) if "zip" not in name} == set(expected("val"))


@pytest.mark.parametrize(
    "name", ["../outside.jpg", "/outside.jpg", "val2017/../../outside.jpg", "..\\outside.jpg", "C:\\x.jpg"]
)
def test_members_that_would_land_outside_are_refused(tmp_path, name):
    body = zipped(CONTENT["val"] | {name: b"x"})
    archives = ARCHIVES | {"val": describe("val", body)}
    with serve(FILES | {"/zips/val2017.zip": body}) as server, pytest.raises(ValueError, match="outside val2017"):
        get(server, tmp_path / "root", archives=archives)
    assert contents(tmp_path / "root") == expected() and [path.name for path in tmp_path.iterdir()] == ["root"]


def test_links_and_foreign_archives_are_refused(tmp_path):
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            link = zipfile.ZipInfo("val2017/link.jpg")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, "/etc/passwd")
        linked = file.getvalue()
    for body, words in (
        (linked, "outside val2017"),
        (zipped({"a.txt": "b"}), "has no val2017"),
        (b"no zip", "not a whole zip"),
    ):
        with serve(FILES | {"/zips/val2017.zip": body}) as server, pytest.raises(ValueError, match=words):
            get(server, tmp_path, archives=ARCHIVES | {"val": describe("val", body)})
        assert not (tmp_path / "val2017").exists() and ".unpacking-val2017" not in leftovers(tmp_path)


def test_folders_that_are_not_whole_are_completed_and_keep_what_is_yours(tmp_path):
    (tmp_path / "val2017").mkdir()
    (tmp_path / "val2017" / "000000000003.jpg").write_bytes(b"half")
    (tmp_path / "val2017" / "mine.txt").write_text("mine")
    (tmp_path / ".unpacking-val2017").mkdir()  # of a run that was killed
    with serve(FILES) as server:
        get(server, tmp_path)
        assert contents(tmp_path) == expected("val") | {"val2017/mine.txt": b"mine"}
        (tmp_path / "val2017" / "000000000005.jpg").unlink()
        get(server, tmp_path)
    assert contents(tmp_path) == expected("val") | {"val2017/mine.txt": b"mine"} and len(server.asked) == 3


def test_folders_unpacked_by_hand_are_believed_when_whole(tmp_path):
    for name, content in expected("val").items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with serve(FILES) as server:
        get(server, tmp_path)
        assert server.asked == []
        (tmp_path / "val2017" / "000000000000.jpg").write_bytes(b"")
        get(server, tmp_path)
        assert len(server.asked) == 1 and contents(tmp_path) == expected("val")


def test_a_full_disk_is_seen_before_anything_is_fetched(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    needed = sum(ARCHIVES[part].content for part in ("annotations", "val")) + ARCHIVES["val"].size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, needed - 1))
    with serve(FILES) as server:
        with pytest.raises(OSError, match=r"new: fetching and unpacking .*val2017.zip needs 0\.\d+ GB more.*make room"):
            get(server, tmp_path / "new")
        assert server.asked == [] and not (tmp_path / "new").exists()
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, needed))
        get(server, tmp_path / "new")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 30e9))
    with pytest.raises(OSError, match="needs 39.7.. GB more"):  # all of COCO: 21 GB unpacked, and the last archive
        download.coco(tmp_path / "all", progress=False)


def test_a_disk_that_fills_up_while_downloading(tmp_path, monkeypatch):
    def full(file, *_):
        raise OSError(28, "No space left on device")

    class Full(io.FileIO):
        write = full

    with serve(FILES) as server:
        with (
            monkeypatch.context() as patch,
            pytest.raises(OSError, match=r"cannot write .*\.zip\.part \(No space left"),
        ):
            patch.setattr(download, "open", lambda path, mode: Full(path, mode), raising=False)
            get(server, tmp_path)
        assert len(server.asked) == 1 and contents(tmp_path) == {}  # a full disk is not tried again
        get(server, tmp_path)
    assert contents(tmp_path) == expected("val")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_planted_link_is_not_written_through(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "coco" / "archives").mkdir(parents=True)
    (tmp_path / "coco" / "archives" / "annotations_trainval2017.zip.part").symlink_to(victim)
    with serve(FILES) as server, pytest.raises(OSError, match=r"zip\.part is a link to another place: remove it"):
        get(server, tmp_path / "coco")
    assert victim.read_text() == "mine" and server.asked == []


def test_a_disk_that_fills_up_while_unpacking(tmp_path, monkeypatch):
    def full(source, target, *_):
        target.write(source.read(10))
        raise OSError(28, "No space left on device")

    with serve(FILES) as server:
        with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left on device"):
            patch.setattr(shutil, "copyfileobj", full)
            get(server, tmp_path)
        assert contents(tmp_path) == {} and leftovers(tmp_path) == ["annotations_trainval2017.zip"]
        get(server, tmp_path)
        assert contents(tmp_path) == expected("val") and len(server.asked) == 2  # the archive was still there


PROGRAM = """
import json, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background without it
from hpe_lib.data import __main__ as command_line, download
from hpe_lib.machine import run_command
table = json.loads(sys.argv.pop(1))
download.COCO.update({part: download.Archive(**values) for part, values in table.items()})
run_command(command_line.main)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_and_the_same_command_again(tmp_path, monkeypatch, capsys):
    table = json.dumps({part: vars(archive) for part, archive in ARCHIVES.items()})
    root = tmp_path / "coco"
    with serve(FILES, "fine", "slow stall=60 cut=20000", "fine") as server:
        command = ["download", "--root", str(root), "--only", "val", "--mirror", server.address]
        running = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, table, *command],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"},
            text=True,
            stderr=subprocess.PIPE,
        )
        part, patience = root / "archives" / "val2017.zip.part", time.time() + 60
        while length(part) < 8000 and running.poll() is None and time.time() < patience:
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
        assert running.returncode == 1 and "Traceback" not in said
        assert said.splitlines()[-1].startswith("stopped: what has arrived stays in")
        assert contents(root) == expected() and length(part) >= 8000
        monkeypatch.setattr(download, "COCO", ARCHIVES)
        command_line.main(command)
        assert int(server.asked[-1][1][6:-1]) >= 8000  # it went on
    assert contents(root) == expected("val") and not leftovers(tmp_path)
    assert f"HPE_DATA={root}" in capsys.readouterr().out.splitlines()[-1]


def test_ctrl_c_while_unpacking_leaves_no_half_folder(tmp_path, monkeypatch):
    calls = []

    def stop(*_):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt

    with serve(FILES) as server:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="the same command goes on"):
            patch.setattr(shutil, "copyfileobj", stop)
            get(server, tmp_path)
        assert not (tmp_path / "val2017").exists() and "val2017.zip" in leftovers(tmp_path)


def test_the_command_says_what_is_wrong_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="only is"):
        download.coco(tmp_path, only="test")
    with pytest.raises(SystemExit):
        command_line.main(["download"])
