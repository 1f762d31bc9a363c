"""Cut shapes down to the parts that `clip-path`, `mask`, and `overflow` leave visible.

https://www.w3.org/TR/css-masking-1/. Where a mask is black or empty, it hides everything. Where a
mask is gray, lines only become fainter, so they are kept.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

import numpy as np
import shapely

from sketch_rnn.errors import UserError
from sketch_rnn.svg import basic_shapes, regions, shapes, values
from sketch_rnn.svg.paint import Painted
from sketch_rnn.svg.regions import Region, TooMuch, Work
from sketch_rnn.svg.transforms import Box, compose
from sketch_rnn.svg.values import Units

FINE = 5e-4  # share of a region's longer side: tolerance of its flattened edge
HIDDEN = 0.02  # luminance of a mask up to which things count as hidden
MAX_SIDE = 1e9  # largest coordinate of a region, in pixels

_LIGHT = (0.2126, 0.7152, 0.0722)  # luminance of red, green and blue
_BOXES = ("border-box", "content-box", "fill-box", "margin-box", "padding-box", "stroke-box")


@dataclass(frozen=True)
class Place:
    """The position and size of an element that is clipped.

    Attributes:
      matrix: maps the element's coordinates to the page.
      box: measures the box of its content, with or without strokes.
      depth: how deeply the element is nested.
    """

    matrix: np.ndarray
    viewport: tuple[float, float]
    units: Units
    box: Callable[[bool], Box]
    depth: int


# a function (element, matrix, place, is_clip) that returns the shapes that the element's children
# paint, and whether these shapes are complete; for a clip, invisible shapes are included
Collect = Callable[[Element, np.ndarray, Place, bool], tuple[list[Painted], bool]]


@dataclass
class Clips:
    """The regions that clip the elements of a file.

    Attributes:
      by_id: the file's elements, keyed by id.
      collect: see `Collect`.
      style: returns an element's own properties.
      not_made_out: how many clips and masks were ignored or used only in part.
    """

    by_id: Mapping[str, Element]
    collect: Collect
    style: Callable[[Element], Mapping[str, str]]
    work: Work = field(default_factory=Work)
    not_made_out: Counter[str] = field(default_factory=Counter)
    _known: dict[tuple, tuple[Region, ...]] = field(default_factory=dict)
    _busy: set[Element] = field(default_factory=set)

    def regions_of(self, own: Mapping[str, str], place: Place) -> tuple[Region, ...]:
        """Return the regions that clip an element; only what lies inside all of them is visible."""
        found: list[Region] = []
        for name, read in (("clip-path", self._clip), ("mask", self._mask)):
            text = own.get(name, "none")
            if text.lower() in ("none", ""):
                continue
            try:
                self.work.add_edges(0)
                found += read(text, place)
            except (TooMuch, ValueError) as error:
                if isinstance(error, UserError):
                    raise
                self.not_made_out[name] += 1
        return tuple(found)

    def _clip(self, text: str, place: Place) -> tuple[Region, ...]:
        target = self._target(text)
        if target is not None:
            return self._referenced_regions(target, place, "clipPath", self._clip_path)
        if text.lower().startswith("url("):
            return ()  # refers to an element that does not exist
        nodes = [
            node
            for node in values.components(text)
            if not (node.type == "ident" and node.lower_value in (*_BOXES, "view-box"))
        ]
        words = text.lower().split()
        if not nodes:
            return ()
        if "view-box" in words:
            box: Box = (0.0, 0.0, *place.viewport)
        else:
            box = place.box("fill-box" not in words and "content-box" not in words)
        if len(nodes) != 1:
            raise ValueError("expected one shape")
        rings, even_odd = basic_shapes.rings(nodes[0], box, place.units)
        rings = [ring @ place.matrix[:, :2].T + place.matrix[:, 2] for ring in rings]
        return (Region(regions.filled_area(_checked(rings), even_odd, self.work)),)

    def _mask(self, text: str, place: Place) -> tuple[Region, ...]:
        target = self._target(text)
        if target is not None:
            return self._referenced_regions(target, place, "mask", self._mask_element)
        if text.lower().startswith("url("):
            return ()
        raise ValueError("expected a mask that is defined in this file")

    def _target(self, text: str) -> Element | None:
        """Return the element that a property refers to, if there is one."""
        match = re.match(r"url\(\s*['\"]?#([^'\")]*)", text)
        return self.by_id.get(match[1]) if match else None

    def _referenced_regions(
        self,
        target: Element,
        place: Place,
        tag: str,
        make: Callable[[Element, Place], tuple[Region, ...]],
    ) -> tuple[Region, ...]:
        """Return the regions that `make` computes for a referenced element; they are cached."""
        if target.tag != tag:
            return ()
        if target in self._busy:
            raise ValueError("it refers to itself")
        units = {target.get("clipPathUnits"), target.get("maskUnits", "objectBoundingBox")}
        units.add(target.get("maskContentUnits"))
        box = place.box(False) if tag == "mask" or "objectBoundingBox" in units else None
        key = (target, place.matrix.tobytes(), place.viewport, box)
        if key not in self._known:
            self._busy.add(target)
            try:
                self._known[key] = make(target, place)
            finally:
                self._busy.remove(target)
        return self._known[key]

    def _clip_path(self, target: Element, place: Place) -> tuple[Region, ...]:
        matrix = place.matrix
        if target.get("clipPathUnits") == "objectBoundingBox":
            matrix = compose(matrix, _of_box(place.box(False)))
        painted, all_of_it = self.collect(target, matrix, place, True)
        if not all_of_it:
            raise ValueError("that contains text or other things that are not shapes")
        area: shapely.Geometry = shapely.Polygon()
        for shape in painted:
            area = regions.combined(shapely.union, area, self._area(shape), self.work)
        own = self.style(target).get("clip-path", "none")
        around = () if own.lower() == "none" else self._clip(own, place)
        return (Region(area), *around)

    def _mask_element(self, target: Element, place: Place) -> tuple[Region, ...]:
        box = place.box(False)
        matrix = place.matrix
        if target.get("maskContentUnits") == "objectBoundingBox":
            matrix = compose(matrix, _of_box(box))
        painted, all_of_it = self.collect(target, matrix, place, False)
        if not all_of_it:
            self.not_made_out["mask"] += 1
        is_alpha = self.style(target).get("mask-type") == "alpha"
        shown: shapely.Geometry = shapely.Polygon()
        for shape in painted:
            for area, light, opacity in self._mask_areas(shape, is_alpha):
                if light > HIDDEN:
                    shown = regions.combined(shapely.union, shown, area, self.work)
                elif opacity > 1 - HIDDEN:
                    shown = regions.combined(shapely.difference, shown, area, self.work)
        return Region(shown), Region(shapely.Polygon(self._frame(target, place, box)))

    def _mask_areas(
        self, shape: Painted, is_alpha: bool
    ) -> Iterator[tuple[shapely.Geometry, float, float]]:
        """Yield each area that a shape in a mask paints, with the area's brightness and opacity.

        The brightness is already multiplied by the opacity.
        """
        for paint, is_stroke in ((shape.fill, False), (shape.stroke, True)):
            if paint is None:
                continue
            light = 1.0 if is_alpha or not paint.color else float(np.dot(_LIGHT, paint.color))
            if not is_alpha and not paint.color:
                self.not_made_out["mask"] += 1  # many colors: treated as white
            area = self._stroked(shape) if is_stroke else self._area(shape)
            yield area, light * paint.opacity, paint.opacity

    def _frame(self, target: Element, place: Place, box: Box) -> np.ndarray:
        """Return the corners `[4, 2]` of the box that limits a mask."""
        of_box = target.get("maskUnits") != "userSpaceOnUse"
        wholes = (1.0, 1.0) if of_box else place.viewport
        x, y, width, height = (
            values.length(target.get(name, default), wholes[i % 2], units=place.units)
            for i, (name, default) in enumerate(
                (("x", "-10%"), ("y", "-10%"), ("width", "120%"), ("height", "120%"))
            )
        )
        corners = np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
        matrix = compose(place.matrix, _of_box(box)) if of_box else place.matrix
        return _checked([corners @ matrix[:, :2].T + matrix[:, 2]])[0]

    def _area(self, shape: Painted) -> shapely.Geometry:
        """Return the area that a shape fills, cut down by the shape's own clips."""
        area = regions.filled_area(_rings(shape.filled), shape.even_odd, self.work)
        return self._within(area, shape.clips)

    def _stroked(self, shape: Painted) -> shapely.Geometry:
        lines = _checked([shapes.flatten(line, _limit(line)) for line in shape.lines])
        return self._within(
            regions.painted_area(lines, shape.width, shape.cap, self.work), shape.clips
        )

    def _within(self, area: shapely.Geometry, clips: Sequence[Region]) -> shapely.Geometry:
        for region in clips:
            area = regions.combined(shapely.intersection, area, region.area, self.work)
        return area

    def cut(self, painted: Sequence[Painted], limit: float) -> list[Painted]:
        """Return shapes cut down to the regions that clip them.

        Args:
          painted: the shapes.
          limit: the largest distance between a line and its curve, in pixels.
        """
        result = []
        for shape in painted:
            try:
                result += self._cut(shape, limit)
            except TooMuch:
                self.not_made_out["clip-path"] += 1
                result.append(shape)
        return result

    def _cut(self, shape: Painted, limit: float) -> list[Painted]:
        points = np.concatenate([line.reshape(-1, 2) for line in [*shape.lines, *shape.filled]])
        low, high = points.min(axis=0), points.max(axis=0)
        clips = [region for region in shape.clips if not region.holds(low, high)]
        if not clips:
            return [shape]
        stroke, lines = shape.stroke, []
        for line in shape.lines if stroke else ():
            lines += self._cut_line(line, clips, limit)
        fill, area = shape.fill, None
        if fill:
            filled = regions.filled_area(_rings(shape.filled), shape.even_odd, self.work)
            rings = regions.rings_of(self._within(filled, clips))
            area = [shapes.straight(ring) for ring in rings]
        stroke, fill = stroke if lines else None, fill if area else None
        if not stroke and not fill:
            return []
        return [replace(shape, lines=lines, stroke=stroke, fill=fill, area=area, even_odd=True)]

    def _cut_line(
        self, line: np.ndarray, clips: Sequence[Region], limit: float
    ) -> list[np.ndarray]:
        """Return the parts of a line that lie inside all regions, as curves `[C, 4, 2]`."""
        whole = shapes.flatten(line, max(limit, _limit(line) / 100))
        pieces = [whole]
        for region in clips:
            pieces = [part for piece in pieces for part in region.cut(piece, self.work)]
        if len(pieces) == 1 and pieces[0] is whole:
            return [line]
        return [shapes.straight(piece) for piece in pieces]


