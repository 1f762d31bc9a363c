"""SVG files to polylines."""

import gzip
import io
import random
import re

import numpy as np
import pytest
import shapely
import svgelements
from helpers import FIXTURES

from sketch_rnn.errors import UserError
from sketch_rnn.svg import covers, shapes, visible
from sketch_rnn.svg.reader import read_polylines, read_svg

FILES = sorted((FIXTURES / "svg").glob("*.svg"))  # as editors write them
STROKED = 'fill="none" stroke="black"'


NO_PAGE = ""


def lines_of(body, attributes='width="100" height="100"', **options):
    text = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f"{attributes}>{body}</svg>"
    )
    return read_svg(text.encode(), **options)


def left_out(body, attributes='width="100" height="100"', **options):
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{body}</svg>'
    return read_polylines(text.encode(), **options).left_out


def check(lines, *expected):
    assert len(lines) == len(expected)
    for line, points in zip(lines, expected, strict=True):
        np.testing.assert_allclose(line, points, atol=1e-4)


def test_straight_path_commands_absolute_and_relative():
    lines = lines_of(f'<path {STROKED} d="M10 10 L20,10 H30 V20 l-5 5 h-5 v-5 z m1,1 2 2"/>')
    first = [(10, 10), (20, 10), (30, 10), (30, 20), (25, 25), (20, 25), (20, 20), (10, 10)]
    check(lines, first, [(11, 11), (13, 13)])


@pytest.mark.parametrize(
    ("data", "ends"),
    [
        ("M0 0C0 50 50 50 50 0", [(0, 0), (50, 0)]),
        ("M0 0c0 50 50 50 50 0s50-50 50 0", [(0, 0), (100, 0)]),
        ("M0 0Q25 50 50 0T100 0", [(0, 0), (100, 0)]),
        ("M0 0q25 50 50 0t50 0", [(0, 0), (100, 0)]),
        ("M0 0A25 25 0 0 1 50 0", [(0, 0), (50, 0)]),
        ("M0 0a25 25 0 0150 0", [(0, 0), (50, 0)]),
    ],
)
def test_curved_path_commands(data, ends):
    (line,) = lines_of(f'<path {STROKED} d="{data}"/>', NO_PAGE)
    np.testing.assert_allclose(line[[0, -1]], ends, atol=1e-9)
    assert np.ptp(line[:, 1]) > 24


@pytest.mark.parametrize("tolerance", [0.01, 0.001, 0.0001])
def test_a_circle_is_flattened_within_the_tolerance(tolerance):
    (line,) = lines_of(f'<circle {STROKED} cx="50" cy="50" r="40"/>', tolerance=tolerance)
    middle = (line[1:] + line[:-1]) / 2
    error = np.abs(np.hypot(*(middle - 50).T) - 40).max()
    assert error < 80 * tolerance
    assert len(line) < 12 / np.sqrt(tolerance)
    np.testing.assert_allclose(line[0], line[-1], atol=1e-9)


def test_basic_shapes_become_lines():
    lines = lines_of(
        f"<g {STROKED}><line x1='1' y1='2' x2='3' y2='4'/><polyline points='0,0 5,5 9 0'/>"
        "<polygon points='0 0 4 0 4 4'/><rect x='1' y='1' width='3' height='2'/></g>"
    )
    check(
        lines,
        [(1, 2), (3, 4)],
        [(0, 0), (5, 5), (9, 0)],
        [(0, 0), (4, 0), (4, 4), (0, 0)],
        [(1, 1), (4, 1), (4, 3), (1, 3), (1, 1)],
    )


def test_round_shapes_fill_their_bounding_box():
    lines = lines_of(
        f"<g {STROKED}><ellipse cx='50' cy='20' rx='30' ry='10'/>"
        "<rect x='10' y='10' width='40' height='20' rx='5'/></g>"
    )
    np.testing.assert_allclose([lines[0].min(0), lines[0].max(0)], [(20, 10), (80, 30)], atol=0.05)
    np.testing.assert_allclose([lines[1].min(0), lines[1].max(0)], [(10, 10), (50, 30)], atol=0.05)
    assert len(lines[1]) > 8


def test_nested_transforms_apply_from_the_inside_out():
    lines = lines_of(
        f'<g {STROKED} transform="translate(10 20)"><g transform="scale(2) rotate(90)">'
        '<path d="M0 0 L5 1"/></g></g>'
    )
    check(lines, [(10, 20), (8, 30)])


def test_matrix_and_skew_transforms_are_applied():
    lines = lines_of(
        f'<path {STROKED} transform="matrix(1 2 3 4 5 6)" d="M0 0 L1 1"/>'
        f'<path {STROKED} transform="skewX(45)" d="M0 0 L0 4"/>'
    )
    check(lines, [(5, 6), (9, 12)], [(0, 0), (4, 4)])


