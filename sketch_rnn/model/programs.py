"""Parts of the model that are compiled one by one."""

import functools
from collections.abc import Callable

import tensorflow as tf


def program(method: Callable) -> Callable:
    """Makes a method one XLA program where a graph is built, and leaves it as it is elsewhere.

    TensorFlow runs programs that do not need each other at the same time, each on its own core:
    a loop over time has too little work in a step to keep several cores busy. Outside a graph,
    compiling for every new shape would cost more than it gains.
    """
    compiled = tf.function(method, jit_compile=True)

    @functools.wraps(method)
    def call(self, *arguments):
        if tf.executing_eagerly():
            return method(self, *arguments)
        return compiled.__get__(self, type(self))(*arguments)

    return call
