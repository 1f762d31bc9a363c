"""Matrix products in the precision of a layer.

With `bfloat16` the operands of a product are rounded to bfloat16; it is summed up, and everything
between products is computed, in float32.
"""

import tensorflow as tf


def operand(x: tf.Tensor, precision: str) -> tf.Tensor:
    """x as `product` reads it: rounded once where it is read often."""
    return tf.cast(x, tf.bfloat16) if precision == "bfloat16" else x


def product(
    x: tf.Tensor,
    y: tf.Tensor,
    precision: str,
    transpose_x: bool = False,
    transpose_y: bool = False,
) -> tf.Tensor:
    """x y over the last two axes; both may be `operand`s already. Returns float32 for bfloat16."""
    if precision != "bfloat16":
        return tf.matmul(x, y, transpose_a=transpose_x, transpose_b=transpose_y)
    x, y = operand(x, precision), operand(y, precision)
    if tf.executing_eagerly():  # only compiled products take bfloat16 and return float32
        x, y = tf.cast(x, tf.float32), tf.cast(y, tf.float32)
        return tf.matmul(x, y, transpose_a=transpose_x, transpose_b=transpose_y)
    return tf.raw_ops.BatchMatMulV3(x=x, y=y, Tout=tf.float32, adj_x=transpose_x, adj_y=transpose_y)


def affine(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, precision: str) -> tf.Tensor:
    """x kernel + bias, `[N, I]` -> `[N, O]`, with the products of its gradient in the precision."""

    @tf.custom_gradient
    def call(x, kernel, bias):
        def gradient(d_output):
            d_read = operand(d_output, precision)
            return (
                product(d_read, kernel, precision, transpose_y=True),
                product(x, d_read, precision, transpose_x=True),
                tf.reduce_sum(d_output, axis=0),
            )

        return product(x, kernel, precision) + bias, gradient

    return call(x, kernel, bias)
