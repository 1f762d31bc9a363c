"""Share a model, and load it by its name."""

import numpy as np

import sketch_rnn

model = sketch_rnn.open_run("models/cats").model
model.license = "cc-by-4.0"
page = sketch_rnn.push(model, "user/cats")
again = sketch_rnn.load_model("hf://user/cats")

assert page.endswith("user/cats") and again.license == "cc-by-4.0"
for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
    np.testing.assert_array_equal(ours, theirs)
