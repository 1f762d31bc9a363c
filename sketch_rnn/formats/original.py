"""Read checkpoints from the original trainer, without its graph.

The architecture follows from the names and shapes of the tensors; `model_config.json` holds the
other hyperparameters, in any of the forms that the original trainer has written.

Legend: U units, Z latent, M mixtures.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from sketch_rnn import files, untrusted_json
from sketch_rnn.errors import UserError, first_line, warn
from sketch_rnn.hparams import CONFIG_FILE, HParams
from sketch_rnn.model.card import Trained
from sketch_rnn.model.execution import Execution
from sketch_rnn.model.losses import PEN_STATES, PER_MIXTURE
from sketch_rnn.model.network import SketchRNN
from sketch_rnn.model.recurrent import LSTM, HyperLSTM, LayerNormLSTM, Recurrent
from sketch_rnn.model.recurrent.cell import GATES
from sketch_rnn.model.recurrent.hyper import EMBEDDING
from sketch_rnn.model.recurrent.layer_norm import Norms


class _Cell(NamedTuple):
    """A cell in the original trainer: its scope's name, and the order of the parts of its state.

    The columns of `linear/super_linear_w`, which compute the decoder's first state, have this
    order.
    """

    scope: str
    state: tuple[str, ...]


KEPT_CONFIG_FILE = "model_config.original.json"  # the name once a run is resumed
_SCOPE = "vector_rnn/"
_CELLS = {
    "lstm": _Cell("LSTMCell", ("c", "h")),
    "layer_norm": _Cell("LayerNormLSTMCell", ("h", "c")),
    "hyper": _Cell("HyperLSTMCell", ("h", "hyper_h", "c", "hyper_c")),
}
_GATES = "ijfo"


class Original(NamedTuple):
    """A checkpoint from the original trainer.

    Attributes:
      model: the model, with the checkpoint's weights.
      step: the number of updates so far.
      first_moments: Adam's first moments, in the order of the model's `trainable_variables`. Empty
        if the checkpoint has none.
      second_moments: Adam's second moments, in the same order.
      unknown: the hyperparameters whose values are not given anywhere in the folder.
    """

    model: SketchRNN
    step: int
    first_moments: list[np.ndarray]
    second_moments: list[np.ndarray]
    unknown: list[str]


def find(folder: Path) -> Path | None:
    """Return the prefix of the newest original checkpoint in a folder; None if there is none.

    Only the last part of the path in a `checkpoint` file is used, since folders may be moved.
    """
    prefixes = {index.with_suffix("") for index in folder.glob("vector-*.index")}
    named = re.search(r'^model_checkpoint_path: "(?:.*[/\\])?([^"/\\]+)"', _text(folder), re.M)
    if named and folder / named.group(1) in prefixes:
        return folder / named.group(1)
    return max(prefixes, key=_number, default=None)


def load(folder: Path, execution: Execution | None = None) -> Original:
    """Read the newest checkpoint in a folder into a model that is computed as `execution` says.

    Raises:
      UserError: there is no checkpoint, it is damaged, or its tensors do not form a model.
    """
    prefix = find(folder)
    if prefix is None:
        raise UserError(f"expected an original checkpoint (vector-N.index) in {folder}, found none")
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = reader.get_variable_to_shape_map()
        _check_sizes(prefix, shapes)
        hparams, unknown = _hparams(folder, shapes)
        model = SketchRNN(hparams, seed=0, execution=execution)
        _assign(model, shapes, reader.get_tensor)
        moments = _moments(model, shapes, reader.get_tensor)
        step = _step(reader.get_tensor(_SCOPE + "global_step"))
        model.trained = Trained(steps=step)
        return Original(model, step, *moments, unknown)
    except UserError:
        raise
    except (tf.errors.OpError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise UserError(
            f"{prefix} is not a complete checkpoint of the original Sketch-RNN: {first_line(error)}"
        ) from None


def keep_config(folder: Path) -> None:
    """Rename the original trainer's `model_config.json`, as this program writes its own there."""
    path, kept = folder / CONFIG_FILE, folder / KEPT_CONFIG_FILE
    if path.exists() and not kept.exists() and find(folder):
        files.replace(path, kept)


def _check_sizes(prefix: Path, shapes: Mapping[str, list[int]]) -> None:
    """Raise UserError for shapes that the file cannot hold, before allocating memory."""
    held = sum(path.stat().st_size for path in prefix.parent.glob(f"{prefix.name}.data-*"))
    said = 4 * sum(math.prod(shape) for shape in shapes.values())
    if said > held:
        raise UserError(
            f"{prefix}: its tensors need {said:,} bytes, but the file has {held:,}; copy it again"
        )


def _step(value: Any) -> int:
    """Return the number of updates so far."""
    if not isinstance(value, np.integer) or value < 0:
        raise ValueError(f"its global_step is {value!r:.60}")
    return int(value)


