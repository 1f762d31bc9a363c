"""Save a model, and load it in a new process."""

import subprocess
import sys

import sketch_rnn

model = sketch_rnn.open_run("models/cats").model
model.save("cat.keras")
program = """
import sketch_rnn
model = sketch_rnn.load_model("cat.keras")
print(model.decode(num_samples=1, seed=5)[0].tolist())
"""
done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

assert done.stdout.strip() == str(model.decode(num_samples=1, seed=5)[0].tolist())
