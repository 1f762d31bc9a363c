import codecs
import contextlib
import copyreg
import io
import os
import pickle
import pickletools
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import long_where, public, read_npz

from sketch_rnn.data import npz
from sketch_rnn.data.split import to_stroke5
from sketch_rnn.errors import UserError

SKETCHES = [
    np.array([[1, -2, 0], [3, 4, 1]], np.int16),
    np.array([[5, 6, 1]], np.int16),
    np.array([[7, 8, 0], [9, 10, 0], [11, 12, 1]], np.int16),
]


def objects(arrays):
    result = np.empty(len(arrays), object)
    result[:] = arrays
    return result


def npy(value):
    """Return the bytes that `np.save` writes."""
    file = io.BytesIO()
    np.save(file, value)
    return file.getvalue()


def object_npy(pickled, count=3):
    """Return a `.npy` object array of length `count` with the given pickle."""
    file = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + pickled


def write(path, train, compression=zipfile.ZIP_DEFLATED):
    """Write an `.npz` file with the given bytes for each member."""
    members = {"train": train, "valid": npy(objects(SKETCHES)), "test": npy(objects(SKETCHES))}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def train_of(tmp_path, train):
    return read_npz(write(tmp_path / "a.npz", train))["train"]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def refusal(path):
    """Return the one-line error for a file."""
    with pytest.raises(UserError) as error:
        read_npz(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    return str(error.value)


# What is read


@pytest.mark.parametrize("name", ["aaron_sheep", "short_kanji"])
def test_public_data_sets_equal_what_numpy_reads(name):
    path = public(f"data/{name}.npz")
    with np.load(path, allow_pickle=True, encoding="latin1") as expected:
        found = read_npz(path)
        for split in npz.SPLITS:
            assert_same(found[split], expected[split])


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "i1", "<i4", "<i8", "<f2", "<f4", ">f8"])
def test_every_pickle_protocol_and_number_type_is_read(tmp_path, protocol, dtype):
    arrays = [sketch.astype(dtype) for sketch in SKETCHES]
    arrays[2] = np.asfortranarray(arrays[2])
    found = train_of(tmp_path, object_npy(pickle.dumps(objects(arrays), protocol)))
    assert_same(found, SKETCHES)
    assert {a.dtype for a in found} == {np.dtype("f4" if "f" in dtype else "i2")}


def test_module_names_of_numpy_1_and_2_are_read(tmp_path):
    pickled = pickle.dumps(objects(SKETCHES), 2).replace(b"cnumpy._core.", b"cnumpy.core.")
    assert b"cnumpy.core.multiarray" in pickled
    assert_same(train_of(tmp_path, object_npy(pickled)), SKETCHES)
    pickled = pickled.replace(b"cnumpy.core.", b"cnumpy._core.")
    assert_same(train_of(tmp_path, object_npy(pickled)), SKETCHES)


def test_an_array_that_occurs_twice_is_read(tmp_path):
    arrays = [SKETCHES[0], SKETCHES[1], SKETCHES[0]]
    assert_same(train_of(tmp_path, npy(objects(arrays))), arrays)


def test_a_plain_array_of_sketches_of_equal_length_is_read(tmp_path):
    array = np.stack([SKETCHES[2]] * 4).astype(np.float32)
    assert_same(train_of(tmp_path, npy(array)), array)
    assert_same(train_of(tmp_path, npy(np.asfortranarray(array))), array)


def test_a_plain_array_of_points_with_lengths_is_read(tmp_path):
    path = tmp_path / "a.npz"
    splits = {name: np.concatenate(SKETCHES) for name in npz.SPLITS}
    np.savez(path, **splits, **{f"{name}_lengths": [2, 1, 3] for name in npz.SPLITS})
    assert_same(read_npz(path)["valid"], SKETCHES)


@pytest.mark.parametrize("dtype", ["u1", "<i2", "<u8"])
def test_lengths_whose_sum_overflows_their_type_are_added_correctly(tmp_path, dtype):
    path = tmp_path / "a.npz"
    splits = {name: np.ones((400, 3), np.int16) for name in npz.SPLITS}
    lengths = np.array([200, 200], dtype)
    np.savez(path, **splits, **{f"{name}_lengths": lengths for name in npz.SPLITS})
    assert [len(sketch) for sketch in read_npz(path)["valid"]] == [200, 200]


