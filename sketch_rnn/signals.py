"""Handle the signals that end a command or a run. No other module sets a handler.

Python runs signal handlers in the main thread, which TensorFlow may block for many seconds, so a
separate thread receives each signal immediately. When the package is used as a library, it handles
signals only within the contexts of this module.

Windows has two signals that end a process: Ctrl-C sends SIGINT; Ctrl-Break, or closing the console,
sends SIGBREAK.
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
CLOSING = (2, 5, 6)  # Windows events: the console closes, the user logs off, the system shuts down
CLOSING_SECONDS = 30.0  # longer than Windows lets a closing process live
stderr = 2  # the real stderr's descriptor, even while descriptor 2 is redirected to nowhere
_QUITTING = threading.Lock()

Handler = Callable[[int, object], None] | signal.Handlers


class Terminated(KeyboardInterrupt):
    """Raised when a signal other than SIGINT arrives; `number` is the number of the signal."""

    def __init__(self, number: int):
        super().__init__(f"ended by {name_of(number)}")
        self.number = number


def name_of(number: int) -> str:
    """Return the name of a signal, such as SIGTERM."""
    return signal.Signals(number).name


def quit_at_once(number: int, _: object = None) -> None:
    """End a command's process with one line on stderr; usable as a signal handler."""
    _QUITTING.acquire(timeout=1)  # print one line even if handler and listening thread both come
    name = os.path.basename(sys.argv[0])
    name = "sketch_rnn" if name in ("-m", "__main__.py") else name
    what = "interrupted" if number == signal.SIGINT else f"ended by {name_of(number)}"
    os.write(stderr, f"{name}: error: {what}\n".encode())
    os._exit(128 + number)


def quit_from_now_on() -> None:
    """Let signals end the process immediately, until a context manager of this module changes that.

    A command calls this before it imports anything slow.
    """
    for number in ENDING:
        signal.signal(number, quit_at_once)
    _treat_closing_as_signal()


def leave_to_parent() -> None:
    """Leave Ctrl-C to the parent process, which then ends this one by SIGTERM.

    A terminal sends Ctrl-C to a command and to every process that the command has started.
    """
    for number in ENDING:
        is_for_us = name_of(number) == "SIGTERM"
        signal.signal(number, signal.SIG_DFL if is_for_us else signal.SIG_IGN)


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Let a signal end the process immediately, even while TensorFlow is running.

    Use this for work that cannot leave half-written files behind.
    """
    with _handling(quit_at_once), heard_at_once(quit_at_once):
        yield


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Raise the first signal as `KeyboardInterrupt` or `Terminated`, so that half-written files
    are removed; let the next signal end the process.
    """
    heard: list[int] = []

    def end(number: int, _: object) -> None:
        quit_from_now_on()
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    def hear(number: int) -> None:  # runs immediately, even while TensorFlow delays the handler
        heard.append(number)
        if len(heard) > 1:
            quit_at_once(number)

    with _handling(end), heard_at_once(hear):
        yield


@contextmanager
def ended_by_the_system(seconds: float) -> Iterator[None]:
    """Let the system end the process on a signal, or when the time is up.

    Use this around calls that hold Python's global lock, during which no Python handler and no
    other thread can run.
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
    """Collect the signals that end a run, so that the current step can finish.

    Args:
      stopping: called immediately, in another thread, with the signal's number and whether a signal
        came before it.

    Yields:
      The list of signals so far. A second signal also raises KeyboardInterrupt.
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
    """Whenever a signal in `ENDING` arrives, call `hear` with its number, in another thread.

    These signals also need Python handlers. Only the main thread can listen; in any other thread
    this does nothing.
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
    """Set a signal handler while the block runs, but only in the main thread.

    Other threads cannot set signal handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


_console_handlers: list[object] = []  # keeps the function alive that Windows calls


def _treat_closing_as_signal() -> None:
    """Turn the closing of a Windows console into SIGBREAK, and give the process time to end.

    Windows ends a process as soon as its handler returns, or after about five seconds.
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
