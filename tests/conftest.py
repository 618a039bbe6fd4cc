"""What several test files share: where the outside reference data may lie, and a small drawn data set."""

from pathlib import Path

import numpy as np
import pytest

from hpe_lib import synthetic

SHARED = Path(__file__).parents[2] / "shared"


def shared(*parts):
    """A file or folder of the reference data beside the project, or a skip where it is absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no reference data at {path}")
    return path


@pytest.fixture(scope="session")
def golden():
    """The official implementation's inputs and outputs, name -> array."""
    with np.load(shared("golden", "reference.npz")) as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A COCO-layout folder with a dozen drawn training images and a few for validation."""
    return synthetic.make(
        tmp_path_factory.mktemp("drawn") / "set", train_images=12, val_images=6, workers=1, progress=False
    )
