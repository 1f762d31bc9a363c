"""Tests of style sheets in SVG files: which rule applies to an element."""

from xml.etree.ElementTree import fromstring

import pytest

from sketch_rnn.svg.style import Styles

BODY = """<g id="layer" class="icon"><path id="p" class="a b" data-kind="x"/>
<g class="deeper"><line id="l" class="c"/></g></g>"""


def stroke(sheet, element="p", attributes=""):
    body = BODY.replace('id="p"', f'id="p" {attributes}')
    root = fromstring(f"<svg><style>{sheet}</style>{body}</svg>")
    return Styles(root).own_properties(root.find(f".//*[@id='{element}']")).get("stroke")


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
def test_supported_selectors_match(selector):
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
def test_other_selectors_do_not_match(selector):
    assert stroke(f"{selector} {{ stroke: red }} .a {{ fill: none }}") is None


def test_selector_matching_backtracks_to_a_further_ancestor():
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
def test_the_rule_with_the_highest_specificity_is_used(sheet, attributes, expected):
    assert stroke(sheet, attributes=attributes) == expected


@pytest.mark.parametrize(
    "selector",
    [
        ":root path",
        "path:not(.c)",
        ":is(line, #p)",
        ":where(.a)",
        "path:first-child",
        "path:nth-child(1)",
        "path:nth-of-type(1)",
        "g:has(> path) > path",
        "line:hover, path",
        "[data-kind^='X' i]",
        "& path",
    ],
)
def test_modern_selectors_match(selector):
    assert stroke(f"{selector} {{ stroke: red }}".replace("&", "&amp;")) == "red"


@pytest.mark.parametrize(
    "selector",
    ["path:last-child", "path:nth-child(2)", "path:not(.a)", "path::before", "g:empty path"],
)
def test_modern_selectors_that_do_not_fit_do_not_match(selector):
    assert stroke(f"{selector} {{ stroke: red }}") is None


@pytest.mark.parametrize(
    ("sheet", "expected"),
    [
        ("g { .a { stroke: red } }", "red"),
        ("g { stroke: red; > path { stroke: blue } }", "blue"),
        (".b { .a&amp; { stroke: red } }", "red"),
        ("line { .a { stroke: red } }", None),
        ("g { @media screen { path { stroke: red } } }", "red"),
        (".a { stroke: red; g &amp; { stroke: blue } stroke: green }", "blue"),
        (".a { stroke: red; .a&amp; { fill: none } stroke: green }", "green"),
    ],
)
def test_nested_rules_are_applied(sheet, expected):
    assert stroke(sheet) == expected


@pytest.mark.parametrize(
    ("sheet", "expected"),
    [
        ("@layer x { #p { stroke: red } } path { stroke: blue }", "blue"),
        ("@layer x, y; @layer y { path { stroke: red } } @layer x { #p { stroke: blue } }", "red"),
        ("@layer x { @layer y { #p { stroke: red } } path { stroke: blue } }", "blue"),
        ("@layer x { #p { stroke: red } } @layer { path { stroke: blue } }", "blue"),
        ("@layer x { .a { stroke: red !important } } #p { stroke: blue !important }", "red"),
        ("@layer x.y { .a { stroke: red } } @layer x { .a { stroke: blue } }", "blue"),
    ],
)
def test_layer_order_takes_precedence_over_specificity(sheet, expected):
    assert stroke(sheet) == expected


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("screen", True),
        ("print, (min-width: 1px)", True),
        ("not print", True),
        ("only screen and (color)", True),
        ("(prefers-color-scheme: light)", True),
        ("(400px &lt;= width &lt; 500px)", True),
        ("(width >= 30em)", False),
        ("(not (hover: none)) and (orientation: landscape)", True),
        ("(min-aspect-ratio: 4/3)", True),
        ("(max-resolution: 1dpi) or (grid)", False),
        ("print", False),
        ("tty", False),
        ("not all and (monochrome)", True),
    ],
)
def test_media_queries_are_evaluated(condition, holds):
    sheet = f"@media {condition} {{ path {{ stroke: red }} }}"
    root = fromstring(f"<svg><style>{sheet}</style>{BODY}</svg>")
    styles = Styles(root, (400.0, 300.0))
    assert styles.own_properties(root.find(".//path")).get("stroke") == ("red" if holds else None)
    assert styles.not_understood == {}


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ("@media (new-feature: 1) { path { stroke: red } }", "@media (new-feature: 1)"),
        ("@container (width > 1px) { path { stroke: red } }", "@container (width > 1px)"),
        ("@import url(other.css);", "@import url(other.css)"),
        ("path:nonsense { stroke: red }", "selector path:nonsense"),
        ("a {" * 20 + "stroke: red", "rules that are nested too deeply"),
        (f"{'a ' * 3000} {{ stroke: red }}", f"selector {'a ' * 24}..."),
        (
            "g { " + "&amp; path," * 40_000 + "path { stroke: red } }",
            f"selector {'& path,' * 6}& path...",
        ),
    ],
)
def test_ignored_css_is_reported(sheet, said):
    root = fromstring(f"<svg><style>{sheet}</style>{BODY}</svg>")
    styles = Styles(root)
    assert styles.own_properties(root.find(".//path")).get("stroke") is None
    assert list(styles.not_understood) == [said]
