"""Make the course's site from the saved notebooks, without running them: `python tools/site.py` writes build/site.

    pip install -r requirements-site.txt && npm ci --prefix site    # once: Sphinx, MathJax, onnxruntime-web
    python tools/site.py                                            # offline from here on
    python -m http.server --directory build/site                    # look at it: http://localhost:8000

Sphinx with MyST-NB makes the pages. This file prepares what it reads: notebooks without badge and set-up, the saved
picture in the place of a panel, links to the glossary, and the library's docstrings as pages. The repository's address
stands in pyproject.toml, as for Colab's badges.
"""

import argparse
import ast
import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))
import slides  # noqa: E402
import stamp  # noqa: E402

SITE, NOTEBOOKS, MODULES = ROOT / "site", ROOT / "notebooks", ROOT / "site" / "node_modules"
WIDGET, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"
PAGES = ("GLOSSARY", "REFERENCES", "PAPER", "EXAM", "ON_A_GPU", "README")  # of notebooks/, each a page
KEPT = r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$|!?\[[^\]]*\]\([^)]*\)|<[^>]+>|^#.*?$"  # no words are sought in it


# --- links -------------------------------------------------------------------------------------------------------


def relink(text, place, repository):
    """Turn a file's relative links into those of the site. place: the file's folder in the repository, "" or "notebooks".

    What is no page of the site is shown by the repository's own address.
    """

    def link(found):
        target, hash_, anchor = found[2].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return found[0]
        path = os.path.normpath(os.path.join(place, target))
        page = {"README.md": "about.md", "hpe_lib/__init__.py": "api/index.md"}.get(path, path)
        name, suffix = os.path.splitext(page)
        is_page = page in ("about.md", "api/index.md") or (page.startswith("notebooks/") and suffix in (".md", ".ipynb"))
        if is_page or page.startswith("figures/"):
            return f"{found[1]}({os.path.relpath(page, place or '.')}{hash_}{anchor})"
        return f"{found[1]}({repository}/blob/{stamp.BRANCH}/{path}{hash_}{anchor})"

    return re.sub(r"(!?\[[^\]]*\])\(([^)\s]+)\)", link, text)


# --- glossary ----------------------------------------------------------------------------------------------------


def glossary(text):
    """The glossary's rows -> {spelling: (anchor, meaning)}; "box, bounding box" gives two spellings of one row."""
    words = {}
    for names, meaning in re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", text, re.MULTILINE):
        said = re.sub(r"[*`$]", "", meaning)
        for name in names.split(", "):
            words[name] = (anchor_of(names), said)
    return words


def anchor_of(words):
    """The anchor of a glossary's row: "word-" and its words, letters and digits only."""
    return "word-" + re.sub(r"\W+", "-", words.lower()).strip("-")


def with_anchors(text):
    """The glossary's text with an anchor at every row."""
    row = r"^\| \*\*(.+?)\*\* \|"
    return re.sub(row, lambda f: f'| <span id="{anchor_of(f[1])}"></span>**{f[1]}** |', text, flags=re.MULTILINE)


def link_words(text, words, seen):
    """Link each word of the glossary where it is first used; `seen` holds the anchors that have been linked."""
    spellings = sorted(words, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, spellings))})(s?)(?![\w-])", re.IGNORECASE)
    lower = {spelling.lower(): spelling for spelling in words}

    def link(found):
        spelling = lower[found[1].lower()]
        anchor, meaning = words[spelling]
        capitals = spelling != spelling.lower() and spelling != found[1]  # AP is not "ap"
        if anchor in seen or capitals:
            return found[0]
        seen.add(anchor)
        title = html.escape(meaning).replace("|", "&#124;")
        return f'<a class="word" href="GLOSSARY.html#{anchor}" title="{title}">{found[0]}</a>'

    parts = re.split(f"({KEPT})", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if index % 2 else pattern.sub(link, part) for index, part in enumerate(parts))


# --- notebooks ---------------------------------------------------------------------------------------------------


def panel_picture(state, model):
    """The picture that a saved panel shows -> (base64 PNG, alt text), or None: it is an <img> in one of its children."""
    if model not in state:
        return None
    values = state[model]["state"]
    found = re.search(r'<img alt="([^"]*)".*?src="data:image/png;base64,([^"]+)"', str(values.get("value")), re.DOTALL)
    if found:
        return found[2], html.unescape(found[1])
    inner = (panel_picture(state, child.removeprefix("IPY_MODEL_")) for child in values.get("children", ()))
    return next(filter(None, inner), None)