def test_view_box_and_units_are_applied():
    line = f'<line {STROKED} x1="0" y1="0" x2="10" y2="5"/>'
    check(lines_of(line, 'width="1in" height="1in" viewBox="0 0 10 10"'), [(0, 0), (96, 48)])
    check(lines_of(line, 'viewBox="-5 0 20 10"'), [(5, 0), (15, 5)])
    squeezed = 'width="100" height="20" viewBox="0 0 10 10" preserveAspectRatio="none"'
    check(lines_of(line, squeezed), [(0, 0), (100, 10)])
    centered = 'width="100" height="20" viewBox="0 0 10 10"'
    check(lines_of(line, centered), [(40, 0), (60, 10)])
    percent = f'<line {STROKED} x1="0" y1="0" x2="50%" y2="1cm"/>'
    check(lines_of(percent, 'width="200" height="100"'), [(0, 0), (100, 96 / 2.54)])


def test_use_copies_a_shape_a_group_or_a_symbol():
    lines = lines_of(
        "<defs><path id='p' d='M0 0 L1 1'/><g id='g'><use href='#p'/><use href='#p' x='5'/></g>"
        "<symbol id='s' viewBox='0 0 10 10'><path d='M0 0 L10 10'/></symbol></defs>"
        f"<g {STROKED}><use xlink:href='#p' x='10' y='20'/><use href='#g' y='1'/>"
        "<use href='#s' x='2' width='20' height='20'/></g>"
    )
    check(
        lines,
        [(10, 20), (11, 21)],
        [(0, 1), (1, 2)],
        [(5, 1), (6, 2)],
        [(2, 0), (22, 20)],
    )


@pytest.mark.parametrize(
    "hidden",
    [
        'display="none"',
        'style="display:none"',
        'visibility="hidden"',
        'opacity="0"',
        'stroke-opacity="0"',
        'stroke="none"',
        'stroke="transparent"',
        'stroke="rgba(0, 0, 0, 0)"',
        'stroke="#0000"',
        'stroke="#12345600"',
        'stroke-width="0"',
        'class="no"',
        'id="never"',
    ],
)
def test_invisible_elements_are_left_out(hidden):
    style = "<style>.no { stroke: none } #never { display: none }</style>"
    seen = '<path d="M0 0 L9 9"/>'
    shape = f"<path {hidden} d='M0 0 L5 5'/>"
    check(lines_of(f'{style}<g fill="none" stroke="#123">{seen}{shape}</g>'), [(0, 0), (9, 9)])


def test_style_sheets_and_style_attributes_give_strokes():
    body = (
        "<style>/* made by an editor */ .a, line { fill: none; stroke: #000 }</style>"
        "<path class='b a' d='M0 0L1 1'/><line x2='2' y2='2'/>"
        "<path style='stroke:currentColor; fill:none' d='M0 0L3 3'/><path d='M0 0L4 4'/>"
    )
    check(lines_of(body), [(0, 0), (1, 1)], [(0, 0), (2, 2)], [(0, 0), (3, 3)])


def test_a_use_sets_the_size_of_a_nested_svg():
    inner = '<svg id="s" viewBox="0 0 10 10" width="5" height="5"><path d="M0 0L10 10"/></svg>'
    use = '<use href="#s" x="2" width="20" height="20"/>'
    check(lines_of(f"<defs>{inner}</defs><g {STROKED}>{use}</g>"), [(2, 0), (22, 20)])


def test_only_one_child_of_a_switch_is_read():
    lines = lines_of(
        f"<switch {STROKED}><foreignObject requiredExtensions='http://ns.adobe.com/'/>"
        "<path systemLanguage='de' d='M0 0L1 1'/><g><path d='M0 0L2 2'/></g>"
        "<path d='M0 0L3 3'/></switch>"
    )
    check(lines, [(0, 0), (2, 2)])


def test_transforms_from_style_sheets_use_their_origin():
    lines = lines_of(
        "<style>.t { transform: translate(10px, 20px) scale(2) }</style>"
        f"<path class='t' {STROKED} d='M0 0L1 2'/>"
        f"<path transform='rotate(90)' transform-origin='20 80' {STROKED} d='M20 80h20'/>"
        f"<path style='transform: rotate(180deg); transform-origin: center' {STROKED} d='M0 9h1'/>"
    )
    check(lines, [(10, 20), (12, 24)], [(20, 80), (20, 100)], [(100, 91), (99, 91)])


@pytest.mark.parametrize(
    "shape",
    [
        '<circle cx="9" cy="9"/>',
        '<circle cx="9" cy="9" r="0"/>',
        '<ellipse rx="5" ry="-1"/>',
        '<rect width="5"/>',
        '<rect width="0" height="5"/>',
        '<rect x="9" y="9" width="5" height="-5"/>',
    ],
)
def test_shapes_without_a_size_are_left_out(shape):
    check(lines_of(f"<g {STROKED}>{shape}<path d='M0 0L9 9'/></g>"), [(0, 0), (9, 9)])


