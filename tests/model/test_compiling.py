"""Compiled programs are kept from run to run, and never loaded where they are not whole."""

import os
import subprocess
import sys
from importlib import metadata

import pytest

from sketch_rnn.model.compiling import KeptPrograms, add_flags, gpu_flags, set_up_gpu

PROGRAM = """
from sketch_rnn import quiet
from sketch_rnn.model import compiling
quiet.import_tensorflow()
import tensorflow as tf
print(tf.function(lambda x: tf.tanh(x) * 2, jit_compile=True)(tf.constant(0.5)).numpy())
"""


@pytest.fixture
def programs(tmp_path):
    kept = KeptPrograms(tmp_path / "programs")
    kept.check()
    (kept.folder / "one.pb").write_bytes(b"machine code")
    kept.seal()
    return kept


def names(programs):
    return sorted(path.name for path in programs.folder.iterdir())


def test_a_whole_program_stays(programs):
    programs.check()
    assert names(programs) == ["one.pb", "one.pb.sha256"]


@pytest.mark.parametrize("content", [b"", b"machine cod", b"machine c0de", b"machine code\0"])
def test_a_damaged_program_goes(programs, content):
    (programs.folder / "one.pb").write_bytes(content)
    programs.check()
    assert names(programs) == []


def test_a_program_that_was_never_sealed_goes(programs):
    (programs.folder / "two.pb").write_bytes(b"half of")
    programs.check()
    assert names(programs) == ["one.pb", "one.pb.sha256"]


def test_the_oldest_goes_where_all_are_too_large(programs, monkeypatch):
    (programs.folder / "two.pb").write_bytes(b"more machine code")
    programs.seal()
    os.utime(programs.folder / "one.pb", (1, 1))
    monkeypatch.setattr("sketch_rnn.model.compiling.LARGEST_CACHE", 20)
    programs.check()
    assert names(programs) == ["two.pb", "two.pb.sha256"]


def test_tensorflow_keeps_programs_and_takes_them_up_again(tmp_path):
    def run():
        env = os.environ | {"SKETCH_RNN_CACHE": str(tmp_path), "TF_CPP_MIN_LOG_LEVEL": "3"}
        env.pop("TF_XLA_FLAGS", None)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
        )
        found = list(tmp_path.glob("programs/*/*.pb"))
        return done.stdout, {path.name: path.stat().st_mtime_ns for path in found}

    printed, kept = run()
    assert len(kept) == 1
    assert run() == (printed, kept)
    next(tmp_path.glob("programs/*/*.pb")).write_bytes(b"damaged")
    again, anew = run()
    assert again == printed and anew.keys() == kept.keys() and anew != kept


def test_tensorflow_knows_the_flags_for_a_gpu():
    """It would end every process otherwise."""
    flags = gpu_flags(metadata.version("tensorflow"))
    given = " ".join(f"--{name}={value}" for name, value in flags.items())
    env = os.environ | {"XLA_FLAGS": given, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_flags_of_the_user_win(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--one=mine --two=2")
    add_flags("XLA_FLAGS", {"one": "ours", "three": "3"})
    assert os.environ["XLA_FLAGS"] == "--one=mine --two=2 --three=3"


@pytest.mark.parametrize(
    ("environment", "used"), [({}, "true"), ({"TF_FORCE_GPU_ALLOW_GROWTH": "false"}, "false")]
)
def test_processes_share_a_gpu_unless_the_user_says_otherwise(monkeypatch, environment, used):
    monkeypatch.setattr(os, "environ", environment)
    set_up_gpu("2.21.0")
    assert environment["TF_FORCE_GPU_ALLOW_GROWTH"] == used
