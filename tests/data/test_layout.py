"""Files with unusual rows are recognized or refused, and usual ones are not changed."""

import json
import re
from dataclasses import dataclass

import numpy as np
import pytest
from helpers import DOODLES, SHARED, public

from sketch_rnn.data import npz
from sketch_rnn.data.layout import AS_IT_IS, Layout, oddities, plain
from sketch_rnn.errors import UserError
from sketch_rnn.strokes import from_polylines, to_polylines

PADDING = {"zeros": (0, 0, 0), "dots": (0, 0, 1), "-1": (-1, -1, -1), "nan": (np.nan,) * 3}
PLACES = ("page", "far", "centered", "by mean", "from the start", "0 to 1", "-1 to 1")
PENS = ("lifted", "down", "moved", "drawn")
VALUES = ((0, 1), (-1, 1), (1, -1), (0, 255))


@dataclass(frozen=True)
class Corruption:
    """How a file writes drawings.

    place: where absolute coordinates have their origin; None is offsets. pen, values: what 1 means,
    and what is written for 0 and 1. padding: in `PADDING`, or None. ragged: padded in groups.
    spread: what all offsets, padding too, are divided by once their mean is taken off; None is not.
    """

    place: str | None = None
    pen: str = "lifted"
    values: tuple = (0, 1)
    padding: str | None = None
    ragged: bool = False
    spread: float | None = None


def written(sketches, how):
    rows = [rows_of(sketch, how) for sketch in sketches]
    if how.padding:
        rows = padded(rows, PADDING[how.padding], 8 if how.ragged else len(rows))
    if how.spread:
        mean = np.concatenate(rows)[:, :2].mean(axis=0)
        rows = [np.c_[(r[:, :2] - mean) / how.spread, r[:, 2]] for r in rows]
    return rows


def rows_of(sketch, how):
    lines = to_polylines(sketch)
    points, first = np.concatenate(lines), np.cumsum([0, *map(len, lines[:-1])])
    pen = np.zeros(len(points), int)
    pen[first if how.pen in ("moved", "drawn") else np.append(first[1:], len(points)) - 1] = 1
    pen = 1 - pen if how.pen in ("down", "drawn") else pen
    pen = np.array(how.values)[pen]
    if how.place is None:
        return np.c_[np.diff(points, axis=0), pen[1:]]
    return np.c_[placed(points, how.place), pen]


def placed(points, place):
    low, high = points.min(axis=0), points.max(axis=0)
    side = (high - low).max()
    return {
        "page": points - low,
        "far": points - low + (300, 170),
        "centered": points - (low + high) / 2,
        "by mean": points - points.mean(axis=0),
        "from the start": points - points[0],
        "0 to 1": (points - low) / side,
        "-1 to 1": (points - low) / side * 2 - 1,
    }[place]


def padded(rows, row, group):
    """Pad each group to one row more than its longest drawing."""
    found = []
    for first in range(0, len(rows), group):
        part = rows[first : first + group]
        longest = max(map(len, part)) + 1
        found += [np.concatenate([r, np.tile(row, (longest - len(r), 1))]) for r in part]
    return found


def boxed(sketch):
    """Return its lines in a box of side 1, without repeated points."""
    lines = to_polylines(sketch)
    points = np.concatenate(lines)
    low, side = points.min(axis=0), np.ptp(points, axis=0).max()
    fitted = [(line - low) / side for line in lines]
    return [f[np.append(True, (np.abs(np.diff(f, axis=0)) > 1e-6).any(axis=1))] for f in fitted]


def are_same(one, other):
    pairs = list(zip(boxed(one), boxed(other), strict=False))
    return len(boxed(one)) == len(boxed(other)) and all(
        a.shape == b.shape and np.allclose(a, b, atol=2e-3) for a, b in pairs
    )


def drawings(name):
    """Return the drawings in a data set as float64 stroke-3."""
    if name == "quickdraw":
        folder = SHARED / "data" / "quickdraw"
        lines = [line for p in sorted(folder.glob("*.ndjson")) for line in p.open("rb")]
        found = [[np.transpose(xyt[:2]) for xyt in json.loads(line)["drawing"]] for line in lines]
        return [from_polylines(polylines).astype(float) for polylines in found]
    path = DOODLES / f"{name}.npz"
    points, lengths = npz.read_split(path if path.exists() else public(f"data/{name}.npz"), "train")
    return [s.astype(float) for s in np.split(points, np.cumsum(lengths)[:-1])]