def test_lengths_whose_sum_fits_only_after_overflow_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    splits = {name: np.ones((100, 3), np.int16) for name in npz.SPLITS}
    np.savez(path, **splits, train_lengths=np.array([100, 100, 100, 56], np.int8))
    assert "which does not match the lengths of the sketches" in refusal(path)


@pytest.mark.parametrize("lengths", [[2, 1], [2, 1, 4], [7, -1], [[2, 1, 3]], [2.0, 1.0, 3.0]])
def test_lengths_that_do_not_fit_are_refused(tmp_path, lengths):
    path = tmp_path / "a.npz"
    splits = {name: np.concatenate(SKETCHES) for name in npz.SPLITS}
    np.savez(path, **splits, train_lengths=lengths)
    assert "train" in refusal(path)


@pytest.mark.parametrize("start", [0, 1])
def test_stroke5_rows_are_read_with_and_without_a_start_token(tmp_path, start):
    padded = to_stroke5(SKETCHES, 6)[:, 1 - start :]
    assert_same(train_of(tmp_path, npy(padded)), SKETCHES)
    assert_same(train_of(tmp_path, npy(objects(list(padded)))), SKETCHES)


def test_other_members_are_not_read(tmp_path):
    path = write(tmp_path / "a.npz", npy(objects(SKETCHES)))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("std.npy", b"whatever")
    assert_same(read_npz(path)["train"], SKETCHES)


# Other layouts, to build a data set of


def built_from(tmp_path, **members):
    """Return the drawings that `read_drawings` finds, and those it leaves out."""
    np.savez(tmp_path / "a.npz", **members)
    return npz.read_drawings(tmp_path / "a.npz")


def list_pickle(value, protocol, count=3):
    return object_npy(pickle.dumps(objects_of(value, count), protocol), count)


def objects_of(value, count):
    array = np.empty(count, object)
    for i, item in enumerate(value):
        array[i] = item
    return array


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "form",
    [
        np.ndarray.tolist,
        lambda s: s.astype(float).tolist(),
        lambda s: [(int(x), float(y), bool(pen)) for x, y, pen in s],
        lambda s: tuple(map(tuple, s.tolist())),
        list,
        lambda s: [[np.float32(v) for v in row] for row in s],
    ],
    ids=["lists", "floats", "tuples and bools", "tuples", "arrays", "numbers of NumPy"],
)
def test_python_lists_are_read_in_every_pickle_protocol(tmp_path, protocol, form):
    member = list_pickle([form(sketch) for sketch in SKETCHES], protocol)
    found, others = npz.read_drawings(write(tmp_path / "a.npz", member))
    assert_same(found["train"], SKETCHES)
    assert_same(found["test"], SKETCHES)
    assert not others


def test_a_list_that_occurs_many_times_is_read(tmp_path):
    """The list also occurs a thousand items later, when earlier lists are no longer kept."""
    lists = [sketch.tolist() for sketch in SKETCHES] * 800
    member = list_pickle(lists, 4, len(lists))
    found, _ = npz.read_drawings(write(tmp_path / "a.npz", member))
    assert_same(found["train"], SKETCHES * 800)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", [int, float])
@pytest.mark.parametrize("count", [1, 700])
def test_an_object_array_of_numbers_is_read(tmp_path, protocol, dtype, count):
    array = np.stack([SKETCHES[2]] * count).astype(dtype).astype(object)
    array[-1, 0, 0] = dtype(77)
    file = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(file, header)
    member = file.getvalue() + pickle.dumps(array, protocol)
    found, _ = npz.read_drawings(write(tmp_path / "a.npz", member))
    assert_same(found["train"], array.astype(dtype))
    assert {sketch.dtype for sketch in found["train"]} == {np.dtype(dtype)}


