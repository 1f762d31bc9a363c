"""The model: a bidirectional encoder, a latent vector, and a decoder (Ha & Eck 2017, figure 2).

Legend: B batch, T time (N_max), Z latent, M mixtures.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from sketch_rnn import strokes
from sketch_rnn.data.split import to_stroke5
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import HParams, as_hparams
from sketch_rnn.model import sampling
from sketch_rnn.model.card import Trained, WithCard
from sketch_rnn.model.distribution import Distribution, Posterior
from sketch_rnn.model.execution import Execution
from sketch_rnn.model.fitting import Fitting
from sketch_rnn.model.forward import Forward, Noise, Outputs
from sketch_rnn.model.layers import Decoder, Encoder, Latent, independent_seeds
from sketch_rnn.model.packing import Batch

POINT = 5  # the width of a stroke-5 row


@keras.saving.register_keras_serializable("sketch_rnn")
class SketchRNN(WithCard, Fitting):
    """The model: encoder, latent vector and decoder, or only the decoder if `conditional` is off.

    Attributes:
      hparams: the hyperparameters; `max_seq_len` is N_max.
      scale_factor: the number of data units in a model unit. None means that it is not known; then
        the model reads and draws sketches in model units.
      encoder: the bidirectional encoder, a Keras layer; None in an unconditional model.
      latent: the layer that computes mu and logvar from the encoder's output; None in an
        unconditional model.
      decoder: the decoder, a Keras layer. Set `trainable = False` for a layer to freeze it.
      execution: how the model is computed.
      forward: the passes over whole sketches.
      trained: numbers about the model's training, from the file or run that it was read from.
      full_size: the longer side of a typical drawing, in data units; None means that it is not
        known (`formats.full_size` measures it).
      license: the license under which others may use the model, such as "cc-by-4.0", shown on its
        card; "" means that none is stated.
    """

    def __init__(
        self,
        hparams: HParams | Mapping[str, Any],
        scale_factor: float | None = None,
        seed: int | None = None,
        execution: Execution | None = None,
        fixed_state: np.ndarray | None = None,
        squashes_z: bool = False,
        trained: Trained = Trained(),  # noqa: B008
        full_size: float | None = None,
        license: str = "",
        **kwargs: Any,
    ):
        """Initialize the model.

        Args:
          hparams: the hyperparameters, or a dict of those that differ from the defaults.
          scale_factor: see the class.
          seed: the seed of the initial weights; None means a random seed.
          execution: how the model is computed; None selects the execution for this device, in
            float32.
          fixed_state: `[S]`, the initial state of an unconditional model; None means zero. A
            conditional model fixed at one z is stored as an unconditional model, with the
            contribution of z added to its bias.
          squashes_z: start a conditional model from tanh(W tanh(z) + b), as old browser models do.
          trained: see the class.
          full_size: see the class.
          license: see the class.

        Raises:
          UserError: a hyperparameter is unknown or its value cannot be used.
        """
        hparams = as_hparams(hparams)
        super().__init__(**kwargs)
        self.__dict__.pop("loss", None)  # Keras's attribute would hide the method `loss`
        self.hparams, self.scale_factor, self.seed = hparams, scale_factor, seed
        self.execution, self.trained = execution or Execution.for_device(), trained
        self.full_size, self.license = full_size, license
        seeds = independent_seeds(seed, 3)
        self.encoder: Encoder | None = None
        self.latent: Latent | None = None
        if hparams.conditional:
            self.encoder = self._new_encoder(seeds[0])
            self.latent = Latent(hparams.z_size, seeds[1])
            self.encoder.build((None, None, POINT))
            self.latent.build((None, 2 * hparams.enc_rnn_size))
        self.decoder = self._new_decoder(seeds[2], fixed_state, squashes_z)
        self.decoder.build((None, None, POINT))
        self.forward = Forward(self.encoder, self.latent, self.decoder)
        self.built = True

    def _new_encoder(self, seed: int | None) -> Encoder:
        return Encoder(
            self.hparams.enc_model,
            self.hparams.enc_rnn_size,
            keep_prob=self.hparams.recurrent_dropout_prob,
            seed=seed,
            execution=self.execution,
        )

    def _new_decoder(
        self, seed: int | None, fixed_state: np.ndarray | None, squashes_z: bool
    ) -> Decoder:
        hparams = self.hparams
        return Decoder(
            hparams.dec_model,
            hparams.dec_rnn_size,
            z_size=hparams.z_size if hparams.conditional else 0,
            num_mixture=hparams.num_mixture,
            keep_prob=hparams.recurrent_dropout_prob,
            input_keep_prob=hparams.input_dropout_prob,
            output_keep_prob=hparams.output_dropout_prob,
            seed=seed,
            execution=self.execution,
            fixed_state=fixed_state,
            squashes_z=squashes_z,
        )

    @property
    def fixed_state(self) -> np.ndarray | None:
        """The initial state of an unconditional model, `[S]`; None means zero."""
        return self.decoder.fixed_state

    @property
    def squashes_z(self) -> bool:
        """Whether a conditional model starts from tanh(W tanh(z) + b)."""
        return self.decoder.squashes_z

    def get_config(self) -> dict:
        own: dict[str, Any] = {"hparams": self.hparams.to_dict(), "scale_factor": self.scale_factor}
        own |= {"seed": self.seed, "precision": self.execution.precision}
        if self.fixed_state is not None:
            own["first_state"] = [float(str(value)) for value in self.fixed_state]
        if self.squashes_z:
            own["squashes_z"] = True
        if self.full_size is not None:
            own["full_size"] = self.full_size
        if trained := self.trained.known():
            own["trained"] = trained
        if self.license:
            own["license"] = self.license
        return super().get_config() | own

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SketchRNN":
        """Return the model that `get_config` describes, with new weights."""
        config = dict(config)
        hparams = HParams.from_dict(config.pop("hparams"))
        execution = Execution.for_device(config.pop("precision"))
        fixed_state = config.pop("first_state", None)  # its name in files
        trained = Trained(**config.pop("trained", {}))
        return cls(hparams, execution=execution, fixed_state=fixed_state, trained=trained, **config)

    def with_scale_factor(self, scale_factor: float) -> "SketchRNN":
        """Return a model with the same weights but a different scale factor."""
        return self._copied(scale_factor, self.execution)

    def computed_by(self, execution: Execution) -> "SketchRNN":
        """Return a model with the same weights but different execution settings."""
        return self._copied(self.scale_factor, execution)

    def _full_size_in(self, scale_factor: float | None) -> float | None:
        """Convert the full size to the data units of another scale factor; None if unknown."""
        if self.full_size is None or scale_factor == self.scale_factor:
            return self.full_size
        if scale_factor is None or self.scale_factor is None:
            return None
        return self.full_size * scale_factor / self.scale_factor

    def _copied(self, scale_factor: float | None, execution: Execution) -> "SketchRNN":
        model = SketchRNN(
            self.hparams,
            scale_factor,
            self.seed,
            execution,
            fixed_state=self.fixed_state,
            squashes_z=self.squashes_z,
            trained=self.trained,
            full_size=self._full_size_in(scale_factor),
            license=self.license,
        )
        model.set_weights(self.get_weights())
        return model

    def call(self, batch: Batch, noise: Noise = Noise()) -> Outputs:  # noqa: B008
        """Do a forward pass over a batch, decoding every step of every sketch."""
        mu, logvar, z = self.forward.encode(batch, noise)
        return Outputs(self.forward.decode(batch, z, noise), mu, logvar)

    def batch(self, sketches: Sequence[np.ndarray]) -> Batch:
        """Convert sketches to a batch for `loss`, `posterior` and `distribution`.

        Args:
          sketches: stroke-3 arrays `[n, 3]` in data units, with at most N_max points each.

        Returns:
          (strokes5, lengths): stroke-5 points `[B, N_max + 1, 5]` in model units, beginning with
          the start token, and the number of points in each sketch, `[B]`.

        Raises:
          UserError: a sketch is empty, too long, not stroke-3 or not finite.
        """
        scaled = self.to_model_units(sketches)
        strokes5 = to_stroke5(scaled, self.hparams.max_seq_len)
        return Batch(tf.constant(strokes5), tf.constant([len(sketch) for sketch in scaled]))

    def posterior(self, batch: Batch | tuple[tf.Tensor, tf.Tensor]) -> Posterior:
        """Return q(z | sketch) for each sketch, as tensors with gradients; `encode` returns arrays.

        Args:
          batch: (strokes5, lengths), as `batch` and `Dataset.batches` return them.

        Raises:
          UserError: the model is unconditional.
        """
        mu, logvar, _ = self.forward.encode(Batch(*batch), Noise())
        if mu is None or logvar is None:
            raise UserError("expected a conditional model, but this one has no encoder")
        return Posterior(mu, logvar)

    def distribution(
        self, batch: Batch | tuple[tf.Tensor, tf.Tensor], z: tf.Tensor | None = None
    ) -> Distribution:
        """Return the distribution of each next point, given the points before it.

        Args:
          batch: (strokes5, lengths), as `batch` and `Dataset.batches` return them.
          z: `[B, Z]`; a `tf.GradientTape` can differentiate with respect to it. If z is None,
            the mu of each sketch is used. Without an encoder, z has to be None.

        Returns:
          The distributions of the points `strokes5[:, 1:]`, for B sketches with T steps each.
        """
        read = Batch(*batch)
        if z is None:
            z = self.forward.encode(read, Noise()).z
        return Distribution.of_output(self.forward.decode(read, z, Noise()))

    def encode(self, sketches: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Encode drawings.

        Args:
          sketches: stroke-3 arrays `[n, 3]` in data units.

        Returns:
          mu and logvar, each `[B, Z]`.

        Raises:
          UserError: the model is unconditional, there is no sketch, or a sketch is empty, not
            stroke-3 or not finite.
        """
        if not len(sketches):
            raise UserError("expected one sketch or more to encode, got none")
        size = sampling.LARGEST_BATCH
        starts = range(0, len(sketches), size)
        with self.execution.in_force():
            parts = [self._encode(sketches[first : first + size]) for first in starts]
        mu, logvar = (np.concatenate(part) for part in zip(*parts, strict=True))
        return mu, logvar

    def _encode(self, sketches: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Encode sketches as a single batch; see `encode`."""
        scaled = self.to_model_units(sketches)
        longest = max(len(sketch) for sketch in scaled)
        strokes5 = tf.constant(to_stroke5(scaled, longest))
        batch = Batch(strokes5, tf.constant([len(sketch) for sketch in scaled]))
        mu, logvar = self.posterior(batch)
        return mu.numpy(), logvar.numpy()

    def decode(
        self,
        z: ArrayLike | None = None,
        num_samples: int | None = None,
        temperature: ArrayLike = sampling.TEMPERATURE,
        greedy: bool = False,
        max_len: int | None = None,
        seed: int | None = None,
    ) -> list[np.ndarray]:
        """Draw sketches.

        Args:
          z: `[Z]` or `[B, Z]`; None draws z from the prior. It has to be None for an
            unconditional model.
          num_samples: the number of sketches for each z, by default 1; without z, the number of
            sketches, by default 10.
          temperature: above 0, a single value or one per sketch; 1 samples the distribution that
            the model learned, and lower values make drawings vary less.
          greedy: always take the mean of the most probable component and the most probable pen
            state.
          max_len: the most points in a sketch; None means N_max.
          seed: the seed; the same seed draws the same sketches. None means a random seed.

        Returns:
          A list of stroke-3 arrays `[n, 3]`, float32, in data units. The sketches drawn from the
          first z come first, then the sketches drawn from the second z, and so on.

        Raises:
          UserError: z has the wrong shape, or a value is out of range.
        """
        with self.execution.in_force():
            return sampling.decode(
                self,
                z,
                num_samples,
                temperature=temperature,
                greedy=greedy,
                max_len=max_len,
                seed=seed,
            )

    def complete(
        self,
        sketch: np.ndarray,
        z: ArrayLike | None = None,
        num_samples: int | None = None,
        temperature: ArrayLike = sampling.TEMPERATURE,
        greedy: bool = False,
        max_len: int | None = None,
        seed: int | None = None,
    ) -> list[np.ndarray]:
        """Finish a drawing in several ways (section 4.4), each with two or more new points.

        Args:
          sketch: the beginning of the drawing, stroke-3 `[n, 3]` in data units.
          z: `[Z]`; if None, the mu of `sketch` is used. Without an encoder, z has to be None.
          num_samples: the number of ways to finish it, by default 5.
          temperature: as in `decode`.
          greedy: as in `decode`.
          seed: as in `decode`.
          max_len: the most points in the whole drawing; None means N_max.

        Returns:
          `num_samples` stroke-3 arrays in data units that begin with the sketch.

        Raises:
          UserError: as in `decode`, or the sketch is empty or has `max_len` points or more.
        """
        with self.execution.in_force():
            return sampling.complete(
                self,
                sketch,
                z,
                num_samples,
                temperature=temperature,
                greedy=greedy,
                max_len=max_len,
                seed=seed,
            )

    def interpolate(
        self,
        first: np.ndarray,
        last: np.ndarray,
        steps: int = 10,
        temperature: ArrayLike = sampling.TEMPERATURE,
        seed: int | None = None,
        spherical: bool = True,
    ) -> list[np.ndarray]:
        """Draw steps between two drawings (section 4.2).

        Args:
          first: the drawing to begin with, stroke-3 `[n, 3]` in data units.
          last: the drawing to end with, stroke-3 `[n, 3]` in data units.
          steps: the number of drawings, including both ends.
          temperature: as in `decode`.
          seed: as in `decode`.
          spherical: see `sampling.interpolate`.

        Returns:
          `steps` stroke-3 arrays in data units.
        """
        mu, _ = self.encode([first, last])
        z = sampling.interpolate(mu[0], mu[1], steps, spherical)
        return self.decode(z, temperature=temperature, seed=seed)

    def to_model_units(self, sketches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Convert stroke-3 arrays in data units to float32 arrays in model units.

        Raises:
          UserError: a sketch is empty, not stroke-3 or not finite.
        """
        scale = np.array([1 / (self.scale_factor or 1)] * 2 + [1], np.float32)
        return [np.asarray(s, np.float32) * scale for s in strokes.all_checked(sketches)]

    def to_data_units(self, sketches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Convert stroke-3 arrays in model units to float32 arrays in data units."""
        scale = np.array([self.scale_factor or 1] * 2 + [1], np.float32)
        return [np.asarray(sketch, np.float32) * scale for sketch in sketches]
