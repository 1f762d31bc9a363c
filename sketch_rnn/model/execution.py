"""The execution of a model's arithmetic: everything that depends on the device, which functions XLA
compiles, and the cells' matrix products.

All executions give the same results on every device, except for rounding.

Legend: T time, B rows, I inputs, C constant inputs, J columns of `Inputs.x`, O outputs of a matrix
product, S sketches, c steps of a chunk; D directions: an axis before B, present only where two
directions run side by side.
"""

import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from sketch_rnn.errors import check_choice, first_line, inform
from sketch_rnn.hparams import PRECISIONS

_WITHIN_PROGRAM = ContextVar("within_program", default=False)
_OPERANDS = {"float32": None, "tf32": None, "bfloat16": tf.bfloat16}


@dataclass(frozen=True)
class Execution:
    """The settings for computing a model's outputs and gradients.

    Attributes:
      packed: put several sketches one after another in each row, so that few steps are wasted on
        padding. If False, each row holds one sketch.
      programs: the number of compiled programs that share the decoder's batch and run at the same
        time. If it is 1, the whole training step is one program.
      unroll: the largest number of time steps in one iteration of a loop.
      chunk: in the backward loop, the weight gradients of this many steps are computed together, as
        one matrix product. None means all steps.
      joint_directions: run both directions of the encoder in one loop.
      rows_summed_late: sum the gradients of element-wise weights, such as gains, over the rows once
        after the loop. If False, sum them at each step.
      input_ahead: before the loop, multiply x by the kernels in one matrix product for all steps.
      precision: the precision of matrix products, one of `hparams.PRECISIONS`.
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
        """Return the settings that make a model's arithmetic fast on a device.

        Args:
          precision: the precision of matrix products.
          device: "CPU" or "GPU"; None means a GPU if TensorFlow sees one.
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
        """In this block, compute matrix products on a GPU with the precision `self.precision`.

        By default TensorFlow rounds the operands of float32 products on a GPU to TensorFloat-32.
        The setting belongs to the whole process; it is restored after the block.
        """
        before = tf.config.experimental.tensor_float_32_execution_enabled()
        tf.config.experimental.enable_tensor_float_32_execution(self.precision == "tf32")
        try:
            yield
        finally:
            tf.config.experimental.enable_tensor_float_32_execution(before)

    def steps_per_iteration(self, steps: int) -> int:
        """Return the number of time steps in one iteration of a loop over `steps` time steps.

        Time steps left over at the end, too few for another iteration, are compiled one by one. So
        that fewer are left over, the result may be somewhat smaller than `unroll`.
        """
        sizes = range(self.unroll, self.unroll // 2, -1)
        return min(sizes, key=lambda size: steps % size)

    def operand(self, x: tf.Tensor) -> tf.Tensor:
        """Round x as `product` would, so that an x used in many products is rounded only once."""
        dtype = _OPERANDS[self.precision]
        return x if dtype is None else tf.cast(x, dtype)

    def product(
        self, x: tf.Tensor, y: tf.Tensor, transpose_x: bool = False, transpose_y: bool = False
    ) -> tf.Tensor:
        """Return the matrix product of x and y over the last two axes.

        x and y may already have been rounded by `operand`. Even then, sums are taken in float32,
        and the result is float32.
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
        """Return x @ kernel + bias, `[N, I]` -> `[N, O]`; its gradient uses the same precision."""

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


@contextmanager
def as_one() -> Iterator[None]:
    """Within this block, compile no separate programs.

    Methods with the decorator `compiled` then become part of the program around them.
    """
    token = _WITHIN_PROGRAM.set(True)
    try:
        yield
    finally:
        _WITHIN_PROGRAM.reset(token)


@functools.cache
def has_xla() -> bool:
    """Return whether this TensorFlow can compile; some builds cannot, mainly on Windows.

    The first call in a process tries to compile a tiny function with XLA. Without XLA, operations
    run one by one and give the same results; a message says so once.
    """
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
    single loop over time has too little work per step to keep several cores busy. If another
    compiled program calls the method, the method becomes part of that program. As a separate
    program inside another one, it might be compiled again and again.

    Without XLA, the method is not compiled. Outside a graph, it is not compiled either: every call
    with a new shape would have to compile it, which would cost more time than it saves.
    """

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


class Affine(NamedTuple):
    """The weights of one of a cell's products: inputs @ kernel + bias."""

    kernel: tf.Tensor  # [I, O], or [D, I, O]
    bias: tf.Tensor  # [B or 1, O], or [D, 1, O]


class Products:
    """The matrix products of a cell; each concatenates its inputs first."""

    def __init__(self, execution: Execution, affines: Sequence[Affine]):
        self._execution = execution
        self._kernels = [execution.operand(affine.kernel) for affine in affines]
        self._biases = [affine.bias for affine in affines]
        self._of_x: Sequence[tf.Tensor | None] = [None] * len(affines)
        self._back: list[tuple[tf.Tensor, tf.Tensor]] = []

    def __call__(self, number: int, *inputs: tf.Tensor) -> tf.Tensor:
        """Join the inputs, multiply them by the kernel and add the bias; return `[B, O]`.

        Args:
          number: the index of the matrix product in `affines`.
          inputs: the parts of the matrix product's input, `[B, ...]` each; x comes last.
        """
        kernel, rest = self._kernels[number], self._biases[number]
        of_x = self._of_x[number]
        if of_x is not None:
            kernel, rest, inputs = kernel[..., : -inputs[-1].shape[-1], :], of_x, inputs[:-1]
        if not inputs:
            return rest
        joined = tf.concat(inputs, axis=-1) if len(inputs) > 1 else inputs[0]
        return self._execution.product(joined, kernel) + rest

    def x_parts(self, x: tf.Tensor, widths: Sequence[int]) -> list[tf.Tensor | None]:
        """Return x's contribution to each matrix product at all steps, with the bias, `[T, B, O]`.

        Args:
          x: `[T, B, I]`, at all steps.
          widths: for each matrix product, how many columns of its input come from x.

        Returns:
          A list with one entry for each matrix product: a tensor, or None if x is not an input of
          this product.
        """
        return [
            self._x_part(x, kernel[..., -width:, :]) + bias if width else None
            for kernel, bias, width in zip(self._kernels, self._biases, widths, strict=True)
        ]

    def _x_part(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return steps_of(self._execution.product(rows_of(x), kernel), x.shape[0])

    def given_x(self, of_x: Sequence[tf.Tensor | None]) -> "Products":
        """Return a copy in which x's contributions to the products, `[B, O]`, are precomputed."""
        products = copy.copy(self)
        products._of_x = of_x
        return products

    def prepare_gradient(self, x_widths: Sequence[int]) -> None:
        """Transpose the kernels, and split each into the part for states and the part for x."""
        self._back = []
        for kernel, width in zip(self._kernels, x_widths, strict=True):
            back = tf.linalg.matrix_transpose(kernel)
            self._back.append(tf.split(back, [kernel.shape[-2] - width, width], axis=-1))

    def back(self, number: int, d_output: tf.Tensor) -> tf.Tensor:
        """Return the gradient with respect to the inputs of a matrix product, without x.

        All these inputs are in one tensor.

        `d_output` is the gradient with respect to the product, `[B, O]`. The result is `[B, ...]`.
        """
        return self._execution.product(d_output, self._back[number][0])

    def back_x(self, number: int, d_output: tf.Tensor) -> tf.Tensor:
        """Return the gradient with respect to a product's input x: `[N, O]` -> `[N, I]`."""
        return self._execution.product(d_output, self._back[number][1])

    def operand(self, x: tf.Tensor) -> tf.Tensor:
        """Return x, rounded to the precision in which matrix products take their inputs."""
        return self._execution.operand(x)

    def product(self, x: tf.Tensor, y: tf.Tensor, **transposed: bool) -> tf.Tensor:
        """Return the matrix product of x and y; see `Execution.product`."""
        return self._execution.product(x, y, **transposed)


class Inputs:
    """The inputs of a layer: x, which changes from step to step, and others that stay the same.

    The inputs that are the same at every step, such as z, are called the context. Their
    contribution to a matrix product is computed once. If a row holds several sketches, each sketch
    has a different context. Then a one-hot vector that identifies the sketch is appended to x, and
    the kernel gets one more row per sketch, which holds the contribution of the sketch's context.
    """

    def __init__(
        self, x: tf.Tensor, context: tf.Tensor | None = None, sketch: tf.Tensor | None = None
    ):
        """Initialize the input.

        Args:
          x: `[T, B, I]`.
          context: the inputs that are the same at every step: `[B, C]`, or `[S, C]` with `sketch`.
            None means that there are none.
          sketch: int `[T, B]`, the index of the sketch that row b holds at step t. None if each row
            holds a single sketch.
        """
        self._width, self._context = x.shape[-1], context
        self._by_sketch = False
        self.x = x  # [T, B, J]
        if context is not None and sketch is not None:
            self._by_sketch = True
            named = tf.one_hot(sketch, context.shape[0], dtype=x.dtype)
            self.x = tf.concat([x, named], axis=-1)

    def kernel_and_constant(self, w_xh: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the part of a kernel that multiplies `self.x`, and the constant to add.

        The constant is what the inputs that are the same at every step contribute to the product.

        Args:
          w_xh: `[I + C, O]`.
          bias: `[O]`.

        Returns:
          The kernel `[J, O]` that multiplies `x`, and the constant `[B or 1, O]` to add.
        """
        w_xh, bias = tensors(w_xh, bias)
        if self._context is None:
            return w_xh, bias[None]
        kernel, constant = w_xh[: self._width], tf.matmul(self._context, w_xh[self._width :])
        if self._by_sketch:
            return tf.concat([kernel, constant], axis=0), bias[None]
        return kernel, constant + bias


def rows_of(sequence: tf.Tensor) -> tf.Tensor:
    """Merge steps and rows: `[c, B, O]` -> `[c B, O]`, or `[c, D, B, O]` -> `[D, c B, O]`."""
    if len(sequence.shape) == 4:
        sequence = tf.transpose(sequence, [1, 0, 2, 3])
        return tf.reshape(sequence, [sequence.shape[0], -1, sequence.shape[-1]])
    return tf.reshape(sequence, [-1, sequence.shape[-1]])


def steps_of(rows: tf.Tensor, size: int) -> tf.Tensor:
    """Undo `rows_of` for `size` steps."""
    *directions, _, width = rows.shape
    steps = tf.reshape(rows, [*directions, size, -1, width])
    return tf.transpose(steps, [1, 0, 2, 3]) if directions else steps


def tensors(*values: tf.Tensor | keras.Variable) -> list[tf.Tensor]:
    """Convert the values to tensors, because custom gradients accept only tensors."""
    return [tf.convert_to_tensor(value) for value in values]
