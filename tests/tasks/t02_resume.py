"""Resume a run, and end it when the costs no longer improve."""

import sketch_rnn

before = sketch_rnn.open_run("models/cats").steps["Valid_Cost"][-1]
run = sketch_rnn.train("models/cats", resume=True, hparams={"num_steps": 9}, patience=50)

assert run.steps["Valid_Cost"][-1] == before + 3
