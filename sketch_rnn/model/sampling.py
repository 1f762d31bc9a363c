"""Drawing with a trained model (Ha & Eck 2017, sections 3.4 and 4).

Legend: B batch, T time, M mixtures, Z latent, S width of the decoder's state.
"""

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from sketch_rnn import strokes
from sketch_rnn.data.split import to_stroke5
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import HParams
from sketch_rnn.model.execution import has_xla
from sketch_rnn.model.losses import Mixture, split_output

LARGEST_BATCH = 128  # the most sketches that one loop draws side by side
TEMPERATURE, SMALLEST_TEMPERATURE = 0.5, 1e-3
NEW_DRAWINGS, WAYS_TO_COMPLETE = 10, 5  # the numbers of drawings to make by default
DRAWN = 40  # drawings from which a model's typical size is measured
_END = np.array([0, 0, 0, 0, 1], np.float32)
_IMPOSSIBLE = -1e30  # the logit of a choice that must not be made
_HALF = 2**31  # splits a seed into two halves
_POINTS_STREAM, _Z_STREAM = range(2)  # streams of random numbers


Step = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class PointDecoder(Protocol):
    """A source of the distribution of each next point, such as `layers.Decoder`."""

    def initial_state(self, z: tf.Tensor | None, batch: int | tf.Tensor) -> tf.Tensor:
        """Return the state before the first point, `[B, S]`."""

    def stepper(self, point: tf.Tensor, z: tf.Tensor | None) -> Step:
        """Return a function for one step: point `[B, 5]`, state -> output `[B, 3 + 6 M]`, state."""

    def __call__(self, points: tf.Tensor, z: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the outputs for known points `[T, B, 5]`, and the state after them."""


class Drawer(Protocol):
    """The part of a model that drawing needs; `network.SketchRNN` documents its members."""

    @property
    def hparams(self) -> HParams: ...

    @property
    def decoder(self) -> PointDecoder: ...

    def encode(self, sketches: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]: ...

    def to_model_units(self, sketches: Sequence[np.ndarray]) -> list[np.ndarray]: ...

    def to_data_units(self, sketches: Sequence[np.ndarray]) -> list[np.ndarray]: ...


def sample_point(
    mixture: Mixture,
    temperature: tf.Tensor,
    uniform: tf.Tensor,
    normal: tf.Tensor,
    greedy: bool = False,
) -> tf.Tensor:
    """Draw a point from the mixture at a temperature (equation 8).

    At temperature t, the logarithms of the mixture weights and of the pen probabilities are divided
    by t, and the probabilities are normalized again. Both standard deviations are multiplied by t.

    Args:
      mixture: the mixtures at B points.
      temperature: t, a scalar or `[B, 1]`.
      uniform: `[B, 2]` in [0, 1), random numbers that choose the component and the pen state.
      normal: `[B, 2]`, standard normal random numbers that determine the offset.
      greedy: take the most probable component's mean and the most probable pen state.

    Returns:
      stroke-5 `[B, 5]`.
    """
    if greedy:
        component = tf.argmax(mixture.pi_logits, axis=-1)
        pen = tf.argmax(mixture.pen_logits, axis=-1)
    else:
        component = _choose(mixture.pi_logits / temperature, uniform[:, :1])
        pen = _choose(mixture.pen_logits / temperature, uniform[:, 1:])
    chosen = tf.gather(tf.stack(mixture[2:], axis=-1), component, batch_dims=1)  # [B, 5]
    mu, log_sigma, rho_logit = tf.split(chosen, [2, 2, 1], axis=-1)
    offset = mu
    if not greedy:
        # sqrt(1 - rho^2) is 1 / cosh(r) for rho = tanh(r)
        second = tf.tanh(rho_logit) * normal[:, :1] + normal[:, 1:] / tf.cosh(rho_logit)
        deviation = tf.concat([normal[:, :1], second], axis=-1)
        offset += tf.exp(log_sigma) * temperature * deviation
    return tf.concat([offset, tf.one_hot(pen, 3)], axis=-1)


@dataclass(frozen=True)
class _Turn:
    """One iteration of the drawing loop: it adds a point to each of B sketches."""

    decoder_step: Step
    temperature: tf.Tensor  # [] or [B, 1]
    key: tf.Tensor  # int32 [2]
    greedy: bool
    min_len: int

    def __call__(
        self,
        t: tf.Tensor,
        points: tf.TensorArray,
        point: tf.Tensor,
        state: tf.Tensor,
        lengths: tf.Tensor,
        alive: tf.Tensor,
    ) -> tuple[Any, ...]:
        """Do step t: given the loop's variables before this step, return their values after it.

        `alive` `[B]` says which sketches have not ended; `lengths` `[B]` says how long they are.
        """
        output, state = self.decoder_step(point, state)
        uniform, normal = _noise(self.key, t, alive.shape[0] or tf.shape(alive)[0])
        mixture = split_output(output)
        if self.min_len:
            may_not_end = tf.where(t < self.min_len, [0.0, 0.0, _IMPOSSIBLE], [0.0, 0.0, 0.0])
            mixture = mixture._replace(pen_logits=mixture.pen_logits + may_not_end)
        point = sample_point(mixture, self.temperature, uniform, normal, self.greedy)
        alive &= point[:, 4] < 0.5
        lengths += tf.cast(alive, tf.int32)
        return t + 1, points.write(t, point), point, state, lengths, alive


def decode_strokes(
    decoder: PointDecoder,
    z: tf.Tensor | None,
    batch: int | tf.Tensor,
    *,
    temperature: tf.Tensor,
    max_len: int,
    key: tf.Tensor,
    greedy: bool = False,
    point: tf.Tensor | None = None,
    state: tf.Tensor | None = None,
    min_len: int = 0,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw a batch of sketches, until all have ended or have `max_len` points.

    A sketch depends on the key and on its place in the batch. The size of the batch affects it
    only through rounding.

    Args:
      decoder: the source of the next point's distribution.
      z: `[B, Z]`, or None for the unconditional model.
      batch: B.
      temperature: above 0, a scalar or `[B]`.
      max_len: T.
      key: int32 `[2]`, from which everything random follows.
      greedy: see `sample_point`.
      point: the previous points, stroke-5 `[B, 5]`; None means the start token.
      state: the decoder's state `[B, S]` before it reads `point`; None means the initial state.
      min_len: the fewest points in a sketch.

    Returns:
      Stroke-5 points `[T, B, 5]` without the start token, with end-of-sketch rows after the end;
      the number of points of each sketch, `[B]` int32.
    """
    if point is None:
        point = tf.tile(tf.constant(strokes.START_TOKEN)[None], [batch, 1])
    if state is None:
        state = decoder.initial_state(z, batch)
    temperature = tf.reshape(temperature, [-1, 1])
    points = tf.TensorArray(tf.float32, size=max_len, element_shape=point.shape)
    _, points, _, _, lengths, _ = tf.while_loop(
        lambda t, *rest: (t < max_len) & tf.reduce_any(rest[-1]),
        _Turn(decoder.stepper(point, z), temperature, key, greedy, min_len),
        (0, points, point, state, tf.zeros([batch], tf.int32), tf.fill([batch], True)),
        maximum_iterations=max_len,
    )
    drawn = tf.range(max_len)[:, None] < lengths  # [T, B]
    return tf.where(drawn[:, :, None], points.stack(), _END), lengths


_programs: WeakKeyDictionary[Any, Callable] = WeakKeyDictionary()


def compiled_decode_strokes(
    decoder: PointDecoder, z: tf.Tensor | None, batch: int, **options: Any
) -> tuple[tf.Tensor, tf.Tensor]:
    """Run `decode_strokes`, compiled once per combination of argument shapes.

    Each decoder gets a separate `tf.function`. If all decoders shared one `tf.function`, TensorFlow
    would trace it again for each model, and would warn about the number of traces. TensorFlow
    counts the traces of functions with the same code object together. So each `tf.function` wraps a
    `functools.partial`, which has no code object.
    """
    if decoder not in _programs:
        _programs[decoder] = tf.function(
            partial(decode_strokes),
            autograph=False,
            jit_compile=has_xla(),
            reduce_retracing=False,
        )
    return _programs[decoder](decoder, z, batch, **options)


def decode(
    model: Drawer,
    z: ArrayLike | None = None,
    num_samples: int | None = None,
    *,
    temperature: ArrayLike = TEMPERATURE,
    greedy: bool = False,
    max_len: int | None = None,
    seed: int | None = None,
) -> list[np.ndarray]:
    """Draw sketches; `SketchRNN.decode` describes the arguments."""
    seed = secrets.randbits(31) if seed is None else seed
    if num_samples is None:
        num_samples = NEW_DRAWINGS if z is None else 1
    z = random_z(model, num_samples, seed) if z is None else _repeated(model, z, num_samples)
    total = num_samples if z is None else len(z)
    drawn = _draw(
        model, z, total, temperature=temperature, greedy=greedy, max_len=max_len, seed=seed
    )
    return model.to_data_units(drawn)


def complete(
    model: Drawer,
    sketch: np.ndarray,
    z: ArrayLike | None = None,
    num_samples: int | None = None,
    *,
    temperature: ArrayLike = TEMPERATURE,
    greedy: bool = False,
    max_len: int | None = None,
    seed: int | None = None,
) -> list[np.ndarray]:
    """Finish a drawing; `SketchRNN.complete` describes the arguments."""
    num_samples = WAYS_TO_COMPLETE if num_samples is None else num_samples
    max_len = model.hparams.max_seq_len if max_len is None else max_len
    if not 0 < len(sketch) < max_len:
        raise UserError(
            f"expected an unfinished drawing of 1 to {max_len - 1} points, got {len(sketch)}; "
            "a larger max_len allows longer drawings"
        )
    if z is None and model.hparams.conditional:
        z, _ = model.encode([sketch])
    z = None if z is None else _repeated(model, z, 1)
    given = to_stroke5(model.to_model_units([sketch]), len(sketch))[0]  # [n + 1, 5]
    _, state = model.decoder(tf.constant(given[:-1, None]), None if z is None else tf.constant(z))
    first = [np.repeat(part, num_samples, axis=0) for part in (given[-1:], state.numpy())]
    z = None if z is None else np.repeat(z, num_samples, axis=0)
    drawn = _draw(
        model,
        z,
        num_samples,
        temperature=temperature,
        greedy=greedy,
        max_len=max_len,
        seed=seed,
        first=first,
        min_len=2,
    )
    sketch = np.asarray(sketch, np.float32)
    return [
        np.concatenate([sketch, more[: max_len - len(sketch)]])
        for more in model.to_data_units(drawn)
    ]


def interpolate(
    first: np.ndarray, last: np.ndarray, steps: int, spherical: bool = True
) -> np.ndarray:
    """Return z in steps from `first` to `last`, including both (section 4.2).

    Args:
      first: `[Z]`.
      last: `[Z]`.
      steps: the number of rows in the result, 2 or more.
      spherical: go along a great circle (White 2016, arXiv:1609.04468); else along a straight
        line.

    Returns:
      `[steps, Z]`.
    """
    t = np.linspace(0, 1, steps)[:, None]
    cosine = first @ last / max(np.linalg.norm(first) * np.linalg.norm(last), 1e-30)
    angle = np.arccos(np.clip(cosine, -1, 1))
    if not spherical or np.sin(angle) < 1e-6:
        return (1 - t) * first + t * last
    return (np.sin((1 - t) * angle) * first + np.sin(t * angle) * last) / np.sin(angle)


def analogy(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Return first - second + third (section 4.3 of the paper); all of them are `[Z]`.

    If `first` equals `second`, the result is exactly `third`.
    """
    return third + (first - second)


def grid(corners: np.ndarray, steps: int, spherical: bool = True) -> np.ndarray:
    """Return a square grid of z, interpolated between its four corners (as in figure 1).

    Args:
      corners: `[4, Z]`: the two corners in the top row, then the two in the bottom row.
      steps: the number of z along each side, 2 or more.
      spherical: see `interpolate`.

    Returns:
      `[steps, steps, Z]`, float32.
    """
    left = interpolate(corners[0], corners[2], steps, spherical)
    right = interpolate(corners[1], corners[3], steps, spherical)
    rows = [interpolate(a, b, steps, spherical) for a, b in zip(left, right, strict=True)]
    return np.array(rows, np.float32)


def _draw(
    model: Drawer,
    z: np.ndarray | None,
    total: int,
    *,
    temperature: ArrayLike,
    greedy: bool,
    max_len: int | None,
    seed: int | None,
    first: Sequence[np.ndarray] | None = None,
    min_len: int = 0,
) -> list[np.ndarray]:
    """Draw `total` sketches batch by batch; return stroke-3 arrays in model units.

    To continue drawings, `first` holds the last point of each, stroke-5 `[total, 5]`, and the
    decoder's state before that point is read, `[total, S]`.
    """
    max_len = model.hparams.max_seq_len if max_len is None else max_len
    if total < 1 or max_len < 1:
        raise UserError(f"expected num_samples and max_len of 1 or more, got {total} and {max_len}")
    temperature = _checked_temperature(temperature, total)
    key = _key(seed, _POINTS_STREAM)
    sketches = []
    for number, start in enumerate(range(0, total, LARGEST_BATCH)):
        part = slice(start, min(start + LARGEST_BATCH, total))
        point, state = (None, None) if first is None else (tf.constant(f[part]) for f in first)
        points, lengths = compiled_decode_strokes(
            model.decoder,
            None if z is None else tf.constant(z[part]),
            part.stop - part.start,
            temperature=tf.constant(temperature[part]),
            max_len=max_len,
            key=tf.random.fold_in(key, number),
            greedy=greedy,
            point=point,
            state=state,
            min_len=min_len,
        )
        sketches += _to_sketches(points.numpy(), lengths.numpy())
    return sketches


def typical_size(model: Drawer) -> float:
    """Return the median longer side of `DRAWN` drawings by a model, in its data units.

    The drawings are made at temperature 1, because drawings at lower temperatures are smaller than
    the training drawings.
    """
    drawings = decode(model, None, DRAWN, temperature=1.0, greedy=False, max_len=None, seed=0)
    return strokes.typical_side(drawings) or 1.0


def random_z(model: Drawer, count: int, seed: int | None = None) -> np.ndarray | None:
    """Return z drawn from the prior, `[count, Z]`; None for an unconditional model."""
    if not model.hparams.conditional:
        return None
    return tf.random.stateless_normal([count, model.hparams.z_size], _key(seed, _Z_STREAM)).numpy()


def _choose(logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Choose indices `[B]` with probabilities softmax(logits).

    Args:
      logits: `[B, K]`.
      uniform: random numbers in [0, 1), `[B, 1]`.
    """
    ends = tf.cumsum(tf.nn.softmax(logits), axis=-1)
    chosen = tf.reduce_sum(tf.cast(ends <= uniform * ends[:, -1:], tf.int32), axis=-1)
    return tf.minimum(chosen, logits.shape[-1] - 1)


def _noise(key: tf.Tensor, t: tf.Tensor, batch: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the random numbers for a step: uniform and standard normal, each `[B, 2]`.

    The normally distributed numbers are computed here (Box & Muller 1958). If TensorFlow's own
    function drew them in compiled code, a sketch's numbers would depend on the batch size.
    """
    uniform = tf.random.stateless_uniform([batch, 4], tf.random.fold_in(key, t))
    radius = tf.sqrt(-2 * tf.math.log1p(-uniform[:, 2:3]))
    angle = 2 * math.pi * uniform[:, 3:]
    return uniform[:, :2], radius * tf.concat([tf.cos(angle), tf.sin(angle)], axis=-1)


def _key(seed: int | None, stream: int) -> tf.Tensor:
    seed = secrets.randbits(31) if seed is None else int(seed)
    low, high = seed % _HALF, seed // _HALF % _HALF
    return tf.random.fold_in(tf.constant([low, high], tf.int32), stream)


def _repeated(model: Drawer, z: ArrayLike, count: int) -> np.ndarray:
    """Repeat each row of z `count` times."""
    z = np.atleast_2d(np.asarray(z, np.float32))
    size = model.hparams.z_size if model.hparams.conditional else 0
    if not size:
        raise UserError("this model is unconditional: it draws without z")
    if z.ndim != 2 or z.shape[1] != size or not np.isfinite(z).all():
        raise UserError(f"expected finite z of shape [B, {size}], got shape {list(z.shape)}")
    return np.repeat(z, count, axis=0)


def _checked_temperature(temperature: ArrayLike, total: int) -> np.ndarray:
    """Return the temperatures of `total` sketches, float32 `[total]`."""
    temperature = np.asarray(temperature, np.float32)
    if not ((temperature >= SMALLEST_TEMPERATURE) & np.isfinite(temperature)).all():
        raise UserError(
            f"expected a temperature of {SMALLEST_TEMPERATURE} or more, got {temperature.min():g}"
        )
    if temperature.ndim and temperature.shape != (total,):
        raise UserError(f"expected one temperature or {total}, got {temperature.size}")
    return np.broadcast_to(temperature, [total])


def _to_sketches(points: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """Convert stroke-5 points `[T, B, 5]` and lengths `[B]` to stroke-3 arrays."""
    return [points[:n, i][:, [0, 1, 3]] for i, n in enumerate(lengths)]
