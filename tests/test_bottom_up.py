"""Bottom-up: fields, peaks, matching, grouping; the network, its losses and its pictures; pictures without people."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from hpe_lib import data, evaluate, geometry, grouping, heatmaps, models, synthetic, train
from hpe_lib.predict import predict_everybody
from hpe_lib.predict.everybody import GROUPINGS, group, picture_results, true_maps
from hpe_lib.skeleton import FLIP_ORDER, LIMBS

WEIGHTS = Path(models.__file__).parents[1] / "weights"
RECIPE = replace(
    train.RECIPES["quick"],
    model="bottom_up",
    loss="everybody",
    input_wh=(96, 64),
    epochs=2,
    batch_size=4,
    warmup_steps=0,
)


@pytest.fixture(scope="module")
def crowd():
    """A drawn crowd of eight: image, annotations, people (8, 17, 3) in px."""
    image, found = synthetic.crowd(np.random.default_rng(8), 8)
    return image, found, np.array([np.reshape(one["keypoints"], (17, 3)) for one in found])


def test_a_field_is_the_unit_vector_on_its_limb_and_nothing_elsewhere():
    keypoints = torch.tensor([[[[8.0, 8.0], [32.0, 40.0]]]])  # (1, 1, 2, 2) px: (2, 2) to (8, 10) cells
    fields = grouping.encode_fields(keypoints, torch.ones(1, 1, 2), (16, 12), limbs=((0, 1),))
    assert fields.shape == (1, 1, 2, 12, 16)
    on = fields[0, 0].norm(dim=0) > 0
    assert torch.allclose(fields[0, 0][:, on], torch.tensor([[0.6], [0.8]]).expand(2, int(on.sum())))
    y, x = on.nonzero(as_tuple=True)
    assert (((y - 2) * 0.6 - (x - 2) * 0.8).abs() <= 1).all() and on[6, 5] and not on[6, 8] and not on[1, 1]


def test_where_two_limbs_cross_the_field_is_their_mean():
    keypoints = torch.tensor([[[[0.0, 16.0], [32.0, 16.0]], [[16.0, 0.0], [16.0, 32.0]]]])  # two people, a cross
    fields = grouping.encode_fields(keypoints, torch.ones(1, 2, 2), (9, 9), limbs=((0, 1),))
    assert fields[0, 0, :, 4, 4].tolist() == [0.5, 0.5] and fields[0, 0, :, 4, 7].tolist() == [1, 0]


def test_a_limb_without_both_labels_draws_nothing_and_a_point_no_nan():
    keypoints = torch.tensor([[[[8.0, 8.0], [20.0, 8.0]], [[8.0, 8.0], [20.0, 8.0]], [[12.0, 12.0], [12.0, 12.0]]]])
    fields = grouping.encode_fields(keypoints, torch.tensor([[[1, 0], [0, 1], [1, 1]]]), (8, 8), limbs=((0, 1),))
    assert not fields.any() and fields.isfinite().all()


def test_of_several_people_the_highest_gaussian_counts():
    keypoints = torch.tensor([[[[8.0, 8.0]], [[12.0, 8.0]], [[0.0, 0.0]]]])
    labelled = torch.tensor([[[1], [1], [0]]])
    both = grouping.encode_people(keypoints, labelled, (8, 8))
    single = [heatmaps.encode(keypoints[0, p : p + 1], torch.ones(1, 1), (8, 8), 4, 1.5, True)[0] for p in (0, 1)]
    assert torch.equal(both, torch.maximum(*single)) and both.max() == 1


def test_peaks_are_local_maxima_best_first_and_between_cells():
    keypoints = torch.tensor([[[[10.0, 8.0]], [[40.0, 23.0]]]])  # px: (2.5, 2) and (10, 5.75) cells
    maps = grouping.encode_people(keypoints, torch.ones(1, 2, 1), (16, 12))[0]
    maps[0, 4:] *= 0.5
    (found,) = grouping.peaks(maps)
    np.testing.assert_allclose(found[:, :2], [[2.5, 2], [10, 5.75]], atol=0.12)
    assert found[0, 2] > found[1, 2] and grouping.peaks(maps, threshold=0.6)[0].shape == (1, 3)
    assert grouping.peaks(maps, most=1)[0].shape == (1, 3)
    corner = torch.zeros(1, 4, 4)
    corner[0, 0, 0] = corner[0, 3, 3] = 1
    assert np.abs(grouping.peaks(corner)[0][:, :2] - [[0, 0], [3, 3]]).max() <= 0.5


def test_a_peak_lies_on_the_top_of_its_parabolas():
    y, x = np.mgrid[:7, :9]
    maps = torch.tensor(1 - 0.1 * (x - 4.3) ** 2 - 0.2 * (y - 2.6) ** 2)[None]
    ((found_x, found_y, height),) = grouping.peaks(maps, threshold=0.9)[0]
    assert (found_x, found_y) == pytest.approx((4.3, 2.6)) and height == maps.max()


def test_of_two_equal_neighbours_the_later_one_is_left():
    for one, other in (((3, 4), (4, 3)), ((3, 3), (4, 4)), ((3, 3), (3, 4)), ((3, 3), (4, 3))):
        maps = torch.zeros(1, 8, 8)
        maps[0][one] = maps[0][other] = 1
        (peak,) = grouping.peaks(maps)[0]
        assert np.abs(peak[:2] - other[::-1]).max() <= 0.5 and np.abs(peak[:2] - one[::-1]).max() >= 0.5


def test_joints_are_higher_than_0_1_and_30_of_a_kind_at_most():
    maps = torch.zeros(1, 16, 16)
    maps[0, 4, 4], maps[0, 4, 8], maps[0, 8, 4] = 0.11, 0.09, 0.25
    assert [one[2] for one in grouping.peaks(maps)[0]] == pytest.approx([0.25, 0.11])
    assert len(grouping.peaks(maps, threshold=0.25)[0]) == 0  # above, not at
    maps[0, ::2, ::2] = 0.5
    assert len(grouping.peaks(maps)[0]) == 30
    (found,) = grouping.peaks(maps, most=64)
    np.testing.assert_allclose(found[:, 0], np.tile(np.arange(0, 16, 2), 8))  # of equal ones the upper left come first
    np.testing.assert_allclose(found[:, 1], np.repeat(np.arange(0, 16, 2), 8))


@pytest.mark.parametrize("axis", [0, 1])
def test_a_limb_is_looked_at_in_ten_places_from_end_to_end(axis):
    line = np.zeros((2, 12, 14))
    line[0, 0, 1:11] = 1  # to the right, along the border
    if axis:
        line = line.transpose(0, 2, 1)[::-1]
    start, end = np.array([[1.0, 0.0], [10.0, 0.0]])[:, None, :: -1 if axis else 1]
    assert grouping.limb_scores(line, start, end)[0, 0] == pytest.approx(1)
    line[:, 5, :], line[:, :, 5] = 0, 0
    assert grouping.limb_scores(line, start, end)[0, 0] == pytest.approx(0.9)
    beyond = np.array([[40.0, 40.0]])
    assert np.isfinite(grouping.limb_scores(line, beyond, -beyond)).all()


def test_a_limb_scores_by_its_field_and_its_direction():
    field = np.zeros((2, 12, 16))
    field[0, 4] = 1  # to the right, in row 4
    starts, ends = np.array([[2.0, 4.0]]), np.array([[12.0, 4.0], [2.0, 10.0], [2.0, 4.0]])
    forth = grouping.limb_scores(field, starts, ends)
    assert forth.shape == (1, 3) and forth[0].tolist() == [1, 0, 0]
    assert grouping.limb_scores(field, ends[:1], starts)[0, 0] == -1
    assert grouping.limb_scores(field, np.zeros((0, 2)), ends).shape == (0, 3)
    assert np.isfinite(grouping.limb_scores(field, np.array([[-5.0, 4.0]]), np.array([[50.0, 4.0]]))).all()


@pytest.mark.parametrize("seed", range(40))
def test_the_bipartite_matching_is_scipys(seed):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        shape = rng.integers(1, 12, 2)
        scores = rng.normal(size=shape)
        for one, other in zip(grouping.bipartite_matching(scores), linear_sum_assignment(scores, maximize=True)):
            assert np.array_equal(one, other)
        scores = rng.integers(-2, 3, shape).astype(float)  # many best pairings: one of them
        rows, columns = grouping.bipartite_matching(scores)
        assert len(set(rows)) == len(set(columns)) == min(shape)
        assert scores[rows, columns].sum() == scores[linear_sum_assignment(scores, maximize=True)].sum()


def test_greedy_takes_the_best_first_and_may_lose_the_sum():
    scores = np.array([[0.9, 0.8], [0.8, 0.1]])
    assert [part.tolist() for part in grouping.greedy_matching(scores)] == [[0, 1], [0, 1]]  # 0.9 + 0.1
    assert [part.tolist() for part in grouping.bipartite_matching(scores)] == [[0, 1], [1, 0]]  # 0.8 + 0.8


@pytest.mark.parametrize("match", [grouping.greedy_matching, grouping.bipartite_matching])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_is_matched_with_nothing(match, shape):
    assert [(len(part), part.dtype.kind) for part in match(np.zeros(shape))] == [(0, "i")] * 2


@pytest.mark.parametrize("name", GROUPINGS)
def test_a_crowd_comes_back_from_faultless_maps(name, crowd):
    _, found, people = crowd
    poses = group(*true_maps(people, (640, 480)), name)
    content = {
        "images": [{"id": 1, "width": 640, "height": 480, "file_name": "1.jpg"}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [{"id": k + 1, "image_id": 1, **one} for k, one in enumerate(found)],
    }
    assert evaluate.coco_metrics(content, picture_results(1, poses))["AP"] > 0.9 and len(poses) == 8


@pytest.mark.parametrize("name", GROUPINGS)
@pytest.mark.parametrize("count", [0, 1])  # 1: somebody without labels
def test_a_picture_without_people_has_no_poses(name, count):
    poses = group(*true_maps(np.zeros((count, 17, 3)), (640, 480)), name)
    assert poses.shape == (0, 17, 3) and picture_results(1, poses) == []


@pytest.mark.parametrize("name", GROUPINGS)
def test_a_single_joint_is_no_person(name):
    person = np.zeros((1, 17, 3))
    person[0, 9] = 200, 120, 2
    maps = true_maps(person, (640, 480))
    assert group(*maps, name).shape == (0, 17, 3)
    found = grouping.peaks(maps[0])
    alone = grouping.assemble(found, maps[1].numpy(), least=1)
    assert alone.shape == (1, 17, 3) and (alone[0, :, 2] > 0).sum() == 1
    np.testing.assert_allclose(alone[0, 9, :2], [25, 15], atol=0.05)


def test_a_way_of_grouping_that_does_not_exist_is_named(crowd):
    with pytest.raises(ValueError, match="'greedy' or 'bipartite' or 'tags', got 'magic'"):
        group(*true_maps(crowd[2], (640, 480)), "magic")


def test_limbs_along_the_last_row_and_column_count():
    field = np.zeros((2, 8, 12))
    field[0, -1], field[1, :, -1] = 1, 1
    corners = np.array([[0.0, 7.0], [11.0, 0.0]])
    assert grouping.limb_scores(field, corners, np.array([[11.0, 7.0]])).ravel().tolist() == pytest.approx([1, 1])


def test_a_limb_is_as_wide_and_as_long_as_asked():
    def on(y, start, end):
        keypoints = 4 * torch.tensor([[[[start, y], [end, y]]]])
        return grouping.encode_fields(keypoints, torch.ones(1, 1, 2), (12, 9), limbs=((0, 1),))[0, 0, 0]

    rows, columns = on(4.0, 2.5, 7.5).nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 5, 2, 8)  # 1 cell across, 1/2 beyond its ends
    rows, columns = on(4.05, 2.53, 7.47).nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 5, 3, 7)


def test_links_that_contradict_each_other_do_not_merge_people():
    found = [np.array([[2.0, 2, 1], [2.0, 8, 1]]), np.array([[8.0, 2, 1], [8.0, 8, 1]]), np.array([[14.0, 2, 1]])]
    fields = np.zeros((3, 2, 12, 16))
    fields[0, 0, 2] = fields[0, 0, 8] = 1  # 0-1: rows 2 and 8
    fields[1, 0, 2] = 1  # 1-2: row 2
    fields[2] = 0.5 * np.array([12, -6])[:, None, None] / np.hypot(12, 6)  # 0-2: weakly along from row 8 to row 2
    fields[2, :, 2] = 0
    poses = grouping.assemble(found, fields, least=2, limbs=((0, 1), (1, 2), (0, 2)))
    assert sorted((pose[:, 2] > 0).sum() for pose in poses) == [2, 3]
    whole = max(poses, key=lambda pose: (pose[:, 2] > 0).sum())
    assert whole[:, 1].tolist() == [2, 2, 2]  # the best links count first


def test_links_above_0_2_make_people_of_three_joints_or_more():
    found = [np.array([[x, 2.0, 1.0]]) for x in (2, 6, 10)]
    limbs, field = ((0, 1), (1, 2)), np.zeros((2, 2, 6, 16))
    field[:, 0] = 0.21
    assert len(grouping.assemble(found, field, limbs=limbs)) == 1
    field[1] = 0.19
    assert len(grouping.assemble(found, field, limbs=limbs)) == 0  # of two and of one
    assert len(grouping.assemble(found, field, least=2, limbs=limbs)) == 1
    field[:, 0] = 0.25
    assert len(grouping.assemble(found, field, threshold=0.25, least=2, limbs=limbs)) == 0  # above, not at


def test_tags_within_1_make_people_of_three_joints_or_more():
    found, tags = [np.array([[x, 2.0, 1.0]]) for x in (2, 6, 10)], np.zeros((3, 6, 16))
    tags[2] = 0.95
    assert grouping.group_by_tags(found, tags).shape == (1, 3, 3)
    tags[2] = 1.05
    assert grouping.group_by_tags(found, tags).shape == (0, 3, 3)
    assert sorted((grouping.group_by_tags(found, tags, least=1)[..., 2] > 0).sum(axis=1)) == [1, 2]


def test_joints_on_the_border_have_the_borders_tags():
    tags = np.zeros((3, 6, 16))
    tags[:, 0, 0] = tags[:, -1, -1] = 5
    found = [np.array([[x, y, 1.0]]) for x, y in ((-0.6, -0.6), (15.6, 5.6), (0, 0))]  # cells from 0, 0 to 15, 5
    assert grouping.group_by_tags(found, tags).shape == (1, 3, 3)


def test_tags_are_asked_of_head_and_trunk_first():
    order = []

    def match(near):
        order.append(len(near) - 1)
        return grouping.bipartite_matching(near)

    found = [np.array([[x, 2.0, 1.0] for x in range(k + 1)]) for k in range(17)]  # k + 1 peaks of keypoint k
    grouping.group_by_tags(found, np.zeros((17, 6, 20)), match)
    assert order == [1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 13, 14, 15, 16]


@pytest.mark.parametrize("outside", [(-4.0, 4.0), (16.0, 4.0), (4.0, -4.0), (4.0, 12.0), (40.0, 40.0), (-40.0, -40.0)])
def test_joints_outside_the_picture_pull_no_tag(outside):
    tags = torch.arange(24.0).reshape(1, 2, 3, 4)
    for inside in ((0.0, 0.0), (12.0, 8.0)):
        pull, _ = grouping.tag_loss(tags, torch.tensor([[[inside, outside]]]), torch.ones(1, 1, 2))
        assert pull == 0
    assert grouping.tag_loss(tags, torch.tensor([[[(0.0, 0.0), (12.0, 8.0)]]]), torch.ones(1, 1, 2))[0] == 11.5**2


def test_tags_are_pulled_to_their_person_and_pushed_from_others():
    keypoints, labelled = torch.tensor([[[[4.0, 4.0], [12.0, 4.0]], [[4.0, 12.0], [12.0, 12.0]]]]), torch.ones(1, 2, 2)
    tags = torch.zeros(1, 2, 4, 4)
    pull, push = grouping.tag_loss(tags, keypoints, labelled)
    assert pull == 0 and push == 1  # all alike: nothing to pull, everything to push
    tags[0, :, 3] = 2.0  # the second person's joints
    pull, push = grouping.tag_loss(tags, keypoints, labelled)
    assert pull == 0 and push.item() == pytest.approx(np.exp(-2))
    tags[0, 0, 1, 1] = 1.0  # one joint of the first: mean 0.5
    assert grouping.tag_loss(tags, keypoints, labelled)[0].item() == pytest.approx(0.25 / 2)
    single = torch.tensor([[[1, 0], [0, 1]]])  # a joint each: 1 and 2
    assert grouping.tag_loss(tags, keypoints, single)[1].item() == pytest.approx(np.exp(-1 / 2))
    pull, push = grouping.tag_loss(tags, keypoints, torch.tensor([[[1, 1], [0, 0]]]))
    assert (pull, push) == (0.25, 0)
    nobody = grouping.tag_loss(tags, keypoints, torch.zeros(1, 2, 2))
    one = grouping.tag_loss(tags, keypoints, torch.tensor([[[1, 0], [0, 0]]]))
    assert nobody == (0, 0) and one == (0, 0)


def test_the_network_has_three_outputs_at_a_quarter_of_the_size():
    torch.manual_seed(0)
    network = models.build("bottom_up", width=16).eval()
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        maps, fields, tags = network(images)
        assert torch.equal(network.heatmaps(images), maps)
    assert maps.shape == tags.shape == (2, 17, 16, 24) and fields.shape == (2, len(LIMBS), 2, 16, 24)
    with pytest.raises(ValueError, match=r"100 x 64 px: both sides are multiples of 32 px; `data.fit_picture`"):
        network(torch.zeros(1, 3, 64, 100))
    with pytest.raises(ValueError, match="four stages.*'cut50'"):
        models.build("bottom_up", depth="cut50")


def test_the_network_starts_near_0_and_is_built_as_shipped():
    torch.manual_seed(0)
    network = models.build("bottom_up")
    assert network.stride == 4 and network.input_wh == (256, 256) and network.num_keypoints == 17
    assert network.output.in_channels == 64 and network.output.out_channels == 17 + 2 * 19 + 17
    assert network.output.weight.std().item() == pytest.approx(0.001, rel=0.2) and not network.output.bias.any()


def test_pictures_come_with_all_their_people(drawn):
    pictures = data.PictureDataset(drawn, "val", (96, 64))
    content = data.read_annotations(data.annotation_file(drawn, "val"))
    whole = {image["id"] for image in content["images"]} - {
        one["image_id"] for one in content["annotations"] if not one["num_keypoints"]
    }
    assert len(pictures) == len(whole)
    item = pictures[0]
    assert item["image"].shape == (3, 64, 96) and item["keypoints"].shape == (20, 17, 2)
    own = pictures.people[0]
    assert (item["labelled"].sum(dim=1) > 0).sum() == len(own) and not item["keypoints"][len(own) :].any()
    width, height = pictures.sizes[0]
    scale = min(96 / width, 64 / height)
    centre = np.array([48 - width * scale / 2, 32 - height * scale / 2])
    np.testing.assert_allclose(item["keypoints"][: len(own)], own[..., :2] * scale + centre, atol=1e-3)


def test_a_mirrored_picture_has_mirrored_people(drawn):
    change = replace(data.MIRROR_ONLY, mirror_prob=1.0)
    plain, mirrored = (data.PictureDataset(drawn, "val", (96, 64), one)[0] for one in (None, change))
    there = plain["labelled"] > 0
    assert torch.equal(mirrored["labelled"], plain["labelled"][:, FLIP_ORDER])
    moved = 96 - plain["keypoints"][:, FLIP_ORDER][..., 0]
    assert torch.allclose(mirrored["keypoints"][..., 0][there[:, FLIP_ORDER]], moved[there[:, FLIP_ORDER]], atol=1e-3)


def test_folders_without_a_whole_picture_are_named(drawn, tmp_path):
    with pytest.raises(ValueError, match=f"no picture of {drawn} has labels for everybody"):
        data.PictureDataset(drawn, "val", most=-1)


def test_it_trains_with_the_usual_trainer_and_pictures_without_people_break_nothing(drawn, tmp_path):
    torch.manual_seed(0)
    pictures = data.PictureDataset(drawn, "train", RECIPE.input_wh, RECIPE.augmentation)
    trainer = train.Trainer(models.build("bottom_up", depth="tiny", width=16), pictures, RECIPE, device="cpu")
    history = train.fit(trainer, progress=False)
    assert {"joints", "limbs", "pull", "push"} < history[0].keys() and np.isfinite(history[-1]["loss"])
    empty = {name: torch.stack([pictures[0][name]] * 4) for name in ("image", "keypoints", "labelled")}
    loss, numbers = train.LOSSES["everybody"](trainer.model, empty | {"labelled": torch.zeros(4, 20, 17)}, RECIPE)
    assert loss.isfinite() and numbers["pull"] == numbers["push"] == 0
    models.save_model(trainer.model, tmp_path / "bottom_up.pt", half=True)
    again = models.load_model(tmp_path / "bottom_up.pt")
    assert isinstance(again, models.BottomUp) and again.options == {"depth": "tiny", "width": 16}


def test_fitted_pictures_lose_nothing():
    for size in ((640, 480), (427, 640), (612, 612), (33, 500)):
        matrix, input_wh = data.fit_picture(size, 320)
        corner = geometry.transform(np.array(size) - 1, matrix)
        assert all(side % 32 == 0 for side in input_wh) and (corner < input_wh).all() and corner.max() > 318


def test_crowds_have_the_people_asked_for_in_one_size():
    for count in (1, 5, 20):
        image, found = synthetic.crowd(np.random.default_rng(count), count)
        heights = [one["bbox"][3] for one in found]
        assert image.shape == (480, 640, 3) and count - 1 <= len(found) <= count and max(heights) < 0.5 * 480
        assert all(one["num_keypoints"] == 17 for one in found)


def test_crowds_are_drawn_as_a_coco_folder(tmp_path):
    folder = synthetic.make_crowds(tmp_path / "crowds", train_images=3, each=1, workers=1, progress=False)
    content = data.read_annotations(data.annotation_file(folder, "val"))
    people = pd.Series([one["image_id"] for one in content["annotations"]]).value_counts(sort=False)
    assert people.sort_index().tolist()[:3] == [1, 2, 3] and len(content["images"]) == len(synthetic.COUNTS)
    assert len(data.PictureDataset(folder, "train")) == 3


def test_outcomes_tell_missing_links_from_mixed_people():
    people = np.zeros((2, 17, 3))
    people[..., 2] = 2
    people[0, :, :2], people[1, :, :2] = [100, 100], [300, 100]
    people[..., 1] += 20 * np.arange(17)
    areas, whole = [20_000.0, 20_000.0], people.copy()
    name = evaluate.OUTCOMES.index
    assert (evaluate.joint_outcomes(people, areas, whole) == name("right")).all()
    assert (evaluate.joint_outcomes(people, areas, whole[:1])[1] == name("not found")).all()
    torn = np.stack([whole[0], whole[0], whole[1]])  # the first person in two pieces
    torn[0, 10:], torn[1, :10] = 0, 0
    outcomes = evaluate.joint_outcomes(people, areas, torn)
    assert (outcomes[0, :10] == name("right")).all() and (outcomes[0, 10:] == name("apart")).all()
    mixed = whole.copy()
    mixed[0, 10], mixed[1, 10] = whole[1, 10], 0  # a wrist of the second in the first's pose
    outcomes = evaluate.joint_outcomes(people, areas, mixed)
    assert outcomes[1, 10] == name("elsewhere") and outcomes[0, 10] == name("not found")
    people[1, 3, 2] = 0
    assert evaluate.joint_outcomes(people, areas, whole)[1, 3] == -1
    assert (evaluate.joint_outcomes(people, areas, whole[:0]) <= name("not found")).all()
    assert evaluate.joint_outcomes(people[:0], [], whole).shape == (0, 17)


def test_the_shipped_network_finds_most_of_a_few_people():
    model = models.load_model("bottom_up")
    assert model.name == "bottom_up" and (WEIGHTS / "bottom_up.pt").stat().st_size < 3 * 2**20
    right = []
    for seed in range(6):
        image, found = synthetic.crowd(np.random.default_rng([5, seed]), 3)
        people = np.array([np.reshape(one["keypoints"], (17, 3)) for one in found])
        poses = predict_everybody(model, image)
        right.append((evaluate.joint_outcomes(people, [one["area"] for one in found], poses) == 0).mean())
    assert np.mean(right) > 0.6


def test_the_log_is_whole():
    log = pd.read_csv(WEIGHTS / "bottom_up.csv")
    ways = {("true", name) for name in GROUPINGS} | {("network", name) for name in (*GROUPINGS, "top-down, true boxes")}
    for pictures, people in [("built-in", 0), *(("crowd", count) for count in synthetic.COUNTS)]:
        rows = log[(log["pictures"] == pictures) & (log["people"] == people)]
        assert set(zip(rows["maps"], rows["grouping"])) == ways and len(rows) == len(ways)
        assert (rows["images"] >= 10).all() and rows["AP"].between(0, 1).all()
        assert np.allclose(rows[[*evaluate.OUTCOMES]].sum(axis=1), 1, atol=2e-3)
    assert log[log["maps"] == "true"]["AP"].min() > 0.9
