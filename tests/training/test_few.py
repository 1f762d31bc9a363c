"""The settings that a run on few drawings chooses."""

import json
import logging
import re

import numpy as np
import pytest
from helpers import ROOT

from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.errors import UserError
from sketch_rnn.formats import load_model
from sketch_rnn.formats.run_folder import RunFolder
from sketch_rnn.hparams import ARCHITECTURE, HParams
from sketch_rnn.hparams_text import parse_overrides
from sketch_rnn.training import few
from sketch_rnn.training.evaluate import dataset_of
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.run import begin, train
from sketch_rnn.training.start import KL_SETTINGS

SMALL = {"dec_rnn_size": 8, "num_mixture": 2, "conditional": False, "num_steps": 2, "batch_size": 4}


def write(folder, train, valid=3, test=3, rows=12):
    """Write a data set of random zigzags, all different."""
    rng, splits = np.random.default_rng(0), {}
    for name, count in (("train", train), ("valid", valid), ("test", test)):
        splits[name] = np.empty(count, object)
        for i in range(count):
            sketch = np.concatenate([rng.integers(-40, 40, (rows, 2)), np.zeros((rows, 1))], 1)
            sketch[-1, 2] = 1
            splits[name][i] = sketch.astype(np.int16)
    np.savez(folder / "mine.npz", **splits)
    return folder


def options(folder, **changes):
    overrides = {"data_set": ["mine.npz"]} | changes.pop("overrides", {})
    return TrainOptions(folder / "run", overrides, data_dir=folder, few=True, **changes)


@pytest.mark.parametrize(("count", "held"), [(18, 3), (54, 8), (200, 27), (1000, 27), (3, 0)])
def test_a_fifth_of_the_drawings_but_at_most_thirty_are_held_out(tmp_path, count, held):
    data = load_dataset("mine.npz", write(tmp_path, count, valid=1 if count in (3, 18) else 3))
    assert few.held_out(data) == held
    moved = data.holding_out(held)
    assert len(moved.train) + len(moved.valid) == len(data.train) + len(data.valid)
    assert (moved.scale_factor, moved.max_seq_len) == (data.scale_factor, data.max_seq_len)
    before = sorted(s.tobytes() for split in (data.train, data.valid) for s in split)
    after = sorted(s.tobytes() for split in (moved.train, moved.valid) for s in split)
    assert before == after


def test_drawings_are_held_out_from_each_file_separately(tmp_path):
    write(tmp_path, 30, 2).joinpath("mine.npz").rename(tmp_path / "a.npz")
    write(tmp_path, 10, 1)
    moved = load_dataset(["a.npz", "mine.npz"], tmp_path).holding_out(8)
    assert [len(part) for part in moved.train.parts] == [24, 8]
    assert [len(part) for part in moved.valid.parts] == [8, 3]


def test_holding_out_all_drawings_is_an_error(tmp_path):
    data = load_dataset("mine.npz", write(tmp_path, 5))
    with pytest.raises(UserError, match="holding out 5 of 5"):
        data.holding_out(5)


