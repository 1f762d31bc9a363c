"""Hyperparameters: one frozen typed object, and every spelling of `--hparams`.

Names, types and defaults are those of the original Sketch-RNN trainer (Ha & Eck 2017,
arXiv:1704.03477), so that its command lines and configurations keep working; `pad_steps` is ours.
"""

import difflib
import json
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

from sketch_rnn import shipped
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
_CONFIG_BYTES_MAX = 1_000_000
_NAMES_END = re.compile(r"(?<=\.npz)\+")  # between names that stand without brackets
_SPELLING = 'key=value,key=value, a JSON object, or {"key":value,"key":value}'


class _Range(NamedTuple):
    """What values of a hyperparameter are allowed."""

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

    def __new__(cls, *_: object, **values: object) -> "HParams":
        for name in values:
            _kind(name)  # else Python's own error would come first, which names no other
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, _checked(field.name, getattr(self, field.name)))

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> "HParams":
        """The hyperparameters that `to_dict` or the original wrote; absent ones take defaults.

        Raises:
            UserError: an unknown key, a wrong type or a value out of range.
        """
        return cls(**checked_overrides(mapping.items()))

    def least_bytes(self) -> int:
        """What the largest matrices of such a model take, so less than its weights."""
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

    def replace(self, **changes: object) -> "HParams":
        """These hyperparameters with some changed.

        Raises:
            UserError: an unknown key, a wrong type or a value out of range.
        """
        return replace(self, **checked_overrides(changes.items()))


_KINDS: dict[str, tuple[type, _Range]] = {
    name: get_args(hint) for name, hint in get_type_hints(HParams, include_extras=True).items()
}


def parse_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """Reads the values of a repeated `--hparams` flag; a later flag wins.

    Each text is `key=value,key=value`, a JSON object, or what lies between the two: `=` or `:`
    after a key, quotes, braces and spaces or none. Lists are `[a,b]`. Names of files may come as
    `a.npz+b.npz`, or one by one: `data_set` without brackets in several texts adds up.

    Args:
        texts: The flag's values, in order.

    Returns:
        Typed and checked values by name, for `HParams(**overrides)`.

    Raises:
        UserError: a malformed text, an unknown key, a key given twice in one text, a wrong
            type or a value out of range.
    """
    overrides: dict[str, Any] = {}
    adds_up = False  # whether the names so far came without brackets
    for text in _rejoined(texts):
        found = _json_pairs(text)
        pairs: list[tuple[str, Any]] = list(_text_pairs(text) if found is None else found)
        new = checked_overrides((key, _from_text(key, value)) for key, value in pairs)
        if "data_set" in new:
            is_bare = isinstance(dict(pairs)["data_set"], str)
            if adds_up and is_bare:
                new["data_set"] = overrides["data_set"] + new["data_set"]
            adds_up = is_bare
        overrides |= new
    return overrides


def load_config(path: str | Path) -> dict[str, Any]:
    """Reads overrides from a JSON file that holds one object of hyperparameters.

    Args:
        path: The file, or the name of a configuration that comes with the program, as in `doodles`.

    Returns:
        Typed and checked values by name, for `HParams(**overrides)`.

    Raises:
        UserError: no such file, above 1 MB, not a JSON object, or a bad key or value in it.
    """
    where = f"configuration {_shown(str(path))}"
    path = shipped.config(path)
    if not path.is_file():
        names = ", ".join(shipped.config_names())
        raise UserError(f"{where}: no such file; give the path of a JSON file, or one of {names}")
    try:
        with open(path, "rb") as file:
            data = file.read(_CONFIG_BYTES_MAX + 1)
    except OSError as error:
        raise UserError(f"{where}: cannot be read: {error.strerror}") from None
    if len(data) > _CONFIG_BYTES_MAX:
        raise UserError(f"{where}: larger than 1 MB; give a JSON object of hyperparameters")
    try:
        text = data.decode("utf-8-sig")  # some editors begin files with a byte order mark
        pairs = _json_pairs(text)
    except UnicodeDecodeError:
        text, pairs = "", None
    if pairs is None:
        if text.lstrip().startswith("{"):
            _check_json(text, where)
        raise UserError(f'{where}: expected a JSON object such as {{"z_size": 64}}')
    try:
        return checked_overrides(pairs)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


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
    kind, allowed = _kind(name)
    typed = _typed(kind, value)
    if typed is None or not allowed.holds(typed):
        raise UserError(f"hyperparameter {name}: expected {allowed.expected}, got {_shown(value)}")
    return typed


