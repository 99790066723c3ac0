"""Quotes, policies and the transactions that make them."""

import uuid
from datetime import UTC, date, datetime, timedelta

from django.db import models
from django.db.models import F, Q

from claims.catalogue import Product, product
from claims.models.party import Party, User
from claims.models.sealed import Sealed

OVERSEERS = ("underwriter", "adjuster", "supervisor", "finance", "compliance")


class QuoteQuerySet(models.QuerySet["Quote"]):
    """Questions asked about quotes."""

    def visible_to(self, user: User) -> "QuoteQuerySet":
        """Only the person who asked for it, and those who write and oversee business."""
        return self if user.role in ("underwriter", "compliance") else self.filter(party__user=user)


class Quote(Sealed):
    """A price offered. Sealed: the answers it rests on."""

    class Status(models.TextChoices):
        QUOTED = "quoted", "Offered"
        ACCEPTED = "accepted", "Accepted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=24, unique=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="quotes")
    status = models.CharField(max_length=16, choices=Status)
    product_code = models.CharField(max_length=40)
    product_version = models.CharField(max_length=20)
    product_sha256 = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    breakdown = models.JSONField()
    net_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    quoted_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    objects = QuoteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=["quoted", "accepted"]), name="quote_status_known"),
            models.CheckConstraint(condition=Q(valid_until__gt=F("quoted_at")), name="quote_valid_for_a_while"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="quote_ends_after_it_starts"),
            models.CheckConstraint(
                condition=Q(total_minor=F("net_minor") + F("tax_minor"), total_minor__gt=0), name="quote_adds_up"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def owner(self) -> str:
        return self.party.owner

    @property
    def product(self) -> Product:
        """The catalogue's product in the version that was quoted."""
        return product(self.product_code)


class PolicyQuerySet(models.QuerySet["Policy"]):
    """Questions asked about policies."""

    def visible_to(self, user: User) -> "PolicyQuerySet":
        """Business staff see all; everyone else their own."""
        return self if user.role in OVERSEERS else self.filter(party__user=user)


class Policy(models.Model):
    """A contract of insurance. What it is worth today is derived from its transactions and the clock, never stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=24, unique=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="policies")
    quote = models.OneToOneField(Quote, null=True, blank=True, on_delete=models.PROTECT)
    product_code = models.CharField(max_length=40)
    product_version = models.CharField(max_length=20)
    product_sha256 = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    premium_minor = models.BigIntegerField()
    trust_fingerprint = models.CharField(max_length=64)
    external_ref = models.CharField(max_length=120, unique=True, null=True, blank=True)
    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="policy_ends_after_it_starts"),
            models.CheckConstraint(condition=Q(premium_minor__gte=0), name="policy_premium_not_negative"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def product(self) -> Product:
        """The catalogue's product in the version that was sold."""
        return product(self.product_code)

    @property
    def last_day(self) -> date:
        """The last day that is covered, in UTC; ``ends_at`` itself is not."""
        return (self.ends_at.astimezone(UTC) - timedelta(microseconds=1)).date()

    def covers_from(self, cause: str | None = None) -> datetime:
        """When cover for the cause begins: for some, such as cancelling, with the purchase. None: the earliest."""
        named = [self.product.coverage_for(cause)] if cause else list(self.product.coverages)
        if all(coverage is None or coverage.cover_from != "issue" for coverage in named):
            return self.starts_at
        issue = self.transactions.filter(kind=PolicyTransaction.Kind.ISSUE).order_by("seq").first()
        return min(self.starts_at, issue.issued_at) if issue else self.starts_at

    def status_at(self, at: datetime) -> str:
        """The word a person reads: "Starts soon", "Covers you now" or "Ended"."""
        if at < self.starts_at:
            return "Starts soon"
        return "Covers you now" if at < self.ends_at else "Ended"


class PolicyTransaction(models.Model):
    """One immutable step in a policy's life; this release issues and takes over."""

    class Kind(models.TextChoices):
        ISSUE = "issue", "Issued"
        TAKE_OVER = "take_over", "Taken over from another insurer"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="transactions")
    seq = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=16, choices=Kind)
    effective_at = models.DateTimeField()
    issued_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "seq"], name="policy_transaction_once")]

    def __str__(self) -> str:
        return f"{self.policy} {self.get_kind_display().lower()}"
