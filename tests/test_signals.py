"""Signals are answered at once and end what they find in good order."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from helpers import ROOT

from sketch_rnn import signals
from sketch_rnn.cli import common, entry
from sketch_rnn.cli.flags import new_flags
from sketch_rnn.cli.main import COMMANDS


def send(number=signal.SIGINT):
    os.kill(os.getpid(), number)


def wait_for(condition):
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come")


def test_the_first_is_answered_at_once_and_the_second_is_raised():
    said = []
    with signals.collected(lambda *told: said.append(told)) as received:
        send(signal.SIGTERM)
        wait_for(lambda: said)
        assert (received, said) == ([signal.SIGTERM], [(signal.SIGTERM, False)])
        with pytest.raises(KeyboardInterrupt):
            send()
            wait_for(lambda: False)
    assert said[1:] == [(signal.SIGINT, True)]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_they_are_heard_while_the_main_thread_cannot_run_a_handler():
    """It is within C here, as it would be within TensorFlow."""
    heard, free = [], threading.Event()

    def hear(number):
        heard.append((number, handled.is_set()))
        free.set()

    handled = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: handled.set())
    try:
        with signals.heard_at_once(hear):
            signal.raise_signal(signal.SIGTERM)
            wait_for(free.is_set)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard[0][0] == signal.SIGTERM
    assert signal.set_wakeup_fd(-1) == -1


def ended(code):
    """Status and stderr of a process of Python's."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def test_a_command_is_ended_by_one_line_while_it_is_still_imported():
    code = """
import os, signal, sys
import sketch_rnn.cli.entry
sys.argv = ["/somewhere/sketch_rnn_train"]
class Ended:
    def find_spec(name, path, target=None):
        if name == "sketch_rnn.cli.train":
            os.kill(os.getpid(), signal.SIGTERM)
sys.meta_path.insert(0, Ended)
sketch_rnn.cli.entry.sketch_rnn_train()
"""
    assert ended(code) == (143, "sketch_rnn_train: error: ended by SIGTERM\n")


def test_every_command_begins_at_the_entry():
    scripts = re.findall(r'^(sketch_rnn\w*) = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    assert len(scripts) == 1 + len(COMMANDS)
    for name, place in scripts:
        assert place == f"sketch_rnn.cli.entry:{name}" and callable(getattr(entry, name))


@pytest.mark.parametrize(("number", "said"), [("SIGINT", "interrupted"), ("SIGTERM", "ended by")])
def test_the_first_cleans_up_and_the_second_ends_that_too(number, said):
    code = f"""
import os, signal, sys
from sketch_rnn import signals
from sketch_rnn.cli import common
from sketch_rnn.cli.flags import new_flags
def main():
    try:
        os.kill(os.getpid(), signal.{number})
    finally:
        print("cleaned up", flush=True, file=sys.stderr)
        if {{}}:
            os.kill(os.getpid(), signal.{number})
            print("never")
sys.exit(common.run("toy", main, new_flags(), "", []))
"""
    status = 128 + signal.Signals[number]
    one, two = ended(code.format(0)), ended(code.format(1))
    assert one[0] == two[0] == status
    for _, errors in (one, two):
        assert errors.splitlines()[0] == "cleaned up" and said in errors.splitlines()[1]
        assert errors.count("\n") == 2


def test_where_it_is_a_library_signals_stay_as_they_are():
    assert signal.getsignal(signal.SIGINT) is not signals.quit_at_once
    assert common.run("toy", lambda: None, new_flags(), "", []) == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
