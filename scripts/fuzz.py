#!/usr/bin/env python3
"""Feed mutated inputs to the readers of untrusted files, and report what they do wrong.

  scripts/fuzz.py --target=npz,svg --count=20000 --seed=1

A reader may accept an input or refuse it with a one-line `UserError`. Everything else is a finding:
another exception, more than 5 seconds or 1 GB for one input, or a result that breaks the reader's
promise. Input i depends only on (seed, target, i), so --first=i --count=1 repeats a finding. The
exit status is 1 if there are findings. Needs Unix.
"""

import argparse
import base64
import contextlib
import gzip
import io
import json
import os
import pickle
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from sketch_rnn.convert import sources
from sketch_rnn.convert.readers.chunks import Reading
from sketch_rnn.errors import UserError

SECONDS = 5
BYTES = 1 << 30
MAX_MESSAGE = 1000  # characters
DRAWINGS = 50  # the most drawings to convert from one input


@dataclass(frozen=True)
class Target:
    """A reader under test.

    make: makes an input from a random source.
    read: reads an input, after writing it into a folder if it has to be a file.
    holds: says whether the result is what the reader promises.
    """

    make: Callable[[random.Random], bytes]
    read: Callable[[bytes, Path], object]
    holds: Callable[[object], bool]


# Mutations


def mutated(rng: random.Random, data: bytes, tokens: list[bytes]) -> bytes:
    """Return the data with up to 20 changes to bytes, to pieces, and to words of the format."""
    data = bytearray(data)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 5, 20])):
        at, other = rng.randint(0, len(data)), rng.randint(0, len(data))
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 2:
            del data[at : at + rng.randint(1, 30)]
        elif kind == 3:
            data[at:at] = data[other : other + rng.randint(1, 60)]
        elif kind == 4:
            data[at:at] = rng.choice(tokens)
        elif kind == 5:
            token = rng.choice(tokens)
            data[at : at + len(token)] = token
        elif len(data) < 10_000:
            data[at:at] = rng.choice(tokens) * rng.choice([10, 1000])
    return bytes(data)


_ODD = [
    None,
    True,
    0,
    -1,
    1,
    0.5,
    2**31,
    10**30,
    -(10**400),
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "lstm",
    "\n",
    "\0",
    "\ud800",
    "../x",
    [],
    [[]],
    {},
    {"a": {}},
    [1, "x"],
    [None],
]


def with_odd_value(rng: random.Random, value: object) -> object:
    """Return a JSON value in which something odd replaces a part, or the whole."""
    if isinstance(value, dict | list) and value and rng.random() < 0.9:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = rng.choice(keys)
        changed = value.copy()
        if rng.random() < 0.1:
            del changed[key]
        elif isinstance(changed, dict) and rng.random() < 0.1:
            changed[rng.choice(["", "x", "a\nb", "z_sise"])] = changed.pop(key)
        else:
            changed[key] = with_odd_value(rng, value[key])
        return changed
    return rng.choice(_ODD)


def json_maker(seeds: Callable[[], list[object]]) -> Callable[[random.Random], bytes]:
    """Return a function that makes JSON inputs with an odd part; it also mutates half the texts."""
    tokens = [
        b"[",
        b"{",
        b'"',
        b",",
        b"null",
        b"NaN",
        b"Infinity",
        b"1e999",
        b"9" * 5000,
        b"\\ud800",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\n",
        b"'",
        b'{"a":',
        b"[[[[",
    ]

    def make(rng: random.Random) -> bytes:
        value = rng.choice(seeds())
        for _ in range(rng.choice([0, 1, 1, 2, 4])):
            value = with_odd_value(rng, value)
        data = json.dumps(value).encode()
        return mutated(rng, data, tokens) if rng.random() < 0.5 else data

    return make


# .npz


def _objects(arrays: list) -> np.ndarray:
    result = np.empty(len(arrays), object)
    result[:] = arrays
    return result


