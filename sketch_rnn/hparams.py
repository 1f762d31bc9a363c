"""Hyperparameters: one frozen typed object, whose values are checked.

Names, types and defaults are those of the original Sketch-RNN trainer (Ha & Eck 2017,
arXiv:1704.03477), so that its command lines and configurations keep working; `pad_steps` is ours.
"""

from __future__ import annotations  # so that `help` shows names of types, not their checks

import difflib
import functools
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_type_hints

from sketch_rnn.errors import UserError

CELLS = ("lstm", "layer_norm", "hyper")
CONFIG_FILE = "model_config.json"  # of a run's folder, ours and the original's
PRECISIONS = ("float32", "tf32", "bfloat16")  # of products; the first is the default
STRATEGIES = ("auto", "one", "mirrored", "multi_worker")  # who shares the work of a run
MEANT = {  # hyperparameters by the names that other programs give them
    "lr": "learning_rate",
    "epochs": "num_steps",
    "steps": "num_steps",
    "max_steps": "num_steps",
    "iterations": "num_steps",
    "latent_size": "z_size",
    "hidden_size": "dec_rnn_size",
    "dataset": "data_set",
}
ARCHITECTURE = (  # what says which weights there are
    "conditional",
    "enc_model",
    "enc_rnn_size",
    "dec_model",
    "dec_rnn_size",
    "z_size",
    "num_mixture",
)
_INT_MAX = 2**31 - 1
_POINTS_MAX = 100_000  # of a sketch; memory and time of a batch grow with them
_FLOAT_MAX = 3.4e38  # what float32 can hold


Made = TypeVar("Made")


class _Range(NamedTuple):
    """The values of a hyperparameter that are allowed."""

    expected: str
    holds: Callable[[Any], bool]


def _are_names(names: tuple[str, ...]) -> bool:
    return bool(names) and all(name.strip() and name.isprintable() for name in names)


Names = Annotated[tuple[str, ...], _Range("one or more file names", _are_names)]
Cell = Annotated[str, _Range(f"one of {', '.join(CELLS)}", lambda v: v in CELLS)]
Switch = Annotated[bool, _Range("true, false, 1 or 0", lambda v: True)]
Size = Annotated[int, _Range(f"a whole number from 1 to {_INT_MAX}", lambda v: 1 <= v <= _INT_MAX)]
Points = Annotated[
    int, _Range(f"a whole number from 1 to {_POINTS_MAX}", lambda v: 1 <= v <= _POINTS_MAX)
]
Positive = Annotated[float, _Range("a number above 0", lambda v: 0 < v <= _FLOAT_MAX)]
NotNegative = Annotated[float, _Range("a number, 0 or above", lambda v: 0 <= v <= _FLOAT_MAX)]
Decay = Annotated[float, _Range("a number from 0 to 1", lambda v: 0 <= v <= 1)]
KeepProb = Annotated[
    float, _Range("a probability of keeping, above 0 and at most 1", lambda v: 0 < v <= 1)
]
Padding = Annotated[
    int | str,
    _Range("all, or a whole number from 0", lambda v: v == "all" or (type(v) is int and v >= 0)),
]
Fraction = Annotated[float, _Range("a number from 0 to below 1", lambda v: 0 <= v < 1)]


def _names_known(cls: type[Made]) -> type[Made]:
    """Has a class of hyperparameters say which is the nearest to one that it does not know."""
    make = cls.__init__

    @functools.wraps(make)
    def __init__(self: Made, *values: object, **named: object) -> None:
        for name in named:
            kind_of(name)
        make(self, *values, **named)

    cls.__init__ = __init__  # type: ignore[assignment, method-assign]
    return cls


