"""The browser and the server that all browser tests share, or the reason why there is none."""

from pathlib import Path

import pytest

from tests.browser import lab

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


@pytest.fixture
def screenshots():
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS
