"""Training runs: the loop over steps, and what happens around it."""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sketch_rnn.data.batches import TrainBatches, prefetch
from sketch_rnn.data.dataset import Dataset, Split, load_dataset
from sketch_rnn.data.download import DEFAULT_DATA_DIR, remembered
from sketch_rnn.data.quality import dataset_warnings
from sketch_rnn.drawing import draw
from sketch_rnn.errors import UserError, warn
from sketch_rnn.formats import load_model, original
from sketch_rnn.formats.run_folder import CONFIG_FILE, RunConfig, RunFolder
from sketch_rnn.model import losses
from sketch_rnn.train.devices import Workers, find_workers
from sketch_rnn.train.metrics import Journal, Progress
from sketch_rnn.train.start import DEFAULT_SEED, begin, check_folder
from sketch_rnn.train.state import TrainState
from sketch_rnn.train.step import (
    TEST_STREAM,
    TRAIN_STREAM,
    VALID_STREAM,
    Costs,
    Evaluation,
    Trainer,
)

LOG_EVERY = 20  # steps
SAVE_EVERY_SECONDS = 600.0
LARGEST_NON_FINITE_RUN = 5  # steps in a row
SHOWN, SHOWN_TEMPERATURE = 8, 0.3  # drawings in a picture for TensorBoard


def train(
    overrides: dict[str, object],
    log_root: str | Path,
    data_dir: str | None,
    seed: int | None = None,
    resume: bool = False,
    init_from: str | Path | None = None,
    precision: str | None = None,
    strategy: str = "one",
) -> int:
    """Trains a model, or goes on training one, in a run's folder.

    Args:
      overrides: the hyperparameters that were asked for.
      log_root: the run's folder.
      data_dir: where the data set is; None is where the run that goes on had it.
      seed: what everything random follows from; None is the default, or that of the run.
      resume: go on from the folder's latest checkpoint, ours or the original's.
      init_from: a model whose weights a new run begins with.
      precision: of the products, `float32` or `bfloat16`; None is the first, or that of the run.
      strategy: see `workers.find_workers`.

    Returns:
      0, or the number of the signal that ended training early.

    Raises:
      UserError: the folder, the data or the hyperparameters do not allow it.
    """
    workers = find_workers(strategy)
    folder = RunFolder(log_root)
    if workers.is_chief or resume:
        check_folder(folder, resume)
    with workers.strategy.scope():
        state, config, dataset = begin(
            folder, overrides, data_dir, seed, resume, init_from, precision
        )
    if not workers.is_chief:
        return _Run(folder, config, state, dataset, workers).run()
    for warning in dataset_warnings(dataset):
        warn(warning)
    with folder.lock():
        if resume and folder.holds_run():
            folder.write_config(config)
        else:
            if not folder.holds_run():
                original.keep_config(folder.path)
            folder.create(config, state.checkpoint, int(state.step.numpy()))
        return _RecordedRun(folder, config, state, dataset, workers).run()


def evaluate(
    log_root: str | Path, data_dir: str | None, split: str, checkpoint: str = "best"
) -> dict[str, float | int | str]:
    """The costs of a trained model on a split, as in a run's validation figures.

    Args:
      log_root: a run's folder, or one of the original's.
      data_dir: where the data set is; None is where the run had it.
      split: "train", "valid" or "test".
      checkpoint: "best" or "latest".

    Returns:
      What `sketch_rnn_eval` prints.
    """
    model = load_model(log_root, checkpoint)
    folder = RunFolder(log_root)
    seed = folder.read_config().seed if folder.holds_run() else DEFAULT_SEED
    if data_dir is None:
        data_dir = DEFAULT_DATA_DIR
        if folder.holds_run():
            data_dir = remembered(folder.read_config().data_dir, model.hparams.data_set)
    dataset = load_dataset(model.hparams.data_set, data_dir)
    sketches = getattr(dataset, split)
    scale_factor = model.scale_factor or dataset.scale_factor
    longest = max(model.hparams.max_seq_len, dataset.max_seq_len)
    model.hparams = model.hparams.replace(max_seq_len=longest)
    stream = {"train": TRAIN_STREAM, "valid": VALID_STREAM, "test": TEST_STREAM}[split]
    costs = Trainer(TrainState(model), seed).evaluate(sketches, stream, scale_factor).costs
    return {"split": split, "sketches": len(sketches)} | costs._asdict()


