"""Every example on the pages on Python runs, in order, and prints what the page shows.

Runs are shortened, and stand-ins take the calls of Weights & Biases and of the Hugging Face Hub.
"""

import functools
import os
import re
import subprocess
import sys

import pytest
from helpers import ROOT

import sketch_rnn

pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
pytest.importorskip("pandas", reason="pandas is not installed")

import hub

PAGES = ("python", "original_notebook")
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.M | re.S)
TEXTS = {page: (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") for page in PAGES}
EXAMPLES = {page: EXAMPLE.findall(text) for page, text in TEXTS.items()}
SHORTER = {  # steps, so that what is printed is the same
    '"num_steps": 300': '"num_steps": 5',
    '"save_every": 100': '"save_every": 3',
    '"num_steps": 400': '"num_steps": 8',
    '"num_steps": 500': '"num_steps": 11',
    '"num_steps": 600': '"num_steps": 14',
    "step >= 402": "step >= 8",
    "399": "7",
}
STAND_IN = """
import sys, types
logged = []
sys.modules["wandb"] = types.SimpleNamespace(
    init=lambda **options: logged.append(options),
    log=lambda figures, step: logged.append((step, figures)),
    Html=lambda text: text,
)
"""
AFTER = {
    "python": """
assert logged[0]["project"] == "sketches" and logged[0]["config"]["z_size"] == 8
step, figures = logged[1]
assert figures["step"] == step and figures["Valid_Cost"] and figures["drawings"].startswith("<?xml")
"""
}


def shortened(text):
    for long, short in SHORTER.items():
        text = text.replace(long, short)
    return text


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """Return a function that gives what each example on a page prints."""

    @functools.cache
    def of_page(page):
        end = "print('----')\n"
        program = STAND_IN + "".join(shortened(source) + end for source, _ in EXAMPLES[page])
        folder = tmp_path_factory.mktemp("reader")
        with hub.serving() as server:
            ours = {"HF_ENDPOINT": server.address, "HF_TOKEN": hub.TOKEN, "HF_HOME": str(folder)}
            done = subprocess.run(
                [sys.executable, "-W", "error::UserWarning", "-c", program + AFTER.get(page, "")],
                cwd=folder,
                env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "NO_PROXY": "127.0.0.1"} | ours,
                capture_output=True,
                text=True,
            )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.split("----\n")[:-1]

    return of_page


@pytest.mark.parametrize(
    ("page", "number"),
    [
        pytest.param(page, number, marks=pytest.mark.long if page == "python" else ())
        for page, examples in EXAMPLES.items()
        for number in range(len(examples))
    ],
)
def test_an_example_prints_what_the_page_says(printed, page, number):
    assert printed(page)[number] == shortened(EXAMPLES[page][number][1])


def test_the_page_names_every_public_name():
    for name in sketch_rnn.__all__:
        assert re.search(rf"\b{name}\b", TEXTS["python"]), name
    reference = TEXTS["python"].split("## Reference")[1]
    for home in re.findall(r"^::: sketch_rnn\.(\S+)\.(\w+)$", reference, re.M):
        module = ROOT.joinpath("sketch_rnn", *home[0].split("."))
        files = [module.with_suffix(".py"), module / "__init__.py"]
        source = next(path for path in files if path.exists()).read_text(encoding="utf-8")
        assert re.search(rf"^(class|def) {home[1]}\b", source, re.M), home
