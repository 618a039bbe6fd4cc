"""What people do: the limits of joint angles, and the angles that make an activity."""

import numpy as np

LIMITS = {
    "lean": (-15, 75),  # pelvis pitched forward
    "tilt": (-15, 15),  # pelvis rolled to the side
    "spine_flexion": (-20, 45),
    "spine_bend": (-25, 25),
    "spine_twist": (-35, 35),
    "head_nod": (-30, 40),
    "head_turn": (-60, 60),
    "head_tilt": (-20, 20),
    "shoulder_flexion": (-50, 175),
    "shoulder_abduction": (-15, 160),
    "shoulder_rotation": (-80, 90),  # outward is positive
    "elbow": (0, 145),
    "hip_flexion": (-25, 120),
    "hip_abduction": (-10, 50),
    "hip_rotation": (-25, 40),  # outward is positive
    "knee": (0, 145),
    "ankle": (-45, 30),  # toes up is positive
}
"""Degrees that each joint can turn, (lowest, highest). Every pose is clipped to them."""

_RELAXED = {
    "lean": (-2, 4),
    "tilt": (-3, 3),
    "spine_flexion": (-4, 8),
    "spine_bend": (-5, 5),
    "spine_twist": (-10, 10),
    "head_nod": (-8, 14),
    "head_turn": (-18, 18),
    "head_tilt": (-7, 7),
    "shoulder_flexion": (-12, 15),
    "shoulder_abduction": (5, 18),
    "shoulder_rotation": (-30, 15),
    "elbow": (5, 35),
    "hip_flexion": (-3, 8),
    "hip_abduction": (1, 9),
    "hip_rotation": (0, 15),
    "knee": (0, 10),
}

# What an activity changes. "a_" and "b_" are the two sides: which of them is the left one is a coin toss.
_ACTIVITIES = {
    "standing": {},
    "hands on hips": {
        "shoulder_flexion": (-35, -20),
        "shoulder_abduction": (32, 48),
        "shoulder_rotation": (-75, -55),
        "elbow": (75, 100),
    },
    "walking": {
        "a_hip_flexion": (18, 32),
        "b_hip_flexion": (-20, -8),
        "a_knee": (3, 18),
        "b_knee": (8, 35),
        "a_shoulder_flexion": (-32, -12),
        "b_shoulder_flexion": (12, 38),
        "elbow": (10, 40),
    },
    "running": {
        "lean": (4, 14),
        "a_hip_flexion": (40, 75),
        "b_hip_flexion": (-22, 5),
        "a_knee": (55, 105),
        "b_knee": (10, 75),
        "a_shoulder_flexion": (-50, -25),
        "b_shoulder_flexion": (25, 55),
        "elbow": (70, 110),
    },
    "sitting": {
        "lean": (-12, 12),
        "hip_flexion": (72, 98),
        "hip_abduction": (2, 20),
        "knee": (65, 105),
        "shoulder_flexion": (10, 48),
        "elbow": (25, 90),
    },
    "reaching": {
        "a_shoulder_flexion": (85, 172),
        "a_shoulder_abduction": (-5, 35),
        "a_elbow": (0, 35),
        "b_shoulder_flexion": (-10, 60),
        "b_hip_flexion": (-12, 5),
        "head_nod": (-25, 0),
    },
    "waving": {
        "a_shoulder_abduction": (75, 120),
        "a_shoulder_flexion": (-5, 12),
        "a_shoulder_rotation": (60, 90),
        "a_elbow": (40, 105),
    },
    "jumping": {
        "a_shoulder_abduction": (70, 155),
        "b_shoulder_abduction": (50, 155),
        "elbow": (0, 50),
        "hip_flexion": (0, 60),
        "hip_abduction": (5, 32),
        "knee": (10, 90),
    },
    "crouching": {
        "lean": (18, 42),
        "hip_flexion": (95, 118),
        "hip_abduction": (8, 30),
        "knee": (105, 138),
        "shoulder_flexion": (30, 75),
        "elbow": (15, 80),
    },
    "lifting": {
        "lean": (22, 48),
        "spine_flexion": (8, 25),
        "hip_flexion": (25, 70),
        "knee": (25, 75),
        "shoulder_flexion": (45, 80),
        "shoulder_abduction": (0, 12),
        "elbow": (5, 30),
        "head_nod": (-30, 0),
    },
    "stretching": {
        "a_shoulder_abduction": (80, 155),
        "b_shoulder_abduction": (60, 155),
        "elbow": (0, 30),
        "spine_bend": (-22, 22),
        "hip_abduction": (5, 28),
    },
    "kicking": {
        "lean": (-12, 2),
        "a_hip_flexion": (35, 85),
        "a_knee": (5, 60),
        "b_knee": (2, 20),
        "a_shoulder_flexion": (-40, 0),
        "b_shoulder_flexion": (15, 65),
        "shoulder_abduction": (15, 55),
    },
}

ACTIVITIES = tuple(_ACTIVITIES)
"""The names of what people do; `synthetic.person(rng, activity)` takes one of them."""

_FREQUENT = {"standing": 3.0, "walking": 2.5, "hands on hips": 1.5, "waving": 1.5, "lifting": 0.6}  # the others: 1


def common_activity(rng):
    """-> the name of an activity by chance; standing and walking come most often, as in photographs."""
    weights = [_FREQUENT.get(name, 1.0) for name in ACTIVITIES]
    return ACTIVITIES[int(np.searchsorted(np.cumsum(weights), rng.random() * sum(weights)))]


def pose(rng, activity):
    """-> dict of joint angles in degrees within LIMITS; arms and legs have the prefix `left_` or `right_`."""
    if activity not in _ACTIVITIES:
        raise ValueError(f"unknown activity {activity!r}: choose one of {', '.join(ACTIVITIES)}")
    ranges, angles = {**_RELAXED, **_ACTIVITIES[activity]}, {}
    sides = ("left", "right") if rng.random() < 0.5 else ("right", "left")
    for name, limits in LIMITS.items():
        paired = name.startswith(("shoulder", "elbow", "hip", "knee"))
        for side, prefix in zip(sides, ("a_", "b_")) if paired else (("", ""),):
            if name in ranges or prefix + name in ranges:
                angle = rng.uniform(*ranges.get(prefix + name, ranges.get(name))) + rng.normal(0, 4)
                angles[f"{side}_{name}" if side else name] = float(min(max(angle, limits[0]), limits[1]))
    return angles
