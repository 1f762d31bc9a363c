"""Make a method one XLA program: `compiled`; and find out whether there is an XLA."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sketch_rnn.errors import first_line, inform

_WITHIN_PROGRAM = ContextVar("within_program", default=False)


@contextmanager
def as_one() -> Iterator[None]:
    """Make what is traced in this block part of one program."""
    token = _WITHIN_PROGRAM.set(True)
    try:
        yield
    finally:
        _WITHIN_PROGRAM.reset(token)


@functools.cache
def has_xla() -> bool:
    """Return whether TensorFlow compiles here; some of its builds do not, mainly on Windows.

    It is tried out once in a process. Without XLA all is computed the same, operation by operation;
    that is said once.
    """
    import tensorflow as tf

    try:
        with tf.init_scope():  # out of a graph that is being built
            tf.function(lambda: tf.constant(1.0) + 1.0, autograph=False, jit_compile=True)()
    except (tf.errors.OpError, NotImplementedError, ValueError) as error:
        inform(
            "this TensorFlow cannot compile (XLA), so the same is computed more slowly without it: "
            f"{first_line(error)}"
        )
        return False
    return True


def compiled(method: Callable) -> Callable:
    """Makes a method one XLA program where a graph is built, and leaves it as it is elsewhere,
    or where there is no XLA.

    TensorFlow runs programs that do not need each other at the same time, each on its own core:
    a loop over time has too little work in a step to keep several cores busy. Outside a graph,
    compiling for every new shape would cost more than it gains. Within a program a method is part
    of it: what XLA finds to be a program of its own there may be compiled anew for all values that
    it reads.
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
