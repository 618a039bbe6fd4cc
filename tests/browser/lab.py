"""JupyterLab in headless Chromium, on copies of notebooks: what the browser tests and figures/make.py drive."""

import ast
import contextlib
import json
import os
import shutil
import socket
import subprocess
import symtable
import sys
import time
import urllib.request
from pathlib import Path

import nbformat

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BADGE = '<svg xmlns="http://www.w3.org/2000/svg" width="117" height="20"/>'
HARMLESS = ("Failed to load resource: the server responded with a status of 404",)  # the new folder has no settings yet
ERRORS = '[data-mime-type$="jupyter.error"], [data-mime-type$="jupyter.stderr"]'
FINISHED = f"""() => [...document.querySelectorAll('{ERRORS}')].some(e => /Error/.test(e.innerText))
  || [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].every(e => /\\[\\d+\\]/.test(e.textContent))"""
STARTED = "() => [...document.querySelectorAll('.jp-InputPrompt')].some(e => /\\[[*\\d]+\\]/.test(e.textContent))"
LAB_SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of sight stay in the page
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}


def find_browser():
    """The path of this machine's Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def jupyterlab(folder):
    """A server for one folder, with settings and kernels' files of its own -> its address."""
    home = Path(folder) / ".lab"
    for name, settings in LAB_SETTINGS.items():
        file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0"]
    command += ["--ServerApp.disable_check_xsrf=True"]  # the tests end kernels by its REST address
    command += [f"--LabApp.user_settings_dir={home}/settings", f"--LabApp.workspaces_dir={home}/workspaces"]
    places = {name: str(home / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    log = (home / "log.txt").open("w")
    server = subprocess.Popen(command, env=os.environ | places, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(240):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/api")
                break
            time.sleep(0.25)
        else:
            raise RuntimeError(f"JupyterLab did not start: {(home / 'log.txt').read_text()[-2000:]}")
        yield url
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
        server.kill()
        log.close()


class Notebook:
    """One notebook open in a page of the browser. `problems` collects what the browser's console complained of."""

    def __init__(self, browser, url, name, width=1200, height=1000):
        self.page = browser.new_page(viewport={"width": width, "height": height})
        self.url, self.problems = url, []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.route("**/colab-badge.svg", lambda r: r.fulfill(body=BADGE, content_type="image/svg+xml"))
        self.page.goto(f"{url}/lab/tree/{name}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        self.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=90_000)
        self.page.keyboard.press("Control+b")  # the file browser away

    def _listen(self, message):
        if message.type == "error" and not message.text.startswith(HARMLESS):
            self.problems.append(message.text)

    def run_all(self, seconds=600):
        """Run all cells and wait for the last one, or for an error; TimeoutError where that takes too long."""
        for _ in range(3):  # a loaded machine may still be busy with the page, and lose the click
            self.page.locator(".jp-Cell").first.click()
            self.page.get_by_role("menuitem", name="Run", exact=True).click()
            self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            if self.wait_until(lambda: self.page.evaluate(STARTED), 20):
                break
        self.page.wait_for_function(FINISHED, timeout=1000 * seconds)
        assert not self.errors()

    def errors(self):
        """The texts of outputs that tell of an error."""
        return [text for text in self.page.locator(ERRORS).all_inner_texts() if "Error" in text]

    def panels(self):
        """The course's panels in the page: boxes with a picture from Python."""
        return self.page.locator(".jp-OutputArea-output .widget-vbox:has(> .widget-html img)")

    def wait_until(self, happened, seconds=40):
        """Ask again and again -> did it happen in that time?"""
        end = time.perf_counter() + seconds
        while not (done := happened()) and time.perf_counter() < end:
            self.page.wait_for_timeout(30)
        return done  # not asked again: between two messages a kernel is idle for a moment

    def picture(self, panel):
        """A panel's picture, as the source text of its <img>."""
        return panel.locator(".widget-html img").get_attribute("src")

    def idle(self):
        """Has the kernel nothing to do?"""
        return self.page.locator(".jp-Notebook-ExecutionIndicator").get_attribute("data-status") == "idle"

    def changes(self, panel, before, patience=0.7):
        """Does the picture become another one before the kernel has been idle for that many seconds?"""
        for _ in range(20):
            if self.wait_until(lambda: self.picture(panel) != before, patience):
                return True
            if self.idle():
                break
        return self.picture(panel) != before

    def last_output(self):
        """What the last cell has printed."""
        return self.page.locator(".jp-OutputArea-output").last.inner_text()

    def close(self):
        """Close the page and end the kernel."""
        self.page.close()
        for session in json.load(urllib.request.urlopen(f"{self.url}/api/sessions")):
            ask = urllib.request.Request(f"{self.url}/api/sessions/{session['id']}", method="DELETE")
            urllib.request.urlopen(ask).close()

    def drag(self, panel, start, end, steps=6):
        """Drag over the panel's picture with the mouse; start, end: shares of its width and height."""
        panel.locator(".widget-html img").scroll_into_view_if_needed()
        box = panel.locator(".widget-html img").bounding_box()
        points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in (start, end)]
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        self.page.mouse.move(*points[1], steps=steps)
        self.page.mouse.up()


def copy_of(source, folder, cells=None, before=None, at_end=None):
    """Copy a notebook, without outputs, into a folder -> its name.

    cells: only those ids. before: id -> code for a new cell before it. at_end: code for a new last cell.
    """
    notebook = nbformat.read(source, as_version=4)
    notebook.metadata.pop("widgets", None)
    notebook.cells = [cell for cell in notebook.cells if cells is None or cell["id"] in cells]
    for name, code in (before or {}).items():
        place = next(index for index, cell in enumerate(notebook.cells) if cell["id"] == name)
        notebook.cells.insert(place, nbformat.v4.new_code_cell(code))
    if at_end:
        notebook.cells.append(nbformat.v4.new_code_cell(at_end))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("jupyter", None)  # unfolded: a folded cell shows no prompt to say that it has run
    nbformat.write(notebook, Path(folder) / Path(source).name)
    return Path(source).name


def cells_for(notebook, last):
    """The code cells that the cell with id `last` needs, directly or through others, in order; its own included."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    place = next(index for index, cell in enumerate(cells) if cell["id"] == last)
    wanted, chosen = set(), []
    for cell in cells[place::-1]:
        needs, gives = names_of(cell.source)
        if cell["id"] == last or gives & wanted:
            wanted = (wanted - gives) | needs
            chosen.append(cell["id"])
    return chosen[::-1]


def names_of(code):
    """The global names that code takes from outside, and those that it binds."""
    needs, gives = set(), set()
    for statement in ast.parse(code).body:
        tables = [symtable.symtable(ast.unparse(statement), "cell", "exec")]
        bound = {each.get_name() for each in tables[0].get_symbols() if each.is_assigned() or each.is_imported()}
        known = (
            set(gives) if isinstance(statement, (ast.Assign, ast.AugAssign)) else gives | bound
        )  # x = x + 1; for x in
        while tables:
            table = tables.pop()
            tables += table.get_children()
            used = (each for each in table.get_symbols() if each.is_referenced() and each.is_global())
            needs |= {each.get_name() for each in used} - known
        gives |= bound
    return needs, gives
