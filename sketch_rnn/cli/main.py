"""`sketch_rnn`: the commands behind one name."""

import sys
from importlib import import_module

from sketch_rnn.cli import common
from sketch_rnn.cli.flags import new_flags
from sketch_rnn.errors import UserError

USAGE = """
Trains neural networks that draw, and draws with them.

  sketch_rnn sample    draws with a trained model, or with the one in the package
  sketch_rnn train     trains a model on drawings, or goes on with a run
  sketch_rnn eval      prints the costs of a trained model
  sketch_rnn dataset   makes data sets of drawings, shows what is in them, fetches public ones
  sketch_rnn export    writes a model for browsers, Keras and TensorFlow Serving

  sketch_rnn paper_table  trains what the paper's table 1 compares, and prints the table

`sketch_rnn COMMAND --help` lists a command's flags. `sketch_rnn train` and `sketch_rnn_train` are
the same command, and so for the others.

  sketch_rnn sample --output=new.svg
  sketch_rnn train --config=doodles
  sketch_rnn sample --model_dir=models/doodles --output=mine.svg

A command ends with status 0 when all went well; 1 when the operating system refused something, as
on a full disk; 2 when something you can mend is wrong, which is said in one line; 130 or 143 when
it was interrupted or asked to end; 141 when nobody reads its output any more.
"""

ONLY_HERE = ("paper_table",)  # commands without a name of their own
COMMANDS = ("sample", "train", "eval", "dataset", "export")


def main(argv: list[str] | None = None) -> int:
    """Runs the command that the first argument names; returns its exit status."""
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
