"""Tests of drawings as SVG and PNG, and of the errors."""

import os
import re
import struct
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest

from sketch_rnn import drawing, pictures
from sketch_rnn.drawing import PREFIX_INK, draw
from sketch_rnn.errors import UserError
from sketch_rnn.pictures import INK, png

SVG = "{http://www.w3.org/2000/svg}"
SQUARE_AND_DOT = np.array([[10, 0, 0], [0, 10, 0], [-10, 0, 0], [0, -10, 1], [5, 5, 1]], np.int16)


def paths(svg):
    return list(ElementTree.fromstring(svg.encode()).iter(f"{SVG}path"))


def points(path):
    return np.array(re.findall(r"-?[\d.]+", path.get("d")), float).reshape(-1, 2)


def layers_of(svg):
    """Return the groups of the inks."""
    groups = ElementTree.fromstring(svg.encode()).findall(f"{SVG}g")
    return [group for group in groups if group.get("stroke")]


def texts(svg):
    return [text.text for text in ElementTree.fromstring(svg.encode()).iter(f"{SVG}text")]


def pixels(content):
    """Return the pixels `[height, width, 4]` of an RGBA PNG that is not interlaced."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        chunk = content[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colors = struct.unpack(">IIBB", chunk[:10])
            assert (depth, colors) == (8, 6)
        data += chunk if kind == b"IDAT" else b""
        at += size + 12
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + 4 * width)
    image = np.zeros((height + 1, width + 1, 4), int)
    for y, row in enumerate(rows):
        for x, byte in enumerate(row[1:].reshape(width, 4).astype(int)):
            left, up, corner = image[y + 1, x], image[y, x + 1], image[y, x]
            image[y + 1, x + 1] = byte + _predict(row[0], left, up, corner) & 255
    return image[1:, 1:]


def _predict(method, left, up, corner):
    if method == 4:
        guess = left + up - corner
        choices = np.stack([left, up, corner])
        return np.take_along_axis(choices, abs(choices - guess).argmin(0)[None], 0)[0]
    return (0, left, up, (left + up) // 2)[method]


def test_each_stroke_is_one_path_on_a_separate_line():
    svg = draw(SQUARE_AND_DOT)
    assert len(paths(svg)) == 2
    assert [line.count("<path ") for line in svg.splitlines() if "path" in line] == [1, 1]


def test_a_drawing_keeps_its_shape_in_the_middle_of_its_cell():
    square, dot = map(points, paths(draw(SQUARE_AND_DOT, cell=100)))
    np.testing.assert_allclose(square, [[8, 8], [92, 8], [92, 92], [8, 92], [8, 8]])
    np.testing.assert_allclose(dot, [[50, 50], [50, 50]])


def test_the_first_line_starts_at_the_origin():
    (line,) = paths(draw(np.array([[10, 10, 1]]), cell=100))
    np.testing.assert_allclose(points(line), [[8, 8], [92, 92]])


def test_the_picture_does_not_depend_on_the_units_of_a_sketch():
    assert draw(SQUARE_AND_DOT * [0.01, 0.01, 1]) == draw(SQUARE_AND_DOT)


def test_every_sketch_in_a_grid_lies_inside_its_cell_and_the_view_box():
    sketches = np.random.default_rng(3).normal(size=(7, 20, 3))
    svg = draw(list(sketches), columns=3, cell=50, labels=list("abcdefg"))
    width, height = map(float, ElementTree.fromstring(svg.encode()).get("viewBox").split()[2:])
    assert (width, height) == (150, 3 * (50 + drawing.LINE_HEIGHT))
    groups = ElementTree.fromstring(svg.encode()).findall(f".//{SVG}g[@class='sketch']")
    assert len(groups) == 7
    for i, group in enumerate(groups):
        inside = np.concatenate([points(path) for path in group])
        corner = np.array([i % 3 * 50, i // 3 * (50 + drawing.LINE_HEIGHT)])
        assert (inside >= corner).all() and (inside <= corner + 50).all()


@pytest.mark.parametrize(
    "count, columns, rows",
    [(1, 1, 1), (3, 3, 1), (4, 2, 2), (7, 4, 2), (9, 3, 3), (10, 5, 2), (20, 5, 4), (23, 6, 4)],
)
def test_a_grid_is_nearly_square_and_nearly_full(count, columns, rows):
    svg = draw([SQUARE_AND_DOT] * count, cell=50)
    width, height = ElementTree.fromstring(svg.encode()).get("viewBox").split()[2:]
    assert (float(width), float(height)) == (columns * 50, rows * 50)


def test_titles_and_labels_are_escaped_cleaned_and_shortened():
    svg = draw(
        [SQUARE_AND_DOT] * 4,
        column_titles=["t < 0.1", "a & b"],
        row_titles=["cat\x00", "fish"],
        labels=["x", "y", "long " * 40, "z"],
    )
    found = texts(svg)
    assert found[:4] == ["t < 0.1", "a & b", "cat?", "fish"]
    assert found[4:6] == ["x", "y"] and found[6].startswith("long") and len(found[6]) < 30


@pytest.mark.parametrize("prefix, colors, lengths", [
    (0, [INK, INK], [5, 2]),
    (2, [PREFIX_INK, INK, INK], [3, 3, 2]),  # the model goes on from the last point given
    (4, [PREFIX_INK, INK], [5, 2]),
    (99, [PREFIX_INK, PREFIX_INK], [5, 2]),
])  # fmt: skip
def test_the_given_part_of_a_drawing_has_another_color(prefix, colors, lengths):
    layers = layers_of(draw(SQUARE_AND_DOT, prefixes=prefix))
    found = [(layer.get("stroke"), path) for layer in layers for path in layer.iter(f"{SVG}path")]
    assert [ink for ink, _ in found] == colors
    assert [len(points(path)) for _, path in found] == lengths


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        draw([SQUARE_AND_DOT] * 3, tmp_path / name, labels=["1", "2", "3"])
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.png", "a.svg", "b.png", "b.svg"]


def test_a_png_shows_the_lines_in_their_colors():
    image = pixels(png(draw(SQUARE_AND_DOT, cell=40, prefixes=4), zoom=1))
    assert image.shape == (40, 40, 4)
    np.testing.assert_array_equal(image[0, 0], [255, 255, 255, 255])
    np.testing.assert_array_equal(image[12, 20], [255, 255, 255, 255])
    blue = image[3, 20]  # the square's upper side
    assert blue[2] > blue[0] + 50
    assert image[20, 20, :3].max() < 230  # the dot, over four pixels


def test_a_png_without_background_is_transparent():
    image = pixels(png(draw(SQUARE_AND_DOT, cell=20), zoom=1, background=None))
    assert image[0, 0, 3] == 0 and image[2, 10, 3] > 0


def test_a_png_is_zoomed_up_to_a_largest_size():
    size = [
        struct.unpack(
            ">II", png(draw([SQUARE_AND_DOT] * count, columns=count, cell=20), zoom)[16:24]
        )
        for count, zoom in ((1, 3), (2, 1.5), (2, 1000))
    ]
    assert size == [(60, 60), (60, 30), (8000, 4000)]


def test_titles_appear_in_a_png_or_a_warning_says_that_they_do_not(caplog):
    pictures._warn_without_fonts.cache_clear()
    titled = png(draw(np.zeros((0, 3)), labels=["MMM"], cell=40), zoom=1)
    missing = "the PNG has no text" in caplog.text
    assert missing == bool((pixels(titled) == 255).all())


def test_an_animation_draws_the_lines_one_after_another():
    svg = draw(SQUARE_AND_DOT, animate=True)
    assert "@keyframes" in svg and "@keyframes" not in draw(SQUARE_AND_DOT)
    times = [re.findall(r"([\d.]+)s", path.get("style")) for path in paths(svg)]
    (length, begin), (dot_length, dot_begin) = np.array(times, float)
    assert begin == 0 and dot_begin > length > dot_length > 0
    assert all(path.get("pathLength") == "1" for path in paths(svg))


def test_an_animation_draws_all_at_once_or_one_by_one():
    def begins(**options):
        svg = draw([SQUARE_AND_DOT] * 2, animate=True, **options)
        return [float(re.search(r"delay:([\d.]+)s", p.get("style"))[1]) for p in paths(svg)]

    together, in_turn = begins(), begins(one_by_one=True)
    assert together[:2] == together[2:] == in_turn[:2]
    assert in_turn == sorted(in_turn) and in_turn[2] > in_turn[1] > 0


def test_an_animation_respects_the_reduced_motion_setting():
    svg = draw(SQUARE_AND_DOT, animate=True)
    (inside,) = re.findall(
        r"@media \(prefers-reduced-motion: no-preference\) {(.*?)}\s*}", svg, re.S
    )
    assert "animation: sketch-draws-itself" in inside
    assert svg.count("animation: ") == 1


def test_an_animation_takes_time_in_proportion_to_length():
    sketch = np.array([[0, 0, 0], [100, 0, 1], [0, 50, 0], [-50, 0, 1]])
    times = [
        re.search(r"duration:([\d.]+)s", p.get("style"))[1]
        for p in paths(draw(sketch, animate=True))
    ]
    assert float(times[0]) == pytest.approx(2 * float(times[1]), abs=0.011)


def test_empty_sketches_leave_their_cells_empty():
    assert not paths(draw(np.zeros((0, 3))))
    assert not paths(draw([]))
    assert len(paths(draw([np.zeros((0, 3)), SQUARE_AND_DOT, []]))) == 2


def test_a_notebook_shows_the_drawing_on_white():
    svg = draw(SQUARE_AND_DOT)
    root = ElementTree.fromstring(svg._repr_svg_())
    assert root.get("style") == "background: white"
    assert [path.get("d") for path in root.iter(f"{SVG}path")] == [
        path.get("d") for path in ElementTree.fromstring(svg).iter(f"{SVG}path")
    ]


@pytest.mark.parametrize("sketch", [
    np.array([[0, np.nan, 0]]), np.array([[1, np.inf, 1]]), np.full((3, 3), 1e308),
    np.zeros((4, 5)), np.zeros(3),
])  # fmt: skip
def test_anything_but_a_finite_stroke_3_sketch_is_refused(sketch):
    with pytest.raises(UserError, match=r"^sketch 1: expected .*$"):
        draw([SQUARE_AND_DOT, sketch])


@pytest.mark.parametrize("titles", [
    {"labels": ["a"]}, {"row_titles": ["a", "b", "c"]}, {"prefixes": [1]},
    {"columns": 3, "column_titles": ["a"]}, {"columns": 0}, {"columns": -1}, {"cell": 0},
])  # fmt: skip
def test_arguments_that_do_not_fit_the_grid_are_refused(titles):
    with pytest.raises(UserError, match="expected"):
        draw([SQUARE_AND_DOT] * 4, **titles)


@pytest.mark.parametrize(
    "name", ["x.gif", "x", "no/such/folder.svg", "folder.svg", "file/x.svg", "x" * 255 + ".svg"]
)
def test_a_path_that_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, name):
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=re.escape(name)) as error:
        draw(SQUARE_AND_DOT, tmp_path / name)
    assert "\n" not in str(error.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.svg"]


def test_a_png_is_not_animated(tmp_path):
    with pytest.raises(UserError, match=r"\.svg"):
        draw(SQUARE_AND_DOT, tmp_path / "x.png", animate=True)


CIRCLE = np.diff(
    [(0, 0)] + [(50 * np.sin(a), 50 - 50 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 15)[1:]],
    axis=0,
)
CIRCLE = np.column_stack([CIRCLE, np.arange(14) == 13])


def sides(svg):
    """Return the longer side of each sketch."""
    groups = ElementTree.fromstring(svg.encode()).findall(f".//{SVG}g[@class='sketch']")
    found = [np.concatenate([points(path) for path in group]) for group in groups]
    return [np.ptp(inside, axis=0).max() for inside in found]


def test_all_sketches_in_a_grid_have_the_same_scale():
    svg = draw([SQUARE_AND_DOT, SQUARE_AND_DOT * [2, 2, 1]], cell=100)
    np.testing.assert_allclose(sides(svg), [42, 84])


def test_a_much_larger_sketch_does_not_shrink_the_others():
    svg = draw([SQUARE_AND_DOT] * 5 + [SQUARE_AND_DOT * [100, 100, 1]], cell=100)
    np.testing.assert_allclose(sides(svg), [84] * 6)


def test_the_given_part_is_at_the_same_position_throughout_a_row():
    ways = [np.concatenate([CIRCLE, [[length, 9, 1]]]) for length in (5, 60, 120)]
    (given, _) = layers_of(draw(ways, columns=3, cell=100, prefixes=14))
    circles = [points(path) for path in given.iter(f"{SVG}path")]
    for number, circle in enumerate(circles):
        np.testing.assert_allclose(circle - [100 * number, 0], circles[0], atol=0.011)


def test_smooth_lines_go_through_the_points_and_keep_corners():
    straight, curved = (paths(draw(CIRCLE, smooth=smooth))[0] for smooth in (False, True))
    curves = points(curved)
    np.testing.assert_allclose(curves[::3], points(straight))
    middle, radius = np.mean(points(straight)[1:], axis=0), 168
    controls = np.delete(curves, slice(0, None, 3), axis=0)
    halves = (curves[:-1:3] + 3 * controls[::2] + 3 * controls[1::2] + curves[3::3]) / 8
    np.testing.assert_allclose(np.linalg.norm(halves - middle, axis=1), radius, rtol=0.005)
    square, _ = (points(path) for path in paths(draw(SQUARE_AND_DOT, cell=100, smooth=True)))
    for control in square:  # along the sides
        assert np.isclose(control, 8).any() or np.isclose(control, 92).any()


def test_a_style_sets_colors_width_and_size():
    svg = draw(SQUARE_AND_DOT, color="#c33", background="ivory", size="100mm", stroke_width=0.5)
    root = ElementTree.fromstring(svg.encode())
    assert (root.get("width"), root.get("height")) == ("100mm", "100mm")
    assert root.get("viewBox") == "0 0 400 400"
    assert root.find(f"{SVG}rect").get("fill") == "ivory"
    (layer,) = layers_of(svg)
    assert layer.get("stroke") == "#c33" and float(layer.get("stroke-width")) == 2
    assert "<rect" not in draw(SQUARE_AND_DOT)


def test_a_png_has_the_width_and_stroke_width_of_the_style(tmp_path):
    draw(SQUARE_AND_DOT, tmp_path / "a.png", size=50, stroke_width=1)
    image = pixels((tmp_path / "a.png").read_bytes())
    assert image.shape == (50, 50, 4)
    ink = 255 - image[25, :10, 0]  # across the left side
    np.testing.assert_allclose(ink.sum() / ink.max(), 1, atol=1)
    assert (image[0, 0] == 255).all()
    draw(SQUARE_AND_DOT, tmp_path / "b.png", size=50, background="none")
    assert pixels((tmp_path / "b.png").read_bytes())[0, 0, 3] == 0
    with pytest.raises(UserError, match="expected the width of a PNG in pixels"):
        draw(SQUARE_AND_DOT, tmp_path / "c.png", size="10mm")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color": "redd"}, "`color`: expected a color"),
        ({"background": '"><script>'}, "`background`: expected a color"),
        ({"size": "big"}, "`size`: expected a width"),
        ({"size": 0}, "`size`: expected a width"),
        ({"size": "9000"}, "`size`: expected a width"),
        ({"stroke_width": -1}, "`stroke_width`: expected"),
        ({"ink": "red"}, "draw has no option ink; a style has stroke_width, color"),
    ],
)
def test_an_invalid_style_is_refused(options, message):
    with pytest.raises(UserError, match=re.escape(message)):
        draw(SQUARE_AND_DOT, **options)


def test_the_repr_of_a_picture_is_short():
    assert len(repr(draw([SQUARE_AND_DOT] * 50))) < 100


def test_plotter_software_reads_one_layer_per_ink_in_millimeters(tmp_path):
    """The layers contain no background and no title."""
    vpype = pytest.importorskip("vpype", reason="vpype is not installed: it is in the dev extra")
    path = tmp_path / "a.svg"
    svg = draw([CIRCLE] * 2, path, prefixes=[5, 5], size="100mm", column_titles=["a", "b"])
    document = vpype.read_multilayer_svg(str(path), quantization=0.1)
    assert [len(document.layers[number]) for number in sorted(document.layers)] == [2, 2]
    millimeter = vpype.convert_length("1mm")
    found = np.array(document.bounds()) / millimeter
    drawn = np.concatenate([points(line) for line in paths(svg)]) * 100 / 320
    np.testing.assert_allclose(found, [*drawn.min(axis=0), *drawn.max(axis=0)], atol=0.01)
