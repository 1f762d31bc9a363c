"""Tests of a model's inputs: kinds of file, the choice of drawings, and their size."""

import gzip
import json
import struct
import zipfile

import numpy as np
import pytest

from sketch_rnn.convert.inputs import Choice, Size, read_inputs
from sketch_rnn.data.layout import Layout
from sketch_rnn.errors import UserError

POINTS = 40  # of a drawing that is simplified
BODY = '<path fill="none" stroke="black" d="M20 70L{0} 10L100 60M30 30l9 9"/>'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" {1}>' + BODY + "</svg>"


def rows(i=0):
    return np.array([(40 + i, 10, 0), (-30, 25, 1), (7, -60, 0), (20, 5, 1)], np.int16)


def read(path, choice=None, **size):
    return read_inputs([str(path)], ("set.npz",), POINTS, choice, Size(**size))


def longer_side(sketch):
    return np.ptp(np.cumsum([(0, 0, 0), *sketch], axis=0)[:, :2], axis=0).max()


def quickdraw(i):
    return [[[0, 100 + i, 255], [0, 50, 20]], [[10, 30], [40, 255]]]


def ndjson(count):
    return "".join(json.dumps({"drawing": quickdraw(i)}) + "\n" for i in range(count)).encode()


def binary(count):
    data = b""
    for i in range(count):
        data += struct.pack("<Q2sBIH", i, b"DE", 1, 0, 2)
        for x, y in quickdraw(i):
            data += struct.pack(f"<H{len(x)}B{len(y)}B", len(x), *x, *y)
    return data


@pytest.fixture
def files(tmp_path):
    """Write five drawings in each kind of file."""
    folder = tmp_path / "svgs"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(5):
            (folder / f"{i}.svg").write_text(SVG.format(40 + i, ""))
            archive.writestr(f"{i}.svg", SVG.format(40 + i, ""))
    (tmp_path / "a.ndjson").write_bytes(ndjson(5))
    (tmp_path / "a.bin").write_bytes(binary(5))
    (tmp_path / "a.bin.gz").write_bytes(gzip.compress(binary(5)))
    sketches = [rows(i).tolist() for i in range(5)]
    (tmp_path / "a.json").write_text(json.dumps({"sketches": sketches}))
    np.savez(tmp_path / "rawdata.npz", rawdata=np.stack([rows(i) for i in range(5)]))
    return tmp_path


