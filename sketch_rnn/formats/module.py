"""Write a model with the JavaScript that runs it: as an ES module, a classic script or a package.

Legend: I inputs, O outputs of a layer.
"""

import base64
import gzip
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sketch_rnn import files
from sketch_rnn.choices import TYPES_SUFFIXES, WEIGHTS
from sketch_rnn.errors import UserError, check_choice
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.recurrent import Recurrent
from sketch_rnn.web import assembly

CLASSIC_NAME = "sketchRNN"  # the global variable that a classic script sets

_EXPORTS = (
    "load",
    "encode",
    "decode",
    "complete",
    "decodeSteps",
    "completeSteps",
    "interpolate",
    "grid",
    "analogy",
)
_HYPER = ("hyper_w_xh", "hyper_w_hh", "zw_kernel", "zw_bias", "alpha_kernel", "zb_kernel")
_RECURRENT = {  # the attributes of a layer that hold its weights
    "lstm": ("w_xh", "w_hh", "bias"),
    "layer_norm": ("w_xh", "w_hh"),
    "hyper": ("w_xh", "w_hh", "bias", *_HYPER, "beta_kernel"),
}
_NORMS = {"lstm": (), "layer_norm": ("norms",), "hyper": ("norms", "hyper_norms")}


def types_path(path: str | Path) -> Path:
    """Return the path of a module's TypeScript declarations, which are written beside it."""
    path = Path(path)
    return path.with_suffix(TYPES_SUFFIXES[path.suffix])


def save_module(model: SketchRNN, path: str | Path, weights: str = WEIGHTS[0]) -> None:
    """Write an ES module, and TypeScript declarations beside it (`types_path`).

    Args:
      model: any model with a scale factor.
      path: the path of the file, `.js` or `.mjs`.
      weights: how to store the weights; see `content`.

    Raises:
      UserError: the model has no scale factor, or the module would be too large.
      OSError: a file cannot be written; an existing file is unchanged.
    """
    types = types_path(path)
    text = _module(model, weights)
    assembly.write(path, f'// @ts-self-types="./{_comment(types.name)}"\n{text}')
    assembly.write(types, assembly.asset("model.d.ts"))


def save_classic(model: SketchRNN, path: str | Path, weights: str = WEIGHTS[0]) -> None:
    """Write a classic script that sets the global variable `sketchRNN`.

    Browsers load ES modules only from a server, but classic scripts also from `file://`. Arguments
    and errors are the same as for `save_module`.
    """
    head, code = _parts(model, weights)
    assembly.write(
        path,
        f"{head}var {CLASSIC_NAME} = (() => {{\n'use strict';\n{code}"
        f"return {{{', '.join(_EXPORTS)}}};\n}})();\n",
    )


def save_package(model: SketchRNN, path: str | Path, weights: str = WEIGHTS[0]) -> None:
    """Write a package for npm, `.tgz`: the module, its declarations and a `package.json`.

    The package is named after the file, with characters replaced that npm does not allow. Arguments
    and errors are the same as for `save_module`.
    """
    package = {
        "name": package_name(path),
        "version": "1.0.0",
        "description": f"A Sketch-RNN model of drawings: {data_set_names(model)}",
        "type": "module",
        "exports": {".": {"types": "./index.d.ts", "default": "./index.js"}},
        "types": "./index.d.ts",
        "sideEffects": False,
        "keywords": ["sketch-rnn", "drawing", "generative"],
        "files": ["index.js", "index.d.ts"],
    }
    texts = {
        "package.json": assembly.as_json(package),
        "index.js": _module(model, weights),
        "index.d.ts": assembly.asset("model.d.ts"),
    }
    packed = _archive({file: text.encode() for file, text in texts.items()})
    assembly.check_size(len(packed))
    with files.replacing(path) as file:
        file.write(packed)


def package_name(path: str | Path) -> str:
    """Return a package name for a file: lowercase letters, digits and hyphens."""
    stem = Path(path).name.removesuffix(Path(path).suffix).lower()
    return re.sub(r"[^a-z0-9-]+", "-", stem).strip("-")[:200] or "sketch-rnn-model"


