"""What several test files share: the official numbers, photographs, drawn people, and where larger data may lie."""

import json
from pathlib import Path

import pytest

from hpe_lib import data, synthetic
from tests import golden as official

SHARED = Path(__file__).parents[2] / "shared"


def shared(*parts):
    """A file or folder of the reference data beside the project, or a skip where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no reference data at {path}")
    return path


@pytest.fixture(scope="session", params=["subset"] + ["whole"] * (SHARED / "golden").is_dir())
def golden(request):
    """The official implementation's inputs and outputs, name -> array: tests/golden, and the full set where it is."""
    return official.read() if request.param == "subset" else official.read_whole(SHARED / "golden")


@pytest.fixture(scope="session")
def photographs():
    """A COCO-layout folder of real photographs: 11 for training with 26 people, 8 for validation with 17."""
    return data.find("photographs")


@pytest.fixture(scope="session")
def photographed_boxes(photographs, tmp_path_factory):
    """A detections file for the 8 validation photographs: a good and a bad box for each of the 17 people."""
    found = [
        {"image_id": person.image_id, "category_id": 1, "bbox": (person.box + moved).tolist(), "score": score}
        for person in data.persons(photographs, "val")
        for score, moved in ((0.9, [-2, 3, 5, -4]), (0.1, [20, 30, -5, -10]))
    ]
    file = tmp_path_factory.mktemp("boxes") / "person_detections_val2017.json"
    file.write_text(json.dumps(found))
    return file


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A COCO-layout folder with a dozen drawn training images and a few for validation."""
    return synthetic.make(
        tmp_path_factory.mktemp("drawn") / "set", train_images=12, val_images=6, workers=1, progress=False
    )
