"""Joints over time, against hand-made numbers, a simulation, and SciPy-free references."""

import numpy as np
import pytest

from hpe_lib import motion
from hpe_lib.skeleton import KEYPOINTS

KNEE = ("left_hip", "left_knee", "left_ankle")


def leg(hip, knee, ankle):
    """(17, 2) with a left leg; all else at 0."""
    points = np.zeros((17, 2))
    for name, place in zip(KNEE, (hip, knee, ankle)):
        points[KEYPOINTS.index(name)] = place
    return points


@pytest.mark.parametrize(
    "hip, knee, ankle, degrees",
    [
        ((0, 0), (0, 40), (0, 75), 180),
        ((0, 0), (30, 0), (30, 9), 90),
        ((5, 5), (5, 25), (25, 5), 45),
        ((3, 0), (0, 0), (9, 0), 0),
    ],
)
def test_angles_by_hand(hip, knee, ankle, degrees):
    points = np.stack([leg(hip, knee, ankle), leg(ankle, knee, hip)])
    np.testing.assert_allclose(motion.joint_angle(points, *KNEE), degrees, atol=1e-9)
    turned = points @ np.array([[0.6, 0.8], [-0.8, 0.6]]) * 3 + 100
    np.testing.assert_allclose(motion.joint_angle(turned, *KNEE), degrees, atol=1e-6)


@pytest.mark.parametrize("ankle", [(0, 75), (30, 60), (35, 35), (20, 10)])
def test_error_bars_are_those_of_a_simulation(ankle):
    points, rng = leg((0, 0), (3, 40), ankle), np.random.default_rng(0)
    noisy = points + rng.normal(0, 0.5, (20_000, 17, 2))
    angles = motion.joint_angle(noisy, *KNEE)
    middle = motion.joint_angle(points, *KNEE)
    spread = np.sqrt(np.mean((angles - middle) ** 2))
    assert motion.angle_error(points, *KNEE, 0.5) == pytest.approx(spread, rel=0.05)
    assert motion.angle_error(points, *KNEE, 1.0) == pytest.approx(2 * motion.angle_error(points, *KNEE, 0.5))


def test_the_trunk_stands_leans_lies_and_hangs():
    points = np.zeros((4, 17, 2))
    points[:, 5:7] = np.array([(0, -30), (30, -30), (-30, 0), (0, 30)])[:, None] + [[-8, 2], [8, -2]]
    points[:, 11:13] = [[-5, 1], [5, -1]]
    points[:, [4, 7, 10, 13]] = 99
    np.testing.assert_allclose(motion.trunk_angle(points), [0, 45, 90, 180], atol=1e-9)
    pairs = np.add(points, [50, 20]).reshape(2, 2, 17, 2)  # of two people, two frames each
    np.testing.assert_allclose(motion.trunk_angle(pairs), [[0, 45], [90, 180]], atol=1e-9)


def test_exponential_smoothing_by_hand():
    fps = 15
    cutoff = fps / (2 * np.pi)  # alpha = 1 / 2
    assert motion.smoothing_factor(cutoff, fps) == pytest.approx(0.5)
    np.testing.assert_allclose(motion.exponential([0, 8, 8, 8], cutoff, fps), [0, 4, 6, 7])
    np.testing.assert_allclose(motion.exponential(np.full((5, 2), 3.0), 0.2, fps), 3.0)
    assert motion.exponential([4.0], 1.0, fps) == [4.0]


def test_the_one_euro_filter_by_hand():
    """Two steps of it, written out: fps 10, min_cutoff 1, beta 0.1, speed_cutoff 1."""
    alpha_1 = 1 / (1 + 10 / (2 * np.pi * 1))
    speed = alpha_1 * (6 - 0) * 10
    alpha = 1 / (1 + 10 / (2 * np.pi * (1 + 0.1 * speed)))
    first = 0 + alpha * 6
    speed = speed + alpha_1 * ((5 - 6) * 10 - speed)
    alpha = 1 / (1 + 10 / (2 * np.pi * (1 + 0.1 * abs(speed))))
    expected = [0, first, first + alpha * (5 - first)]
    np.testing.assert_allclose(motion.one_euro([0, 6, 5], 10, beta=0.1), expected)
    both = motion.one_euro(np.array([[0, 0], [6, -6], [5, -5]]), 10, beta=0.1)  # each number alone, either sign
    np.testing.assert_allclose(both, np.array([expected, np.negative(expected)]).T)