def _npz_members() -> list[bytes]:
    """Return contents for `train.npy`, in every pickle protocol and every form of a data set."""
    rng = np.random.default_rng(0)
    sketches = [
        np.concatenate([rng.integers(-99, 99, (n, 2)), rng.integers(0, 2, (n, 1))], 1)
        for n in (2, 1, 3, 90)
    ]
    members = []
    for protocol in range(6):
        for dtype in ("<i2", ">i4", "<f4", "<f8"):
            file = io.BytesIO()
            header = {"descr": "|O", "fortran_order": False, "shape": (len(sketches),)}
            np.lib.format.write_array_header_1_0(file, header)
            pickled = pickle.dumps(_objects([s.astype(dtype) for s in sketches]), protocol)
            members.append(file.getvalue() + pickled)
            members.append(file.getvalue() + pickled.replace(b"numpy._core", b"numpy.core"))
        lists = [sketch.tolist() for sketch in sketches[:3]]
        mixed = [*lists, [tuple(map(float, row)) for row in lists[2]]]
        for array in (_objects(mixed), np.stack([sketches[2]] * 4).astype(object)):
            file = io.BytesIO()
            header = {"descr": "|O", "fortran_order": False, "shape": array.shape}
            np.lib.format.write_array_header_1_0(file, header)
            members.append(file.getvalue() + pickle.dumps(array, protocol))
    stroke5 = np.zeros((4, 3, 5), np.float32)
    stroke5[..., 2] = 1
    plain = [np.stack([sketches[2]] * 4), np.asfortranarray(stroke5), np.concatenate(sketches)]
    for array in plain:
        file = io.BytesIO()
        np.save(file, array)
        members.append(file.getvalue())
    return members


def built(path: Path) -> list[np.ndarray]:
    """Return the first sketches that `build` makes from a file; it may refuse some, or the file."""
    chunks = list(sources.find([path], Reading()))
    found = chain.from_iterable(sources.outcomes(chunk, Reading()) for chunk in chunks)
    made = [outcome for _, outcome in islice(found, DRAWINGS)]
    return [sketch.points for sketch in made if not isinstance(sketch, UserError)]


def _zipped(train: bytes, compression: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name in ("train", "valid", "test"):
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), train, compression)
        lengths = io.BytesIO()
        np.save(lengths, np.array([2, 1, 3, 90]))
        archive.writestr(zipfile.ZipInfo("train_lengths.npy"), lengths.getvalue())
    return file.getvalue()


def npz_target() -> Target:
    from sketch_rnn.data import npz

    members = _npz_members()
    tokens = [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x80",
        b"cos\nsystem\n",
        b"cbuiltins\neval\n",
        b"(",
        b"]",
        b")",
        b"}",
        b"R",
        b"b",
        b"t.",
        b"h\x00",
        b"q\x00",
        b"K\x00",
        b"\x93NUMPY",
        b"\x8e" + b"\xff" * 8,
        b"B\xff\xff\xff\x7f",
        b"\x8a\xff",
        b"1000000000000, ",
        b"PK\x01\x02",
        b"cnumpy\nload\n",
        b"\x80\x04\x95",
        b"I99999999999999999999\n",
        b"V\\ud800\n",
    ]

    def make(rng: random.Random) -> bytes:
        train = rng.choice(members)
        compression = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
        if rng.random() < 0.3:
            return mutated(rng, _zipped(train, compression), tokens)
        return _zipped(mutated(rng, train, tokens), compression)

    def read(data: bytes, folder: Path) -> object:
        path = folder / "a.npz"
        path.write_bytes(data)
        made = built(path)
        splits = [npz.read_split(path, split) for split in npz.SPLITS]
        return [*made, *(s for points, n in splits for s in np.split(points, np.cumsum(n))[:-1])]

    def holds(sketches: list[np.ndarray]) -> bool:
        return all(
            s.ndim == 2
            and s.shape[1] == 3
            and len(s)
            and np.isfinite(s).all()
            and (np.abs(s[:, :2]) <= npz.LIMIT).all()
            and np.isin(s[:, 2], (0, 1)).all()
            for s in sketches
        )

    return Target(make, read, holds)


# Hyperparameters


def _hparams_dicts() -> list[object]:
    from sketch_rnn.hparams import HParams

    whole = HParams().to_dict()
    return [whole, {"data_set": ["a.npz", "b.npz"], "dec_model": "hyper"}, {"z_size": 64}]


def hparams_target() -> Target:
    from sketch_rnn.hparams import HParams
    from sketch_rnn.hparams_text import parse_overrides

    seeds = [
        b"data_set=[a.npz,b.npz],dec_model=hyper,use_recurrent_dropout=0",
        b'{"data_set"="a.npz","dec_model":"hyper","dec_rnn_size":2048,"grad_clip":1.0}',
        b"{data_set:['a.npz', \"b.npz\"], conditional = false}",
        b"learning_rate=1e-3,min_learning_rate=0.00001,z_size=64",
        b'"data_set"="a.npz"',
        b'data_set:["a.npz"\0"b.npz"]',  # two texts, as bash's brace expansion makes them
    ] + [json.dumps(value).encode() for value in _hparams_dicts()]
    tokens = [
        b"=",
        b":",
        b",",
        b"[",
        b"]",
        b"{",
        b"}",
        b"'",
        b'"',
        b" ",
        b"\0",
        b"\n",
        b"nan",
        b"inf",
        b"1e999",
        b"9" * 5000,
        b"-1",
        b"true",
        b"z_size=",
        b"\\",
        b"\xe2\x80\xa8",
        b"\xd9\xa3",
        b"_",
        b"data_set=[",
    ]

    def read(data: bytes, folder: Path) -> object:
        texts = data.decode("utf-8", "surrogateescape").split("\0")
        return HParams(**parse_overrides(texts))

    return Target(
        lambda rng: mutated(rng, rng.choice(seeds), tokens),
        read,
        lambda hparams: HParams.from_dict(hparams.to_dict()) == hparams,
    )


