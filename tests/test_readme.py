"""Every command of the README runs; long ones are shortened.

The two set-up commands are run by CI.
"""

import dataclasses
import glob
import http.server
import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import threading
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers import FIXTURES, ROOT, free_ports, node

from sketch_rnn.cli import dataset, export, sample, train
from sketch_rnn.cli import eval as eval_command
from sketch_rnn.data import catalog

SET_UP = ("./scripts/demo", "./scripts/test")
MAINS = {
    "sketch_rnn_dataset": dataset.main,
    "sketch_rnn_eval": eval_command.main,
    "sketch_rnn_export": export.main,
    "sketch_rnn_sample": sample.main,
    "sketch_rnn_train": train.main,
}
SMALL = "enc_rnn_size=8,dec_rnn_size=16,z_size=4,batch_size=8"


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)


def commands(page):
    """Those in blocks, and those that are in tables."""
    in_blocks = [line for block in blocks(page, "sh") for line in block.splitlines()]
    rows = re.findall(r"^\|.*", (ROOT / page).read_text(), re.M)
    return in_blocks + re.findall(r"`(sketch_rnn_\w+ [^`]+)`", "\n".join(rows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder as the reader of the README has it: the project's, with drawings of their own."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "datasets", folder / "datasets")
    (folder / "mine").mkdir()
    for number, path in enumerate(sorted((FIXTURES).glob("*.svg"))):
        shutil.copy(path, folder / "mine" / path.name)
        for copy in range(4):
            moved = path.read_text().replace("<svg ", f'<svg data-copy="{number}{copy}" ', 1)
            (folder / "mine" / f"{copy}{path.name}").write_text(moved)
    shutil.copy(FIXTURES / "shapes.svg", folder / "mine" / "house.svg")
    circle = '<svg xmlns="http://www.w3.org/2000/svg"><circle r="80" stroke="black"/></svg>'
    (folder / "mine" / "circle.svg").write_text(circle)
    with zipfile.ZipFile(folder / "icons.zip", "w") as icons:
        icons.writestr("circle.svg", circle)
    (folder / "cat.ndjson").write_text('{"word": "cat", "drawing": [[[0, 90, 5], [9, 9, 70]]]}')
    record = struct.pack("<Q2sBIHH", 1, b"DE", 1, 0, 1, 3) + bytes([0, 90, 5, 9, 9, 70])
    (folder / "face.bin").write_bytes(record)
    sketch = np.array([(9, 0, 0), (0, 9, 1), (5, 5, 1)])
    np.savez(folder / "rawdata.npz", rawdata=[sketch * (n, n, 1) for n in (2, 3, 4)])
    np.savez(folder / "places.npz", train=[np.insert(sketch, 0, (70, 50, 0), axis=0)] * 3)
    (folder / "cats.json").write_text(json.dumps({"sketches": [sketch.tolist()]}))
    return folder


@pytest.fixture
def server(folder, monkeypatch):
    """The public data sets, on this machine."""
    (folder / "served" / "aaron_sheep").mkdir(parents=True, exist_ok=True)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder / "served")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def shortened(words):
    """The command's arguments, for a small model and few steps."""
    if words[0] != "sketch_rnn_train":
        return words[1:]
    if "--resume_training" in words:
        return [*words[1:], "--hparams=num_steps=4"]
    size = "" if any(word.startswith("--init_from") for word in words) else "," + SMALL
    return [*words[1:], f"--hparams=num_steps=2{size}"]


def run(line):
    words = [found for word in shlex.split(line) for found in glob.glob(word) or [word]]
    if words[0] == "pip":
        subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)
    elif words[0] == "tensorboard":
        done = subprocess.run(
            [sys.executable, "-m", "tensorboard.main", *words[1:], "--inspect"],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Train_Cost" in done.stdout or "Valid_Cost" in done.stdout, done.stderr
    else:
        assert MAINS[words[0]](shortened(words)) == 0, line


def serve_package(folder):
    """A small package of drawings, as a package index serves it."""
    served = folder / "served" / "simple" / "kanjivg"
    served.mkdir(parents=True)
    name = "kanjivg-1-py3-none-any.whl"
    with zipfile.ZipFile(served / name, "w") as wheel:
        for path in (folder / "mine").iterdir():
            wheel.write(path, f"kanji/{path.name}")
        wheel.writestr(
            "kanjivg-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: kanjivg\nVersion: 1\n"
        )
        wheel.writestr("kanjivg-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("kanjivg-1.dist-info/RECORD", "")
    (served / "index.html").write_text(f'<a href="{name}">{name}</a>')


def serve_models(folder, server, monkeypatch):
    """The model in the package as the public models that the README names."""
    served = folder / "served"
    shutil.copy(catalog.PACKAGED_MODEL_PATH, served / "cat.vae.json")
    flags = [f"--output={served / 'cat.gen.json'}", "--seed=1"]
    assert export.main(["--model_dir=doodles", *flags]) == 0
    for name in ("quickdraw/cat", "quickdraw/cat.vae"):
        public = catalog.MODELS[name]
        url = f"{server}/{public.url.rpartition('/')[2]}"
        monkeypatch.setitem(catalog.MODELS, name, dataclasses.replace(public, url=url))


def test_the_readme_s_commands(folder, server, monkeypatch, tmp_path, capsys):
    serve_package(folder)
    serve_models(folder, server, monkeypatch)
    monkeypatch.setenv("SKETCH_RNN_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_INDEX_URL", f"{server}/simple")
    monkeypatch.chdir(folder)
    lines = commands("README.md")
    assert set(SET_UP) < set(lines)
    for line in lines:
        if line not in SET_UP and not line.startswith(
            ("sketch_rnn_dataset download", "TF_CONFIG=")
        ):
            run(line)
    for name in re.findall(r"--output=(\S+)", "\n".join(lines)):
        assert (folder / name).exists(), name


def test_the_readme_s_two_machines(folder):
    """On loopback, with ports that are free."""
    lines = [line for line in commands("README.md") if line.startswith("TF_CONFIG=")]
    hosts = re.findall(r"host\d:\d+", lines[0])
    started = []
    addresses = [f"127.0.0.1:{port}" for port in free_ports(len(hosts))]
    for line in lines:
        for host, address in zip(hosts, addresses, strict=True):
            line = line.replace(host, address)
        setting, *words = shlex.split(line)
        program = [sys.executable, "-m", "sketch_rnn.cli.train", *shortened(words)]
        env = os.environ | {"TF_CONFIG": setting.removeprefix("TF_CONFIG=")}
        started.append(subprocess.Popen(program, cwd=folder, env=env, stderr=subprocess.PIPE))
    errors = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], errors
    assert list((folder / "models" / "shared" / "checkpoints").glob("latest-2.index"))


def test_the_readme_s_links_lead_somewhere():
    found = re.findall(r"\]\((?!https?://)([^)#]+)\)", (ROOT / "README.md").read_text())
    assert found
    for name in found:
        assert (ROOT / name).exists(), name


def test_the_readme_s_javascript_is_what_the_client_is_tested_with():
    client = (ROOT / "tests" / "node" / "client.js").read_text()
    (block,) = (block for block in blocks("README.md", "js") if "ms.SketchRNN" in block)
    for line in block.splitlines()[1:]:
        assert line in client


def test_the_readme_s_module_draws(folder, monkeypatch, capfd):
    """As the reader has it: beside the module that the command writes."""
    monkeypatch.chdir(folder)
    lines = commands("README.md")
    if not (folder / "models" / "new_cats").exists():
        run(next(line for line in lines if "--log_root=models/new_cats" in line))
    run(next(line for line in lines if "--output=cats.js" in line))
    (block,) = (block for block in blocks("README.md", "js") if "import" in block)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "page.js").write_text(block)
    done = subprocess.run([node(), "page.js"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    *cats, fresh = map(json.loads, done.stdout.splitlines())
    assert len(cats) == 3 and len(fresh) == 2
    assert all(np.allclose(cat[0][:2], [25, 0]) and len(cat) > 20 for cat in cats)


def test_the_readme_s_download(folder, server, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("SKETCH_RNN_CACHE", str(tmp_path))
    public = catalog.SETS["aaron_sheep"]
    served = dataclasses.replace(public, folder=f"{server}/aaron_sheep")
    monkeypatch.setitem(catalog.SETS, "aaron_sheep", served)
    cats = folder / "datasets" / "doodles" / "cat.npz"
    shutil.copy(cats, folder / "served" / "aaron_sheep" / "aaron_sheep.npz")
    (line,) = [li for li in commands("README.md") if li.startswith("sketch_rnn_dataset download")]
    run(line)
    printed = capsys.readouterr().out.splitlines()
    assert Path(printed[0]).read_bytes() == cats.read_bytes()
    assert "CC BY-NC 4.0" in printed[1]


def test_the_readme_s_python(folder, monkeypatch):
    monkeypatch.chdir(folder)
    if not (folder / "models" / "doodles").exists():
        run(next(line for line in commands("README.md") if "--log_root=models/doodles" in line))
    exec("\n".join(blocks("README.md", "python")), {})
    assert (folder / "cats.svg").exists()


def test_the_test_configuration_trains_as_it_stands(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (line,) = re.findall(
        "^sketch_rnn_train .*test.json.*", (ROOT / "configs/README.md").read_text(), re.M
    )
    assert train.main(shlex.split(line)[1:]) == 0
