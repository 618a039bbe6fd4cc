import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import ResNet50_Weights

from hpe_lib import data, geometry, synthetic
from hpe_lib.data import __main__ as command_line
from hpe_lib.data import crops
from hpe_lib.skeleton import FLIP_ORDER

HUMAN = [value for index in range(17) for value in (100 + index, 50 + 2 * index, 2)]


def write(folder, annotations=None, images=None, split="val"):
    """A COCO folder of one black 640 x 480 picture."""
    for name in ("annotations", f"{split}2017"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (640, 480)).save(folder / f"{split}2017" / "000000000001.jpg")
    content = {
        "images": images or [{"id": 1, "file_name": "000000000001.jpg", "width": 640, "height": 480}],
        "annotations": annotations if annotations is not None else [person()],
        "categories": [{"id": 1, "name": "person"}],
    }
    file = data.annotation_file(folder, split)
    file.write_text(json.dumps(content))
    return file


def person(**changes):
    full = {"id": 7, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 900.0, "bbox": [90, 40, 50, 60]}
    return full | {"keypoints": HUMAN, "num_keypoints": 17} | changes


@pytest.mark.parametrize("name", ["a folder with spaces", "Позы людини", "姿勢"])
def test_any_folder_name_works(tmp_path, name):
    write(tmp_path / name)
    root = data.find(str(tmp_path / name))
    item = data.CropDataset(data.persons(root, "val"))[0]
    assert item["image"].shape == (3, 256, 192) and item["labelled"].sum() == 17


def test_hpe_data_names_the_folder(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setenv("HPE_DATA", str(tmp_path))
    assert data.find() == tmp_path


def test_built_in_data_is_drawn_once_into_the_cache(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.delenv("HPE_DATA", raising=False)
    monkeypatch.setenv("HPE_CACHE", str(tmp_path))
    (tmp_path / f"synthetic-v{synthetic.VERSION}").mkdir()  # an empty folder, as a broken clean-up leaves it
    monkeypatch.setattr(
        synthetic.dataset, "_build", lambda root, settings, *_: drawn.append(root) or whole(root, settings)
    )
    root = data.find()
    assert root == data.find("synthetic") and root.parent == tmp_path and (root / "synthetic.json").is_file()
    assert len(drawn) == 1


def whole(root, settings):
    """What marks a drawn data set as whole."""
    root.mkdir()
    (root / "synthetic.json").write_text(json.dumps(settings))


def test_wrong_folders_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.*give a COCO folder"):
        data.find(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="has no annotations/person_keypoints_val2017.json"):
        data.find(tmp_path)
    with pytest.raises(FileNotFoundError, match="person_keypoints_train2017.json"):
        data.persons(write(tmp_path).parents[1], "train")


@pytest.mark.parametrize(
    "text, words", [("{broken", "not a JSON file"), ("[1, 2]", "not COCO"), ("{}", "'images' is missing")]
)
def test_json_that_is_not_coco(tmp_path, text, words):
    file = write(tmp_path)
    file.write_text(text)
    with pytest.raises(ValueError, match=words) as error:
        data.read_annotations(file)
    assert str(file) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"keypoints": HUMAN[:-1]}, "of image 1: keypoints must be 51 finite numbers"),
        ({"keypoints": None}, "of image 1: keypoints must be 51 finite numbers"),
        ({"keypoints": [float("nan"), *HUMAN[1:]]}, "of image 1: keypoints must be 51 finite numbers"),
        ({"keypoints": ["x", *HUMAN[1:]]}, "of image 1: keypoints must be 51 finite numbers"),
        ({"bbox": [1, 2, 3]}, "of image 1: bbox must be 4 finite numbers"),
        ({"bbox": [1, 2, 3, float("inf")]}, "of image 1: bbox must be 4 finite numbers"),
        ({"image_id": 99}, "of image 99: that image is not in the file"),
    ],
)
def test_a_broken_annotation_is_named(tmp_path, changes, words):
    file = write(tmp_path, [person(), person(**{"id": 8} | changes)])
    with pytest.raises(ValueError, match=f"annotation 8 {words}") as error:
        data.persons(tmp_path, "val")
    assert str(file) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "box", [[700, 10, 50, 50], [10, 10, 0, 50], [10, 500, 50, 50], [10, 10, 1, 50], [10, 10, 50, 1]]
)
def test_boxes_without_a_part_in_the_image_are_left_out_with_a_warning(tmp_path, box):
    write(tmp_path, [person(), person(id=8, bbox=box)])
    with pytest.warns(UserWarning, match="1 people left out.*annotation 8"):
        assert [someone.annotation_id for someone in data.persons(tmp_path, "val")] == [7]


