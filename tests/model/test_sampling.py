"""Samples equal the original's greedy drawings, and have the statistics of the mixture."""

import numpy as np
import pytest
import tensorflow as tf
from golden import cases
from golden.cases import case_of, recorded_of
from golden_models import model_of

from sketch_rnn import strokes
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import HParams
from sketch_rnn.model import sampling
from sketch_rnn.model.losses import split_output
from sketch_rnn.model.network import SketchRNN

DRAWS = 20_000


def small_model(**changes):
    sizes = {"enc_rnn_size": 8, "dec_rnn_size": 12, "z_size": 4, "num_mixture": 3}
    hparams = HParams(**({"max_seq_len": 30, **sizes} | changes))
    return SketchRNN(hparams, scale_factor=20.0, seed=5)


def same(sketches, others):
    return len(sketches) == len(others) and all(map(np.array_equal, sketches, others))


@pytest.mark.parametrize(
    "name", ["recurrent_dropout", "lstm_uncond", "layer_norm", "hyper_unconditional"]
)
@pytest.mark.parametrize("compiled", [False, True])
def test_greedy_drawings_equal_those_of_the_original(name, compiled):
    case, expected = case_of(name), recorded_of(name)
    model = model_of(case)
    z = tf.constant(cases.greedy_z(case)) if model.hparams.conditional else None
    draw = sampling.compiled_decode_strokes if compiled else sampling.decode_strokes
    count = cases.GREEDY_POINTS
    points, lengths = draw(
        model.decoder,
        z,
        1,
        temperature=tf.constant(0.5),
        max_len=count,
        key=tf.constant([1, 2]),
        greedy=True,
    )
    ends = np.flatnonzero(expected["greedy"][:, 4])
    drawn = ends[0] if len(ends) else count
    assert lengths[0] == drawn > 0
    np.testing.assert_allclose(points[:drawn, 0], expected["greedy"][:drawn], atol=2e-5, rtol=0)

    read = np.concatenate([strokes.START_TOKEN[None], expected["greedy"][:-1]])[: drawn + 1]
    output, _ = model.decoder(tf.constant(read[:, None], tf.float32), z)
    pen = tf.nn.softmax(split_output(output[:, 0]).pen_logits)
    np.testing.assert_allclose(pen, expected["greedy_pen"][: drawn + 1], atol=2e-5, rtol=0)


def one_mixture(rows):
    """Return the same correlated mixture, with unequal deviations, at many points."""
    pen = [0.3, -0.4, -1.1]
    parts = [[0.5, -0.2, 0.1], [4.0, -3.0, 0.5], [-2.0, 3.0, 9.0]]  # pi, mu_x, mu_y
    parts += [np.log([0.5, 1.5, 0.2]), np.log([0.8, 0.3, 1.2]), np.arctanh([0.8, -0.6, 0.0])]
    output = np.concatenate([pen, *parts]).astype(np.float32)
    return split_output(tf.tile(output[None], [rows, 1]))


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_draws_have_the_statistics_of_the_mixture(temperature):
    mixture = one_mixture(DRAWS)
    uniform = tf.random.stateless_uniform([DRAWS, 2], [1, 2])
    normal = tf.random.stateless_normal([DRAWS, 2], [3, 4])
    points = sampling.sample_point(mixture, temperature, uniform, normal).numpy()

    pen = tf.nn.softmax(mixture.pen_logits[0] / temperature)
    np.testing.assert_allclose(points[:, 2:].mean(axis=0), pen, atol=0.012)
    centers = np.stack([mixture.mu_x[0], mixture.mu_y[0]], axis=-1)  # [M, 2]
    distances = np.linalg.norm(points[:, None, :2] - centers, axis=-1)
    component = distances.argmin(axis=1)  # the centers are far from each other
    pi = tf.nn.softmax(mixture.pi_logits[0] / temperature)
    np.testing.assert_allclose(np.bincount(component) / DRAWS, pi, atol=0.012)
    joint = np.histogram2d(component, points[:, 2:].argmax(axis=1), bins=3)[0] / DRAWS
    np.testing.assert_allclose(joint, np.outer(pi, pen), atol=0.012)  # they are independent
    sigma = np.exp([mixture.log_sigma_x[0], mixture.log_sigma_y[0]]).T  # [M, 2]
    rho = np.tanh(mixture.rho_logit[0])
    for k in range(3):
        offsets = points[component == k, :2] - centers[k]
        expected = temperature * sigma[k]  # not sqrt(temperature): 0.71 instead of 0.5
        np.testing.assert_allclose(offsets.std(axis=0), expected, rtol=0.05)
        np.testing.assert_allclose(offsets.mean(axis=0), 0, atol=0.06 * expected.max())
        np.testing.assert_allclose(np.corrcoef(offsets.T)[0, 1], rho[k], atol=0.05)


