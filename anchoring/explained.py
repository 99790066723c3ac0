"""A proof of record beside what its own bytes say, for those who read it rather than compute it.

What is said is read off the file that was made; only what no file carries (when the seal was made, when a block was)
comes from the rows, and never says that an event has come further than the file shows.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from anchoring import networks, stages, vault
from anchoring.mapping import Progress
from anchoring.models import Confirmation, Entry, Opening
from anchoring.openings import Subject
from anchoring.proofs import NUMBER, proof
from anchoring.protocol import proof as document
from anchoring.protocol.anchor import Anchor, ReceiptAnchor
from anchoring.protocol.checkpoint import parse_checkpoint
from anchoring.protocol.disclosure import Value, parse_disclosure
from anchoring.protocol.entry import parse_entry
from anchoring.protocol.note import split_note
from anchoring.stages import Stage
from anchoring.verify import TESTNET


@dataclass(frozen=True)
class ShownEvent:
    """One entry of the file. ``columns`` counts the shown database columns, which ``facts`` leave out.

    ``erased``: something that the asker might have seen is gone with its key. ``asked``: False for the first entry
    where it is in the file for its number alone.
    """

    id: uuid.UUID
    kind: str
    facts: Mapping[str, Value]
    columns: int
    withheld: int
    erased: bool
    stage: Stage
    asked: bool


@dataclass(frozen=True)
class Anchored:
    """Where the file's checkpoint stands on a chain; ``self_contained``: the file carries the way up to the block."""

    chain_id: int
    block_number: int
    block_hash: str
    block_at: datetime
    transaction: str
    contract: str
    self_contained: bool


@dataclass(frozen=True)
class ExplainedProof:
    """The file's bytes and what they say. ``size`` and ``anchor`` are None for what is not sealed, not anchored yet.

    ``chain_id`` is the anchor's, or else the one on which the log is registered (None before that).
    """

    content: bytes
    number: str
    events: tuple[ShownEvent, ...]
    size: int | None
    origin: str
    anchor: Anchored | None
    chain_id: int | None

    @property
    def chain_name(self) -> str:
        """The chain in a sentence, "" where there is none yet."""
        return "" if self.chain_id is None else stages.chain_name(self.chain_id)

    @property
    def chain_worth(self) -> str:
        """What an anchor there is worth, in a sentence."""
        return "" if self.chain_id is None else stages.chain_worth(self.chain_id)

    @property
    def is_local(self) -> bool:
        """Whether it names local development chains alone, where an anchor is no evidence."""
        named = {self.chain_id, *(event.stage.chain_id for event in self.events)}
        return {networks.shipped().kind(chain_id) for chain_id in named if chain_id is not None} == {"local"}

    @property
    def chain_warning(self) -> str:
        """What the verifier says of such a chain: "" for a main network alone."""
        if self.chain_id is None:
            return ""
        table = networks.shipped()
        if table.kind(self.chain_id) in ("test", "local") or table.has_ended(self.chain_id):
            return TESTNET
        return "" if table.kind(self.chain_id) == "main" else f"unknown chain {self.chain_id}"


def explained_proof(
    subject: Subject,
    *,
    owners: Collection[str] | None,
    entries: Collection[object] | None = None,
    progress: Progress | None = None,
) -> ExplainedProof:
    """The proof that ``proof()`` makes of the same arguments, with its meaning; five queries more. Raises NoSuchRecord.

    The same rows give the same answer.
    """
    content = proof(subject, owners=owners, entries=entries, progress=progress)
    read = document.parse_proof(content)
    checkpoint = parse_checkpoint(split_note(read.checkpoint)[0]) if read.checkpoint else None
    on_chain = read.anchor or stages.current_registration()
    size = checkpoint.size if checkpoint else None
    return ExplainedProof(
        content=content,
        number=_number(read.entries),
        events=tuple(_events(read, owners, entries)),
        size=size,
        origin=checkpoint.origin if checkpoint else "",
        anchor=_anchored(read.anchor, size) if read.anchor else None,
        chain_id=on_chain.chain_id if on_chain else None,
    )


def _number(entries: Sequence[document.ProvedEntry]) -> str:
    shown = (parse_disclosure(text) for entry in entries for text in entry.disclosures)
    return next((str(field.value) for field in shown if field.name == NUMBER), "")


def _events(read: document.Proof, owners: Collection[str] | None, asked: Collection[object] | None) -> list[ShownEvent]:
    parsed = [parse_entry(proved.entry) for proved in read.entries]
    rows = list(stages.with_stage(Entry.objects.filter(id__in=[entry.id for entry in parsed]).defer("data")))
    reached = stages.stages(rows, now=timezone.now())
    by_id = {str(row.id): row for row in rows}
    erased = _erased([row.seq for row in rows], owners)
    events = []
    for proved, entry in zip(read.entries, parsed, strict=True):
        shown = [parse_disclosure(text) for text in proved.disclosures]
        facts = {field.name: field.value for field in shown if not field.name.startswith("row.")}
        row = by_id[entry.id]
        events.append(
            ShownEvent(
                id=row.id, kind=entry.kind, facts=facts, columns=len(shown) - len(facts),
                withheld=len(entry.fields) - len(shown), erased=row.seq in erased,
                stage=_no_further(reached[row.seq], proved, read), asked=asked is None or row.id in asked,
            )
        )  # fmt: skip
    return events


def _no_further(stage: Stage, proved: document.ProvedEntry, read: document.Proof) -> Stage:
    """The stage as far as the file itself goes: the rows may have gone on since it was made."""
    if proved.index is None:
        stage = replace(stage, sealed_at=None, index=None)
    if proved.index is None or read.anchor is None:
        stage = replace(stage, anchored_at=None, block_number=None, transaction=None, chain_id=None)
    return stage


def _erased(seqs: Sequence[int], owners: Collection[str] | None) -> set[int]:
    """The entries of which a part that the asker might see was sealed under a key that is destroyed."""
    parts = Opening.objects.filter(entry__in=seqs).values_list("entry_id", "owner")
    held = [(seq, owner) for seq, owner in parts if owners is None or owner in owners]
    gone = vault.destroyed_among({owner for _, owner in held})
    return {seq for seq, owner in held if owner in gone}


def _anchored(anchor: Anchor, size: int | None) -> Anchored:
    """The block as the confirmation has it from which the file's anchor was made; confirmations are never deleted."""
    confirmation = (
        Confirmation.objects.filter(
            anchor__checkpoint=size, anchor__registration__chain_id=anchor.chain_id,
            anchor__registration__log_id=anchor.log_id, anchor__registration__contract=anchor.contract,
        )
        .select_related("attempt").order_by("-nth")[0]
    )  # fmt: skip
    return Anchored(
        chain_id=anchor.chain_id,
        block_number=confirmation.block_number,
        block_hash="0x" + bytes(confirmation.block_hash).hex(),
        block_at=confirmation.block_at,
        transaction="0x" + bytes(confirmation.attempt.transaction).hex(),
        contract="0x" + anchor.contract.hex(),
        self_contained=isinstance(anchor, ReceiptAnchor),
    )
