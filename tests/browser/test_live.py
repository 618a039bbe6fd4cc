"""The live panels of notebooks 02 and 07: Python's numbers, moved by mouse and keyboard, without a kernel."""

import json

import numpy as np
import pytest

from hpe_lib import evaluate, heatmaps
from hpe_lib.metrics import OKS_THRESHOLDS, keypoint_similarity
from hpe_lib.skeleton import KEYPOINTS, OKS_SIGMAS
from tests.browser.served import Visit

pytestmark = pytest.mark.browser
ENCODE = """async (cases) => {
  const { argmax, encode } = await import('../_static/live/heatmaps.js');
  return cases.map(([place, labelled, size, stride, sigma]) => {
    const { heatmap, weight } = encode(place, labelled, size, stride, sigma);
    return [[...heatmap], weight, argmax(heatmap, size[0], stride)];
  });
}"""
OKS = """async ([truth, area, poses]) => {
  const { oks, similarity, SIGMAS, THRESHOLDS } = await import('../_static/live/oks.js');
  const off = (place, joint) => [place[0] - truth[joint][0], place[1] - truth[joint][1]];
  const each = poses[0].map((place, joint) => similarity(off(place, joint), joint, area));
  return { oks: poses.map((pose) => oks(truth, area, pose)), each, SIGMAS, THRESHOLDS };
}"""


@pytest.fixture(scope="module")
def visit(browser, address):
    visit = Visit(browser, address)
    yield visit
    visit.page.close()


def panel(visit, notebook, name):
    page = visit.open(f"notebooks/{notebook}.html")
    found = page.locator(f'[data-live="{name}"]')
    found.wait_for()
    found.scroll_into_view_if_needed()
    return page, found


def test_the_browser_draws_the_same_target_as_encode(visit):
    visit.open("notebooks/02_heatmap_encoding.html")
    generator, cases = np.random.default_rng(0), []
    for _ in range(12):
        for stride in (1, 4, 8):
            place = generator.uniform([-30, -30], [220, 290]).tolist()
            cases.append(
                [
                    place,
                    int(generator.random() < 0.9),
                    [192 // stride, 256 // stride],
                    stride,
                    generator.integers(1, 13) / 2,
                ]
            )
    cases += [[[2.0, 6.0], 1, [48, 64], 4, 2.0], [[1e-7, 255.999], 1, [48, 64], 4, 0.5]]  # halves, corners
    for (place, labelled, size, stride, sigma), (heatmap, weight, point) in zip(
        cases, visit.page.evaluate(ENCODE, cases)
    ):
        target, weights = heatmaps.encode([[place]], [[labelled]], size, stride, sigma)
        assert weights.item() == weight
        assert np.abs(np.reshape(heatmap, (size[1], size[0])) - target[0, 0].numpy()).max() < 1e-6
        assert point == (stride * heatmaps.decode(target, refine=None)[0][0, 0]).tolist()


def test_the_browser_finds_the_same_oks(visit):
    visit.open("notebooks/07_metrics.html")
    generator = np.random.default_rng(1)
    truth = np.column_stack([generator.uniform(0, 200, (17, 2)), generator.integers(0, 3, 17)])
    poses = truth[None, :, :2] + generator.normal(0, 6, (20, 17, 2))
    for area in (1e-3, 900.0, 12345.6):
        found = visit.page.evaluate(OKS, [truth.tolist(), area, poses.tolist()])
        np.testing.assert_allclose(found["oks"], evaluate.oks(truth, area, poses), rtol=0, atol=1e-6)
        np.testing.assert_allclose(found["each"], keypoint_similarity(poses[0] - truth[:, :2], area), rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["SIGMAS"], OKS_SIGMAS, rtol=1e-12)
    assert found["THRESHOLDS"] == OKS_THRESHOLDS.tolist()  # to the last bit: an OKS may stand on one


def test_the_heatmap_panel_takes_the_place_of_the_saved_one_and_moves(visit, site):
    page, live = panel(visit, "02_heatmap_encoding", "heatmap")
    said = live.locator(".said")
    about = json.loads((site / "_static/live/person.json").read_text())
    assert f"{KEYPOINTS[9].replace('_', ' ')}, 48 x 64 cells, stride 4 px, sigma 2 cells" in said.inner_text()
    target, _ = heatmaps.encode([[about["keypoints"][9]]], [[1]], (48, 64), 4, 2.0)
    point = 4 * heatmaps.decode(target, refine=None)[0][0, 0].numpy()
    assert f"decoded {np.linalg.norm(point - about['keypoints'][9]):.1f} px" in said.inner_text()
    live.locator("select").nth(1).select_option("8")
    assert "24 x 32 cells" in said.inner_text()
    live.locator("input").first.focus()
    page.keyboard.press("ArrowRight")
    assert "sigma 2.5 cells" in said.inner_text()
    before = said.inner_text()
    live.locator("canvas").first.focus()
    page.keyboard.press("ArrowDown")
    assert said.inner_text() != before
    box = live.locator("canvas").first.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"], steps=3)
    page.mouse.up()
    assert "24 x 32 cells" in said.inner_text()
    hidden = page.evaluate("""() => {
      const live = document.querySelector('[data-live="heatmap"]');
      const note = live.parentElement.querySelector('[data-live] ~ .panel-note');
      return [note.hidden, live.previousElementSibling.querySelector('.cell_output').hidden];
    }""")
    assert hidden == [True, True]
    assert "CC BY 2.0" in live.locator(".credit").inner_text()
    assert not visit.said and not visit.foreign()


def test_the_oks_ruler_says_what_python_says(visit, site):
    page, live = panel(visit, "07_metrics", "oks")
    about = json.loads((site / "_static/live/person.json").read_text())
    truth = np.array(about["pose"])

    def wanted(joint, offset, every=False, size=1.0):
        moved = truth * [size, size, 1]
        moved[(truth[:, 2] > 0) if every else joint, :2] += offset
        value = evaluate.oks(truth * [size, size, 1], about["area"] * size**2, moved[None])[0]
        return f"OKS {value:.3f}: found at {(value >= OKS_THRESHOLDS).sum()} of 10 thresholds"

    said = live.locator(".said")
    assert wanted(9, (10, 0)) in said.inner_text()
    live.locator("select").select_option("0")
    live.locator("input[type=checkbox]").check()
    assert wanted(0, (10, 0), every=True) in said.inner_text()
    live.locator("canvas").nth(1).focus()
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    assert wanted(0, (10, -4), every=True) in said.inner_text()
    live.locator("input[type=range]").nth(2).focus()
    page.keyboard.press("ArrowLeft")
    assert wanted(0, (10, -4), every=True, size=0.75) in said.inner_text()
    assert live.locator(".ladder li").count() == 10
    assert not visit.said and not visit.foreign()
