"""Whether the libraries that tracing needs are installed: a plain install leaves them out."""

from importlib.util import find_spec

from sketch_rnn.errors import UserError

LIBRARIES = ("scipy", "skimage", "pi_heif", "pypdfium2")


def check_installed() -> None:
    """Raises UserError if a library that tracing needs is missing."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise UserError(
            "tracing pictures and filled shapes needs more libraries "
            f'({", ".join(missing)} missing): pip install "sketch-rnn[trace]"'
        )
