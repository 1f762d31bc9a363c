"""Use batches as a tf.data.Dataset."""

import tensorflow as tf

import sketch_rnn

data = sketch_rnn.load_dataset("cat.npz", "doodles")
batches = data.batches("train", batch_size=8, seed=3).prefetch(tf.data.AUTOTUNE).take(3)
shapes = [(strokes5.shape, lengths.shape) for strokes5, lengths in batches]

assert shapes == [((8, data.max_seq_len + 1, 5), (8,))] * 3
