"""Three-dimensional people: measures, and the joints that follow from them and from the angles of a pose.

Axes of a person and of the world (right-handed, metres): x to the person's left, y up, z the way the person faces.
With yaw 0 a person faces the camera, which looks along -z; a positive yaw turns them towards their own left.
"""

from dataclasses import dataclass

import numpy as np

from .activities import LIMITS, common_activity, pose


@dataclass
class Person:
    """One person: joints and the frames of the body parts.

    `keypoints` (17, 3) metres in COCO's order; `frames` maps a part's name to (origin (3,), axes (3, 3)) where the
    columns of `axes` are the part's own left, up and forward directions; `height` in metres, `girth` a factor around 1;
    `seat` is the height of what the person sits on, in metres, or None.
    """

    activity: str
    keypoints: np.ndarray
    frames: dict
    height: float
    girth: float
    seat: float | None = None

    def placed(self, x, z, yaw):
        """-> the same person turned by `yaw` degrees about the vertical and moved to (x, z) metres on the floor."""
        return self.moved(rotation("y", yaw), np.array([x, 0.0, z]))

    def moved(self, turn, shift):
        """-> the same person after a rotation (3, 3) about the world's origin and a shift (3,) in metres."""
        frames = {name: (turn @ origin + shift, turn @ axes) for name, (origin, axes) in self.frames.items()}
        return Person(self.activity, self.keypoints @ turn.T + shift, frames, self.height, self.girth, self.seat)


