"""The photographs that come with the repository: all named in their table, free to be passed on, and small."""

import csv
import json

from hpe_lib import data
from hpe_lib.data.__main__ import check

CC_BY = 4  # the number of this licence in COCO's annotations
COCO_FIELDS = {
    "images": {"license", "file_name", "coco_url", "height", "width", "date_captured", "flickr_url", "id"},
    "annotations": {"num_keypoints", "area", "iscrowd", "keypoints", "image_id", "bbox", "category_id", "id"},
}


def test_every_photograph_has_its_row_and_its_licence(photographs):
    with open(photographs / "photographs.csv", newline="", encoding="utf-8") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert rows.keys() == {path.relative_to(photographs).as_posix() for path in photographs.rglob("*.jpg")}
    seen = set()
    for split in ("train", "val"):
        content = json.loads((photographs / "annotations" / f"person_keypoints_{split}2017.json").read_text("utf-8"))
        licences = {licence["id"]: licence["url"] for licence in content["licenses"]}
        for image in content["images"]:
            row = rows[f"{split}2017/{image['file_name']}"]
            seen.add(row["file"])
            assert image["license"] == CC_BY and row["licence_url"] == licences[CC_BY]
            assert (row["id"], row["split"], row["address"]) == (str(image["id"]), split, image["flickr_url"])
            assert f"/{row['page'].partition('?id=')[2]}_" in row["address"]  # the number of the same photograph
            assert all(row.values())
        for part, fields in COCO_FIELDS.items():
            assert all(entry.keys() == fields for entry in content[part])
    assert seen == rows.keys()


def test_each_has_a_credit_to_be_shown_beside_it(photographs):
    for file in photographs.rglob("*.jpg"):
        assert data.credit(file).startswith("flickr.com/photo.gne?id=") and data.credit(file).endswith(", CC BY 2.0")
    assert data.credit("another.jpg") == ""


def test_they_are_whole_and_small(photographs):
    """Each image is read and has the size that the annotations say."""
    assert check(photographs) == [
        "train: 11 images, 26 annotations, 26 people to learn from, 334 labelled keypoints",
        "val: 8 images, 17 annotations, 17 people to learn from, 227 labelled keypoints",
    ]
    assert sum(path.stat().st_size for path in photographs.rglob("*")) <= 1_000_000
