"""Films in and out, the command on photographs, folders and films, and what is kept when something goes wrong."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from hpe_lib import evaluate, plots, predict, tracking
from hpe_lib.predict import __main__ as command
from hpe_lib.predict import video

av = pytest.importorskip("av", reason="films need PyAV")


def moving(count=40, size=(96, 64)):
    """A bright square that moves over grey: (T, H, W, 3)."""
    images = np.full((count, size[1], size[0], 3), 90, np.uint8)
    for t, image in enumerate(images):
        image[20:40, t : t + 20] = 230
    return images


def write(path, images, **options):
    with predict.FilmWriter(path, 15, **options) as writer:
        for image in images:
            writer.write(image)
    return path


def pose(x=40.0):
    return np.column_stack([np.linspace(x - 20, x + 20, 17), np.linspace(5, 60, 17), np.linspace(0.1, 0.9, 17)])


@pytest.fixture
def one_person(monkeypatch):
    """A detector and a network that see one person in every picture, the same always."""
    found = np.array([[20.0, 5, 40, 55]]), np.array([0.8])
    monkeypatch.setattr(command, "detect_people", lambda image, threshold, detector: found)
    monkeypatch.setattr(command, "load_model", lambda *_: __import__("torch").nn.Identity())
    see = lambda model, image, boxes, flip=True: np.array([pose()] * len(boxes)).reshape(-1, 17, 3)  # noqa: E731
    monkeypatch.setattr("hpe_lib.predict.poses.predict_image", see)
    monkeypatch.setattr("hpe_lib.predict.video.predict_image", see)


@pytest.mark.parametrize("suffix", video.CONTAINERS)
def test_what_is_written_is_read_again(tmp_path, suffix):
    images = moving()
    film = predict.Film(write(tmp_path / f"film{suffix}", images))
    frames = np.stack(list(film))
    assert frames.shape == images.shape and film.fps == pytest.approx(15) and not film.damage
    assert np.abs(frames.astype(int) - images).mean() < 4
    assert [path.name for path in tmp_path.iterdir()] == [f"film{suffix}"]


@pytest.mark.parametrize("codec", predict.FilmWriter.codecs())
def test_every_codec_that_is_there_writes_and_odd_sides_lose_a_pixel(tmp_path, codec):
    frames = list(predict.Film(write(tmp_path / "odd.mp4", moving(5, (97, 65)), codec=codec)))
    assert len(frames) == 5 and frames[0].shape == (64, 96, 3)


def test_a_tiny_frame_is_padded_and_another_size_is_refused(tmp_path):
    dot = predict.Film(write(tmp_path / "dot.mp4", np.zeros((2, 1, 1, 3), np.uint8)))
    assert [frame.shape for frame in dot] == [(2, 2, 3)] * 2
    with pytest.raises(ValueError, match="frame 1 of the film is 20 x 10 px, unlike the first"):
        write(tmp_path / "two.mp4", [np.zeros((20, 20, 3), np.uint8), np.zeros((10, 20, 3), np.uint8)])
    assert len(list(predict.Film(tmp_path / "two.mp4"))) == 1  # what was done so far is kept


def test_a_film_that_the_camera_turned_is_read_upright(tmp_path, monkeypatch):
    class Turned:
        rotation = 90

        def to_ndarray(self, format):
            return moving(1)[0]

    film = predict.Film(write(tmp_path / "film.mp4", moving(3)))
    monkeypatch.setattr(film, "container", type("C", (), {"decode": lambda *_: iter([Turned()])})())
    np.testing.assert_array_equal(next(iter(film)), np.rot90(moving(1)[0]))


def said(call):
    with pytest.raises((ValueError, OSError)) as error:
        call()
    text = str(error.value)
    assert "\n" not in text and "0x" not in text
    return text


def test_broken_films_are_refused_by_name(tmp_path):
    (tmp_path / "text.mp4").write_text("no film at all, but some text")
    (tmp_path / "empty.mp4").touch()
    for name in ("text.mp4", "empty.mp4"):
        assert f"{name} is not a readable film" in said(lambda name=name: predict.Film(tmp_path / name))
    assert "no film" in said(lambda: predict.Film(tmp_path / "none.mp4"))
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=16000)
        noise = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        noise.sample_rate = 16000
        container.mux(sound.encode(noise))
        container.mux(sound.encode(None))
    assert "sound.mp4 holds no frames" in said(lambda: predict.Film(tmp_path / "sound.mp4"))
    with av.open(str(tmp_path / "none.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=15)
        stream.width = stream.height = 16
        container.start_encoding()
    assert "none.mkv" in said(lambda: list(predict.Film(tmp_path / "none.mkv")))


def test_a_film_that_is_cut_off_gives_what_is_there(tmp_path):
    whole = write(tmp_path / "film.mp4", noisy(150)).read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    assert 60 <= len(list(predict.Film(tmp_path / "half.mp4"))) < 150


class Full:
    """A file on a disk that has room for so many bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, content):
        if self.file.tell() + len(content) > self.room:
            raise OSError(28, "No space left on device")
        return self.file.write(content)

    def __getattr__(self, name):
        return getattr(self.file, name)


