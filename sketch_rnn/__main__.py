"""The entry point for `python -m sketch_rnn`."""

import sys

from sketch_rnn.cli.entry import sketch_rnn

if __name__ == "__main__":
    sys.exit(sketch_rnn())