class _Run:
    """The loop over steps, and an orderly end."""

    def __init__(
        self,
        folder: RunFolder,
        config: RunConfig,
        state: TrainState,
        dataset: Dataset,
        workers: Workers,
    ):
        self.folder, self.config, self.state, self.dataset = folder, config, state, dataset
        self.workers, self.hparams = workers, config.hparams
        self.trainer = Trainer(state, config.seed, workers.strategy)
        self.first_step = int(state.step.numpy())
        self.non_finite = 0

    def run(self) -> int:
        """Trains; returns the number of the signal that ended it, or 0."""
        self.begin()
        ended_by = 0
        try:
            with _signals() as received:
                for step, shares in self._batches():
                    self.record(step, self._update(step, shares))
                    if received:
                        ended_by = received[0]
                        break
                self.end(ended_by)
                if not ended_by:
                    self.workers.wait_for_all()
        finally:
            self.close()
        return ended_by

    def begin(self) -> None:
        """Before the first step."""
        print(
            f"worker {self.workers.index} of {self.workers.count}: steps {self.first_step} to "
            f"{self.hparams.num_steps}; worker 0 shows and saves what comes of them",
            flush=True,
        )

    def record(self, step: int, costs: Costs | None) -> None:
        """After each step; costs are None where the update was left out."""

    def end(self, ended_by: int) -> None:
        """After the last step."""

    def close(self) -> None:
        """However it ends."""

    def _batches(self) -> Iterator[tuple[int, list[tuple[np.ndarray, np.ndarray]]]]:
        shares = [
            TrainBatches(
                self.dataset.train,
                self.hparams,
                self.config.scale_factor,
                self.hparams.max_seq_len,
                self.config.seed,
                share,
            )
            for share in self.workers.shares
        ]
        steps = range(self.first_step, self.hparams.num_steps)
        if not steps:
            return iter(())
        made = prefetch(lambda step: [share.batch(step) for share in shares], self.first_step)
        return zip(steps, made, strict=False)

    def _update(self, step: int, shares: list[tuple[np.ndarray, np.ndarray]]) -> Costs | None:
        with self.workers.together():
            costs = self.trainer.train_step(*shares, step=step)
        self.state.step.assign(step + 1)
        self.non_finite = 0 if costs else self.non_finite + 1
        if self.non_finite:
            self._report_non_finite(step)
        return costs

    def _report_non_finite(self, step: int) -> None:
        """Reports an update that was left out; a few in a row end the run."""
        warn(f"step {step}: the cost or a gradient is not finite; the update is left out")
        if self.non_finite >= LARGEST_NON_FINITE_RUN:
            raise UserError(
                f"no finite cost for {self.non_finite} steps up to step {step}; the checkpoints "
                f"in {self.folder.path} are from before: go on with --resume_training and a "
                "smaller learning_rate, or look at the drawings for extreme offsets"
            )


