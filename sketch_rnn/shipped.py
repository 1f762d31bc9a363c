"""What comes with the program, by name: configurations, and folders of drawings.

In a wheel they lie within the package; in a clone, and so in an editable install, beside it.
"""

from pathlib import Path

from sketch_rnn.files import exists

_PACKAGE = Path(__file__).parent


def config(name: str | Path) -> Path:
    """The configuration of that name, as in `doodles`; a local file wins."""
    path = Path(name)
    ours = _folder("configs") / f"{path.name}.json"
    return ours if path.name == str(name) and not exists(path) and exists(ours) else path


def config_names() -> list[str]:
    """The names that `config` knows."""
    return sorted(path.stem for path in _folder("configs").glob("*.json"))


def drawings(path: str | Path) -> Path:
    """The path, or the drawings of that name, as in `doodles` and `doodles/cat.npz`.

    A local file or folder wins.
    """
    path = Path(path)
    ours = _folder("datasets") / path
    is_name = not path.is_absolute() and ".." not in path.parts
    return ours if is_name and not exists(path) and exists(ours) else path


def _folder(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
