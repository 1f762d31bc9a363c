"""Where the tests find real drawings and the original's numbers, if they are there."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(path: str) -> Path:
    """A file or folder of the reference material; the test skips where there is none."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"the reference material is not on this machine: shared/{path}")
    return found