def test_the_chosen_settings_are_logged_in_three_lines(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    found = few.choose_settings(options(write(tmp_path, 54)))
    first, second, third = caplog.messages
    assert first.startswith("few drawings: 46 to train on, 11 to validate on, 8 of them from the")
    assert first.endswith("begins with the weights of the model doodles")
    assert f"batch_size={found.overrides['batch_size']}" in second and "kl_weight=1" in second
    assert third.startswith(f"{found.overrides['num_steps']} steps, a validation every")
    assert "--checkpoint=latest" in third


@pytest.mark.parametrize("count", [54, 300])
def test_a_rising_validation_cost_does_not_end_a_run_on_few_drawings(tmp_path, count):
    assert few.choose_settings(options(write(tmp_path, count))).patience is None


def test_long_drawings_give_advice_with_a_command_that_simplifies_them(tmp_path, caplog):
    for count, rows in ((54, 80), (400, 100)):
        few.choose_settings(options(write(tmp_path, count, rows=rows)))
    assert "simplify" not in caplog.text
    few.choose_settings(options(write(tmp_path, 54, rows=100)))
    command = re.search(r"sketch_rnn_dataset (build .*) and train on", caplog.text)[1].split()
    command[2] = f"--output={tmp_path / 'simple.npz'}"
    assert "100 points or more" in caplog.text and command[3] == str(tmp_path / "mine.npz")


def test_more_drawings_get_more_steps_and_less_dropout(tmp_path):
    found = [
        few.choose_settings(options(write(tmp_path, n))).overrides for n in (18, 54, 200, 1000)
    ]
    for name in ("num_steps", "save_every"):
        values = [overrides[name] for overrides in found]
        assert values == sorted(set(values))
    kept = [overrides["recurrent_dropout_prob"] for overrides in found]
    assert kept == sorted(kept) and kept[0] < kept[-1]


def test_given_settings_take_precedence(tmp_path):
    given = {"batch_size": 7, "kl_weight": 0.3, "num_steps": 9}
    found = few.choose_settings(options(write(tmp_path, 54), overrides=given, patience=2))
    assert given.items() <= found.overrides.items() and found.patience == 2


@pytest.mark.parametrize("overrides", [{"conditional": False}, {"dec_rnn_size": 64}])
def test_layer_sizes_unlike_the_packaged_model_start_with_random_weights(
    tmp_path, caplog, overrides
):
    caplog.set_level(logging.INFO)
    assert few.choose_settings(options(write(tmp_path, 54), overrides=overrides)).init_from is None
    assert "begins with random weights" in caplog.text


def test_drawings_with_very_many_points_start_with_random_weights(tmp_path):
    assert few.choose_settings(options(write(tmp_path, 20, rows=260))).init_from is None


def test_another_initial_model_keeps_its_layer_sizes(tmp_path):
    found = few.choose_settings(options(write(tmp_path, 54), init_from="models/other"))
    assert found.init_from == "models/other" and not set(ARCHITECTURE) & set(found.overrides)


def test_too_many_drawings_for_few_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(few, "MOST", 10)
    with pytest.raises(UserError, match="up to 10 training drawings, got 54"):
        few.choose_settings(options(write(tmp_path, 54)))


def test_a_run_stores_its_validation_split_and_its_data_folder(tmp_path, monkeypatch):
    write(tmp_path, 54)
    monkeypatch.chdir(tmp_path)
    relative = TrainOptions("run", {"data_set": ["mine.npz"], **SMALL}, data_dir=".", few=True)
    assert train(relative) == 0
    monkeypatch.chdir("/")
    run = RunFolder(tmp_path / "run")
    config = run.read_config()
    assert (config.held_out, config.training_size, config.init_from) == (8, 46, "")
    assert config.data_dir == str(tmp_path)
    assert len(dataset_of(run.path, config.hparams.data_set, None).valid) == 11
    resumed = begin(TrainOptions(run.path, {"num_steps": 4}, resume=True))
    assert len(resumed.dataset.train) == 46
    (tmp_path / "run/model_config.json").write_text(
        json.dumps(json.loads((tmp_path / "run/model_config.json").read_text()) | {"held_out": -1})
    )
    with pytest.raises(UserError, match='expected "held_out" to be 0 or more, got -1'):
        run.read_config()


def test_the_initial_model_sets_the_kl_settings_unless_they_are_given(tmp_path):
    write(tmp_path, 20)
    found = {}
    for name, changes in (("theirs", {}), ("given", {"kl_weight": 0.25})):
        overrides = {"data_set": ["mine.npz"], **changes}
        asked = TrainOptions(tmp_path / name, overrides, data_dir=tmp_path, init_from="doodles")
        found[name] = begin(asked).config
    theirs, given = found["theirs"].hparams, found["given"].hparams
    assert [getattr(theirs, name) for name in KL_SETTINGS] == [1.0, 0.1, 0.4, 0.998]
    assert (given.kl_weight, given.kl_tolerance) == (0.25, 0.4)
    assert theirs.learning_rate == HParams.learning_rate and found["theirs"].init_from == "doodles"
    assert load_model("doodles").hparams.z_size == theirs.z_size


ADVICE = (ROOT / "docs/hyperparameters.md").read_text().split("## What to change first")[1]
PARAGRAPHS = re.findall(r"^\*\*.+?(?=\n\n)", ADVICE, re.M | re.S)


@pytest.mark.parametrize("text", PARAGRAPHS, ids=lambda text: text.split("**")[1])
def test_settings_that_the_docs_recommend_together_are_valid_together(text, tmp_path):
    spans = re.findall(r"`([^`]+)`", text)
    overrides = parse_overrides([span for span in spans if re.match(r"\w+=", span)])
    assert overrides
    init_from = next((s.split("=")[1] for s in spans if s.startswith("--init_from=")), None)
    if init_from is None:
        HParams(**overrides)
        return
    write(tmp_path, 20)
    overrides["data_set"] = ["mine.npz"]
    begin(TrainOptions(tmp_path / "run", overrides, data_dir=tmp_path, init_from=init_from))


def test_a_run_with_random_weights_on_few_drawings_is_advised_to_use_few(tmp_path, caplog):
    write(tmp_path, 54)
    for name, changes in (("plain", {}), ("few", {"few": True})):
        caplog.clear()
        overrides = {"data_set": ["mine.npz"], **SMALL}
        train(TrainOptions(tmp_path / name, overrides, data_dir=tmp_path, **changes))
        told = [text for text in caplog.messages if "use this command instead" in text]
        assert len(told) == (name == "plain")
        if told:
            assert told[0].endswith(
                f"sketch_rnn_train --config=few --data_dir={tmp_path} "
                f"--hparams=data_set=mine.npz --log_root={tmp_path}/plain-few"
            )
