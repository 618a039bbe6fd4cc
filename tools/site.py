"""Make the course's site from the saved notebooks, without running them: `python tools/site.py` writes build/site.

    pip install -r requirements-site.txt && npm ci --prefix site    # once: Sphinx, MathJax, onnxruntime-web
    python tools/site.py                                            # offline from here on
    python -m http.server --directory build/site                    # look at it: http://localhost:8000

Sphinx with MyST-NB makes the pages from what tools/site_pages.py prepares. Beside them stand the slides, and the
network for the browser. The repository's address is that of pyproject.toml, as for Colab's badges.
"""

import argparse
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
import site_networks
import site_pages
import slides
import stamp

ROOT = Path(__file__).parents[1]
SITE, NOTEBOOKS, MODULES = ROOT / "site", ROOT / "notebooks", ROOT / "site" / "node_modules"
FOREIGN = (  # what nbconvert's slides fetch from elsewhere, or run only with it
    r'<script src="https://[^"]*">\s*</script>',
    r'<script type="module">\s*import mermaid.*?</script>',
    r'<script type="text/x-mathjax-config">.*?</script>',
    r"<script>\s*require\(.*?</script>",
    r"<!-- End of mermaid configuration -->|<!-- MathJax configuration -->",
)
LIVE = {  # cells with a panel that needs no kernel -> the script that takes its place (site/live)
    "ff217421": ("heatmap", "the heatmap panel"),
    "6732a777": ("oks", "the OKS ruler"),
}
PANEL = """\
<div class="live-panel" data-live="{name}" role="group" aria-label="Live: {said}" hidden></div>
<script type="module" src="../_static/live/{name}-panel.js"></script>"""
SLIDES_HEAD = """\
<link rel="icon" href="../_static/favicon.svg">
<script>window.MathJax = {tex: {inlineMath: [["$", "$"], ["\\\\(", "\\\\)"]]}, options: {enableMenu: false}};</script>
<script defer src="../_static/mathjax/tex-chtml.js"></script>
</head>"""
SLIDES_FOOT = """\
<script src="reveal/dist/reveal.js"></script>
<script src="reveal/plugin/notes/notes.js"></script>
<script src="slides.js"></script>
<script>
window.addEventListener("load", () => {
"""


