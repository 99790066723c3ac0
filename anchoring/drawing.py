"""Drawings of the log: how it grew, and what its anchors took and cost. Times and figures in, coordinates out.

Every drawing is ``WIDTH`` wide. The axes begin and end where the figures do, but bars always stand on 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

WIDTH, HEIGHT = 600, 160
LEFT, RIGHT, TOP, BOTTOM = 8, 592, 12, 148

BARS_HEIGHT = 80
LEAST = 1
"""A bar that is more than 0 is at least so high: it must be seen."""


@dataclass(frozen=True)
class Seal:
    """One checkpoint: how many entries it covers, when it was signed, and whether it is anchored."""

    size: int
    at: datetime
    anchored: bool


@dataclass(frozen=True)
class Drawing:
    """For an SVG of ``WIDTH`` by ``HEIGHT``: the line's path, a path of points for the anchors, what the axes span."""

    path: str
    anchors: str
    first: Seal
    last: Seal


def draw(seals: Sequence[Seal]) -> Drawing | None:
    """The growth as a staircase, oldest first; None while there is nothing to compare (fewer than two)."""
    if len(seals) < 2 or seals[0].at >= seals[-1].at:
        return None
    first, last = seals[0], seals[-1]
    points = [(_x(seal, first, last), _y(seal, first, last)) for seal in seals]
    path = f"M{points[0][0]} {points[0][1]}" + "".join(f"H{x}V{y}" for x, y in points[1:])
    anchored = [point for point, seal in zip(points, seals, strict=True) if seal.anchored]
    return Drawing(path, "".join(f"M{x} {y}h0" for x, y in anchored), first, last)


def _x(seal: Seal, first: Seal, last: Seal) -> float:
    share = (seal.at - first.at) / (last.at - first.at)
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _y(seal: Seal, first: Seal, last: Seal) -> float:
    share = (seal.size - first.size) / ((last.size - first.size) or 1)
    return round(BOTTOM - share * (BOTTOM - TOP), 1)


@dataclass(frozen=True)
class Bar:
    """One rectangle of the SVG."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Bars:
    """For an SVG of ``WIDTH`` by ``BARS_HEIGHT``; ``most`` is the value at its top, ``middle`` the median of all.

    ``missing`` figures are not known and leave a gap.
    """

    bars: list[Bar]
    most: int
    middle: int
    missing: int


def draw_bars(values: Sequence[int | None]) -> Bars | None:
    """Whole numbers of 0 or more as bars from the left; None while fewer than two are known."""
    known = sorted(value for value in values if value is not None)
    if len(known) < 2:
        return None
    slot = Fraction(WIDTH, len(values))
    bars = [_bar(place, value, slot, known[-1]) for place, value in enumerate(values) if value is not None]
    return Bars(bars, known[-1], known[(len(known) - 1) // 2], len(values) - len(known))


def _bar(place: int, value: int, slot: Fraction, most: int) -> Bar:
    height = round(float(Fraction(value * BARS_HEIGHT, most or 1)), 1)
    height = max(height, LEAST) if value else 0
    return Bar(round(float(slot * place + slot / 8), 1), BARS_HEIGHT - height, round(float(slot * 3 / 4), 1), height)
