"""What the scan says: findings, and a count of what was looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

Progress = Callable[[int], object]
"""Told how many more rows were looked at."""


@dataclass(frozen=True)
class Moment:
    """The last time of which the log itself shows that something was right, and how it shows that."""

    at: datetime
    words: str


@dataclass(frozen=True)
class Finding:
    """One difference: the row (and column) where it is, and what is wrong with it. Holds nothing personal.

    ``after`` is when it was still right, as far as the log shows; ``Memory.since`` knows more, from earlier scans.
    """

    where: str
    what: str
    after: Moment | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


Findings = Iterator[Finding]


@dataclass
class Tally:
    """How much was looked at; ``not_comparable`` counts fields whose owner's key was destroyed."""

    entries: int = 0
    waiting: int = 0
    openings: int = 0
    leaves: int = 0
    tiles: int = 0
    checkpoints: int = 0
    unsigned: int = 0
    trust_versions: int = 0
    anchors: int = 0
    rows: int = 0
    columns: int = 0
    not_comparable: int = 0
