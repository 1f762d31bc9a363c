"""Read, write and lock a run's folder, which holds its configuration and checkpoints.

model_config.json        hyperparameters, scale factor, seed, versions
metrics.jsonl, events.*  the curves (see `step_lines` and `training.metrics`)
checkpoints/latest-N     the last two saves, after N steps
checkpoints/best-N       the checkpoint with the lowest `Valid_Cost`
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import filelock
import keras
import numpy as np
import tensorflow as tf

import sketch_rnn
from sketch_rnn import files, untrusted_json
from sketch_rnn.choices import CHECKPOINTS, LARGEST_SEED
from sketch_rnn.errors import UserError, first_line, warn
from sketch_rnn.formats.step_lines import StepLines
from sketch_rnn.hparams import CONFIG_FILE, PRECISIONS, HParams
from sketch_rnn.model.card import Trained
from sketch_rnn.model.network import SketchRNN

METRICS_FILE = "metrics.jsonl"
CHECKPOINT_FOLDER = "checkpoints"
_KEPT = {"best": 1, "latest": 2}
_VARIABLE = "optimizer/_trainable_variables/{}/.ATTRIBUTES/VARIABLE_VALUE"


@dataclass(frozen=True)
class RunConfig:
    """The configuration of a run: everything but its weights.

    Attributes:
      hparams: the hyperparameters; `max_seq_len` is N_max, the length of the longest sketch.
      scale_factor: the number of data units in a model unit.
      seed: the seed of everything random in the run.
      data_dir: the folder, address or name from which the data set was read.
      precision: the precision of matrix products in training.
      training_size: the number of sketches in the training split; None in older folders.
      init_from: the model that the run started from; "" for none.
      full_size: the longer side of a typical drawing, in data units; None in older folders.
      held_out: the number of training drawings moved to the validation split; see
        `Dataset.holding_out`.
    """

    hparams: HParams
    scale_factor: float
    seed: int
    data_dir: str
    precision: str = PRECISIONS[0]
    training_size: int | None = None
    init_from: str = ""
    held_out: int = 0
    full_size: float | None = None


def holds(path: Path) -> bool:
    """Return whether a folder holds a run by this program."""
    return RunFolder(path).holds_run()


def load(path: Path, checkpoint: str = "best") -> SketchRNN:
    """Read a run's model from checkpoint "best" (the latest if there is no best yet) or "latest".

    Raises:
      UserError: the folder holds no checkpoint yet, or all are damaged.
    """
    folder = RunFolder(path)
    config = folder.read_config()
    folder.check_sizes(config)
    model = SketchRNN(config.hparams, config.scale_factor, config.seed, full_size=config.full_size)
    kinds, step = CHECKPOINTS[CHECKPOINTS.index(checkpoint) :], tf.Variable(0, dtype=tf.int64)
    if not folder.restore(tf.train.Checkpoint(model=model, step=step), *kinds):
        raise UserError(f"no checkpoint in {folder.checkpoints}; has the run saved one yet?")
    steps = int(step.numpy())
    model.trained = Trained(steps, config.training_size, *folder.validated(steps - 1))
    return model


class RunFolder:
    """The folder of a run, for reading and writing."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.checkpoints = self.path / CHECKPOINT_FOLDER

    def holds_run(self) -> bool:
        """Return whether the folder holds a run by this program."""
        return self.checkpoints.is_dir()

    def create(self, config: RunConfig, checkpoint: tf.train.Checkpoint, step: int) -> None:
        """Create a run in this folder that begins at `step`.

        The first checkpoint holds the initial weights, so that weights taken from another model are
        not lost if the process is killed before the next save. If it is killed during this call,
        no run is left.

        Raises:
          UserError: another process has started a run here meanwhile, or the disk is full.
        """
        if self.holds_run():
            raise UserError(
                f"another process has started a run in {self.path}; choose another folder"
            )
        self.write_config(config)
        part = self.path / f".{CHECKPOINT_FOLDER}.part"
        shutil.rmtree(part, ignore_errors=True)
        try:
            part.mkdir()
            self._write(checkpoint, part / f"latest-{step}")
        except (tf.errors.OpError, OSError) as error:
            raise UserError(f"could not start a run in {self.path}: {first_line(error)}") from None
        files.replace(part, self.checkpoints)
        files.sync_folder(self.path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from training in this folder, until this process ends.

        Raises:
          UserError: another process is training here, or the folder contains links.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._check_files()
        lock = filelock.FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise UserError(
                f"another process is training in {self.path}; wait for it or use another `log_root`"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _check_files(self) -> None:
        """Raise UserError for devices, and for links, which would redirect writes elsewhere."""
        inside = self.checkpoints.iterdir() if self.holds_run() else ()
        for path in (*self.path.iterdir(), *inside):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise UserError(
                    f"{path}: expected a file or a folder, got a link or a device; replace it "
                    "with a copy of the file that it links to, or remove it"
                )

    def write_config(self, config: RunConfig) -> None:
        """Write `model_config.json`."""
        content = asdict(config) | {
            "hparams": config.hparams.to_dict(),
            "versions": {
                "sketch_rnn": sketch_rnn.__version__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "numpy": np.__version__,
            },
        }
        files.write_text(self.path / CONFIG_FILE, json.dumps(content, indent=1) + "\n")

    def read_config(self) -> RunConfig:
        """Read `model_config.json`.

        Raises:
          UserError: the file is missing or damaged, or another program wrote it.
        """
        path = self.path / CONFIG_FILE
        content = _read_json(path)
        try:
            return RunConfig(
                hparams=HParams.from_dict(_typed(content, "hparams", dict)),
                scale_factor=_positive(content, "scale_factor"),
                seed=_seed(content),
                data_dir=_typed(content, "data_dir", str),
                precision=_precision(content),
                training_size=_training_size(content),
                init_from=_typed({"init_from": ""} | content, "init_from", str),
                held_out=_held_out(content),
                full_size=_full_size(content),
            )
        except UserError as error:
            raise UserError(f"{path}: {error}") from None

    def metrics(self) -> StepLines:
        """Return the file of recorded metrics."""
        return StepLines(self.path / METRICS_FILE)

    def validated(self, step: int) -> tuple[float | None, float | None]:
        """Return the reconstruction and KL cost of the validation at a step; None if unknown."""
        metrics = self.metrics()
        return metrics.value(step, "Valid_Reconstr_Cost"), metrics.value(step, "Valid_KL_Cost")

    def check_sizes(self, config: RunConfig) -> None:
        """Check that a checkpoint is large enough for the model, before allocating memory.

        Raises:
          UserError: the configuration does not match the checkpoints, or they are truncated.
        """
        held = [
            path
            for path in self.checkpoints.glob("*.data-*")
            if path.with_suffix(".index").exists()  # written last, so the save was completed
        ]
        wanted = config.hparams.least_bytes()
        if not held or wanted <= max(path.stat().st_size for path in held):
            return
        for path in held:
            self._check_fit(path.with_suffix(""), config.hparams)
        largest = max(path.stat().st_size for path in held)
        raise UserError(
            f"all checkpoints in {self.checkpoints} are cut short: the largest has {largest:,} "
            f"bytes, but needs at least {wanted:,}; restore them from a copy of the run"
        )

    def _check_fit(self, prefix: Path, hparams: HParams) -> None:
        """Check that a checkpoint was written with these sizes; ignore a damaged checkpoint.

        Raises:
          UserError: a size differs; the message names the hyperparameter.
        """
        try:
            shapes = tf.train.load_checkpoint(str(prefix)).get_variable_to_shape_map()
        except (tf.errors.OpError, OSError, ValueError, RuntimeError):
            return
        for name, held in _sizes(shapes).items():
            wanted = getattr(hparams, name)
            if wanted != held:
                raise UserError(
                    f"{self.path / CONFIG_FILE} does not match the checkpoint {prefix.name}: "
                    f"expected {name} {held}, got {wanted}; set it back, or restore the run's "
                    "own configuration"
                )

    def save(self, checkpoint: tf.train.Checkpoint, step: int, kind: str) -> None:
        """Save a checkpoint, then remove older checkpoints of its kind that are not needed.

        If the process is killed at any moment, an earlier checkpoint is still intact.

        Raises:
          UserError: the folder cannot be written to, is full, or has been removed.
        """
        if not (self.path / CONFIG_FILE).is_file():
            raise UserError(f"{self.path} was removed while its run trained; start a new run")
        prefix = self.checkpoints / f"{kind}-{step}"
        try:
            self._write(checkpoint, prefix)
        except (tf.errors.OpError, OSError) as error:
            raise UserError(
                f"could not save {prefix}: {first_line(error)}; earlier checkpoints are intact; "
                "`resume` continues from them"
            ) from None
        for half in self.checkpoints.glob("*_temp*"):  # left by a process that was killed
            shutil.rmtree(half, ignore_errors=True)
        for old in self._by_age(kind)[_KEPT[kind] :]:
            if files.remove(old):  # the index first: without it, there is no checkpoint
                for path in self.checkpoints.glob(f"{old.stem}.*"):
                    files.remove(path)

    def restore(self, checkpoint: tf.train.Checkpoint, *kinds: str) -> bool:
        """Restore the newest intact checkpoint; skip damaged ones with a warning.

        Args:
          checkpoint: the objects to restore; they may be only a part of what was saved.
          *kinds: "best" or "latest", in the order in which to try them; by default "latest".

        Returns:
          Whether there was a checkpoint.

        Raises:
          UserError: all checkpoints are damaged, or the weights do not have this model's shapes.
        """
        kinds = kinds or ("latest",)
        names = [f"{kind}-{step}" for kind in kinds for step in self._steps(kind)]
        for name in names:
            prefix = self.checkpoints / name
            try:
                status = checkpoint.read(str(prefix)).expect_partial()
                status.assert_existing_objects_matched()
            except (tf.errors.OpError, OSError, IndexError, RuntimeError) as error:
                warn(f"{prefix} is damaged and skipped: {first_line(error)}")
            except (ValueError, AssertionError) as error:
                self._check_fit(prefix, self.read_config().hparams)
                raise UserError(
                    f"{prefix} does not match {self.path / CONFIG_FILE}: {first_line(error)}"
                ) from None
            else:
                return True
        if names:
            raise UserError(
                f"every {' and '.join(kinds)} checkpoint in {self.checkpoints} is damaged"
            )
        return False

    def steps_done(self, checkpoint: str = "best") -> int | None:
        """Return the step of the checkpoint that `load` reads; None if there is no checkpoint."""
        kinds = CHECKPOINTS[CHECKPOINTS.index(checkpoint) :]
        return next((step for kind in kinds for step in self._steps(kind)), None)

    def _steps(self, kind: str) -> list[int]:
        """Return the step of each checkpoint of a kind, newest first."""
        names = (path.name for path in self.checkpoints.glob(f"{kind}-*.index"))
        found = (re.fullmatch(rf"{kind}-(\d+)\.index", name) for name in names)
        return sorted((int(match.group(1)) for match in found if match), reverse=True)

    def _by_age(self, kind: str) -> list[Path]:
        """Return the index files of a kind, last written first.

        The files are not sorted by step, because a damaged checkpoint may have a higher step than
        newer checkpoints.
        """
        paths = self.checkpoints.glob(f"{kind}-*.index")
        return sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)

    def _write(self, checkpoint: tf.train.Checkpoint, prefix: Path) -> None:
        checkpoint.write(str(prefix))
        self.sync(prefix)

    def sync(self, prefix: Path) -> None:
        """Sync the files of a checkpoint to disk, so that they survive a power failure."""
        for path in prefix.parent.glob(prefix.name + ".*"):
            files.sync_file(path)
        files.sync_folder(prefix.parent)


def _sizes(shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Derive hyperparameters from the shapes in a checkpoint.

    The variables are, in order: the encoder's layers; kernel and bias of mu and of logvar, with
    2 E inputs each; the decoder; and its output layer (kernel `[U, 6 M + 3]` and bias).
    """
    found: list[list[int]] = []
    while shape := shapes.get(_VARIABLE.format(len(found))):
        found.append(list(shape))
    sizes = {}
    if len(found) > 1 and len(found[-2]) == 2:
        sizes = {"dec_rnn_size": found[-2][0], "num_mixture": (found[-2][1] - 3) // 6}
    for kernel, bias, again in zip(found, found[1:], found[2:], strict=False):
        if len(kernel) == 2 and kernel == again and bias == kernel[1:]:  # mu, then logvar
            sizes |= {"enc_rnn_size": kernel[0] // 2, "z_size": kernel[1]}
    return sizes


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = untrusted_json.read(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: expected the run's configuration: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content


def _typed(content: dict[str, Any], key: str, kind: type) -> Any:
    value = content.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f'expected "{key}" to have the type {kind.__name__}, got {value!r:.60}')
    return value


def _positive(content: dict[str, Any], key: str) -> float:
    value = content.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e-30 < value < 1e30:
        raise UserError(f'expected "{key}" to be a number from 1e-30 to 1e30, got {value!r:.60}')
    return float(value)


def _seed(content: dict[str, Any]) -> int:
    seed = _typed(content, "seed", int)
    if not 0 <= seed <= LARGEST_SEED:
        raise UserError(f'expected "seed" to be from 0 to {LARGEST_SEED}, got {seed!r:.60}')
    return seed


def _full_size(content: dict[str, Any]) -> float | None:
    return None if content.get("full_size") is None else _positive(content, "full_size")


def _training_size(content: dict[str, Any]) -> int | None:
    if content.get("training_size") is None:
        return None
    return _typed(content, "training_size", int)


def _held_out(content: dict[str, Any]) -> int:
    count = _typed({"held_out": 0} | content, "held_out", int)
    if count < 0:
        raise UserError(f'expected "held_out" to be 0 or more, got {count}')
    return count


def _precision(content: dict[str, Any]) -> str:
    precision = content.get("precision", PRECISIONS[0])
    if precision not in PRECISIONS:
        names = " or ".join(PRECISIONS)
        raise UserError(f'expected "precision" to be {names}, got {precision!r:.60}')
    return precision
