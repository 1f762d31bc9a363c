"""Hyperparameters: a frozen, typed object that checks its values.

Names, types and defaults are those of the original Sketch-RNN trainer (Ha & Eck 2017,
arXiv:1704.03477), so that its command lines and configurations keep working. Only `pad_steps` is
new.
"""

from __future__ import annotations  # makes `help` show the names of types, not their checks

import difflib
import functools
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_type_hints

from sketch_rnn.errors import UserError

CELLS = ("lstm", "layer_norm", "hyper")
CONFIG_FILE = "model_config.json"  # in a run's folder, both ours and the original's
PRECISIONS = ("float32", "tf32", "bfloat16")  # for matrix products; the first is the default
STRATEGIES = ("auto", "one", "mirrored", "multi_worker")  # the devices that share a run's work
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
ARCHITECTURE = (  # the hyperparameters that determine which weights a model has
    "conditional",
    "enc_model",
    "enc_rnn_size",
    "dec_model",
    "dec_rnn_size",
    "z_size",
    "num_mixture",
)
_INT_MAX = 2**31 - 1
_POINTS_MAX = 100_000  # points in a sketch; a batch's memory and time grow with them
_FLOAT_MAX = 3.4e38  # the largest number in float32


Made = TypeVar("Made")


class _Range(NamedTuple):
    """The allowed values of a hyperparameter."""

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
KeepProb = Annotated[float, _Range("a probability above 0 and at most 1", lambda v: 0 < v <= 1)]
Padding = Annotated[
    int | str,
    _Range(
        "all, or a whole number of at least 0", lambda v: v == "all" or (type(v) is int and v >= 0)
    ),
]
Fraction = Annotated[float, _Range("a number of at least 0 and below 1", lambda v: 0 <= v < 1)]


def _names_known(cls: type[Made]) -> type[Made]:
    """Make a class of hyperparameters suggest the nearest name when it gets an unknown one."""
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

    Values are checked when the object is made. An int is accepted as a float, any int as a bool,
    and a single name as a list with one element; any other wrong type, or a value out of range,
    raises `UserError`.

    Attributes:
        data_set: Names of the `.npz` files to train on.
        num_steps: Training steps in total.
        save_every: Steps between two validations, and between two saves.
        max_seq_len: Points in the longest sketch; set from the data, never used as a filter.
        dec_rnn_size: Units in the decoder.
        dec_model: Recurrent cell of the decoder: lstm, layer_norm or hyper.
        enc_rnn_size: Units in the encoder, per direction.
        enc_model: Recurrent cell of the encoder: lstm, layer_norm or hyper.
        z_size: Dimensions of the latent vector z.
        kl_weight: Weight of the KL cost at the end of its annealing.
        kl_weight_start: Weight of the KL cost at step 0, and in validation.
        kl_tolerance: Floor of the KL cost, in nats per latent dimension.
        batch_size: Sketches in a training step.
        grad_clip: Each element of a gradient is clipped to +- this value.
        num_mixture: Gaussians in the mixture that predicts an offset.
        learning_rate: Learning rate at step 0.
        decay_rate: Factor by which the learning rate decays, per step.
        kl_decay_rate: Factor by which the KL weight is annealed, per step.
        min_learning_rate: Learning rate that the decay approaches.
        use_recurrent_dropout: Apply dropout to the cells' candidate values, in the encoder and the
            decoder.
        recurrent_dropout_prob: Probability of keeping a candidate value.
        use_input_dropout: Apply dropout to the decoder's inputs.
        input_dropout_prob: Probability of keeping an input.
        use_output_dropout: Apply dropout to the decoder's outputs.
        output_dropout_prob: Probability of keeping an output.
        random_scale_factor: With the value r, augmentation multiplies x and y by random factors
            from 1 - r to 1 + r.
        augment_stroke_prob: Probability that augmentation drops a point within a line.
        conditional: Encode sketches to z; false trains only a decoder.
        is_training: A switch of the original trainer, kept so that the trainer's files can be read.
        pad_steps: Steps after a sketch's end that training still decodes; the value `all` gives
            exactly the loss of the original trainer, which does not have this hyperparameter.
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
        """Make hyperparameters from a dict by `to_dict` or the original trainer; add defaults.

        Raises:
            UserError: an unknown key, a wrong type or a value out of range.
        """
        return cls(**checked_overrides(mapping.items()))

    def least_bytes(self) -> int:
        """Return the memory of a model's largest matrices in bytes, without the other weights."""
        decoder, encoder = self.dec_rnn_size, self.enc_rnn_size
        numbers = 4 * decoder**2 + 6 * decoder * self.num_mixture
        if self.conditional:
            numbers += 8 * encoder**2 + 4 * decoder * self.z_size
        return 4 * numbers

    def to_dict(self) -> dict[str, Any]:
        """Return all hyperparameters as a dict that is ready for JSON."""
        return {**asdict(self), "data_set": list(self.data_set)}

    def texts(self) -> dict[str, str]:
        """Return each hyperparameter as `--hparams` spells it."""
        return {name: _spelled(value) for name, value in self.to_dict().items()}

    def replace(self, **changes: object) -> HParams:
        """Return a copy of these hyperparameters with some values changed.

        Raises:
            UserError: an unknown key, a wrong type or a value out of range.
        """
        return replace(self, **checked_overrides(changes.items()))


def as_hparams(given: HParams | Mapping[str, Any]) -> HParams:
    """Return hyperparameters given as an object or as a dict; missing ones take their defaults.

    Raises:
      UserError: `given` is neither an `HParams` nor a dict, a name is unknown, or a value has the
        wrong type or is out of range.
    """
    if isinstance(given, HParams):
        return given
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise UserError(f"hparams: expected an HParams or a dict of hyperparameters, got {kind}")
    return HParams.from_dict(given)


_KINDS: dict[str, tuple[type, _Range]] = {
    name: get_args(hint) for name, hint in get_type_hints(HParams, include_extras=True).items()
}


def checked_overrides(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return typed and checked values, keyed by name.

    Raises:
        UserError: a key is unknown or repeated, or a value has a wrong type or is out of range.
    """
    overrides: dict[str, Any] = {}
    for key, value in pairs:
        if key in overrides:
            raise UserError(f"hyperparameter {key} is given twice; give it once")
        overrides[key] = _checked(key, value)
    return overrides


def _checked(name: str, value: Any) -> Any:
    """Convert a value to the hyperparameter's type, and check that it is within the range."""
    kind, allowed = kind_of(name)
    typed = _typed(kind, value)
    if typed is None or not allowed.holds(typed):
        raise UserError(f"hyperparameter {name}: expected {allowed.expected}, got {shown(value)}")
    return typed


def kind_of(name: str) -> tuple[type, _Range]:
    """Return the type and the range of a hyperparameter.

    Raises:
        UserError: the name is unknown; the message suggests the nearest name.
    """
    if name in MEANT:
        raise UserError(f"unknown hyperparameter {name!r}; it is called {MEANT[name]} here")
    if name not in _KINDS:
        nearest = difflib.get_close_matches(str(name)[:60], _KINDS, n=1, cutoff=0)[0]
        raise UserError(f"unknown hyperparameter {shown(name)}; the nearest is {nearest}")
    return _KINDS[name]


def _typed(kind: type, value: Any) -> Any:
    """Return the value converted to the type `kind`; None if its type cannot be converted."""
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
    """Return a value as one short line for a message."""
    try:
        return reprlib.repr(value)
    except ValueError:  # an integer with more digits than Python converts to text
        return "a number far out of range"
