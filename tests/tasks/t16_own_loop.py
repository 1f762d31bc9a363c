"""Write a custom training loop with another optimizer."""

from typing import Any

import keras
import tensorflow as tf

import sketch_rnn

data = sketch_rnn.load_dataset("cat.npz", "doodles")
hparams = sketch_rnn.HParams(
    enc_rnn_size=8,
    dec_rnn_size=16,
    z_size=4,
    num_mixture=3,
    batch_size=8,
    max_seq_len=data.max_seq_len,
)
model = sketch_rnn.SketchRNN(hparams, data.scale_factor, seed=1)
optimizer = keras.optimizers.AdamW(0.002, clipvalue=1.0)


def step(batch: Any, number: Any) -> sketch_rnn.Costs:
    with tf.GradientTape() as tape:
        costs = model.loss(batch, seed=1, step=number, training=True)
    weights = model.trainable_variables
    optimizer.apply(tape.gradient(costs.cost, weights), weights)
    return costs


update = tf.function(step)
batches = data.batches("train", hparams=hparams, seed=1)
costs = [float(update(batch, tf.constant(n)).cost) for n, batch in enumerate(batches.take(6))]

assert costs[-1] < costs[0]
