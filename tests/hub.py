"""A fake Hugging Face Hub on this machine, which answers only the requests of our client."""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_of_a_test"
_FILE = re.compile(r"/([\w-]+/[\w-]+)/resolve/([^/]+)/(.+)")
_COMMIT = re.compile(r"/api/models/([\w-]+/[\w-]+)/(preupload|commit)/main")


class Hub(ThreadingHTTPServer):
    """A server of repositories.

    Attributes:
      repositories: the files in each repository.
      private: the names of the private repositories.
      breaks_at: the number of bytes after which the next download, once, breaks off; None means
        never.
      claimed: the size that the server claims for a file; None means the true size.
      asked: the method, path and requested range of each request.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories, self.private, self.asked = {}, set(), []
        self.breaks_at = self.claimed = None

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.server.asked.append(("HEAD", self.path, None))
        self._send_file(with_content=False)

    def do_GET(self):
        self.server.asked.append(("GET", self.path, self.headers.get("Range")))
        self._send_file(with_content=True)

    def do_POST(self):
        self.server.asked.append(("POST", self.path, None))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/api/validate-yaml":
            return self._send_json({"errors": [], "warnings": []})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._refuse(401, "", "Invalid username or password.")
        if self.path == "/api/repos/create":
            return self._create(json.loads(body))
        repository, action = _COMMIT.fullmatch(self.path).groups()
        if action == "preupload":
            files = [f["path"] for f in json.loads(body)["files"]]
            modes = [{"path": p, "uploadMode": "regular", "shouldIgnore": False} for p in files]
            return self._send_json({"files": modes})
        return self._commit(repository, body)

    def _create(self, asked):
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.server.repositories:
            return self._send_json({"url": f"{self.server.address}/{name}"}, 409)
        self.server.repositories[name] = {}
        if asked.get("private") or asked.get("visibility") == "private":
            self.server.private.add(name)
        return self._send_json({"url": f"{self.server.address}/{name}"})

    def _commit(self, repository, body):
        for line in body.splitlines():
            row = json.loads(line)
            if row["key"] == "file":
                content = base64.b64decode(row["value"]["content"])
                self.server.repositories[repository][row["value"]["path"]] = content
        page = f"{self.server.address}/{repository}/commit/{'0' * 40}"
        self._send_json({"commitUrl": page, "commitOid": "0" * 40, "hookOutput": ""})

    def _send_file(self, with_content):
        match = _FILE.fullmatch(self.path)
        name, revision, file = match.groups() if match else ("", "", "")
        knows_owner = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if name not in self.server.repositories or (
            name in self.server.private and not knows_owner
        ):
            return self._refuse(401, "RepoNotFound", "Repository not found")
        if revision not in ("main", "0" * 40):
            return self._refuse(404, "RevisionNotFound", "Invalid rev id")
        if file not in self.server.repositories[name]:
            return self._refuse(404, "EntryNotFound", "Entry not found")
        content = self.server.repositories[name][file]
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        first = int(asked[1]) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        size = len(content) - first if self.server.claimed is None else self.server.claimed
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if with_content and self.server.breaks_at is not None:
            self.wfile.write(content[first : first + self.server.breaks_at])
            self.server.breaks_at = None
            self.close_connection = True
        elif with_content:
            self.wfile.write(content[first:])

    def _send_json(self, content, status=200):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status, code, message):
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def serving():
    """Run a fake hub until the block ends."""
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def used(patch, folder):
    """Run a fake hub that the client uses instead of the real one, with a separate cache.

    Args:
      patch: pytest's `monkeypatch`.
      folder: the folder for the cache.
    """
    from huggingface_hub import constants

    with serving() as server:
        patch.setenv("HF_ENDPOINT", server.address)
        patch.setenv("HF_TOKEN", TOKEN)
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setattr(constants, "HF_HUB_CACHE", str(folder))
        patch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        yield server
