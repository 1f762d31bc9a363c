"""The cases on which the original was run, made only from seeds; its results are in `*.npz`.

Weights, drawings, noise and dropout masks come from NumPy's legacy generator, whose numbers never
change, so only results are stored. `scripts/record_original` computes them with the original's
source, and the tests compare this package with them. This module needs only NumPy.

Legend: B sketches, T time (N_max), Z latent, M mixtures.
"""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SMALL = {
    "max_seq_len": 12, "dec_rnn_size": 10, "enc_rnn_size": 7, "z_size": 5, "num_mixture": 3,
    "use_recurrent_dropout": False, "kl_tolerance": 0.05, "learning_rate": 0.002,
    "kl_weight_start": 0.3,
}  # fmt: skip
MODELS = ("lstm", "layer_norm", "hyper")
WHOLE = 600  # a tensor with more elements is stored as a digest
PROJECTIONS = 16  # sums in a digest, and as many single elements
UPDATES = 3
DROP_PROBABILITY = 0.4  # the probability that augmentation drops a point
GREEDY_POINTS = 20
DROPOUTS = {  # the hyperparameters that belong to each mask
    "forward": ("use_recurrent_dropout", "recurrent_dropout_prob"),
    "backward": ("use_recurrent_dropout", "recurrent_dropout_prob"),
    "decoder": ("use_recurrent_dropout", "recurrent_dropout_prob"),
    "input": ("use_input_dropout", "input_dropout_prob"),
    "output": ("use_output_dropout", "output_dropout_prob"),
}


class Case(NamedTuple):
    """One model and one batch."""

    name: str
    hparams: Mapping[str, Any]  # by the original's names; missing ones have its defaults
    lengths: Sequence[int]  # of the sketches in the batch, each at most `max_seq_len`


def _case(name: str, lengths: Sequence[int], **changes: Any) -> Case:
    hparams = SMALL | {"batch_size": len(lengths), "conditional": True} | changes
    return Case(name, {"enc_model": "lstm", "dec_model": "lstm"} | hparams, lengths)


LIKE_A_RUN = {  # slightly larger sizes; tests make runs of the original from these cases
    "max_seq_len": 20, "dec_rnn_size": 24, "enc_rnn_size": 12, "z_size": 6, "num_mixture": 5,
}  # fmt: skip
CASES = [
    _case("lstm", [3, 20, 7, 11], **LIKE_A_RUN),
    _case("lstm_uncond", [3, 20, 7, 11], conditional=False, **LIKE_A_RUN),
    _case("layer_norm", [5, 8, 20, 1], enc_model="layer_norm", dec_model="layer_norm",
          **LIKE_A_RUN),
    _case("hyper", [4, 20, 6, 13], enc_model="layer_norm", dec_model="hyper", **LIKE_A_RUN),
    _case("hyper_encoder", [4, 12, 6], enc_model="hyper"),
    _case("hyper_unconditional", [11, 2], dec_model="hyper", conditional=False),
    _case("recurrent_dropout", [3, 12, 7, 9], use_recurrent_dropout=True,
          recurrent_dropout_prob=0.7),
    _case("layer_norm_dropout", [2, 12, 5], enc_model="layer_norm", dec_model="layer_norm",
          use_recurrent_dropout=True, recurrent_dropout_prob=0.8),
    _case("hyper_dropout", [2, 12, 5], enc_model="hyper", dec_model="hyper",
          use_recurrent_dropout=True, recurrent_dropout_prob=0.8),
    _case("input_dropout", [3, 12, 7, 9], use_input_dropout=True, input_dropout_prob=0.6),
    _case("output_dropout", [3, 12, 7, 9], use_output_dropout=True, output_dropout_prob=0.6),
    _case("one_drawing", [12]),
    _case("one_point", [1, 1, 12], enc_model="layer_norm"),
    _case("full_batch", [12] * 9, num_mixture=1),
    _case("below_the_floor", [3, 12, 7, 9], kl_tolerance=5.0),
]  # fmt: skip


def random_case(seed: int) -> Case:
    """Draw an architecture and a batch.

    There are at least five units, since a layer norm over fewer enlarges rounding errors.
    """
    random = np.random.RandomState(seed)

    def pick(*values: Any) -> Any:
        return values[random.randint(len(values))]

    longest = int(random.randint(4, 17))
    lengths = random.randint(1, longest + 1, random.randint(1, 8)).tolist()
    lengths[random.randint(len(lengths))] = longest
    return _case(
        f"random_{seed}",
        lengths,
        max_seq_len=longest,
        enc_model=pick(*MODELS),
        dec_model=pick(*MODELS),
        enc_rnn_size=int(random.randint(5, 14)),
        dec_rnn_size=int(random.randint(5, 19)),
        z_size=int(random.randint(1, 12)),
        num_mixture=int(random.randint(1, 8)),
        conditional=bool(random.randint(4)),
        use_recurrent_dropout=bool(random.randint(2)),
        use_input_dropout=bool(random.randint(2)),
        use_output_dropout=bool(random.randint(2)),
        recurrent_dropout_prob=0.5 + 0.05 * int(random.randint(10)),
        kl_weight_start=0.1 * int(random.randint(1, 11)),
    )


