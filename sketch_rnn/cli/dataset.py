"""`sketch_rnn_dataset`: build data sets from drawings, show them, and fetch public ones."""

import sys
from typing import Any

from sketch_rnn import shipped
from sketch_rnn.choices import INKS, SPLITS
from sketch_rnn.cli import common
from sketch_rnn.cli.flags import (
    DRAWING,
    LAYOUT,
    OVERWRITE,
    Flag,
    Many,
    drawing_style,
    new_flags,
    spelled,
)
from sketch_rnn.convert.prepare import ORDERS, Recipe
from sketch_rnn.data.first_row import FIRST_ROWS
from sketch_rnn.errors import UserError
from sketch_rnn.files import check_output
from sketch_rnn.hparams import HParams

USAGE = """
Makes data sets of drawings.

  sketch_rnn_dataset build --output=mine.npz INPUT...
      converts drawings in many formats, also in folders and zips: SVG, pictures, Quick, Draw!,
      JSON from drawing pads and drawing programs, InkML, tables, arrays
  sketch_rnn_dataset show [--output=sheet.svg] FILE.npz
      prints statistics and warnings, and draws a contact sheet
  sketch_rnn_dataset paper --output=grid.pdf
      writes a page to print, with a grid to draw in
  sketch_rnn_dataset download [NAME...]
      fetches public data sets and models into the cache; without a name, lists them
  sketch_rnn_dataset pad --output=pad.html
      writes a web page that collects drawings from people

`COMMAND --help` lists a command's flags.
"""

BUILD_USAGE = """
Converts drawings into a data set. Curves are flattened; each drawing is scaled into a box of
--size, simplified (Ramer-Douglas-Peucker), and rounded; then the drawings are shuffled and split.
From an SVG, all visible lines are used, and small filled shapes beside them become dots; other
visible shapes are left out, with a message. In pictures (PNG, JPEG, WebP, TIFF, HEIC, PDF), the
lines of the pen are traced. The sketches in an .npz file, whatever its layout,
keep their units if all offsets are whole numbers and hardly any is above 1000; otherwise all of
them are scaled.

  sketch_rnn_dataset build --output=mine.npz drawings/ photo.jpg scans.zip cat.ndjson
"""

# fmt: off
BUILD = new_flags(
    Flag("output", str, None, "The .npz file to write."),
    OVERWRITE,
    Flag("outline", bool, False, "Draw the outlines of filled shapes too."),
    Flag("centerline", bool, False, "Replace thin filled shapes in SVGs, such as brush strokes, "
        "with lines along their middle."),
    Flag("ink", INKS, INKS[0], "Whether lines in photographs and scans are darker (dark) or "
        "lighter (light) than the paper; auto decides for each picture."),
    Flag("sheet", bool, False, "Treat each photograph or scan as a page with several drawings: one "
        "in each cell of a printed grid (sketch_rnn_dataset paper makes one), or with white space "
        "between them."),
    Flag("size", float, Recipe.size, "Longer side of a drawing, in data units."),
    Flag("tolerance", float, Recipe.tolerance, "Largest distance between a curve and the straight "
        "pieces that replace it, in data units."),
    Flag("epsilon", float, Recipe.epsilon, "Largest distance by which simplification may move a "
        "line, in data units; larger values leave fewer points."),
    Flag("max_points", int, Recipe.max_points, "Largest number of points in a sketch; a longer "
        "sketch is simplified more, or dropped if that is not enough."),
    Flag("order", ORDERS, Recipe.order, "Order of the lines: as in the file, or each line followed "
        "by the line that starts or ends nearest to its end."),
    Flag("join", bool, Recipe.join, "Join pieces of a line: in SVGs, a piece that starts where the "
        "previous one ended; with --order=nearest, pieces that meet at any of their ends."),
    Flag("join_distance", float, Recipe.join_distance, "Largest gap between pieces that are "
        "joined, as a fraction of the drawing's longer side; by default, the pieces must touch."),
    Flag("valid", float, 0.05, "Drawings to hold out for validation, as a fraction of all drawings "
        "(below 1) or as a number of drawings; with 0, some training drawings are used instead."),
    Flag("test", float, 0.05, "Drawings to hold out for testing, in the same way as --valid."),
    Flag("seed", int, 0, "Seed for shuffling the drawings.", least=0),
    Flag("drop_copies", bool, False, "Keep only the first of several sketches that have the same "
        "points."),
    Flag("strict", bool, False, "Stop at the first drawing that cannot be used in full, instead of "
        "dropping the drawing or a part of it. Text next to the lines is always dropped."),
    Flag("recognized", bool, False, "Keep only those Quick, Draw! drawings that the game "
        "recognized."),
    Flag("first_row", FIRST_ROWS, FIRST_ROWS[0], "Meaning of row 0 in .npz drawings: a drawn line, "
        "or the position of the first point; auto decides for each file."),
    *LAYOUT,
    Flag("preview", str, None, "A .png file to write that shows the traced lines on top of the "
        "photographs and scans."),
    Flag("report", str, None, "A .csv file to write that says what happened to each drawing."),
)
# fmt: on

