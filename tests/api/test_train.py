"""Tests of `sketch_rnn.train` and of the run that it returns."""

import re
import subprocess
import sys

import numpy as np
import pytest
from helpers import DOODLES, ROOT

import sketch_rnn
from sketch_rnn.api.bar import Bar
from sketch_rnn.errors import UserError
from sketch_rnn.training.run import train as engine

HPARAMS = {
    "data_set": ["cat.npz"],
    "enc_rnn_size": 4,
    "dec_rnn_size": 8,
    "z_size": 2,
    "num_mixture": 2,
    "batch_size": 8,
    "num_steps": 45,
    "save_every": 20,
}
TAG = re.compile(r"`([A-Z]\w+)`")


class Told(sketch_rnn.Callback):
    """A callback that records the arguments of its calls."""

    def __init__(self):
        self.steps, self.validations, self.ends, self.kernels = [], [], [], []

    def on_step(self, run, step, figures):
        self.steps.append((step, figures["cost"]))

    def on_validation(self, run, figures, drawings):
        self.validations.append((figures, drawings))
        self.kernels.append(run.model.get_weights()[0])

    def on_end(self, run):
        self.ends.append(run.reason)


@pytest.fixture(scope="module")
def told():
    return Told()


@pytest.fixture(scope="module")
def run(told, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    return sketch_rnn.train(folder, DOODLES, HPARAMS, seed=3, callbacks=[told])


def test_a_run_gives_its_metrics_its_model_and_the_reason_it_ended(run):
    assert run.history["Train_Cost"] and run.steps["Train_Cost"] == [20, 40]
    assert run.steps["Valid_Cost"] == [20, 40, 44] == [v.step for v in run.validations]
    assert run.best.cost == min(run.history["Valid_Cost"]) == run.history["Best_Valid_Cost"][-1]
    assert run.reason == "num_steps" and run.hparams.z_size == 2
    assert run.model is run.model and run.model.trained.steps == run.best.step + 1
    assert len(run.data.test) == 100
    assert re.fullmatch(
        r"<Run in .*, best cost \d\.\d{4} at step \d+, ended by num_steps>", repr(run)
    )


def test_the_page_on_python_lists_the_metrics_of_a_run(run):
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    rows = page.partition("### Metrics\n")[2].partition("\n### ")[0].splitlines()
    listed = {name for row in rows if row.startswith("| `") for name in TAG.findall(row)}
    assert run.history.keys() <= listed
    assert listed - run.history.keys() <= {"Random_Z_Recovered", "Updates_Left_Out"}


def test_callbacks_are_called_for_every_step_and_validation(run, told):
    assert [step for step, _ in told.steps] == list(range(45))
    assert [cost for step, cost in told.steps if step in (20, 40)] == run.history["Train_Cost"]
    assert [figures["Valid_Cost"] for figures, _ in told.validations] == run.history["Valid_Cost"]
    assert [figures["step"] for figures, _ in told.validations] == [20, 40, 44]
    assert all(len(drawings) == 8 for _, drawings in told.validations)
    assert told.ends == ["num_steps"]
    first, second, _ = told.kernels
    assert not np.array_equal(first, second)  # the model as it was at that step


def test_a_finished_run_can_be_opened(run):
    again = sketch_rnn.open_run(run.folder)
    assert again.history == run.history and again.reason == run.reason
    with pytest.raises(UserError, match="expected the folder of a run, but"):
        sketch_rnn.open_run(run.folder.parent)


@pytest.mark.long
def test_train_gives_the_same_costs_as_the_training_engine(run, tmp_path):
    """The costs are equal bit for bit."""
    engine(sketch_rnn.TrainOptions(tmp_path / "run", HPARAMS, DOODLES, seed=3))
    again = sketch_rnn.open_run(tmp_path / "run").history
    for name in ("Train_Cost", "Valid_Cost", "Eval_Cost"):
        assert again[name] == run.history[name]


class Enough(sketch_rnn.Callback):
    def on_validation(self, run, figures, drawings):
        run.stop("enough")


def test_a_run_that_a_callback_ended_can_be_resumed(tmp_path):
    options = sketch_rnn.TrainOptions(tmp_path / "run", HPARAMS, DOODLES, seed=3)
    stopped = sketch_rnn.train(options, callbacks=[Enough()])
    assert stopped.reason == "enough" and stopped.steps["Valid_Cost"] == [20]
    on = sketch_rnn.train(tmp_path / "run", resume=True, hparams={"num_steps": 30})
    assert on.reason == "num_steps" and on.steps["Valid_Cost"] == [20, 29]


class AtOnce(sketch_rnn.Callback):
    def on_step(self, run, step, figures):
        run.stop("at once")


def test_a_run_stopped_before_its_first_validation_is_validated_when_it_ends(tmp_path):
    settings = HPARAMS | {"num_steps": 400, "save_every": 200}
    stopped = sketch_rnn.train(tmp_path / "run", DOODLES, settings, callbacks=[AtOnce()])
    assert stopped.reason == "at once"
    assert stopped.best is not None and stopped.best.step == stopped.steps["Valid_Cost"][-1] < 200


def test_evaluating_a_run_equals_evaluating_its_folder(run):
    _, costs = sketch_rnn.evaluate(run, split="valid")
    assert type(costs) is sketch_rnn.Costs
    assert costs == sketch_rnn.evaluate(run.folder, split="valid")[1]
    with pytest.raises(UserError, match=r"evaluate: expected a run.*got SketchRNN"):
        sketch_rnn.evaluate(run.model)


def test_hyperparameters_may_be_a_dict():
    model = sketch_rnn.SketchRNN({"enc_rnn_size": 4, "dec_rnn_size": 8, "z_size": 2}, seed=1)
    assert model.hparams == sketch_rnn.HParams(enc_rnn_size=4, dec_rnn_size=8, z_size=2)
    with pytest.raises(UserError, match="expected an HParams or a dict"):
        sketch_rnn.SketchRNN(7)
    with pytest.raises(UserError, match="unknown hyperparameter 'z_sise'"):
        sketch_rnn.SketchRNN({"z_sise": 2})


def test_train_accepts_data_files(tmp_path):
    few = HPARAMS | {"num_steps": 1}
    del few["data_set"]
    run = sketch_rnn.train(tmp_path / "run", DOODLES / "fish.npz", few)
    assert [path.rpartition("/")[2] for path in run.hparams.data_set] == ["fish.npz"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((sketch_rnn.TrainOptions("run"), "doodles"), "expected only a TrainOptions"),
        (("run", "cat.npz", {"data_set": ["fish.npz"]}), "both data and hparams"),
        (("run", "doodles", {"z_sise": 3}), "unknown hyperparameter 'z_sise'"),
    ],
)
def test_duplicate_or_wrong_arguments_give_a_one_line_error(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        sketch_rnn.train(*arguments)
    with pytest.raises(UserError, match="expected only a TrainOptions"):
        sketch_rnn.train(sketch_rnn.TrainOptions("run"), patience=2)
    with pytest.raises(UserError, match="expected instances of sketch_rnn"):
        sketch_rnn.train("run", callbacks=[lambda: None])
    assert list(tmp_path.iterdir()) == []


def test_train_takes_every_option(run):
    """Its signature lists every option, so that an editor shows them."""
    import dataclasses
    import inspect

    named = set(inspect.signature(sketch_rnn.train).parameters)
    options = {field.name for field in dataclasses.fields(sketch_rnn.TrainOptions)}
    assert options - {"log_root", "data_dir", "overrides"} == named - {
        "folder",
        "data",
        "hparams",
        "callbacks",
    }


def test_in_a_notebook_a_run_shows_its_curves_and_drawings(run):
    html = run._repr_html_()
    assert html.count("<svg") == 2 and "Valid_Cost" in html and "ended by num_steps" in html
    assert html.count("<path") >= 8


def test_a_run_without_metrics_has_no_curves(tmp_path):
    run = sketch_rnn.Run(tmp_path)
    assert run.best is None and "<svg" not in run._repr_html_()


def test_the_metrics_table_is_a_pandas_data_frame(run):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = run.table()
    assert isinstance(table, pandas.DataFrame) and table.index.name == "step"
    assert table["Valid_Cost"].dropna().tolist() == run.history["Valid_Cost"]


def test_no_progress_bar_is_shown_without_a_terminal_or_notebook(capfd):
    bar = Bar(0, 3)
    with bar.paused("validating"):
        bar.update({"cost": 1.0})
    bar.close()
    assert capfd.readouterr() == ("", "")


def test_a_terminal_shows_one_progress_bar_and_no_warning(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    bar = Bar(5, 20)
    bar.update({"reconstruction": 1.5})
    bar.close()
    shown = capsys.readouterr().err
    assert "6/20" in shown and "Warning" not in shown


def test_a_notebook_shows_no_warning_about_a_missing_package():
    """pooch imports a progress bar, which would warn about a missing Jupyter package."""
    program = """
import os, sys, types
kernel = types.SimpleNamespace(config={"IPKernelApp": {}})
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: kernel)
sys.modules["ipykernel.zmqshell"] = types.ModuleType("ipykernel.zmqshell")
sys.modules["ipywidgets"] = None
os.environ.pop("SKETCH_RNN_CACHE", None)
from sketch_rnn.files import cache_dir
cache_dir()
assert "tqdm.auto" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""


def test_the_bar_does_not_warn_about_jupyter_packages():
    """Importing tqdm's own notebook bar gives such a warning."""
    program = "import warnings; warnings.simplefilter('error'); from sketch_rnn.api import bar"
    program += "; bar.Bar(0, 3).close()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