def _text(folder: Path) -> str:
    path = folder / "checkpoint"
    return (
        path.read_text(encoding="utf-8", errors="replace")[: untrusted_json.LARGEST]
        if path.is_file()
        else ""
    )


def _number(prefix: Path) -> int:
    digits = re.search(r"(\d+)$", prefix.name)
    return int(digits.group(1)) if digits else -1


def _hparams(folder: Path, shapes: Mapping[str, list[int]]) -> tuple[HParams, list[str]]:
    """Return the hyperparameters, and the names of those whose values are unknown.

    If `model_config.json` disagrees with the names and shapes of the tensors, the tensors win.
    """
    config = _config(folder)
    known = {field.name for field in fields(HParams)} - {"pad_steps"}  # not in the original
    unknown = sorted(set(config) - known)
    if unknown:
        warn(f"{folder / CONFIG_FILE}: ignoring unknown hyperparameters: {', '.join(unknown)}")
    architecture = _architecture(shapes)
    missing = sorted(known - set(config) - set(architecture))
    if missing:
        warn(f"{folder}: {', '.join(missing)} unknown; using the defaults")
    told = {k: v for k, v in config.items() if k in known} | architecture
    return HParams.from_dict(told), missing


def _config(folder: Path) -> dict[str, Any]:
    """Return the hyperparameters in `model_config.json`; none if it is missing or not an object."""
    kept = folder / KEPT_CONFIG_FILE
    path = kept if kept.is_file() else folder / CONFIG_FILE
    if not path.is_file():
        return {}
    try:
        config = untrusted_json.read(path)
    except ValueError as error:
        raise UserError(f"{path}: expected JSON: {error}; fix or remove the file") from None
    return config if isinstance(config, dict) else {}


def _architecture(shapes: Mapping[str, list[int]]) -> dict[str, Any]:
    """Return the hyperparameters that follow from the names and shapes of the tensors."""
    decoder, units = _cell(shapes, "RNN/")
    width = _columns(shapes, "RNN/output_w", units)
    told: dict[str, Any] = {
        "dec_model": decoder,
        "dec_rnn_size": units,
        "num_mixture": (width - PEN_STATES) // PER_MIXTURE,
        "conditional": _SCOPE + "ENC_RNN_mu/super_linear_w" in shapes,
    }
    if told["conditional"]:
        told["enc_model"], told["enc_rnn_size"] = _cell(shapes, "ENC_RNN/fw/")
        told["z_size"] = _columns(shapes, "ENC_RNN_mu/super_linear_w", 2 * told["enc_rnn_size"])
    return told


def _columns(shapes: Mapping[str, list[int]], name: str, rows: int) -> int:
    """Return the number of columns in a matrix, after checking its number of rows.

    A matrix without rows could claim any number of columns.
    """
    shape = shapes[_SCOPE + name]
    if len(shape) != 2 or shape[0] != rows:
        raise KeyError(f"{name} has the shape {shape}, not {rows} rows")
    return shape[1]


def _cell(shapes: Mapping[str, list[int]], scope: str) -> tuple[str, int]:
    """Return the kind of the cell in a scope, and its number of units."""
    for kind, cell in _CELLS.items():
        shape = shapes.get(f"{_SCOPE}{scope}{cell.scope}/W_hh")
        if shape and shape == [shape[0], GATES * shape[0]]:
            return kind, shape[0]
    raise KeyError(f"no recurrent weights in {_SCOPE}{scope}")


Entry = tuple[keras.Variable, Any, str]  # variable, index into it, original name of that part


def _entries(model: SketchRNN) -> Iterator[Entry]:
    """Yield, for each tensor of the original trainer, the variable and the slice that it fills."""
    decoder = model.decoder
    if model.encoder is not None and model.latent is not None:
        yield from _cell_entries(model.encoder.forward, _SCOPE + "ENC_RNN/fw/")
        yield from _cell_entries(model.encoder.backward, _SCOPE + "ENC_RNN/bw/")
        yield from _linear_entries(model.latent.mu, _SCOPE + "ENC_RNN_mu/")
        yield from _linear_entries(model.latent.logvar, _SCOPE + "ENC_RNN_sigma/")
        yield from _linear_entries(decoder.first_state, _SCOPE + "linear/")
    yield from _cell_entries(decoder.recurrent, _SCOPE + "RNN/")
    yield decoder.output_layer.kernel, ..., _SCOPE + "RNN/output_w"
    yield decoder.output_layer.bias, ..., _SCOPE + "RNN/output_b"


def _linear_entries(layer: keras.layers.Dense, scope: str) -> Iterator[Entry]:
    yield layer.kernel, ..., scope + "super_linear_w"
    yield layer.bias, ..., scope + "super_linear_b"


