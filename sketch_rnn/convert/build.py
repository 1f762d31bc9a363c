"""Build a data set from drawings: find, convert on every core, spool, shuffle, split, write."""

import csv
import io
import multiprocessing
import os
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
from tqdm import tqdm

from sketch_rnn.choices import SPLITS
from sketch_rnn.convert import sources
from sketch_rnn.convert.prepare import Recipe, Sketch
from sketch_rnn.convert.readers.chunks import NOT_RECOGNIZED, PASSED_OVER, Chunk, Reading
from sketch_rnn.convert.readers.memory import memory_chunks
from sketch_rnn.convert.store import Spool, write_npz
from sketch_rnn.data.layout import Layout
from sketch_rnn.errors import UserError, warn
from sketch_rnn.files import check_output, naming, replacing
from sketch_rnn.signals import leave_to_parent
from sketch_rnn.system import worker_context
from sketch_rnn.trace.installed import check_installed

CHUNKS_AHEAD = 8  # chunks per process that are being converted or waiting
COPY = "a copy of a drawing before it"
REPEATED = 0.05  # share of train that a split repeats if nothing is held back for it
BETWEEN = " | "  # separates the things that are left out of one drawing
_TEXT = re.compile(r"\d+ texts? left out")  # not pen lines, as in KanjiVG


class Row(NamedTuple):
    """The outcome for one drawing: a row in a report.

    Attributes:
      reason: why the drawing was dropped, or what was left out of it.
      line_width: the width of lines measured in a picture, in its pixels.
    """

    drawing: str
    kept: bool
    points: int = 0
    epsilon: float = 0.0
    reason: str = ""
    strokes: int = 0
    line_width: float | None = None


Inputs = str | Path | np.ndarray | Sequence[str | Path | np.ndarray | Sequence[Any]]


@dataclass(frozen=True)
class Converted:
    """A chunk's sketches as concatenated points `[P, 3]` int16, and a report row for each drawing.

    A file that is not read also has a row.
    """

    points: np.ndarray
    lengths: list[int]
    rows: list[Row]


@dataclass
class Summary:
    """The outcome of a build.

    Attributes:
      drawings: how many drawings were kept.
      kept: how many drawings are in each split.
      dropped: how many drawings were dropped, for each reason.
      changed: how many drawings were kept with something left out or cut down, for each kind of
        change.
      examples: the first drawing for each reason.
      passed_over: how many files were not read, for each suffix.
      simplified_more: how many drawings needed a larger epsilon than the recipe's.
      seconds: how long the build took.
      started: when it started, by `time.monotonic`.
    """

    drawings: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)
    simplified_more: int = 0
    seconds: float = 0
    started: float = field(default_factory=time.monotonic)

    def lines(self) -> list[str]:
        """Return the summary as lines of text."""
        kept = ", ".join(f"{count} {split}" for split, count in self.kept.items())
        total = self.drawings + sum(self.dropped.values())
        lines = [f"kept {self.drawings} of {total} drawings: {kept}"]
        if self.simplified_more:
            lines.append(
                f"{self.simplified_more} of these were simplified more than usual, to fit "
                "max_points"
            )
        for verb, reasons in (("changed", self.changed), ("dropped", self.dropped)):
            if reasons:
                lines.append(f"{verb} {sum(reasons.values())}:")
            for reason, count in reasons.most_common():
                lines.append(f"  {count:>7} {reason} (first: {self.examples[reason]})")
        if self.passed_over:
            kinds = ", ".join(f"{n} {suffix}" for suffix, n in self.passed_over.most_common())
            count = sum(self.passed_over.values())
            lines.append(f"skipped {count} files of other kinds: {kinds}")
        lines.append(f"took {self.seconds:.1f} s, {total / self.seconds:.0f} drawings per second")
        return lines


