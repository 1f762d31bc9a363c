#!/usr/bin/env python3
"""Draw the embedded doodles: `python scripts/make_doodles.py` writes `datasets/doodles/`.

Every doodle has a random hand with its habits (how unsteady it is, where it starts a circle and
which way it turns, whether it closes shapes) and a random figure (its proportions, the parts that
are present, the order of the strokes). The doodle is then simplified as in Quick, Draw!: scaled to
a box of 0..255, then Ramer-Douglas-Peucker with epsilon 2.5. Doodle i in a category depends only on
(SEED, category, i), so the same seed gives the same files.
"""

import argparse
from pathlib import Path

import numpy as np

from sketch_rnn.convert.prepare import Recipe, to_sketch
from sketch_rnn.drawing import draw

SEED = 1704
SPLITS = {"train": 1000, "valid": 100, "test": 100}
RECIPE = Recipe(size=255, epsilon=2.5, max_points=1000)
MAX_POINTS = 64  # a doodle with more points is drawn again, not simplified further
SHEET_COLUMNS = 11
FULL = 2 * np.pi


class Hand:
    """A pen in an unsteady hand. The sheet is about 200 x 200 units, with y pointing down."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.lines = []
        self.wobble = rng.uniform(0.5, 2.2)
        self.carelessness = rng.uniform(0.2, 1.0)
        self.turn = 1 if rng.random() < 0.3 else -1  # 1 is clockwise on the sheet
        self.start = -np.pi / 2 + rng.normal(0, 0.3)  # the top
        self.loopy = rng.random() < 0.35  # small circles rather than dots

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def between(self, low: float, high: float) -> float:
        return self.rng.uniform(low, high)

    def about(self, value: float, share: float = 0.12) -> float:
        """Return `value`, give or take a share of it."""
        return value * np.exp(share * np.clip(self.rng.normal(), -2, 2))

    def stroke(self, points) -> None:
        """Draw one pen line through closely spaced points, with a slow wobble and a drift."""
        points = _evenly(np.asarray(points, float))
        length = np.linalg.norm(np.diff(points, axis=0), axis=1).sum()
        along = np.linspace(0, 1, len(points))[:, None]
        size = min(1.0, length / 90)
        for waves in (0.5, 1, 2):
            amplitude = self.rng.normal(0, self.wobble * size / waves, 2)
            phase = self.rng.uniform(0, FULL, 2)
            points = points + amplitude * np.sin(FULL * waves * along + phase)
        points = points + along * self.rng.normal(0, 2.5 * self.carelessness * size, 2)
        self.lines.append(points)

    def straight(self, *corners, closed: bool = False) -> None:
        """Draw straight lines from corner to corner; a closed shape ends near its beginning."""
        corners = [np.asarray(corner, float) for corner in corners]
        if closed:
            corners.append(corners[0])
        overshoot = self.rng.normal(0.0, 2.5 * self.carelessness)
        last = corners[-1] - corners[-2]
        corners[-1] = corners[-1] + last / max(np.linalg.norm(last), 1) * overshoot
        self.stroke(corners)

    def curve(self, *corners) -> None:
        """Draw a smooth line through the corners (Catmull-Rom)."""
        self.stroke(_smooth(np.array(corners, float)))

    def oval(self, x, y, rx, ry=None) -> None:
        """Draw a more or less closed oval."""
        over = self.rng.normal(0.05, 0.16 * self.carelessness)
        start = self.start + self.rng.normal(0, 0.15)
        self.arc(
            x, y, rx, rx if ry is None else ry, start, start + self.turn * FULL * (1 + over / 2)
        )

    def arc(self, x, y, rx, ry, start, end) -> None:
        """Draw the part of an oval between two angles in radians; pi / 2 is the lowest point."""
        angle = np.linspace(start, end, 60)
        self.stroke(np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1))

    def dot(self, x, y, size: float = 4) -> None:
        """Draw an eye or a button: a tiny circle or a tick, depending on this hand's habit."""
        if self.loopy:
            self.oval(x, y, self.about(size + 1.5))
        else:
            self.stroke([(x, y - size / 2 - 1), (x + self.rng.normal(0, 1), y + size / 2 + 1)])

    def shuffled(self, *parts) -> None:
        """Draw the parts in an order that this hand chooses: usually the given one."""
        order = list(range(len(parts)))
        if self.chance(0.3):
            i = self.rng.integers(len(parts) - 1)
            order[i], order[i + 1] = order[i + 1], order[i]
        for i in order:
            parts[i]()


