"""The recurrent layers, the encoder and the decoder against the float64 oracle.

The layers run in float64 here, so that a wrong formula cannot hide in rounding.
"""

import functools
from dataclasses import replace
from typing import NamedTuple

import keras
import numpy as np
import oracle
import pytest
import tensorflow as tf
from helpers import long_where, needs_xla

from sketch_rnn.model.execution import Execution
from sketch_rnn.model.layers import Decoder, Encoder
from sketch_rnn.model.packing import Segments, one_sketch_a_row, packed
from sketch_rnn.model.recurrent import LAYERS

STEPS, BATCH, INPUTS, CONTEXT, UNITS = 6, 3, 3, 2, 4
KEEP_PROB = 0.7
SKETCHES = 5
OPTIONS = ("context", "state", "starts", "dropout_mask")
PACKED = (*OPTIONS, "sketch")  # several sketches per row, each with its own context and state
MODES = ("eager", "graph", "xla")


# Gradients are summed up in chunks, the last of which is not whole; or the steps are unrolled, not
# all of them in whole turns.
EXECUTIONS = {
    "cpu": Execution(chunk=4),
    "gpu": replace(Execution.for_device(device="GPU"), unroll=4),
    "both": Execution(unroll=2, chunk=5),
}


cells = pytest.mark.parametrize("cell", LAYERS)
modes = pytest.mark.parametrize("mode", MODES)
executions = pytest.mark.parametrize("execution", EXECUTIONS)


class Problem(NamedTuple):
    """A layer with distinct random weights, its arguments, and a weighting of its outputs."""

    cell: str
    layer: keras.layers.Layer
    arguments: dict[str, np.ndarray]  # of `call`
    of_h: np.ndarray  # [T, B, U]
    of_state: np.ndarray  # [B, S]

    @property
    def weights(self):
        return named_weights(self.layer)

    @property
    def values(self):
        """Return everything that has a gradient, by name."""
        floats = {k: v for k, v in self.arguments.items() if v.dtype.kind == "f"}
        return self.weights | floats

    def judged(self, values):
        """Return the weighted sum of the oracle's outputs for these values."""
        arguments = {name: values.get(name, array) for name, array in self.arguments.items()}
        h, state = oracle.recurrent(self.cell, values, **arguments, keep_prob=self.layer.keep_prob)
        return (h * self.of_h).sum() + (state * self.of_state).sum()

    def weighted(self, h, state):
        return tf.reduce_sum(h * self.of_h) + tf.reduce_sum(state * self.of_state)


def named_weights(layer):
    return {weight.name: np.asarray(weight) for weight in layer.weights}


def fill(layer, rng):
    """Give all weights random, distinct values that are small enough not to saturate the gates."""
    for weight in layer.weights:
        if "gamma" in weight.name:
            value = rng.normal(1, 0.3, weight.shape)
        elif len(weight.shape) == 1:
            value = rng.normal(0, 0.4, weight.shape)
        else:
            value = rng.normal(0, 1.2 / np.sqrt(weight.shape[-2]), weight.shape)
        weight.assign(value)


def make(cell, options, seed=0, dtype="float64", execution="cpu"):
    rng = np.random.default_rng(seed)
    keep_prob = KEEP_PROB if "dropout_mask" in options else 1.0
    layer = LAYERS[cell](UNITS, keep_prob, execution=EXECUTIONS[execution], dtype=dtype)
    layer.build((None, None, INPUTS), (None, CONTEXT) if "context" in options else None)
    fill(layer, rng)
    sequences = SKETCHES if "sketch" in options else BATCH
    arguments = {
        "x": rng.normal(size=[STEPS, BATCH, INPUTS]),
        "context": rng.normal(size=[sequences, CONTEXT]),
        "state": rng.normal(size=[sequences, layer.state_size]) / 2,
        "starts": rng.random([STEPS, BATCH]) < 0.25,
        "dropout_mask": rng.random([STEPS, BATCH, UNITS]) < KEEP_PROB,
    }
    if "sketch" in options:
        arguments["starts"][0] = True
        number = np.cumsum(arguments["starts"].T) - 1  # of a sketch, row by row
        arguments["sketch"] = (number % SKETCHES).reshape(BATCH, STEPS).T.astype(np.int32)
    return Problem(
        cell,
        layer,
        {name: array for name, array in arguments.items() if name == "x" or name in options},
        rng.normal(size=[STEPS, BATCH, UNITS]),
        rng.normal(size=[BATCH, layer.state_size]),
    )