def build(
    inputs: Inputs = (),
    output: str | Path | None = None,
    recipe: Recipe | None = None,
    *,
    strokes: Iterable[Any] = (),
    outline: bool = False,
    valid: float = 0.05,
    test: float = 0.05,
    seed: int = 0,
    drop_copies: bool = False,
    strict: bool = False,
    recognized: bool = False,
    first_row: str = "auto",
    coordinates: str = "auto",
    pen: str = "auto",
    ink: str = "auto",
    centerline: bool = False,
    sheet: bool = False,
    report: str | Path | None = None,
    overwrite: bool = False,
    processes: int | None = None,
) -> Summary:
    """Convert drawings to a data set.

    Args:
      inputs: files, folders and zips with drawings in any readable format, or stroke-3 arrays.
      output: the `.npz` to write.
      recipe: how drawings become sketches.
      strokes: drawings, each a list of lines, each a list of points or an array `[n, 2]`.
      outline: see `Reading`.
      valid: size of the validation split: a share of the drawings (below 1), or a number of
        drawings; if 0, the split gets copies of some training drawings.
      test: size of the test split, in the same way.
      seed: the seed for the shuffle.
      drop_copies: whether to keep only the first of several sketches with identical points.
      strict: whether to stop at the first drawing that cannot be used completely, instead of
        dropping the drawing or its unusable part; text beside lines never stops the build.
      recognized: see `Reading`.
      first_row: for arrays, see `Layout`.
      coordinates: for arrays, see `Layout`.
      pen: for arrays, see `Layout`.
      ink: see `Reading`.
      centerline: see `Reading`.
      sheet: see `Reading`.
      report: a CSV file to write, with a row for each drawing.
      overwrite: whether to replace an existing output and report; inputs are never replaced.
      processes: the number of processes that convert; by default one per core.

    Raises:
      UserError: an input or an argument is invalid; nothing is written then.
    """
    if centerline or sheet:
        check_installed()
    reading = Reading(
        recipe or Recipe(),
        outline=outline,
        recognized=recognized,
        layout=Layout(first_row, coordinates, pen),
        ink=ink,
        sheet=sheet,
        centerline=centerline,
    )
    output = _checked_output(output, report, _split_inputs(inputs)[0], overwrite)
    _check_shares(valid=valid, test=test)
    with naming(output, ""), Spool(output.parent) as spool:
        chunks = _chunks(inputs, strokes, reading)
        summary = _convert_all(chunks, reading, spool, report, drop_copies, strict, processes)
        _write(output, spool, _split(len(spool), valid, test, seed), summary)
    return summary


def _split_inputs(inputs: Inputs) -> tuple[list[str | Path], list[Any]]:
    """Split the inputs into paths and drawings given as arrays."""
    is_array = isinstance(inputs, np.ndarray) and inputs.ndim == 2
    is_many = isinstance(inputs, Iterable) and not isinstance(inputs, str | Path) and not is_array
    every: list[Any] = [*cast(Iterable, inputs)] if is_many else [inputs]
    paths = [item for item in every if isinstance(item, str | Path)]
    arrays = [item for item in every if not isinstance(item, str | Path)]
    for item in arrays:
        if not isinstance(item, np.ndarray | list | tuple):
            kind = type(item).__name__
            raise UserError(f"inputs: expected names of files and folders, or arrays; got {kind}")
    return paths, arrays


def _chunks(inputs: Inputs, strokes: Iterable[Any], reading: Reading) -> Iterator[Chunk]:
    paths, arrays = _split_inputs(inputs)
    yield from sources.find(paths, reading)
    yield from memory_chunks("inputs", arrays, reading)
    yield from memory_chunks("strokes", strokes, reading)


