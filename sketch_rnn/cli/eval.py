"""`sketch_rnn_eval`: evaluate trained models on drawings."""

import io
import sys
from pathlib import Path

from sketch_rnn import files
from sketch_rnn.choices import CHECKPOINTS, SPLITS, TABLES
from sketch_rnn.cli import common
from sketch_rnn.cli.flags import FULL_SIZE, LAYOUT, OVERWRITE, Flag, Many, new_flags
from sketch_rnn.errors import UserError
from sketch_rnn.hparams_text import parse_overrides

USAGE = """
Evaluates trained models: prints the costs of drawings, with a row for each model and file. The
drawings come from the model's data set, or from --input.

  sketch_rnn_eval --log_root=models/cat --data_dir=doodles --split=test
  sketch_rnn_eval --log_root=models/cat --log_root=models/fish --input=mine.svg --format=csv

To find mislabeled or broken drawings in a data set, look at those with the highest costs:

  sketch_rnn_eval --log_root=models/cat --split=train --extremes=20 --output=odd.svg

To see whether a model copies, compare its drawings with the nearest training drawings:

  sketch_rnn_eval --log_root=models/cat --copies --output=pairs.svg
"""

# fmt: off
FLAGS = new_flags(
    Flag("log_root", Many.REPEATED, [], "The model: the folder of a run or of an original "
        "checkpoint, a .keras, .gen.json or .vae.json file, or a name such as quickdraw/cat.vae "
        "or hf://user/name.", also="model_dir"),
    Flag("data_dir", str, None, "Folder or http(s) address of the .npz files (default: where the "
        "run read its files)."),
    Flag("data_set", str, None, "Files of the data set, as in cat.npz+fish.npz, for a model that "
        "does not name its data set, or to evaluate a model on another data set."),
    Flag("input", Many.REPEATED, [], "Drawings to use instead of the model's data set: any file "
        "that sketch_rnn_dataset build reads (an SVG, a .npz, .ndjson ...), or a folder of "
        "them."),
    FULL_SIZE,
    *LAYOUT,
    Flag("split", SPLITS, "test", "Which split of the data set to evaluate on."),
    Flag("checkpoint", CHECKPOINTS, "best", "Which checkpoint of a run to use: the one "
        "with the lowest validation cost, or the newest one."),
    Flag("format", TABLES, "text", "Format of the output: text is a table to read, json has one "
        "object per line."),
    Flag("per_drawing", str, None, "Also write a row for each drawing to this .csv file."),
    OVERWRITE,
    Flag("extremes", int, None, "Draw this many drawings with the highest costs, and as many with "
        "the lowest, into the file --output.", least=1, most=1000),
    Flag("copies", bool, False, "Compare each of the model's new drawings with the nearest "
        "training drawing and print how close they are; for comparison, do the same with real "
        "drawings that the model was not trained on. --output shows the closest pairs."),
    Flag("output", str, None, "The picture to write for --extremes or --copies: an .svg or .png "
        "file."),
)
# fmt: on


def main(argv: list[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    return common.run("sketch_rnn_eval", _evaluate, FLAGS, USAGE, argv)


def _evaluate() -> None:
    models = FLAGS.log_root
    _check_flags(models)
    common.quiet_tensorflow(FLAGS.verbose_tensorflow)
    if FLAGS.copies:
        _print_copies(models[0])
        return
    from sketch_rnn.data.layout import Layout
    from sketch_rnn.training import compare

    evaluated = []
    for model in models:
        if FLAGS.input:
            layout = Layout(coordinates=FLAGS.coordinates, pen=FLAGS.pen)
            found = compare.evaluate_inputs(
                model, FLAGS.input, FLAGS.split, FLAGS.checkpoint, FLAGS.full_size, layout
            )
        else:
            found = compare.evaluate_data_set(
                model, FLAGS.data_dir, FLAGS.split, FLAGS.checkpoint, _data_set()
            )
        evaluated.append(found)
    rows = [row for found in evaluated for row in found.rows()]
    compare.FORMATS[FLAGS.format](rows, sys.stdout)
    if FLAGS.per_drawing:
        table = io.StringIO()
        compare.write_drawings(evaluated, table)
        with common.writing(Path(FLAGS.per_drawing)):
            files.write_text(FLAGS.per_drawing, table.getvalue())
    if FLAGS.extremes:
        compare.draw_extremes(evaluated[0], FLAGS.extremes, Path(FLAGS.output))


def _data_set() -> tuple[str, ...]:
    """Return the files that --data_set names; empty if it is not given."""
    return parse_overrides([f"data_set={FLAGS.data_set}"])["data_set"] if FLAGS.data_set else ()


def _print_copies(model: str) -> None:
    from sketch_rnn.training.copies import find_copies

    found = find_copies(model, FLAGS.data_dir, FLAGS.checkpoint)
    print("\n".join([*found.table(), found.verdict]))
    if FLAGS.output:
        with common.writing(Path(FLAGS.output)):
            found.picture(Path(FLAGS.output))


def _check_flags(models: list[str]) -> None:
    if not models:
        raise UserError("expected a trained model, as in --log_root=MODEL; got none")
    for flag in ("data_dir", "data_set"):
        if FLAGS.input and FLAGS[flag].value:
            raise UserError(f"expected --input or --{flag}, got both")
    for flag in ("full_size", "coordinates", "pen"):
        if FLAGS[flag].present and not FLAGS.input:
            raise UserError(
                f"--{flag}: expected an --input, got none; give the drawings with --input"
            )
    if FLAGS.copies:
        _check_copies(models)
    elif bool(FLAGS.extremes) != bool(FLAGS.output):
        raise UserError("expected --extremes=NUMBER and --output=FILE together")
    if FLAGS.extremes and len(models) > 1:
        raise UserError(
            f"--extremes: expected one model, got {len(models)}; evaluate them one by one"
        )
    for flag, suffixes in (("per_drawing", (".csv",)), ("output", (".svg", ".png"))):
        if FLAGS[flag].value:
            path = Path(FLAGS[flag].value)
            if path.suffix.lower() not in suffixes:
                expected = " or ".join(suffixes)
                raise UserError(f"--{flag}: expected a name that ends in {expected}, got {path}")
            for model in models:
                files.check_output(path, FLAGS.input, model, FLAGS.overwrite, flag)


def _check_copies(models: list[str]) -> None:
    """Refuse models and flags that --copies would ignore."""
    if len(models) > 1:
        raise UserError(f"--copies: expected one model, got {len(models)}; examine them one by one")
    for flag in ("input", "extremes", "per_drawing"):
        if FLAGS[flag].value:
            raise UserError(f"expected --copies or --{flag}, got both")


if __name__ == "__main__":
    sys.exit(main())
