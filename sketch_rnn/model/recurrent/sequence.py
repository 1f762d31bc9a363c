"""The loop over time that all cells share, and its gradient.

Only this module deals with loops, with unrolling, and with several sequences in one row. The
backward loop goes from step to step only for the gradients of the state. The gradients of the
cell's kernels are computed after it, by one matrix product over many steps for each kernel.

Legend: T time, c steps of a chunk, B rows, I inputs, O outputs of a matrix product, U units,
S sketches; D directions: an axis before B, present only where two directions run side by side.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from sketch_rnn.model.execution import Affine, Execution, Products, rows_of, steps_of
from sketch_rnn.model.packing import Segments, length_of, window
from sketch_rnn.model.recurrent.cell import Cell, CellState, CellWeights, ReadByProducts


class CellRunner(NamedTuple):
    """A cell, and the settings with which it runs over sequences."""

    cell: Cell
    execution: Execution
    segments: Segments
    dropout_mask: tf.Tensor | None  # bool [T, B, U], True where a candidate is kept
    keep_prob: float


def run(
    runner: CellRunner, weights: CellWeights, x: tf.Tensor, initial: CellState
) -> tuple[tf.Tensor, CellState]:
    """Run over all steps.

    Args:
      runner: the cell, and how to run it.
      weights: the cell's weights.
      x: `[T, B, I]`.
      initial: the initial state of each row, or of each sketch if the segments say which sketch
        a row holds.

    Returns:
      h at every step, `[T, B, U]`, and the final state of each row.
    """
    structure = (weights, x, initial)

    @tf.custom_gradient
    def loop(*flat: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], Callable[..., list[tf.Tensor]]]:
        weights, x, initial = tf.nest.pack_sequence_as(structure, flat)
        forward = _Forward(runner, weights, x, initial)

        def gradient(d_h: tf.Tensor, *d_final: tf.Tensor) -> list[tf.Tensor]:
            return tf.nest.flatten(_Backward(forward, d_h).run(d_final))

        return (forward.states.h, *forward.final), gradient

    h, *final = loop(*tf.nest.flatten(structure))
    return h, runner.cell.State(*final)


class OutputSpec(NamedTuple):
    """The shape and type of an output that a loop stores at every step."""

    shape: Sequence[int | None]  # at one step
    dtype: tf.DType

    def new_array(self, turns: int, unroll: int) -> tf.TensorArray:
        """Return an empty array for outputs, with one element for each iteration of the loop."""
        return tf.TensorArray(self.dtype, turns, element_shape=[unroll, *self.shape])


class _Forward:
    """The forward loop, and everything that its gradient reads."""

    def __init__(self, runner: CellRunner, weights: CellWeights, x: tf.Tensor, initial: CellState):
        self.runner, self.weights, self.x, self.initial = runner, weights, x, initial
        self.cell, self.segments = runner.cell, runner.segments
        self.products = Products(runner.execution, weights.affines)
        self.steps = length_of(x, 0)
        self.x_widths = self._x_widths()
        self.of_x: Sequence[tf.Tensor | None] = [None] * len(self.x_widths)  # [T, B, O]
        if runner.execution.input_ahead:
            self.of_x = self.products.x_parts(x, self.x_widths)
        self.state_widths = [state.shape[-1] for state in initial]
        carried = self.segments.before_first_step(initial)
        specs = _output_specs(x, [*self.state_widths, *self.cell.saved_widths()], x.dtype)
        self.final, found = _scan(
            self._step,
            0,
            stride=1,
            count=self.steps,
            unroll=runner.execution.steps_per_iteration(self.steps),
            carry=tuple(carried),
            specs=specs,
        )
        self.states = self.cell.State(*found[: len(self.final)])  # [T, B, U]
        self.saved = found[len(self.final) :]

    def _step(
        self, t: tf.Tensor, state: tuple[tf.Tensor, ...]
    ) -> tuple[tuple[tf.Tensor, ...], list[tf.Tensor]]:
        previous = self.cell.State(*self.segments.previous(t, self.initial, state))
        state, saved = self.cell.step_forward(
            self.products_at(t), self.weights.scales, self.x[t], previous, self.dropout(t)
        )
        return tuple(state), [*state, *saved]

    def products_at(self, t: tf.Tensor) -> Products:
        """Return the matrix products of step t."""
        return self.products.given_x([None if of_x is None else of_x[t] for of_x in self.of_x])

    def dropout(self, t: tf.Tensor) -> tf.Tensor | float:
        """Return the dropout factor of the candidate at step t: 1 / keep_prob or 0."""
        mask = self.runner.dropout_mask
        if mask is None:
            return 1.0
        return tf.where(mask[t], tf.constant(1 / self.runner.keep_prob, self.x.dtype), 0.0)

    def previous_at(self, t: tf.Tensor) -> CellState:
        """Return the state that step t started from."""
        pairs = zip(self.initial, self.states, strict=True)
        return self.cell.State(*[self.segments.previous_at(t, *pair) for pair in pairs])

    def inputs_in(self, begin: tf.Tensor, count: int) -> ReadByProducts:
        """Return the inputs of the matrix products, `[c, B, ...]`, at c = `count` steps.

        The first of these steps is `begin`.
        """
        pairs = zip(self.initial, self.states, strict=True)
        previous = [self.segments.previous_in(begin, count, *pair) for pair in pairs]
        state = [window(sequence, begin, count) for sequence in self.states]
        make = self.cell.State
        return self.cell.inputs(window(self.x, begin, count), make(*previous), make(*state))

    def _x_widths(self) -> list[int]:
        """Return, for each matrix product, how many columns of its input come from x."""
        inputs = self.cell.inputs(self.x, self.initial, self.initial)
        return [self.x.shape[-1] if parts[-1] is self.x else 0 for parts in inputs]


# Gradients that one step passes to the step before it: of the state, and of the scales so far.
Carried = tuple[tuple[tf.Tensor, ...], Any]


class _Totals(NamedTuple):
    """Gradients that are summed chunk by chunk."""

    affines: tuple[Affine, ...]
    x: tf.Tensor
    initial: tuple[tf.Tensor, ...]  # of the sketches' initial states


class _Backward:
    """The backward loop."""

    def __init__(self, forward: _Forward, d_h: tf.Tensor):
        self.forward, self.d_h = forward, d_h
        self.cell, self.segments = forward.cell, forward.segments
        self.execution, self.products = forward.runner.execution, forward.products
        self.x_widths = forward.x_widths
        self.products.prepare_gradient(self.x_widths)

    def run(self, d_final: Sequence[tf.Tensor]) -> tuple[CellWeights, tf.Tensor, CellState]:
        """Return the gradients of the weights, of x, and of the initial states."""
        weights, initial, steps = self.forward.weights, self.forward.initial, self.forward.steps
        size = min(self.execution.chunk or steps, steps)
        carry = (
            (tuple(d_final), tf.nest.map_structure(self._no_gradient, weights.scales)),
            _Totals(
                tuple(Affine(*map(tf.zeros_like, affine)) for affine in weights.affines),
                tf.zeros_like(self.forward.x),
                self.segments.if_state_per_sketch([tf.zeros_like(state) for state in initial]),
            ),
        )

        def whole(
            number: tf.Tensor, carry: tuple[Carried, _Totals]
        ) -> tuple[tuple[Carried, _Totals], list[tf.Tensor]]:
            return self._chunk(steps - (number + 1) * size, size, carry), []

        carry, _ = _scan(whole, 0, stride=1, count=steps // size, unroll=1, carry=carry, specs=[])
        if steps % size:
            carry = self._chunk(tf.constant(0), steps % size, carry)
        (d_carried, d_scales), totals = carry
        d_scales = tf.nest.map_structure(_summed, weights.scales, d_scales)
        d_initial = self.cell.State(*(totals.initial or d_carried))
        return CellWeights(totals.affines, d_scales), totals.x, d_initial

    def _no_gradient(self, scale: tf.Tensor) -> tf.Tensor:
        """Return zeros; each step adds its gradient of the scale to these."""
        if scale.shape[-2] != 1 or not self.execution.rows_summed_late:
            return tf.zeros_like(scale)
        return tf.zeros_like(self.forward.x[0, ..., :1]) + tf.zeros_like(scale)

    def _chunk(
        self, first: tf.Tensor, size: int, carry: tuple[Carried, _Totals]
    ) -> tuple[Carried, _Totals]:
        """Backpropagate through `size` steps, back to `first`; add the gradients to the totals."""
        carried, totals = carry
        specs = [
            *self._product_specs(),
            *self.segments.if_state_per_sketch(
                _output_specs(self.forward.x, self.forward.state_widths, self.forward.x.dtype)
            ),
        ]
        last, unroll = first + size - 1, self.execution.steps_per_iteration(size)
        carried, found = _scan(
            self._step, last, stride=-1, count=size, unroll=unroll, carry=carried, specs=specs
        )
        return carried, self._add_gradients(totals, first, found)

    def _product_specs(self) -> list[OutputSpec]:
        widths = [affine.kernel.shape[-1] for affine in self.forward.weights.affines]
        return _output_specs(
            self.forward.x, widths, self.execution.operand(self.forward.x[:0]).dtype
        )

    def _step(self, t: tf.Tensor, carried: Carried) -> tuple[Carried, list[tf.Tensor]]:
        d_state, d_scales = carried
        forward, make = self.forward, self.cell.State
        d_state = make(*d_state)
        d_previous, d_products, new = self.cell.step_back(
            forward.products_at(t),
            forward.weights.scales,
            forward.x[t],
            previous=forward.previous_at(t),
            state=make(*[sequence[t] for sequence in forward.states]),
            saved=[sequence[t] for sequence in forward.saved],
            d_state=d_state._replace(h=d_state.h + self.d_h[t]),
            dropout=forward.dropout(t),
        )
        if not self.execution.rows_summed_late:
            new = tf.nest.map_structure(_summed, forward.weights.scales, new)
        d_scales = tf.nest.map_structure(tf.add, d_scales, new)
        outputs = [
            *map(self.products.operand, d_products),
            *self.segments.if_state_per_sketch(d_previous),
        ]
        return (tuple(self.segments.gradients_passed_back(t, d_previous)), d_scales), outputs

    def _add_gradients(
        self, totals: _Totals, first: tf.Tensor, outputs: Sequence[tf.Tensor]
    ) -> _Totals:
        """Add the gradients of a chunk's steps, `[c, B, ...]` each, to the totals."""
        count = len(totals.affines)
        d_products, d_previous = outputs[:count], outputs[count:]
        size = d_products[0].shape[0]
        affines = [
            self._add_affine(total, read, d_product)
            for total, read, d_product in zip(
                totals.affines, self.forward.inputs_in(first, size), d_products, strict=True
            )
        ]
        d_x = [
            self.products.back_x(number, rows_of(d_product))
            for number, d_product in enumerate(d_products)
            if self.x_widths[number]
        ]
        at = (first + tf.range(size))[:, None]
        return _Totals(
            tuple(affines),
            tf.tensor_scatter_nd_add(totals.x, at, steps_of(tf.add_n(d_x), size)),
            tuple(self.segments.add_initial_gradients(totals.initial, first, d_previous)),
        )

    def _add_affine(
        self, total: Affine, inputs: tuple[tf.Tensor, ...], d_product: tf.Tensor
    ) -> Affine:
        kernel = total.kernel + self._kernel_gradient(inputs, d_product)
        d_bias = tf.reduce_sum(tf.cast(d_product, total.bias.dtype), axis=0)
        if total.bias.shape[-2] == 1:
            d_bias = tf.reduce_sum(d_bias, axis=-2, keepdims=True)
        return Affine(kernel, total.bias + d_bias)

    def _kernel_gradient(self, inputs: tuple[tf.Tensor, ...], d_product: tf.Tensor) -> tf.Tensor:
        """Return the gradient of a kernel over some steps, `[I, O]` or `[D, I, O]`.

        A matrix product that also transposes its input takes up to twice as long. XLA would merge
        the transpose into the matrix product if this code were not written exactly as it is: each
        input is transposed separately, before the inputs are concatenated.
        """
        columns = [_columns(self.products.operand(part)) for part in inputs]
        rows = rows_of(d_product)
        return self.products.product(tf.concat(columns, axis=-2), rows)