def run_sphinx(sources, out, repository):
    """Let Sphinx make the pages; its warnings are errors: a link to nowhere, a heading left out."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-b",
        "html",
        "-q",
        "-E",
        "-W",
        "--keep-going",
        "-j",
        "2",
        "-c",
        str(SITE),
    ]
    command += ["-d", f"{out}-doctrees", str(sources), str(out)]
    subprocess.run(command, check=True, env=os.environ | {"COURSE_REPOSITORY": repository})


def serve_formulas(out):
    """Put MathJax beside the pages: the site asks no other host."""
    target = out / "_static" / "mathjax"
    shutil.copytree(MODULES / "mathjax/es5/output/chtml/fonts/woff-v2", target / "output/chtml/fonts/woff-v2")
    shutil.copy(MODULES / "mathjax/es5/tex-chtml.js", target)


def finish_pages(out, repository):
    """Pages as they go out: icons from a font instead of a script of 1.5 MB, figures as WebP, edit links."""
    edit = f"{repository}/edit/{stamp.BRANCH}"
    for file in (out / "_images").glob("*.png"):
        Image.open(file).save(file.with_suffix(".webp"), lossless=True, method=2)  # the same pixels in 0.6 of the bytes
        file.unlink()
    for file in out.rglob("*.html"):
        text = file.read_text("utf-8")
        text = re.sub(r'\s*<script defer src="[^"]*fontawesome\.js[^"]*"></script>', "", text)
        text = re.sub(r'(_images/[\w.-]+)\.png"', r'\1.webp"', text)
        text = re.sub(r"<img (?![^>]*loading=)", '<img loading="lazy" ', text)
        text = text.replace('<summary aria-label="Toggle hidden content">', "<summary>")  # its text says more
        text = text.replace(
            '<summary><span class="toctree-toggle"', '<summary aria-label="Pages below"><span class="toctree-toggle"'
        )
        text = re.sub(r'(<button class="btn search-button-field[^>]*?) title="Search" aria-label="Search"', r"\1", text)
        text = text.replace("console.log(", "void(")  # the theme tells the console what it does
        text = re.sub(rf"{edit}/(index|about)\.md", f"{edit}/README.md", text)
        text = re.sub(rf"{edit}/api/index\.md", f"{edit}/hpe_lib/__init__.py", text)
        text = re.sub(rf"{edit}/api/([\w.]+)\.md", lambda f: f"{edit}/hpe_lib/{f[1].replace('.', '/')}.py", text)
        text = re.sub(rf"{edit}/(slides|live)\.md", f"{edit}/tools/site_pages.py", text)
        file.write_text(text, "utf-8")
    for file in (out / "_static" / "scripts").iterdir():
        if file.name.startswith("fontawesome") or file.suffix == ".map":
            file.unlink()
        else:
            file.write_text(file.read_text("utf-8").replace("console.log(", "void("), "utf-8")
    for file in (out / "_static" / "styles").glob("*.map"):
        file.unlink()
    for file in NOTEBOOKS.glob("*.ipynb"):  # "download" gives the notebook itself
        shutil.copy(file, out / "_sources" / "notebooks" / file.name)
    (out / ".nojekyll").touch()


def slide_page(file, pictures):
    """One notebook as slides that ask no other host; its figures become files in the folder `pictures`."""
    notebook = nbformat.read(file, as_version=4)
    page = slides.convert(notebook, file.stem)
    for pattern in FOREIGN:
        page = re.sub(pattern, "", page, flags=re.DOTALL)
    page = re.sub(r'href="(\w+)\.(?:ipynb|md)', r'href="../notebooks/\1.html', page).replace(
        "../README.md", "../about.html"
    )
    page = re.sub(r"https://unpkg\.com/reveal\.js@[\d.]+", "reveal", page)

    def picture(found):
        content = slides.bare(found[2])
        name = hashlib.sha256(content.encode()).hexdigest()[:20] + ".png"
        (pictures / name).write_bytes(base64.b64decode(content))
        return f'<img alt="{found[1]}" src="{pictures.name}/{name}">'

    page = slides.PICTURE.sub(picture, page)
    page = page.replace("</head>", SLIDES_HEAD, 1)
    return page.replace('<script>\nwindow.addEventListener("load", () => {\n', SLIDES_FOOT, 1)


def write_slides(folder):
    """The notebooks as slides, with reveal.js beside them."""
    (folder / "pictures").mkdir(parents=True)
    shutil.copytree(
        MODULES / "reveal.js/dist", folder / "reveal/dist", ignore=shutil.ignore_patterns("*.map", "*.esm.js")
    )
    (folder / "reveal/plugin/notes").mkdir(parents=True)
    shutil.copy(MODULES / "reveal.js/plugin/notes/notes.js", folder / "reveal/plugin/notes")
    shutil.copy(SITE / "slides.js", folder)
    for file in sorted(NOTEBOOKS.glob("*.ipynb")):
        (folder / f"{file.stem}.slides.html").write_text(slide_page(file, folder / "pictures"), "utf-8")


def build(out):
    """Write the sources, let Sphinx make the pages, and put beside them what is not Sphinx's."""
    repository, sources = stamp.repository(), Path(f"{out}-sources")
    shutil.rmtree(out, ignore_errors=True)
    live = {cell: PANEL.format(name=name, said=said) for cell, (name, said) in LIVE.items()}
    site_pages.write_sources(sources, repository, live)
    run_sphinx(sources, out, repository)
    serve_formulas(out)
    finish_pages(out, repository)
    write_slides(out / "slides")
    site_networks.write_live(out / "_static" / "live")
    site_networks.write_try(out / "try")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site")
    options = parser.parse_args(arguments)
    if not (MODULES / "mathjax").is_dir():
        sys.exit("site/node_modules holds no MathJax. Run once, with Node.js: npm ci --prefix site")
    try:
        build(options.out.resolve())
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"Sphinx found something to mend (above), or is missing: pip install -r requirements-site.txt. {error}"
        )
    print(options.out / "index.html")


if __name__ == "__main__":
    main()
