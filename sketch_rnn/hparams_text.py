"""The spellings of `--hparams` that are accepted, and files of hyperparameters."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sketch_rnn import shipped
from sketch_rnn.errors import UserError
from sketch_rnn.hparams import checked_overrides, kind_of, shown
from sketch_rnn.untrusted_json import LARGEST

_NAMES_END = re.compile(r"(?<=\.npz)\+")  # separates names that are not in brackets
_SPELLING = 'key=value,key=value, a JSON object, or {"key":value,"key":value}'


def parse_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """Read the values of a repeated `--hparams` flag; a later flag wins.

    Each string is `key=value,key=value`, a JSON object, or a mixture of the two: a key may be
    followed by `=` or `:`, and quotes, braces and spaces are optional. Lists are `[a,b]`. Several
    file names may be given as `data_set=a.npz+b.npz`, or as `data_set=a.npz` and `data_set=b.npz`:
    names without brackets are collected.

    Args:
        texts: The flag's values, in order.

    Returns:
        Typed and checked values, keyed by name, for `HParams(**overrides)`.

    Raises:
        UserError: a string is malformed, a key is unknown or repeated in one string, or a value
            has a wrong type or is out of range.
    """
    overrides: dict[str, Any] = {}
    adds_up = False  # whether the names so far were given without brackets
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
    """Read overrides from a JSON file that contains an object of hyperparameters.

    Args:
        path: The file, or the name of a configuration included in the program, such as `doodles`.

    Returns:
        Typed and checked values, keyed by name, for `HParams(**overrides)`.

    Raises:
        UserError: there is no such file, it is larger than 1 MB or not a JSON object, or a key or
            value in it is invalid.
    """
    where = f"configuration {shown(str(path))}"
    path = shipped.config(path)
    if not path.is_file():
        names = ", ".join(shipped.config_names())
        raise UserError(f"{where}: no such file; give the path of a JSON file, or one of {names}")
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UserError(f"{where}: cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
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


def _from_text(name: str, value: Any) -> Any:
    """Convert a string to the hyperparameter's type; return other values unchanged.

    A string that cannot be converted is also returned unchanged, so that the check that follows can
    show the string in its message.
    """
    if not isinstance(value, str):
        return value
    kind, _ = kind_of(name)
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


def _rejoined(texts: Iterable[str]) -> Iterator[str]:
    """Rejoin lists that bash's brace expansion split into several strings: `data_set:[a`, `b]`."""
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
    """Return the pairs in a JSON object, or None if the string holds anything else."""
    try:
        # Tuples distinguish objects from arrays, and keep keys that are given twice.
        parsed = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, tuple) else None


def _check_json(text: str, where: str) -> None:
    """Raise UserError if a string is not valid JSON; give the position and the likely mistake."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        before, after = text[: error.pos].rstrip(), text[error.pos :]
        position, reason = error.pos, error.msg
        if after.startswith(("//", "/*", "#")):
            reason = "JSON allows no comments"
        elif after[:1] in ("}", "]", ",") and (before.endswith(",") or after.startswith(",")):
            position = error.pos if after.startswith(",") else len(before) - 1
            reason = "there is a comma after the last value"
        elif after.startswith("'"):
            reason = 'JSON needs names and text in "..."'
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
    """Yield the pairs in `key=value,key=[a,b]`; see `parse_overrides` for other spellings."""
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
    """Return the elements of the list that begins at `position`, and the list's end position."""
    elements = []
    while not (end := _LIST_END.match(body, position)):
        element = _match(_ELEMENT, body, position)
        elements.append(_content(element))
        position = element.end()
    return elements, end.end()


def _match(pattern: re.Pattern[str], body: str, position: int) -> re.Match[str]:
    found = pattern.match(body, position)
    if not found:
        rest = shown(body[position:])
        raise UserError(
            f"malformed --hparams at {rest}; expected {_SPELLING}, lists as a+b or [a,b]"
        )
    return found


def _content(match: re.Match[str]) -> str:
    """Return the text in a match of quoted or unquoted text."""
    return next(group for group in match.groups() if group is not None).strip()
