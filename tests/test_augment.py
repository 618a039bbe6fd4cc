"""What each random number does to a crop: the generator is a script, so that every result can be worked out by hand."""

import numpy as np
import pytest

from hpe_lib import geometry
from hpe_lib.data import MIRROR_ONLY, Augmentation
from hpe_lib.skeleton import KEYPOINTS

BOX = (100.0, 200.0, 60.0, 80.0)  # its frame at 3 : 4 is 75 x 100 px round (130, 240)
NOTHING = {"scale": 0.0, "rotation": 0.0, "rotation_prob": 0.0, "mirror_prob": 0.0}


class Script:
    """A generator whose answers are given: (name of the call, answer) in the order in which they are asked for."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def __getattr__(self, name):
        def answer(*asked, **_):
            said, value = self.answers.pop(0)
            assert said == name, f"asked for {name}{asked}, the script says {said}"
            return value(*asked) if callable(value) else value

        return answer

    def all_said(self):
        return not self.answers


def drawn(augmentation, normal_scale, normal_rotation, chance_rotation, chance_mirror):
    names = ("standard_normal", "standard_normal", "random", "random")
    script = Script(*zip(names, (normal_scale, normal_rotation, chance_rotation, chance_mirror)))
    result = augmentation.draw(script)
    assert script.all_said()
    return result


def person(count=17):
    """`count` labelled joints, the rest without a label, in rows of four."""
    index = np.arange(17)
    points = np.stack([110.0 + 10 * (index % 4), 210.0 + 10 * (index // 4), np.full(17, 2.0)], axis=1)
    points[count:] = 0
    return points


def test_scale_rotation_and_mirror():
    usual = Augmentation()
    assert drawn(usual, 0.5, 1.0, 0.59, 0.49) == pytest.approx((1.15, 40.0, True))
    assert drawn(usual, -0.5, -1.5, 0.1, 0.5) == pytest.approx((0.85, -60.0, False))
    assert drawn(usual, 7.0, 7.0, 0.1, 0.9) == pytest.approx((1.3, 80.0, False))  # cut at 1 and at 2 deviations
    assert drawn(usual, -7.0, -7.0, 0.1, 0.9) == pytest.approx((0.7, -80.0, False))
    assert drawn(usual, 0.0, 1.0, 0.6, 0.1) == pytest.approx((1.0, 0.0, True))  # a chance of 0.6 is not below 0.6
    assert drawn(MIRROR_ONLY, 1.0, 1.0, 0.0, 0.1) == (1.0, 0.0, True)


def test_the_matrix_scales_turns_and_mirrors_the_frame():
    usual = Augmentation()
    center, size = geometry.crop_frame(BOX)
    for chance, mirror in ((0.9, False), (0.1, True)):
        script = Script(("standard_normal", 1.0), ("standard_normal", 0.5), ("random", 0.1), ("random", chance))
        matrix, mirrored = usual.matrix(BOX, person(), (192, 256), script)
        plain = geometry.crop_matrix(center, 1.3 * size, (192, 256), 20.0)
        corners = np.array([[100.0, 200.0], [160, 200], [130, 240]])
        expected = geometry.transform(corners, plain)
        if mirror:
            expected[:, 0] = 192 - expected[:, 0]
        assert mirrored is mirror and np.allclose(geometry.transform(corners, matrix), expected)


def test_half_bodies():
    half = Augmentation(**NOTHING, half_body_prob=0.3)
    whole = geometry.crop_frame(BOX)
    keypoints = person()

    def framed(keypoints, *answers):
        script = Script(*answers)
        frame = half.frame(BOX, keypoints, 0.75, script)
        assert script.all_said()
        return frame

    upper = 110.0, 210.0, 30.0, 20.0  # joints 0 to 10, in three rows of four
    lower = 110.0, 230.0, 30.0, 20.0  # joints 11 (the last of the third row) to 16
    for choice, box in ((0, upper), (1, lower)):
        answers = ("random", 0.29), ("integers", lambda count, choice=choice: [None, None, choice][count])
        for ours, theirs in zip(framed(keypoints, *answers), geometry.crop_frame(box, padding=1.5)):
            assert np.allclose(ours, theirs)
    assert np.array_equal(framed(keypoints, ("random", 0.3)), whole)  # not below 0.3: the whole person
    assert np.array_equal(framed(person(8)), whole)  # eight labels are too few: nothing is drawn
    few = person(13)
    few[:2] = 0  # nine labels above, two below: only one half is left to choose from
    one_half = "integers", lambda count: {1: 0}[count]
    box = 110.0, 210.0, 30.0, 20.0
    assert np.allclose(framed(few, ("random", 0.0), one_half), geometry.crop_frame(box, padding=1.5))
    nine = person(9)
    nine[:, :2] = (110.0, 210.0)  # all on one point: a frame of 1 px with room round it
    for ours, theirs in zip(
        framed(nine, ("random", 0.0), one_half), geometry.crop_frame((110, 210, 1, 1), padding=1.5)
    ):
        assert np.allclose(ours, theirs)
    three = person(11)
    three[[13, 14, 15], :] = (130.0, 250.0, 1.0)  # three below are a half
    assert framed(three, ("random", 0.0), ("integers", lambda count: {2: 1}[count]))[0] == pytest.approx([130.5, 250.5])


def test_upper_is_what_stands_above_the_hips():
    from hpe_lib.data.augment import UPPER

    assert [name for name, upper in zip(KEYPOINTS, UPPER) if not upper] == list(KEYPOINTS[11:])


def test_frames_that_move():
    moving = Augmentation(**NOTHING, translate=0.1)
    center, size = geometry.crop_frame(BOX)
    for chance, normal, share in ((0.29, [0.5, -0.5], [0.05, -0.05]), (0.0, [3.0, -3.0], [0.1, -0.1])):
        script = Script(("random", chance), ("standard_normal", lambda count, normal=normal: np.array(normal)[:count]))
        moved, same = moving.frame(BOX, person(), 0.75, script)
        assert np.allclose(moved, center + size * share) and np.array_equal(same, size)
    assert np.array_equal(moving.frame(BOX, person(), 0.75, Script(("random", 0.3)))[0], center)
    always = Augmentation(**NOTHING, translate=0.1, translate_prob=1.0)
    moved, _ = always.frame(BOX, person(), 0.75, np.random.default_rng(0))  # by another share in x than in y
    assert moved.shape == (2,) and len({*((moved - center) / size).round(6)}) == 2
    still = Augmentation(**NOTHING).frame(BOX, person(), 0.75, Script())  # asks for nothing
    assert np.array_equal(still[0], center)


def test_colours():
    crop = np.full((3, 2, 2), 100, np.uint8)
    gains = np.array([0.5, -0.5, 1.0]).reshape(3, 1, 1)

    def uniform(low, high, shape=None):
        assert (low, high) == (-1, 1)
        return gains if shape == (3, 1, 1) else 0.2

    Augmentation(**NOTHING, color=0.4).paint(crop, Script(("uniform", uniform), ("uniform", uniform)))
    # 100 x (1.2, 0.8, 1.4) + 255 x 0.4 x 0.2 = 20.4 more
    assert crop[:, 0, 0].tolist() == [140, 100, 160] and (crop == crop[:, :1, :1]).all()
    hundred = np.full((3, 1, 1), 100, np.uint8)  # 100.7, and 102 more
    answers = ("uniform", lambda *_: np.full((3, 1, 1), 0.0175)), ("uniform", 1.0)
    Augmentation(**NOTHING, color=0.4).paint(hundred, Script(*answers))
    assert hundred.ravel().tolist() == [202] * 3
    for offset, limit in ((1.0, 255), (-1.0, 0)):
        dark_or_bright = np.full((3, 1, 1), 250 if limit else 5, np.uint8)
        answers = ("uniform", lambda *_: np.zeros((3, 1, 1))), ("uniform", lambda *_, offset=offset: offset)
        Augmentation(**NOTHING, color=0.4).paint(dark_or_bright, Script(*answers))
        assert dark_or_bright.ravel().tolist() == [limit] * 3


def test_random_erasing():
    erasing = Augmentation(**NOTHING, erase_prob=0.3)
    crop = np.zeros((3, 20, 10), np.uint8)

    def shares(low, high, count):
        assert (low, high, count) == (0.2, 0.5, 2)
        return np.array([0.25, 0.3])  # 5 rows, 3 columns

    def corner(low, high):
        assert low == 0 and np.array_equal(high, [15, 7])
        return np.array([4, 6])

    def colour(low, high, shape):
        assert (low, high, shape) == (0, 256, (3, 1, 1))
        return np.array([7, 8, 9]).reshape(shape)

    script = Script(("random", 0.29), ("uniform", shares), ("integers", corner), ("integers", colour))
    erasing.paint(crop, script)
    expected = np.zeros_like(crop)
    expected[:, 4:9, 6:9] = np.array([7, 8, 9]).reshape(3, 1, 1)
    assert script.all_said() and np.array_equal(crop, expected)
    untouched = expected.copy()
    erasing.paint(untouched, Script(("random", 0.3)))
    Augmentation(**NOTHING).paint(untouched, Script())  # asks for nothing
    assert np.array_equal(untouched, expected)


def test_an_augmentation_says_what_it_does():
    assert Augmentation(scale=0, rotation=0, rotation_prob=0, mirror_prob=0.5) == MIRROR_ONLY
    with pytest.raises(AttributeError):  # a setting does not change while it trains
        MIRROR_ONLY.scale = 1.0
    assert str(Augmentation()) == "scale 0.3, rotation 40, rotation_prob 0.6, mirror_prob 0.5"
    assert str(Augmentation(**NOTHING)) == "nothing" and str(MIRROR_ONLY) == "mirror_prob 0.5"
    assert str(Augmentation(0, 0, 0.6, 0.5, translate=0.2)) == "mirror_prob 0.5, translate 0.2, translate_prob 0.3"
    assert str(Augmentation(0.1, 20, 0.6, 0)) == "scale 0.1, rotation 20, rotation_prob 0.6"
