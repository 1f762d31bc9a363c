"""The model: a bidirectional encoder, a latent vector, and a decoder (Ha & Eck 2017, figure 2).

Legend: B batch, T time (N_max), Z latent, M mixtures.
"""

import math
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from sketch_rnn import files, strokes
from sketch_rnn.choices import KERAS_SUFFIX
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import HParams
from sketch_rnn.model import card, sampling
from sketch_rnn.model.distribution import Distribution
from sketch_rnn.model.execution import Execution
from sketch_rnn.model.fitting import Fitting
from sketch_rnn.model.forward import Forward
from sketch_rnn.model.layers import Decoder, Encoder, Latent, independent_seeds
from sketch_rnn.model.noise import Noise
from sketch_rnn.model.packing import Batch
from sketch_rnn.model.sampling import LARGEST_BATCH

POINT = 5  # the width of a stroke-5 row


class Outputs(NamedTuple):
    """The results of a forward pass."""

    output: tf.Tensor  # [T, B, 3 + 6 M], of the decoder
    mu: tf.Tensor | None  # [B, Z]; None without an encoder, as the next
    logvar: tf.Tensor | None  # [B, Z]


class Posterior(NamedTuple):
    """q(z | sketch), a diagonal Gaussian (Ha & Eck 2017, equation 2), each `[B, Z]`."""

    mu: tf.Tensor
    logvar: tf.Tensor


@dataclass(frozen=True)
class Trained:
    """The facts that are known of a model's training; None is unknown.

    Attributes:
      steps: how many updates it has had.
      sketches: in the training split.
      reconstruction: the cost of the validation split by these weights.
      kl: the same, with its floor.
    """

    steps: int | None = None
    sketches: int | None = None
    reconstruction: float | None = None
    kl: float | None = None