def _cell_entries(layer: Recurrent, scope: str) -> Iterator[Entry]:
    kind = {LSTM: "lstm", LayerNormLSTM: "layer_norm", HyperLSTM: "hyper"}[type(layer)]
    scope = f"{scope}{_CELLS[kind].scope}/"
    yield layer.w_xh, ..., scope + "W_xh"
    yield layer.w_hh, ..., scope + "W_hh"
    if kind != "layer_norm":
        yield layer.bias, ..., scope + "bias"
    if kind != "lstm":
        yield from _norm_entries(layer.norms, scope)
    if kind == "hyper":
        yield from _hyper_entries(layer, scope)


def _norm_entries(norms: Norms, scope: str) -> Iterator[Entry]:
    yield norms.gamma, ..., scope + "ln_all/ln_gamma"
    yield norms.beta, ..., scope + "ln_all/ln_beta"
    yield norms.c_gamma, ..., scope + "ln_c/ln_gamma"
    yield norms.c_beta, ..., scope + "ln_c/ln_beta"


def _hyper_entries(layer: HyperLSTM, scope: str) -> Iterator[Entry]:
    small = f"{scope}{_CELLS['layer_norm'].scope}/"
    yield layer.hyper_w_xh, ..., small + "W_xh"
    yield layer.hyper_w_hh, ..., small + "W_hh"
    yield from _norm_entries(layer.hyper_norms, small)
    for number, pair in enumerate([gate + "x" for gate in _GATES] + [g + "h" for g in _GATES]):
        columns = slice(number * EMBEDDING, (number + 1) * EMBEDDING)
        yield layer.zw_kernel, np.s_[:, columns], f"{scope}hyper_{pair}/zw/super_linear_w"
        yield layer.zw_bias, columns, f"{scope}hyper_{pair}/zw/super_linear_b"
        yield layer.alpha_kernel, number, f"{scope}hyper_{pair}/alpha/super_linear_w"
    for number, gate in enumerate(_GATES):
        columns = slice(number * EMBEDDING, (number + 1) * EMBEDDING)
        yield layer.zb_kernel, np.s_[:, columns], f"{scope}hyper_{gate}h/zb/super_linear_w"
        yield layer.beta_kernel, number, f"{scope}hyper_{gate}h/beta/super_linear_w"


Reader = Callable[[str], np.ndarray]


def gather(model: SketchRNN, read: Reader, suffix: str = "") -> list[np.ndarray]:
    """Turn the original trainer's tensors into arrays shaped like our `trainable_variables`.

    Args:
      model: the model whose trainable variables give the shapes.
      read: returns the tensor with a given name.
      suffix: the suffix of all names: "" for weights, "/Adam" and "/Adam_1" for the moments.

    Raises:
      KeyError: the shape of a tensor differs from the model's.
    """
    arrays = {id(v): np.zeros(v.shape, np.float32) for v in model.trainable_variables}
    for variable, part, name in _entries(model):
        value = read(name + suffix)
        if value.shape != arrays[id(variable)][part].shape:
            raise KeyError(f"{name}{suffix} has the shape {value.shape}")
        arrays[id(variable)][part] = value
    return list(arrays.values())


def _assign(model: SketchRNN, shapes: Mapping[str, list[int]], read: Reader) -> None:
    expected = {name for _, _, name in _entries(model)}
    missing = expected - set(shapes)
    if missing:
        raise KeyError(f"{min(missing)} is missing")
    for variable, value in zip(model.trainable_variables, gather(model, read), strict=True):
        variable.assign(value)


def _moments(
    model: SketchRNN, shapes: Mapping[str, list[int]], read: Reader
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return Adam's moments, empty if the file has none; accept names with a doubled scope."""
    if not any(name.endswith("/Adam") for name in shapes):
        return [], []

    def read_moment(name: str) -> np.ndarray:
        return read(_SCOPE + name if _SCOPE + name in shapes else name)

    return gather(model, read_moment, "/Adam"), gather(model, read_moment, "/Adam_1")


def restore_moments(restored: Original, optimizer: keras.optimizers.Adam) -> None:
    """Copy the checkpoint's moments and number of updates into an Adam optimizer.

    Call the optimizer's `build` method first.
    """
    optimizer.iterations.assign(restored.step)
    if not restored.first_moments:
        return
    for kind, moments in (
        ("momentum", restored.first_moments),
        ("velocity", restored.second_moments),
    ):
        for variable, moment in zip(adam_moments(optimizer, kind), moments, strict=True):
            variable.assign(moment)


def adam_moments(optimizer: keras.optimizers.Adam, kind: str) -> list[keras.Variable]:
    """Return a built Adam's "momentum" or "velocity" variables, in the order of the weights."""
    return [variable for variable in optimizer.variables if variable.path.endswith(f"_{kind}")]