def call(layer, x, context=None, state=None, starts=None, sketch=None, dropout_mask=None):
    """Call the layer with the oracle's arguments."""
    return layer(x, context, state, Segments(starts, sketch), dropout_mask)


def compiled(function, mode):
    if mode == "xla":
        needs_xla()
    return function if mode == "eager" else tf.function(function, jit_compile=mode == "xla")


def layer_gradients(problem, function, mode="eager"):
    """Return the gradient of function(arguments) for each of `problem.values`, by name."""
    floats = {k: tf.constant(v) for k, v in problem.arguments.items() if v.dtype.kind == "f"}
    rest = {k: tf.constant(v) for k, v in problem.arguments.items() if k not in floats}
    variables = {weight.name: weight.value for weight in problem.layer.weights}

    def run():
        with tf.GradientTape() as tape:
            tape.watch(floats)
            result = function(floats | rest)
        return tape.gradient(result, floats | variables)

    return {name: np.asarray(tf.convert_to_tensor(g)) for name, g in compiled(run, mode)().items()}


def assert_near(ours, theirs, name="", tolerance=1e-11):
    np.testing.assert_allclose(
        ours, theirs, atol=tolerance * np.abs(theirs).max(), rtol=0, err_msg=name
    )


@functools.cache
def numerical_gradients(cell, options):
    """Return, by name, the entries tried (a few for `hyper`, otherwise all) and their gradients."""
    problem = make(cell, options)
    rng = np.random.default_rng(1)
    count = None if cell != "hyper" else 4 if options in (OPTIONS, PACKED) else 1
    found = {}
    for name, value in problem.values.items():
        entries = rng.permutation(value.size)[:count]
        found[name] = entries, oracle.derivatives(problem.judged, problem.values, name, entries)
    return found


def some_options():
    """Return sets of options: none, each alone, all, and all with sketches packed into rows."""
    return [(), *((option,) for option in OPTIONS), OPTIONS, PACKED]


@cells
@executions
@pytest.mark.parametrize("options", some_options(), ids="+".join)
def test_values_equal_those_of_the_oracle(cell, options, execution):
    problem = make(cell, options, execution=execution)
    h, state = call(problem.layer, **problem.arguments)
    true_h, true_state = oracle.recurrent(
        cell, problem.weights, **problem.arguments, keep_prob=problem.layer.keep_prob
    )
    assert_near(h, true_h)
    assert_near(state, true_state)


@cells
@pytest.mark.parametrize(
    ("options", "mode", "execution"),
    [
        *((options, mode, "cpu") for options in (OPTIONS, PACKED) for mode in ("graph", "xla")),
        (OPTIONS, "xla", "gpu"),
        (PACKED, "xla", "both"),
    ],
    ids=str,
)
@long_where(lambda cell, mode, **_: mode == "xla" and cell != "lstm")
def test_compiled_values_equal_those_of_the_oracle(cell, options, mode, execution):
    problem = make(cell, options, execution=execution)
    run = compiled(lambda: call(problem.layer, **problem.arguments), mode)
    true_h, true_state = oracle.recurrent(
        cell, problem.weights, **problem.arguments, keep_prob=KEEP_PROB
    )
    h, state = run()
    assert_near(h, true_h)
    assert_near(state, true_state)


