"""Knowing the customer: one case for one identity."""

import uuid

from django.db import models
from django.db.models import Q

from claims.models.party import Party, User
from claims.models.sealed import Sealed


class KycCaseQuerySet(models.QuerySet["KycCase"]):
    """Questions asked about identity cases."""

    def visible_to(self, user: User) -> "KycCaseQuerySet":
        """Staff who review or oversee see all; everyone else their own."""
        if user.role in ("kyc_officer", "compliance"):
            return self
        return self.filter(party__user=user)

    def awaiting_review(self) -> "KycCaseQuerySet":
        """Those that an officer has to look at."""
        return self.filter(status="submitted")

    def newest_of(self, party: Party) -> "KycCase | None":
        """The party's newest case."""
        return self.filter(party=party).order_by("-submitted_at", "-pk").first()


class KycCase(Sealed):
    """An identity under review. Sealed: what the person told of themselves (``actions.kyc.Identity``)."""

    class Status(models.TextChoices):
        SUBMITTED = "submitted", "We are checking"
        INFO_REQUESTED = "info_requested", "We need something from you"
        VERIFIED = "verified", "Verified"
        REJECTED = "rejected", "Not accepted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=24, unique=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="kyc_cases")
    status = models.CharField(max_length=16, choices=Status)
    findings = models.JSONField(default=list)
    submitted_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason_code = models.CharField(max_length=64, blank=True)
    message = models.TextField(max_length=2000, blank=True)
    objects = KycCaseQuerySet.as_manager()

    class Meta:
        verbose_name = "identity case"
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["submitted", "info_requested", "verified", "rejected"]), name="kyc_status_known"
            ),
            models.UniqueConstraint(
                fields=["party"], condition=~Q(status="rejected"), name="kyc_one_open_case_for_a_party"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def owner(self) -> str:
        return self.party.owner