def fill(monkeypatch, room):
    real = open
    monkeypatch.setattr(video, "open", lambda *a, **k: Full(real(*a, **k), room), raising=False)


def noisy(count):
    return np.random.default_rng(0).integers(0, 255, (count, 64, 96, 3), dtype=np.uint8)


def test_a_full_disk_is_said_and_whole_fragments_are_kept(tmp_path, monkeypatch):
    size = write(tmp_path / "whole.mp4", noisy(150)).stat().st_size
    fill(monkeypatch, 0.6 * size)
    text = said(lambda: write(tmp_path / "film.mp4", noisy(150)))
    assert "the disk of" in text and "film.mp4 is full: what was done so far is in" in text
    film = predict.Film(tmp_path / "film.mp4")
    assert 30 <= len(list(film)) < 150 and len(list(film.file.parent.iterdir())) == 2 and not film.damage
    fill(monkeypatch, 10)
    assert "nothing could be kept" in said(lambda: write(tmp_path / "none.mp4", noisy(60)))
    assert {path.name for path in tmp_path.iterdir()} == {"whole.mp4", "film.mp4"}


def test_an_unknown_kind_of_film_and_no_codec_are_said(tmp_path, monkeypatch):
    assert "a film's name ends in .mp4" in said(lambda: predict.FilmWriter(tmp_path / "film.gif", 15))
    monkeypatch.setattr(video, "CODECS", ("none", "such"))
    assert "writes none of none, such" in said(lambda: predict.FilmWriter(tmp_path / "film.mp4", 15))
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install av" in said(lambda: predict.FilmWriter(tmp_path / "film.mp4", 15))


def test_the_command_follows_a_film_and_writes_results_in_cocos_format(tmp_path, one_person, capsys):
    source = write(tmp_path / "film.mp4", moving(12))
    command.main([str(source), "--json", str(tmp_path / "p.json"), "--threshold", "0.5"])
    out = capsys.readouterr().out
    assert "1 person followed through 12 frames" in out and "frames/s (reading" in out and "codec: " in out
    results = json.loads((tmp_path / "p.json").read_text())
    assert [one["image_id"] for one in results] == list(range(12)) and {one["track_id"] for one in results} == {1}
    frames = list(predict.Film(tmp_path / "film-poses.mp4"))
    assert len(frames) == 12 and np.abs(frames[5].astype(int) - moving(12)[5]).max() > 80  # drawn on
    truth = {
        "images": [{"id": number, "width": 96, "height": 64, "file_name": f"{number}.jpg"} for number in range(12)],
        "annotations": [
            {"id": one["image_id"] + 1, "image_id": one["image_id"], "category_id": 1, "bbox": [20, 5, 40, 55],
             "area": 2200, "iscrowd": 0, "num_keypoints": 17,
             "keypoints": [v if k % 3 < 2 else 2 for k, v in enumerate(one["keypoints"])]}
            for one in results
        ],
        "categories": [{"id": 1, "name": "person"}],
    }  # fmt: skip
    assert evaluate.coco_metrics(truth, results)["AP"] > 0.5


def test_ctrl_c_keeps_what_was_done(tmp_path, one_person, monkeypatch):
    source, calls = write(tmp_path / "film.mp4", moving(30)), iter(range(99))
    real = plots.paint_poses

    def painted(*arguments):
        if next(calls) == 20:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(plots, "paint_poses", painted)
    with pytest.raises(KeyboardInterrupt, match="the first 20 frames are in .*film-poses.mp4"):
        command.main([str(source), "--json", str(tmp_path / "p.json")])
    assert len(list(predict.Film(tmp_path / "film-poses.mp4"))) == 20
    assert len(json.loads((tmp_path / "p.json").read_text())) == 20