@pytest.mark.parametrize("page", ['viewBox="0 0 50 50"', 'width="50" height="50px"'])
def test_lines_off_the_page_are_left_out_unless_all_are(page):
    on, off = "<path d='M-9 9L9 9'/>", "<path d='M60 60L70 70'/><path d='M-9-9L-3-3'/>"
    thin = f"fill='none' stroke='#000' stroke-width='{1e-9}'"
    check(lines_of(f"<g {thin}>{off}{on}</g>", page), [(0, 9), (9, 9)])
    check(
        lines_of(f"<g {thin}><path d='M-9 9H90V20H-9'/></g>", page),
        [(0, 9), (50, 9)],
        [(50, 20), (0, 20)],
    )
    assert len(lines_of(f"<g {thin}>{off}</g>", page)) == 2
    assert len(lines_of(f"<g {thin}>{off}{on}</g>", 'width="50"')) == 3


def test_a_frame_just_outside_the_page_stays_whole():
    frame = f"<rect {STROKED} x='-.3' y='-.3' width='100.6' height='100.6'/>"
    check(
        lines_of(frame), [(-0.3, -0.3), (100.3, -0.3), (100.3, 100.3), (-0.3, 100.3), (-0.3, -0.3)]
    )


def test_a_dot_on_a_page_is_not_enlarged():
    with pytest.raises(UserError, match="all its points are in one place"):
        lines_of(f'<path {STROKED} d="M2 20h.01"/>', 'viewBox="0 0 24 24"')


def test_elements_that_are_not_rendered_directly_are_left_out():
    unseen = "".join(
        f"<{tag} {STROKED}><path d='M0 0L5 5'/></{tag}>"
        for tag in ("defs", "symbol", "clipPath", "mask", "marker", "pattern", "metadata", "text")
    )
    check(lines_of(f"{unseen}<path {STROKED} d='M0 0L9 9'/>"), [(0, 0), (9, 9)])


def test_fills_are_ignored_unless_outlines_are_requested():
    filled = '<path d="M0 0H5V5z"/>'
    with pytest.raises(UserError, match="nothing in it is stroked, only filled"):
        lines_of(filled)
    check(lines_of(filled, outline=True), [(0, 0), (5, 0), (5, 5), (0, 0)])
    assert len(lines_of(filled + f'<path {STROKED} d="M0 0L9 9"/>')) == 1


def test_a_dot_is_one_point():
    check(lines_of(f'<path {STROKED} d="M5 5h0M9 9z"/>'), [(5, 5)], [(9, 9)])


def test_path_data_is_read_up_to_its_first_error():
    check(lines_of(f'<path {STROKED} d="M0 0L5 5L9 x"/>'), [(0, 0), (5, 5)])


def test_gzipped_files_are_read_and_errors_name_the_file(tmp_path):
    text = f'<svg xmlns="http://www.w3.org/2000/svg"><path {STROKED} d="M0 0L5 5"/></svg>'
    path = tmp_path / "a.svgz"
    path.write_bytes(gzip.compress(text.encode()))
    check(read_svg(path), [(0, 0), (5, 5)])
    path.write_bytes(gzip.compress(text.encode())[:-20])
    with pytest.raises(UserError, match=r"a\.svgz: its gzip compression is damaged"):
        read_svg(path)
    with pytest.raises(UserError, match="there is no such file"):
        read_svg(tmp_path / "b.svg")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not well-formed"),
        (b"\x00\xff\xfe", "not well-formed"),
        (b"<svg><path", "not well-formed"),
        (b"<html/>", "first element <html>"),
        (b"<svg><g/></svg>", "it shows no lines$"),
        (b"<svg><text>hello</text></svg>", "it shows no lines, only text, which has to be"),
        (b"<svg><text>hello</text></svg>", "converted to paths first .Inkscape's Object to Path"),
        (b'<svg><image href="data:,"/></svg>', "only a picture, which has to be traced"),
        (b'<svg><image href="data:,"/></svg>', "Inkscape's Trace Bitmap, potrace or autotrace"),
        (b'<svg stroke="red"><path d="M0 0L1e300 5"/></svg>', "too large"),
        (b'<svg stroke="red"><path d="M0 0L1e999 5"/></svg>', "too large"),
        (b'<?xml version="1.0" encoding="nonsense"?><svg/>', "not"),
    ],
)
def test_a_broken_file_gives_a_one_line_error(content, message):
    with pytest.raises(UserError, match=message) as error:
        read_svg(content)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("before", "encoding"),
    [
        ("\r\n ", "utf-8"),
        ("\ufeff", "utf-8"),
        ("\ufeff\n\n", "utf-8"),
        ("\n\ufeff", "utf-8"),
        ("", "utf-16"),
        ("\n \n", "utf-16"),
        ("\ufeff\n", "utf-16-be"),
    ],
)
def test_text_before_the_xml_declaration_is_ignored(before, encoding):
    text = f'{before}<?xml version="1.0"?><svg><path {STROKED} d="M0 0L5 5"/></svg>'
    check(read_svg(text.encode(encoding)), [(0, 0), (5, 5)])


