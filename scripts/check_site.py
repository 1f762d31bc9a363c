"""Check that no page of the site is wider than a phone.

  scripts/check_site.py build/site

Chromium lays out each page in a frame 390 pixels wide; no page may need to scroll sideways.
"""

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from html import unescape
from pathlib import Path

WIDTH = 390  # pixels
LEFT_OUT = ("404.html",)
LIVE = "live"  # the folder of pages to draw on, which have separate tests
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHECK = """<!doctype html><meta charset="utf-8"><pre id="widths"></pre><script>
const pages = %s;
async function main() {
  const widths = {};
  for (const page of pages) {
    const frame = document.createElement('iframe');
    frame.style = 'width: %dpx; height: 800px; border: 0';
    frame.src = page;
    document.body.append(frame);
    await new Promise((done) => { frame.onload = done; });
    widths[page] = frame.contentDocument.documentElement.scrollWidth;
    frame.remove();
  }
  document.getElementById('widths').textContent = JSON.stringify(widths);
}
main();
</script>"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server without log lines."""

    def do_GET(self) -> None:
        """Answer with a file, but not with pages to draw on: they stop Chromium's virtual time."""
        if self.path.startswith(f"/{LIVE}/"):
            self.send_error(404)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def main(folder: str) -> int:
    """Print the pages that are too wide; return the exit status."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("the widths of pages were not checked: there is no Chromium", file=sys.stderr)
        return 0
    found = sorted(page.relative_to(folder) for page in Path(folder).rglob("*.html"))
    pages = [str(page) for page in found if page.parts[0] not in (*LEFT_OUT, LIVE)]
    widths = measured(browser, Path(folder), pages)
    wide = {page: width for page, width in widths.items() if width > WIDTH}
    for page, width in wide.items():
        print(f"{page}: {width} pixels wide in a window of {WIDTH}", file=sys.stderr)
    print(f"{len(widths)} pages, {len(wide)} wider than {WIDTH} pixels")
    return 1 if wide or not widths else 0


def measured(browser: str, folder: Path, pages: list[str]) -> dict[str, int]:
    """Return the width of each page's content, in a window of WIDTH pixels."""
    check = folder / "check_site.html"
    check.write_text(CHECK % (json.dumps(pages), WIDTH), encoding="utf-8")
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with tempfile.TemporaryDirectory() as profile:
            command = [
                browser,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--dump-dom",
                f"--user-data-dir={profile}",
                "--virtual-time-budget=120000",
            ]
            address = f"http://127.0.0.1:{server.server_port}/{check.name}"
            done = subprocess.run([*command, address], capture_output=True, text=True, timeout=600)
    finally:
        server.shutdown()
        check.unlink()
    found = re.search(r'<pre id="widths">(.*?)</pre>', done.stdout, re.S)
    return json.loads(unescape(found[1]) or "{}") if found else {}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
