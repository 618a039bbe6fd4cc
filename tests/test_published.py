"""Published weights, from a server on this machine: fetched once, checked, safe to read, RGB for every caller."""

import copy
import hashlib
import io
import json
import re
import sys
import types

import numpy as np
import pytest
import torch
import torchvision

from hpe_lib import data, evaluate, heatmaps, models, predict
from hpe_lib.data import download
from hpe_lib.evaluate import __main__ as command_line
from hpe_lib.evaluate import results
from hpe_lib.models import published, weights
from tests import golden
from tests.local_server import serve

STATISTICS = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # ImageNet's mean and deviation of R, G, B
LAYOUTS = {"v1": "head.", "v0": "keypoint_head.", "official": None}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model():
    """A tiny network in which every number counts."""
    torch.manual_seed(0)
    network = models.simple_baseline("tiny").eval()
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith(("running_mean", "bias")):
            value.normal_(std=0.2)
        elif name.startswith(("deconv_layers", "final_layer")) and value.dim() == 4:
            value.normal_(std=0.1)
    return network


def layout(model, kind, **notes):
    """A network's file in the layout of OpenMMLab (2022, 2020) or of the authors, as bytes."""
    state = model.state_dict()
    if LAYOUTS[kind]:
        parts = {True: LAYOUTS[kind], False: "backbone."}
        state = {parts[key.startswith(("deconv", "final"))] + key: value for key, value in state.items()}
        state = {"meta": {"epoch": 210, "cfg": "model = dict()"} | notes, "state_dict": state}
    with io.BytesIO() as file:
        torch.save(state, file, _use_new_zipfile_serialization=kind == "v1")
        return file.getvalue()


def publish(monkeypatch, server, body, name="openmmlab/test", digits=None, **changes):
    """Put a body on the server under a name that ends in its digest, as OpenMMLab does."""
    digits = digits or hashlib.sha256(body).hexdigest()[:8]
    entry = {
        "file": f"td-hm_tiny-{digits}_20220923.pth",
        "folder": server.address,
        "depth": "tiny",
        "input_wh": (72, 96),
    }
    monkeypatch.setitem(published.WEIGHTS, name, published.Published(**entry | changes))
    server.files[f"/{(entry | changes)['file']}"] = body


def same(one, other):
    return all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


@pytest.mark.parametrize("kind", ["v0", "v1"])
def test_a_name_is_fetched_once_and_then_kept(monkeypatch, model, own_cache, kind, capsys):
    with serve({}) as server:
        publish(monkeypatch, server, layout(model, kind))
        loaded = models.load_weights(models.simple_baseline("tiny"), "openmmlab/test")
        assert same(loaded, model) and loaded.input_wh == (72, 96) and loaded.channel_order == "rgb"
        again = models.load_model("openmmlab/test")
        assert same(again, model) and again.input_wh == (72, 96) and again.depth == "tiny" and not again.training
        assert len(server.asked) == 1
    assert [path.name for path in (own_cache / "weights").iterdir()] == [published.WEIGHTS["openmmlab/test"].file]
    said = capsys.readouterr()
    assert "td-hm_tiny" in said.out and "100%" in said.err  # the bar
    assert same(models.load_model("openmmlab/test"), model)  # with no server


@pytest.mark.parametrize(
    "plan", ["cut=20000", "flip", "short", "longer", "error=404", "error=500", "error=503", "no-length cut=30000"]
)
def test_after_a_bad_moment_nothing_is_kept_and_another_try_helps(monkeypatch, model, own_cache, plan):
    with serve({}, plan, "fine") as server:
        publish(monkeypatch, server, layout(model, "v1"))
        with pytest.raises((ValueError, OSError), match=r"td-hm_tiny.*\.pth") as error:
            models.load_model("openmmlab/test")
        assert "\n" not in str(error.value) and ("put it at" in str(error.value) or "try later" in str(error.value))
        assert not list((own_cache / "weights").iterdir())
        assert same(models.load_model("openmmlab/test"), model)


def test_a_file_that_is_not_what_its_name_says_is_refused(monkeypatch, model):
    with serve({}) as server:
        publish(monkeypatch, server, layout(model, "v1"), digits="00000000")
        with pytest.raises(ValueError, match="is not td-hm_tiny-00000000.*nothing was kept"):
            models.load_model("openmmlab/test")


