#!/usr/bin/env python3
"""Measure how much a model loses if it learns from photographs: render the drawings in the package
as photographs, trace them, train models on both, and print the costs of validation drawings.

  scripts/price_of_paper.py FOLDER

Three data sets with the same drawings are compared: the originals, the originals with their lines
in the order of traced ones, and the traces. All are simplified alike. What FOLDER already holds is
used again. It also gets a photograph of one drawing of each kind, and a picture,
price_of_paper.png, with drawings by the models of the first seed.
"""

import argparse
import io
import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

ROOT = Path(__file__).resolve().parents[1]
DOODLES = ROOT / "datasets" / "doodles"
KINDS = ("cat", "fish", "house", "flower", "face", "sailboat")
SETS = ("originals", "reordered", "traces")
SIDE, MARGIN, SMOOTH = 420, 60, 3  # pixels of a photograph; smoothing of its lines
EXAMPLE = 4  # index of the drawing in the test split that is photographed as an example
SHOWN = 9  # drawings in a row of the picture


def photograph(lines: list[np.ndarray], rng: np.random.Generator) -> bytes:
    """Draw lines `[n, 2]` with a pen on paper, and photograph it from an angle, half in the shade.

    Returns:
      The photograph, as the content of a JPEG file.
    """
    points = np.concatenate(lines)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    scale = SIDE / max(extent.max(), 1)
    size = np.ceil(extent * scale + 2 * MARGIN).astype(int)
    page = Image.new("L", tuple(SMOOTH * size))
    pen, width = ImageDraw.Draw(page), SMOOTH * rng.uniform(3, 5)
    warp = _perspective(size, rng)
    for line in lines:
        placed = SMOOTH * warp((line - low) * scale + MARGIN)
        pen.line([*map(tuple, placed)], fill=255, width=round(width), joint="curve")
        for x, y in placed[[0, -1]]:
            pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=255)
    ink = np.asarray(page.resize(tuple(size), Image.Resampling.BOX), float) / 255
    bright = 235 * _light(size, rng) * (1 - rng.uniform(0.6, 0.8) * ink)
    bright += rng.normal(0, 4, bright.shape)
    image = Image.fromarray(np.clip(bright, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(0.9)).save(file, "JPEG", quality=75)
    return file.getvalue()


def _perspective(size: np.ndarray, rng: np.random.Generator):
    """Return a function that moves points as if each corner of the page were moved a little."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * size
    moved = corners + rng.uniform(-0.05, 0.05, (4, 2)) * size
    rows = []
    for (x, y), (u, v) in zip(corners, moved, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    matrix = np.append(np.linalg.solve(np.array(rows), moved.ravel()), 1).reshape(3, 3)

    def warp(points: np.ndarray) -> np.ndarray:
        mapped = np.c_[points, np.ones(len(points))] @ matrix.T
        return mapped[:, :2] / mapped[:, 2:]

    return warp


def _light(size: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the brightness of the page `[H, W]`: uneven, and darker beyond a shadow's edge."""
    y, x = np.mgrid[: size[1], : size[0]]
    light = 0.55 + 0.3 * (rng.uniform() * x / size[0] + rng.uniform() * y / size[1])
    edge = rng.uniform(0.2, 0.8) * size[0] + rng.uniform(-0.5, 0.5) * y
    return light * (1 - rng.uniform(0.1, 0.35) / (1 + np.exp((edge - x) / 10)))


def versions(sketch: np.ndarray, seed: int) -> list[np.ndarray] | None:
    """Return a drawing as it is in each of the data sets; None if nothing could be traced."""
    from sketch_rnn.convert.prepare import to_sketch
    from sketch_rnn.errors import UserError
    from sketch_rnn.strokes import to_polylines
    from sketch_rnn.trace.order import ordered
    from sketch_rnn.trace.pixels import pictures
    from sketch_rnn.trace.tracer import trace

    lines = [np.asarray(line, float) for line in to_polylines(sketch)]
    (picture,) = pictures(photograph(lines, np.random.default_rng(seed)))
    try:
        traced = trace(picture.pixels).lines
        return [to_sketch(found).points for found in (lines, ordered(lines), traced)]
    except UserError as error:
        print(f"drawing {seed}: {error}", flush=True)
        return None


def write_photographs(folder: Path) -> None:
    """Write a photograph of one drawing of each kind."""
    from sketch_rnn.strokes import to_polylines

    folder.mkdir(exist_ok=True)
    for seed, kind in enumerate(KINDS):
        lines = [np.asarray(line, float) for line in to_polylines(_load(kind)["test"][EXAMPLE])]
        (folder / f"{kind}.jpg").write_bytes(photograph(lines, np.random.default_rng(seed)))


def make_data(folder: Path, drawings: int) -> None:
    """Write an `.npz` for each of the data sets, with equally many drawings of each kind."""
    if all((folder / f"{name}.npz").exists() for name in SETS):
        return
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in SETS}
    for split, share in (("train", 0.8), ("valid", 0.1), ("test", 0.1)):
        count = max(round(share * drawings / len(KINDS)), 1)
        sketches = [s for kind in KINDS for s in _load(kind)[split][:count]]
        with ProcessPoolExecutor() as pool:
            seeds = range(len(sketches))
            made = [v for v in pool.map(versions, sketches, seeds, chunksize=8) if v is not None]
        for number, name in enumerate(SETS):
            found[name][split] = np.empty(len(made), object)
            found[name][split][:] = [version[number] for version in made]
            strokes, points = np.mean([[s[:, 2].sum(), len(s)] for s in found[name][split]], axis=0)
            print(f"{name}, {split}: {len(made)} drawings, on average {strokes:.1f} lines and "
                  f"{points:.1f} points", flush=True)  # fmt: skip
    for name in SETS:
        np.savez_compressed(folder / f"{name}.npz", **found[name])


