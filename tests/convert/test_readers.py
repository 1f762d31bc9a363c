"""Tests of reading drawings in the formats of other programs, from files, folders and zips."""

import gzip
import json
import zipfile

import numpy as np
import pytest
from other_programs import (
    FACE,
    HOUSE,
    canvas,
    columns,
    csv_points,
    csv_rows,
    excalidraw,
    fabric,
    iam,
    inkml,
    json_lines,
    pad,
    points,
    record,
    stroke3,
    tldraw,
)

from sketch_rnn.convert.inputs import Choice, read_inputs
from sketch_rnn.convert.prepare import Recipe, to_sketch
from sketch_rnn.convert.readers.chunks import Reading
from sketch_rnn.convert.sources import find, outcomes
from sketch_rnn.errors import UserError

READING = Reading(Recipe(size=1000, epsilon=0))


def results(path, reading=READING):
    """Return, by drawing name, the rows of each sketch in a file, or what is wrong with it."""
    found = {}
    for chunk in find([path], reading):
        for name, outcome in outcomes(chunk, reading):
            is_wrong = isinstance(outcome, UserError)
            found[name] = str(outcome) if is_wrong else outcome.points.tolist()
    return found


def left_out(path):
    """Return the message about the only drawing in a file."""
    (outcome,) = [o for chunk in find([path], READING) for _, o in outcomes(chunk, READING)]
    return outcome.left_out


def expected(*drawings):
    """Return the expected sketches for drawings, each a list of lines."""
    return [
        to_sketch([np.array(li) for li in lines], READING.recipe).points.tolist()
        for lines in drawings
    ]