SHOW_USAGE = """
Prints what is in a data set, and warns about anything that would harm training on it. With
--output, also draws a contact sheet; with --output and --augment, shows how augmentation changes
one drawing.

  sketch_rnn_dataset show --output=sheet.png --arrange=length mine.npz
"""

# fmt: off
SHOW = new_flags(
    Flag("output", str, None, "The .svg or .png file to draw."),
    Flag("split", SPLITS, "train", "Which split to draw from."),
    Flag("arrange", ("random", "index", "length"), "random", "Which drawings to show: random ones, "
        "the first ones, or some from the shortest to the longest."),
    Flag("count", int, 60, "Number of drawings to show.", least=1),
    Flag("seed", int, 0, "Seed for the random choices.", least=0),
    *DRAWING,
    Flag("augment", int, None, "Show how augmentation changes the sketch with this index."),
    Flag("random_scale_factor", float, HParams.random_scale_factor, "With --augment: how much "
        "drawings are stretched; see sketch_rnn_train --help."),
    Flag("augment_stroke_prob", float, HParams.augment_stroke_prob, "With --augment: how "
        "many points are dropped; see sketch_rnn_train --help."),
)
# fmt: on

PAPER_USAGE = """
Writes an A4 page with a grid to draw in; the grid is so faint that it is not traced. Print the
page, draw on it, photograph or scan it, and build a data set from the pictures with
`sketch_rnn_dataset build --sheet`.

  sketch_rnn_dataset paper --output=grid.pdf --columns=3 --rows=4
"""

# fmt: off
PAPER = new_flags(
    Flag("output", str, None, "The .pdf file to write."),
    OVERWRITE,
    Flag("columns", int, 3, "Drawings in a row.", least=1, most=20),
    Flag("rows", int, 4, "Rows of drawings.", least=1, most=30),
)
# fmt: on

DOWNLOAD_USAGE = """
Fetches public data sets and trained models into the cache, and prints their files and licenses.
Without a name, lists what is available.

  sketch_rnn_dataset download aaron_sheep cat alarm_clock
  sketch_rnn_dataset download quickdraw/cat quickdraw/cat.vae
"""

DOWNLOAD = new_flags()

PAD_USAGE = """
Writes a web page, as a single file, that asks people for drawings. The page works offline on a
phone, a tablet or a laptop, and people draw on it with a finger, a pen or a mouse. It keeps each
stroke in the browser and saves the drawings as a file; `sketch_rnn_dataset build` can read the
files of several people together. With --model_dir, the page also shows each drawing as the model
draws it again.

  sketch_rnn_dataset pad --output=pad.html --prompts=cat,house,tree --count=30
  sketch_rnn_dataset build --output=mine.npz pad-*.ndjson
"""

# fmt: off
PAD = new_flags(
    Flag("output", str, None, "The .html file to write."),
    OVERWRITE,
    Flag("prompts", Many.LIST, None, "What people are asked to draw, separated by commas (default: "
        "any drawing)."),
    Flag("count", int, 30, "How many drawings to ask for with each prompt.", least=1),
    Flag("seconds", float, 0.0, "Time limit for each drawing, in seconds from its first stroke; 0 "
        "means no limit.",
        least=0, most=3600),
    Flag("title", str, None, "Title of the page."),
    Flag("model_dir", str, None, "Folder, file or name of a model that responds to each drawing "
        "with its own drawings."),
)
# fmt: on


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    command, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if command in _COMMANDS:
        function, values, usage, arguments = _COMMANDS[command]
        return common.run(f"sketch_rnn_dataset {command}", function, values, usage, rest, arguments)
    return common.run("sketch_rnn_dataset", _unknown, new_flags(), USAGE, [command], "COMMAND ...")


def _unknown(*arguments: str) -> None:
    expected = ", ".join(_COMMANDS)
    raise UserError(f"expected one of the commands {expected}, got {' '.join(arguments[:1])!r}")


