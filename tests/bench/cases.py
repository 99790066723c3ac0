"""The ways to save a row that are measured: plain, ours, and the peers'. Each write is one durable transaction."""

import json
import uuid
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from anchoring import vault
from anchoring.log import AfterImage, Subject, record
from tests.bench import models as m

CHANGED = ("status", "amount_minor")
STATES = ("under_review", "decided")
DESCRIPTION = "My bag was taken from the luggage rack of the train between Lisbon and Porto while I slept. " * 2

After = Callable[[Any, Collection[str] | None], object]


@dataclass(frozen=True)
class Case:
    """A way to save: the model, what is called after the save, and what stands around the transaction."""

    name: str
    model: Any
    after: After = lambda row, columns: None
    around: Callable[[], AbstractContextManager[Any]] = nullcontext

    def new(self, number: str, person: uuid.UUID) -> Any:
        """A row that is not saved yet."""
        return self.model(
            number=number, person_id=person, status="submitted", place="Lisbon", description=DESCRIPTION,
            amount_minor=25_000, currency="EUR", reported_at=timezone.now(),
        )  # fmt: skip

    def insert(self, row: Any) -> None:
        """Save a new row in a transaction."""
        with self.around(), transaction.atomic(durable=True):
            row.save(force_insert=True)
            self.after(row, None)

    def update(self, pk: uuid.UUID, turn: int) -> None:
        """Lock the row, change two columns and save them, in a transaction."""
        with self.around(), transaction.atomic(durable=True):
            row = self.model.objects.select_for_update().get(pk=pk)
            row.status, row.amount_minor = STATES[turn % 2], row.amount_minor + 1
            row.save(update_fields=CHANGED)
            self.after(row, CHANGED)


def _record(row: Any, columns: Collection[str] | None) -> None:
    record(
        kind="bench.saved",
        subject=Subject("bench", str(row.pk)),
        at=timezone.now(),
        facts={vault.HOUSE: {"by": "the person at the desk"}},
        rows=[AfterImage(row, columns)],
    )


def _record_for_a_newcomer(row: Any, columns: Collection[str] | None) -> None:
    vault.forget_cached_keys()
    _record(row, columns)


def _note(row: Any, columns: Collection[str] | None) -> None:
    body = json.dumps({name: str(getattr(row, name)) for name in columns or m.COLUMNS})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_note (kind, body, at) VALUES (%s, %s, %s)", ["bench.saved", body, timezone.now()]
        )


PLAIN = Case("plain save", m.Plain)
OURS = Case("ours", m.Ours, _record)
OURS_COLD = Case("ours, no data key held in memory", m.Ours, _record_for_a_newcomer)
SIMPLE_HISTORY = Case("django-simple-history", m.Historical)
AUDITLOG = Case("django-auditlog", m.Audited)
BARE_NOTE = Case("bare INSERT of clear text", m.Plain, _note)
CASES: list[Case] = [PLAIN, OURS, SIMPLE_HISTORY, AUDITLOG, BARE_NOTE]
if settings.POSTGRESQL:
    import pghistory

    def _with_context() -> AbstractContextManager[Any]:
        return pghistory.context(user="the person at the desk")

    CASES += [
        Case("django-pghistory", m.Tracked),
        Case("django-pghistory with context", m.Tracked, around=_with_context),
    ]
