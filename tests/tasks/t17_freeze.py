"""Train only the decoder, with a frozen encoder."""

import keras
import numpy as np

import sketch_rnn

run = sketch_rnn.open_run("models/cats")
model = sketch_rnn.load_model("models/cats")
assert model.encoder is not None
model.encoder.trainable = False
before = [weight.copy() for weight in model.encoder.get_weights()]
decoder_before = model.decoder.get_weights()[0].copy()
model.compile(keras.optimizers.SGD(0.01))
model.fit(
    run.data.batches("train", hparams=run.hparams, seed=1),
    steps_per_epoch=2,
    verbose=0,
)

for ours, theirs in zip(before, model.encoder.get_weights(), strict=True):
    np.testing.assert_array_equal(ours, theirs)
assert not np.array_equal(decoder_before, model.decoder.get_weights()[0])
