"""Decoded pictures kept on disk, against the pictures themselves."""

import os
import pickle
import shutil
from collections import namedtuple

import numpy as np
import pytest
from PIL import Image

from hpe_lib import data
from hpe_lib.data import kept as kept_files
from hpe_lib.data.kept import ImageCache
from hpe_lib.train.recipes import RECIPES


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    for number, (width, height) in enumerate(((64, 48), (31, 50), (80, 60))):
        noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{number}.jpg", quality=90)
    return sorted(tmp_path.glob("*.jpg"))


def test_a_picture_is_decoded_once_and_is_the_same(files, tmp_path, monkeypatch):
    cache = ImageCache(tmp_path / "cache", files[::-1] + files)
    decoded = [data.read_image(file) for file in files]
    assert all(np.array_equal(cache(file), picture) for file, picture in zip(files, decoded))
    monkeypatch.setattr(kept_files, "read_image", None)  # from here on nothing may be decoded
    again = ImageCache(tmp_path / "cache", files)  # the next run
    worker = pickle.loads(pickle.dumps(again))  # a process that reads for it
    for kept in (cache, again, worker):
        assert all(np.array_equal(kept(str(file)), picture) for file, picture in zip(files, decoded))
    assert len(list((tmp_path / "cache").iterdir())) == 1
    with pytest.raises(ValueError, match="read-only"):
        cache(files[0])[0] = 0


def test_a_changed_picture_is_decoded_again(files, tmp_path):
    assert ImageCache(tmp_path / "cache", files)(files[0]).any()
    Image.new("RGB", (64, 48)).save(files[0])
    assert not ImageCache(tmp_path / "cache", files)(files[0]).any()


def test_what_is_wrong_is_said_and_leaves_nothing_half_made(files, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="missing.jpg: check the path"):
        ImageCache(tmp_path / "cache", [*files, tmp_path / "missing.jpg"])
    usage = namedtuple("usage", "total used free")(10, 10, 100)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(OSError, match="GB free: name another folder, or train without --cache"):
            ImageCache(tmp_path / "cache", files)
    files[1].write_bytes(files[1].read_bytes()[:-300])  # its head is whole
    cache = ImageCache(tmp_path / "cache", files)
    with pytest.raises(ValueError, match="1.jpg is not a readable image"):
        cache(files[1])
    assert cache(files[2]).any()
    (bad := tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(ValueError, match="text.jpg is not a readable image"):
        ImageCache(tmp_path / "cache", [*files, bad])
    assert len(list((tmp_path / "cache").iterdir())) == 1  # the whole one


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_said(files, tmp_path):
    cache = ImageCache(tmp_path / "cache", files)
    (cache.folder / "pixels.bin").unlink()
    (cache.folder / "pixels.bin").symlink_to("/dev/full")
    with pytest.raises(OSError, match="pixels.bin could not be written .*make room on the disk"):
        cache(files[0])


def test_crops_from_kept_pictures_are_the_crops_from_files(drawn, tmp_path):
    people = data.persons(drawn, "val")[:12]
    cache = ImageCache(tmp_path, [person.file for person in people])
    augmentation = RECIPES["photos"].augmentation
    plain, kept = (
        data.CropDataset(people, (96, 128), augmentation, read=source) for source in (data.read_image, cache)
    )
    for _ in range(2):  # the second time nothing is decoded
        for one, other in zip(plain, kept):
            assert all(np.array_equal(one[name], other[name]) for name in ("image", "keypoints", "labelled"))
