"""The costs of single drawings add up to the costs of their file, and to the validation costs."""

import csv
import io

import numpy as np
import pytest
import tensorflow as tf
from helpers import DOODLES, costs_of, long_where

from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.data.split import eval_batches
from sketch_rnn.hparams import CELLS, HParams
from sketch_rnn.model.forward import noise_key
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.training.compare import ALL, Evaluated, write_drawings
from sketch_rnn.training.evaluate import Evaluator

SEED = 7


def small_model(cell, dataset, **changes):
    hparams = HParams(
        enc_model=cell,
        dec_model=cell,
        enc_rnn_size=4,
        dec_rnn_size=6,
        z_size=3,
        num_mixture=2,
        batch_size=120,
        max_seq_len=dataset.max_seq_len,
        kl_tolerance=0.012,
        **changes,
    )
    model = SketchRNN(hparams, dataset.scale_factor, seed=2)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(0, 0.1, variable.shape))
    return model


def summed_by_batch(model, dataset):
    """Return the validation costs, computed batch by batch as in training."""
    hparams = model.hparams
    found, counts = [], []
    batches = eval_batches(
        dataset.valid, hparams.batch_size, dataset.scale_factor, hparams.max_seq_len
    )
    for number, (strokes5, lengths) in enumerate(batches):
        key = noise_key(SEED, 1, tf.constant(number, tf.int64))
        eps = None
        if hparams.conditional:
            eps = tf.random.stateless_normal(
                [len(lengths), hparams.z_size], tf.random.fold_in(key, 0)
            )
        found.append(costs_of(model, strokes5, lengths, eps))
        counts.append(len(lengths))
    assert len(counts) > 1 and counts[0] != counts[-1]
    return np.average(found, axis=0, weights=counts)


@pytest.fixture(
    scope="module", params=[*CELLS, "unconditional"], ids=lambda cell: f"model of {cell}"
)
def evaluated(request):
    """Return a model's costs on the validation drawings of two files, and the data set."""
    dataset = load_dataset(["cat.npz", "house.npz"], DOODLES)
    cell = request.param
    model = small_model(
        "lstm" if cell == "unconditional" else cell, dataset, conditional=cell != "unconditional"
    )
    table = Evaluator(model, SEED, dataset.scale_factor, dataset.max_seq_len).evaluate(
        dataset.valid, "valid"
    )
    files = ["cat.npz", "house.npz"]
    found = Evaluated(
        "a", model.hparams, 1.0, dataset.max_seq_len, "valid", dataset.valid, files, None, table
    )
    return found, model, dataset


@long_where(lambda evaluated: evaluated == "hyper")
def test_the_rows_add_up_to_the_validation_costs(evaluated):
    found, model, dataset = evaluated
    table = found.table
    reconstruction, kl = summed_by_batch(model, dataset)
    costs = table.costs(model.hparams)
    assert costs.reconstruction == pytest.approx(reconstruction, rel=1e-6)
    assert costs.kl == pytest.approx(kl, rel=1e-6)
    assert costs.cost == pytest.approx(reconstruction + 0.01 * kl, rel=1e-6)
    assert np.mean(table.offset) + np.mean(table.pen) == pytest.approx(reconstruction, rel=1e-6)
    assert table.kl.shape == (len(dataset.valid), 3 if model.hparams.conditional else 0)


def test_the_drawings_of_a_file_average_to_its_row(evaluated):
    found, _, dataset = evaluated
    text = io.StringIO()
    write_drawings([found], text)
    written = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert len(written) == len(dataset.valid)
    for row in found.rows():
        own = [line for line in written if row.file in (line["file"], ALL)]
        assert row.sketches == len(own)
        assert row.points == sum(int(line["points"]) for line in own)
        for cost in ("offset", "pen", "reconstruction", "kl_before_floor"):
            mean = np.mean([float(line[cost]) for line in own])
            assert getattr(row, cost) == pytest.approx(mean, rel=1e-6), (row.file, cost)
    for line in written[::30]:
        split = dataset.valid.parts[found.files.index(line["file"])]
        length = np.diff(split.offsets)[int(line["drawing"])]
        assert int(line["points"]) == length


def test_files_add_up_by_their_drawings_and_points(evaluated):
    found, _, _ = evaluated
    *files, everything = found.rows()
    assert [row.file for row in files] == found.files and everything.file == ALL
    for cost in ("offset", "pen", "reconstruction", "kl_before_floor"):
        sums = [getattr(row, cost) for row in files]
        mean = np.average(sums, weights=[row.sketches for row in files])
        assert getattr(everything, cost) == pytest.approx(mean, rel=1e-6)
    mean = np.average([r.per_point for r in files], weights=[r.points for r in files])
    assert everything.per_point == pytest.approx(mean, rel=1e-6)


def test_each_row_has_the_cost_of_its_own_drawing():
    dataset = load_dataset("cat.npz", DOODLES)
    model = small_model("lstm", dataset, conditional=False)
    table = Evaluator(model, SEED, dataset.scale_factor, dataset.max_seq_len).evaluate(
        dataset.valid, "valid"
    )
    assert sorted(table.index) == list(range(len(dataset.valid)))
    for row in (0, 40, len(table.index) - 1):
        drawing = dataset.valid[int(table.index[row])]
        assert table.points[row] == len(drawing)
        padded = np.zeros([1, dataset.max_seq_len + 1, 5], np.float32)
        padded[0, 0, 2] = 1
        padded[0, 1 : len(drawing) + 1, :2] = drawing[:, :2] / dataset.scale_factor
        padded[0, 1 : len(drawing) + 1, 2] = 1 - drawing[:, 2]
        padded[0, 1 : len(drawing) + 1, 3] = drawing[:, 2]
        padded[0, len(drawing) + 1 :, 4] = 1
        alone, _ = costs_of(model, padded, np.array([len(drawing)], np.int32))
        assert table.offset[row] + table.pen[row] == pytest.approx(alone, rel=1e-5)
