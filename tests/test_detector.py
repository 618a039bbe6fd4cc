"""The person detector: targets, loss, boxes and back, pictures of any shape, the shipped weights and their log."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hpe_lib import data, evaluate, geometry, models, predict, train
from hpe_lib.data.boxes import IGNORED, MOST, NOTHING, PERSON
from hpe_lib.predict import detect
from hpe_lib.train.center_loss import center_targets, focal_loss
from tests.conftest import shared

WEIGHTS = Path(models.__file__).parents[1] / "weights"
RECIPE = replace(
    train.RECIPES["quick"],
    model="center_detector",
    depth="tiny",
    loss="center_points",
    input_wh=(128, 96),
    batch_size=4,
    epochs=2,
    warmup_steps=0,
    augmentation=data.Augmentation(scale=0.4, color=0.25, erase_prob=0.5),
)


def padded(boxes, kinds):
    """Boxes and kinds of one picture as a batch of one, (1, MOST, 4) and (1, MOST)."""
    all_boxes, all_kinds = torch.zeros(1, MOST, 4), torch.full((1, MOST), NOTHING)
    all_boxes[0, : len(boxes)], all_kinds[0, : len(boxes)] = torch.tensor(boxes).view(-1, 4), torch.tensor(kinds)
    return all_boxes, all_kinds


def told(boxes, kinds, size=(20, 16), stride=8):
    """What a network that knows all would answer: outputs (1, 5, h, w)."""
    heat, numbers, _ = center_targets(*padded(boxes, kinds), size, stride)
    return torch.cat([torch.logit(heat[:, None].clamp(1e-4, 1 - 1e-4)), numbers], dim=1)


# Network


def test_the_network_answers_in_cells_of_its_stride():
    for stride in (4, 8, 16):
        network = models.build("center_detector", depth="tiny", channels=16, stride=stride).eval()
        images = torch.zeros(2, 3, 64, 96)
        assert network(images).shape == (2, 5, 64 // stride, 96 // stride) and network.stride == stride
        maps = network.heatmaps(images)
        assert maps.shape == (2, 1, 64 // stride, 96 // stride)
        assert torch.equal(maps, network(images)[:, :1].sigmoid())
    with pytest.raises(ValueError, match="stride is 4, 8 or 16 px a cell, got 7"):
        models.build("center_detector", stride=7)
    with pytest.raises(ValueError, match="four stages.*'cut50'"):
        models.build("center_detector", depth="cut50")


def test_at_first_no_cell_is_sure():
    torch.manual_seed(0)
    network = models.build("center_detector", depth="tiny").eval()
    assert network.center_head[-1].bias.item() == pytest.approx(np.log(0.1 / 0.9), abs=0.01)
    assert network.heatmaps(torch.zeros(1, 3, 64, 64)).max() < 0.3


def test_at_first_every_box_is_near_e_cells():
    torch.manual_seed(0)
    network = models.build("center_detector", depth="tiny")
    assert network.num_keypoints == 1 and network.input_wh == (320, 320)
    last = network.box_head[-1]
    assert (last.bias == 1).all() and last.weight.std().item() == pytest.approx(0.001, rel=0.2)


def test_far_cells_are_seen_through_the_coarse_stages():
    """A change at one end of a picture reaches the other end, by the stage of stride 32."""
    torch.manual_seed(0)
    network = models.build("center_detector", depth="tiny").eval()
    image = torch.zeros(1, 3, 128, 128)
    other = image.clone()
    other[..., :8] = 1
    with torch.no_grad():
        assert (network(image)[..., -1] != network(other)[..., -1]).any()


# Targets


def test_a_person_is_a_gaussian_round_the_cell_of_the_centre():
    """By hand: box 40, 24, 48, 64 px, stride 8: centre 64, 56 px = 8, 7 cells; sigma 0.09 * (6, 8) cells."""
    heat, numbers, counted = center_targets(*padded([[40, 24, 48, 64]], [PERSON]), (20, 16), 8)
    assert heat.shape == counted.shape == (1, 16, 20) and numbers.shape == (1, 4, 16, 20)
    assert heat[0, 7, 8] == 1 and (heat == 1).sum() == 1 and counted.all()
    assert heat[0, 7, 9].item() == pytest.approx(np.exp(-1 / (2 * 0.54**2)))
    assert heat[0, 8, 8].item() == pytest.approx(np.exp(-1 / (2 * 0.72**2)))
    np.testing.assert_allclose(numbers[0, :, 7, 8], [np.log(6), np.log(8), 0, 0], atol=1e-6)
    np.testing.assert_allclose(numbers[0, 2:, 9, 6], [2, -2], atol=1e-6)  # a neighbour points to the centre


def test_where_two_people_meet_the_nearer_one_is_meant():
    boxes = [[0, 0, 40, 80], [40, 0, 40, 120]]
    heat, numbers, _ = center_targets(*padded(boxes, [PERSON, PERSON]), (20, 16), 8)
    assert (heat == 1).sum() == 2
    assert numbers[0, 1, 5, 2].exp().item() == pytest.approx(10) and numbers[0, 1, 7, 7].exp().item() == pytest.approx(
        15
    )


def test_what_is_ignored_does_not_count_except_round_people():
    boxes, kinds = [[0, 0, 80, 128], [16, 32, 32, 64]], [IGNORED, PERSON]
    heat, _, counted = center_targets(*padded(boxes, kinds), (20, 16), 8)
    assert (heat == 1).sum() == 1 and heat[0, 8, 4] == 1
    assert counted[0, 8, 4] == 1 and counted[0, :, 10:].all() and counted[0, 15, :10].sum() == 0
    nobody, _, everywhere = center_targets(*padded([], []), (20, 16), 8)
    assert not nobody.any() and everywhere.all()


def test_a_centre_on_the_border_stays_inside():
    heat, _, _ = center_targets(*padded([[140, 100, 40, 56]], [PERSON]), (20, 16), 8)  # centre 160, 128 px
    assert heat[0, 15, 19] == 1


# Loss


def test_the_focal_loss_is_that_of_the_paper():
    """Equation 1 by hand: -(1 - p)^2 log p at a centre, -(1 - y)^4 p^2 log(1 - p) elsewhere, over the centres."""
    p, y = np.array([0.7, 0.2, 0.6, 0.4]), np.array([1.0, 1.0, 0.5, 0.0])
    each = np.where(y == 1, (1 - p) ** 2 * np.log(p), (1 - y) ** 4 * p**2 * np.log(1 - p))
    logits, heat = (torch.tensor(values).view(1, 1, 4) for values in (np.log(p / (1 - p)), y))
    assert focal_loss(logits, heat, torch.ones(1, 1, 4)).item() == pytest.approx(-each.sum() / 2)
    counted = torch.tensor([1.0, 1, 0, 1]).view(1, 1, 4)
    assert focal_loss(logits, heat, counted).item() == pytest.approx(-each[[0, 1, 3]].sum() / 2)
    empty = focal_loss(logits, torch.zeros(1, 1, 4), torch.ones(1, 1, 4)).item()
    assert empty == pytest.approx(-(p**2 * np.log(1 - p)).sum())  # divided by 1, not by 0 centres


def test_the_loss_of_what_is_right_is_small_and_ignored_regions_cost_nothing():
    boxes, kinds = [[16, 32, 32, 64], [80, 8, 70, 112]], [PERSON, IGNORED]
    batch = dict(zip(("boxes", "kinds"), padded(boxes, kinds))) | {
        "image": torch.zeros(1, 3, 128, 160, dtype=torch.uint8)
    }

    def loss_of(outputs):
        def model(images):
            return outputs

        model.stride = 8
        return train.center_points(model, batch, RECIPE)

    right = told(boxes, kinds)
    loss, numbers = loss_of(right)
    assert loss.item() < 0.05 and numbers["box"].item() == pytest.approx(0, abs=1e-5)
    assert loss.item() == pytest.approx(numbers["center"].item() + numbers["box"].item())
    found_in_crowd, found_outside, larger = right.clone(), right.clone(), right.clone()
    found_in_crowd[0, 0, 8, 14], found_outside[0, 0, 14, 5], larger[0, 1] = 5, 5, right[0, 1] + 0.5
    assert torch.equal(loss_of(found_in_crowd)[0], loss)
    assert loss_of(found_outside)[0] > loss + 1
    assert loss_of(larger)[1]["box"].item() == pytest.approx(0.5, abs=1e-5)


# Boxes


def test_targets_decode_to_the_boxes_they_were_made_of():
    boxes = [[16.5, 32, 32, 64], [70, 11, 80, 110], [8, 100, 20, 24]]
    found, scores = models.decode_boxes(told(boxes, [PERSON] * 3), 8)
    kept = found[0][scores[0] > 0.99].numpy()
    assert len(kept) == 3
    np.testing.assert_allclose(predict.box_iou(kept, boxes).max(axis=0), 1, atol=1e-4)


def test_only_peaks_score_and_the_best_come_first():
    outputs = told([[16, 32, 32, 64], [90, 11, 60, 110]], [PERSON, PERSON])
    outputs[0, 0, 7, 15] = 1.0  # lower than the other
    _, scores = models.decode_boxes(outputs, 8)
    assert scores.shape == (1, 100) and (scores.diff() <= 0).all()
    heat = outputs[0, 0].sigmoid()
    assert scores[0, 0] == heat.max() and heat[8, 4].item() in scores[0].tolist()
    assert heat[8, 5].item() not in scores[0].tolist()  # next to a centre
    assert models.decode_boxes(outputs[..., :3, :4], 8)[0].shape == (1, 12, 4)


def test_each_picture_of_a_batch_has_its_own_boxes():
    both = [told([[16, 32, 32, 64]], [PERSON]), told([[90, 11, 60, 110]], [PERSON])]
    for number, found in enumerate(models.decode_boxes(torch.cat(both), 8)):
        alone = [models.decode_boxes(one, 8)[number][0, 0] for one in both]
        assert torch.equal(found[:, 0], torch.stack(alone))


def test_a_bad_networks_boxes_stay_finite():
    outputs = torch.full((1, 5, 4, 4), 1000.0)
    found, _ = models.decode_boxes(outputs, 8)
    np.testing.assert_allclose(found[..., 2:], 8 * np.exp(8), rtol=1e-5)


def test_overlap_of_boxes_by_hand():
    iou = predict.box_iou([[0, 0, 10, 10], [0, 0, 0, 0]], [[0, 0, 10, 10], [5, 0, 10, 10], [20, 20, 5, 5]])
    np.testing.assert_allclose(iou, [[1, 50 / 150, 0], [0, 0, 0]])
    assert predict.box_iou(np.zeros((0, 4)), [[0, 0, 1, 1]]).shape == (0, 1)


def test_of_boxes_on_each_other_the_best_stays():
    boxes = [[0, 0, 10, 10], [1, 0, 10, 10], [30, 0, 10, 10], [2, 0, 10, 10]]
    assert predict.box_nms(boxes, [0.5, 0.9, 0.2, 0.8], 0.5).tolist() == [1, 2]
    assert predict.box_nms(boxes, [0.5, 0.9, 0.2, 0.8], 0.9).tolist() == [1, 3, 0, 2]
    assert predict.box_nms([], [], 0.5).tolist() == []


# Pictures


@pytest.mark.parametrize("image_wh", [(640, 480), (480, 640), (1, 1), (5000, 40), (40, 5000), (320, 320), (333, 999)])
def test_a_letterbox_leads_there_and_back(image_wh):
    matrix, input_wh = data.letterbox(image_wh, 320)
    assert max(input_wh) == 320 and not any(side % 32 for side in input_wh)
    corners = geometry.transform([(0, 0), image_wh], matrix)
    assert (corners >= -1e-6).all() and (corners <= np.array(input_wh) + 1e-6).all()
    assert (
        matrix[0, 0] == matrix[1, 1] == 320 / max(image_wh)
        and (np.array(input_wh) - np.ptp(corners, axis=0) < 32).all()
    )
    box = [[0.2 * image_wh[0], 0.1 * image_wh[1], 0.5 * image_wh[0], 0.7 * image_wh[1]]]
    there = data.move_boxes(box, matrix)
    np.testing.assert_allclose(data.move_boxes(there, geometry.invert(matrix)), box)
    np.testing.assert_allclose(there[0, 2:], 320 / max(image_wh) * np.array(box)[0, 2:])


def test_a_mirrored_box_keeps_its_size():
    np.testing.assert_allclose(data.move_boxes([[10, 20, 30, 40]], [[-2, 0, 100], [0, 2, 5]]), [[20, 45, 60, 80]])


def test_shrinking_averages_all_pixels():
    """Of a picture of fine stripes, grey is left; bilinear sampling alone would see some of the stripes."""
    stripes = np.zeros((64, 256, 3), np.uint8)
    stripes[:, ::4] = 200
    small = data.shrink(stripes, np.array([[0.25, 0, 0], [0, 0.25, 0]]), (64, 16))
    assert small.shape == (3, 16, 64) and abs(small[:, 2:-2, 2:-2].astype(int) - 50).max() <= 2
    place = np.zeros((64, 64, 3), np.uint8)
    place[40:44, 20:24] = 255  # its centre lies at 21.5, 41.5
    found = data.shrink(place, np.array([[0.25, 0, 0], [0, 0.25, 0]]), (16, 16))[0].astype(float)
    centre = np.array([(found.sum(axis) * np.arange(16)).sum() / found.sum() for axis in (0, 1)])
    np.testing.assert_allclose(centre, np.array([21.5, 41.5]) / 4, atol=0.05)


def test_pictures_list_all_people_and_ignore_crowds(tmp_path):
    person = {"keypoints": [0] * 51, "category_id": 1, "area": 5, "image_id": 1}
    people = [
        person | {"id": 1, "bbox": [10, 10, 20, 30]},
        person | {"id": 2, "bbox": [0, 0, 50, 20], "iscrowd": 1},
        person | {"id": 3, "bbox": [300, 300, 5, 5]},  # outside
    ]
    images = [{"id": number, "file_name": f"{number}.jpg", "width": 100, "height": 80} for number in (1, 2)]
    content = {"images": images, "annotations": people, "categories": [{"id": 1, "name": "person"}]}
    first, second = data.list_pictures(tmp_path, "val", data.read_annotations(content))
    assert first.kinds.tolist() == [PERSON, IGNORED] and second.boxes.shape == (0, 4) and second.image_id == 2
    assert first.file == tmp_path / "val2017" / "1.jpg" and first.image_wh == (100, 80)


def test_items_are_a_function_of_seed_epoch_and_picture(drawn):
    pictures = data.list_pictures(drawn, "train")
    dataset, again = (data.BoxDataset(pictures, (160, 128), RECIPE.augmentation) for _ in range(2))
    other = data.BoxDataset(pictures, (160, 128), RECIPE.augmentation, seed=1)
    for name in ("image", "boxes", "kinds"):
        assert torch.equal(dataset[3][name], again[3][name])
    before = dataset[3]["image"]
    assert not torch.equal(before, other[3]["image"])
    dataset.set_epoch(1)
    assert not torch.equal(before, dataset[3]["image"])
    dataset.set_epoch(0)
    assert torch.equal(before, dataset[3]["image"])


def test_boxes_go_where_the_picture_goes(tmp_path):
    """A white box on black is found again within its moved box, mirrored, scaled and cut."""
    image = np.zeros((120, 200, 3), np.uint8)
    image[30:80, 120:150] = 255
    Image.fromarray(image).save(tmp_path / "box.png")
    picture = data.Picture(tmp_path / "box.png", 1, (200, 120), np.array([[120.0, 30, 30, 50]]), np.array([PERSON]))
    change = replace(RECIPE.augmentation, color=0.0, erase_prob=0.0)
    dataset, seen, kinds = data.BoxDataset([picture], (128, 96), change), [], set()
    for epoch in range(60):
        dataset.set_epoch(epoch)
        item = dataset[0]
        (x, y, width, height), kind = item["boxes"][0].tolist(), item["kinds"][0].item()
        white = (item["image"][0] > 127).nonzero().numpy()
        kinds.add(kind)
        if kind == PERSON:
            low, high = white.min(axis=0)[::-1], white.max(axis=0)[::-1] + 1
            np.testing.assert_allclose([x, y, x + width, y + height], [*low, *high], atol=1.6)
            seen.append(width * height)
    assert max(seen) > 3 * min(seen) and PERSON in kinds


def test_people_of_whom_little_is_left_are_ignored():
    boxes = np.array([[10, 10, 40, 60], [-30, 10, 40, 60], [90, 10, 5, 6], [200, 0, 20, 20]], np.float64)
    picture = data.Picture(Path("none"), 1, (100, 100), boxes, np.full(4, PERSON))
    dataset = data.BoxDataset([picture], (100, 100))
    found, kinds = dataset.labels(picture, np.eye(2, 3))
    assert kinds[:4].tolist() == [PERSON, IGNORED, IGNORED, NOTHING] and found.shape == (MOST, 4)
    np.testing.assert_allclose(found[1], [0, 10, 10, 60])


def test_a_crowded_picture_keeps_the_largest():
    boxes = np.column_stack([np.arange(60.0), np.zeros(60), 10 + np.arange(60.0), np.full(60, 20.0)])
    picture = data.Picture(Path("none"), 1, (200, 200), boxes, np.full(60, PERSON))
    found, kinds = data.BoxDataset([picture], (200, 200)).labels(picture, np.eye(2, 3))
    assert (kinds == PERSON).sum() == MOST and found[0, 2] == 69 and found[:, 2].min() == 30


# Training


def test_it_trains_by_the_trainer_as_it_is_and_resumes(drawn, tmp_path):
    name, network = RECIPE.network

    def trainer():
        torch.manual_seed(0)
        dataset = data.BoxDataset(data.list_pictures(drawn, "train"), RECIPE.input_wh, RECIPE.augmentation)
        return train.Trainer(models.build(name, **network), dataset, RECIPE, device="cpu", precision="float32")

    whole = trainer()
    history = train.fit(whole, progress=False)
    assert history[-1]["loss"] < history[0]["loss"] and {"center", "box"} <= history[0].keys()
    part = trainer()
    part.epoch(progress=False)
    part.save(tmp_path)
    again = trainer()
    again.resume(tmp_path)
    again.epoch(progress=False)
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[key]), key
    assert models.load_model(tmp_path / "model.pt").input_wh == RECIPE.input_wh


# Measuring


def test_boxes_are_counted_at_a_threshold():
    boxes = np.array([[0.0, 0, 10, 10], [20, 0, 10, 10], [50, 50, 40, 40]])
    picture = data.Picture(Path("none"), 7, (100, 100), boxes, np.array([PERSON, PERSON, IGNORED]))
    found = [([0, 0, 10, 10], 0.9), ([1, 0, 10, 10], 0.8), ([60, 60, 10, 10], 0.7), ([0, 60, 10, 10], 0.6)]
    results = [{"image_id": 7, "category_id": 1, "bbox": box, "score": score} for box, score in found]
    assert evaluate.at_threshold([picture], results, 0.5) == {"recall": 0.5, "precision": 1 / 3, "false": 2}
    assert evaluate.at_threshold([picture], results, 0.85) == {"recall": 0.5, "precision": 1, "false": 0}
    assert evaluate.at_threshold([picture], [], 0.5)["recall"] == 0


def test_box_ap_of_true_boxes_is_one_and_of_nothing_zero(drawn):
    content = data.read_annotations(data.annotation_file(drawn, "val"))
    pictures = data.list_pictures(drawn, "val", content)
    truth = {str(one.file): one.boxes[one.kinds == PERSON] for one in pictures}
    whole = iter(pictures)

    def knows(image):
        boxes = truth[str(next(whole).file)]
        return boxes, np.ones(len(boxes))

    results = evaluate.box_results(pictures, knows)
    metrics = evaluate.box_metrics(content, results)
    assert metrics["AP50"] == pytest.approx(1, abs=0.02) and metrics["AP"] > 0.9  # boxes are cut to their pictures
    assert evaluate.box_metrics(content, [])["AP"] == 0


# The shipped detector


def test_pictures_of_any_shape_have_boxes_inside_them():
    rng = np.random.default_rng(0)
    shapes = [(1, 1), (2, 3), (40, 5000), (5000, 40), (31, 33), (200, 300)]
    for image in [
        *(np.full((*shape, 3), 120, np.uint8) for shape in shapes),
        rng.integers(0, 256, (90, 70, 3), np.uint8),
    ]:
        boxes, scores = predict.detect_people(image, threshold=0.0)
        assert boxes.shape == (len(scores), 4) and np.isfinite(boxes).all() and (np.diff(scores) <= 0).all()
        if len(boxes):
            assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] >= 1).all()
            assert ((boxes[:, :2] + boxes[:, 2:]) <= np.array(image.shape[1::-1]) + 1e-9).all()


def test_an_empty_picture_has_nobody():
    for grey in (0, 128, 255):
        boxes, scores = predict.detect_people(np.full((240, 320, 3), grey, np.uint8))
        assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_what_is_wrong_with_a_call_is_said():
    image = np.zeros((50, 50, 3), np.uint8)
    with pytest.raises(ValueError, match="no detector is called 'yolo': there are ours, fasterrcnn"):
        predict.detect_people(image, detector="yolo")
    with pytest.raises(ValueError, match="threshold is a score from 0 to 1, got 3"):
        predict.detect_people(image, threshold=3)
    with pytest.raises(ValueError, match="an image is a NumPy array"):
        predict.detect_people(image / 255)


def test_the_detector_is_loaded_once_and_small():
    assert detect.own_detector() is detect.own_detector() and not detect.own_detector().training
    assert (WEIGHTS / "people.pt").stat().st_size <= 6_000_000


def test_poses_need_pose_weights():
    with pytest.raises(ValueError, match="finds 1 keypoints, and a pose of COCO has 17"):
        predict.predict_image(models.load_model("people"), np.zeros((64, 64, 3), np.uint8))


def found_among(pictures):
    """COCO's box metrics, and what is found at the default threshold, of the shipped detector."""
    results = evaluate.box_results(pictures, partial(predict.find_people, threshold=0.01))
    return results, evaluate.at_threshold(pictures, results, detect.THRESHOLDS["ours"])