def test_draws_of_the_compiled_loop_have_the_statistics_of_the_mixture():
    model = small_model(conditional=False, num_mixture=1)
    points, _ = sampling.compiled_decode_strokes(
        model.decoder,
        None,
        DRAWS,
        temperature=tf.constant(0.5),
        max_len=1,
        key=tf.constant([7, 0]),
    )
    output, _ = model.decoder(tf.constant(strokes.START_TOKEN)[None, None])
    mixture = split_output(output[0])
    pen = tf.nn.softmax(mixture.pen_logits[0] / 0.5)
    points = points[0].numpy()
    np.testing.assert_allclose(points[:, 2:].mean(axis=0), pen, atol=0.012)
    drawn = points[points[:, 4] == 0]
    np.testing.assert_allclose(drawn[:, 0].std(), 0.5 * np.exp(mixture.log_sigma_x[0]), rtol=0.05)
    np.testing.assert_allclose(drawn[:, 1].mean(), mixture.mu_y[0], atol=0.02)


def test_decode_ends_at_the_first_end_of_sketch():
    model = small_model(conditional=False)
    points, lengths = sampling.compiled_decode_strokes(
        model.decoder,
        None,
        64,
        temperature=tf.constant(1.0),
        max_len=30,
        key=tf.constant([1, 0]),
    )
    points, lengths = points.numpy(), lengths.numpy()
    assert 0 < lengths.min() + 1 < lengths.max() <= 30
    drawn = np.arange(30)[:, None] < lengths
    assert (points[drawn][:, 4] == 0).all()
    assert (points[~drawn] == [0, 0, 0, 0, 1]).all()


def test_decode_gives_stroke3_in_data_units():
    model = small_model(conditional=False)
    sketches = model.decode(num_samples=150, temperature=1.0, seed=3)
    assert len(sketches) == 150
    assert all(s.dtype == np.float32 and s.shape[1] == 3 and len(s) <= 30 for s in sketches)
    assert not same(sketches[:20], sketches[128:148])
    model.scale_factor = None
    for units, sketch in zip(model.decode(None, 150, 1.0, seed=3), sketches, strict=True):
        np.testing.assert_allclose(units * [20, 20, 1], sketch, rtol=1e-6)


def test_drawings_depend_only_on_the_seed():
    model = small_model()
    assert same(model.decode(num_samples=4, seed=1), model.decode(num_samples=4, seed=1))
    assert not same(model.decode(num_samples=4, seed=1), model.decode(num_samples=4, seed=2))
    assert not same(
        model.decode(num_samples=4, seed=1), model.decode(num_samples=4, seed=1 + 2**31)
    )
    assert not same(model.decode(num_samples=4), model.decode(num_samples=4))


def test_a_sketch_does_not_depend_on_the_batch_size():
    model = small_model(conditional=False)
    few, many = model.decode(num_samples=3, seed=1), model.decode(num_samples=50, seed=1)
    for one, other in zip(few, many, strict=False):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_each_z_gives_the_given_number_of_drawings():
    model = small_model()
    z = sampling.random_z(model, 2, 1) * 100
    greedy = model.decode(z, num_samples=2, greedy=True)
    assert len(greedy) == 4
    np.testing.assert_allclose(greedy[0], greedy[1], atol=1e-3)
    np.testing.assert_allclose(greedy[0], model.decode(z[0], greedy=True)[0], atol=1e-3)
    assert not np.allclose(greedy[0][:2], greedy[2][:2], atol=0.1)


def test_the_defaults_equal_those_of_the_command():
    model, sketch = small_model(conditional=False), np.array([[5, 9, 0]], np.float32)
    assert same(model.decode(seed=1), model.decode(num_samples=10, temperature=0.5, seed=1))
    assert len(small_model().decode(np.zeros((2, 4)))) == 2
    assert len(model.complete(sketch)) == 5


def test_a_batch_can_have_several_temperatures():
    model = small_model(conditional=False)
    mixed = model.decode(num_samples=2, temperature=[0.5, 1.0], seed=1)
    np.testing.assert_allclose(mixed[1], model.decode(None, 2, 1.0, seed=1)[1], atol=1e-3)


