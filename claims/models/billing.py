"""Money in and money out."""

import uuid

from django.db import models
from django.db.models import Q

from claims.models.claim import Claim, ClaimDecision
from claims.models.party import Party, User
from claims.models.policy import Quote

CASHIERS = ("finance", "compliance")


class PremiumPaymentQuerySet(models.QuerySet["PremiumPayment"]):
    """Questions asked about premiums."""

    def visible_to(self, user: User) -> "PremiumPaymentQuerySet":
        """Finance and compliance see all; everyone else their own."""
        return self if user.role in CASHIERS else self.filter(quote__party__user=user)


class PremiumPayment(models.Model):
    """A premium charged through the gateway. Written before the gateway is asked: a lost answer is asked for again."""

    class Status(models.TextChoices):
        INITIATED = "initiated", "Started"
        CAPTURED = "captured", "Paid"
        FAILED = "failed", "Not paid"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=24, unique=True)
    quote = models.ForeignKey(Quote, on_delete=models.PROTECT, related_name="payments")
    status = models.CharField(max_length=12, choices=Status)
    provider = models.CharField(max_length=20)
    provider_ref = models.CharField(max_length=100, unique=True, null=True, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    initiated_at = models.DateTimeField()
    objects = PremiumPaymentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["initiated", "captured", "failed"]), name="premium_payment_status_known"
            ),
            models.UniqueConstraint(
                fields=["quote"], condition=~Q(status="failed"), name="premium_payment_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def party(self) -> Party:
        """Who pays."""
        return self.quote.party


class ClaimPaymentQuerySet(models.QuerySet["ClaimPayment"]):
    """Questions asked about payments."""

    def visible_to(self, user: User) -> "ClaimPaymentQuerySet":
        """Finance and compliance see all; everyone else their own."""
        return self if user.role in CASHIERS else self.filter(claim__party__user=user)


class ClaimPayment(models.Model):
    """Money paid for a claim; one for a decision."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="payments")
    decision = models.OneToOneField(ClaimDecision, on_delete=models.PROTECT)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=60, unique=True)
    paid_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    paid_at = models.DateTimeField()
    objects = ClaimPaymentQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount_minor__gt=0), name="claim_payment_positive")]

    def __str__(self) -> str:
        return f"payment for {self.claim}"