def prepare_notebook(notebook, name, words, repository, live):
    """A saved notebook as Sphinx shall show it, in place. live: {cell id: HTML in the place of the panel}."""
    state = notebook.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
    seen, cells = set(), []
    for cell in notebook.cells:
        tags = set(cell.metadata.pop("tags", ()))
        cell.metadata.pop("slideshow", None)
        if tags & {"badge", "setup"}:
            continue
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = relink(cell.source, "notebooks", repository)
            if not tags & {"hint", "solution"}:
                cell.source = link_words(cell.source, words, seen)
            continue
        title = re.match(r"# @title (.+)", cell.source)
        views = [output for output in cell.outputs if WIDGET in output.get("data", ())]
        if "plumbing" in tags or views:
            cell.metadata["tags"] = ["hide-input"]
            said = html.escape(title[1] if title else "the panel")
            cell.metadata["mystnb"] = {"code_prompt_show": f"Code: {said}", "code_prompt_hide": f"Hide: {said}"}
        cell.outputs = [shown(output, state) for output in cell.outputs]
        if views:
            cells.append(nbformat.v4.new_markdown_cell(note_on_panel(name, cell["id"], repository, live)))
    notebook.cells = cells


def shown(output, state):
    """An output without what needs a kernel: a panel becomes its saved picture, with its text for who cannot see it."""
    view = output.get("data", {}).get(WIDGET)
    if view is None:
        return output
    picture = panel_picture(state, view["model_id"])
    if picture is None:
        return nbformat.v4.new_output("stream", text="(The panel was saved without a picture.)\n")
    return nbformat.v4.new_output("display_data", {"image/png": picture[0]}, metadata={"image/png": {"alt": picture[1]}})


def note_on_panel(name, cell, repository, live):
    """What is said below a panel's picture: that it needs a kernel, and where there is one."""
    colab = repository.replace("https://github.com", "https://colab.research.google.com/github")
    said = "This panel needs a running notebook: the picture shows how it was saved. Move it yourself "
    said += f"[in Colab]({colab}/blob/{stamp.BRANCH}/notebooks/{name}) or [on your own machine](../about.md)."
    note = f":::{{note}}\n:class: panel-note\n{said}\n:::"
    return f"{live[cell]}\n\n{note}" if cell in live else note


# --- the library's pages -----------------------------------------------------------------------------------------


def read_files():
    """The files that are to be read, in the order of the map in hpe_lib/__init__.py: pairs (notebooks, path)."""
    text, after, rows = (ROOT / "hpe_lib" / "__init__.py").read_text("utf-8"), "", []
    for numbers, path in re.findall(r"^ {4}([\d, ]{10})(\S+\.py) ", text, re.MULTILINE):
        after = numbers.strip() or after
        rows.append((after, path))
    return rows


def prose(docstring):
    """A docstring as Markdown: its own paragraphs, nothing but `names` marked up."""
    parts = re.split(r"(`[^`]+`)", docstring or "")
    return "".join(p if i % 2 else re.sub(r"([\\*_\[\]<>#$|~{}])", r"\\\1", p) for i, p in enumerate(parts))


