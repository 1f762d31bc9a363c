"""The curves of a run: TensorBoard and `metrics.jsonl`.

The tags are those of the original trainer, so TensorBoard shows its curves and ours together.
"""

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorboard.plugins.hparams import api as hparams_plugin
from tensorboard.plugins.hparams import metadata

from sketch_rnn import files, pictures
from sketch_rnn.errors import UserError, first_line
from sketch_rnn.formats.run_folder import METRICS_FILE
from sketch_rnn.formats.step_lines import StepLines
from sketch_rnn.model.fitting import Costs

NOTES_FILE = "notes.jsonl"  # the notes about the run that the user was shown


def tagged(costs: Costs, prefix: str) -> dict[str, float]:
    """Return the costs, keyed by the tags that the original trainer uses."""
    return {
        f"{prefix}_Cost": costs.cost,
        f"{prefix}_Reconstr_Cost": costs.reconstruction,
        f"{prefix}_KL_Cost": costs.kl,
    }


class MetricWriter:
    """A writer of metrics as TensorBoard events and as JSON lines, with each step written once."""

    def __init__(self, folder: Path, first_step: int):
        """Open the files of a run's metrics, and remove the entries of step `first_step` and later.

        A run that resumes from a checkpoint repeats the steps after this checkpoint. An earlier
        process may already have written entries for these steps, so the old entries are removed.
        """
        self._folder = folder
        self._metrics, self._notes = (
            StepLines(folder / METRICS_FILE),
            StepLines(folder / NOTES_FILE),
        )
        for lines in (self._metrics, self._notes):
            lines.cut(first_step)
        for events in folder.glob("events.out.tfevents.*.v2"):  # the original's files lack `.v2`
            _cut_events(events, first_step)
        self._writer = tf.summary.create_file_writer(str(folder))

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Write metrics of a step; the keys are the tags.

        Raises:
          UserError: a file cannot be written; the other `write` methods raise this error too.
        """
        with self._events(step):
            for tag, value in figures.items():
                tf.summary.scalar(tag, value)
            self._writer.flush()
        with _naming(self._metrics.path):
            self._metrics.append([{"step": step} | {tag: float(v) for tag, v in figures.items()}])

    def write_notes(self, step: int, tag: str, notes: Sequence[str]) -> None:
        """Write notes about a step; the user has seen the same notes on the screen."""
        with self._events(step):
            tf.summary.text(tag, "\n\n".join(notes))
        with _naming(self._notes.path):
            self._notes.append({"step": step, "note": note} for note in notes)

    def write_hparams(self, values: Mapping[str, bool | int | float | str]) -> None:
        """Write the run's settings for TensorBoard's HParams tab, which compares runs by folder.

        They replace the settings that an earlier process wrote.
        """
        with self._events(0):
            hparams_plugin.hparams(dict(values), trial_id=str(self._folder))

    def write_texts(self, texts: Mapping[str, str]) -> None:
        """Write Markdown strings, recorded at step 0; the keys are the tags."""
        with self._events(0):
            for tag, text in texts.items():
                tf.summary.text(tag, text)

    def write_picture(self, step: int, tag: str, svg: pictures.Svg) -> None:
        """Write a drawing."""
        with self._events(step):
            tf.summary.image(tag, tf.io.decode_png(pictures.png(svg, zoom=1), 3)[None])

    def write_histogram(self, step: int, tag: str, values: np.ndarray) -> None:
        """Write the distribution of some values."""
        with self._events(step):
            tf.summary.histogram(tag, values)

    def close(self) -> None:
        """Close the events file."""
        with _naming(self._events_path):
            self._writer.close()

    @contextmanager
    def _events(self, step: int) -> Iterator[None]:
        """Write all TensorFlow summaries made in this block to the events file, with this step."""
        with _naming(self._events_path), self._writer.as_default(step=step):
            yield

    @property
    def _events_path(self) -> Path:
        """The path of the events file, whose name TensorFlow chooses."""
        found = self._folder.glob("events.out.tfevents.*.v2")
        new = self._folder / "events.out.tfevents"
        return max(found, key=lambda path: path.stat().st_mtime_ns, default=new)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn an error that occurs while a file is written into a `UserError` that names the file."""
    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        raise UserError(
            f"{path}: cannot be written: {first_line(error)}; the checkpoints are intact; `resume` "
            "continues from the latest one"
        ) from None


def _cut_events(path: Path, first_step: int) -> None:
    """Keep only complete events of steps before `first_step`; also drop the run's settings."""
    with files.replacing(path) as kept, path.open("rb") as file:
        for record, event in _records(file):
            is_kept = event.step < first_step and not _has_settings(event)
            if is_kept or not event.HasField("summary"):
                kept.write(record)


def _has_settings(event: tf.compat.v1.Event) -> bool:
    """Return whether an event belongs to the HParams tab."""
    plugins = [value.metadata.plugin_data.plugin_name for value in event.summary.value]
    return metadata.PLUGIN_NAME in plugins


def _records(file: BinaryIO) -> Iterator[tuple[bytes, tf.compat.v1.Event]]:
    """Yield the bytes and the event of each record in a file, up to the first incomplete record.

    A record is a length (uint64), its checksum (uint32), the event, and its checksum (uint32).
    The length in a damaged file may be wrong, so it is compared with the size of the file.
    """
    size = os.fstat(file.fileno()).st_size
    while len(head := file.read(12)) == 12:
        (length,) = struct.unpack("<Q4x", head)
        if not 0 < length <= size - file.tell() - 4:
            return
        rest = file.read(length + 4)
        try:
            yield head + rest, tf.compat.v1.Event.FromString(rest[:-4])
        except DecodeError:
            return
