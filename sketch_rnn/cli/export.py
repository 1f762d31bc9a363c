"""`sketch_rnn_export`: write a trained model for other programs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sketch_rnn.choices import (
    BROWSER_SUFFIX,
    CHECKPOINTS,
    CLASSIC_SUFFIX,
    LARGEST_SEED,
    MODEL_SUFFIXES,
    MODULE_SUFFIXES,
    PACKAGE_SUFFIX,
    PAGE_SUFFIX,
    SPLITS,
    TYPES_SUFFIXES,
    WEIGHTS,
)
from sketch_rnn.cli import common
from sketch_rnn.cli.flags import FULL_SIZE, OVERWRITE, Flag, new_flags
from sketch_rnn.errors import UserError
from sketch_rnn.files import check_output

if TYPE_CHECKING:
    import numpy as np

    from sketch_rnn.model.network import SketchRNN

USAGE = """
Writes a model for other programs. The name of --output chooses the format:

  X.keras       for keras.saving.load_model, once sketch_rnn.formats is imported
  X.html        a web page, as one file: you begin a drawing, and the model finishes it
  X.js, X.mjs   an ES module for your own pages, with its TypeScript types beside it (X.d.ts)
  X.classic.js  the same code as a classic script instead of a module, for pages without a server
  X.tgz         the same module packed as an npm package
  X.gen.json    for browser clients (@magenta/sketch, ml5); needs lstm cells and num_mixture=20
  X.vae.json    a complete conditional model, for browser clients that use z; same requirements
  other names   a SavedModel folder with the signatures encode and decode, for TensorFlow Serving

A .gen.json has no z, so a conditional model is written for one fixed z: the z of a drawing
(--input), a z from a file (--z_file), or a random z (--seed).

A page offers a dozen drawings to start from: those in --input, or else some from each file in the
run's data set, taken from the test split unless --split names another split.

  sketch_rnn_export --model_dir=doodles --output=doodles.html    (the model in the package)
  sketch_rnn_export --model_dir=models/cat --output=cat.keras
  sketch_rnn_export --model_dir=models/cat --output=cat.html --title="Draw a cat"
  sketch_rnn_export --model_dir=models/cat --output=cat.gen.json --seed=1
"""


# fmt: off
FLAGS = new_flags(
    Flag("model_dir", str, None, "The model: the folder of a run or of an original checkpoint, a "
        ".gen.json, .vae.json or .keras file, or a name such as doodles or "
        "quickdraw/cat.vae.", also="log_root"),
    Flag("output", str, None, "File or folder to write."),
    OVERWRITE,
    Flag("checkpoint", CHECKPOINTS, "best", "Which checkpoint of a run to export: the one "
        "with the lowest validation cost, or the newest one."),
    Flag("z_file", str, None, "File of latent vectors, written by `sketch_rnn_sample "
        "--mode=encode`."),
    Flag("input", str, None, "For a .gen.json: the drawing whose z is used for all drawings. For "
        "a page: drawings that visitors can start from. sketch_rnn_sample --help says which "
        "files can be read."),
    Flag("split", SPLITS, "test", "Which split of an .npz file to take drawings from."),
    Flag("index", int, 0, "For a .gen.json, the index of the drawing in --input or of the latent "
        "vector in --z_file; the first is 0.", least=0),
    Flag("seed", int, None, "For a .gen.json, use a random z, drawn with this seed.", least=0,
        most=LARGEST_SEED),
    Flag("scale_factor", float, None, "For a model whose file has no scale factor: the standard "
        "deviation of the offsets in its training data."),
    Flag("data_dir", str, None, "For a model whose file has no scale factor: the folder or http(s) "
        "address of its data set, to compute the scale factor."),
    FULL_SIZE,
    Flag("title", str, None, "Title of the page."),
    Flag("subtitle", str, None, "The line under the title of the page, such as a credit "
        "(default: what the model was trained on)."),
    Flag("color", str, None, "Color of the lines that the model draws on the page, such as "
        "red or #c33."),
    Flag("background", str, None, "Color of the page."),
    Flag("examples", bool, True, "Include drawings that visitors can start from on the page."),
    Flag("weights", WEIGHTS, None, "How to store the weights (default: int8 in a page, float32 in "
        "a module): float16 and int16 take half the space of float32, and int8 "
        "takes a quarter."),
)
# fmt: on

_Z_FLAGS = ("z_file", "input", "seed")
_FORMS = ", ".join(f"X{suffix}" for suffix in MODEL_SUFFIXES)
_ONLY_FOR = {
    "title": (PAGE_SUFFIX,),
    "subtitle": (PAGE_SUFFIX,),
    "color": (PAGE_SUFFIX,),
    "background": (PAGE_SUFFIX,),
    "examples": (PAGE_SUFFIX,),
    "weights": (PAGE_SUFFIX, PACKAGE_SUFFIX, *MODULE_SUFFIXES),
    "index": (BROWSER_SUFFIX,),
}


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    return common.run("sketch_rnn_export", _export, FLAGS, USAGE, argv)


def _export() -> None:
    _check_flags()
    output = Path(FLAGS.output)
    common.quiet_tensorflow(FLAGS.verbose_tensorflow)
    from sketch_rnn.formats import load_model, save_model
    from sketch_rnn.formats.full_size import find_full_size
    from sketch_rnn.sampling.ready import with_scale_factor

    takes = _options_of(output)
    model = load_model(FLAGS.model_dir, FLAGS.checkpoint)
    model = with_scale_factor(model, FLAGS.scale_factor, FLAGS.data_dir)
    if model.scale_factor is not None:
        find_full_size(model, FLAGS.model_dir, FLAGS.full_size, FLAGS.data_dir)
    options: dict[str, Any] = {}
    if "z" in takes:
        _check_ready_for_browser(model)
        options["z"] = _z(model)
    if "title" in takes:
        names = ("title", "subtitle", "color", "background")
        options |= {name: FLAGS[name].value for name in names} | {"examples": _examples(model)}
    if "weights" in takes:
        options["weights"] = FLAGS.weights
    if "overwrite" in takes:
        options["overwrite"] = FLAGS.overwrite
    with common.writing(output):
        save_model(model, output, **options)
    types = _types_of(output)
    print(f"wrote {output}{f' and its types, {types.name}' if types else ''}")


def _check_flags() -> None:
    if not FLAGS.model_dir:
        raise UserError("expected --model_dir, the folder of a model")
    if not FLAGS.output:
        raise UserError(f"expected --output={_FORMS}, or a new folder")
    output = Path(FLAGS.output)
    if output.suffix and not output.name.endswith(MODEL_SUFFIXES):
        raise UserError(
            f"--output: expected {_FORMS}, or a folder whose name has no dot, got {output.name}"
        )
    check_output(output, [FLAGS.input, FLAGS.z_file], FLAGS.model_dir, FLAGS.overwrite)
    types = _types_of(output)
    if types:
        check_output(types, overwrite=FLAGS.overwrite)
    given = [f"--{flag}" for flag in _Z_FLAGS if FLAGS[flag].value is not None]
    if len(given) > 1:
        raise UserError(f"expected only one of {' and '.join(given)}, got {len(given)}")
    for flag, suffixes in _ONLY_FOR.items():
        if FLAGS[flag].present and not output.name.endswith(suffixes):
            raise UserError(f"--{flag} is for {' and '.join(suffixes)} only; leave it out")


def _types_of(output: Path) -> Path | None:
    """Return the path of the types file to write next to a module; None for other outputs."""
    if output.name.endswith(CLASSIC_SUFFIX) or output.suffix not in TYPES_SUFFIXES:
        return None
    return output.with_suffix(TYPES_SUFFIXES[output.suffix])


def _options_of(output: Path) -> tuple[str, ...]:
    """Return the options of the format that the output's name chooses."""
    from sketch_rnn.formats import format_to_save

    takes = format_to_save(output).options
    given = [flag for flag in _Z_FLAGS if FLAGS[flag].value is not None]
    if "examples" in takes:
        given = [flag for flag in given if flag != "input"]
    if given and "z" not in takes:
        raise UserError(
            f"--{given[0]} applies only to a .gen.json file, which always draws from the same z; "
            f"remove --{given[0]}, or write a .gen.json"
        )
    return takes