SETS = [*(path.stem for path in sorted(DOODLES.glob("*.npz")))]
SETS += ["aaron_sheep", "short_kanji"]
if (SHARED / "data" / "quickdraw").exists():
    SETS.append("quickdraw")


def some(sketches, count, rng):
    return [sketches[i] for i in rng.choice(len(sketches), min(count, len(sketches)), False)]


def corruption(rng):
    """Return a random corruption of the padding, the coordinates, the pen, or several of them."""
    kind = rng.choice(["padding", "place", "pen", "all"])
    place = str(rng.choice(PLACES)) if kind in ("place", "all") else None
    pen = str(rng.choice(PENS[1:])) if kind in ("pen", "all") else "lifted"
    padding = str(rng.choice(list(PADDING))) if kind in ("padding", "all") else None
    values = (0, 1)
    if kind == "pen" or padding in ("zeros", "nan"):
        values = VALUES[rng.integers(len(VALUES))]
    spread = float(rng.uniform(5, 50)) if padding == "zeros" and place is None else None
    return Corruption(place, pen, values, padding, bool(rng.integers(2)), spread)


def check_corrupted(sketches, copies, seed):
    """Check that all copies are repaired or refused; return how many were refused."""
    rng, stopped = np.random.default_rng(seed), 0
    for _ in range(copies):
        chosen, how = some(sketches, rng.choice([10, 20, 40, 150]), rng), corruption(rng)
        try:
            found = plain(written(chosen, how), "a.npz")
        except UserError as error:
            assert "cannot tell" in str(error)
            stopped += 1
        else:
            wrong = [i for i in range(len(chosen)) if not are_same(chosen[i], found[i])]
            assert len(wrong) <= 0.03 * len(chosen), how
    return stopped


@pytest.mark.parametrize("name", SETS)
def test_corrupted_copies_are_recognized_or_refused(name):
    assert check_corrupted(drawings(name), 12, seed=1) <= 2


@pytest.mark.long
@pytest.mark.parametrize("name", SETS)
def test_many_corrupted_copies_are_recognized_or_refused(name):
    assert check_corrupted(drawings(name), 200, seed=2) <= 12


@pytest.mark.parametrize("name", SETS)
def test_files_in_the_expected_layout_are_not_changed(name, caplog):
    sketches, rng = drawings(name), np.random.default_rng(3)
    for count in [1, 2, 3, 5, 10, 10, 20, 20, 40, 150, 300]:
        chosen = some(sketches, count, rng)
        found = plain(chosen, "a.npz")
        assert all(one is other for one, other in zip(chosen, found, strict=True))
        assert oddities(chosen) == []
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            Corruption(padding="zeros"),
            r"left out \d+ rows of padding \(0, 0, 0\) at the ends of 40",
        ),
        (Corruption(padding="nan", ragged=True), r"rows of padding \(nan, nan, nan\)"),
        (
            Corruption(padding="zeros", spread=9.0),
            "its offsets are all shifted by .*; they were shifted back",
        ),
        (Corruption(padding="zeros", spread=9.0, values=(-1, 1)), "its offsets are all shifted by"),
        (
            Corruption(padding="dots", spread=9.0),
            "its offsets are all shifted by .*; they were shifted back",
        ),
        (Corruption(place="page"), "its coordinates look absolute"),
        (Corruption(pen="down"), "1 .* means that the pen stays down after the point"),
        (Corruption(pen="moved"), "1 .* means that the pen is lifted while it moves to the point"),
        (
            Corruption(pen="down", values=(-1, 1)),
            "its pen column holds -1 and 1, which are read as 0 and 1",
        ),
    ],
)
def test_the_recognized_layout_is_reported(how, said, caplog):
    sketches = drawings("cat")[:40]
    found = plain(written(sketches, how), "a.npz")
    assert all(map(are_same, sketches, found))
    assert any(re.search(said, message) for message in caplog.messages)