class _RecordedRun(_Run):
    """The chief's run: figures, validation, checkpoints."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.progress = Progress(self.first_step, self.hparams.num_steps)
        self.journal = Journal(self.folder.path, self.first_step)
        self.saved_at = self.logged_at = time.monotonic()

    def close(self) -> None:
        self.progress.close()
        self.journal.close()

    def record(self, step: int, costs: Costs | None) -> None:
        if costs is not None:
            self._log(step, costs)
        if step > 0 and step % self.hparams.save_every == 0:
            self._validate(step)
            self._save()
        elif time.monotonic() - self.saved_at > SAVE_EVERY_SECONDS:
            self._save()

    def _log(self, step: int, costs: Costs) -> None:
        shown = {"cost": costs.cost, "reconstruction": costs.reconstruction, "KL": costs.kl}
        self.progress.update(shown)
        if step == 0 or step % LOG_EVERY:
            return
        now = time.monotonic()
        figures = costs.tagged("Train") | {
            "Learning_Rate": losses.learning_rate(self.hparams, step),
            "KL_Weight": losses.kl_weight(self.hparams, step),
            "Time_Taken_Train": now - self.logged_at,
        }
        self.logged_at = now
        self.journal.write(step, figures)
        self.progress.line(step, shown)

    def _validate(self, step: int) -> None:
        """Validation figures; where they are the best so far a checkpoint, and test figures."""
        evaluation, seconds = self._evaluate(self.dataset.valid, VALID_STREAM)
        costs = evaluation.costs
        figures = costs.tagged("Valid") | {"Time_Taken_Valid": seconds}
        is_best = costs.cost < self.state.best_valid_cost.numpy()
        if is_best:
            self.state.best_valid_cost.assign(costs.cost)
            self.folder.save(self.state.checkpoint, int(self.state.step.numpy()), "best")
            figures["Best_Valid_Cost"] = costs.cost
            test, seconds = self._evaluate(self.dataset.test, TEST_STREAM)
            figures |= test.costs.tagged("Eval") | {"Time_Taken_Eval": seconds}
        self._show(step, evaluation)
        self.journal.write(step, figures)
        best = " (the best so far)" if is_best else ""
        self.progress.say(
            f"step {step}: validation cost {costs.cost:.4f}, reconstruction "
            f"{costs.reconstruction:.4f}, KL {costs.kl:.4f}{best}"
        )

    def _show(self, step: int, evaluation: Evaluation) -> None:
        """Pictures of what the model draws, and which latent dimensions it uses."""
        model, valid = self.state.model, self.dataset.valid
        if not self.hparams.conditional:
            drawn = model.decode(count=SHOWN, temperature=SHOWN_TEMPERATURE, seed=self.config.seed)
            self.journal.write_picture(step, "Samples", draw(drawn))
            return
        originals = [valid[i] for i in np.linspace(0, len(valid) - 1, SHOWN).astype(int)]
        mu, _ = model.encode(originals)
        drawn = model.decode(mu, temperature=SHOWN_TEMPERATURE, seed=self.config.seed)
        pairs = [sketch for pair in zip(originals, drawn, strict=True) for sketch in pair]
        grid = draw(pairs, column_titles=("drawing", "reconstruction") * 2)
        self.journal.write_picture(step, "Reconstructions", grid)
        self.journal.write_histogram(step, "KL_per_dimension", evaluation.kl_per_dimension)

    def _evaluate(self, split: Split, stream: int) -> tuple[Evaluation, float]:
        begun = time.monotonic()
        evaluation = self.trainer.evaluate(split, stream, self.config.scale_factor)
        return evaluation, time.monotonic() - begun

    def _save(self) -> None:
        self.folder.save(self.state.checkpoint, int(self.state.step.numpy()), "latest")
        self.saved_at = time.monotonic()

    def end(self, ended_by: int) -> None:
        last = int(self.state.step.numpy()) - 1
        if ended_by:
            self._save()
            self.progress.say(
                f"stopped by {signal.Signals(ended_by).name} after step {last}; "
                "--resume_training goes on from here"
            )
        elif last >= self.first_step:
            if last == 0 or last % self.hparams.save_every:
                self._validate(last)
            self._save()
            self.progress.say(f"done: {last + 1} steps, model in {self.folder.path}")
        else:
            self.progress.say(f"nothing to do: {last + 1} of {self.hparams.num_steps} steps done")

    def begin(self) -> None:
        hparams, dataset = self.hparams, self.dataset
        parameters = self.state.model.count_params()
        counts = "/".join(str(len(s)) for s in (dataset.train, dataset.valid, dataset.test))
        self.progress.say(f"hparams: {json.dumps(hparams.to_dict())}")
        self.progress.say(
            f"{counts} sketches for training/validation/test, N_max {dataset.max_seq_len}, "
            f"scale factor {dataset.scale_factor:.6g}, {parameters:,} parameters, "
            f"seed {self.config.seed}"
        )
        self.progress.say(f"steps {self.first_step} to {hparams.num_steps}, in {self.folder.path}")
        if self.first_step == 0:
            self.journal.write(0, {"Num_Trainable_Params": parameters})
            rows = [f"| {name} | {value} |" for name, value in hparams.to_dict().items()]
            config = (self.folder.path / CONFIG_FILE).read_text()
            self.journal.write_texts(
                {
                    "hparams": "\n".join(["| hyperparameter | value |", "|---|---|", *rows]),
                    CONFIG_FILE: f"```json\n{config}```",
                }
            )


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM, so that the step under way is finished; a second one ends it."""
    received: list[int] = []

    def receive(number, _):
        if received:
            raise KeyboardInterrupt
        received.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
