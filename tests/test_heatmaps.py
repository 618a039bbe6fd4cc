import numpy as np
import pytest
import torch

from hpe_lib import heatmaps
from hpe_lib.skeleton import FLIP_ORDER


def as_tensor(golden, name):
    return torch.from_numpy(golden[name])


def test_encode_is_the_official_target(golden):
    maps, weights = heatmaps.encode(as_tensor(golden, "keypoints"), as_tensor(golden, "labelled"))
    assert torch.equal(weights, as_tensor(golden, "target_weights"))
    assert torch.allclose(maps, as_tensor(golden, "targets"), atol=1e-6)


def test_decode_is_the_official_one(golden):
    maps = as_tensor(golden, "heatmaps")
    points, scores = heatmaps.decode(maps, refine=None)
    assert torch.equal(points, as_tensor(golden, "argmax"))
    assert torch.equal(scores, as_tensor(golden, "scores"))
    assert torch.equal(heatmaps.decode(maps)[0], as_tensor(golden, "refined"))


def test_decoded_points_come_back_to_the_image(golden):
    from hpe_lib import geometry

    for index, points in enumerate(golden["refined"]):
        matrix = geometry.crop_matrix(golden["centers"][index], golden["sizes"][index], (192, 256))
        ours = geometry.transform(4 * points, geometry.invert(matrix))
        assert np.abs(ours - golden["image_points"][index]).max() < 5e-3  # px, their float32


@pytest.mark.parametrize("shift, name", [(True, "flip_merged_shift"), (False, "flip_merged_noshift")])
def test_flip_merge_is_the_official_one(golden, shift, name):
    merged = heatmaps.merge_flipped(as_tensor(golden, "flip_plain"), as_tensor(golden, "flip_mirrored"), shift)
    assert torch.equal(merged, as_tensor(golden, name))


def test_loss_and_pck_are_the_official_ones(golden):
    prediction, targets = as_tensor(golden, "loss_prediction"), as_tensor(golden, "targets")
    cells = slice(None, None, int(golden["loss_step"]))  # every fifth in the subset
    loss = heatmaps.heatmap_loss(prediction, targets[..., cells, cells], as_tensor(golden, "target_weights"))
    assert float(loss) == pytest.approx(float(golden["loss"]), rel=1e-6)
    for prefix, predicted in (("pck", "peaks_prediction"), ("pck2", "pck_prediction")):
        share, mean = heatmaps.pck(as_tensor(golden, predicted), targets)
        expected = golden[prefix]
        assert np.allclose(np.where(expected < 0, np.nan, expected), share, equal_nan=True)
        assert float(mean) == pytest.approx(float(golden[f"{prefix}_mean"]), abs=1e-6)


def test_pck_divides_x_by_the_height_and_y_by_the_width():
    """As published, by hand: on 48 x 64 cells 3.2 cells to the side are still right, and 2.4 up or down."""
    place = torch.tensor([[[20.0, 30.0], [20, 30], [20, 30], [20, 30], [1, 30], [2, 30]]])  # the fifth is not counted
    found = torch.tensor([[[23.0, 30.0], [24, 30], [20, 32], [20, 33], [1, 30], [2, 30]]])
    share, mean = heatmaps.pck(*(heatmaps.encode(4 * points, torch.ones(1, 6))[0] for points in (found, place)))
    assert share.nan_to_num(-1).tolist() == [1, 0, 1, 0, -1, 1] and float(mean) == pytest.approx(3 / 5)


def test_a_target_counts_until_its_patch_has_left_the_map():
    """The patch reaches 6 cells to each side: from column 53 of 48 it still shows, from 54 it does not."""
    cells = torch.tensor([[[53.0, 30], [54, 30], [20, 69], [20, 70], [-6, 30], [-9, 30], [20, -6], [20, -9], [-8, 30]]])
    maps, weights = heatmaps.encode(4 * cells, torch.ones(1, 9))
    assert weights[0].tolist() == [1, 0] * 4 + [1]
    assert (maps > 0).any(dim=(-2, -1))[0].tolist() == [True, False] * 4 + [
        False
    ]  # the last: one cell late, as published