@cells
def test_values_and_gradients_in_float32_are_near_those_of_the_oracle(cell):
    problem, single = make(cell, OPTIONS), make(cell, OPTIONS, dtype="float32")
    arguments = {
        name: np.float32(value) if value.dtype.kind == "f" else value
        for name, value in single.arguments.items()
    }
    single = single._replace(
        arguments=arguments, of_h=np.float32(single.of_h), of_state=np.float32(single.of_state)
    )
    h, _ = call(single.layer, **arguments)
    assert_near(h, call(problem.layer, **problem.arguments)[0], tolerance=1e-5)
    ours = layer_gradients(single, lambda a: single.weighted(*call(single.layer, **a)))
    truth = layer_gradients(problem, lambda a: problem.weighted(*call(problem.layer, **a)))
    for name in problem.values:
        assert_near(ours[name], truth[name], name, tolerance=1e-5)


@cells
@pytest.mark.parametrize(
    ("options", "mode", "execution"),
    [
        *((options, "eager", "cpu") for options in some_options()),
        *((options, mode, "cpu") for options in (OPTIONS, PACKED) for mode in ("graph", "xla")),
        (OPTIONS, "xla", "gpu"),
        (PACKED, "eager", "gpu"),
    ],
    ids=str,
)
@long_where(
    lambda cell, options, mode, execution: (
        (mode == "xla" and cell != "lstm")
        or (
            cell == "hyper"
            and (mode == "graph" or (execution == "cpu" and "dropout_mask" in options))
        )
    )
)
def test_gradients_equal_numerical_gradients(cell, options, mode, execution):
    problem = make(cell, options, execution=execution)
    ours = layer_gradients(problem, lambda a: problem.weighted(*call(problem.layer, **a)), mode)
    for name, (entries, truth) in numerical_gradients(cell, options).items():
        np.testing.assert_allclose(
            ours[name].flat[entries],
            truth,
            rtol=1e-9,
            atol=1e-11 * np.abs(ours[name]).max(),
            err_msg=name,
        )


@cells
def test_derivatives_of_the_oracle_equal_central_differences(cell):
    problem = make(cell, OPTIONS)
    entries, width = np.array([0, 3]), 1e-5
    for name, value in problem.values.items():
        found = []
        for entry in entries:
            up, down = value.copy(), value.copy()
            up.flat[entry] += width
            down.flat[entry] -= width
            difference = problem.judged(problem.values | {name: up}) - problem.judged(
                problem.values | {name: down}
            )
            found.append(difference / (2 * width))
        exact = oracle.derivatives(problem.judged, problem.values, name, entries)
        np.testing.assert_allclose(found, exact, atol=1e-7, err_msg=name)


def stepped(problem, arguments):
    """Compute `call` without dropout, by autodiff through a Python loop over `step`."""
    layer = problem.layer
    zero = tf.zeros([BATCH, layer.state_size], tf.float64)
    first = arguments.get("state", zero)
    state = zero if "sketch" in arguments else first
    hs = []
    for t in range(STEPS):
        inputs = arguments["x"][t]

        def held(value, t=t):
            return tf.gather(value, arguments["sketch"][t]) if "sketch" in arguments else value

        if "context" in arguments:
            inputs = tf.concat([inputs, held(arguments["context"])], axis=-1)
        if "starts" in arguments:
            initial = held(first) if "sketch" in arguments else zero
            state = tf.where(arguments["starts"][t][:, None], initial, state)
        h, state = layer.step(inputs, state)
        hs.append(h)
    return tf.stack(hs), state


