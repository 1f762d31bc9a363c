"""`sketch_rnn_eval`: the costs of a trained model, as JSON."""

import json
import sys

from absl import flags

from sketch_rnn.cli import common
from sketch_rnn.errors import UserError

USAGE = """
Prints the costs of a trained model on a split of a data set, as one line of JSON.

  sketch_rnn_eval --log_root=models/cat --data_dir=doodles --split=test
"""

FLAGS = common.new_flags()
flags.DEFINE_string(
    "log_root", None,
    "Folder of the run or of an original checkpoint, a .gen.json or .vae.json model, or the name "
    "of one, as in quickdraw/cat.vae.",
    flag_values=FLAGS,
)  # fmt: skip
common.define_alias(FLAGS, "model_dir", "log_root")
flags.DEFINE_string(
    "data_dir", None,
    "Folder or http(s) address of the .npz files (default: where the run had them).",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_enum("split", "test", ["train", "valid", "test"], "Split.", flag_values=FLAGS)
flags.DEFINE_enum(
    "checkpoint", "best", ["best", "latest"], "Which checkpoint of the run.", flag_values=FLAGS
)


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return common.run("sketch_rnn_eval", _evaluate, FLAGS, USAGE, argv)


def _evaluate() -> None:
    if not FLAGS.log_root:
        raise UserError("expected --log_root=FOLDER, the folder of a trained model")
    common.quiet_tensorflow(FLAGS.verbose_tensorflow)
    from sketch_rnn.train.evaluate import evaluate

    evaluation, costs = evaluate(FLAGS.log_root, FLAGS.data_dir, FLAGS.split, FLAGS.checkpoint)
    print(json.dumps({"split": FLAGS.split, "sketches": len(evaluation.points), **costs._asdict()}))


if __name__ == "__main__":
    sys.exit(main())
