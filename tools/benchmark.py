"""How fast the course's code is: `python tools/benchmark.py` prints a table.

--reference names a checkout of the authors' code (human-pose-estimation.pytorch): both are then measured in the same
run, in turn, and the ratio is printed. It needs opencv. --data: a COCO folder with JPEGs; the built-in one by default.
On the processor, training steps run in all cores and the rest in one thread; only ratios on the same machine mean
anything.
"""

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
import types
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from hpe_lib import data, evaluate, geometry, heatmaps, metrics, models, skeleton, train
from hpe_lib.data import crops
from hpe_lib.machine import keep_freed_memory
from hpe_lib.train import RECIPES

ROOT = Path(__file__).parents[1]
INDEX = """
import json, resource, sys, time
from hpe_lib import data
start = time.perf_counter()
people = len(data.persons(sys.argv[1], "train"))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps([people, time.perf_counter() - start, peak]))
"""
WIDTH, HEIGHT = 192, 256  # px
NOBODY = data.CropDataset(  # a trainer wants people
    [data.Person(Path(), 0, 0, np.array([0.0, 0, 60, 80]), np.ones((17, 3)))]
)


def seconds(*works, least=1.0, rounds=5):
    """Median seconds of one call of each work; the works take turns, so that a slow moment meets all of them."""
    counts = []
    for work in works:
        start = time.perf_counter()
        work()
        counts.append(max(1, int(least / rounds / (time.perf_counter() - start))))
    times = [[] for _ in works]
    for _ in range(rounds):
        for work, count, found in zip(works, counts, times):
            start = time.perf_counter()
            for _ in range(count):
                work()
            found.append((time.perf_counter() - start) / count)
    return [statistics.median(found) for found in times]


class Settings(dict):
    """Stands in for the package easydict: what is in the dictionary is also an attribute."""

    __getattr__, __setattr__ = dict.__getitem__, dict.__setitem__


