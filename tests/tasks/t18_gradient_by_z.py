"""Find the z with the lowest cost for a drawing."""

import keras
import tensorflow as tf

import sketch_rnn

model = sketch_rnn.load_model()
data = sketch_rnn.load_dataset("cat.npz", "doodles")
batch = model.batch(data.test[:2])
z = tf.Variable(model.encode(data.test[:2])[0])
search = keras.optimizers.Adam(0.05)
costs = []
for _ in range(4):
    with tf.GradientTape() as tape:
        points = model.distribution(batch, z).log_prob(batch.strokes5[:, 1:])
        cost = -tf.reduce_mean(points)
    search.apply([tape.gradient(cost, z)], [z])
    costs.append(float(cost))

assert costs[-1] < costs[0]
sketch_rnn.draw(model.decode(z.numpy(), temperature=0.1, seed=1), "found.svg")
