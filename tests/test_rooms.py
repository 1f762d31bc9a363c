"""The table in docs/architecture.md lists every module, and imports only point down in it."""

import ast
import re

import pytest
from helpers import ROOT

PACKAGE = ROOT / "sketch_rnn"
PAGE = ROOT / "docs" / "architecture.md"
AT_THE_DOOR = (PACKAGE / "__init__.py", PACKAGE / "__main__.py")
MODULES = [path for path in PACKAGE.rglob("*.py") if path not in AT_THE_DOOR]


def floors():
    """Return the height of each module in the table, keyed by its dotted name; 0 is the lowest."""
    rows = re.findall(r"^\| `(\w+)/?` \| (`.*?) \|", PAGE.read_text(), re.M)
    found = {}
    for floor, (wing, rooms) in enumerate(reversed(rows)):
        for room in re.findall(r"`(\w+)/?`", rooms):
            parts = [wing if wing != "sketch_rnn" else "", room if room != "__init__" else ""]
            found[".".join(filter(None, parts))] = floor
    return found


FLOORS = floors()


def room(name):
    """Return the entry of the table that covers a module, whose name lacks `sketch_rnn.`."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in FLOORS:
            return ".".join(parts[:length])
    return None


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imported(path):
    """Yield the modules of the package that a module imports, also within its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "", alias.name) for alias in node.names]
        else:
            continue
        for module, name in names:
            if module.split(".")[0] == "sketch_rnn":
                base = module.removeprefix("sketch_rnn").strip(".")
                inner = ".".join(filter(None, (base, name)))
                path_of = PACKAGE.joinpath(*inner.split("."))
                yield inner if path_of.with_suffix(".py").exists() or path_of.is_dir() else base


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_is_in_the_table_and_imports_point_down(path):
    own = room(name_of(path))
    is_wing = path.name == "__init__.py" and path.parent.parent == PACKAGE
    assert own or is_wing, f"{name_of(path)} is not in the table of docs/architecture.md"
    if own:
        floor = FLOORS[own]
        upwards = {name for name in imported(path) if name and FLOORS[room(name)] > floor}
        assert upwards == set()


def test_folders_below_model_do_without_tensorflow():
    heavy = re.compile(r"^(import|from) (tensorflow|keras)\b", re.M)
    lowest = min(floor for name, floor in FLOORS.items() if name.startswith("model"))
    found = {room(name_of(path)) for path in MODULES if heavy.search(path.read_text())} - {None}
    assert found and all(FLOORS[name] >= lowest for name in found)


def section(title):
    """Return the text of the page under a heading."""
    return PAGE.read_text().split(f"\n{title}\n")[1].split("\n## ")[0]


def way_of_a_step():
    """Return the five files that a training step consists of, and the cells beside the last."""
    files = re.findall(r"^\d\. `([\w/]+\.py)`", section("## How a training step runs"), re.M)
    assert len(files) == 5
    return [*(PACKAGE / file for file in files), *(PACKAGE / files[-1]).parent.glob("*.py")]


@pytest.mark.parametrize("path", way_of_a_step(), ids=name_of)
def test_functions_in_a_training_step_have_fewer_than_forty_lines(path):
    functions = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)]
    long = [n.name for n in functions if n.end_lineno - n.lineno + 1 >= 40]
    assert long == []


@pytest.mark.parametrize(
    "title",
    ["## How an SVG becomes a data set", "## How z becomes an SVG"],
)
def test_each_described_path_has_twelve_files(title):
    way = section(title)
    files = re.findall(r"^\d+\. `([\w/]+\.py)`", way, re.M)
    assert len(files) == 12 and all((PACKAGE / file).exists() for file in files)
    for name in re.findall(r"`(\w+)`", way):
        assert any(re.search(rf"\b{name}\b", (PACKAGE / file).read_text()) for file in files)


def test_the_path_from_a_data_set_to_an_update_has_fifteen_files():
    files = re.findall(r"`(\w+/[\w/]+\.py)`", section("## How a training step runs"))
    below = [file for file in files if file not in ("cli/train.py", "training/start.py")]
    assert len(set(below) - {"training/record.py"}) == 15
    assert all((PACKAGE / file).exists() for file in files)


def test_the_picture_shows_the_folders_of_the_table():
    picture = (PAGE.parent / "pictures" / "architecture.svg").read_text()
    wings = re.findall(r'class="wing"[^>]*>([\w/]+)<', picture)
    rows = re.findall(r"^\| `(\w+/?)` \| `", PAGE.read_text(), re.M)
    assert wings == list(dict.fromkeys(rows))


def test_every_name_on_the_page_exists():
    text = section("## How a training step runs") + section("## Where to add")
    folders = (PACKAGE, ROOT / "tests", ROOT / "scripts")
    files = [path for folder in folders for path in folder.rglob("*.*")]
    paths = "\n".join(
        path.as_posix() for path in [*files, *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    )
    named = re.findall(r"`([\w/.]+\.(?:py|mjs|html|css|md))`", text)
    missing = [name for name in named if "NAME" not in name and f"/{name}" not in paths]
    source = "\n".join(path.read_text() for path in files if path.suffix == ".py")
    words = re.findall(r"`(?:\w+\.)?(\w+)`", text)
    missing += [word for word in words if not re.search(rf"\b{word}\b", source)]
    assert named and words and missing == []
