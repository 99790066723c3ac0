"""The door to the log: record what happened, read it back, prove it.

Everything the business may use of this package, with ``anchoring.vault``. Nothing here knows insurance: kinds,
subjects, owners and facts are opaque.
"""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.utils import timezone

from anchoring import config
from anchoring.explained import Anchored, ExplainedProof, ShownEvent, explained_proof
from anchoring.models import Entry
from anchoring.openings import Subject, open_disclosures
from anchoring.proofs import NoSuchRecord, proof
from anchoring.protocol.disclosure import Value, parse_disclosure
from anchoring.protocol.merkle import leaf_hash
from anchoring.protocol.note import sign_note
from anchoring.protocol.receipt import Receipt, format_receipt
from anchoring.record.record import Facts, NotInTransaction, person, record
from anchoring.record.rows import AfterImage, register_rows
from anchoring.stages import Stage, seal_by, stages, with_stage
from anchoring.tlog import NotSealed, Placed, place
from anchoring.trust import current_fingerprint as trust_fingerprint

__all__ = [
    "AfterImage", "Anchored", "Entry", "Event", "ExplainedProof", "Facts", "NoSuchRecord", "NotInTransaction",
    "NotSealed", "Placed", "ShownEvent", "Stage", "Subject", "Value", "explained_proof", "first_receipt", "history",
    "newest_stages", "person", "place", "proof", "receipt", "record", "register_rows", "trust_fingerprint",
]  # fmt: skip


def receipt(entry: Entry) -> str:
    """The signed promise that ``entry`` will be sealed in time. Asked again it is the same: Ed25519 draws no lots."""
    text = format_receipt(
        Receipt(
            origin=config.origin(),
            entry_id=str(entry.id),
            subject_type=entry.subject_type,
            record=entry.subject_id,
            leaf=leaf_hash(bytes(entry.data)),
            at=entry.at,
            seal_by=seal_by(entry.at),
        )
    )
    return sign_note(text, [config.receipt_key()])


def first_receipt(subject: Subject) -> str:
    """The receipt of the subject's first entry. Raises NoSuchRecord."""
    entry = _entries_of(subject).first()
    if entry is None:
        raise NoSuchRecord(f"nothing is recorded of {subject.type} {subject.id}")
    return receipt(entry)


@dataclass(frozen=True)
class Event:
    """One entry as a reader may see it."""

    id: uuid.UUID
    kind: str
    facts: Mapping[str, Value]
    withheld: int
    stage: Stage

    @property
    def at(self) -> datetime:
        """When it was recorded."""
        return self.stage.recorded_at


def history(subject: Subject, *, owners: Collection[str] | None = None) -> list[Event]:
    """The subject's events in order, with the facts of the named owners (None: of all) and how far each has come.

    Three queries and one look at the vault for each owner. Row fields are left out; facts whose key was destroyed count
    as withheld.
    """
    entries = list(with_stage(_entries_of(subject)))
    reached = stages(entries, now=timezone.now())
    opened = open_disclosures(entries, owners=owners)
    return [_event(entry, opened[entry.seq], reached[entry.seq]) for entry in entries]


def newest_stages(subjects: Sequence[Subject]) -> dict[Subject, Stage]:
    """The stage of each subject's newest entry, for lists; two queries however many there are."""
    newest = (
        Entry.objects.filter(subject_type__in={s.type for s in subjects}, subject_id__in={s.id for s in subjects})
        .values("subject_type", "subject_id").annotate(newest=models.Max("seq")).values("newest")
    )  # fmt: skip
    entries = list(with_stage(Entry.objects.filter(seq__in=newest).defer("data")))
    reached = stages(entries, now=timezone.now())
    return {Subject(entry.subject_type, entry.subject_id): reached[entry.seq] for entry in entries}


def _event(entry: Entry, disclosures: Sequence[str], stage: Stage) -> Event:
    shown = [parse_disclosure(text) for text in disclosures]
    facts = {field.name: field.value for field in shown if not field.name.startswith("row.")}
    fields = json.loads(bytes(entry.data)).get("fields", {})
    return Event(entry.id, entry.kind, facts, len(fields) - len(shown), stage)


def _entries_of(subject: Subject) -> models.QuerySet[Entry]:
    return Entry.objects.filter(subject_type=subject.type, subject_id=subject.id).order_by("seq")
