import io
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from hpe_lib.course.widgets import your_own_pictures as widgets


def poses(people):
    found = np.zeros((people, 17, 3))
    found[..., :2] = np.random.default_rng(0).uniform(10, 80, (people, 17, 2))
    found[..., 2] = np.linspace(0.05, 0.95, 17)
    return found


@pytest.fixture
def panel():
    image = np.full((90, 120, 3), 128, np.uint8)
    return widgets.threshold_panel({"one": (image, poses(1), "A page, CC BY"), "two": (image, poses(2), "Another")})


def test_the_threshold_decides_how_many_joints_are_drawn(panel):
    for threshold, count in ((0.0, 17), (0.5, 8), (1.0, 0)):
        before = panel.picture.value
        panel.move(threshold=threshold)
        assert f"threshold {threshold:.2f}: {count} of 17 joints drawn. A page, CC BY" in panel.alt
        assert panel.picture.value != before
    panel.move(picture="two", threshold=0.5)
    assert "two, 2 people; threshold 0.50: 16 of 34 joints drawn. Another" in panel.alt
    assert "16 of 34" in panel.figure.get_suptitle()


def upload(panel, content, name="me.png"):
    kind = {"name": name, "type": "image/png", "size": len(content), "content": memoryview(content)}
    panel.button.value = ({**kind, "last_modified": datetime(2026, 1, 1)},)


def png(size=(120, 90)):
    buffer = io.BytesIO()
    Image.new("RGB", size, "grey").save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_that_is_uploaded_is_read_and_drawn():
    seen = []
    panel = widgets.UploadPanel(lambda image: (seen.append(image.shape), (poses(2), np.ones(2)))[1])
    assert panel.drawn.layout.display == "none"
    upload(panel, png())
    assert seen == [(90, 120, 3)] and panel.said.value == "me.png: 2 people found."
    assert Image.open(io.BytesIO(panel.drawn.value)).width > 100 and panel.drawn.layout.display == ""


def test_what_is_no_picture_is_said_and_nobody_is_no_error():
    panel = widgets.UploadPanel(lambda image: (poses(0), np.ones(0)))
    upload(panel, b"no picture", "<b>.jpg")
    assert "&lt;b&gt;.jpg is not a readable image" in panel.said.value and panel.drawn.layout.display == "none"
    upload(panel, png((3000, 2000)), "large.png")
    assert panel.said.value == "large.png: nobody found." and panel.drawn.layout.display == ""
