"""Write SavedModel folders, which TensorFlow Serving can run.

Legend: B batch, T time, N N_max, Z latent, U units.
"""

import shutil
import tempfile
from pathlib import Path

import tensorflow as tf

from sketch_rnn import files
from sketch_rnn.errors import UserError
from sketch_rnn.model import sampling
from sketch_rnn.model.execution import Execution, as_one
from sketch_rnn.model.forward import Noise
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.packing import Batch, one_sketch_a_row


def holds(path: Path) -> bool:
    """Return whether a folder is a SavedModel."""
    return (path / "saved_model.pb").is_file()


def refuse(path: Path, _: str = "") -> SketchRNN:
    """Raise UserError: a SavedModel holds functions, not the model that it was made from."""
    raise UserError(
        f"{path} is a SavedModel, which only TensorFlow runs; use the model that it was made from"
    )


def save(model: SketchRNN, path: str | Path, overwrite: bool = False) -> None:
    """Write a SavedModel with the signatures of `Serving`.

    Args:
      model: the model.
      path: the new folder.
      overwrite: whether to replace an existing SavedModel.

    Raises:
      UserError: another file or folder has this name, or TensorFlow cannot write.
      OSError: the folder cannot be written.
    """
    path = Path(path)
    if path.exists() and not (overwrite and holds(path)):
        raise UserError(f"{path} exists; remove it, or export to another folder")
    part = tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        serving = Serving(model)
        without_gradients = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(serving, part, serving.signatures(), without_gradients)
        files.set_usual_permissions(part)
        with tempfile.TemporaryDirectory(prefix=".replaced.", dir=path.parent) as old:
            if path.exists():
                files.replace(path, Path(old) / path.name)
            files.replace(part, path)
    except tf.errors.OpError as error:  # for example, a full disk
        reason = error.message.rsplit("; ", 1)[-1]  # the text before it names parts of the file
        raise UserError(f"{path}: cannot be written: {reason}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


class Serving(tf.Module):
    """The functions of a served model; their inputs and outputs are in data units.

    `encode(strokes [B, T, 3], lengths [B])` returns `mu` and `logvar`, each `[B, Z]`. Strokes are
    stroke-3; rows after the first `lengths` are padding. A model without an encoder has no
    `encode`.

    `decode(z [B, Z], temperature, seed)` returns `strokes [B, N, 3]` and `lengths [B]`; rows after
    the end of a sketch are 0. An unconditional model takes `count` instead of z.
    """

    def __init__(self, model: SketchRNN):
        super().__init__()
        self.model = model.computed_by(Execution())  # these settings allow any number of steps

    def signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        """Trace the functions, and return them keyed by name."""
        with as_one():  # a server does not compile
            return self._signatures()

    def _signatures(self) -> dict[str, tf.types.experimental.ConcreteFunction]:
        hparams = self.model.hparams
        number = tf.TensorSpec([], tf.float32, "temperature"), tf.TensorSpec([], tf.int32, "seed")
        if not hparams.conditional:
            count = tf.TensorSpec([], tf.int32, "count")
            return {"decode": tf.function(self._decode_many).get_concrete_function(count, *number)}
        return {
            "encode": tf.function(self._encode).get_concrete_function(
                tf.TensorSpec([None, None, 3], tf.float32, "strokes"),
                tf.TensorSpec([None], tf.int32, "lengths"),
            ),
            "decode": tf.function(self._decode).get_concrete_function(
                tf.TensorSpec([None, hparams.z_size], tf.float32, "z"), *number
            ),
        }

    def _encode(self, strokes: tf.Tensor, lengths: tf.Tensor) -> dict[str, tf.Tensor]:
        scale = self.model.scale_factor or 1.0
        lifted = strokes[:, :, 2:]
        points = tf.concat(
            [strokes[:, :, :2] / scale, 1 - lifted, lifted, tf.zeros_like(lifted)], axis=-1
        )
        first = tf.zeros(
            [tf.shape(points)[0], 1, points.shape[2]]
        )  # the start token, which the encoder skips
        packing = one_sketch_a_row(lengths, tf.shape(points)[1])
        batch = Batch(tf.concat([first, points], axis=1), lengths, packing)
        mu, logvar, _ = self.model.forward.encode(batch, Noise())
        return {"mu": mu, "logvar": logvar}

    def _decode(
        self, z: tf.Tensor, temperature: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        return self._draw(z, tf.shape(z)[0], temperature, seed)

    def _decode_many(
        self, count: tf.Tensor, temperature: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        return self._draw(None, count, temperature, seed)

    def _draw(
        self, z: tf.Tensor | None, batch: tf.Tensor, temperature: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        points, lengths = sampling.decode_strokes(
            self.model.decoder,
            z,
            batch,
            temperature=tf.maximum(temperature, sampling.SMALLEST_TEMPERATURE),
            max_len=self.model.hparams.max_seq_len,
            key=tf.stack([seed, 0]),
        )
        stroke3 = tf.transpose(tf.gather(points, [0, 1, 3], axis=-1), [1, 0, 2])  # [B, N, 3]
        scale = self.model.scale_factor or 1.0
        return {"strokes": stroke3 * [scale, scale, 1.0], "lengths": lengths}