def test_the_filters_usual_settings_are_1_hz_and_no_beta():
    values = np.random.default_rng(0).normal(0, 5, (30, 2))
    told = motion.one_euro(values, 15, min_cutoff=1.0, beta=0.0, speed_cutoff=1.0)
    one, quick = motion.OneEuro(15), motion.OneEuro(15, beta=0.1)
    np.testing.assert_array_equal(motion.one_euro(values, 15), told)
    np.testing.assert_array_equal([one(value) for value in values], told)
    told = motion.one_euro(values, 15, 1.0, 0.1, 1.0)
    np.testing.assert_array_equal([quick(value) for value in values], told)


def test_pixels_may_be_whole_numbers_without_a_sign():
    points = np.random.default_rng(0).integers(0, 256, (4, 17, 2), dtype=np.uint8)
    for measure in (motion.trunk_angle, motion.body_frame, lambda some: motion.one_euro(some, 15, beta=0.1)):
        np.testing.assert_allclose(measure(points), measure(points.astype(float)))
    np.testing.assert_allclose(motion.joint_angle(points, *KNEE), motion.joint_angle(points.astype(float), *KNEE))


def test_one_euro_follows_better_when_fast_and_trembles_less_when_slow():
    time, rng = np.arange(150) / 15, np.random.default_rng(0)
    still, quick = np.zeros(150), 60 * np.clip(time - 5, 0, 1)
    noise = rng.normal(0, 2, 150)
    slow_filter, filter_1e = motion.exponential, motion.one_euro
    assert np.std(filter_1e(still + noise, 15, 0.5, 0.05)[30:]) < 0.75 * np.std(noise)
    late = [
        np.abs(filtered - quick).max() for filtered in (slow_filter(quick, 0.5, 15), filter_1e(quick, 15, 0.5, 0.05))
    ]
    assert late[1] < 0.6 * late[0]


def test_repetitions_need_both_thresholds():
    assert motion.repetitions([170, 80, 170, 80, 170], 100, 150) == 2
    assert motion.repetitions([170, 80, 120, 80, 170], 100, 150) == 1  # not up between
    assert motion.repetitions([170, 110, 170], 100, 150) == 0  # not low enough
    assert motion.repetitions([80, 90, 170, 160, 151], 100, 150) == 1  # begins low
    assert motion.repetitions([170, 100, 150, 99.9, 150, 150.1], 100, 150) == 1  # neither limit itself
    assert motion.repetitions([170, 100, 160], 100, 150) == 0 and motion.repetitions([170, 90, 150], 100, 150) == 0
    assert repr(motion.repetitions([], 100, 150)) == "0"


def test_the_bodys_own_frame_forgets_place_and_size():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 100, (3, 17, 2))
    own = motion.body_frame(points)
    np.testing.assert_allclose(own[:, 11:13].mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(own[:, 5:7].mean(axis=1), axis=1), 1)
    np.testing.assert_allclose(motion.body_frame(points * 2.5 + [30, -7]), own)
    np.testing.assert_allclose(
        own[0] - own[0, :1],
        (points[0] - points[0, :1]) * (own[0, 3, 0] - own[0, 0, 0]) / (points[0, 3, 0] - points[0, 0, 0]),
    )
    np.testing.assert_allclose(motion.body_frame(points / 1e4), own)  # metres or px
    with_scores = np.concatenate([points, rng.uniform(size=(3, 17, 1))], axis=2)
    assert (motion.body_frame(with_scores) == own).all() and (motion.body_frame(with_scores.tolist()) == own).all()
    assert (motion.trunk_angle(with_scores.tolist()) == motion.trunk_angle(points)).all()
    assert (motion.joint_angle(with_scores.tolist(), *KNEE) == motion.joint_angle(points, *KNEE)).all()
    errors = motion.angle_error(with_scores, *KNEE, 1.0)
    assert errors.shape == (3,) and errors[1] == pytest.approx(motion.angle_error(points[1], *KNEE, 1.0))
    assert np.isfinite(motion.body_frame(np.zeros((17, 3)))).all()  # a trunk seen as a point