def ending(sketch, where):
    """Extend the last line of a sketch to its own end, its first point, or a corner of its box."""
    points = np.concatenate(to_polylines(sketch))
    goal = {"twice": points[-1], "back": points[0], "corner": points.min(axis=0)}[where]
    before = sketch.copy()
    before[-1, 2] = 0
    return np.concatenate([before, [(*(goal - points[-1]), 1)]])


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize(
    ("where", "how"),
    [
        ("twice", {"padding": "dots"}),
        ("twice", {"padding": "dots", "spread": 9.0}),
        ("twice", {"padding": "zeros", "pen": "down"}),
        ("twice", {"padding": "zeros", "pen": "down", "spread": 9.0}),
        ("twice", {"padding": "zeros", "values": (1, 0)}),
        ("back", {"padding": "dots", "place": "from the start"}),
        ("back", {"padding": "zeros", "pen": "down", "place": "from the start"}),
        ("corner", {"padding": "dots", "place": "page"}),
        ("corner", {"padding": "-1", "values": (1, -1), "place": "-1 to 1"}),
        ("corner", {"padding": "-1", "values": (-1, 1), "pen": "down", "place": "-1 to 1"}),
    ],
)
def test_a_last_row_equal_to_the_padding_is_kept(where, how, ragged):
    sketches = drawings("cat")[:40]
    sketches = [ending(s, where) if i % 4 == 0 else s for i, s in enumerate(sketches)]
    found = plain(written(sketches, Corruption(**how, ragged=ragged)), "a.npz")
    assert [s[:, 2].tolist() for s in found] == [s[:, 2].tolist() for s in sketches]
    assert all(map(are_same, sketches, found))


def polygons(count, is_closed):
    """Return drawings with one or two polygons, closed or without their last side."""
    rng = np.random.default_rng(5)
    found = []
    for number in range(count):
        lines = [rng.integers(0, 255, (rng.integers(4, 9), 2)) for _ in range(1 + number % 2)]
        closed = [np.concatenate([line, line[:1]]) if is_closed else line for line in lines]
        found.append(from_polylines(closed).astype(float))
    return found


@pytest.mark.parametrize(("pen", "padding"), [("drawn", "dots"), ("moved", "zeros")])
def test_lines_that_padding_may_have_closed_are_refused(pen, padding):
    layout = Layout(coordinates="absolute", pen=pen)
    for is_closed, row in [(True, padding), (True, "nan"), (False, padding)]:
        sketches = polygons(40, is_closed)
        rows = written(sketches, Corruption("from the start", pen, padding=row))
        if is_closed and row == padding:
            with pytest.raises(
                UserError,
                match="cannot tell where 20 of its 40 drawings end; each is a single line, and its "
                "last row may be padding or the return to its first point",
            ):
                plain(rows, "a.npz", layout)
        else:
            assert all(map(are_same, sketches, plain(rows, "a.npz", layout)))


def test_two_dots_at_the_end_of_a_line_are_not_padding(caplog):
    """A drawing with two dots where its line ends does not change the others."""
    sketches = drawings("cat")[:20]
    sketches[:5] = [ending(s, "twice") for s in sketches[:5]]
    dots = np.array([(0.0, 0.0, 1.0)] * 2)
    found = plain([*sketches, np.concatenate([sketches[0], dots])], "a.npz")
    assert all(one is other for one, other in zip(sketches, found, strict=False))
    assert "at the ends of 1 of 21 drawings" in caplog.text


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize(
    ("pen", "padding", "corner"), [("drawn", "dots", (0, 0, 1)), ("moved", "zeros", (0, 0, 0))]
)
def test_points_inside_drawings_that_equal_the_padding_are_refused(pen, padding, corner, ragged):
    """The pen is given before a point, so a last point at the corner looks like padding."""
    sketches = drawings("cat")[:20]
    rows = written(sketches, Corruption("page", pen, padding=padding, ragged=ragged))
    assert all(map(are_same, sketches, plain(rows, "a.npz")))
    rows[0] = np.insert(rows[0], 5, corner, axis=0)
    with pytest.raises(UserError, match="cannot tell where its drawings end, since 1 points"):
        plain(rows, "a.npz")


def test_dots_at_the_ends_of_lines_are_kept_apart_from_padding_or_refused(caplog):
    sketches = drawings("cat")[:20]
    how = Corruption(padding="dots")
    assert all(map(are_same, sketches, plain(written(sketches, how), "a.npz")))
    assert "and with them any dot that was drawn where the last line ends" in caplog.text
    dotted = [np.insert(s, 1 + int(np.argmax(s[:, 2])), (0, 0, 1), axis=0) for s in sketches]
    with pytest.raises(UserError, match="cannot tell where its drawings end"):
        plain(written(dotted, how), "a.npz")


