"""Data sets are built from inputs of every kind, drop bad drawings, and are never half-written."""

import csv
import gzip
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zipfile
from subprocess import DEVNULL, PIPE

import numpy as np
import pytest
import shapely
from helpers import unix_only

from sketch_rnn.convert import build as building
from sketch_rnn.convert.prepare import Recipe
from sketch_rnn.convert.store import write_npz
from sketch_rnn.data.dataset import load_dataset
from sketch_rnn.errors import UserError


def build(*inputs, **options):
    """Build in this process by default, since other processes take seconds to start."""
    return building.build(*inputs, **{"processes": 1, **options})


def svg(i=0):
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
        f'<path fill="none" stroke="black" d="M0 0L{50 + i % 50} 10L100 {60 + i // 50}"/></svg>'
    )


def quickdraw(i=0, raw=False):
    """Return a line of a simplified or raw file of Quick, Draw!."""
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


def test_a_folder_of_svgs_becomes_a_data_set(folder, tmp_path):
    summary = build([folder], tmp_path / "a.npz")
    assert summary.kept == {"train": 18, "valid": 1, "test": 1} and not summary.dropped
    assert [[127, 26, 0], [128, 127, 1]] in pooled(tmp_path / "a.npz")


def test_zips_and_wheels_are_read(tmp_path):
    for name in ("a.zip", "b.whl"):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(4):
                archive.writestr(f"../{i}.svg", svg(i))
            archive.writestr("readme.md", "no drawing")
    assert (
        sum(build([tmp_path / "a.zip", tmp_path / "b.whl"], tmp_path / "o.npz").kept.values()) == 8
    )
    assert not (tmp_path.parent / "0.svg").exists()


def test_files_that_macos_adds_are_not_drawings(folder, tmp_path):
    (folder / "notes.txt").unlink()
    (folder / "._1.svg").write_bytes(b"\0\5\x16\7")
    (folder / ".DS_Store").write_bytes(b"\0")
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("d/1.svg", svg())
        archive.writestr("__MACOSX/d/._1.svg", b"\0\5\x16\7")
    assert sum(build([folder], tmp_path / "a.npz", strict=True).kept.values()) == 21


def test_unread_files_are_counted_by_suffix_and_reported_and_stop_a_strict_build(folder, tmp_path):
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("d/1.svg", svg())
        archive.writestr("d/more.txt", "")
        archive.writestr("d/LICENSE", "")
    summary = build([folder], tmp_path / "a.npz", report=tmp_path / "r.csv")
    assert summary.drawings == 21 and not summary.dropped
    assert "skipped 3 files of other kinds: 2 .txt, 1 without a suffix" in summary.lines()
    assert (tmp_path / "r.csv").read_text().count(
        "not a kind of file that drawings are read from"
    ) == 3
    with pytest.raises(UserError, match=r"a\.zip:d/more\.txt: not a kind of file"):
        build([folder], tmp_path / "b.npz", strict=True)


def test_zips_give_the_same_drawings_as_folders(tmp_path):
    """Every kind of file is read from a folder, a zip, and a zip inside a zip."""
    folder = tmp_path / "drawings"
    folder.mkdir()
    (folder / "a.svg").write_text(svg())
    (folder / "a.ndjson").write_text(quickdraw(1))
    (folder / "b.ndjson.gz").write_bytes(gzip.compress(quickdraw(2).encode()))
    (folder / "a.bin").write_bytes(binary(3))
    (folder / "a.json").write_text(json.dumps({"sketches": [corners(1)[0].tolist()]}))
    save(folder / "a.npz", train=corners(5)[1:])
    for name, source in {"inner.zip": folder, "outer.zip": tmp_path}.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for path in sorted(source.glob("inner.zip" if source == tmp_path else "*")):
                archive.write(path, path.name)
    for name in ("drawings", "inner.zip", "outer.zip"):
        assert build([tmp_path / name], tmp_path / "o.npz", strict=True, overwrite=True)
        assert len(pooled(tmp_path / "o.npz")) == 9
        (tmp_path / "o.npz").rename(tmp_path / f"{name}.npz")
    results = {pooled_text(tmp_path / f"{name}.npz") for name in ("drawings", "inner.zip")}
    assert len(results | {pooled_text(tmp_path / "outer.zip.npz")}) == 1


