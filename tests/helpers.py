"""What several tests need: where things are, and the reference material if it is there."""

import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOODLES = ROOT / "datasets" / "doodles"
FIXTURES = ROOT / "tests" / "fixtures"
SHARED = ROOT.parent / "shared"


def shared(path: str) -> Path:
    """A file or folder of the reference material; the test skips where there is none."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"the reference material is not on this machine: shared/{path}")
    return found


def free_ports(count):
    """Ports of this machine that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports
