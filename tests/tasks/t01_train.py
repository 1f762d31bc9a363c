"""Train a model, with hyperparameters by name."""

import sketch_rnn

hparams = {
    "data_set": ["cat.npz"],
    "enc_rnn_size": 8,
    "dec_rnn_size": 16,
    "z_size": 4,
    "num_mixture": 3,
    "batch_size": 20,
    "num_steps": 6,
    "save_every": 3,
}
run = sketch_rnn.train("models/cats", data="doodles", hparams=hparams, seed=1)

assert run.reason == "num_steps"
assert run.best is not None and run.best.cost == min(run.history["Valid_Cost"])
assert len(run.model.decode(num_samples=2, seed=1)) == 2
