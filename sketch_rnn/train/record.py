"""What is recorded of a run: figures, pictures, validation, checkpoints."""

import json
import signal
import time
from typing import Protocol

import numpy as np

from sketch_rnn.data.dataset import Split
from sketch_rnn.drawing import draw
from sketch_rnn.formats.run_folder import CONFIG_FILE, RunFolder
from sketch_rnn.model import losses
from sketch_rnn.train.devices import Workers
from sketch_rnn.train.evaluate import Evaluation, Evaluator
from sketch_rnn.train.metrics import Costs, MetricWriter
from sketch_rnn.train.report import NewReporter
from sketch_rnn.train.start import Start

LOG_EVERY = 20  # steps
SAVE_EVERY_SECONDS = 600.0
SHOWN, SHOWN_TEMPERATURE = 8, 0.3  # drawings in a picture for TensorBoard


class Recorder(Protocol):
    """What the loop tells."""

    def begin(self) -> None:
        """Before the first step."""

    def record(self, step: int, costs: Costs | None) -> None:
        """After each step; costs are None where the update was left out."""

    def end(self, ended_by: int) -> None:
        """After the last step; the number of the signal that ended the run, or 0."""

    def close(self) -> None:
        """However it ends."""


class QuietRecorder:
    """Of the workers that are not the chief: records nothing."""

    def __init__(self, start: Start, workers: Workers, new_reporter: NewReporter):
        self._workers = workers
        self._steps = int(start.state.step.numpy()), start.config.hparams.num_steps
        self._reporter = new_reporter(*self._steps)

    def begin(self) -> None:
        """See `Recorder`."""
        first, last = self._steps
        self._reporter.say(
            f"worker {self._workers.index} of {self._workers.count}: steps {first} to {last}; "
            "worker 0 shows and saves what comes of them"
        )

    def record(self, step: int, costs: Costs | None) -> None:
        """See `Recorder`."""
        if costs is not None:
            self._reporter.update(_shown(costs))

    def end(self, ended_by: int) -> None:
        """See `Recorder`."""

    def close(self) -> None:
        """See `Recorder`."""
        self._reporter.close()


