"""The program changes its process only in `setup`, and only once.

Compiled programs are kept from run to run, and never loaded where they are not whole.
"""

import ast
import errno
import os
import re
import subprocess
import sys
from importlib import metadata

import pytest
from helpers import ROOT, unix_only

from sketch_rnn.programs import KeptPrograms
from sketch_rnn.setup import add_flags, gpu_flags, set_up_gpu

PROGRAM = """
from sketch_rnn.setup import setup
setup()
import tensorflow as tf
print(tf.function(lambda x: tf.tanh(x) * 2, jit_compile=True)(tf.constant(0.5)).numpy())
"""


@pytest.fixture
def programs(tmp_path):
    kept = KeptPrograms(tmp_path / "cache" / "programs")
    kept.write("one.pb", b"machine code")
    return kept


def names(programs):
    return sorted(path.name for path in programs.folder.iterdir())


def test_a_complete_compiled_program_is_read_and_kept(programs):
    assert list(programs.read()) == [("one.pb", b"machine code")]
    assert names(programs) == ["one.pb", "one.pb.sha256"]


@pytest.mark.parametrize("content", [b"", b"machine cod", b"machine c0de", b"machine code\0"])
def test_a_damaged_compiled_program_is_removed(programs, content):
    (programs.folder / "one.pb").write_bytes(content)
    assert list(programs.read()) == [] and names(programs) == []


def test_a_compiled_program_without_a_checksum_is_removed(programs):
    (programs.folder / "two.pb").write_bytes(b"half of")
    assert list(programs.read()) == [("one.pb", b"machine code")]
    assert names(programs) == ["one.pb", "one.pb.sha256"]


def test_the_oldest_compiled_program_is_removed_from_a_cache_that_is_too_large(
    programs, monkeypatch
):
    programs.write("two.pb", b"more machine code")
    os.utime(programs.folder / "one.pb", (1, 1))
    monkeypatch.setattr("sketch_rnn.programs.LARGEST_CACHE", 20)
    assert list(programs.read()) == [("two.pb", b"more machine code")]
    assert names(programs) == ["two.pb", "two.pb.sha256"]


def refuse(number):
    def refusing(*_, **__):
        raise OSError(number, os.strerror(number))

    return refusing


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_hold_programs_is_named_once(programs, monkeypatch, caplog, number):
    monkeypatch.setattr("sketch_rnn.programs.replacing", refuse(number))
    programs.write("two.pb", b"more machine code")
    programs.write("three.pb", b"still more")
    (line,) = caplog.messages
    assert str(programs.folder) in line and os.strerror(number) in line
    assert "SKETCH_RNN_CACHE" in line
    assert list(programs.read()) == [("one.pb", b"machine code")]


def test_a_file_where_the_cache_folder_should_be_is_named(tmp_path, caplog):
    (tmp_path / "cache").write_text("a file")
    programs = KeptPrograms(tmp_path / "cache" / "programs")
    assert list(programs.read()) == []
    programs.write("one.pb", b"machine code")
    assert len(caplog.messages) == 1 and str(programs.folder) in caplog.text


def test_a_read_only_cache_that_is_too_large_is_read_up_to_the_limit(programs, monkeypatch):
    monkeypatch.setattr("sketch_rnn.programs.LARGEST_CACHE", 20)
    programs.write("two.pb", b"more machine code")
    os.utime(programs.folder / "one.pb", (1, 1))
    monkeypatch.setattr(type(tmp := programs.folder), "unlink", refuse(errno.EROFS))
    assert list(programs.read()) == [("two.pb", b"more machine code")]
    assert len(names(KeptPrograms(tmp))) == 4


@unix_only  # XLA may be missing elsewhere
def test_tensorflow_stores_compiled_programs_and_loads_them_again(tmp_path):
    """The name of the folder contains a space and an umlaut."""
    cache = tmp_path / "Jörg Müller"

    def run():
        env = os.environ | {"SKETCH_RNN_CACHE": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3"}
        env.pop("TF_XLA_FLAGS", None)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
        )
        found = list(cache.glob("programs/*/*.pb"))
        return done.stdout, {path.name: path.stat().st_mtime_ns for path in found}

    printed, kept = run()
    assert len(kept) == 1
    assert run() == (printed, kept)
    next(cache.glob("programs/*/*.pb")).write_bytes(b"damaged")
    again, anew = run()
    assert again == printed and anew.keys() == kept.keys() and anew != kept


@unix_only
def test_a_full_disk_does_not_stop_tensorflow_from_computing(tmp_path):
    """A limit on file sizes stands in for a full disk."""
    full = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (0, r.RLIM_INFINITY))\n"
    program = PROGRAM.replace("setup()\n", f"setup()\n{full}", 1)
    printed, said = run(program, SKETCH_RNN_CACHE=str(tmp_path))
    assert float(printed) == pytest.approx(0.9242343)
    assert said.count("\n") == 1 and "cannot be cached" in said and str(tmp_path) in said
    assert not list(tmp_path.glob("programs/*/*"))


