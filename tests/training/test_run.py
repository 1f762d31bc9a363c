"""Tests of training runs: metrics, files, resuming, and errors."""

import contextlib
import json
import logging
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from golden_models import original_run
from helpers import DOODLES, INTERRUPTING, OWN_GROUP, ROOT, TO_INTERRUPT, costs_of, unix_only
from tensorboard.plugins.hparams import plugin_data_pb2

from sketch_rnn.cli import dataset as dataset_command
from sketch_rnn.cli import eval as eval_command
from sketch_rnn.cli import train as train_command
from sketch_rnn.cli.progress import Progress
from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.data.split import eval_batches
from sketch_rnn.errors import UserError
from sketch_rnn.formats import browser, load_model, original
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.hparams import HParams
from sketch_rnn.model import losses
from sketch_rnn.model.forward import noise_key
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.training.evaluate import Evaluator
from sketch_rnn.training.metrics import MetricWriter
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.report import span
from sketch_rnn.training.run import begin, train
from sketch_rnn.training.state import TrainState
from sketch_rnn.training.step import TrainStep

TINY = {
    "data_set": ["zigzag.npz"],
    "num_steps": 42,
    "save_every": 20,
    "enc_rnn_size": 8,
    "dec_rnn_size": 16,
    "z_size": 4,
    "num_mixture": 3,
    "batch_size": 6,
    "learning_rate": 0.01,
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Write a data set of short zigzags with various lengths and sizes."""
    rng = np.random.default_rng(5)
    folder = tmp_path_factory.mktemp("data")

    def sketch():
        points = rng.integers(3, 12)
        rows = np.stack([rng.integers(2, 20, points), np.tile([9, -9], 6)[:points]], 1)
        pen = np.zeros([points, 1])
        pen[points // 2], pen[-1] = 1, 1
        return np.concatenate([rows, pen], 1).astype(np.int16)

    def split(count):
        sketches = np.empty(count, object)
        sketches[:] = [sketch() for _ in range(count)]
        return sketches

    np.savez(folder / "zigzag.npz", train=split(30), valid=split(12), test=split(6))
    np.savez(folder / "other.npz", train=split(9), valid=split(8), test=split(7))
    return folder


def start(log_root, data_dir, **changes):
    return train(TrainOptions(log_root, TINY | changes, data_dir, seed=3))


def resume(log_root, **changes):
    return train(TrainOptions(log_root, changes, resume=True))


def lines(log_root):
    return [json.loads(line) for line in (Path(log_root) / "metrics.jsonl").open()]


def without_times(rows):
    return [{k: v for k, v in row.items() if not k.startswith("Time_Taken")} for row in rows]


def weights(log_root, kind="latest"):
    return load_model(log_root, kind).get_weights()


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data_dir):
    log_root = tmp_path_factory.mktemp("runs") / "finished"
    assert start(log_root, data_dir) == 0
    return log_root


def test_the_cost_falls(tmp_path, data_dir):
    start(tmp_path / "run", data_dir, num_steps=161, save_every=160)
    costs = [row["Train_Cost"] for row in lines(tmp_path / "run") if "Train_Cost" in row]
    assert costs[-1] < costs[0] / 2


TRAIN_TAGS = {"Train_Cost", "Train_Reconstr_Cost", "Train_KL_Cost", "Learning_Rate", "KL_Weight"}
VALID_TAGS = {"Valid_Cost", "Valid_Reconstr_Cost", "Valid_KL_Cost", "Time_Taken_Valid"}
BEST_TAGS = {"Best_Valid_Cost", "Eval_Cost", "Eval_Reconstr_Cost", "Eval_KL_Cost"}
ALL_TAGS = TRAIN_TAGS | VALID_TAGS | BEST_TAGS
ALL_TAGS |= {"Time_Taken_Train", "Time_Taken_Eval", "Num_Trainable_Params"}


def scalars(log_root):
    found = {}
    for path in Path(log_root).glob("events.*"):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    found.setdefault(value.tag, []).append(
                        (event.step, float(tf.make_ndarray(value.tensor)))
                    )
    return found


def test_tensorboard_has_the_tags_of_the_original(finished):
    found = scalars(finished)
    assert set(found) >= ALL_TAGS
    assert [step for step, _ in found["Train_Cost"]] == [20, 40]
    assert [step for step, _ in found["Valid_Cost"]] == [20, 40, 41]
    assert [step for step, _ in found["Num_Trainable_Params"]] == [0]


def summaries(log_root, plugin):
    """Return (step, tag) for all summaries of a kind."""
    return {
        (event.step, value.tag)
        for path in Path(log_root).glob("events.*")
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
        for event in [tf.compat.v1.Event.FromString(record)]
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name == plugin
    }


def test_tensorboard_shows_pictures_and_the_configuration(finished):
    assert summaries(finished, "images") == {(step, "Reconstructions") for step in (20, 40, 41)}
    assert summaries(finished, "histograms") == {(s, "KL_per_dimension") for s in (20, 40, 41)}
    texts = summaries(finished, "text")
    assert (41, "End") in texts
    configuration = {(step, tag) for step, tag in texts if not tag.startswith(("End", "Verdicts"))}
    assert configuration == {(0, "hparams"), (0, "model_config.json")}


def test_tensorboard_lists_the_run_among_other_runs(finished):
    assert summaries(finished, "hparams") == {(0, "_hparams_/session_start_info")}


def test_a_run_is_one_trial_with_its_last_settings_and_the_name_of_its_folder(tmp_path):
    for step, rate in ((0, 0.1), (5, 0.2)):
        writer = MetricWriter(tmp_path, step)
        writer.write_hparams({"learning_rate": rate})
        writer.write(step, {"Valid_Cost": 1.0})
        writer.close()
    found = [
        plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
        for path in tmp_path.glob("events.*")
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
        for value in tf.compat.v1.Event.FromString(record).summary.value
        if value.metadata.plugin_data.plugin_name == "hparams"
    ]
    (info,) = (data.session_start_info for data in found)
    assert info.group_name == str(tmp_path)
    assert info.hparams["learning_rate"].number_value == 0.2


def test_the_tensorboard_projector_shows_z_of_the_validation_drawings(finished, data_dir):
    config = (finished / "projector_config.pbtxt").read_text()
    paths = re.findall(r'_path: "(.*)"', config)
    assert len(paths) == 3 and all((finished / path).is_file() for path in paths)
    drawings = list(load_dataset("zigzag.npz", data_dir).valid)
    mu = np.loadtxt(finished / "projector" / "mu.tsv")
    np.testing.assert_allclose(mu, load_model(finished).encode(drawings)[0], atol=1e-4)
    head, *rows = (finished / "projector" / "drawings.tsv").read_text().splitlines()
    assert head == "file\tdrawing\tpoints"
    assert rows == [f"zigzag.npz\t{i}\t{len(drawing)}" for i, drawing in enumerate(drawings)]
    picture = tf.io.decode_png((finished / "projector" / "drawings.png").read_bytes())
    assert picture.shape[:2] == (3 * 48, 4 * 48)


def test_validation_metrics_include_the_signs_of_progress(finished):
    tags = {"Valid_KL_Sum", "Unused_Dimensions", "Clipped_Gradients"}
    for row in lines(finished):
        assert ("Valid_Cost" in row) == (tags <= set(row))


def test_messages_of_a_run_are_stored(finished):
    notes = [json.loads(line) for line in (finished / "notes.jsonl").open()]
    assert notes[-1] == {"step": 41, "note": f"done: 42 steps, model in {finished}"}


def test_an_unconditional_run_shows_samples_and_has_no_kl(tmp_path, data_dir):
    start(tmp_path / "run", data_dir, conditional=False, num_steps=2)
    assert summaries(tmp_path / "run", "images") == {(1, "Samples")}
    assert lines(tmp_path / "run")[-1]["Valid_KL_Cost"] == 0


def test_a_new_run_can_start_from_a_model(tmp_path, data_dir, finished):
    changes = {"data_set": ["other.npz"], "num_steps": 1, "batch_size": 4}
    train(TrainOptions(tmp_path / "run", changes, data_dir, init_from=finished))
    hparams = RunFolder(tmp_path / "run").read_config().hparams
    assert (hparams.dec_rnn_size, hparams.z_size, hparams.batch_size) == (16, 4, 4)
    moved = [
        np.abs(ours - theirs).max()
        for ours, theirs in zip(weights(tmp_path / "run"), weights(finished, "best"), strict=True)
    ]
    assert 0 < max(moved) < 1.01e-3  # one step of Adam at the default rate


def test_a_browser_model_can_be_trained_further(tmp_path, data_dir, caplog):
    hparams = HParams(dec_rnn_size=16, enc_rnn_size=8, z_size=4)
    model, path = SketchRNN(hparams, 20.0, 1), tmp_path / "at_a_z.gen.json"
    browser.save(model, path, np.ones(4, np.float32))
    changes = {"num_steps": 1, "batch_size": 6, "data_set": ["zigzag.npz"], "learning_rate": 1e-9}
    train(TrainOptions(tmp_path / "run", changes, data_dir, init_from=path))
    assert "starts from its own initial state" in caplog.text
    for before, after in zip(
        load_model(path).get_weights(), weights(tmp_path / "run"), strict=True
    ):
        np.testing.assert_allclose(before, after, atol=1e-6)


@pytest.mark.parametrize("count", [1, pytest.param(30, marks=pytest.mark.long)])
def test_a_small_data_set_can_be_trained_on(tmp_path, count, caplog):
    path = 'd="M0 0 L{} 5 L3 {} M1 1 L4 9" fill="none" stroke="black"'
    (tmp_path / "drawings").mkdir()
    for i in range(count):
        svg = f'<svg xmlns="http://www.w3.org/2000/svg"><path {path.format(i + 7, i + 3)}/></svg>'
        (tmp_path / "drawings" / f"{i}.svg").write_text(svg)
    output = tmp_path / "few.npz"
    assert dataset_command.main(["build", f"--output={output}", str(tmp_path / "drawings")]) == 0
    small = {k: v for k, v in TINY.items() if k.endswith("_size") and k != "batch_size"}
    changes = small | {"data_set": ["few.npz"], "num_steps": 2}
    train(TrainOptions(tmp_path / "run", changes, tmp_path))
    assert "batches are drawn with replacement" in caplog.text
    assert all(np.isfinite(weight).all() for weight in weights(tmp_path / "run"))


def test_an_initial_model_keeps_its_architecture(tmp_path, data_dir, finished):
    with pytest.raises(UserError, match="dec_rnn_size is 16"):
        train(
            TrainOptions(
                tmp_path / "run", TINY | {"dec_rnn_size": 24}, data_dir, init_from=finished
            )
        )
    assert not (tmp_path / "run").exists()


def test_the_first_status_line_after_a_resume_shows_the_time_left(capsys, monkeypatch):
    clock = iter([100.0, 102.0, 122.0])
    monkeypatch.setattr("sketch_rnn.cli.progress.time.monotonic", lambda: next(clock))
    progress = Progress(20, 101)
    progress.line(21, {"cost": 1})
    progress.line(41, {"cost": 1})
    assert capsys.readouterr().out.splitlines() == [
        "step 21: cost 1, 0.5 steps/s, 02:40 left",
        "step 41: cost 1, 1 steps/s, 01:00 left",
    ]


def read_to_the_end(terminal):
    """Return what was written to a terminal after its writers have ended."""
    parts = []
    with os.fdopen(terminal, "rb", buffering=0) as file, contextlib.suppress(OSError):
        while part := file.read(1000):
            parts.append(part)
    return b"".join(parts).decode()


@unix_only
@pytest.mark.parametrize("size", [(0, 0), (40, 100)])
def test_a_terminal_shows_a_status_line(monkeypatch, size):
    """The terminal may have any size, or not report its size."""
    import fcntl
    import pty
    import termios

    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("4H", *size, 0, 0))
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    with os.fdopen(inside, "w") as stdout, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", stdout)
        patch.setattr("sys.__stdout__", stdout)
        progress = Progress(20, 41)
        for _ in range(2):
            progress.update({"cost": 0.5, "KL": 2})
            time.sleep(0.11)
        progress.line(20, {"cost": 0.5, "KL": 2})
        progress.say("step 20: validation cost 1")
        progress.close()
    shown = read_to_the_end(terminal)
    assert "step 20: validation cost 1\r\n" in shown and "step 20: cost" not in shown
    line = shown.split("\r\x1b[J")[-2].rstrip("\r")
    assert "22/41" in line and "KL 2" in line and "cost 0.5" in line
    assert re.search(r"[\d.]+ steps/s, \d\d:\d\d left", line)
    assert shown.endswith("\r\x1b[J\r")  # the rest of the screen is cleared
    assert max(map(len, shown.replace("\n", "\r").split("\r"))) < (size[1] or 80)


FIGURES = {"cost": -0.1234, "reconstruction": -0.5678, "KL": 0.4321}


class Terminal:
    """A terminal with a number of columns, which records what is written to it."""

    def __init__(self, monkeypatch, columns):
        self.columns, self.written = columns, []
        monkeypatch.setattr("sys.stdout", self)
        monkeypatch.setattr("sketch_rnn.cli.progress.DRAWN_EVERY", 0)
        for module in ("progress", "common"):
            monkeypatch.setattr(f"sketch_rnn.cli.{module}.columns", lambda: self.columns)
        monkeypatch.setattr("sketch_rnn.cli.progress.time.monotonic", lambda: self.now)
        self.now = 0.0

    def line(self):
        """Return the status line; the cursor must be at its start, with nothing below."""
        return re.fullmatch("\r(?:\x1b\\[J| +\r)(.*)\r", self.written[-1])[1]

    def isatty(self):
        return True

    def write(self, text):
        self.written.append(text)

    def flush(self):
        pass


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_status_line_fits_any_width(monkeypatch, columns):
    """The speed excludes the first ten seconds, which are spent on compiling."""
    terminal = Terminal(monkeypatch, columns)
    progress = Progress(0, 2000)
    for step in range(1200):
        terminal.now = 10 + step / 8
        progress.update(FIGURES)
    line = terminal.line()
    assert line.startswith("step 1200/2000, reconstruction -0.5678, KL 0.4321")
    assert len(line) < columns
    assert ("8 steps/s, 01:40 left" in line) == (columns >= 80)
    assert ("cost -0.1234" in line) == (columns == 120)
    terminal.columns = 30
    progress.update(FIGURES)
    assert len(terminal.line()) == 29


def test_validation_time_does_not_count_as_step_time(monkeypatch, capsys):
    terminal = Terminal(monkeypatch, 80)
    progress = Progress(0, 2000)
    for terminal.now in (10.0, 11.0, 12.0):
        progress.update(FIGURES)
    with progress.paused("validating"):
        assert terminal.line() == "step 3, validating"
        terminal.now = 52.0
    terminal.now = 53.0
    progress.update(FIGURES)
    assert "step 4/2000" in terminal.line() and "1 steps/s" in terminal.line()


def test_compile_time_does_not_count_as_step_time(monkeypatch):
    terminal = Terminal(monkeypatch, 80)
    progress = Progress(0, 2000)
    for step in range(80):
        terminal.now = 10 + step / 8 + (30 if step > 40 else 0)
        progress.update(FIGURES)
    assert "8 steps/s, 04:00 left" in terminal.line()


@pytest.mark.parametrize(
    ("num_steps", "left"), [(100_000_000, "00:50"), (2000, "00:50"), (40, "00:28")]
)
def test_the_time_left_is_until_the_first_limit_that_ends_the_run(monkeypatch, num_steps, left):
    terminal = Terminal(monkeypatch, 120)
    progress = Progress(0, num_steps, max_time=62.0)
    for terminal.now in range(1, 13):
        progress.update(FIGURES)
    assert f"1 steps/s, {left} left" in terminal.line()


def test_an_endless_run_shows_no_percentage_and_no_time_left(monkeypatch, capsys):
    terminal = Terminal(monkeypatch, 120)
    progress = Progress(0, HParams().num_steps)
    for terminal.now in (1.0, 2.0, 3.0):
        progress.update(FIGURES)
    assert terminal.line().startswith("step 3, reconstruction")
    assert "left" not in terminal.line()
    assert span(0, HParams().num_steps) == (
        "from step 0, without a last step; Ctrl-C stops and keeps the model"
    )


@pytest.mark.long
def test_the_second_signal_ends_the_process_in_one_line(tmp_path, data_dir):
    """Both signals arrive while the process compiles."""
    code = f"""
import signal, sys
from sketch_rnn.cli import common, train
common.quiet_tensorflow()
from sketch_rnn.training.step import TrainStep
def press(*_, **__):
    for _ in range(2):
        signal.raise_signal(signal.SIGINT)
        sum(range(10_000_000))
    print("never")
TrainStep.__call__ = press
hparams = {json.dumps(json.dumps(TINY))}
sys.exit(train.main(["--log_root={tmp_path}/run", "--data_dir={data_dir}", "--hparams=" + hparams]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 130
    assert (
        done.stdout.splitlines()[-1] == "stopping after this step; press Ctrl-C again to quit now"
    )
    assert [line for line in done.stderr.splitlines() if not line.startswith("warning")] == [
        "-c: error: interrupted"
    ]


def test_json_lines_have_the_same_values_as_tensorboard(finished):
    for tag, points in scalars(finished).items():
        rows = [(row["step"], row[tag]) for row in lines(finished) if tag in row]
        assert [step for step, _ in rows] == [step for step, _ in points], tag
        np.testing.assert_allclose([v for _, v in rows], [v for _, v in points], rtol=1e-6)


def test_metrics_belong_to_the_step_they_are_logged_for(finished):
    row = next(row for row in lines(finished) if row["step"] == 20 and "Train_Cost" in row)
    hparams = HParams(**TINY)
    assert row["Learning_Rate"] == losses.learning_rate(hparams, 20)
    assert row["KL_Weight"] == losses.kl_weight(hparams, 20)
    cost = row["Train_Reconstr_Cost"] + row["KL_Weight"] * row["Train_KL_Cost"]
    np.testing.assert_allclose(row["Train_Cost"], cost, rtol=1e-6)
    row = next(row for row in lines(finished) if "Valid_Cost" in row)
    cost = row["Valid_Reconstr_Cost"] + hparams.kl_weight_start * row["Valid_KL_Cost"]
    np.testing.assert_allclose(row["Valid_Cost"], cost, rtol=1e-6)


def test_batches_are_weighted_by_their_sketches_and_the_last_counts(data_dir):
    """12 validation sketches form batches of 8 and 4, and the KL floor applies to each batch."""
    dataset = load_dataset("zigzag.npz", data_dir)
    hparams = HParams(**TINY | {"batch_size": 8, "max_seq_len": dataset.max_seq_len})
    model = SketchRNN(hparams, dataset.scale_factor, seed=2)
    evaluator = Evaluator(model, 7, dataset.scale_factor, dataset.max_seq_len)
    costs = evaluator.evaluate(dataset.valid, "valid").costs(hparams)
    expected, counts = [], []
    batches = eval_batches(dataset.valid, 8, dataset.scale_factor, dataset.max_seq_len)
    for index, (strokes5, lengths) in enumerate(batches):
        eps = tf.random.stateless_normal(
            [len(lengths), 4], tf.random.fold_in(noise_key(7, 1, tf.constant(index, tf.int64)), 0)
        )
        expected.append(costs_of(model, strokes5, lengths, eps))
        counts.append(len(lengths))
    assert counts == [8, 4]
    mean = np.average(expected, axis=0, weights=counts)
    np.testing.assert_allclose([costs.reconstruction, costs.kl], mean, rtol=1e-5)


def test_each_element_of_a_gradient_is_clipped_separately():
    """Adam's first moments after one update show the clipped gradients."""
    sizes = {name: TINY[name] for name in ("enc_rnn_size", "dec_rnn_size", "z_size")}
    state = TrainState(SketchRNN(HParams(**sizes, grad_clip=0.5), seed=1))
    step, rng = TrainStep(state, seed=1), np.random.default_rng(1)
    gradients = [np.float32(rng.normal(0, 1, v.shape)) for v in state.model.trainable_variables]
    step._update([tf.constant(g) for g in gradients], tf.constant(0.001))
    for moment, gradient in zip(
        original.adam_moments(state.optimizer, "momentum"), gradients, strict=True
    ):
        np.testing.assert_allclose(moment, 0.1 * np.clip(gradient, -0.5, 0.5), rtol=1e-5)


def test_the_best_checkpoint_has_the_lowest_validation_cost(finished):
    valid = [row["Valid_Cost"] for row in lines(finished) if "Valid_Cost" in row]
    best = [row["Best_Valid_Cost"] for row in lines(finished) if "Best_Valid_Cost" in row]
    assert best == [cost for i, cost in enumerate(valid) if cost < min(valid[:i], default=np.inf)]
    state = TrainState(load_model(finished))
    RunFolder(finished).restore(state.checkpoint, "best")
    assert float(state.best_valid_cost) == min(valid)


def test_the_configuration_has_everything_that_a_run_needs(finished):
    config = json.loads((finished / "model_config.json").read_text())
    assert config["hparams"]["max_seq_len"] == RunFolder(finished).read_config().hparams.max_seq_len
    assert config["hparams"]["max_seq_len"] < HParams().max_seq_len
    assert config["seed"] == 3
    assert config["scale_factor"] > 0
    assert set(config["versions"]) == {"sketch_rnn", "tensorflow", "keras", "numpy"}


@pytest.mark.parametrize(
    ("cell", "killed_after"),
    [
        ("lstm", 20),
        pytest.param("layer_norm", 29, marks=pytest.mark.long),
        pytest.param("hyper", 29, marks=pytest.mark.long),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_run(tmp_path, data_dir, cell, killed_after):
    """The second run stops some steps after its last save, as if it were killed."""
    changes = {"enc_model": cell, "dec_model": cell, "use_output_dropout": True}
    start(tmp_path / "whole", data_dir, **changes)
    start(tmp_path / "cut", data_dir, **changes, num_steps=killed_after)
    folder = RunFolder(tmp_path / "cut")
    for path in folder.checkpoints.glob(f"*-{killed_after}.*"):
        path.unlink()
    resume(tmp_path / "cut", num_steps=TINY["num_steps"])
    for whole, cut in zip(weights(tmp_path / "whole"), weights(tmp_path / "cut"), strict=True):
        np.testing.assert_array_equal(whole, cut)
    assert without_times(lines(tmp_path / "whole")) == without_times(lines(tmp_path / "cut"))
    assert_same_scalars(tmp_path / "whole", tmp_path / "cut")


def assert_same_scalars(one, other):
    one, other = scalars(one), scalars(other)
    assert set(one) == set(other)
    for tag in one:
        if not tag.startswith("Time_Taken"):
            assert sorted(one[tag]) == sorted(other[tag]), tag


@pytest.mark.long
def test_another_seed_gives_another_run(tmp_path, data_dir, finished):
    train(TrainOptions(tmp_path / "run", TINY, data_dir, seed=4))
    assert without_times(lines(tmp_path / "run")) != without_times(lines(finished))


def test_a_restored_state_is_complete(finished):
    config = RunFolder(finished).read_config()
    state = TrainState(SketchRNN(config.hparams, config.scale_factor, seed=99))
    prefix = finished / "checkpoints" / f"latest-{TINY['num_steps']}"
    state.checkpoint.read(str(prefix)).assert_consumed()
    assert int(state.step) == int(state.optimizer.iterations) == TINY["num_steps"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dec_rnn_size": 24}, "dec_rnn_size is 16"),
        ({"dec_model": "hyper"}, "dec_model is lstm"),
        ({"data_set": ["other.npz"]}, "data_set is"),
        ({"batch_size": 7}, "batch_size is 6"),
    ],
)
def test_resuming_refuses_changes_to_what_a_run_is(finished, changes, reason):
    before = (finished / "model_config.json").read_bytes()
    with pytest.raises(UserError, match=reason):
        resume(finished, **changes)
    assert (finished / "model_config.json").read_bytes() == before


def test_resuming_with_other_data_is_refused(tmp_path, data_dir, finished):
    os.link(data_dir / "other.npz", tmp_path / "zigzag.npz")
    with pytest.raises(UserError, match="not the one that the run began with"):
        train(TrainOptions(finished, {}, tmp_path, resume=True))


def test_from_python_a_run_logs_and_prints_nothing(tmp_path, finished, caplog, capsys):
    caplog.set_level(logging.INFO, "sketch_rnn")
    folder = shutil.copytree(finished, tmp_path / "run")
    assert resume(folder) == 0
    assert caplog.messages[-1] == "nothing to do: 42 of 42 steps done"
    assert any(message.startswith("hparams: ") for message in caplog.messages)
    assert capsys.readouterr() == ("", "")


@pytest.mark.long
def test_rates_can_change_when_resuming(tmp_path, data_dir):
    start(tmp_path / "run", data_dir, num_steps=21)
    resume(tmp_path / "run", num_steps=42, learning_rate=0.5, save_every=10)
    row = next(row for row in lines(tmp_path / "run") if row["step"] == 40)
    assert row["Learning_Rate"] > 0.4
    assert [row["step"] for row in lines(tmp_path / "run") if "Valid_Cost" in row] == [
        20,
        30,
        40,
        41,
    ]


def test_the_command_line_that_started_a_run_can_resume_it(finished):
    """The command line also gives `max_seq_len`, which is N_max in the run's configuration."""
    overrides = TINY | {"max_seq_len": 250}
    config = begin(TrainOptions(finished, overrides, resume=True)).config
    assert config == RunFolder(finished).read_config()


def test_a_folder_with_a_run_is_not_overwritten(finished, data_dir):
    with pytest.raises(UserError, match="already holds a run"):
        start(finished, data_dir)


def test_an_existing_run_is_reported_before_a_missing_data_set(finished, capsys):
    assert train_command.main([f"--log_root={finished}", "--hparams=data_set=none.npz"]) == 2
    assert "already holds a run" in capsys.readouterr().err


def test_the_error_for_resuming_without_a_folder_names_existing_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "models" / "mine" / "model_config.json").touch()
    assert train_command.main(["--resume_training"]) == 2
    assert "expected --log_root" in (err := capsys.readouterr().err)
    assert "there are models/mine" in err


def test_resuming_with_fewer_steps_than_are_done_is_refused(finished):
    before = (finished / "model_config.json").read_bytes()
    with pytest.raises(UserError, match="expected num_steps to be at least 42"):
        train(TrainOptions(finished, {"num_steps": 4}, resume=True))
    assert (finished / "model_config.json").read_bytes() == before


@pytest.mark.parametrize("resumed", [False, True])
def test_a_file_in_place_of_a_run_folder_is_refused(tmp_path, data_dir, resumed):
    path = tmp_path / "run"
    path.write_text("mine")
    with pytest.raises(UserError, match="expected a folder"):
        train(TrainOptions(path, TINY, data_dir, resume=resumed))
    assert path.read_text() == "mine"


def test_resuming_nothing_is_refused(tmp_path):
    with pytest.raises(UserError, match="found none"):
        resume(tmp_path / "nothing")


def test_every_hyperparameter_is_used():
    """`max_seq_len` is overwritten by N_max, `is_training` is the original's own switch."""
    package = ROOT / "sketch_rnn"
    source = "\n".join(
        path.read_text() for path in package.rglob("*.py") if path.name != "hparams.py"
    )
    unread = [f.name for f in fields(HParams) if not re.search(rf"hparams\.{f.name}\b", source)]
    assert unread == ["is_training"]


def test_a_run_of_the_original_can_be_resumed(tmp_path):
    """The original stopped at step 150; the data set is a different one."""
    folder = original_run("lstm", tmp_path / "moved")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    train(TrainOptions(folder, {"num_steps": 153, "save_every": 152}, DOODLES, resume=True))
    factor = load_dataset("cat.npz", DOODLES).scale_factor
    assert load_model(folder).scale_factor == pytest.approx(factor)
    state = TrainState(load_model(folder))
    RunFolder(folder).restore(state.checkpoint)
    assert int(state.step) == int(state.optimizer.iterations) == 153
    for name, content in before.items():
        kept = "model_config.original.json" if name == "model_config.json" else name
        assert (folder / kept).read_bytes() == content


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "sketch_rnn.cli.train", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGTERM, marks=[pytest.mark.long, unix_only]), INTERRUPTING],
)
def test_a_signal_saves_the_run_and_prints_how_to_resume_it(tmp_path, data_dir, number):
    hparams = json.dumps(TINY | {"num_steps": 100000, "save_every": 100000})
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sketch_rnn.cli.train",
            f"--log_root={tmp_path / 'run'}",
            f"--data_dir={data_dir}",
            f"--hparams={hparams}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        creationflags=OWN_GROUP,
    ) as process:
        for line in process.stdout:
            if line.startswith("step 20:"):
                process.send_signal(number if number == signal.SIGTERM else TO_INTERRUPT)
                break
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "stopping after this step; press Ctrl-C again to quit now" in output
    assert f"stopped by {number.name}" in output and "--resume_training" in output
    assert all(line.startswith("warning: ") for line in errors.splitlines())
    state = TrainState(load_model(tmp_path / "run", "latest"))
    assert RunFolder(tmp_path / "run").restore(state.checkpoint)


def test_a_wrong_command_line_gives_a_one_line_error(tmp_path, data_dir):
    done = command(f"--log_root={tmp_path / 'run'}", "--data_dir=nowhere", "--hparams=z_size=4")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and "nowhere" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.long
def test_log_root_defaults_to_the_name_of_the_data_set(tmp_path, data_dir, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    hparams = json.dumps(TINY | {"num_steps": 1})
    assert train_command.main([f"--data_dir={data_dir}", f"--hparams={hparams}"]) == 0
    assert (tmp_path / "models" / "zigzag" / "model_config.json").is_file()
    assert '"z_size": 4' in capsys.readouterr().out.splitlines()[0]


def test_eval_prints_the_best_validation_costs_of_the_run(finished, capsys):
    assert eval_command.main([f"--log_root={finished}", "--split=valid", "--format=json"]) == 0
    costs = json.loads(capsys.readouterr().out)
    best = [row for row in lines(finished) if "Best_Valid_Cost" in row][-1]
    np.testing.assert_allclose(costs["cost"], best["Valid_Cost"], rtol=1e-6)
    np.testing.assert_allclose(costs["kl"], best["Valid_KL_Cost"], rtol=1e-6)
    assert costs["sketches"] == 12