@pytest.mark.parametrize("namespace", ["http://www.w3.org/2000/svg", "https://www.w3.org/2000/svg"])
def test_a_namespace_with_https_is_accepted(namespace):
    text = f'<svg xmlns="{namespace}"><path {STROKED} d="M0 0L5 5"/></svg>'
    check(read_svg(text.encode()), [(0, 0), (5, 5)])
    with pytest.raises(UserError, match="got a first element <>"):
        read_svg(text.replace("www.w3", "www.w4").encode())


DRAWN = f'<path {STROKED} d="M0 0L5 5"/>'


@pytest.mark.parametrize(
    "text",
    [
        f'<svg><g inkscape:label="a" sodipodi:insensitive="true">{DRAWN}</g></svg>',
        f'<svg><sodipodi:namedview/><rdf:RDF><path d="M9 9h9"/></rdf:RDF>{DRAWN}</svg>',
        f'<svg><g kvg:element="b" serif:id="c" sketch:type="d">{DRAWN}</g></svg>',
        f'<svg><defs><g id="a">{DRAWN}</g></defs><use xlink:href="#a"/></svg>',
        f"<svg:svg>{DRAWN.replace('path', 'svg:path')}</svg:svg>",
        f"<svg><title>a&nbsp;b &copy; &hellip; &eacute;</title>{DRAWN}</svg>",
        f'<svg><title>cats & dogs &</title><a href="?a=1&b=2">{DRAWN}</a></svg>',
        f"<svg><style><![CDATA[a > b & c {{}} /* &nbsp; */]]></style><!-- & &x; -->& {DRAWN}</svg>",
        f'<svg xmlns="&ns_svg;" xmlns:i="&ns_ai;">{DRAWN}</svg>',
        f"<svg><desc>\x0b\x1f&#x1f;&#0;</desc>{DRAWN}</svg>",
        f'<!doctype svg [<!ENTITY own "M0 0L5 5">]><svg>&nbsp;{DRAWN}</svg>'.replace(
            "M0 0L5 5", "&own;", 1
        ).replace('own "&own;"', 'own "M0 0L5 5"'),
    ],
)
def test_files_that_are_almost_xml_are_read(text):
    check(read_svg(text.encode()), [(0, 0), (5, 5)])


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="UTF-8"?>'])
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_undeclared_latin_1_is_read(declaration, encoding):
    text = f"{declaration}<svg><title>\xe9t\xe9 \xa9</title>{DRAWN}</svg>"
    check(read_svg(text.encode(encoding)), [(0, 0), (5, 5)])
    check(read_svg(text.replace("\xa9", "&nbsp;&").encode(encoding)), [(0, 0), (5, 5)])


def test_href_takes_precedence_over_xlink_href():
    body = f'<defs><g id="a">{DRAWN}</g></defs><use href="#a" xlink:href="#b"/>'
    check(lines_of(body), [(0, 0), (5, 5)])
    swapped = body.replace('href="#a" xlink:href="#b"', 'xlink:href="#b" href="#a"')
    check(lines_of(swapped), [(0, 0), (5, 5)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<svg>\n<g></svg>", "line 2, column 6: mismatched tag"),
        ("<svg>\n <g odd:a='1'/></svg>", "line 2, column 2: the prefix odd: is not declared"),
        ("<svg>\n\n  &unheard;</svg>", "line 3, column 3: the entity &unheard; is not declared"),
        ("<svg>\n<title>a < b</title></svg>", "line 2, column 11: not well-formed"),
        ("<svg a='1' a='2'/>", "line 1, column 12: duplicate attribute"),
    ],
)
def test_the_error_for_invalid_xml_says_where(text, said):
    with pytest.raises(UserError, match=f"^not well-formed XML: {said}"):
        read_svg(text.encode())


LINE = f"<path {STROKED} d='M0 0L90 90'/>"


def test_small_filled_shapes_beside_lines_are_dots_and_short_lines():
    dot = '<circle cx="50" cy="20" r="2"/>'
    dash = '<path d="M20 70h5v1h-5z" fill="red"/>'
    check(lines_of(dot + LINE + dash), [(50, 20)], [(0, 0), (90, 90)], [(20.5, 70.5), (24.5, 70.5)])
    assert left_out(dot + LINE + dash) == []


def test_the_hole_of_a_small_ring_is_not_a_dot():
    ring = '<path d="M50 20h4v4h-4zM51 21v2h2v-2z"/>'
    check(lines_of(ring + LINE), [(52, 22)], [(0, 0), (90, 90)])
    two = '<path d="M50 20h4v4h-4zM60 20h4v4h-4z"/>'
    check(lines_of(two + LINE), [(52, 22)], [(62, 22)], [(0, 0), (90, 90)])


