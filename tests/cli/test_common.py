import errno
import os
import subprocess
import sys

import pytest
from helpers import UNIX, unix_only

from sketch_rnn.cli import common, train
from sketch_rnn.cli.flags import Flag, Many, new_flags
from sketch_rnn.errors import UserError, warn

USAGE = """
Does what a toy does,
on two lines.

  toy --count=2
"""


def toy(main, argv, arguments=""):
    values = new_flags(
        Flag("count", int, 3, "How many.", least=1),
        Flag("mode", ("slow", "fast"), "slow", "How fast."),
        Flag("loud", bool, False, "Make noise."),
        Flag("hparams", Many.REPEATED, [], "Overrides."),
    )
    return common.run("toy", lambda *rest: main(values, *rest), values, USAGE, argv, arguments)


def raising(error):
    def main(values, *rest):
        raise error

    return main


def test_the_command_gets_the_parsed_flags(capsys):
    def main(values):
        print(values.count, values.mode, values.loud, values.hparams)

    argv = ["--count=2", "--loud", "--hparams", "a=1", "--hparams={b:2}", "--mode=fast"]
    assert toy(main, argv) == 0
    assert capsys.readouterr().out == "2 fast True ['a=1', '{b:2}']\n"


def test_a_pattern_that_the_shell_did_not_expand_is_expanded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.svg", "a.svg", "c.png", "[x].svg"):
        (tmp_path / name).touch()
    seen = []
    argv = ["*.svg", "none*", "[x].svg", "c.png", "plain", "http://x/*.npz"]
    toy(lambda values, *rest: seen.extend(rest), argv, "FILE...")
    assert seen[:3] == ["[x].svg", "a.svg", "b.svg"]
    assert seen[3:] == ["none*", "[x].svg", "c.png", "plain", "http://x/*.npz"]


def test_the_exit_status_is_what_the_command_returns():
    assert toy(lambda values: 7, []) == 7


def test_a_second_run_in_the_process_starts_from_the_defaults():
    values = new_flags(Flag("hparams", Many.REPEATED, [], "Overrides."))
    seen = []
    for argv in (["--hparams=a"], ["--hparams=b"], []):
        common.run("toy", lambda: seen.append(values.hparams), values, USAGE, argv)
    assert seen == [["a"], ["b"], []]


def test_help_shows_the_flags_of_the_command_with_defaults(capsys):
    assert toy(raising(AssertionError), ["--help"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert captured.err == ""
    assert lines[:5] == [
        "usage: toy [flags]",
        "",
        "Does what a toy does, on two lines.",
        "",
        "  toy --count=2",
    ]
    assert "  --count=NUMBER" in lines
    assert "        How many. (default: 3)" in lines
    assert "  --mode=slow|fast" in lines
    assert "        How fast. (default: slow)" in lines
    assert "  --[no]loud" in lines
    assert "        Overrides. May be repeated." in lines
    assert "  --verbose_tensorflow" in lines
    assert "flagfile" not in captured.out


def test_help_is_wrapped(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    values = new_flags(Flag("long", str, None, "word " * 60))
    assert common.run("toy", raising(AssertionError), values, "word " * 60, ["-h"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--cuont=3"], ["--cuont", "--count"]),
        (["--zzzzzz"], ["--zzzzzz", "--help"]),
        (["--count=many"], ["--count=many"]),
        (["--count=0"], ["--count=0", "positive"]),
        (["--count"], ["--count"]),
        (["--mode=medium"], ["--mode=medium", "slow|fast"]),
        (["--noloud=1"], ["--noloud"]),
        (["stray", "--count=1"], ["stray"]),
        (["--count=1", "stray"], ["stray"]),
        (["--flagfile=nowhere"], ["nowhere"]),
    ],
)
def test_bad_arguments_give_a_one_line_error_and_status_2(capsys, argv, words):
    assert toy(raising(AssertionError), argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("toy: error: ")
    assert captured.err.count("\n") == 1
    for word in words:
        assert word in captured.err


@pytest.mark.parametrize(
    ("argument", "hint"),
    [
        ("--num_steps=5", "it is a hyperparameter: --hparams=num_steps=5"),
        ("--data_set=cat.npz", "it is a hyperparameter: --hparams=data_set=cat.npz"),
        ("--lr=0.1", "it is a hyperparameter: --hparams=learning_rate=..."),
        ("--epochs=3", "it is a hyperparameter: --hparams=num_steps=..."),
        ("--steps=3", "it is a hyperparameter: --hparams=num_steps=..."),
        ("--resume", "did you mean --resume_training?"),
        ("--log-root=x", "did you mean --log_root?"),
        ("--resume_training=x", "expected true or false, got 'x'"),
        ("--seed=x", "expected a whole number, got 'x'"),
        ("--connect_timeout=x", "expected a number, got 'x'"),
    ],
)
def test_guessed_flag_names_get_a_hint(capsys, argument, hint):
    assert train.main([argument]) == 2
    line = capsys.readouterr().err
    assert hint in line and "(" not in line and line.count("\n") == 1


def test_help_is_shown_despite_a_bad_flag(capsys):
    assert toy(raising(AssertionError), ["--help", "--cuont=3"]) == 0
    assert capsys.readouterr().err == ""


def test_a_command_may_take_arguments(capsys):
    def main(values, *rest):
        print(rest)

    assert toy(main, ["a", "--count=1", "b"], arguments="FILE...") == 0
    assert toy(main, ["--help"], arguments="FILE...") == 0
    assert capsys.readouterr().out.startswith("('a', 'b')\nusage: toy [flags] FILE...\n")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("two\nlines"), 2, "two lines"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), 1, "/a/b: No space left"),
        (PermissionError(errno.EACCES, "Permission denied"), 1, "Permission denied"),
        (OSError("something"), 1, "something"),
    ],
)
def test_an_expected_error_is_one_line(capsys, error, status, line):
    assert toy(raising(error), []) == status
    captured = capsys.readouterr()
    assert captured.err.startswith(f"toy: error: {line}")
    assert captured.err.count("\n") == 1


