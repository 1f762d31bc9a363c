"""Tests of custom training loops and of Keras's `fit` and `evaluate`."""

import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import DOODLES

import sketch_rnn
from sketch_rnn import HParams, SketchRNN
from sketch_rnn.errors import UserError
from sketch_rnn.training.options import TrainOptions
from sketch_rnn.training.run import train

STEPS = 20
SIZES = {
    "data_set": ["cat.npz"],
    "enc_rnn_size": 4,
    "dec_rnn_size": 8,
    "z_size": 3,
    "num_mixture": 3,
    "batch_size": 16,
    "learning_rate": 0.005,
}


@pytest.fixture(scope="module")
def data():
    return sketch_rnn.load_dataset("cat.npz", DOODLES)


def model_of(data, **changes):
    hparams = HParams(**SIZES | {"max_seq_len": data.max_seq_len} | changes)
    return SketchRNN(hparams, data.scale_factor, seed=1)


@pytest.fixture(scope="module")
def model(data):
    return model_of(data)


@pytest.fixture(scope="module")
def batch(model, data):
    return model.batch(data.test[:3])


def test_the_loss_is_the_mean_of_the_costs_of_all_points(model, batch):
    """They differ only by the floor of the density, 1e-6."""
    points = batch.strokes5[:, 1:]
    distribution = model.distribution(batch)
    log_prob = distribution.log_prob(points).numpy()
    assert log_prob.shape == points.shape[:2]
    costs = model.loss(batch)
    np.testing.assert_allclose(-log_prob.mean(), costs.reconstruction, rtol=1e-4)
    weight = model.hparams.kl_weight_start
    np.testing.assert_allclose(costs.cost, costs.reconstruction + weight * costs.kl, rtol=1e-6)
    np.testing.assert_allclose(
        model.loss(batch, kl_weight=2.0).cost, costs.reconstruction + 2 * costs.kl, rtol=1e-6
    )


def test_a_distribution_has_named_parameters(model, batch):
    found, steps = model.distribution(batch), model.hparams.max_seq_len
    assert found.pi.shape == found.rho.shape == (3, steps, 3)
    assert found.mu.shape == found.sigma.shape == (3, steps, 3, 2)
    assert found.pen_logits.shape == (3, steps, 3)
    np.testing.assert_allclose(tf.reduce_sum(found.pi, axis=-1), 1, rtol=1e-5)
    # By the formula, in float64, for one point.
    pi, mu, sigma, rho = (
        np.asarray(part[1, 5], np.float64) for part in (found.pi, found.mu, found.sigma, found.rho)
    )
    point = batch.strokes5[1, 6].numpy().astype(np.float64)
    x, y = ((point[:2] - mu) / sigma).T
    form = (x**2 + y**2 - 2 * rho * x * y) / (1 - rho**2)
    density = np.exp(-form / 2) / (2 * np.pi * sigma.prod(axis=1) * np.sqrt(1 - rho**2))
    pen = tf.nn.log_softmax(found.pen_logits[1, 5]).numpy()[point[2:].argmax()]
    expected = np.log((pi * density).sum()) + pen
    np.testing.assert_allclose(found.log_prob(batch.strokes5[:, 1:])[1, 5], expected, rtol=1e-5)


def test_points_are_sampled_from_a_distribution(model, batch):
    found = model.distribution(batch)
    drawn = np.concatenate([found.sample(seed, temperature=1.0) for seed in range(200)])
    pen = tf.nn.softmax(found.pen_logits).numpy()
    np.testing.assert_allclose(drawn[:, :, 2:].reshape(200, 3, -1, 3).mean(0), pen, atol=0.2)
    mean = tf.reduce_sum(found.pi[..., None] * found.mu, axis=2).numpy()
    np.testing.assert_allclose(
        drawn[..., :2].reshape(200, -1, 2).mean((0, 1)), mean.mean((0, 1)), atol=0.05
    )
    np.testing.assert_array_equal(found.sample(3), found.sample(3))
    sure = found.sample(1, greedy=True)
    np.testing.assert_array_equal(sure, found.sample(2, greedy=True))
    assert sure.shape == (3, model.hparams.max_seq_len, 5)


def test_z_has_a_gradient_through_the_distribution(model, data, batch):
    z = tf.constant(model.encode(data.test[:3])[0])

    def cost(z):
        return -tf.reduce_mean(model.distribution(batch, z).log_prob(batch.strokes5[:, 1:]))

    with tf.GradientTape() as tape:
        tape.watch(z)
        value = cost(z)
    gradient = tape.gradient(value, z).numpy()
    ahead = np.zeros_like(gradient)
    ahead[1, 2] = 1e-2
    numerically = (cost(z + ahead) - cost(z - ahead)) / 2e-2
    np.testing.assert_allclose(gradient[1, 2], numerically, rtol=2e-2)


def test_dropout_needs_a_seed_and_depends_only_on_it(model, batch):
    with pytest.raises(UserError, match="expected a seed"):
        model.loss(batch, training=True)
    first, again, other = (model.loss(batch, seed=s, training=True).cost for s in (1, 1, 2))
    assert first == again != other
    assert model.loss(batch, seed=1, step=1, training=True).cost != first


