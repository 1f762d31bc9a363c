"""The devices that share the work of a run: one, several in one machine, or several machines.

TensorFlow connects the workers on several machines, but first our own code waits until all workers
have started. If TensorFlow waited, it would show nothing in the meantime; a user could not set a
time limit; and it would hold Python's lock, so that Ctrl-C would have no effect.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import tensorflow as tf

from sketch_rnn.errors import UserError, check_choice, first_line, inform
from sketch_rnn.hparams import STRATEGIES
from sketch_rnn.signals import ended_by_the_system
from sketch_rnn.training.options import DEFAULT_TIMEOUT

_PROBE_EVERY = 0.5  # seconds
_LEAST_TO_CONNECT = 60.0  # seconds, after all workers have answered
_GREETING = b"sketch_rnn worker\n"
_HTTP2_SETTINGS = b"\0\0\4"  # gRPC's greeting, except for a length byte in between
_ADVICE = (
    "start all of them, and check that TF_CONFIG holds the same cluster on each; "
    "`connect_timeout` says how many seconds to wait"
)

_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


@dataclass(frozen=True)
class Workers:
    """The processes of a run, and the place of this process among them.

    Attributes:
      strategy: the strategy that runs a step on every device.
      index: the index of this process; process 0 is the chief, which writes and validates.
      count: the number of processes.
    """

    strategy: tf.distribute.Strategy
    index: int = 0
    count: int = 1

    @property
    def is_chief(self) -> bool:
        return self.index == 0

    @property
    def shards(self) -> list[tuple[int, int]]:
        """Return (index, count) for each shard of a batch that this process works on."""
        total = self.strategy.num_replicas_in_sync
        local = total // self.count
        return [(self.index * local + replica, total) for replica in range(local)]

    @contextmanager
    def collective(self) -> Iterator[None]:
        """Run a block that all processes run at the same time.

        Raises:
          UserError: another process of the run ended or can no longer be reached.
        """
        try:
            yield
        except _LOST:
            if self.count == 1:
                raise
            raise UserError(
                f"worker {self.index} of {self.count} lost contact with another worker; start all "
                "of them again with `resume`, which continues from the latest checkpoint"
            ) from None

    def wait_for_all(self) -> None:
        """Wait until every process of the run has called this method."""
        if self.count == 1:
            return

        @tf.function(autograph=False)
        def meet() -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.constant(1))

        with self.collective():
            self.strategy.run(meet)


def set_up_devices(kind: str, timeout: float = DEFAULT_TIMEOUT) -> Workers:
    """Set up the devices that the option `strategy` names; call this before using TensorFlow.

    Args:
      kind: `one`, a single device; `mirrored`, all GPUs in this machine; `multi_worker`, the
        machines that `TF_CONFIG` names; `auto`, whichever of these is available.
      timeout: seconds to wait for the other workers.

    Raises:
      UserError: `TF_CONFIG` is missing or malformed, or a worker did not answer in time.
    """
    check_choice("strategy", kind, STRATEGIES)
    cluster = _cluster() if kind in ("auto", "multi_worker") else None
    if kind == "multi_worker" and cluster is None:
        raise UserError(
            "expected the environment variable TF_CONFIG to name the workers, as in "
            '{"cluster": {"worker": ["host1:port", "host2:port"]}, '
            '"task": {"type": "worker", "index": 0}}; it is not set'
        )
    if cluster is not None:
        return _meet(*cluster, time.monotonic() + timeout)
    gpus = tf.config.list_logical_devices("GPU")
    if kind == "mirrored" or (kind == "auto" and len(gpus) > 1):
        devices = gpus or tf.config.list_logical_devices("CPU")
        return Workers(tf.distribute.MirroredStrategy([device.name for device in devices]))
    return Workers(tf.distribute.get_strategy())


def _meet(index: int, addresses: list[str], deadline: float) -> Workers:
    """Wait for all workers and connect them; return the workers as seen from this process."""
    who = f"worker {index} of {len(addresses)}"
    _wait_for_workers(index, addresses, deadline)
    seconds = max(deadline - time.monotonic(), _LEAST_TO_CONNECT)
    inform(f"{who}: all workers have started and now have {seconds:.0f} s to connect")
    try:
        with ended_by_the_system(seconds):
            strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except (*_LOST, tf.errors.UnknownError, RuntimeError, ValueError) as error:
        raise UserError(
            f"{who} could not connect to the other workers; {_ADVICE}: {first_line(error)}"
        ) from None
    return Workers(strategy, index, len(addresses))


def _wait_for_workers(index: int, addresses: list[str], deadline: float) -> None:
    """Wait until every other worker answers at its port, while answering at this worker's port."""
    missing = [number for number in range(len(addresses)) if number != index]
    said: list[int] = []
    with _answering(addresses[index]), ThreadPoolExecutor(min(len(addresses), 32)) as pool:
        while True:
            found = pool.map(_answers, [addresses[number] for number in missing])
            missing = [
                number for number, is_here in zip(missing, found, strict=True) if not is_here
            ]
            if not missing:
                return
            left = deadline - time.monotonic()
            who = f"worker {index} of {len(addresses)}"
            whom = ", ".join(f"worker {number} at {addresses[number]}" for number in missing)
            if left <= 0:
                raise UserError(f"{who} has waited in vain for {whom}; {_ADVICE}")
            if missing != said:
                inform(f"{who} waits for {whom}, {left:.0f} s at most (`connect_timeout`)")
                said = missing
            time.sleep(min(_PROBE_EVERY, left))


