"""Faults of disks, files, other processes and numbers do not lose the work of a run."""

import errno
import json
import os
import shutil
import struct
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pooch
import pytest
import tensorflow as tf
from helpers import ROOT, UNIX, unix_only
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

from sketch_rnn import system
from sketch_rnn.cli import train as command
from sketch_rnn.data.split import TrainBatches
from sketch_rnn.errors import UserError
from sketch_rnn.files import write_text
from sketch_rnn.formats import load_model
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.hparams import HParams
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.training import step as trainer
from sketch_rnn.training.metrics import MetricWriter
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.run import train
from sketch_rnn.training.state import TrainState

if UNIX:
    import resource

DRAWINGS = str(ROOT / "datasets" / "doodles")
SMALL = {
    "data_set": ["cat.npz"],
    "num_steps": 4,
    "save_every": 2,
    "enc_rnn_size": 4,
    "dec_rnn_size": 8,
    "z_size": 2,
    "num_mixture": 2,
    "batch_size": 4,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Train for four steps, with the checkpoints latest-3, latest-4 and best-3 or best-4."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert train(TrainOptions(folder, SMALL, DRAWINGS)) == 0
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


def resume(folder, steps=6):
    return train(TrainOptions(folder, {"num_steps": steps}, resume=True))


def main_resume(folder, capsys):
    """Return the command's exit status and its one line."""
    status = command.main([f"--log_root={folder}", "--resume_training", "--hparams=num_steps=6"])
    errors = [li for li in capsys.readouterr().err.splitlines() if not li.startswith("warning:")]
    assert len(errors) == 1, errors
    return status, errors[0]


def latest(folder):
    return sorted(path.name for path in (folder / "checkpoints").glob("latest-*.index"))


def contents(folder):
    return {p.name: p.read_bytes() for p in (folder / "checkpoints").glob("*-*.*")}


class SmallDisk:
    """A file system of 1 MB."""

    def __init__(self, folder):
        self.folder = folder
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
        self.is_mounted = subprocess.run(mount, capture_output=True).returncode == 0

    @contextmanager
    def full(self):
        filler = self.folder / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * 512)
        yield
        filler.unlink(missing_ok=True)

    def make_read_only(self, monkeypatch):
        subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)

    def end(self):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


class LimitedFolder:
    """Stands in for a disk where mounting is not permitted: the system refuses to let a file of
    this process grow."""

    def __init__(self, folder):
        self.folder, self.limits = folder, resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextmanager
    def full(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, self.limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)

    def make_read_only(self, monkeypatch):
        def refused(path, *_, **__):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

        monkeypatch.setattr(os, "open", refused)

    def end(self):
        """There is nothing to put back."""


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    if not UNIX:
        pytest.skip("file systems are not mounted like that here")
    disk = SmallDisk(folder)
    disk = disk if disk.is_mounted else LimitedFolder(folder)
    yield disk
    disk.end()


FULL = ("No space", "File too large", "could not save")


def test_a_full_disk_does_not_damage_earlier_checkpoints(run, disk, capsys):
    run = shutil.copytree(run, disk.folder / "run")
    before = contents(run)
    with disk.full():
        status, line = main_resume(run, capsys)
    assert status and any(words in line for words in FULL)
    assert before.items() <= contents(run).items()
    assert resume(run) == 0


@pytest.mark.long
def test_a_disk_that_fills_up_during_training_gives_an_error(run, disk, capsys, monkeypatch):
    run = shutil.copytree(run, disk.folder / "run")
    train_step, before = trainer.TrainStep.__call__, {}
    with ExitStack() as filled:

        def filling(*arguments, step):
            result = train_step(*arguments, step=step)
            if step == 5:  # the last one: its programs are compiled, and kept elsewhere
                before.update(contents(run))
                filled.enter_context(disk.full())
            return result

        monkeypatch.setattr(trainer.TrainStep, "__call__", filling)
        status, line = main_resume(run, capsys)
    assert status and any(words in line for words in FULL)
    latest = {name: before[name] for name in before if "latest" in name}
    assert latest and latest.items() <= contents(run).items()


