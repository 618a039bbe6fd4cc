"""What the live pages need: networks as ONNX, onnxruntime-web, our photographs, a labelled person."""

import csv
import io
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from hpe_lib import data, geometry, models
from hpe_lib.predict import detect

ROOT = Path(__file__).parents[1]
ORT = ROOT / "site" / "node_modules" / "onnxruntime-web" / "dist"
NETWORKS = {"photos": "for photographs, 192 x 256 px", "tiny": "for drawn people, 96 x 128 px, quick"}
DETECTOR = Path(models.__file__).parents[1] / "weights" / "people.pt"  # boxes are drawn by hand where there is none
RUNTIMES = {  # kind of computing -> the script and the two files of onnxruntime-web that it loads
    "wasm": ("ort.wasm.min.mjs", "ort-wasm-simd-threaded"),
    "webgpu": ("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify"),
}
PERSON = 785  # the image of the live panels: one person, all 17 joints seen
CROP_WH = (192, 256)  # px, as in notebook 02


def to_onnx(model, given="crops", answer="heatmaps", free=(0,)):
    """A network as an ONNX file's bytes: `given` (N, 3, H, W) float32 -> `answer` (N, K, H / stride, W / stride).

    free: the axes whose length is not that of `model.input_wh`: 0, and 2, 3 where pictures have many shapes.

    Weights that 16 bits hold exactly are stored in 16: half the download, and the same heatmaps.
    """
    width, height = model.input_wh
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter for torch.export would need one more package
        torch.onnx.export(
            model.eval(),
            (torch.zeros(1, 3, height, width),),
            buffer,
            input_names=[given],
            output_names=[answer],
            dynamic_axes={name: {axis: f"{name}_{axis}" for axis in free} for name in (given, answer)},
            training=torch.onnx.TrainingMode.PRESERVE,  # batch norm stays as it is: merged weights need 32 bits
            do_constant_folding=False,
            dynamo=False,
        )
    graph = onnx.load_from_string(buffer.getvalue())
    halve(graph.graph)
    onnx.checker.check_model(graph)
    return graph.SerializeToString()


def halve(graph):
    """Store each float32 weight that float16 holds exactly as float16, with a cast before its use; in place."""
    casts, kept = [], []
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16) if values.dtype == np.float32 and values.size > 64 else values
        if half is values or not np.array_equal(half.astype(np.float32), values):
            kept.append(weight)
            continue
        kept.append(numpy_helper.from_array(half, f"{weight.name}.half"))
        casts.append(helper.make_node("Cast", [f"{weight.name}.half"], [weight.name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def write_networks(folder):
    """Write the networks, what runs them, and networks.json, which says how large they are."""
    about = {"networks": {}, "runtimes": {}, "detector": None}
    for name, says in NETWORKS.items():
        model, file = models.load_model(name), folder / f"{name}.onnx"
        file.write_bytes(to_onnx(model))
        shape = {"inputSize": list(model.input_wh), "stride": model.stride}
        about["networks"][name] = {"name": name, "says": says, "file": file.name, "bytes": file.stat().st_size, **shape}
    if DETECTOR.is_file():
        model, file = models.load_model(DETECTOR.stem), folder / "detector.onnx"
        file.write_bytes(to_onnx(model, "images", "outputs", (0, 2, 3)))
        found = {"side": detect.SIDE, "overlap": detect.OVERLAP, "threshold": detect.THRESHOLDS["ours"]}
        about["detector"] = {"file": file.name, "bytes": file.stat().st_size, "stride": model.stride, **found}
    (folder / "ort").mkdir()
    for kind, (script, engine) in RUNTIMES.items():
        parts = {"script": script, "module": f"{engine}.mjs", "wasm": f"{engine}.wasm"}
        for name in parts.values():
            shutil.copy(ORT / name, folder / "ort")
        about["runtimes"][kind] = {**parts, "bytes": (ORT / parts["wasm"]).stat().st_size}
    (folder / "networks.json").write_text(json.dumps(about, indent=1), "utf-8")


def write_photographs(folder):
    """Copy our photographs, and list them with their credit and the boxes of COCO's labels."""
    root, rows = data.find("photographs"), []
    (folder / "photographs").mkdir()
    with (root / "photographs.csv").open(encoding="utf-8", newline="") as file:
        listed = {int(row["id"]): row for row in csv.DictReader(file)}
    for split in ("val", "train"):
        labels = data.read_annotations(data.annotation_file(root, split))
        for image in labels["images"]:
            row = listed[image["id"]]
            people = [one for one in labels["annotations"] if one["image_id"] == image["id"] and not one["iscrowd"]]
            shutil.copy(root / row["file"], folder / "photographs")
            about = {"file": f"photographs/{Path(row['file']).name}", "shows": row["shows"], "page": row["page"]}
            about |= {"licence": row["licence"], "licenceUrl": row["licence_url"]}
            rows.append(about | {"boxes": [one["bbox"] for one in people if one["num_keypoints"]]})
    (folder / "photographs.json").write_text(json.dumps(rows, indent=1), "utf-8")


def write_try(folder):
    """The page where a visitor tries the network: its scripts, networks and photographs."""
    shutil.copytree(ROOT / "site" / "try", folder)
    write_networks(folder)
    write_photographs(folder)


def write_live(folder):
    """The scripts of the live panels in notebooks 02 and 07, and the labelled person that they show."""
    shutil.copytree(ROOT / "site" / "live", folder)
    root = data.find("photographs")
    labels = data.read_annotations(data.annotation_file(root, "val"))
    one = max((each for each in labels["annotations"] if each["image_id"] == PERSON), key=lambda each: each["area"])
    with (root / "photographs.csv").open(encoding="utf-8", newline="") as file:
        row = next(row for row in csv.DictReader(file) if int(row["id"]) == PERSON)
    pose = np.reshape(one["keypoints"], (17, 3)).astype(float)  # x, y in image px, visibility
    crop, matrix = data.cut(data.read_image(root / row["file"]), one["bbox"], CROP_WH)
    Image.fromarray(crop).save(folder / "crop.png")
    shutil.copy(root / row["file"], folder / "image.jpg")
    about = {
        "keypoints": geometry.transform(pose[:, :2], matrix).tolist(),
        "labelled": (pose[:, 2] > 0).astype(int).tolist(),
    }
    about |= {"pose": pose.tolist(), "area": one["area"], "box": one["bbox"]}
    about |= {"page": row["page"], "licence": row["licence"], "licenceUrl": row["licence_url"]}
    (folder / "person.json").write_text(json.dumps(about), "utf-8")
