"""Look at a run that was trained before: its curves, its hyperparameters, its data."""

import sketch_rnn

run = sketch_rnn.open_run("models/cats")
table = run.table()

assert table["Valid_Cost"].dropna().tolist() == run.history["Valid_Cost"]
assert run.hparams.z_size == 4 and len(run.data.train) == 1000
assert "<svg" in run._repr_html_()
