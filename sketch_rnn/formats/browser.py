"""Reads and writes `.gen.json`: models that browser clients load (`@magenta/sketch`, ml5).

A file is `[info, shapes, weights]`: each array in base64 of little-endian int16, a weight being
value * 10 / 32767, in the order output kernel, output bias, W_xh, W_hh, bias; gates i, j, f, o;
the forget bias is not in the bias. The clients run an lstm decoder with 20 mixtures and no z.

Legend: U units, Z latent, M mixtures, O = 3 + 6 M.
"""

import base64
import json
import math
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sketch_rnn import files
from sketch_rnn.errors import UserError, warn
from sketch_rnn.hparams import HParams
from sketch_rnn.model.mixture import PEN_STATES, PER_MIXTURE
from sketch_rnn.model.network import POINT, SketchRNN
from sketch_rnn.model.recurrent.base import GATES

SUFFIX = ".gen.json"
_CLIENT_MIXTURES = 20
_LARGEST_WEIGHT = 10.0
_LARGEST_INTEGER = 32767
_LARGEST_FILE = 1 << 27
_LARGEST_COUNTS = {b"[": 64, b"{": 64, b",": 100_000}  # of a whole file; weights have none
_LARGEST_UNITS = 8192
_LONGEST_SKETCH = 10_000
_LONGEST_NAME = 100


@keras.saving.register_keras_serializable("sketch_rnn")
class StartedSketchRNN(SketchRNN):
    """An unconditional model that does not start from the zero state.

    A conditional model at one z is such a model: z's share of the input is in its bias.

    Attributes:
      first_state: of the decoder, c then h, `[2 U]`.
    """

    def __init__(self, *args, first_state: list[float], **kwargs):
        super().__init__(*args, **kwargs)
        self.first_state = np.array(first_state, np.float32)
        self.decoder.initial_state = self._initial_state

    def get_config(self) -> dict:
        return super().get_config() | {"first_state": _plain(self.first_state)}

    def _initial_state(self, z: None, batch: int | tf.Tensor) -> tf.Tensor:
        """`[B, 2 U]`."""
        return tf.tile(tf.constant(self.first_state)[None], [batch, 1])


def load(path: str | Path) -> SketchRNN:
    """Reads a model; sizes are checked before memory is taken.

    Returns:
      An unconditional lstm model.

    Raises:
      UserError: the file is absent, or is not such a model.
    """
    path = Path(path)
    try:
        info, shapes, texts = _parts(_read(path))
        units, mixtures = _sizes(shapes)
        weights = [
            _decoded(text, shape)
            for text, shape in zip(texts, _shapes(units, mixtures), strict=True)
        ]
        hparams = _hparams(info, units, mixtures)
        scale_factor = _scale_factor(info)
        first_state = _first_state(info, units)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    if first_state is None:
        model = SketchRNN(hparams, scale_factor, seed=0)
    else:
        model = StartedSketchRNN(hparams, scale_factor, seed=0, first_state=first_state)
    for variable, weight in zip(_variables(model), weights, strict=True):
        variable.assign(weight)
    return model


def save(model: SketchRNN, path: str | Path, z: np.ndarray | None = None) -> None:
    """Writes a model, and warns of weights that the format cannot hold.

    A conditional model is written at one z: what z adds to every step's input is constant and goes
    into the bias, and the state that it starts from is `info.initial_state`, c and h.

    Args:
      model: an lstm decoder with 20 mixtures and a scale factor.
      path: of the file.
      z: `[Z]`, for a conditional model only.

    Raises:
      UserError: the clients cannot run the model.
      OSError: the file cannot be written.
    """
    _check_client_can(model, z)
    decoder = model.decoder
    if z is not None:
        z = np.asarray(z, np.float32)[None]
    state = decoder.initial_state(z, 1).numpy()[0]
    weights = [variable.numpy() for variable in _variables(model)]
    if z is not None:
        weights[2], weights[4] = weights[2][:POINT], weights[4] + z[0] @ weights[2][POINT:]
    info: dict[str, Any] = {
        "mode": 2,
        "version": 6,
        "max_seq_len": model.hparams.max_seq_len,
        "name": "+".join(Path(name).stem for name in model.hparams.data_set),
        "scale_factor": model.scale_factor,
    }
    if state.any():
        c, h = np.split(state, 2)
        info["initial_state"] = {"c": _plain(c), "h": _plain(h)}
    shapes = [list(weight.shape) for weight in weights]
    content = [info, shapes, _encoded(weights)]
    files.write_text(path, json.dumps(content, separators=(",", ":")))


def _variables(model: SketchRNN) -> list[keras.Variable]:
    """The decoder's weights in the order of the file."""
    output, recurrent = model.decoder.output_layer, model.decoder.recurrent
    return [output.kernel, output.bias, recurrent.w_xh, recurrent.w_hh, recurrent.bias]


def _shapes(units: int, mixtures: int) -> list[tuple[int, ...]]:
    width, gates = PEN_STATES + PER_MIXTURE * mixtures, GATES * units
    return [(units, width), (width,), (POINT, gates), (units, gates), (gates,)]


def _read(path: Path) -> list:
    """The file's JSON, which is mostly the text of the weights."""
    if not path.is_file():
        raise UserError("there is no such file")
    with path.open("rb") as file:
        data = file.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE:
        raise UserError(f"expected a browser model of at most {_LARGEST_FILE >> 20} MB")
    if any(data.count(sign) > most for sign, most in _LARGEST_COUNTS.items()):
        raise UserError("expected [info, shapes, weights], got other JSON")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UserError(f"expected JSON: {error}") from error