def test_people_left_out_are_counted_and_five_of_them_named(tmp_path):
    lost = [person(id=number, area=0) for number in range(20, 26)]
    for count, names in ((5, "20, 21, 22, 23, 24"), (6, "20, 21, 22, 23, 24 ...")):
        write(tmp_path, [person(), *lost[:count]])
        with pytest.warns(UserWarning) as caught:
            assert len(data.persons(tmp_path, "val")) == 1
        assert str(caught[0].message).startswith(f"{count} people left out") and caught[0].filename == __file__
        assert str(caught[0].message).endswith(f"(annotation {names})")


def test_the_smallest_of_people_are_listed_with_all_that_is_known(tmp_path):
    file = write(tmp_path, [person(area=0.5, bbox=[90, 40, 2, 2]), person(id=9)])
    found = data.persons(tmp_path, "val")
    assert [one.annotation_id for one in found] == [7, 9] and found[0].box.tolist() == [90, 40, 1, 1]
    assert found[0].score == 1 and found[0].image_wh == (640, 480) and found[0].image_id == 1
    np.testing.assert_array_equal(found[0].keypoints.ravel(), HUMAN)
    part = data.read_annotations(file)
    part["annotations"] = part["annotations"][1:]
    del part["annotations"][0]["area"]
    assert [one.annotation_id for one in data.persons(tmp_path, "val", part)] == [9]  # of what is given, not the file's


def test_only_labelled_people_who_are_no_crowd_are_listed(tmp_path):
    nobody = person(id=9, keypoints=[0] * 51, num_keypoints=0)
    write(tmp_path, [person(), person(id=8, iscrowd=1), nobody])
    assert [someone.annotation_id for someone in data.persons(tmp_path, "val")] == [7]


def test_an_image_without_people_is_no_problem(tmp_path):
    write(tmp_path, [])
    assert data.persons(tmp_path, "val") == []


def test_boxes_are_cut_to_their_image():
    assert data.clean_box([10, 5, 30, 20], 640, 480).tolist() == [10, 5, 29, 19]  # as the official code does
    assert data.clean_box([-10, 5, 30, 20], 640, 480).tolist() == [0, 5, 19, 19]  # which would move it inside
    assert data.clean_box([-40, 5, 30, 20], 640, 480) is None
    assert data.clean_box([600, 400, 100, 100], 640, 480).tolist() == [600, 400, 39, 79]
    assert data.clean_box([700, 400, 100, 100], 640, 480) is None


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA", "I;16"])
def test_pictures_of_every_kind_are_read_as_rgb(tmp_path, mode):
    file = tmp_path / ("picture.jpg" if mode in ("L", "CMYK") else "picture.png")
    Image.new(mode, (5, 4)).save(file)
    image = data.read_image(file)
    assert image.shape == (4, 5, 3) and image.dtype == np.uint8


def test_damaged_pictures_are_named(tmp_path):
    good = tmp_path / "good.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)).save(good)
    (tmp_path / "short.jpg").write_bytes(good.read_bytes()[:2000])
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.jpg").touch()
    for name in ("short.jpg", "text.jpg", "empty.jpg"):
        with pytest.raises(ValueError, match=f"{name} is not a readable image"):
            data.read_image(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="missing.jpg"):
        data.read_image(tmp_path / "missing.jpg")


