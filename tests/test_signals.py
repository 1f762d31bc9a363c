"""Signals are handled immediately and end the program cleanly."""

import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from helpers import ROOT, unix_only

from sketch_rnn import signals
from sketch_rnn.cli import common, entry
from sketch_rnn.cli.flags import new_flags
from sketch_rnn.cli.main import COMMANDS

OTHER = signals.ENDING[-1]  # SIGTERM, or what the system has


def send(number=signal.SIGINT):
    signal.raise_signal(number)


def wait_for(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come")


def test_the_first_signal_is_handled_immediately_and_the_second_is_raised():
    said = []
    with signals.collected(lambda *told: said.append(told)) as received:
        send(OTHER)
        wait_for(lambda: said)
        assert (received, said) == ([OTHER], [(OTHER, False)])
        with pytest.raises(KeyboardInterrupt):
            send()
            wait_for(lambda: False)
    assert said[1:] == [(signal.SIGINT, True)]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_signals_are_received_while_the_main_thread_cannot_run_a_handler():
    """The main thread runs C code here, as it would in TensorFlow."""
    heard, free = [], threading.Event()

    def hear(number):
        heard.append((number, handled.is_set()))
        free.set()

    handled = threading.Event()
    before = signal.signal(OTHER, lambda *_: handled.set())
    try:
        with signals.heard_at_once(hear):
            signal.raise_signal(OTHER)
            wait_for(free.is_set)
    finally:
        signal.signal(OTHER, before)
    assert heard[0][0] == OTHER
    assert signal.set_wakeup_fd(-1) == -1


def ended(code):
    """Run Python code in a process; return its status and stderr."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def test_a_signal_during_import_ends_a_command_with_one_line():
    code = f"""
import os, signal, sys
import sketch_rnn.cli.entry
sys.argv = ["/somewhere/sketch_rnn_train"]
class Ended:
    def find_spec(name, path, target=None):
        if name == "sketch_rnn.cli.train":
            signal.raise_signal({int(OTHER)})
sys.meta_path.insert(0, Ended)
sketch_rnn.cli.entry.sketch_rnn_train()
"""
    said = "interrupted" if OTHER == signal.SIGINT else f"ended by {OTHER.name}"
    assert ended(code) == (128 + OTHER, f"sketch_rnn_train: error: {said}\n")


def test_every_command_starts_at_the_entry_module():
    scripts = re.findall(r'^(sketch_rnn\w*) = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    assert len(scripts) == 1 + len(COMMANDS)
    for name, place in scripts:
        assert place == f"sketch_rnn.cli.entry:{name}" and callable(getattr(entry, name))


@pytest.mark.parametrize(
    ("number", "said"),
    [("SIGINT", "interrupted"), pytest.param("SIGTERM", "ended by", marks=unix_only)],
)
def test_the_first_signal_cleans_up_and_the_second_ends_the_cleanup(number, said):
    code = f"""
import os, signal, sys
from sketch_rnn import signals
from sketch_rnn.cli import common
from sketch_rnn.cli.flags import new_flags
def main():
    try:
        signal.raise_signal(signal.{number})
    finally:
        print("cleaned up", flush=True, file=sys.stderr)
        if {{}}:
            signal.raise_signal(signal.{number})
            print("never")
sys.exit(common.run("toy", main, new_flags(), "", []))
"""
    status = 128 + signal.Signals[number]
    one, two = ended(code.format(0)), ended(code.format(1))
    assert one[0] == two[0] == status
    for _, errors in (one, two):
        assert errors.splitlines()[0] == "cleaned up" and said in errors.splitlines()[1]
        assert errors.count("\n") == 2


def test_the_library_does_not_change_signal_handlers():
    assert signal.getsignal(signal.SIGINT) is not signals.quit_at_once
    assert common.run("toy", lambda: None, new_flags(), "", []) == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_closing_a_windows_console_is_a_signal_and_leaves_time_to_end(monkeypatch):
    """Windows calls the handler in a new thread, with the number of the event."""
    told, slept, given = [], [], []

    class Windows:
        SetConsoleCtrlHandler = staticmethod(lambda call, add: given.append((call, add)) or 1)

    monkeypatch.setattr(signals.ctypes, "WINFUNCTYPE", lambda *_: lambda call: call, raising=False)
    monkeypatch.setattr(signals.ctypes, "WinDLL", lambda _: Windows, raising=False)
    monkeypatch.setattr(signals, "_console_handlers", [])
    monkeypatch.setattr(signals.signal, "SIGBREAK", 21, raising=False)
    monkeypatch.setattr(signals.signal, "raise_signal", told.append)
    monkeypatch.setattr(signals.time, "sleep", slept.append)
    signals._treat_closing_as_signal()
    signals._treat_closing_as_signal()
    ((closing, added),) = given
    assert added and [closing(event) for event in (0, 1)] == [False, False]
    assert (told, slept) == ([], [])
    assert closing(2) and told == [signals.ENDING[-1]] and slept == [signals.CLOSING_SECONDS]


@unix_only  # where C's functions are found by their names
def test_a_call_that_holds_the_lock_is_ended_after_a_time_limit():
    code = """
import ctypes
from sketch_rnn import signals
with signals.ended_by_the_system(0.2):
    ctypes.PyDLL(None).sleep(20)
"""
    assert ended(code)[0] == 1


def test_a_call_that_returns_in_time_is_not_ended():
    code = """
import time
from sketch_rnn import signals
with signals.ended_by_the_system(0.1):
    pass
time.sleep(0.3)
"""
    assert ended(code) == (0, "")
