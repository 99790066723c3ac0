"""The restore gate: a database that is not the newest one must not go on signing.

What the database holds is compared with what was signed as others remember it: the witness file, the exported tiles,
the chain as it was last looked at (``recovery``). Where they disagree the sequencer stops, so that no second history is
ever signed; records are still taken and wait, and the status says why and what to do (protocol.md §7).
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Subquery

from anchoring import witness
from anchoring.models import Checkpoint, Head, Tick
from anchoring.protocol.canonical import Malformed
from anchoring.witness import Signed

_logger = logging.getLogger(__name__)
STEP = "restore"  # the row of Tick that keeps what the chain said last
OUR_WITNESS, OUR_TILES, OUR_ROWS = "our witness file", "the checkpoint beside the exported tiles", "its own newest seal"

_STOPPED = " Sealing has stopped, so that no second history is signed; records are still taken, and wait."
_RESTORE = " Restore the newest backup; if there is none, run: manage.py restore_check --record-loss"
BEHIND = (
    "This database holds {held} sealed records, but {who} shows that {size} were sealed by {at}: it was restored from"
    " an older backup, or rows are missing." + _STOPPED + _RESTORE
)
MISSING = (
    "The seal over {size} records that {who} shows, made by {at}, is missing from this database, which holds {held}:"
    " rows are missing, or it was restored from an older backup and went on." + _STOPPED + _RESTORE
)
ANOTHER_ROOT = (
    "The first {size} sealed records of this database are not those that {who} shows, sealed by {at}: same size,"
    " another root. Somebody changed sealed records, or signed another history."
    + _STOPPED
    + " Keep everything as it is, and run: manage.py fsck"
)
UNREADABLE = "The witness file cannot be read ({why})." + _STOPPED + " Let the worker read WITNESS_DIR."
CHAIN_AHEAD = (
    "The chain holds a seal of this log that this database does not know: the database was restored from an older"
    " backup, or somebody else anchors with our key."
    + _STOPPED
    + " Restore the newest backup, or stop the other one; then run: manage.py restore_check"
)


@dataclass(frozen=True)
class Held:
    """What the database holds: its head, its newest checkpoint, those that others remember, and the chain's verdict."""

    size: int
    root: bytes
    newest: Signed | None
    roots: list[bytes | None]
    verdict: str


def gate() -> str:
    """Empty if the log may go on, else the reason in words. One query and a look at a file: for every sequencing."""
    try:
        outside = list(remembered())
    except OSError as error:
        return UNREADABLE.format(why=error.strerror)
    held = database([signed for _, signed in outside])
    for (who, signed), root in zip(outside, held.roots, strict=True):
        if reason := _compared(held, who, signed, root):
            return reason
    if held.newest is not None and (reason := _compared(held, OUR_ROWS, held.newest, held.newest.root)):
        return reason
    return held.verdict


def warn_at_start() -> None:
    """Say in the process's log if the gate is closed; where there is no log yet there is nothing to say."""
    try:
        reason = gate()
    except DatabaseError:
        return
    if reason:
        _logger.error("%s", reason)


def compare(who: str, signed: Signed) -> str:
    """What speaks against this database if ``signed`` is genuine: empty, or the reason in words."""
    held = database([signed])
    return _compared(held, who, signed, held.roots[0])


def remembered() -> Iterator[tuple[str, Signed]]:
    """What was signed, by those outside the database who remember it. Raises OSError.

    To be read before the database: that one can only have more by the time it is asked.
    """
    if (signed := witness.newest()) is not None:
        yield OUR_WITNESS, signed
    if settings.PUBLIC_TILES_DIR and (signed := _exported()) is not None:
        yield OUR_TILES, signed


def database(others: list[Signed]) -> Held:
    """The database's side, with its checkpoints of the sizes that ``others`` have.

    One query; another one only before the first sequencing, when there is no head.
    """
    roots = {
        f"root_{place}": Subquery(Checkpoint.objects.filter(pk=signed.size).values("root")[:1])
        for place, signed in enumerate(others)
    }
    newest = Checkpoint.objects.order_by("-size")
    verdict = Tick.objects.filter(step=STEP).values_list("problem", flat=True)[:1]
    columns = {f"newest_{name}": Subquery(newest.values(name)[:1]) for name in ("size", "root", "note", "at")}
    head = Head.objects.filter(pk=1).order_by("pk").annotate(**columns, verdict=Subquery(verdict), **roots)
    row = head.values(*columns, "size", "root", "verdict", *roots).first()
    if row is None:
        return Held(0, bytes(32), None, [None] * len(others), next(iter(verdict), ""))
    size, root, note, at = (row[name] for name in columns)
    return Held(
        size=row["size"],
        root=bytes(row["root"]),
        newest=None if size is None else Signed(size, bytes(root), at, note),
        roots=[None if row[name] is None else bytes(row[name]) for name in roots],
        verdict=row["verdict"] or "",
    )


def _compared(held: Held, who: str, signed: Signed, stored: bytes | None) -> str:
    """``stored`` is the root of the database's checkpoint of that size, None without one."""
    told = {"held": held.size, "who": who, "size": signed.size, "at": f"{signed.at:%-d %B %Y %H:%M:%S} UTC"}
    if signed.size > held.size:
        return BEHIND.format(**told)
    ours = [stored, held.root if signed.size == held.size else None]
    if any(root not in (None, signed.root) for root in ours):
        return ANOTHER_ROOT.format(**told)
    return "" if signed.root in ours else MISSING.format(**told)


def _exported() -> Signed | None:
    file = Path(settings.PUBLIC_TILES_DIR) / "checkpoint"
    try:
        return witness.parse_signed(file.read_text(encoding="utf-8"), datetime.fromtimestamp(file.stat().st_mtime, UTC))
    except (FileNotFoundError, UnicodeDecodeError, Malformed):
        return None
