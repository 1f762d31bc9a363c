"""Drawings in the formats of many other programs; a drawing is a list of lines, each of points."""

import base64
import json
import struct
import zipfile

import numpy as np

HOUSE = [[(10, 40), (10, 10), (25, 2), (40, 10), (40, 40), (10, 40), (7, 41)], [(20, 40), (20, 30)]]
FACE = [[(0, 0), (50, 5), (60, 80), (2, 70)], [(20, 20), (22, 21)], [(40, 20), (41, 22), (43, 20)]]


def columns(lines, more=()):
    return [[*map(list, zip(*line, strict=True)), *more] for line in lines]


def points(lines, **more):
    return [[{"x": x, "y": y, **more} for x, y in line] for line in lines]


def stroke3(lines):
    rows, at = [], lines[0][0]
    for number, line in enumerate(lines):
        for index, (x, y) in enumerate(line):
            if number or index:
                rows.append([x - at[0], y - at[1], int(index == len(line) - 1)])
            at = (x, y)
    return rows


def json_lines(*values):
    return "".join(json.dumps(value) + "\n" for value in values)


def record(strokes, **more):
    return {"word": "house", "key_id": "5", "recognized": True, "drawing": strokes, **more}


def pad(lines):
    return [
        {"penColor": "black", "dotSize": 0, "points": stroke} for stroke in points(lines, time=5)
    ]


def canvas(lines):
    return [{"drawMode": True, "strokeColor": "red", "paths": stroke} for stroke in points(lines)]


def fabric(lines):
    """Return JSON as fabric.js writes it for lines drawn with its pencil, positioned as it does."""
    objects = []
    for line in lines:
        xs, ys = zip(*line, strict=True)
        box = {"left": min(xs), "top": min(ys), "width": np.ptp(xs), "height": np.ptp(ys)}
        box = {key: int(value) for key, value in box.items()}
        path = [["M" if i == 0 else "L", x, y] for i, (x, y) in enumerate(line)]
        objects.append({"type": "path", **box, "strokeWidth": 0, "stroke": "#000", "path": path})
    return {"version": "5.3.0", "objects": objects}


def excalidraw(lines):
    elements = []
    for line in lines:
        (x, y), *_ = line
        from_first = [[a - x, b - y] for a, b in line]
        elements.append({"type": "freedraw", "x": x, "y": y, "angle": 0, "points": from_first})
    return {"type": "excalidraw", "version": 2, "elements": elements}


def tldraw(lines, packed=False):
    records = [{"typeName": "page", "id": "page:page"}]
    for number, line in enumerate(lines):
        (x, y), *_ = line
        segment = {"type": "free"}
        from_first = [(a - x, b - y, 0.5) for a, b in line]
        if packed:
            steps = np.diff(from_first, axis=0).astype("<f2").tobytes()
            data = np.array(from_first[0], "<f4").tobytes() + steps
            segment["path"] = base64.b64encode(data).decode()
        else:
            segment["points"] = [dict(zip("xyz", point, strict=True)) for point in from_first]
        shape = {
            "typeName": "shape",
            "type": "draw",
            "id": f"shape:{number}",
            "index": f"a{number}",
        }
        records.append({**shape, "x": x, "y": y, "rotation": 0, "props": {"segments": [segment]}})
    return {"tldrawFileFormatVersion": 1, "schema": {}, "records": records}


def inkml(lines, head="", point="{} {}"):
    traces = [", ".join(point.format(x, y) for x, y in line) for line in lines]
    body = "".join(f"<trace>{trace}</trace>" for trace in traces)
    return f'<ink xmlns="http://www.w3.org/2003/InkML">{head}{body}</ink>'


def iam(lines):
    strokes = "".join(
        "<Stroke>" + "".join(f'<Point x="{x}" y="{y}" time="1.5"/>' for x, y in line) + "</Stroke>"
        for line in lines
    )
    return f"<WhiteboardCaptureSession><StrokeSet>{strokes}</StrokeSet></WhiteboardCaptureSession>"


