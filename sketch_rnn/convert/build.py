"""Drawings to a data set: find, convert on every core, spool, shuffle, split, write."""

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
from typing import BinaryIO

import numpy as np
from tqdm import tqdm

from sketch_rnn.choices import INKS, SPLITS
from sketch_rnn.convert import sources
from sketch_rnn.convert.prepare import Recipe
from sketch_rnn.convert.readers.chunks import NOT_RECOGNIZED, PASSED_OVER, Chunk, Reading
from sketch_rnn.convert.store import Spool, write_npz
from sketch_rnn.data.layout import Layout
from sketch_rnn.errors import UserError, check_choice, warn
from sketch_rnn.files import check_output, replacing
from sketch_rnn.signals import leave_to_parent

CHUNKS_AHEAD = 8  # being converted or waiting for it, per process
COPY = "a copy of a drawing before it"
BETWEEN = " | "  # things that are left out of one drawing
_TEXT = re.compile(r"\d+ texts? left out")  # no line of a pen, as KanjiVG's numbers of strokes
REPORT_COLUMNS = ("drawing", "kept", "points", "epsilon", "reason")


@dataclass(frozen=True)
class Converted:
    """A chunk's sketches as flat points `[P, 3]` int16, and a report row for each drawing.

    A file that is passed over has a row too.
    """

    points: np.ndarray
    lengths: list[int]
    rows: list[tuple[str, bool, int, float, str]]


@dataclass
class Summary:
    """What became of the drawings.

    drawings: how many were kept. kept: how many are in each split. dropped: drawings by reason.
    changed: drawings that were kept, by what is left out of them or cut down. examples: the first
      of each reason. passed_over: files that are not read, by suffix.
    simplified_more: how many needed more than the recipe's epsilon. seconds: how long it took.
    """

    drawings: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)
    simplified_more: int = 0
    seconds: float = 0

    def lines(self) -> list[str]:
        """For a person to read."""
        kept = ", ".join(f"{count} {split}" for split, count in self.kept.items())
        total = self.drawings + sum(self.dropped.values())
        lines = [f"kept {self.drawings} of {total} drawings: {kept}"]
        if self.simplified_more:
            lines.append(f"simplified {self.simplified_more} of them more, to fit max_points")
        for verb, reasons in (("changed", self.changed), ("dropped", self.dropped)):
            if reasons:
                lines.append(f"{verb} {sum(reasons.values())}:")
            for reason, count in reasons.most_common():
                lines.append(f"  {count:>7} {reason} (first: {self.examples[reason]})")
        if self.passed_over:
            kinds = ", ".join(f"{n} {suffix}" for suffix, n in self.passed_over.most_common())
            count = sum(self.passed_over.values())
            lines.append(f"passed over {count} files of other kinds: {kinds}")
        lines.append(f"in {self.seconds:.1f} s, {total / self.seconds:.0f} drawings a second")
        return lines


def build(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    recipe: Recipe | None = None,
    *,
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
    report: str | Path | None = None,
    overwrite: bool = False,
    processes: int | None = None,
) -> Summary:
    """Converts drawings to a data set.

    Args:
      inputs: one or several files, folders and zips of drawings, in any form that is read.
      output: the `.npz` to write. overwrite: replace it and a report, unless they are inputs.
      recipe: how drawings become sketches.
      outline: take also the outlines of filled shapes of SVGs.
      valid: drawings of the validation split: a share below 1, or a count. test: of the test split.
      seed: of the shuffle.
      drop_copies: keep only the first of sketches that are alike point by point.
      strict: stop at the first drawing that cannot be used, or not all of it, instead of dropping
        it or what cannot be used; text beside lines is left out in any case.
      recognized, ink: see `Reading`.
      first_row, coordinates, pen: of `.npz` files: see `Layout`.
      report: a CSV file to write, with a row for each drawing.
      processes: to convert with; all cores by default.

    Raises:
      UserError: what is wrong; then nothing is written.
    """
    inputs = [inputs] if isinstance(inputs, str | Path) else inputs
    for path in inputs:
        if not isinstance(path, str | Path):
            kind = type(path).__name__
            raise UserError(f"inputs: expected names of files and folders, got one of type {kind}")
    layout = Layout(first_row, coordinates, pen)
    check_choice("ink", ink, INKS)
    output = Path(output)
    _check_paths(output, report, inputs, overwrite)
    _check_shares(valid=valid, test=test)
    started = time.monotonic()
    reading = Reading(recipe or Recipe(), outline, recognized, layout, ink)
    with Spool(output.parent) as spool:
        summary = _converted(inputs, reading, spool, report, drop_copies, strict, processes)
        splits = _split(len(spool), valid, test, seed)
        summary.kept = {name: len(numbers) for name, numbers in splits.items()}
        write_npz(output, {k: (len(v), spool.sketches(v)) for k, v in splits.items()})
    summary.seconds = time.monotonic() - started
    return summary


def _converted(
    inputs: Sequence[str | Path],
    reading: Reading,
    spool: Spool,
    report: str | Path | None,
    drop_copies: bool,
    strict: bool,
    processes: int | None,
) -> Summary:
    """Converts the drawings into the spool, and says what became of them."""
    summary, seen = Summary(), set[int]()
    with ExitStack() as stack:
        table = _Report(stack.enter_context(replacing(report))) if report else None
        progress = stack.enter_context(tqdm(unit=" drawings", disable=None, smoothing=0))
        convert = stack.enter_context(_Parallel(processes)).map
        for part in convert(partial(_convert, reading=reading), sources.find(inputs, reading)):
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