@pytest.mark.parametrize("count", [3, 5, 7])
@pytest.mark.parametrize("name", ["cat", "face", "fish"])
@pytest.mark.parametrize(
    "how",
    [
        Corruption("page", "moved"),
        Corruption("page", "drawn", values=(-1, 1)),
        Corruption(pen="moved"),
        Corruption(pen="drawn", values=(0, 255)),
        Corruption("centered"),
        Corruption(padding="zeros", spread=9.0),
    ],
    ids=str,
)
def test_few_drawings_are_recognized_or_refused(name, count, how):
    sketches = drawings(name)[:count]
    try:
        found = plain(written(sketches, how), "a.npz")
    except UserError as error:
        assert "cannot tell" in str(error) and "choose" in str(error)
    else:
        assert all(map(are_same, sketches, found))


@pytest.mark.parametrize("name", ["fish", "face"])
def test_four_drawings_are_enough_when_the_layout_is_clear(name, caplog):
    sketches = drawings(name)[:4]
    found = plain(written(sketches, Corruption(place="centered")), "a.npz")
    assert all(map(are_same, sketches, found))
    assert "its coordinates look absolute" in caplog.text


def test_the_value_given_by_the_user_is_used():
    sketches = drawings("cat")[:40]
    page = written(sketches, Corruption(place="page", pen="down"))
    assert plain(page, "a.npz", AS_IT_IS)[0] is page[0]
    few = written(sketches[:1], Corruption(place="centered", pen="drawn"))
    (found,) = plain(few, "a.npz", Layout(coordinates="absolute", pen="drawn"))
    assert are_same(found, sketches[0])
    with pytest.raises(UserError, match=r"`pen`: expected auto or lifted .* got 'up'"):
        Layout(pen="up")


def test_absolute_rows_drawn_from_the_origin_keep_their_first_row():
    rows = np.array([(10, 20, 0), (30, 20, 1), (5, 60, 0), (5, 90, 1)])
    (found,) = plain([rows], "a.npz", Layout("drawn", "absolute", "lifted"))
    assert found.tolist() == [[10, 20, 0], [20, 0, 1], [-25, 40, 0], [0, 30, 1]]
    (found,) = plain([rows], "a.npz", Layout("auto", "absolute", "lifted"))
    assert found.tolist() == [[20, 0, 1], [-25, 40, 0], [0, 30, 1]]


def test_a_dot_at_the_end_of_drawings_shows_what_the_pen_column_means():
    """Where the pen is given before a point, a dot at the end is a row with the pen up."""
    sketches = [s for s in drawings("cat") if len(s) < 40][:12]
    dot = np.array([(30.0, 40.0, 1)])
    dotted = [np.concatenate([s, dot]) if i % 2 else s for i, s in enumerate(sketches)]
    found = plain(written(dotted, Corruption(pen="drawn")), "a.npz")
    assert all(map(are_same, dotted, found))


def test_an_undecidable_pen_column_is_refused():
    dots = [np.array([(3, 2, 1), (-5, 4, 1)] * 6)] * 20
    with pytest.raises(
        UserError, match="cannot tell what 1 in column 3 of its rows means; choose `pen="
    ):
        plain(dots, "a.npz")
    assert plain(dots, "a.npz", Layout(pen="lifted"))[0].tolist() == dots[0].tolist()


def test_arrays_that_are_not_sketches_are_left_for_later_checks():
    odd = [np.zeros((0, 3)), np.zeros(3), np.zeros((2, 4)), np.array([(1, 2, 7)]), np.array(None)]
    found = plain(odd, "a.npz")
    assert all(one is other for one, other in zip(odd, found, strict=True))


def test_padding_is_recognized_in_stroke_5():
    rows = np.array([(4, 5, 1, 0, 0), (1, 2, 0, 1, 0)] + [(0, 0, 0, 0, 0)] * 3)
    assert plain([rows], "a.npz")[0].tolist() == [[4, 5, 0], [1, 2, 1]]
    ended = np.array([(4, 5, 1, 0, 0), (1, 2, 0, 1, 0)] + [(0, 0, 0, 0, 1)] * 3)
    assert plain([ended], "a.npz")[0].tolist() == [[4, 5, 0], [1, 2, 1]]


def test_oddities_in_a_data_set_that_was_not_built_here_are_named():
    sketches = drawings("fish")[:60]
    for how, said in [
        (Corruption(padding="zeros"), "end in rows of padding (0, 0, 0)"),
        (Corruption(place="page"), "seem to hold absolute coordinates"),
        (Corruption(pen="down"), "have 1 in column 3 where the pen stays down after the point"),
    ]:
        assert oddities(written(sketches, how)) == [said]