class Reference:
    """The authors' code, with what it needs to run today: NumPy's old names, and stand-ins for unused packages."""

    def __init__(self, checkout):
        for name, kind in (("float", float), ("int", int), ("bool", bool)):
            if name not in np.__dict__:
                setattr(np, name, kind)
        for name, content in (
            ("easydict", {"EasyDict": Settings}),
            ("nms.cpu_nms", {"cpu_nms": None}),
            ("nms.gpu_nms", {"gpu_nms": None}),
            ("dataset", {"__path__": [str(Path(checkout, "lib", "dataset"))]}),
        ):  # fmt: skip
            module = sys.modules[name] = types.ModuleType(name)
            vars(module).update(content)
        sys.path.insert(0, str(Path(checkout, "lib")))
        import cv2
        from core.config import config
        from core.inference import get_final_preds
        from core.loss import JointsMSELoss
        from dataset.JointsDataset import JointsDataset
        from models.pose_resnet import get_pose_net
        from nms.nms import oks_nms
        from torchvision import transforms

        cv2.setNumThreads(1)
        config["MODEL"]["IMAGE_SIZE"], config["MODEL"]["NUM_JOINTS"] = np.array([WIDTH, HEIGHT]), 17
        config["MODEL"]["EXTRA"]["HEATMAP_SIZE"] = np.array([WIDTH // 4, HEIGHT // 4])
        config["DATASET"].update(SCALE_FACTOR=0.3, ROT_FACTOR=40)
        config["TEST"]["POST_PROCESS"] = True
        self.config, self.final, self.nms = config, get_final_preds, oks_nms
        self.loss, self.network, self.dataset_type = JointsMSELoss(True), get_pose_net, JointsDataset
        normalise = transforms.Normalize(mean=crops.MEAN, std=crops.STD)
        self.transform = transforms.Compose([transforms.ToTensor(), normalise])

    def dataset(self, people):
        """Their training data set on our list of people."""
        made = self.dataset_type(self.config, "", "train", True, self.transform)
        made.num_joints, made.flip_pairs = 17, [list(pair) for pair in skeleton.FLIP_PAIRS]
        for person in people:
            center, size = geometry.crop_frame(person.box)
            seen = (person.keypoints[:, 2:] > 0).astype(float)
            points = person.keypoints[:, :2]
            made.db.append(
                {
                    "image": str(person.file),
                    "center": center,
                    "scale": size / 200,
                    "joints_3d": np.hstack([points, 0 * seen]),
                    "joints_3d_vis": np.hstack([seen, seen, 0 * seen]),
                }
            )
        return made

    def step(self, depth, batch, device):
        """A function that does one of their training steps, and returns the loss (a tensor on the device)."""
        self.config["MODEL"]["EXTRA"]["NUM_LAYERS"] = depth
        network, criterion = self.network(self.config, is_train=False).train().to(device), self.loss.to(device)
        optimizer, images = torch.optim.Adam(network.parameters(), lr=1e-3), data.normalise(batch["image"])
        size = (images.shape[-1] // 4, images.shape[-2] // 4)
        target, weights = heatmaps.encode(batch["keypoints"], batch["labelled"], size)

        def work():
            loss = criterion(network(images), target, weights[..., None])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        return work


def input_samples(root, reference, kept_folder):
    """Augmented training samples a second on one core, batched.

    Ours leave the worker as uint8 with their joints, theirs as normalised float32 with heatmaps: we normalise and draw
    heatmaps on the network's device. The last row does that on the processor too.
    """
    rng = np.random.default_rng(0)
    everyone = data.persons(root, "train")
    people = [everyone[i] for i in rng.permutation(len(everyone))[:192]]

    images = np.unique([str(person.file) for person in everyone], return_inverse=True)[1]
    order = [i for batch in train.Batches(len(everyone), 1, images=torch.from_numpy(images)) for i in batch]
    neighbours = [everyone[i] for i in order[: len(people)]]

    def batches(dataset, on_device=False):
        def work():
            for start in range(0, len(people), 32):
                batch = torch.utils.data.default_collate(
                    [dataset[i] for i in range(start, min(start + 32, len(people)))]
                )
                if on_device:
                    data.normalise(batch["image"])
                    heatmaps.encode(batch["keypoints"], batch["labelled"], (WIDTH // 4, HEIGHT // 4))

        return work

    change = RECIPES["simple_baselines"].augmentation
    fresh = data.CropDataset(people, (WIDTH, HEIGHT), change)  # every sample reads its own file
    cache = data.ImageCache(kept_folder, [person.file for person in people])
    kept = data.CropDataset(people, (WIDTH, HEIGHT), change, read=cache)
    together = data.CropDataset(neighbours, (WIDTH, HEIGHT), change, read=data.LastImage())
    works = [batches(fresh), batches(together), batches(kept), batches(kept, on_device=True)]
    if reference:
        theirs = reference.dataset(people)
        works.append(
            lambda: [
                torch.utils.data.default_collate([theirs[i][:3] for i in range(start, min(start + 32, len(people)))])
                for start in range(0, len(people), 32)
            ]
        )
    found = [len(people) / taken for taken in seconds(*works, rounds=3)]
    other = found[4] if reference else None
    yield "training samples, a JPEG decoded for each", "samples/s/core", found[0], other
    yield "training samples, a JPEG decoded for all its people", "samples/s/core", found[1], other
    yield "training samples, images kept (--cache)", "samples/s/core", found[2], other
    yield "the same, normalised, with heatmaps, all on the core", "samples/s/core", found[3], other


def decoding(reference):
    """Heatmaps to joints in image px."""
    maps = torch.randn(128, 17, HEIGHT // 4, WIDTH // 4)
    centers, sizes = np.full((128, 2), 200.0), np.tile([150.0, 200.0], (128, 1))
    matrices = [geometry.crop_matrix(c, s, (WIDTH // 4, HEIGHT // 4)) for c, s in zip(centers, sizes)]

    def ours():
        points, _ = heatmaps.decode(maps)
        return geometry.transform(points, geometry.invert(np.stack(matrices)))

    works = [ours]
    if reference:
        works.append(lambda: reference.final(reference.config, maps.numpy(), centers, sizes / 200)[0])
        np.testing.assert_allclose(ours(), works[1](), atol=1e-3)
    found = [len(maps) / taken for taken in seconds(*works)]
    yield "heatmaps decoded to image px", "people/s", found[0], found[1] if reference else None


def suppression(reference):
    """OKS-NMS of 50 poses."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 100, (10, 17, 2)).repeat(5, axis=0) + rng.normal(
        0, 2, (50, 17, 2)
    )  # ten people, five times
    poses = np.concatenate([points, np.ones((50, 17, 1))], axis=2)
    scores, areas = rng.permutation(50) / 50, rng.uniform(5000, 9000, 50)
    works = [lambda: metrics.oks_nms(poses, scores, areas)]
    if reference:
        entries = [{"score": s, "keypoints": pose, "area": area} for s, pose, area in zip(scores, poses, areas)]
        works.append(lambda: reference.nms(entries, 0.9))
        assert list(works[0]()) == list(works[1]())
    found = [1 / taken for taken in seconds(*works)]
    yield "OKS-NMS of 50 poses", "images/s", found[0], found[1] if reference else None


def made_annotations(people, per_image=2.34):
    """COCO-like annotations of so many people, as many an image as in train2017."""
    rng = np.random.default_rng(0)
    images = [
        {"id": i + 1, "width": 640, "height": 480, "file_name": f"{i:012}.jpg"} for i in range(int(people / per_image))
    ]
    annotations = []
    for index in range(people):
        keypoints = np.column_stack([rng.integers(60, 180, 17), rng.integers(60, 260, 17), rng.integers(0, 3, 17)])
        keypoints[keypoints[:, 2] == 0] = 0
        keypoints[0] = 100, 100, 2
        annotations.append(
            {
                "id": index + 1,
                "image_id": 1 + int(rng.integers(len(images))),
                "category_id": 1,
                "iscrowd": 0,
                "num_keypoints": int((keypoints[:, 2] > 0).sum()),
                "area": float(rng.uniform(1000, 30000)),
                "bbox": [60.0, 60.0, 120.0, 200.0],
                "keypoints": keypoints.ravel().tolist(),
                "segmentation": [rng.uniform(60, 260, 100).round(2).tolist()],
            }
        )
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}


def made_results(content, an_image):
    """So many detections an image: its people, moved a little or a lot, and others."""
    rng, found = np.random.default_rng(1), {}
    for annotation in content["annotations"]:
        found.setdefault(annotation["image_id"], []).append(np.reshape(annotation["keypoints"], (17, 3)))
    results = []
    for image_id, people in found.items():
        for number in range(an_image):
            pose = people[number % len(people)] + rng.normal(0, 2 + 3 * number, (17, 3))
            results.append(
                {
                    "image_id": image_id,
                    "category_id": 1,
                    "keypoints": pose.ravel().tolist(),
                    "score": float(rng.random()),
                }
            )
    return results


def scoring():
    """AP and AR of val2017's number of people, 20 detections an image, against pycocotools."""
    content = made_annotations(6352, 6352 / 2346)
    results = made_results(content, 20)
    ours, theirs = evaluate.average_precision(content, results), evaluate.coco_metrics(content, results)
    assert all(abs(ours[name] - theirs[name]) < 1e-9 for name in ours), (ours, theirs)
    works = (lambda: evaluate.average_precision(content, results), lambda: evaluate.coco_metrics(content, results))
    found = [1 / taken for taken in seconds(*works, rounds=3)]
    yield "AP and AR of 6,352 people (reference: pycocotools)", "tables/s", *found


def made_batch(count, input_wh, device="cpu"):
    """Random crops and joints, the same in every process, of as many people as asked."""
    (width, height), rng = input_wh, torch.Generator().manual_seed(0)
    batch = {
        "image": torch.randint(0, 256, (count, 3, height, width), dtype=torch.uint8, generator=rng),
        "keypoints": torch.rand(count, 17, 2, generator=rng) * width,
        "labelled": torch.ones(count, 17),
    }
    return {name: value.to(device) for name, value in batch.items()}


def _steps(pipe, precision, checkout, batch_size):
    """A process that does one training step of ResNet-50 at 256 x 192 whenever it is asked, and sends its seconds."""
    batch = made_batch(batch_size, (WIDTH, HEIGHT))
    if precision:
        keep_freed_memory()
        ours = train.Trainer(
            models.simple_baseline(50), NOBODY, RECIPES["simple_baselines"], device="cpu", precision=precision
        )
        ours.model.train()
        work = partial(ours.step, batch)
    else:
        work = Reference(checkout).step(50, batch, "cpu")
    while pipe.recv():
        start = time.perf_counter()
        work()
        pipe.send(time.perf_counter() - start)


def training_step(checkout, batch_size=32, rounds=3):
    """Forward, loss, backward, Adam of ResNet-50 at 256 x 192 on all cores: float32, and bfloat16 beside it.

    32 people, as many as the authors gave each card; 14 GB in all. Each in a process of its own, since ours
    keeps freed memory, as the command does.
    """
    processes, pipes = multiprocessing.get_context("spawn"), []
    for precision in ("float32", "bf16", *([None] if checkout else [])):
        pipe, far = processes.Pipe()
        processes.Process(target=_steps, args=(far, precision, checkout, batch_size), daemon=True).start()
        pipes.append(pipe)
    times = []
    for _ in range(rounds + 1):  # the first, slower one does not count
        times.append([])
        for pipe in pipes:
            pipe.send(True)
            times[-1].append(pipe.recv())
    for pipe in pipes:
        pipe.send(False)
    found = [batch_size / statistics.median(each) for each in zip(*times[1:])]
    theirs = found[2] if checkout else None
    yield "ResNet-50 256x192 training step, all cores", "images/s", found[0], theirs
    yield "the same with --precision bf16", "images/s", found[1], theirs


def step_on(device, depth, input_wh, batch_size, reference=None, compiled=False, least=3.0):
    """A training step's images/s, memory (GB) and arithmetic (FLOP an image) on a device; the reference's beside it."""
    batch = made_batch(batch_size, input_wh, device)
    recipe = replace(RECIPES["simple_baselines"], depth=depth, input_wh=input_wh, batch_size=batch_size)
    ours = train.Trainer(models.simple_baseline(depth), NOBODY, recipe, device=device, compiled=compiled)
    ours.model.train()
    with FlopCounterMode(display=False) as counter:
        ours.step({name: value[:2] for name, value in batch.items()})
    works = [lambda: float(ours.step(batch)["loss"])]  # float() waits for the device
    if reference:
        theirs = reference.step(depth, batch, device)
        works.append(lambda: float(theirs()))
    memory = []
    for work in works:
        if torch.device(device).type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        work()
        memory.append(torch.cuda.max_memory_allocated() / 1e9 if torch.device(device).type == "cuda" else 0.0)
    rates = [batch_size / taken for taken in seconds(*works, least=least, rounds=3)]
    return rates, memory, counter.get_total_flops() / 2


def matrix_peak(device, size=8192):
    """FLOP/s of the device's own multiplication of two large bfloat16 matrices: the most that a network could get."""
    one = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    return 2 * size**3 / seconds(lambda: (one @ one)[0, 0].item(), least=2.0)[0]


def gpu(reference, batch_size=128):
    """Table of training speed on the card: three depths, both input sizes."""
    peak, rows = matrix_peak("cuda"), []
    print(f"{torch.cuda.get_device_name()}: {peak / 1e12:.0f} TFLOP/s in large matrices; batches of {batch_size}")
    for depth in (18, 50, 152):
        for input_wh in ((192, 256), (288, 384)):
            rates, memory, work = step_on("cuda", depth, input_wh, batch_size, reference)
            rows.append((depth, input_wh, rates, memory, rates[0] * work / peak))
            print(
                f"ResNet-{depth} {input_wh[1]}x{input_wh[0]}: {rates[0]:7.0f} images/s {memory[0]:5.1f} GB "
                f"{rows[-1][4]:5.0%} of the peak",
                f"reference {rates[1]:7.0f} images/s {memory[1]:5.1f} GB {rates[0] / rates[1]:5.1f} x"
                if reference
                else "",
            )
    return rows


def scale(counts=(1_000, 10_000, 100_000, 149_813)):
    """Seconds and memory of index, decode and AP as the number of people grows."""
    rows = []
    for people in counts:
        content = made_annotations(people)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "annotations" / "person_keypoints_train2017.json"
            file.parent.mkdir()
            file.write_text(json.dumps(content))
            results = made_results(content, 3)
            asked = [sys.executable, "-c", INDEX, folder]  # in a process of its own, for its memory
            listed, index, peak = json.loads(subprocess.run(asked, capture_output=True, check=True, cwd=ROOT).stdout)
            assert listed == people
        maps = torch.rand(64, 17, HEIGHT // 4, WIDTH // 4)
        start = time.perf_counter()
        for _ in range(people // 64 + 1):
            heatmaps.decode(maps)
        decode, start = time.perf_counter() - start, time.perf_counter()
        evaluate.average_precision(content, results)
        ap = time.perf_counter() - start
        rows.append((people, index, decode, ap, peak))
        print(f"{people:>8,} people: index {index:6.2f} s, {peak:.2f} GB  decode {decode:6.2f} s  AP {ap:7.2f} s")
    return rows


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, help="checkout of the authors' code, measured beside ours")
    parser.add_argument("--data", help="folder with JPEGs in COCO's layout (default: HPE_DATA, else built-in)")
    parser.add_argument("--scale", action="store_true", help="instead: seconds for 1,000 to 149,813 people")
    parser.add_argument("--gpu", action="store_true", help="instead: training steps on the graphics card")
    parser.add_argument("--json", type=Path, help="write the rows there too")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    reference = Reference(options.reference) if options.reference else None
    if options.scale:
        rows = scale()
    elif options.gpu:
        if not torch.cuda.is_available():
            sys.exit("no CUDA card here: --gpu measures one")
        rows = gpu(reference)
    else:
        rows = []
        with tempfile.TemporaryDirectory() as kept:
            for part in (
                input_samples(data.find(options.data), reference, kept),
                decoding(reference),
                suppression(reference),
                scoring(),
                training_step(options.reference),
            ):
                for name, unit, ours, theirs in part:
                    rows.append((name, unit, ours, theirs))
                    ratio = f"{theirs:10.1f} {ours / theirs:6.1f} x" if theirs else ""
                    print(f"{name:52} {ours:10.1f} {ratio} {unit}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