def csv_rows(*drawings):
    rows = "".join(f'US,"{json.dumps(columns(lines))}",7,True\n' for lines in drawings)
    return f"countrycode,drawing,key_id,recognized\n{rows}"


def csv_points(*drawings):
    rows = "".join(
        f"{drawing},{stroke},{x},{y}\n"
        for drawing, lines in enumerate(drawings)
        for stroke, line in enumerate(lines)
        for x, y in line
    )
    return f"sketch,stroke,x,y\n{rows}"


def write_drawings(folder):
    """Write a file in each format that has a row in `docs/own_drawings.md`, named as there."""
    circle = '<svg xmlns="http://www.w3.org/2000/svg"><circle r="80" stroke="black"/></svg>'
    head = '<svg xmlns="http://www.w3.org/2000/svg" stroke="black" fill="none">'
    piece = '<path d="M{} {}L{} {}"/>'
    pieces = [(0, 0, 50, 9), (50, 9, 90, 60), (90, 60, 20, 80)]
    texts = {
        "tablet.svg": head + "".join(piece.format(*p) for p in pieces) + "</svg>",
        "plotter.svg": head + "".join(piece.format(*pieces[i]) for i in (2, 0, 1)) + "</svg>",
        "cat.ndjson": json_lines(record(columns(HOUSE)), record(columns(FACE))),
        "kaggle.csv": csv_rows(HOUSE, FACE),
        "points.csv": csv_points(HOUSE, FACE),
        "points.jsonl": json_lines(record(HOUSE), record(FACE)),
        "strokes.json": json.dumps([points(HOUSE), points(FACE)]),
        "signature.json": json.dumps(pad(HOUSE)),
        "canvas.json": json.dumps(canvas(HOUSE)),
        "draw.excalidraw": json.dumps(excalidraw(HOUSE)),
        "draw.tldr": json.dumps(tldraw(HOUSE)),
        "fabric.json": json.dumps(fabric(HOUSE)),
        "formula.inkml": inkml(FACE),
        "line.xml": iam(FACE),
        "lists.json": json.dumps([stroke3(HOUSE), stroke3(FACE)]),
        "ml5.json": json.dumps(
            [{"dx": 9, "dy": 0, "pen": "down"}, {"dx": 5, "dy": 9, "pen": "end"}]
        ),
        "cats.json": json.dumps({"sketches": [stroke3(HOUSE)]}),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    with zipfile.ZipFile(folder / "icons.zip", "w") as icons:
        icons.writestr("circle.svg", circle)
    row = struct.pack("<Q2sBIHH", 1, b"DE", 1, 0, 1, 3) + bytes([0, 90, 5, 9, 9, 70])
    (folder / "face.bin").write_bytes(row)
    sketches = [np.array(stroke3(HOUSE)) + np.array([n, 0, 0]) for n in range(3)]
    np.savez(folder / "rawdata.npz", rawdata=np.stack(sketches))
    np.savez(folder / "fractions.npz", train=np.stack(sketches) / (9, 9, 1))
    np.savez(folder / "places.npz", train=[np.insert(s, 0, (70, 50, 0), axis=0) for s in sketches])
    placed = [np.hstack([np.cumsum(s, axis=0)[:, :2], s[:, 2:]]) for s in sketches]
    np.savez(folder / "absolute.npz", train=np.stack(placed))
    np.save(folder / "array.npy", np.stack(sketches))
    _write_table(folder / "rows.parquet")
    _write_scan(folder / "scan.png")
    with zipfile.ZipFile(folder / "all.zip", "w") as everything:
        for name in (*texts, "face.bin", "rawdata.npz", "array.npy", "rows.parquet", "icons.zip"):
            everything.write(folder / name, f"drawings/{name}")


def _write_table(path):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"drawing": [columns(HOUSE), columns(FACE)]}), path)


def _write_scan(path):
    from PIL import Image, ImageDraw

    scan = Image.new("L", (600, 600), 255)
    for line in HOUSE:
        ImageDraw.Draw(scan).line([(10 * x + 50, 10 * y + 50) for x, y in line], fill=0, width=7)
    scan.save(path)