@keras.saving.register_keras_serializable("sketch_rnn")
class SketchRNN(Fitting):
    """Encoder, latent vector and decoder; the decoder alone where `conditional` is off.

    Attributes:
      hparams: its hyperparameters; `max_seq_len` is N_max.
      scale_factor: data units in a model unit; None where it is not known, and then the sketches
        that it reads and draws are in model units.
      execution: how it is computed.
      forward: the passes over whole sketches.
      trained: what is known of its training, by what it was read from.
      full_size: the longer side of a typical drawing in data units; None where it is not known
        (`formats.full_size` finds it out).
      license: under which others may use it, as in "cc-by-4.0", for its card; "" is not stated.
    """

    def __init__(
        self,
        hparams: HParams,
        scale_factor: float | None = None,
        seed: int | None = None,
        execution: Execution | None = None,
        fixed_state: np.ndarray | None = None,
        squashes_z: bool = False,
        trained: Trained = Trained(),
        full_size: float | None = None,
        license: str = "",
        **kwargs: Any,
    ):
        """Initialize the model.

        Args:
          hparams: its hyperparameters.
          scale_factor: see the class.
          seed: what the initial weights are drawn from; None is a new one.
          execution: None is that of the device, in float32.
          fixed_state: `[S]`, what an unconditional model starts from; None is zero. A conditional
            model at one z is such a model: z's share of the input is in its bias.
          squashes_z: a conditional model starts from tanh(W tanh(z) + b), as old browser models do.
          trained: see the class.
          full_size: see the class.
          license: see the class.
        """
        super().__init__(**kwargs)
        self.__dict__.pop("loss", None)  # Keras's, where the model has a method
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
        """`[S]`, what an unconditional model starts from; None is zero."""
        return self.decoder.fixed_state

    @property
    def squashes_z(self) -> bool:
        """Return whether a conditional model starts from tanh(W tanh(z) + b)."""
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
        told = asdict(self.trained).items()
        trained = {name: v for name, v in told if v is not None and math.isfinite(v)}
        if trained:
            own["trained"] = trained
        if self.license:
            own["license"] = self.license
        return super().get_config() | own

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SketchRNN":
        """The model of `get_config`, with new weights."""
        config = dict(config)
        hparams = HParams.from_dict(config.pop("hparams"))
        execution = Execution.for_device(config.pop("precision"))
        fixed_state = config.pop("first_state", None)  # its name in files
        trained = Trained(**config.pop("trained", {}))
        return cls(hparams, execution=execution, fixed_state=fixed_state, trained=trained, **config)

    def save(self, filepath: str | Path, overwrite: bool = True) -> None:
        """Write a `.keras` file, with the model's card in it.

        `load_model` and `keras.saving.load_model` read it. It is a zip: `README.md` in it is the
        card, and `drawings.png` shows what the model draws.

        Args:
          filepath: of the file, which ends in `.keras`; `save_model` writes other formats.
          overwrite: replace a file that is there.

        Raises:
          UserError: the name has another suffix, or the file exists.
          OSError: the file cannot be written; an earlier one is then as it was.
        """
        path = Path(filepath)
        if path.suffix != KERAS_SUFFIX:
            raise UserError(
                f"save: expected a name that ends in {KERAS_SUFFIX}, got {path.name}; "
                "`save_model` writes other formats"
            )
        if path.exists() and not overwrite:
            raise UserError(f"{path} exists; `overwrite` replaces it, or name another file")
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            part = Path(folder) / "model.keras"
            keras.saving.save_model(self, part)
            with zipfile.ZipFile(part, "a") as archive:
                for name, content in self.card_files(path.name).items():
                    archive.writestr(name, content)
            files.replace(part, path)

    def card(self, name: str = "model.keras") -> str:
        """Return what is known of the model, as Markdown for people.

        Args:
          name: how `load_model` reads the model.

        Returns:
          Its data, training steps, costs, license and architecture.
        """
        return card.text(self, name)

    def card_files(self, name: str) -> dict[str, bytes]:
        """Return the card and its picture as files, by their names; see `card`."""
        shown = card.picture(self)
        pictures = {} if shown is None else {card.PICTURE_FILE: shown}
        return {card.TEXT_FILE: self.card(name).encode(), **pictures}

    def with_scale_factor(self, scale_factor: float) -> "SketchRNN":
        """A model of the same weights in other data units."""
        return self._copied(scale_factor, self.execution)

    def computed_by(self, execution: Execution) -> "SketchRNN":
        """A model of the same weights that another execution computes."""
        return self._copied(self.scale_factor, execution)

    def _full_size_in(self, scale_factor: float | None) -> float | None:
        """The full size where a model unit is so many data units."""
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
        """One pass over a batch; every step of every sketch is decoded."""
        mu, logvar, z = self.forward.encode(batch, noise)
        return Outputs(self.forward.decode(batch, z, noise), mu, logvar)

    def batch(self, sketches: Sequence[np.ndarray]) -> Batch:
        """Sketches as what `loss` and `distribution` read.

        Args:
          sketches: stroke-3 arrays `[n, 3]` in data units, of N_max points at most.

        Returns:
          (strokes5, lengths): stroke-5 `[B, N_max + 1, 5]` in model units, the start token first,
          and the points of each sketch `[B]`.

        Raises:
          UserError: a sketch is empty, too long, not stroke-3 or not finite.
        """
        scaled = self.to_model_units(sketches)
        strokes5 = strokes.to_stroke5(scaled, self.hparams.max_seq_len)
        return Batch(tf.constant(strokes5), tf.constant([len(sketch) for sketch in scaled]))

    def posterior(self, batch: Batch | tuple[tf.Tensor, tf.Tensor]) -> Posterior:
        """Return q(z | sketch) of each sketch, as tensors that have gradients; `encode` is for
        arrays.

        Args:
          batch: (strokes5, lengths), as `batch` and `Dataset.batches` give them.

        Raises:
          UserError: the model is unconditional.
        """
        mu, logvar, _ = self.forward.encode(Batch(*batch), Noise())
        if mu is None or logvar is None:
            raise UserError("expected a conditional model, this one has no encoder")
        return Posterior(mu, logvar)

    def distribution(
        self, batch: Batch | tuple[tf.Tensor, tf.Tensor], z: tf.Tensor | None = None
    ) -> Distribution:
        """Return the distribution of each next point, given the points before.

        Args:
          batch: (strokes5, lengths), as `batch` and `Dataset.batches` give them.
          z: `[B, Z]`, through which a `tf.GradientTape` finds gradients; None is mu of each sketch.
            Always None without an encoder.

        Returns:
          The distribution of `strokes5[:, 1:]`, for B sketches of T steps.
        """
        read = Batch(*batch)
        if z is None:
            z = self.forward.encode(read, Noise()).z
        return Distribution.of_output(self.forward.decode(read, z, Noise()))

    def encode(self, sketches: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Encodes drawings.

        Args:
          sketches: stroke-3 arrays `[n, 3]` in data units.

        Returns:
          mu and logvar, each `[B, Z]`.

        Raises:
          UserError: the model is unconditional, there is no sketch, or one is empty, not stroke-3
            or not finite.
        """
        if not len(sketches):
            raise UserError("expected one sketch or more to encode, got none")
        starts = range(0, len(sketches), LARGEST_BATCH)
        with self.execution.in_force():
            parts = [self._encode(sketches[first : first + LARGEST_BATCH]) for first in starts]
        mu, logvar = (np.concatenate(part) for part in zip(*parts, strict=True))
        return mu, logvar

    def _encode(self, sketches: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """`encode`, all at once."""
        scaled = self.to_model_units(sketches)
        longest = max(len(sketch) for sketch in scaled)
        strokes5 = tf.constant(strokes.to_stroke5(scaled, longest))
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
        """Draws sketches.

        Args:
          z: `[Z]` or `[B, Z]`; None draws it from the prior. Always None for an unconditional
            model.
          num_samples: sketches of each z, by default 1; or of random z, by default 10.
          temperature: above 0, one for all or one a sketch; low is sure, 1 is as trained.
          greedy: always the most probable component's mean and the most probable pen state.
          max_len: points of the longest sketch; None is N_max.
          seed: the same one draws the same sketches; None is a new one.

        Returns:
          For each z, one after the other, stroke-3 arrays `[n, 3]` float32 in data units.

        Raises:
          UserError: z is of another shape, or a value is out of range.
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
        """Finishes a drawing in several ways (section 4.4); each adds two points or more.

        Args:
          sketch: what there is of it, stroke-3 `[n, 3]` in data units.
          z: `[Z]`; None is the mu of what there is. Always None for an unconditional model.
          num_samples: ways; by default 5.
          temperature: as in `decode`.
          greedy: as in `decode`.
          seed: as in `decode`.
          max_len: points of the whole drawing at most; None is N_max.

        Returns:
          `num_samples` stroke-3 arrays in data units that begin with the sketch.

        Raises:
          UserError: as in `decode`, or the sketch is empty or has `max_len` points.
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
        """Draws the way from one drawing to another (section 4.2).

        Args:
          first: where the way begins, stroke-3 `[n, 3]` in data units.
          last: where it ends.
          steps: drawings, both ends included.
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
        """stroke-3 arrays in data units -> float32 arrays in model units.

        Raises:
          UserError: a sketch is empty, not stroke-3 or not finite.
        """
        scale = np.array([1 / (self.scale_factor or 1)] * 2 + [1], np.float32)
        return [np.asarray(s, np.float32) * scale for s in strokes.all_checked(sketches)]

    def to_data_units(self, sketches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """stroke-3 arrays in model units -> float32 arrays in data units."""
        scale = np.array([self.scale_factor or 1] * 2 + [1], np.float32)
        return [np.asarray(sketch, np.float32) * scale for sketch in sketches]
