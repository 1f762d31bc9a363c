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
