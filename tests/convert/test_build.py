"""Inputs of every kind to a data set, what is dropped, and that nothing is half-written."""

import csv
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from subprocess import DEVNULL, PIPE

import numpy as np
import pytest
import shapely

from sketch_rnn.convert.build import build
from sketch_rnn.convert.prepare import Recipe
from sketch_rnn.convert.store import write_npz
from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.errors import UserError


def svg(i=0):
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
        f'<path fill="none" stroke="black" d="M0 0L{50 + i % 50} 10L100 {60 + i // 50}"/></svg>'
    )


def quickdraw(i=0, raw=False):
    """A line of Quick, Draw!'s simplified or raw files."""
    lines = [[[0, 100 + i % 100, 255], [0, 50, 20 + i // 100]], [[10, 30], [40, 255]]]
    if raw:
        lines = [[[v * 1.5 + 7.25 for v in xy] for xy in line] for line in lines]
        lines = [[*line, [33 * t for t in range(len(line[0]))]] for line in lines]
    drawing = {"key_id": str(i), "word": "cat", "countrycode": "DE", "recognized": True}
    return json.dumps({**drawing, "drawing": lines}) + "\n"


def read(path):
    with np.load(path, allow_pickle=True, encoding="latin1") as file:
        return {split: list(file[split]) for split in ("train", "valid", "test")}


def pooled(path):
    return sorted((s.tolist() for split in read(path).values() for s in split), key=str)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "drawings"
    (folder / "deeper").mkdir(parents=True)
    for i in range(10):
        (folder / f"{i}.svg").write_text(svg(i))
        (folder / "deeper" / f"{i}.SVG").write_text(svg(i + 10))
    (folder / "notes.txt").write_text("not a drawing")
    return folder


def test_a_folder_of_svgs(folder, tmp_path):
    summary = build([folder], tmp_path / "a.npz")
    assert summary.kept == {"train": 18, "valid": 1, "test": 1} and not summary.dropped
    assert [[127, 26, 0], [128, 127, 1]] in pooled(tmp_path / "a.npz")


def test_zips_and_wheels(tmp_path):
    for name in ("a.zip", "b.whl"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(4):
                archive.writestr(f"../{i}.svg", svg(i))
            archive.writestr("readme.md", "no drawing")
    assert (
        sum(build([tmp_path / "a.zip", tmp_path / "b.whl"], tmp_path / "o.npz").kept.values()) == 8
    )
    assert not (tmp_path.parent / "0.svg").exists()


def test_what_macos_puts_beside_files_is_no_drawing(folder, tmp_path):
    (folder / "._1.svg").write_bytes(b"\0\5\x16\7")
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("d/1.svg", svg())
        archive.writestr("__MACOSX/d/._1.svg", b"\0\5\x16\7")
    assert sum(build([folder], tmp_path / "a.npz", strict=True).kept.values()) == 21


def test_a_name_that_cannot_be_printed_is_reported_all_the_same(tmp_path):
    (tmp_path / "a.svg").write_text(svg())
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("red\x1b[31m\nline.svg", "<svg")
    with open(os.fsencode(tmp_path) + b"/\xff.svg", "w") as file:
        file.write("<svg")
    summary = build([tmp_path], tmp_path / "a.npz", report=tmp_path / "r.csv")
    assert summary.dropped == {"not well-formed XML": 2}
    rows = (tmp_path / "r.csv").read_text().splitlines()
    assert len(rows) == 4 and any("red?[31m?line.svg" in row for row in rows)


def test_reasons_that_differ_in_details_count_as_one(tmp_path):
    for i, line in enumerate([svg(), "<svg>&no;", "<svg> &no;", "<svg", "\0\1", "x"]):
        (tmp_path / f"{i}.svg").write_text(line)
    summary = build([tmp_path], tmp_path / "a.npz")
    assert summary.dropped == {"not well-formed XML": 5}


def test_simplified_and_raw_ndjson_plain_and_gzip(tmp_path):
    plain, raw = tmp_path / "cat.ndjson", tmp_path / "raw.ndjson.gz"
    plain.write_text("".join(quickdraw(i) for i in range(5)))
    raw.write_bytes(gzip.compress("".join(quickdraw(i, raw=True) for i in range(5)).encode()))
    build([plain], tmp_path / "plain.npz")
    build([raw], tmp_path / "raw.npz")
    assert pooled(tmp_path / "plain.npz") == pooled(tmp_path / "raw.npz")
    first = [[100, 50, 0], [155, -30, 1], [-245, 20, 0], [20, 215, 1]]
    assert first in pooled(tmp_path / "plain.npz")


def test_npz_is_merged_and_split_again_and_whole_numbers_stay(tmp_path):
    sketches = [np.full((n, 3), (n, 1, 0), np.int16) for n in range(1, 9)]
    write_npz(
        tmp_path / "a.npz",
        {k: (1, [s]) for k, s in zip(("train", "valid", "test"), sketches, strict=False)},
    )
    floats = np.empty(1, object)
    floats[0] = np.array([(0.5, 0, 0), (0, 1, 1)])
    np.savez(tmp_path / "b.npz", train=floats, valid=floats, test=floats)
    build([tmp_path / "a.npz", tmp_path / "b.npz"], tmp_path / "o.npz", valid=1, test=2)
    assert [len(split) for split in read(tmp_path / "o.npz").values()] == [3, 1, 2]
    scaled = [[128, 0, 0], [0, 255, 1]]
    assert pooled(tmp_path / "o.npz") == sorted(
        [*(s.tolist() for s in sketches[:3]), *[scaled] * 3], key=str
    )


def test_npz_that_is_too_long_is_simplified(tmp_path):
    long = np.tile(np.array([(1, 0, 0)], np.int16), (300, 1))
    write_npz(tmp_path / "a.npz", {k: (1, [long]) for k in ("train", "valid", "test")})
    summary = build([tmp_path / "a.npz"], tmp_path / "o.npz")
    assert pooled(tmp_path / "o.npz")[0] == [[300, 0, 1]] and not summary.simplified_more


def test_the_same_seed_gives_the_same_file_however_many_processes(folder, tmp_path):
    lines = tmp_path / "cat.ndjson"
    lines.write_text("".join(quickdraw(i) for i in range(100)))
    for name, options in {"a": {}, "b": {"processes": 1}, "c": {"seed": 1}}.items():
        build([folder, lines], tmp_path / f"{name}.npz", **options)
    a, b, c = ((tmp_path / f"{name}.npz").read_bytes() for name in "abc")
    assert a == b and a != c


def test_bad_drawings_are_dropped_counted_and_reported(folder, tmp_path):
    (folder / "broken.svg").write_text(svg()[:-20])
    (folder / "filled.svg").write_text(svg().replace('fill="none" stroke', "x"))
    lines = tmp_path / "cat.ndjson"
    lines.write_text(quickdraw(1) + "oops\n\n" + '{"drawing": [[[1, 2], [3]]]}\n' + quickdraw(2))
    report = tmp_path / "report.csv"
    summary = build([folder, lines], tmp_path / "a.npz", report=report)
    assert sum(summary.kept.values()) == 22 and sum(summary.dropped.values()) == 4
    text = "\n".join(summary.lines())
    assert f"1 not JSON (first: {lines}:2)" in text and "dropped 4:" in text
    rows = list(csv.DictReader(report.open()))
    assert len(rows) == 26
    dropped = {os.path.basename(r["drawing"]): r["reason"] for r in rows if r["kept"] == "False"}
    assert dropped.keys() == {"broken.svg", "filled.svg", "cat.ndjson:2", "cat.ndjson:4"}
    assert "nothing in it is stroked" in dropped["filled.svg"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.svg", b"<svg", "a.svg: not well-formed XML"),
        ("a.svg", b"<svg/>", "a.svg: nothing visible"),
        (
            "a.svg",
            svg().replace('fill="none" stroke', "x").encode(),
            "a.svg: nothing in it is stroked",
        ),
        ("a.ndjson", (quickdraw() + "{\n" + quickdraw()).encode(), "a.ndjson:2: not JSON"),
        ("a.ndjson", b"", "a.ndjson: no lines"),
        ("a.ndjson", b'{"drawing": 5}', 'a.ndjson:1: not an object with "drawing"'),
        ("a.ndjson", b'{"drawing": [5]}', "a.ndjson:1: a stroke is not"),
        ("a.ndjson", b'{"drawing": [["ab", "cd"]]}', "a.ndjson:1: a stroke has not"),
        ("a.ndjson", b'{"drawing": [[["a"], ["b"]]]}', "a.ndjson:1: a coordinate is not a number"),
        ("a.ndjson", b'{"drawing": [[[1, [2]], [1, 2]]]}', "a.ndjson:1: a stroke is not"),
        (
            "a.ndjson",
            b'{"drawing": [[[NaN, 1], [1, 2]]]}',
            "a.ndjson:1: a coordinate is not finite",
        ),
        ("a.ndjson", b"[" * 100_000, "a.ndjson:1: not JSON"),
        ("a.ndjson.gz", gzip.compress(quickdraw().encode())[:-9], "a.ndjson.gz:2: damaged"),
        ("a.zip", b"PK", "a.zip: not a zip"),
        ("a.npz", b"PK", "a.npz: "),
    ],
)
def test_strict_stops_with_one_line_that_names_the_drawing(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError) as error:
        build([tmp_path / name], tmp_path / "o.npz", strict=True, report=tmp_path / "r.csv")
    assert message in str(error.value) and "\n" not in str(error.value)
    assert sorted(tmp_path.iterdir()) == before


def test_when_nothing_is_left_nothing_is_written(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.svg").write_text(svg())
    before = sorted(tmp_path.iterdir())
    for inputs, recipe, message in (
        (["empty"], Recipe(), "no drawing could be used: no drawings in this folder"),
        (["a.svg"], Recipe(max_points=1), "more than 1 points, however simplified"),
        (["b.svg"], Recipe(), "b.svg: expected a file or a folder"),
        (["empty", "../x.txt"], Recipe(), "x.txt: expected"),
    ):
        with pytest.raises(UserError, match=message):
            build([tmp_path / i for i in inputs], tmp_path / "o.npz", recipe)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_killed_takes_its_workers_with_it(tmp_path, number):
    (tmp_path / "cat.ndjson").write_text(quickdraw() * 100_000)
    program = "from sketch_rnn.cli.dataset import main; raise SystemExit(main())"
    flags = ["--output=o.npz", "--report=r.csv"]
    command = [sys.executable, "-c", program, "build", *flags, "cat.ndjson"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=PIPE, stderr=DEVNULL) as process:
        while process.poll() is None and not has_content(tmp_path.glob(".r.csv.*.part")):
            time.sleep(0.01)
        process.send_signal(number)
        process.communicate(timeout=60)  # until nobody is left who could write to stdout
    if number == signal.SIGTERM:
        assert process.returncode == 143 and os.listdir(tmp_path) == ["cat.ndjson"]


def has_content(paths):
    return any(path.stat().st_size for path in paths)


def test_an_output_that_exists_is_kept(folder, tmp_path):
    (tmp_path / "a.npz").write_text("mine")
    with pytest.raises(UserError, match=r"a\.npz exists"):
        build([folder], tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_text() == "mine"
    with pytest.raises(UserError, match="folder does not exist"):
        build([folder], tmp_path / "no" / "a.npz")
    with pytest.raises(UserError, match=r"ends in \.npz"):
        build([folder], tmp_path / "a.zip")
    with pytest.raises(UserError, match="beside the output, not in its place"):
        build([folder], tmp_path / "b.npz", report=folder / ".." / "b.npz")


@pytest.mark.parametrize(("count", "sizes"), [(1, (1, 1, 1)), (2, (2, 2, 2)), (3, (1, 1, 1))])
def test_very_few_drawings(tmp_path, count, sizes, capsys):
    paths = [tmp_path / f"{i}.svg" for i in range(count)]
    for i, path in enumerate(paths):
        path.write_text(svg(i))
    summary = build(paths, tmp_path / "a.npz")
    assert summary.drawings == count and tuple(summary.kept.values()) == sizes
    assert load_dataset("a.npz", tmp_path).max_seq_len == 2
    assert ("too few drawings" in capsys.readouterr().err) == (count < 3)


def test_splits_by_count_and_by_share(folder, tmp_path):
    assert build([folder], tmp_path / "a.npz", valid=3, test=0.25).kept == {
        "train": 12,
        "valid": 3,
        "test": 5,
    }
    with pytest.raises(UserError, match="expected to leave drawings to train on"):
        build([folder], tmp_path / "b.npz", valid=10, test=10)
    for share in (0, -1, 1.5):
        with pytest.raises(UserError, match="valid: expected a share"):
            build([folder], tmp_path / "b.npz", valid=share)


def test_copies_can_be_dropped(folder, tmp_path):
    (folder / "copy.svg").write_text(svg(3))
    assert sum(build([folder], tmp_path / "all.npz").kept.values()) == 21
    summary = build([folder], tmp_path / "a.npz", drop_copies=True, strict=True, processes=2)
    assert sum(summary.kept.values()) == 20
    assert dict(summary.dropped) == {"a copy of a drawing before it": 1}
    assert len({str(sketch) for sketch in pooled(tmp_path / "a.npz")}) == 20


def test_a_pipe_in_a_folder_is_not_waited_for(folder, tmp_path):
    os.mkfifo(folder / "pipe.svg")
    assert sum(build([folder], tmp_path / "a.npz").kept.values()) == 20


def test_zip_bombs_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.svg", b" " * (64 << 20))
        archive.writestr("good.svg", svg())
    summary = build([tmp_path / "a.zip"], tmp_path / "o.npz")
    assert dict(summary.dropped) == {"larger than the limit of 8 MB": 1}


def test_the_result_lies_on_the_source_as_another_program_renders_it(tmp_path):
    """Pixels of the source, drawn by an SVG renderer, against the lines of the sketch."""
    image = pytest.importorskip("PIL.Image")
    resvg_py = pytest.importorskip("resvg_py")
    body = """<defs><g id="leaf"><path d="M0 0c20-30 40-30 60 0s40 30 60 0"/></g></defs>
        <g transform="translate(60 90) rotate(-20) scale(1.5 1)"><use href="#leaf" x="10"/>
        <path d="m0 60a40 25 30 1 0 90 20q10 60 40 10t30-20z"/></g>
        <ellipse cx="250" cy="80" rx="40" ry="60" transform="skewX(-15)"/>
        <rect x="30%" y="230" width="90" height="50" rx="18"/>
        <svg x="200" y="190" width="90" height="90" viewBox="0 0 30 60">
        <circle cx="15" cy="30" r="12"/><polyline points="0 0 30 60 30 0 0 60"/></svg>"""
    source = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" viewBox="-10 -10 320 320">'
        f'<rect x="-10" y="-10" width="320" height="320" fill="white"/>'
        f'<g fill="none" stroke="black" stroke-width="1">{body}</g></svg>'
    )
    (tmp_path / "a.svg").write_text(source)
    build([tmp_path / "a.svg"], tmp_path / "a.npz", Recipe(max_points=400))
    (sketch,) = read(tmp_path / "a.npz")["train"]
    png = image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=source, zoom=4))))
    pixels = np.argwhere(np.asarray(png.convert("L")) < 100)[:, ::-1]
    side = np.ptp(pixels, axis=0).max()
    pixels = (pixels - pixels.min(axis=0)) * 255 / side
    points = np.cumsum([(0, 0, 0), *sketch], axis=0)[:, :2]
    points = points - points.min(axis=0)
    lines = np.split(points, np.flatnonzero(sketch[:-1, 2]) + 2)
    a = np.concatenate([line[:-1] for line in lines])
    b = np.concatenate([line[1:] for line in lines])
    to_lines = distances(shapely.points(pixels), shapely.linestrings(np.stack([a, b], axis=1)))
    along = np.concatenate([a + t * (b - a) for t in np.linspace(0, 1, 20)])
    to_pixels = distances(shapely.points(along), shapely.points(pixels))
    assert len(lines) == 6
    assert to_lines.max() < 4 and to_lines.mean() < 1.5
    assert to_pixels.max() < 4 and to_pixels.mean() < 1.5


def distances(shapes, others):
    """From each shape to the nearest of the others."""
    return shapely.STRtree(others).query_nearest(shapes, return_distance=True, all_matches=False)[1]


def test_converting_does_not_import_tensorflow():
    program = "import sys, sketch_rnn.convert.build; print('tensorflow' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program]).strip() == b"False"