def test_larger_filled_shapes_are_counted_and_reported():
    filled = '<path d="M10 50h20v20z"/>'
    check(lines_of(filled + LINE), [(0, 0), (90, 90)])
    assert left_out(filled + LINE) == ["1 filled shape left out; --outline draws their edges"]
    assert left_out(filled * 3 + LINE) == ["3 filled shapes left out; --outline draws their edges"]
    assert left_out(filled + LINE, outline=True) == []
    assert left_out('<path stroke="red" d="M10 50h20v20z"/>') == []  # its edge is drawn


@pytest.mark.parametrize(
    "unseen",
    [
        '<rect width="100" height="100" fill="#fff"/>',
        '<rect width="100%" height="100%" fill="navy"/>',
        '<rect x="20" y="50" width="30" height="10" fill="white"/>',
        '<rect x="20" y="50" width="30" height="10" fill="none"/>',
        '<rect x="120" y="50" width="30" height="10"/>',
        '<text fill="none"> </text><image/>',
    ],
)
def test_elements_that_a_browser_hides_are_not_reported(unseen):
    assert left_out(unseen + LINE) == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<text>a</text><text>b</text>", "2 texts left out; to be converted to paths first"),
        ("<image href='data:,'/>", "1 picture left out; to be traced to lines first"),
        (
            "<clipPath id='c'><text>a</text></clipPath>"
            f"<path {STROKED} clip-path='url(#c)' d='M0 9h9'/>",
            "1 clip-path left out; what should be hidden is drawn too",
        ),
        (
            f"<mask id='c'><image href='x'/></mask><path {STROKED} mask='url(#c)' d='M0 9h9'/>",
            "1 mask left out; what should be hidden is drawn too",
        ),
        (
            f"<path {STROKED} stroke-dasharray='2 3' d='M1 1h90'/>",
            "dashed lines are drawn without their gaps",
        ),
        (
            f"<marker id='m'/><path {STROKED} d='M1 1h9' marker-end='url(#m)'/>",
            "1 marker left out; to be drawn as paths",
        ),
        ("<path style='transform:twist(9deg)'/>", "not understood: transform: twist(9deg)"),
        ("<path style='transform:translate(9,9)'/>", "not understood: transform: translate(9,9)"),
        ("<path transform='rotate(9deg)'/>", "not understood: transform: rotate(9deg)"),
        ("<path style='offset-path:path(\"M0 0\")'/>", "not understood: offset-path: path("),
        ("<style>g:nth-col(2){stroke:red}</style>", "not understood: selector g:nth-col(2)"),
        ("<path style='width:5furlong'/>", "not understood: width: 5furlong"),
    ],
)
def test_elements_left_out_are_reported_once_by_name(body, said):
    texts = left_out(body * 2 + LINE if "understood" in said else body + LINE)
    assert len(texts) == 1 and texts[0].startswith(said)


def test_reading_warns_about_elements_left_out(tmp_path, caplog):
    path = tmp_path / "a.svg"
    path.write_text(f"<svg>{LINE}<text>a</text></svg>")
    read_svg(path)
    assert f"{path}: 1 text left out" in caplog.text


WHITE = 'fill="none" stroke="white"'


def test_lines_covered_by_white_strokes_are_not_drawn():
    crossing = f'<path {WHITE} stroke-width="20" d="M50 0V90"/>'
    line = f'<path {STROKED} d="M10 50h80"/>'
    left, right = lines_of(line + crossing)
    np.testing.assert_allclose([left[0], left[-1]], [(10, 50), (40, 50)], atol=0.2)
    np.testing.assert_allclose([right[0], right[-1]], [(60, 50), (90, 50)], atol=0.2)
    check(lines_of(crossing + line), [(10, 50), (90, 50)])
    check(lines_of(line + crossing.replace("white", "#eee"))[:1], [(10, 50), (90, 50)])
    faint = crossing.replace("/>", ' stroke-opacity=".4"/>')
    check(lines_of(line + faint), [(10, 50), (90, 50)])
    thin = crossing.replace('"20"', '"0.4"')
    check(lines_of(line + thin), [(10, 50), (90, 50)])


def test_an_enormous_stroke_width_is_accepted():
    wide = f'<path {WHITE} stroke-width="1e300" stroke-linecap="round" d="M5 5h1"/>'
    check(lines_of(wide + LINE), [(0, 0), (90, 90)])
    with pytest.raises(UserError, match="it shows no lines"):
        lines_of(LINE + wide)


def test_a_circle_erased_in_one_place_is_one_line():
    circle = f'<circle {STROKED} cx="50" cy="50" r="40"/>'
    (line,) = lines_of(f'{circle}<path {WHITE} stroke-width="20" d="M10 20v60"/>')
    assert line[:, 0].min() > 10 and line[:, 0].max() > 89 and len(line) > 20


