"""Writes models for browsers with the JavaScript that runs them: a page to draw on, or a module.

Legend: U units, Z latent, M mixtures, S width of the decoder's state.
"""

import base64
import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sketch_rnn import strokes
from sketch_rnn.choices import WEIGHTS
from sketch_rnn.convert.sketches_json import to_lists
from sketch_rnn.errors import UserError
from sketch_rnn.model import sampling
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.recurrent import Recurrent
from sketch_rnn.web import assembly

MOST_EXAMPLES = 12
TITLE = "Draw together"

_STYLES = ("base.css", "page.css")
_INTERFACE = ("strokes.mjs", "keep.mjs", "paper.mjs", "page.mjs")
_EXPORTS = ("load", "encode", "decode", "complete")
_LARGEST_INTEGER = 32767
_HYPER = ("hyper_w_xh", "hyper_w_hh", "zw_kernel", "zw_bias", "alpha_kernel", "zb_kernel")
_RECURRENT = {  # attributes of a layer that are its weights
    "lstm": ("w_xh", "w_hh", "bias"),
    "layer_norm": ("w_xh", "w_hh"),
    "hyper": ("w_xh", "w_hh", "bias", *_HYPER, "beta_kernel"),
}
_NORMS = {"lstm": (), "layer_norm": ("norms",), "hyper": ("norms", "hyper_norms")}


def refuse(path: Path, _: str = "") -> SketchRNN:
    """Raises UserError: a page or module is for browsers."""
    raise UserError(f"{path} is for browsers; take the model that it was made from")


def save_page(
    model: SketchRNN,
    path: str | Path,
    title: str | None = None,
    examples: Sequence[np.ndarray] = (),
    weights: str = WEIGHTS[0],
) -> None:
    """Writes a page to draw on with the model.

    Args:
      model: any, with a scale factor.
      path: of the file.
      title: of the page; None is `TITLE`.
      examples: stroke-3 arrays in data units that the page offers to begin with.
      weights: how they are stored, see `content`.

    Raises:
      UserError: the model has no scale factor, or the page would be too large.
      OSError: the file cannot be written; an earlier one is then as it was.
    """
    shown = [to_lists(sketch) for sketch in examples[:MOST_EXAMPLES]]
    drawings = interface(model, examples) | {"examples": shown}
    parts = {
        "title": html.escape(title or TITLE),
        "name": html.escape(name(model)),
        "modes_hidden": "" if model.hparams.conditional else " hidden",
        "worker": assembly.script(assembly.WORKER),
        "drawings": assembly.as_json(drawings),
        "model": assembly.as_json(content(model, weights)),
    }
    assembly.write(path, assembly.page("page.html", _STYLES, _INTERFACE, parts))


def save_module(model: SketchRNN, path: str | Path, weights: str = WEIGHTS[0]) -> None:
    """Writes an ES module: `load()` gives the model, for `encode`, `decode` and `complete`.

    Args and errors as in `save_page`.
    """
    script = assembly.script(assembly.INFERENCE)
    script = script.replace("function load(content)", "function load(content = MODEL)")
    assembly.write(
        path,
        f"// {_comment(name(model))}: a Sketch-RNN model and what runs it.\n{script}\n"
        f"const MODEL = {assembly.as_json(content(model, weights))};\n"
        f"export {{{', '.join(_EXPORTS)}}};\n",
    )


def interface(model: SketchRNN, examples: Sequence[np.ndarray]) -> dict[str, Any]:
    """What a page has to know of a model beside its weights.

    Args:
      model: any.
      examples: stroke-3 arrays in data units; they show how large its drawings are, where the
        model does not know it.
    """
    return {
        "side": _side(model, examples),
        "maxPoints": model.hparams.max_seq_len,
        "conditional": model.hparams.conditional,
    }


def name(model: SketchRNN) -> str:
    """What the model has learned from: the names of its data sets."""
    return ", ".join(Path(data_set).stem for data_set in model.hparams.data_set)


