"""A training run: the loop over steps, and a clean shutdown."""

import time
from collections.abc import Iterator

import tensorflow as tf

from sketch_rnn import signals, system
from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.data.quality import dataset_warnings
from sketch_rnn.data.split import TrainBatches, prefetch
from sketch_rnn.errors import UserError, warn
from sketch_rnn.formats import original
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.model.packing import Batch, Layout
from sketch_rnn.setup import save_programs, setup
from sketch_rnn.training import few
from sketch_rnn.training.devices import Workers, set_up_devices
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.record import LOG_EVERY, ChiefRecorder, QuietRecorder, Recorder
from sketch_rnn.training.report import Listener, LogReporter, NewReporter, NobodyListens
from sketch_rnn.training.start import check_log_root, find_origin
from sketch_rnn.training.state import Start
from sketch_rnn.training.step import StepResult, TrainStep
from sketch_rnn.training.stopping import Stopping

LARGEST_NON_FINITE_RUN = 5  # steps in a row
FETCH_EVERY_SECONDS = 0.5
LAID_OUT_AHEAD = 64  # batches from which the usual number of rows is estimated


def train(
    options: TrainOptions,
    new_reporter: NewReporter = LogReporter,
    listener: Listener = NobodyListens(),  # noqa: B008
) -> int:
    """Train a model in a run's folder, or continue training it.

    Args:
      options: the options of the run.
      new_reporter: a function that makes a `Reporter` from the first step and `num_steps`.
      listener: an object that is called after steps and validations.

    Returns:
      0, or the number of the signal that ended training early.

    Raises:
      UserError: the folder, the data or a hyperparameter cannot be used.
    """
    setup()
    workers = set_up_devices(options.strategy, options.connect_timeout)
    folder = RunFolder(options.log_root)
    _check(options, workers)
    if options.few and not options.resume:
        options = few.choose_settings(options)
    with workers.strategy.scope():
        start = begin(options)
    if not workers.is_chief:
        return Loop(folder, start, workers, QuietRecorder(start, workers, new_reporter)).finish()
    for warning in dataset_warnings(start.dataset, _suggest_few(options, start)):
        warn(warning)
    if start.config.precision == "tf32" and not tf.config.list_physical_devices("GPU"):
        warn("TensorFlow sees no GPU here: `precision=tf32` is float32 on a CPU")
    with folder.lock():
        _write_start(folder, start, options.resume)
        stopping = Stopping(options.patience, options.max_time)
        recorder = ChiefRecorder(folder, start, new_reporter, stopping, listener)
        return Loop(folder, start, workers, recorder).finish()


def begin(options: TrainOptions) -> Start:
    """Read the data set, and return what training starts from; write nothing.

    Raises:
      UserError: the folder, the data or a hyperparameter cannot be used.
    """
    origin = find_origin(options)
    dataset = load_dataset(origin.names, origin.data_dir)
    held_out = origin.held_out(dataset)
    dataset = dataset.holding_out(held_out)
    return Start(*origin.begin(dataset, held_out), dataset)


def _check(options: TrainOptions, workers: Workers) -> None:
    """Refuse options that do not work with several workers, and an unsuitable run folder."""
    if workers.count > 1 and (options.patience or options.max_time):
        raise UserError(
            "`patience` and `max_time` need a run with a single worker, but this one has "
            f"{workers.count}; leave them out"
        )
    if workers.is_chief or options.resume:
        check_log_root(options)


def _suggest_few(options: TrainOptions, start: Start) -> str | None:
    """Return a suggestion if a run on few drawings would start from random weights, else None."""
    if options.few or options.resume or options.init_from:
        return None
    names, config = "+".join(start.config.hparams.data_set), start.config
    words = [
        "sketch_rnn_train --config=few",
        f"--data_dir={options.data_dir or config.data_dir}",
        f"--hparams=data_set={names}",
        f"--log_root={options.log_root}-few",
    ]
    command = " ".join([words[0], *map(system.quoted, words[1:])])
    return f"stop this run, and use this command instead: {command}"


