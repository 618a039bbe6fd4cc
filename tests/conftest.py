"""What several test files share: the official numbers, photographs, drawn people, and where larger data may lie."""

from pathlib import Path

import pytest

from hpe_lib import synthetic
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
def drawn(tmp_path_factory):
    """A COCO-layout folder with a dozen drawn training images and a few for validation."""
    return synthetic.make(
        tmp_path_factory.mktemp("drawn") / "set", train_images=12, val_images=6, workers=1, progress=False
    )
