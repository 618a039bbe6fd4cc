"""The course's site: every page opens without complaint, asks no other host, and can be read by everyone."""

import gzip
import re
import urllib.parse
from html.parser import HTMLParser

import pytest

import hpe_lib
from tests.browser.served import MODULES, ROOT, Visit

pytestmark = pytest.mark.browser
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
LISTS = ("GLOSSARY", "README", "REFERENCES", "PAPER", "EXAM", "ON_A_GPU")
READ = re.findall(r"^ {4}[\d, ]{10}(\S+)\.py ", hpe_lib.__doc__, re.MULTILINE)  # the rows of the map
PAGES = [f"notebooks/{name}.html" for name in (*NOTEBOOKS, *LISTS)] + [
    f"slides/{name}.slides.html" for name in NOTEBOOKS
]
PAGES += [f"api/{name.replace('/', '.')}.html" for name in ("index", *READ)]
PAGES += [f"{name}.html" for name in ("index", "about", "live", "slides", "search", "genindex", "try/index")]
LIMIT = 2_000_000  # bytes of a page with all its figures, as a server sends them
AXE = """async (all) => {  // the colours of code are the same everywhere: looked at once
  const where = all ? document : { include: [["html"]], exclude: [[".highlight pre"]] };
  const found = await axe.run(where, { resultTypes: ["violations"] });
  const example = ({ html, failureSummary }) => html.slice(0, 200) + failureSummary;
  return found.violations.filter(each => ["serious", "critical"].includes(each.impact)).map(
    each => [each.id, each.nodes.length, each.nodes.slice(0, 3).map(example)]);
}"""
LOAD_ALL = """async () => {
  for (const image of document.images) image.loading = "eager";
  await Promise.all([...document.images].map(image => image.decode().catch(() => 0)));
  return [...document.images].filter(image => !image.naturalWidth).map(image => image.src);
}"""
UNNAMED = "() => [...document.images].filter(image => !image.getAttribute('alt')?.trim()).map(image => image.src)"


@pytest.fixture(scope="module")
def visit(browser, address):
    visit = Visit(browser, address)
    yield visit
    visit.page.close()


class Links(HTMLParser):
    """A page's links, ids and pictures."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids |= {values[name] for name in ("id", "name") if values.get(name)}
        self.links += [values[name] for name in ("href", "src") if values.get(name) and tag != "base"]


def pages(site):
    """The addresses of all pages, slides and the network's page included."""
    return sorted(file.relative_to(site).as_posix() for file in site.rglob("*.html") if "_static" not in file.parts)


def weight(site, visit):
    """How many bytes a page takes, text compressed as servers do: all that it asked for."""
    total = 0
    for url in visit.asked:
        file = site / urllib.parse.unquote(urllib.parse.urlparse(url).path.lstrip("/"))
        content = file.read_bytes() if file.is_file() else b""
        compressed = file.suffix in (".html", ".js", ".mjs", ".css", ".svg", ".json")
        total += len(gzip.compress(content, 6) if compressed else content)
    return total


def test_every_notebook_list_and_file_to_read_has_its_page(site):
    assert pages(site) == sorted(PAGES)


def test_no_link_leads_to_nothing(site):
    read = {page: Links((site / page).read_text("utf-8")) for page in pages(site)}
    broken = []
    for page, links in read.items():
        for link in set(links.links):
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:|//", link):
                continue
            file = (site / page).parent / urllib.parse.unquote(target.partition("?")[0]) if target else site / page
            name = file.resolve().relative_to(site.resolve()).as_posix() if file.exists() else None
            known = name is None or name not in read or urllib.parse.unquote(anchor) in read[name].ids
            if name is None or (anchor and not known and page.partition("/")[0] != "slides"):
                broken.append((page, link))
    assert not broken


def test_links_to_other_hosts_are_those_of_the_texts(site):
    loaded = r'<(?:script|img|iframe|source|video)[^>]* src="(?:https?:)?//|<link[^>]* href="(?:https?:)?//'
    loaded += r"|url\((?:https?:)?//"
    found = {page for page in pages(site) if re.search(loaded, (site / page).read_text("utf-8"))}
    assert not found


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_without_complaint_and_can_be_read_by_everyone(site, visit, path):
    page = visit.open(path)
    assert not page.evaluate(LOAD_ALL), "pictures that do not come"
    assert not page.evaluate(UNNAMED), "pictures without a text"
    assert not visit.said and not visit.foreign()
    assert weight(site, visit) <= LIMIT
    if path.startswith("slides/"):
        return
    page.evaluate((MODULES / "axe-core" / "axe.min.js").read_text("utf-8"))
    assert not page.evaluate(AXE)
    page.set_viewport_size({"width": 375, "height": 800})
    page.evaluate("() => document.querySelectorAll('details').forEach(each => each.open = true)")
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1280, "height": 900})
    assert width <= 375


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_code_can_be_read_by_everyone_on_light_and_on_dark(browser, address, theme):
    visit = Visit(browser, address, color_scheme=theme)
    visit.open("notebooks/08_stacked_hourglass.html").evaluate((MODULES / "axe-core/axe.min.js").read_text("utf-8"))
    assert visit.page.evaluate("document.documentElement.dataset.theme") == theme
    assert not visit.page.evaluate(AXE, True)
    visit.page.close()


@pytest.mark.parametrize("words", ["OKS", "quarter pixel"])
def test_the_search_finds(visit, words):
    page = visit.open(f"search.html?q={urllib.parse.quote_plus(words)}")
    page.wait_for_selector("#search-results ul.search li a")
    assert page.locator("#search-results ul.search li").count() >= 3
    assert page.locator('#search-results a[href^="notebooks/"]').count() >= 2
    assert not visit.foreign()


def test_the_search_works_without_a_server(site, browser):
    visit = Visit(browser, site.as_uri())
    page = visit.open("search.html?q=OKS")
    page.wait_for_selector("#search-results ul.search li a")
    assert not visit.said
    page.close()


def test_hints_and_figures_code_are_folded_and_panels_say_what_they_need(visit):
    page = visit.open("notebooks/03_residual_blocks.html")
    assert page.locator("details:not([open]) > summary", has_text="Hint").count() == 5
    assert page.locator("details:not([open]) > summary", has_text="Solution").count() == 5
    assert page.locator("details.hide:not([open]) > summary", has_text="Figure:").count() >= 10
    assert "needs a running notebook" in page.locator(".panel-note").first.inner_text()
    assert (
        page.locator('a:text("Open in Colab")').get_attribute("href").startswith("https://colab.research.google.com/")
    )
    assert "Google Colab: install" not in page.content() and "colab-badge" not in page.content()


def test_words_lead_to_the_glossary(visit):
    page = visit.open("notebooks/03_residual_blocks.html")
    links = page.locator("a.word")
    anchors = [link.get_attribute("href") for link in links.all()]
    assert len(anchors) >= 15 and len(set(anchors)) == len(anchors)  # each once
    links.first.click()
    page.wait_for_load_state()
    assert "GLOSSARY.html#word-" in page.url


def test_the_download_is_the_notebook_itself(site):
    for name in NOTEBOOKS:
        saved, given = (folder / f"{name}.ipynb" for folder in (ROOT / "notebooks", site / "_sources" / "notebooks"))
        assert saved.read_bytes() == given.read_bytes()


def test_slides_turn(visit):
    page = visit.open(f"slides/{NOTEBOOKS[2]}.slides.html")
    page.wait_for_selector("section.present section.present .fit")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.hash.length > 2")
    assert not visit.said and not visit.foreign()
