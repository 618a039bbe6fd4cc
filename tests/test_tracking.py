"""Who is who: boxes round poses, links, identities through gaps, and a score that was computed by hand."""

import numpy as np
import pytest

from hpe_lib import motion, predict, synthetic, tracking
from hpe_lib.metrics import oks


def standing(x, y=100.0, size=60.0, score=0.9):
    """A pose like a standing person about (x, y)."""
    offsets = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * [0.4, 1.0]
    return np.column_stack([np.array([x, y]) + size * offsets, np.full(17, score)])


def test_a_box_goes_out_by_a_share_of_its_sides_and_leaves_out_what_is_not_seen():
    pose = np.zeros((17, 3))
    pose[:3] = [[10, 20, 0.9], [50, 120, 0.8], [900, 900, 0.1]]
    np.testing.assert_allclose(tracking.box_round(pose), [4, 5, 52, 130])
    pose[:, 2] = 0.1  # nobody is sure: all joints count
    assert tracking.box_round(pose)[2:].min() > 900
    assert (tracking.box_round(np.zeros((17, 3)))[2:] > 0).all()  # a point has a size


def test_the_similarity_of_poses_is_oks_over_the_joints_that_both_show():
    one, other = standing(100), standing(104)
    area = np.prod(tracking.box_round(one, 0)[2:])
    truth = np.column_stack([one[:, :2], np.full(17, 2)])
    np.testing.assert_allclose(tracking.pose_similarity([one], [other]), [oks(truth, area, other[None])], atol=1e-9)
    other[3] = 900, 900, 0.05  # not seen: does not count
    truth[3, 2] = 0
    np.testing.assert_allclose(tracking.pose_similarity([one], [other]), [oks(truth, area, other[None])], atol=1e-9)
    other[:, 2] = 0.0
    assert tracking.pose_similarity([one], [other]) == [[0]]
    assert tracking.pose_similarity(np.zeros((0, 17, 3)), [one, other]).shape == (0, 2)
    assert tracking.pose_similarity([one], []).shape == (1, 0)


def test_every_pose_is_compared_with_every_other_by_itself():
    some, others = [standing(100), standing(130)], [standing(104), standing(128), standing(300)]
    each = [[tracking.pose_similarity([one], [other])[0, 0] for other in others] for one in some]
    np.testing.assert_allclose(tracking.pose_similarity(some, others), each)
    some[0][1:, 2] = 0  # one joint alone in common is enough
    assert tracking.pose_similarity(some[:1], [standing(100)])[0, 0] == pytest.approx(1)


def test_links_are_greedy_and_nobody_is_taken_twice():
    assert tracking.link([[0.9, 0.8], [0.85, 0.1]], 0.3).tolist() == [0, -1]  # the best pair, not the best sum
    assert tracking.link([[0.3, 0.1]], 0.3).tolist() == [-1, -1]  # above, not at
    assert tracking.link(np.zeros((0, 3)), 0.3).tolist() == [-1, -1, -1]
    assert tracking.link(np.zeros((2, 0)), 0.3).tolist() == []


def test_people_keep_their_identity_while_they_move_and_pass():
    tracker = tracking.Tracker()
    for t in range(40):  # 6 px a frame, towards each other, at different heights
        names = tracker.update(np.array([standing(50 + 6 * t), standing(290 - 6 * t, 130)]))
        assert names.tolist() == [1, 2]


def test_velocity_bridges_a_gap_that_a_pose_that_stays_does_not():
    walk = [np.array([standing(50 + 14 * t)]) for t in range(30)]
    known = {}
    for moving in (True, False):
        tracker = tracking.Tracker(moving=moving)
        for t, poses in enumerate(walk):
            gone = 10 <= t < 18
            names = tracker.update(poses[:0] if gone else poses)
        known[moving] = names.tolist()
    assert known[True] == [1] and known[False] == [2]


def test_who_was_away_too_long_is_somebody_new_and_an_old_box_starts_nobody():
    tracker, nobody = tracking.Tracker(patience=3), np.zeros((0, 17, 3))
    assert tracker.update(np.array([standing(50)])).tolist() == [1]
    for _ in range(3):
        names = tracker.update(nobody)
        assert names.shape == (0,) and names.dtype == int
    assert tracker.update(np.array([standing(50)])).tolist() == [1]
    for _ in range(4):
        tracker.update(nobody)
    assert not tracker.tracks
    assert tracker.update(np.array([standing(50)]), [False]).tolist() == [0]
    assert tracker.update(np.array([standing(50)]), [True]).tolist() == [2]
    assert len(tracker.tracks) == 1