def viewport_region(matrix: np.ndarray, size: tuple[float, float]) -> tuple[Region, ...]:
    """Return the region of the page in which an `svg` or `symbol` is visible.

    The region is a rectangle from (0, 0) to `size`, mapped to the page by `matrix`.
    """
    corners = np.array([(0, 0), (size[0], 0), size, (0, size[1])], np.float64)
    corners = corners @ matrix[:, :2].T + matrix[:, 2]
    if not (np.abs(corners) < MAX_SIDE).all():
        return ()
    return (Region(shapely.Polygon(corners)),)


def _of_box(box: Box) -> np.ndarray:
    """Return the matrix that maps coordinates from 0 to 1 to a box."""
    left, top, width, height = box
    return np.array([[width, 0, left], [0, height, top]], np.float64)


def _rings(lines: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return a shape's subpaths as closed lines `[n, 2]`."""
    return _checked([shapes.closed(shapes.flatten(line, _limit(line))) for line in lines])


def _limit(line: np.ndarray) -> float:
    side = float(np.ptp(line.reshape(-1, 2), axis=0).max())
    return max(FINE * side, 1e-12) if np.isfinite(side) else 1.0


def _checked(lines: list[np.ndarray]) -> list[np.ndarray]:
    if any(not (np.abs(line) < MAX_SIDE).all() for line in lines):
        raise TooMuch
    return lines