def test_a_read_only_folder_gives_an_error(run, disk, capsys, monkeypatch):
    run = shutil.copytree(run, disk.folder / "run")
    with monkeypatch.context() as patches:
        disk.make_read_only(patches)
        status, line = main_resume(run, capsys)
    assert status and "Read-only" in line
    model = load_model(run)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.long
def test_a_folder_removed_during_training_gives_an_error(run, capsys, monkeypatch):
    train_step = trainer.TrainStep.__call__

    def removing(*arguments, **named):
        shutil.rmtree(run, ignore_errors=True)
        return train_step(*arguments, **named)

    monkeypatch.setattr(trainer.TrainStep, "__call__", removing)
    status, line = main_resume(run, capsys)
    assert status and str(run) in line


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def restored(folder):
    """Return the step of the latest checkpoint that can be read."""
    state = TrainState(SketchRNN(HParams(**SMALL)))
    assert RunFolder(folder).restore(state.checkpoint)
    return int(state.step)


@pytest.mark.parametrize("damage", [cut, empty, flip, Path.unlink])
@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
def test_a_damaged_checkpoint_is_named_and_an_older_one_used(run, caplog, part, damage):
    assert latest(run) == ["latest-3.index", "latest-4.index"] and restored(run) == 4
    damage(run / "checkpoints" / f"latest-4.{part}")
    assert restored(run) == 3
    if (damage, part) != (Path.unlink, "index"):
        assert "latest-4 is damaged and skipped" in caplog.text


def test_the_latest_checkpoint_draws_if_the_best_is_damaged(run, caplog):
    (best,) = (run / "checkpoints").glob("best-*.index")
    cut(best)
    latest = TrainState(SketchRNN(HParams(**SMALL)))
    assert RunFolder(run).restore(latest.checkpoint)
    for ours, theirs in zip(load_model(run).weights, latest.model.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert f"{best.stem} is damaged and skipped" in caplog.text


def test_a_run_with_only_damaged_checkpoints_does_not_start_over(run, capsys):
    for path in (run / "checkpoints").glob("latest-*.data*"):
        path.write_bytes(b"")
    status, line = main_resume(run, capsys)
    assert status and "every latest checkpoint" in line


@pytest.mark.long
def test_a_run_with_an_incomplete_first_save_starts_over(run):
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    (run / "checkpoints" / "latest-3.data-00000-of-00001").write_bytes(b"")
    assert resume(run) == 0
    assert restored(run) == 6


def test_truncated_checkpoints_are_reported(run, capsys):
    for path in (run / "checkpoints").glob("*.data*"):
        path.write_bytes(b"")
    status, line = main_resume(run, capsys)
    assert status and "are cut short: the largest has" in line and "size" not in line


@unix_only
@pytest.mark.parametrize("name", ["events.out.tfevents", "metrics.jsonl"])
def test_the_error_names_curves_that_cannot_be_written(tmp_path, name):
    """A limit on the size of files makes the write fail."""
    writer = MetricWriter(tmp_path, 0)
    writer.write(1, {"cost": 1.0})
    if name == "metrics.jsonl":
        (tmp_path / name).write_bytes(b"{}\n" * 10_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(UserError, match=rf"{name}\S*: cannot be written: .*checkpoints are"):
            for step in range(2, 200):
                writer.write(step, {"cost": 1.0})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_the_error_names_a_file_that_cannot_be_written(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError) as error:
        write_text(tmp_path / "config.json", "{}")
    assert error.value.filename == str(tmp_path / "config.json")
    assert not list(tmp_path.iterdir())


def test_the_error_for_a_missing_data_folder_says_that_the_run_names_it(run, capsys):
    changed_config(run, data_dir="somewhere/else")
    status, line = main_resume(run, capsys)
    assert status == 2
    assert "according to the run's folder, its drawings are in somewhere/else" in line
    assert "cat.npz" in line and "--data_dir" in line


def test_a_checkpoint_saved_after_a_damaged_one_is_kept(run):
    for path in (run / "checkpoints").glob("best-*.index"):
        path.rename(path.with_name("best-1000.index"))
    folder = RunFolder(run)
    state = TrainState(load_model(run, "latest"))
    state.step.assign(7)
    folder.save(state.checkpoint, 7, "best")
    assert [p.name for p in (run / "checkpoints").glob("best-*.index")] == ["best-7.index"]


def test_a_checkpoint_open_in_another_program_stays_whole_until_the_next_save(run, monkeypatch):
    """On Windows, an open file cannot be removed."""
    folder, unlink, held = RunFolder(run), Path.unlink, {"latest-3.index"}

    def refuse(path, **options):
        if path.name in held:
            raise PermissionError(13, "Access is denied")
        unlink(path, **options)

    monkeypatch.setattr(system, "IS_WINDOWS", True)
    monkeypatch.setattr(Path, "unlink", refuse)
    state = TrainState(load_model(run, "latest"))
    folder.save(state.checkpoint, 7, "latest")
    assert len(list(folder.checkpoints.glob("latest-3.*"))) == 2
    held.clear()
    folder.save(state.checkpoint, 8, "latest")
    assert latest(run) == ["latest-7.index", "latest-8.index"]
    assert not list(folder.checkpoints.glob("latest-3.*"))


def test_a_second_process_is_refused_and_a_stale_lock_is_ignored(run, capsys):
    with RunFolder(run).lock():
        status, line = main_resume(run, capsys)
        assert status and "another process is training" in line
    assert (run / ".lock").exists() or os.name == "nt"
    assert resume(run) == 0


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("dec_rnn_size", 9),
        ("dec_rnn_size", 2**31 - 1),
        ("enc_rnn_size", 5),
        ("z_size", 3),
        ("num_mixture", 10**6),
    ],
)
def test_a_configuration_that_does_not_fit_the_weights_is_refused(run, capsys, name, size):
    path = run / "model_config.json"
    config = json.loads(path.read_text())
    config["hparams"][name] = size
    path.write_text(json.dumps(config))
    status, line = main_resume(run, capsys)
    assert status and "does not match" in line
    assert f"expected {name} {SMALL[name]}, got {size}" in line
    with pytest.raises(UserError, match="does not match"):
        load_model(run)