def pooled_text(path):
    return str(pooled(path))


def test_a_name_that_cannot_be_printed_is_still_reported(tmp_path):
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


def test_simplified_and_raw_ndjson_are_read_plain_and_gzipped(tmp_path):
    plain, raw = tmp_path / "cat.ndjson", tmp_path / "raw.ndjson.gz"
    plain.write_text("".join(quickdraw(i) for i in range(5)))
    raw.write_bytes(gzip.compress("".join(quickdraw(i, raw=True) for i in range(5)).encode()))
    build([plain], tmp_path / "plain.npz")
    build([raw], tmp_path / "raw.npz")
    assert pooled(tmp_path / "plain.npz") == pooled(tmp_path / "raw.npz")
    first = [[100, 50, 0], [155, -30, 1], [-245, 20, 0], [20, 215, 1]]
    assert first in pooled(tmp_path / "plain.npz")


def binary(i=0, recognized=True):
    """Return a record of a binary file of Quick, Draw! with the drawing from `quickdraw`."""
    lines = json.loads(quickdraw(i))["drawing"]
    record = struct.pack("<Q2sBIH", 5_000_000_000 + i, b"DE", recognized, 1_488_000_000, len(lines))
    for x, y in lines:
        record += struct.pack(f"<H{len(x)}B{len(y)}B", len(x), *x, *y)
    return record


def test_binary_quick_draw_files_give_the_same_drawings_as_ndjson(tmp_path):
    records = b"".join(binary(i) for i in range(6))
    (tmp_path / "cat.ndjson").write_text("".join(quickdraw(i) for i in range(6)))
    (tmp_path / "cat.bin").write_bytes(records)
    (tmp_path / "cat.bin.gz").write_bytes(gzip.compress(records))
    for suffix in ("ndjson", "bin", "bin.gz"):
        build([tmp_path / f"cat.{suffix}"], tmp_path / f"{suffix}.npz")
    expected = (tmp_path / "ndjson.npz").read_bytes()
    assert (tmp_path / "bin.npz").read_bytes() == expected
    assert (tmp_path / "bin.gz.npz").read_bytes() == expected


def test_complete_drawings_in_a_truncated_binary_file_are_kept(tmp_path):
    data = b"".join(binary(i) for i in range(4))
    (tmp_path / "cat.bin").write_bytes(data[:-3])
    summary = build([tmp_path / "cat.bin"], tmp_path / "o.npz")
    assert summary.drawings == 3
    assert summary.dropped == {
        "the file ends in the middle of a drawing; the rest of the file is not read": 1
    }
    assert list(summary.examples.values()) == [f"{tmp_path}/cat.bin:4"]


def test_recognized_keeps_only_recognized_drawings(tmp_path):
    lines = [quickdraw(i).replace("true", "false" if i % 2 else "true") for i in range(8)]
    (tmp_path / "cat.ndjson").write_text("".join(lines))
    (tmp_path / "cat.bin").write_bytes(b"".join(binary(i, i % 2 == 0) for i in range(8)))
    for name in ("cat.ndjson", "cat.bin"):
        assert build([tmp_path / name], tmp_path / f"{name}.all.npz").drawings == 8
        output = tmp_path / f"{name}.npz"
        summary = build([tmp_path / name], output, recognized=True, strict=True)
        assert summary.drawings == 4
        assert summary.dropped == {"not recognized by Quick, Draw!": 4}
        assert summary.examples == {"not recognized by Quick, Draw!": f"{tmp_path / name}:2"}


def test_json_written_by_sketch_rnn_sample_is_read(tmp_path):
    sketches = [s.tolist() for s in corners(5)]
    (tmp_path / "a.json").write_text(json.dumps({"sketches": sketches}))
    build([tmp_path / "a.json"], tmp_path / "o.npz")
    assert pooled(tmp_path / "o.npz") == sorted(sketches, key=str)


