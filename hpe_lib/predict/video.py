"""Films: read (upright), people followed from frame to frame, drawn, and written so that what is done is kept.

Reading and writing is PyAV's (FFmpeg's libraries); it is imported when the first film is opened.
"""

import errno
import math
import time
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import numpy as np

from hpe_lib import data, motion, tracking
from hpe_lib.predict.overlap import box_iou
from hpe_lib.predict.poses import best_poses, predict_image

SUFFIXES = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".ts"}
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}  # what is written
NMS = 0.5  # OKS above which two poses of a frame are one person; lower than for photographs: boxes go on, and meet
CODECS = ("libx264", "h264_videotoolbox", "libopenh264", "mpeg4")  # the first that is there; mpeg4 always is


def pyav():
    """The module `av`; OSError that says how to get it."""
    try:
        import av
    except ImportError as error:
        raise OSError(f"films need PyAV ({error}): pip install av") from None
    return av


class Film:
    """A film file to read: iterate over its frames, (H, W, 3) uint8 RGB, turned as the camera noted.

    `fps`; `count`, frames as the file says, 0 where it does not; `damage`, what was wrong behind the last frame that
    could be read, or "". Raises FileNotFoundError and ValueError that name the file.
    """

    def __init__(self, file):
        self.file, self.damage = Path(file), ""
        if not self.file.is_file():
            raise FileNotFoundError(f"no film {file}: check the path")
        with self._readable():
            self.container = pyav().open(str(file))
        if not self.container.streams.video:
            self.close()
            raise ValueError(f"{file} holds no frames: it has sound or text only; give a film")
        self.stream = self.container.streams.video[0]
        self.stream.thread_type = "AUTO"
        rate = self.stream.average_rate or self.stream.guessed_rate
        self.fps = float(rate) if rate and 1 <= rate <= 1000 else 25.0
        self.count = self.stream.frames or 0

    @contextmanager
    def _readable(self):
        """FFmpeg's errors as one line with the file's name."""
        try:
            yield
        except pyav().FFmpegError as error:
            text = error.strerror or type(error).__name__
            raise ValueError(f"{self.file} is not a readable film ({text}): copy or download it again") from None

    def __iter__(self):
        read = 0
        try:
            with self._readable():
                for frame in self.container.decode(self.stream):
                    turns = round(getattr(frame, "rotation", 0) / 90)  # degrees, counterclockwise
                    yield np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), turns))
                    read += 1
        except ValueError as error:
            if not read:
                raise
            self.damage = str(error)
        if not read:
            raise ValueError(f"{self.file} holds no frames: record or download it again")

    def close(self):
        self.container.close()


