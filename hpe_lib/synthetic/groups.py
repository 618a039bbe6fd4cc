"""Films of several drawn people before one camera, who walk past each other: truth for following people.

film = synthetic.group_film(np.random.default_rng(0), ["walking", "walking", "waving"])
film.images[7], [one["track_id"] for one in film.annotations[7]]
"""

from dataclasses import dataclass

import numpy as np

from .figure import wardrobe
from .render import Camera
from .scenes import develop, photograph
from .sequences import FPS, move
from .surroundings import background

SPEED = 1.2  # m/s, of walkers


@dataclass
class GroupFilm:
    """Several people seen by a camera that stands still.

    `images` (T, H, W, 3) uint8; `annotations`: for each frame the dicts of those who can be seen, as `photograph` gives
    them, each with its person's `track_id`, from 1.
    """

    camera: Camera
    images: np.ndarray
    annotations: list

    @property
    def truth(self):
        """For each frame a dict, track_id -> (keypoints (17, 3), area px^2), of those with a labelled joint."""
        return [
            {
                one["track_id"]: (np.reshape(one["keypoints"], (17, 3)).astype(float), one["area"])
                for one in frame
                if one["num_keypoints"]
            }
            for frame in self.annotations
        ]


def _at(person, x, z):
    """The person with the hips' middle above (x, z), metres: walkers go on evenly, their feet slide a little."""
    middle = person.keypoints[[11, 12]].mean(axis=0)
    return person.moved(np.eye(3), np.array([x - middle[0], 0, z - middle[2]]))


def group_film(rng, motions, seconds=4.0, size=(640, 480)):
    """Draw people who move by these names (one each, of MOTIONS) in front of one camera -> `GroupFilm`.

    Each has a lane of its own, the first the nearest. Walkers cross the image, in turns from the left and from the
    right, so that they pass in front of each other; the others stay where they are and face the camera, more or less.
    """
    camera = Camera(tuple(size), float(max(size)), 1.5, 7.0)
    near, crowd = 4.2, []
    for number, motion in enumerate(motions):
        people, _, _ = move(rng, motion, seconds)
        walks = motion == "walking"
        yaw = (90 if number % 2 else -90) + rng.uniform(-8, 8) if walks else rng.uniform(-40, 40)
        z = near + 0.8 * number
        room = 0.35 * size[0] * z / camera.focal  # m to each side of the middle
        aside = rng.uniform(-0.3, 0.3) if walks else rng.uniform(-room, room)
        way = SPEED * np.sign(yaw) * (np.arange(len(people)) / FPS - seconds / 2) if walks else np.zeros(len(people))
        crowd.append([_at(one.placed(0.0, 0.0, yaw), aside + x, -z) for one, x in zip(people, way)])
    backdrop, looks = background(rng, camera, []), [wardrobe(rng) for _ in motions]
    light = (np.array([rng.uniform(-1, 1), rng.uniform(0.4, 1.2), rng.uniform(0.2, 1)]), rng.uniform(0.4, 0.7))
    faults, images, annotations = rng.integers(2**31), [], []
    for people in zip(*crowd):
        image, found = photograph(camera, people, looks, (), backdrop, light)
        images.append(develop(np.random.default_rng(faults), image))
        seen = [one | {"track_id": number} for number, one in enumerate(found, 1) if one is not None]
        annotations.append([{name: value for name, value in one.items() if name != "mask"} for one in seen])
    return GroupFilm(camera, np.stack(images), annotations)
