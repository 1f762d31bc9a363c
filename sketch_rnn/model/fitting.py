"""Train with Keras: the costs of a batch, for your own loop, and `compile`, `fit` and `evaluate`.

A step is the same as in a training run: noise, schedules and clipping follow from (seed, step).

Legend: B batch, T time (N_max).
"""

import secrets
from typing import Any, NamedTuple, NoReturn

import keras
import tensorflow as tf

from sketch_rnn.errors import UserError
from sketch_rnn.hparams import HParams
from sketch_rnn.model import losses
from sketch_rnn.model.execution import has_xla
from sketch_rnn.model.forward import SPLIT_STREAMS, Forward, Noise, Shard, draw_noise, noise_key
from sketch_rnn.model.packing import Batch

ADAM_EPSILON = 1e-8


class Costs(NamedTuple):
    """The costs of a batch or a split; `cost` is reconstruction + kl_weight * kl.

    `SketchRNN.loss` returns the costs as scalar tensors, and `sketch_rnn.evaluate` returns them as
    floats.
    """

    cost: Any
    reconstruction: Any
    kl: Any  # raised to its floor; 0 without an encoder


@keras.saving.register_keras_serializable("sketch_rnn")
class DecayedRate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate schedule of a training run."""

    def __init__(self, learning_rate: float, min_learning_rate: float, decay_rate: float):
        self.own = HParams(
            learning_rate=learning_rate,
            min_learning_rate=min_learning_rate,
            decay_rate=decay_rate,
        )

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return tf.cast(losses.learning_rate(self.own, tf.cast(step, tf.float64)), tf.float32)

    def get_config(self) -> dict[str, float]:
        names = ("learning_rate", "min_learning_rate", "decay_rate")
        return {name: getattr(self.own, name) for name in names}


class Fitting(keras.Model):
    """The part of a `SketchRNN` that training loops need."""

    hparams: HParams
    seed: int | None
    forward: Forward

    def loss(
        self,
        batch: Batch | tuple[tf.Tensor, tf.Tensor],
        *,
        seed: int | None = None,
        step: tf.Tensor | int = 0,
        training: bool = False,
        kl_weight: tf.Tensor | float | None = None,
    ) -> Costs:
        """Return the costs of a batch, to be differentiated in a custom training loop.

        Args:
          batch: (strokes5, lengths), as `batch` and `Dataset.batches` return them.
          seed: sample z and dropout as a run with this seed does; None means z = mu and no
            dropout.
          step: the training step, which determines the noise and the KL weight.
          training: apply the dropout that the hyperparameters set; needs a seed.
          kl_weight: the weight of the KL cost; None means the weight at this step.

        Raises:
          UserError: `training` is on but there is no seed.
        """
        read, noise = Batch(*batch), Noise()
        size, steps = read.strokes5.shape[0], read.strokes5.shape[1] - 1
        if training and seed is None:
            raise UserError("loss: expected a seed for the dropout masks of training, got none")
        if seed is not None:
            key = noise_key(seed, SPLIT_STREAMS["train"], tf.cast(step, tf.int64))
            noise = draw_noise(self.hparams, key, Shard(0, size, size), steps, training)
        if kl_weight is None:
            kl_weight = losses.kl_weight(self.hparams, tf.cast(step, tf.float64))
        return self.costs_of(read, noise, tf.cast(kl_weight, tf.float32))

    def costs_of(self, batch: Batch, noise: Noise, kl_weight: tf.Tensor) -> Costs:
        """Return the costs of a batch with this noise; the KL has no gradient below its floor."""
        reconstruction, kl = self.forward.costs(batch, noise)
        floored = losses.floored(kl, self.hparams)
        return Costs(reconstruction + kl_weight * floored, reconstruction, floored)

    def compile(self, optimizer: Any = None, jit_compile: bool = False, **options: Any) -> None:
        """Set how `fit` trains; without this call, `fit` trains as a training run does.

        Args:
          optimizer: a Keras optimizer; None means Adam with the learning rate of the
            hyperparameters.
          jit_compile: compile the whole step as one program; by default, as in a run, parts of it
            are compiled separately and run at the same time.
          **options: further options of Keras, such as `run_eagerly`; the model defines its loss
            and metrics itself.

        Raises:
          UserError: a loss or metrics are given.
        """
        for name in ("loss", "metrics", "weighted_metrics", "loss_weights"):
            if options.pop(name, None) is not None:
                raise UserError(f"compile: the model sets {name} itself; do not pass it")
        if optimizer is None:
            hparams = self.hparams
            rate = DecayedRate(hparams.learning_rate, hparams.min_learning_rate, hparams.decay_rate)
            optimizer = keras.optimizers.Adam(rate, epsilon=ADAM_EPSILON)
        super().compile(optimizer=optimizer, jit_compile=jit_compile and has_xla(), **options)
        self.__dict__.pop("loss", None)  # Keras's attribute would hide the method `loss`
        self._fit_seed = secrets.randbits(31) if self.seed is None else self.seed
        self._figures = [keras.metrics.Mean(name) for name in ("loss", "reconstruction", "kl")]
        self._batches_seen = keras.metrics.Sum("batches")

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return the optimizer's configuration for Keras; None before `compile`."""
        optimizer = getattr(self, "optimizer", None)
        return optimizer and {"optimizer": keras.optimizers.serialize(optimizer)}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile the model with a configuration that `get_compile_config` returned."""
        self.compile(keras.optimizers.deserialize(config["optimizer"]))
        self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self) -> list[Any]:
        """The metrics that Keras resets at each epoch."""
        return [*self._figures, self._batches_seen] if self.compiled else []

    def fit(self, *arguments: Any, **options: Any) -> Any:
        """Train with Keras's loop; see `keras.Model.fit`.

        Takes batches (strokes5, lengths), as `Dataset.batches` returns them. The metrics of an
        epoch are means over its steps: `loss`, with the KL weight of each step, `reconstruction`
        and `kl`.

        Returns:
          Keras's `History`.
        """
        options.setdefault("shuffle", False)  # Keras warns that True has no effect
        return self._call_compiled(super().fit, *arguments, **options)

    def evaluate(self, *arguments: Any, **options: Any) -> Any:
        """Return the costs of batches; see `keras.Model.evaluate`.

        For `data.batches("valid")`, these costs equal a run's validation costs.
        """
        return self._call_compiled(super().evaluate, *arguments, **options)

    def predict(self, *_: Any, **__: Any) -> NoReturn:
        """Raise UserError, because `predict` could mean several things for this model.

        Raises:
          UserError: always; the message says what to call instead.
        """
        raise UserError(
            "predict has no single meaning here; call `encode` for the z of drawings, `decode` or "
            "`complete` to draw, `distribution` for what the model expects at each step"
        )

    def _call_compiled(self, method: Any, *arguments: Any, **options: Any) -> Any:
        """Call a Keras method with the model's execution; compile the model first if necessary."""
        if not self.compiled:
            self.compile()
        with self.execution.in_force():
            return method(*arguments, **options)

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Do one training step; skip the update if the cost or a gradient is not finite."""
        batch, hparams = _batch(data), self.hparams
        size, steps = batch.strokes5.shape[0], batch.strokes5.shape[1] - 1
        if size is None:
            raise UserError("fit: expected batches of one size; make them with drop_remainder=True")
        step = tf.cast(self.optimizer.iterations, tf.int64)
        key = noise_key(self._fit_seed, SPLIT_STREAMS["train"], step)
        noise = draw_noise(hparams, key, Shard(0, size, size), steps)
        kl_weight = tf.cast(losses.kl_weight(hparams, tf.cast(step, tf.float64)), tf.float32)
        weights = [variable.value for variable in self.trainable_variables]
        with tf.GradientTape() as tape:
            cost, reconstruction, kl = self.costs_of(batch, noise, kl_weight)
        gradients = tape.gradient(cost, weights)
        clip = hparams.grad_clip
        clipped = [tf.clip_by_value(gradient, -clip, clip) for gradient in gradients]
        is_finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in [cost, *gradients]])
        tf.cond(
            is_finite,
            lambda: self.optimizer.apply(clipped, self.trainable_variables),
            lambda: None,
        )
        return self._update_means(size, cost, reconstruction, kl)

    def test_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Return the costs of a batch as in a run's validation: z sampled, no dropout."""
        batch, count = self._filled(_batch(data))
        number = tf.cast(self._batches_seen.total, tf.int64)
        key = noise_key(self._fit_seed, SPLIT_STREAMS["valid"], number)
        noise = draw_noise(self.hparams, key, Shard(0, count, count), 0, training=False)
        size = batch.strokes5.shape[0]
        if noise.eps is not None:
            noise = noise._replace(eps=_rows_to(size, noise.eps))
        each = self.forward.sketch_costs(batch, noise)
        self._batches_seen.update_state(1.0)
        reconstruction = tf.reduce_mean((each.offset + each.pen)[:count])
        kl = tf.constant(0.0)
        if self.hparams.conditional:
            kl = losses.floored(tf.reduce_mean(each.kl[:count]), self.hparams)
        cost = reconstruction + self.hparams.kl_weight_start * kl
        return self._update_means(count, cost, reconstruction, kl)

    def _filled(self, batch: Batch) -> tuple[Batch, tf.Tensor]:
        """Pad a batch to a fixed number of sketches; return it and the number before padding."""
        size = batch.strokes5.shape[0]
        if size is not None:
            return batch, tf.constant(size)
        count = tf.shape(batch.strokes5)[0]
        size = self.hparams.batch_size
        tf.debugging.assert_less_equal(count, size, "more sketches in a batch than batch_size")
        lengths = tf.maximum(_rows_to(size, batch.lengths), 1)
        return Batch(_rows_to(size, batch.strokes5), lengths), count

    def _update_means(self, size: tf.Tensor | int, *costs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Add a batch's mean costs to the epoch's means; return the epoch's means so far."""
        for figure, cost in zip(self._figures, costs, strict=True):
            figure.update_state(cost, sample_weight=tf.cast(size, tf.float32))
        return {figure.name: figure.result() for figure in self._figures}


def _batch(data: tuple[tf.Tensor, tf.Tensor]) -> Batch:
    strokes5, lengths = data
    return Batch(tf.cast(strokes5, tf.float32), tf.cast(lengths, tf.int32))


def _rows_to(size: int, rows: tf.Tensor) -> tf.Tensor:
    """Pad `[n, ...]` to `[size, ...]`, where n is not known until the program runs."""
    padded = tf.pad(rows, [[0, size - tf.shape(rows)[0]]] + [[0, 0]] * (len(rows.shape) - 1))
    return tf.ensure_shape(padded, [size, *rows.shape[1:]])