@_names_known
@dataclass(frozen=True)
class HParams:
    """The hyperparameters of a model and of its training.

    Values are checked when the object is made. An int is taken for a float, any int for a
    bool, one name for a list of one; anything else of a wrong type, or out of range, is a
    `UserError`.

    Attributes:
        data_set: Names of the `.npz` files to train on.
        num_steps: Training steps in total.
        save_every: Steps between two validations, and between two saves.
        max_seq_len: Points of the longest sketch; taken from the data, never filters.
        dec_rnn_size: Units of the decoder.
        dec_model: Recurrent cell of the decoder: lstm, layer_norm or hyper.
        enc_rnn_size: Units of the encoder, per direction.
        enc_model: Recurrent cell of the encoder: lstm, layer_norm or hyper.
        z_size: Dimensions of the latent vector z.
        kl_weight: Weight of the KL cost at the end of its annealing.
        kl_weight_start: Weight of the KL cost at step 0, and in validation.
        kl_tolerance: Floor of the KL cost, in nats per latent dimension.
        batch_size: Sketches in a training step.
        grad_clip: Each element of a gradient is clipped to +- this value.
        num_mixture: Gaussians in the mixture of an offset.
        learning_rate: Learning rate at step 0.
        decay_rate: Factor of the learning rate's decay, per step.
        kl_decay_rate: Factor of the KL weight's annealing, per step.
        min_learning_rate: What the learning rate decays to.
        use_recurrent_dropout: Drop the cells' candidates, in encoder and decoder.
        recurrent_dropout_prob: Probability of keeping a candidate.
        use_input_dropout: Drop the decoder's inputs.
        input_dropout_prob: Probability of keeping an input.
        use_output_dropout: Drop the decoder's outputs.
        output_dropout_prob: Probability of keeping an output.
        random_scale_factor: Augmentation stretches x and y by 1 - this to 1 + this.
        augment_stroke_prob: Probability that augmentation drops a point within a line.
        conditional: Encode sketches to z; false trains a decoder alone.
        is_training: The original's own switch; kept so that its files can be read.
        pad_steps: Steps after a sketch's end that training still decodes; all is the original's
            loss to the letter. Not one of the original's.
    """

    data_set: Names = ("aaron_sheep.npz",)
    num_steps: Size = 10_000_000
    save_every: Size = 500
    max_seq_len: Points = 250
    dec_rnn_size: Size = 512
    dec_model: Cell = "lstm"
    enc_rnn_size: Size = 256
    enc_model: Cell = "lstm"
    z_size: Size = 128
    kl_weight: NotNegative = 0.5
    kl_weight_start: NotNegative = 0.01
    kl_tolerance: NotNegative = 0.2
    batch_size: Size = 100
    grad_clip: Positive = 1.0
    num_mixture: Size = 20
    learning_rate: Positive = 0.001
    decay_rate: Decay = 0.9999
    kl_decay_rate: Decay = 0.99995
    min_learning_rate: NotNegative = 0.00001
    use_recurrent_dropout: Switch = True
    recurrent_dropout_prob: KeepProb = 0.90
    use_input_dropout: Switch = False
    input_dropout_prob: KeepProb = 0.90
    use_output_dropout: Switch = False
    output_dropout_prob: KeepProb = 0.90
    random_scale_factor: Fraction = 0.15
    augment_stroke_prob: Fraction = 0.10
    conditional: Switch = True
    is_training: Switch = True
    pad_steps: Padding = "all"

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, _checked(field.name, getattr(self, field.name)))

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> HParams:
        """The hyperparameters that `to_dict` or the original wrote; absent ones take defaults.

        Raises:
            UserError: an unknown key, a wrong type or a value out of range.
        """
        return cls(**checked_overrides(mapping.items()))

    def least_bytes(self) -> int:
        """Return the bytes of such a model's largest matrices, fewer than all its weights have."""
        decoder, encoder = self.dec_rnn_size, self.enc_rnn_size
        numbers = 4 * decoder**2 + 6 * decoder * self.num_mixture
        if self.conditional:
            numbers += 8 * encoder**2 + 4 * decoder * self.z_size
        return 4 * numbers

    def to_dict(self) -> dict[str, Any]:
        """All hyperparameters, ready for JSON."""
        return {**asdict(self), "data_set": list(self.data_set)}

    def texts(self) -> dict[str, str]:
        """Each hyperparameter as `--hparams` spells it."""
        return {name: _spelled(value) for name, value in self.to_dict().items()}

    def replace(self, **changes: object) -> HParams:
        """These hyperparameters with some changed.

        Raises:
            UserError: an unknown key, a wrong type or a value out of range.
        """
        return replace(self, **checked_overrides(changes.items()))


_KINDS: dict[str, tuple[type, _Range]] = {
    name: get_args(hint) for name, hint in get_type_hints(HParams, include_extras=True).items()
}


def checked_overrides(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Typed and checked values by name; a key may come once.

    Raises:
        UserError: an unknown key, a wrong type or a value out of range.
    """
    overrides: dict[str, Any] = {}
    for key, value in pairs:
        if key in overrides:
            raise UserError(f"hyperparameter {key} is given twice; give it once")
        overrides[key] = _checked(key, value)
    return overrides


def _checked(name: str, value: Any) -> Any:
    """The value in the hyperparameter's own type and within its range."""
    kind, allowed = kind_of(name)
    typed = _typed(kind, value)
    if typed is None or not allowed.holds(typed):
        raise UserError(f"hyperparameter {name}: expected {allowed.expected}, got {shown(value)}")
    return typed


def kind_of(name: str) -> tuple[type, _Range]:
    """The type of a hyperparameter, and its range.

    Raises:
        UserError: there is none of this name; the nearest is named.
    """
    if name in MEANT:
        raise UserError(f"unknown hyperparameter {name!r}; it is called {MEANT[name]} here")
    if name not in _KINDS:
        nearest = difflib.get_close_matches(str(name)[:60], _KINDS, n=1, cutoff=0)[0]
        raise UserError(f"unknown hyperparameter {shown(name)}; the nearest is {nearest}")
    return _KINDS[name]


def _typed(kind: type, value: Any) -> Any:
    """The value as `kind`, or None where it is of another type."""
    if kind == int | str:
        kind = str if isinstance(value, str) else int
    if kind is bool and isinstance(value, Integral):
        return bool(value)
    if kind is int and isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if kind is float and isinstance(value, Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return None
    if kind is str and isinstance(value, str):
        return value
    if kind == tuple[str, ...]:
        names = (value,) if isinstance(value, str) else value
        if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
            return tuple(names)
    return None


def _spelled(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(value: Any) -> str:
    """The value for a message: one short line."""
    try:
        return reprlib.repr(value)
    except ValueError:  # a number of more digits than Python prints
        return "a number far out of range"
