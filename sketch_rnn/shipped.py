"""The configurations and folders of drawings that are included in the program, by name.

A wheel has them inside the package; a clone (and so an editable install) has them next to it.
"""

from pathlib import Path

from sketch_rnn.files import exists

_PACKAGE = Path(__file__).parent


def config(name: str | Path) -> Path:
    """Return the path of a configuration with a name such as `doodles`; prefer a local file."""
    path = Path(name)
    ours = _folder("configs") / f"{path.name}.json"
    return ours if path.name == str(name) and not exists(path) and exists(ours) else path


def config_names() -> list[str]:
    """Return the names of the included configurations."""
    return sorted(path.stem for path in _folder("configs").glob("*.json"))


def drawings(path: str | Path) -> Path:
    """Return the path of included drawings with a name such as `doodles` or `doodles/cat.npz`.

    A local file or folder takes precedence, and other paths are returned as they are.
    """
    path = Path(path)
    ours = _folder("datasets") / path
    is_name = not path.is_absolute() and ".." not in path.parts
    return ours if is_name and not exists(path) and exists(ours) else path


def _folder(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
