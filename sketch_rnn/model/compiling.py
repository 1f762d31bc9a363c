"""What becomes a program of XLA's: `compiled`."""

import functools
from collections.abc import Callable
from contextvars import ContextVar

_WITHIN_PROGRAM = ContextVar("within_program", default=False)


def compiled(method: Callable) -> Callable:
    """Makes a method one XLA program where a graph is built, and leaves it as it is elsewhere.

    TensorFlow runs programs that do not need each other at the same time, each on its own core:
    a loop over time has too little work in a step to keep several cores busy. Outside a graph,
    compiling for every new shape would cost more than it gains. Within a program a method is part
    of it: what XLA finds to be a program of its own there may be compiled anew for all values that
    it reads.
    """
    import tensorflow as tf

    @functools.wraps(method)
    def alone(self, *arguments):
        token = _WITHIN_PROGRAM.set(True)
        try:
            return method(self, *arguments)
        finally:
            _WITHIN_PROGRAM.reset(token)

    program = tf.function(alone, autograph=False, jit_compile=True, reduce_retracing=False)

    @functools.wraps(method)
    def call(self, *arguments):
        if tf.executing_eagerly() or _WITHIN_PROGRAM.get():
            return method(self, *arguments)
        return program.__get__(self, type(self))(*arguments)

    return call