def config_target() -> Target:
    from sketch_rnn.hparams import HParams
    from sketch_rnn.hparams_text import load_config

    def read(data: bytes, folder: Path) -> object:
        path = folder / "config.json"
        path.write_bytes(data)
        return HParams(**load_config(path))

    return Target(
        json_maker(_hparams_dicts),
        read,
        lambda hparams: HParams.from_dict(hparams.to_dict()) == hparams,
    )


def model_config_target() -> Target:
    from sketch_rnn.formats.run_folder import RunFolder

    seeds = [
        {"hparams": hparams, "scale_factor": 18.5, "seed": 1, "data_dir": "d", "versions": {}}
        for hparams in _hparams_dicts()
    ]

    def read(data: bytes, folder: Path) -> object:
        (folder / "model_config.json").write_bytes(data)
        return RunFolder(folder).read_config()

    return Target(
        json_maker(lambda: seeds), read, lambda c: 0 < c.scale_factor < np.inf and c.seed >= 0
    )


# .gen.json


def gen_target() -> Target:
    from sketch_rnn.formats import browser

    shapes = [[1, 9], [9], [5, 4], [1, 4], [4]]
    weights = [
        base64.b64encode(np.arange(np.prod(shape), dtype="<i2").tobytes()).decode()
        for shape in shapes
    ]
    info = {"mode": 2, "name": "cat", "version": 6, "max_seq_len": 250, "scale_factor": 50.0}
    state = {"c": [0.5], "h": [0.25]}
    seeds = [[info, shapes, weights], [info | {"initial_state": state}, shapes, weights]]

    def read(data: bytes, folder: Path) -> object:
        path = folder / "a.gen.json"
        path.write_bytes(data)
        return browser.load(path)

    return Target(
        json_maker(lambda: seeds),
        read,
        lambda model: all(np.isfinite(weight).all() for weight in model.get_weights()),
    )


# .vae.json


def vae_target() -> Target:
    from sketch_rnn.formats import browser

    direction, gaussian = [[5, 4], [1, 4], [4]], [[2, 1], [1]]
    shapes = [*direction, *direction, *gaussian, *gaussian, [1, 2], [2]]
    shapes += [[1, 9], [9], [6, 4], [1, 4], [4]]
    weights = [
        base64.b64encode(np.arange(np.prod(shape), dtype="<i2").tobytes()).decode()
        for shape in shapes
    ]
    info = {"mode": "vae", "name": "cat+dog", "version": 6, "max_seq_len": 9, "scale_factor": 50.0}
    seeds = [[info, shapes, weights], [info | {"mode": 0, "version": 3}, shapes, weights]]

    def read(data: bytes, folder: Path) -> object:
        path = folder / "a.vae.json"
        path.write_bytes(data)
        return browser.load(path)

    return Target(
        json_maker(lambda: seeds),
        read,
        lambda model: all(np.isfinite(weight).all() for weight in model.get_weights()),
    )


# .keras


def keras_target() -> Target:
    """Return the target for `.keras` files: odd configurations and cards with intact weights."""
    from sketch_rnn.formats import keras_file
    from sketch_rnn.hparams import HParams
    from sketch_rnn.model.card import Trained
    from sketch_rnn.model.network import SketchRNN

    hparams = HParams(enc_rnn_size=1, dec_rnn_size=1, z_size=1, num_mixture=1, max_seq_len=9)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.keras"
        SketchRNN(hparams, 50.0, 1, trained=Trained(7, 20, 0.5, 0.25), license="mit").save(path)
        with zipfile.ZipFile(path) as file:
            config = json.loads(file.read("config.json"))
            weights = file.read("model.weights.h5")
    make_config = json_maker(lambda: [config])

    def make(rng: random.Random) -> bytes:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as file:
            file.writestr("config.json", make_config(rng))
            file.writestr("model.weights.h5", weights)
        return data.getvalue()

    def read(data: bytes, folder: Path) -> object:
        path = folder / "a.keras"
        path.write_bytes(data)
        return keras_file.load(path)

    return Target(
        make, read, lambda model: all(np.isfinite(weight).all() for weight in model.get_weights())
    )


# Drawings as JSON


def _is_sketches(sketches: list[np.ndarray]) -> bool:
    return all(len(s) and np.isin(s[:, 2], (0, 1)).all() for s in sketches)


