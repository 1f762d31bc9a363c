"""A row a drawing sums up to the validation figures."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import DOODLES

from sketch_rnn.data.batches import eval_batches
from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.hparams import CELLS, HParams
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.noise import noise_key
from sketch_rnn.train.evaluate import Evaluator

SEED = 7


def small_model(cell, dataset, **changes):
    hparams = HParams(
        enc_model=cell,
        dec_model=cell,
        enc_rnn_size=4,
        dec_rnn_size=6,
        z_size=3,
        num_mixture=2,
        batch_size=60,
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
    """The validation figures, batch by batch from `model.costs`."""
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
        found.append([float(cost) for cost in model.costs(strokes5, lengths, eps)])
        counts.append(len(lengths))
    assert len(counts) > 1 and counts[0] != counts[-1]
    return np.average(found, axis=0, weights=counts)


@pytest.mark.parametrize(
    ("cell", "conditional"), [(cell, True) for cell in CELLS] + [("lstm", False)]
)
def test_the_rows_sum_up_to_the_validation_figures(cell, conditional):
    dataset = load_dataset("cat.npz", DOODLES)
    model = small_model(cell, dataset, conditional=conditional)
    evaluator = Evaluator(model, SEED, dataset.scale_factor, dataset.max_seq_len)
    table = evaluator.evaluate(dataset.valid, "valid")
    reconstruction, kl = summed_by_batch(model, dataset)
    costs = table.costs(model.hparams)
    assert costs.reconstruction == pytest.approx(reconstruction, rel=1e-6)
    assert costs.kl == pytest.approx(kl, rel=1e-6)
    assert costs.cost == pytest.approx(reconstruction + 0.01 * kl, rel=1e-6)
    assert np.mean(table.offset) + np.mean(table.pen) == pytest.approx(reconstruction, rel=1e-6)
    assert table.kl.shape == (len(dataset.valid), 3 if conditional else 0)


def test_each_row_is_its_drawing_s_own():
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
        alone, _ = model.costs(padded, np.array([len(drawing)], np.int32))
        assert table.offset[row] + table.pen[row] == pytest.approx(float(alone), rel=1e-5)