def cat(hand: Hand) -> None:
    w, h = hand.about(62), hand.about(52)
    ear, lean = hand.about(34), hand.between(0, 10)
    eye, level = hand.about(0.42) * w, hand.between(-14, -2)
    slit = hand.chance(0.2)

    def head():
        if hand.chance(0.45):
            _eared_head(hand, w, h, ear, lean)
            return
        hand.oval(0, 0, w, h)
        for side in hand.rng.permutation([-1, 1]) if hand.chance(0.3) else (-1, 1):
            outer, inner = (side * 0.88 * w, -0.48 * h), (side * 0.30 * w, -0.95 * h)
            tip = (side * (0.78 * w + lean), -0.75 * h - ear)
            hand.straight(*((outer, tip, inner) if side < 0 else (inner, tip, outer)))

    def eyes():
        for side in (-1, 1):
            if slit:
                hand.straight((side * eye, level - 8), (side * eye, level + 8))
            else:
                hand.dot(side * eye, level, 5)

    def nose():
        size = hand.about(7)
        y = hand.between(8, 14)
        hand.straight((-size, y), (size, y), (0, y + size), closed=True)
        if hand.chance(0.6):
            drop, wide = y + size, hand.between(11, 20)
            hand.curve((-wide, drop + 5), (-wide / 2, drop + 12), (0, drop + 2))
            hand.curve((0, drop + 2), (wide / 2, drop + 12), (wide, drop + 5))

    def whiskers():
        count, long = hand.rng.choice([2, 3], p=[0.75, 0.25]), hand.about(48, 0.2)
        for side in (-1, 1):
            for i in range(count):
                slope = (i - (count - 1) / 2) * 9
                near = (side * (0.35 * w), 14 + 0.6 * slope)
                hand.straight(near, (side * (0.35 * w + long), 12 + 2.2 * slope))

    parts = [head, eyes, nose] + ([whiskers] if hand.chance(0.88) else [])
    hand.shuffled(*parts)


def _eared_head(hand: Hand, w: float, h: float, ear: float, lean: float) -> None:
    """Draw a cat's head and ears in one line."""
    angle = np.radians(np.linspace(-140, -400, 40))
    under = np.stack([w * np.cos(angle), h * np.sin(angle)], axis=1)
    left, right = under[0], under[-1]
    top = [
        (right[0] + lean, right[1] - ear),
        (0.32 * w, -0.84 * h),
        (-0.32 * w, -0.84 * h),
        (left[0] - lean, left[1] - ear),
        left + hand.rng.normal(0, 3 * hand.carelessness, 2),
    ]
    outline = np.concatenate([under, top])
    hand.stroke(outline if hand.turn < 0 else outline[::-1])