def test_an_original_checkpoint_with_false_shapes_is_refused(tmp_path, monkeypatch):
    scope = "vector_rnn/RNN/"
    variables = {
        scope + "output_w": tf.zeros([1, 9]),
        scope + "LSTMCell/W_hh": tf.zeros([1, 4]),
    }
    prefix = tf.train.Checkpoint().write(str(tmp_path / "x"))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in variables.items():
            tf.compat.v1.get_variable(name, initializer=np.zeros(value.shape, np.float32))
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(tmp_path / "vector-1"))
    for path in tmp_path.glob(Path(prefix).name + ".*"):
        path.unlink()
    monkeypatch.setattr(
        tf.train.load_checkpoint(str(tmp_path / "vector-1")).__class__,
        "get_variable_to_shape_map",
        lambda _: {scope + "LSTMCell/W_hh": [10**6, 4 * 10**6]},
    )
    with pytest.raises(UserError, match="its tensors need 16,000,000,000,000 bytes"):
        load_model(tmp_path)


# Untrusted folders


@unix_only
@pytest.mark.parametrize("name", [".lock", "metrics.jsonl", "notes", "checkpoints/latest-9.index"])
def test_a_run_with_a_link_in_its_folder_is_not_resumed(run, tmp_path, capsys, name):
    target = tmp_path / "precious"
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(target)
    status, line = main_resume(run, capsys)
    assert status == 2 and f"{run / name}: expected a file" in line
    assert not target.exists()


@unix_only
def test_a_linked_folder_of_checkpoints_is_not_changed(run, tmp_path, capsys):
    shutil.move(run / "checkpoints", tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "my_temporary").mkdir()
    (run / "checkpoints").symlink_to(tmp_path / "elsewhere")
    before = sorted((tmp_path / "elsewhere").iterdir())
    status, line = main_resume(run, capsys)
    assert status == 2 and "got a link" in line
    assert sorted((tmp_path / "elsewhere").iterdir()) == before


def record(content, length=None):
    """Return a record of an events file, whose length may be false."""
    head = struct.pack("<Q", len(content) if length is None else length)
    return b"".join(part + struct.pack("<I", masked_crc32c(part)) for part in (head, content))


