"""Keeping people informed, and the serial numbers they quote."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection, models

from claims.models.party import Party, User

if TYPE_CHECKING:
    from claims.models.claim import Claim


class Notice(models.Model):
    """An e-mail owed to someone; written with the change it tells of, sent by the next tick that finds it unsent.

    One that ``awaits`` a claim is written when the claim is sent, and held until all that is recorded of the claim is
    anchored: there is never more than one for a claim, whoever looks how often.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    template = models.CharField(max_length=40)
    number = models.CharField(max_length=24)
    path = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    awaits = models.ForeignKey("claims.Claim", null=True, blank=True, on_delete=models.PROTECT, db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["number"], condition=models.Q(template="claim_anchored"), name="notice_anchored_once"
            )
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(sent_at=None, awaits=None), name="notice_unsent"),
            models.Index(fields=["id"], condition=models.Q(awaits__isnull=False), name="notice_held"),
        ]

    def __str__(self) -> str:
        return f"{self.template} about {self.number}"


def notify(party: Party, *, template: str, number: str, path: str, at: datetime, awaits: "Claim | None" = None) -> None:
    """Owe the party an e-mail, held until the claim that it ``awaits`` is anchored; people without an account (imported
    ones) get none."""
    if party.user is not None:
        Notice.objects.create(user=party.user, template=template, number=number, path=path, made_at=at, awaits=awaits)


class Serial(models.Model):
    """Where numbers come from: a database sequence, so that no request waits for another; gaps are allowed."""

    id = models.BigAutoField(primary_key=True)

    def __str__(self) -> str:
        return str(self.pk)


def next_serial() -> int:
    """A serial number that nobody else gets."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT nextval(pg_get_serial_sequence('claims_serial', 'id'))")
            return int(cursor.fetchone()[0])
        cursor.execute("INSERT INTO claims_serial DEFAULT VALUES")
        serial = int(cursor.lastrowid)
        cursor.execute("DELETE FROM claims_serial WHERE id <= %s", [serial])
        return serial
