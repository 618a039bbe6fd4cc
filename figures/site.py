"""Makes the README's pictures of the site: `python tools/site.py && python figures/site.py`. Needs a browser."""

import io
import sys
from pathlib import Path

import PIL.Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from hpe_lib import plots  # noqa: E402
from tests.browser import lab, served  # noqa: E402

BUILT = HERE.parent / "build" / "site"


def save(page, name, limit=250_000):
    """The window as a PNG of 256 colours."""
    png = plots.smaller(page.screenshot())
    if len(png) > limit:
        picture = PIL.Image.open(io.BytesIO(png)).convert("RGB")
        buffer = io.BytesIO()
        picture.quantize(96, PIL.Image.Quantize.FASTOCTREE, dither=PIL.Image.Dither.NONE).save(
            buffer, "png", optimize=True
        )
        png = buffer.getvalue()
    (HERE / f"{name}.png").write_bytes(png)
    print(HERE / f"{name}.png", f"{len(png) / 1000:.0f} kB")


def main():
    if not (BUILT / "index.html").is_file():
        sys.exit(f"{BUILT}: there is no site yet. Run first: python tools/site.py")
    with sync_playwright() as play, served.served(BUILT) as address:
        browser = play.chromium.launch(executable_path=lab.find_browser(), args=lab.FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(300_000)
        page.goto(f"{address}/notebooks/07_metrics.html")
        page.evaluate(served.SETTLED)
        page.locator('[data-live="oks"]').wait_for()
        page.evaluate("""() => {
          const top = document.querySelector('[data-live="oks"]').getBoundingClientRect().top + scrollY;
          scrollTo({ top: top - 190, behavior: 'instant' });
        }""")
        page.wait_for_timeout(1500)
        save(page, "site")
        page.goto(f"{address}/try/index.html")
        page.wait_for_selector("main:not([hidden])")
        page.locator("#ours").select_option(label="a skier in a red jacket, snow")
        page.wait_for_function("() => /person/.test(document.querySelector('#status').textContent)")
        page.locator("#joint").select_option(label="left wrist")
        page.evaluate("scrollTo({ top: document.querySelector('main').offsetTop, behavior: 'instant' })")
        page.wait_for_timeout(500)
        save(page, "try")
        browser.close()


if __name__ == "__main__":
    main()
