"""Since when something is wrong, as far as that can be known: never a time of day, only what it lies between.

The log shows when a thing was last right: an entry, its openings and the rows it names were written together; what was
hashed for a seal was right when it was sealed. Earlier scans narrow it down from both sides.
"""

from dataclasses import dataclass
from datetime import datetime

from anchoring.fsck.finding import Finding, Moment
from anchoring.models import Checkpoint, Entry, Scan

EARLIER = 400  # scans that are remembered: more than a year of nights


def recorded(seq: int) -> Moment | None:
    """When the entry was recorded, with the business rows that it names; None if it is gone."""
    entry = Entry.objects.filter(seq=seq).values("at", "leaf__index").order_by("seq").first()
    if entry is None:
        return None
    seal = _seal(entry["leaf__index"])
    shown = f"sealed over {seal.size} records at {_shown(seal.at)}" if seal else "not sealed yet"
    return Moment(entry["at"], f"it was recorded at {_shown(entry['at'])} ({shown})")


def sealed(index: int | None) -> Moment | None:
    """When the leaf at that index was first sealed; None if it is not."""
    seal = _seal(index)
    return Moment(seal.at, f"the seal over {seal.size} records of {_shown(seal.at)}") if seal else None


@dataclass(frozen=True)
class _Earlier:
    at: datetime
    words: str
    wrong: frozenset[str]
    is_whole: bool


class Memory:
    """What the newest scans found, newest first."""

    def __init__(self) -> None:
        self._scans = [_earlier(scan) for scan in Scan.objects.order_by("-pk")[:EARLIER]]

    def since(self, finding: Finding) -> str:
        """Between which two seals or scans it happened, in words."""
        first_to_find, right = "", None
        for scan in self._scans:
            if finding.where in scan.wrong:
                first_to_find = scan.words
            elif scan.is_whole:
                right = scan
                break
        before = f"before {first_to_find}, the first that found it" if first_to_find else "before this scan"
        if right is not None and (finding.after is None or right.at > finding.after.at):
            return f"it happened after {right.words}, which did not find it, and {before}"
        if finding.after is not None:
            return f"it happened after {finding.after.words} and {before}"
        return f"it happened {before}; nothing shows since when"


def _earlier(scan: Scan) -> _Earlier:
    wrong = frozenset(finding["where"] for finding in scan.findings)
    whole = len(scan.findings) == scan.found and not any(where.startswith("table ") for where in wrong)
    return _Earlier(scan.at, f"the scan of {_shown(scan.at)} ({scan.size} sealed records)", wrong, whole)


def _seal(index: int | None) -> Checkpoint | None:
    return None if index is None else Checkpoint.objects.filter(size__gt=index).order_by("size").first()


def _shown(at: datetime) -> str:
    return f"{at:%-d %B %Y %H:%M:%S} UTC"
