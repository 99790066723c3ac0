"""A drawing of the log's growth: records over time, and where anchors stand. Times and sizes in, coordinates out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 600, 160
LEFT, RIGHT, TOP, BOTTOM = 8, 592, 16, 136


@dataclass(frozen=True)
class Seal:
    """One checkpoint: how many records it covers, when it was signed, and whether it is anchored."""

    size: int
    at: datetime
    anchored: bool


@dataclass(frozen=True)
class Drawing:
    """For an SVG of ``WIDTH`` by ``HEIGHT``: the line's path, the anchors' places, and what the axes span."""

    path: str
    anchors: list[tuple[float, float]]
    first: Seal
    last: Seal


def draw(seals: Sequence[Seal]) -> Drawing | None:
    """The growth as a staircase, oldest first; None while there is nothing to compare (fewer than two)."""
    if len(seals) < 2 or seals[0].at >= seals[-1].at:
        return None
    first, last = seals[0], seals[-1]
    points = [(_x(seal, first, last), _y(seal, first, last)) for seal in seals]
    path = f"M{points[0][0]} {points[0][1]}" + "".join(f"H{x}V{y}" for x, y in points[1:])
    return Drawing(path, [point for point, seal in zip(points, seals, strict=True) if seal.anchored], first, last)


def _x(seal: Seal, first: Seal, last: Seal) -> float:
    share = (seal.at - first.at) / (last.at - first.at)
    return round(LEFT + share * (RIGHT - LEFT), 1)


def _y(seal: Seal, first: Seal, last: Seal) -> float:
    share = (seal.size - first.size) / ((last.size - first.size) or 1)
    return round(BOTTOM - share * (BOTTOM - TOP), 1)
