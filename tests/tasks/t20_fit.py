"""Train with Keras's own loop, its callbacks and its metrics."""

import keras

import sketch_rnn

data = sketch_rnn.load_dataset("cat.npz", "doodles")
hparams = sketch_rnn.HParams(
    enc_rnn_size=8,
    dec_rnn_size=16,
    z_size=4,
    num_mixture=3,
    batch_size=20,
    max_seq_len=data.max_seq_len,
)
model = sketch_rnn.SketchRNN(hparams, data.scale_factor, seed=1)
history = model.fit(
    data.batches("train", hparams=hparams, seed=1),
    validation_data=data.batches("valid", hparams=hparams),
    steps_per_epoch=2,
    epochs=2,
    callbacks=[
        keras.callbacks.EarlyStopping("val_loss", patience=3),
        keras.callbacks.ModelCheckpoint("fitted.keras"),
    ],
    verbose=0,
)

assert len(history.history["val_loss"]) == 2
assert sketch_rnn.load_model("fitted.keras").hparams == hparams
