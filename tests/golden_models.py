"""Models with the weights of `golden/cases.py`, in this package and in the original's files."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from golden import cases
from golden.cases import case_of

from sketch_rnn.formats import original
from sketch_rnn.hparams import HParams
from sketch_rnn.model.execution import Execution
from sketch_rnn.model.forward import Noise
from sketch_rnn.model.network import SketchRNN

RUNS = ("lstm", "lstm_uncond", "layer_norm", "hyper")  # the cases that `original_run` can write
STEP = 150  # the step of those runs


def hparams_of(case: cases.Case) -> HParams:
    return HParams(**case.hparams, data_set=("cat.npz",))


def model_of(case: cases.Case, execution: Execution | None = None) -> SketchRNN:
    """Return the case's model with its weights."""
    model = SketchRNN(hparams_of(case), seed=1, execution=execution)
    model.set_weights(original.gather(model, weights_of(case, model).__getitem__))
    return model


def weights_of(case: cases.Case, model: SketchRNN) -> dict[str, np.ndarray]:
    """Return the case's weights by the original's names."""
    shapes = {
        name: np.empty(variable.shape)[part].shape
        for variable, part, name in original._entries(model)
    }
    return {name: cases.weight(case, name, shape) for name, shape in shapes.items()}


def noise_of(case: cases.Case) -> Noise:
    """Return the case's noise for z and its dropout masks, in the form that this package uses."""
    masks = {f"{name}_mask": np.swapaxes(m, 0, 1).copy() for name, m in cases.masks(case).items()}
    if "backward_mask" in masks:  # in the order of the points instead of the steps
        for mask, length in zip(masks["backward_mask"], case.lengths, strict=True):
            mask[:length] = mask[:length][::-1]
    eps = tf.constant(cases.eps(case)) if case.hparams["conditional"] else None
    return Noise(eps=eps, **{name: tf.constant(mask) for name, mask in masks.items()})


def original_run(name: str, folder: Path) -> Path:
    """Write the folder of a run of the original at step 150, as its trainer leaves it."""
    case, folder = case_of(name), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = dict(weights_of(case, model_of(case)))
    for weight, values in list(tensors.items()):
        random = cases.stream(case, f"moments of {weight}")
        tensors[f"{weight}/Adam"] = 1e-3 * random.standard_normal(values.shape)
        tensors[f"{weight}/Adam_1"] = 1e-5 * random.random_sample(values.shape)
    values = [np.asarray(tensors[name], np.float32) for name in sorted(tensors)]
    moments = {n.replace("vector_rnn/", "vector_rnn/vector_rnn/", 1) if "/Adam" in n else n: n
               for n in sorted(tensors)}  # fmt: skip
    names = [*moments, "vector_rnn/global_step", "beta1_power", "beta2_power"]
    scalars = [np.int32(STEP), np.float32(0.9 ** (STEP + 1)), np.float32(0.999 ** (STEP + 1))]
    tf.raw_ops.SaveV2(
        prefix=str(folder / f"vector-{STEP}"),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.constant(value) for value in (*values, *scalars)],
    )
    (folder / "checkpoint").write_text(
        f'model_checkpoint_path: "/home/someone/old_place/{name}/vector-{STEP}"\n'
    )
    settings = hparams_of(case).to_dict()
    settings.pop("pad_steps")
    if name != "lstm":  # the original's latest release writes only the hyperparameters' names
        settings = list(settings)
    (folder / "model_config.json").write_text(json.dumps(settings, indent=1))
    return folder


def as_stored(model: SketchRNN, arrays: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return the digests of arrays, by the original's names.

    The arrays are in the order of the model's trainable weights.
    """
    by_id = dict(zip(map(id, model.trainable_variables), arrays, strict=True))
    return {
        name: cases.digest(name, np.asarray(by_id[id(variable)])[part])
        for variable, part, name in original._entries(model)
    }


def as_digest(name: str, stored: np.ndarray) -> np.ndarray:
    """Return the digest of a tensor that was stored either whole or as its digest."""
    is_digest = stored.shape == (2 * cases.PROJECTIONS,) and stored.ndim == 1
    return stored if is_digest else cases.digest(name, stored)


def published_model(folder: Path, **said: Any) -> Path:
    """Write a made-up model in the format that Google publishes, with these entries in `info`."""
    random, units, mixtures = np.random.RandomState(5), 40, 20
    shapes = [[units, 6 * mixtures + 3], [6 * mixtures + 3]]
    shapes += [[5, 4 * units], [units, 4 * units], [4 * units]]
    weights = [0.4 * random.standard_normal(shape) for shape in shapes]
    info = {"mode": 2, "version": 6, "max_seq_len": 60, "name": "cat", "scale_factor": 71.5}
    info |= said
    stored = [np.rint(w * 32767 / 10).astype("<i2").tobytes() for w in weights]
    texts = [base64.b64encode(data).decode() for data in stored]
    path = Path(folder) / "cat.gen.json"
    path.write_text(json.dumps([info, shapes, texts]))
    return path
