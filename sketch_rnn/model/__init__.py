"""The model and its arithmetic; XLA's flags are set before anything here uses TensorFlow."""

from sketch_rnn.model import compiling as compiling