def test_detections_are_read_and_checked(tmp_path):
    write(tmp_path)
    file = tmp_path / "boxes.json"
    entry = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5}
    none = [
        entry | {"category_id": 3},
        *(entry | {"bbox": box} for box in ([999, 0, 5, 5], [1, 2, 1, 9], [1, 2, 9, 1])),
    ]
    file.write_text(json.dumps([entry, *none, entry | {"bbox": [1, 2, 2, 2]}]))
    people = data.detected_persons(tmp_path, "val", file)
    assert len(people) == 2 and people[0].score == 0.5 and people[0].box.tolist() == [1, 2, 29, 39]
    assert people[1].box.tolist() == [1, 2, 1, 1] and people[1].annotation_id == 5 and people[1].image_id == 1
    assert people[0].keypoints.shape == (17, 3) and not people[0].keypoints.any() and people[0].file.is_file()
    content = {"images": [{"id": 1, "file_name": "1.jpg", "width": 20, "height": 480}], "annotations": []}
    given = data.detected_persons(tmp_path, "val", file, content)
    assert given[0].box.tolist() == [1, 2, 18, 39]  # the picture is 20 px wide in what is given
    for bad, words in (([entry | {"image_id": 5}], "image 5"), ([{}], "entry 0"), ({"a": 1}, "not a list")):
        file.write_text(json.dumps(bad))
        with pytest.raises(ValueError, match=words):
            data.detected_persons(tmp_path, "val", file)


def test_warp_is_a_bilinear_interpolation_on_integer_pixel_centres():
    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    matrix = geometry.crop_matrix((40, 30), (36, 48), (96, 128), rotation=25)
    crop = data.warp(image, matrix, (96, 128))
    columns, rows = np.meshgrid(np.arange(96), np.arange(128))
    where = geometry.transform(np.stack([columns, rows], -1), geometry.invert(matrix))  # (128, 96, 2) image px
    grid = torch.from_numpy(where / [79, 59] * 2 - 1).float()[None]  # -1 and 1 are the centres of the corner pixels
    pixels = torch.from_numpy(image.transpose(2, 0, 1).copy()).float()[None]
    reference = torch.nn.functional.grid_sample(pixels, grid, align_corners=True)[0].numpy().transpose(1, 2, 0)
    inside = ((where > 0) & (where < [79, 59])).all(-1)
    assert inside.mean() > 0.4 and (crop[(where < -1).any(-1)] == 0).all()
    assert np.abs(crop[inside] - reference[inside]).max() < 0.51  # grey levels: half a level is lost by rounding


def test_identity_crop_is_the_image_itself():
    image = np.random.default_rng(0).integers(0, 255, (48, 36, 3), dtype=np.uint8)
    assert np.array_equal(data.warp(image, np.eye(2, 3), (36, 48)), image)


