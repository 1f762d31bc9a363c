"""The rooms of CONTRIBUTING.md: every module has one, and imports only point down the list."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sketch_rnn"


def floors():
    """The floor of each room by its name; 0 is the ground."""
    table = re.findall(r"^\| (`.*) \|.*\|$", (ROOT / "CONTRIBUTING.md").read_text(), re.M)
    rows = [re.findall(r"`(\w+)(?:\.py|/)`", row) for row in table]
    return {room: floor for floor, row in enumerate(reversed(rows)) for room in row}


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """The rooms that a module imports when it is imported."""
    for node in ast.parse(path.read_text()).body:
        names = []
        if isinstance(node, ast.ImportFrom) and node.module == "sketch_rnn":
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").removeprefix("sketch_rnn.")]
            names = names if (node.module or "").startswith("sketch_rnn.") else []
        yield from (name.split(".")[0] for name in names)


MODULES = [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem[0] != "_"]


def test_every_module_has_a_room():
    assert {room(path) for path in MODULES} == set(floors())


def test_imports_point_down():
    floor = floors()
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in MODULES
        for name in imported(path)
        if floor[name] > floor[room(path)]
    ]
    assert wrong == []


def test_the_lower_floors_do_without_tensorflow():
    floor = floors()
    heavy = re.compile(r"^(import|from) (tensorflow|keras)\b", re.M)
    found = {room(path) for path in MODULES if heavy.search(path.read_text())}
    assert found and all(floor[name] >= floor["recurrent"] for name in found)
