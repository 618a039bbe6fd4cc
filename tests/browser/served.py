"""The course's site in Chromium, built once and shown by a plain static server: what its tests share."""

import contextlib
import functools
import http.server
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "site" / "node_modules"
SETTLED = "() => window.MathJax?.startup?.promise ? MathJax.startup.promise.then(() => true) : true"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def build(out):
    """Build the site into a folder."""
    made = subprocess.run(
        [sys.executable, ROOT / "tools" / "site.py", "--out", out], capture_output=True, text=True, cwd=ROOT
    )
    assert made.returncode == 0, made.stdout + made.stderr


@contextlib.contextmanager
def served(folder):
    """A plain static server for a folder -> its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Visit:
    """A page of the browser that notes what it asked for and what its console said."""

    def __init__(self, browser, address, **options):
        self.page = browser.new_page(**({"viewport": {"width": 1280, "height": 900}} | options))
        self.address, self.said, self.asked = address, [], set()
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.add(request.url))

    def open(self, path):
        self.said.clear()
        self.asked.clear()
        self.page.goto(f"{self.address}/{path}")
        self.page.evaluate(SETTLED)
        return self.page

    def foreign(self):
        return [url for url in self.asked if not url.startswith((self.address, "data:", "blob:"))]
