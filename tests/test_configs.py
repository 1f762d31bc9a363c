import re
import shlex

import pytest
from helpers import ROOT

from sketch_rnn.hparams import HParams
from sketch_rnn.hparams_text import load_config, parse_overrides

CONFIGS = ROOT / "configs"
FILES = sorted(CONFIGS.glob("*.json"))
README = (CONFIGS / "README.md").read_text()
COMMANDS = re.findall(r"^sketch_rnn_train .*$", README, re.MULTILINE)


def test_the_documented_configurations_exist():
    names = {path.stem for path in FILES}
    assert names == {
        "aaron_sheep",
        "big_model",
        "doodles",
        "few",
        "handwriting",
        "kanji",
        "quickdraw",
        "test",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_configuration_is_read_as_hyperparameters(path):
    overrides = load_config(path)
    assert path.stem == "few" or HParams(**overrides).data_set == overrides["data_set"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_configuration_is_described_with_its_command(path):
    assert f"\n| `{path.name}` |" in README
    section = README.split(f"\n## `{path.name}`\n")[1].split("\n## ")[0]
    assert f"--config={path.stem} " in section


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_in_the_readme_have_valid_flags(command):
    values = dict(argument.split("=", 1) for argument in shlex.split(command)[1:])
    config = load_config(values.pop("--config"))
    HParams(**{**config, **parse_overrides([values.pop("--hparams", "")])})
    assert set(values) <= {"--data_dir", "--log_root"}


def test_the_big_model_is_the_documented_one():
    documented = parse_overrides(
        [
            "dec_model=hyper,dec_rnn_size=2048,enc_model=layer_norm,enc_rnn_size=512,"
            "save_every=5000,grad_clip=1.0,use_recurrent_dropout=0"
        ]
    )
    config = load_config(CONFIGS / "big_model.json")
    assert {k: v for k, v in config.items() if k != "data_set"} == documented
    assert len(config["data_set"]) > 1
