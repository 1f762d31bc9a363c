"""Tests of CSS transforms, lengths and origins, without a browser."""

import numpy as np
import pytest

from sketch_rnn.svg import transforms, values
from sketch_rnn.svg.values import Units

UNITS = Units(font=20, root_font=10, page=(400, 300))
HALF = np.sqrt(0.5)


def matrix(box=(10, 20, 100, 50), **properties):
    style = {name.replace("_", "-"): value for name, value in properties.items()}
    return transforms.own_transform(style, box, UNITS).tolist()


@pytest.mark.parametrize(
    ("text", "pixels"),
    [
        ("12.5", 12.5),
        ("1in", 96),
        ("2.54cm", 96),
        ("25.4mm", 96),
        ("40q", 37.795276),
        ("3pt", 4),
        ("1pc", 16),
        ("2em", 40),
        ("2rem", 20),
        ("10vw", 40),
        ("10vh", 30),
        ("10vmin", 30),
        ("10vmax", 40),
        ("25%", 50),
        ("calc(10% + 2 * (3px - 1px) / 4)", 21),
        ("calc(-1 * 1em)", -20),
        ("min(5px, 1em, 9vw)", 5),
        ("max(5px, 1em)", 20),
        ("clamp(1px, 50%, 30px)", 30),
        ("twelve", 7),
        ("5furlong", 7),
        ("calc(1px + 5)", 7),
        ("calc(1px * 2px)", 7),
        ("calc(1px / 0)", 7),
        ("calc()", 7),
        ("calc(1px +)", 7),
        ("calc(" + "(" * 99 + "1px" + ")" * 100, 7),
        ("1px 2px", 7),
        ("30deg", 7),
        ("1e999", 7),
    ],
)
def test_lengths_are_converted_to_pixels(text, pixels):
    assert values.length(text, 200, 7.0, UNITS) == pytest.approx(pixels)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("translate(10%, 1em)", [[1, 0, 10], [0, 1, 20]]),
        ("translate3d(1px, 2px, 3px)", [[1, 0, 1], [0, 1, 2]]),
        ("translateX(5px) scale(2)", [[2, 0, 5], [0, 2, 0]]),
        ("rotateZ(.25turn)", [[0, -1, 0], [1, 0, 0]]),
        ("rotate(-50grad)", [[HALF, HALF, 0], [-HALF, HALF, 0]]),
        ("rotateX(60deg)", [[1, 0, 0], [0, 0.5, 0]]),
        ("rotate3d(0, 2, 0, 60deg)", [[0.5, 0, 0], [0, 1, 0]]),
        ("rotate3d(0, 0, 0, 60deg)", [[1, 0, 0], [0, 1, 0]]),
        ("scale3d(2, 50%, 9)", [[2, 0, 0], [0, 0.5, 0]]),
        ("skew(45deg)", [[1, 1, 0], [0, 1, 0]]),
        ("skew(0, 45deg)", [[1, 0, 0], [1, 1, 0]]),
        ("matrix(1, 2, 3, 4, 5, 6)", [[1, 3, 5], [2, 4, 6]]),
        ("matrix3d(1,2,0,0,3,4,0,0,0,0,1,0,5,6,7,1)", [[1, 3, 5], [2, 4, 6]]),
        ("none", [[1, 0, 0], [0, 1, 0]]),
    ],
)
def test_transform_functions_apply_around_the_corner(text, expected):
    about = {"box": (0, 0, 100, 50), "transform": text}
    np.testing.assert_allclose(matrix(**about), expected, atol=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "translate(5)",
        "rotate(5)",
        "scale(1px)",
        "translate(1px 2px)",
        "rotate(1deg, 2deg)",
        "twist(1deg)",
        "matrix(1,2,3)",
        "translate()",
        "",
        "10px",
        "rotate(1deg) 5",
        "scale(1,2,3)",
    ],
)
def test_invalid_transforms_are_refused(text):
    with pytest.raises(ValueError):
        transforms.property_matrix("transform", text, (1, 1), UNITS)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("center", (50, 25)),
        ("top", (50, 0)),
        ("bottom", (50, 50)),
        ("left", (0, 25)),
        ("right", (100, 25)),
        ("10px", (10, 25)),
        ("top left", (0, 0)),
        ("left top", (0, 0)),
        ("bottom right", (100, 50)),
        ("center top", (50, 0)),
        ("top center", (50, 0)),
        ("10% 20%", (10, 10)),
        ("right 5px", (100, 5)),
        ("5px bottom", (5, 50)),
        ("1em 2em 3px", (20, 40)),
    ],
)
def test_transform_origins_are_read(text, place):
    assert transforms.origin(text, (100, 50), UNITS)[:2] == pytest.approx(place)


@pytest.mark.parametrize(
    "text",
    [
        "top 5px",
        "5px left",
        "left right",
        "top top",
        "5",
        "1px 1px 1%",
    ],
)
def test_invalid_transform_origins_are_refused(text):
    with pytest.raises(ValueError):
        transforms.origin(text, (100, 50), UNITS)


def test_transform_properties_apply_before_transform_and_share_its_origin():
    all_of_them = matrix(
        translate="10px 10%",
        rotate="90deg",
        scale="2 1",
        transform="translate(5px, 0)",
        transform_origin="center",
    )
    x, y = 10 + 50, 20 + 25
    # (x, y) is moved by 5, made twice as long, turned, and moved by (10, 5)
    np.testing.assert_allclose(np.array(all_of_them) @ [x, y, 1], [x + 10, y + 10 + 5])
    np.testing.assert_allclose(matrix(rotate="x 60deg"), [[1, 0, 0], [0, 0.5, 10]])
    np.testing.assert_allclose(matrix(rotate="90deg z"), matrix(transform="rotate(90deg)"))
    np.testing.assert_allclose(matrix(rotate="0 0 1 90deg"), matrix(rotate="90deg"))
    np.testing.assert_allclose(matrix(scale="50%"), matrix(transform="scale(.5)"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("translate(1 2)", "matrix(1.0,0.0,0.0,1.0,1.0,2.0)"),
        ("translate(1,2),scale(2)", "matrix(2.0,0.0,0.0,2.0,1.0,2.0)"),
        ("matrix(1-2.5.5 4,5 6)", "matrix(1.0,-2.5,0.5,4.0,5.0,6.0)"),
        (" ", "matrix(1.0,0.0,0.0,1.0,0.0,0.0)"),
    ],
)
def test_the_transform_attribute_has_its_own_grammar(text, expected):
    assert transforms.from_attribute(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "rotate(45deg)",
        "rotate(1 2)",
        "translate(1px)",
        "rotatez(5)",
        "scale(1) x",
        "scale(1",
    ],
)
def test_a_transform_attribute_with_an_error_is_refused(text):
    with pytest.raises(ValueError):
        transforms.from_attribute(text)


def test_css_variables_are_replaced():
    known = (("--a", "5px"), ("--b", "var(--a)"))
    assert values.replace_variables("translate(var(--b), var( --no , rotate(1deg)))", known) == (
        "translate(5px,  rotate(1deg))"
    )
    bomb = tuple((f"--a{i}", f"var(--a{i + 1}) " * 9) for i in range(20))
    assert len(values.replace_variables("var(--a0)", bomb)) < 100_000