class FilmWriter:
    """A film that is being written: `write(image)` for each frame, `close()` at the end, or `with`.

    Written in fragments of two seconds to a temporary file beside `path`, which takes the name `path` at the end. After
    Ctrl-C, an error or on a full disk too: all whole fragments are there, and play. `written` counts frames.
    """

    def __init__(self, path, fps, codec=None):
        self.path = Path(path)
        if self.path.suffix.lower() not in CONTAINERS:
            raise ValueError(f"{path}: a film's name ends in {', '.join(CONTAINERS)}, so that its kind is known")
        self.part = self.path.with_name(self.path.name + ".part")
        self.fps, self.codec, self.written, self.whole, self.container = fps, codec or self.codecs()[0], 0, 0, None

    @staticmethod
    def codecs():
        """Which of CODECS can be written here; OSError where none can."""
        av, found = pyav(), []
        for name in CODECS:
            with suppress(Exception):  # not in this build of FFmpeg
                av.codec.Codec(name, "w")
                found.append(name)
        if not found:
            raise OSError(f"this PyAV writes none of {', '.join(CODECS)}: install it anew (pip install --force av)")
        return found

    def _open(self, height, width):
        """Once the first frame says how large all are."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = open(self.part, "wb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise OSError(f"{self.path} could not be written ({error.strerror or error})") from None
        options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
        kind = CONTAINERS[self.path.suffix.lower()]
        self.container = pyav().open(self.file, "w", format=kind, options=options if kind != "matroska" else {})
        quality = {"preset": "veryfast", "crf": "21"} if self.codec == "libx264" else {}
        self.stream = self.container.add_stream(self.codec, rate=Fraction(self.fps).limit_denominator(1001))
        self.stream.options = quality
        self.stream.width, self.stream.height, self.stream.pix_fmt = width, height, "yuv420p"
        self.stream.gop_size = max(1, round(2 * self.fps))  # a key frame, and so a fragment, every two seconds
        if not quality:
            self.stream.bit_rate = 4_000_000

    def write(self, image):
        """Add a frame (H, W, 3) uint8; sides of odd length lose their last pixel, which the codecs ask for."""
        height, width = (max(2, side // 2 * 2) for side in image.shape[:2])
        if self.container is None:
            self._open(height, width)
        elif (height, width) != (self.stream.height, self.stream.width):
            raise ValueError(
                f"frame {self.written} of the film is {image.shape[1]} x {image.shape[0]} px, unlike the first"
            )
        more = [(0, max(0, side - have)) for side, have in zip((height, width), image.shape)]
        image = np.pad(image, [*more, (0, 0)], "edge")[:height, :width]
        with self._room():
            self._put(self.stream.encode(pyav().VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")))
        self.written += 1

    def _put(self, packets):
        for packet in packets:
            self.container.mux(packet)
            self.whole = self.file.tell()  # a fragment is written as a whole, in one call

    @contextmanager
    def _room(self):
        """A full disk as one line; what was written whole is kept."""
        try:
            yield
        except OSError as error:
            kept = self.whole
            self._keep()
            said = f"what was done so far is in {self.path}" if kept else "nothing could be kept"
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise OSError(f"the disk of {self.path} is full: {said}; make room and run it again") from None
            raise OSError(f"{self.path} could not be written ({error.strerror or error}): {said}") from None

    def _keep(self):
        """After an error: cut off the fragment that is half written, and give the rest its name."""
        container, self.container = self.container, None
        with suppress(OSError, ValueError):
            container.close()  # tries to write once more
        with suppress(OSError):
            self.file.truncate(self.whole)
        self.file.close()
        self.part.replace(self.path) if self.whole else self.part.unlink(missing_ok=True)

    def close(self):
        """Write what is still on its way, and give the file its name."""
        if self.container is None:
            return
        with self._room():
            self._put(self.stream.encode(None))
            self.container.close()
        self.container = None
        self.file.close()
        self.part.replace(self.path)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()  # also after Ctrl-C


class Stages:
    """Where the time goes: `with stages("reading"): ...` adds up seconds of the clock and of all processors."""

    def __init__(self):
        self.clock, self.processor = {}, {}

    @contextmanager
    def __call__(self, name):
        start, busy = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.clock[name] = self.clock.get(name, 0.0) + time.perf_counter() - start
            self.processor[name] = self.processor.get(name, 0.0) + time.process_time() - busy

    def each(self, iterable, name):
        """The items of an iterable, with the time that it takes to get them."""
        iterator, end = iter(iterable), object()
        while True:
            with self(name):
                item = next(iterator, end)
            if item is end:
                return
            yield item

    def __str__(self):
        total = sum(self.clock.values()) or 1.0
        return ", ".join(f"{name} {seconds / total:.0%}" for name, seconds in self.clock.items())


def follow(images, model, detect, fps=25.0, every=5, tracker=None, smooth=True, flip=False, stages=None):
    """Follow people through a film: for each image yields poses (P, 17, 3), scores (P,) and identities (P,).

    images: (H, W, 3) uint8 RGB, in order. detect: image -> boxes (M, 4) px and scores (M,), asked on every `every`-th
    image. Between, and for whom it misses, the box goes on: round the last pose, moved at its velocity (Xiao et al.
    2018, section 3, without optical flow). Nobody goes on for more than three rounds that the detector does not see.
    smooth: draw joints smoothed by the 1 euro filter; people are linked by the joints as they were found.
    """
    tracker, stages = tracker or tracking.Tracker(patience=2 * every), stages or Stages()
    seen, filters = {}, {}  # by identity: the image in which a detector saw somebody last; the filter
    for number, image in enumerate(images):
        height, width = image.shape[:2]
        lately = [track.unseen == 0 for track in tracker.tracks]
        expected = tracker.expected()[lately]
        boxes, sure = [tracking.box_round(pose) for pose in expected], [pose[:, 2].mean() for pose in expected]
        boxes, sure = _inside(boxes, sure, width, height)
        detected = np.zeros((0, 4))
        if number % every == 0:
            with stages("detecting"):
                detected, scores = _inside(*detect(image), width, height)
            missed = (box_iou(boxes, detected) < 0.5).all(axis=1)
            boxes, sure = np.concatenate([detected, boxes[missed]]), np.concatenate([scores, sure[missed]])
        with stages("posing"):
            poses = predict_image(model, image, boxes, flip)
        with stages("linking"):
            kept, scores = best_poses(poses, sure, boxes, NMS)
            kept, scores = kept[scores > 0], scores[scores > 0]
            poses, fresh = poses[kept], kept < len(detected)
            identities = tracker.update(poses, fresh)
            seen |= {name: number for name, new in zip(identities.tolist(), fresh) if new}
            alive = np.array([number - seen.get(name, -math.inf) <= 3 * every for name in identities.tolist()], bool)
            gone = set(identities[~alive].tolist())
            waiting = {track.identity for track in tracker.tracks if track.unseen}
            filters = {name: one for name, one in filters.items() if name not in waiting}  # who comes back begins anew
            tracker.tracks = [track for track in tracker.tracks if track.identity not in gone]
            poses, scores, identities = poses[alive], scores[alive], identities[alive]
            if smooth:
                poses = np.array([_smoothed(filters, *one, fps) for one in zip(identities.tolist(), poses)])
        yield poses.reshape(-1, 17, 3), scores, identities


def _inside(boxes, scores, width, height):
    """Boxes (M, 4) cut to the image, with their scores; those outside are left out."""
    cut = [data.clean_box(box, width, height) for box in boxes]
    kept = [index for index, box in enumerate(cut) if box is not None and (box[2:] > 0).all()]
    return np.array([cut[i] for i in kept]).reshape(-1, 4), np.array([scores[i] for i in kept], dtype=float)


def _smoothed(filters, identity, pose, fps):
    """A pose (17, 3) after its person's filter: who moves by a body's length a second is followed 2 Hz quicker."""
    if identity not in filters:
        size = np.sqrt(np.prod(tracking.box_round(pose, 0)[2:]))  # px
        filters[identity] = motion.OneEuro(fps, min_cutoff=2.0, beta=2.0 / size)
    return np.column_stack([filters[identity](pose[:, :2]), pose[:, 2]])
