"""The coverage check of a claim as it stands: its rows read, its policy's answers unsealed, the terms asked.

It advises whoever decides and is worked out anew at each look; nothing of it is stored.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from anchoring import vault
from claims.coverage import ClaimedItem, ClaimFacts, CoverageResult, PolicyFacts, check
from claims.models import Claim, ClaimDecision, Policy, PolicyTransaction
from claims.money import Money, total

_DAY = timedelta(days=1)


def advice_on(claim: Claim) -> CoverageResult | None:
    """What the terms say of the claim; None when it lists nothing to judge. Five queries at most."""
    items = tuple(
        ClaimedItem(line.item, Money(line.claimed_minor, claim.currency)) for line in claim.lines.order_by("position")
    )
    if not items:
        return None
    loss_at, loss_until = _time_of_loss(claim)
    return check(
        claim.policy.product,
        policy=_policy_facts(claim),
        claim=ClaimFacts(
            cause=claim.cause_code, loss_at=loss_at, loss_until=loss_until, reported_at=claim.reported_at, items=items
        ),
    )


def _time_of_loss(claim: Claim) -> tuple[datetime, datetime]:
    """Earliest and latest: a time that is not exact may be any of its day, but not after the report."""
    if claim.loss_precision == Claim.Precision.EXACT:
        return claim.loss_at, claim.loss_at
    midnight = claim.loss_at.replace(hour=0, minute=0, second=0, microsecond=0)
    last = midnight + _DAY - timedelta(microseconds=1)
    return midnight, max(claim.loss_at, min(last, claim.reported_at))


def _policy_facts(claim: Claim) -> PolicyFacts:
    policy = claim.policy
    issues = policy.transactions.filter(kind=PolicyTransaction.Kind.ISSUE).order_by("seq")
    return PolicyFacts(
        starts_at=policy.starts_at,
        ends_at=policy.ends_at,
        issued_at=issues.values_list("issued_at", flat=True).first(),
        trip_cost=_trip_cost(policy),
        accepted_before=_accepted_before(claim),
    )


def _trip_cost(policy: Policy) -> Money | None:
    """As the holder gave it for the quote; None when there was no quote or its answers are erased."""
    if policy.quote is None:
        return None
    try:
        told = policy.quote.unseal().get("trip_cost")
    except vault.VaultError:
        return None
    return Money.exact(Decimal(told), policy.currency) if told else None


def _accepted_before(claim: Claim) -> dict[str, Money]:
    """By cause, what the newest decisions on the policy's other claims pay."""
    decisions = ClaimDecision.objects.filter(
        claim__policy=claim.policy_id, claim__status__in=[Claim.Status.DECIDED, Claim.Status.PAID]
    ).exclude(claim=claim.pk)
    newest = {
        claim_id: (cause, payable)
        for claim_id, cause, payable in decisions.order_by("proposed_at", "pk").values_list(
            "claim_id", "claim__cause_code", "payable_minor"
        )
    }
    causes = {cause for cause, _ in newest.values()}
    return {
        cause: total(
            (Money(payable, claim.currency) for other, payable in newest.values() if other == cause),
            currency=claim.currency,
        )
        for cause in causes
    }
