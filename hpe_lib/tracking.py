"""Who is who in a film: people linked from frame to frame by OKS, and how well that went (MOTA).

The second half of Simple Baselines (Xiao, Wu and Wei 2018, section 3), with a constant velocity in place of optical
flow. Poses are (M, 17, 3): x, y in px and the joint's score. Knows nothing of images, networks or detectors.
"""

from dataclasses import dataclass

import numpy as np

from hpe_lib.metrics import keypoint_similarity, oks

SEEN = 0.2  # joints of a lower score say little about where somebody is


def box_round(pose, margin=0.15, threshold=SEEN):
    """The box x, y, width, height round the joints above `threshold` (round all where none is), px, -> (4,).

    Each side goes out by `margin` times the box's own width or height: heads and hands reach beyond their joints.
    (Xiao et al. 2018, section 3.2)
    """
    seen = pose[:, 2] > threshold
    points = pose[seen, :2] if seen.any() else pose[:, :2]
    low, size = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1.0)
    return np.concatenate([low - margin * size, size * (1 + 2 * margin)])


def pose_similarity(one, other, threshold=SEEN):
    """OKS of every pose with every other, over the joints that both show: (N, 17, 3), (M, 17, 3) -> (N, M), 0 to 1.

    The area is that of the box round the first pose. Two poses with no joint in common have 0.
    """
    one, other = np.reshape(one, (-1, 1, 17, 3)), np.reshape(other, (1, -1, 17, 3))
    areas = np.array([np.prod(box_round(pose, 0, threshold)[2:]) for pose in one[:, 0]]).reshape(-1, 1)
    near = keypoint_similarity(one[..., :2] - other[..., :2], areas + np.zeros(other.shape[1]))  # (N, M, 17)
    both = (one[..., 2] > threshold) & (other[..., 2] > threshold)
    return (near * both).sum(axis=-1) / np.maximum(both.sum(axis=-1), 1)


def link(similarity, threshold):
    """Pair rows with columns greedily, the most similar first: (N, M) -> for each column its row, or -1: (M,) int."""
    similarity, rows = np.array(similarity, dtype=float), np.full(np.shape(similarity)[1], -1)
    while similarity.size and similarity.max() > threshold:
        row, column = np.unravel_index(similarity.argmax(), similarity.shape)
        rows[column] = row
        similarity[row], similarity[:, column] = -1, -1  # both are taken
    return rows


@dataclass
class Track:
    """One person so far: the last pose (17, 3), how it moves, px a frame (2,), and how long it has not been seen."""

    identity: int
    pose: np.ndarray
    velocity: np.ndarray
    unseen: int = 0

    def expected(self):
        """The pose in the next frame, if the body goes on as it did: (17, 3)."""
        return self.pose + np.append(self.velocity * (1 + self.unseen), 0)


class Tracker:
    """Gives every pose of every frame an identity, a whole number from 1.

    threshold: of the similarity, below which a pose is somebody new. patience: frames that somebody may be unseen.
    similarity: a function of poses (N, 17, 3), (M, 17, 3) -> (N, M), 0 to 1. moving: whether the last pose goes on at
    its velocity before it is compared, or stays.
    """

    def __init__(self, threshold=0.3, patience=15, similarity=pose_similarity, moving=True):
        self.threshold, self.patience, self.similarity, self.moving = threshold, patience, similarity, moving
        self.tracks, self.last = [], 0

    def expected(self):
        """Where everybody should be in the next frame: poses (N, 17, 3), in the order of `tracks`."""
        poses = [track.expected() if self.moving else track.pose for track in self.tracks]
        return np.array(poses).reshape(-1, 17, 3)

    def update(self, poses, may_start=None):
        """The poses of the next frame (M, 17, 3) -> their identities (M,), 0 for nobody.

        may_start (M,): whether a pose that fits to nobody is somebody new (by default each is). One that was found in
        the box of an old track, without a detector, is not.
        """
        rows = link(self.similarity(self.expected(), poses), self.threshold)
        may_start = [True] * len(rows) if may_start is None else may_start
        tracks = [
            self.continued(row, pose) if row >= 0 else self.started(pose) if new else None
            for row, pose, new in zip(rows, poses, may_start)
        ]
        waiting = [track for row, track in enumerate(self.tracks) if row not in rows]
        for track in waiting:
            track.unseen += 1
        waiting = [track for track in waiting if track.unseen <= self.patience]
        self.tracks = [track for track in tracks if track] + waiting
        return np.array([track.identity if track else 0 for track in tracks], dtype=int)

    def continued(self, row, pose):
        """The track of a row with its new pose; half of the velocity is new, since joints tremble."""
        track = self.tracks[row]
        both = (track.pose[:, 2] > SEEN) & (pose[:, 2] > SEEN)
        step = (pose - track.pose)[both, :2].mean(axis=0) if both.any() else np.zeros(2)
        velocity = 0.5 * track.velocity + 0.5 * step / (1 + track.unseen)
        return Track(track.identity, pose, velocity)

    def started(self, pose):
        """A new track."""
        self.last += 1
        return Track(self.last, pose, np.zeros(2))


def clear_mot(truth, found, threshold=0.5):
    """Score the identities of a film: a dict of `MOTA`, `misses`, `false_positives`, `switches` and `people`.

    truth: for each frame a dict, identity -> (keypoints (17, 3), area px^2). found: for each frame a dict, identity ->
    pose (17, 3). In each frame whoever was paired in the last one stays so while the OKS is at least `threshold`; the
    others are paired greedily. A switch: a person is found under another identity than the last time. MOTA = 1 -
    (misses + false positives + switches) / people, all summed over the frames; it may be below 0, and is NaN where
    nobody is there. (Bernardin and Stiefelhagen 2008, who pair the others by the Hungarian method)
    """
    counts = dict.fromkeys(("misses", "false_positives", "switches", "people"), 0)
    paired, known = {}, {}  # of the last frame; the last identity of each person: true -> found
    for people, poses in zip(truth, found, strict=True):
        poses = {name: np.asarray(pose) for name, pose in poses.items()}
        near = {
            (person, name): oks(keypoints, area, pose[None])[0]
            for person, (keypoints, area) in people.items()
            for name, pose in poses.items()
        }
        paired = {person: name for person, name in paired.items() if near.get((person, name), 0) >= threshold}
        for person, name in sorted(near, key=near.get, reverse=True):
            if near[person, name] >= threshold and person not in paired and name not in paired.values():
                paired[person] = name
        counts["people"] += len(people)
        counts["misses"] += len(people) - len(paired)
        counts["false_positives"] += len(poses) - len(paired)
        counts["switches"] += sum(known.get(person, name) != name for person, name in paired.items())
        known |= paired
    errors = counts["misses"] + counts["false_positives"] + counts["switches"]
    return {"MOTA": 1 - errors / counts["people"] if counts["people"] else float("nan")} | counts
