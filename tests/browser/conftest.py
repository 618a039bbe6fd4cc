"""The browser and the server that all browser tests share, or the reason why there is none."""

import os
from pathlib import Path

import pytest

from tests.browser import lab, served

SCREENSHOTS = Path(__file__).parents[2] / "build" / "browser"


@pytest.fixture(scope="session")
def browser():
    path = lab.find_browser()
    if path is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(lab.NAMES)} (Debian: apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=lab.FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where the copies of the notebooks lie: nothing is saved into the repository."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def url(folder, browser):
    with lab.jupyterlab(folder) as url:
        yield url


@pytest.fixture(scope="session")
def site(tmp_path_factory, browser):
    """The folder of the course's site, built anew."""
    for module in ("sphinx", "myst_nb", "sphinx_book_theme", "onnx"):
        pytest.importorskip(module, reason=f"{module} is missing: pip install -r requirements-site.txt")
    if not (served.MODULES / "axe-core").is_dir():
        pytest.skip("site/node_modules is missing: npm ci --prefix site")
    if ready := os.environ.get("COURSE_SITE"):  # one that is built already
        return Path(ready).resolve()
    out = tmp_path_factory.mktemp("built") / "site"
    served.build(out)
    return out


@pytest.fixture(scope="session")
def address(site):
    """Where a plain static server shows the site."""
    with served.served(site) as address:
        yield address


@pytest.fixture
def screenshots():
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS
