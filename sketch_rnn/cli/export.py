"""`sketch_rnn_export`: writes a trained model for other programs."""

import sys
from pathlib import Path

from absl import flags

from sketch_rnn.cli import common
from sketch_rnn.errors import UserError

USAGE = """
Writes a model for other programs. The name of --output says the form:

  X.keras       keras.saving.load_model reads it, once sketch_rnn is imported
  X.gen.json    browser clients load it (@magenta/sketch, ml5): lstm, 20 mixtures
  another name  a SavedModel folder with the signatures encode and decode, for TensorFlow Serving

Browser clients know no z, so a conditional model is written at one z: that of a drawing (--input),
of a file (--z_file), or a random one (--seed).

  sketch_rnn_export --model_dir=models/cat --output=cat.keras
  sketch_rnn_export --model_dir=models/cat --output=cat.gen.json --seed=1
"""

FLAGS = common.new_flags()
flags.DEFINE_string(
    "model_dir", None, "Folder of a run or of an original checkpoint, or a .gen.json model.",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_string("output", None, "File or folder to write.", flag_values=FLAGS)
flags.DEFINE_enum(
    "checkpoint", "best", ["best", "latest"], "Which checkpoint of a run.", flag_values=FLAGS
)
flags.DEFINE_string("z_file", None, "z of `sketch_rnn_sample --mode=encode`.", flag_values=FLAGS)
flags.DEFINE_string(
    "input", None, "A drawing whose z to take: an SVG or a .npz.", flag_values=FLAGS
)
flags.DEFINE_enum(
    "split", "test", ["train", "valid", "test"], "Split of a .npz input.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "index", 0, "Which drawing of the input, or z of the file.", lower_bound=0, flag_values=FLAGS
)
flags.DEFINE_integer(
    "seed", None, "Draw z from the prior.",
    lower_bound=0, upper_bound=2**31 - 1, flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_float(
    "scale_factor", None, "Data units in a model unit, where the model does not know it.",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_string(
    "data_dir", None,
    "Folder or http(s) address of the data set, to compute the scale factor that a model lacks.",
    flag_values=FLAGS,
)  # fmt: skip

_Z_FLAGS = ("z_file", "input", "seed")
_BROWSER = ".gen.json"


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    return common.run("sketch_rnn_export", _export, FLAGS, USAGE, argv)


def _export() -> None:
    _check_flags()
    output = Path(FLAGS.output)
    common.quiet_tensorflow(FLAGS.verbose_tensorflow)
    from sketch_rnn.cli import sample_modes
    from sketch_rnn.formats import browser, load_model, tensorflow_files

    model = load_model(FLAGS.model_dir, FLAGS.checkpoint)
    sample_modes.set_scale_factor(model, FLAGS.scale_factor, FLAGS.data_dir)
    if output.name.endswith(_BROWSER):
        _check_ready_for_browser(model)
        z = _z(model)
        with common.writing(output):
            browser.save(model, output, z)
    else:
        is_file = output.suffix == ".keras"
        save = tensorflow_files.save_keras if is_file else tensorflow_files.save_folder
        with common.writing(output):
            save(model, output)
    print(f"wrote {output}")


def _check_flags() -> None:
    if not FLAGS.model_dir:
        raise UserError("expected --model_dir, the folder of a model")
    if not FLAGS.output:
        raise UserError("expected --output=X.keras, X.gen.json, or a new folder")
    name = Path(FLAGS.output).name
    if not name.endswith(_BROWSER) and Path(name).suffix not in ("", ".keras"):
        raise UserError(
            f"--output: expected X.keras, X.gen.json, or a folder without a dot, got {name}"
        )
    common.check_folder(Path(FLAGS.output))
    given = [f"--{flag}" for flag in _Z_FLAGS if FLAGS[flag].value is not None]
    if len(given) > 1:
        raise UserError(f"expected one of {' and '.join(given)}, got both")
    if given and not name.endswith(_BROWSER):
        raise UserError(f"only a .gen.json is written at one z; leave {given[0]} out")


def _check_ready_for_browser(model) -> None:
    if model.hparams.conditional and all(FLAGS[flag].value is None for flag in _Z_FLAGS):
        raise UserError(
            "browser clients know no z; say which this conditional model is exported at: "
            "--input, --z_file or --seed"
        )
    if model.scale_factor is None:
        raise UserError(
            "browser clients need the scale factor, and this model has none; give --scale_factor, "
            "or --data_dir to compute it"
        )


def _z(model):
    """The z to export at, `[Z]`; None for an unconditional model."""
    from sketch_rnn.cli import sample_modes
    from sketch_rnn.model import sampling

    if not model.hparams.conditional:
        given = [flag for flag in _Z_FLAGS if FLAGS[flag].value is not None]
        if given:
            raise UserError(f"this model is unconditional, it has no z; leave --{given[0]} out")
        return None
    if FLAGS.seed is not None:
        return sampling.random_z(model, 1, FLAGS.seed)[0]
    if FLAGS.z_file:
        z = sample_modes.read_z(FLAGS.z_file, model)
        if FLAGS.index >= len(z):
            raise UserError(f"--index: {FLAGS.z_file} holds {len(z)} z, got {FLAGS.index}")
        return z[FLAGS.index]
    inputs = sample_modes.read_inputs(
        [FLAGS.input], model, FLAGS.split, [FLAGS.index], None, seed=0
    )
    return model.encode(inputs)[0][0]


if __name__ == "__main__":
    sys.exit(main())