def _columns(sequence: tf.Tensor) -> tf.Tensor:
    """Merge steps and rows, and transpose.

    The shape `[c, B, I]` becomes `[I, c B]`, and `[c, D, B, I]` becomes `[D, I, c B]`.
    """
    return tf.linalg.matrix_transpose(rows_of(sequence))


def _scan(
    step: Callable,
    first: int | tf.Tensor,
    *,
    stride: int,
    count: int,
    unroll: int,
    carry: Any,
    specs: Sequence[OutputSpec],
) -> tuple[Any, list[tf.Tensor]]:
    """Call `carry, outputs = step(t, carry)` for `count` values of t, starting with `first`.

    Each iteration of the loop runs `unroll` steps and writes their outputs together. If some steps
    are left over, too few for another iteration, they run after the loop. `stride`, 1 or -1, is the
    difference between successive values of t.

    Returns:
      The last carry, and the outputs of all steps, `[count, ...]` each, in ascending order of t.
    """
    turns, left = (count, 0) if unroll == 1 else divmod(count, unroll)

    def do_steps(begin: int | tf.Tensor, steps: int, carry: Any) -> tuple[Any, list[tf.Tensor]]:
        times = [first + stride * (begin + k) for k in range(steps)]
        carry, outputs = _unrolled(step, times, carry)
        return carry, [tf.stack(values[::stride]) for values in outputs]

    parts: list[list[tf.Tensor]] = [[] for _ in specs]
    if unroll == 1 or turns:
        carry, blocks = _run_loop(do_steps, stride, turns, unroll, carry, specs)
        parts = [[block] for block in blocks]
    if left:
        carry, rest = do_steps(turns * unroll, left, carry)
        parts = [[*part, more][::stride] for part, more in zip(parts, rest, strict=True)]
    return carry, [part[0] if len(part) == 1 else tf.concat(part, axis=0) for part in parts]