def test_npz_files_are_merged_and_split_again_and_whole_numbers_stay_whole(tmp_path):
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


def save(path, **members):
    """Write an `.npz`; lists become object arrays."""
    for name, sketches in members.items():
        if isinstance(sketches, list):
            members[name] = np.empty(len(sketches), object)
            for i, sketch in enumerate(sketches):
                members[name][i] = sketch
    np.savez(path, **members)
    return path


def corners(count, scale=1):
    """Make different drawings with whole numbers and two lines each."""
    rows = np.array([(40, 10, 0), (-30, 25, 1), (7, -60, 0), (20, 5, 1)])
    return [rows * (scale, scale, 1) + (scale * i, 0, 0) for i in range(count)]


@pytest.mark.parametrize(
    "members",
    [
        {"train": corners(6)},
        {"train": corners(4), "valid": corners(6)[4:]},
        {"drawings": corners(6)},
        {"train": [sketch.tolist() for sketch in corners(6)]},
        {"train": np.stack(corners(6)).astype(object)},
        {f"arr_{i}": sketch for i, sketch in enumerate(corners(6))},
    ],
    ids=["train", "train and valid", "another name", "lists", "objects", "one array per drawing"],
)
def test_an_npz_with_other_members_is_split_again(tmp_path, members):
    save(tmp_path / "a.npz", **members)
    assert build([tmp_path / "a.npz"], tmp_path / "o.npz").kept == {
        "train": 4,
        "valid": 1,
        "test": 1,
    }
    assert pooled(tmp_path / "o.npz") == sorted((s.tolist() for s in corners(6)), key=str)


def test_members_without_drawings_are_left_out_in_one_line(tmp_path, caplog):
    save(tmp_path / "a.npz", train=corners(3), mean=np.float32(7), labels=np.arange(3))
    assert build([tmp_path / "a.npz"], tmp_path / "o.npz").drawings == 3
    (line,) = [li for li in caplog.text.splitlines() if "left out" in li]
    assert "a.npz: left out mean, labels, which hold no drawings" in line


def test_a_drawing_of_a_wrong_shape_is_dropped_and_its_shape_reported(tmp_path):
    save(tmp_path / "a.npz", train=[*corners(3), np.ones((4, 4)), np.ones(7), np.ones((0, 3))])
    report = tmp_path / "r.csv"
    assert build([tmp_path / "a.npz"], tmp_path / "o.npz", report=report).drawings == 3
    reasons = [row["reason"] for row in csv.DictReader(report.open())]
    assert "got an array of shape [4, 4]" in reasons[3]
    assert "got an array of shape [7]" in reasons[4]
    assert reasons[5] == "it has no points"


def test_drawings_are_scaled_for_a_whole_file_or_not_at_all(tmp_path):
    """Four drawings with whole numbers are kept; if one has fractions, all four are scaled."""
    odd = corners(4)[3] + (0.5, 0, 0)
    save(tmp_path / "whole.npz", train=[s.astype(float) for s in corners(4)])
    save(tmp_path / "mixed.npz", train=[s.astype(float) for s in corners(3)], valid=[odd])
    build([tmp_path / "whole.npz"], tmp_path / "a.npz")
    build([tmp_path / "mixed.npz"], tmp_path / "b.npz")
    assert pooled(tmp_path / "a.npz") == sorted((s.tolist() for s in corners(4)), key=str)
    sides = [longer_side(sketch) for sketch in pooled(tmp_path / "b.npz")]
    assert sides == [255] * 4


def longer_side(sketch):
    points = np.cumsum([(0, 0, 0), *sketch], axis=0)[:, :2]
    return np.ptp(points, axis=0).max()


