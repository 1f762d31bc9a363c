"""Several devices or machines train like one, and a lost worker ends the run cleanly."""

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from helpers import ROOT, free_ports

from sketch_rnn.errors import UserError
from sketch_rnn.hparams import CELLS
from sketch_rnn.training import devices
from sketch_rnn.training.devices import set_up_devices

WORKER = ROOT / "tests" / "training" / "worker.py"
STEPS = 50
HANGS = 300  # seconds


def clusters(count):
    """Return the environment of each worker on this machine."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    for index in range(count):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": addresses}, "task": task}
        yield os.environ | {"TF_CONFIG": json.dumps(config), "TF_CPP_MIN_LOG_LEVEL": "3"}


def begin(*arguments, env=None):
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def costs(processes):
    """Return what the first of these processes printed, `[steps, 3]` for each cell."""
    ended = [process.communicate(timeout=HANGS) for process in processes]
    assert not any(process.returncode for process in processes), ended[-1][1][-2000:]
    return {cell: np.array(rows) for cell, rows in json.loads(ended[0][0]).items()}


@pytest.fixture(scope="module")
def alone():
    """Return the costs that one device computes for some cells."""
    return functools.cache(lambda cells: costs([begin(WORKER, "one", STEPS, *cells)]))


@pytest.mark.parametrize(
    ("strategy", "cells"),
    [
        pytest.param("multi_worker", CELLS[:1], marks=pytest.mark.long),
        ("mirrored", CELLS[:1]),
        pytest.param("multi_worker", CELLS[1:], marks=pytest.mark.long),
    ],
    ids=str,
)
def test_a_batch_split_between_two_devices_trains_like_a_whole_batch(alone, strategy, cells):
    """Costs agree over 50 steps, with all dropouts and augmentation."""
    environments = clusters(2) if strategy == "multi_worker" else [None]
    together = costs([begin(WORKER, strategy, STEPS, *cells, env=env) for env in environments])
    for cell in cells:
        expected = alone(cells)[cell]
        # A KL cost near 0 is the sum of numbers near 1 that cancel.
        np.testing.assert_allclose(together[cell], expected, rtol=1e-4, atol=1e-6, err_msg=cell)
        assert expected[-1, 0] < expected[0, 0]


def train(log_root, env, *arguments):
    return begin(
        "-m",
        "sketch_rnn.cli.train",
        f"--log_root={log_root}",
        "--strategy=auto",
        *arguments,
        env=env,
    )


@pytest.mark.long
def test_a_run_that_a_lost_worker_ended_resumes_from_the_latest_checkpoint(tmp_path):
    run = tmp_path / "run"
    new = [f"--config={ROOT / 'configs/test.json'}", f"--data_dir={ROOT / 'datasets/doodles'}"]
    endless = "--hparams=num_steps=1000000,save_every=10"
    chief, other = (train(run, env, *new, endless) for env in clusters(2))
    for line in chief.stdout:
        if line.startswith("step 20: validation"):
            other.kill()
    errors = chief.stderr.read()
    assert chief.wait(HANGS) == 2 and other.wait() < 0
    assert (
        "worker 0 of 2 lost contact with another worker" in errors and "--resume_training" in errors
    )
    assert "Traceback" not in errors

    saved = max(int(p.stem.split("-")[1]) for p in run.glob("checkpoints/latest-*.index"))
    again = ("--resume_training", f"--hparams=num_steps={saved + 12}")
    both = [train(run, env, *again) for env in clusters(2)]
    printed = [process.communicate(timeout=HANGS) for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    assert f"steps {saved} to {saved + 12}" in printed[0][0]
    assert (run / "checkpoints" / f"latest-{saved + 12}.index").exists()


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("", "not set"),
        ("{", "expected TF_CONFIG"),
        ('{"cluster": {"worker": ["a:1"]}}', "task"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}', "two"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}', "two"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "ps", "index": 0}}', "'ps'"),
        ('{"cluster": {"worker": ["a:1", "b"]}, "task": {"type": "worker", "index": 0}}', "b'"),
    ],
)
def test_an_invalid_cluster_is_refused(monkeypatch, config, reason):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(UserError, match=reason):
        set_up_devices("multi_worker")


@pytest.fixture
def two_workers(monkeypatch):
    """Return the addresses of this worker, 0, and of another."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    return addresses


def test_a_worker_names_the_worker_it_waits_for_and_gives_up_at_the_timeout(two_workers, caplog):
    """An address with no service or with another service is not a worker."""
    caplog.set_level("INFO", "sketch_rnn")
    with pytest.raises(UserError, match=rf"in vain for worker 1 at {two_workers[1]}"):
        set_up_devices("multi_worker", timeout=0.1)
    assert "worker 0 of 2 waits for worker 1 at 127.0.0.1" in caplog.text
    with (
        socket.create_server(("127.0.0.1", int(two_workers[1].split(":")[1]))),
        pytest.raises(UserError, match="in vain"),
    ):
        set_up_devices("auto", timeout=0.1)


def test_a_signal_ends_the_wait_for_workers(two_workers):
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        set_up_devices("multi_worker", timeout=60)


def test_workers_find_each_other_in_any_order(two_workers):
    both_are_through = threading.Barrier(2, timeout=60)

    def begin_worker(index):
        devices._wait_for_workers(index, two_workers, time.monotonic() + 60)
        with devices._answering(two_workers[index]):  # TensorFlow does so from then on
            both_are_through.wait()

    threads = [threading.Timer(0.6 * i, begin_worker, (i,)) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANGS)
    assert not both_are_through.broken


def test_a_port_in_use_is_named(two_workers):
    port = two_workers[0].split(":")[1]
    taken = socket.create_server(("", int(port)))
    with taken, pytest.raises(UserError, match=f"cannot listen at port {port}"):
        set_up_devices("multi_worker", timeout=1)


def test_a_single_process_is_the_chief_and_takes_the_whole_batch(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for kind in ("auto", "one"):
        workers = set_up_devices(kind)
        assert workers.is_chief and workers.shards == [(0, 1)]