def test_a_choice_of_images_becomes_a_folder_of_its_own(drawn, tmp_path):
    train, val = (data.read_annotations(data.annotation_file(drawn, split)) for split in ("train", "val"))
    ids = [train["images"][2]["id"], val["images"][1]["id"], val["images"][0]["id"]]
    (listed := tmp_path / "list.csv").write_text(f"id,split\n{ids[0]},val\n{ids[1]},train\n{ids[2]},train\n")
    command_line.pick(drawn, listed, tmp_path / "chosen")
    assert [person.image_id for person in data.persons(tmp_path / "chosen", "val")] == [
        person.image_id for person in data.persons(drawn, "train") if person.image_id == ids[0]
    ]
    assert sorted(file.name for file in (tmp_path / "chosen" / "train2017").iterdir()) == sorted(
        image["file_name"] for image in val["images"][:2]
    )
    assert any("2 images" in line for line in command_line.check(tmp_path / "chosen"))
    with pytest.raises(FileExistsError, match="chosen is there already"):
        command_line.pick(drawn, listed, tmp_path / "chosen")
    listed.write_text("id,split\n987654,train\n")
    with pytest.raises(ValueError, match="lacks 1 of the images .* the first is 987654"):
        command_line.pick(drawn, listed, tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chosen", "list.csv"]


@pytest.mark.parametrize("mirror", [False, True])
def test_moves_by_whole_pixels_copy_and_mirror_pixels(mirror):
    image = np.random.default_rng(0).integers(0, 255, (50, 60, 3), dtype=np.uint8)
    matrix = np.array([[1.0, 0, -7], [0, 1, -5]])
    if mirror:
        matrix = geometry.compose([[-1, 0, 30], [0, 1, 0]], matrix)  # x -> 30 - x
    expected = image[5:37, 37:7:-1] if mirror else image[5:37, 7:37]
    assert np.array_equal(data.warp(image, matrix, (30, 32)), expected)
    nearly = matrix + np.array([[0, 0, 1e-3], [0, 0, 0]])  # goes the interpolating way
    assert np.abs(data.warp(image, nearly, (30, 32)).astype(int) - expected).max() <= 1
    outside = matrix + np.array([[0, 0, 10], [0, 0, 40]])
    assert not data.warp(image, outside, (30, 32))[:35].any()  # black beyond the image


def mark(folder):
    """A picture with a white dot where each keypoint is, and one such person."""
    file = write(folder)
    image = np.zeros((480, 640, 3), dtype=np.uint8)
    dots = np.random.default_rng(3).integers([110, 60], [230, 190], (17, 2))
    for x, y in dots:
        image[y - 2 : y + 3, x - 2 : x + 3] = 255
    Image.fromarray(image).save(folder / "val2017" / "000000000001.jpg", quality=95)
    keypoints = np.column_stack([dots, np.full(17, 2)]).ravel().tolist()
    file.write_text(
        file.read_text()
        .replace(json.dumps(HUMAN), json.dumps(keypoints))
        .replace("[90, 40, 50, 60]", "[100, 50, 140, 150]")
    )


@pytest.mark.parametrize("kind", [data.CropDataset, data.KeptCrops])
def test_augmented_labels_stay_on_their_pixels(tmp_path, kind):
    """Whatever the draw, the bright dots must lie where the moved labels say."""
    mark(tmp_path)
    people = data.persons(tmp_path, "val")
    dataset = kind(people, (192, 256), data.Augmentation())
    seen = set()
    for epoch in range(20):
        dataset.set_epoch(epoch)
        item = dataset[0]
        points = item["keypoints"].round().int()
        inside = ((points >= 2) & (points < torch.tensor([190, 254]))).all(-1)
        assert inside.sum() > 5
        assert (item["image"][0, points[inside, 1], points[inside, 0]] > 150).all()
        seen.add(tuple(points[0].tolist()))
    assert len(seen) > 15  # a new draw each epoch (clipped draws may coincide)
    dataset.set_epoch(3)
    assert torch.equal(dataset[0]["image"], dataset[0]["image"])  # the same draw within one


def test_the_seed_is_0_unasked_and_a_pictures_size_need_not_be_known(tmp_path):
    write(tmp_path)
    people = data.persons(tmp_path, "val")
    unasked = data.CropDataset(people, augmentation=data.Augmentation())[0]["keypoints"]
    for seed in (0, 1):
        told = data.CropDataset(people, (192, 256), data.Augmentation(), seed)[0]["keypoints"]
        assert torch.equal(unasked, told) == (seed == 0)
    unknown = data.CropDataset([replace(people[0], image_wh=None)])
    assert unknown[0]["image"].shape == (3, 256, 192) and len(data.CropDataset([])) == 0


def test_mirroring_swaps_left_and_right_and_twice_is_nothing(tmp_path):
    mark(tmp_path)
    people = data.persons(tmp_path, "val")
    plain = data.CropDataset(people)[0]
    mirrored = data.CropDataset(people, augmentation=data.Augmentation(0, 0, 0, mirror_prob=1.0))[0]
    back = mirrored["keypoints"][FLIP_ORDER] * torch.tensor([-1.0, 1.0]) + torch.tensor([192.0, 0.0])
    assert torch.allclose(back, plain["keypoints"], atol=1e-4)
    assert torch.equal(mirrored["image"][:, :, 1:].flip(-1), plain["image"][:, :, 1:])
    assert np.array_equal(FLIP_ORDER[FLIP_ORDER], np.arange(17))


def test_kept_crops_equal_fresh_ones(drawn):
    people = data.persons(drawn, "train")[:4]
    fresh = data.CropDataset(people, (96, 128))
    kept = data.KeptCrops(people, (96, 128))
    for index in range(4):
        difference = fresh[index]["image"].int() - kept[index]["image"].int()
        assert difference.abs().max() <= 1  # grey levels: rounded twice


def test_sampling_keeps_whole_images(drawn):
    content = data.read_annotations(data.annotation_file(drawn, "train"))
    part = data.sample(content, 5)
    assert len(part["images"]) == 5 and data.sample(content, 10_000) is content
    ids = {image["id"] for image in part["images"]}
    assert part["annotations"] == [a for a in content["annotations"] if a["image_id"] in ids]


def test_real_photographs_are_read(photographs, photographed_boxes, tmp_path):
    assert len(data.persons(photographs, "train")) == 26 and len(data.persons(photographs, "val")) == 17
    assert len(data.detected_persons(photographs, "val", photographed_boxes)) == 34
    copy = shutil.copytree(photographs, tmp_path / "with spaces é")
    item = data.CropDataset(data.persons(copy, "train"))[0]
    assert item["image"].float().std() > 10


def test_annotations_without_masks_are_otherwise_the_same(drawn):
    file = data.annotation_file(drawn, "train")
    whole, light = data.read_annotations(file), data.read_annotations(file, masks=False)
    assert all(person.pop("segmentation") for person in whole["annotations"])
    assert whole == light


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_pictures_are_read_as_pillow_reads_them(tmp_path, mode):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    for name in ("fast.jpg", "other.png"):
        if name == "fast.jpg" or mode != "CMYK":  # PNG has no such mode
            Image.fromarray(pixels).convert(mode).save(tmp_path / name)
            with Image.open(tmp_path / name) as image:
                np.testing.assert_array_equal(data.read_image(tmp_path / name), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpegs_have_the_pixels_that_pillow_gives_them(drawn, tmp_path, subsampling, progressive):
    source = Image.open(next((drawn / "train2017").iterdir())).convert("RGB").crop((0, 0, 203, 157))  # no whole blocks
    source.save(file := tmp_path / "x.jpg", subsampling=subsampling, progressive=progressive)
    with Image.open(file) as image:
        np.testing.assert_array_equal(data.read_image(file), np.asarray(image))


def test_normalise_asked_first_by_inference_still_serves_training():
    crops._mean_and_std.cache_clear()
    images = torch.randint(0, 256, (2, 3, 4, 5))
    with torch.inference_mode():
        found = data.normalise(images)
    mean, std = torch.tensor(crops.MEAN), torch.tensor(crops.STD)
    expected = (images / 255 - mean[:, None, None]) / std[:, None, None]
    torch.testing.assert_close(found, expected)
    images = images.float().requires_grad_()
    data.normalise(images).sum().backward()
    torch.testing.assert_close(images.grad[0, :, 0, 0], 1 / (255 * std))


def test_normalise_takes_off_imagenets_mean_and_deviation():
    official = ResNet50_Weights.IMAGENET1K_V1.transforms()  # torchvision's own numbers
    images = torch.randint(0, 256, (2, 3, 5, 4), dtype=torch.uint8, generator=torch.manual_seed(0))
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (official.mean, official.std))
    assert torch.allclose(data.normalise(images), (images / 255 - mean) / std, atol=1e-6)
    assert torch.equal(data.normalise(images, "bgr"), data.normalise(images[:, [2, 1, 0]]))
    assert data.normalise(images.to("meta")).is_meta


def test_a_crop_is_painted_and_the_usual_seed_is_0(drawn):
    people = data.persons(drawn, "train")[:3]
    erased = data.CropDataset(people, (48, 64), data.Augmentation(0, 0, 0, 0, erase_prob=1.0))
    plain = data.CropDataset(people, (48, 64))
    for index in range(3):
        assert not torch.equal(erased[index]["image"], plain[index]["image"])
        assert torch.equal(erased[index]["keypoints"], plain[index]["keypoints"])
    usual, zero = (data.CropDataset(people, (48, 64), data.Augmentation(), *seed) for seed in ((), (0,)))
    assert all(torch.equal(usual[index]["image"], zero[index]["image"]) for index in range(3))


def test_an_item_says_which_joints_are_labelled(drawn):
    person = data.persons(drawn, "train")[0]
    person.keypoints[[3, 8], 2] = 0, 1
    item = data.CropDataset([person], (48, 64))[0]
    assert torch.equal(item["labelled"], torch.from_numpy(person.keypoints[:, 2] > 0).float())
    assert item["labelled"][3] == 0 and item["labelled"][8] == 1


def test_an_image_of_another_size_than_its_annotation_is_named(drawn):
    person = data.persons(drawn, "train")[0]
    width, height = person.image_wh
    person.image_wh = width, height + 1
    with pytest.raises(ValueError, match=person.file.name):
        data.CropDataset([person], (48, 64))[0]
    person.image_wh = None  # not known: nothing to compare with
    assert data.CropDataset([person], (48, 64))[0]["image"].shape == (3, 64, 48)


def test_who_can_be_learnt_from():
    """One keypoint of any visibility is enough, a crowd is none, an area or a box of nothing is named once, by five."""

    def annotation(number, **changes):
        usual = {"id": number, "image_id": 1, "bbox": [10, 10, 30, 40], "area": 700.0, "iscrowd": 0, "category_id": 1}
        return usual | {"keypoints": [20, 20, 1] + [0] * 48, "num_keypoints": 1} | changes

    def content(*changes):
        images = [{"id": 1, "file_name": "one.jpg", "width": 100, "height": 80}]
        people = [annotation(number, **each) for number, each in enumerate(changes, 1)]
        return {"images": images, "annotations": people, "categories": [{"id": 1, "name": "person"}]}

    def ids(*changes):
        return [person.annotation_id for person in data.persons("nowhere", "val", content(*changes))]

    assert ids({}, {"area": 0.5}, {"bbox": [5, 5, 1.5, 1.5]}, {"iscrowd": 1}, {"keypoints": [0] * 51}) == [1, 2, 3]
    (person,) = data.persons("nowhere", "val", content({}))
    assert person.score == 1.0 and person.keypoints.dtype == np.float64 and person.image_wh == (100, 80)
    no_area = content({}, {})
    del no_area["annotations"][1]["area"]
    assert len(data.persons("nowhere", "val", no_area)) == 2
    with pytest.warns(UserWarning, match=r"5 people left out.*\(annotation 1, 2, 3, 4, 5\)"):
        assert ids(*[{"area": 0}] * 5, {}) == [6]
    with pytest.warns(UserWarning, match=r"6 people left out.*\(annotation 1, 2, 3, 4, 5 \.\.\.\)") as caught:
        assert ids(*[{"bbox": [10, 10, 0, 40]}] * 6) == []
    assert caught[0].filename == __file__  # who asked is named, not the library