def test_damage_in_the_cache_is_found_and_mended(monkeypatch, model, own_cache):
    with serve({}) as server:
        publish(monkeypatch, server, layout(model, "v1"))
        models.load_model("openmmlab/test")
        (file,) = (own_cache / "weights").iterdir()
        damaged = bytearray(file.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        file.write_bytes(damaged)
        assert same(models.load_model("openmmlab/test"), model) and len(server.asked) == 2


def test_unknown_names_list_the_known(tmp_path):
    for name in ("openmmlab/res18-256x192", tmp_path / "none.pth"):
        with pytest.raises(FileNotFoundError, match=r"give a file.*tiny.*imagenet.*openmmlab/res50-256x192"):
            models.load_model(name, depth=18)


def test_a_network_of_another_depth_is_refused(monkeypatch, model):
    with serve({}) as server:
        publish(monkeypatch, server, layout(model, "v1"))
        with pytest.raises(ValueError, match=r"does not fit this network \(simple_baseline, depth 18\)"):
            models.load_weights(models.simple_baseline(18), "openmmlab/test")


def test_the_registry_is_that_of_the_facts():
    """Every ResNet row of the reference, its address, AP and AR; and digests in all of OpenMMLab's names."""
    facts = golden.facts()
    by_file = {entry.file: entry for entry in published.WEIGHTS.values()}
    rows = {file: row for file, row in facts["openmmlab_v1_ap_ar_percent"].items() if "_res" in file}
    assert len(rows) == 5 and len(facts["openmmlab_v0_ap_percent"]) == 2
    for file, (ap, ar) in rows.items():
        scores = dict(zip(evaluate.METRICS, by_file[file].scores))
        assert scores["AP"] == ap and scores["AR"] == ar
        assert by_file[file].folder == facts["openmmlab_folders"]["v1"]
        assert f"res{by_file[file].depth}_" in file and "-{1}x{0}-".format(*by_file[file].input_wh) in file
    for path, ap in facts["openmmlab_v0_ap_percent"].items():
        folder, file = path.split("/")
        assert by_file[file].scores[0] == ap and by_file[file].folder == f"{facts['openmmlab_folders']['v0']}/{folder}"
    for name, entry in published.WEIGHTS.items():
        assert name.startswith("official") or re.fullmatch(r"[0-9a-f]{8}", entry.digest)
    for (depth, (width, height)), scores in published.AUTHORS.items():
        ap_ar = facts["authors_ap_ar_percent"].get(f"{depth}/{height}x{width}")
        assert (depth == 50 and height == 256) if ap_ar is None else [scores[0], scores[5]] == ap_ar
    assert len(published.AUTHORS) == len(facts["authors_ap_ar_percent"]) + 1  # that one has all its ten numbers:
    assert {name: list(row) for name, row in evaluate.PUBLISHED.items()} == facts["resnet50_256x192_percent"]
    assert published.AUTHORS[50, (192, 256)] == evaluate.PUBLISHED["authors' code, detector boxes"]


def test_the_archives_are_cocos():
    archives = {f"{download.SERVER}/{one.path}": [one.size, one.md5] for one in download.COCO.values()}
    assert archives == golden.facts()["coco_archives_bytes_md5"]


# ---- the order of the channels


def official_pipeline(model, crops):
    """What the authors' code does with crops (N, H, W, 3) RGB: BGR from OpenCV, then the statistics in RGB order."""
    to_tensor = torchvision.transforms.ToTensor()
    normalise = torchvision.transforms.Normalize(*STATISTICS)
    inputs = torch.stack([normalise(to_tensor(np.ascontiguousarray(crop[..., ::-1]))) for crop in crops])
    with torch.no_grad():
        return model(inputs.to(next(model.parameters()).dtype))


@pytest.fixture
def crops():
    """Noise, and a bright red picture: at its border, zeros in place of the mean would show."""
    pictures = np.random.default_rng(0).integers(0, 256, (3, 128, 96, 3), dtype=np.uint8)
    pictures[1] = (250, 20, 5)
    return pictures


def rgb(crops):
    return torch.from_numpy(crops.transpose(0, 3, 1, 2).copy())


def test_an_official_network_fed_rgb_gives_the_official_heatmaps(tmp_path, model, crops):
    file = tmp_path / "pose_resnet_50_256x192.pth.tar"
    file.write_bytes(layout(model, "official"))
    loaded = models.load_weights(models.simple_baseline("tiny"), file).eval()
    assert same(loaded, model) and loaded.channel_order == "bgr"  # the tensors are those of the file
    theirs = official_pipeline(model, crops)
    with torch.inference_mode():
        ours = loaded(data.normalise(rgb(crops), loaded.channel_order))
        assert (ours - theirs).abs().max() < 1e-5 * theirs.std()
        assert (predict.predict_heatmaps(loaded, rgb(crops), flip=False) - theirs).abs().max() < 1e-5 * theirs.std()
        assert (model(data.normalise(rgb(crops))) - theirs).abs().max() > 0.1 * theirs.std()  # it does matter
        flipped = copy.deepcopy(model)  # the short cut that is nearly right
        flipped.conv1.weight.copy_(flipped.conv1.weight.flip(1))
        assert (flipped(data.normalise(rgb(crops))) - theirs).abs().max() > 1e-3 * theirs.std()


def test_the_flip_test_sees_bgr_too(tmp_path, model, crops):
    (tmp_path / "mine.pth").write_bytes(layout(model, "official"))
    loaded = models.load_model(tmp_path / "mine.pth", "tiny", channels="bgr")
    theirs = heatmaps.merge_flipped(official_pipeline(model, crops), official_pipeline(model, crops[:, :, ::-1]), True)
    assert (predict.predict_heatmaps(loaded, rgb(crops)) - theirs).abs().max() < 1e-5 * theirs.std()


def test_files_of_any_other_name_are_rgb_unless_told(tmp_path, model):
    """A bare state dict may be ours: its channels are never turned without a word."""
    (tmp_path / "own.pth").write_bytes(layout(model, "official"))
    noise = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    expected = predict.predict_heatmaps(model, noise)
    for channels, equal in (("auto", True), ("rgb", True), ("bgr", False)):
        loaded = models.load_model(tmp_path / "own.pth", "tiny", channels)
        assert same(loaded, model) and torch.equal(predict.predict_heatmaps(loaded, noise), expected) == equal
    models.load_weights(loaded, tmp_path / "own.pth")  # again, the other way
    assert loaded.channel_order == "rgb" and torch.equal(predict.predict_heatmaps(loaded, noise), expected)
    with pytest.raises(ValueError, match="'rgb' or 'bgr', got 'red'"):
        models.load_model(tmp_path / "own.pth", "tiny", "red")


def test_the_order_stays_with_a_network(tmp_path, model):
    """In copies, in saved files, and in what is trained from them."""
    model.channel_order = "bgr"
    noise = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    expected = predict.predict_heatmaps(model, noise)
    models.save_model(model, tmp_path / "tuned.pt")
    for again in (copy.deepcopy(model), models.load_model(tmp_path / "tuned.pt")):
        assert torch.equal(predict.predict_heatmaps(again, noise), expected) and again.channel_order == "bgr"
    again.channel_order = "rgb"
    assert not torch.equal(predict.predict_heatmaps(again, noise), expected)
    assert model.channel_order == "bgr"
    assert models.load_weights(models.simple_baseline("tiny"), "tiny").channel_order == "rgb"


def test_the_authors_files_are_asked_for_by_name_and_found(model, own_cache, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"pose_resnet_50_256x192\.pth\.tar on a drive.*put it at .*weights"):
        models.load_model("official/res50-256x192")
    entry = published.Published("pose_tiny.pth.tar", None, "tiny", (96, 128), channels="bgr")
    monkeypatch.setitem(published.WEIGHTS, "official/test", entry)
    (own_cache / "weights").mkdir(parents=True)
    (own_cache / "weights" / "pose_tiny.pth.tar").write_bytes(layout(model, "official"))
    loaded = models.load_model("official/test")
    assert same(loaded, model) and loaded.channel_order == "bgr"


# ---- nothing but tensors


class Trap:
    def __reduce__(self):
        return (exec, ("print('code ran')",))


@pytest.mark.parametrize("kind", ["v0", "v1"])
def test_a_published_file_that_would_run_code_is_refused(monkeypatch, model, kind, capsys):
    with serve({}) as server:
        publish(monkeypatch, server, layout(model, kind, hooks=Trap()))
        with pytest.raises(ValueError, match=r"td-hm_tiny.* asks for (builtins\.)?exec .*refused"):
            models.load_model("openmmlab/test")
    assert "code ran" not in capsys.readouterr().out


def test_code_stays_refused_where_a_program_has_allowed_it(tmp_path, capsys):
    torch.save({"state_dict": {"a": Trap()}}, tmp_path / "trap.pth")
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.add_safe_globals([exec])
    try:
        with pytest.raises(ValueError, match="refused"):
            models.load_model(tmp_path / "trap.pth")
        assert set(torch.serialization.get_safe_globals()) == {*allowed, exec}  # that program finds it as it was
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(allowed)
    assert "code ran" not in capsys.readouterr().out


def test_notes_with_numpy_numbers_and_curves_are_read_past(monkeypatch, tmp_path, model):
    """OpenMMLab's files keep sigmas, colours and curves as NumPy arrays and as objects of their own library."""
    module = types.ModuleType("mmengine.logging.history_buffer")

    class HistoryBuffer:
        def __init__(self):
            self.max_length, self._log_history = 10, np.array([0.5, 0.25])

    HistoryBuffer.__module__, HistoryBuffer.__qualname__ = module.__name__, "HistoryBuffer"
    module.HistoryBuffer = HistoryBuffer
    with monkeypatch.context() as patch:
        for name in ("mmengine", "mmengine.logging"):
            patch.setitem(sys.modules, name, types.ModuleType(name))
        patch.setitem(sys.modules, module.__name__, module)
        notes = {"sigmas": np.array([0.026], dtype=np.float32), "best": np.float64(0.7), "curve": HistoryBuffer()}
        notes["names"] = np.array(["nose", None], dtype=object)
        body = layout(model, "v1", dataset_meta=notes)
    (tmp_path / "notes.pth").write_bytes(body)
    allowed = set(torch.serialization.get_safe_globals())
    read = weights.read_file(tmp_path / "notes.pth")
    assert same(models.load_model(tmp_path / "notes.pth", "tiny"), model)
    assert all(isinstance(value, weights.StandIn) for value in read["meta"]["dataset_meta"].values())
    assert set(torch.serialization.get_safe_globals()) == allowed


def test_what_is_no_tensor_among_the_weights_is_refused(tmp_path, model):
    state = dict(model.state_dict())
    for value in (np.zeros(3), 1.0, "text", None):
        torch.save({"state_dict": state | {"conv1.weight": value}}, tmp_path / "odd.pth")
        with pytest.raises(ValueError, match="not a tensor is conv1.weight"):
            models.load_model(tmp_path / "odd.pth", "tiny")
    torch.save({"state_dict": [1, 2]}, tmp_path / "odd.pth")
    with pytest.raises(ValueError, match="no state dict"):
        models.load_model(tmp_path / "odd.pth", "tiny")


# ---- torchvision's ImageNet weights


@pytest.fixture
def imagenet(monkeypatch, tmp_path):
    """serve(body) puts it where torchvision looks for its ResNet-18."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    source = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.value

    def put(server, body, digits=None):
        file = f"resnet18-{digits or hashlib.sha256(body).hexdigest()[:8]}.pth"
        server.files[f"/{file}"] = body
        before = source.url
        object.__setattr__(source, "url", f"{server.address}/{file}")
        restore.append(before)
        return tmp_path / "torch" / "hub" / "checkpoints" / file

    restore = []
    yield put
    if restore:
        object.__setattr__(source, "url", restore[0])


def test_imagenet_weights_are_fetched_checked_and_kept(imagenet):
    theirs = torchvision.models.resnet18().state_dict()
    with io.BytesIO() as file:
        torch.save(theirs, file)
        body = file.getvalue()
    with serve({}) as server:
        place = imagenet(server, body)
        model = models.load_weights(models.simple_baseline(18), "imagenet")
        assert torch.equal(model.layer4[1].conv2.weight, theirs["layer4.1.conv2.weight"])
        assert model.channel_order == "rgb" and place.is_file()
        models.load_weights(models.resnet(18), "imagenet")
        assert len(server.asked) == 1
        place.write_bytes(body[:1000])
        with pytest.raises(ValueError, match=r"no ImageNet weights for depth 18 .*delete .*resnet18"):
            models.load_weights(model, "imagenet")
        imagenet(server, body, digits="00000000")
        with pytest.raises(ValueError, match="no ImageNet weights.*invalid hash"):
            models.load_weights(model, "imagenet")
        with io.BytesIO() as file:
            torch.save({"conv1.weight": Trap()}, file)
            imagenet(server, file.getvalue())
        with pytest.raises(ValueError, match="no ImageNet weights"):
            models.load_weights(model, "imagenet")
    place.unlink()
    with pytest.raises(ValueError, match="no ImageNet weights.*put it there"):  # no server any more
        models.load_weights(model, "imagenet")


# ---- the table


def test_evaluate_prints_all_rows_side_by_side(monkeypatch, model, drawn, tmp_path, capsys):
    boxes = [
        {"image_id": person.image_id, "category_id": 1, "bbox": person.box.tolist(), "score": 0.9}
        for person in data.persons(drawn, "val")
    ]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    asked, predict_people = [], predict.predict_people
    monkeypatch.setattr(
        results, "predict_people", lambda *a, **options: asked.append(options) or predict_people(*a, **options)
    )
    with serve({}) as server:
        publish(monkeypatch, server, layout(model, "v1"))
        common = ["--weights", "openmmlab/test", "--data", str(drawn), "--device", "cpu"]
        command_line.main([*common, "--no-flip", "--json", str(tmp_path / "m.json")])
        said = capsys.readouterr().out
        command_line.main([*common, "--no-shift", "--boxes", str(tmp_path / "boxes.json")])
        again = capsys.readouterr().out
    names = (
        "the course's paper, table 1 ",
        "authors' code",
        "authors' weights",
        "OpenMMLab",
        "measured: openmmlab/test",
    )
    assert [line.startswith(name) for line, name in zip(said.splitlines()[-5:], names)] == [True] * 5
    assert [(options["flip"], options["shift"]) for options in asked] == [(False, True), (True, False)]
    people = len(data.persons(drawn, "val"))
    assert f"{people:,} crops from the true boxes of labelled people, no flip test" in said
    assert said.splitlines()[-1].startswith("measured: openmmlab/test, true boxes")
    assert (
        f"crops from the boxes that a detector found ({tmp_path / 'boxes.json'}), flip test with a shift of 0 cells"
        in again
    )
    assert again.splitlines()[-1].startswith("measured: openmmlab/test, detector boxes")
    assert set(json.loads((tmp_path / "m.json").read_text())) == set(evaluate.METRICS)


@pytest.mark.parametrize(
    "name, rows, last",
    [
        ("openmmlab/res50-256x192", ["table 1", "authors' code, det", "authors' weights", "OpenMMLab, det"], 71.8),
        (
            "openmmlab-v0/res50-256x192",
            ["table 1", "authors' code", "authors' weights", "openmmlab-v0/res50-256x192"],
            71.8,
        ),
        ("openmmlab/res152-384x288", ["ResNet-50", "ResNet-152, 384 x 288", "openmmlab/res152-384x288"], 75.0),
        ("official/res101-256x192", ["ResNet-50", "ResNet-101, 256 x 192", "openmmlab/res101-256x192"], 72.8),
        ("openmmlab-v0/res101-384x288", ["ResNet-50", "ResNet-101, 384 x 288", "openmmlab-v0/res101-384x288"], 74.8),
        ("own.pt", ["table 1", "authors' code", "authors' weights", "OpenMMLab, det"], 71.8),
    ],
)
def test_the_rows_fit_the_weights(name, rows, last):
    entry = published.find(name)
    network = types.SimpleNamespace(
        depth=entry.depth if entry else "tiny", input_wh=entry.input_wh if entry else (96, 128)
    )
    found = evaluate.published_rows(network, name)
    assert len(found) == len(rows) and all(word in row for word, row in zip(rows, found))
    assert list(found.values())[-1][0] == last and next(iter(found.values()))[0] == 70.4
    if entry and entry.folder:  # a downloaded file lies under its published name: the same rows
        assert evaluate.published_rows(network, f"/some/where/{entry.file}") == found
