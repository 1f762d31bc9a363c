"""The curves of a run: TensorBoard and `metrics.jsonl`.

The tags are the original's, so that its curves and ours lie over each other.
"""

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorboard.plugins.hparams import api as hparams_plugin
from tensorboard.plugins.hparams import metadata

from sketch_rnn import files, pictures
from sketch_rnn.errors import UserError, first_line
from sketch_rnn.formats.run_folder import METRICS_FILE
from sketch_rnn.formats.step_lines import StepLines

NOTES_FILE = "notes.jsonl"  # what a person was told of the run


class Costs(NamedTuple):
    """The costs of a batch or of a split."""

    cost: float
    reconstruction: float
    kl: float

    def tagged(self, prefix: str) -> dict[str, float]:
        """With the original's tags."""
        return {
            f"{prefix}_Cost": self.cost,
            f"{prefix}_Reconstr_Cost": self.reconstruction,
            f"{prefix}_KL_Cost": self.kl,
        }


class MetricWriter:
    """Writes figures as TensorBoard events and as JSON lines, each step once."""

    def __init__(self, folder: Path, first_step: int):
        """Opens the run's curves; what an earlier process wrote from `first_step` on is taken out.

        Those are steps that it did after the checkpoint which the run goes on from.
        """
        self._folder = folder
        self._figures, self._notes = (
            StepLines(folder / METRICS_FILE),
            StepLines(folder / NOTES_FILE),
        )
        for lines in (self._figures, self._notes):
            lines.cut(first_step)
        for events in folder.glob("events.out.tfevents.*.v2"):  # the original's have no suffix
            _cut_events(events, first_step)
        self._writer = tf.summary.create_file_writer(str(folder))

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Writes figures of a step; the keys are the tags.

        Raises:
          UserError: a file cannot be written; so for all that is written here.
        """
        with self._events(step):
            for tag, value in figures.items():
                tf.summary.scalar(tag, value)
            self._writer.flush()
        with _naming(self._figures.path):
            self._figures.append([{"step": step} | {tag: float(v) for tag, v in figures.items()}])

    def write_notes(self, step: int, tag: str, notes: Sequence[str]) -> None:
        """Writes what a person is told of a step."""
        with self._events(step):
            tf.summary.text(tag, "\n\n".join(notes))
        with _naming(self._notes.path):
            self._notes.append({"step": step, "note": note} for note in notes)

    def write_hparams(self, values: Mapping[str, bool | int | float | str]) -> None:
        """Writes what the run is for the HParams tab, which shows runs side by side by folder.

        It takes the place of what an earlier process wrote.
        """
        with self._events(0):
            hparams_plugin.hparams(dict(values), trial_id=str(self._folder))

    def write_texts(self, texts: Mapping[str, str]) -> None:
        """Writes texts, in Markdown, as of step 0; the keys are the tags."""
        with self._events(0):
            for tag, text in texts.items():
                tf.summary.text(tag, text)

    def write_picture(self, step: int, tag: str, svg: pictures.Svg) -> None:
        """Writes a drawing."""
        with self._events(step):
            tf.summary.image(tag, tf.io.decode_png(pictures.png(svg, zoom=1), 3)[None])

    def write_histogram(self, step: int, tag: str, values: np.ndarray) -> None:
        """Writes the distribution of some values."""
        with self._events(step):
            tf.summary.histogram(tag, values)

    def close(self) -> None:
        """Ends the events file."""
        with _naming(self._events_path):
            self._writer.close()

    @contextmanager
    def _events(self, step: int) -> Iterator[None]:
        """TensorFlow's summaries of a step go into the events file."""
        with _naming(self._events_path), self._writer.as_default(step=step):
            yield

    @property
    def _events_path(self) -> Path:
        """TensorFlow names the file."""
        found = self._folder.glob("events.out.tfevents.*.v2")
        new = self._folder / "events.out.tfevents"
        return max(found, key=lambda path: path.stat().st_mtime_ns, default=new)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Makes an error in writing one line that names the file."""
    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        raise UserError(
            f"{path}: cannot be written: {first_line(error)}; the checkpoints are whole, `resume` "
            "goes on from the latest"
        ) from None


def _cut_events(path: Path, first_step: int) -> None:
    """Keeps the events of the steps before `first_step` that are whole, but no settings."""
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
    """The events of a file and the bytes of each, up to the first that is not whole.

    A record is a length (uint64), its checksum (uint32), the event, and its checksum (uint32); a
    length is not believed.
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