def fish(hand: Hand) -> None:
    side = 1 if hand.chance(0.3) else -1  # the side that the fish faces
    long, high = hand.about(78), hand.about(42, 0.18)
    tail, spread = hand.about(38, 0.2), hand.about(34, 0.2)

    def body():
        if hand.chance(0.5):  # one line: tail, back, nose, belly, tail
            back = [(0.85 * long, -0.1 * high), (0.2 * long, -0.95 * high)]
            belly = [(0.2 * long, 0.95 * high), (0.85 * long, 0.1 * high)]
            line = _smooth(np.array([
                (long + tail, spread), *back, (-0.55 * long, -0.75 * high), (-long, 0),
                (-0.55 * long, 0.75 * high), *belly, (long + tail, -spread),
            ]))  # fmt: skip
            hand.stroke(_mirror(line, side))
            if hand.chance(0.8):
                hand.stroke(_mirror([(long + tail, -spread), (long + 0.7 * tail, 0),
                                     (long + tail, spread)], side))  # fmt: skip
            return
        hand.oval(0, 0, long, high)
        root, end = 0.96 * long, long + tail
        corners = [(root, 0), (end, -spread), (end - hand.between(-4, 14), 0), (end, spread),
                   (root, 4)]  # fmt: skip
        hand.stroke(_mirror(corners, side))

    def eye():
        hand.dot(side * 0.6 * long, -hand.between(0.15, 0.35) * high, 5)

    def mouth():
        y = hand.between(0.15, 0.3) * high
        hand.curve(*_mirror([(-0.93 * long, y), (-0.8 * long, y + 4), (-0.68 * long, y)], side))

    def fins():
        if hand.chance(0.6):
            lift = hand.between(14, 30)
            hand.curve(*_mirror([(-0.25 * long, -0.95 * high), (0.15 * long, -high - lift),
                                 (0.45 * long, -0.85 * high)], side))  # fmt: skip
        if hand.chance(0.35):
            hand.curve(*_mirror([(-0.1 * long, 0.95 * high), (0.2 * long, high + 16),
                                 (0.35 * long, 0.85 * high)], side))  # fmt: skip

    def gill():
        reach = hand.between(0.4, 0.7) * high
        hand.curve(*_mirror([(-0.35 * long, -reach), (-0.22 * long, 0), (-0.35 * long, reach)],
                            side))  # fmt: skip

    def scales():
        for i in range(hand.rng.integers(2, 4)):
            x, y = (0.0 + 0.25 * i) * long, (-0.25 if i % 2 else 0.2) * high
            hand.curve(*_mirror([(x, y - 8), (x + 8, y), (x, y + 8)], side))

    def bubbles():
        for i in range(hand.rng.integers(1, 4)):
            hand.oval(side * (long + 16 + 7 * i), -20 - 19 * i, hand.about(6, 0.2))

    parts = [body, eye]
    for part, probability in ((mouth, 0.65), (fins, 0.75), (gill, 0.45), (scales, 0.3),
                              (bubbles, 0.2)):  # fmt: skip
        if hand.chance(probability):
            parts.append(part)
    hand.shuffled(*parts)


def house(hand: Hand) -> None:
    w, h = hand.about(62, 0.2), hand.about(42, 0.2)
    roof, eaves = hand.about(48, 0.22), hand.between(0, 16)
    flat = hand.between(0.35, 0.7) * w if hand.chance(0.2) else 0
    door, tall = hand.about(13), hand.about(0.62) * 2 * h
    door_x = 0 if hand.chance(0.6) else hand.rng.choice([-0.5, 0.5]) * w

    def walls():
        corners = [(-w, -h), (-w, h), (w, h), (w, -h)]
        hand.straight(*corners[:: -hand.turn], closed=hand.chance(0.7) or flat > 0)

    def top():
        peak = [(-flat, -h - roof), (flat, -h - roof)] if flat else [(0, -h - roof)]
        hand.straight((-w - eaves, -h), *peak, (w + eaves, -h), closed=hand.chance(0.4))

    def entrance():
        hand.straight((door_x - door, h), (door_x - door, h - tall), (door_x + door, h - tall),
                      (door_x + door, h))  # fmt: skip
        if hand.chance(0.45):
            hand.dot(door_x + 0.5 * door, h - 0.45 * tall, 3)

    def windows():
        size, y = hand.about(11), -hand.between(0.15, 0.45) * h
        places = [x for x in (-0.55 * w, 0.55 * w) if abs(x - door_x) > door + size - 4]
        round_ones, crossed = hand.chance(0.15), hand.chance(0.5)
        for x in places:
            if round_ones:
                hand.oval(x, y, size)
            else:
                hand.straight((x - size, y - size), (x - size, y + size), (x + size, y + size),
                              (x + size, y - size), closed=True)  # fmt: skip
            if crossed:
                hand.straight((x, y - size), (x, y + size))
                hand.straight((x - size, y), (x + size, y))

    def chimney():
        x, wide = hand.between(0.4, 0.6) * w, hand.about(8)
        slope = roof / (w + eaves - flat)
        on_roof = [-h - roof + slope * max(0, edge - flat) for edge in (x - wide, x + wide)]
        up = min(on_roof) - hand.between(14, 26)
        hand.straight(
            (x - wide, on_roof[0]), (x - wide, up), (x + wide, up), (x + wide, on_roof[1])
        )
        if hand.chance(0.4):
            puff = [(x + dx, up - 6 - dy) for dx, dy in ((0, 0), (9, 10), (0, 20), (11, 32))]
            hand.curve(*puff)

    parts = [walls, top] if hand.chance(0.75) else [top, walls]
    for part, probability in ((entrance, 0.95), (windows, 0.8), (chimney, 0.45)):
        if hand.chance(probability):
            parts.append(part)
    for part in parts:
        part()


