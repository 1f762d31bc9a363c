"""`sketch_rnn_sample`: draw with a trained model."""

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sketch_rnn import shipped
from sketch_rnn.choices import CHECKPOINTS, LARGEST_SEED, SPLITS
from sketch_rnn.cli import common
from sketch_rnn.cli.flags import (
    DRAWING,
    FULL_SIZE,
    LAYOUT,
    OVERWRITE,
    Flag,
    Many,
    drawing_style,
    new_flags,
)
from sketch_rnn.data import catalog, download
from sketch_rnn.errors import UserError
from sketch_rnn.files import PICTURES, check_output
from sketch_rnn.hparams import CONFIG_FILE
from sketch_rnn.sampling.modes import ENCODE, MODES, Mode

if TYPE_CHECKING:
    import numpy as np

    from sketch_rnn.model.network import SketchRNN

_MODES = "\n".join(f"  {mode.name:12}  {mode.text}" for mode in MODES.values())
USAGE = f"""
Draws with a trained model. --mode chooses what to draw:

{_MODES}

The suffix of --output chooses the format: .svg and .png are pictures; .npz is a data set with the
new drawings, the same ones in each of its three splits; .json holds each drawing as a list of
[dx, dy, pen_lifted].

Without --model_dir, the model in the package draws. Without --input, a run uses drawings from its
own data set, and the model in the package uses drawings from the package; --mode=complete starts
from the first halves of these drawings.

  sketch_rnn_sample --output=new.svg
  sketch_rnn_sample --like=cat --output=cats.svg
  sketch_rnn_sample --model_dir=models/cat --output=cats.svg
  sketch_rnn_sample --model_dir=models/cat --mode=complete --input=mine.svg --output=finished.svg
                    (add --page if the lines in mine.svg are only a part of the drawing)
"""

DATA = (".npz", ".json")

# fmt: off
FLAGS = new_flags(
    Flag("model_dir", str, None, "The model: the folder of a run or of an original checkpoint, a "
        ".gen.json, .vae.json or .keras file, or a name such as quickdraw/cat.vae or "
        "hf://user/name (default: doodles, the model in the package).", also="log_root"),
    Flag("output", str, None, "The file to write: .svg, .png, .npz or .json."),
    OVERWRITE,
    Flag("mode", tuple(MODES), "generate", "What to draw."),
    Flag("input", Many.REPEATED, [], "Input drawings: any file that sketch_rnn_dataset build reads "
        "(an SVG, a .npz, .ndjson ...), a .json file written by this command, or a folder with "
        "the model's data set (default: drawings from the model's data set; for the model in "
        "the package, from the package)."),
    Flag("split", SPLITS, "test", "Which split of an .npz input to use."),
    Flag("index", Many.LIST, [], "Indices of the drawings to use from an input that holds several, "
        "as in 0,7,12 (default: random ones; for encode, all)."),
    *LAYOUT,
    Flag("input_size", float, None, "Scale inputs to this fraction of the size of a whole drawing "
        "(--full_size); use a small value such as 0.3 if the input is only a part of a drawing. By "
        "default, SVG and Quick, Draw! drawings are scaled to the full size, and sketches from "
        "data sets keep their size.", least=0.02, most=1.0),
    Flag("page", bool, False, "Scale the whole page of an SVG input to the full size, not just the "
        "lines on it. Use this if the lines are only a part of a drawing."),
    Flag("like", Many.LIST, None, "Draw these kinds, as in cat or cat,house: take z from drawings "
        "of these kinds. --list_kinds lists all kinds."),
    Flag("list_kinds", bool, False, "Print the kinds of drawings that the model has learned: the "
        "names of the files in its data set."),
    Flag("z_file", str, None, "Take latent vectors from this file, written by --mode=encode."),
    Flag("num_samples", int, None, "How many to make. With --mode=generate: new drawings (default "
        "10), or drawings of each z in a file (default 1). With complete: completions (default 5). "
        "With reconstruct: drawings picked at random from the input (default 10). With "
        "interpolate: drawings picked at random from the input, or random z (default 2). With "
        "temperatures: random z (default 1). With analogy: results (default 1).", least=1,
        most=1_000_000),
    Flag("temperature", Many.LIST, None, "Randomness, above 0: low values give likely, tidy "
        "drawings, and 1 samples the distribution that the model learned. A list, as in "
        "0.2,0.5,1, gives a row or column for each temperature (default: 0.5; with "
        "--mode=temperatures, five values from 0.2 to 1)."),
    Flag("greedy", bool, False, "Make the most probable choice at every point, not a random one."),
    Flag("steps", int, 10, "Number of drawings in an interpolation, or along each side of a "
        "grid.", least=2, most=1000),
    Flag("spherical", bool, True, "Interpolate between latent vectors along a sphere; with "
        "--nospherical, along a straight line."),
    Flag("seed", int, None, "Seed for the random numbers; the same seed gives the same file "
        "(default: a new seed, which is printed).", least=0, most=LARGEST_SEED),
    Flag("max_len", int, None, "Largest number of points in a drawing (default: as in the model's "
        "data set).", least=1, most=100_000),
    Flag("checkpoint", CHECKPOINTS, "best", "Which checkpoint of a run to use: the one "
        "with the lowest validation cost, or the newest one."),
    Flag("scale_factor", float, None, "For a model whose file has no scale factor: the standard "
        "deviation of the offsets in its training data."),
    FULL_SIZE,
    Flag("data_dir", str, None, "For a model whose file has no scale factor: the folder or http(s) "
        "address of its data set, to compute the scale factor."),
    *DRAWING,
    Flag("animate", bool, False, "Animate the SVG: it draws itself, stroke by stroke."),
    Flag("one_by_one", bool, False, "With --animate, draw one drawing after another."),
)
# fmt: on


