"""Read and write models for browser clients (`@magenta/sketch`, ml5, sketch-rnn-js).

A `.gen.json` holds only a decoder: output kernel, output bias, W_xh, W_hh, bias. A `.vae.json`
holds a conditional model as 17 arrays, in this order:
- W_xh, W_hh and bias of the encoder's forward direction, then of its backward direction;
- kernel and bias of the layers for mu, for the log-variance and for the initial state (c, then h);
- the five arrays of the decoder, in which W_xh reads z after the point.

Gates are in the order i, j, f, o; the forget bias is not included in the bias. The clients run lstm
cells with 20 mixtures.

Legend: E encoder units, U decoder units, Z latent, M mixtures, O = 3 + 6 M.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import keras
import numpy as np

from sketch_rnn.errors import UserError
from sketch_rnn.formats import browser_arrays
from sketch_rnn.hparams import HParams
from sketch_rnn.model.card import Trained
from sketch_rnn.model.losses import PEN_STATES, PER_MIXTURE
from sketch_rnn.model.network import POINT, SketchRNN
from sketch_rnn.model.recurrent.cell import GATES

CLIENT_MIXTURES = 20
_DECODER_ARRAYS, _ALL_ARRAYS = 5, 17
_VERSION = 6  # clients squash z if the file has an earlier version
_TRAINED = {  # from keys of `info` to attributes of `Trained`
    "training_steps": "steps",
    "training_size": "sketches",
    "r_loss": "reconstruction",
    "kl_loss": "kl",
}
_LARGEST_UNITS = 8192
_LONGEST_SKETCH = 10_000
_LONGEST_NAME = 100


class Sizes(NamedTuple):
    """The sizes U, M, E and Z of a model; the last two are 0 if there is only a decoder."""

    units: int
    mixtures: int
    encoder: int = 0
    latent: int = 0


def load(path: str | Path) -> SketchRNN:
    """Read a model, checking sizes before taking memory.

    Returns:
      An lstm model, conditional if the file holds an encoder.

    Raises:
      UserError: the file is missing, or is not a browser model.
    """
    path = Path(path)
    try:
        info, shapes, texts = browser_arrays.read(path, (_DECODER_ARRAYS, _ALL_ARRAYS))
        sizes = _sizes(shapes)
        weights = [
            browser_arrays.decoded(text, shape)
            for text, shape in zip(texts, _shapes(sizes), strict=True)
        ]
        model = _model(info, sizes)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    for variable, weight in zip(_variables(model), weights, strict=True):
        variable.assign(weight)
    return model


def _model(info: dict, sizes: Sizes) -> SketchRNN:
    """Build the model without its weights."""
    return SketchRNN(
        _hparams(info, sizes),
        _positive(info, "scale_factor"),
        seed=0,
        fixed_state=None if sizes.latent else _fixed_state(info, sizes.units),
        squashes_z=bool(sizes.latent) and _version(info) < _VERSION,
        trained=_trained(info),
        full_size=_positive(info, "full_size"),
    )


def save(model: SketchRNN, path: str | Path, z: np.ndarray | None = None) -> None:
    """Write a `.gen.json`, and warn about weights that the format cannot hold.

    A conditional model is written with one fixed z: the contribution of z to each step is constant,
    so it is added to the bias; `info.initial_state` holds the initial state, c and h.

    Args:
      model: a model with an lstm decoder, 20 mixtures and a scale factor.
      path: the file.
      z: the latent vector `[Z]`, only for a conditional model.

    Raises:
      UserError: browser clients such as `@magenta/sketch` cannot run this kind of model.
      OSError: the file cannot be written.
    """
    _check_client_can(model)
    _check_z(model.hparams, z)
    if z is not None:
        z = np.asarray(z, np.float32)[None]
    state = model.decoder.initial_state(z, 1).numpy()[0]
    weights = [variable.numpy() for variable in _decoder_variables(model)]
    if z is not None:
        weights[2], weights[4] = weights[2][:POINT], weights[4] + z[0] @ weights[2][POINT:]
    info: dict[str, Any] = {"mode": 2, "version": _VERSION} | _description(model)
    if state.any():
        c, h = np.split(state, 2)
        info["initial_state"] = {"c": _shortest_decimals(c), "h": _shortest_decimals(h)}
    browser_arrays.write(path, info, weights)


def save_conditional(model: SketchRNN, path: str | Path) -> None:
    """Write a `.vae.json`, and warn about weights that the format cannot hold.

    Args:
      model: a conditional model with an lstm encoder and decoder, 20 mixtures and a scale factor.
      path: the file.

    Raises:
      UserError: browser clients such as `@magenta/sketch` cannot run this kind of model.
      OSError: the file cannot be written.
    """
    if not model.hparams.conditional:
        raise UserError("this model is unconditional, so it has no encoder; export it to .gen.json")
    _check_client_can(model)
    if model.hparams.enc_model != "lstm":
        raise UserError(
            f"browser clients run only lstm encoders, and this one is {model.hparams.enc_model}; "
            "export it to .gen.json, which always draws from one z, or to .keras or a folder, "
            "which work for any z"
        )
    version = _VERSION - 1 if model.squashes_z else _VERSION
    info = {"mode": "vae", "version": version} | _description(model)
    browser_arrays.write(path, info, [variable.numpy() for variable in _variables(model)])


def _description(model: SketchRNN) -> dict[str, Any]:
    """Return the parts of `info` that describe the model and, as far as known, its training."""
    told: dict[str, Any] = {key: getattr(model.trained, name) for key, name in _TRAINED.items()}
    told |= {"full_size": model.full_size}
    return {
        "max_seq_len": model.hparams.max_seq_len,
        "name": "+".join(Path(name).stem for name in model.hparams.data_set),
        "scale_factor": model.scale_factor,
    } | {key: value for key, value in told.items() if value is not None}


def _variables(model: SketchRNN) -> list[keras.Variable]:
    """Return the weights in the order in which a file holds them."""
    if model.encoder is None or model.latent is None:
        return _decoder_variables(model)
    found = []
    for direction in (model.encoder.forward, model.encoder.backward):
        found += [direction.w_xh, direction.w_hh, direction.bias]
    for dense in (model.latent.mu, model.latent.logvar, model.decoder.first_state):
        found += [dense.kernel, dense.bias]
    return found + _decoder_variables(model)


def _decoder_variables(model: SketchRNN) -> list[keras.Variable]:
    output, recurrent = model.decoder.output_layer, model.decoder.recurrent
    return [output.kernel, output.bias, recurrent.w_xh, recurrent.w_hh, recurrent.bias]


def _shapes(sizes: Sizes) -> list[tuple[int, ...]]:
    """Return the shapes in the order in which a file holds them."""
    units, mixtures, encoder, latent = sizes
    width, gates = PEN_STATES + PER_MIXTURE * mixtures, GATES * units
    decoder = [(units, width), (width,), (POINT + latent, gates), (units, gates), (gates,)]
    if not latent:
        return decoder
    direction = [(POINT, GATES * encoder), (encoder, GATES * encoder), (GATES * encoder,)]
    gaussian = [(2 * encoder, latent), (latent,)]
    first_state = [(latent, 2 * units), (2 * units,)]
    return [*direction, *direction, *gaussian, *gaussian, *first_state, *decoder]


def _sizes(shapes: list) -> Sizes:
    """Derive the sizes from the shapes, and check that all shapes fit them."""
    units, width = _pair(shapes[-_DECODER_ARRAYS])
    mixtures, rest = divmod(width - PEN_STATES, PER_MIXTURE)
    sizes, within = Sizes(units, mixtures), 1 <= units <= _LARGEST_UNITS
    if len(shapes) == _ALL_ARRAYS:
        encoder, latent = _pair(shapes[1])[0], _pair(shapes[6])[1]
        sizes = sizes._replace(encoder=encoder, latent=latent)
        within &= 1 <= encoder <= _LARGEST_UNITS and 1 <= latent <= _LARGEST_UNITS
    expected = [list(shape) for shape in _shapes(sizes)]
    if within and mixtures >= 1 and rest == 0 and shapes == expected:
        return sizes
    if len(shapes) == _ALL_ARRAYS:
        raise UserError(
            "its weights do not have the shapes of an lstm model with E encoder units, U decoder "
            "units and Z values in z: expected twice [5, 4 E], [E, 4 E], [4 E]; twice [2 E, Z], "
            "[Z]; then [Z, 2 U], [2 U]; [U, O], [O], [5 + Z, 4 U], [U, 4 U], [4 U] with "
            f"O = 3 + 6 * mixtures; got {str(shapes)[:160]}"
        )
    raise UserError(
        "its weights do not have the shapes of an lstm decoder with U units and without z: "
        "expected [U, O], [O], [5, 4 U], [U, 4 U], [4 U] with O = 3 + 6 * mixtures; got "
        f"{str(shapes)[:80]}"
    )


def _pair(shape: Any) -> tuple[int, int]:
    """Return the two sizes in a shape; (0, 0) if it does not consist of two whole numbers."""
    if isinstance(shape, list) and len(shape) == 2 and all(type(size) is int for size in shape):
        return shape[0], shape[1]
    return 0, 0


def _hparams(info: dict, sizes: Sizes) -> HParams:
    longest = info.get("max_seq_len", HParams.max_seq_len)
    if type(longest) is not int or not 1 <= longest <= _LONGEST_SKETCH:
        raise UserError(f"expected max_seq_len from 1 to {_LONGEST_SKETCH}, got {longest!r:.60}")
    name = re.sub(r"[^\w +.-]|\.\.+", "_", str(info.get("name", "")))[:_LONGEST_NAME]
    names = [part.strip() for part in name.split("+") if part.strip()]
    with_z: dict[str, Any] = {}
    if sizes.latent:
        with_z = {"enc_model": "lstm", "enc_rnn_size": sizes.encoder, "z_size": sizes.latent}
    return HParams(
        data_set=tuple(f"{name}.npz" for name in names or ["browser"]),
        max_seq_len=longest,
        conditional=bool(sizes.latent),
        dec_model="lstm",
        dec_rnn_size=sizes.units,
        num_mixture=sizes.mixtures,
        **with_z,
    )


def _version(info: dict) -> float:
    version = info.get("version", _VERSION)
    if not _is_number(version):
        raise UserError(f'expected "version" to be a number, got {version!r:.60}')
    return version


def _trained(info: dict) -> Trained:
    """Read what a file says about the training; ignore values that are not numbers."""
    known: dict[str, Any] = {}
    for key, name in _TRAINED.items():
        value = info.get(key)
        if _is_number(value) and abs(value) < 1e15:
            known[name] = int(value) if name in ("steps", "sketches") else float(value)
    return Trained(**known)


def _positive(info: dict, key: str) -> float | None:
    """Read a positive number; return None if the file does not have it."""
    value = info.get(key)
    if value is not None and not (_is_number(value) and 1e-30 < value < 1e30):
        raise UserError(f"expected a positive {key}, got {value!r:.60}")
    return value if value is None else float(value)


def _fixed_state(info: dict, units: int) -> np.ndarray | None:
    """Read the initial state `[2 U]`, c then h; return None for the zero state."""
    state = info.get("initial_state")
    if state is None:
        return None
    parts: list[Any] = [state.get("c"), state.get("h")] if isinstance(state, dict) else []
    if not parts or not all(
        isinstance(part, list)
        and len(part) == units
        and all(_is_number(x) and abs(x) < 1e30 for x in part)
        for part in parts
    ):
        raise UserError(f'expected "initial_state" to hold c and h, {units} numbers each')
    return np.array(parts, np.float32).ravel()


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_client_can(model: SketchRNN) -> None:
    """Raise UserError if browser clients cannot run the decoder."""
    hparams = model.hparams
    other = "export it to .keras or a folder instead"
    if hparams.dec_model != "lstm":
        raise UserError(
            f"browser clients run only lstm decoders, and this one is {hparams.dec_model}; {other}"
        )
    if hparams.num_mixture != CLIENT_MIXTURES:
        raise UserError(
            f"browser clients expect {CLIENT_MIXTURES} mixtures, and this model has "
            f"{hparams.num_mixture}; {other}"
        )
    if model.scale_factor is None:
        raise UserError(
            "browser clients need a scale factor, which this model lacks; set it with "
            "SketchRNN.with_scale_factor, or export the model to .keras or a folder"
        )


def _check_z(hparams: HParams, z: np.ndarray | None) -> None:
    """Raise UserError if the model cannot be written for this z."""
    if not hparams.conditional and z is not None:
        raise UserError("this model is unconditional; export it without z")
    if hparams.conditional and z is None:
        raise UserError(
            f"a .gen.json always draws from one z; choose it with `z`, [{hparams.z_size}] numbers"
        )
    if z is not None and np.shape(z) != (hparams.z_size,):
        raise UserError(f"expected one z [{hparams.z_size}], got shape {list(np.shape(z))}")


def _shortest_decimals(values: np.ndarray) -> list[float]:
    """Return the shortest decimals that read back as the same float32."""
    return [float(str(value)) for value in values]