def signature(node):
    """How a function or class is called, in one line."""
    if isinstance(node, ast.FunctionDef):
        return f"{node.name}({ast.unparse(node.args)})"
    start = next((m for m in node.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"), None)
    return f"class {node.name}({ast.unparse(start.args).removeprefix('self').removeprefix(', ') if start else ''})"


def api_page(path, repository):
    """One file of the library as Markdown: its docstring, its functions and classes with theirs, and its code."""
    code = (ROOT / "hpe_lib" / path).read_text("utf-8")
    module = "hpe_lib." + path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    address = f"{repository}/blob/{stamp.BRANCH}/hpe_lib/{path}"
    lines = [f"# {module}", "", prose(ast.get_docstring(ast.parse(code))), ""]
    for node in ast.parse(code).body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        lines += [f"## {node.name}", "", f"```python\n{signature(node)}\n```", "", prose(ast.get_docstring(node)), ""]
        for inner in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_") and ast.get_docstring(inner):
                lines += [f"**{node.name}.{prose(signature(inner))}**: {prose(ast.get_docstring(inner))}", ""]
        lines += [f"[Line {node.lineno} of the file]({address}#L{node.lineno})", ""]
    lines += ["## The whole file", "", f"````python\n{code}````", ""]
    return "\n".join(lines)


def write_api(folder, repository):
    """Write the pages of the files that are to be read, and their list."""
    folder.mkdir(parents=True)
    rows, names = [], []
    for after, path in read_files():
        name = path.removesuffix(".py").replace("/", ".")
        (folder / f"{name}.md").write_text(api_page(path, repository), "utf-8")
        docstring = ast.get_docstring(ast.parse((ROOT / "hpe_lib" / path).read_text("utf-8")))
        rows.append(f"| {after} | [{path}]({name}.md) | {prose(docstring.splitlines()[0]).replace('|', '&#124;')} |")
        names.append(name)
    table = "| after notebook | file | what it is |\n| --- | --- | --- |\n" + "\n".join(rows)
    tree = "```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```"
    said = "The files of `hpe_lib` that are to be read, each after its notebook: short, with formula, shapes, units and source."
    (folder / "index.md").write_text(f"# The library\n\n{said}\n\n{table}\n\n{tree}\n", "utf-8")


# --- the pages ---------------------------------------------------------------------------------------------------


def write_sources(folder, repository):
    """Write all that Sphinx reads."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    shutil.copytree(ROOT / "figures", folder / "figures", ignore=shutil.ignore_patterns("*.py"))
    words = glossary((NOTEBOOKS / "GLOSSARY.md").read_text("utf-8"))
    names = sorted(file.name for file in NOTEBOOKS.glob("*.ipynb"))
    for name in names:
        notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
        prepare_notebook(notebook, name, words, repository, {})
        nbformat.write(notebook, folder / "notebooks" / name)
    for page in PAGES:
        text = relink((NOTEBOOKS / f"{page}.md").read_text("utf-8"), "notebooks", repository)
        (folder / "notebooks" / f"{page}.md").write_text(with_anchors(text) if page == "GLOSSARY" else text, "utf-8")
    write_api(folder / "api", repository)
    readme = relink((ROOT / "README.md").read_text("utf-8"), "", repository)
    (folder / "about.md").write_text(readme.replace("# Human pose", "# About: human pose", 1), "utf-8")
    rows = "\n".join(f"- [{Path(n).stem}](slides/{Path(n).stem}.slides.html)" for n in names)
    rows = re.sub(r"\[(.+?)\]\((.+?)\)", r'<a href="\2">\1</a>', rows)
    said = "The notebooks as slides. Arrow keys turn the page, S opens the speaker's notes, which hold the prose."
    (folder / "slides.md").write_text(f"# Slides\n\n{said}\n\n{rows}\n", "utf-8")
    (folder / "index.md").write_text(front_page(readme, names), "utf-8")


def front_page(readme, names):
    """The README's beginning and its table of notebooks, and the order of all pages."""
    start = readme.split("\n## ")[0]
    table = re.search(r"\n## The notebooks\n.*?(?=\n## )", readme, re.DOTALL)[0]
    trees = {
        "The notebooks": [f"notebooks/{Path(name).stem}" for name in names],
        "Look things up": ["notebooks/GLOSSARY", "notebooks/PAPER", "notebooks/REFERENCES", "notebooks/ON_A_GPU"],
        "Teach": ["notebooks/README", "notebooks/EXAM", "slides"],
        "The project": ["about", "api/index"],
    }
    toc = "\n\n".join(
        f"```{{toctree}}\n:caption: {caption}\n:hidden:\n\n" + "\n".join(pages) + "\n```" for caption, pages in trees.items()
    )
    return f"{start}\n{table}\n\n{toc}\n"


def build(out, repository):
    """Write the sources, let Sphinx make the pages, then put beside them what is not Sphinx's."""
    sources = out.parent / f"{out.name}-sources"
    write_sources(sources, repository)
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-E", "-j", "2", "-c", str(SITE)]
    command += ["-d", str(out.parent / f"{out.name}-doctrees"), str(sources), str(out)]
    subprocess.run(command, check=True, env=os.environ | {"COURSE_REPOSITORY": repository})
    formulas = out / "_static" / "mathjax"
    shutil.copytree(MODULES / "mathjax/es5/output/chtml/fonts", formulas / "output/chtml/fonts")
    shutil.copy(MODULES / "mathjax/es5/tex-chtml.js", formulas)
    for file in NOTEBOOKS.glob("*.ipynb"):  # "download" gives the notebook itself
        shutil.copy(file, out / "_sources" / "notebooks" / file.name)
    (out / ".nojekyll").touch()


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site")
    options = parser.parse_args(arguments)
    if not (MODULES / "mathjax").is_dir():
        sys.exit("site/node_modules: MathJax is missing. Run once: npm ci --prefix site")
    build(options.out.resolve(), stamp.repository())
    print(options.out / "index.html")


if __name__ == "__main__":
    main()
