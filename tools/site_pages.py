"""What Sphinx reads to make the course's site, written from the saved notebooks, the Markdown files and the docstrings.

tools/site.py calls `write_sources`. Nothing is run: panels become the pictures that they were saved with.
"""

import ast
import html
import os
import re
import shutil
from pathlib import Path

import nbformat
import stamp

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
WIDGET, STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"
PAGES = ("GLOSSARY", "REFERENCES", "PAPER", "EXAM", "ON_A_GPU", "README")  # of notebooks/, each a page
KEPT = r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$\n]+\$|!?\[[^\]]*\]\([^)]*\)|<[^>]+>|^#.*?$"  # no words are sought in it
EVERYDAY = {
    "query",
    "key",
    "value",
    "frame",
    "swap",
    "head",
    "stem",
    "schedule",
    "matching",
}  # a term only where it is taught
LIVE = """# In your browser

These need no installation and no kernel: they are computed by your browser, on your machine.

- <a href="try/index.html">Try the network</a>: drop a photograph, choose one of ours, or turn the camera on, and see
  box, crop, 17 heatmaps and skeleton. Nothing leaves your machine.
- [One joint's target heatmap](notebooks/02_heatmap_encoding.ipynb): joint, sigma and stride, in notebook 02.
- [The OKS ruler](notebooks/07_metrics.ipynb): what a misplaced joint costs, in notebook 07.
"""


def relink(text, place, repository):
    """Turn a file's relative links into those of the site. place: the file's folder, "" or "notebooks".

    What is no page of the site is shown by the repository's own address.
    """

    def link(found):
        target, hash_, anchor = found[2].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return found[0]
        path = os.path.normpath(os.path.join(place, target))
        page = {"README.md": "about.md", "hpe_lib/__init__.py": "api/index.md"}.get(path, path)
        suffix = os.path.splitext(page)[1]
        is_page = page in ("about.md", "api/index.md") or (
            page.startswith("notebooks/") and suffix in (".md", ".ipynb")
        )
        if is_page or page.startswith("figures/"):
            return f"{found[1]}({os.path.relpath(page, place or '.')}{hash_}{anchor})"
        return f"{found[1]}({repository}/blob/{stamp.BRANCH}/{path}{hash_}{anchor})"

    return re.sub(r"(!?\[[^\]]*\])\(([^)\s]+)\)", link, text)


def glossary(text, number):
    """The glossary's rows for notebook `number` -> {spelling: (anchor, meaning)}; a row may have several spellings."""
    words = {}
    for names, meaning in re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", text, re.MULTILINE):
        taught = re.findall(r"\d\db?", " ".join(re.findall(r"\(([\d, b]+)\)", meaning)))
        for name in names.split(", "):
            if name not in EVERYDAY or number in taught:
                words[name] = (anchor_of(names), re.sub(r"[*`$]", "", meaning))
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


def panel_picture(state, model):
    """The picture that a saved panel shows -> (base64 PNG, alt text), or None; it is in one of its children."""
    if model not in state:
        return None
    values = state[model]["state"]
    found = re.search(r'<img alt="([^"]*)".*?src="data:image/png;base64,([^"]+)"', str(values.get("value")), re.DOTALL)
    if found:
        return found[2], html.unescape(found[1])
    inner = (panel_picture(state, child.removeprefix("IPY_MODEL_")) for child in values.get("children", ()))
    return next(filter(None, inner), None)


def prepare_notebook(notebook, name, words, repository, live):
    """A saved notebook as Sphinx shall show it, in place. live: {cell id: HTML that takes the place of the panel}."""
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
            if len(cells) == 1:
                cell.source = cell.source.replace("\n", f"\n\n{ways(name, repository)}\n", 1)
            if not tags & {"hint", "solution"}:
                cell.source = link_words(cell.source, words, seen)
            continue
        title = re.match(r"# @title (.+)", cell.source)
        views = [output for output in cell.outputs if WIDGET in output.get("data", ())]
        if "plumbing" in tags or views:
            cell.metadata["tags"] = ["hide-input"]
            said = title[1] if title else "Code of the panel"
            cell.metadata["mystnb"] = {"code_prompt_show": said, "code_prompt_hide": said}
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
    return nbformat.v4.new_output(
        "display_data", {"image/png": picture[0]}, metadata={"image/png": {"alt": picture[1]}}
    )