class ChiefRecorder:
    """Of the only worker or the first one: figures, validation, checkpoints."""

    def __init__(self, folder: RunFolder, start: Start, new_reporter: NewReporter):
        self.folder = folder
        self.state, self.config, self.dataset = start
        self.hparams = self.config.hparams
        self.first_step = int(self.state.step.numpy())
        self.reporter = new_reporter(self.first_step, self.hparams.num_steps)
        self.writer = MetricWriter(folder.path, self.first_step)
        self.evaluator = Evaluator(
            self.state.model, self.config.seed, self.config.scale_factor, self.hparams.max_seq_len
        )
        self.saved_at = self.logged_at = time.monotonic()

    def begin(self) -> None:
        """See `Recorder`."""
        hparams, dataset, say = self.hparams, self.dataset, self.reporter.say
        parameters = self.state.model.count_params()
        counts = "/".join(str(len(s)) for s in (dataset.train, dataset.valid, dataset.test))
        say(f"hparams: {json.dumps(hparams.to_dict())}")
        say(
            f"{counts} sketches for training/validation/test, N_max {dataset.max_seq_len}, "
            f"scale factor {dataset.scale_factor:.6g}, {parameters:,} parameters, "
            f"seed {self.config.seed}"
        )
        say(f"steps {self.first_step} to {hparams.num_steps}, in {self.folder.path}")
        if self.first_step < hparams.num_steps:
            say("compiling the train step: up to a minute, once; a later run finds it compiled")
        if self.first_step == 0:
            self.writer.write(0, {"Num_Trainable_Params": parameters})
            self._write_texts()

    def record(self, step: int, costs: Costs | None) -> None:
        """See `Recorder`."""
        if costs is not None:
            self._log(step, costs)
        if step > 0 and step % self.hparams.save_every == 0:
            self._validate(step)
            self._save()
        elif time.monotonic() - self.saved_at > SAVE_EVERY_SECONDS:
            self._save()

    def end(self, ended_by: int) -> None:
        """See `Recorder`."""
        say, last = self.reporter.say, int(self.state.step.numpy()) - 1
        if ended_by:
            self._save()
            name = signal.Signals(ended_by).name
            say(f"stopped by {name} after step {last}; `resume` goes on from here")
        elif last >= self.first_step:
            if last == 0 or last % self.hparams.save_every:
                self._validate(last)
            self._save()
            say(f"done: {last + 1} steps, model in {self.folder.path}")
        else:
            say(f"nothing to do: {last + 1} of {self.hparams.num_steps} steps done")

    def close(self) -> None:
        """See `Recorder`."""
        self.reporter.close()
        self.writer.close()

    def _write_texts(self) -> None:
        rows = [f"| {name} | {value} |" for name, value in self.hparams.to_dict().items()]
        config = (self.folder.path / CONFIG_FILE).read_text()
        self.writer.write_texts(
            {
                "hparams": "\n".join(["| hyperparameter | value |", "|---|---|", *rows]),
                CONFIG_FILE: f"```json\n{config}```",
            }
        )

    def _log(self, step: int, costs: Costs) -> None:
        self.reporter.update(_shown(costs))
        if step == 0 or step % LOG_EVERY:
            return
        now = time.monotonic()
        figures = costs.tagged("Train") | {
            "Learning_Rate": losses.learning_rate(self.hparams, step),
            "KL_Weight": losses.kl_weight(self.hparams, step),
            "Time_Taken_Train": now - self.logged_at,
        }
        self.logged_at = now
        self.writer.write(step, figures)
        self.reporter.line(step, _shown(costs))

    def _validate(self, step: int) -> None:
        """Validation figures; where they are the best so far a checkpoint, and test figures."""
        evaluation, costs, seconds = self._evaluate(self.dataset.valid, "valid")
        figures = costs.tagged("Valid") | {"Time_Taken_Valid": seconds}
        is_best = costs.cost < self.state.best_valid_cost.numpy()
        if is_best:
            self.state.best_valid_cost.assign(costs.cost)
            self.folder.save(self.state.checkpoint, int(self.state.step.numpy()), "best")
            figures["Best_Valid_Cost"] = costs.cost
            _, test, seconds = self._evaluate(self.dataset.test, "test")
            figures |= test.tagged("Eval") | {"Time_Taken_Eval": seconds}
        self.show(step, evaluation)
        self.writer.write(step, figures)
        best = " (the best so far)" if is_best else ""
        self.reporter.say(
            f"step {step}: validation cost {costs.cost:.4f}, reconstruction "
            f"{costs.reconstruction:.4f}, KL {costs.kl:.4f}{best}"
        )

    def _evaluate(self, split: Split, name: str) -> tuple[Evaluation, Costs, float]:
        begun = time.monotonic()
        evaluation = self.evaluator.evaluate(split, name)
        return evaluation, evaluation.costs(self.hparams), time.monotonic() - begun

    def show(self, step: int, evaluation: Evaluation) -> None:
        """Writes pictures of what the model draws, and which latent dimensions it uses."""
        model, valid = self.state.model, self.dataset.valid
        if not self.hparams.conditional:
            drawn = model.decode(count=SHOWN, temperature=SHOWN_TEMPERATURE, seed=self.config.seed)
            self.writer.write_picture(step, "Samples", draw(drawn))
            return
        originals = [valid[i] for i in np.linspace(0, len(valid) - 1, SHOWN).astype(int)]
        mu, _ = model.encode(originals)
        drawn = model.decode(mu, temperature=SHOWN_TEMPERATURE, seed=self.config.seed)
        pairs = [sketch for pair in zip(originals, drawn, strict=True) for sketch in pair]
        grid = draw(pairs, column_titles=("drawing", "reconstruction") * 2)
        self.writer.write_picture(step, "Reconstructions", grid)
        self.writer.write_histogram(step, "KL_per_dimension", evaluation.kl_per_dimension)

    def _save(self) -> None:
        self.folder.save(self.state.checkpoint, int(self.state.step.numpy()), "latest")
        self.saved_at = time.monotonic()


def _shown(costs: Costs) -> dict[str, float]:
    return {"cost": costs.cost, "reconstruction": costs.reconstruction, "KL": costs.kl}
