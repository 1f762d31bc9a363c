"""Compile a method into one XLA program (`compiled`), and find out whether XLA is available."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sketch_rnn.errors import first_line, inform

_WITHIN_PROGRAM = ContextVar("within_program", default=False)


@contextmanager
def as_one() -> Iterator[None]:
    """Make `compiled` methods traced in this block part of the surrounding compiled program."""
    token = _WITHIN_PROGRAM.set(True)
    try:
        yield
    finally:
        _WITHIN_PROGRAM.reset(token)


@functools.cache
def has_xla() -> bool:
    """Return whether this TensorFlow can compile; some builds cannot, mainly on Windows.

    The first call in a process compiles a tiny function to find out. Without XLA, operations run
    one by one and give the same results; a message says so once.
    """
    import tensorflow as tf

    try:
        with tf.init_scope():  # outside any graph that is being built
            tf.function(lambda: tf.constant(1.0) + 1.0, autograph=False, jit_compile=True)()
    except (tf.errors.OpError, NotImplementedError, ValueError) as error:
        inform(
            "this TensorFlow cannot compile with XLA, so all computations take longer, with the "
            f"same results: {first_line(error)}"
        )
        return False
    return True


def compiled(method: Callable) -> Callable:
    """Compile a method into one XLA program wherever TensorFlow builds a graph.

    TensorFlow runs independent compiled programs at the same time, each on a different core; a
    single loop over time has too little work per step to keep several cores busy. The method runs
    uncompiled if there is no XLA, and also outside a graph, where compiling for every new shape
    would cost more time than it saves. Within another compiled program the method is simply part of
    that program: XLA might compile a nested program again for every new value that it reads.
    """
    import tensorflow as tf

    @functools.wraps(method)
    def alone(self: Any, *arguments: Any) -> Any:
        with as_one():
            return method(self, *arguments)

    program = tf.function(alone, autograph=False, jit_compile=True, reduce_retracing=False)

    @functools.wraps(method)
    def call(self: Any, *arguments: Any) -> Any:
        if tf.executing_eagerly() or _WITHIN_PROGRAM.get() or not has_xla():
            return method(self, *arguments)
        return program.__get__(self, type(self))(*arguments)

    return call
