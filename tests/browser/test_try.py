"""The network in the browser: Python's joints, pictures of all kinds, and nothing that leaves the machine."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from hpe_lib import data, models, predict
from tests.browser.served import ROOT, Visit

pytestmark = pytest.mark.browser
PICTURES = ("000000000785", "000000187362", "000000313588", "000000054931", "000000301135")
START = "main:not([hidden])"
PREDICT = """async ([name, file, boxes]) => {
  const { loadNetwork } = await import('./network.js');
  window.networks ??= {};
  networks[name] ??= await loadNetwork(name, 'wasm', () => {});
  const bitmap = await createImageBitmap(await (await fetch(file)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  const people = await networks[name].predict(context.getImageData(0, 0, bitmap.width, bitmap.height), boxes);
  return { poses: people.map(({ pose }) => pose), crop: base64(people.at(-1).crop.data) };
}"""
BOXES = """async (file) => {
  const { loadDetector } = await import('./detector.js');
  window.detector ??= await loadDetector('wasm', () => {});
  const bitmap = await createImageBitmap(await (await fetch(file)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  return await window.detector.findPeople(context.getImageData(0, 0, bitmap.width, bitmap.height));
}"""
PIXELS = """async (file) => {
  const bitmap = await createImageBitmap(await (await fetch(file)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  return base64(context.getImageData(0, 0, bitmap.width, bitmap.height).data);
}"""
BASE64 = """globalThis.base64 = (bytes) => {
  let text = '';
  for (let at = 0; at < bytes.length; at += 30000) text += String.fromCharCode(...bytes.subarray(at, at + 30000));
  return btoa(text);
};"""


@pytest.fixture(scope="module")
def photographs(site):
    return {row["file"].split("/")[-1][:12]: row for row in json.loads((site / "try/photographs.json").read_text())}


@pytest.fixture
def visit(browser, address):
    visit = Visit(browser, address)
    visit.page.set_default_timeout(60_000)
    yield visit
    visit.page.close()


@pytest.fixture(scope="module")
def shared(browser, address):
    """A page that stays open, so that each network comes once."""
    visit = Visit(browser, address)
    visit.page.set_default_timeout(60_000)
    visit.page.add_init_script(BASE64)
    visit.open("try/index.html").wait_for_selector(START)
    yield visit.page
    visit.page.close()


def choose(page, shows):
    page.wait_for_selector(START)
    page.get_by_label("One of ours").select_option(label=shows)


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("name", ["photos", "tiny"])
def test_the_browser_finds_the_same_joints_as_python(shared, site, photographs, name, picture):
    row, model = photographs[picture], models.load_model(name)
    image = data.read_image(site / "try" / row["file"])
    png = io.BytesIO()
    Image.fromarray(image).save(png, "PNG")  # browsers decode JPEG a little differently: the same pixels for both
    shared.route("**/same.png", lambda route: route.fulfill(body=png.getvalue(), content_type="image/png"))
    boxes = [*row["boxes"], [0, 0, image.shape[1], image.shape[0]], [-20, 30, 120, 90]]  # one over the edge
    found = shared.evaluate(PREDICT, [name, "same.png", boxes])
    shared.unroute("**/same.png")
    wanted = predict.predict_image(model, image, boxes)
    poses = np.array(found["poses"])
    assert poses.shape == wanted.shape
    assert np.abs(poses - wanted)[..., :2].max() < 0.5  # px
    assert np.abs(poses - wanted)[..., 2].max() < 1e-3
    crop, _ = data.cut(image, data.boxes_in_image(boxes[-1:], *image.shape[1::-1])[0], model.input_wh)
    there = np.frombuffer(base64.b64decode(found["crop"]), np.uint8).reshape(*crop.shape[:2], 4)[..., :3]
    assert np.abs(there - crop.astype(int)).max() <= 1


@pytest.mark.parametrize("picture", PICTURES)
def test_the_browser_finds_the_same_people_as_python(shared, site, photographs, picture):
    image = data.read_image(site / "try" / photographs[picture]["file"])
    png = io.BytesIO()
    Image.fromarray(image).save(png, "PNG")
    shared.route("**/boxes.png", lambda route: route.fulfill(body=png.getvalue(), content_type="image/png"))
    found = np.array(shared.evaluate(BOXES, "boxes.png"))
    shared.unroute("**/boxes.png")
    boxes, scores = predict.detect_people(image)
    assert found.shape == (len(boxes), 5) and len(boxes) > 0
    assert np.abs(found[:, :4] - boxes).max() < 0.5 and np.abs(found[:, 4] - scores).max() < 1e-3


def test_a_jpeg_shows_the_browser_nearly_the_same_pixels(shared, site, photographs):
    row = photographs[PICTURES[0]]
    there = np.frombuffer(base64.b64decode(shared.evaluate(PIXELS, row["file"])), np.uint8)
    image = data.read_image(site / "try" / row["file"])
    assert np.abs(there.reshape(*image.shape[:2], 4)[..., :3] - image.astype(int)).mean() < 1  # of 255


def test_a_photograph_of_ours_shows_poses_with_its_credit(visit, photographs):
    page = visit.open("try/index.html")
    choose(page, photographs["000000000785"]["shows"])
    page.wait_for_function("() => /1 person: \\d+ of 17 joints/.test(document.querySelector('#status').textContent)")
    assert "CC BY 2.0" in page.locator("#credit").inner_text()
    assert "author" in page.locator("#credit a").first.inner_text()
    assert page.locator("#maps button").count() == 17 and page.locator("#numbers tr").count() == 17
    assert "a skier in a red jacket" in page.locator("#stage").get_attribute("aria-label")
    assert not visit.said and not visit.foreign()


def test_the_threshold_and_the_heatmap_follow_the_keyboard(visit, photographs):
    page = visit.open("try/index.html")
    choose(page, photographs["000000000785"]["shows"])
    page.wait_for_function("() => document.querySelectorAll('#maps button span')[0].textContent.length > 5")
    all_shown, picture = (
        page.locator("#status").inner_text(),
        page.evaluate("document.querySelector('#stage').toDataURL()"),
    )
    page.locator("#threshold").focus()
    page.keyboard.press("End")  # a threshold of 1: nothing is above it
    assert "0 of 17" in page.locator("#status").inner_text() != all_shown
    page.locator("#maps button").nth(9).focus()
    page.keyboard.press("Enter")
    assert "left wrist laid over" in page.locator("#stage").get_attribute("aria-label")
    assert page.locator("#maps button").nth(9).get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.querySelector('#stage').toDataURL()") != picture


def test_a_picture_of_yours_gets_boxes_by_mouse_and_by_keyboard(visit):
    page = visit.open("try/index.html")
    page.wait_for_selector(START)
    page.set_input_files("#file", ROOT / "hpe_lib/photographs/val2017/000000000785.jpg")
    page.wait_for_function("() => document.querySelector('#status').textContent.startsWith('1 person')")  # detected
    page.get_by_role("button", name="Remove the last box").click()
    page.wait_for_function("() => document.querySelector('#status').textContent.includes('Draw a box')")
    page.locator("#whole").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#status').textContent.startsWith('1 person')")
    page.locator("#stage").scroll_into_view_if_needed()
    frame = page.locator("#stage").bounding_box()
    page.mouse.move(frame["x"] + 0.4 * frame["width"], frame["y"] + 0.1 * frame["height"])
    page.mouse.down()
    page.mouse.move(frame["x"] + 0.8 * frame["width"], frame["y"] + 0.9 * frame["height"], steps=4)
    page.mouse.up()
    page.wait_for_function("() => document.querySelector('#status').textContent.startsWith('2 people')")
    page.get_by_role("button", name="Remove the last box").click()
    page.wait_for_function("() => document.querySelector('#status').textContent.startsWith('1 person')")


def test_a_picture_that_is_none_gets_a_sentence(visit):
    page = visit.open("try/index.html")
    page.wait_for_selector(START)
    page.set_input_files("#file", ROOT / "README.md")
    page.wait_for_selector("#error:not(:empty)")
    assert "README.md is no picture" in page.locator("#error").inner_text()
    page.set_input_files("#file", {"name": "cut.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0 nothing"})
    page.wait_for_function("() => document.querySelector('#error').textContent.includes('cut.jpg is no picture')")
    assert not visit.said


def test_a_camera_refused_gets_a_sentence(browser, address):
    visit = Visit(browser, address, permissions=[])
    visit.page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); }"
    )
    page = visit.open("try/index.html")
    page.wait_for_selector(START)
    page.get_by_role("button", name="Turn the camera on").click()
    page.wait_for_selector("#error:not(:empty)")
    assert "The camera was refused" in page.locator("#error").inner_text()
    page.close()


def test_a_browser_without_webassembly_gets_a_sentence(visit):
    visit.page.add_init_script("delete globalThis.WebAssembly")
    page = visit.open("try/index.html")
    page.wait_for_selector("#error:not(:empty)")
    assert "no WebAssembly" in page.locator("#error").inner_text()
    assert not visit.said


def test_a_camera_shows_frames_and_their_rate(visit):
    visit.page.add_init_script("""navigator.mediaDevices.getUserMedia = async () => {
      const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
      [canvas.width, canvas.height] = [160, 120];
      setInterval(() => {
        context.fillStyle = `rgb(${Math.random() * 255}, 80, 80)`;
        context.fillRect(0, 0, 160, 120);
      }, 50);
      return canvas.captureStream(20);
    }""")
    page = visit.open("try/index.html")
    page.wait_for_selector(START)
    page.locator("#network").select_option("tiny")
    page.get_by_role("button", name="Turn the camera on").click()
    page.wait_for_function("() => /[\\d.]+ frames a second/.test(document.querySelector('#speed').textContent)")
    page.get_by_role("button", name="Turn the camera off").click()
    assert not visit.said and not visit.foreign()


def test_a_server_that_fails_gets_a_sentence(visit, photographs):
    visit.page.route("**/photos.onnx", lambda route: route.fulfill(status=503))
    page = visit.open("try/index.html")
    choose(page, photographs["000000000785"]["shows"])
    page.wait_for_selector("#error:not(:empty)")
    assert re.search("photos.onnx could not be fetched: the server said 503", page.locator("#error").inner_text())


def test_the_page_forbids_itself_other_hosts(visit):
    page = visit.open("try/index.html")
    assert "Nothing leaves your machine" in page.locator("header").inner_text()
    tried = page.evaluate("""async () => {
      const refused = [];
      document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
      await fetch('https://example.org/').catch(() => 0);
      const image = new Image();
      image.src = 'https://example.org/a.png?what-you-see';
      await new Promise((done) => { image.onerror = done; });
      navigator.sendBeacon?.('https://example.org/beacon', 'x');
      await new Promise((done) => setTimeout(done, 200));
      return refused;
    }""")
    assert {"connect-src", "img-src"} <= set(tried)


def test_geometry_decoding_and_drawing_are_short():
    files = ("geometry", "crop", "heatmaps", "draw", "network")
    lines = {name: len((ROOT / "site" / "try" / f"{name}.js").read_text("utf-8").splitlines()) for name in files}
    assert sum(lines.values()) <= 400, lines