@pytest.mark.parametrize("dtype", [np.int32, np.float64])
def test_drawings_with_many_offsets_above_1000_are_scaled_instead_of_clipped(
    tmp_path, dtype, caplog
):
    large = save(tmp_path / "large.npz", train=[s.astype(dtype) for s in corners(5, 1024)])
    small = save(tmp_path / "small.npz", train=[s / (8, 8, 1) for s in corners(5)])
    build([large], tmp_path / "a.npz")
    assert "5 of 5 drawings have offsets above 1000; so all drawings are scaled down" in caplog.text
    build([small], tmp_path / "b.npz")
    assert pooled(tmp_path / "a.npz") == pooled(tmp_path / "b.npz")
    assert {longer_side(sketch) for sketch in pooled(tmp_path / "a.npz")} == {255}


def test_a_few_large_offsets_are_clipped_and_reported(tmp_path):
    drawings = corners(200)
    drawings[7][1, 0] = -40_000
    save(tmp_path / "a.npz", train=drawings)
    report = tmp_path / "r.csv"
    summary = build([tmp_path / "a.npz"], tmp_path / "o.npz", report=report)
    assert summary.changed == {"offsets above 1000 reduced to 1000": 1} and summary.drawings == 200
    text = "\n".join(summary.lines())
    assert "changed 1:" in text and f"(first: {tmp_path / 'a.npz'}:train[7])" in text
    rows = list(csv.DictReader(report.open()))
    assert rows[7]["reason"] == "offsets above 1000 reduced to 1000 (1 of them)"
    assert rows[7]["kept"] == "True" and rows[6]["reason"] == ""
    expected = corners(200)
    expected[7][1, 0] = -1000
    assert pooled(tmp_path / "o.npz") == sorted((s.tolist() for s in expected), key=str)


def test_offsets_beyond_the_limit_from_a_large_size_are_clipped_and_reported(tmp_path):
    (tmp_path / "a.svg").write_text(svg())
    summary = build([tmp_path / "a.svg"], tmp_path / "o.npz", Recipe(size=3000))
    assert summary.changed == {"offsets above 1000 reduced to 1000": 1}
    assert np.abs(pooled(tmp_path / "o.npz")[0]).max() == 1000


def places(count):
    """Return drawings whose row 0 is the position of their first point."""
    return [np.insert(sketch, 0, (300 + i, 200, 0), 0) for i, sketch in enumerate(corners(count))]


@pytest.mark.parametrize(
    ("first_row", "count", "expected"),
    [
        ("auto", 12, corners(12)),
        ("auto", 3, places(3)),
        ("place", 3, corners(3)),
        ("drawn", 12, places(12)),
    ],
)
def test_first_row_decides_whether_row_0_is_a_position(
    tmp_path, caplog, first_row, count, expected
):
    save(tmp_path / "a.npz", train=places(count))
    build([tmp_path / "a.npz"], tmp_path / "o.npz", first_row=first_row)
    assert pooled(tmp_path / "o.npz") == sorted((s.tolist() for s in expected), key=str)
    assert ("looks like a position" in caplog.text) == (first_row == "auto" and count > 9)


def test_a_distant_first_position_does_not_count_as_a_large_offset(tmp_path):
    far = [np.insert(sketch, 0, (1500, 1200, 0), 0) for sketch in corners(12)]
    save(tmp_path / "a.npz", train=far)
    build([tmp_path / "a.npz"], tmp_path / "o.npz")
    assert pooled(tmp_path / "o.npz") == sorted((s.tolist() for s in corners(12)), key=str)


def test_npz_drawings_that_are_too_long_are_simplified(tmp_path):
    long = np.tile(np.array([(1, 0, 0)], np.int16), (300, 1))
    write_npz(tmp_path / "a.npz", {k: (1, [long]) for k in ("train", "valid", "test")})
    summary = build([tmp_path / "a.npz"], tmp_path / "o.npz")
    assert pooled(tmp_path / "o.npz")[0] == [[300, 0, 1]] and not summary.simplified_more


