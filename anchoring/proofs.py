"""The proof of record: made from the rows, checked by the standalone verifier before it leaves."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from anchoring import mapping, verify
from anchoring.cosignatures import cosigned_note
from anchoring.mapping import MapNotKept, Progress
from anchoring.models import Checkpoint, Confirmation, Entry, State
from anchoring.openings import Subject, open_disclosures
from anchoring.protocol import proof as document
from anchoring.protocol.anchor import Anchor, Locator, ReceiptAnchor, parse_inclusion
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.disclosure import parse_disclosure
from anchoring.protocol.entry import parse_entry
from anchoring.protocol.entry import subject as subject_hash
from anchoring.protocol.history import History, SealedState
from anchoring.protocol.merkle import prove_inclusions
from anchoring.protocol.state import parse_state
from anchoring.protocol.tiles import TileReader
from anchoring.stages import confirmations, current_registration, with_stage
from anchoring.store import read_tiles
from anchoring.trust import trust_file

NUMBER = "number"


class RefusedByOwnVerifier(Exception):  # noqa: N818 - named for what happened
    """A proof that was made here failed its check by ``verify.py`` and was not handed out: run fsck.

    The text holds the verdict and nothing of what the file shows: it stands in logs.
    """


class NoSuchRecord(LookupError):
    """Nothing was ever recorded under this subject."""


def proof(
    subject: Subject,
    *,
    owners: Collection[str] | None,
    entries: Collection[object] | None = None,
    progress: Progress | None = None,
) -> bytes:
    """The proof of a subject's whole history, or of the entries named by id, as a file's bytes.

    ``owners`` names whose facts are shown (None: all); the subject's number always is. The first entry is always there,
    because it carries the number. A whole history that the newest anchor covers says that it is whole (``history``),
    unless the map of that anchor has to be recomputed and no ``progress`` is given. Raises NoSuchRecord; the same
    rows give the same bytes.
    """
    recorded = _recorded(subject)
    wanted = [entry for entry in recorded if entries is None or entry.id in entries]
    if not wanted:
        raise NoSuchRecord(f"nothing is recorded of {subject.type} {subject.id}")
    basis = _newest_state_anchor() if entries is None else None
    if basis is not None and all(basis.covers(entry) for entry in recorded):
        with suppress(MapNotKept):
            return _whole_history(subject, recorded, basis, owners, progress)
    chosen = wanted if wanted[0] is recorded[0] else [recorded[0], *wanted]
    return _of_entries(chosen, _shown(chosen, {entry.seq for entry in wanted}, owners))


def history_proof(subject: Subject, *, owners: Collection[str] | None, progress: Progress | None = None) -> bytes:
    """The proof that these are *all* entries of the subject, under the newest anchor; of nobody's, that there are none.

    What was sealed later is not in it. ``owners`` names whose facts are shown (None: all). Raises NothingAnchoredYet,
    and MapNotKept when the map of that anchor has to be recomputed first and no ``progress`` is given.
    """
    basis = _newest_state_anchor()
    if basis is None:
        raise NothingAnchoredYet("no anchored checkpoint ends with a state entry yet")
    return _whole_history(subject, [e for e in _recorded(subject) if basis.covers(e)], basis, owners, progress)


class NothingAnchoredYet(LookupError):  # noqa: N818 - a state of the log, not an error
    """No anchor of the current registration ends with a state entry yet: a history can be proved once one does."""


@dataclass(frozen=True)
class _Basis:
    """An anchored checkpoint that ends with a state entry: what whole histories are proved under."""

    confirmation: Confirmation
    state: Entry

    @property
    def checkpoint(self) -> Checkpoint:
        return self.confirmation.anchor.checkpoint

    @property
    def mapped(self) -> int:
        """How many leaves its map covers; the state entry has that index."""
        return self.checkpoint.size - 1

    def covers(self, entry: Any) -> bool:
        return entry.leaf_index is not None and entry.leaf_index < self.mapped


def _newest_state_anchor() -> _Basis | None:
    """The newest anchor of the current registration, if its tree ends with a state entry that names a map."""
    newest = _anchored().order_by("-anchor__checkpoint").first()
    if newest is None:
        return None
    leaf = State.objects.filter(pk=newest.anchor.checkpoint_id).select_related("entry").order_by("pk").first()
    if leaf is None or not _names_a_map(bytes(leaf.entry.data)):
        return None
    return _Basis(newest, leaf.entry)


def _names_a_map(data: bytes) -> bool:
    """A log that is older than its map has state entries that name none."""
    try:
        parse_state(parse_entry(data))
    except Malformed:
        return False
    return True


def _recorded(subject: Subject) -> list[Any]:
    found = Entry.objects.filter(subject_type=subject.type, subject_id=subject.id)
    return list(with_stage(found).order_by("seq"))


def _whole_history(
    subject: Subject,
    chosen: Sequence[Any],
    basis: _Basis,
    owners: Collection[str] | None,
    progress: Progress | None,
) -> bytes:
    """The file with the member ``history``; its entries are all that ``basis`` covers. Raises MapNotKept."""
    asked = subject_hash(subject.type, subject.id)
    try:
        found = mapping.history_proof(asked, basis.mapped)
    except MapNotKept:
        if progress is None:
            raise
        found = mapping.rebuild(basis.mapped, progress).prove(asked)
    size = basis.checkpoint.size
    *paths, state_path = _paths([*(entry.leaf_index for entry in chosen), basis.mapped], size)
    shown = open_disclosures(chosen, owners=owners)
    made = document.encode_proof(
        entries=[
            document.ProvedEntry(bytes(entry.data), tuple(shown[entry.seq]), entry.leaf_index, path)
            for entry, path in zip(chosen, paths, strict=True)
        ],
        checkpoint=cosigned_note(basis.checkpoint),
        anchor=_anchor(basis.confirmation),
        history=History(SealedState(bytes(basis.state.data), basis.mapped, state_path), found.leaf, found.path),
        not_before=_not_before(chosen, size),
    )
    _self_check(made, subject=subject)
    return made


def _of_entries(chosen: Sequence[Any], shown: Mapping[int, Sequence[str]]) -> bytes:
    """The file without ``history``."""
    confirmation, checkpoint = _cover(chosen)
    size = checkpoint.size if checkpoint else 0
    covered = [entry for entry in chosen if entry.leaf_index is not None and entry.leaf_index < size]
    paths = dict(zip([e.seq for e in covered], _paths([e.leaf_index for e in covered], size), strict=True))
    made = document.encode_proof(
        entries=[
            document.ProvedEntry(
                entry=bytes(entry.data), disclosures=tuple(shown[entry.seq]),
                index=entry.leaf_index if entry.seq in paths else None, path=paths.get(entry.seq),
            )
            for entry in chosen
        ],
        checkpoint=cosigned_note(checkpoint) if checkpoint and covered else None,
        anchor=_anchor(confirmation) if confirmation else None,
        not_before=_not_before(covered, size),
    )  # fmt: skip
    _self_check(made)
    return made


def _not_before(covered: Sequence[Any], size: int) -> SealedState | None:
    """The newest state entry below all of them, if it names a block."""
    below = min((entry.leaf_index for entry in covered), default=0)
    leaf = State.objects.filter(pk__lte=below).select_related("entry").order_by("-pk").first()
    if leaf is None or not _names_a_block(bytes(leaf.entry.data)):
        return None
    return SealedState(bytes(leaf.entry.data), leaf.size - 1, _paths([leaf.size - 1], size)[0])


def _names_a_block(data: bytes) -> bool:
    return _names_a_map(data) and parse_state(parse_entry(data)).block is not None


def _shown(chosen: Sequence[Any], wanted: set[int], owners: Collection[str] | None) -> dict[int, list[str]]:
    """The disclosures each entry shows: the asker's for what was asked for, only the number for the first one else."""
    opened = open_disclosures(chosen, owners=owners)
    return {
        seq: texts if seq in wanted else [text for text in texts if parse_disclosure(text).name == NUMBER]
        for seq, texts in opened.items()
    }


