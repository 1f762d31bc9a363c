"""Style sheets inside of SVG files: which rule an element gets."""

from xml.etree.ElementTree import fromstring

import pytest

from sketch_rnn.svg.style import Styles

BODY = """<g id="layer" class="icon"><path id="p" class="a b" data-kind="x"/>
<g class="deeper"><line id="l" class="c"/></g></g>"""


def stroke(sheet, element="p", attributes=""):
    body = BODY.replace('id="p"', f'id="p" {attributes}')
    root = fromstring(f"<svg><style>{sheet}</style>{body}</svg>")
    return Styles(root).of(root.find(f".//*[@id='{element}']")).get("stroke")


@pytest.mark.parametrize(
    "selector",
    [
        "*",
        "path",
        ".a",
        "path.b",
        ".a.b",
        "#p",
        "path#p.a",
        "[class]",
        "[data-kind=x]",
        "path[ data-kind = 'x' ]",
        "svg path",
        "svg .icon > path",
        "#layer>.a",
        "svg /* all */ path, line",
        "line ,\n path",
    ],
)
def test_selectors_that_select(selector):
    assert stroke(f"{selector} {{ stroke: red }}") == "red"


@pytest.mark.parametrize(
    "selector",
    [
        "line",
        ".c",
        ".a.c",
        "#layer",
        "[data-kind=y]",
        "svg > path",
        ".deeper path",
        "path g",
        "path:hover",
        "g + path",
        "> path",
        "g >",
        "path..a",
        "",
    ],
)
def test_selectors_that_do_not(selector):
    assert stroke(f"{selector} {{ stroke: red }} .a {{ fill: none }}") is None


def test_a_child_may_be_found_behind_a_nearer_ancestor_that_does_not_fit():
    assert stroke("svg > g line { stroke: red }", "l") == "red"
    assert stroke("svg > .deeper line { stroke: red }", "l") is None
    assert stroke(".icon > g > line { stroke: red }", "l") == "red"


@pytest.mark.parametrize(
    ("sheet", "attributes", "expected"),
    [
        (".b { stroke: red } .a { stroke: blue }", "", "blue"),
        ("#p { stroke: red } path.a.b { stroke: blue }", "", "red"),
        ("svg g path { stroke: red } .a { stroke: blue } path { stroke: green }", "", "blue"),
        ("path { stroke: red }", 'stroke="blue"', "red"),
        ("#p { stroke: red }", 'style="stroke: blue"', "blue"),
        (".a { stroke: red !important }", 'style="stroke: blue"', "red"),
        (".a { stroke: red !important }", 'style="stroke: blue !important"', "blue"),
        (".a { stroke: red !important } #p { stroke: blue }", "", "red"),
        ("@media print { .a { stroke: red } } .b { stroke: blue }", "", "blue"),
        ("<![CDATA[ .a { stroke: red } ]]>", "", "red"),
        (".a { stroke: red } </style><style> .b { stroke: blue }", "", "blue"),
    ],
)
def test_the_weightiest_rule_wins(sheet, attributes, expected):
    assert stroke(sheet, attributes=attributes) == expected