@pytest.mark.parametrize("changes", [{}, {"dec_model": "hyper"}, {"conditional": False}])
def test_complete_keeps_the_given_drawing_and_continues_it(changes):
    model = small_model(**changes)
    sketch = np.array([[5, 9, 0]] * 5 + [[-4, 2, 1]], np.float32)
    ways = sampling.complete(model, sketch, num_samples=3, seed=1)
    assert len(ways) == 3 and not same(ways[:1], ways[1:2])
    for way in ways:
        np.testing.assert_array_equal(way[:6], sketch)
        assert 8 <= len(way) <= 30


def test_complete_continues_like_decode():
    model = small_model()
    z = sampling.random_z(model, 1, 1)
    # no end of sketch, so that the whole drawing and its completion are equally long
    bias = model.decoder.output_layer.bias
    bias.assign(tf.tensor_scatter_nd_update(bias.value, [[2]], [-50.0]))
    whole = model.decode(z, greedy=True)[0]
    np.testing.assert_allclose(
        sampling.complete(model, whole[:10], z[0], greedy=True)[0], whole, atol=1e-3
    )


@pytest.mark.parametrize("length", [0, 30, 31])
def test_complete_refuses_a_drawing_that_is_empty_or_too_long(length):
    with pytest.raises(UserError, match="1 to 29 points"):
        sampling.complete(small_model(), np.zeros((length, 3), np.float32))


def test_spherical_interpolation_equals_the_original():
    first, last = cases.ends_of_a_way()
    expected = recorded_of("data")["slerp"]
    np.testing.assert_allclose(sampling.interpolate(first, last, 7), expected, atol=1e-12)


def test_interpolation_is_spherical_or_linear():
    first, last = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(sampling.interpolate(first, last, 3)[1], [half, half])
    np.testing.assert_allclose(sampling.interpolate(first, last, 3, False)[1], [0.5, 0.5])
    np.testing.assert_allclose(sampling.interpolate(first, first, 3), [first] * 3)
    assert np.isfinite(sampling.interpolate(first * 0, last, 3)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0}, "temperature"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": [1.0, 1.0]}, "temperature"),
        ({"num_samples": 0}, "num_samples"),
        ({"max_len": 0}, "max_len"),
        ({"z": np.zeros((2, 3))}, r"\[B, 4\]"),
        ({"z": np.full((2, 4), np.nan)}, "finite"),
    ],
)
def test_decode_refuses_bad_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        small_model().decode(**arguments)


def test_an_unconditional_model_takes_no_z():
    with pytest.raises(UserError, match="unconditional"):
        small_model(conditional=False).decode(z=np.zeros(4))


def test_the_loop_stops_when_all_sketches_have_ended(monkeypatch):
    model = small_model(conditional=False, max_seq_len=500)
    steps, step = [], type(model.decoder.recurrent).step_forward
    monkeypatch.setattr(
        type(model.decoder.recurrent),
        "step_forward",
        lambda *arguments: steps.append(1) or step(*arguments),
    )
    _, lengths = sampling.decode_strokes(
        model.decoder,
        None,
        3,
        temperature=tf.constant(1.0),
        max_len=500,
        key=tf.constant([1, 0]),
    )
    assert len(steps) == lengths.numpy().max() + 1 < 500


def test_the_loop_accepts_a_batch_of_unknown_size():
    model = small_model()

    @tf.function(input_signature=[tf.TensorSpec([None, 4]), tf.TensorSpec([])])
    def draw(z, temperature):
        batch = tf.shape(z)[0]
        key = tf.constant([1, 0])
        return sampling.decode_strokes(
            model.decoder, z, batch, temperature=temperature, max_len=30, key=key
        )

    points, lengths = draw(tf.zeros([3, 4]), 0.5)
    assert points.shape == (30, 3, 5) and lengths.shape == (3,)


def test_many_drawings_are_encoded_in_chunks(monkeypatch):
    model = SketchRNN(HParams(enc_rnn_size=4, dec_rnn_size=4, z_size=3, num_mixture=2), seed=1)
    rng = np.random.default_rng(1)
    drawings = [rng.normal(size=[n, 3]) > 0 for n in (3, 9, 5, 2, 7)]
    whole = model.encode(drawings)
    monkeypatch.setattr(sampling, "LARGEST_BATCH", 2)
    for parts, expected in zip(model.encode(drawings), whole, strict=True):
        assert parts.shape == (5, 3)
        np.testing.assert_allclose(parts, expected, atol=1e-7)
