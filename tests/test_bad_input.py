"""One table of faults: whatever is wrong with an input, one sentence says it by name, and nothing is written or lost.

A row is (what, call, words): the call must end in a ValueError, an OSError or a refusal of the command line, in one
line that holds the words. Any other error, a success, and a file that was not there before are failures.
"""

import copy
import io
import json
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hpe_lib import data, evaluate, geometry, heatmaps, models, predict, train
from hpe_lib.data import __main__ as data_command
from hpe_lib.data import annotations
from hpe_lib.evaluate import __main__ as evaluate_command
from hpe_lib.predict import __main__ as predict_command
from hpe_lib.train import __main__ as train_command

KEYPOINTS = [number for joint in range(17) for number in (100 + joint, 120 + joint, 2)]
CONTENT = {
    "images": [{"id": 1, "width": 320, "height": 240, "file_name": "000000000001.jpg"}],
    "annotations": [
        {"id": 7, "image_id": 1, "category_id": 1, "bbox": [60, 50, 90, 120], "area": 5000.0, "keypoints": KEYPOINTS,
         "iscrowd": 0, "num_keypoints": 17}
    ],
    "categories": [{"id": 1, "name": "person"}],
}  # fmt: skip
RESULT = {"image_id": 1, "category_id": 1, "keypoints": KEYPOINTS, "score": 0.5}
BOX = {"image_id": 1, "category_id": 1, "bbox": [60, 50, 90, 120], "score": 0.9}
WRONG = [None, "x", [], {}, [1, "2"], math.nan, math.inf, 10**400]  # of a field that holds numbers
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A folder in COCO's layout with one image for each split, and files of every broken kind beside it."""
    root = tmp_path_factory.mktemp("bench")
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    for split in ("train", "val"):
        (root / "coco" / f"{split}2017").mkdir(parents=True)
        Image.fromarray(image).save(root / "coco" / f"{split}2017" / "000000000001.jpg")
        file = data.annotation_file(root / "coco", split)
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(CONTENT))
    photo = root / "photo.jpg"
    Image.fromarray(image).save(photo)
    whole = photo.read_bytes()
    for name, content in {
        "text.jpg": b"no image", "empty.jpg": b"", "cut.jpg": whole[: len(whole) // 2],
        "head.png": b"\x89PNG\r\n\x1a\n",
        "text.json": b"{broken", "deep.json": DEEP.encode(), "number.json": b"3", "latin.json": b'{"a": "\xe9"}',
        "text.pt": b"hello", "empty.pt": b"", "list.csv": b"id,split\n1,train\n",
    }.items():  # fmt: skip
        (root / name).write_bytes(content)
    Image.fromarray(np.full((8, 8), 70_000, np.int32)).save(root / "wide.tiff")
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(root / "float.tiff")
    state = models.simple_baseline("tiny").state_dict()
    nan = {name: value.clone() for name, value in state.items()}
    nan["conv1.weight"][0, 0, 0, 0] = math.nan
    for name, content in {
        "tensor.pt": torch.zeros(3), "list.pt": [1, 2], "other.pt": {"a": torch.zeros(2)}, "plain.pt": state,
        "nan.pt": {"state_dict": nan, "meta": {"depth": "tiny"}},
        "depth.pt": {"state_dict": state, "meta": {"depth": 42}},
        "depths.pt": {"state_dict": state, "meta": {"depth": [18]}},
        "joints.pt": {"state_dict": state, "meta": {"depth": "tiny", "num_keypoints": "many"}},
        "size.pt": {"state_dict": state, "meta": {"depth": "tiny", "input_wh": "large"}},
        "sizes.pt": {"state_dict": state, "meta": {"depth": "tiny", "input_wh": [96]}},
        "model.pt": {"state_dict": state, "meta": {"model": "elven", "options": {}}},
        "options.pt": {"state_dict": state, "meta": {"model": "simple_baseline", "options": [1]}},
        "option.pt": {"state_dict": state, "meta": {"model": "simple_baseline", "options": {"depht": 18}}},
    }.items():  # fmt: skip
        torch.save(content, root / name)
    models.save_model(models.simple_baseline("tiny", num_keypoints=5), root / "five.pt")
    whole = (root / "plain.pt").read_bytes()
    (root / "half.pt").write_bytes(whole[: len(whole) // 2])
    (root / "run").mkdir()
    (root / "run" / "last.pt").write_bytes(whole)
    for name, content in {"run-text": b"hello", "run-cut": whole[:5000]}.items():
        (root / name).mkdir()
        (root / name / "last.pt").write_bytes(content)
    return root


def changed(content, part, field, value):
    """CONTENT with another value in a field of the first entry of a part."""
    content = copy.deepcopy(content)
    content[part][0][field] = value
    return content


def without(content, part, field):
    content = copy.deepcopy(content)
    del content[part][0][field]
    return content


def annotation_rows():
    fields = {"images": ("id", "width", "height", "file_name"), "categories": ("id",)}
    fields["annotations"] = ("id", "image_id", "category_id", "bbox", "area", "keypoints", "iscrowd", "num_keypoints")
    for part, names in fields.items():
        for field in names:
            words = "image" if field == "image_id" else "id" if field == "id" else field
            for value in [*WRONG[:5], *([] if field == "file_name" else WRONG[5:])]:
                if field == "file_name" and value == "x":
                    continue  # a name like another
                yield f"{part} {field} {str(value)[:12]}", changed(CONTENT, part, field, value), words
            if field not in ("iscrowd", "num_keypoints"):
                yield f"{part} without {field}", without(CONTENT, part, field), words
    for name in ("../up.jpg", "/etc/passwd", "a/../../b.jpg", "C:\\x.jpg", "..\\x.jpg", "", " ", "a\0b"):
        yield f"file_name {name!r}", changed(CONTENT, "images", "file_name", name), "image 1.*file_name"
    for value in (0, -3, 2.5):
        yield f"width {value}", changed(CONTENT, "images", "width", value), "image 1"
    twice = copy.deepcopy(CONTENT)
    twice["images"] *= 2
    yield "an image twice", twice, "image 1 stands in the file twice"
    twice = copy.deepcopy(CONTENT)
    twice["annotations"] *= 2
    yield "an annotation twice", twice, "annotation 7.*ids must differ"
    yield "nobody's image", changed(CONTENT, "annotations", "image_id", 9), "that image is not in the file"
    yield "another category", changed(CONTENT, "annotations", "category_id", 3), "category_id"
    yield "a text for a category", changed(CONTENT, "annotations", "category_id", "1"), "category_id"
    for part in CONTENT:
        for value in (None, {}, "x", 3, [3], [None]):
            yield f"{part} is {value}", {**CONTENT, part: value}, part
    yield "no images", {**CONTENT, "images": []}, "at least one image"
    yield "two categories", {**CONTENT, "categories": [{"id": 1}, {"id": 2}]}, "exactly one category"


def result_rows():
    for field in RESULT:
        for value in WRONG:
            words = field if field in ("score", "keypoints", "category_id") else "image id"
            yield f"result {field} {str(value)[:12]}", [RESULT, {**RESULT, field: value}], words
    for value in WRONG:
        yield f"result bbox {str(value)[:12]}", [{**RESULT, "bbox": value}], "bbox"
    for value in (None, {}, "x", [3], [None], 3):
        yield f"results {value}", value, "list of dicts"
    yield "a short pose", [{**RESULT, "keypoints": KEYPOINTS[:-1]}], "keypoints must be 51"


def box_rows():
    for field in ("bbox", "score", "image_id", "category_id"):
        for value in WRONG:
            if value not in (math.nan, math.inf):  # JSON has none
                words = "image" if field == "image_id" else field
                yield f"box {field} {str(value)[:12]}", [BOX, {**BOX, field: value}], f"entry 1.*{words}"
    for value in ({}, "x", [3], 3, None):
        yield f"boxes {value}", value, "not a list of detections"


NUMBERS = ("epochs", "batch_size", "warmup_steps", "seed")
SHARES = ("rotation_prob", "mirror_prob", "half_body_prob", "translate", "translate_prob", "color", "erase_prob")
SHARES += ("flip_shift", "scale", "rotation", "sigma", "learning_rate")


def setting_rows():
    for name in NUMBERS:
        for value in ("abc", "2.5", "-1", "nan", "1e400", "", "none", "[]", "9" * 20):
            yield f"{name}={value}", name, value
    for name in SHARES:
        for value in ("abc", "-1", "nan", "inf", "", "none", "(1,)", "1e9"):
            yield f"{name}={value}", name, value
    for name in ("unbiased", "group_by_image"):
        for value in ("maybe", "2", "", "none", "[]"):
            yield f"{name}={value}", name, value
    for name, values in {
        "milestones": ("abc", "1.5", "5,3", "-1", "'90'", ""),
        "input_wh": ("96", "100,128", "0,32", "96.0,128", "abc", ""),
        "refine": ("foo", "Quarter", "1"), "schedule": ("cosin", "", "3"), "depth": ("17", "huge", "18.0", "[]"),
        "model": ("",), "loss": ("mse", "", "heatmap"), "options": ("3", "[1]", "{1: 2}", "abc"), "pretrained": ("",),
        "rates": ("3", "[1]", "{1: 0}", "{'layer1': 2}", "{'layer1': -1}", "{'layer1': '0'}", "abc", ""),
        "augmentation": ("none", "3"), "sigm": ("2",), "": ("2",),
    }.items():  # fmt: skip
        for value in values:
            yield f"{name}={value}", name, value


def option_rows():
    for option, values in {
        "--epochs": ("0", "-1", "x", "1.5"), "--batch-size": ("0", "-1", "x"), "--accumulate": ("0", "-1", "x", "1.5"),
        "--workers": ("-1", "x"), "--validate-every": ("-1", "x"), "--device": ("nope", "cuda:99", "meta:x", ""),
        "--seed": ("-1", "x"), "--depth": ("17",), "--precision": ("fp8",), "--recipe": ("fast",),
    }.items():  # fmt: skip
        for value in values:
            words = option.strip("-").replace("-", "[-_]")
            yield f"train {option} {value}", train_command.parse, [f"{option}={value}"], words
    for option, values in {
        "--shift": ("5", "-3", "x", "nan"), "--batch-size": ("0", "x"), "--workers": ("-1",), "--device": ("nope",),
        "--refine": ("best",), "--split": ("test",),
    }.items():  # fmt: skip
        for value in values:
            yield f"evaluate {option} {value}", evaluate_command.main, [f"{option}={value}"], option.strip("-")
    for value in ("x", "1,2,3", "1,2,3,4,5", "nan,0,9,9", "0,0,0,5", "0,0,5,-5", "inf,0,5,5", ""):
        yield f"predict --box {value}", predict_command.main, ["p.jpg", f"--box={value}"], "box"
    for option in ("--train-images=-1", "--val-images=x", "--seed=-1"):
        yield f"draw {option}", data_command.main, ["draw", "--out", "x", option], option.strip("-").split("=")[0]


def file_rows(root):
    """Faults of files, and of calls with the wrong kind of thing."""
    image, model = np.zeros((60, 40, 3), np.uint8), models.load_model("tiny")
    for name in ("text.jpg", "empty.jpg", "head.png", "wide.tiff", "float.tiff", "missing.jpg", "coco"):
        yield f"image {name}", lambda name=name: data.read_image(root / name), name
        yield f"predict {name}", lambda name=name: predict_command.main([str(root / name)]), name
    yield "a cut image", lambda: data.read_image(root / "cut.jpg"), "cut.jpg is not a readable image"
    for name in ("text.json", "deep.json", "number.json", "latin.json", "missing.json", "coco"):
        file = root / name
        yield f"annotations {name}", lambda file=file: data.read_annotations(file), name
        yield f"boxes {name}", lambda file=file: data.detected_persons(root / "coco", "val", file), name
    damaged = "text empty half tensor list other nan depth depths joints size sizes model options option missing plain"
    for name in damaged.split():
        yield f"weights {name}", lambda name=name: models.load_model(root / f"{name}.pt"), f"{name}.pt"
    yield "five joints", lambda: predict.predict_image(models.load_model(root / "five.pt"), image), "5 keypoints"
    yield "imagenet for poses", lambda: models.load_model("imagenet"), "backbone"
    common = ["--data", str(root / "coco"), "--device", "cpu", "--batch-size", "1", "--epochs", "1"]
    for name in ("run-text", "run-cut", "run"):
        arguments = [*common, "--out", str(root / name), "--resume"]
        yield f"resume {name}", lambda arguments=arguments: train_command.main(arguments), "last.pt"
    started = [*common, "--out", str(root / "run")]
    yield "a run is there", lambda: train_command.main(started), "run holds a run already"
    yield (
        "resume nothing",
        lambda: train_command.main([*common, "--out", str(root / "coco"), "--resume"]),
        "no .*last.pt",
    )
    yield "--out is a file", lambda: train_command.main([*common, "--out", str(root / "text.pt")]), "text.pt is a file"
    yield "no data", lambda: train_command.main(["--data", str(root / "nowhere")]), "nowhere"
    start = [*common, "--overwrite", "--out", str(root / "run"), "--pretrained", str(root / "text.pt")]
    yield "--pretrained text", lambda: train_command.main(start), "text.pt"
    photo = str(root / "photo.jpg")
    yield "--out PHOTO", lambda: predict_command.main([photo, "--out", photo]), "photo.jpg is the photograph itself"
    yield "--json PHOTO", lambda: predict_command.main([photo, "--json", photo]), "photo.jpg is the photograph itself"
    yield "--out without a suffix", lambda: predict_command.main([photo, "--out", str(root / "drawing")]), "drawing"
    yield "--out of a strange kind", lambda: predict_command.main([photo, "--out", str(root / "x.doc")]), "x.doc"
    yield "a box outside", lambda: predict_command.main([photo, "--box", "900,9,50,50"]), "no part inside"
    for name, text in {
        "no columns": "1,train\n", "no split": "id\n1\n", "a test split": "id,split\n1,test\n",
        "a word": "id,split\nx,val\n",
        "two splits": "id,split\n1,val\n1,train\n", "empty": "", "no rows": "id,split\n",
        "unknown": "id,split\n99,val\n",
    }.items():  # fmt: skip
        file = root / f"{name}.csv"
        yield f"pick {name}", lambda file=file, text=text: pick(root, file, text), "99" if name == "unknown" else name
    for what, thing in {
        "a path": "p.jpg", "a tensor": torch.zeros(3, 9, 9), "a grey image": image[..., 0], "floats": image / 255.0,
        "16 bits": image.astype(np.uint16), "four channels": np.zeros((9, 9, 4), np.uint8), "no pixels": image[:0],
        "a list": [[1]], "None": None,
    }.items():  # fmt: skip
        yield f"predict_image of {what}", lambda thing=thing: predict.predict_image(model, thing), "image"
    for boxes in ([1, 2, 3, 4], [[1, 2, 3]], "x", [["a"] * 4], [[math.nan, 0, 9, 9]], [[0, 0, 0, 9]], 3, [None],
                  [[-50, 0, 20, 20]], [[500, 0, 20, 20]], [[0, 0, -9, 9]]):  # fmt: skip
        yield f"boxes {boxes}", lambda boxes=boxes: predict.predict_image(model, image, boxes), "box"
    maps = torch.rand(1, 17, 8, 8)
    for what, thing in {
        "1 x 1": maps[..., :1, :1], "integers": maps.long(), "one map": maps[0], "2 wide": maps[..., :2],
    }.items():  # fmt: skip
        yield f"decode {what}", lambda thing=thing: heatmaps.decode(thing), r"heatmaps are \(N, K, H, W\)"
    yield "decode half", lambda: heatmaps.decode(maps, "half"), "refine is"
    yield "16 labels", lambda: heatmaps.encode(torch.zeros(1, 17, 2), torch.ones(1, 16)), "do not fit"
    yield "labels of nobody", lambda: heatmaps.encode(torch.zeros(2, 17, 2), torch.ones(1, 17)), "do not fit"
    yield "kernel 5", lambda: models.simple_baseline("tiny", kernel=5), "kernel is one of 4, 3, 2"
    yield "depth 17", lambda: models.simple_baseline(17), "17"
    yield "no network", lambda: models.build("elven"), "elven"
    yield "no channels", lambda: models.load_model("tiny", channels="red"), "red"
    yield "oks of two people", lambda: evaluate.oks(np.zeros((2, 17, 3)), 1, np.zeros((1, 17, 3))), "oks needs truth"
    yield "oks of nobody", lambda: evaluate.oks(np.zeros((17, 3)), 1, np.zeros((1, 17, 3))), "without labelled"
    for box in ([0, 0, 0, 5], [0, 0, 5, -1], [math.nan, 0, 5, 5], [0, 0, math.inf, 5]):
        yield f"frame of {box}", lambda box=box: geometry.crop_frame(box), "positive width and height"
    yield (
        "no people",
        lambda: train.Trainer(models.simple_baseline("tiny"), data.CropDataset([]), train.RECIPES["quick"]),
        ("no labelled people"),
    )


def pick(root, file, text):
    """Try to pick images by a list with this text, and leave no list behind."""
    file.write_text(text)
    try:
        data_command.pick(root / "coco", file, root / "picked")
    finally:
        file.unlink()


def outcome(call, capsys):
    """The one line in which a call ends; fails where it ends in another way."""
    try:
        found = call()
    except (ValueError, OSError) as error:
        return str(error)
    except SystemExit as end:
        assert end.code, "it ended well"
        return capsys.readouterr().err.strip().splitlines()[-1] if end.code == 2 else str(end.code)
    raise AssertionError(f"it went well: {str(found)[:200]}")


def contents(root):
    return {str(path.relative_to(root)): path.stat().st_size for path in root.rglob("*") if path.name != ".lock"}


def walk(rows, root, capsys):
    """Try rows (what, call, words); the failures, what -> how."""
    before, failures, count = contents(root), {}, 0
    for what, call, words in rows:
        count += 1
        try:
            said = outcome(call, capsys)
            if not re.search(words, said, re.IGNORECASE) or "\n" in said.strip() or len(said) > 900:
                failures[what] = f"says {said!r}, without {words!r}"
            if re.search(r"Traceback|weights_only|0x[0-9a-f]{6}", said):
                failures[what] = f"says {said!r}"
        except Exception as error:  # any other error is a failure of the row
            failures[what] = f"{type(error).__name__}: {str(error)[:300]}"
        if (now := contents(root)) != before:
            failures[what] = f"wrote {set(now.items()) ^ set(before.items())}"
            before = now
    return count, failures


def all_rows(root):
    for what, content, words in annotation_rows():
        yield what, lambda content=content: data.persons("folder", "val", data.read_annotations(content)), words
    for what, results, words in result_rows():
        yield what, lambda results=results: evaluate.coco_metrics(CONTENT, results), words
    for what, boxes, words in box_rows():
        yield what, lambda boxes=boxes: boxes_of(root, boxes), words
    for what, name, value in setting_rows():
        yield f"--set {what}", lambda text=f"{name}={value}": train_command.parse(["--set", text]), name or "setting ''"
    for what, command, arguments, words in option_rows():
        yield what, lambda command=command, arguments=arguments: command(arguments), words
    yield from file_rows(root)


def boxes_of(root, boxes):
    """What detected_persons makes of a file with these boxes."""
    file = root / "boxes.json"
    try:
        file.write_text(json.dumps(boxes))
        return data.detected_persons(root / "coco", "val", file)
    finally:
        file.unlink()


def test_every_fault_is_said_by_name_and_writes_nothing(bench, capsys, monkeypatch):
    monkeypatch.chdir(bench)
    count, failures = walk(all_rows(bench), bench, capsys)
    assert not failures, "\n".join(f"{what}: {how}" for what, how in failures.items())
    assert count >= 300  # 550 when this was written


def test_good_input_is_not_refused(bench):
    """The table's own material, unbroken: else every row would pass for the wrong reason."""
    assert len(data.read_annotations(CONTENT)["annotations"]) == 1
    assert evaluate.coco_metrics(CONTENT, [RESULT])["AP"] == pytest.approx(1)
    assert len(boxes_of(bench, [BOX])) == 1
    for text in ("unbiased=no", "unbiased=Yes", "milestones=5,7", "input_wh=96,128", "refine=none", "depth=18"):
        train_command.parse(["--set", text])
    assert train_command.parse(["--set", "group_by_image=no"])[1].group_by_image is False
    (bench / "excel.csv").write_bytes("\ufeffid;split\r\n1;train\r\n".encode())
    assert data_command.read_list(bench / "excel.csv") == {1: "train"}
    (bench / "excel.csv").unlink()


def test_sixteen_bits_keep_their_greys(tmp_path):
    grey = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.abs(data.read_image(tmp_path / "grey.png")[..., 0].astype(int) - grey // 257).max() <= 1


def test_a_full_disk_is_said_and_keeps_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "last.pt"
    models.weights.save_atomically({"a": torch.zeros(2)}, file)
    before = file.read_bytes()

    class Full(io.FileIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fdopen", lambda handle, mode: Full(handle, mode))
    with pytest.raises(
        OSError, match=r"the disk of .*last.pt is full: make room; what was saved before is still there"
    ):
        models.weights.save_atomically({"a": torch.ones(2)}, file)
    assert file.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["last.pt"]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=6,
)
FIELDS = [(part, field) for part in ("images", "annotations", "categories") for field in CONTENT[part][0]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(where=st.sampled_from(FIELDS), value=ANY)
def test_any_value_in_any_field_gives_people_or_an_error_that_names_it(where, value):
    part, field = where
    content = changed(CONTENT, part, field, value)
    try:
        people = data.persons("folder", "val", annotations.read_annotations(content))
        assert all(isinstance(person, data.Person) and np.isfinite(person.box).all() for person in people)
    except ValueError as error:
        assert "\n" not in str(error)
        assert field.split("_")[-1] in str(error) or part in str(error) or "image" in str(error), str(error)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(field=st.sampled_from([*RESULT, "bbox"]), value=ANY)
def test_any_value_in_any_field_of_a_result_gives_numbers_or_an_error(field, value):
    try:
        numbers = evaluate.average_precision(CONTENT, [{**RESULT, field: value}])
        assert all(-1 <= number <= 1 for number in numbers.values())
    except ValueError as error:
        assert "result" in str(error) and "\n" not in str(error)
