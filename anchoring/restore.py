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

from anchoring import store, witness
from anchoring.models import Checkpoint, Registration
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.merkle import EMPTY_ROOT
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
UNWITNESSED = (
    "Nothing outside this database remembers what was sealed: there is no witness file, and the chain has not been"
    " asked. The database may be an older backup."
    + _STOPPED
    + " Bring back WITNESS_DIR, or run, when the chain answers:"
    " manage.py restore_check; or with anybody's copy of the newest seal: manage.py restore_check --checkpoint FILE"
)


@dataclass(frozen=True)
class Held:
    """What the database holds: its head, its newest checkpoint, those that others remember, and the chain's verdict."""

    size: int
    root: bytes
    newest: tuple[int, bytes] | None
    roots: list[bytes | None]
    verdict: str


def gate() -> str:
    """Empty if the log may go on, else the reason in words. One query and a look at a file: for every sequencing.

    Without a witness file, which is lost or has never been, a log that is registered waits until the chain has been
    asked or somebody shows a copy of a seal (``recovery``): nothing would tell an older backup from the newest.
    """
    try:
        outside = list(remembered())
    except OSError as error:
        return UNREADABLE.format(why=error.strerror)
    held = database([signed for _, signed in outside])
    for (who, signed), root in zip(outside, held.roots, strict=True):
        if reason := _compared(held, who, signed, root):
            return reason
    if reason := _own_seal(held) or held.verdict:
        return reason
    return UNWITNESSED if held.newest and not outside and witness.is_missing() and _is_registered() else ""


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
    """The database's side, with the roots of its checkpoints of the sizes that ``others`` have. One query."""
    row = store.read_head(STEP, [signed.size for signed in others])
    size, root, newest_size, newest_root, verdict, *roots = row
    return Held(
        size=size or 0,
        root=EMPTY_ROOT if root is None else bytes(root),
        newest=None if newest_size is None else (newest_size, bytes(newest_root)),
        roots=[None if root is None else bytes(root) for root in roots],
        verdict=verdict or "",
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


def _own_seal(held: Held) -> str:
    """The head against the database's own newest checkpoint, which is looked at more closely only if they differ."""
    if held.newest is None or held.newest[0] < held.size or held.newest == (held.size, held.root):
        return ""
    row = Checkpoint.objects.get(pk=held.newest[0])
    return _compared(held, OUR_ROWS, Signed(row.size, bytes(row.root), row.at, row.note), bytes(row.root))


def _is_registered() -> bool:
    """Whether somebody outside has been told of this log. Asked only where no witness is."""
    return Registration.objects.exists()


def _exported() -> Signed | None:
    file = Path(settings.PUBLIC_TILES_DIR) / "checkpoint"
    try:
        return witness.parse_signed(file.read_text(encoding="utf-8"), datetime.fromtimestamp(file.stat().st_mtime, UTC))
    except (FileNotFoundError, UnicodeDecodeError, Malformed):
        return None