def _convert_all(
    chunks: Iterator[Chunk],
    reading: Reading,
    spool: Spool,
    report: str | Path | None,
    drop_copies: bool,
    strict: bool,
    processes: int | None,
) -> Summary:
    """Convert the drawings, store them in the spool (a temporary file), and return a summary."""
    summary, seen = Summary(), set[int]()
    with ExitStack() as stack:
        table = _Report(stack.enter_context(replacing(report))) if report else None
        progress = stack.enter_context(tqdm(unit=" drawings", disable=None, smoothing=0))
        convert = stack.enter_context(_Parallel(processes)).map
        for part in convert(partial(_convert, reading=reading), chunks):
            if drop_copies:
                part = _without_copies(part, seen)
            _account(summary, part, reading.recipe, strict)
            spool.append(part.points, part.lengths)
            if table:
                table.write(part.rows)
            progress.update(len(part.rows))
            progress.set_postfix(kept=len(spool), refresh=False)
        if not len(spool):
            raise UserError(f"no drawing could be used: {_why_none(summary)}")
    summary.drawings = len(spool)
    return summary


def _write(output: Path, spool: Spool, splits: dict[str, np.ndarray], summary: Summary) -> None:
    write_npz(output, {k: (len(v), spool.sketches(v)) for k, v in splits.items()})
    summary.kept = {name: len(numbers) for name, numbers in splits.items()}
    summary.seconds = time.monotonic() - summary.started


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not (0 <= share < 1 or (share >= 1 and share == int(share))):
            raise UserError(
                f"{name}: expected a share of the drawings (below 1) or a whole number of "
                f"drawings, got {share:g}"
            )


def _checked_output(
    output: str | Path | None,
    report: str | Path | None,
    inputs: Sequence[str | Path],
    overwrite: bool,
) -> Path:
    """Return the output's path; check that the output and the report can be written."""
    if output is None:
        raise UserError("output: expected the name of an .npz file to write")
    output = Path(output)
    if output.suffix != ".npz":
        raise UserError(f"{output}: expected an output name that ends in .npz")
    if report and Path(report).resolve() == output.resolve():
        raise UserError(f"{report} is both the output and the report; choose another file")
    check_output(output, inputs, overwrite=overwrite)
    if report:
        files = [path for path in inputs if not Path(path).is_dir()]
        check_output(report, files, overwrite=overwrite, name="report")
    for path in (output, Path(report)) if report else (output,):
        if not os.access(path.parent, os.W_OK):
            raise UserError(f"{path}: its folder cannot be written to")
    return output


def _convert(chunk: Chunk, reading: Reading) -> Converted:
    """Read a chunk and convert its drawings; runs in a worker process."""
    sketches, rows = [], []
    for name, outcome in sources.outcomes(chunk, reading):
        name = "".join(c if c.isprintable() else "?" for c in name)
        if isinstance(outcome, UserError):
            rows.append(Row(name, False, reason=str(outcome)))
        else:
            sketches.append(outcome.points)
            rows.append(_kept(name, outcome))
    points = np.concatenate([np.zeros((0, 3), np.int16), *sketches])
    return Converted(points, [len(sketch) for sketch in sketches], rows)


def _kept(name: str, sketch: Sketch) -> Row:
    width = sketch.line_width and round(sketch.line_width, 1)
    strokes = int(sketch.points[:, 2].sum())
    left_out = BETWEEN.join(sketch.left_out)
    return Row(name, True, len(sketch.points), sketch.epsilon, left_out, strokes, width)


def _without_copies(part: Converted, seen: set[int]) -> Converted:
    """Drop sketches whose digest is in `seen`; add the digests of the others to it."""
    sketches, rows = np.split(part.points, np.cumsum(part.lengths)), []
    kept: list[np.ndarray] = []
    for row in part.rows:
        if row.kept:
            sketch = sketches.pop(0)
            digest = hash(sketch.tobytes())
            if digest in seen:
                row = Row(row.drawing, False, reason=COPY)
            else:
                seen.add(digest)
                kept.append(sketch)
        rows.append(row)
    points = np.concatenate([np.zeros((0, 3), np.int16), *kept])
    return Converted(points, [len(sketch) for sketch in kept], rows)