def _check_ready_for_browser(model: "SketchRNN") -> None:
    if model.hparams.conditional and all(FLAGS[flag].value is None for flag in _Z_FLAGS):
        raise UserError(
            "this model draws from a latent vector z, and a .gen.json always draws from one z; "
            "choose that z with --input, --z_file or --seed, or write a .vae.json, which works for "
            "any z"
        )
    if model.scale_factor is None:
        raise UserError(
            "browser clients need the scale factor, and this model has none; give --scale_factor, "
            "or --data_dir to compute it"
        )


def _examples(model: "SketchRNN") -> "list[np.ndarray]":
    from sketch_rnn.formats.examples import examples_for

    if not FLAGS.examples:
        return []
    return examples_for(model, FLAGS.model_dir, FLAGS.input, FLAGS.data_dir, FLAGS.split)


def _z(model: "SketchRNN") -> "np.ndarray | None":
    """Return the z `[Z]` for which to write a .gen.json; None for an unconditional model."""
    from sketch_rnn.convert.inputs import Choice, Size, read_inputs
    from sketch_rnn.model import sampling
    from sketch_rnn.sampling.picture import read_z
    from sketch_rnn.sampling.ready import check_scale_factor

    if not model.hparams.conditional:
        given = [flag for flag in _Z_FLAGS if FLAGS[flag].value is not None]
        if given:
            raise UserError(f"this model is unconditional and has no z; leave --{given[0]} out")
        return None
    if FLAGS.seed is not None:
        drawn = sampling.random_z(model, 1, FLAGS.seed)
        return None if drawn is None else drawn[0]
    if FLAGS.z_file:
        z = read_z(FLAGS.z_file, model.hparams.z_size)
        if FLAGS.index >= len(z):
            raise UserError(
                f"--index: expected 0 to {len(z) - 1}, as {FLAGS.z_file} holds {len(z)} z; got "
                f"{FLAGS.index}"
            )
        return z[FLAGS.index]
    check_scale_factor(model)
    inputs = read_inputs(
        [FLAGS.input],
        model.hparams.data_set,
        model.hparams.max_seq_len,
        Choice(FLAGS.split, [FLAGS.index]),
        Size(full=model.full_size),
    )
    return model.encode(inputs)[0][0]


if __name__ == "__main__":
    sys.exit(main())