@contextmanager
def _answering(address: str) -> Iterator[None]:
    """Answer all connections to an address's port during this block; later, TensorFlow does so."""
    port, dual = int(address.rpartition(":")[2]), socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    try:
        server = socket.create_server(("", port), family=family, dualstack_ipv6=dual)
    except OSError as error:
        raise UserError(
            f"this worker cannot listen at port {port}, which TF_CONFIG gives it: {error.strerror}"
        ) from None

    def answer() -> None:
        with suppress(OSError):  # it is closed
            while True:
                with server.accept()[0] as connection, suppress(OSError):
                    connection.sendall(_GREETING)

    threading.Thread(target=answer, daemon=True).start()
    try:
        yield
    finally:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # this makes `accept` return
        server.close()


def _answers(address: str) -> bool:
    """Return whether a worker answers at an address.

    It is either waiting for the other workers or already running TensorFlow's server.
    """
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _PROBE_EVERY) as connection:
            greeting = connection.recv(len(_GREETING))
    except OSError:  # including a host name that does not exist yet
        return False
    return greeting == _GREETING or greeting[:2] + greeting[3:4] == _HTTP2_SETTINGS


def _cluster() -> tuple[int, list[str]] | None:
    """Return this process's index and the addresses of all workers, as `TF_CONFIG` says.

    Return None if `TF_CONFIG` is not set.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return None
    try:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        roles = resolver.cluster_spec().as_dict()
        chiefs = roles.get("chief", [])
        if resolver.task_type not in ("chief", "worker"):
            raise ValueError(f"the task's type is {resolver.task_type!r}, not worker or chief")
        index = resolver.task_id + (len(chiefs) if resolver.task_type == "worker" else 0)
        addresses = [*chiefs, *roles["worker"]]
        if len(addresses) < 2 or not 0 <= index < len(addresses):
            raise ValueError("it names fewer than two workers, or this worker is not among them")
        for address in addresses:
            if not 0 < int(address.rpartition(":")[2]) < 2**16:
                raise ValueError(f"{address} has no port")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            'expected TF_CONFIG as in {"cluster": {"worker": ["host1:port", "host2:port"]}, '
            f'"task": {{"type": "worker", "index": 0}}}}, got {text!r:.200}: {error}'
        ) from None
    return index, addresses
