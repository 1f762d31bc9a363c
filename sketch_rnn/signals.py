"""Signals that end a command or a run: every handler that the program has.

Python runs the handler of a signal in the main thread, which may be within TensorFlow for many
seconds. So a thread of its own hears of it at once. As a library the program handles signals only
within these contexts.

Windows has two signals that a person sends: SIGINT, by Ctrl-C, and SIGBREAK, by Ctrl-Break and by
closing the console.
"""

import ctypes
import faulthandler
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
CLOSING = (2, 5, 6)  # Windows's events: the console closes, the user logs off, the system ends
CLOSING_SECONDS = 30.0  # longer than Windows waits for a process that is asked to end
stderr = 2  # the descriptor of the process's own, also while descriptor 2 leads nowhere
_QUITTING = threading.Lock()

Handler = Callable[[int, object], None] | signal.Handlers


class Terminated(KeyboardInterrupt):
    """Another signal than SIGINT came; `number` says which."""

    def __init__(self, number: int):
        super().__init__(f"ended by {name_of(number)}")
        self.number = number


def name_of(number: int) -> str:
    """The name of a signal, as in SIGTERM."""
    return signal.Signals(number).name


def quit_at_once(number: int, _: object = None) -> None:
    """Ends the process of a command with one line on stderr; a handler of signals."""
    _QUITTING.acquire(timeout=1)  # one line, also if a handler and the thread that hears come here
    name = os.path.basename(sys.argv[0])
    name = "sketch_rnn" if name in ("-m", "__main__.py") else name
    what = "interrupted" if number == signal.SIGINT else f"ended by {name_of(number)}"
    os.write(stderr, f"{name}: error: {what}\n".encode())
    os._exit(128 + number)


def quit_from_now_on() -> None:
    """A signal ends the process, until a context below says otherwise.

    For a process that is a command's, before it imports anything that takes long.
    """
    for number in ENDING:
        signal.signal(number, quit_at_once)
    _take_closing_for_a_signal()


def leave_to_parent() -> None:
    """Ctrl-C, which a terminal sends to a command and to all that it has started, is the command's.

    For a process that a command has started, and ends by SIGTERM.
    """
    for number in ENDING:
        is_for_us = name_of(number) == "SIGTERM"
        signal.signal(number, signal.SIG_DFL if is_for_us else signal.SIG_IGN)


@contextmanager
def ended_at_once() -> Iterator[None]:
    """A signal ends the process, even within TensorFlow; for what leaves nothing half-written."""
    with _handling(quit_at_once), heard_at_once(quit_at_once):
        yield


@contextmanager
def ended_in_order() -> Iterator[None]:
    """The first signal is raised, as `KeyboardInterrupt` or `Terminated`, so that what is
    half-written goes; the next ends the process."""
    heard: list[int] = []

    def end(number: int, _: object) -> None:
        quit_from_now_on()
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    def hear(number: int) -> None:  # at once, where TensorFlow keeps the handler waiting
        heard.append(number)
        if len(heard) > 1:
            quit_at_once(number)

    with _handling(end), heard_at_once(hear):
        yield


@contextmanager
def ended_by_the_system(seconds: float) -> Iterator[None]:
    """The system ends the process on a signal, and after some seconds.

    For calls that hold Python's lock, so that no handler and no thread can run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _handling(signal.SIG_DFL), open(os.devnull, "wb") as nowhere:
        faulthandler.dump_traceback_later(seconds, file=nowhere, exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


@contextmanager
def collected(stopping: Callable[[int, bool], None]) -> Iterator[list[int]]:
    """Collects the signals that end a run, so that the step under way is finished.

    Args:
      stopping: called at once with the signal's number and whether it is not the first; in another
        thread.

    Yields:
      The signals so far. A second one is a KeyboardInterrupt as well.
    """
    received: list[int] = []
    handled: list[int] = []
    second_is_answered = threading.Event()

    def receive(number: int, _: object) -> None:
        handled.append(number)
        if len(handled) > 1 or len(received) > 1:
            second_is_answered.wait(1)
            raise KeyboardInterrupt

    def hear(number: int) -> None:
        received.append(number)
        stopping(number, len(received) > 1)
        if len(received) > 1:
            second_is_answered.set()

    with _handling(receive), heard_at_once(hear):
        yield received


@contextmanager
def heard_at_once(hear: Callable[[int], None]) -> Iterator[None]:
    """Calls `hear` with the number of each signal in `ENDING`, in another thread.

    They need handlers in Python as well.

    Only the main thread can ask for that; in another one nothing is heard.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    inner, outer = socket.socketpair()

    def listen() -> None:
        while numbers := inner.recv(64):
            for number in filter(ENDING.__contains__, numbers):
                hear(number)

    outer.setblocking(False)
    listener = threading.Thread(target=listen, name="signals", daemon=True)
    listener.start()
    before = signal.set_wakeup_fd(outer.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        outer.close()
        listener.join()
        inner.close()


@contextmanager
def _handling(handler: Handler, numbers: Sequence[int] = ENDING) -> Iterator[None]:
    """Signals have this handler; only the main thread can set one, in another nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


_console_handlers: list[object] = []  # Windows calls it, so it has to live


def _take_closing_for_a_signal() -> None:
    """Makes the closing of a Windows console a SIGBREAK, and leaves the process time to end.

    Windows ends a process as soon as its handler returns, or after some seconds.
    """
    if _console_handlers or not hasattr(signal, "SIGBREAK"):
        return

    def closing(event: int) -> bool:
        if event not in CLOSING:
            return False
        signal.raise_signal(ENDING[-1])
        time.sleep(CLOSING_SECONDS)
        return True

    windows: Any = ctypes
    handler = windows.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(closing)
    if windows.WinDLL("kernel32").SetConsoleCtrlHandler(handler, True):
        _console_handlers.append(handler)