def _parts(content: Any) -> tuple[dict, list, list]:
    if (
        not isinstance(content, list)
        or len(content) < 3
        or not isinstance(content[0], dict)
        or not all(isinstance(part, list) and len(part) == 5 for part in content[1:3])
        or not all(isinstance(text, str) for text in content[2])
    ):
        raise UserError("expected [info, shapes, weights] with five weights as text")
    return tuple(content[:3])


def _sizes(shapes: list) -> tuple[int, int]:
    """U and M."""
    first = shapes[0]
    if isinstance(first, list) and len(first) == 2 and all(type(size) is int for size in first):
        units, width = first
        mixtures, rest = divmod(width - PEN_STATES, PER_MIXTURE)
        if (
            1 <= units <= _LARGEST_UNITS
            and mixtures >= 1
            and rest == 0
            and shapes == [list(shape) for shape in _shapes(units, mixtures)]
        ):
            return units, mixtures
    raise UserError(
        "expected the shapes of an lstm decoder without z, [U, O], [O], [5, 4 U], [U, 4 U], [4 U] "
        f"with O = 3 + 6 mixtures; got {str(shapes)[:80]}"
    )


def _decoded(text: str, shape: tuple[int, ...]) -> np.ndarray:
    """The weights, float32, as the client computes them."""
    size = 2 * math.prod(shape)
    if len(text) != 4 * -(-size // 3):
        raise UserError(f"expected {size} bytes in base64 for weights {list(shape)}")
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise UserError(f"expected base64 for weights {list(shape)}: {error}") from error
    if len(data) != size:
        raise UserError(f"expected {size} bytes for weights {list(shape)}, got {len(data)}")
    values = np.frombuffer(data, "<i2").reshape(shape)
    return (_LARGEST_WEIGHT * values / _LARGEST_INTEGER).astype(np.float32)


def _hparams(info: dict, units: int, mixtures: int) -> HParams:
    longest = info.get("max_seq_len", HParams.max_seq_len)
    if type(longest) is not int or not 1 <= longest <= _LONGEST_SKETCH:
        raise UserError(f"expected max_seq_len from 1 to {_LONGEST_SKETCH}, got {longest!r:.60}")
    name = re.sub(r"[^\w +.-]|\.\.+", "_", str(info.get("name", "")))[:_LONGEST_NAME].strip()
    return HParams(
        data_set=[f"{name or 'browser'}.npz"],
        max_seq_len=longest,
        conditional=False,
        dec_model="lstm",
        dec_rnn_size=units,
        num_mixture=mixtures,
    )


def _scale_factor(info: dict) -> float | None:
    """Data units in a model unit; None where the file does not say."""
    value = info.get("scale_factor")
    if value is not None and not (_is_number(value) and 1e-30 < value < 1e30):
        raise UserError(f"expected a positive scale_factor, got {value!r:.60}")
    return value if value is None else float(value)


def _first_state(info: dict, units: int) -> list[float] | None:
    """c then h, `[2 U]`; None for the zero state."""
    state = info.get("initial_state")
    if state is None:
        return None
    parts = [state.get("c"), state.get("h")] if isinstance(state, dict) else []
    if not parts or not all(
        isinstance(part, list)
        and len(part) == units
        and all(_is_number(x) and abs(x) < 1e30 for x in part)
        for part in parts
    ):
        raise UserError(f"expected initial_state to hold c and h, {units} numbers each")
    return [float(x) for part in parts for x in part]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_client_can(model: SketchRNN, z: np.ndarray | None) -> None:
    """Raises UserError with the reason why the clients cannot run the model."""
    hparams = model.hparams
    other = "export it to .keras or a folder instead"
    if hparams.dec_model != "lstm":
        raise UserError(
            f"browser clients run only an lstm decoder, this one is {hparams.dec_model}; {other}"
        )
    if hparams.num_mixture != _CLIENT_MIXTURES:
        raise UserError(
            f"browser clients expect {_CLIENT_MIXTURES} mixtures, this model has "
            f"{hparams.num_mixture}; {other}"
        )
    if model.scale_factor is None:
        raise UserError("browser clients need the scale factor, and this model has none")
    if not hparams.conditional and z is not None:
        raise UserError("this model is unconditional: it is exported without z")
    if hparams.conditional and z is None:
        raise UserError("browser clients know no z; give the one to export this model at")
    if z is not None and np.shape(z) != (hparams.z_size,):
        raise UserError(f"expected one z [{hparams.z_size}], got shape {list(np.shape(z))}")


def _encoded(weights: list[np.ndarray]) -> list[str]:
    """The weights as text."""
    scaled = [
        np.round(weight.astype(np.float64) * _LARGEST_INTEGER / _LARGEST_WEIGHT)
        for weight in weights
    ]
    if not all(np.isfinite(values).all() for values in scaled):
        raise UserError("the model has weights that are not finite; export an earlier checkpoint")
    limits = np.iinfo(np.int16)
    clipped = [np.clip(values, limits.min, limits.max) for values in scaled]
    changed = sum(np.count_nonzero(a != b) for a, b in zip(scaled, clipped, strict=True))
    if changed:
        total = sum(values.size for values in scaled)
        warn(
            f"{changed} of {total} weights are beyond +-{_LARGEST_WEIGHT:g}, which is as far as "
            "the file goes, and were clipped; look at what the exported model draws"
        )
    return [base64.b64encode(values.astype("<i2").tobytes()).decode() for values in clipped]


def _plain(values: np.ndarray) -> list[float]:
    """The shortest decimals that read back as the same float32."""
    return [float(str(value)) for value in values]
