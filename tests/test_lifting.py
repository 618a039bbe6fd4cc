"""Cameras, triangulation, the measures of a pose in space, and the network that lifts."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes as scipy_procrustes
from scipy.spatial.transform import Rotation

from hpe_lib import lifting, models, synthetic
from tests.notebook_code import defined_in

RNG = np.random.default_rng(0)
CENTRE = (159.5, 119.5)


def cameras(count):
    places = [(4 * np.sin(a), 1.0 + 0.3 * n, 4 * np.cos(a)) for n, a in enumerate(np.linspace(0, 4, count))]
    return [lifting.look_at(place, (0, 1, 0), 340.0, CENTRE) for place in places]


def pose(seed=0):
    return synthetic.person(np.random.default_rng(seed)).keypoints


# Cameras


def test_a_camera_looks_at_its_target_and_stands_upright():
    camera = lifting.look_at((3, 2, 1), (0, 1, 0), 340.0, CENTRE)
    assert np.allclose(camera.project([0, 1, 0]), CENTRE)
    assert camera.project([0, 1.2, 0])[1] < CENTRE[1]  # higher in the world, higher in the image
    assert np.allclose(camera.rotation @ camera.rotation.T, np.eye(3)) and np.linalg.det(camera.rotation) > 0
    assert np.allclose(lifting.look_at((0.01, 3, 0), (0, 1, 0), 340.0, CENTRE).project([0, 1, 0]), CENTRE)
    with pytest.raises(ValueError, match="cannot look at .* upright"):
        lifting.look_at((0, 3, 0), (0, 1, 0), 340.0, CENTRE)


def test_projecting_and_back_is_the_same_place():
    camera, points = cameras(2)[1], pose()
    depth = camera.see(points)[:, 2]
    assert np.allclose(camera.back(camera.project(points), depth), points)
    film = np.stack([points, points + 0.1])  # (2, 17, 3)
    assert np.allclose(camera.back(camera.project(film), camera.see(film)[..., 2]), film)
    homogeneous = np.column_stack([points, np.ones(17)]) @ camera.matrix.T
    assert np.allclose(homogeneous[:, :2] / homogeneous[:, 2:], camera.project(points))


def test_a_camera_stays_as_it_is():
    camera = cameras(1)[0]
    with pytest.raises(AttributeError):
        camera.focal = 1.0


def test_our_camera_is_the_one_that_draws():
    drawn = synthetic.Camera((320, 240), 340.0, 1.4, 7.0)
    one = synthetic.person(np.random.default_rng(1)).placed(0.2, -4.0, 30.0).keypoints
    ours = lifting.Pinhole(340.0, drawn.centre, drawn.axes, np.array([0, 1.4, 0]))
    assert np.allclose(ours.see(one), drawn.see(one))
    assert np.allclose(ours.project(one), drawn.project(drawn.see(one)))


def test_a_camera_behind_the_person_is_said():
    camera = lifting.look_at((0, 1, 3), (0, 1, 6), 340.0, CENTRE)  # turned away
    with pytest.raises(ValueError, match="17 of 17 points are behind the camera.*turn it"):
        camera.project(pose())
    with pytest.raises(ValueError, match="1 of 2 points"):
        lifting.project([[0, 0, 1.0], [0, 0, 0.0]], 300.0, CENTRE)
    with pytest.raises(ValueError, match="1 of 1 points"):
        lifting.project([0, 0, np.nan], 300.0, CENTRE)


def test_near_points_and_pixels_with_scores_are_no_exception():
    assert lifting.project([0.1, 0, 0.5], 300.0, (0, 0)).tolist() == pytest.approx([60, 0])
    pixels = np.array([[60.0, 0, 0.9], [0, 30, 0.8]])
    assert np.allclose(lifting.unproject(pixels, [0.5, 1], 300.0, (0, 0)), [[0.1, 0, 0.5], [0, 0.1, 1]])


# Triangulation


@pytest.mark.parametrize("count", [2, 3, 6])
def test_exact_pixels_give_the_exact_place(count):
    views, points = cameras(count), np.stack([pose(1), pose(2)])  # (2, 17, 3)
    matrices, pixels = np.stack([v.matrix for v in views]), np.stack([v.project(points) for v in views])
    assert np.abs(lifting.triangulate(matrices, pixels) - points).max() < 1e-9
    assert np.abs(lifting.triangulate(matrices, pixels[:, 0, 3]) - points[0, 3]).max() < 1e-9


def test_a_film_without_frames_has_no_points():
    matrices = np.stack([view.matrix for view in cameras(2)])
    assert lifting.triangulate(matrices, np.zeros((2, 0, 17, 2))).shape == (0, 17, 3)


def test_a_view_that_does_not_see_a_joint_is_left_out():
    views, points = cameras(3), pose()
    pixels = np.stack([v.project(points) for v in views])
    pixels[1, 4] = np.nan
    matrices = np.stack([v.matrix for v in views])
    assert np.abs(lifting.triangulate(matrices, pixels) - points).max() < 1e-9
    other = np.stack([v.project(points) for v in views])
    other[[0, 1, 2], [4, 5, 6]] = np.nan  # each view misses another joint
    assert np.abs(lifting.triangulate(matrices, other) - points).max() < 1e-9
    pixels[2, 4] = np.nan
    with pytest.raises(ValueError, match="needs two views or more, and one has 1"):
        lifting.triangulate(matrices, pixels)
    with pytest.raises(ValueError, match="needs two views"):
        lifting.triangulate(matrices[:1], pixels[:1])
    with pytest.raises(ValueError, match="one \\(3, 4\\) matrix a view"):
        lifting.triangulate(matrices, pixels[:2])


def test_more_views_bear_more_noise():
    views, points = cameras(6), pose()
    errors = []
    for count in (2, 6):
        pixels = np.stack([v.project(points) for v in views[:count]])
        shaken = pixels[:, None] + np.random.default_rng(0).normal(0, 2, (count, 200, 17, 2))
        found = lifting.triangulate(np.stack([v.matrix for v in views[:count]]), shaken)
        errors.append(np.linalg.norm(found - points, axis=-1).mean())
    assert errors[1] < 0.7 * errors[0]


# Measures


def test_mpjpe_is_about_the_root_and_in_millimetres():
    true = pose()
    found = true + np.array([0.5, -0.2, 1.0])
    assert lifting.mpjpe(found, true) == pytest.approx(0, abs=1e-9)
    found[9] += [0, 0.3, 0.4]
    assert lifting.mpjpe(found, true) == pytest.approx(500 / 17)
    assert lifting.pck_3d(found, true) == pytest.approx(16 / 17)


@pytest.mark.parametrize("measure", [lifting.mpjpe, lifting.pa_mpjpe, lifting.pck_3d])
def test_a_measure_of_many_poses_is_the_mean_of_each(measure):
    found, true = 0.1 * np.random.default_rng(0).normal(size=(2, 4, 17, 3))
    assert measure(found, true) == pytest.approx(np.mean([measure(*pair) for pair in zip(found, true)]))


def test_a_joint_counts_within_15_centimetres():
    true = np.zeros((17, 3))
    for far, share in ((0.14, 1), (0.16, 16 / 17)):
        found = true.copy()
        found[9, 1] = far
        assert lifting.pck_3d(found, true) == pytest.approx(share)
    found[9, 1] = 0.5
    assert lifting.pck_3d(found, true, threshold=0.5) == pytest.approx(16 / 17)  # nearer, not at


@pytest.mark.parametrize("joints", [3, 17])
def test_a_tiny_pose_is_enlarged_and_a_point_is_no_number_missing(joints):
    true = pose()[:joints]
    assert lifting.pa_mpjpe(1e-3 * true, true) < 1e-6
    flat = lifting.procrustes(np.ones((joints, 3)), true)
    np.testing.assert_allclose(flat, np.broadcast_to(true.mean(axis=0), true.shape))


def test_procrustes_equals_scipys():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found, true = rng.normal(size=(17, 3)), rng.normal(size=(17, 3))
        _, _, disparity = scipy_procrustes(true, found)  # of unit size; SciPy allows mirror images
        a, b = found - found.mean(0), true - true.mean(0)
        rotation, trace = orthogonal_procrustes(a, b)
        ours = lifting.procrustes(found, true)
        assert np.linalg.matrix_rank(ours - ours.mean(0)) == 3
        turned = Rotation.align_vectors(b, a)[0].apply(a)  # the best without a mirror
        assert np.allclose(ours, (turned * b).sum() / (a**2).sum() * turned + true.mean(0), atol=1e-5)
        if np.linalg.det(rotation) > 0:
            assert np.allclose(ours, trace / (a**2).sum() * a @ rotation + true.mean(0))
            assert ((ours - true) ** 2).sum() / (b**2).sum() == pytest.approx(disparity)
        else:
            assert ((ours - true) ** 2).sum() / (b**2).sum() > disparity


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 5))
def test_a_turned_scaled_and_shifted_pose_has_no_pa_mpjpe(seed, scale):
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    true = pose(seed)
    assert lifting.pa_mpjpe(scale * true @ turn + rng.normal(size=3), true) < 1e-6
    mirrored = true * [1, 1, -1]  # another body
    away = np.linalg.norm(lifting.procrustes(mirrored, true) - true, axis=-1).mean()
    assert lifting.pa_mpjpe(mirrored, true) == pytest.approx(1000 * away) and away > 0.005


def test_procrustes_works_pose_by_pose_and_beats_nothing_else():
    found, true = RNG.normal(size=(2, 4, 17, 3))
    together = lifting.procrustes(found, true)
    assert np.allclose(together, [lifting.procrustes(a, b) for a, b in zip(found, true)])
    for angle in (-5, 5):  # no neighbouring rotation is better
        turn = lifting.procrustes(found, true) - true.mean(axis=1, keepdims=True)
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        other = turn @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) + true.mean(axis=1, keepdims=True)
        assert (((other - true) ** 2).sum((1, 2)) > ((together - true) ** 2).sum((1, 2))).all()


def test_one_joint_alone_fixes_no_rotation():
    with pytest.raises(ValueError, match="1 joints fix no rotation"):
        lifting.procrustes(np.zeros((1, 3)), np.zeros((1, 3)))


def test_the_notebooks_own_code_is_the_librarys():
    align, see, project = defined_in("12", "align", "see", "project")
    found, true = RNG.normal(size=(2, 17, 3))
    assert np.allclose(align(found, true), lifting.procrustes(found, true))
    camera = cameras(1)[0]
    seen = see(true, camera.rotation, camera.position)
    assert np.allclose(seen, camera.see(true))
    seen = seen + np.array([0, 0, 9])
    assert np.allclose(project(seen, 300.0, CENTRE), lifting.project(seen, 300.0, CENTRE))


def test_every_body_of_section_2_has_the_bones_and_the_image():
    ends, choices, bodies, chains = defined_in("12", "ends", "choices", "bodies", "CHAINS")
    bodies.__globals__.update(ends=ends, choices=choices, CHAINS=chains)
    seen = cameras(1)[0].see(pose(3))
    found = np.stack(list(bodies(seen)))
    assert len(found) >= 16 and np.abs(found - seen).max(axis=(1, 2)).min() < 1e-9  # the true one is among them
    assert np.allclose(lifting.project(found, 300, CENTRE), lifting.project(seen, 300, CENTRE))
    for top, middle, end in chains:
        for a, b in ((top, middle), (middle, end)):
            assert np.allclose(np.linalg.norm(found[:, a] - found[:, b], axis=1), np.linalg.norm(seen[a] - seen[b]))


# What a lifter sees, and the lifter


def test_the_input_knows_neither_place_nor_size():
    pixels, _ = synthetic.poses(0, 3)
    seen = lifting.as_input(pixels[:, None])
    assert np.allclose(seen, lifting.as_input(3 * pixels[:, None] + [70, -20]))
    scored = np.concatenate([pixels, np.ones((3, 17, 1))], axis=-1)[:, None]
    assert seen.shape == (3, 1, 17, 2) and np.array_equal(seen, lifting.as_input(scored))
    assert np.allclose(seen[:, 0, 11:13].mean(axis=1), 0)
    assert np.allclose((seen**2).sum(axis=-1).mean(axis=-1), 1)


def test_a_window_keeps_how_the_person_moves():
    pixels, _ = synthetic.windows(0, 2, 9)
    seen = lifting.as_input(pixels)
    assert np.allclose(seen[:, 4, 11:13].mean(axis=1), 0) and not np.allclose(seen[:, 0, 11:13].mean(axis=1), 0)


@pytest.mark.parametrize("bad", [np.full((1, 1, 17, 2), 5.0), np.full((1, 1, 17, 2), np.nan)])
def test_one_point_for_all_joints_is_said(bad):
    with pytest.raises(ValueError, match="one point, or are not numbers"):
        lifting.as_input(bad)


def test_the_published_network_has_its_number_of_parameters():
    with torch.device("meta"):
        network = models.build("lifter", num_keypoints=16)
    assert sum(p.numel() for p in network.parameters()) == 4_291_632


@pytest.mark.parametrize("frames", [1, 9])
def test_a_lifter_takes_windows_and_gives_the_middle_pose(frames):
    network = models.build("lifter", width=32, frames=frames).eval()
    assert network(torch.zeros(2, frames, 17, 2)).shape == (2, 17, 3)
    with pytest.raises(ValueError, match="takes no images; find the 2-D joints first"):
        network(torch.zeros(2, 3, 128, 96))
    with pytest.raises(ValueError, match=re.escape(f"(N, {frames}, 17, 2)")):
        network(torch.zeros(2, frames + 2, 17, 2))


@pytest.mark.parametrize("frames", [0, 2])
def test_a_window_needs_a_middle(frames):
    with pytest.raises(ValueError, match="an odd number has a middle frame"):
        models.build("lifter", frames=frames)
    with pytest.raises(ValueError, match="has a middle frame"):
        synthetic.windows(0, 1, frames)


def test_the_notebooks_lifter_is_the_librarys():
    layer, block, lifter = defined_in("12", "layer", "LinearBlock", "Lifter")
    for made in (block, lifter):
        made.__init__.__globals__.update(layer=layer, LinearBlock=block, Lifter=lifter)
    own, library = lifter(32).eval(), models.build("lifter", width=32).eval()
    library.load_state_dict(own.state_dict())
    joints = torch.randn(3, 1, 17, 2)
    assert torch.equal(own(joints), library(joints))


def test_a_sequence_of_one_frame_and_one_person_can_be_lifted():
    pixels, poses = synthetic.windows(0, 1, 1, each=1)
    pairs = lifting.Pairs(pixels, poses)
    assert len(pairs) == 1 and pairs[0]["joints"].shape == (1, 17, 2)
    assert models.load_model("lifter")(pairs[0]["joints"][None]).shape == (1, 17, 3)


def test_noise_is_new_in_each_epoch_and_the_same_again():
    pixels, poses = synthetic.poses(0, 4)
    pairs = lifting.Pairs(pixels[:, None], poses, noise=4.0, seed=1)
    first = pairs.joints.clone()
    pairs.set_epoch(1)
    assert not torch.equal(first, pairs.joints)
    pairs.set_epoch(0)
    assert torch.equal(first, pairs.joints) and torch.allclose(
        pairs.target[:, 11:13].mean(1), torch.zeros(3), atol=1e-6
    )


def test_noise_is_as_large_as_asked_and_by_default_there_is_none():
    pixels, poses = synthetic.poses(0, 5)
    clean = lifting.as_input(pixels[:, None])
    assert np.allclose(lifting.Pairs(pixels[:, None], poses).joints, clean, atol=1e-6)
    for seed, pairs in (
        (0, lifting.Pairs(pixels[:, None], poses, 4.0)),
        (3, lifting.Pairs(pixels[:, None], poses, 4.0, 3)),
    ):
        for epoch in (0, 2):  # 4 px a 100 px of size
            noise = np.random.default_rng([seed, epoch]).normal(0, 0.04, clean.shape)
            if epoch:
                pairs.set_epoch(epoch)
            assert np.allclose(pairs.joints, lifting.as_input(clean + noise), atol=1e-6)


def test_the_published_lifter_is_what_is_built():
    network = models.build("lifter")
    assert (network.frames, network.num_keypoints, network.stride, network.input_wh) == (1, 17, 1, (32, 32))
    assert network.first[0].in_features == 34 and network.first[0].out_features == 1024 and len(network.blocks) == 2
    assert {part.p for part in network.modules() if isinstance(part, torch.nn.Dropout)} == {0.5}


def test_the_shipped_lifter_lifts_people_that_it_has_not_seen():
    pixels, poses = synthetic.poses(2, 200)
    with torch.no_grad():
        found = models.load_model("lifter")(lifting.Pairs(pixels[:, None], poses).joints).numpy()
    assert lifting.mpjpe(found, poses) < 80 and lifting.pa_mpjpe(found, poses) < 60
    mean = np.broadcast_to(lifting.root_relative(synthetic.poses(7, 200)[1]).mean(axis=0), poses.shape)
    assert lifting.mpjpe(mean, poses) > 200


# Joints before cameras


def test_people_depend_on_seed_and_number_alone():
    pixels, poses = synthetic.poses(5, 3)
    assert np.array_equal(synthetic.poses(5, 2)[0], pixels[:2]) and not np.array_equal(
        synthetic.poses(6, 2)[1], poses[:2]
    )
    assert (poses[..., 2] > 0.5).all()
    with pytest.raises(ValueError, match="0 people are no data"):
        synthetic.poses(5, 0)


def test_windows_of_other_lengths_have_the_same_middle():
    one, nine = synthetic.windows(3, 2, 1), synthetic.windows(3, 2, 9)
    assert np.array_equal(one[1], nine[1]) and np.array_equal(one[0][:, 0], nine[0][:, 4])


@pytest.mark.parametrize("yaw", [0, 75, -130])
def test_a_camera_round_a_person_has_the_matrix_that_is_given(yaw):
    one = synthetic.person(np.random.default_rng(4), yaw=20)
    camera, placed, matrix = synthetic.around(one, yaw)
    seen = np.column_stack([one.keypoints, np.ones(17)]) @ matrix.T
    assert np.allclose(seen[:, :2] / seen[:, 2:], camera.project(camera.see(placed.keypoints)))


def test_the_tool_writes_a_row_for_every_network_and_level(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "tools"))
    import lifting as tool

    monkeypatch.setattr(tool, "RECIPE", tool.replace(tool.RECIPE, epochs=1, batch_size=8, warmup_steps=0))
    monkeypatch.setattr(tool.synthetic, "windows", lambda seed, films, frames, each=8: WINDOWS(1, 2, frames, 8))
    threads = torch.get_num_threads()
    try:
        tool.main(["--seeds", "3", "--people", "16", "--films", "2", "--out", str(tmp_path / "log.csv")])
    finally:
        torch.set_num_threads(threads)
        sys.modules.pop("lifting", None)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert len(lines) == 1 + 4 * 2 * 6 and lines[0].startswith(
        "data,frames,seed,trained at,tested at,MPJPE,PA-MPJPE,PCK"
    )


WINDOWS = synthetic.windows