def test_a_bug_in_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        toy(raising(ZeroDivisionError()), [])


def python(code, **environment):
    kept = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_closed_pipe_prints_no_error():
    code = """
import os, sys
from sketch_rnn.cli import common
from sketch_rnn.cli.flags import new_flags
read, write = os.pipe()
os.close(read)
os.dup2(write, 1)
sys.exit(common.run("toy", lambda: print("x" * 100_000), new_flags(), "", []))
"""
    done = python(code)
    assert (done.returncode, done.stderr) == (141, "")


def test_importing_the_command_line_does_not_import_tensorflow():
    code = """
import sys
import sketch_rnn.cli.common, sketch_rnn.hparams
print(sorted({"tensorflow", "keras", "numpy"} & set(sys.modules)))
"""
    assert python(code).stdout == "[]\n"


def test_help_and_bad_arguments_do_not_wait_for_tensorflow():
    code = """
import sys
from sketch_rnn.cli import dataset, eval, export, sample, train
for command in (dataset, eval, export, sample, train):
    assert command.main(["--help"]) == 0
    assert command.main(["--nonsense"]) == command.main(["--seed=x", "--split=x"]) == 2
assert train.main(["--hparams=zsize=3"]) == train.main(["--config=none.json"]) == 2
assert train.main(["--resume_training", "--init_from=a"]) == eval.main([]) == 2
print(sorted({"tensorflow", "keras"} & set(sys.modules)))
"""
    assert python(code).stdout.splitlines()[-1] == "[]"


COMPILED = """
import sys
from sketch_rnn.cli import common
common.quiet_tensorflow({verbose})
import tensorflow as tf
tf.function(lambda x: x @ x, jit_compile={xla})(tf.ones([4, 4]))
for _ in tf.data.Dataset.range(9).shuffle(4).prefetch(2).take(3): pass
print("mine", file=sys.stderr)
"""


def test_tensorflow_prints_nothing():
    assert python(COMPILED.format(verbose=False, xla=UNIX)).stderr == "mine\n"


@unix_only
@pytest.mark.long
def test_tensorflow_logs_when_asked_to():
    assert "Compiled cluster using XLA" in python(COMPILED.format(verbose=True, xla=True)).stderr


def test_a_tilde_in_a_flag_becomes_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    seen = []
    argv = ["--hparams=~/a", "--hparams", "b=~/c", "--hparams=d~/e"]
    toy(lambda values: seen.extend(values.hparams), argv)
    assert seen == ["/home/ada/a", "b=/home/ada/c", "d~/e"]


def test_messages_from_the_library_name_options_as_flags(capsys):
    error = UserError("go on by `resume`, or with `seed=3` and another `log_root`")
    assert toy(raising(error), []) == 2
    assert capsys.readouterr().err == (
        "toy: error: go on by --resume_training, or with --seed=3 and another --log_root\n"
    )


def test_warnings_from_the_library_are_lines_on_stderr(capsys, caplog):
    toy(lambda values: warn("few\ndrawings; see `data_dir`"), [])
    assert caplog.messages == []  # otherwise TensorFlow's logger would print it again
    warn("after the command")
    assert capsys.readouterr().err == "warning: few drawings; see --data_dir\n"


def test_unneeded_modules_are_hidden_while_tensorflow_is_imported():
    sys.modules.pop("colorsys", None)
    with common._not_installed(["colorsys", "json"]):
        import json

        assert json.loads("1") == 1
        with pytest.raises(ImportError):
            import colorsys
    import colorsys

    assert colorsys.rgb_to_hsv(0, 0, 0) == (0, 0, 0)
