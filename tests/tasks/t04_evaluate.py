"""Make a table of the cost of each drawing in the test split."""

import sketch_rnn

rows, costs = sketch_rnn.evaluate("models/cats", split="test")
table = rows.table()
dearest = table.sort_values("reconstruction").index[-1]
sketch_rnn.draw(sketch_rnn.open_run("models/cats").data.test[dearest], "dearest.svg")

assert len(table) == 100 and abs(table["reconstruction"].mean() - costs.reconstruction) < 1e-9