def _build(*inputs: str) -> None:
    from sketch_rnn.convert.build import build
    from sketch_rnn.convert.preview import save_preview
    from sketch_rnn.convert.readers.chunks import Reading

    if not BUILD.output:
        raise UserError("expected --output=FILE.npz")
    if not inputs:
        raise UserError("expected files or folders of drawings after the flags")
    if BUILD.preview:
        if not BUILD.preview.endswith(".png"):
            raise UserError(f"preview: expected a name that ends in .png, got {BUILD.preview}")
        check_output(BUILD.preview, inputs, overwrite=BUILD.overwrite, name="preview")
    summary = build(
        inputs,
        BUILD.output,
        Recipe(
            size=BUILD.size,
            tolerance=BUILD.tolerance,
            epsilon=BUILD.epsilon,
            max_points=BUILD.max_points,
            order=BUILD.order,
            join=BUILD.join,
            join_distance=BUILD.join_distance,
        ),
        outline=BUILD.outline,
        valid=BUILD.valid,
        test=BUILD.test,
        seed=BUILD.seed,
        drop_copies=BUILD.drop_copies,
        strict=BUILD.strict,
        recognized=BUILD.recognized,
        first_row=BUILD.first_row,
        coordinates=BUILD.coordinates,
        pen=BUILD.pen,
        ink=BUILD.ink,
        centerline=BUILD.centerline,
        sheet=BUILD.sheet,
        report=BUILD.report,
        overwrite=BUILD.overwrite,
    )
    print("\n".join([*summary.lines(), f"wrote {BUILD.output}"]))
    if BUILD.preview:
        save_preview(inputs, Reading(ink=BUILD.ink), BUILD.preview)
        print(f"wrote {BUILD.preview}")


def _show(*paths: str) -> None:
    from sketch_rnn.convert import sheet as show
    from sketch_rnn.data.quality import dataset_warnings

    if len(paths) != 1:
        raise UserError(f"expected one .npz file, got {len(paths)}")
    if shipped.drawings(paths[0]).is_dir():
        raise UserError(
            f"expected one .npz file, got the folder {paths[0]}; choose one of its files"
        )
    if SHOW.augment is not None and not SHOW.output:
        raise UserError("expected --output=FILE.svg together with --augment")
    if SHOW.output:
        check_output(SHOW.output, paths)
    style = drawing_style(SHOW)
    dataset = show.read(paths[0])
    print("\n".join(show.describe(dataset)))
    for line in dataset_warnings(dataset):
        print(f"warning: {spelled(line)}")
    split = getattr(dataset, SHOW.split)
    if SHOW.augment is not None:
        show.augmentation_sheet(
            split,
            SHOW.augment,
            SHOW.output,
            HParams(
                random_scale_factor=SHOW.random_scale_factor,
                augment_stroke_prob=SHOW.augment_stroke_prob,
            ),
            SHOW.count,
            SHOW.seed,
            style,
        )
    elif SHOW.output:
        show.contact_sheet(split, SHOW.output, SHOW.arrange, SHOW.count, SHOW.seed, style)
    if SHOW.output:
        print(f"wrote {SHOW.output}")


def _download(*names: str) -> None:
    from sketch_rnn.data import catalog

    if not names:
        print("\n".join(catalog.listing()))
    for name in names:
        public = catalog.find(name)
        print(f"{public.fetch()}\n  {public.license}\n  {public.usage}")


def _pad() -> None:
    from sketch_rnn.web.pad import save_pad

    if not (PAD.output or "").endswith(".html"):
        raise UserError(f"expected --output=FILE.html, got {PAD.output or 'none'}")
    check_output(PAD.output, [], PAD.model_dir, PAD.overwrite)
    model, interface = _model_of_pad() if PAD.model_dir else (None, None)
    save_pad(PAD.output, PAD.prompts or (), PAD.count, PAD.seconds, PAD.title, model, interface)
    print(f"wrote {PAD.output}")


def _model_of_pad() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weights and the interface of the model that runs in a drawing pad."""
    common.quiet_tensorflow(PAD.verbose_tensorflow)
    from sketch_rnn.formats import load_model, module, page

    model = load_model(PAD.model_dir)
    return module.content(model, "int16"), page.interface(model, [])


def _paper(*rest: str) -> None:
    from sketch_rnn.trace.grid import print_grid

    if rest or not PAPER.output or not PAPER.output.lower().endswith(".pdf"):
        raise UserError("expected --output=FILE.pdf and no input files")
    check_output(PAPER.output, overwrite=PAPER.overwrite)
    print_grid(PAPER.output, PAPER.columns, PAPER.rows)
    print(f"wrote {PAPER.output}")


_COMMANDS = {
    "build": (_build, BUILD, BUILD_USAGE, "INPUT..."),
    "show": (_show, SHOW, SHOW_USAGE, "FILE.npz"),
    "paper": (_paper, PAPER, PAPER_USAGE, ""),
    "download": (_download, DOWNLOAD, DOWNLOAD_USAGE, "[NAME...]"),
    "pad": (_pad, PAD, PAD_USAGE, ""),
}


if __name__ == "__main__":
    sys.exit(main())
