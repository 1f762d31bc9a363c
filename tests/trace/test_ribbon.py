"""Take thin filled shapes as lines along their middle."""

import numpy as np
import pytest
from trace_pages import apart

from sketch_rnn.convert.readers.svg import _middle
from sketch_rnn.errors import UserError
from sketch_rnn.svg.reader import read_polylines

X = np.linspace(0, 300, 60)
WAVE = np.stack([20 + X, 100 + 60 * np.sin(X / 40)], 1)


def ribbon(line):
    """Return the outline of a brush stroke that is wide in the middle."""
    along = np.gradient(line, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1) / np.hypot(*along.T)[:, None]
    half = (2 + 3 * np.sin(np.linspace(0, np.pi, len(line))))[:, None]
    ring = np.concatenate([line + across * half, (line - across * half)[::-1]])
    return "M" + " ".join(f"{x:.2f},{y:.2f}" for x, y in ring) + "Z"


def drawing(attributes="", more=""):
    text = f'<svg viewBox="0 0 340 200"><path d="{ribbon(WAVE)}" {attributes}/>{more}</svg>'
    return text.encode()


@pytest.mark.parametrize("attributes", ["", "stroke='black' stroke-width='2'"])
def test_a_ribbon_is_one_line_along_its_middle(attributes):
    found = read_polylines(drawing(attributes), middle=_middle)
    assert len(found.lines) == 1
    assert apart(found.lines, [WAVE]) < 4.5


def test_stroked_lines_beside_ribbons_are_not_changed():
    line = "<path d='M10 190H330' stroke='black' fill='none'/>"
    found = read_polylines(drawing(more=line), middle=_middle)
    assert len(found.lines) == 2
    with pytest.raises(UserError, match="--centerline"):
        read_polylines(drawing(more=line))