def test_joints_are_seen_above_a_score_of_0_2_not_at_it():
    one, other = standing(100), standing(100)
    one[3], one[4] = (400, 100, 0.21), (900, 100, 0.2)
    x, _, width, _ = tracking.box_round(one, 0)
    assert x + width == 400
    one, other = standing(100), standing(100)
    one[3, 2] = other[4, 2] = 0.2
    other[3:5, 0] += 900
    assert tracking.pose_similarity([one], [other])[0, 0] == pytest.approx(1)
    other[5] = 900, 900, 0.21
    assert tracking.pose_similarity([one], [other])[0, 0] == pytest.approx(14 / 15)
    tracker = tracking.Tracker()
    tracker.update(np.array([one]))
    later = other + np.array([4, 0, 0])
    later[5] = one[5] + np.array([4, 0, 0])
    tracker.update(np.array([later]))
    np.testing.assert_allclose(tracker.tracks[0].velocity, [2, 0])  # by the 15 joints that both frames show


def test_a_point_is_a_box_of_one_pixel():
    np.testing.assert_allclose(tracking.box_round(np.zeros((17, 3)), 0), [0, 0, 1, 1])


def test_half_of_the_velocity_is_new_and_a_gap_counts_as_its_frames():
    tracker = tracking.Tracker(threshold=0.1)
    places = []
    for x in (100, 104, None, 112):
        tracker.update(np.array([standing(x)] if x else []).reshape(-1, 17, 3))
        places.append(tracker.expected()[0] - standing(0))
    np.testing.assert_allclose([place[:, 0] for place in places], np.full((4, 17), [[100], [106], [108], [115]]))
    np.testing.assert_allclose([place[:, 1:] for place in places], 0, atol=1e-9)  # 0 + 4, then 2 / 2 + 8 / 2 / 2


def test_who_shows_no_joint_twice_is_slowed_down():
    tracker = tracking.Tracker(similarity=lambda old, new: np.ones((len(old), len(new))))
    for pose in (standing(100), standing(104), standing(900, score=0.1)):
        tracker.update(np.array([pose]))
    np.testing.assert_allclose(tracker.tracks[0].velocity, [1, 0], atol=1e-9)


def test_by_default_who_is_like_by_0_3_stays_and_who_is_away_for_15_frames_comes_back():
    for likeness, name in ((0.31, 1), (0.3, 2)):
        tracker = tracking.Tracker(similarity=lambda old, new, value=likeness: np.full((len(old), len(new)), value))
        tracker.update(np.array([standing(50)]))
        assert tracker.update(np.array([standing(50)])).tolist() == [name]
    for away, name in ((15, 1), (16, 2)):
        tracker = tracking.Tracker()
        for poses in ([standing(50)], *[[]] * away):
            tracker.update(np.reshape(poses, (-1, 17, 3)))
        assert tracker.update(np.array([standing(50)])).tolist() == [name]


def people(*places):
    """Frame's truth: identity from 1 -> (keypoints, area); None: not there."""
    found = {}
    for name, x in enumerate(places, 1):
        if x is not None:
            found[name] = np.column_stack([standing(x)[:, :2], np.full(17, 2)]), 3000.0
    return found


def test_a_perfect_film_has_mota_one_whatever_the_names():
    truth = [people(50, 250), people(60, 240), people(70, None)]
    found = [{8: standing(50), 3: standing(250)}, {8: standing(60), 3: standing(240)}, {8: standing(70)}]
    assert tracking.clear_mot(truth, found) == {
        "MOTA": 1.0, "misses": 0, "false_positives": 0, "switches": 0, "people": 5
    }  # fmt: skip


def test_each_kind_of_error_is_counted_by_itself():
    truth = [people(50, 250)] * 4
    found = [
        {1: standing(50), 2: standing(250)},
        {1: standing(50)},  # a miss
        {1: standing(50), 2: standing(250), 3: standing(500)},  # a false positive
        {2: standing(50), 1: standing(250)},  # two switches
    ]
    score = tracking.clear_mot(truth, found)
    assert (score["misses"], score["false_positives"], score["switches"], score["people"]) == (1, 1, 2, 8)
    assert score["MOTA"] == pytest.approx(1 - 4 / 8)


def test_a_name_is_remembered_through_a_gap():
    truth = [people(50)] * 4
    again = tracking.clear_mot(truth, [{1: standing(50)}, {}, {1: standing(50)}, {1: standing(50)}])
    other = tracking.clear_mot(truth, [{1: standing(50)}, {}, {2: standing(50)}, {2: standing(50)}])
    assert (again["switches"], other["switches"]) == (0, 1)


@pytest.mark.parametrize("name", [1, 7])
def test_who_is_paired_stays_paired_while_it_fits(name):
    """Bernardin and Stiefelhagen: a nearer pose does not take over as long as the old pair holds."""
    truth = [people(50), people(50)]
    found = [{name: standing(50)}, {name: standing(53), 2: standing(50)}]
    score = tracking.clear_mot(truth, found)
    assert score["switches"] == 0 and score["false_positives"] == 1


@pytest.mark.parametrize("near, far", [(1, 2), (2, 1)])
def test_the_nearest_is_paired_first(near, far):
    score = tracking.clear_mot([people(50)] * 2, [{far: standing(53), near: standing(50)}, {near: standing(50)}])
    assert score["switches"] == 0 and score["false_positives"] == 1