def _file_target(name: str, make: Callable[[random.Random], bytes]) -> Target:
    """Return the target for files with this name, which `build` reads."""

    def read(data: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(data)
        return built(path)

    return Target(make, read, _is_sketches)


def ndjson_target() -> Target:
    seeds: list[object] = [
        {"word": "cat", "drawing": [[[0, 9, 20], [5, 0, 7]], [[1], [2]]]},
        {"drawing": [[[0.5, 9.25], [5, 1e3], [0, 16]], [[*range(8)], [*range(8)], [*range(8)]]]},
        {"drawing": [[[0, 9], [20, 5], [0, 7], [9, 9]]], "recognized": False},
        {"drawing": "[[[1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 8]]]"},
        [[9, 4, 0], [3, -5, 1]],
    ]
    one = json_maker(lambda: seeds)
    return _file_target(
        "a.ndjson", lambda rng: b"\n".join(one(rng) for _ in range(rng.choice([1, 1, 2, 3])))
    )


def json_target() -> Target:
    points = [{"x": 1, "y": 2, "time": 5}, {"x": 9, "y": 5}, {"x": 7, "y": 7, "type": "start"}]
    path = {"type": "path", "path": [["M", 1, 2], ["Q", 3, 4, 5, 6], ["L", 9, 9]], "angle": 30}
    box = {"left": 5, "top": 6, "width": 7, "height": 8, "scaleX": 2, "flipX": True, "skewX": 9}
    circle = {"type": "circle", "radius": 4, **box}
    line = {"type": "line", "x": 1, "y": 2, "angle": 0.5, "points": [[0, 0], [9, 5], [20, 0]]}
    arrow = {**line, "type": "arrow", "roundness": {"type": 2}, "endArrowhead": "arrow"}
    ellipse = {"type": "ellipse", "x": 1, "y": 2, "width": 9, "height": 5, "strokeColor": "#000"}
    packed = base64.b64encode(bytes(12) + np.array([1, 2, 0, 4, 5, 0], "<f2").tobytes()).decode()
    segments = [{"type": "free", "path": packed}, {"points": points}, {"points": packed}]
    draw = {"id": "a", "type": "draw", "x": 1, "y": 2, "parentId": "b", "index": "a1"}
    group = {
        "id": "b",
        "type": "group",
        "x": 1,
        "y": 2,
        "rotation": 1,
        "parentId": "a",
        "props": {},
    }
    geo = {"id": "c", "type": "geo", "x": 1, "y": 2, "props": {"geo": "oval", "w": 5, "h": 6}}
    shapes = [{**draw, "props": {"segments": segments}}, {**group, "parentId": "a"}, geo]
    seeds: list[object] = [
        [points, points],
        [{"penColor": "black", "points": points}, {"drawMode": False, "paths": points}],
        [{"x": [1, 2, 9], "y": [4, 5, 6]}, {"x": [5], "y": [6]}],
        {"drawing": {"x": [[1, 2], [5, 6]], "y": [[1, 5], [5, 9]]}},
        [{"drawing": [[*range(8)], [*range(8)]]}, {"drawing": [[[1, 2], [3, 4]]]}],
        [[[1, 2], [3, 4], [5, 6], [7, 7]], [[1, 2], [3, 5]]],
        [[[1, 2, 0], [3, 4, 1]], [[1, 2, 0], [3, 4, 1]]],
        {"sketches": [[[1, 2, 0], [3, 4, 1]]]},
        [{"dx": 1, "dy": 2, "pen": "down"}, {"dx": 4, "dy": 2, "pen": "end"}],
        {"objects": [{**path, **box}, {"type": "group", "objects": [circle], **box}]},
        {"type": "excalidraw", "elements": [line, arrow, ellipse]},
        {"type": "excalidrawlib", "libraryItems": [{"elements": [line]}, [arrow]]},
        {"schema": {}, "records": [{"typeName": "shape", **shape} for shape in shapes]},
        {"shapes": [{**shapes[0]}, group]},
    ]
    return _file_target("a.json", json_maker(lambda: seeds))


# Digital ink, tables, arrays


_INKS = [
    b"""<ink xmlns="http://www.w3.org/2003/InkML"><traceFormat><channel name="T"/>
<channel name="X" type="decimal"/><channel name="Y" orientation="-ve"/></traceFormat>
<traceGroup><trace id="a">1 2 3, 4'5'6, 7"-8"9, * * *, !1 #A 3</trace></traceGroup>
<trace type="penUp">1 2 3,4 5 6</trace><trace continuation="end" priorRef="#a">7 8 9</trace>
</ink>""",
    b"""<ink><definitions><inkSource id="p"><traceFormat><channel name="Y"/><channel name="X"/>
</traceFormat></inkSource><context id="c" inkSourceRef="#p"/></definitions>
<trace contextRef="#c">1 2, 3-4, 5.5 .6</trace><trace>10 20, 30 40</trace></ink>""",
    b"""<?xml version="1.0" encoding="ISO-8859-1"?><WhiteboardCaptureSession><StrokeSet>
<Stroke colour="black"><Point x="1" y="2" time="3"/><Point x="5" y="9" time="4"/></Stroke>
</StrokeSet></WhiteboardCaptureSession>""",
]


def ink_target() -> Target:
    tokens = [b"<trace>", b"</trace>", b"1e999", b"'", b'"', b"!", b"*", b"?", b",", b"-", b"#"]
    tokens += [
        b"contextRef='#c'",
        b"id='c'",
        b"NaN",
        b"9" * 400,
        b"&e;",
        b"\0",
        b"\xff",
        b"<Point ",
    ]
    return _file_target("a.inkml", lambda rng: mutated(rng, rng.choice(_INKS), tokens))


def csv_target() -> Target:
    seeds = [
        b'key_id,word,drawing,recognized\n1,cat,"[[[0, 9, 20], [5, 0, 7]], [[1], [2]]]",True\n'
        b'2,cat,"[[[1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 8]]]",False\n',
        b"drawing,stroke,x,y\n0,0,1,2\n0,0,5,9\n0,1,7.5,2e1\n1,0,3,4\n1,0,5,5\n",
    ]
    tokens = [b'"', b",", b"\n", b"\r", b"\0", b"nan", b"1e999", b"[", b"x", b"\xff", b"9" * 400]
    return _file_target("a.csv", lambda rng: mutated(rng, rng.choice(seeds), tokens))


def npy_target() -> Target:
    members = _npz_members()
    tokens = [
        b"\xff\xff\xff\xff",
        b"(",
        b"]",
        b"R",
        b"b",
        b"h\x00",
        b"\x93NUMPY",
        b"1000000000000, ",
    ]
    return _file_target("a.npy", lambda rng: mutated(rng, rng.choice(members), tokens))


def parquet_target() -> Target:
    import pyarrow
    from pyarrow import parquet

    seeds = []
    for drawings in (
        [[[[0, 9, 20], [5, 0, 7]], [[1], [2]]]] * 3,
        ["[[[1], [2]], [[3, 4], [5, 7]]]"],
    ):
        file = io.BytesIO()
        parquet.write_table(pyarrow.table({"drawing": drawings}), file)
        seeds.append(file.getvalue())
    tokens = [b"PAR1", b"\xff\xff\xff\xff", b"\0\0\0\0", b"drawing", b"\x15", b"\x80\x80\x04"]
    return _file_target("a.parquet", lambda rng: mutated(rng, rng.choice(seeds), tokens))


# Quick, Draw!'s binary form


def bin_target() -> Target:
    def record(lines: list[tuple[bytes, bytes]]) -> bytes:
        head = struct.pack("<Q2sBIH", 2**62, b"DE", 1, 1_488_000_000, len(lines))
        return head + b"".join(struct.pack("<H", len(x)) + x + y for x, y in lines)

    whole = record([(b"\0\x80\xff", b"\0\x30\x10"), (b"\x09\x20", b"\x40\xff")])
    seeds = [whole * 3, whole + record([]) + record([(b"", b""), (b"\5", b"\6")]), record([])]
    tokens = [b"\xff\xff", b"\0\0", b"\xff" * 17, b"\0" * 17, whole, whole[:17], b"\x1f\x8b"]

    def make(rng: random.Random) -> bytes:
        data = mutated(rng, rng.choice(seeds), tokens)
        if rng.random() < 0.2:
            return mutated(rng, gzip.compress(data, mtime=0), tokens)
        return data

    def read(data: bytes, folder: Path) -> object:
        path = folder / ("a.bin.gz" if data.startswith(b"\x1f\x8b") else "a.bin")
        path.write_bytes(data)
        return built(path)

    return Target(make, read, _is_sketches)


# SVG


_SVGS = [
    b"""<svg xmlns="http://www.w3.org/2000/svg" width="100mm" height="50%" viewBox="0 0 90 90">
<style>.a{stroke:red;fill:none} svg>g.a #b,[d="M"]{stroke-width:2px!important}</style>
<g transform="translate(3 4) rotate(30) scale(2,.5) skewX(5)" class="a">
<path id="b" d="M1 2h3v4l5-6zM3,4c1 2 3 4 5 6s1 1 2 2q1 2 3 4t5 5a3 4 30 0 1 5 6z"/></g></svg>""",
    b"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">
<defs><g id="a"><circle cx="5" cy="5" r="3" stroke="black"/></g><symbol id="s" viewBox="0 0 5 5">
<rect x="1" y="1" width="3" height="3" rx="1" stroke="blue"/></symbol></defs>
<switch><use systemLanguage="de" xlink:href="#a" x="10"/><use xlink:href="#a" x="10"/></switch>
<use href="#s" width="20" style="transform:rotate(9deg);transform-origin:top 5px"/></svg>""",
    b"""<svg><polyline points="1,2 3,4 5 6" stroke="#000"/><polygon points="0 0 9 9 0 9"/>
<line x1="1cm" y1="2in" x2="3pt" y2="4pc" style="stroke:black;stroke-opacity:.5"/>
<ellipse cx="5" cy="5" rx="10%" ry="2em" stroke="black"/></svg>""",
    b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY e "stroke:black"><!ENTITY f "&e;&e;">]>
<svg><path style="&e;" d="M0 0L9 9"/></svg>""",
    b"""<svg viewBox="0 0 90 90" style="background:#eee;font-size:9px" fill="none" stroke="#000">
<g style="transform-box:fill-box;transform-origin:right 20%;rotate:x 30deg;scale:2 50%">
<path d="M1 1h9v9" style="--a:5px;transform:translate3d(var(--a),1em,0) rotate3d(1,2,3,.1turn)
skew(5deg) matrix3d(1,0,0,0,0,1,0,0,0,0,1,0,3,4,5,1) perspective(9px)"/>
<rect style="x:calc(10% + 2 * 3px);y:min(1vw,2px);width:clamp(1px,5em,9px);height:5px"/></g>
<path style="d:path('M5 5C1 2 3 4 5 6z');translate:5% -1ex 2px;transform-origin:1px 2px 3px"/>
<image href="data:"/><text>a</text><path clip-path="url(#c)" d="M0 0h9"/><clipPath id="c"/>
</svg>""",
    b"""<svg width="90" height="90"><rect width="90" height="90" fill="#fff"/>
<path d="M5 5h80v9C9 9 1 2 3 4" fill="none" stroke="#000"/>
<path d="M9 0v80h9" fill="none" stroke="white" stroke-width="9" stroke-linecap="round"/>
<path d="M30 1h20v20h-20zM35 5v9h9v-9z" fill="#ffe" fill-rule="evenodd"/>
<circle cx="50" cy="60" r="2"/><path d="M60 60h5v1h-5zM1 1l9 9 5-9-9 9z"/>
<line x1="1" y1="1" x2="9" y2="9" stroke="#000" stroke-linecap="square"/></svg>""",
    b"""<svg width="90" height="90" viewBox="0 0 60 60" fill="none" stroke="#000"><defs>
<clipPath id="a" clip-rule="evenodd"><path d="M1 2L30 50 60 1 1 40 60 45z"/><use href="#r" x="3"/>
</clipPath><clipPath id="b" clipPathUnits="objectBoundingBox" clip-path="url(#a)"><circle cx=".5"
cy=".5" r=".4"/></clipPath><rect id="r" x="5" y="5" width="30" height="20" rx="3"/>
<mask id="m" x="-5%" width="110%"><rect width="60" height="60" fill="#fff"/><path stroke="#000"
stroke-width="4" d="M1 1C50 9 9 50 50 50"/><circle r="20" fill="#888"/></mask></defs>
<g clip-path="url(#a)"><path clip-path="url(#b)" d="M0 0L60 60 60 0C0 9 3 4 5 60z" fill="red"/></g>
<path mask="url(#m)" stroke-dasharray="40 90 5%" stroke-dashoffset="-3" d="M0 30H90V3z"/>
<svg x="5" y="6" width="30" height="20" viewBox="0 0 9 9" preserveAspectRatio="xMinYMax slice">
<path style="clip-path:circle(40% at left 3px)" d="M-9 1L20 9"/></svg><symbol id="s" x="3" y="4"
overflow="visible"><path pathLength="1" stroke-dasharray="1" stroke-dashoffset="1" d="M0 0h9"/>
<path style="clip-path:polygon(evenodd,0 0,9px 50%,1em 9px)" d="M0 0L9 9"/></symbol>
<use href="#s" width="20"/><path d="L5 5"/></svg>""",
    b"""<?xml version="1.0" encoding="utf-8"?><!DOCTYPE svg [<!ENTITY e "a">]><!-- & -->
<svg><title>a&nbsp;b & c \xe9 &copy; &e; &#0;</title><g inkscape:label="a&b" kvg:x="1">
<path xlink:href="#a" fill="none" stroke="#000" d="M0 0L9 9"/></g></svg>""",
    b"""<svg width="90" height="90"><style>@layer a,b;:root{--i:#000;stroke:var(--i)}
g:not(.x):is(g,a) path:nth-of-type(2n+1 of .y),path:first-child+path~*{stroke:#111;fill:none}
g{&>path{stroke-width:3;:where(&) &{fill:none}}@media print{path{stroke:red}}}
@media not (min-width:5px) and (2px<width<=9em),screen{@layer b.c{g:has(>path){stroke:#222}}}
@supports (stroke:red) or selector(a>b){[d*=M i]{stroke:light-dark(#000,#fff)!important}}
path{stroke:color-mix(in srgb,red 5%,#000)}@namespace x url(y);@container (width>5px){a{b:c}}
</style><g class="y"><path class="y" d="M1 1h9v9"/><path d="M5 5h9z"/></g></svg>""",
]
_SVG_TOKENS = [
    b"&nbsp;",
    b" clip-path='url(#a)' ",
    b" mask='url(#m)' ",
    b"<mask id='m'>",
    b"<clipPath id='a'>",
    b"clip-path:inset(5% 1px round 3px) fill-box;",
    b" stroke-dasharray='1 2 1e-9' ",
    b" overflow='visible' ",
    b" odd:a='1' ",
    b"<!--",
    b":not(",
    b":is(",
    b":has(",
    b":nth-child(",
    b":nth-last-of-type(2n",
    b"&",
    b"@layer a.",
    b"@media (",
    b"@media not ",
    b"@supports (",
    b"<= ",
    b"~",
    b"*|",
    b"light-dark(",
    b"color-mix(in srgb,",
    b"1e308",
    b"-1e999",
    b"NaN",
    b"1e-320",
    b"999999999999",
    b"<g>",
    b"</g>",
    b"<svg>",
    b'<use href="#a"/>',
    b'<use href="#b"/>',
    b'<image href="../x"/>',
    b"&e;",
    b"&f;",
    b'<!ENTITY x SYSTEM "file:///etc/passwd">',
    b"&x;",
    b"%",
    b"em",
    b"a1 1 0 0 1 1e9 0",
    b"z",
    b"M0 0",
    b"l",
    b"C",
    b"q1e200 1 2 2",
    b"matrix(",
    b"scale(0)",
    b"rotate(1e308)",
    b"'",
    b'"',
    b"--",
    b"\xff\xfe",
    b"\0",
    b"]]>",
    b"<![CDATA[",
    b"transform=",
    b" stroke='red' ",
    b"{",
    b"}",
    b"/*",
    b"url(#a)",
    b"@import 'x';",
    b" > ",
    b"[d=",
    b"!important",
    b"transform-origin:",
    b"calc(",
    b"calc((((((((",
    b"var(--a)",
    b"var(--b,",
    b";--a:var(--a) var(--a);",
    b"translate3d(",
    b"rotate3d(0,0,0,",
    b"matrix3d(",
    b"transform-box:fill-box;",
    b"rotate:",
    b"1e308deg",
    b"d:path('",
    b" fill='white' ",
    b" stroke='white' stroke-width='1e9' ",
    b" fill-rule='evenodd' ",
    b"<rect width='9e9' height='9e9'/>",
    b"\xef\xbb\xbf",
    b"/0",
    b"em",
]

_SVG_NUMBERS = [
    b"0",
    b"-1",
    b"1e9",
    b"1e308",
    b"-1e999",
    b"NaN",
    b"1e-320",
    b"",
    b"5%",
    b"1e",
    b"9" * 400,
    b"3 4",
    b",",
    b"z",
    b"em",
    b"-",
    b".",
    b"1.2.3",
    b"A1 1 0 0 0 2 2",
]


def svg_target() -> Target:
    from sketch_rnn.svg.reader import read_svg

    def make(rng: random.Random) -> bytes:
        data = rng.choice(_SVGS)
        if rng.random() < 0.6:  # stays well-formed
            share = rng.choice([0.02, 0.1, 0.5])
            data = re.sub(
                rb"\d+(?=[^<>]*>)",
                lambda match: rng.choice(_SVG_NUMBERS) if rng.random() < share else match[0],
                data,
            )
        else:
            data = mutated(rng, data, _SVG_TOKENS)
        if rng.random() < 0.1:
            return mutated(rng, gzip.compress(data, mtime=0), _SVG_TOKENS)
        return data

    return Target(
        make,
        lambda data, folder: read_svg(data, outline=bool(len(data) % 2)),
        lambda lines: all(line.ndim == 2 and np.isfinite(line).all() for line in lines),
    )


# Pictures of pixels


def picture_target() -> Target:
    import warnings

    from PIL import Image, ImageDraw

    from sketch_rnn.trace.pixels import pictures
    from sketch_rnn.trace.sheets import grid_cells
    from sketch_rnn.trace.tracer import trace

    warnings.simplefilter("ignore")
    image = Image.new("RGBA", (64, 48), "white")
    pen = ImageDraw.Draw(image)
    pen.line([(8, 8), (50, 40), (55, 10)], fill="black", width=3)
    pen.ellipse([10, 20, 30, 40], outline="blue", width=2)
    seeds = []
    for form, mode, options in (
        ("PNG", "RGBA", {}), ("PNG", "P", {}), ("PNG", "L", {}), ("PNG", "1", {}),
        ("JPEG", "RGB", {}), ("JPEG", "CMYK", {}), ("JPEG", "L", {"progressive": True}),
        ("WEBP", "RGB", {}), ("GIF", "P", {}), ("BMP", "RGB", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}), ("TIFF", "L", {}), ("PDF", "RGB", {}),
    ):  # fmt: skip
        file = io.BytesIO()
        image.convert(mode).save(file, form, **options)
        seeds.append(file.getvalue())
    tokens = [b"\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"IHDR", b"IDAT", b"tRNS", b"acTL"]
    tokens += [
        b"\xff\xd8",
        b"\xff\xc0",
        b"\xff\xda",
        b"II*\0",
        b"RIFF",
        b"obj<<",
        b"stream",
        b"%PDF-1.7",
    ]

    def read(data: bytes, folder: Path) -> object:
        found = pictures(data, b"%PDF" in data[:1024])
        traced = []
        for picture in islice(found, 2):
            traced.append(trace(picture.pixels))
            grid_cells(picture.pixels)
        return traced

    return Target(
        lambda rng: mutated(rng, rng.choice(seeds), tokens),
        read,
        lambda traced: all(np.isfinite(line).all() for t in traced for line in t.lines),
    )


TARGETS: dict[str, Callable[[], Target]] = {
    "npz": npz_target,
    "hparams": hparams_target,
    "config": config_target,
    "svg": svg_target,
    "picture": picture_target,
    "ndjson": ndjson_target,
    "json": json_target,
    "ink": ink_target,
    "csv": csv_target,
    "npy": npy_target,
    "parquet": parquet_target,
    "bin": bin_target,
    "model_config": model_config_target,
    "gen": gen_target,
    "vae": vae_target,
    "keras": keras_target,
}


# Running


class _TooLong(BaseException):
    """An exception that no reader catches, raised when the time is up."""


def _alarm(*_) -> None:
    raise _TooLong


def _allow_memory(extra: int) -> None:
    """Limit the address space to what is now in use plus `extra` bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
    limit = pages * resource.getpagesize() + extra
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def outcome(target: Target, data: bytes, folder: Path) -> str:
    """Return `read`, `refused`, or what is wrong with the reader."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        result = target.read(data, folder)
    except UserError as error:
        message = str(error)
        if len(message.splitlines()) != 1 or len(message) > MAX_MESSAGE:
            return f"a message that is not one line: {message[:120]!r}"
        return "refused"
    except _TooLong:
        return f"more than {SECONDS} s"
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "read" if target.holds(result) else "a result that breaks the promise"


def fuzz(name: str, seed: int, first: int, count: int, keep: Path | None) -> int:
    """Run a target; print the outcome and return the number of findings."""
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    target = TARGETS[name]()
    outcomes, findings, slowest = Counter(), Counter(), 0.0
    signal.signal(signal.SIGALRM, _alarm)
    with (
        tempfile.TemporaryDirectory() as folder,
        open(os.devnull, "w", encoding="utf-8") as nowhere,
    ):
        for i in range(first, first + count):
            data = target.make(random.Random(f"{seed}/{name}/{i}"))
            if i % 1000 == first % 1000:
                _allow_memory(BYTES)
            start = time.perf_counter()
            with contextlib.redirect_stderr(nowhere):
                found = outcome(target, data, Path(folder))
            slowest = max(slowest, time.perf_counter() - start)
            outcomes[found if found in ("read", "refused") else "findings"] += 1
            if found not in ("read", "refused"):
                findings[found] += 1
                if findings[found] == 1:
                    print(f"{name} input {i}: {found}", flush=True)
                    if keep:
                        (keep / f"{name}-{seed}-{i}").write_bytes(data)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(
        f"{name}: {count} inputs, read {outcomes['read']}, refused {outcomes['refused']}, "
        f"findings {outcomes['findings']} of {len(findings)} kinds, slowest {slowest:.2f} s, "
        f"peak of the process {peak} MB",
        flush=True,
    )
    return outcomes["findings"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", default=",".join(TARGETS), help="default: %(default)s")
    parser.add_argument("--count", type=int, default=20_000, help="inputs of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--keep", type=Path, help="folder for an input of each kind of finding")
    args = parser.parse_args()
    names = args.target.split(",")
    if unknown := set(names) - set(TARGETS):
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    found = [fuzz(name, args.seed, args.first, args.count, args.keep) for name in names]
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main())