KINDS = ["svgs", "a.zip", "a.ndjson", "a.bin", "a.bin.gz", "a.json", "rawdata.npz"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_an_input(files, kind):
    found = read(files / kind)
    assert len(found) == 5 and {sketch.dtype for sketch in found} == {np.dtype(np.float32)}
    assert len({sketch.tobytes() for sketch in found}) == 5
    (last, first) = read(files / kind, Choice(indices=[4, 0]))
    np.testing.assert_array_equal(last, found[4])
    np.testing.assert_array_equal(first, found[0])
    some = read(files / kind, Choice(most=2, seed=3))
    assert len(some) == 2 and {s.tobytes() for s in some} < {s.tobytes() for s in found}
    with pytest.raises(UserError, match=r"index: expected 0 to 4, as .* holds 5 drawings"):
        read(files / kind, Choice(indices=[5]))


def test_the_same_drawings_in_other_kinds_of_file_give_the_same_input(files):
    np.testing.assert_array_equal(read(files / "svgs"), read(files / "a.zip"))
    np.testing.assert_array_equal(read(files / "a.ndjson"), read(files / "a.bin"))
    np.testing.assert_array_equal(read(files / "a.json"), read(files / "rawdata.npz"))
    np.testing.assert_array_equal(read(files / "a.json")[3], rows(3))


def test_a_folder_with_the_data_set_is_read_by_split(tmp_path):
    np.savez(tmp_path / "set.npz", train=[rows(0)], valid=[rows(1)], test=[rows(2), rows(3)])
    (tmp_path / "a.svg").write_text(SVG.format(40, ""))
    np.testing.assert_array_equal(read(tmp_path), [rows(2), rows(3)])
    np.testing.assert_array_equal(read(tmp_path, Choice("valid")), [rows(1)])
    np.testing.assert_array_equal(read(tmp_path / "set.npz", Choice("train")), [rows(0)])


def test_a_missing_split_in_an_input_is_an_error(tmp_path):
    np.savez(tmp_path / "a.npz", train=[rows(0)], valid=[rows(1)])
    np.testing.assert_array_equal(read(tmp_path / "a.npz", Choice("valid")), [rows(1)])
    with pytest.raises(UserError, match=r"a\.npz: has no split test; it holds train, valid"):
        read(tmp_path / "a.npz")


def test_a_first_row_with_a_position_is_left_out_except_in_the_data_of_the_model(tmp_path, caplog):
    """The test split alone is too small to recognize positions, but the whole file is not."""
    placed = [np.insert(rows(i), 0, (300, 200, 0), axis=0) for i in range(14)]
    for name in ("other.npz", "set.npz"):
        np.savez(tmp_path / name, train=placed[:12], valid=placed[12:13], test=placed[13:])
    np.testing.assert_array_equal(read(tmp_path / "other.npz"), [rows(13)])
    assert "looks like a position" in caplog.text
    np.testing.assert_array_equal(read(tmp_path / "set.npz"), [placed[13]])
    np.testing.assert_array_equal(read(tmp_path), [placed[13]])


def test_the_layout_given_by_the_user_is_used(tmp_path):
    path, rows = tmp_path / "a.npz", np.array([(5, 5, 1), (25, 5, 0), (25, 45, 1), (60, 9, 0)])
    np.savez(path, train=rows[None], valid=rows[None], test=rows[None])
    said = Layout(coordinates="absolute", pen="down")
    (found,) = read_inputs([str(path)], ("a.npz",), POINTS, layout=said)
    assert found.tolist() == [[20, 0, 1], [0, 40, 0], [35, -36, 1]]
    (found,) = read_inputs([str(path)], ("a.npz",), POINTS)
    assert found.tolist() == rows.tolist()


def test_unusable_drawings_are_left_out_unless_they_are_asked_for(tmp_path, caplog):
    path = tmp_path / "a.ndjson"
    path.write_bytes(ndjson(2) + b"oops\n")
    assert len(read(path)) == 2
    assert f"left out 1 drawings that cannot be used (first: {path}:3" in caplog.text
    with pytest.raises(UserError, match=r"a\.ndjson:3: not valid JSON"):
        read(path, Choice(indices=[2]))
    path.write_bytes(b"oops\n")
    with pytest.raises(UserError, match=r"a\.ndjson:1: not valid JSON"):
        read(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.svg", r"none\.svg: there is no such file or folder"),
        ("none.npz", r"none\.npz: there is no such file"),
        ("none.json", r"none\.json: there is no such file"),
        ("a.png", r"a\.png: damaged, or not a readable picture"),
        ("a.jpeg", r"a\.jpeg: damaged, or not a readable picture"),
        ("a.txt", r"a\.txt: expected a name that ends in \.svg"),
        ("empty", "no drawings in this folder"),
    ],
)
def test_an_unreadable_input_gives_a_one_line_error(tmp_path, name, message):
    for existing in ("a.png", "a.jpeg", "a.txt"):
        (tmp_path / existing).write_bytes(b"\x89PNG")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value)


# How large they become


@pytest.mark.parametrize("kind", ["svgs", "a.zip", "a.ndjson", "a.bin"])
def test_drawings_are_scaled_to_the_full_size_or_a_fraction_of_it(files, kind):
    assert {longer_side(sketch) for sketch in read(files / kind)} == {255}
    assert {longer_side(sketch) for sketch in read(files / kind, share=0.2)} == {51}


