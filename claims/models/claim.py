"""Claims: drafts, what was reported, what was decided."""

import uuid
from typing import Any

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.utils.functional import cached_property

from claims.models.party import Party, User
from claims.models.policy import Policy
from claims.models.sealed import Sealed

CLAIM_STAFF = ("adjuster", "supervisor", "compliance")


class ClaimDraftQuerySet(models.QuerySet["ClaimDraft"]):
    """Questions asked about drafts."""

    def visible_to(self, user: User) -> "ClaimDraftQuerySet":
        """A draft is its writer's alone: staff do not see it."""
        return self.filter(party__user=user)


class ClaimDraft(Sealed):
    """A claim being written, saved at each page. Not recorded; gone when it is sent. Sealed: the answers so far."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    party = models.ForeignKey(Party, on_delete=models.PROTECT)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT)
    made_at = models.DateTimeField()
    saved_at = models.DateTimeField()
    objects = ClaimDraftQuerySet.as_manager()

    def __str__(self) -> str:
        return f"draft on {self.policy}"

    @property
    def owner(self) -> str:
        return self.party.owner


class ClaimQuerySet(models.QuerySet["Claim"]):
    """Questions asked about claims."""

    def visible_to(self, user: User) -> "ClaimQuerySet":
        """Who handles or oversees claims sees all, who pays what is decided, everyone else their own."""
        if user.role in CLAIM_STAFF:
            return self
        own = Q(party__user=user)
        return self.filter(own | Q(status__in=["decided", "paid"])) if user.role == "finance" else self.filter(own)

    def awaiting_decision(self) -> "ClaimQuerySet":
        """Those on which we owe a decision."""
        return self.filter(status__in=["submitted", "under_review", "awaiting_approval"])

    def awaiting_handler(self) -> "ClaimQuerySet":
        """Those that nobody has taken."""
        return self.filter(status="submitted")

    def awaiting_decision_of(self, user: User) -> "ClaimQuerySet":
        """Those that the user has taken and not decided."""
        return self.filter(status="under_review", handler=user)

    def awaiting_approval_by(self, user: User) -> "ClaimQuerySet":
        """Proposals that the user may judge: neither their own nor on their own claim."""
        proposer = ClaimDecision.newest_of_each().values("proposed_by")[:1]
        waiting = self.filter(status="awaiting_approval").annotate(proposer=Subquery(proposer))
        return waiting.exclude(proposer=user.pk).exclude(party__user=user)

    def with_payable(self) -> "ClaimQuerySet":
        """With ``payable``: what the newest decision, made or proposed, pays; None without one."""
        return self.annotate(payable=Subquery(ClaimDecision.newest_of_each().values("payable_minor")[:1]))

    def awaiting_payment(self) -> "ClaimQuerySet":
        """Those that are decided with something to pay."""
        return self.with_payable().filter(Q(("payable__gt", 0)), status="decided")


class Claim(Sealed):
    """A reported loss. Sealed: description, place, account_name, account_number."""

    class Status(models.TextChoices):
        SUBMITTED = "submitted", "Received"
        UNDER_REVIEW = "under_review", "Being looked at"
        AWAITING_APPROVAL = "awaiting_approval", "Waiting for a second person"
        DECIDED = "decided", "Decided"
        PAID = "paid", "Paid"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Precision(models.TextChoices):
        EXACT = "exact", "At this time"
        DAY = "day", "On this day"
        SYNTHESISED = "synthesised", "Not known; set by the import"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=24, unique=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="claims")
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="claims")
    status = models.CharField(max_length=20, choices=Status)
    cause_code = models.CharField(max_length=40)
    loss_at = models.DateTimeField()
    loss_precision = models.CharField(max_length=12, choices=Precision)
    reported_at = models.DateTimeField()
    claimed_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    handler = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=120)
    objects = ClaimQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=["submitted", "under_review", "awaiting_approval", "decided", "paid", "withdrawn"]
                ),
                name="claim_status_known",
            ),
            models.CheckConstraint(condition=Q(claimed_minor__gte=0), name="claim_amount_not_negative"),
            models.CheckConstraint(condition=Q(loss_at__lte=F("reported_at")), name="claim_loss_before_report"),
            models.UniqueConstraint(fields=["party", "idempotency_key"], name="claim_sent_once"),
        ]
        indexes = [
            models.Index(fields=["status", "reported_at"], name="claim_queue"),
            models.Index(fields=["idempotency_key"], name="claim_by_key"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def owner(self) -> str:
        return self.party.owner

    @cached_property
    def decision(self) -> "ClaimDecision | None":
        """The newest decision, proposed or made, as of the first look at this object; who makes one puts it here."""
        return self.decisions.order_by("-proposed_at", "-pk").first()

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        """Forgets the decision too."""
        self.__dict__.pop("decision", None)
        super().refresh_from_db(*args, **kwargs)


class ClaimLine(models.Model):
    """One thing lost or damaged, with what is claimed for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    item = models.CharField(max_length=200)
    claimed_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["claim", "position"], name="claim_line_once"),
            models.CheckConstraint(condition=Q(claimed_minor__gte=0), name="claim_line_not_negative"),
        ]

    def __str__(self) -> str:
        return self.item


class ClaimDecision(models.Model):
    """What someone decided or proposed; only the second person's name is added later."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", "Accepted in full"
        PART_ACCEPTED = "part_accepted", "Accepted in part"
        DECLINED = "declined", "Declined"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=16, choices=Outcome)
    payable_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason_code = models.CharField(max_length=40, blank=True)
    provision_ref = models.CharField(max_length=40, blank=True)
    rationale = models.TextField(max_length=5000)
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["accepted", "part_accepted", "declined"]), name="decision_outcome_known"
            ),
            models.CheckConstraint(
                condition=Q(outcome="accepted") | (~Q(reason_code="") & ~Q(provision_ref="")),
                name="decision_names_the_provision",
            ),
            models.CheckConstraint(
                condition=Q(outcome="declined", payable_minor=0) | (~Q(outcome="declined") & Q(payable_minor__gt=0)),
                name="decision_pays_unless_declined",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")),
                name="decision_approved_by_someone_else",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} ({self.claim})"

    @classmethod
    def newest_of_each(cls) -> models.QuerySet["ClaimDecision"]:
        """For a subquery on claims: the decisions of the outer claim, newest first."""
        return cls._default_manager.filter(claim=OuterRef("pk")).order_by("-proposed_at", "-pk")
