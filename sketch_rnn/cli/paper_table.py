"""Train the models of the paper's table 1, and print the table as Markdown.

  sketch_rnn paper_table --data_dir=doodles --hparams=num_steps=2000 cat.npz cat.npz+fish.npz

Each DATA_SET is a file, or several files joined by +. It becomes one row of the table, with four
models: three with w_KL 1, 0.5 and 0.25, and one that is only a decoder. The row shows the losses of
each model's best checkpoint on the test split: the reconstruction loss L_R and, for the first three
models, the KL loss L_KL (before its floor). If a data set is one that the paper used (public Quick,
Draw! files with 70,000 training drawings each), the next row shows the paper's results (Ha & Eck
2017, arXiv:1704.03477, table 1). To continue unfinished runs, type the same command again; it skips
finished runs.
"""

import argparse
import sys
from pathlib import Path

from sketch_rnn.cli import common
from sketch_rnn.cli.flags import spelled
from sketch_rnn.errors import UserError

SETTINGS: dict[str, dict[str, float | bool]] = {
    "w_KL = 1.00": {"kl_weight": 1.0},
    "w_KL = 0.50": {"kl_weight": 0.5},
    "w_KL = 0.25": {"kl_weight": 0.25},
    "decoder only": {"conditional": False},
}
PAPERS_DRAWINGS = 70_000  # training drawings in each file
PAPER = {  # L_R and L_KL of each setting, then L_R of the decoder-only model
    "cat": (-0.98, 0.29, -1.33, 0.70, -1.46, 1.01, -0.57),
    "pig": (-1.14, 0.22, -1.37, 0.49, -1.52, 0.80, -0.82),
    "cat+pig": (-1.02, 0.22, -1.24, 0.49, -1.50, 0.98, -0.75),
    "crab+face+pig+rabbit": (-0.91, 0.22, -1.04, 0.40, -1.47, 1.17, -0.67),
    "face": (-1.13, 0.27, -1.55, 0.71, -1.90, 1.44, -0.73),
    "firetruck": (-1.24, 0.22, -1.26, 0.24, -1.78, 1.10, -0.90),
    "garden": (-0.79, 0.20, -0.81, 0.25, -0.99, 0.54, -0.62),
    "owl": (-0.93, 0.20, -1.03, 0.34, -1.29, 0.77, -0.66),
    "mosquito": (-0.67, 0.30, -1.02, 0.66, -1.41, 1.54, -0.34),
    "yoga": (-0.80, 0.24, -1.07, 0.55, -1.51, 1.33, -0.48),
}


def main(argv: list[str] | None = None) -> int:
    """Train, print the table, and return the exit status."""
    arguments = parsed(argv)
    common.quiet_tensorflow()
    try:
        rows = [row for text in arguments.data_sets for row in table_rows(text, arguments)]
    except UserError as error:
        print(f"paper_table: error: {spelled(str(error))}", file=sys.stderr)
        return common.MISUSED
    print("\n".join(table(rows)))
    return common.OK


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        "sketch_rnn paper_table",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data_sets", nargs="+", metavar="DATA_SET")
    parser.add_argument(
        "--data_dir", required=True, help="folder or http(s) address of the .npz files"
    )
    parser.add_argument("--log_root", default="models/paper_table", help="folder of the runs")
    parser.add_argument(
        "--hparams", action="append", default=[], help="hyperparameters of all runs"
    )
    return parser.parse_args(argv)


def table_rows(text: str, arguments: argparse.Namespace) -> list[tuple[str, list[float]]]:
    """Return the table row of a data set; if the paper used the same drawings, add its row."""
    names = text.split("+")
    name = "+".join(sorted(Path(n).stem.removesuffix(".full") for n in names))
    figures: list[float] = []
    for setting, hparams in SETTINGS.items():
        folder = Path(arguments.log_root) / name / setting.replace(" ", "")
        figures += trained(folder, names, hparams, arguments)
    rows = [(name.replace("+", ", "), figures)]
    if name in PAPER and has_paper_size(folder, names):
        rows.append(("*the paper*", list(PAPER[name])))
    return rows


def has_paper_size(folder: Path, names: list[str]) -> bool:
    """Return whether a run trained on as many drawings as the paper's models did."""
    from sketch_rnn.formats.run_folder import RunFolder

    return RunFolder(folder).read_config().training_size == PAPERS_DRAWINGS * len(names)


def trained(
    folder: Path, names: list[str], hparams: dict, arguments: argparse.Namespace
) -> list[float]:
    """Train, then return L_R on the test split, and L_KL of a conditional model."""
    from sketch_rnn.cli.progress import Progress
    from sketch_rnn.formats.run_folder import RunFolder
    from sketch_rnn.hparams_text import parse_overrides
    from sketch_rnn.training.compare import evaluate_data_set
    from sketch_rnn.training.options import TrainOptions
    from sketch_rnn.training.run import train

    overrides = parse_overrides(arguments.hparams) | hparams | {"data_set": names}
    resume = RunFolder(folder).holds_run()
    ended_by = train(TrainOptions(folder, overrides, arguments.data_dir, resume=resume), Progress)
    if ended_by:
        sys.exit(128 + ended_by)
    row = evaluate_data_set(str(folder), arguments.data_dir).rows()[-1]
    return [row.reconstruction, row.kl_before_floor][: 2 if hparams.get("conditional", True) else 1]


def table(rows: list[tuple[str, list[float]]]) -> list[str]:
    """Return the lines of the table in Markdown."""
    heads = [f"L_{loss}, {name}" for name in list(SETTINGS)[:3] for loss in ("R", "KL")]
    heads = ["data set", *heads, "L_R, decoder only"]
    lines = [heads, ["---"] * len(heads)]
    lines += [[name, *(f"{figure:.2f}" for figure in figures)] for name, figures in rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


if __name__ == "__main__":
    sys.exit(main())