def test_white_lines_alone_are_drawn_on_a_dark_page():
    check(lines_of(f'<path {WHITE} d="M0 0L9 9"/>'), [(0, 0), (9, 9)])
    rubbed = f'<path {WHITE} stroke-width="9" d="M0 0L9 9"/>'
    with pytest.raises(UserError, match="it shows no lines"):
        lines_of(f'<path {STROKED} d="M1 1L8 8"/>{rubbed}')
    on_black = f'<rect width="100" height="100"/><path {WHITE} d="M0 0L9 9"/>'
    check(lines_of(on_black), [(0, 0), (9, 9)])
    black = f'<path {STROKED} d="M0 50h50"/>'
    check(lines_of(on_black + black), [(0, 0), (9, 9)])


def test_white_lines_on_a_filled_shape_are_read():
    filled = '<rect x="20" y="20" width="60" height="60" fill="red"/>'
    (line,) = lines_of(f'{filled}<path {WHITE} d="M0 50h100"/>')
    np.testing.assert_allclose([line[0], line[-1]], [(20, 50), (80, 50)], atol=0.2)


def test_white_strokes_are_compared_only_with_nearby_lines(monkeypatch):
    """With 300 lines under 300 white strokes, only nearby pairs are compared."""
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 990, (600, 2))
    ends = starts + rng.uniform(-9, 9, (600, 2))
    texts = [f"M{a:.2f} {b:.2f}L{c:.2f} {d:.2f}" for a, b, c, d in np.hstack([starts, ends])]
    body = '<svg x="0" y="0" viewBox="0 0 1000 1000" width="100" height="100">{}</svg>'
    round_ended = f'{WHITE} stroke-width="12" stroke-linecap="round"'
    black = "".join(f'<path {STROKED} d="{text}"/>' for text in texts[:300])
    white = "".join(f'<path {round_ended} d="{text}"/>' for text in texts[300:])
    looked_at, are_near = [], covers._are_near

    def counted(points, segments, reach):
        looked_at.append(len(segments))
        return are_near(points, segments, reach)

    monkeypatch.setattr(covers, "_are_near", counted)
    lines = lines_of(body.format(black + white))
    assert 0 < max(looked_at) < 30
    monkeypatch.setattr(covers, "MAX_BUFFERED", 1000)  # as areas, which are exact
    assert len(lines) == len(lines_of(body.format(black + white))) != 300


def test_hidden_lines_beyond_the_limit_are_drawn_and_reported(monkeypatch):
    monkeypatch.setattr(visible, "MAX_TESTS", 1000)
    body = "".join(
        f'<path {STROKED} d="M10 {y}h80"/><path {WHITE} stroke-width="9" d="M50 0v90"/>'
        for y in range(10, 90, 10)
    )
    assert left_out(body) == ["hidden lines are drawn too; too many shapes overlap"]


def test_entities_from_old_editors_are_expanded():
    text = f'<!DOCTYPE svg [<!ENTITY s "http://x.example/"><!ENTITY d "M0 0L5 5">]>\
<svg xmlns:i="&s;"><path {STROKED} d="&d;"/></svg>'
    check(read_svg(text.encode()), [(0, 0), (5, 5)])


SLOW_SELECTORS = {
    "selectors of ancestors": f"{'* ' * 16}path {{ fill: red }}",
    "selectors of siblings": "path ~ path ~ path ~ line { fill: red }" * 10,
    "selectors of numbers": "path:nth-of-type(7), path:nth-last-of-type(odd of g) { fill: red }",
    "selectors of what is inside": ":root:has(path > line), g:has(line) path { fill: red }" * 99,
    "selectors of long attributes": "[class~=b] { fill: red }" * 4000,
    "selectors of many": "".join(f"a{i}{{fill:red}}" for i in range(30_000)),
    "selectors of many parts": f":is({'[x],' * 900}[y]) {{ fill: red }}" * 30,
}


