"""Whose turn it is: what waits for a member of staff, counted for the first page of their desk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Model, QuerySet
from django.utils import timezone

from anchoring.log import Entry
from claims.models import Claim, KycCase, Quote, Role, User

REFUSALS_FOR = timedelta(days=7)


@dataclass(frozen=True)
class Duty:
    """One pile of work: ``query`` filters the list page of ``model`` down to it; ``oldest`` is None for none."""

    title: str
    text: str
    count: int
    oldest: datetime | None
    model: type[Model]
    query: str = ""


def duties_of(user: User) -> list[Duty]:
    """What waits for the user in their role, most pressing first; one query for each pile."""
    piles = _PILES.get(user.role)
    return list(piles(user)) if piles is not None else []


def _pile(title: str, text: str, rows: QuerySet, since: str, query: str = "") -> Duty:
    found = rows.order_by().aggregate(count=Count("pk"), oldest=Min(since))
    return Duty(title, text, found["count"], found["oldest"], rows.model, query)


def _identities(user: User) -> Iterator[Duty]:
    yield _pile(
        "Identities to check", "Compare what was typed with the document, then approve, ask or reject.",
        KycCase.objects.visible_to(user).awaiting_review(), "submitted_at", "status__exact=submitted",
    )  # fmt: skip


def _own_claims(user: User) -> Iterator[Duty]:
    claims = Claim.objects.visible_to(user)
    yield _pile(
        "Claims that you are handling", "You took them; they wait for your decision.",
        claims.awaiting_decision_of(user), "reported_at", "status=under_review&handler=me",
    )  # fmt: skip
    yield _pile(
        "Claims that nobody has taken", "The oldest waits longest: take it first.",
        claims.awaiting_handler(), "reported_at", "status=submitted",
    )  # fmt: skip


def _approvals(user: User) -> Iterator[Duty]:
    yield _pile(
        "Decisions to approve", "Above an adjuster's limit. Not your own proposals: someone else judges those.",
        Claim.objects.visible_to(user).awaiting_approval_by(user), "reported_at", "status=awaiting_approval",
    )  # fmt: skip
    yield _open_claims(user)


def _payments(user: User) -> Iterator[Duty]:
    yield _pile(
        "Payments to make", "Decided and not paid yet. Pay at the bank, then record its reference here.",
        Claim.objects.visible_to(user).awaiting_payment(), "reported_at",
    )  # fmt: skip


def _quotes(user: User) -> Iterator[Duty]:
    now = timezone.now()
    yield _pile(
        "Prices on offer", "Quoted, still valid, not accepted yet. Nothing to do; to know what may come.",
        Quote.objects.visible_to(user).filter(status=Quote.Status.QUOTED, valid_until__gt=now), "quoted_at",
        "status__exact=quoted",
    )  # fmt: skip


def _oversight(user: User) -> Iterator[Duty]:
    since = timezone.now() - REFUSALS_FOR
    yield _pile(
        "Refused steps, last 7 days", "Somebody tried what they may not do. Each is in the log.",
        Entry.objects.filter(kind="refusal.recorded", at__gte=since), "at", "kind=refusal.recorded",
    )  # fmt: skip
    yield _open_claims(user)


def _open_claims(user: User) -> Duty:
    return _pile(
        "Claims waiting for a decision", "Open claims of all handlers.",
        Claim.objects.visible_to(user).awaiting_decision(), "reported_at",
    )  # fmt: skip


_PILES: dict[str, Callable[[User], Iterator[Duty]]] = {
    Role.KYC_OFFICER: _identities,
    Role.ADJUSTER: _own_claims,
    Role.SUPERVISOR: _approvals,
    Role.FINANCE: _payments,
    Role.UNDERWRITER: _quotes,
    Role.COMPLIANCE: _oversight,
}