def test_a_batch_is_checked(model, data):
    with pytest.raises(UserError, match="sketch 1: it has no points"):
        model.batch([data.test[0], np.zeros((0, 3))])
    with pytest.raises(UserError, match="expected sketches of at most"):
        model.batch([np.zeros((model.hparams.max_seq_len + 1, 3))])


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    """Train with every dropout; return the run and the costs of its steps, `[steps, 3]`."""
    folder = tmp_path_factory.mktemp("run") / "run"
    dropouts = {"use_input_dropout": True, "use_output_dropout": True, "kl_tolerance": 0.0}
    options = TrainOptions(
        folder, SIZES | dropouts | {"num_steps": STEPS, "save_every": STEPS}, DOODLES, seed=1
    )
    costs = []

    class Listener:
        def began(self, model): ...
        def stepped(self, step, figures):
            costs.append(list(figures.values()))

        def validated(self, step, figures, drawings): ...
        def reason_to_stop(self):
            return ""

    train(options, listener=Listener())
    return sketch_rnn.open_run(folder), np.array(costs)


def test_fit_gives_the_same_costs_as_a_run(run, data):
    """Costs equal at every step, with dropout and augmentation; `evaluate` equals validation."""
    ours, costs = run
    model = SketchRNN(ours.hparams, data.scale_factor, seed=1)
    batches = data.batches("train", hparams=ours.hparams, seed=1)
    history = model.fit(batches, steps_per_epoch=1, epochs=STEPS, verbose=0).history
    fitted = np.transpose([history[name] for name in ("loss", "reconstruction", "kl")])
    np.testing.assert_allclose(fitted, costs, rtol=1e-5)
    found = model.evaluate(data.batches("valid", hparams=ours.hparams), return_dict=True, verbose=0)
    for name, tag in (("loss", "Cost"), ("reconstruction", "Reconstr_Cost"), ("kl", "KL_Cost")):
        np.testing.assert_allclose(found[name], ours.history[f"Valid_{tag}"], rtol=1e-5)


@pytest.mark.long
def test_keras_callbacks_work_and_keras_files_can_be_loaded_here(model, data, tmp_path):
    """There is no warning; Keras resumes the file with its optimizer, and this package draws."""
    model = model_of(data)
    file = tmp_path / "best.keras"
    callbacks = [
        keras.callbacks.EarlyStopping("val_loss", patience=1),
        keras.callbacks.ModelCheckpoint(file, monitor="val_loss", save_best_only=True),
        keras.callbacks.TensorBoard(tmp_path / "logs", write_graph=False),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        history = model.fit(
            data.batches("train", 16),
            validation_data=data.batches("valid", 16),
            steps_per_epoch=2,
            epochs=2,
            callbacks=callbacks,
            verbose=0,
        ).history
        again = keras.saving.load_model(file)
    assert set(history) == {n + m for n in ("", "val_") for m in ("loss", "reconstruction", "kl")}
    assert again.optimizer.iterations.numpy() in (2, 4)
    rate = json.loads(json.dumps(again.optimizer.get_config()))["learning_rate"]
    assert rate["class_name"] == "DecayedRate" and rate["config"]["learning_rate"] == 0.005
    ours = sketch_rnn.load_model(file)
    np.testing.assert_array_equal(ours.get_weights()[3], again.get_weights()[3])
    assert list((tmp_path / "logs").iterdir())


def test_a_non_finite_update_is_skipped(data):
    model = model_of(data, conditional=False)
    strokes5, lengths = next(iter(data.batches("train", 16)))
    broken = tf.data.Dataset.from_tensors((strokes5 * np.nan, lengths))
    before = model.get_weights()
    model.fit(broken, verbose=0)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_custom_optimizer_and_frozen_layers_are_kept(data):
    model = model_of(data)
    model.encoder.trainable = False
    model.compile(keras.optimizers.SGD(0.01))
    before = [layer.get_weights()[0] for layer in (model.encoder, model.decoder)]
    model.fit(data.batches("train", 16), steps_per_epoch=1, verbose=0)
    after = [layer.get_weights()[0] for layer in (model.encoder, model.decoder)]
    assert np.array_equal(before[0], after[0]) and not np.array_equal(before[1], after[1])


def test_unsupported_keras_calls_give_a_one_line_error(model, data):
    with pytest.raises(UserError, match="call `encode` for the z of drawings"):
        model.predict(data.batches("test", 16))
    with pytest.raises(UserError, match="compile: the model sets loss itself"):
        model.compile(loss="mse")
    sizes = tf.data.Dataset.from_generator(
        lambda: iter([]), output_signature=data.batches("valid").element_spec
    )
    with pytest.raises(UserError, match="expected batches of one size"):
        model_of(data).fit(sizes, steps_per_epoch=1, verbose=0)


def test_a_summary_shows_shapes(model, capsys):
    model.summary(line_length=90)
    printed = capsys.readouterr().out
    for layer, shape in (("Encoder", "(None, 8)"), ("Latent", "(None, 3)"), ("Decoder", "21)")):
        assert shape in next(line for line in printed.splitlines() if f"({layer})" in line)