@cells
@executions
@pytest.mark.parametrize(
    "options",
    [(), ("context", "state", "starts"), ("context", "state", "starts", "sketch")],
    ids="+".join,
)
def test_a_sequence_equals_the_same_steps_one_by_one(cell, options, execution):
    """Values and all gradients of weights and arguments are equal."""
    problem = make(cell, options, execution=execution)
    h, state = call(problem.layer, **problem.arguments)
    h_stepped, state_stepped = stepped(problem, problem.arguments)
    assert_near(h, h_stepped)
    assert_near(state, state_stepped)
    ours = layer_gradients(problem, lambda a: problem.weighted(*call(problem.layer, **a)))
    plain = layer_gradients(problem, lambda a: problem.weighted(*stepped(problem, a)))
    for name in problem.values:
        assert_near(ours[name], plain[name], name)


@cells
def test_dropout_applies_only_to_the_candidate(cell):
    """With all candidates dropped, c only decays, and h still reads the output gate."""
    problem = make(cell, ("state", "dropout_mask"))
    nothing = np.zeros_like(problem.arguments["dropout_mask"])
    h, _ = call(problem.layer, **problem.arguments | {"dropout_mask": nothing})
    assert np.abs(h).min() > 0


def test_a_layer_is_rebuilt_from_its_config():
    for cell, layer in LAYERS.items():
        made = layer(UNITS, KEEP_PROB, seed=3)
        again = layer.from_config(made.get_config())
        made.build((None, None, INPUTS))
        again.build((None, None, INPUTS))
        for ours, theirs in zip(made.weights, again.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=cell)


@cells
def test_recurrent_weights_start_orthogonal_gate_by_gate(cell):
    layer = LAYERS[cell](8, seed=1)
    layer.build((None, None, INPUTS))
    gates = np.split(np.asarray(layer.w_hh), 4, axis=1)
    for gate in gates:
        np.testing.assert_allclose(gate.T @ gate, np.eye(8), atol=1e-5)
    assert np.abs(gates[0] - gates[1]).max() > 0.1


# Encoder and decoder.

DROPOUTS = ("dropout_mask", "input_mask", "output_mask")
POINTS, LENGTHS, LATENT, MIXTURES = 7, np.array([7, 1, 3, 2]), 2, 2


@pytest.fixture
def float64():
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_dtype_policy("float32")


def strokes(rng):
    """Return stroke-5 rows `[B, T, 5]` with random values everywhere, including the padding."""
    return rng.normal(size=[len(LENGTHS), POINTS, 5])


@cells
@modes
@pytest.mark.parametrize(
    ("lay", "execution"), [(one_sketch_a_row, "cpu"), (packed, "cpu"), (one_sketch_a_row, "gpu")]
)
@long_where(lambda cell, mode, **_: mode == "xla" and cell != "lstm")
def test_the_encoder_equals_the_oracle(float64, cell, mode, lay, execution):
    rng = np.random.default_rng(2)
    encoder = Encoder(cell, UNITS, KEEP_PROB, execution=EXECUTIONS[execution])
    encoder.build((None, None, 5))
    fill(encoder, rng)
    points = strokes(rng)
    packing = lay(LENGTHS.astype(np.int32), POINTS)
    kept = rng.random([2, len(LENGTHS), POINTS, UNITS]) < KEEP_PROB
    truth = oracle.encoder(
        cell,
        named_weights(encoder.forward),
        named_weights(encoder.backward),
        [sketch[:n] for sketch, n in zip(points, LENGTHS, strict=True)],
        [mask[:n] for mask, n in zip(kept[0], LENGTHS, strict=True)],
        [mask[:n][::-1] for mask, n in zip(kept[1], LENGTHS, strict=True)],
        KEEP_PROB,
    )
    ours = compiled(lambda: encoder(tf.constant(points), packing, *kept), mode)()
    assert_near(ours, truth)


