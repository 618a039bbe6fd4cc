"""Joints before cameras, without drawing anything: what a lifting network learns from, thousands a second."""

import numpy as np

from .body import person, rotation
from .render import Camera
from .sequences import MOTIONS, shoot


def poses(seed, count, size=(320, 240)):
    """Single people by chance, from all sides -> pixels (count, 17, 2), poses (count, 17, 3) m in camera axes.

    size: (width, height) px. Each person has a camera of its own, whose focal length, height and pitch vary as those of
    `viewpoint` and `film` do. Person `index` depends on `seed` and `index` only. ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"{count} people are no data: ask for at least 1")
    found = [_one(np.random.default_rng([seed, 3, index]), size) for index in range(count)]
    return tuple(np.stack(part) for part in zip(*found))


def _one(rng, size):
    one, focal, eye = person(rng, yaw=rng.uniform(-180, 180)), max(size) * rng.uniform(0.9, 1.3), rng.uniform(0.8, 2.2)
    z = focal * 1.7 / (rng.uniform(0.5, 0.9) * size[1])  # m; a standing adult takes that share of the image's height
    camera = Camera(size, focal, eye, float(np.degrees(np.arctan2(eye - 0.9, z))))
    pose = camera.see(one.placed(rng.uniform(-0.15, 0.15) * z, -z, 0.0).keypoints)
    return camera.project(pose), pose


def windows(seed, films, frames, each=8, size=(320, 240)):
    """Stretches of films -> pixels (N, frames, 17, 2), poses (N, 17, 3) m of the middle frames; N = films * each.

    Film `index` shows the next of MOTIONS and depends on `seed` and `index` only; its stretches begin by chance, and
    their middle frames are the same for every odd number of frames up to 27.
    """
    if frames < 1 or frames % 2 == 0 or frames > 27:
        raise ValueError(f"stretches of {frames} frames: an odd number from 1 to 27 has a middle frame in these films")
    pixels, found = [], []
    for index in range(films):
        rng = np.random.default_rng([seed, 4, index])
        camera, people, _, _ = shoot(rng, MOTIONS[index % len(MOTIONS)], size=size)
        seen = camera.see(np.stack([one.keypoints for one in people]))  # (60, 17, 3)
        for middle in rng.integers(13, len(seen) - 13, each):
            pixels.append(camera.project(seen[middle - frames // 2 : middle + frames // 2 + 1]))
            found.append(seen[middle])
    return np.stack(pixels), np.stack(found)


def around(one, yaw, distance=4.0, focal=340.0, height=1.4, size=(320, 240)):
    """A person as a camera sees them who stands at `yaw` degrees round them -> camera, placed person, matrix (3, 4).

    The matrix takes the person's own world (x, y, z, 1), m, to that camera's px: P = K [R | t].
    """
    camera = Camera(size, focal, height, float(np.degrees(np.arctan2(height - 0.9, distance))))
    turn, shift = rotation("y", -yaw), np.array([0, -height, -distance])
    k = np.array([[focal, 0, camera.centre[0]], [0, focal, camera.centre[1]], [0, 0, 1.0]])
    return camera, one.placed(0.0, -distance, -yaw), k @ np.column_stack([camera.axes @ turn, camera.axes @ shift])
