"""The slides that tools/slides.py makes: every one fits the screen, and shows neither solutions nor figures' code."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import slides  # noqa: E402

NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
MEASURE = """() => [...document.querySelectorAll('.slides > section > section')].map(slide => {
  const scale = fit(slide), outer = slide.querySelector('.fit'), start = outer.getBoundingClientRect();
  const ends = [...outer.querySelectorAll('*')].map(part => part.getBoundingClientRect());
  const width = Math.max(...ends.map(end => end.right)) - start.left;
  return { scale, width, height: Math.max(...ends.map(end => end.bottom)) - start.top, text: outer.innerText };
})"""


@pytest.fixture(scope="module")
def page(browser):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.route("http*://**", lambda route: route.abort())  # reveal.js itself stays away: each slide is measured alone
    yield page
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_every_slide_fits_the_screen(page, screenshots, tmp_path, name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    slides.mark(notebook)
    (tmp_path / "slides.html").write_text(slides.convert(notebook, name), "utf-8")
    page.goto((tmp_path / "slides.html").as_uri())
    page.add_style_tag(content="aside.notes { display: none } .slides section { width: 1280px }")  # as reveal.js does
    page.wait_for_function("() => [...document.images].every(image => image.complete)")
    measured = page.evaluate(MEASURE)
    assert len(measured) >= 20
    for slide in measured:
        assert slide["width"] <= 1230 and slide["height"] <= 700, slide
        assert slide["scale"] >= 0.5, slide  # 26 px become 13 px: no smaller
        assert slide["text"].strip() or slide["height"] > 300, slide  # words or a picture
        assert not re.search(r"plots\.show\(|<summary>|Solution$", slide["text"], re.MULTILINE), slide["text"]
    for number in (0, len(measured) // 3, 2 * len(measured) // 3):
        page.locator(".fit").nth(number).screenshot(path=screenshots / f"slides-{name}-{number}.png")