def test_lists_are_freed_once_they_are_read(tmp_path):
    rows = [[100 + i, 300 - i, i % 2] for i in range(10)]
    lists = [[[x + n, y, pen] for x, y, pen in rows] for n in range(3000)]
    path = write(tmp_path / "a.npz", list_pickle(lists, 4, 3000))
    del lists
    tracemalloc.start()
    npz.read_drawings(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 6e6  # it would be 9e6 if all lists were kept until the end


@pytest.mark.parametrize(
    "members",
    [
        {"train": objects(SKETCHES)},
        {"train": objects(SKETCHES[:2]), "valid": objects(SKETCHES[2:])},
        {"rawdata": objects(SKETCHES)},
        {f"arr_{i}": sketch for i, sketch in enumerate(SKETCHES)},
        {"all": np.concatenate(SKETCHES), "all_lengths": [2, 1, 3]},
    ],
    ids=lambda members: ", ".join(members),
)
def test_every_member_with_sketches_is_read(tmp_path, members):
    found, others = built_from(tmp_path, **members)
    assert_same([sketch for sketches in found.values() for sketch in sketches], SKETCHES)
    assert not others


def test_offsets_are_read_exactly(tmp_path):
    sketch = np.array([[4321.125, -70000, 0], [0.5, 1, 1]])
    found, _ = built_from(tmp_path, train=objects([sketch]))
    assert_same(found["train"], [sketch])


def test_members_without_sketches_are_left_out_with_a_reason(tmp_path):
    found, others = built_from(
        tmp_path, drawings=objects(SKETCHES), std=np.float32(3), names=np.array(["cat", "dog"])
    )
    assert list(found) == ["drawings"] and list(others) == ["std", "names"]
    assert "shape []" in others["std"] and "values of type '<U3'" in others["names"]


def test_a_file_without_any_sketches_is_refused_with_what_it_holds(tmp_path):
    with pytest.raises(UserError, match=r"expected drawings, found none \(mean is an array of sha"):
        built_from(tmp_path, mean=np.zeros((3, 2, 2, 1)))
    with pytest.raises(UserError, match="found none"):
        built_from(tmp_path)


@pytest.mark.parametrize(
    "members",
    [
        {"train": objects(SKETCHES)},
        {"rawdata": objects(SKETCHES)},
        {name: objects_of([s.tolist() for s in SKETCHES], 3) for name in npz.SPLITS},
        {name: np.stack([SKETCHES[0]] * 3).astype(object) for name in npz.SPLITS},
    ],
    ids=["train only", "another name", "lists", "objects"],
)
def test_another_layout_has_to_be_built_before_training(tmp_path, members):
    np.savez(tmp_path / "a.npz", **members)
    assert "turn it into a data set first, with sketch_rnn_dataset build" in refusal(
        tmp_path / "a.npz"
    )


@pytest.mark.parametrize(
    "wrong, reason",
    [
        ([[1, 2, 0], [3, 4]], "a list of rows of 2 to 3 numbers"),
        ([[1, 2, 0], 3], "a list that does not hold rows"),
        ([[1, "2", 0]], "something other than numbers"),
        ([[[1], [2], [3]]], "something other than numbers"),
        ([[None, 2, 0]], "something other than numbers"),
        ([[10**40, 2, 0]], "a number that is too large"),
        ([[10**400, 0.5, 0]], "a number that is too large"),
        ({"a": 1}, "pickle opcode"),
        ("text", "objects that are not arrays"),
    ],
    ids=repr,
)
def test_lists_that_hold_no_sketches_are_refused(tmp_path, wrong, reason):
    lists = [SKETCHES[0].tolist(), SKETCHES[1].tolist(), wrong]
    path = write(tmp_path / "a.npz", list_pickle(lists, 4))
    with pytest.raises(UserError, match=reason) as error:
        npz.read_drawings(path)
    assert "in train" in str(error.value)


# Invalid drawings


def test_empty_and_broken_sketches_are_left_out_and_counted(tmp_path, caplog):
    arrays = [
        SKETCHES[0],
        np.zeros((0, 3)),
        np.array([[1, np.nan, 0], [1, 1, 1]]),
        np.array([[np.inf, 1, 0]]),
        SKETCHES[1],
        np.array([]),
    ]
    assert_same(train_of(tmp_path, npy(objects(arrays))), SKETCHES[:2])
    (line,) = caplog.messages
    assert "split train: left out 4 of 6 sketches (2 empty, 2 with NaN" in line
    assert "the first is sketch 1" in line


@pytest.mark.parametrize(
    "wrong, reason",
    [
        (np.zeros((4, 4), int), r"shape \[4, 4\]"),
        (np.zeros(3), r"shape \[3\]"),
        (np.zeros((2, 2, 3)), r"shape \[2, 2, 3\]"),
        (np.array([[1, 2, 3]]), "expected 0 or 1 in column 3"),
        (np.array([[1, 2, np.nan]]), "expected 0 or 1 in column 3"),
        (np.array([[1, 2, -1]]), "expected 0 or 1 in column 3"),
        (np.array([[1, 2, 1, 1, 0]]), "a single 1 in columns 3 to 5"),
        (np.array([[1, 2, 0, np.nan, 0]]), "a single 1 in columns 3 to 5"),
    ],
)
def test_a_wrong_sketch_is_named(tmp_path, wrong, reason):
    path = write(tmp_path / "a.npz", npy(objects([SKETCHES[0], SKETCHES[1], wrong])))
    line = refusal(path)
    assert "split train, sketch 2:" in line
    with pytest.raises(UserError, match=reason):
        read_npz(path)


@pytest.mark.parametrize(
    "wrong",
    [None, 3, 2.5, "text", [[1, 2, 0]], (1, 2, 0), {"a": 1}, np.float32(1), np.array(["x"]),
     np.array([[1, 2j, 0]]), np.array([[True, False, True]]), np.zeros(2, "i4,f4"),
     np.array([["a"]], object), np.array([[1, 2, 0]], "M8[s]"), objects(SKETCHES)],
    ids=repr,
)  # fmt: skip
def test_objects_that_are_not_arrays_of_numbers_are_refused(tmp_path, wrong):
    arrays = np.empty(3, object)
    arrays[0], arrays[1], arrays[2] = SKETCHES[0], SKETCHES[1], wrong
    line = refusal(write(tmp_path / "a.npz", npy(arrays)))
    assert "split train" in line


def test_sketches_of_equal_length_in_an_object_array_are_refused(tmp_path):
    array = np.array([[[1, 2, 0]], [[3, 4, 1]]], object)
    assert "object array of shape [2, 1, 3]" in refusal(write(tmp_path / "a.npz", npy(array)))


@pytest.mark.parametrize("split", npz.SPLITS)
def test_a_missing_split_is_named(tmp_path, split):
    path = tmp_path / "a.npz"
    np.savez(path, **{name: objects(SKETCHES) for name in npz.SPLITS if name != split})
    assert "expected the splits train, valid, test, found " in refusal(path)


def test_files_that_are_not_npz_are_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.npz")
    assert "not a file" in refusal(tmp_path)
    for content in (b"", b"<html>404</html>", b"PK", npy(SKETCHES[0])):
        (tmp_path / "a.npz").write_bytes(content)
        assert "cannot be read as an .npz file" in refusal(tmp_path / "a.npz")


# Untrusted files


class Calls:
    """An object whose pickle calls any function."""

    def __init__(self, function, *args):
        self.reduced = function, args

    def __reduce__(self):
        return self.reduced


def hostile_pickles(mark):
    """Return, by name, pickles that would write or read the file `mark`."""
    mark = str(mark)
    run = f"touch {mark}"
    calls = {
        "os.system": Calls(os.system, run),
        "subprocess": Calls(subprocess.call, ["touch", mark]),
        "eval": Calls(eval, f"open({mark!r}, 'w')"),
        "exec": Calls(exec, f"open({mark!r}, 'w')"),
        "open": Calls(open, mark, "w"),
        "getattr": Calls(getattr, "x", "upper"),
        "import": Calls(__import__, "antigravity"),
        "numpy.load": Calls(np.load, mark),
        "numpy.save": Calls(np.save, mark, [1]),
        "numpy.fromfile": Calls(np.fromfile, "/etc/passwd", "u1"),
        "numpy.memmap": Calls(np.memmap, mark, "u1", "w+", 0, (9,)),
        "numpy.savetxt": Calls(np.savetxt, mark, [1]),
        "numpy.frombuffer": Calls(np.frombuffer, b"abc", "u1"),
        "numpy.dtype of objects": Calls(np.dtype, "O,i4"),
        "numpy.zeros": Calls(np.zeros, 10**12),
        "copyreg": Calls(copyreg._reconstructor, os._wrap_close, object, None),
        "codecs": Calls(codecs.encode, "x", "zlib"),
        "bytearray": Calls(bytearray, 10**11),
        "range list": Calls(list, range(10**10)),
    }
    for name, call in calls.items():
        yield name, pickle.dumps(objects([SKETCHES[0], SKETCHES[1], call]), 4)
        yield f"{name} bare", pickle.dumps(call, 2)
    nested = objects([SKETCHES[0], SKETCHES[1], objects([Calls(os.system, run)])])
    yield "nested", pickle.dumps(nested, 4)
    safe = pickle.dumps(objects(SKETCHES), 2)
    inst = b"(S'" + run.encode() + b"'\nios\nsystem\n."
    yield "INST", inst
    yield "OBJ", b"(cos\nsystem\nS'" + run.encode() + b"'\no."
    yield "NEWOBJ", b"cos\nsystem\n(S'" + run.encode() + b"'\nt\x81."
    yield "EXT1", b"\x82\x01."
    yield "EXT4", b"\x84\x01\x00\x00\x00."
    yield "persistent id", b"Pid\n."
    yield "binary persistent id", b"K\x01Q."
    yield "BUILD of a name", b"cnumpy\nndarray\n}S'x'\nK\x01sb."
    yield "BUILD by setitem", b"cnumpy\nndarray\n(dS'__setstate__'\ncos\nsystem\nsb."
    yield "dotted name", b"\x80\x04\x8c\x05numpy\x8c\x0flib.npyio.load\x93\x8c\x01x\x85R."
    yield "call of ndarray", b"cnumpy\nndarray\n(I1000000000000\ntR."
    yield "next buffer", b"\x80\x05\x97."
    yield "memo index", b"N" + b"r\xff\xff\xff\xff" + b"."
    yield "memo of text", b"Np" + b"9" * 100_000 + b"\n."
    yield "huge bytes", b"B\xff\xff\xff\xff" + safe
    yield "huge bytes8", b"\x8e" + b"\xff" * 7 + b"\x7f" + safe
    yield "huge bytearray8", b"\x96" + struct.pack("<Q", 10**12) + safe
    yield "huge frame", b"\x80\x04\x95" + b"\xff" * 8 + b"."
    yield "lists", b"]" * 5_000_000 + b"."
    yield "tuples", b")" * 5_000_000 + b"."
    yield "marks", b"(" * 5_000_000 + b"."
    yield "sets", b"\x8f" * 5_000_000 + b"."
    yield "nested tuples", b"N" + b"\x85" * 5_000_000 + b"."
    yield "negative string", b"T\xff\xff\xff\xff."
    yield "pop of nothing", b"0."
    yield "tuple of nothing", b"\x85."
    yield "mark of nothing", b"t."
    yield "itself", b"](h\x00q\x00" + b"e."
    yield "empty", b""
    yield "stop", b"."
    yield "cut", safe[:-20]


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "executed"


@pytest.mark.parametrize("name", [name for name, _ in hostile_pickles(Path("x"))])
@long_where(lambda name: name in ("lists", "nested tuples"))
def test_a_hostile_pickle_is_refused_and_not_run(tmp_path, mark, name):
    pickled = dict(hostile_pickles(mark))[name]
    line = refusal(write(tmp_path / "a.npz", object_npy(pickled), zipfile.ZIP_STORED))
    assert "split train" in line
    with pytest.raises(UserError):
        npz.read_drawings(tmp_path / "a.npz")
    assert not mark.exists()


def array_pickle(shape):
    """Return the pickle of an array with a false shape."""
    pickled = pickle.dumps(objects([np.zeros((77, 3), "<i2")]), 2)
    return pickled.replace(b"KMK\x03\x86", pickle.dumps(shape, 2)[2:-1].replace(b"q\x00", b""))


@pytest.mark.parametrize("shape", [(10**12, 3), (0, 3), (-77, -3), (77, 3, 10**9), (2**62, 2**62)])
def test_an_array_with_a_false_shape_is_refused(tmp_path, shape):
    pickled = array_pickle(shape)
    assert pickled != pickle.dumps(objects([np.zeros((77, 3), "<i2")]), 2)
    assert "array of" in refusal(write(tmp_path / "a.npz", object_npy(pickled, 1)))


@pytest.mark.parametrize("count", [0, 2, 4, 10**12])
def test_a_header_with_a_false_number_of_arrays_is_refused(tmp_path, count):
    pickled = pickle.dumps(objects(SKETCHES), 4)
    assert "where the header says" in refusal(write(tmp_path / "a.npz", object_npy(pickled, count)))


def with_header(text, data=b"", version=b"\x01\x00"):
    header = text.encode() + b"\n"
    form = "<H" if version == b"\x01\x00" else "<I"
    return b"\x93NUMPY" + version + struct.pack(form, len(header)) + header + data


HEADER = "{{'descr': {}, 'fortran_order': False, 'shape': {}, }}"


@pytest.mark.parametrize(
    "member",
    [
        with_header(HEADER.format("'<i2'", "(1000000000000, 3, 3)")),
        with_header(HEADER.format("'<i2'", "(4, 5, 3)"), bytes(100)),
        with_header(HEADER.format("'<i2'", "(99999999999999999, 99999999999999999, 3)")),
        with_header(HEADER.format("[('a', '<i2')]", "(4,)"), bytes(8)),
        with_header(HEADER.format("'|V8'", "(4,)"), bytes(32)),
        with_header(HEADER.format("'|S8'", "(4,)"), bytes(32)),
        with_header(HEADER.format("'<i2'", "(-4, 3)"), bytes(32)),
        with_header(HEADER.format("'<i2'", "(4, 3)"), bytes(24)),
        with_header(HEADER.format("'|O'", "()")),
        with_header("__import__('os').system('true')"),
        with_header("(" * 9000),
        with_header("-" * 9000 + "1"),
        with_header("{" + " " * 20_000 + "}"),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
        b"\x93NUMPY\x09\x00\x01\x00{",
        b"\x93NUMPY\x01",
        b"",
        b"text",
    ],
    ids=range(18),
)
def test_a_member_with_a_wrong_header_is_refused(tmp_path, member):
    assert "split train" in refusal(write(tmp_path / "a.npz", member))


@pytest.mark.parametrize(
    "name",
    ["../train.npy", "/etc/train.npy", "a/../../train.npy", "..\\t.npy", "C:\\t.npy", "."],
)
def test_a_member_name_outside_the_folder_is_refused(tmp_path, name):
    path = write(tmp_path / "a.npz", npy(objects(SKETCHES)))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    assert "unsafe name" in refusal(path)


def test_member_names_cannot_send_terminal_control_codes(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a\n\x1b[2J.npy", b"x")
    assert "found a  [2J.npy;" in refusal(tmp_path / "a.npz")


def test_a_member_packed_in_an_unusual_way_is_refused(tmp_path):
    path = write(tmp_path / "a.npz", npy(objects(SKETCHES)), zipfile.ZIP_LZMA)
    assert "compressed by a method that NumPy never uses" in refusal(path)


def test_bytes_after_the_array_are_refused(tmp_path):
    pickled = pickle.dumps(objects(SKETCHES), 4)
    for train in (object_npy(pickled + b"x"), npy(np.stack([SKETCHES[0]] * 3)) + b"x"):
        assert "more data after the end of its array" in refusal(write(tmp_path / "a.npz", train))


def test_a_wrong_checksum_is_noticed(tmp_path):
    path = write(tmp_path / "a.npz", npy(objects(SKETCHES)), zipfile.ZIP_STORED)
    content = path.read_bytes()
    place = content.index(SKETCHES[0].tobytes())
    path.write_bytes(content[:place] + b"\x02" + content[place + 1 :])
    assert "CRC" in refusal(path)


def test_a_file_truncated_at_any_point_is_refused(tmp_path):
    content = write(tmp_path / "a.npz", npy(objects(SKETCHES))).read_bytes()
    for size in range(0, len(content), 7):
        (tmp_path / "a.npz").write_bytes(content[:size])
        refusal(tmp_path / "a.npz")


def bomb(path, start, repeated, times):
    """Write an `.npz` whose train member has a short start and a long, highly compressed rest."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("train.npy", "w") as member,
    ):
        member.write(start)
        for _ in range(times):
            member.write(repeated)
    return path


def claim(path, size, content=b"\x93NUMPY", compressed=None):
    """Write an `.npz` whose train member claims false sizes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.npy", content)
        (member,) = archive.infolist()
        member.file_size, member.compress_size = size, compressed or member.compress_size
    return path


def named_again(array, times):
    """Return a pickle that contains an array once and refers to it many times."""
    pickled = pickle.dumps(objects([array, array]), 2)
    *_, again, appends, _, _, _, _ = [place for _, _, place in pickletools.genops(pickled)]
    names = pickled[again:appends] * (times - 1)
    count = b"\x85".join([b"K\x02", b""]), b"\x85".join([b"M" + struct.pack("<H", times), b""])
    return (pickled[:again] + names + pickled[appends:]).replace(*count)


def huge_bytes_late(arrays):
    """Return a pickle of arrays that hardly compress, followed by many bytes that do."""
    pickled = pickle.dumps(objects(arrays), 4)
    end = pickled.rindex(pickle.APPENDS)
    return pickled[:end] + b"B" + struct.pack("<I", 1 << 28) + bytes(1 << 28) + b"cos\nsystem\n."


def test_an_array_referenced_many_times_is_not_copied_each_time(tmp_path):
    array = np.zeros((1_000_000, 3), np.int16)
    pickled = named_again(array, 2)
    assert pickled == pickle.dumps(objects([array, array]), 2).replace(b"K\x02\x85", b"M\x02\0\x85")
    line = refusal(write(tmp_path / "a.npz", object_npy(named_again(array, 1000), 1000)))
    assert "its data is far too large for the size of the file, at sketch 1" in line


@pytest.mark.parametrize("odd", ["hello", None, 7], ids=str)
def test_the_error_names_the_sketch_that_is_not_an_array(tmp_path, odd):
    array = np.ones((2, 3), np.int16)
    line = refusal(write(tmp_path / "a.npz", npy(objects([*[array] * 1003, odd, *[array] * 9]))))
    assert line.endswith("at sketch 1003")


def test_arrays_outside_the_list_of_sketches_are_refused(tmp_path):
    one = pickle.dumps(SKETCHES[0], 3)[2:-1]  # without its protocol and its end
    assert "arrays outside the list of sketches" in refusal(
        write(tmp_path / "a.npz", object_npy(one * 20_000))
    )


@pytest.mark.parametrize("shape", ["(1000000000000, 0, 3)", "(1000000000000, 3, 0)"])
def test_a_huge_number_of_empty_sketches_is_refused(tmp_path, shape):
    member = with_header(HEADER.format("'<i2'", shape))
    assert "its data is far too large for the size of the file" in refusal(
        write(tmp_path / "a.npz", member)
    )


def bombs(folder):
    """Write files that would take gigabytes if their claims were trusted."""
    header = with_header(HEADER.format("'<i2'", "(100000000, 1, 3)"))
    yield bomb(folder / "zeros.npz", header, bytes(1_000_000), 600)
    yield bomb(folder / "lists.npz", object_npy(b""), b"]" * 1_000_000, 600)
    yield claim(folder / "claims.npz", 10**12)
    gigabyte = with_header(HEADER.format("'<i2'", "(200000000, 1, 3)"))
    yield claim(folder / "claims both.npz", 2 * 10**9, gigabyte, 2 * 10**9)
    small = with_header(HEADER.format("'<i2'", "(1000000000000, 1, 3)"))
    yield write(folder / "header.npz", small)
    none = with_header(HEADER.format("'<i2'", "(1000000000000, 0, 3)"))
    yield write(folder / "no rows.npz", none)
    pickled = named_again(np.zeros((1_000_000, 3), np.int16), 1000)
    yield write(folder / "named again.npz", object_npy(pickled, 1000))
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 2, (100_000, 3)).astype(np.int16) for _ in range(60)]
    yield write(folder / "huge bytes late.npz", object_npy(huge_bytes_late(noise), len(noise)))
    dots = [noise[0], *[np.array([[i % 999, 1, 1]], np.int16) for i in range(100_000)]]
    yield write(folder / "dots.npz", object_npy(pickle.dumps(objects(dots), 4), len(dots)))
    points = {name: np.ones((1, 3), np.int16) for name in npz.SPLITS}
    lengths = np.zeros(8_000_000, np.uint8)
    lengths[0] = 1
    np.savez_compressed(folder / "no lengths.npz", **points, train_lengths=lengths)
    yield folder / "no lengths.npz"
    for name, pickled in hostile_pickles(folder / "executed"):
        yield write(folder / f"{name}.npz", object_npy(pickled))
    with zipfile.ZipFile(folder / "members.npz", "w") as archive:
        for i in range(30_000):
            archive.writestr(f"{i}.npy", b"")
    yield folder / "members.npz"


ROW = b"](" + b"K\x01" * 100_000 + b"e"
LIST_BOMBS = {
    "a row named again": b"](](" + ROW + b"q\x07" + b"h\x07" * 90_000 + b"ee.",
    "lists in lists": b"](" + b"]" * 200_000 + b"a" * 199_999 + b"e.",
    "tuples in tuples": b"](N" + b"\x85" * 200_000 + b"e.",
    "a list in itself": b"](]q\x00h\x00ah\x00e.",
    "lists in no list": b"]" + b"](K\x01e0" * 50_000 + b".",
}


@pytest.mark.parametrize("name", LIST_BOMBS)
def test_lists_with_an_invalid_shape_are_refused(tmp_path, name):
    path = write(tmp_path / "a.npz", object_npy(LIST_BOMBS[name]))
    with pytest.raises(UserError, match="expected arrays of numbers, found"):
        npz.read_drawings(path)


MEASURE = """
import sys
from sketch_rnn import strokes
from sketch_rnn.data import npz
from sketch_rnn.errors import UserError
function, split, *paths = sys.argv[1:]
for path in paths:
    try:
        getattr(npz, function)(path, *filter(None, [split]))
        print("was read:", path)
    except UserError:
        pass
(peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak.split()[1]) // 1024)
assert "tensorflow" not in sys.modules
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.long
def test_refusing_takes_less_than_300_megabytes(tmp_path):
    assert peak("read_split", "train", list(bombs(tmp_path))) < 300
    assert not (tmp_path / "executed").exists()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_refusing_lists_takes_less_than_700_megabytes(tmp_path):
    endless = b"](](" + b"]" * 50_000_000
    path = write(tmp_path / "a.npz", object_npy(endless))
    assert peak("read_drawings", "", [path]) < 700


def peak(function, split, paths):
    """Return the megabytes that a process used for refusing all of these files."""
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, function, split, *paths],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


def test_mutated_files_are_read_or_refused(tmp_path):
    """A short version of the fuzzing changes bytes in the pickle, the header and the zip."""
    rng = random.Random(0)
    seeds = [object_npy(pickle.dumps(objects(SKETCHES), p)) for p in range(6)]
    seeds.append(npy(np.stack([SKETCHES[2]] * 3)))
    path = tmp_path / "a.npz"
    refused = 0
    for i in range(600):
        data = bytearray(rng.choice(seeds))
        if i % 3 == 0:
            data = bytearray(write(path, bytes(data)).read_bytes())
        for _ in range(rng.choice([1, 1, 2, 5])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if i % 3:
            write(path, bytes(data), zipfile.ZIP_STORED)
        else:
            path.write_bytes(data)
        try:
            read_npz(path)
        except UserError:
            refused += 1
        with contextlib.suppress(UserError):
            npz.read_drawings(path)
    assert 100 < refused < 600