def test_the_same_seed_gives_the_same_file_for_any_number_of_processes(folder, tmp_path):
    lines = tmp_path / "cat.ndjson"
    lines.write_text("".join(quickdraw(i) for i in range(100)))
    for name, options in {"a": {"processes": 2}, "b": {}, "c": {"seed": 1}}.items():
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
    assert f"1 not valid JSON (first: {lines}:2)" in text and "dropped 4:" in text
    rows = list(csv.DictReader(report.open()))
    assert len(rows) == 27
    dropped = {os.path.basename(r["drawing"]): r["reason"] for r in rows if r["kept"] == "False"}
    assert dropped.keys() == {
        "broken.svg",
        "filled.svg",
        "cat.ndjson:2",
        "cat.ndjson:4",
        "notes.txt",
    }
    assert "nothing in it is stroked" in dropped["filled.svg"]


def test_parts_left_out_of_kept_drawings_are_counted_and_reported(tmp_path):
    filled = '<path d="M1 1h9v9z"/>'
    for name, more in {"a": "", "b": filled, "c": filled * 2 + "<text>c</text>"}.items():
        (tmp_path / f"{name}.svg").write_text(svg().replace("</svg>", f"{more}</svg>"))
    summary = build([tmp_path], tmp_path / "a.npz", report=tmp_path / "r.csv")
    assert summary.drawings == 3 and not summary.dropped
    text = "\n".join(summary.lines())
    assert "changed 3:" in text
    assert "2 filled shapes left out; --outline draws their edges (first: " in text
    assert "1 texts left out; to be converted to paths first" in text
    reasons = [row["reason"] for row in csv.DictReader((tmp_path / "r.csv").open())]
    assert reasons[:2] == ["", "1 filled shape left out; --outline draws their edges"]
    assert reasons[2].startswith("2 filled shapes left out; --outline draws their edges | 1 text")
    with pytest.raises(UserError, match=r"b\.svg: 1 filled shape left out"):
        build([tmp_path], tmp_path / "b.npz", strict=True)
    build([tmp_path / "b.svg"], tmp_path / "b.npz", strict=True, outline=True)


