"""Measure how close training and drawing come to the machine's peak speed.

  scripts/benchmark
  scripts/benchmark --sweep

Prints a table and, as the last line, JSON. On a GPU it measures other cases and names the card. A
step's efficiency is the least time that its arithmetic would take at the machine's peak, divided by
the step's actual time. The peak is the best rate at which large square matrices are multiplied, in
the precision of the step. These products are timed between the steps, so that other load on the
machine slows down both. The least arithmetic is 6 FLOPs (one product forward, two backward) per
multiply-add, padding included; see `least_flops`. Each case runs in a separate process, to measure
its peak memory.

A step is timed until its costs arrive. "begun ms" is the time per step without waiting for the
costs, as in a run. "first s" is the time of the first step, which compiles the program or loads one
that an earlier run compiled.

Legend: B batch, T time (N_max), U units, Z latent, M mixtures.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

STEPS, FEW_STEPS, WARM_UP = 12, 4, 3  # few steps if each takes long
HAS_GPU = Path("/proc/driver/nvidia/version").exists()
PRODUCT = 8192 if HAS_GPU else 2048  # rows in the matrices that measure the peak
SHEEP_QUANTILES = [20, 72, 91, 109, 128, 152, 185, 250]  # of the lengths in aaron_sheep
LAYER_NORM = {"enc_model": "layer_norm", "dec_model": "layer_norm"}
HYPER = {"enc_model": "layer_norm", "dec_model": "hyper"}
CPU_CASES = {
    "lstm": {},
    "layer_norm": LAYER_NORM,
    "hyper decoder": HYPER,
    "lstm, pad_steps 8": {"pad_steps": 8},
    "lstm, bfloat16": {},
    "lstm, bfloat16, pad_steps 8": {"pad_steps": 8},
    "Keras LSTM": {},
    "input": {},
    "sampler": {},
}
GPU_CASES = {
    "lstm, float32": {},
    "lstm, tf32": {},
    "lstm, bfloat16": {},
    "layer_norm, tf32": LAYER_NORM,
    "hyper decoder, tf32": HYPER,
    "lstm, B 400, tf32": {"batch_size": 400},
    "Keras LSTM, tf32": {},
    "Keras LSTM, no recurrent dropout, tf32": {"use_recurrent_dropout": False},
    "input": {},
    "sampler": {},
}
CASES = GPU_CASES if HAS_GPU else CPU_CASES
SWEEP = {
    **{f"B {size}": {"batch_size": size} for size in (25, 50, 100, 200)},
    **{f"N_max {size}": {"max_seq_len": size} for size in (64, 128, 250)},
    **{f"U {size}": {"dec_rnn_size": size} for size in (256, 512, 1024, 2048)},
}


def least_flops(hparams, lengths) -> float:
    """Return the FLOPs that a step needs at least: 6 for each multiply-add.

    The encoder's multiply-adds count for each real point in both directions, and those of the
    decoder and the output layer for each step, including padding. The projections to and from z
    count once per sketch. The hyper cell also counts its small LSTM and the products that scale
    the large LSTM's weights.
    """
    batch, steps, z = len(lengths), hparams.max_seq_len, hparams.z_size
    encoder, decoder = hparams.enc_rnn_size, hparams.dec_rnn_size
    points = 2 * cell(hparams.enc_model, encoder) * lengths.sum()
    output = decoder * (3 + 6 * hparams.num_mixture)
    padded = (cell(hparams.dec_model, decoder) + output) * steps * batch
    sketches = (2 * encoder * 2 * z + z * 4 * decoder + z * 2 * decoder) * batch
    return 6.0 * (points + padded + sketches)


def cell(kind: str, units: int) -> int:
    """Return the multiply-adds of a cell at one point."""
    plain = (5 + units) * 4 * units
    if kind != "hyper":
        return plain
    small, embedding, pairs = 256, 32, 12
    return plain + (5 + units + small) * 4 * small + pairs * embedding * (small + units)


class Peak:
    """The machine's best rate so far, in FLOPs per second."""

    def __init__(self, precision: str = "float32"):
        import tensorflow as tf

        dtype = "bfloat16" if precision == "bfloat16" else "float32"
        self._matrix = tf.cast(tf.random.normal([PRODUCT, PRODUCT]), dtype)
        self._products = [tf.linalg.matmul]
        if not HAS_GPU:  # on a GPU, XLA would spend long trying ways to multiply such matrices
            self._products.append(tf.function(tf.linalg.matmul, jit_compile=True))
        self.best = 0.0
        self.measure()

    def measure(self) -> None:
        for product in self._products:
            begun = time.perf_counter()
            product(self._matrix, self._matrix)[0, 0].numpy()
            self.best = max(self.best, 2 * PRODUCT**3 / (time.perf_counter() - begun))


