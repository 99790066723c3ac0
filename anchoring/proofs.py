"""The proof of record: made from the rows, checked by the standalone verifier before it leaves."""

from collections.abc import Collection, Sequence
from typing import Any

from anchoring import verify
from anchoring.models import Checkpoint, Confirmation, Entry
from anchoring.openings import Subject, open_disclosures
from anchoring.protocol import proof as document
from anchoring.protocol.anchor import Anchor, Locator, ReceiptAnchor, parse_inclusion
from anchoring.protocol.disclosure import parse_disclosure
from anchoring.protocol.merkle import prove_inclusions
from anchoring.protocol.tiles import TileReader
from anchoring.stages import confirmations, current_registration, with_stage
from anchoring.store import read_tiles
from anchoring.trust import trust_file

NUMBER = "number"


class NoSuchRecord(LookupError):
    """Nothing was ever recorded under this subject."""


def proof(subject: Subject, *, owners: Collection[str] | None, entries: Collection[object] | None = None) -> bytes:
    """The proof of a subject's whole history, or of the entries named by id, as a file's bytes.

    ``owners`` names whose facts are shown (None: all); the subject's number always is. The first entry is always there,
    because it carries the number. Raises NoSuchRecord; the same rows give the same bytes.
    """
    history = list(with_stage(Entry.objects.filter(subject_type=subject.type, subject_id=subject.id)).order_by("seq"))
    wanted = [entry for entry in history if entries is None or entry.id in entries]
    if not wanted:
        raise NoSuchRecord(f"nothing is recorded of {subject.type} {subject.id}")
    chosen = wanted if wanted[0] is history[0] else [history[0], *wanted]
    shown = _shown(chosen, {entry.seq for entry in wanted}, owners)
    confirmation, checkpoint = _cover(chosen)
    size = checkpoint.size if checkpoint else 0
    covered = [entry for entry in chosen if entry.leaf_index is not None and entry.leaf_index < size]
    paths = dict(zip([e.seq for e in covered], _paths(covered, size), strict=True))
    made = document.encode_proof(
        entries=[
            document.ProvedEntry(
                entry=bytes(entry.data), disclosures=tuple(shown[entry.seq]),
                index=entry.leaf_index if entry.seq in paths else None, path=paths.get(entry.seq),
            )
            for entry in chosen
        ],
        checkpoint=checkpoint.note if checkpoint and covered else None,
        anchor=_anchor(confirmation) if confirmation else None,
    )  # fmt: skip
    _self_check(made)
    return made


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
    anchored = (
        confirmations()
        .filter(anchor__registration=current_registration())
        .select_related("anchor__checkpoint", "anchor__registration", "attempt")
    )
    first = anchored.filter(anchor__checkpoint__gt=max(indexes)).order_by("anchor__checkpoint").first()
    newest = anchored.filter(anchor__checkpoint__gt=min(indexes)).order_by("-anchor__checkpoint").first()
    found = first or newest
    if found:
        return found, found.anchor.checkpoint
    return None, Checkpoint.objects.filter(size__gt=min(indexes)).order_by("-size").first()


def _paths(covered: Sequence[Any], size: int) -> list[tuple[bytes, ...]]:
    """The inclusion paths in one read of the tiles."""
    if not covered:
        return []
    found = prove_inclusions(indexes=[e.leaf_index for e in covered], size=size, read=TileReader(read_tiles))
    return [tuple(path) for path in found]


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


def _self_check(made: bytes) -> None:
    """A proof that our own verifier refuses never leaves: that is a bug or a damaged database, and loud."""
    report = verify.verify(made, trust_file())
    assert report.exit_code in (0, 3), f"a proof failed its own check: {report}"
