#!/usr/bin/env python3
"""Measure how training starts on more drawings than fit into memory: the time until the first
batch, and the memory of the process, after the files have been converted.

  scripts/many_drawings.py --categories=345

The drawings are random; their numbers and lengths are those of a Quick, Draw! category: 70,000 for
training, 2,500 each for validation and test, 45 points on average. All categories are links to one
file, but each is converted separately. Needs Linux, and 21 MB of disk space per category.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SPLITS = {"train": 70_000, "valid": 2_500, "test": 2_500}
BATCHES = 500


def sketches(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return random drawings with 10 to 80 points."""
    lengths = rng.integers(10, 81, count)
    points = rng.integers(-40, 40, [lengths.sum(), 3]).astype(np.int16)
    points[:, 2] = rng.random(len(points)) < 0.1
    made = np.empty(count, object)
    made[:] = np.split(points, np.cumsum(lengths)[:-1])
    return made


def write(folder: Path, categories: int) -> list[str]:
    rng = np.random.default_rng(1)
    first = folder / "category0.npz"
    np.savez_compressed(first, **{name: sketches(rng, count) for name, count in SPLITS.items()})
    names = [f"category{number}.npz" for number in range(categories)]
    for name in names[1:]:
        os.link(first, folder / name)
    return names


def memory() -> float:
    """Return the memory of the process in MB, without memory-mapped files."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("RssAnon:")[1].split()[0]) / 1000


def start(folder: str, names: list[str]) -> dict[str, float]:
    """Load the data set and make batches, in a separate process."""
    from sketch_rnn.data.dataset import load_dataset
    from sketch_rnn.data.quality import dataset_warnings
    from sketch_rnn.data.split import TrainBatches
    from sketch_rnn.hparams import HParams

    begun = time.perf_counter()
    dataset = load_dataset(names, folder)
    dataset_warnings(dataset)
    hparams = HParams(max_seq_len=dataset.max_seq_len)
    batches = TrainBatches(dataset.train, hparams, dataset.scale_factor, seed=1)
    batches.batch(0)
    first = time.perf_counter() - begun
    for step in range(1, BATCHES):
        batches.batch(step)
    rate = (BATCHES - 1) / (time.perf_counter() - begun - first)
    return {
        "drawings": len(dataset.train) + len(dataset.valid) + len(dataset.test),
        "seconds to the first batch": first,
        "batches a second": rate,
        "RssAnon MB": memory(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--categories", type=int, default=34)
    parser.add_argument("--in_this_process", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.in_this_process:
        names = [f"category{number}.npz" for number in range(args.categories)]
        print(json.dumps(start(args.in_this_process, names)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SKETCH_RNN_CACHE"] = str(Path(folder) / "cache")
        write(Path(folder), args.categories)
        for when in ("converting", "converted"):
            done = subprocess.run(
                [
                    sys.executable,
                    __file__,
                    f"--in_this_process={folder}",
                    f"--categories={args.categories}",
                ],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            print(f"{when}: {done.stdout.strip()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