RANDOM_CASES = [random_case(seed) for seed in range(20)]


def case_of(name: str) -> Case:
    """Return the case with a name."""
    return next(case for case in (*CASES, *RANDOM_CASES) if case.name == name)


def recorded_of(name: str) -> dict[str, np.ndarray]:
    """Return what the original computed for a case, or for "data"."""
    with np.load(Path(__file__).parent / f"{name}.npz") as file:
        return dict(file)


def stream(case: Case, name: str) -> np.random.RandomState:
    """Return the random generator for one purpose."""
    return np.random.RandomState(zlib.crc32(f"{case.name}/{name}".encode()))


def weight(case: Case, name: str, shape: Sequence[int]) -> np.ndarray:
    """Return the values of one of the original's trainable tensors, by its name."""
    values = stream(case, name).standard_normal(tuple(shape))
    if "gamma" in name or name.endswith("zw/super_linear_b"):
        return (1 + 0.2 * values).astype(np.float32)
    if len(shape) == 1:
        return (0.2 * values).astype(np.float32)
    scale = 0.15 if "/hyper_" in name else 0.9 / np.sqrt(shape[0])
    return (scale * values).astype(np.float32)


def strokes5(case: Case) -> np.ndarray:
    """Return the batch, float32 `[B, T + 1, 5]`; row 0 of each sketch is the start token."""
    random, batch = (
        stream(case, "strokes"),
        np.zeros([len(case.lengths), case.hparams["max_seq_len"] + 1, 5]),
    )
    batch[:, 0, 2] = 1
    for sketch, length in zip(batch, case.lengths, strict=True):
        lifted = (random.random_sample(length) < 0.3).astype(float)
        sketch[1 : length + 1, :2] = random.standard_normal((length, 2))
        sketch[1 : length + 1, 2] = 1 - lifted
        sketch[1 : length + 1, 3] = lifted
        sketch[length + 1 :, 4] = 1
    return batch.astype(np.float32)


def eps(case: Case) -> np.ndarray:
    """Return the noise for z, float32 `[B, Z]`."""
    shape = len(case.lengths), case.hparams["z_size"]
    return stream(case, "eps").standard_normal(shape).astype(np.float32)


def greedy_z(case: Case) -> np.ndarray:
    """Return the z of the greedy drawing, float32 `[1, Z]`."""
    return stream(case, "greedy").standard_normal((1, case.hparams["z_size"])).astype(np.float32)


def masks(case: Case) -> dict[str, np.ndarray]:
    """Return a mask, bool `[T, B, width]`, for each dropout that is on; True means kept.

    The mask `backward` is in that direction's order: step 0 reads the last point of each sketch.
    """
    z = case.hparams["z_size"] if case.hparams["conditional"] else 0
    widths = {
        "forward": case.hparams["enc_rnn_size"], "backward": case.hparams["enc_rnn_size"],
        "decoder": case.hparams["dec_rnn_size"], "output": case.hparams["dec_rnn_size"],
        "input": 5 + z,
    }  # fmt: skip
    if not case.hparams["conditional"]:
        del widths["forward"], widths["backward"]
    found = {}
    for name, width in widths.items():
        use, probability = DROPOUTS[name]
        if case.hparams.get(use):
            shape = case.hparams["max_seq_len"], len(case.lengths), width
            kept = case.hparams.get(probability, 0.9)
            found[name] = stream(case, name).random_sample(shape) < kept
    return found


def digest(name: str, values: np.ndarray) -> np.ndarray:
    """Return a tensor, or, if it is large, some elements and some sums with random signs."""
    flat = np.asarray(values, np.float64).ravel()
    if flat.size <= WHOLE:
        return np.asarray(values, np.float32)
    random = np.random.RandomState(zlib.crc32(name.encode()))
    sums = [np.sum(np.where(random.random_sample(flat.size) < 0.5, 1, -1) * flat)
            for _ in range(PROJECTIONS)]  # fmt: skip
    chosen = flat[random.randint(0, flat.size, PROJECTIONS)]
    return np.concatenate([np.array(sums) / np.sqrt(flat.size), chosen]).astype(np.float32)


def ends_of_a_way() -> np.ndarray:
    """Return two z to interpolate between, float64 `[2, 16]`."""
    return np.random.RandomState(3).standard_normal((2, 16))


def uniforms(count: int) -> np.ndarray:
    """Return a random number per point that decides whether to drop it, float64 `[count]`."""
    return np.random.RandomState(7).random_sample(count)


def drawings(seed: int, count: int = 60, longest: int = 30) -> list[np.ndarray]:
    """Make up sketches in data units, int16 `[n, 3]`, some of them with long jumps."""
    random = np.random.RandomState(seed)
    made = []
    for length in random.randint(2, longest + 1, count):
        offsets = np.rint(random.standard_normal((length, 2)) * 30)
        offsets[random.random_sample(length) < 0.02] *= 100
        lifted = random.random_sample(length) < 0.2
        lifted[-1] = True
        made.append(np.column_stack([offsets, lifted]).astype(np.int16))
    return made