def note_on_panel(name, cell, repository, live):
    """What is said below a panel's picture: that it needs a kernel, and where there is one."""
    said = "This panel needs a running notebook: the picture shows how it was saved. Move it yourself "
    said += f"[in Colab]({colab(name, repository)}) or [on your own machine](../about.md)."
    note = f":::{{note}}\n:class: panel-note\n{said}\n:::"
    return f"{live[cell]}\n\n{note}" if cell in live else note


def colab(name, repository):
    """Where Colab opens a notebook."""
    place = repository.replace("https://github.com", "https://colab.research.google.com/github")
    return f"{place}/blob/{stamp.BRANCH}/notebooks/{name}"


def ways(name, repository):
    """The line below a notebook's title: run it, keep it, mend it."""
    links = {
        "Open in Colab": colab(name, repository),
        "Download the notebook": f"../_sources/notebooks/{name}",
        "Edit": f"{repository}/edit/{stamp.BRANCH}/notebooks/{name}",
        "Slides": f"../slides/{Path(name).stem}.slides.html",
    }
    return '<p class="ways">' + " ".join(f'<a href="{link}">{said}</a>' for said, link in links.items()) + "</p>"


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
    said = "The files of `hpe_lib` that are to be read, each after its notebook."
    (folder / "index.md").write_text(f"# The library\n\n{said}\n\n{table}\n\n{tree}\n", "utf-8")


def write_sources(folder, repository, live):
    """Write all that Sphinx reads. live: {cell id: HTML that takes the place of the panel}."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notebooks").mkdir(parents=True)
    shutil.copytree(ROOT / "figures", folder / "figures", ignore=shutil.ignore_patterns("*.py"))
    words = (NOTEBOOKS / "GLOSSARY.md").read_text("utf-8")
    names = sorted(file.name for file in NOTEBOOKS.glob("*.ipynb"))
    for name in names:
        notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
        prepare_notebook(notebook, name, glossary(words, name.split("_")[0]), repository, live)
        nbformat.write(notebook, folder / "notebooks" / name)
    for page in PAGES:
        text = relink((NOTEBOOKS / f"{page}.md").read_text("utf-8"), "notebooks", repository)
        (folder / "notebooks" / f"{page}.md").write_text(with_anchors(text) if page == "GLOSSARY" else text, "utf-8")
    write_api(folder / "api", repository)
    readme = relink((ROOT / "README.md").read_text("utf-8"), "", repository)
    (folder / "about.md").write_text(readme.replace("# Human pose", "# About: human pose", 1), "utf-8")
    stems = [Path(name).stem for name in names]
    rows = "\n".join(f'- <a href="slides/{stem}.slides.html">{stem.replace("_", " ")}</a>' for stem in stems)
    said = "The notebooks as slides. Arrow keys turn the page, S opens the speaker's notes, which hold the prose."
    (folder / "slides.md").write_text(f"# Slides\n\n{said}\n\n{rows}\n", "utf-8")
    (folder / "live.md").write_text(LIVE, "utf-8")
    (folder / "index.md").write_text(front_page(readme, names), "utf-8")


def front_page(readme, names):
    """The README's beginning and its table of notebooks, and the order of all pages."""
    start = (
        readme.split("\n## ")[0]
        + '\n\n<p class="ways"><a href="try/index.html">Try the network on a photograph</a></p>\n'
    )
    table = re.search(r"\n## The notebooks\n.*?(?=\n## )", readme, re.DOTALL)[0]
    trees = {
        "In your browser": ["live"],
        "The notebooks": [f"notebooks/{Path(name).stem}" for name in names],
        "Look things up": ["notebooks/GLOSSARY", "notebooks/PAPER", "notebooks/REFERENCES", "notebooks/ON_A_GPU"],
        "Teach": ["notebooks/README", "notebooks/EXAM", "slides"],
        "The project": ["about", "api/index"],
    }
    toc = "\n\n".join(
        f"```{{toctree}}\n:caption: {caption}\n:hidden:\n\n" + "\n".join(pages) + "\n```"
        for caption, pages in trees.items()
    )
    return f"{start}\n{table}\n\n{toc}\n"