def drawings(hparams, count: int = 2000):
    """Make up drawings whose lengths match those in aaron_sheep, in proportion to N_max."""
    from sketch_rnn.data.dataset import Split
    from sketch_rnn.data.split import make_part

    rng = np.random.default_rng(1)
    shares = np.linspace(0, 1, len(SHEEP_QUANTILES))
    lengths = np.interp(rng.random(count), shares, SHEEP_QUANTILES) * hparams.max_seq_len / 250
    lengths = np.maximum(lengths.astype(np.int64), 2)
    points = rng.integers(-40, 40, [lengths.sum(), 3]).astype(np.int16)
    points[:, 2] = rng.random(len(points)) < 0.1
    return Split([make_part(points, lengths)])


def train_batches(hparams):
    """Return training batches of random drawings."""
    from sketch_rnn.data.split import TrainBatches

    return TrainBatches(drawings(hparams), hparams, 20.0, seed=1)


def timed_steps(hparams, step, count: int, precision: str = "float32") -> dict[str, float]:
    """Return the median time and efficiency of `step(strokes5, lengths, number)`."""
    batches = train_batches(hparams)
    made = [batches.batch(number) for number in range(count)]
    begun = time.perf_counter()
    step(*made[0], step=0)
    first = time.perf_counter() - begun
    for number in range(WARM_UP):
        for batch in made:  # compiles a program for each shape
            step(*batch, step=number)
            if number:
                break
    peak, times, least = Peak(precision), [], []
    for _ in range(2):
        for number, batch in enumerate(made):
            peak.measure()
            begun = time.perf_counter()
            step(*batch, step=number)
            times.append(time.perf_counter() - begun)
            least.append(least_flops(hparams, batch[1]))
    efficiency = np.array(least) / np.array(times) / peak.best
    return {
        "ms": 1e3 * float(np.median(times)),
        "efficiency": float(np.median(efficiency)),
        "best efficiency": float(efficiency.max()),
        "peak GFLOP/s": peak.best / 1e9,
        "first s": first,
    }


def training(hparams, count: int = STEPS, precision: str = "float32") -> dict[str, float]:
    from sketch_rnn.model.execution import Execution
    from sketch_rnn.model.network import SketchRNN
    from sketch_rnn.model.packing import Layout
    from sketch_rnn.training.run import LAID_OUT_AHEAD
    from sketch_rnn.training.state import TrainState
    from sketch_rnn.training.step import TrainStep

    model = SketchRNN(hparams, 20.0, 1, Execution.for_device(precision))
    train_step, batches = TrainStep(TrainState(model), 1), train_batches(hparams)
    layout = Layout(model.execution, hparams.pad_steps).fitted(
        (batches.batch(step)[1] for step in range(LAID_OUT_AHEAD)), hparams.max_seq_len
    )

    def one(*batch, step):
        train_step(layout.batch(*batch), step=step).costs()

    with model.execution.in_force():
        found = timed_steps(hparams, one, count, precision)
        laid_out = layout.batch(*batches.batch(count - 1))
        begun = time.perf_counter()
        results = [train_step(laid_out, step=step) for step in range(count)]
        results[-1].costs()
    return found | {"begun ms": 1e3 * (time.perf_counter() - begun) / count}


def keras_lstm(hparams, precision: str = "float32") -> dict[str, float]:
    """Measure a model of the same size that is built from Keras's layers and trained by Keras.

    Without recurrent dropout, Keras uses cuDNN for these layers on a GPU.
    """
    import keras
    from keras import layers

    from sketch_rnn.model import losses
    from sketch_rnn.model.execution import Execution

    def lstm(units, **kwargs):
        dropped = (1 - hparams.recurrent_dropout_prob) * hparams.use_recurrent_dropout
        return layers.LSTM(units, recurrent_dropout=dropped, **kwargs)

    points = keras.Input([hparams.max_seq_len, 5])
    z = layers.Dense(hparams.z_size)(layers.Bidirectional(lstm(hparams.enc_rnn_size))(points))
    told = layers.RepeatVector(hparams.max_seq_len)(z)
    drawn = lstm(hparams.dec_rnn_size, return_sequences=True)(layers.Concatenate()([points, told]))
    model = keras.Model(points, layers.Dense(3 + 6 * hparams.num_mixture)(drawn))
    model.compile(
        keras.optimizers.Adam(hparams.learning_rate, clipvalue=hparams.grad_clip),
        lambda target, output: losses.reconstruction_cost(output, target),
    )
    with Execution.for_device(precision).in_force():  # also sets how Keras's products round
        return timed_steps(
            hparams,
            lambda strokes5, *_, step: model.train_on_batch(strokes5[:, :-1], strokes5[:, 1:]),
            FEW_STEPS,
            precision,
        )


