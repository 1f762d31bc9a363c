"""Compare this program with the original: speed, memory and learning curves.

  scripts/compare_original
  scripts/compare_original --only=lstm,curves
  scripts/compare_original --source=FOLDER --data=short_kanji.npz

Writes into --output a table (`table.md`), a picture of the curves (`curves.svg`) and all figures
(`comparison.json`, which also keeps the figures from earlier calls that --only leaves out).

Speed: the original and this program, in separate processes, take turns, step by step, on the same
batches of random drawings, whose lengths match those in aaron_sheep, at the default sizes. The
table has the fastest step of each program, since other load on the machine can only make a step
slower, and the peak memory of each process.

Curves: both train a small model on the same drawings, from three seeds. This program's evaluator
computes the reconstruction cost of the whole validation split for both: it reads the checkpoints
that the original leaves.

The original's source is fetched from its public repository at one commit, or taken from --source.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import original
from benchmark import HYPER, LAYER_NORM, train_batches
from run_original import answer

from sketch_rnn.errors import UserError

SPEED: dict[str, dict[str, Any]] = {"lstm": {}, "layer_norm": LAYER_NORM, "hyper": HYPER}
BATCHES, ROUNDS = 4, 3  # in a measurement of speed, after a round of warming up
CURVES = {
    "enc_rnn_size": 64, "dec_rnn_size": 128, "z_size": 32, "num_mixture": 5, "batch_size": 50,
    "num_steps": 501, "save_every": 100,
}  # fmt: skip
SEEDS = (1, 2, 3)
PROGRAMS = ("original", "ours")
ROOT = Path(__file__).resolve().parents[1]
INKS = {"original": "#b3541e", "ours": "#2a6fdb"}
TITLES = {"original": "the original", "ours": "this program"}

Figures = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, help="a checkout of the original's repository")
    parser.add_argument("--data", default="short_kanji", help="public data set, or .npz file")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "comparison")
    parser.add_argument("--only", default=",".join([*SPEED, "curves"]), help="parts, with commas")
    parser.add_argument("--our_steps", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.our_steps:
        our_steps(**json.loads(Path(options.our_steps).read_text(encoding="utf-8")))
        return 0
    parts = options.only.split(",")
    if unknown := set(parts) - {*SPEED, "curves"}:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(SPEED)}, curves")
    try:
        compare(parts, options)
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
    return 0


def compare(parts: Sequence[str], options: argparse.Namespace) -> None:
    """Measure some parts, and write all figures so far."""
    options.output.mkdir(parents=True, exist_ok=True)
    kept = options.output / "comparison.json"
    found: Figures = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    found["machine"] = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = original.checked(options.source or original.fetch(folder / "source")).resolve()
        for part in parts:
            place = folder / part
            place.mkdir()
            if part == "curves":
                found[part] = curves(source, options.data, place)
            else:
                found[part] = speed(source, SPEED[part], place)
            kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(f"{part}: done", flush=True)
    text = "\n".join([f"On {found['machine']}:", "", *table(found)])
    print(text)
    (options.output / "table.md").write_text(text + "\n", encoding="utf-8")
    if "curves" in found:
        picture(found["curves"], options.output / "curves.svg")


def machine() -> str:
    """Return a description of the machine: cores, processor, TensorFlow version."""
    from importlib import metadata

    processor = "unknown processor"
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(x.split(":")[1].strip() for x in lines if x.startswith("model name"))
        processor += " with AVX-512" * any("avx512f" in line.split() for line in lines)
    version = metadata.version("tensorflow")
    return f"{os.cpu_count()} cores of {processor}, TensorFlow {version}"


class Process:
    """A process that does the steps it is asked for, by number, and reports their times."""

    def __init__(self, command: Sequence[str], log: Path):
        self.log = log
        with log.open("w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def step(self, number: int) -> dict[str, float]:
        """Return the seconds of a step, `wall` and `cpu`."""
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        return self._answer()

    def end(self) -> float:
        """End the process; return the bytes of its peak memory."""
        self.process.stdin.close()
        memory = self._answer()["memory"]
        self.process.wait()
        return memory

    def _answer(self) -> dict[str, float]:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a process ended early:\n{self.log.read_text(encoding='utf-8')}")
        return json.loads(line)


def speed(source: Path, changes: Mapping[str, Any], folder: Path) -> Figures:
    """Measure the speed of both programs.

    Returns:
      For each program, the least `wall` and `cpu` seconds of a step, and the peak `memory` in
      bytes.
    """
    from sketch_rnn.hparams import HParams

    batches = train_batches(HParams(**changes))
    made = [batches.batch(number) for number in range(BATCHES)]
    file = folder / "batches.npz"
    strokes5, lengths = (np.stack(arrays) for arrays in zip(*made, strict=True))
    np.savez(file, strokes5=strokes5, lengths=lengths)
    job = written(folder / "steps.json", hparams=changes, batches=str(file))
    commands = {
        "original": original_command(source, "steps", job),
        "ours": [sys.executable, __file__, f"--our_steps={job}"],
    }
    running = {name: Process(commands[name], folder / f"{name}.log") for name in PROGRAMS}
    took: dict[str, list[dict[str, float]]] = {name: [] for name in PROGRAMS}
    for number in range(BATCHES * (1 + ROUNDS)):
        for name, process in running.items():
            took[name].append(process.step(number))
    return {
        name: {kind: min(step[kind] for step in took[name][BATCHES:])
               for kind in ("wall", "cpu")} | {"memory": running[name].end()}
        for name in PROGRAMS
    }  # fmt: skip


def our_steps(hparams: Mapping[str, Any], batches: str) -> None:
    """Do this program's steps as standard input asks for them."""
    from sketch_rnn.setup import setup

    setup()
    from sketch_rnn.hparams import HParams
    from sketch_rnn.model.execution import Execution
    from sketch_rnn.model.network import SketchRNN
    from sketch_rnn.model.packing import Layout
    from sketch_rnn.training.state import TrainState
    from sketch_rnn.training.step import TrainStep

    with np.load(batches) as file:
        made = list(zip(file["strokes5"], file["lengths"], strict=True))
    model = SketchRNN(HParams(**hparams), 20.0, 1, Execution.for_device())
    train_step = TrainStep(TrainState(model), 1)
    layout = Layout(model.execution, model.hparams.pad_steps).fitted(
        (lengths for _, lengths in made), model.hparams.max_seq_len
    )

    def step(number: int) -> None:
        train_step(layout.batch(*made[number % len(made)]), step=number).costs()

    with model.execution.in_force():
        answer(step)


