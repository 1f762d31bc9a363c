"""Who shares the work of a run: one device, several of one machine, or several machines."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from sketch_rnn.errors import UserError, first_line

_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


@dataclass(frozen=True)
class Workers:
    """The processes of a run, and this one's place among them.

    Attributes:
      strategy: what runs a step on every device.
      index: this process, from 0; 0 is the chief, which writes and validates.
      count: processes.
    """

    strategy: tf.distribute.Strategy
    index: int = 0
    count: int = 1

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    @property
    def shards(self) -> list[tuple[int, int]]:
        """(index, count) of each shard of a batch that this process takes."""
        total = self.strategy.num_replicas_in_sync
        local = total // self.count
        return [(self.index * local + replica, total) for replica in range(local)]

    @contextmanager
    def collective(self) -> Iterator[None]:
        """What is done with all other processes at the same time.

        Raises:
          UserError: one of them was lost.
        """
        try:
            yield
        except _LOST as error:
            if self.count == 1:
                raise
            raise UserError(
                f"worker {self.index} of {self.count} lost another one; start all of them again "
                "with `resume`, which goes on from the latest checkpoint"
            ) from error

    def wait_for_all(self) -> None:
        """Waits until every process is here."""
        if self.count == 1:
            return

        @tf.function
        def meet():
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.constant(1))

        with self.collective():
            self.strategy.run(meet)


def find_workers(kind: str) -> Workers:
    """Sets up what `strategy` names; has to come before anything else that TensorFlow does.

    Args:
      kind: `one`; `mirrored`, all GPUs of this machine; `multi_worker`, the machines that
        `TF_CONFIG` names; `auto`, what there is of these.

    Raises:
      UserError: `TF_CONFIG` is missing or malformed, or a worker did not answer.
    """
    cluster = _cluster() if kind in ("auto", "multi_worker") else None
    if kind == "multi_worker" and cluster is None:
        raise UserError(
            "expected the environment variable TF_CONFIG to name the workers, as in "
            '{"cluster": {"worker": ["host1:port", "host2:port"]}, '
            '"task": {"type": "worker", "index": 0}}; it is not set'
        )
    if cluster is not None:
        index, count = cluster
        try:
            return Workers(tf.distribute.MultiWorkerMirroredStrategy(), index, count)
        except (*_LOST, tf.errors.UnknownError, RuntimeError, ValueError) as error:
            raise UserError(
                f"worker {index} of {count} could not meet the others; start them all at the same "
                f"time, and see that TF_CONFIG holds the same cluster on each: {first_line(error)}"
            ) from error
    gpus = tf.config.list_logical_devices("GPU")
    if kind == "mirrored" or (kind == "auto" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        return Workers(tf.distribute.MirroredStrategy([device.name for device in devices]))
    return Workers(tf.distribute.get_strategy())


def _cluster() -> tuple[int, int] | None:
    """This process's index, and the number of processes, from `TF_CONFIG`; None without it."""
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return None
    try:
        config = json.loads(text)
        roles = config["cluster"]
        addresses = [*roles.get("chief", []), *roles["worker"]]
        index = _index(config["task"], len(roles.get("chief", [])))
        if len(addresses) < 2 or not 0 <= index < len(addresses):
            raise ValueError("it names fewer than two workers, or not this one")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            'expected TF_CONFIG as in {"cluster": {"worker": ["host1:port", "host2:port"]}, '
            f'"task": {{"type": "worker", "index": 0}}}}, got {text!r:.200}: {error}'
        ) from error
    return index, len(addresses)


def _index(task: dict[str, Any], chiefs: int) -> int:
    if task["type"] == "chief":
        return 0
    if task["type"] == "worker":
        return chiefs + int(task["index"])
    raise ValueError(f"the task's type is {task['type']!r}, not worker or chief")
