"""Firefox and WebKit, controlled with WebDriver commands.

WebKit has a driver that takes the commands over HTTP. Firefox itself takes the same commands over a
socket, with the protocol Marionette
(firefox-source-docs.mozilla.org/testing/marionette/Protocol.html).
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

import pytest
from helpers import free_ports

PATIENCE = 60  # seconds
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element, defined by the standard
MINI_BROWSERS = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"


class Browser:
    """A running browser, which saves files in its folder or in subfolders."""

    folder: Path

    def begin(self) -> None:
        """Connect to the browser, which is already running."""
        raise NotImplementedError

    def send(self, command: str, values: dict[str, Any] | None = None) -> Any:
        """Send a command by its name in Marionette, and return the result."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def open(self, url: str) -> None:
        self.send("Navigate", {"url": url})

    def run(self, script: str, *values: Any) -> Any:
        """Run the body of an async function, and return its result."""
        body = f"const [done] = [...arguments].slice(-1); (async () => {{{script}}})()"
        body += ".then(done, (error) => done({failed: String(error)}))"
        found = self.send("ExecuteAsyncScript", {"script": body, "args": list(values)})
        assert not (isinstance(found, dict) and "failed" in found), found
        return found

    def wait(self, condition: str, *values: Any) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(f"return Boolean({condition})", *values):
            assert time.monotonic() < end, f"this did not become true: {condition}"
            time.sleep(0.05)

    def find(self, selector: str) -> str:
        found = self.send("FindElement", {"using": "css selector", "value": selector})
        return found[ELEMENT]

    def click(self, selector: str) -> None:
        self.send("ElementClick", {"id": self.find(selector)})

    def type(self, selector: str, text: str) -> None:
        self.send("ElementSendKeys", {"id": self.find(selector), "text": text})

    def drag(self, points: list[tuple[float, float]]) -> None:
        """Drag the mouse through points in the window."""
        move = [
            {"type": "pointerMove", "duration": 5, "x": round(x), "y": round(y)} for x, y in points
        ]
        steps = [move[0], {"type": "pointerDown", "button": 0}, *move[1:]]
        steps.append({"type": "pointerUp", "button": 0})
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self.send("PerformActions", {"actions": [{**mouse, "actions": steps}]})


class Firefox(Browser):
    """The program `firefox-esr` or `firefox`; the test is skipped if neither is installed."""

    def __init__(self, folder: Path):
        program = shutil.which("firefox-esr") or shutil.which("firefox")
        if program is None:
            pytest.skip("there is no Firefox on this machine: apt-get install firefox-esr")
        self.folder = folder
        (self.port,) = free_ports(1)
        self.count = 0  # the number of commands sent
        profile = folder / "profile"
        profile.mkdir()
        settings = {
            "marionette.port": self.port, "browser.download.folderList": 2,
            "browser.download.dir": str(folder), "browser.shell.checkDefaultBrowser": False,
            "datareporting.policy.dataSubmissionEnabled": False, "network.proxy.type": 0,
        }  # fmt: skip
        lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in settings.items()]
        (profile / "user.js").write_text("\n".join(lines))
        self.process = subprocess.Popen(
            [program, "--headless", "--no-remote", "--marionette", "--profile", str(profile)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"HOME": str(folder)},
        )  # fmt: skip

    def begin(self) -> None:
        self.socket = _connected(self.port)
        self._answer()  # the greeting
        self.send("NewSession")

    def send(self, command: str, values: dict[str, Any] | None = None) -> Any:
        self.count += 1
        text = json.dumps([0, self.count, f"WebDriver:{command}", values or {}]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self._answer()
        assert error is None, error
        is_value = isinstance(result, dict) and list(result) == ["value"]
        return result["value"] if is_value else result

    def _answer(self) -> Any:
        size = b""
        while (byte := self.socket.recv(1)) != b":":
            assert byte, "Firefox has ended"
            size += byte
        text = b""
        while len(text) < int(size):
            text += self.socket.recv(int(size) - len(text))
        return json.loads(text)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class WebKit(Browser):
    """MiniBrowser, run by `WebKitWebDriver`; the test is skipped if it is not installed."""

    PATHS: ClassVar = {  # the path of each command
        "Navigate": "url", "Refresh": "refresh", "ExecuteAsyncScript": "execute/async",
        "FindElement": "element", "ElementClick": "element/{id}/click",
        "ElementSendKeys": "element/{id}/value", "PerformActions": "actions",
    }  # fmt: skip

    def __init__(self, folder: Path):
        program = shutil.which("WebKitWebDriver")
        browsers = sorted(Path("/").glob(MINI_BROWSERS.lstrip("/")))
        if program is None or not browsers:
            pytest.skip("there is no WebKit on this machine: apt-get install webkit2gtk-driver")
        display = shutil.which("xvfb-run")
        if display is None:
            pytest.skip("WebKit needs a display: apt-get install xvfb")
        self.folder = folder
        (self.port,) = free_ports(1)
        self.program = str(browsers[-1])
        self.process = subprocess.Popen(
            [display, "-a", program, f"--port={self.port}"], start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"HOME": str(folder), "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"},
        )  # fmt: skip

    def begin(self) -> None:
        self.address = f"http://127.0.0.1:{self.port}/session"
        _connected(self.port).close()
        options = {"binary": self.program, "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        found = self._ask(self.address, {"capabilities": wanted})
        self.address += f"/{found['sessionId']}"

    def send(self, command: str, values: dict[str, Any] | None = None) -> Any:
        values = dict(values or {})
        path = self.PATHS[command].format(id=values.pop("id", ""))
        return self._ask(f"{self.address}/{path}", values)

    def _ask(self, address: str, values: dict[str, Any]) -> Any:
        data, headers = json.dumps(values).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(address, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()[:500]) from error

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def _connected(port: int) -> socket.socket:
    """Connect to a program on this machine that may still be starting."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        except ConnectionRefusedError:
            assert time.monotonic() < end, "the browser does not start"
            time.sleep(0.1)