BOTH, ONE = [HOUSE, FACE], [HOUSE]
FORMS = {
    "points.ndjson": (json_lines(record(HOUSE), record(FACE)), BOTH),
    "pressure.ndjson": (
        json_lines(*(record([[(*p, 0.5) for p in line] for line in d]) for d in BOTH)),
        BOTH,
    ),
    "columns.jsonl": (json_lines(*(record(columns(d)) for d in BOTH)), BOTH),
    "raw.ndjson": (json_lines(record([*columns(HOUSE[:1], [[1, 2, 3, 4, 5, 6, 7]])])), [HOUSE[:1]]),
    "text.ndjson": (json_lines(*(record(json.dumps(columns(d))) for d in BOTH)), BOTH),
    "words.ndjson": (
        json_lines(
            *({"drawing": [dict(zip("xy", c, strict=True)) for c in columns(d)]} for d in BOTH)
        ),
        BOTH,
    ),
    "table.ndjson": (
        json_lines(
            record({"x": [c[0] for c in columns(FACE)], "y": [c[1] for c in columns(FACE)]})
        ),
        [FACE],
    ),
    "array_a_line.ndjson": (
        "[\n" + ",\n".join(json.dumps(record(columns(d))) for d in BOTH) + "\n]\n",
        BOTH,
    ),
    "pads.ndjson": (json_lines(*map(pad, BOTH)), BOTH),
    "strokes.json": (json.dumps({"strokes": HOUSE}), ONE),
    "array.json": (json.dumps([record(columns(d)) for d in BOTH]), BOTH),
    "lists.json": (json.dumps(BOTH), BOTH),
    "one_list.json": (json.dumps(HOUSE), ONE),
    "one_line.json": (json.dumps(HOUSE[0]), [HOUSE[:1]]),
    "lines.json": (json_lines(record(HOUSE), record(FACE)), BOTH),
    "pad1.json": (json.dumps(points(HOUSE, time=7)), ONE),
    "pads1.json": (json.dumps([points(HOUSE), points(FACE)]), BOTH),
    "pad4.json": (json.dumps(pad(HOUSE)), ONE),
    "pads4.json": (json.dumps([pad(HOUSE), pad(FACE)]), BOTH),
    "jsignature.json": (
        json.dumps([dict(zip("xy", c, strict=True)) for c in columns(HOUSE)]),
        ONE,
    ),
    "canvas.json": (json.dumps(canvas(HOUSE)), ONE),
    "p5.json": (
        json.dumps({"lines": [{"color": "red", "points": li} for li in points(HOUSE)]}),
        ONE,
    ),
    "flat.json": (
        json.dumps([{"points": [v for p in line for v in p]} for line in HOUSE]),
        ONE,
    ),
    "marked.json": (
        json.dumps(
            [
                {"x": x, "y": y, "type": "move" if index else "start"}
                for line in FACE
                for index, (x, y) in enumerate(line)
            ]
        ),
        [FACE],
    ),
    "fabric.json": (json.dumps(fabric(HOUSE)), ONE),
    "a.excalidraw": (json.dumps(excalidraw(HOUSE)), ONE),
    "clipboard.json": (json.dumps(excalidraw(FACE)["elements"]), [FACE]),
    "a.excalidrawlib": (
        json.dumps(
            {
                "type": "excalidrawlib",
                "libraryItems": [{"elements": excalidraw(d)["elements"]} for d in BOTH],
            }
        ),
        BOTH,
    ),
    "a.tldr": (json.dumps(tldraw(HOUSE)), ONE),
    "packed.tldr": (json.dumps(tldraw(FACE, packed=True)), [FACE]),
    "a.inkml": (inkml(HOUSE), ONE),
    "time.inkml": (
        inkml(
            FACE,
            '<traceFormat><channel name="T"/><channel name="Y"/><channel name="X"/></traceFormat>',
            "7.5 {1} {0}",
        ),
        [FACE],
    ),
    "iam.xml": (iam(FACE), [FACE]),
    "set.xml": (
        iam(FACE)
        .replace("WhiteboardCaptureSession>", "StrokeSet>", 2)
        .replace("<StrokeSet><StrokeSet>", "<StrokeSet>")
        .replace("</StrokeSet></StrokeSet>", "</StrokeSet>"),
        [FACE],
    ),
    "dates.ndjson": (
        json_lines(
            *(record(columns(d[:1], [[f"12:00:{i}" for i in range(len(d[0]))]])) for d in BOTH)
        ),
        [d[:1] for d in BOTH],
    ),
    "dated_points.ndjson": (
        json_lines(*(record([[(*p, "12:00") for p in line] for line in d]) for d in BOTH)),
        BOTH,
    ),
    "texts.ndjson": (
        json_lines(
            *(record([[[str(v) for v in c] for c in columns([li])[0]] for li in d]) for d in BOTH)
        ),
        BOTH,
    ),
    "capitals.jsonl": (json_lines(*({"Drawing": columns(d)} for d in BOTH)), BOTH),
    "unknown_key.jsonl": (json_lines(*({"id": 5, "ink": d, "size": [9, 9]} for d in BOTH)), BOTH),
    "nested.jsonl": (json_lines(*({"user": 1, "payload": record(d)} for d in BOTH)), BOTH),
    "by_name.json": (json.dumps({"a": HOUSE, "b": FACE}), BOTH),
    "items.json": (json.dumps({"version": 2, "items": [record(HOUSE), record(FACE)]}), BOTH),
    "one_after_another.json": (json.dumps(HOUSE, indent=1) + json.dumps(FACE, indent=1), BOTH),
    "events.json": (json.dumps({"X": [1, 2], "Y": [3, 9]}), [[[(1, 3), (2, 9)]]]),
    "client.json": (
        json.dumps([[{"clientX": x, "clientY": y} for x, y in line] for line in HOUSE]),
        ONE,
    ),
    "locations.json": (
        json.dumps([{"pts": [{"location": p, "force": 1} for p in line]} for line in HOUSE]),
        ONE,
    ),
    "place_in_a_point.json": (
        json.dumps(
            [
                {"points": [{"point": {"x": x, "y": y}, "time": 5} for x, y in line]}
                for line in HOUSE
            ]
        ),
        ONE,
    ),
    "tuples.csv": (f'id,drawing\n7,"{HOUSE}"\n8,"{FACE}"\n', BOTH),
    "semicolons.csv": (csv_points(*BOTH).replace(",", ";"), BOTH),
    "tabs.tsv": (csv_points(*BOTH).replace(",", "\t"), BOTH),
    "other_names.csv": (
        csv_points(*BOTH)
        .replace("sketch,stroke,x,y", "File Name,strokeId,X,posY")
        .replace("posY", "Y"),
        BOTH,
    ),
    "kaggle.csv": (csv_rows(*BOTH), BOTH),
    "points.csv": (csv_points(*BOTH), BOTH),
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "drawings"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", FORMS)
def test_a_format_is_read_from_folders_and_zips_and_as_an_input_of_a_model(folder, name):
    content, drawings = FORMS[name]
    path = folder / name
    path.write_text(content)
    assert list(results(path).values()) == expected(*drawings)
    archive = folder.parent / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(f"d/{name}", content)
    for where in (folder, archive):
        assert list(results(where).values()) == expected(*drawings)
    for source in (path, archive):
        found = read_inputs([str(source)], (), 100, Choice())
        assert [len(sketch) for sketch in found] == [len(s) for s in expected_inputs(drawings)]
        assert np.array_equal(found[0], expected_inputs(drawings)[0])
    path.unlink()
    (folder / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
    assert list(results(folder).values()) == expected(*drawings)


def expected_inputs(drawings):
    recipe = Recipe(max_points=100)
    return [to_sketch([np.array(line) for line in lines], recipe).points for lines in drawings]


def flagged(lines, flag, of):
    """Return the points of all lines in one list, each with the flag `of(index, is_last)`."""
    return [
        {"x": x, "y": y, flag: of(index, index == len(line) - 1)}
        for line in lines
        for index, (x, y) in enumerate(line)
    ]


@pytest.mark.parametrize(
    ("flag", "of"),
    [
        ("isDown", lambda index, is_last: index > 0),
        ("down", lambda index, is_last: int(not is_last)),
        ("penUp", lambda index, is_last: index == 0),
        ("pen", lambda index, is_last: int(is_last)),
        ("pen", lambda index, is_last: not is_last),
        ("pen", lambda index, is_last: "up" if is_last else "down"),
        ("type", lambda index, is_last: "pointermove" if index else "pointerdown"),
        ("event", lambda index, is_last: "end" if is_last else "move"),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.csv"])
def test_a_flag_at_each_point_separates_lines(folder, name, flag, of):
    long = [[*line, (90, 90), (95, 99)] for line in FACE]
    points_of = flagged(long, flag, of)
    text = json.dumps(points_of)
    if name == "a.csv":
        text = "\n".join(["X,Y," + flag, *(f"{p['x']},{p['y']},{p[flag]}" for p in points_of)])
    (folder / name).write_text(text)
    assert list(results(folder / name).values()) == expected(long)


@pytest.mark.parametrize(
    ("flag", "down", "up"), [("isDown", True, False), ("type", "mousemove", "mouseup")]
)
def test_points_between_lines_are_left_out_and_reported(folder, flag, down, up):
    points_of = [{"x": x, "y": y, flag: down} for x, y in [(0, 0), (9, 5), (9, 9), (5, 5)]]
    points_of[0 if flag == "type" else 1][flag] = "mousedown" if flag == "type" else True
    between = [{"x": 50, "y": 50 + i, flag: up} for i in range(3)]
    again = [{**p, "x": p["x"] + 70} for p in points_of]
    (folder / "a.json").write_text(json.dumps([*points_of, *between, *again]))
    line = [(0, 0), (9, 5), (9, 9), (5, 5)]
    lines = [[*line, (50, 50)] if flag == "type" else line, [(x + 70, y) for x, y in line]]
    assert list(results(folder / "a.json").values()) == expected(lines)
    count = 2 if flag == "type" else 3
    assert left_out(folder / "a.json") == (f"{count} points with the pen up left out",)


@pytest.mark.parametrize("flag", ["isDown", "pen"])
def test_a_flag_whose_meaning_is_unclear_is_refused(folder, flag):
    ups = [0, 1, 1, 0, 1, 0, 1, 0]
    (folder / "a.json").write_text(
        json.dumps([{"x": i, "y": i * i, flag: up} for i, up in enumerate(ups)])
    )
    assert f'cannot tell whether a point whose "{flag.lower()}"' in str(results(folder / "a.json"))


def test_shuffled_table_rows_are_sorted_by_point_or_refused(folder):
    head, *rows = csv_points(*BOTH).splitlines()
    rows = [f"{row},{number}" for number, row in enumerate(rows)]
    np.random.default_rng(2).shuffle(rows)
    (folder / "a.csv").write_text("\n".join([head + ",point", *rows]))
    by_name = sorted(results(folder / "a.csv").items())
    assert [len(rows) for _, rows in by_name] == [len(rows) for rows in expected(*BOTH)]
    (folder / "a.csv").write_text("\n".join([head, *(row.rpartition(",")[0] for row in rows)]))
    assert "are not together; sort the table" in str(results(folder / "a.csv"))
    by_stroke = sorted(csv_points(*BOTH).splitlines()[1:], key=lambda row: row.split(",")[1])
    (folder / "a.csv").write_text("\n".join([head, *by_stroke]))
    assert list(results(folder / "a.csv").values()) == expected(*BOTH)


def test_a_table_with_no_stroke_column_is_one_drawing_with_a_warning(folder, caplog):
    (folder / "a.csv").write_text("person,x,y\n1,2,3\n1,9,9\n2,0,0\n2,5,5\n")
    assert len(results(folder / "a.csv")) == 1
    assert "no column tells the strokes of a drawing apart" in caplog.text
    assert "All rows are read as one drawing (columns not used: person)" in caplog.text


@pytest.mark.parametrize("name", ["points.ndjson", "points.csv", "array.json"])
def test_utf_16_text_is_read(folder, name):
    content, drawings = FORMS[name]
    (folder / name).write_text(content, encoding="utf-16")
    assert list(results(folder / name).values()) == expected(*drawings)


ROWS = [stroke3(HOUSE), stroke3(FACE)]
STORED = {
    "a.json": json.dumps({"sketches": ROWS}),
    "rows.json": json.dumps(ROWS),
    "rows.ndjson": json_lines(*ROWS),
    "records.jsonl": json_lines(*map(record, ROWS)),
    "stroke5.json": json.dumps(
        [[[x, y, 1 - pen, pen, 0] for x, y, pen in rows] + [[0, 0, 0, 0, 1]] for rows in ROWS]
    ),
    "ml5.ndjson": json_lines(
        *([{"dx": x, "dy": y, "pen": "up" if pen else "down"} for x, y, pen in r] for r in ROWS)
    ),
}


@pytest.mark.parametrize("name", [*STORED, "a.npy", "b.npy"])
def test_rows_of_sketches_stay_in_their_units(folder, name):
    path = folder / name
    if name in STORED:
        path.write_text(STORED[name])
    elif name == "a.npy":
        rows = np.empty(2, object)
        rows[:] = [np.array(r, np.int16) for r in ROWS]
        np.save(path, rows)
    else:
        ended = np.zeros((2, 20, 5))
        ended[:, :, 4] = 1
        for i, r in enumerate(np.array(rows) for rows in ROWS):
            ended[i, : len(r)] = np.stack([r[:, 0], r[:, 1], 1 - r[:, 2], r[:, 2], 0 * r[:, 2]], 1)
        np.save(path, ended)
    assert list(results(path).values()) == ROWS
    with zipfile.ZipFile(folder.parent / "a.zip", "w") as file:
        file.write(path, name)
    assert list(results(folder.parent / "a.zip").values()) == ROWS
    assert [sketch.tolist() for sketch in read_inputs([str(path)], (), 100, Choice())] == ROWS


@pytest.mark.parametrize("padding", [-1, 0, np.nan])
def test_rows_with_two_pen_states_are_read_by_the_one_that_is_set(folder, padding):
    """Rows have absolute coordinates and two pen states, and are padded to the same length."""
    rng = np.random.default_rng(3)
    drawings, padded = [], np.full((30, 25, 4), padding, float)
    for i in range(30):
        places = np.array([(99, 90), (99, 180), (99, 270)])
        lines = [place + np.cumsum(rng.integers(-9, 10, (7, 2)), axis=0) for place in places]
        pens = np.tile([(1, 0)] * 6 + [(0, 1)], (3, 1))
        padded[i, :21] = np.hstack([np.concatenate(lines), pens])
        drawings.append(lines)
    np.save(folder / "a.npy", padded)
    found = list(results(folder / "a.npy").values())
    assert len(found) == 30
    assert [row[:2] for row in found[0]] == np.diff(np.concatenate(drawings[0]), axis=0).tolist()
    assert all(sum(row[2] for row in rows) == 3 for rows in found)


def test_an_ml5_drawing_stops_at_its_end_row(folder):
    rows = [(-4, 0, "down"), (-15, 9, "up"), (-10, 17, "down"), (20, -3, "end"), (9, 9, "down")]
    (folder / "a.json").write_text(json.dumps([dict(dx=x, dy=y, pen=p) for x, y, p in rows]))
    (sketch,) = results(folder / "a.json").values()
    assert sketch == [[-4, 0, 0], [-15, 9, 1], [-10, 17, 0], [20, -3, 1]]


# Columns or points

A_POINT_MORE = [(1, 2), (3, 4), (5, 9)]


@pytest.mark.parametrize(
    ("strokes", "lines"),
    [
        ([[[1, 2, 3, 4, 5, 6, 7], [0, 1, 0, 1, 0, 1, 0]]], [[(i, 1 - i % 2) for i in range(1, 8)]]),
        ([[[5, 5]], [[1, 2], [9, 9]]], [[(5, 5)], [(1, 2), (9, 9)]]),
        ([[[5], [6]], [[1, 2], [9, 8]]], [[(5, 6)], [(1, 9), (2, 8)]]),
        ([[[1, 2], [3, 9, 0.5]]], [[(1, 2), (3, 9)]]),
        ([[[1, 2], [3, 4]], [[1, 2], [3, 4], [5, 9]]], [[(1, 2), (3, 4)], A_POINT_MORE]),
        ([[[1, 2], [3, 4]], [[1, 2, 5], [3, 4, 9]]], [[(1, 3), (2, 4)], [(1, 3), (2, 4), (5, 9)]]),
        ([[[1, 2, 0], [3, 4, 1], [5, 9, 2], [7, 7, 3]]], [[(1, 2), (3, 4), (5, 9), (7, 7)]]),
        ([[list(range(9)), list(range(9)), [7] * 9, [0] * 9]], [[(i, i) for i in range(9)]]),
    ],
    ids=["long", "a dot as a point", "a dot as columns", "pressure at times", "as many numbers",
         "as many lists", "four lists", "four long lists"],
)  # fmt: skip
def test_the_file_decides_whether_strokes_are_columns_or_points(folder, strokes, lines):
    undecided = [[[1, 2], [3, 4]]]
    (folder / "a.ndjson").write_text(json_lines(record(undecided), record(strokes)))
    _, found = results(folder / "a.ndjson").values()
    assert found == expected(lines)[0]


@pytest.mark.parametrize("count", [5, 6])
def test_a_few_lists_longer_than_a_point_are_columns(folder, count):
    x, y = list(range(count)), [i * i for i in range(count)]
    (folder / "a.ndjson").write_text(json_lines(record([[x, y], [y, x]])))
    lines = [list(zip(x, y, strict=True)), list(zip(y, x, strict=True))]
    assert list(results(folder / "a.ndjson").values()) == expected(lines)


@pytest.mark.parametrize("swapped", [False, True])
def test_times_tell_columns_from_points(folder, swapped):
    """Each of six strokes has three lists: x, y, and times or another growing number."""
    rng = np.random.default_rng(1)
    strokes = [[*rng.integers(0, 255, (2, 3)).tolist(), [0, 16 + i, 40]] for i in range(6)]
    strokes = [np.transpose(stroke).tolist() for stroke in strokes] if swapped else strokes
    (folder / "a.ndjson").write_text(json_lines(record(strokes)))
    lines = [np.array(s)[:, :2] if swapped else np.transpose(s[:2]) for s in strokes]
    assert list(results(folder / "a.ndjson").values()) == expected(lines)
    (folder / "a.ndjson").write_text(json_lines(record(strokes[:3])))
    assert "its strokes are too short" in str(results(folder / "a.ndjson"))


@pytest.mark.parametrize("name", ["a.ndjson", "a.json"])
@pytest.mark.parametrize("stroke", [[[1, 2], [3, 4]], [[1, 2, 3], [4, 5, 6]], [[1, 2]] * 3])
def test_an_undecidable_layout_stops_with_advice(folder, name, stroke):
    values = [record([stroke, stroke]), record([stroke])]
    (folder / name).write_text(json_lines(*values) if name == "a.ndjson" else json.dumps(values))
    for reason in results(folder / name).values():
        assert reason.startswith("its strokes are too short to tell")
    with pytest.raises(UserError, match="write each stroke as"):
        read_inputs([str(folder / name)], (), 100, Choice())


def test_an_invalid_stroke_does_not_decide_the_layout_of_the_others(folder):
    odd = [[1, 2], 3], [5, [1, 2], [3, 4]], [[1, 2, 3], None]
    long = [[*range(9)], [*range(9)]]
    (folder / "a.ndjson").write_text(json_lines(*(record([s]) for s in odd), record([long])))
    *reasons, last = results(folder / "a.ndjson").values()
    assert all(reason.startswith(("a stroke is not", "a coordinate is not")) for reason in reasons)
    assert last == expected([[(i, i) for i in range(9)]])[0]


def test_a_stroke_of_the_other_layout_is_refused(folder):
    long = [[*range(9)], [*range(9)]]
    wrong = [[[1, 2], [3, 4], [5, 6], [7, 8]]]
    (folder / "a.ndjson").write_text(json_lines(record([long]), record(wrong), record([long])))
    first, reason, last = results(folder / "a.ndjson").values()
    assert first == last and "unlike the other strokes in its file" in reason
    (folder / "b.ndjson").write_text(json_lines(record(wrong), record([long])))
    assert "unlike the other strokes in its file" in list(results(folder / "b.ndjson").values())[1]


# What is left out, and what is not drawn


def test_eraser_strokes_are_left_out_and_reported(folder):
    erased = {"drawMode": False, "paths": points(FACE)[0]}
    (folder / "a.json").write_text(json.dumps([*canvas(HOUSE), erased, erased]))
    assert left_out(folder / "a.json") == ("2 eraser strokes left out",)
    erased = {"compositeOperation": "destination-out", "points": points(FACE)[0]}
    (folder / "a.json").write_text(json.dumps([erased, *pad(HOUSE)]))
    assert left_out(folder / "a.json") == ("1 eraser stroke left out",)
    assert list(results(folder / "a.json").values()) == expected(HOUSE)


def test_strokes_with_a_position_of_their_own_are_refused(folder):
    (folder / "a.json").write_text(json.dumps([{"x": 9, "y": 9, "points": [1, 2, 3, 4]}]))
    assert "export the drawing as SVG" in str(results(folder / "a.json"))


def scene(*elements):
    return json.dumps({"type": "excalidraw", "elements": elements})


def test_excalidraw_elements_are_rotated_around_their_centers(folder):
    line = {"type": "line", "x": 10, "y": 10, "angle": np.pi / 2, "points": [[0, 0], [20, 0]]}
    box = {"type": "rectangle", "x": 0, "y": 0, "width": 40, "height": 20, "angle": np.pi / 2}
    diamond = {"type": "diamond", "x": 50, "y": 0, "width": 10, "height": 10, "angle": 0}
    gone = {"type": "line", "x": 0, "y": 0, "points": [[0, 0], [999, 0]], "isDeleted": True}
    text = {"type": "text", "x": 0, "y": 0, "text": "hello"}
    (folder / "a.excalidraw").write_text(scene(line, box, diamond, gone, text))
    lines = [
        [(20, 0), (20, 20)],
        [(30, -10), (30, 30), (10, 30), (10, -10), (30, -10)],
        [(55, 0), (60, 5), (55, 10), (50, 5), (55, 0)],
    ]
    assert list(results(folder / "a.excalidraw").values()) == expected(lines)
    assert left_out(folder / "a.excalidraw") == ("1 text left out",)


def test_excalidraw_ellipses_curves_and_arrows_are_read(folder):
    ellipse = {"type": "ellipse", "x": -50, "y": -50, "width": 100, "height": 100}
    (folder / "a.excalidraw").write_text(scene(ellipse))
    (rows,) = results(folder / "a.excalidraw").values()
    around = np.cumsum([(0, 0, 0), *rows], axis=0)[:, :2]
    middle = (around.min(axis=0) + around.max(axis=0)) / 2
    assert np.abs(np.hypot(*(around - middle).T) - 500).max() < 2
    bent = {"type": "arrow", "x": 0, "y": 0, "points": [[0, 0], [50, 50], [100, 0]]}
    bent |= {"roundness": {"type": 2}, "endArrowhead": "arrow"}
    (folder / "a.excalidraw").write_text(scene(bent))
    (rows,) = results(folder / "a.excalidraw").values()
    path = np.cumsum([(0, 0, 0), *rows], axis=0)[:, :2] / 10
    assert sum(pen for *_, pen in rows) == 2 and len(rows) > 12
    for x, y in [(50, 50), (100, 0)]:
        assert np.hypot(*(path - (x, y)).T).min() < 1


def test_tldraw_groups_shapes_and_lines_are_read(folder):
    square = {"id": "shape:s", "type": "geo", "x": 10, "y": 0, "parentId": "shape:g"}
    square |= {"props": {"geo": "rectangle", "w": 10, "h": 20}}
    group = {
        "id": "shape:g",
        "type": "group",
        "x": 100,
        "y": 100,
        "rotation": np.pi / 2,
        "props": {},
    }
    ends = {"a2": {"index": "a2", "x": 5, "y": 9}, "a1": {"index": "a1", "x": 0, "y": 0}}
    line = {
        "id": "shape:l",
        "type": "line",
        "index": "a5",
        "x": 1,
        "y": 2,
        "props": {"points": ends},
    }
    arrow = {"id": "shape:a", "type": "arrow", "index": "a6", "x": 0, "y": 0}
    arrow |= {"props": {"start": {"x": 0, "y": 0}, "end": {"x": 9, "y": 0}}}
    note = {"id": "shape:n", "type": "note", "x": 0, "y": 0, "props": {}}
    shapes = [arrow, group, square, line, note]
    store = {shape["id"]: {"typeName": "shape", **shape} for shape in shapes}
    lines = [
        [(100, 110), (100, 120), (80, 120), (80, 110), (100, 110)],
        [(1, 2), (6, 11)],
        [(0, 0), (9, 0)],
    ]
    for value in (
        {"document": {"store": store, "schema": {}}},
        {"store": store},
        {"shapes": shapes},
    ):
        (folder / "a.json").write_text(json.dumps(value))
        assert list(results(folder / "a.json").values()) == expected(lines)
        assert left_out(folder / "a.json") == ("1 note left out",)


def test_fabric_objects_are_moved_scaled_and_rotated(folder):
    path = {"type": "path", "path": [["M", 0, 0], ["L", 10, 0], ["L", 10, 20]], "strokeWidth": 2}
    path |= {"left": 100, "top": 50, "width": 10, "height": 20, "scaleX": 3, "scaleY": 2}
    turned = {"type": "Line", "x1": -5, "y1": 0, "x2": 5, "y2": 0, "width": 10, "height": 0}
    turned |= {"left": 40, "top": 40, "originX": "center", "originY": "center", "angle": 90}
    group = {
        "type": "group",
        "left": 0,
        "top": 0,
        "width": 20,
        "height": 20,
        "objects": [
            {"type": "rect", "left": -10, "top": -10, "width": 20, "height": 10, "strokeWidth": 0}
        ],
    }
    flipped = {"type": "polyline", "points": [dict(x=0, y=0), dict(x=10, y=0), dict(x=10, y=10)]}
    flipped |= {"left": 0, "top": 70, "width": 10, "height": 10, "flipX": True, "strokeWidth": 0}
    filled = {"type": "circle", "radius": 5, "stroke": None, "left": 0, "top": 0}
    scene = {"objects": [path, turned, group, flipped, filled, {"type": "i-text", "text": "x"}]}
    (folder / "a.json").write_text(json.dumps(scene))
    lines = [
        [(103, 52), (133, 52), (133, 92)],
        [(40, 35), (40, 45)],
        [(0, 0), (20, 0), (20, 10), (0, 10), (0, 0)],
        [(10, 70), (0, 70), (0, 80)],
    ]
    assert list(results(folder / "a.json").values()) == expected(lines)
    assert left_out(folder / "a.json") == ("1 filled shape left out", "1 i-text left out")


@pytest.mark.parametrize(
    ("trace", "line"),
    [
        ("1125 18432,'23'43,\"7\"-8,3-5,7 -3", [(1125, 18432), (1148, 18475), (1178, 18510),
                                               (1211, 18540), (1251, 18567)]),
        ("10 20, '1 '2, 3 4, !50 !60, 70 80", [(10, 20), (11, 22), (14, 26), (50, 60), (70, 80)]),
        ("1 2, * 5, #A #0b", [(1, 2), (1, 5), (10, 11)]),
        ("-1.5 .5, 2e1 +3,", [(-1.5, 0.5), (20, 3)]),
    ],
    ids=["second differences", "first differences", "as before, and hexadecimal", "decimals"],
)  # fmt: skip
def test_inkml_values_are_read(folder, trace, line):
    (folder / "a.inkml").write_text(f"<ink><trace>{trace}</trace></ink>")
    assert list(results(folder / "a.inkml").values()) == expected([line])


def test_inkml_contexts_groups_and_continuations_are_read(folder):
    (folder / "a.inkml").write_text(
        """<ink xmlns:i="http://www.w3.org/2003/InkML"><definitions>
        <inkSource xml:id="pen"><traceFormat><channel name="Y" orientation="-ve"/>
        <channel name="X"/><intermittentChannels><channel name="F"/></intermittentChannels>
        </traceFormat></inkSource><context xml:id="c" inkSourceRef="#pen"/>
        <trace>77 77, 99 99</trace></definitions>
        <trace xml:id="t1" type="penDown">0 0, 9 0</trace>
        <traceGroup contextRef="#c"><annotation>x</annotation>
        <trace>1 2, 3 4 0.5</trace></traceGroup>
        <trace type="penUp">5 5, 6 6</trace>
        <trace continuation="end" priorRef="#t1">9 5, 9 9</trace>
        <context inkSourceRef="#pen"/><trace>-50 0, -50 9</trace></ink>"""
    )
    lines = [[(2, -1), (4, -3)], [(0, 0), (9, 0), (9, 5), (9, 9)], [(0, 50), (9, 50)]]
    assert list(results(folder / "a.inkml").values()) == expected(lines)
    assert left_out(folder / "a.inkml") == ("1 pen-up line left out",)


def test_recognized_filters_quick_draw_records_in_any_format(folder):
    reading = Reading(READING.recipe, recognized=True)
    no = record(columns(FACE), recognized=False)
    (folder / "a.json").write_text(json.dumps([record(columns(HOUSE)), no]))
    table = csv_rows(HOUSE, FACE)
    (folder / "b.csv").write_text(table[::-1].replace("eurT", "eslaF", 1)[::-1])
    for name in ("a.json", "b.csv"):
        kept, reason = results(folder / name, reading).values()
        assert [kept] == expected(HOUSE) and reason == "not recognized by Quick, Draw!"


# Parquet


def test_parquet_rows_from_hugging_face_and_tfds_are_read(folder):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    forms = {
        "lists": [columns(d) for d in BOTH],
        "texts": [json.dumps(columns(d)) for d in BOTH],
        "structs": [[dict(zip("xy", c, strict=True)) for c in columns(d)] for d in BOTH],
        "sequences": [
            {"x": [c[0] for c in columns(d)], "y": [c[1] for c in columns(d)]} for d in BOTH
        ],
    }
    for name, drawings in forms.items():
        rows = {"word": [1, 2], "image": [b"\x89PNG"] * 2, "drawing": drawings}
        parquet.write_table(pyarrow.table(rows), folder / f"{name}.parquet")
        assert list(results(folder / f"{name}.parquet").values()) == expected(*BOTH)
    parquet.write_table(pyarrow.table({"image": [b"\x89PNG"]}), folder / "b.parquet")
    assert 'expected a column "drawing"' in str(results(folder / "b.parquet"))
    (folder / "c.parquet").write_bytes(b"PAR1" + bytes(50) + b"PAR1")
    assert "cannot be read as parquet" in str(results(folder / "c.parquet"))


def test_without_pyarrow_the_error_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (folder / "a.parquet").write_bytes(b"PAR1")
    assert 'pip install "sketch-rnn[parquet]"' in str(results(folder / "a.parquet"))


# What is wrong with a file


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "no rows in this table"),
        (
            "a.csv",
            "name,age\nx,5\n",
            'expected a column "drawing" with JSON, or columns "x" and "y"; got name',
        ),
        ("a.csv", "x,y\n1,b\n", "x or y is not a number"),
        ("a.csv", "drawing\n[[[1\n", "not valid JSON"),
        ("a.xml", "<note/>", "expected InkML or IAM-OnDB's XML, got a first element <note>"),
        ("a.inkml", "<ink><trace>1 2, 3</trace></ink>", "lacks values that the trace format names"),
        ("a.inkml", "<ink><trace>1 2, x y</trace></ink>", "lacks values"),
        ("a.inkml", "<ink><trace>1 2, ? 5</trace></ink>", "a trace's x or y is not a number"),
        ("a.inkml", "<ink/>", "it has no points"),
        (
            "a.inkml",
            '<ink><traceFormat><channel name="X"/></traceFormat><trace>1</trace></ink>',
            "lacks the channels X and Y",
        ),
        ("a.xml", "<StrokeSet/>", "expected InkML"),
        ("a.xml", iam(HOUSE).replace('x="10"', 'x="a"', 1), "a point's x or y is not a number"),
        ("a.json", '[{"x": 1, "y": 2}, {"x": 3}]', "a point lacks x or y"),
        (
            "a.json",
            '{"elements": [], "type": "excalidraw"}',
            "no lines in this scene (it is empty)",
        ),
        ("a.json", scene({"type": "text"}), "no lines in this scene (1 text left out)"),
        ("a.json", scene({"type": "line", "x": "a", "points": [[0, 0], [1, 1]]}), "a value of an"),
        (
            "a.json",
            '{"objects": [{"type": "path", "path": [["Q", 1, 2]]}]}',
            "wrong number of values",
        ),
        ("a.json", '[{"dx": 1, "dy": 2, "pen": 1}]', 'a row is not {"dx", "dy", "pen"'),
        (
            "a.ndjson",
            json_lines(record("image/jsignature;base30,7U01_a")),
            'jSignature\'s getData("native")',
        ),
        ("a.json", '{"a": ' * 300 + "1" + "}" * 300, "expected an object with strokes"),
        ("a.npy", "\x93NUMPY", "a.npy"),
        (
            "a.ndjson",
            json_lines(ROWS[0], record(HOUSE)),
            "expected rows of a sketch, like the values before",
        ),
    ],
)
def test_a_bad_file_gives_a_one_line_error(folder, name, content, message):
    (folder / name).write_text(content)
    (reason,) = results(folder / name).values()
    assert message in f"{folder / name}: {reason}" and "\n" not in reason


@pytest.mark.parametrize(
    ("name", "program"),
    [("a.dxf", "vpype dread"), ("a.plt", "inkscape --export"), ("a.hpgl", "inkscape --export")],
)
def test_formats_that_other_programs_convert_name_the_program(folder, name, program):
    (folder / name).write_text("IN;SP1;PU0,0;PD9,9;")
    with pytest.raises(UserError, match=program):
        results(folder / name)