def _write_start(folder: RunFolder, start: Start, resume: bool) -> None:
    """Write a run's configuration and, if it is new, its first checkpoint."""
    if resume and folder.holds_run():
        folder.write_config(start.config)
    else:
        if not folder.holds_run():
            original.keep_config(folder.path)
        folder.create(start.config, start.state.checkpoint, int(start.state.step.numpy()))


class Loop:
    """The training loop.

    Each step is started without waiting for the one before it; the results of steps are fetched
    when they are about to be shown or saved.
    """

    def __init__(self, folder: RunFolder, start: Start, workers: Workers, recorder: Recorder):
        self.folder = folder
        self.state, self.config, self.dataset = start
        self.workers, self.recorder = workers, recorder
        self.train_step = TrainStep(self.state, self.config.seed, workers.strategy)
        self.non_finite = 0  # steps in a row
        self._begun: list[tuple[int, StepResult]] = []  # started, but results not yet fetched
        self._fetched_at = time.monotonic()

    def finish(self) -> int:
        """Train to the end; return the number of the signal that ended the run early, or 0."""
        self.recorder.begin()
        ended_by, reason = 0, ""
        try:
            with (
                self.state.model.execution.in_force(),
                signals.collected(self.recorder.on_signal) as received,
            ):
                for step, shards in self._batches():
                    self._begin_step(step, shards)
                    if not received and not self._is_due(step):
                        continue
                    self._record()
                    if received:
                        ended_by, reason = received[0], signals.name_of(received[0])
                    elif step + 1 < self.config.hparams.num_steps:
                        reason = self.recorder.reason_to_stop()
                    if reason:
                        break
                self.recorder.end(reason)
                if not ended_by:
                    self.workers.wait_for_all()
        finally:
            self.recorder.close()
        return ended_by

    def _batches(self) -> Iterator[tuple[int, list[Batch]]]:
        """Yield each step with this process's shards of its batch, already on the device."""
        hparams, config = self.config.hparams, self.config
        steps = range(int(self.state.step.numpy()), hparams.num_steps)
        if not steps:
            return iter(())
        shards = [
            TrainBatches(self.dataset.train, hparams, config.scale_factor, config.seed, shard)
            for shard in self.workers.shards
        ]
        layout = Layout(self.state.model.execution, hparams.pad_steps).fitted(
            (shard.batch(step)[1] for step in range(LAID_OUT_AHEAD) for shard in shards),
            hparams.max_seq_len,
        )
        made = prefetch(
            lambda step: [layout.batch(*shard.batch(step)) for shard in shards], steps.start
        )
        return zip(steps, made, strict=False)

    def _begin_step(self, step: int, shards: list[Batch]) -> None:
        with self.workers.collective():
            self._begun.append((step, self.train_step(*shards, step=step)))
        self.state.step.assign(step + 1)

    def _is_due(self, step: int) -> bool:
        hparams = self.config.hparams
        return (
            step % LOG_EVERY == 0
            or step % hparams.save_every == 0
            or step + 1 == hparams.num_steps
            or time.monotonic() - self._fetched_at > FETCH_EVERY_SECONDS
        )

    def _record(self) -> None:
        """Fetch and record the results of the steps started so far."""
        begun, self._begun = self._begun, []
        for step, result in begun:
            with self.workers.collective():
                costs = result.costs()
            self.non_finite = 0 if costs else self.non_finite + 1
            if self.non_finite:
                self._report_non_finite(step)
            self.recorder.record(step, costs)
        save_programs()
        self._fetched_at = time.monotonic()

    def _report_non_finite(self, step: int) -> None:
        """Report a skipped update; end the run after several in a row."""
        warn(f"step {step}: the cost or a gradient is not finite; the update is left out")
        if self.non_finite >= LARGEST_NON_FINITE_RUN:
            raise UserError(
                f"the cost was not finite in the last {self.non_finite} steps, up to step {step}; "
                f"the checkpoints in {self.folder.path} were saved before that, so continue with "
                "`resume` and a smaller learning_rate, or look for extreme offsets in the drawings"
            )
