"""Every command in the README and on the first pages runs, from a wheel in an empty folder.

Long ones are shortened, see `readme_commands.py`. The two set-up commands are run by CI, and two
machines by `training/test_devices.py`.
"""

import http.server
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import zipfile
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
from helpers import DOODLES, FIXTURES, ROOT, node, unix_only
from other_programs import write_drawings

import sketch_rnn
from sketch_rnn.cli import export, train
from sketch_rnn.cli.flags import parse
from sketch_rnn.cli.main import COMMANDS
from sketch_rnn.data import catalog
from sketch_rnn.hparams_text import load_config

PAGES = (
    "README.md",
    *(f"docs/{name}.md" for name in ("index", "draw", "train", "web", "own_drawings", "pad")),
    *(f"docs/{name}.md" for name in ("gpu", "machines", "formats")),
)
EVERY_PAGE = [path for name in (".", "docs", "configs") for path in (ROOT / name).glob("*.md")]
SET_UP = ("./scripts/demo", "./scripts/test")
ELSEWHERE = ("TF_CONFIG=", *SET_UP)
SHELLS = (["bash"], ["dash"], ["zsh", "-f"])
WRITES_ITS_WORDS = """#!/bin/sh
{ printf '%s\\n' "${0##*/}" "$@"; echo; } >> "$LOG"
"""
WHOLE = (".py", ".json", ".npz", ".mjs", ".css", ".html")
PROGRAMS = ("pip", "tensorboard", "sketch_rnn", *(f"sketch_rnn_{name}" for name in COMMANDS))
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")  # a wheel is built from these


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)


