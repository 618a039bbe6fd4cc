"""A web server on this machine that answers as badly as it is told to."""

import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Each request takes the next behaviour of `server.plan` (the last one stays); see `do_GET` for what they are."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.asked.append((self.path, asked))
        plan = server.plan.pop(0) if len(server.plan) > 1 else server.plan[0]
        words = dict.fromkeys(plan.split()) | dict(word.split("=") for word in plan.split() if "=" in word)
        body = server.files.get(self.path)
        self.close_connection = True
        if "stall-first" in words:
            return server.over.wait(5)
        if "error" in words or body is None:
            return self.send_error(int(words.get("error") or 404))
        if "flip" in words:  # one bit of one byte
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
        if "longer" in words:
            body += b"more"
        if "short" in words:  # an honest answer about a file that lost its end
            body = body[: len(body) // 2]
        start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and "no-range" not in words else 0
        if start and start >= len(body):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if asked and "no-range" not in words else 200)
        if asked and "no-range" not in words:
            start += "wrong-range" in words
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if "no-length" not in words:
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        rest = body[start : start + int(words["cut"])] if words.get("cut") else body[start:]
        try:
            for first in range(0, len(rest), 4096):
                self.wfile.write(rest[first : first + 4096])
                time.sleep(0.01 if "slow" in words else 0)
            self.wfile.flush()
            if "stall" in words:
                server.over.wait(float(words.get("stall") or 5))
        except OSError:
            pass


class Server(ThreadingHTTPServer):
    """files: path -> bytes. plan: behaviours of the requests to come. asked: (path, Range) of those that came."""

    daemon_threads = True

    def handle_error(self, *_):
        pass

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serve(files, *plan):
    """Run a server for a while."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.files, server.plan, server.asked, server.over = files, list(plan or ["fine"]), [], threading.Event()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