def flower(hand: Hand) -> None:
    core, petals = hand.about(16, 0.2), hand.rng.choice([4, 5, 6, 7], p=[0.1, 0.5, 0.3, 0.1])
    reach, stem = hand.about(36, 0.18), hand.about(95, 0.15)
    bend = hand.rng.normal(0, 12)
    phase = hand.between(0, FULL)
    kind = hand.rng.choice(["scallop", "loops", "tulip"], p=[0.4, 0.35, 0.25])

    def middle():
        hand.oval(0, 0, core)

    def scallop():
        """Draw all petals in one line around the middle."""
        angle = np.linspace(0, FULL * hand.turn * 1.01, 40 * petals)
        radius = core + 2 + reach * np.abs(np.sin(angle * petals / 2)) ** 0.7
        angle = angle + phase
        hand.stroke(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1))

    def loops():
        """Draw one line for each petal, from the middle and back."""
        wide = 0.62 * np.pi / petals
        for i in range(petals):
            middle_angle = phase + hand.turn * i * FULL / petals
            t = np.linspace(0, np.pi, 24)
            radius = core + reach * np.sin(t) ** 0.8
            angle = middle_angle - wide * 1.25 * np.cos(t)
            hand.stroke(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1))

    def tulip():
        w, h = hand.about(34), hand.about(42)
        hand.stroke(np.concatenate([
            _smooth(np.array([(-w, -h), (-0.95 * w, 0), (0, 0.55 * h), (0.95 * w, 0), (w, -h)])),
            [(0.45 * w, -0.45 * h), (0, -1.1 * h), (-0.45 * w, -0.45 * h), (-w, -h)],
        ]))  # fmt: skip

    def stalk():
        top = {"scallop": core + 0.5 * reach, "loops": core + 0.5 * reach, "tulip": 24}[kind]
        hand.curve((0, top), (bend, top + stem / 2), (0.4 * bend, top + stem))
        sides = [side for side in (-1, 1) if hand.chance(0.55)]
        for side in sides:
            y = top + hand.between(0.45, 0.75) * stem
            long, up = hand.about(36, 0.2), hand.between(10, 30)
            root = (0.8 * bend, y)
            tip = (0.8 * bend + side * long, y - up)
            hand.stroke(np.concatenate([
                _smooth(np.array([root, (root[0] + side * 0.4 * long, y - up - 4), tip])),
                _smooth(np.array([tip, (root[0] + side * 0.65 * long, y - 0.1 * up), root])),
            ]))  # fmt: skip

    if kind == "tulip":
        hand.shuffled(tulip, stalk)
    else:
        bloom = scallop if kind == "scallop" else loops
        hand.shuffled(middle, bloom, stalk)