def hostile(kind):
    if kind == "entity bomb":
        ten = [f"&a{i};" * 10 for i in range(11)]
        levels = "".join(f'<!ENTITY a{i + 1} "{text}">' for i, text in enumerate(ten))
        return f'<!DOCTYPE svg [<!ENTITY a0 "ha">{levels}]><svg>&a11;</svg>'
    if kind == "external entity":
        return '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'
    if kind == "external parameter entity":
        return '<!DOCTYPE svg [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><svg/>'
    if kind == "use bomb":
        ten = [f"<use href='#u{i}'/>" * 10 for i in range(11)]
        levels = "".join(f"<g id='u{i + 1}'>{uses}</g>" for i, uses in enumerate(ten))
        return f"<svg {STROKED}><path id='u0' d='M0 0L1 1'/>{levels}</svg>"
    if kind == "use of itself":
        return f"<svg {STROKED} id='a'><g id='b'><use href='#b'/></g><use href='#a'/></svg>"
    if kind == "deep nesting":
        return "<svg>" + "<g>" * 200_000 + "</g>" * 200_000 + "</svg>"
    if kind == "many rules":
        return f"<svg><style>{'path{fill:red}' * 3000}</style>{'<path/>' * 3000}</svg>"
    if kind.startswith("selectors of "):
        sheet = SLOW_SELECTORS[kind]
        nested = "<g>" * 90 + "<path/>" * 3000 + "</g>" * 90
        paths = f"<path class='{'a ' * 100_000}'/>"
        return f"<svg><style>{sheet}</style>{nested}{paths}{'<path/>' * 6000}</svg>"
    if kind == "closed lines":
        return f"<svg {STROKED}><path d='M0 0{'z' * 100_000}'/></svg>"
    if kind == "default attributes":
        dtd = f"<!DOCTYPE svg [<!ATTLIST path d CDATA '{'M0 0L1 1' * 2_000}'>]>"
        return f"{dtd}<svg {STROKED}>{'<path/>' * 19_000}</svg>"
    if kind == "entities in attributes":
        dtd = f"<!DOCTYPE svg [<!ENTITY e '{'M0 0L1 1' * 25}'>]>"
        return f"{dtd}<svg {STROKED}><path d='{'&e;' * 150_000}'/></svg>"
    uses = "<use href='#p'/>" * 15_000
    if kind == "use of much text":
        path = f"<path id='p' class='{'a ' * 250_000}' d='M0 0L1 1'/>"
        sheet = "<style>.b{stroke:red}</style>"
        return f"<svg {STROKED}>{sheet}{path}{uses}</svg>"
    if kind == "use of many moves":
        path = f"<path id='p' d='{'M1 1' * 20_000}L2 2'/>"
        return f"<svg {STROKED}>{path}{uses}</svg>"
    if kind == "endless polyline":
        return f"<svg {STROKED}><polyline points='{'1 2 ' * 1_000_000}'/></svg>"
    if kind == "endless curve":
        return f"<svg {STROKED}><path d='{'M0 0C9e9 9e9-9e9 9e9 1 1' * 40_000}'/></svg>"
    return f"<svg {STROKED}><path d='M0 0{'c1 1 1 1 1 1' * 60_000}'/></svg>"


@pytest.mark.parametrize(
    "kind",
    [
        "entity bomb",
        "external entity",
        "external parameter entity",
        "use bomb",
        "use of itself",
        "deep nesting",
        "many rules",
        *SLOW_SELECTORS,
        "closed lines",
        "default attributes",
        "entities in attributes",
        "use of much text",
        "use of many moves",
        "endless polyline",
        "endless curve",
        "endless path",
    ],
)
def test_hostile_files_are_refused(kind):
    with pytest.raises(UserError) as error:
        read_svg(hostile(kind).encode())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("sign", ["M1 1", "l1 1", "t1 1", "a1 1 0 0 1 5 5"])
def test_parsing_stops_early_for_a_path_that_is_too_long(sign, monkeypatch):
    made, append = [], svgelements.Path.append
    monkeypatch.setattr(
        svgelements.Path, "append", lambda path, segment: made.append(append(path, segment))
    )
    monkeypatch.setattr(shapes, "MAX_SEGMENTS", 50)
    with pytest.raises(UserError, match="more than 50 segments"):
        lines_of(f'<path {STROKED} d="M0 0{sign * 1000}"/>')
    assert len(made) == 50


def test_a_line_counts_as_one_segment(monkeypatch):
    monkeypatch.setattr(shapes, "MAX_SEGMENTS", 5)
    assert len(lines_of(f'<line {STROKED} x2="3" y2="4"/>' * 5)) == 5
    with pytest.raises(UserError, match="more than 5 segments"):
        lines_of(f'<line {STROKED} x2="3" y2="4"/>' * 6)


def test_a_polygon_is_closed_and_a_polyline_is_not():
    points = "points='1,2 3-4 5.5.5'"
    check(lines_of(f"<polyline {STROKED} {points}/>", NO_PAGE), [(1, 2), (3, -4), (5.5, 0.5)])
    closed = [(1, 2), (3, -4), (5.5, 0.5), (1, 2)]
    check(lines_of(f"<polygon {STROKED} {points}/>", NO_PAGE), closed)


def test_references_to_other_files_are_not_followed(tmp_path):
    other = tmp_path / "other.svg"
    other.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg"><path id="p" {STROKED} d="M0 0L1 1"/></svg>'
    )
    with pytest.raises(UserError, match="it shows no lines"):
        lines_of(f'<use href="{other}#p"/><use href="file://{other}#p"/><image href="{other}"/>')


def test_a_gzip_bomb_is_refused():
    with pytest.raises(UserError, match="larger than the limit"):
        read_svg(gzip.compress(b" " * (64 << 20)))


