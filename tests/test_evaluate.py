"""OKS, suppression, rescoring and COCO's ten numbers: against hand-made cases, pycocotools and the published code."""

import contextlib
import copy
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hpe_lib import data
from hpe_lib.evaluate import METRICS, average_precision, coco_metrics, oks, oks_nms, rescore, to_results
from hpe_lib.skeleton import OKS_SIGMAS
from tests.conftest import shared

BOTH = pytest.mark.parametrize("measure", [coco_metrics, average_precision])


def coco_object(dataset):
    coco = COCO()
    coco.dataset = dataset
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def official(coco, results):
    """pycocotools as its own users call it, on copies because it writes into its arguments."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = copy.deepcopy(coco)
        evaluation = COCOeval(coco, coco.loadRes(copy.deepcopy(results)), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(METRICS, evaluation.stats))


def annotation(number, image_id, keypoints, area=5000.0, iscrowd=0):
    keypoints = np.asarray(keypoints, dtype=float)
    corner, far = keypoints[:, :2].min(axis=0), keypoints[:, :2].max(axis=0)
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "bbox": [*corner.tolist(), *(far - corner).tolist()],
        "area": area,
        "iscrowd": iscrowd,
    }


def result(image_id, keypoints, score):
    return {
        "image_id": image_id,
        "category_id": 1,
        "keypoints": np.asarray(keypoints, dtype=float).ravel().tolist(),
        "score": score,
    }


def dataset(image_ids, annotations):
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in image_ids]
    return {"images": images, "categories": [{"id": 1, "name": "person"}], "annotations": annotations}


def pose(x=100.0, y=100.0, visibility=2.0):
    """Seventeen different points inside a box of 80 x 80 px with its corner near (x, y)."""
    index = np.arange(17)
    return np.stack([x + 20.0 * (index % 5), y + 20.0 * (index // 4), np.full(17, visibility)], axis=1)


def random_case(seed, kind):
    """A random data set and results: every kind has what it is named after, most have the others too."""
    rng = np.random.default_rng(seed)
    image_ids = rng.permutation(np.arange(1, 200))[:8].tolist()  # not sorted: pycocotools sorts them
    annotations, results = [], []
    for number, image_id in enumerate(image_ids):
        truths = []
        for _ in range(0 if number == 0 else rng.integers(1, 6)):
            side = np.exp(rng.uniform(2.5, 5.5))
            points = np.column_stack([rng.uniform(0, 300, 2) + rng.random((17, 2)) * side, rng.integers(0, 3, 17)])
            if rng.random() < (0.5 if kind == "unlabelled" else 0.1):
                points[:, 2] = 0
            area = rng.choice([1024.0, 9216.0]) if kind == "borders" and rng.random() < 0.6 else side**2 * 0.7
            crowd = int(rng.random() < (0.5 if kind == "crowds" else 0.1))
            truths.append(annotation(len(annotations) + 1, image_id, points, area, crowd))
            annotations.append(truths[-1])
            if kind == "twins":  # the same person labelled twice: equal OKS
                truths.append({**truths[-1], "id": len(annotations) + 1, "iscrowd": int(rng.random() < 0.3)})
                annotations.append(truths[-1])
        for _ in range(0 if number == 1 else rng.integers(22, 40) if kind == "many" else rng.integers(1, 12)):
            points = np.column_stack([rng.uniform(0, 300, 2) + rng.random((17, 2)) * 60, rng.random(17)])
            if truths and rng.random() < 0.85:
                truth = truths[rng.integers(len(truths))]
                points = np.array(truth["keypoints"]).reshape(17, 3)
                if kind == "exact":  # each point right or far away: OKS = n / m, often a threshold itself
                    points[rng.random(17) < rng.uniform(0, 0.6), :2] += 1e5
                else:
                    points[:, :2] += rng.normal(0, rng.choice([0.0, 0.03, 0.1]) * truth["area"] ** 0.5, (17, 2))
            score = {"equal scores": 0.5, "ties": rng.integers(4) / 4}.get(kind, rng.random())
            results.append(result(image_id, points, float(score)))
            if kind == "boxes":
                results[-1]["bbox"] = rng.uniform(5, 150, 4).tolist()
    rng.shuffle(results)
    return coco_object(dataset(image_ids, annotations)), results


KINDS = ("plain", "crowds", "unlabelled", "ties", "equal scores", "many", "twins", "borders", "exact", "boxes")


@pytest.mark.parametrize("kind", KINDS)
def test_ten_numbers_equal_pycocotools(kind):
    different = set()
    for seed in range(8):
        coco, results = random_case(seed, kind)
        expected = official(coco, results)
        assert coco_metrics(coco, results) == expected
        assert average_precision(coco, results) == pytest.approx(expected, abs=1e-9, rel=0)
        different.add(round(expected["AP"], 6))
    assert len(different) > 4  # the cases are not all the same one


@pytest.mark.parametrize("folder", ["photographs", pytest.param("coco-mini", marks=pytest.mark.slow)])
@pytest.mark.parametrize("split", ["val", "train"])
def test_ten_numbers_on_real_annotations(photographs, split, folder):
    root = photographs if folder == "photographs" else shared("data", folder)  # coco-mini has crowds too
    file = root / "annotations" / f"person_keypoints_{split}2017.json"
    rng = np.random.default_rng(7)
    results = []
    for person in json.loads(file.read_text())["annotations"]:
        for _ in range(rng.integers(1, 9)):
            points = np.array(person["keypoints"], dtype=float).reshape(17, 3)
            points[:, :2] += rng.normal(0, rng.choice([0.01, 0.05, 0.15]) * person["area"] ** 0.5, (17, 2))
            results.append(result(person["image_id"], points, round(rng.random(), 1)))
    with contextlib.redirect_stdout(io.StringIO()):
        expected = official(COCO(str(file)), results)
    assert 0.05 < expected["AP"] < 0.95
    assert coco_metrics(file, results) == expected
    assert average_precision(str(file), results) == pytest.approx(expected, abs=1e-9, rel=0)


def test_oks_by_hand():
    truth, area = pose(), 5000.0
    moved = truth[:, :2] + [3.0, 4.0]  # each point 5 px away
    expected = np.mean(np.exp(-25 / (2 * area * (2 * OKS_SIGMAS) ** 2)))
    assert oks(truth, area, truth[None]) == pytest.approx([1.0], abs=1e-12)
    assert oks(truth, area, np.stack([truth[:, :2], moved])) == pytest.approx([1.0, expected], abs=1e-12)
    # one sigma-scaled unit: d = 2 sigma sqrt(area) at every keypoint gives exp(-1/2)
    unit = truth[:, :2] + np.column_stack([2 * OKS_SIGMAS * area**0.5, np.zeros(17)])
    assert oks(truth, area, unit[None]) == pytest.approx([np.exp(-0.5)], abs=1e-12)


def test_oks_counts_labelled_keypoints_only():
    truth = pose()
    truth[:4, 2] = [0, 0, 1, 1]  # v = 1, hidden but labelled, counts
    wrong = truth.copy()
    wrong[:3, :2] += 1e4
    assert oks(truth, 5000.0, wrong[None]) == pytest.approx([14 / 15], abs=1e-12)
    with pytest.raises(ValueError, match="without labelled keypoints"):
        oks(pose(visibility=0), 5000.0, wrong[None])
    with pytest.raises(ValueError, match=r"poses \(M, 17, 2 or more\)"):
        oks(truth, 5000.0, truth)
    assert oks(truth, 5000.0, np.zeros((0, 17, 3))).shape == (0,)


def test_oks_of_integers_and_of_a_person_without_area():
    truth, moved = pose().astype(np.uint8), pose().astype(np.uint8)[None]
    moved[..., 0] -= 1  # bytes cannot hold the difference -1
    assert oks(truth, 5000, moved) == pytest.approx(oks(pose(), 5000.0, pose()[None] - [1, 0, 0]), abs=1e-12)
    assert oks(truth, 0, np.stack([truth, moved[0]])).tolist() == [1, 0]


def test_oks_equals_pycocotools():
    rng = np.random.default_rng(3)
    evaluation = COCOeval(iouType="keypoints")
    for _ in range(50):
        truth = np.column_stack([rng.random((17, 2)) * 100, rng.integers(0, 3, 17)])
        truth[0, 2] = 2
        poses, area = truth + rng.normal(0, 6, (9, 17, 3)), rng.uniform(0, 9000)
        evaluation._gts = {(1, 1): [{"keypoints": truth.ravel().tolist(), "bbox": [0, 0, 1, 1], "area": area}]}
        evaluation._dts = {(1, 1): [{"keypoints": p.ravel().tolist(), "score": 1} for p in poses]}
        assert np.abs(oks(truth, area, poses) - evaluation.computeOks(1, 1)[:, 0]).max() < 1e-12


def test_average_precision_by_hand():
    people = [annotation(i + 1, 1, pose(x=300.0 * i)) for i in range(5)]
    nowhere = pose(y=5000.0)
    found = [pose(x=0.0), nowhere, pose(x=600.0), pose(x=1200.0), nowhere]
    results = [result(1, points, 0.9 - 0.1 * i) for i, points in enumerate(found)]
    # right, wrong, right, right, wrong: precision 1 up to recall 1/5, then 3/4 up to recall 3/5, then 0
    expected = {**dict.fromkeys(METRICS, (21 * 1 + 40 * 3 / 4) / 101), "APL": -1.0, "ARL": -1.0}
    expected |= dict.fromkeys(("AR", "AR50", "AR75", "ARM"), 3 / 5)
    for measure in (coco_metrics, average_precision):
        numbers = measure(coco_object(dataset([1], people)), results)
        assert numbers == pytest.approx(expected, abs=1e-12)
        assert tuple(numbers) == METRICS
        assert {type(value) for value in numbers.values()} == {float}


@BOTH
def test_threshold_itself_is_reached(measure):
    truth, found = pose(), pose()
    truth[4:, 2] = 0
    found[0, :2] += 1e5  # three of four labelled points right: OKS = 0.75
    numbers = measure(coco_object(dataset([1], [annotation(1, 1, truth, area=20000.0)])), [result(1, found, 0.3)])
    assert numbers["AP"] == numbers["APL"] == pytest.approx(6 / 10)  # .50 .55 .60 .65 .70 .75
    assert numbers["AP75"] == pytest.approx(1)
    assert numbers["APM"] == -1


@BOTH
def test_crowds_and_unlabelled_people_are_ignored(measure):
    people = [
        annotation(1, 1, pose(0)),
        annotation(2, 1, pose(400, visibility=0)),
        annotation(3, 1, pose(800, visibility=0), iscrowd=1),
    ]
    coco = coco_object(dataset([1], people))
    on_crowd = [result(1, pose(800), 0.9), result(1, pose(810), 0.8)]  # a crowd takes any number
    assert measure(coco, [*on_crowd, result(1, pose(400), 0.7), result(1, pose(0), 0.6)])["AP"] == pytest.approx(1)
    twice = measure(coco, [result(1, pose(400), 0.9), result(1, pose(400), 0.8), result(1, pose(0), 0.6)])
    assert twice["AP"] == pytest.approx(1 / 2)  # a person without keypoints takes one only


@BOTH
def test_a_wrong_pose_counts_in_every_range_that_holds_its_area(measure):
    """32 x 32 px is medium, 96 x 96 px is medium and large; what lies outside a range is no mistake there."""
    people = [annotation(1, 1, pose(), area=5000.0), annotation(2, 1, pose(400), area=10000.0)]
    right = [result(1, pose(), 0.5), result(1, pose(400), 0.5)]
    corners = np.tile([[0.0, 0, 2], [1, 1, 2]], (9, 1))[:17]
    for side, medium, large in ((31, 1, 1), (32, 0.5, 1), (96, 0.5, 0.5), (97, 1, 0.5)):
        wrong = corners * [side, side, 1] + [5000, 5000, 0]
        numbers = measure(coco_object(dataset([1], people)), [*right, result(1, wrong, 0.9)])
        assert (numbers["APM"], numbers["APL"]) == pytest.approx((medium, large)), side


@BOTH
def test_a_person_of_half_a_square_pixel_is_in_the_range_of_all(measure):
    tiny = coco_object(dataset([1], [annotation(1, 1, pose(), area=0.5)]))
    assert measure(tiny, [result(1, pose(), 0.5)])["AP"] == pytest.approx(1)


@BOTH
def test_only_twenty_detections_count(measure):
    coco = coco_object(dataset([1], [annotation(1, 1, pose())]))
    wrong = [result(1, pose(y=5000.0), 0.9) for _ in range(20)]
    assert measure(coco, [*wrong, result(1, pose(), 0.8)])["AR"] == 0
    assert measure(coco, [*wrong[1:], result(1, pose(), 0.8)])["AR"] == 1


@BOTH
def test_empty_results_and_empty_bins(measure):
    small = coco_object(dataset([1, 2], [annotation(1, 1, pose(), area=500.0)]))
    numbers = measure(small, [])
    assert all(numbers[name] == (-1 if name[-1] in "ML" else 0) for name in METRICS)
    assert set(measure(coco_object(dataset([1], [])), [result(1, pose(), 0.5)]).values()) == {-1}
    assert set(measure(coco_object(dataset([1], [])), []).values()) == {-1}


@BOTH
def test_arguments_stay_as_they_were(measure, capsys):
    coco, results = random_case(1, "plain")
    before = copy.deepcopy((coco.dataset, coco.anns, coco.imgs, results))
    measure(coco, results)
    assert (coco.dataset, coco.anns, coco.imgs, results) == before
    assert capsys.readouterr() == ("", "")


@BOTH
def test_file_and_object_and_array_give_the_same(measure, tmp_path):
    coco, results = random_case(2, "plain")
    file = tmp_path / "Personen mit Lücke.json"
    file.write_text(json.dumps(coco.dataset))
    arrays = [{**r, "keypoints": np.array(r["keypoints"])} for r in results]
    assert measure(file, arrays) == measure(str(file), results) == measure(coco, results)


def changed(item, **fields):
    return {key: value for key, value in {**item, **fields}.items() if value is not None}


GOOD = result(1, pose(), 0.5)
BAD_RESULTS = [
    ([GOOD, changed(GOOD, score=None)], r"result 1 \(image 1\) has no 'score'"),
    ([GOOD, changed(GOOD, keypoints=None)], r"result 1 \(image 1\) has no 'keypoints'"),
    ([GOOD, changed(GOOD, keypoints=[0.0] * 34)], r"result 1 \(image 1\): keypoints must be 51 finite numbers"),
    ([changed(GOOD, keypoints=[0.0] * 102)], r"result 0 \(image 1\): keypoints must be 51 finite numbers"),
    ([changed(GOOD, keypoints=[0.0] * 50 + [float("nan")])], r"result 0 \(image 1\): keypoints must be 51 finite"),
    ([GOOD, changed(GOOD, score=float("inf"))], r"result 1 \(image 1\): score must be 1 finite number;"),
    ([GOOD, changed(GOOD, score="high")], r"result 1 \(image 1\): score must be 1 finite number;"),
    ([changed(GOOD, bbox=[0, 0, 1, 1]), GOOD], r"result 1 \(image 1\) has no 'bbox'"),
    ([changed(GOOD, bbox=[0, 0, 1])], r"result 0 \(image 1\): bbox must be 4 finite numbers"),
    ([GOOD, changed(GOOD, category_id=2)], r"result 1 \(image 1\): category_id must be 1"),
    ([GOOD, changed(GOOD, image_id=77), changed(GOOD, image_id="x")], r"2 image id\(s\).*: 77, x; give .*same split"),
    ([changed(GOOD, image_id=None)], r"1 image id\(s\).*: None"),
    ({"annotations": []}, "results must be a list of dicts"),
    ([[1, 2]], "results must be a list of dicts"),
]


@BOTH
@pytest.mark.parametrize(("results", "message"), BAD_RESULTS)
def test_bad_results_are_named(measure, results, message):
    with pytest.raises(ValueError, match=message):
        measure(coco_object(dataset([1, 3], [annotation(5, 1, pose())])), results)


PERSON = annotation(5, 3, pose())
BAD_ANNOTATIONS = [
    ([PERSON, changed(PERSON, id=6, keypoints=None)], r"annotation 6 of image 3 has no 'keypoints'"),
    ([changed(PERSON, keypoints=[1.0] * 50)], r"annotation 5 of image 3: keypoints must be 51 finite numbers"),
    ([changed(PERSON, keypoints=[1.0] * 50 + [float("nan")])], r"annotation 5 of image 3: keypoints must be 51"),
    ([changed(PERSON, bbox=[1.0, 2.0])], r"annotation 5 of image 3: bbox must be 4 finite numbers"),
    ([changed(PERSON, area=float("nan"))], r"annotation 5 of image 3: area must be 1 finite number;"),
    ([changed(PERSON, id=0)], r"annotation 0 of image 3: ids must differ, and none may be 0"),
    ([PERSON, PERSON], r"annotation 5 of image 3: ids must differ"),
    ([changed(PERSON, category_id=9)], r"annotation 5 of image 3: needs .* category_id"),
    ([changed(PERSON, image_id=None)], r"annotation 5 of image None: that image is not in the file"),
]


@BOTH
@pytest.mark.parametrize(("annotations", "message"), BAD_ANNOTATIONS)
def test_bad_annotations_are_named(measure, annotations, message):
    damaged = COCO()  # not indexed: pycocotools itself would stop there
    damaged.dataset = dataset([1, 3], annotations)
    with pytest.raises(ValueError, match=message):
        measure(damaged, [])


@BOTH
def test_bad_files_are_named(measure, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json: no such file"):
        measure(tmp_path / "nothing.json", [])
    for text, message in [
        ('{"images": [', "not a JSON file"),
        ("[]", "not COCO keypoint annotations, the list 'images' is missing"),
        ('{"images": [{"id": 1}], "annotations": []}', "the list 'categories' is missing"),
        ('{"images": [{"name": 1}], "annotations": []}', "an entry of 'images' has no id"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "at least one image"),
        ('{"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1}, {"id": 2}]}', "exactly one category"),
    ]:
        file = tmp_path / "damaged.json"
        file.write_text(text)
        with pytest.raises(ValueError, match=r"damaged\.json: .*" + message):
            measure(file, [])


def test_num_keypoints_and_iscrowd_may_be_missing():
    coco, results = random_case(4, "unlabelled")
    for person in coco.dataset["annotations"]:
        person["iscrowd"] = 0
    expected = official(coco, results)
    bare = copy.deepcopy(coco)
    for person in bare.dataset["annotations"]:
        del person["num_keypoints"], person["iscrowd"]
    assert coco_metrics(bare, results) == expected
    assert average_precision(bare, results) == pytest.approx(expected, abs=1e-9)


def test_nms_by_hand():
    poses = np.stack([pose(0), pose(0), pose(500), pose(1)])[..., :2]
    areas = np.full(4, 5000.0)
    kept = oks_nms(poses, np.array([0.2, 0.7, 0.5, 0.9]), areas)
    assert kept.tolist() == [3, 2]
    assert kept.dtype.kind == "i"
    with_scores = np.concatenate([poses, np.random.default_rng(0).random((4, 17, 1)) * 1e3], axis=2)  # a third number
    assert oks_nms(with_scores, np.array([0.2, 0.7, 0.5, 0.9]), areas).tolist() == [3, 2]  # does not matter
    assert oks_nms(poses, np.full(4, 0.5), areas).tolist() == [0, 2]  # equal scores: the earlier first
    assert oks_nms(poses[:0], [], []).tolist() == oks_nms([], [], []).tolist() == []
    assert oks_nms([], [], []).dtype.kind == "i"
    small = np.stack([pose(0), pose(0), pose(101), pose(1)])[..., :2].astype(np.uint8)  # of whole numbers, and lists
    assert oks_nms(small, [0.2, 0.7, 0.5, 0.9], np.full(4, 200, np.uint8), 0.7).tolist() == [3, 2]
    assert oks_nms(small.astype(float), [0.2, 0.7, 0.5, 0.9], [200.0] * 4, 0.7).tolist() == [3, 2]
    # OKS equal to the threshold is not above it: 16 of 17 points agree exactly
    pair = np.stack([pose(0), pose(0)])[..., :2]
    pair[1, :1] += 1e6
    assert oks_nms(pair, [0.9, 0.8], [5000.0, 5000.0], threshold=16 / 17).tolist() == [0, 1]
    assert oks_nms(pair, [0.9, 0.8], [5000.0, 5000.0], threshold=15.9 / 17).tolist() == [0]


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9])
def test_nms_equals_the_plain_loop(threshold):
    rng = np.random.default_rng(5)
    for _ in range(10):
        centres = pose()[:, :2] + rng.uniform(0, 60, (3, 1, 2))
        poses = centres[rng.integers(3, size=20)] + rng.normal(0, 4, (20, 17, 2))
        scores, areas = rng.integers(0, 12, 20) / 12, rng.uniform(500, 9000, 20)
        kept = []
        for i in sorted(range(20), key=lambda i: (-scores[i], i)):
            distance = [((poses[i] - poses[j]) ** 2).sum(axis=1) for j in kept]
            spread = [(areas[i] + areas[j]) * (2 * OKS_SIGMAS) ** 2 for j in kept]
            if all(np.exp(-d / s).mean() <= threshold for d, s in zip(distance, spread)):
                kept.append(i)
        assert oks_nms(poses, scores, areas, threshold).tolist() == kept


def test_poses_become_results_scored_again_and_once_a_person():
    box = np.array([100.0, 100, 80, 80])
    people = [data.Person("1.jpg", image, 7, box, pose(), score) for image, score in ((5, 0.4), (5, 0.8), (6, 0.5))]
    poses = np.stack([pose(visibility=height) for height in (0.5, 0.5, 0.7)])
    results = to_results(people, poses)
    assert [(one["image_id"], one["category_id"]) for one in results] == [
        (5, 1),
        (6, 1),
    ]  # of two of image 5 the better
    assert [one["score"] for one in results] == pytest.approx([0.8 * 0.5, 0.5 * 0.7])
    np.testing.assert_array_equal([one["keypoints"] for one in results], poses[1:].reshape(2, 51))
    assert len(to_results(people, poses, nms=1.0)) == 3  # nothing is more alike than that
    assert to_results([], np.zeros((0, 17, 3))) == []


def test_rescore_by_hand():
    keypoint_scores = np.array([[0.9, 0.5, 0.1], [0.2, 0.2, 0.1], [0.6, 0.1, 0.1]])  # 0.2 is not above 0.2
    assert rescore(np.array([0.5, 0.9, 0.5]), keypoint_scores) == pytest.approx([0.5 * 0.7, 0.0, 0.3])
    assert rescore([1.0, 1.0, 1.0], keypoint_scores, threshold=0.0) == pytest.approx([0.5, 0.5 / 3, 0.8 / 3])


def test_rescore_counts_in_double_precision():
    low = np.random.default_rng(0).random((50, 17)).astype(np.float32)
    assert np.array_equal(rescore(np.ones(50), low), rescore(np.ones(50), low.astype(np.float64)))


def test_golden_nms_and_rescore(golden):
    scores = rescore(golden["nms_box_scores"], golden["nms_keypoint_scores"])
    assert np.abs(scores - golden["nms_scores"]).max() < 1e-12
    for threshold, name in ((0.9, "nms_keep_090"), (0.5, "nms_keep_050")):
        kept = oks_nms(golden["nms_poses"], scores, golden["nms_areas"], threshold)
        assert kept.tolist() == golden[name].tolist()
