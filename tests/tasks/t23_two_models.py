"""Draw the same inputs with two models side by side."""

import sketch_rnn

ours = sketch_rnn.load_model("models/cats")
theirs = sketch_rnn.load_model()
data = sketch_rnn.load_dataset("cat.npz", "doodles")
columns = [list(data.test[:3])]
for model in (ours, theirs):
    mu, _ = model.encode(data.test[:3])
    columns.append(model.decode(mu, temperature=0.2, seed=1))
rows = [sketch for row in zip(*columns, strict=True) for sketch in row]
sketch_rnn.draw(rows, "both.svg", columns=3, column_titles=["input", "ours", "theirs"])

assert ours.hparams.z_size != theirs.hparams.z_size
