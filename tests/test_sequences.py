"""Drawn people in motion: bodies that stay bodies, feet that do not slide, and truth that is true."""

import json

import numpy as np
import pytest

from hpe_lib import data, skeleton, synthetic
from hpe_lib.data import __main__ as command_line
from hpe_lib.synthetic import sequences

NAME = {name: index for index, name in enumerate(skeleton.KEYPOINTS)}
BONES = [(5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16)]
SOLES = [side + part for side in ("left_", "right_") for part in ("heel", "toe")]


def rng(seed=0):
    return np.random.default_rng(seed)


def path(people):
    """(T, 17, 3) metres."""
    return np.stack([one.keypoints for one in people])


def soles(people):
    """(4, T, 3) metres: heels and toes."""
    return np.array([[one.frames[name][0] for one in people] for name in SOLES])


def angle(points, a, b, c):
    """Degrees between the limbs b-a and b-c: points (T, 17, 3) -> (T,)."""
    first, second = points[:, NAME[a]] - points[:, NAME[b]], points[:, NAME[c]] - points[:, NAME[b]]
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.degrees(np.arccos(np.clip((first * second).sum(axis=1) / lengths, -1, 1)))


@pytest.mark.parametrize("motion", synthetic.MOTIONS)
@pytest.mark.parametrize("seed", range(4))
def test_a_body_keeps_its_bones_and_stays_above_the_floor(motion, seed):
    people, state, repetitions = synthetic.move(rng(seed), motion, seconds=3)
    points = path(people)
    assert points.shape == (45, 17, 3) and len(state) == len(repetitions) == 45
    for a, b in BONES:
        lengths = np.linalg.norm(points[:, a] - points[:, b], axis=1)
        np.testing.assert_allclose(lengths, lengths[0], atol=1e-9)
    assert points[..., 1].min() > 0 and soles(people)[..., 1].min() > -0.02
    assert 0.001 < np.linalg.norm(np.diff(points, axis=0), axis=2).max() < 0.6  # metres a frame: nobody is beamed
    assert (np.diff(repetitions) >= 0).all() and repetitions[0] == 0


def test_what_carries_the_body_does_not_slide():
    for motion in ("standing", "squats", "waving", "sitting down"):
        ankles = path(synthetic.move(rng(1), motion)[0])[:, 15:]
        assert np.ptp(ankles.mean(axis=1)[:, [0, 2]], axis=0).max() < 0.12, motion  # m; the heels rise a little
    people, _, steps = synthetic.move(rng(1), "walking")
    moves = np.linalg.norm(np.diff(soles(people)[..., [0, 2]], axis=1), axis=2)  # (4, T - 1) m
    assert moves.min(axis=0).max() < 1e-9  # between two frames at least one heel or toe has kept its place
    walked = people[-1].keypoints[11, 2] - people[0].keypoints[11, 2]
    assert 0.25 < walked / steps[-1] < 0.8  # metres a step, forward


def test_repetitions_are_what_the_joints_show():
    for seed in range(6):
        people, state, squats = synthetic.move(rng(seed), "squats", seconds=8)
        knee = angle(path(people), "left_hip", "left_knee", "left_ankle")
        low = knee < (knee.min() + knee.max()) / 2
        risen = np.flatnonzero(low[:-1] & ~low[1:])  # each way up ...
        assert len(risen) - squats[-1] in (0, 1) and squats[-1] >= 2  # ... of which the last need not be finished
        assert np.mean(low == (state == "low")) > 0.9
        people, _, waves = synthetic.move(rng(seed), "waving", seconds=8)
        joints = [(f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist") for side in ("left", "right")]
        elbows = [angle(path(people), *three)[30:] for three in joints]
        elbow = max(elbows, key=np.ptp)
        assert np.ptp(elbow) > 40 and min(map(np.ptp, elbows)) < 15  # one arm waves
        bent = elbow < elbow.mean()
        assert abs(np.sum(bent[:-1] & ~bent[1:]) - (waves[-1] - waves[30])) <= 1


def test_who_falls_lies_and_who_sits_down_sits():
    for seed in range(8):
        people, state, lies = synthetic.move(rng(seed), "falling")
        middle = path(people)[:, [5, 6, 11, 12], 1].mean(axis=1) / people[0].height
        assert (middle[state == "standing"] > 0.55).all() and (middle[state == "lying"] < 0.25).all()
        assert set(state) == {"standing", "falling", "lying"} and ((state == "lying") == lies).all()
        people, state, sits = synthetic.move(rng(seed), "sitting down")
        knee = angle(path(people), "left_hip", "left_knee", "left_ankle")
        assert (knee[state == "standing"] > 150).all() and (knee[state == "sitting"] < 115).all()
        assert [one.seat is not None for one in people] == [bool(now) for now in sits] and sits[-1] == 1
        hips = people[-1].keypoints[[11, 12], 1].mean()
        assert 0.02 < hips - people[-1].seat < 0.12  # m above the seat


@pytest.mark.parametrize("motion", synthetic.MOTIONS)
def test_a_film_shows_everybody_whole_and_its_truth_is_the_projection(motion):
    film = synthetic.film(rng(5), motion, seconds=1.5, size=(160, 120))
    assert film.images.shape == (22, 120, 160, 3) and film.images.dtype == np.uint8
    pixels = film.camera.project(film.keypoints_3d)
    np.testing.assert_allclose(film.keypoints[..., :2], pixels, atol=0.1)  # 3-D truth is rounded to 0.1 mm
    assert (film.keypoints[..., 2] > 0).all()
    assert film.annotations[0]["activity"] == motion
    still = film.images[:, :5, :5].astype(int)
    assert (still == still[0]).all()  # the camera stands still


def test_the_same_generator_draws_the_same_film_and_nonsense_is_refused():
    one, two = (synthetic.film(rng(7), "waving", seconds=0.4, size=(96, 96)) for _ in range(2))
    assert (one.images == two.images).all() and one.annotations == two.annotations
    assert not (one.images == synthetic.film(rng(8), "waving", seconds=0.4, size=(96, 96)).images).all()
    with pytest.raises(ValueError, match="unknown motion 'flying': choose one of standing, walking"):
        synthetic.move(rng(), "flying")
    with pytest.raises(ValueError, match=r"is no frame: ask for at least 0\.07 s"):
        synthetic.move(rng(), "walking", seconds=0.01)
    assert len(synthetic.move(rng(), "walking", seconds=0.07)[0]) == 1  # a film of one frame is a film


def test_the_command_draws_a_folder_of_films(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sequences, "MOTIONS", ("squats", "falling"))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)  # one process: it sees the two motions
    command = ["draw", "--out", str(tmp_path / "films"), "--sequences", "1"]
    command_line.main(command)
    assert "val: 120 images, 120 annotations, 120 people to learn from" in capsys.readouterr().out
    content = json.loads((tmp_path / "films" / "annotations" / "person_keypoints_val2017.json").read_text())
    assert [(one["motion"], one["fps"]) for one in content["videos"]] == [("squats", 15), ("falling", 15)]
    assert [one["frame"] for one in content["images"]] == [*range(60)] * 2
    assert content["annotations"][-1]["state"] == "lying" and content["annotations"][-1]["track_id"] == 1
    people = data.persons(tmp_path / "films", "val")
    image = data.read_image(people[0].file)
    again = synthetic.film(np.random.default_rng([0, 2, 0]), "squats")
    assert np.abs(image.astype(int) - again.images[0]).mean() < 6  # JPEG
    command_line.main(command)  # is there: nothing to do
    with pytest.raises(FileExistsError, match="other settings"):
        command_line.main([*command, "--seed", "3"])