@pytest.mark.parametrize("kind", ["a.json", "rawdata.npz"])
def test_sketches_from_data_sets_are_not_scaled_unless_a_fraction_is_asked_for(files, kind):
    np.testing.assert_array_equal(read(files / kind)[2], rows(2))
    assert {longer_side(sketch) for sketch in read(files / kind, share=0.2)} == {51}


@pytest.mark.parametrize(
    ("page", "side"),
    [
        ('viewBox="0 0 200 400"', 80 * 255 / 400),
        ('viewBox="-50 0 160 160" width="800"', 80 * 255 / 160),
        ('width="400" height="90mm"', 80 * 255 / 400),
        ('viewBox="20 0 80 80" width="5in" height="5in"', 255),
    ],
)
def test_the_page_is_scaled_to_the_full_size(tmp_path, page, side):
    """The drawing is 80 units wide and 60 high."""
    (tmp_path / "a.svg").write_text(SVG.format(40, page))
    (sketch,) = read(tmp_path / "a.svg", page=True)
    assert longer_side(sketch) == pytest.approx(side, abs=1)


def test_pieces_of_a_line_are_joined_when_the_page_is_used(tmp_path):
    form = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 90" stroke="red">'
    pieces = '<path d="M10 30L30 10"/><path d="M30 10L50 40"/>'
    (tmp_path / "a.svg").write_text(f"{form}{pieces}</svg>")
    (sketch,) = read(tmp_path / "a.svg", page=True)
    assert sketch[:, 2].sum() == 1 and len(sketch) == 2


def test_a_part_of_a_drawing_on_a_page_is_as_large_as_in_the_whole_drawing(tmp_path):
    """An ear has the same size on its page whether it is drawn alone or with the head."""
    form = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 90" fill="none" stroke="red">'
    ear = '<path d="M10 30l10-20 10 15"/>'
    (tmp_path / "ear.svg").write_text(f"{form}{ear}</svg>")
    (tmp_path / "head.svg").write_text(f'{form}{ear}<circle cx="40" cy="50" r="30"/></svg>')
    (part,), (whole,) = (read(tmp_path / f"{name}.svg", page=True) for name in ("ear", "head"))
    np.testing.assert_array_equal(part, whole[: len(part)])
    assert longer_side(read(tmp_path / "ear.svg")[0]) == 255 > 4 * longer_side(part)


def test_only_an_svg_has_a_page(files):
    with pytest.raises(UserError, match="is not an SVG file and has no page"):
        read(files / "a.ndjson", page=True)
    (files / "a.svg").write_text(SVG.format(40, ""))
    with pytest.raises(UserError, match=r"a\.svg: does not give the size of its page"):
        read(files / "a.svg", page=True)


@pytest.mark.parametrize("dtype", [np.int32, float])
def test_sketches_with_many_offsets_above_1000_are_scaled_instead_of_clipped(
    tmp_path, dtype, caplog
):
    large = rows().astype(dtype) * np.array((300, 300, 1), dtype)
    np.savez(tmp_path / "a.npz", train=[large] * 3)
    (found,) = read(tmp_path / "a.npz", Choice("train", [1]))
    assert longer_side(found) == 255
    np.testing.assert_allclose(found[:, :2] * longer_side(rows()) / 255, rows()[:, :2], atol=1)
    assert "3 of 3 drawings have offsets above 1000; so all drawings are scaled down" in caplog.text


def test_a_few_large_offsets_are_clipped_and_reported(tmp_path, caplog):
    sketches = np.stack([rows()] * 200).astype(np.int32)
    sketches[7, 1, 0] = -5000
    np.savez(tmp_path / "a.npz", train=sketches)
    found = read(tmp_path / "a.npz", Choice("train", [6, 7]))
    np.testing.assert_array_equal(found[0], rows())
    assert found[1][1, 0] == -1000
    message = "1 drawings have offsets above 1000; these offsets are reduced to 1000"
    assert message in caplog.text