def data_set_names(model: SketchRNN) -> str:
    """Return the names of the data sets that the model was trained on."""
    return ", ".join(Path(data_set).stem for data_set in model.hparams.data_set)


def content(model: SketchRNN, weights: str = WEIGHTS[0]) -> dict[str, Any]:
    """Return a model in the form that the JavaScript code loads, ready for JSON.

    Args:
      model: any model with a scale factor.
      weights: how weights are stored. `float32` keeps them unchanged. `float16` rounds them to half
        precision. `int16` rounds them to multiples of 1/32767 of the largest weight in the tensor.
        `int8` rounds kernels to multiples of 1/127 of the largest weight in the column, and keeps
        biases and norms unchanged.

    Raises:
      UserError: the model has no scale factor, or a weight is too large for half precision.
    """
    check_choice("weights", weights, WEIGHTS)
    if model.scale_factor is None:
        raise UserError(
            "a page or module needs the scale factor, and this model has none; give "
            "--scale_factor, or --data_dir to compute it"
        )
    hparams = model.hparams
    described, data = [], []
    for path, values in _tensors(model):
        kind, scales, packed = _packed(values, weights)
        shape = list(values.shape)
        described.append({"name": path, "shape": shape, "type": kind, "scales": len(scales)})
        data += [scales.astype("<f4").tobytes(), packed]
    encoder = {"cell": hparams.enc_model, "units": hparams.enc_rnn_size}
    decoder = {"cell": hparams.dec_model, "units": hparams.dec_rnn_size}
    return {
        "name": data_set_names(model),
        "max_seq_len": hparams.max_seq_len,
        "scale_factor": model.scale_factor,
        "full_size": model.full_size,
        "z_size": hparams.z_size if hparams.conditional else 0,
        "encoder": encoder if hparams.conditional else None,
        "decoder": decoder | {"mixtures": hparams.num_mixture},
        "tensors": described,
        "data": base64.b64encode(b"".join(data)).decode(),
    }


def _module(model: SketchRNN, weights: str) -> str:
    head, code = _parts(model, weights)
    return f"{head}{code}export {{{', '.join(_EXPORTS)}}};\n"


def _parts(model: SketchRNN, weights: str) -> tuple[str, str]:
    """Return the comment at the top of a script, and the code that all scripts contain."""
    code = assembly.script(assembly.INFERENCE)
    code = code.replace("function load(content)", "function load(content = MODEL)")
    return (
        f"// {_comment(data_set_names(model))}: a Sketch-RNN model and the code that runs it.\n",
        f"{code}\nconst MODEL = {assembly.as_json(content(model, weights))};\n",
    )


def _archive(parts: dict[str, bytes]) -> bytes:
    """Pack the files of a package as npm does; the same files give the same bytes."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for file, data in parts.items():
            entry = tarfile.TarInfo(f"package/{file}")
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def _tensors(model: SketchRNN) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name (layer and attribute) and the values of each weight."""
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


def _packed(values: np.ndarray, weights: str) -> tuple[str, np.ndarray, bytes]:
    """Pack a tensor for the module.

    Returns:
      The name of the number type that the tensor is stored in; its scales (int8: one for each
      column, int16: one, float: none); and its bytes.
    """
    if weights == "float32" or (weights == "int8" and values.ndim < 2):
        return "float32", np.zeros(0), values.astype("<f4").tobytes()
    if weights == "float16":
        largest = float(np.abs(values).max())
        if largest > float(np.finfo(np.float16).max):
            raise UserError(f"a weight of {largest:g} is too large for float16; choose float32")
        return weights, np.zeros(0), values.astype("<f2").tobytes()
    largest_integer = np.iinfo(weights).max
    columns = values.reshape(-1, values.shape[-1]).astype(np.float64)
    largest_of = np.abs(columns).max(axis=0 if weights == "int8" else None, keepdims=True)
    scales = np.where(largest_of == 0, 1, largest_of / largest_integer).astype(np.float32).ravel()
    integers = np.clip(np.rint(columns / scales), -largest_integer, largest_integer)
    return weights, scales, integers.astype(np.dtype(weights).newbyteorder("<")).tobytes()


def _comment(text: str) -> str:
    """Return the text without characters that could end a line comment."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