def _cover(chosen: Sequence[Any]) -> tuple[Confirmation | None, Checkpoint | None]:
    """The checkpoint to prove under: the first anchored one that covers all, else the newest anchored one that covers
    any, else the newest one at all that covers any. What is not sealed yet stays without a place."""
    indexes = [entry.leaf_index for entry in chosen if entry.leaf_index is not None]
    if not indexes:
        return None, None
    anchored = _anchored()
    first = anchored.filter(anchor__checkpoint__gt=max(indexes)).order_by("anchor__checkpoint").first()
    newest = anchored.filter(anchor__checkpoint__gt=min(indexes)).order_by("-anchor__checkpoint").first()
    found = first or newest
    if found:
        return found, found.anchor.checkpoint
    return None, Checkpoint.objects.filter(size__gt=min(indexes)).order_by("-size").first()


def _anchored() -> QuerySet[Confirmation]:
    """The current registration's confirmed anchors."""
    found = confirmations().filter(anchor__registration=current_registration())
    return found.select_related("anchor__checkpoint", "anchor__registration", "attempt")


def _paths(indexes: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
    """The inclusion paths in one read of the tiles."""
    if not indexes:
        return []
    return [tuple(path) for path in prove_inclusions(indexes=indexes, size=size, read=TileReader(read_tiles))]


def _anchor(confirmation: Confirmation) -> Anchor:
    """The event itself where it was kept when the block became final, else where to look for it."""
    registration = confirmation.anchor.registration
    place: dict[str, Any] = {
        "chain_id": registration.chain_id, "contract": bytes(registration.contract),
        "log_id": bytes(registration.log_id),
    }  # fmt: skip
    stored = confirmation.receipt_proofs.filter(data__isnull=False).order_by("pk").first()
    if stored is not None and stored.data is not None:
        return ReceiptAnchor(**place, inclusion=parse_inclusion(bytes(stored.data)))
    return Locator(
        **place, transaction=bytes(confirmation.attempt.transaction), block_number=confirmation.block_number,
        block_hash=bytes(confirmation.block_hash),
    )  # fmt: skip


def _self_check(made: bytes, *, subject: Subject | None = None) -> None:
    """A proof that our own verifier refuses never leaves: that is a bug or a damaged database, and loud."""
    report = verify.verify(made, trust_file(), subject=f"{subject.type}:{subject.id}" if subject else None)
    if report.exit_code not in (0, 3):
        raise RefusedByOwnVerifier(f"a proof failed its own check: {report.verdict}")
