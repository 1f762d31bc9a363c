"""A server on this machine, for tests that download by address or by name."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path not in self.server.files:
            self.send_error(404)
            return
        content, length = self.server.files[self.path]
        tag = self.server.tag
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        if asked and tag and self.headers["If-Range"] == tag:
            first, whole = int(asked.removeprefix("bytes=").rstrip("-")), length
            if first >= whole:
                self.send_error(416)
                return
            first += self.server.shift
            content, length = content[first:], whole - first
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{whole - 1}/{whole}")
        else:
            self.send_response(200)
        if tag:
            self.send_header("ETag", tag)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)
        if self.server.stalls:
            self.rfile.read()  # until the client is gone

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """Run a server for `server.files`, a dict from paths to (content, claimed length)."""
    monkeypatch.setenv("SKETCH_RNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files = {}
    server.asked, server.ranges, server.tag = [], [], None
    server.shift, server.stalls = 0, False
    server.address = f"http://127.0.0.1:{server.server_port}/d"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
