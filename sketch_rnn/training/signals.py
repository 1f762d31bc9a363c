"""Signals that end a run in good order.

Python runs the handler of a signal in the main thread, which may be within TensorFlow for many
seconds. So a thread of its own hears of it at once.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sketch_rnn import quiet

ENDING = (signal.SIGINT, signal.SIGTERM)
_QUITTING = threading.Lock()


def quit_at_once(number: int, _: object = None) -> None:
    """Ends the process of a command with one line on stderr; a handler of signals."""
    _QUITTING.acquire(timeout=1)  # one line, also if a handler and the thread that hears come here
    name = os.path.basename(sys.argv[0])
    name = "sketch_rnn" if name in ("-m", "__main__.py") else name
    what = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    os.write(quiet.stderr, f"{name}: error: {what}\n".encode())
    os._exit(128 + number)


@contextmanager
def handling(
    handler: Callable[[int, object], None] | signal.Handlers, numbers: Sequence[int] = ENDING
) -> Iterator[None]:
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


@contextmanager
def heard_at_once(hear: Callable[[int], None]) -> Iterator[None]:
    """Calls `hear` with the number of each SIGINT and SIGTERM, in another thread.

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
def collected(stopping: Callable[[int, bool], None]) -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM, so that the step under way is finished.

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

    with handling(receive), heard_at_once(hear):
        yield received
