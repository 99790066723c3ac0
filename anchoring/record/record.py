"""How an event enters the log: ``record()``, in the transaction of the change itself."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import connection

from anchoring import config, store, vault
from anchoring.models import Entry
from anchoring.openings import Subject, opening_context
from anchoring.protocol.disclosure import Value, digest, disclose
from anchoring.protocol.entry import encode_entry
from anchoring.protocol.entry import subject as subject_hash
from anchoring.record.rows import AfterImage, column_value, recorded_tables, row_field

Facts = Mapping[str, Mapping[str, Value]]
"""Owner → field name → value: each fact given by the person it concerns (or ``vault.HOUSE`` for nobody)."""


class NotInTransaction(RuntimeError):
    """``record()`` was called outside a transaction: the change and its entry would not live or die together."""


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


def _by_owner(facts: Facts, rows: Iterable[AfterImage]) -> dict[str, dict[str, Value]]:
    merged = {owner: dict(fields) for owner, fields in facts.items() if fields}
    for image in rows:
        table, pk = image.row._meta.db_table, str(image.row.pk)
        owners = recorded_tables()[table].owners
        for column in owners if image.columns is None else [c for c in owners if c in image.columns]:
            part = merged.setdefault(owners[column](image.row), {})
            part[row_field(table, pk, column)] = column_value(image.row, column)
    return merged
