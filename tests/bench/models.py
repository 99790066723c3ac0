"""One small business row, five times: each kept in another way, with the same columns and indexes."""

import uuid

import auditlog.registry
from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords

from anchoring import vault
from anchoring.log import person, register_rows

COLUMNS = ("number", "person_id", "status", "place", "description", "amount_minor", "currency", "reported_at")
OF_A_PERSON = ("person_id", "place", "description", "amount_minor")


class Row(models.Model):
    """About what a claim has: eight columns beside the key, half of which concern a person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=24, unique=True)
    person_id = models.UUIDField()
    status = models.CharField(max_length=24)
    place = models.CharField(max_length=100)
    description = models.TextField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reported_at = models.DateTimeField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.number


class Plain(Row):
    """Nothing is kept of it."""


class Ours(Row):
    """Recorded by the log."""


class Historical(Row):
    """Kept by django-simple-history."""

    # The bench's tables are made before the users' table. The column is null here, so that nothing would be looked up.
    history = HistoricalRecords(user_db_constraint=False)


class Audited(Row):
    """Kept by django-auditlog."""


class Note(models.Model):
    """The least that an audit trail can be: what was saved, as text in clear. Written by hand-made SQL."""

    kind = models.CharField(max_length=64)
    body = models.TextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.kind


def declare() -> None:
    """Tell the log and auditlog what to keep; called once, when the apps are ready."""
    owners = {
        column: (lambda row: person(row.person_id)) if column in OF_A_PERSON else (lambda row: vault.HOUSE)
        for column in COLUMNS
    }
    register_rows(Ours, owners)
    auditlog.registry.auditlog.register(Audited)


if settings.POSTGRESQL:
    import pghistory

    @pghistory.track()
    class Tracked(Row):
        """Kept by django-pghistory's triggers."""