def rotation(axis, degrees):
    """-> (3, 3) right-handed rotation about the axis "x", "y" or "z"."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    if axis == "x":
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    if axis == "y":
        return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def person(rng, activity=None, yaw=None):
    """Draw a person by chance: measures, activity (or the one named) and yaw in degrees (or the one given).

    Returns a `Person` whose lowest point touches the floor y = 0 (a jumping one hovers), the pelvis above (0, 0).
    Segment lengths are shares of body height after Drillis and Contini (1966), varied by a few percent.
    """
    activity = activity or common_activity(rng)
    angles = pose(rng, activity)
    height, size = measures(rng)
    hover = rng.uniform(0.08, 0.4) if activity == "jumping" else 0.0
    upright = build(activity, angles, size, height, girth(rng), hover)
    if yaw is None:  # from all sides, but as in photographs most often from the front
        kind = rng.random()
        yaw = rng.normal(0 if kind < 0.62 else 180, 35) if kind < 0.8 else rng.uniform(-180, 180)
    return upright.placed(0.0, 0.0, yaw)


def measures(rng, child=None):
    """A body by chance -> its height and dict of segment lengths, metres. child: None leaves it to chance."""
    child = rng.random() < 0.1 if child is None else child
    height = rng.uniform(1.15, 1.45) if child else float(np.clip(rng.normal(1.70, 0.09), 1.5, 1.95))
    size = {name: height * share * rng.normal(1, 0.03) for name, share in _SHARES.items()}
    size["head"] *= 1.18 if child else 1.0
    return height, size


def girth(rng):
    """How stout a body is, by chance: a factor around 1."""
    return float(np.clip(rng.normal(1.04, 0.11), 0.85, 1.4))


def build(activity, angles, size, height, girth, hover=0.0):
    """-> the `Person` with these joint angles (degrees) and measures, the pelvis above (0, 0), facing z.

    The lowest point of the feet is `hover` metres above the floor.
    """
    frames, keypoints = _joints(angles, size, feet_flat=activity != "jumping")
    lowest = min(frames[side + part][0][1] for side in ("left_", "right_") for part in ("toe", "heel"))
    rise = 0.02 * height - lowest + hover  # 0.02: the sole is that far below the foot's centre line
    seat = frames["pelvis"][0][1] + rise - 0.05 * height if activity == "sitting" else None
    shift = np.array([-frames["pelvis"][0][0], rise, -frames["pelvis"][0][2]])
    frames = {name: (origin + shift, axes) for name, (origin, axes) in frames.items()}
    return Person(activity, keypoints + shift, frames, height, girth, seat)


_SHARES = {
    "hip": 0.052,  # half the distance between the hip joints
    "lumbar": 0.075,
    "chest": 0.205,  # from the lumbar joint up to the line of the shoulders
    "shoulder": 0.1,
    "neck": 0.062,
    "head": 0.071,  # half the head's height
    "upper_arm": 0.172,
    "forearm": 0.150,
    "hand": 0.050,
    "thigh": 0.245,
    "shank": 0.242,
    "foot": 0.105,  # from the ankle forward to the toes
}


def _joints(angles, size, feet_flat):
    """Forward kinematics, from the pelvis outward -> (frames, keypoints (17, 3))."""
    upright = rotation("x", angles["lean"])  # the legs do not follow the pelvis to the side
    pelvis = rotation("z", angles["tilt"]) @ upright
    frames = {"pelvis": (np.zeros(3), pelvis)}
    bend = rotation("x", angles["spine_flexion"]) @ rotation("z", angles["spine_bend"])
    chest = pelvis @ bend @ rotation("y", angles["spine_twist"])
    frames["chest"] = (pelvis @ [0, size["lumbar"], 0], chest)
    neck = frames["chest"][0] + chest @ [0, size["chest"] + 0.1 * size["neck"], 0]
    turned = rotation("y", angles["head_turn"]) @ rotation("x", angles["head_nod"]) @ rotation("z", angles["head_tilt"])
    head = chest @ rotation("x", -0.5 * angles["spine_flexion"] - 0.5 * angles["lean"]) @ turned
    r = size["head"]
    frames["neck"] = (neck, chest)
    frames["head"] = (neck + chest @ [0, size["neck"], 0] + head @ [0, 0.75 * r, 0.18 * r], head)
    face = FACE * HEAD_SHAPE * r  # (5, 3)
    keypoints = np.empty((17, 3))
    keypoints[:5] = frames["head"][0] + face @ head.T
    for index, (side, sign) in enumerate((("left_", 1), ("right_", -1))):
        angle = {name: angles[side + name] for name in LIMITS if side + name in angles}
        raised = max(angle["shoulder_flexion"], angle["shoulder_abduction"])
        shrug = rotation("z", sign * 0.16 * max(0.0, raised - 40))  # the collar bone rises with the arm
        shoulder = neck + chest @ (shrug @ [sign * size["shoulder"], -0.22 * size["shoulder"], 0])
        arm = chest @ rotation("x", -angle["shoulder_flexion"]) @ rotation("z", sign * angle["shoulder_abduction"])
        arm = arm @ rotation("y", sign * angle["shoulder_rotation"])
        elbow = shoulder - size["upper_arm"] * arm[:, 1]
        fore = arm @ rotation("x", -angle["elbow"])
        wrist = elbow - size["forearm"] * fore[:, 1]
        hip = pelvis @ [sign * size["hip"], 0, 0]
        thigh = upright @ rotation("x", -angle["hip_flexion"]) @ rotation("z", sign * angle["hip_abduction"])
        thigh = thigh @ rotation("y", sign * angle["hip_rotation"])
        knee = hip - size["thigh"] * thigh[:, 1]
        shank = thigh @ rotation("x", angle["knee"])
        ankle = knee - size["shank"] * shank[:, 1]
        level = np.degrees(np.arctan2(-shank[1, 2], shank[1, 1])) if feet_flat else -30.0
        foot = shank @ rotation("x", -np.clip(level, *LIMITS["ankle"]))
        frames[side + "shoulder"], frames[side + "elbow"] = (shoulder, arm), (elbow, fore)
        frames[side + "hand"] = (wrist - size["hand"] * fore[:, 1], fore)
        frames[side + "hip"], frames[side + "knee"] = (hip, thigh), (knee, shank)
        frames[side + "heel"] = (ankle + foot @ [0, -0.2 * size["foot"], -0.28 * size["foot"]], foot)
        frames[side + "toe"] = (ankle + foot @ [0, -0.26 * size["foot"], size["foot"]], foot)
        keypoints[5 + index : 17 : 2] = shoulder, elbow, wrist, hip, knee, ankle
    return frames, keypoints


HEAD_SHAPE = np.array([0.72, 1.0, 0.86])
"""Half axes of the head's ellipsoid (to the left, up, forward) as shares of its half height."""

_EYE = np.array([0.36, 0.1, np.sqrt(1 - 0.36**2 - 0.1**2)])
FACE = np.array([[0, -0.17, 1.13], _EYE, _EYE * [-1, 1, 1], [1.02, -0.02, -0.05], [-1.02, -0.02, -0.05]])
"""(5, 3) nose, eyes and ears in units of the head's half axes (the nose stands out)."""
