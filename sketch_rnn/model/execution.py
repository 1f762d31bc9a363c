"""How a model's arithmetic is run: all that depends on the device, and nothing else.

Every execution computes the same on every device, but for rounding.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import tensorflow as tf

from sketch_rnn.errors import check_choice
from sketch_rnn.hparams import PRECISIONS
from sketch_rnn.model.compiling import has_xla

_OPERANDS = {"float32": None, "tf32": None, "bfloat16": tf.bfloat16}


@dataclass(frozen=True)
class Execution:
    """How a model's arithmetic is run.

    Attributes:
      packed: several sketches stand one after the other in a row, so that little is computed past
        their ends. Else one sketch a row.
      programs: how many compiled programs share the decoder's batch and run at the same time. With
        1 a train step is a single program.
      unroll: time steps in one turn of a loop, at most; see `turn`.
      chunk: steps of the backward loop whose weight gradients are one product; None is all.
      joint_directions: both directions of the encoder run in one loop.
      rows_summed_late: the gradients of what all rows share but for products, such as gains, are
        summed over the rows behind a loop; else at each step.
      input_ahead: what a cell's products make of x is one product over all steps, before the loop.
      precision: of matrix products, one of `hparams.PRECISIONS`.
    """

    packed: bool = True
    programs: int = 2
    unroll: int = 1
    chunk: int | None = 25
    joint_directions: bool = False
    rows_summed_late: bool = False
    input_ahead: bool = False
    precision: str = PRECISIONS[0]

    def __post_init__(self) -> None:
        check_choice("precision", self.precision, PRECISIONS)

    @classmethod
    def for_device(cls, precision: str = PRECISIONS[0], device: str | None = None) -> "Execution":
        """The execution that is fast on a device.

        Args:
          precision: of matrix products.
          device: "CPU" or "GPU"; None is a GPU where TensorFlow sees one.
        """
        if device is None:
            device = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
        if device == "CPU":
            return cls(precision=precision)
        return cls(
            packed=False,
            programs=1,
            unroll=10,
            chunk=None,
            joint_directions=True,
            rows_summed_late=True,
            input_ahead=True,
            precision=precision,
        )

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Has this block's products on a GPU rounded as the precision says.

        TensorFlow rounds the operands of float32 products there to TensorFloat-32 unless it is
        told not to. That is a switch of the whole process, which is set here, and afterwards as it
        was.
        """
        before = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(self.precision == "tf32")
        try:
            yield
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(before)

    def turn(self, steps: int) -> int:
        """How many of some steps are one turn of a loop: so that the fewest are left over.

        What is left over is compiled step by step behind the loop, so a turn is somewhat shorter
        than `unroll` where that leaves less.
        """
        sizes = range(self.unroll, self.unroll // 2, -1)
        return min(sizes, key=lambda size: steps % size)

    def operand(self, x: tf.Tensor) -> tf.Tensor:
        """x as `product` reads it: rounded once where it is read often."""
        dtype = _OPERANDS[self.precision]
        return x if dtype is None else tf.cast(x, dtype)

    def product(
        self, x: tf.Tensor, y: tf.Tensor, transpose_x: bool = False, transpose_y: bool = False
    ) -> tf.Tensor:
        """x y over the last two axes; both may be `operand`s already.

        With rounded operands the sums are float32, and so is what is returned.
        """
        if _OPERANDS[self.precision] is None:
            return tf.matmul(x, y, transpose_a=transpose_x, transpose_b=transpose_y)
        x, y = self.operand(x), self.operand(y)
        # Only compiled products take bfloat16 and return float32.
        if tf.executing_eagerly() or not has_xla():
            x, y = tf.cast(x, tf.float32), tf.cast(y, tf.float32)
            return tf.matmul(x, y, transpose_a=transpose_x, transpose_b=transpose_y)
        return tf.raw_ops.BatchMatMulV3(
            x=x, y=y, Tout=tf.float32, adj_x=transpose_x, adj_y=transpose_y
        )

    def affine(self, x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        """x kernel + bias, `[N, I]` -> `[N, O]`, with a gradient in the same precision."""

        @tf.custom_gradient
        def call(
            x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
        ) -> tuple[tf.Tensor, Callable[..., tuple[tf.Tensor, ...]]]:
            def gradient(d_output: tf.Tensor) -> tuple[tf.Tensor, ...]:
                d_read = self.operand(d_output)
                return (
                    self.product(d_read, kernel, transpose_y=True),
                    self.product(x, d_read, transpose_x=True),
                    tf.reduce_sum(d_output, axis=0),
                )

            return self.product(x, kernel) + bias, gradient

        return call(x, kernel, bias)