@pytest.mark.parametrize(
    "size, stride, sigma", [((48, 64), 4, 2.0), ((24, 32), 4, 1.5), ((72, 96), 4, 3.0), ((96, 128), 2, 2.0)]
)
def test_encode_then_decode_comes_back_within_half_a_cell(size, stride, sigma):
    limit = torch.tensor(size) * stride
    keypoints = torch.rand(20, 17, 2, generator=torch.manual_seed(0)) * (limit - stride)
    maps, weights = heatmaps.encode(keypoints, torch.ones(20, 17), size, stride, sigma)
    points, scores = heatmaps.decode(maps, refine=None)
    assert weights.all() and torch.allclose(scores, torch.ones(()))
    assert (points * stride - keypoints).abs().max() <= stride / 2 + 1e-4


def test_unbiased_targets_keep_what_rounding_loses():
    keypoints = torch.rand(50, 17, 2, generator=torch.manual_seed(0)) * torch.tensor([150.0, 200.0]) + 20  # crop px
    errors = {}
    for unbiased in (False, True):
        maps, weights = heatmaps.encode(keypoints, torch.ones(50, 17), unbiased=unbiased)
        points, _ = heatmaps.decode(maps)
        errors[unbiased] = (points * 4 - keypoints).abs().max()
        assert weights.all()
    assert errors[True] <= 1.0 + 1e-4 and errors[False] > 1.9  # crop px: a quarter of a cell against a half
    x = torch.arange(48.0)
    maps, _ = heatmaps.encode(torch.tensor([[[100.8, 120.0]]]), torch.ones(1, 1), unbiased=True)
    assert torch.allclose(maps[0, 0, 30, 20:31], torch.exp(-((x - 25.2) ** 2) / 8)[20:31])  # the formula itself


def test_unlabelled_or_far_outside_gets_weight_0_and_an_empty_map():
    keypoints = torch.tensor([[[50.0, 50.0], [float("nan"), 0.0], [-500.0, 50.0], [191.0, 255.0]]])
    maps, weights = heatmaps.encode(keypoints, torch.tensor([[1.0, 0.0, 1.0, 2.0]]))
    assert weights.tolist() == [[1, 0, 0, 1]]
    assert maps[0, 1:3].abs().max() == 0 and maps.isfinite().all()


def test_merging_a_perfect_mirror_image_changes_nothing():
    keypoints = 4 * torch.randint(8, 40, (2, 17, 2), generator=torch.manual_seed(0)).float()
    maps, _ = heatmaps.encode(keypoints, torch.ones(2, 17))
    mirrored = maps.flip(-1)[:, torch.as_tensor(FLIP_ORDER)]
    assert torch.allclose(heatmaps.merge_flipped(maps, mirrored, shift=False), maps)
    assert not torch.allclose(heatmaps.merge_flipped(maps, mirrored, shift=True), maps)


def test_quarter_pixel_goes_toward_the_higher_neighbour():
    maps = torch.zeros(1, 1, 8, 8)
    maps[0, 0, 4, 3], maps[0, 0, 4, 2], maps[0, 0, 5, 3] = 1.0, 0.5, 0.2
    assert heatmaps.decode(maps)[0].tolist() == [[[2.75, 4.25]]]
    assert heatmaps.decode(maps, refine=None)[0].tolist() == [[[3.0, 4.0]]]


def test_loss_by_hand():
    predicted, target = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    predicted[0, 0, 0, 0], predicted[0, 1, 1, 1] = 2.0, 9.0
    assert heatmaps.heatmap_loss(predicted, target, torch.tensor([[1.0, 0.0]])) == 0.5 * 4 / 8


def test_everything_stays_on_its_device():
    """ "meta" tensors have a shape and a device, and no numbers: what would mix two devices fails on any machine."""
    keypoints = torch.zeros(2, 17, 2, device="meta")
    for unbiased in (False, True):
        maps, weights = heatmaps.encode(keypoints, np.ones((2, 17)), unbiased=unbiased)
        assert maps.shape == (2, 17, 64, 48) and weights.shape == (2, 17) and maps.is_meta and weights.is_meta
    for refine in (None, "quarter", "dark"):
        points, scores = heatmaps.decode(maps, refine)
        assert points.shape == (2, 17, 2) and scores.shape == (2, 17) and points.is_meta and scores.is_meta
    assert heatmaps.merge_flipped(maps, maps).is_meta and heatmaps.heatmap_loss(maps, maps, weights).is_meta
    assert heatmaps.pck(maps, maps)[0].is_meta