def test_text_in_a_drawing_is_reported_and_does_not_stop_a_strict_build(tmp_path):
    """Files of KanjiVG, for example, have numbers beside the strokes."""
    numbered = svg().replace("</svg>", "<text>1</text><text>2</text></svg>")
    (tmp_path / "a.svg").write_text(numbered)
    summary = build([tmp_path / "a.svg"], tmp_path / "a.npz", strict=True)
    assert summary.drawings == 1 and summary.changed.total() == 1
    with_more = numbered.replace("</svg>", '<path d="M1 1h9v9z"/></svg>')
    (tmp_path / "b.svg").write_text(with_more)
    with pytest.raises(UserError, match=r"b\.svg: 1 filled shape left out[^|]*$"):
        build([tmp_path / "b.svg"], tmp_path / "b.npz", strict=True)
    (tmp_path / "c.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>1</text></svg>')
    with pytest.raises(UserError, match="only text, which has to be converted"):
        build([tmp_path / "c.svg"], tmp_path / "c.npz", strict=True)


def test_pieces_of_svgs_are_joined_unless_join_is_off(tmp_path):
    pieces = '<path fill="none" stroke="red" d="M0 0L9 0"/><path stroke="red" d="M9 0L9 9"/>'
    (tmp_path / "a.svg").write_text(f"<svg>{pieces}</svg>")
    for name, recipe, pens in (("a", Recipe(), (0, 1)), ("b", Recipe(join=False), (1, 0, 1))):
        build([tmp_path / "a.svg"], tmp_path / f"{name}.npz", recipe)
        assert tuple(read(tmp_path / f"{name}.npz")["train"][0][:, 2]) == pens


def test_strokes_in_other_formats_are_not_joined(tmp_path):
    (tmp_path / "a.ndjson").write_text('{"drawing": [[[0, 9], [0, 0]], [[9, 9, 9], [0, 5, 9]]]}\n')
    build([tmp_path / "a.ndjson"], tmp_path / "a.npz")
    assert read(tmp_path / "a.npz")["train"][0][:, 2].sum() == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.svg", b"<svg", "a.svg: not well-formed XML"),
        ("a.svg", b"<svg/>", "a.svg: it shows no lines"),
        (
            "a.svg",
            svg().replace('fill="none" stroke', "x").encode(),
            "a.svg: nothing in it is stroked",
        ),
        ("a.ndjson", (quickdraw() + "{\n" + quickdraw()).encode(), "a.ndjson:2: not valid JSON"),
        ("a.ndjson", b"", "a.ndjson: no lines"),
        ("a.ndjson", b'{"drawing": 5}', "a.ndjson:1: expected an object with strokes"),
        ("a.ndjson", b'{"drawing": [5]}', "a.ndjson:1: a stroke is not"),
        ("a.ndjson", b'{"drawing": [["ab", "cd"]]}', "a.ndjson:1: a stroke is not"),
        ("a.ndjson", b'{"drawing": [[["a"], ["b"]]]}', "a.ndjson:1: a coordinate is not a number"),
        ("a.ndjson", b'{"drawing": [[[1, [2]], [1, 2]]]}', "a.ndjson:1: a coordinate is not"),
        (
            "a.ndjson",
            b'{"drawing": [[[NaN, 1], [1, 2]]]}',
            "a.ndjson:1: a coordinate is not finite",
        ),
        ("a.ndjson", b"[" * 100_000, "a.ndjson:1: not valid JSON"),
        (
            "a.ndjson.gz",
            gzip.compress(quickdraw().encode(), mtime=0)[:-9],
            "a.ndjson.gz:2: damaged",
        ),
        ("a.bin", binary()[:-1], "a.bin:1: the file ends in the middle of a drawing"),
        ("a.bin", b"", "a.bin: no lines or records"),
        ("a.bin", binary() + b"not a record at all", "a.bin:2: not a drawing in Quick, Draw!'s"),
        ("a.bin.gz", gzip.compress(binary(), mtime=0)[:-9], "a.bin.gz:2: damaged"),
        ("a.json", b"{", "a.json: not valid JSON"),
        ("a.json", b'{"drawing": []}', "a.json: it has no points"),
        ("a.json", b'{"name": 5}', "a.json: expected an object with strokes, under"),
        ("a.json", b"[]", "a.json: no drawings in this JSON"),
        ("a.json", b'{"sketches": [5]}', "a.json[0]: expected rows of 3 (stroke-3)"),
        ("a.json", b'{"sketches": [[[1, 2], [3]]]}', "a.json: [0]: expected rows [dx, dy, pen_"),
        ("a.png", b"\x89PNG", "a.png: damaged, or not a readable picture"),
        ("a.JPG", b"", "a.JPG: damaged, or not a readable picture"),
        ("a.zip", b"PK", "a.zip: not a readable zip"),
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


def test_a_build_that_keeps_no_drawings_writes_no_file(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.svg").write_text(svg())
    before = sorted(tmp_path.iterdir())
    for inputs, recipe, message in (
        (["empty"], Recipe(), "no drawing could be used: no drawings in this folder"),
        (
            ["a.svg"],
            Recipe(max_points=1),
            "more than 1 points, even when simplified as far as possible",
        ),
        (["b.svg"], Recipe(), "b.svg: there is no such file or folder"),
        (["empty", "../x.txt"], Recipe(), "x.txt: there is no such file"),
    ):
        with pytest.raises(UserError, match=message):
            build([tmp_path / i for i in inputs], tmp_path / "o.npz", recipe)
    assert sorted(tmp_path.iterdir()) == before


@unix_only
@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_killing_a_build_ends_its_workers(tmp_path, name):
    number = signal.Signals[name]
    long = json.dumps({"drawing": [[[*range(9)], [*range(9)]]]})  # surely columns
    (tmp_path / "cat.ndjson").write_text(f"{long}\n" + quickdraw() * 100_000)
    program = "from sketch_rnn.cli.dataset import main; raise SystemExit(main())"
    flags = ["--output=o.npz", "--report=r.csv"]
    command = [sys.executable, "-c", program, "build", *flags, "cat.ndjson"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=PIPE, stderr=DEVNULL) as process:
        while process.poll() is None and not has_content(tmp_path.glob(".r.csv.*.part")):
            time.sleep(0.01)
        process.send_signal(number)
        process.communicate(timeout=60)  # until no process is left that could write to stdout
    if name == "SIGTERM":
        assert process.returncode == 143 and os.listdir(tmp_path) == ["cat.ndjson"]


def has_content(paths):
    return any(path.stat().st_size for path in paths)


def test_an_existing_output_is_kept(folder, tmp_path):
    (tmp_path / "a.npz").write_text("mine")
    with pytest.raises(UserError, match=r"a\.npz exists"):
        build([folder], tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_text() == "mine"
    with pytest.raises(UserError, match="there is no folder"):
        build([folder], tmp_path / "no" / "a.npz")
    with pytest.raises(UserError, match=r"ends in \.npz"):
        build([folder], tmp_path / "a.zip")
    with pytest.raises(UserError, match="is both the output and the report"):
        build([folder], tmp_path / "b.npz", report=folder / ".." / "b.npz")


@pytest.mark.parametrize(("count", "sizes"), [(1, (1, 1, 1)), (2, (2, 2, 2)), (3, (1, 1, 1))])
def test_very_few_drawings_are_repeated_in_all_splits(tmp_path, count, sizes, caplog):
    paths = [tmp_path / f"{i}.svg" for i in range(count)]
    for i, path in enumerate(paths):
        path.write_text(svg(i))
    summary = build(paths, tmp_path / "a.npz")
    assert summary.drawings == count and tuple(summary.kept.values()) == sizes
    assert load_dataset("a.npz", tmp_path).max_seq_len == 2
    assert ("too few drawings" in caplog.text) == (count < 3)


def test_splits_are_given_by_count_or_by_fraction(folder, tmp_path):
    assert build([folder], tmp_path / "a.npz", valid=3, test=0.25).kept == {
        "train": 12,
        "valid": 3,
        "test": 5,
    }
    with pytest.raises(UserError, match="leaves none to train on"):
        build([folder], tmp_path / "b.npz", valid=10, test=10)
    for share in (-1, 1.5):
        with pytest.raises(UserError, match="valid: expected a share of the drawings"):
            build([folder], tmp_path / "b.npz", valid=share)


def test_copies_can_be_dropped(folder, tmp_path):
    (folder / "notes.txt").unlink()
    (folder / "copy.svg").write_text(svg(3))
    assert sum(build([folder], tmp_path / "all.npz").kept.values()) == 21
    summary = build([folder], tmp_path / "a.npz", drop_copies=True, strict=True, processes=2)
    assert sum(summary.kept.values()) == 20
    assert dict(summary.dropped) == {"a copy of a drawing before it": 1}
    assert len({str(sketch) for sketch in pooled(tmp_path / "a.npz")}) == 20


@unix_only
def test_a_pipe_in_a_folder_does_not_block(folder, tmp_path):
    os.mkfifo(folder / "pipe.svg")
    assert sum(build([folder], tmp_path / "a.npz").kept.values()) == 20


def test_zip_bombs_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.svg", b" " * (64 << 20))
        archive.writestr("good.svg", svg())
    summary = build([tmp_path / "a.zip"], tmp_path / "o.npz")
    assert dict(summary.dropped) == {"larger than the limit of 8 MB": 1}


def test_converted_lines_lie_on_the_pixels_drawn_by_another_renderer(tmp_path):
    """Compare pixels drawn from the source by an SVG renderer with the lines of the sketch."""
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
    """Return the distance from each shape to the nearest of the others."""
    return shapely.STRtree(others).query_nearest(shapes, return_distance=True, all_matches=False)[1]


def test_converting_does_not_import_tensorflow():
    program = "import sys, sketch_rnn.convert.build; print('tensorflow' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program]).strip() == b"False"