def content(model: SketchRNN, weights: str = WEIGHTS[0]) -> dict[str, Any]:
    """A model as the JavaScript loads it, ready for JSON.

    Args:
      model: any, with a scale factor.
      weights: `float32` keeps them as they are; `float16` rounds them to half precision; `int16`
        to 1/32767 of the largest of their tensor.

    Raises:
      UserError: the model has no scale factor, or weights beyond what half precision holds.
    """
    if model.scale_factor is None:
        raise UserError(
            "a page or module needs the scale factor, and this model has none; give "
            "--scale_factor, or --data_dir to compute it"
        )
    hparams, tensors = model.hparams, dict(_tensors(model))
    packed = {path: _packed(values, weights) for path, values in tensors.items()}
    described = [
        {"name": path, "shape": list(tensors[path].shape), "scale": scale}
        for path, (_, scale) in packed.items()
    ]
    encoder = {"cell": hparams.enc_model, "units": hparams.enc_rnn_size}
    decoder = {"cell": hparams.dec_model, "units": hparams.dec_rnn_size}
    return {
        "name": name(model),
        "max_seq_len": hparams.max_seq_len,
        "scale_factor": model.scale_factor,
        "full_size": model.full_size,
        "z_size": hparams.z_size if hparams.conditional else 0,
        "encoder": encoder if hparams.conditional else None,
        "decoder": decoder | {"mixtures": hparams.num_mixture},
        "weights": weights,
        "tensors": described,
        "data": base64.b64encode(b"".join(data for data, _ in packed.values())).decode(),
    }


def _tensors(model: SketchRNN) -> Iterator[tuple[str, np.ndarray]]:
    """All weights by the names of the layers and of their attributes."""
    decoder = model.decoder
    if model.encoder is not None and model.latent is not None:
        yield from _recurrent("encoder.forward", model.hparams.enc_model, model.encoder.forward)
        yield from _recurrent("encoder.backward", model.hparams.enc_model, model.encoder.backward)
        yield from _dense("latent.mu", model.latent.mu)
        yield from _dense("latent.logvar", model.latent.logvar)
        yield from _dense("decoder.first_state", decoder.first_state)
    if model.fixed_state is not None:
        yield "decoder.first_state", model.fixed_state
    yield from _recurrent("decoder.recurrent", model.hparams.dec_model, decoder.recurrent)
    yield from _dense("decoder.output", decoder.output_layer)


def _recurrent(path: str, cell: str, layer: Recurrent) -> Iterator[tuple[str, np.ndarray]]:
    for attribute in _RECURRENT[cell]:
        yield f"{path}.{attribute}", np.asarray(getattr(layer, attribute))
    for attribute in _NORMS[cell]:
        norms, prefix = getattr(layer, attribute), attribute.removesuffix("norms")
        for part in ("gamma", "beta", "c_gamma", "c_beta"):
            yield f"{path}.{prefix}{part}", np.asarray(getattr(norms, part))


def _dense(path: str, layer: Any) -> Iterator[tuple[str, np.ndarray]]:
    yield f"{path}.kernel", np.asarray(layer.kernel)
    yield f"{path}.bias", np.asarray(layer.bias)


def _packed(values: np.ndarray, weights: str) -> tuple[bytes, float]:
    """A tensor's bytes, and what a stored number is multiplied with."""
    if weights == "float32":
        return values.astype("<f4").tobytes(), 1.0
    largest = float(np.abs(values).max())
    if weights == "float16":
        if largest > float(np.finfo(np.float16).max):
            raise UserError(f"a weight of {largest:g} is too large for float16; take float32")
        return values.astype("<f2").tobytes(), 1.0
    scale = largest / _LARGEST_INTEGER or 1.0
    return np.rint(values.astype(np.float64) / scale).astype("<i2").tobytes(), scale


def _side(model: SketchRNN, examples: Sequence[np.ndarray]) -> float:
    """The longer side of a typical drawing, in data units."""
    return model.full_size or strokes.typical_side(examples) or sampling.typical_size(model)


def _comment(text: str) -> str:
    """The text on one line of a comment."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
