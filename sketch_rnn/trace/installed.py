"""Check that the libraries for tracing are installed; a plain install leaves them out."""

from importlib.util import find_spec

from sketch_rnn.errors import not_installed

LIBRARIES = ("scipy", "skimage", "pi_heif", "pypdfium2")


def check_installed() -> None:
    """Raise `UserError` if a library for tracing is missing."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise not_installed("tracing pictures and filled shapes", missing, "trace")