SEED = f"""<svg xmlns="http://www.w3.org/2000/svg" width="100mm" height="50%" viewBox="0 0 100 50"
 preserveAspectRatio="xMaxYMin slice"><style>.a, #b {{ stroke: red }}</style><defs>
<symbol id="s" viewBox="0 0 9 9"><path d="M0 0L5 5"/></symbol></defs><g class="a" fill="none"
 transform="translate(10,20) rotate(30 5 5) scale(2 .5)"><use href="#s" x="1" width="5"/>
<path id="b" d="M10 10 C20 20 30 30 40 10 S 5 5 6 6 Q1 2 3 4 T 9 9 A5 6 30 1 0 20 20 H5 V8 Z"/>
<ellipse cx="5%" cy="1in" rx="2em" ry="3ex"/><rect width="30" height="20" rx="50%"/>
<polyline points="1,2 3,4 5 6"/></g><path {STROKED} d="m1 1l2 2c1 1 2 2 3 0z"/></svg>"""
ODD = [
    "1e308",
    "-1e308",
    "1e-320",
    "nan",
    "inf",
    "-",
    "e",
    ".",
    "99999999999999999999",
    "1e11",
    "%",
    "#",
    "em",
    "z",
    "A0,0",
    "none",
    "0",
    "-5",
]


def test_mutated_files_are_read_or_refused_in_one_line():
    rng = random.Random(0)
    read = 0
    for _ in range(1500):
        text = SEED
        for _ in range(rng.choice((1, 2, 4))):
            words = list(re.finditer(r"-?[\d.]+|[A-Za-z]+|.", text))
            word = rng.choice(words)
            text = text[: word.start()] + rng.choice(ODD) + text[word.end() :]
        try:
            lines = read_svg(text.encode(), outline=rng.random() < 0.5)
            assert all(np.isfinite(line).all() and line.shape[1] == 2 for line in lines)
            read += 1
        except UserError as error:
            assert "\n" not in str(error)
    assert 100 < read < 1400


def test_an_unpaired_last_coordinate_is_left_out():
    check(lines_of(f"<polyline {STROKED} points='0 0 5 5 9'/>"), [(0, 0), (5, 5)])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_from_editors_are_read_as_a_renderer_draws_them(path):
    image, resvg_py = pytest.importorskip("PIL.Image"), pytest.importorskip("resvg_py")
    lines = read_svg(path)
    options = {"zoom": 2, "dpi": 96, "style_sheet": "* {fill: none !important}"}
    png = resvg_py.svg_to_bytes(svg_string=path.read_text(), background="white", **options)
    gray = np.asarray(image.open(io.BytesIO(bytes(png))).convert("L"))
    pixels = shapely.points((np.argwhere(gray < 150)[:, ::-1] + 0.5) / 2)
    drawn = shapely.linestrings(np.concatenate([np.stack([a[:-1], a[1:]], axis=1) for a in lines]))
    on_lines = shapely.line_interpolate_point(
        drawn[:, None], np.linspace(0, 1, 30), normalized=True
    ).ravel()
    side = max(gray.shape) / 2
    assert furthest(on_lines, pixels) < 0.004 * side + 0.5
    assert furthest(pixels, drawn) < 0.015 * side


def furthest(shapes, others):
    """Return the largest distance from a shape to the nearest of the others."""
    nearest = shapely.STRtree(others).query_nearest(shapes, return_distance=True, all_matches=False)
    return nearest[1].max()


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-16", "utf-8"), ("utf-16", "UTF-16"), ("shift_jis", "Shift_JIS"), ("euc_jp", "EUC-JP")],
)
def test_files_in_utf_16_and_in_east_asian_encodings_are_read(encoding, said):
    text = (
        f'<?xml version="1.0" encoding="{said}"?><svg xmlns="http://www.w3.org/2000/svg">'
        '<title>漢字</title><path d="M0 0L9 5" stroke="black"/></svg>'
    )
    (line,) = read_polylines(text.encode(encoding)).lines
    assert line.tolist() == [[0, 0], [9, 5]]


def test_a_stroke_wider_than_its_filled_shape_is_a_line():
    """An example is KanjiVG's semicolon, whose strokes are also filled."""
    comma = "M51,104.5c3.61-2.46,6.65-7.37,6.65-13.29c0-1.68-1.36-3.03-3.04-3.03c-1.68,0-3.03,1.36"
    comma += "-3.03,3.03c0,1.67,1.36,3.03,3.03,3.03c4.62,0-0.15,7.08-3.61,10.26"
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 109 109" fill="black" '
    svg += f'stroke="black" stroke-width="{{}}"><path d="{comma}"/></svg>'
    (line,) = read_polylines(svg.format(3).encode()).lines
    assert np.allclose(line[0], [51, 104.5])
    with pytest.raises(UserError, match="most of its ink is in filled shapes"):
        read_polylines(svg.format(0.1).encode())