def main(argv: list[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    return common.run("sketch_rnn_sample", _sample, FLAGS, USAGE, argv)


def _sample() -> None:
    if FLAGS.list_kinds:
        _list_kinds()
        return
    mode, output = MODES[FLAGS.mode], _checked_output()
    temperature, indices, style = _temperatures(), _indices(), drawing_style(FLAGS)
    _check_sources(mode)
    seed = secrets.randbelow(LARGEST_SEED + 1) if FLAGS.seed is None else FLAGS.seed
    common.quiet_tensorflow(FLAGS.verbose_tensorflow)
    from sketch_rnn.formats import load_model
    from sketch_rnn.formats.run_folder import RunFolder
    from sketch_rnn.sampling import ready
    from sketch_rnn.sampling.picture import write_latent
    from sketch_rnn.sampling.sampler import Sampler

    model = load_model(FLAGS.model_dir, FLAGS.checkpoint)
    mode.check_model(model.hparams.conditional, bool(FLAGS.input), bool(FLAGS.z_file))
    model = ready.with_scale_factor(model, FLAGS.scale_factor, FLAGS.data_dir)
    inputs = _inputs(model, mode, output, indices, seed)
    if mode is ENCODE:
        latent = model.encode(inputs)
        with common.writing(output):
            write_latent(output, *latent)
        print(f"wrote {output}")
        return
    sampler = Sampler(
        model,
        inputs,
        _z(model, mode, seed),
        temperature,
        count=None if FLAGS.like and mode.name == "generate" else FLAGS.num_samples,
        steps=FLAGS.steps,
        spherical=FLAGS.spherical,
        greedy=FLAGS.greedy,
        max_len=FLAGS.max_len,
        seed=seed,
    )
    picture = sampler.draw(mode.name)
    with common.writing(output):
        picture.write(output, style, FLAGS.animate, FLAGS.one_by_one)
    again = f" (--seed={seed} draws the same again)" if FLAGS.seed is None else ""
    print(f"wrote {output}{again}")
    if FLAGS.model_dir:
        ready.warn_of_junk(RunFolder(FLAGS.model_dir), FLAGS.checkpoint, sampler.draws_random_z)


def _list_kinds() -> None:
    common.quiet_tensorflow(FLAGS.verbose_tensorflow)
    from sketch_rnn.sampling.kinds import kinds_of

    print("\n".join(kinds_of(FLAGS.model_dir)))


def _z(model: "SketchRNN", mode: Mode, seed: int) -> "np.ndarray | None":
    """Return the z that the flags ask for, `[B, Z]`, from a file or from drawings of some kinds."""
    from sketch_rnn.model.sampling import NEW_DRAWINGS
    from sketch_rnn.sampling import kinds
    from sketch_rnn.sampling.picture import read_z

    if FLAGS.like:
        count = len(FLAGS.like)
        if mode.name == "generate":
            count = FLAGS.num_samples or max(NEW_DRAWINGS, count)
        return kinds.z_like(model, FLAGS.model_dir, FLAGS.like, count, seed)
    return read_z(FLAGS.z_file, model.hparams.z_size) if FLAGS.z_file else None


def _inputs(
    model: "SketchRNN", mode: Mode, output: Path, indices: list[int], seed: int
) -> "list[np.ndarray]":
    """Return the input drawings, or drawings of the model's data set, stroke-3 in data units."""
    uses_data_set = _draws_from_data_set(mode)
    if not (FLAGS.input or uses_data_set):
        return []
    from sketch_rnn.convert.inputs import Choice, Size, holds_data_set, read_inputs
    from sketch_rnn.data.layout import Layout
    from sketch_rnn.formats.full_size import find_full_size
    from sketch_rnn.sampling import ready

    hparams = model.hparams
    folders = [path for path in FLAGS.input if not holds_data_set(path, hparams.data_set)]
    check_output(output, folders, overwrite=FLAGS.overwrite)
    paths = _data_set_drawings() if uses_data_set else FLAGS.input
    ready.check_scale_factor(model)
    most = mode.drawings_per_input(len(FLAGS.input), FLAGS.num_samples)
    choice = Choice(FLAGS.split, indices, most, seed)
    full_size = find_full_size(model, FLAGS.model_dir, FLAGS.full_size, FLAGS.data_dir)
    size = Size(FLAGS.input_size, FLAGS.page, full_size)
    layout = Layout(coordinates=FLAGS.coordinates, pen=FLAGS.pen)
    inputs = read_inputs(paths, hparams.data_set, hparams.max_seq_len, choice, size, layout)
    if uses_data_set and mode.name == "complete":
        return [ready.first_half(sketch) for sketch in inputs]
    return inputs


def _checked_output() -> Path:
    if not FLAGS.output:
        raise UserError("expected --output=FILE that ends in .svg, .png, .npz or .json")
    output = Path(FLAGS.output)
    allowed = (".npz",) if FLAGS.mode == "encode" else PICTURES + DATA
    if output.suffix.lower() not in allowed:
        raise UserError(
            f"--output: expected a name that ends in {', '.join(allowed)}; got {output}"
        )
    data_dir = FLAGS.data_dir if output.suffix.lower() == ".npz" else None
    inputs = [*(path for path in FLAGS.input if not Path(path).is_dir()), FLAGS.z_file, data_dir]
    check_output(output, inputs, FLAGS.model_dir, FLAGS.overwrite)
    if FLAGS.one_by_one and not FLAGS.animate:
        raise UserError("--one_by_one: expected --animate too")
    if FLAGS.animate and output.suffix.lower() != ".svg":
        raise UserError(f"--animate: expected an --output that ends in .svg, got {output}")
    return output


def _temperatures() -> list[float] | None:
    """Return the temperatures asked for; None for the default of the mode."""
    if FLAGS.temperature is None:
        return None
    values = []
    for text in FLAGS.temperature:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0.001 <= value < 1e6:
            raise UserError(
                f"--temperature: expected numbers of at least 0.001, got {text!r}; for no "
                "randomness, use --greedy"
            )
        values.append(value)
    if not values:
        raise UserError("--temperature: expected numbers, got nothing")
    return values


def _indices() -> list[int]:
    try:
        return [int(text) for text in FLAGS.index]
    except ValueError:
        raise UserError(f"--index: expected whole numbers, got {','.join(FLAGS.index)}") from None


def _draws_from_data_set(mode: Mode) -> bool:
    """Return True if the program chooses the inputs (from the model's data set or the package)."""
    is_packaged = catalog.is_packaged(FLAGS.model_dir)
    is_known = is_packaged or Path(FLAGS.model_dir, CONFIG_FILE).is_file()
    takes = mode.uses_data_set(bool(FLAGS.z_file or FLAGS.like), is_packaged)
    return takes and not FLAGS.input and is_known


def _data_set_drawings() -> list[str]:
    """Return the folder of the model's data set, or its files if they were downloaded."""
    if catalog.is_packaged(FLAGS.model_dir):
        return [str(catalog.PACKAGED_DRAWINGS_PATH)]
    from sketch_rnn.sampling.kinds import data_of

    try:
        data_dir, names = data_of(FLAGS.model_dir)
        files = download.resolve(data_dir, names)
    except UserError as error:
        raise UserError(f"{error}; or give drawings with `input`") from None
    return [data_dir] if shipped.drawings(data_dir).is_dir() else [str(path) for path in files]


def _check_sources(mode: Mode) -> None:
    """Check that the mode is given the inputs or z that it needs, and none that it would ignore."""
    uses_data_set = _draws_from_data_set(mode)
    if FLAGS.like and (FLAGS.z_file or not mode.takes_z):
        other = "--z_file, got both" if FLAGS.z_file else f"a mode that takes z, got {mode.name}"
        raise UserError(f"expected --like {'or' if FLAGS.z_file else 'with'} {other}")
    has_z = bool(FLAGS.z_file or FLAGS.like)
    mode.check_sources(bool(FLAGS.input) or uses_data_set, has_z)
    are_svg = all(path.lower().endswith((".svg", ".svgz")) for path in FLAGS.input)
    if FLAGS.index and are_svg and not uses_data_set:
        raise UserError(
            "--index chooses from an input that holds several drawings; give such an input, "
            "as in --input=doodles"
        )
    if FLAGS.page and FLAGS.input_size is not None:
        raise UserError("expected --page or --input_size, got both")
    for flag in ("page", "input_size", "coordinates", "pen"):
        if FLAGS[flag].present and not FLAGS.input:
            raise UserError(
                f"--{flag}: expected an --input, got none; give the drawing with --input"
            )


if __name__ == "__main__":
    sys.exit(main())