def test_a_pair_fits_at_the_threshold_which_is_0_5(monkeypatch):
    truth, found = [people(50), people(50)], [{1: standing(50)}, {1: standing(53), 2: standing(50)}]
    (keypoints, area), far = truth[1][1], found[1][1]
    just = oks(keypoints, area, far[None])[0]
    assert tracking.clear_mot(truth, found, just)["switches"] == 0  # is kept
    assert tracking.clear_mot([people(50)], [{1: far}], just)["misses"] == 0  # is found
    for likeness, misses in ((0.51, 0), (0.49, 1)):
        monkeypatch.setattr(tracking, "oks", lambda *_, value=likeness: np.array([value]))
        assert tracking.clear_mot([people(50)], [{1: far}])["misses"] == misses


def test_nobody_gives_no_mota_and_films_of_different_length_are_refused():
    assert np.isnan(tracking.clear_mot([{}], [{}])["MOTA"])
    assert tracking.clear_mot([people(50)], [{1: standing(300), 2: standing(400)}])["MOTA"] == -2
    with pytest.raises(ValueError):
        tracking.clear_mot([{}], [])


def test_the_filter_for_one_frame_at_a_time_is_that_for_whole_films():
    values = np.random.default_rng(0).normal(0, 5, (40, 3)).cumsum(axis=0)
    one = motion.OneEuro(15, 1.5, 0.02)
    np.testing.assert_allclose([one(value) for value in values], motion.one_euro(values, 15, 1.5, 0.02))
    assert motion.one_euro(np.zeros((0, 2)), 15).shape == (0, 2)


@pytest.fixture(scope="module")
def film():
    return synthetic.group_film(np.random.default_rng(4), ["walking", "walking", "waving"], seconds=3, size=(320, 240))


def test_a_film_of_several_people_knows_each_of_them(film):
    assert film.images.shape == (45, 240, 320, 3) and len(film.truth) == 45
    seen = [set(people) for people in film.truth]
    assert set().union(*seen) == {1, 2, 3} and len(seen[22]) >= 2
    ways = {name: [frame[name][0][11, 0] for frame in film.truth[10:35] if name in frame] for name in (1, 2)}
    assert (ways[1][-1] - ways[1][0]) * (ways[2][-1] - ways[2][0]) < 0  # they walk towards each other
    again = synthetic.group_film(np.random.default_rng(4), ["walking", "walking", "waving"], seconds=3, size=(320, 240))
    assert (again.images == film.images).all()


def true_boxes(film, every=1, missing=()):
    """A detector that knows the labels, asked for one frame after the other; blind in the frames `missing`."""
    frames = iter(range(0, len(film.images), every))

    def detect(image):
        frame = next(frames)
        boxes = [] if frame in missing else [one["bbox"] for one in film.annotations[frame] if one["area"] > 400]
        return np.reshape(boxes, (-1, 4)), np.ones(len(boxes))

    return detect


class Oracle:
    """Stands for `predict_image`: in each box the pose of the person whose joints fill it best."""

    def __init__(self, film):
        self.film, self.frame = film, -1

    def __call__(self, model, image, boxes, flip):
        self.frame += 1
        poses = []
        for box in np.reshape(boxes, (-1, 4)):
            known = [np.column_stack([p[:, :2], np.full(17, 0.9)]) for p, _ in self.film.truth[self.frame].values()]
            overlaps = [predict.box_iou([tracking.box_round(pose, 0)], [box])[0, 0] for pose in known]
            poses.append(known[int(np.argmax(overlaps))] if known else np.zeros((17, 3)))
        return np.reshape(poses, (-1, 17, 3))


def identities(film, monkeypatch, every=1, missing=(), **options):
    monkeypatch.setattr("hpe_lib.predict.video.predict_image", Oracle(film))
    steps = predict.follow(film.images, None, true_boxes(film, every, missing), 15, every, **options)
    return [dict(zip(names.tolist(), poses)) for poses, _, names in steps]


def test_with_perfect_poses_people_are_followed_though_the_detector_looks_rarely(film, monkeypatch):
    for every in (1, 5):
        score = tracking.clear_mot(film.truth, identities(film, monkeypatch, every, smooth=False))
        assert score["MOTA"] > 0.8 and score["switches"] <= 2, (every, score)


def test_boxes_go_on_where_the_detector_is_blind(film, monkeypatch):
    blind = identities(film, monkeypatch, missing={20, 21}, smooth=False)
    assert len(blind[19]) >= 2 and set(blind[21]) <= set(blind[19]) and len(blind[21]) >= 1


def test_who_is_never_seen_by_the_detector_again_is_let_go(film, monkeypatch):
    gone = identities(film, monkeypatch, missing=set(range(10, 45)), smooth=False)
    assert gone[9] and not gone[20]


def test_smoothing_changes_what_is_drawn_and_not_who_is_who(film, monkeypatch):
    raw, calm = (identities(film, monkeypatch, smooth=smooth) for smooth in (False, True))
    assert [set(one) for one in raw] == [set(one) for one in calm]
    assert not np.allclose(list(raw[20].values()), list(calm[20].values()))