def face(hand: Hand) -> None:
    w, h = hand.about(70), hand.about(78)
    apart, level = hand.about(0.38) * w, -hand.between(0.12, 0.34) * h
    mood = hand.rng.choice(
        ["smile", "frown", "flat", "open", "grin"], p=[0.5, 0.14, 0.1, 0.1, 0.16]
    )
    hair = hand.rng.choice(["none", "spikes", "bob", "curl"], p=[0.4, 0.27, 0.2, 0.13])

    def head():
        hand.oval(0, 0, w, h)

    def eyes():
        almonds = hand.chance(0.1)
        for side in (-1, 1):
            if almonds:
                hand.arc(side * apart, level, 13, 8, np.pi, np.pi + FULL)
            hand.dot(side * apart, level, 4)

    def brows():
        tilt, up = hand.between(-5, 6), level - hand.between(15, 22)
        for side in (-1, 1):
            hand.curve((side * (apart - 12), up + tilt), (side * apart, up - 4),
                       (side * (apart + 12), up - tilt))  # fmt: skip

    def nose():
        y = hand.between(0.05, 0.2) * h
        if hand.chance(0.6):
            hand.straight((2, level + 8), (-hand.between(6, 12), y), (3, y + 3))
        else:
            hand.curve((-7, y), (0, y + 6), (7, y))

    def mouth():
        y, wide, deep = hand.between(0.4, 0.5) * h, hand.between(0.3, 0.52) * w, hand.between(9, 20)
        if mood == "open":
            hand.oval(0, y + 4, hand.about(13, 0.2))
        elif mood == "flat":
            hand.straight((-wide, y), (wide, y + hand.rng.normal(0, 4)))
        else:
            bow = -deep if mood == "frown" else deep
            y -= bow / 2
            hand.curve((-wide, y), (-0.5 * wide, y + 0.8 * bow), (0, y + bow),
                       (0.5 * wide, y + 0.8 * bow), (wide, y))  # fmt: skip
            if mood == "grin":
                hand.straight((-wide, y), (wide, y))

    def locks():
        if hair == "spikes":
            count = hand.rng.integers(3, 6)
            angle = np.linspace(-2.2, -0.95, 2 * count + 1)
            radius = 0.97 + np.where(np.arange(2 * count + 1) % 2, hand.between(0.18, 0.34), 0)
            corners = np.stack([w * radius * np.cos(angle), h * radius * np.sin(angle)], axis=1)
            hand.stroke(corners)
        elif hair == "bob":
            down, out = hand.between(0.2, 0.8) * h, hand.between(1.12, 1.3)
            hand.curve((-out * w, down), (-out * w, -0.4 * h), (0, -1.16 * h), (out * w, -0.4 * h),
                       (out * w, down))  # fmt: skip
        elif hair == "curl":
            hand.curve((0, -h), (-12, -h - 18), (6, -h - 26), (12, -h - 10), (0, -h - 8))

    def ears():
        for side in (-1, 1):
            turn = side * hand.between(1.9, 2.3)
            middle = 0 if side > 0 else np.pi
            hand.arc(side * 1.03 * w, 0, 13, 17, middle - turn, middle + turn)

    parts = [head, eyes]
    if hand.chance(0.65):
        parts.append(nose)
    parts.append(mouth)
    for part, probability in (
        (locks, hair != "none"),
        (brows, 0.2),
        (ears, 0.22 * (hair != "bob")),
    ):
        if hand.chance(probability):
            parts.append(part)
    hand.shuffled(*parts)


def sailboat(hand: Hand) -> None:
    w, deep = hand.about(74), hand.about(28, 0.18)
    tuck, mast = hand.between(12, 34), hand.about(118, 0.12)
    mast_x = hand.rng.normal(0, 6)
    big = 1 if hand.chance(0.6) else -1  # the side of the larger sail
    two = hand.chance(0.6)
    foot = -hand.between(6, 18)

    def hull():
        if hand.chance(0.35):
            t = np.linspace(0, np.pi, 40)
            bowl = np.stack([-w * np.cos(t), deep * np.sin(t) ** 0.8], axis=1)
            hand.stroke(np.concatenate([bowl, [(-w, 0)]]))
        else:
            corners = [(-w, 0), (-w + tuck, deep), (w - tuck, deep), (w, 0)]
            hand.straight(*corners[:: -hand.turn], closed=True)

    def pole():
        line = [(mast_x, 0), (mast_x, -mast)]
        hand.straight(*(line if hand.chance(0.6) else line[::-1]))

    def sail(side, reach, top):
        peak, tack = (mast_x + side * 5, -top), (mast_x + side * 5, foot)
        clew = (mast_x + side * reach, foot + hand.rng.normal(0, 2))
        belly = hand.between(0, 12) if hand.chance(0.5) else 0
        middle = ((peak[0] + clew[0]) / 2 + side * belly, (peak[1] + clew[1]) / 2 - belly / 2)
        edge = _smooth(np.array([peak, middle, clew]))
        hand.stroke(np.concatenate([edge, [tack, peak]]))

    def sails():
        sail(big, hand.between(0.6, 0.9) * w, mast * hand.between(0.88, 1))
        if two:
            sail(-big, hand.between(0.4, 0.65) * w, mast * hand.between(0.6, 0.92))

    def flag():
        size = hand.about(14)
        hand.straight((mast_x, -mast), (mast_x + big * 1.6 * size, -mast - 0.6 * size + 8),
                      (mast_x, -mast + size))  # fmt: skip

    def waves():
        count, y = hand.rng.integers(3, 6), deep + hand.between(4, 14)
        x = np.linspace(-w - 18, w + 18, 20 * count)
        hand.stroke(np.stack([x, y + hand.about(5, 0.3) * np.sin(x / (w + 18) * np.pi * count)], 1))

    parts = [hull, pole, sails] if hand.chance(0.7) else [hull, sails, pole]
    for part, probability in ((flag, 0.3), (waves, 0.4)):
        if hand.chance(probability):
            parts.append(part)
    hand.shuffled(*parts)


