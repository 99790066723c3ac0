"""The door to the log: record what happened, read it back, prove it.

Everything the business may use of this package, with ``anchoring.vault``. Nothing here knows insurance: kinds,
subjects, owners and facts are opaque.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, models
from django.utils import timezone

from anchoring import config, store, vault
from anchoring.explained import Anchored, ExplainedProof, ShownEvent, explained_proof
from anchoring.models import Entry
from anchoring.openings import Subject, open_disclosures, opening_context
from anchoring.proofs import NoSuchRecord, proof
from anchoring.protocol.canonical import dumps
from anchoring.protocol.disclosure import Value, digest, disclose, parse_disclosure
from anchoring.protocol.entry import encode_entry, format_time
from anchoring.protocol.entry import subject as subject_hash
from anchoring.protocol.merkle import leaf_hash
from anchoring.protocol.note import sign_note
from anchoring.protocol.receipt import Receipt, format_receipt
from anchoring.stages import Stage, seal_by, stages, with_stage
from anchoring.tlog import NotSealed, Placed, place
from anchoring.trust import current_fingerprint as trust_fingerprint

__all__ = [
    "AfterImage", "Anchored", "Entry", "Event", "ExplainedProof", "Facts", "NoSuchRecord", "NotInTransaction",
    "NotSealed", "Placed", "ShownEvent", "Stage", "Subject", "Value", "explained_proof", "first_receipt", "history",
    "newest_stages", "person", "place", "proof", "receipt", "record", "record_housekeeping", "recorded_tables",
    "register_rows", "trust_fingerprint",
]  # fmt: skip

Facts = Mapping[str, Mapping[str, Value]]
"""Owner → field name → value: each fact given by the person it concerns (or ``vault.HOUSE`` for nobody)."""


class NotInTransaction(RuntimeError):
    """``record()`` was called outside a transaction: the change and its entry would not live or die together."""


@dataclass(frozen=True)
class AfterImage:
    """A business row after its change; ``columns`` names what changed, None means a new row: all declared columns."""

    row: models.Model
    columns: Collection[str] | None = None


@dataclass(frozen=True)
class RecordedTable:
    """A business table whose declared columns the log keeps and ``fsck`` compares: column → who the value concerns.

    ``draft`` is the column that is set as long as a row is still somebody's draft and needs no entry (None: there is
    no such column). Python and the database's guards read the same declaration.
    """

    model: type[models.Model]
    owners: Mapping[str, Callable[[models.Model], str]]
    draft: str | None = None

    def is_draft(self, row: models.Model) -> bool:
        """Whether the row needs no entry yet."""
        return self.draft is not None and getattr(row, self.draft) is not None


_recorded_tables: dict[str, RecordedTable] = {}


def register_rows(
    model: type[models.Model],
    owners: Mapping[str, Callable[[models.Model], str]],
    *,
    draft: str | None = None,
) -> None:
    """Declare that ``model``'s named columns (attribute names) are recorded; its primary key must be a UUID.

    ``draft`` names the column (attribute name) that is set while a row is still somebody's draft and needs no entry.
    """
    assert isinstance(model._meta.pk, models.UUIDField), model
    _recorded_tables[model._meta.db_table] = RecordedTable(model, owners, draft)


def recorded_tables() -> Mapping[str, RecordedTable]:
    """The declared tables by their database name."""
    return _recorded_tables


def person(person_id: uuid.UUID) -> str:
    """The owner's name of a person in facts and in the vault."""
    return f"person:{person_id}"


def record(*, kind: str, subject: Subject, at: datetime, facts: Facts, rows: Iterable[AfterImage] = ()) -> Entry:
    """Append one event, in the caller's transaction, which must also hold the change itself.

    One round trip to the main database; the vault is asked only for owners whose key this process does not hold.
    ``at`` is the clock as read after the subject's row was locked. Raises NotInTransaction; refuses a field name
    given twice (ValueError).
    """
    if not connection.in_atomic_block:
        raise NotInTransaction("record() needs the transaction of the change that it records")
    by_owner = _by_owner(facts, rows)
    entry_id = uuid.uuid4()
    disclosed = {owner: {name: disclose(name, value) for name, value in f.items()} for owner, f in by_owner.items()}
    fields = {name: digest(text) for part in disclosed.values() for name, text in part.items()}
    if len(fields) != sum(map(len, disclosed.values())):
        raise ValueError("a field name is given twice in one entry")
    entry = Entry(
        id=entry_id, kind=kind, subject_type=subject.type, subject_id=subject.id, at=at,
        data=encode_entry(
            id=str(entry_id), kind=kind, subject=subject_hash(subject.type, subject.id), at=at, fields=fields
        ),
    )  # fmt: skip
    openings = [
        (owner, vault.seal(owner, "~".join(part.values()).encode(), context=opening_context(entry_id, owner)))
        for owner, part in disclosed.items()
    ]
    store.insert_entry(entry, openings)
    return entry


def record_housekeeping(*, kind: str, at: datetime, data: Mapping[str, str | int]) -> Entry:
    """Append a ``log.*`` event of the log itself: its data stands in clear and concerns nobody."""
    if not connection.in_atomic_block:
        raise NotInTransaction("record_housekeeping() needs a transaction")
    origin = config.origin()
    entry_id = uuid.uuid4()
    subject = subject_hash("log", origin)
    encoded = encode_entry(id=str(entry_id), kind=kind, subject=subject, at=at, data=data)
    entry = Entry(id=entry_id, kind=kind, subject_type="log", subject_id=origin, at=at, data=encoded)
    store.insert_entry(entry, [])
    return entry


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


def column_value(row: models.Model, column: str) -> Value:
    """A business column as the log keeps it: text, integer, truth value or null; bytes as the hex of their SHA-256."""
    value = getattr(row, column)
    if value is None or isinstance(value, bool | int | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, date | uuid.UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return hashlib.sha256(value).hexdigest()
    return dumps(json.loads(json.dumps(value))).decode()


def row_field(table: str, pk: object, column: str) -> str:
    """The field name that a business row's column has in an entry."""
    return f"row.{table}.{pk}.{column}"


def _by_owner(facts: Facts, rows: Iterable[AfterImage]) -> dict[str, dict[str, Value]]:
    merged = {owner: dict(fields) for owner, fields in facts.items() if fields}
    for image in rows:
        table, pk = image.row._meta.db_table, str(image.row.pk)
        owners = _recorded_tables[table].owners
        for column in owners if image.columns is None else [c for c in owners if c in image.columns]:
            part = merged.setdefault(owners[column](image.row), {})
            part[row_field(table, pk, column)] = column_value(image.row, column)
    return merged


def _event(entry: Entry, disclosures: Sequence[str], stage: Stage) -> Event:
    shown = [parse_disclosure(text) for text in disclosures]
    facts = {field.name: field.value for field in shown if not field.name.startswith("row.")}
    fields = json.loads(bytes(entry.data)).get("fields", {})
    return Event(entry.id, entry.kind, facts, len(fields) - len(shown), stage)


def _entries_of(subject: Subject) -> models.QuerySet[Entry]:
    return Entry.objects.filter(subject_type=subject.type, subject_id=subject.id).order_by("seq")