@pytest.mark.parametrize(
    "content",
    [b"", b"text", record(b"\xff\xff\xff"), record(b"x", 1 << 40), record(b""), bytes(99)],
    ids=["empty", "text", "no event", "false length", "nothing", "zeros"],
)
@pytest.mark.long
def test_an_invalid_events_file_does_not_stop_a_run(run, content):
    (path,) = run.glob("events*")
    whole = path.read_bytes()
    path.write_bytes(whole + content)
    assert resume(run) == 0
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "line", ["[" * 100_000, "[1]", "9" * 9999, '{"step": "x"}', '{"step": [1]}', "\udcff", "null"]
)
@pytest.mark.long
def test_an_invalid_line_of_metrics_does_not_stop_a_run(run, line):
    path = run / "metrics.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + line.encode(errors="surrogateescape") + b"\n")
    assert resume(run) == 0
    assert path.read_bytes().startswith(whole)
    assert all("step" in json.loads(row) for row in path.open())


def changed_config(folder, **changes):
    path = folder / "model_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.long
def test_a_url_in_a_configuration_is_not_requested(run, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr("requests.get", lambda *args, **_: asked.append(args))
    changed_config(run, data_dir="http://127.0.0.1:9/drawings")
    status, line = main_resume(run, capsys)
    assert status == 2 and "unless you ask for it by --data_dir=http://127.0.0.1:9" in line
    assert asked == []
    assert train(TrainOptions(run, {"num_steps": 6}, DRAWINGS, resume=True)) == 0


@pytest.mark.long
def test_a_run_resumes_with_cached_drawings_from_a_url(run, tmp_path, monkeypatch):
    address = "http://127.0.0.1:9/drawings"
    monkeypatch.setenv("SKETCH_RNN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    name = pooch.utils.unique_file_name(f"{address}/cat.npz")
    shutil.copy(Path(DRAWINGS) / "cat.npz", tmp_path / "cache" / name)
    changed_config(run, data_dir=address)
    assert resume(run) == 0


@pytest.mark.parametrize("scale_factor", [1e-300, 0, -1, 1e31, True, "1", None])
def test_an_impossible_scale_factor_is_refused(run, scale_factor):
    changed_config(run, scale_factor=scale_factor)
    with pytest.raises(UserError, match='"scale_factor" to be a number from 1e-30 to 1e30'):
        load_model(run)


def test_a_model_with_a_huge_max_seq_len_is_refused(run):
    hparams = json.loads((run / "model_config.json").read_text())["hparams"]
    changed_config(run, hparams=hparams | {"max_seq_len": 2**31 - 1})
    with pytest.raises(UserError, match="max_seq_len: expected a whole number from 1 to 100000"):
        load_model(run)


@unix_only
def test_a_configuration_that_is_a_pipe_does_not_block(run):
    (run / "model_config.json").unlink()
    os.mkfifo(run / "model_config.json")
    with pytest.raises(UserError, match="there is no such file"):
        load_model(run)


def test_a_model_with_non_finite_weights_does_not_draw(run):
    state = TrainState(load_model(run))
    state.model.set_weights([weight * np.nan for weight in state.model.get_weights()])
    state.checkpoint.write(str(run / "checkpoints" / "latest-9"))
    with pytest.raises(UserError, match="its weights are not all finite"):
        load_model(run, "latest")


ORIGINAL = {
    "RNN/output_w": np.zeros([2, 15], np.float32),
    "RNN/output_b": np.zeros([15], np.float32),
    "RNN/LSTMCell/W_xh": np.zeros([5, 8], np.float32),
    "RNN/LSTMCell/W_hh": np.zeros([2, 8], np.float32),
    "RNN/LSTMCell/bias": np.zeros([8], np.float32),
    "global_step": np.int32(7),
}


def write_original(folder, variables):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in variables.items():
            tf.compat.v1.get_variable(f"vector_rnn/{name}", initializer=value)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(folder / "vector-1"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RNN/output_w", np.zeros([15], np.float32)),
        ("RNN/output_w", np.zeros([2, 2], np.float32)),
        ("RNN/output_w", np.zeros([0, 6_000_003], np.float32)),
        ("RNN/LSTMCell/W_hh", np.float32(1)),
        ("RNN/LSTMCell/W_hh", np.zeros([2**31 - 1, 0], np.float32)),
        ("RNN/LSTMCell/W_hh", np.full([2, 8], np.nan, np.float32)),
        ("RNN/LSTMCell/W_xh", np.full([5, 8], b"text" * 99)),
        ("global_step", np.array(b"text" * 99)),
        ("global_step", np.zeros(3, np.int32)),
        ("global_step", np.float32("nan")),
        ("global_step", np.int32(-7)),
    ],
)
def test_an_invalid_original_checkpoint_is_refused(tmp_path, name, value):
    write_original(tmp_path, ORIGINAL)
    assert load_model(tmp_path).hparams.dec_rnn_size == 2
    for path in tmp_path.iterdir():
        path.unlink()
    write_original(tmp_path, ORIGINAL | {name: value})
    with pytest.raises(UserError) as error:
        load_model(tmp_path)
    assert str(tmp_path) in str(error.value) or "num_mixture" in str(error.value)


def test_a_path_in_a_checkpoint_file_is_not_followed(tmp_path):
    for folder, units in (("inside", 2), ("outside", 3)):
        (tmp_path / folder).mkdir()
        sizes = {"RNN/LSTMCell/W_hh": [units, 4 * units], "RNN/LSTMCell/W_xh": [5, 4 * units]}
        sizes |= {"RNN/LSTMCell/bias": [4 * units], "RNN/output_w": [units, 15]}
        arrays = {name: np.zeros(size, np.float32) for name, size in sizes.items()}
        write_original(tmp_path / folder, ORIGINAL | arrays)
    for path in ("../outside/vector-1", str(tmp_path / "outside" / "vector-1"), "../outside/x"):
        (tmp_path / "inside" / "checkpoint").write_text(f'model_checkpoint_path: "{path}"\n')
        assert load_model(tmp_path / "inside").hparams.dec_rnn_size == 2


# Numbers


def nan_from(first_step, monkeypatch):
    batch = TrainBatches.batch

    def broken(self, step):
        strokes5, lengths = batch(self, step)
        return (strokes5 * np.float32("nan") if step in first_step else strokes5), lengths

    monkeypatch.setattr(TrainBatches, "batch", broken)


def test_a_single_non_finite_update_is_skipped(tmp_path, caplog, monkeypatch):
    nan_from([2], monkeypatch)
    assert train(TrainOptions(tmp_path / "run", SMALL, DRAWINGS)) == 0
    assert "step 2: the cost or a gradient is not finite" in caplog.text
    weights = load_model(tmp_path / "run").get_weights()
    assert all(np.isfinite(weight).all() for weight in weights)
    figures = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert sum(row.get("Updates_Left_Out", 0) for row in figures) == 1
    assert (
        "updates left out because they were not finite: 1;"
        in (tmp_path / "run" / "notes.jsonl").read_text()
    )


def test_consecutive_non_finite_updates_end_the_run_and_keep_its_checkpoint(
    run, capsys, monkeypatch
):
    nan_from(range(100), monkeypatch)
    before = contents(run)
    status = command.main(
        [f"--log_root={run}", "--resume_training", "--hparams=num_steps=50,save_every=99"]
    )
    errors = capsys.readouterr().err.splitlines()
    warned = [line for line in errors if "not finite" in line and line.startswith("warning:")]
    assert status and len(warned) == 5 and "smaller learning_rate" in errors[-1]
    assert contents(run) == before


@pytest.mark.long
def test_an_incomplete_line_of_metrics_is_removed(run):
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3, "Valid_C')
    assert resume(run) == 0
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").open()]
    assert steps == sorted(steps)


@unix_only
@pytest.mark.long
def test_killed_and_resumed_runs_equal_uninterrupted_runs():
    script = str(ROOT / "scripts" / "kill_test.py")
    done = subprocess.run(
        [sys.executable, script, "--kills=3"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 and "the same to the last bit" in done.stdout, done.stderr
