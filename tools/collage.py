"""Put drawn people into photographs: `python tools/collage.py --drawn FOLDER --photographs FOLDER --out FOLDER`.

All folders are in COCO's layout. Each drawn picture gives its people, cut out along their masks, and a photograph
chosen by chance gives the place, with its own people, who keep their labels: what the drawn ones hide is no longer
marked as seen. So drawn people stand in real places, and real people stand behind others. A picture depends on the
seed and its number only. The validation part is that of the photographs.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from pycocotools import mask as masks
from tqdm import tqdm

from hpe_lib import data
from hpe_lib.machine import number_option, run_command
from hpe_lib.synthetic.dataset import whole_folder
from hpe_lib.synthetic.scenes import jpeg


def mask_of(annotation, height, width):
    """The mask (H, W) of booleans of a person, from COCO's polygons or run lengths."""
    shape = annotation["segmentation"]
    code = masks.frPyObjects(shape, height, width)  # of polygons a list, one each
    return masks.decode(masks.merge(code) if isinstance(shape, list) else code).astype(bool)


def worn(image, rng):
    """A drawn picture as a camera might have seen it: light, colour, blur and noise by chance."""
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2)))
    pixels = np.asarray(image, dtype=np.float32) / 255
    pixels = pixels ** rng.uniform(0.6, 1.6) * (rng.uniform(0.7, 1.2) + rng.normal(0, 0.06, 3))
    grain = rng.normal(0, rng.uniform(0, 0.05), (*pixels.shape[:2], 1)) + rng.normal(0, 0.01, pixels.shape)
    return (255 * (pixels + grain)).clip(0, 255)


def collage(drawn, people, photo, others, rng):
    """One picture and its annotations, without ids. drawn, photo: images; people, others: their annotations."""
    width, height = photo.size
    scale = min(width / drawn.width, height / drawn.height) * rng.uniform(0.6, 1.5)
    left, top = rng.uniform(-0.2, 0.2, 2) * photo.size + (np.array(photo.size) - scale * np.array(drawn.size)) / 2
    back = 1 / scale, 0, -left / scale, 0, 1 / scale, -top / scale  # of the photograph's px, where in the drawing
    front = worn(drawn.transform(photo.size, Image.AFFINE, back, Image.BILINEAR), rng)
    cover, found = np.zeros((height, width), np.float32), []
    for person in people:
        whole = Image.fromarray(mask_of(person, drawn.height, drawn.width).astype(np.uint8) * 255)
        mask = whole.transform(photo.size, Image.AFFINE, back, Image.BILINEAR)
        rows, columns = np.nonzero(np.asarray(mask) > 127)
        if len(rows) < 400:
            continue
        cover = np.maximum(cover, np.asarray(mask.filter(ImageFilter.GaussianBlur(0.7)), np.float32) / 255)
        points = np.array(person["keypoints"], dtype=float).reshape(17, 3)
        points[:, :2] = points[:, :2] * scale + (left, top)
        outside = (points[:, :2] < 0).any(1) | (points[:, :2] >= photo.size).any(1)
        points[outside | (points[:, 2] == 0)] = 0
        box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        found.append({"keypoints": points, "bbox": box, "area": len(rows)})
    for person in others:
        points = np.array(person["keypoints"], dtype=float).reshape(17, 3)
        labelled = points[:, 2] > 0
        column, row = points[:, :2].astype(int).clip(0, [width - 1, height - 1]).T
        hidden = labelled & (cover[row, column] > 0.5)
        points[hidden, 2] = 1
        if labelled.any() and hidden.sum() <= 0.5 * labelled.sum():
            found.append({"keypoints": points, "bbox": person["bbox"], "area": person["area"]})
    pixels = np.asarray(photo, np.float32) * (1 - cover[..., None]) + front * cover[..., None]
    for one in found:
        one |= {"keypoints": one["keypoints"].round(1).ravel().tolist(), "bbox": [float(n) for n in one["bbox"]]}
        one["num_keypoints"] = sum(v > 0 for v in one["keypoints"][2::3])
    return Image.fromarray(pixels.astype(np.uint8)), [one for one in found if one["num_keypoints"]]


def make(folder, drawn, photographs, seed):
    """Fill a folder in COCO's layout; its validation part is that of the photographs."""
    folder = Path(folder)
    content, photos = (data.read_annotations(data.annotation_file(root, "train")) for root in (drawn, photographs))
    of_image = {}
    for source, found in (("drawn", content), ("photo", photos)):
        for person in found["annotations"]:
            of_image.setdefault((source, person["image_id"]), []).append(person)
    for name in ("annotations", "train2017"):
        (folder / name).mkdir(parents=True)
    shutil.copytree(Path(photographs) / "val2017", folder / "val2017")
    shutil.copy(data.annotation_file(photographs, "val"), folder / "annotations")
    images, people = [], []
    for number, image in enumerate(tqdm(content["images"], desc="putting people into photographs", unit="image")):
        rng = np.random.default_rng([seed, number])
        place = photos["images"][rng.integers(len(photos["images"]))]
        pictures = [
            Image.fromarray(data.read_image(Path(root) / "train2017" / one["file_name"]))
            for root, one in ((drawn, image), (photographs, place))
        ]
        lists = of_image.get(("drawn", image["id"]), []), of_image.get(("photo", place["id"]), [])
        picture, found = collage(pictures[0], lists[0], pictures[1], lists[1], rng)
        name = f"{number + 1:012d}.jpg"
        (folder / "train2017" / name).write_bytes(jpeg(np.asarray(picture), int(rng.integers(55, 96))))
        images.append({"id": number + 1, "file_name": name, "width": picture.width, "height": picture.height})
        for one in found:
            ids = {"id": len(people) + 1, "image_id": number + 1, "category_id": 1, "iscrowd": 0}
            people.append(ids | one)
    content = {"images": images, "annotations": people, "categories": content["categories"]}
    (folder / "annotations" / "person_keypoints_train2017.json").write_text(json.dumps(content), encoding="utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawn", type=Path, required=True)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=number_option(int, 0), default=0)
    args = parser.parse_args(arguments)
    settings = {"drawn": str(args.drawn), "photographs": str(args.photographs), "seed": args.seed}

    def build(folder):
        make(folder, args.drawn, args.photographs, args.seed)
        (folder / "synthetic.json").write_text(json.dumps(settings), encoding="utf-8")

    whole_folder(args.out, settings, build)


if __name__ == "__main__":
    run_command(main)