def test_people_on_photographs_that_were_not_learnt_are_found(photographs):
    """On 17 people of 8 photographs. Measured: AP50 0.77, recall 0.76, 0.38 other boxes a picture."""
    content = data.read_annotations(data.annotation_file(photographs, "val"))
    results, found = found_among(data.list_pictures(photographs, "val", content))
    assert evaluate.box_metrics(content, results)["AP50"] > 0.72
    assert found["recall"] > 0.7 and found["false"] < 0.5


def test_drawn_people_are_found():
    """On all 300 validation pictures: AP50 0.93, recall 0.92, 0.11 other boxes a picture."""
    root = data.find("synthetic")
    content = data.read_annotations(data.annotation_file(root, "val"))
    pictures = data.list_pictures(root, "val", content)[:40]
    results, found = found_among(pictures)
    ids = {picture.image_id for picture in pictures}
    content = content | {
        "images": [image for image in content["images"] if image["id"] in ids],
        "annotations": [one for one in content["annotations"] if one["image_id"] in ids],
    }
    assert evaluate.box_metrics(content, results)["AP50"] > 0.85
    assert found["recall"] > 0.85 and found["false"] < 0.25


@pytest.mark.slow
def test_the_detector_reaches_what_the_readme_promises():
    root = shared("data", "coco-cc")
    content = data.read_annotations(data.annotation_file(root, "val"))
    results, found = found_among(data.list_pictures(root, "val", content))
    metrics = evaluate.box_metrics(content, results)
    assert metrics["AP"] >= 0.20 and metrics["AP50"] >= 0.52
    assert found["recall"] >= 0.50 and found["false"] <= 0.76


def test_the_log_is_whole():
    log = pd.read_csv(WEIGHTS / "people.csv")
    assert log["stage"].tolist() == [1] * 10 + [2] and log["epoch"].tolist() == [*range(1, 11), 1]
    assert log["loss"].iloc[-1] < 0.6 * log["loss"].iloc[0]
    assert log["AP"].notna().tolist() == [False, True] * 5 + [True]
