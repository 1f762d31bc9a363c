"""The record of a run: metrics, pictures, validation, checkpoints."""

import json
import time
from typing import Protocol, cast

import numpy as np

from sketch_rnn.data.dataset import Split
from sketch_rnn.drawing import draw
from sketch_rnn.formats.original import adam_moments
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.hparams import CONFIG_FILE, HParams
from sketch_rnn.model import losses
from sketch_rnn.model.execution import has_xla
from sketch_rnn.model.fitting import Costs
from sketch_rnn.model.sampling import random_z
from sketch_rnn.training import history, projector, signs
from sketch_rnn.training.copies import copies_if_many
from sketch_rnn.training.devices import Workers
from sketch_rnn.training.evaluate import Evaluation, Evaluator
from sketch_rnn.training.history import History
from sketch_rnn.training.metrics import MetricWriter, tagged
from sketch_rnn.training.report import Listener, NewReporter, span
from sketch_rnn.training.state import Start
from sketch_rnn.training.stopping import Stopping, end_note
from sketch_rnn.training.verdicts import Facts, worth_saying

LOG_EVERY = 20  # steps
SAVE_EVERY_SECONDS = 600.0
SHOWN, SHOWN_TEMPERATURE = 8, 0.3  # drawings in a picture for TensorBoard
FARTHEST = 1e6  # the largest offset in a picture, in data units
MOST_COMPARED = 1000  # with more training drawings, do not look for copies
RANDOM = 64  # the number of random z that test whether random z are meaningful


class Recorder(Protocol):
    """An object to which the training loop reports everything."""

    def begin(self) -> None:
        """Record that training begins; called before the first step."""

    def record(self, step: int, costs: Costs | None) -> None:
        """Record a step after it is done; `costs` is None if the update was skipped."""

    def on_signal(self, number: int, at_once: bool) -> None:
        """React to a signal that asks the run to stop; another thread calls this."""

    def reason_to_stop(self) -> str:
        """Return why the run has to end, or ""; called after each step but the last."""

    def end(self, reason: str) -> None:
        """Record the end of training; `reason` says what ended the run early, or is ""."""

    def close(self) -> None:
        """Close the files and the display; called last, however the run ends."""


class QuietRecorder:
    """The recorder for workers other than the chief, which records nothing."""

    def __init__(self, start: Start, workers: Workers, new_reporter: NewReporter):
        self._workers = workers
        self._steps = int(start.state.step.numpy()), start.config.hparams.num_steps
        self._reporter = new_reporter(*self._steps)

    def begin(self) -> None:
        """Show which worker this is, and the steps that it does."""
        self._reporter.say(
            f"worker {self._workers.index} of {self._workers.count}: {span(*self._steps)}; worker "
            "0 shows and saves the results"
        )

    def record(self, step: int, costs: Costs | None) -> None:
        """Show the costs of a step, unless its update was skipped."""
        if costs is not None:
            self._reporter.update(_shown(costs))

    def on_signal(self, number: int, at_once: bool) -> None:
        """Show that the run is about to stop."""
        self._reporter.stopping(number, at_once)

    def reason_to_stop(self) -> str:
        """Return "": only the chief may end the run early."""
        return ""

    def end(self, reason: str) -> None:
        """Do nothing: only the chief records the end."""

    def close(self) -> None:
        """Close the display of the progress."""
        self._reporter.close()