def test_keypoints_and_labels_must_fit():
    with pytest.raises(ValueError, match=r"do not fit: \(2, 17, 2\), \(2, 16\)"):
        heatmaps.encode(torch.zeros(2, 17, 2), torch.ones(2, 16))


def test_the_flip_test_shifts_unless_told_otherwise(golden):
    maps = as_tensor(golden, "flip_plain"), as_tensor(golden, "flip_mirrored")
    assert torch.equal(heatmaps.merge_flipped(*maps), heatmaps.merge_flipped(*maps, shift=True))


def test_unknown_refinement_is_refused():
    with pytest.raises(ValueError, match="'half'"):
        heatmaps.decode(torch.zeros(1, 1, 8, 8), refine="half")


def test_dark_finds_the_exact_top_of_a_gaussian():
    rng = np.random.default_rng(3)
    keypoints = torch.from_numpy(rng.uniform([12, 12], [180, 240], (20, 17, 2)))
    maps, _ = heatmaps.encode(keypoints, torch.ones(20, 17), unbiased=True)
    exact = (heatmaps.decode(maps, "dark")[0] - keypoints / 4).abs().max()
    rough = (heatmaps.decode(maps, "quarter")[0] - keypoints / 4).abs().max()
    assert exact < 1e-3 < 0.2 < rough
    wide, _ = heatmaps.encode(keypoints, torch.ones(20, 17), sigma=6.0, unbiased=True)
    assert (heatmaps.decode(wide, "dark")[0] - keypoints / 4).abs().max() < 1e-3


def test_dark_asks_nothing_of_a_map_without_a_peak():
    """A map whose highest value is 0 has no joint: its place stays the plain one."""
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(12.0), indexing="ij")
    below = -((x - 5.3) ** 2 + (y - 7.4) ** 2)[None, None]
    below -= below.max()
    (plain, score), (dark, _) = heatmaps.decode(below, None), heatmaps.decode(below, "dark")
    assert score.item() == 0 and torch.equal(plain, dark)


def test_dark_stays_put_where_there_is_no_top():
    maps = torch.zeros(1, 4, 8, 6)
    maps[0, 0, 0, 3] = 1.0  # at the border
    maps[0, 1] = -1.0  # nothing positive
    maps[0, 2] = 0.5  # flat
    maps[0, 3, 4, 2] = 1.0  # one cell alone
    points, scores = heatmaps.decode(maps, "dark")
    assert points[0].tolist() == [[3, 0], [0, 0], [0, 0], [2, 4]] and scores[0].tolist() == [1, -1, 0.5, 1]


def test_three_quarters_of_a_cell_align_a_map_with_its_mirror_image():
    from hpe_lib.skeleton import FLIP_ORDER

    keypoints = torch.tensor([[[float(20 + 8 * k), float(30 + 10 * k)] for k in range(17)]])  # (1, 17, 2) crop px
    swapped = torch.stack([191 - keypoints[..., 0], keypoints[..., 1]], dim=-1)[:, FLIP_ORDER]
    here, there = (heatmaps.encode(k, torch.ones(1, 17), unbiased=True)[0] for k in (keypoints, swapped))
    errors = {}
    for shift in (0, 0.5, 0.75, True):
        points, _ = heatmaps.decode(heatmaps.merge_flipped(here, there, shift), "dark")
        errors[shift] = float((points - keypoints / 4)[..., 0].abs().mean())
    assert min(errors, key=errors.get) == 0.75 and errors[0.75] < 0.02 < 0.1 < errors[True] < errors[0]


def test_width_of_the_gaussian_by_the_formula():
    for sigma in (1.5, 2.0, 3.0):
        maps, _ = heatmaps.encode(torch.tensor([[[80.0, 120.0]]]), torch.ones(1, 1), sigma=sigma)
        assert float(maps[0, 0, 30, 21]) == pytest.approx(np.exp(-1 / (2 * sigma**2)), abs=1e-6)
        assert maps[0, 0, 30, 20 + int(3 * sigma)] > 0 == maps[0, 0, 30, 21 + int(3 * sigma)]