def commands(*pages):
    """Return the commands in code blocks and in tables, without duplicates."""
    found = []
    for page in pages:
        found += [line for block in blocks(page, "sh") for line in block.splitlines()]
        rows = re.findall(r"^\|.*", (ROOT / page).read_text(), re.M)
        found += re.findall(r"`(sketch_rnn_\w+ [^`]+=[^`]+)`", "\n".join(rows))
    return list(dict.fromkeys(found))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a folder with a reader's own drawings and no files of the project."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "mine").mkdir()
    for number, path in enumerate(sorted((FIXTURES).glob("*.svg"))):
        shutil.copy(path, folder / "mine" / path.name)
        for copy in range(4):
            moved = path.read_text().replace("<svg ", f'<svg data-copy="{number}{copy}" ', 1)
            (folder / "mine" / f"{copy}{path.name}").write_text(moved)
    shutil.copy(FIXTURES / "shapes.svg", folder / "mine" / "house.svg")
    circle = (
        '<svg xmlns="http://www.w3.org/2000/svg"><circle r="80" fill="none" stroke="black"/></svg>'
    )
    (folder / "mine" / "circle.svg").write_text(circle)
    write_drawings(folder)
    shutil.copy(folder / "cat.ndjson", folder / "pad-1.ndjson")
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel that goes to the package index."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("sketch_rnn", "configs", "datasets", *FILES):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", f"--wheel-dir={built}"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *build, str(source)],
        env=os.environ | {"PROJECT_HOME": "https://example.org/sketch-rnn"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (path,) = built.iterdir()
    return path


@pytest.fixture(scope="module")
def served(tmp_path_factory, wheel):
    """Make the folder that is served at the public addresses: packages, data sets, models."""
    served = tmp_path_factory.mktemp("served")
    (served / "aaron_sheep").mkdir()
    shutil.copy(DOODLES / "cat.npz", served / "aaron_sheep" / "aaron_sheep.npz")
    shutil.copy(catalog.PACKAGED_MODEL_PATH, served / "cat.vae.json")
    flags = [f"--output={served / 'cat.gen.json'}", "--seed=1"]
    assert export.main(["--model_dir=doodles", *flags]) == 0
    serve_package(served / "simple" / "sketch-rnn", wheel.name, wheel.read_bytes())
    return served


def serve_package(folder, name, content):
    """Add a package as an index serves it."""
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    (folder / "index.html").write_text(f'<a href="{name}">{name}</a>')


@contextmanager
def serving(folder):
    """Serve the public addresses on this machine."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture(scope="module")
def words_of(tmp_path_factory):
    """Return a function that splits lines into lists of words as each shell does."""
    folder = tmp_path_factory.mktemp("shell")
    for name in ("kanjivg-1-py3-none-any.whl", "pad-1.ndjson"):  # for patterns in commands
        (folder / name).touch()
    (folder / "bin").mkdir()
    for name in PROGRAMS:
        (folder / "bin" / name).write_text(WRITES_ITS_WORDS)
        (folder / "bin" / name).chmod(0o755)

    def words(shell, lines):
        log = folder / f"{shell[0]}.txt"
        log.unlink(missing_ok=True)
        env = {"PATH": f"{folder / 'bin'}:/bin:/usr/bin", "LOG": str(log)}
        script = "\n".join(["set -e", *lines])
        done = subprocess.run(
            shell, input=script, cwd=folder, env=env, text=True, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        return [entry.splitlines() for entry in log.read_text().split("\n\n")[:-1]]

    return words


@unix_only
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_commands_on_the_pages_work_in_every_shell(shell, words_of):
    if shutil.which(shell[0]) is None:
        pytest.skip(f"there is no {shell[0]} on this machine")
    lines = [line for line in commands(*PAGES) if line not in SET_UP]
    split = [shlex.split(line) for line in lines]
    expected = [[word for word in words if not word.startswith("TF_CONFIG=")] for words in split]
    assert expected and words_of(shell, lines) == [
        [
            word.replace("kanjivg-*", "kanjivg-1-py3-none-any").replace("pad-*", "pad-1")
            for word in words
        ]
        for words in expected
    ]


@pytest.fixture(scope="module")
def ran(folder, wheel, served, tmp_path_factory):
    """Return the reader's folder after all commands have run."""
    site, cache = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("cache")
    kanji = io.BytesIO()
    with zipfile.ZipFile(kanji, "w") as package:
        for path in (folder / "mine").iterdir():
            package.write(path, f"kanji/{path.name}")
        package.writestr(
            "kanjivg-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: kanjivg\nVersion: 1\n"
        )
        package.writestr("kanjivg-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        package.writestr("kanjivg-1.dist-info/RECORD", "")
    name = "kanjivg-1-py3-none-any.whl"
    serve_package(served / "simple" / "kanjivg", name, kanji.getvalue())
    lines = [line for line in commands(*PAGES) if not line.startswith(ELSEWHERE)]
    installs = [line for line in lines if line.startswith("pip install")]
    program = [json.dumps(shlex.split(line)) for line in lines if line not in installs]
    with serving(served) as address:
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        env |= {"PIP_INDEX_URL": f"{address}/simple", "SKETCH_RNN_CACHE": str(cache)}
        env |= {"README_SERVER": address}
        for line in installs:
            command = [*shlex.split(line), "--no-deps", f"--target={site}", "--upgrade"]
            subprocess.run(
                [sys.executable, "-m", *command], check=True, capture_output=True, env=env
            )
        done = subprocess.run(
            [sys.executable, ROOT / "tests" / "readme_commands.py"],
            input="\n".join(program),
            cwd=folder,
            env=env | {"PYTHONPATH": str(site)},
            text=True,
            capture_output=True,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_the_commands_run(ran):
    lines = commands(*PAGES)
    assert set(SET_UP) < set(lines)
    for name in re.findall(r"--output=(\S+)", "\n".join(lines)):
        assert (ran / name).exists(), name


def test_the_commands_for_two_machines_differ_only_in_the_index():
    first, second = (line for line in commands(*PAGES) if line.startswith("TF_CONFIG="))
    assert second == first.replace('"index": 0', '"index": 1')
    setting, *words = shlex.split(first)
    cluster = json.loads(setting.removeprefix("TF_CONFIG="))["cluster"]
    assert len(cluster["worker"]) == 2
    parse(train.FLAGS, words[1:])
    assert train.FLAGS.strategy == "multi_worker"
    assert load_config(train.FLAGS.config)


def test_the_powershell_command_sets_the_same_machines():
    (block,) = blocks("docs/machines.md", "powershell")
    setting, command = block.splitlines()
    first, _ = (line for line in commands("docs/machines.md") if line.startswith("TF_CONFIG="))
    assert f"TF_CONFIG={setting.removeprefix('$env:TF_CONFIG = ')} {command}" == first


def prose(page):
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(page):
    """Return the anchors of a page's headings as GitHub makes them, and as the site does."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.M)
    names = [re.sub(r"[^\w\s-]", "", title.lower()).strip() for title in titles]
    github, site = ({re.sub(gap, "-", name) for name in names} for gap in (r"\s", r"[-\s]+"))
    return github & site


@pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_existing_pages(page):
    for link in re.findall(r"\]\((?!https?://)([^)\s]+)\)", prose(page)):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_promise_has_a_command_that_checks_it():
    text = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    promises = re.findall(r"^- \*\*(.+)\.\*\*", text.partition("\n## ")[0], re.M)
    rows = re.findall(r"^\| (.*?) ?\| `(.+?)` \|", text.partition("\n## ")[0], re.M)
    assert [name for name, _ in rows if name] == [promise.lower() for promise in promises]
    checks = re.findall(r"`((?:\./|python )[^`]+)`", prose(ROOT / "docs" / "promises.md"))
    checks += "".join(blocks("docs/promises.md", "sh")).splitlines()
    for program, *words in map(shlex.split, checks):
        script, *words = words if program == "python" else [program, *words]
        assert (ROOT / script).exists(), script
        tests = "".join((ROOT / word).read_text() for word in words if word.endswith(".py"))
        for name in re.split(r"\sor\s", words[words.index("-k") + 1]) if "-k" in words else ():
            assert re.search(rf"def test_\w*{name}", tests), name


def test_the_glossary_is_linked_where_its_terms_are_needed(capsys):
    for name in ("verdicts", "hyperparameters", "questions"):
        assert "](glossary.md" in (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert train.main(["--help"]) == 0
    assert "docs/glossary.md" in capsys.readouterr().out


def test_the_javascript_on_the_page_is_tested_with_the_client():
    client = (ROOT / "tests" / "node" / "client.js").read_text()
    (block,) = (block for block in blocks("docs/web.md", "js") if "ms.SketchRNN" in block)
    for line in block.splitlines()[1:]:
        assert line in client


def test_the_javascript_module_on_the_page_draws(ran):
    """The example runs beside the module that the command writes."""
    (block,) = (block for block in blocks("docs/web.md", "js") if "console.log" in block)
    (ran / "package.json").write_text('{"type": "module"}')
    (ran / "page.js").write_text(block)
    done = subprocess.run([node(), "page.js"], capture_output=True, text=True, timeout=60, cwd=ran)
    assert done.returncode == 0, done.stderr
    *cats, fresh = map(json.loads, done.stdout.splitlines())
    assert len(cats) == 3 and len(fresh) == 2
    assert all(np.allclose(cat[0][:2], [25, 0]) and len(cat) > 20 for cat in cats)


def test_the_wheel_is_complete(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
        metadata = file.read(next(name for name in names if name.endswith("METADATA"))).decode()
    for folder in ("configs", "datasets", "sketch_rnn"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in WHOLE:
                inside = path.relative_to(ROOT / "sketch_rnn" if folder == "sketch_rnn" else ROOT)
                assert f"sketch_rnn/{inside.as_posix()}" in names
    release = f"https://example.org/sketch-rnn/{{}}/v{sketch_rnn.__version__}/"
    assert re.search(r"!\[[^]]+\]\(" + re.escape(release.format("raw")), metadata)
    assert f"]({release.format('blob')}docs/train.md)" in metadata
    assert not re.search(r"\]\((?!https://)", metadata)
    assert "Project-URL: Changelog, " + release.format("blob") in metadata


@pytest.mark.long
def test_the_test_configuration_trains_unchanged(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (line,) = re.findall(
        "^sketch_rnn_train .*test.*", (ROOT / "configs/README.md").read_text(), re.M
    )
    assert train.main(shlex.split(line)[1:]) == 0