def input_rate(hparams) -> dict[str, float]:
    """Measure batches per second, for our loader and for one that loops over points in Python."""
    from sketch_rnn.data.split import TrainBatches

    split = drawings(hparams)
    batches = TrainBatches(split, hparams, 20.0, seed=1)
    rng = np.random.default_rng(1)

    def point_by_point():
        batch = np.zeros([hparams.batch_size, hparams.max_seq_len + 1, 5], np.float32)
        for row, index in enumerate(rng.choice(len(split), hparams.batch_size, replace=False)):
            factor_x, factor_y = rng.uniform(0.85, 1.15, 2)
            batch[row, :, 4] = 1
            for number, (dx, dy, lifted) in enumerate(split[index], start=1):
                if lifted or rng.random() > 0.1:
                    batch[row, number] = (
                        dx * factor_x / 20,
                        dy * factor_y / 20,
                        1 - lifted,
                        lifted,
                        0,
                    )

    def rate(make, count):
        begun = time.perf_counter()
        for number in range(count):
            make(number)
        return count / (time.perf_counter() - begun)

    ours = max(rate(batches.batch, 200) for _ in range(3))
    plain = max(rate(lambda _: point_by_point(), 10) for _ in range(3))
    return {"batches/s": ours, "point by point batches/s": plain, "times": ours / plain}


def sampling(hparams) -> dict[str, float]:
    """Measure points per second at batch size 100, and the same for a loop of compiled steps."""
    import tensorflow as tf

    from sketch_rnn.model.network import SketchRNN

    model = SketchRNN(hparams, 20.0, 1)
    bias = model.decoder.output_layer.bias
    bias.assign(tf.tensor_scatter_nd_update(bias.value, [[2]], [-1e9]))  # never ends
    z = np.random.default_rng(1).normal(size=[100, hparams.z_size]).astype(np.float32)
    model.decode(z, seed=1)
    peak, rates = Peak(), []
    for _ in range(5):
        peak.measure()
        begun = time.perf_counter()
        points = sum(map(len, model.decode(z, seed=1)))
        rates.append(points / (time.perf_counter() - begun))

    one, point = tf.constant(z[:1]), tf.zeros([1, 5])
    step = tf.function(model.decoder.stepper(point, one), jit_compile=True)
    state = model.decoder.initial_state(one, 1)
    step(point, state)
    begun = time.perf_counter()
    for _ in range(200):
        output, state = step(point, state)
        point = tf.constant(output[:, :5].numpy())
    plain = 200 / (time.perf_counter() - begun)
    flops = 2 * (cell(hparams.dec_model, hparams.dec_rnn_size) + hparams.dec_rnn_size * 123)
    return {
        "points/s": max(rates),
        "efficiency": flops * max(rates) / peak.best,
        "step by step points/s": plain,
        "times": max(rates) / plain,
    }


def measure(name: str, changes: dict) -> dict[str, float | str]:
    """Measure one case, in this process."""
    from sketch_rnn.hparams import PRECISIONS, HParams
    from sketch_rnn.setup import setup

    setup()
    hparams = HParams(**changes)
    precision = next((p for p in PRECISIONS if p in name), PRECISIONS[0])
    if name in ("input", "sampler"):
        found = {"input": input_rate, "sampler": sampling}[name](hparams)
    elif name.startswith("Keras"):
        found = keras_lstm(hparams, precision)
    else:
        found = training(hparams, FEW_STEPS if name in SWEEP else STEPS, precision)
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found | {"GB": kibibytes * 1024 / 1e9} | card()


def card() -> dict[str, float | str]:
    """Return the GPU's name and its peak memory; nothing if there is no GPU."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return {}
    used = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    name = tf.config.experimental.get_device_details(gpus[0])["device_name"]
    return {"GPU GB": used / 1e9, "device": name}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sweep", action="store_true", help="how the time grows with the sizes")
    parser.add_argument("--cases", help="only these, with semicolons between")
    parser.add_argument("--in_this_process", help=argparse.SUPPRESS)
    args = parser.parse_args()
    cases = CASES | SWEEP
    if args.in_this_process:
        print(json.dumps(measure(args.in_this_process, cases[args.in_this_process])))
        return 0
    names = args.cases.split(";") if args.cases else list(SWEEP if args.sweep else CASES)
    if unknown := set(names) - set(cases):
        parser.error(f"no case {', '.join(unknown)}; there are {', '.join(cases)}")
    results = {}
    for name in names:
        done = subprocess.run(
            [sys.executable, __file__, f"--in_this_process={name}"],
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        results[name] = json.loads(done.stdout.splitlines()[-1])
        figures = ", ".join(
            f"{key} {value if isinstance(value, str) else format(value, '.3g')}"
            for key, value in results[name].items()
        )
        print(f"{name:40} {figures}", flush=True)
    print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