def test_a_folder_with_other_files_in_it(tmp_path, one_person, capsys):
    folder = tmp_path / "holiday"
    folder.mkdir()
    for name in ("b.png", "a.jpg", "000000000042.jpg"):
        Image.fromarray(moving(1)[0]).save(folder / name)
    (folder / "notes.txt").write_text("x")
    (folder / "bad.jpg").write_bytes(b"\xff\xd8 not really")
    (folder / "more").mkdir()
    command.main([str(folder), "--json", str(tmp_path / "p.json")])
    said = capsys.readouterr()
    assert "no pictures, left out: notes.txt" in said.out and "3 of 4 pictures drawn in" in said.out
    assert "left out: " in said.err and "bad.jpg is not a readable image" in said.err
    assert len(list((tmp_path / "holiday-poses").iterdir())) == 3
    results = json.loads((tmp_path / "p.json").read_text())
    assert [(one["image_id"], one["file_name"]) for one in results] == [
        (42, "000000000042.jpg"), (2, "a.jpg"), (3, "b.png")
    ]  # fmt: skip
    (folder / "none").mkdir()
    with pytest.raises(ValueError, match="none holds no pictures"):
        command.main([str(folder / "none")])


def test_nobody_in_a_picture_is_said_and_no_error(tmp_path, one_person, monkeypatch, capsys):
    nobody = np.zeros((0, 4)), np.zeros(0)
    monkeypatch.setattr(command, "detect_people", lambda image, threshold, detector: nobody)
    Image.new("RGB", (1, 1), "grey").save(tmp_path / "dot.png")
    command.main([str(tmp_path / "dot.png"), "--json", str(tmp_path / "p.json")])
    assert "no person found in" in capsys.readouterr().out and json.loads((tmp_path / "p.json").read_text()) == []
    command.main([str(write(tmp_path / "film.mp4", moving(4)))])
    assert "0 people followed through 4 frames" in capsys.readouterr().out


def test_a_picture_of_one_pixel_goes_through_the_real_networks(tmp_path, capsys):
    Image.new("RGB", (1, 1), "grey").save(tmp_path / "dot.png")
    command.main([str(tmp_path / "dot.png")])
    assert (tmp_path / "dot-poses.png").is_file() and "dot" in capsys.readouterr().out


def test_a_huge_picture_is_refused_in_a_line(tmp_path):
    import struct
    import zlib

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compressobj(1)
    pixels = b"".join(rows.compress(bytes(2501)) for _ in range(20_000)) + rows.flush()  # 20,000 x 20,000, 1 bit
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    file = tmp_path / "huge.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    assert "huge.png has more than 179 million pixels" in said(lambda: command.main([str(file)]))


def test_a_phones_photograph_comes_out_upright(tmp_path):
    lying, notes = Image.fromarray(np.rot90(moving(1)[0])), Image.Exif()
    notes[0x0112] = 6
    lying.save(tmp_path / "phone.jpg", exif=notes, quality=95)
    for source in (tmp_path / "phone.jpg", (tmp_path / "phone.jpg").read_bytes()):
        assert np.abs(predict.read_upright(source).astype(int) - moving(1)[0]).mean() < 4
    assert "holiday.jpg is not a readable image" in said(lambda: predict.read_upright(b"nothing", "holiday.jpg"))


def test_results_do_not_replace_what_they_come_from(tmp_path):
    film = write(tmp_path / "film.mp4", moving(3))
    assert "is the film itself" in said(lambda: command.main([str(film), "--out", str(film)]))
    assert "leave it out" in said(lambda: command.main([str(film), "--box", "1,1,5,5"]))
    assert "film's name ends in" in said(lambda: command.main([str(film), "--out", str(tmp_path / "x.png")]))
    (tmp_path / "folder").mkdir()
    assert "is a file" in said(lambda: command.main([str(tmp_path / "folder"), "--out", str(film)]))
    assert len(list(predict.Film(film))) == 3


def test_without_a_source_the_command_says_what_it_wants():
    done = subprocess.run([sys.executable, "-m", "hpe_lib.predict"], capture_output=True, text=True)
    assert done.returncode == 2 and "name a photograph, a folder of photographs, or a film" in done.stderr


def test_painted_joints_below_the_threshold_are_left_out():
    image, poses = np.zeros((64, 96, 3), np.uint8), [pose()]
    colors = [plots.person_color(0)]
    amounts = [plots.paint_poses(image, poses, colors, threshold).any(axis=2).sum() for threshold in (0, 0.5, 1)]
    assert amounts[0] > amounts[1] > amounts[2] == 0 and not image.any()
    assert len({plots.person_color(number) for number in range(7)}) == 7


def test_stages_add_up():
    stages = predict.Stages()
    assert list(stages.each([1, 2, 3], "reading")) == [1, 2, 3]
    with stages("drawing"):
        pass
    assert list(stages.clock) == ["reading", "drawing"] == list(stages.processor)
    assert "reading" in str(stages) and tracking.SEEN == 0.2