def _load(kind: str):
    return np.load(DOODLES / f"{kind}.npz", allow_pickle=True, encoding="latin1")


def trained(folder: Path, name: str, steps: int, seed: int):
    """Return the model of a run on one of the data sets, after training it if it is missing."""
    import sketch_rnn

    run = folder / f"{name}_{seed}"
    if not run.exists():
        settings = json.loads((ROOT / "configs" / "doodles.json").read_text(encoding="utf-8"))
        settings |= {"data_set": [f"{name}.npz"], "num_steps": steps, "save_every": steps // 3}
        return sketch_rnn.train(run, data=folder, hparams=settings, seed=seed).model
    return sketch_rnn.load_model(run)


def cost(model, split, scale_factor: float, max_seq_len: int) -> float:
    """Return the mean reconstruction cost of a split's drawings."""
    from sketch_rnn.training.evaluate import Evaluator

    found = Evaluator(model, 0, scale_factor, max_seq_len).evaluate(split, "valid")
    return float((found.offset + found.pen).mean())


def main(folder: Path, drawings: int, steps: int, seeds: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_photographs(folder / "photographs")
    make_data(folder, drawings)
    import sketch_rnn

    data = {name: sketch_rnn.load_dataset(f"{name}.npz", folder) for name in SETS}
    longest = max(one.max_seq_len for one in data.values())
    models = {(name, seed): trained(folder, name, steps, seed)
              for seed in range(1, seeds + 1) for name in SETS}  # fmt: skip
    print("model trained on | seed | " + " | ".join(SETS))
    for (name, seed), model in models.items():
        costs = [cost(model, data[of].valid, model.scale_factor, longest) for of in SETS]
        print(f"{name} | {seed} | " + " | ".join(f"{value:.2f}" for value in costs), flush=True)
    picture(folder, {name: models[name, 1] for name in SETS}, data)


def picture(folder: Path, models: dict, data: dict) -> None:
    """Draw validation drawings, what the models make of them, and new drawings by the models."""
    import sketch_rnn

    rows, titles = [], []
    for name in ("originals", "traces"):
        valid = data[name].valid
        shown = valid[np.linspace(0, len(valid) - 1, SHOWN).astype(int).tolist()]
        sampler = partial(sketch_rnn.Sampler, models[name], temperature=0.3)
        again = [row[-1] for row in sampler(shown, seed=1).reconstruct().rows]
        new = models[name].decode(num_samples=SHOWN, temperature=0.3, seed=2)
        rows += [*shown, *again, *new]
        titles += [name, "reconstructions", "new drawings"]
    sketch_rnn.draw(rows, folder / "price_of_paper.png", columns=SHOWN, cell=90, row_titles=titles)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--drawings", type=int, default=1800, help="drawings in each data set")
    parser.add_argument("--steps", type=int, default=300, help="training steps of each model")
    parser.add_argument("--seeds", type=int, default=2, help="models trained on each data set")
    options = parser.parse_args()
    main(options.folder, options.drawings, options.steps, options.seeds)
