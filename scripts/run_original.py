"""Run the original for scripts/compare_original.py, in the original's environment.

  run_original.py SOURCE steps JOB       do the steps that standard input asks for, and time them
  run_original.py SOURCE train JOB       train, and write checkpoints

JOB is a JSON file. It contains `hparams`, by the original's names. For `steps` it also contains
`batches`, the path of an `.npz` with strokes5 `[N, B, T + 1, 5]` and lengths `[N, B]`. For `train`
it also contains `drawings`, the path of an `.npz` with the training split's points `[P, 3]` and
lengths `[S]`, and `seed` and `folder`.
"""

import json
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import original


def main() -> None:
    source, task, job = sys.argv[1:]
    asked = json.loads(Path(job).read_text(encoding="utf-8"))
    tasks = {"steps": time_steps, "train": train}
    tasks[task](original.load(Path(source)), **asked)


def answer(step: Callable[[int], None]) -> None:
    """Do the steps that standard input asks for, printing their times, then print peak memory."""
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        step(int(line))
        took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(took), flush=True)
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"memory": kibibytes * 1024}), flush=True)


class Trainer:
    """The original's model and its training loop, as in the original's trainer."""

    def __init__(self, modules: SimpleNamespace, hparams: dict[str, Any], seed: int = 1):
        random.seed(seed)
        np.random.seed(seed)
        self.tf = original.tensorflow()
        self.tf.set_random_seed(seed)
        self.hparams = modules.model.get_default_hparams()
        self.hparams.override_from_dict(hparams)
        self.model = modules.model.Model(self.hparams)
        self.session = self.tf.Session()
        self.session.run(self.tf.global_variables_initializer())

    def step(self, number: int, strokes5: np.ndarray, lengths: np.ndarray) -> None:
        """Do update `number`, with the learning rate and the KL weight of that step."""
        model, hps = self.model, self.hparams
        rate = hps.learning_rate - hps.min_learning_rate
        weight = hps.kl_weight - hps.kl_weight_start
        feed = {
            model.input_data: strokes5,
            model.sequence_lengths: lengths,
            model.lr: rate * hps.decay_rate**number + hps.min_learning_rate,
            model.kl_weight: hps.kl_weight - weight * hps.kl_decay_rate**number,
        }
        figures = [model.cost, model.r_cost, model.kl_cost, model.final_state, model.global_step]
        self.session.run([*figures, model.train_op], feed)


def time_steps(modules: SimpleNamespace, hparams: dict[str, Any], batches: str) -> None:
    trainer = Trainer(modules, hparams)
    with np.load(batches) as file:
        made = list(zip(file["strokes5"], file["lengths"], strict=True))
    answer(lambda number: trainer.step(number, *made[number % len(made)]))


def train(
    modules: SimpleNamespace, hparams: dict[str, Any], drawings: str, seed: int, folder: str
) -> None:
    """Train, and write a checkpoint to `folder`/N after each step N that is to be validated."""
    trainer = Trainer(modules, hparams, seed)
    hps = trainer.hparams
    with np.load(drawings) as file:
        sketches = np.split(file["points"], np.cumsum(file["lengths"])[:-1])
    loader = modules.utils.DataLoader(
        sketches,
        hps.batch_size,
        max_seq_length=hps.max_seq_len,
        random_scale_factor=hps.random_scale_factor,
        augment_stroke_prob=hps.augment_stroke_prob,
    )
    loader.normalize(loader.calculate_normalizing_scale_factor())
    saver = trainer.tf.train.Saver(trainer.tf.global_variables(), max_to_keep=None)
    for number in range(hps.num_steps):
        _, strokes5, lengths = loader.random_batch()
        trainer.step(number, strokes5, lengths)
        if number and number % hps.save_every == 0:
            place = Path(folder) / str(number)
            place.mkdir(parents=True)
            config = json.dumps(hps.values())
            (place / "model_config.json").write_text(config, encoding="utf-8")
            saver.save(trainer.session, str(place / "vector"), number, write_meta_graph=False)


if __name__ == "__main__":
    main()