def curves(source: Path, data: str, folder: Path) -> Figures:
    """Return, for each program, the validation costs for each seed and the total core-seconds."""
    from sketch_rnn import open_run
    from sketch_rnn.data import catalog
    from sketch_rnn.data.dataset import load_dataset

    path = Path(data).resolve() if Path(data).exists() else catalog.find(data).fetch()
    dataset = load_dataset([path.name], path.parent)
    hparams = CURVES | {"data_set": [path.name], "max_seq_len": dataset.max_seq_len}
    drawings = folder / "drawings.npz"
    points, lengths = dataset.train.gather(np.arange(len(dataset.train)))
    np.savez(drawings, points=points, lengths=lengths)
    found: Figures = {"data": path.stem, "hparams": CURVES, "drawings": len(dataset.valid)}
    found |= {name: {"core_seconds": 0.0, "reconstruction": []} for name in PROGRAMS}
    for seed in SEEDS:
        places = {name: folder / f"{name}{seed}" for name in PROGRAMS}
        job = written(
            folder / f"train{seed}.json",
            hparams=hparams,
            drawings=str(drawings),
            seed=seed,
            folder=str(places["original"]),
        )
        commands = {
            "original": original_command(source, "train", job),
            "ours": [
                "sketch_rnn_train", f"--data_dir={path.parent}", f"--seed={seed}",
                f"--log_root={places['ours']}", f"--hparams={json.dumps(hparams)}",
            ],
        }  # fmt: skip
        for name in PROGRAMS:
            found[name]["core_seconds"] += run(commands[name], folder / "log")
            print(f"curves: {TITLES[name]}, seed {seed}: trained", flush=True)
        ours = open_run(places["ours"]).history["Valid_Reconstr_Cost"]
        found["ours"]["reconstruction"].append(ours[: len(validated())])
        theirs = reconstructions(places["original"], dataset, seed)
        found["original"]["reconstruction"].append(theirs)
    return found