def test_small_maps_are_decoded_or_refused():
    corner = torch.zeros(1, 1, 3, 3)
    corner[0, 0, 2, 2] = 1.0
    for refine in (None, "quarter", "dark"):
        assert heatmaps.decode(corner, refine)[0].tolist() == [[[2, 2]]]
    for shape in ((1, 1, 2, 8), (1, 1, 8, 2), (1, 8, 8)):
        with pytest.raises(ValueError, match="3 x 3 cells or more"):
            heatmaps.decode(torch.zeros(shape))
    assert heatmaps.decode(torch.ones(1, 1, 1, 2), refine=None)[0].tolist() == [[[0, 0]]]


@pytest.mark.parametrize("refine", ["quarter", "dark"])
def test_a_highest_value_of_zero_is_no_peak(refine):
    maps = torch.full((1, 1, 9, 9), -1.0)
    maps[0, 0, 4, 3:6] = torch.tensor([-0.5, 0.0, -0.2])
    assert heatmaps.decode(maps, refine)[0].tolist() == [[[0, 0]]]


def test_refinement_moves_every_cell_but_those_at_the_border():
    """quarter: not in the two outer rows on the left and at the top, and one on the other sides; dark: not in one."""
    width, height = 9, 7
    for x in range(width):
        for y in range(height):
            exact = torch.tensor([[[x + 0.2, y + 0.2]]])
            maps, _ = heatmaps.encode(exact, torch.ones(1, 1), (width, height), 1, unbiased=True)
            inside = 0 < x < width - 1 and 0 < y < height - 1
            moved = heatmaps.decode(maps, "dark")[0][0, 0].tolist()
            assert moved == pytest.approx([x + 0.2, y + 0.2] if inside else [x, y], abs=1e-3)
            movable = 1 < x < width - 1 and 1 < y < height - 1
            assert heatmaps.decode(maps)[0][0, 0].tolist() == ([x + 0.25, y + 0.25] if movable else [x, y])


def test_dark_on_low_and_on_slanted_peaks():
    low, _ = heatmaps.encode(torch.tensor([[[80.9, 120.9]]]), torch.ones(1, 1), unbiased=True)
    assert heatmaps.decode(0.01 * low, "dark")[0][0, 0].tolist() == pytest.approx([20.225, 30.225], abs=1e-3)
    logs = torch.tensor(
        [[-0.7, -0.2, -2.5], [-2.8, 0.0, -1.3], [-2.9, -0.1, -0.3]]
    )  # a ridge: the fit's top is far off
    for turned, moved in ((logs, [2, 2]), (logs.flip(0, 1), [0, 0])):  # at most one cell in each direction
        assert heatmaps.decode(turned.exp()[None, None], "dark")[0].tolist() == [[moved]]
    logs = torch.tensor([[0.0, -0.05, -2.0], [-0.05, 0.0, -0.1], [-2.0, -0.1, 0.0]]) - 0.01  # a saddle
    logs[1, 1] = 0
    assert heatmaps.decode(logs.exp()[None, None], "dark")[0].tolist() == [[[1, 1]]]


def test_pck_at_its_threshold():
    """On 20 x 40 cells: 1 cell to the side is 0.25, 2 are 0.5 and wrong; 1 cell down is 0.5 and wrong."""
    place = torch.tensor([[[8.0, 20.0]] * 4])
    found = place + torch.tensor([[1.0, 0], [2, 0], [0, 0], [0, 1]])
    maps = [heatmaps.encode(points, torch.ones(1, 4), (20, 40), 1)[0] for points in (found, place)]
    assert heatmaps.pck(*maps)[0].tolist() == [1, 0, 1, 0]
    place = torch.tensor([[[30.0, 30.0]] * 4])
    found = place + torch.tensor([[3.0, 0], [0, 3], [4, 0], [0, 4]])  # of 64 x 64: 0.47 and 0.63
    maps = [heatmaps.encode(points, torch.ones(1, 4), (64, 64), 1)[0] for points in (found, place)]
    assert heatmaps.pck(*maps)[0].tolist() == [1, 1, 0, 0]
    place = torch.tensor([[[30.0, 30.0], [29.8, 30]]])  # the bare argmax counts, 3 cells: not its refinement, 3.25
    found = torch.tensor([[[33.2, 30.0], [33, 30]]])
    maps = [heatmaps.encode(points, torch.ones(1, 2), (64, 64), 1, unbiased=True)[0] for points in (found, place)]
    assert heatmaps.pck(*maps)[0].tolist() == [1, 1]