class ChiefRecorder:
    """The recorder for the only or first worker: metrics, validation, checkpoints."""

    def __init__(
        self,
        folder: RunFolder,
        start: Start,
        new_reporter: NewReporter,
        stopping: Stopping,
        listener: Listener,
    ):
        self.folder, self.stopping, self.listener = folder, stopping, listener
        self.state, self.config, self.dataset = start
        self.hparams = self.config.hparams
        self.first_step = int(self.state.step.numpy())
        self.reporter = new_reporter(self.first_step, self.hparams.num_steps)
        self.writer = MetricWriter(folder.path, self.first_step)
        self.history = History.read(folder.metrics())
        points = int(self.dataset.train.lengths().sum())
        parameters, begins = self.state.model.count_params(), self.config.init_from
        self.facts = Facts(self.hparams, parameters, points, begins, len(self.dataset.valid))
        self.evaluator = Evaluator(
            self.state.model, self.config.seed, self.config.scale_factor, self.hparams.max_seq_len
        )
        self.saved_at = self.logged_at = time.monotonic()
        self.left_out = 0  # updates skipped since the previous validation
        self.validated: int | None = None  # the last step that was validated
        self.has_signal = False
        self.new_drawings: list[np.ndarray] = []  # at the last validation
        self._goes_by_time = self.hparams.save_every == HParams.save_every

    def begin(self) -> None:
        """Show the settings of the run, write them for TensorBoard, and tell the listener."""
        hparams, dataset, say = self.hparams, self.dataset, self.reporter.say
        parameters = self.state.model.count_params()
        counts = "/".join(str(len(s)) for s in (dataset.train, dataset.valid, dataset.test))
        say(f"hparams: {_changed(hparams)}")
        say(
            f"{counts} sketches for training/validation/test, N_max {dataset.max_seq_len}, "
            f"scale factor {dataset.scale_factor:.6g}, {parameters:,} parameters, "
            f"seed {self.config.seed}"
        )
        say(f"{span(self.first_step, hparams.num_steps)}, in {self.folder.path}")
        if self.first_step < hparams.num_steps and has_xla():
            say(
                "compiling the train step: takes up to a minute, less if an earlier run has "
                "compiled it"
            )
        if self.first_step == 0:
            self._write(0, {"Num_Trainable_Params": parameters})
            self._write_texts()
        self.writer.write_hparams(self._settings())
        self.listener.began(self.state.model)

    def record(self, step: int, costs: Costs | None) -> None:
        """Log a step; validate and save if that is due."""
        if costs is None:
            self.left_out += 1
        else:
            self._log(step, costs)
        if self._is_validation_due(step):
            self._validate(step)
            self._save()
        elif time.monotonic() - self.saved_at > SAVE_EVERY_SECONDS:
            self._save()

    def _is_validation_due(self, step: int) -> bool:
        """Return whether to validate now.

        Validation is due at multiples of `save_every`. If `max_time` limits the run and
        `save_every` is not given, it is also due at even intervals of time.
        """
        if step > 0 and step % self.hparams.save_every == 0:
            return True
        is_last_begun = step + 1 == int(self.state.step.numpy())
        return self._goes_by_time and is_last_begun and self.stopping.is_validation_due()

    def on_signal(self, number: int, at_once: bool) -> None:
        """Remember that a signal came, and show that the run is about to stop."""
        self.has_signal = True
        self.reporter.stopping(number, at_once)

    def reason_to_stop(self) -> str:
        """Return why the listener or a rule of `Stopping` ends the run now, or ""."""
        return self.listener.reason_to_stop() or self.stopping.reason(self.history)

    def end(self, reason: str) -> None:
        """Validate the last step if the run is complete, save it, and show verdicts on the run."""
        last = int(self.state.step.numpy()) - 1
        if last < self.first_step:
            done = f"{last + 1} of {self.hparams.num_steps} steps done"
            self.reporter.say(f"nothing to do: {done}")
            return
        is_first = bool(self.listener.reason_to_stop()) and not self.history.validations
        is_whole = not reason or ((self._goes_by_time or is_first) and not self.has_signal)
        if is_whole and last != self.validated:
            self._validate(last)
        self._save()
        self._say_verdicts(at_the_end=True)
        self._say_copies(last)
        self._note(last, "End", end_note(reason, last + 1, self.folder.path))

    def close(self) -> None:
        """Close the display of the progress, and the curves."""
        self.reporter.close()
        self.writer.close()

    def _write_texts(self) -> None:
        rows = [f"| {name} | {value} |" for name, value in self.hparams.to_dict().items()]
        config = (self.folder.path / CONFIG_FILE).read_text(encoding="utf-8")
        self.writer.write_texts(
            {
                "hparams": "\n".join(["| hyperparameter | value |", "|---|---|", *rows]),
                CONFIG_FILE: f"```json\n{config}```",
            }
        )

    def _log(self, step: int, costs: Costs) -> None:
        self.reporter.update(_shown(costs))
        self.listener.stepped(step, _shown(costs))
        if (step + 1) % LOG_EVERY == 0:
            self.reporter.line(step + 1, _shown(costs))
        if step == 0 or step % LOG_EVERY:
            return
        now = time.monotonic()
        figures = tagged(costs, "Train") | {
            "Learning_Rate": losses.learning_rate(self.hparams, step),
            "KL_Weight": losses.kl_weight(self.hparams, step),
            "Time_Taken_Train": now - self.logged_at,
        }
        self.logged_at = now
        self._write(step, figures)

    def _validate(self, step: int) -> None:
        """Validate the model and write its costs; save it if its cost is the best so far."""
        self.validated = step
        with self.reporter.paused("validating"):
            evaluation, costs, seconds = self._evaluate(self.dataset.valid, "valid")
            figures = tagged(costs, "Valid") | {"Time_Taken_Valid": seconds}
            if self.left_out:
                figures[history.LEFT_OUT] = self.left_out
                self.left_out = 0
            is_best = costs.cost < self.state.best_valid_cost.numpy()
            if is_best:
                figures |= self._keep_best(costs.cost, evaluation)
            drawings, found = self.show(step, evaluation)
            self._write(step, figures | found)
            best = " (the best so far)" if is_best else ""
            self.reporter.say(
                f"after {step + 1} steps: validation cost {costs.cost:.4f}, reconstruction "
                f"{costs.reconstruction:.4f}, KL {costs.kl:.4f}{best}"
            )
            self._say_verdicts()
            self.listener.validated(step, figures | found, drawings)

    def _keep_best(self, cost: float, evaluation: Evaluation) -> dict[str, float]:
        """Save the best checkpoint so far, and each drawing's mu, if any; return test costs."""
        self.state.best_valid_cost.assign(cost)
        self.folder.save(self.state.checkpoint, int(self.state.step.numpy()), "best")
        if self.hparams.conditional:
            names, valid = self.hparams.data_set, self.dataset.valid
            projector.write(self.folder.path, valid, names, evaluation.mu_in_order)
        _, test, seconds = self._evaluate(self.dataset.test, "test")
        return {"Best_Valid_Cost": cost} | tagged(test, "Eval") | {"Time_Taken_Eval": seconds}

    def _evaluate(self, split: Split, name: str) -> tuple[Evaluation, Costs, float]:
        begun = time.monotonic()
        evaluation = self.evaluator.evaluate(split, name)
        return evaluation, evaluation.costs(self.hparams), time.monotonic() - begun

    def show(self, step: int, evaluation: Evaluation) -> tuple[list[np.ndarray], dict[str, float]]:
        """Write pictures of new drawings, and the latent dimensions that the model uses.

        Returns:
          The drawings, and the validation metrics that this method computes, keyed by name.
        """
        moments = [moment.numpy() for moment in adam_moments(self.state.optimizer, "velocity")]
        updates = int(self.state.optimizer.iterations.numpy())
        found = {history.CLIPPED: signs.clipped(moments, updates, self.hparams.grad_clip)}
        if not self.hparams.conditional:
            self.new_drawings = samples = self._decode(count=SHOWN)
            self.writer.write_picture(step, "Samples", draw(samples))
            return samples, found
        model, valid = self.state.model, self.dataset.valid
        shown = np.linspace(0, len(valid) - 1, SHOWN).astype(int)
        originals, mu = [valid[i] for i in shown], evaluation.mu_in_order[shown]
        z = cast(np.ndarray, random_z(model, RANDOM, self.config.seed))
        drawn = self._decode(np.concatenate([mu, z]))
        self.new_drawings = drawn[SHOWN:]
        pairs = [sketch for pair in zip(originals, drawn[:SHOWN], strict=True) for sketch in pair]
        grid = draw(pairs, column_titles=("input", "reconstruction") * 2)
        self.writer.write_picture(step, "Reconstructions", grid)
        kl_per_dimension = evaluation.kl_per_dimension
        self.writer.write_histogram(step, "KL_per_dimension", kl_per_dimension)
        found[history.KL_SUM] = float(kl_per_dimension.sum())
        found[history.UNUSED] = signs.unused_dimensions(kl_per_dimension)
        return drawn[:SHOWN], found | self._recovered(z, drawn[SHOWN:], kl_per_dimension)

    def _recovered(
        self, z: np.ndarray, drawn: list[np.ndarray], kl_per_dimension: np.ndarray
    ) -> dict[str, float]:
        """Return how much of random z is recovered from its drawings, if that can be measured."""
        is_drawn = np.array([len(sketch) > 0 for sketch in drawn])
        mu = np.zeros_like(z)  # stays zero for empty drawings
        if is_drawn.any():
            mu[is_drawn], _ = self.state.model.encode([sketch for sketch in drawn if len(sketch)])
        value = signs.recovered(z, mu, kl_per_dimension)
        return {} if value is None else {history.RECOVERED: value}

    def _settings(self) -> dict[str, bool | int | float | str]:
        """Return the settings of the run, for TensorBoard's HParams tab."""
        values = self.hparams.to_dict() | {"data_set": ",".join(self.hparams.data_set)}
        return values | {"seed": self.config.seed, "precision": self.config.precision}

    def _decode(self, z: np.ndarray | None = None, count: int = 1) -> list[np.ndarray]:
        """Return drawings by the model, made finite and clipped so that they can be shown."""
        drawn = self.state.model.decode(
            z, count, temperature=SHOWN_TEMPERATURE, seed=self.config.seed
        )
        return [np.nan_to_num(np.clip(sketch, -FARTHEST, FARTHEST)) for sketch in drawn]

    def _write(self, step: int, figures: dict[str, float]) -> None:
        self.writer.write(step, figures)
        self.history.add(step, figures)

    def _note(self, step: int, tag: str, *notes: str) -> None:
        for note in notes:
            self.reporter.say(note)
        self.writer.write_notes(step, tag, notes)

    def _say_verdicts(self, at_the_end: bool = False) -> None:
        found = self.history.validations
        texts = [verdict.text for verdict in worth_saying(found, self.facts, at_the_end)]
        if texts:
            tag = "Verdicts_At_The_End" if at_the_end else "Verdicts"
            self._note(found[-1].step, tag, *texts)

    def _say_copies(self, last: int) -> None:
        """Report if drawings in the last validation are copies of training drawings.

        Large data sets are skipped.
        """
        drawn = [sketch for sketch in self.new_drawings if len(sketch)]
        if not drawn or len(self.dataset.train) > MOST_COMPARED:
            return
        found = copies_if_many(drawn, self.dataset)
        if found is not None:
            shown = f"sketch_rnn_eval --log_root={self.folder.path} --copies --checkpoint=latest"
            self._note(last, "Copies", f"{found.verdict}; {shown} --output=pairs.svg shows them")

    def _save(self) -> None:
        self.folder.save(self.state.checkpoint, int(self.state.step.numpy()), "latest")
        self.saved_at = time.monotonic()


def _changed(hparams: HParams) -> str:
    """Return a text that lists the hyperparameters (except N_max) that differ from the defaults."""
    defaults = HParams(max_seq_len=hparams.max_seq_len).to_dict()
    changed = {k: v for k, v in hparams.to_dict().items() if v != defaults[k]}
    return f"{json.dumps(changed)}, and the defaults for the others" if changed else "the defaults"


def _shown(costs: Costs) -> dict[str, float]:
    return {"cost": costs.cost, "reconstruction": costs.reconstruction, "KL": costs.kl}
