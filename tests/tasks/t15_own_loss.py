"""Train with a custom loss: the likelihood of the points, and a KL without a floor."""

from typing import Any

import keras
import tensorflow as tf

import sketch_rnn

data = sketch_rnn.load_dataset("cat.npz", "doodles")
hparams = sketch_rnn.HParams(
    enc_rnn_size=8, dec_rnn_size=16, z_size=4, num_mixture=3, max_seq_len=data.max_seq_len
)
model = sketch_rnn.SketchRNN(hparams, data.scale_factor, seed=1)
optimizer = keras.optimizers.Adam(0.001)


def loss(batch: Any) -> Any:
    strokes5, _ = batch
    mu, logvar = model.posterior(batch)
    z = mu + tf.exp(logvar / 2) * tf.random.normal(tf.shape(mu))
    reconstruction = -tf.reduce_mean(model.distribution(batch, z).log_prob(strokes5[:, 1:]))
    kl = -0.5 * tf.reduce_mean(1 + logvar - mu**2 - tf.exp(logvar))
    return reconstruction + 0.1 * kl


for batch in data.batches("train", batch_size=8, seed=1).take(2):
    with tf.GradientTape() as tape:
        cost = loss(batch)
    gradients = tape.gradient(cost, model.trainable_variables)
    assert all(gradient is not None for gradient in gradients)
    optimizer.apply(gradients, model.trainable_variables)