@unix_only
def test_tensorflow_knows_the_flags_for_a_gpu():
    """TensorFlow ends every process if it gets an unknown flag."""
    flags = gpu_flags(metadata.version("tensorflow"))
    given = " ".join(f"--{name}={value}" for name, value in flags.items())
    env = os.environ | {"XLA_FLAGS": given, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_flags_set_by_the_user_take_precedence(monkeypatch):
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


CHANGES = """
import gc, os, signal, sys, threading
state = lambda: (
    dict(os.environ), gc.isenabled(), gc.get_freeze_count() > 0, threading.active_count(),
    [signal.getsignal(number) for number in sorted(signal.valid_signals())],
)
before = state()
"""


def run(program, **environment):
    kept = {
        k: v for k, v in os.environ.items() if k not in ("TF_CPP_MIN_LOG_LEVEL", "TF_XLA_FLAGS")
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=kept | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_importing_changes_nothing_and_prints_nothing(tmp_path):
    """Import all modules that work without TensorFlow, in a process named like a command."""
    program = (
        CHANGES
        + """
sys.argv = ["/usr/bin/sketch_rnn_train"]
from sketch_rnn import HParams, TrainOptions, build_dataset, draw, load_dataset
import sketch_rnn.cli.train, sketch_rnn.cli.sample, sketch_rnn.setup, sketch_rnn.data.download
assert state() == before, (state(), before)
assert "tensorflow" not in sys.modules
"""
    )
    assert run(program, SKETCH_RNN_CACHE=str(tmp_path)) == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_a_second_setup_does_nothing(tmp_path):
    program = CHANGES + "from sketch_rnn.setup import setup; setup(); before = state(); setup()\n"
    assert run(program + "print(state() == before)", SKETCH_RNN_CACHE=str(tmp_path))[0] == "True\n"


@unix_only
def test_setup_after_importing_tensorflow_keeps_programs_and_logs_one_line(tmp_path):
    program = """
import logging, sys
import tensorflow as tf
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s", force=True)
from sketch_rnn.setup import setup
setup(), setup()
print(tf.function(lambda x: tf.tanh(x) * 2, jit_compile=True)(tf.constant(0.5)).numpy())
"""
    lines = run(program, SKETCH_RNN_CACHE=str(tmp_path))[0].splitlines()
    assert len(lines) == 2 and lines[0].startswith("TensorFlow was imported before sketch_rnn set")
    assert len(list(tmp_path.glob("programs/*/*.pb.sha256"))) == 1


PACKAGE = ROOT / "sketch_rnn"
CHANGING = re.compile(
    r"""os\.(environ(\.\w+)?|putenv|umask|chdir|remove|unlink|dup2)\b|atexit\.|signal\.(?!Signals|Handlers)
    |gc\.(?!collect)|sys\.(path|meta_path|set\w+|std\w+)\b|warnings\.|logging\.(?!getLogger|Handler)
    |locale\.|resource\.|\w+\.seterr|multiprocessing\.set_|threading\.Thread|.*\.(unlink|rmtree|setLevel
    |enable_tensor_float_32_execution|set_\w+|setup|set_environment|quit_from_now_on)\b""",
    re.X,
)


def at_import(tree):
    """Yield the statements and expressions that run when a module is imported."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += node.decorator_list if hasattr(node, "decorator_list") else []
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) in (
            "__name__ == '__main__'",
            "TYPE_CHECKING",
        ):
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def changes(source):
    """Return what importing a module would do to the process."""
    found = []
    for node in at_import(ast.parse(source)):
        if isinstance(node, ast.Call) and CHANGING.match(ast.unparse(node.func)):
            found.append(ast.unparse(node))
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else ()
        targets = [node.target] if isinstance(node, ast.AugAssign) else targets
        found += [ast.unparse(t) for t in targets if CHANGING.match(ast.unparse(t))]
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=str)
def test_importing_any_module_does_not_change_the_process(path):
    assert changes(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "os.environ['A'] = '1'",
        "os.environ.setdefault('A', '1')",
        "if True:\n    signal.signal(2, f)",
        "for n in (1, 2):\n    atexit.register(f)",
        "class A:\n    gc.freeze()",
        "_x = setup.setup()",
        "tf.config.experimental.enable_tensor_float_32_execution(False)",
        "programs.folder.unlink()",
    ],
)
def test_a_change_to_the_process_is_detected(source):
    assert changes(source) and not changes(f"def f():\n    {source!r}")