CATEGORIES = {
    "cat": cat, "fish": fish, "flower": flower, "face": face, "house": house, "sailboat": sailboat,
}  # fmt: skip


def doodle(category: str, number: int, seed: int = SEED) -> np.ndarray:
    """Return doodle `number` of a category as stroke-3 `[n, 3]` int16.

    As in the public data sets, the pen is down at the origin. The origin is the first point but has
    no row, so row 0 leads to the second point.
    """
    index = sorted(CATEGORIES).index(category)
    for attempt in range(100):
        hand = Hand(np.random.default_rng([seed, index, number, attempt]))
        CATEGORIES[category](hand)
        sketch = to_sketch(_posed(hand), RECIPE).points
        if len(sketch) <= MAX_POINTS:
            return sketch
    raise RuntimeError(f"{category} {number}: every attempt has more than {MAX_POINTS} points")


def _posed(hand: Hand) -> list[np.ndarray]:
    """Return the hand's lines, slightly rotated and slanted."""
    turn, slant, squeeze = hand.rng.normal(0, 0.05), hand.rng.normal(0, 0.05), hand.about(1, 0.07)
    c, s = np.cos(turn), np.sin(turn)
    pose = np.array([[c, s], [-s, c]]) @ np.array([[squeeze, 0], [slant, 1]])
    return [line @ pose for line in hand.lines]


def _evenly(points: np.ndarray, step: float = 2.0) -> np.ndarray:
    """Return the line through the points, with its corners and a point at every `step`."""
    at = np.append(0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1)))
    where = np.union1d(at, np.linspace(0, at[-1], max(2, int(at[-1] / step))))
    return np.stack([np.interp(where, at, points[:, axis]) for axis in (0, 1)], axis=1)


def _smooth(corners: np.ndarray, steps: int = 16) -> np.ndarray:
    """Return a Catmull-Rom spline through the corners `[n, 2]`."""
    before, after = 2 * corners[0] - corners[1], 2 * corners[-1] - corners[-2]
    p = np.concatenate([[before], corners, [after]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
               + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]  # fmt: skip
    return np.concatenate([*pieces, corners[-1:]])


def _mirror(points, side: int) -> np.ndarray:
    """Return the points, with x mirrored if side is 1."""
    return np.asarray(points, float) * [-side if side > 0 else 1, 1]


def _object_array(sketches: list[np.ndarray]) -> np.ndarray:
    array = np.empty(len(sketches), object)
    array[:] = sketches
    return array


def write(folder: Path) -> None:
    """Write an `.npz` for each category, as in the public data sets, and a contact sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    sheet = []
    for category in CATEGORIES:
        doodles = [doodle(category, i) for i in range(sum(SPLITS.values()))]
        sheet += doodles[:SHEET_COLUMNS]
        ends = np.cumsum(list(SPLITS.values()))
        splits = np.split(_object_array(doodles), ends[:-1])
        path = folder / f"{category}.npz"
        np.savez_compressed(path, **dict(zip(SPLITS, splits, strict=True)))
        points = [len(sketch) for sketch in doodles]
        print(
            f"{path}: {len(points)} doodles, {np.mean(points):.1f} points on average, "
            f"{max(points)} at most, {path.stat().st_size:,} bytes"
        )
    draw(sheet, folder / "contact_sheet.png", columns=SHEET_COLUMNS, row_titles=list(CATEGORIES),
         cell=44)  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).resolve().parents[1] / "datasets" / "doodles"
    parser.add_argument("folder", nargs="?", type=Path, default=default)
    write(parser.parse_args().folder)
