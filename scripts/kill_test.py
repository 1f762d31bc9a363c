#!/usr/bin/env python3
"""Kill a small training run at random instants, resume it each time, and compare its final state
with that of an undisturbed run: weights, Adam's moments and curves have to be the same.

  scripts/kill_test.py --kills=200

Half of the kills come while a checkpoint is being saved, which is slowed down for this test. Needs
Unix.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

DRAWINGS = Path(__file__).resolve().parents[1] / "datasets" / "doodles"
STEPS_A_KILL = 40
HPARAMS = {
    "data_set": ["cat.npz"],
    "save_every": 15,
    "enc_rnn_size": 4,
    "dec_rnn_size": 8,
    "z_size": 2,
    "num_mixture": 2,
    "batch_size": 4,
}


def train(folder: Path, steps: int, write_end: int) -> None:
    """Train or resume, and report through a pipe; saving is slowed down."""
    from sketch_rnn.formats.run_folder import RunFolder
    from sketch_rnn.training.options import TrainOptions
    from sketch_rnn.training.record import ChiefRecorder
    from sketch_rnn.training.run import train as train_run
    from sketch_rnn.training.step import TrainStep

    def announced(method, word, seconds):
        def call(*arguments, **named):
            os.write(write_end, word)
            time.sleep(seconds)
            return method(*arguments, **named)

        return call

    RunFolder.save = announced(RunFolder.save, b"s", 0)
    RunFolder.sync = announced(RunFolder.sync, b"s", 0.05)
    TrainStep.__call__ = announced(TrainStep.__call__, b"t", 0)
    ChiefRecorder.show = lambda *_: ([], {})  # pictures take the time of many steps
    resume = (folder / "checkpoints").is_dir()
    overrides = {"num_steps": steps} if resume else HPARAMS | {"num_steps": steps}
    data_dir = None if resume else DRAWINGS
    train_run(TrainOptions(folder, overrides, data_dir, resume=resume))


def start(folder: Path, steps: int) -> tuple[int, int]:
    """Start `train` in a separate process; return its process ID and the pipe."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child:
        os.close(write_end)
        return child, read_end
    os.close(read_end)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        try:
            train(folder, steps, write_end)
        except BaseException as error:
            os.write(write_end, b"!" + repr(error).encode())
            os._exit(1)
    os._exit(0)


def kill(child: int, pipe: int, rng: random.Random) -> str:
    """Kill the run at a random instant; return when that was, or that it had ended before."""
    word = rng.choice([b"s", b"s", b"t", b""])  # in a save, in a step, or while it starts
    told = os.read(pipe, 1) if word else b""
    for _ in range(rng.randrange(60) if word == b"t" else rng.randrange(6)):
        told = os.read(pipe, 1) if word else b""
    while word and told not in (word, b""):
        told = os.read(pipe, 1)
        if told == b"!":
            raise SystemExit(f"the run failed: {os.read(pipe, 10_000).decode()}")
    if word and not told:
        return "ended"
    time.sleep(rng.uniform(0, {b"s": 0.06, b"t": 0.02, b"": 4}[word]))
    os.kill(child, signal.SIGKILL)
    return {b"s": "in a save", b"t": "in a step", b"": "while it started"}[word]


def finish(child: int, pipe: int) -> None:
    told = b""
    while part := os.read(pipe, 1 << 16):
        told = part
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"the run failed: {told.decode(errors='replace')}")


def differences(one: Path, other: Path) -> list[str]:
    """Return what differs between two runs, except times."""
    import tensorflow as tf

    found = []
    readers = [tf.train.load_checkpoint(str(newest(folder))) for folder in (one, other)]
    names = [sorted(reader.get_variable_to_shape_map()) for reader in readers]
    if names[0] != names[1]:
        found.append("the names of the variables")
    for name in names[0]:
        values = [reader.get_tensor(name) for reader in readers]
        if isinstance(values[0], np.ndarray | np.generic) and values[0].tobytes() != (
            values[1].tobytes()
        ):
            found.append(name)
    if figures(one) != figures(other):
        found.append("metrics.jsonl")
    if events(one) != events(other):
        found.append("TensorBoard's figures")
    return found


def newest(folder: Path) -> Path:
    paths = (folder / "checkpoints").glob("latest-*.index")
    return max(paths, key=lambda path: int(path.stem.split("-")[1])).with_suffix("")


def figures(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").open(encoding="utf-8")]
    return [{k: v for k, v in row.items() if not k.startswith("Time_Taken")} for row in rows]


def events(folder: Path) -> list[tuple[str, int, float]]:
    """Return the tag, step and value of every figure that TensorBoard finds."""
    import tensorflow as tf

    found = []
    for path in folder.glob("events.out.tfevents.*"):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars" and "Time" not in value.tag:
                    found.append((value.tag, event.step, float(tf.make_ndarray(value.tensor))))
    return sorted(found)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import sketch_rnn.training.run  # noqa: F401  so that the children need not

    rng = random.Random(args.seed)
    steps = args.kills * STEPS_A_KILL
    kills: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        while sum(kills.values()) < args.kills:
            child, pipe = start(killed, steps)
            when = kill(child, pipe, rng)
            if when == "ended":
                finish(child, pipe)
                break
            os.waitpid(child, 0)
            os.close(pipe)
            kills[when] = kills.get(when, 0) + 1
        finish(*start(killed, steps))
        finish(*start(whole, steps))
        found = differences(whole, killed)
    counts = ", ".join(f"{count} {when}" for when, count in sorted(kills.items()))
    print(f"{sum(kills.values())} kills ({counts}) in {steps} steps; ", end="")
    print(f"different: {', '.join(found)}" if found else "the same to the last bit")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
