"""Writing the data set: a folder in COCO's layout, drawn on all cores, complete or not there at all."""

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
import uuid
import warnings
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..skeleton import KEYPOINTS, LIMBS
from .scenes import jpeg, scene, viewpoint

VERSION = 8
"""Changes whenever the same seed gives other pictures or labels; a cache folder's name should hold it."""

SPLITS = ("train", "val")


def make(folder, train_images=1500, val_images=300, seed=0, workers=None, progress=True):
    """Draw the built-in data set into `folder`, in COCO's own layout, and return the folder as a `Path`.

    Writes `annotations/person_keypoints_{train,val}2017.json`, `train2017/*.jpg` and `val2017/*.jpg`. Image `index` of
    a split depends on `seed`, the split and `index` only, not on the number of images or of `workers` (processes; None:
    one a core). Training images have odd ids, validation images even ones. Everything is drawn into a neighbouring
    folder that is renamed at the end: `folder` is never half made. If it already holds the data set with these
    settings, nothing is done.

    Raises FileExistsError when `folder` holds something else, OSError when the disk is full.
    """
    settings = {"version": VERSION, "seed": seed, "train_images": train_images, "val_images": val_images}
    return whole_folder(folder, settings, lambda building: _build(building, settings, workers, progress))


def whole_folder(folder, settings, build):
    """Let `build` fill a neighbouring folder, then rename it to `folder`, unless that holds these settings already."""
    folder = Path(folder)
    if _holds(folder, settings):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:12]}.partial")
    for left in folder.parent.iterdir():  # by a process that was killed a day ago or more
        ours = left.name.startswith(f".{folder.name}-") and left.suffix == ".partial"
        if ours and time.time() - left.stat().st_mtime > 86400:
            shutil.rmtree(left, ignore_errors=True)
    try:
        build(building)
        try:
            if folder.is_dir():
                folder.rmdir()  # empty, or _holds would have refused it
            building.rename(folder)
        except OSError:
            if not _holds(folder, settings):  # otherwise someone else has just made it
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def _holds(folder, settings):
    """Whether `folder` is this very data set; False when it is absent or empty, an error when it is something else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    try:
        found = json.loads((folder / "synthetic.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if found != settings:
        raise FileExistsError(
            f"{folder}: cannot draw people here, since the folder holds "
            + (f"one with other settings ({found})" if found else "other files")
            + "; name a new folder or remove this one"
        )
    return True


def _build(folder, settings, workers, progress):
    for name in ("annotations", *(f"{split}2017" for split in SPLITS)):
        (folder / name).mkdir(parents=True)
    jobs = [(split, index) for split in SPLITS for index in range(settings[f"{split}_images"])]
    draw = partial(_draw, str(folder), settings["seed"])
    files = {split: {**head(settings), "images": [], "annotations": []} for split in SPLITS}
    with tqdm(total=len(jobs), desc="drawing people", unit="image", disable=not progress) as bar:
        for (split, _), (image, annotations) in zip(jobs, run(draw, jobs, workers)):
            files[split]["images"].append(image)
            files[split]["annotations"] += annotations
            bar.update()
    for split, content in files.items():
        path = folder / "annotations" / f"person_keypoints_{split}2017.json"
        path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")
    (folder / "synthetic.json").write_text(json.dumps(settings), encoding="utf-8")


def run(draw, jobs, workers, chunk=8):
    """Yield draw(job) for all jobs in order, by processes where the machine allows it."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(1)  # a worker that reads a script without `if __name__ == "__main__":` once more; see below
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = workers or cores
    done = 0
    if workers > 1 and len(jobs) > chunk:
        try:
            # "spawn" works on every system, and beside the threads of a notebook's kernel.
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(min(workers, 32), context, _start_worker) as pool:
                try:
                    for result in pool.map(draw, jobs, chunksize=chunk):
                        yield result
                        done += 1
                except BaseException:
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise
        except (BrokenExecutor, ImportError, NotImplementedError, OSError):  # a full disk will say so again
            warnings.warn(
                "drawing with one process, which takes longer: the others could not start or were stopped. "
                'A script that draws people should do so below `if __name__ == "__main__":`',
                stacklevel=2,
            )
    for job in jobs[done:]:
        yield draw(job)


def _start_worker():
    """Ctrl+C is for the process that waits, which then stops the others; should it be killed, they leave too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def _draw(folder, seed, job):
    """Draw one image, write it, and return its COCO entries. Other processes find it here, at the module's top."""
    split, index = job
    number = SPLITS.index(split)
    rng = np.random.default_rng([seed, number, index])
    camera = viewpoint(rng)
    image, annotations = scene(rng, camera)
    image_id = 2 * index + 1 + number
    name = f"{image_id:012d}.jpg"
    (Path(folder) / f"{split}2017" / name).write_bytes(jpeg(image))
    entry = {
        "id": image_id,
        "file_name": name,
        "width": image.shape[1],
        "height": image.shape[0],
        "license": 1,
        "focal_length": round(camera.focal, 3),
    }
    return entry, [{"id": 100 * image_id + k, "image_id": image_id, **one} for k, one in enumerate(annotations)]


def head(settings):
    """-> what a COCO file says about itself."""
    person = {
        "id": 1,
        "name": "person",
        "supercategory": "person",
        "keypoints": list(KEYPOINTS),
        "skeleton": [[a + 1, b + 1] for a, b in LIMBS],
    }
    return {
        "info": {
            "description": "People that hpe_lib.synthetic drew, in COCO's keypoint format",
            "version": f"{VERSION}",
            "year": 2025,
            "seed": settings["seed"],
        },
        "licenses": [{"id": 1, "name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"}],
        "categories": [person],
    }