def validated() -> list[int]:
    """Return the steps after which both programs validate."""
    return list(range(CURVES["save_every"], CURVES["num_steps"], CURVES["save_every"]))


def reconstructions(folder: Path, dataset: Any, seed: int) -> list[float]:
    """Return the validation reconstruction cost for each checkpoint of the original."""
    from sketch_rnn.formats import original as reader
    from sketch_rnn.training.evaluate import Evaluator

    found, evaluator = [], None
    for step in validated():
        loaded = reader.load(folder / str(step)).model
        if evaluator is None:
            evaluator = Evaluator(loaded, seed, dataset.scale_factor, dataset.max_seq_len)
        evaluator.model.set_weights(loaded.get_weights())
        evaluation = evaluator.evaluate(dataset.valid, "valid")
        found.append(evaluation.costs(loaded.hparams).reconstruction)
    return found


def original_command(source: Path, task: str, job: Path) -> list[str]:
    script = Path(__file__).with_name("run_original.py")
    return [os.environ["ORIGINAL_PYTHON"], str(script), str(source), task, str(job)]


def written(path: Path, **job: Any) -> Path:
    """Write a job to a file; return the path."""
    path.write_text(json.dumps(job), encoding="utf-8")
    return path


def run(command: Sequence[str], log: Path) -> float:
    """Run a command until it ends; return its core-seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with log.open("w", encoding="utf-8") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{log.read_text(encoding='utf-8')}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(found: Figures) -> list[str]:
    """Return the lines of a Markdown table of all that was measured."""
    lines = ["| | the original | this program | ratio |", "|---|---|---|---|"]
    measures = (
        ("wall", "seconds per step"),
        ("cpu", "core-seconds per step"),
        ("memory", "peak memory, GB"),
    )
    for kind, title in measures:
        unit = 1e9 if kind == "memory" else 1
        for part in SPEED:
            if part in found:
                theirs, ours = (found[part][name][kind] / unit for name in PROGRAMS)
                lines.append(row(f"{part}, {title}", theirs, ours))
    if "curves" in found:
        lines += curve_rows(found["curves"])
    return lines


def row(title: str, theirs: float, ours: float) -> str:
    return f"| {title} | {theirs:.3g} | {ours:.3g} | {theirs / ours:.2g} |"


def curve_rows(found: Figures) -> Iterable[str]:
    """Yield the rows about the training runs: their time, and the cost at each validation."""
    title = f"{len(SEEDS)} small models, {CURVES['num_steps'] - 1} steps each, core-minutes"
    yield row(title, *(found[name]["core_seconds"] / 60 for name in PROGRAMS))
    for number, step in enumerate(validated()):
        costs = [", ".join(f"{curve[number]:.3f}" for curve in found[name]["reconstruction"])
                 for name in PROGRAMS]  # fmt: skip
        yield f"| validation reconstruction, step {step} | {costs[0]} | {costs[1]} | |"


def picture(found: Figures, path: Path) -> None:
    """Draw the curves of both programs, with one line per seed."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "curves", "font.size": 11}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name in PROGRAMS:
        for number, curve in enumerate(found[name]["reconstruction"]):
            label = TITLES[name] if number == 0 else None
            axes.plot(validated(), curve, color=INKS[name], marker="o", markersize=3, label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("reconstruction cost, validation split")
    axes.set_title(f"{found['data']}: {len(SEEDS)} seeds each", fontsize=11)
    axes.set_xticks(validated())
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