def _run_loop(
    do_steps: Callable,
    stride: int,
    turns: int,
    unroll: int,
    carry: Any,
    specs: Sequence[OutputSpec],
) -> tuple[Any, list[tf.Tensor]]:
    """Run the loop of `_scan`: `turns` iterations with `unroll` time steps each.

    `do_steps(begin, steps, carry)` runs `steps` time steps, starting with step `begin`.
    """

    def turn(
        number: tf.Tensor, carry: Any, arrays: list[tf.TensorArray]
    ) -> tuple[tf.Tensor, Any, list[tf.TensorArray]]:
        carry, block = do_steps(number * unroll, unroll, carry)
        at = number if stride == 1 else turns - 1 - number
        return number + 1, carry, [a.write(at, v) for a, v in zip(arrays, block, strict=True)]

    arrays = [spec.new_array(turns, unroll) for spec in specs]
    _, carry, arrays = tf.while_loop(
        lambda number, *_: number < turns, turn, (0, carry, arrays), maximum_iterations=turns
    )
    return carry, [_flat(array.stack()) for array in arrays]


def _unrolled(step: Callable, times: Sequence, carry: Any) -> tuple[Any, list[tuple]]:
    """Run a few steps, unrolled: the program holds a copy of the step for each of them.

    Returns:
      The last carry; and, for each output of `step`, a tuple of its values at all steps.
    """
    if len(times) > 1 and not tf.executing_eagerly():
        step = tf.function(step, autograph=False)  # traced only once for all steps
    steps = []
    for t in times:
        carry, outputs = step(tf.convert_to_tensor(t), carry)
        steps.append(outputs)
    return carry, list(zip(*steps, strict=True))


def _flat(blocks: tf.Tensor) -> tf.Tensor:
    """Merge the first two axes: turn `[A, K, ...]` into `[A K, ...]`."""
    if blocks.shape[1] == 1:
        return tf.squeeze(blocks, axis=1)
    shape = [-1 if width is None else width for width in blocks.shape[2:]]
    return tf.reshape(blocks, [blocks.shape[0] * blocks.shape[1], *shape])


def _output_specs(x: tf.Tensor, widths: Sequence[int], dtype: tf.DType) -> list[OutputSpec]:
    """Return the shapes and types of outputs `[B, width]`, one per width; x is `[T, B, I]`."""
    return [OutputSpec([*x.shape[1:-1], width], dtype) for width in widths]


def _summed(scale: tf.Tensor, d_scale: tf.Tensor) -> tf.Tensor:
    """Return the gradient of a scale, summed over the rows if the scale has a single row."""
    return tf.reduce_sum(d_scale, axis=-2, keepdims=True) if scale.shape[-2] == 1 else d_scale