def _check_shares(**shares: float) -> None:
    for name, share in shares.items():
        if not (0 < share < 1 or (share >= 1 and share == int(share))):
            raise UserError(f"{name}: expected a share below 1 or a whole count, got {share:g}")


def _check_paths(
    output: Path, report: str | Path | None, inputs: Sequence[str | Path], overwrite: bool
) -> None:
    if output.suffix != ".npz":
        raise UserError(f"{output}: expected an output that ends in .npz")
    if report and Path(report).resolve() == output.resolve():
        raise UserError(f"{report}: expected a report beside the output, not in its place")
    check_output(output, inputs, overwrite=overwrite)
    if report:
        files = [path for path in inputs if not Path(path).is_dir()]
        check_output(report, files, overwrite=overwrite, name="report")
    for path in (output, Path(report)) if report else (output,):
        if not os.access(path.parent, os.W_OK):
            raise UserError(f"{path}: its folder cannot be written to")


def _convert(chunk: Chunk, reading: Reading) -> Converted:
    """Reads a chunk and converts its drawings; runs in a worker process."""
    sketches, rows = [], []
    for name, outcome in sources.outcomes(chunk, reading):
        name = "".join(c if c.isprintable() else "?" for c in name)
        if isinstance(outcome, UserError):
            rows.append((name, False, 0, 0.0, str(outcome)))
        else:
            sketches.append(outcome.points)
            left_out = BETWEEN.join(outcome.left_out)
            rows.append((name, True, len(outcome.points), outcome.epsilon, left_out))
    points = np.concatenate([np.zeros((0, 3), np.int16), *sketches])
    return Converted(points, [len(sketch) for sketch in sketches], rows)


def _without_copies(part: Converted, seen: set[int]) -> Converted:
    """The part without sketches whose digest has been seen; adds the others to `seen`."""
    sketches, rows = np.split(part.points, np.cumsum(part.lengths)), []
    kept: list[np.ndarray] = []
    for row in part.rows:
        if row[1]:
            sketch = sketches.pop(0)
            digest = hash(sketch.tobytes())
            if digest in seen:
                row = (row[0], False, 0, 0.0, COPY)
            else:
                seen.add(digest)
                kept.append(sketch)
        rows.append(row)
    points = np.concatenate([np.zeros((0, 3), np.int16), *kept])
    return Converted(points, [len(sketch) for sketch in kept], rows)


def _account(summary: Summary, part: Converted, recipe: Recipe, strict: bool) -> None:
    for name, kept, _, epsilon, reason in part.rows:
        if strict and (stops := [text for text in reason.split(BETWEEN) if _stops(text)]):
            raise UserError(f"{name}: {BETWEEN.join(stops)}")
        if reason == PASSED_OVER:
            summary.passed_over[_suffix(name)] += 1
            continue
        counted = summary.changed if kept else summary.dropped
        for text in reason.split(BETWEEN) if reason else ():
            kind = re.sub(r" \(.*\)|: line \d.*", "", text)
            kind = re.sub(r"^\d+ (.*?)s? left out", r"\1s left out", kind)
            counted[kind] += 1
            summary.examples.setdefault(kind, name)
        summary.simplified_more += epsilon > recipe.epsilon


def _suffix(name: str) -> str:
    return PurePosixPath(re.split(r"[/\\:]", name)[-1]).suffix.lower() or "without a suffix"


def _stops(reason: str) -> bool:
    """Whether a drawing that is changed or dropped for a reason stops a strict build."""
    return reason not in ("", COPY, NOT_RECOGNIZED) and not _TEXT.match(reason)


def _why_none(summary: Summary) -> str:
    if not summary.dropped:
        return "there was none"
    reason, count = summary.dropped.most_common(1)[0]
    total = sum(summary.dropped.values())
    others = f", {total - count} others" if total > count else ""
    return f"{reason} ({count}, first: {summary.examples[reason]}{others})"


def _split(count: int, valid: float, test: float, seed: int) -> dict[str, np.ndarray]:
    """Numbers of the drawings of each split, shuffled.

    A share gives at least one drawing; fewer than three drawings are in every split.
    """
    order = np.random.default_rng(seed).permutation(count)
    if count < 3:
        warn(f"too few drawings to hold any back ({count}): valid and test repeat train")
        return dict.fromkeys(SPLITS, order)
    valid_count, test_count = (
        int(share) if share >= 1 else max(round(share * count), 1) for share in (valid, test)
    )
    train_count = count - valid_count - test_count
    if train_count <= 0:
        raise UserError(
            "valid and test: expected to leave drawings to train on, they take "
            f"{valid_count + test_count} of {count}"
        )
    parts = np.split(order, [train_count, train_count + valid_count])
    return dict(zip(SPLITS, parts, strict=True))


class _Report:
    """A CSV file, a row for each drawing."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.write([REPORT_COLUMNS])

    def write(self, rows: Iterable[tuple]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode())


class _Parallel:
    """Maps over an iterable in worker processes, in order, taking only little ahead of them.

    What is short enough for one process is done in this one.
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
        self._pool = ProcessPoolExecutor(
            self._processes, multiprocessing.get_context("spawn"), _start_worker
        )
        waiting: deque[Future] = deque()
        try:
            for item in chain(first, items):
                waiting.append(self._pool.submit(function, item))
                if len(waiting) > CHUNKS_AHEAD * self._processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise UserError("a process that converts was killed; is there enough memory?") from None

    def __enter__(self) -> "_Parallel":
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """Leaves Ctrl-C to the parent, which then ends the workers; they also end if it was killed."""
    leave_to_parent()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
