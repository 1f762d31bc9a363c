"""Signals that end a run in good order."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM, so that the step under way is finished; a second one ends it."""
    received: list[int] = []

    def receive(number, _):
        if received:
            raise KeyboardInterrupt
        received.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