def _kind(name: str) -> tuple[type, _Range]:
    if name in MEANT:
        raise UserError(f"unknown hyperparameter {name!r}; it is called {MEANT[name]} here")
    if name not in _KINDS:
        nearest = difflib.get_close_matches(str(name)[:60], _KINDS, n=1, cutoff=0)[0]
        raise UserError(f"unknown hyperparameter {_shown(name)}; the nearest is {nearest}")
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


def _from_text(name: str, value: Any) -> Any:
    """A text as a value of the hyperparameter's type; other values as they are.

    A text that does not fit is returned unchanged: checking refuses it and shows it.
    """
    if not isinstance(value, str):
        return value
    kind, _ = _kind(name)
    try:
        if kind is bool:
            words = {"true": True, "True": True, "false": False, "False": False}
            return words[value] if value in words else int(value)
        if kind in (int, float):
            return kind(value)
        if kind == int | str:
            return int(value)
        if kind == tuple[str, ...]:
            return _NAMES_END.split(value)
    except ValueError:
        pass
    return value


def _spelled(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: Any) -> str:
    """The value for a message: one short line."""
    try:
        return reprlib.repr(value)
    except ValueError:  # a number of more digits than Python prints
        return "a number far out of range"


def _rejoined(texts: Iterable[str]) -> Iterator[str]:
    """Joins texts that bash's brace expansion cut within a list: `data_set:[a`, `b]`."""
    pending: list[str] = []
    for text in texts:
        pending.append(text)
        joined = ",".join(pending)
        if joined.lstrip().startswith("{") or joined.rfind("[") <= joined.rfind("]"):
            yield joined
            pending = []
    if pending:
        yield ",".join(pending)


def _json_pairs(text: str) -> tuple[tuple[str, Any], ...] | None:
    """The pairs of a JSON object, or None if the text is something else."""
    try:
        # As tuples, objects differ from arrays, and a key given twice is still seen.
        parsed = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, tuple) else None


def _check_json(text: str, where: str) -> None:
    """Says where a text is no JSON, and what a person may have meant."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        before, after = text[: error.pos].rstrip(), text[error.pos :]
        position, reason = error.pos, error.msg
        if after.startswith(("//", "/*", "#")):
            reason = "JSON knows no comments"
        elif after[:1] in ("}", "]", ",") and (before.endswith(",") or after.startswith(",")):
            position = error.pos if after.startswith(",") else len(before) - 1
            reason = "a comma behind the last value"
        elif after.startswith("'"):
            reason = 'JSON has names and texts in "..."'
        line = text.count("\n", 0, position) + 1
        column = position - text.rfind("\n", 0, position)
        raise UserError(f"{where}: line {line}, column {column}: {reason}") from None
    except (ValueError, RecursionError):
        return


_KEY = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^\s=:,"']+))\s*[=:]\s*""")
_SCALAR = re.compile(r"""(?:"([^"]*)"|'([^']*)'|((?!["'\[])[^,]*))""")
_ELEMENT = re.compile(r"""[\s,]*(?:"([^"]*)"|'([^']*)'|([^\s,\]"'][^\s,\]]*))""")
_LIST_END = re.compile(r"[\s,]*\]")
_END = re.compile(r"\s*(?:,\s*|\Z)")


def _text_pairs(text: str) -> Iterator[tuple[str, str | list[str]]]:
    """The pairs of `key=value,key=[a,b]`, with `=` or `:`, quotes, braces and spaces or none."""
    body = text.strip()
    if body.startswith("{") and body.endswith("}"):
        body = body[1:-1].strip()
    position = 0
    while position < len(body):
        key = _match(_KEY, body, position)
        value: str | list[str]
        if body.startswith("[", key.end()):
            value, position = _list(body, key.end() + 1)
        else:
            scalar = _match(_SCALAR, body, key.end())
            value, position = _content(scalar), scalar.end()
        position = _match(_END, body, position).end()
        yield _content(key), value


def _list(body: str, position: int) -> tuple[list[str], int]:
    """The elements of a list from after its bracket, and where the list ends."""
    elements = []
    while not (end := _LIST_END.match(body, position)):
        element = _match(_ELEMENT, body, position)
        elements.append(_content(element))
        position = element.end()
    return elements, end.end()


def _match(pattern: re.Pattern[str], body: str, position: int) -> re.Match[str]:
    found = pattern.match(body, position)
    if not found:
        rest = _shown(body[position:])
        raise UserError(
            f"malformed --hparams at {rest}; expected {_SPELLING}, lists as a+b or [a,b]"
        )
    return found


def _content(match: re.Match[str]) -> str:
    """What a match of quoted or bare text holds."""
    return next(group for group in match.groups() if group is not None).strip()
