"""Train a small model with each cell as one worker, and print the costs of every step as JSON.

  worker.py STRATEGY STEPS CELL...

With `mirrored`, the processor acts as two devices that compute as GPUs do.
"""

import dataclasses
import json
import sys
from pathlib import Path

import tensorflow as tf

from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.data.split import TrainBatches
from sketch_rnn.hparams import HParams
from sketch_rnn.model.execution import Execution
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.packing import Layout
from sketch_rnn.setup import setup
from sketch_rnn.training.devices import set_up_devices
from sketch_rnn.training.state import TrainState
from sketch_rnn.training.step import TrainStep

GPU = dataclasses.replace(Execution.for_device(device="GPU"), unroll=2)
DOODLES = Path(__file__).resolve().parents[2] / "datasets" / "doodles"
# In a new hyper cell, the gradients of many weights are little more than rounding errors, and Adam
# scales them up to normal size. At the default rate, two orders of summation would soon give two
# different models.
LEARNING_RATE = 3e-5
DROPOUTS = {
    "use_recurrent_dropout": True,
    "use_input_dropout": True,
    "use_output_dropout": True,
}


def costs(workers, execution, cell, steps):
    dataset = load_dataset("face.npz", DOODLES)
    hparams = HParams(
        batch_size=8,
        enc_model=cell,
        dec_model=cell,
        enc_rnn_size=8,
        dec_rnn_size=16,
        z_size=4,
        num_mixture=3,
        kl_tolerance=0.0,
        max_seq_len=dataset.max_seq_len,
        learning_rate=LEARNING_RATE,
        **DROPOUTS,
    )
    with workers.strategy.scope():
        train_step = TrainStep(
            TrainState(SketchRNN(hparams, dataset.scale_factor, 1, execution)), 1, workers.strategy
        )
    shards = [
        TrainBatches(dataset.train, hparams, dataset.scale_factor, 1, shard)
        for shard in workers.shards
    ]
    layout = Layout(train_step.model.execution, hparams.pad_steps)
    return [
        train_step(*(layout.batch(*shard.batch(step)) for shard in shards), step=step).costs()
        for step in range(steps)
    ]


def main(strategy, steps, *cells):
    setup()
    if strategy == "mirrored":
        (processor,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            processor, [tf.config.LogicalDeviceConfiguration()] * 2
        )
    workers, execution = set_up_devices(strategy), GPU if strategy == "mirrored" else None
    print(json.dumps({cell: costs(workers, execution, cell, int(steps)) for cell in cells}))


if __name__ == "__main__":
    main(*sys.argv[1:])