def _account(summary: Summary, part: Converted, recipe: Recipe, strict: bool) -> None:
    for row in part.rows:
        name, reason = row.drawing, row.reason
        if strict and (stops := [text for text in reason.split(BETWEEN) if _stops(text)]):
            raise UserError(f"{name}: {BETWEEN.join(stops)}")
        if reason == PASSED_OVER:
            summary.passed_over[_suffix(name)] += 1
            continue
        counted = summary.changed if row.kept else summary.dropped
        for text in reason.split(BETWEEN) if reason else ():
            kind = re.sub(r" \(.*\)|: line \d.*", "", text)
            kind = re.sub(r"^\d+ (.*?)s? left out", r"\1s left out", kind)
            counted[kind] += 1
            summary.examples.setdefault(kind, name)
        summary.simplified_more += row.epsilon > recipe.epsilon


def _suffix(name: str) -> str:
    return PurePosixPath(re.split(r"[/\\:]", name)[-1]).suffix.lower() or "without a suffix"


def _stops(reason: str) -> bool:
    """Return whether a strict build stops for this reason to change or drop a drawing."""
    return reason not in ("", COPY, NOT_RECOGNIZED) and not _TEXT.match(reason)


def _why_none(summary: Summary) -> str:
    if not summary.dropped:
        return "there was none"
    reason, count = summary.dropped.most_common(1)[0]
    total = sum(summary.dropped.values())
    others = f", {total - count} drawings dropped for other reasons" if total > count else ""
    return f"{reason} ({count}, first: {summary.examples[reason]}{others})"


def _split(count: int, valid: float, test: float, seed: int) -> dict[str, np.ndarray]:
    """Shuffle the drawings and return the indices of the drawings in each split.

    `valid` and `test` are the sizes of these two splits. A size below 1 is a share of all drawings,
    and a size of 1 or more is a number of drawings. A split whose size is above 0 gets at least one
    drawing. A split whose size is 0 gets copies of some training drawings, since a run always needs
    validation drawings. If there are fewer than three drawings, every split gets all of them.
    """
    order = np.random.default_rng(seed).permutation(count)
    if count < 3:
        warn(
            f"too few drawings ({count}) to hold any out: the valid and test splits contain the "
            "same drawings as the train split"
        )
        return dict.fromkeys(SPLITS, order)
    valid_count, test_count = (
        int(share) if share >= 1 or not share else max(round(share * count), 1)
        for share in (valid, test)
    )
    train_count = count - valid_count - test_count
    if train_count <= 0:
        raise UserError(
            f"valid and test: holding out {valid_count + test_count} of {count} drawings leaves "
            "none to train on"
        )
    parts = np.split(order, [train_count, train_count + valid_count])
    splits = dict(zip(SPLITS, parts, strict=True))
    for name, numbers in splits.items():
        if not len(numbers):
            splits[name] = parts[0][: max(round(REPEATED * train_count), 1)]
            repeated = len(splits[name])
            warn(
                f"`{name}=0` holds out no drawings: the {name} split repeats {repeated} of the "
                "train split"
            )
    return splits


class _Report:
    """A CSV file with a row for each drawing."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.write([Row._fields])

    def write(self, rows: Iterable[tuple]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode())


class _Parallel:
    """Maps functions over iterables in worker processes, in order, reading only a little ahead.

    With a single process or a single item, all work is done in the current process.
    """

    def __init__(self, processes: int | None):
        self._processes = processes or os.cpu_count() or 1
        self._pool: Executor | None = None

    def map(self, function: Callable, items: Iterable) -> Iterator:
        items = iter(items)
        first = list(islice(items, 2))
        if self._processes == 1 or len(first) < 2:
            yield from map(function, chain(first, items))
            return
        self._pool = ProcessPoolExecutor(self._processes, worker_context(), _start_worker)
        waiting: deque[Future] = deque()
        try:
            for item in chain(first, items):
                waiting.append(self._pool.submit(function, item))
                most = CHUNKS_AHEAD * self._processes
                while waiting and (len(waiting) > most or waiting[0].done()):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise UserError(
                "a process that converts drawings was killed, perhaps because memory ran out; "
                "close other programs, or convert fewer files"
            ) from None

    def __enter__(self) -> "_Parallel":
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, which then ends the workers; also end if the parent is killed."""
    leave_to_parent()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
