"""Tests of a train step: which steps after a sketch's end are skipped, and bfloat16 rounding."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import ROOT, costs_of, long_where, needs_xla

from sketch_rnn.data.split import to_stroke5
from sketch_rnn.hparams import HParams
from sketch_rnn.model.execution import Execution
from sketch_rnn.model.forward import Shard, draw_noise
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.packing import Batch, Layout, one_sketch_a_row, short_micro_batches
from sketch_rnn.model.recurrent import LAYERS
from sketch_rnn.training.state import TrainState
from sketch_rnn.training.step import TrainStep

STEPS = 13
LENGTHS = np.array([13, 1, 5, 3, 9, 2], np.int32)
SMALL = {
    "enc_rnn_size": 4,
    "dec_rnn_size": 6,
    "z_size": 3,
    "num_mixture": 2,
    "max_seq_len": STEPS,
    "batch_size": len(LENGTHS),
}
DROPOUTS = {"use_input_dropout": True, "use_output_dropout": True}

cells = pytest.mark.parametrize("cell", LAYERS)


def sketches():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=[LENGTHS.sum(), 3]).astype(np.float32)
    rows[:, 2] = rng.random(len(rows)) < 0.3
    return np.split(rows, np.cumsum(LENGTHS)[:-1])


def update(train_step, step=0, lengths=None):
    lengths = LENGTHS if lengths is None else lengths
    return train_step(laid_out(train_step.model, lengths), step=step)


def laid_out(model, lengths=LENGTHS):
    return Layout(model.execution, model.hparams.pad_steps).batch(batch(), lengths)


def batch():
    return to_stroke5(sketches(), STEPS)


CPU = Execution.for_device(device="CPU")
GPU = dataclasses.replace(Execution.for_device(device="GPU"), unroll=3)
BFLOAT16 = Execution.for_device("bfloat16", "CPU")

executions = pytest.mark.parametrize("execution", [CPU, GPU], ids=("CPU", "GPU"))


def model_of(cell, execution=CPU, spread=0.3, **changes):
    hparams = HParams(enc_model=cell, dec_model=cell, **SMALL | changes)
    model = SketchRNN(hparams, 1.0, 1, execution)
    rng = np.random.default_rng(2)
    for weight in model.weights:
        weight.assign(weight.numpy() + rng.normal(0, spread, weight.shape))
    return model


def noise_of(model):
    shard = Shard(0, len(LENGTHS), len(LENGTHS))
    return draw_noise(model.hparams, tf.constant([1, 2]), shard, STEPS)


def costs_and_gradients(model, micro_batches=(), compiled=False):
    packing = one_sketch_a_row(tf.constant(LENGTHS), STEPS)
    read = Batch(tf.constant(batch()), tf.constant(LENGTHS), packing, micro_batches)
    noise = noise_of(model)

    def run():
        with tf.GradientTape() as tape:
            costs = model.forward.costs(read, noise)
            total = sum(costs)
        return costs, tape.gradient(total, [v.value for v in model.trainable_variables])

    return (tf.function(run) if compiled else run)()


def assert_near(ours, theirs, tolerance):
    for one, other in zip(tf.nest.flatten(ours), tf.nest.flatten(theirs), strict=True):
        largest = np.abs(other).max()
        np.testing.assert_allclose(one, other, atol=tolerance * largest, rtol=0)


@cells
@pytest.mark.parametrize(
    ("conditional", "dropouts", "compiled"),
    [
        *(
            (conditional, dropouts, False)
            for conditional in (True, False)
            for dropouts in ({}, DROPOUTS)
        ),
        (True, {}, True),
    ],
    ids=str,
)
@long_where(
    lambda cell, conditional, dropouts, compiled: (
        cell == "hyper" or (cell == "layer_norm" and (dropouts or compiled))
    )
)
def test_sketches_in_shared_rows_have_the_same_costs_as_alone(
    cell, conditional, dropouts, compiled
):
    units = {"enc_rnn_size": 16, "dec_rnn_size": 16}  # norms of fewer make much of rounding
    model = model_of(cell, conditional=conditional, **units, **dropouts)
    packed = costs_and_gradients(model, short_micro_batches(LENGTHS, STEPS, STEPS, 2), compiled)
    assert_near(packed, costs_and_gradients(model), 1e-4 if compiled else 1e-5)


@executions
@pytest.mark.parametrize("pad_steps", [0, 2, 5])
def test_steps_long_after_the_end_are_left_out(pad_steps, execution):
    """The cost sums only the steps that are kept, but is averaged over all steps."""
    model = model_of("lstm", execution, conditional=False, use_recurrent_dropout=False)
    micro_batches = Layout(execution, pad_steps).micro_batches(LENGTHS, STEPS)
    reconstruction, _ = costs_and_gradients(model, micro_batches)[0]
    strokes5 = batch()
    expected = 0.0
    for strokes, length in zip(strokes5, LENGTHS, strict=True):
        kept = min(length + 1 + pad_steps, STEPS)
        own, _ = costs_of(model, strokes[None, : kept + 1], [length])
        expected += own * kept
    np.testing.assert_allclose(reconstruction, expected / (STEPS * len(LENGTHS)), rtol=1e-5)


@executions
def test_pad_steps_decides_the_layout_of_a_batch(execution):
    def loss_masks(pad_steps):
        found = laid_out(model_of("lstm", execution, pad_steps=pad_steps))
        return [one.loss_mask for one in found.micro_batches]

    assert sum(np.sum(mask) for mask in loss_masks(0)) == np.minimum(LENGTHS + 1, STEPS).sum()
    assert all(mask is None for mask in loss_masks("all"))


@pytest.mark.long
def test_pad_steps_decides_where_a_train_step_stops():
    costs = {
        pad_steps: update(TrainStep(TrainState(model_of("lstm", pad_steps=pad_steps)), 1)).costs()
        for pad_steps in ("all", STEPS, 0)
    }
    np.testing.assert_allclose(costs[STEPS], costs["all"], rtol=1e-5)
    assert costs[0].reconstruction < 0.99 * costs["all"].reconstruction


def test_bfloat16_products_round_only_their_operands():
    needs_xla()
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=[2, 5, 300]), rng.normal(size=[2, 300, 4])
    x, y = tf.constant(x, tf.float32), tf.constant(y, tf.float32)
    rounded = [tf.cast(tf.cast(v, tf.bfloat16), tf.float64) for v in (x, y)]
    exact = rounded[0] @ rounded[1]
    compiled = tf.function(BFLOAT16.product, jit_compile=True)
    for found in (BFLOAT16.product(x, y), compiled(x, y)):
        assert found.dtype == tf.float32
        np.testing.assert_allclose(found, exact, atol=1e-4)
    assert np.abs(exact.numpy() - CPU.product(x, y).numpy()).max() > 1e-2


@cells
@long_where(lambda cell: cell != "lstm")
def test_bfloat16_is_near_float32(cell):
    exact = costs_and_gradients(model_of(cell, spread=0.1))
    for compiled in (False, True) if cell == "lstm" else (False,):
        rounded = costs_and_gradients(model_of(cell, BFLOAT16, 0.1), compiled=compiled)
        np.testing.assert_allclose(rounded[0], exact[0], rtol=3e-2)
        ours, theirs = (
            np.concatenate([np.ravel(g) for g in found[1]]) for found in (rounded, exact)
        )
        error = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
        assert 0 < error < 0.1


@cells
@long_where(lambda cell: cell != "lstm")
def test_on_a_gpu_steps_in_bfloat16_lower_the_cost(cell):
    model = model_of(cell, dataclasses.replace(GPU, precision="bfloat16"), 0.1, kl_tolerance=0.0)
    costs, gradients = costs_and_gradients(model_of(cell, spread=0.1))
    train = TrainStep(TrainState(model), 1)
    before = [weight.numpy() for weight in model.trainable_variables]
    step = tf.function(train.one_program, autograph=False)
    figures, _ = step(laid_out(model), noise_of(model), 1e-3, 1.0)
    np.testing.assert_allclose(figures[1:], costs, rtol=3e-2)
    assert np.all(figures[1:] != costs)
    for weight, start, gradient in zip(model.trainable_variables, before, gradients, strict=True):
        assert np.sum((weight - start) * gradient) < 0


def test_weights_stay_float32():
    model = model_of("lstm", BFLOAT16)
    update(TrainStep(TrainState(model), 1))
    assert {weight.dtype for weight in model.weights} == {"float32"}


@cells
@pytest.mark.parametrize("pad_steps", ["all", 2])
@long_where(lambda cell, pad_steps: (pad_steps, cell) != ("all", "lstm"))
def test_every_execution_trains_the_same(cell, pad_steps):
    """Noise, costs and two updates agree for a number of steps that no unroll factor divides."""
    found = []
    for execution in (CPU, GPU):
        model = model_of(cell, execution, pad_steps=pad_steps, **DROPOUTS)
        train = TrainStep(TrainState(model), 1)
        costs = [update(train, step).costs() for step in range(2)]
        found.append((costs, [weight.numpy() for weight in model.weights]))
    assert_near(found[0][0], found[1][0], 1e-4)
    assert_near(found[0][1], found[1][1], 3e-4)


def test_a_program_is_compiled_once_for_batches_of_any_length(tmp_path):
    """The train step's, the evaluation's and the sampler's, and that by which `has_xla` tries out
    whether TensorFlow compiles: as many are kept as were compiled."""
    own = {"SKETCH_RNN_CACHE": str(tmp_path), "TF_XLA_FLAGS": "", "PYTHONPATH": str(ROOT / "tests")}
    env = os.environ | own
    program = Path(__file__).with_name("three_programs.py")
    subprocess.run([sys.executable, program], env=env, check=True, capture_output=True, text=True)
    assert len(list(tmp_path.glob("programs/*/*.pb"))) == 3 + 1


def test_a_cpu_traces_a_step_twice_at_most_for_sixty_batches():
    model = model_of("lstm", pad_steps=2)
    rng, train = np.random.default_rng(5), TrainStep(TrainState(model), 1)
    lengths = rng.integers(1, STEPS + 1, [124, len(LENGTHS)]).astype(np.int32)
    layout = Layout(CPU, 2).fitted(lengths[:64], STEPS)
    for step, of_batch in enumerate(lengths[64:]):
        train(layout.batch(batch(), of_batch), step=step)
    assert train.compiled.experimental_get_tracing_count() <= 2


@pytest.mark.parametrize(
    ("unroll", "steps", "turn"),
    [(1, 250, 1), (10, 250, 10), (10, 249, 8), (10, 251, 10), (2, 5, 2)],
)
def test_an_unrolled_iteration_leaves_few_steps_over(unroll, steps, turn):
    assert Execution(unroll=unroll).steps_per_iteration(steps) == turn
    assert 2 * turn > unroll


def test_on_a_gpu_a_step_has_whole_iterations_and_one_loop_for_both_directions():
    needs_xla()
    model = model_of("lstm", GPU, **DROPOUTS)
    train = TrainStep(TrainState(model), 1)
    read = laid_out(model), noise_of(model), tf.constant(1e-3), tf.constant(0.5)
    program = tf.function(train.one_program, jit_compile=True)
    lines = program.experimental_get_compiler_ir(*read)(stage="hlo").splitlines()
    loops = [line for line in lines if re.search(r"\bwhile\(", line)]
    blocks = f"f32[{STEPS // GPU.unroll},{GPU.unroll},"  # what the turns of a loop over time write
    over_time = [line for line in loops if blocks in line]
    # Encoder and decoder, forward and backward; and a single turn around each backward loop.
    assert len(over_time) == 4 and len(loops) == 6
    assert sum(f"{blocks}2,{len(LENGTHS)}," in line for line in over_time) == 2
    assert not any(
        re.search(r"= .*\b(infeed|outfeed|send|recv)\(|callback", line) for line in lines
    )


@executions
@long_where(lambda execution: execution is CPU)
def test_a_non_finite_step_updates_nothing(execution):
    model = model_of("lstm", execution)
    model.decoder.output_layer.bias.assign(np.full(model.decoder.output_layer.bias.shape, np.nan))
    before = [weight.numpy() for weight in model.weights]
    result = update(TrainStep(TrainState(model), 1))
    assert result.costs() is None
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