@cells
def test_gradients_of_the_encoder_depend_neither_on_packing_nor_on_execution(float64, cell):
    points = tf.constant(strokes(np.random.default_rng(3)))
    weighting = np.random.default_rng(4).normal(size=[len(LENGTHS), 2 * UNITS])
    found = []
    for lay, execution in (
        (one_sketch_a_row, "cpu"),
        (packed, "cpu"),
        (one_sketch_a_row, "gpu"),
        (packed, "gpu"),
    ):
        encoder = Encoder(cell, UNITS, 1.0, execution=EXECUTIONS[execution])
        encoder.build((None, None, 5))
        fill(encoder, np.random.default_rng(5))
        packing = lay(LENGTHS.astype(np.int32), POINTS)
        with tf.GradientTape() as tape:
            tape.watch(points)
            result = tf.reduce_sum(encoder(points, packing) * weighting)
        values = [weight.value for weight in encoder.weights]
        found.append(tape.gradient(result, [*values, points]))
    for other in found[1:]:
        for ours, theirs in zip(found[0], other, strict=True):
            assert_near(ours, theirs)
    padding = np.arange(POINTS) >= LENGTHS[:, None]
    assert np.abs(found[0][-1].numpy()[padding]).max() == 0


@cells
@pytest.mark.parametrize("z_size", [LATENT, 0])
@pytest.mark.parametrize(
    ("dropout", "mode", "execution"),
    [
        *((dropout, "eager", "cpu") for dropout in [(), *((one,) for one in DROPOUTS), DROPOUTS]),
        (DROPOUTS, "graph", "cpu"),
        (DROPOUTS, "xla", "cpu"),
        (DROPOUTS, "xla", "gpu"),
    ],
    ids=str,
)
@long_where(lambda cell, mode, **_: mode == "xla" and cell != "lstm")
def test_the_decoder_equals_the_oracle(float64, cell, mode, z_size, dropout, execution):
    rng = np.random.default_rng(4)
    decoder = Decoder(
        cell,
        UNITS,
        z_size,
        MIXTURES,
        keep_prob=0.7,
        input_keep_prob=0.8,
        output_keep_prob=0.6,
        execution=EXECUTIONS[execution],
    )
    decoder.build((None, None, 5))
    fill(decoder, rng)
    points = rng.normal(size=[STEPS, BATCH, 5])
    z = rng.normal(size=[BATCH, z_size]) if z_size else None
    masks = {
        "dropout_mask": rng.random([STEPS, BATCH, UNITS]) < 0.7,
        "input_mask": rng.random([STEPS, BATCH, 5 + z_size]) < 0.8,
        "output_mask": rng.random([STEPS, BATCH, UNITS]) < 0.6,
    }
    masks = {name: masks[name] for name in dropout}
    weights = named_weights(decoder.recurrent) | {
        f"{part}/{weight.name}": np.asarray(weight)
        for part, layer in (
            ("output", decoder.output_layer),
            *([("first_state", decoder.first_state)] if z_size else []),
        )
        for weight in layer.weights
    }
    truth, true_state = oracle.decoder(
        cell,
        weights,
        points,
        z,
        **masks,
        keep_prob=0.7,
        input_keep_prob=0.8,
        output_keep_prob=0.6,
    )
    output, state = compiled(lambda: decoder(tf.constant(points), z, **masks), mode)()
    assert_near(output, truth)
    assert_near(state, true_state)


@cells
@pytest.mark.parametrize("z_size", [LATENT, 0])
def test_steps_of_the_decoder_equal_its_sequence(float64, cell, z_size):
    rng = np.random.default_rng(5)
    decoder = Decoder(cell, UNITS, z_size, MIXTURES)
    decoder.build((None, None, 5))
    fill(decoder, rng)
    points = tf.constant(rng.normal(size=[STEPS, BATCH, 5]))
    z = tf.constant(rng.normal(size=[BATCH, z_size])) if z_size else None
    whole, last = decoder(points, z)
    state = tf.cast(decoder.initial_state(z, BATCH), tf.float64)
    for point, expected in zip(points, whole, strict=True):
        output, state = decoder.step(point, z, state)
        assert_near(output, expected)
    assert_near(state, last)
