"""`sketch_rnn`: one program for all commands."""

import sys
from importlib import import_module

from sketch_rnn.cli import common
from sketch_rnn.cli.flags import new_flags
from sketch_rnn.errors import UserError

USAGE = """
Trains neural networks that draw, and draws with them.

  sketch_rnn sample    draws with a trained model, or with the model in the package
  sketch_rnn train     trains a model on drawings, or continues a run
  sketch_rnn eval      prints the costs of a trained model
  sketch_rnn dataset   makes data sets of drawings, shows them, and downloads public ones
  sketch_rnn export    writes a model for browsers, Keras and TensorFlow Serving

  sketch_rnn paper_table  trains the models of the paper's table 1, and prints the table

`sketch_rnn COMMAND --help` lists a command's flags. Each command can be typed in three ways:
`sketch_rnn train`, `sketch_rnn_train` or `python -m sketch_rnn train`.

  sketch_rnn sample --output=new.svg
  sketch_rnn train --config=doodles
  sketch_rnn sample --model_dir=models/doodles --output=mine.svg

Exit status: 0 for success; 1 when the operating system refused an operation, for example because
the disk is full; 2 for a mistake that you can fix, which is explained in one line; 130 or 143 when
the command was interrupted or terminated; 141 when the program that read its output has ended.
"""

ONLY_HERE = ("paper_table",)  # commands that are not installed as separate programs
COMMANDS = ("sample", "train", "eval", "dataset", "export")


def main(argv: list[str] | None = None) -> int:
    """Run the command that the first argument names; return its exit status."""
    command, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if command in (*COMMANDS, *ONLY_HERE):
        return import_module(f"sketch_rnn.cli.{command}").main(rest)
    if command == "help":
        return main([*rest, "--help"])
    return common.run("sketch_rnn", _unknown, new_flags(), USAGE, [command], "COMMAND ...")


def _unknown(*arguments: str) -> None:
    got = arguments[0] if arguments else "none"
    raise UserError(f"expected one of the commands {', '.join(COMMANDS)}; got {got!r}")


if __name__ == "__main__":
    sys.exit(main())
