"""The coverage check: what the terms say about a claim, rule by rule, and what they would pay, line by line.

It advises the adjuster and decides nothing. A FAIL names the reason and the clause that a decline could rest on; a
REFER says what a person has to find out first. Exclusions need an evidenced fact, so the check lists those that may
apply and judges none.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from claims.catalogue.product import Benefit, Coverage, Exclusion, Product
from claims.money import Money, total

_DAY: Final = timedelta(days=1)
_Steps = Generator["AmountStep", None, Money]  # yields lines, returns the amount after them


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - the word of the rule, no password
    REFER = "refer"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What the policy says. All times are aware; `ends_at` is the first moment without cover.

    `issued_at` is None for a policy taken over, which was bought elsewhere. `trip_cost` is what the holder said it was.
    `accepted_before` is what was accepted earlier under this policy, by cause, without what was taken back.
    """

    starts_at: datetime
    ends_at: datetime
    issued_at: datetime | None
    trip_cost: Money | None = None
    accepted_before: Mapping[str, Money] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClaimedItem:
    """One thing and what is claimed for it; `valuable` is None until somebody has looked."""

    name: str
    claimed: Money
    valuable: bool | None = None


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """What was reported. The loss happened at `loss_at` at the earliest and `loss_until` at the latest, both included:
    equal when the time is exact, the first and the last moment of the day when only the day is known.
    """

    cause: str
    loss_at: datetime
    loss_until: datetime
    reported_at: datetime
    items: tuple[ClaimedItem, ...]
    delay_hours: int | None = None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's answer, for the adjuster. `reason` is a reason code on FAIL and REFER, else empty."""

    rule: str
    outcome: Outcome
    clause: str
    sentence: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AmountStep:
    """One line of the calculation. `reason` is a reason code where the line took something off, else empty."""

    label: str
    before: Money
    after: Money
    clause: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CoverageResult:
    """`coverage` is None when no coverage names the cause. `steps` are worked out even where a rule failed."""

    coverage: Coverage | None
    trace: tuple[RuleResult, ...]
    steps: tuple[AmountStep, ...]
    exclusions: tuple[Exclusion, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of the trace."""
        return max((result.outcome for result in self.trace), key=list(Outcome).index)

    @property
    def payable(self) -> Money:
        """What the terms would pay: nothing where a rule failed."""
        amount = self.steps[-1].after
        return Money.zero(amount.currency) if self.outcome is Outcome.FAIL else amount

    @property
    def reasons(self) -> tuple[tuple[str, str], ...]:
        """(reason code, clause) that a decision could cite: rules that failed, then lines that took something off."""
        failed = [(result.reason, result.clause) for result in self.trace if result.outcome is Outcome.FAIL]
        reduced = [(step.reason, step.clause) for step in self.steps if step.reason]
        return tuple(dict.fromkeys(failed + reduced))


def check(product: Product, *, policy: PolicyFacts, claim: ClaimFacts) -> CoverageResult:
    """Judge at the date of the loss, never at today's."""
    assert claim.items and claim.loss_at <= claim.loss_until, "a claim has an item, and a loss begins before it ends"
    coverage = product.coverage_for(claim.cause)
    return CoverageResult(
        coverage=coverage,
        trace=tuple(_rules(product, coverage, policy, claim)),
        steps=tuple(_steps(product, coverage, policy, claim)),
        exclusions=product.exclusions_for(coverage) if coverage is not None else (),
    )


def cover_begins(product: Product, *, policy: PolicyFacts, cause: str) -> datetime:
    """The first moment at which a loss of this cause is covered, a waiting period left aside."""
    coverage = product.coverage_for(cause)
    if policy.issued_at is None:
        return policy.starts_at
    if coverage is not None and coverage.cover_from == "issue":
        return policy.issued_at
    return max(policy.starts_at, policy.issued_at)


def _rules(product: Product, coverage: Coverage | None, policy: PolicyFacts, claim: ClaimFacts) -> Iterator[RuleResult]:
    yield _start(product, coverage, policy, claim)
    yield _end(product, policy, claim)
    yield _purchase(product, policy, claim)
    if product.late_purchase is not None:
        yield _waiting(product, policy, claim)
    yield _cause(product, coverage)
    yield _notice(product, claim)
    if coverage is not None:
        yield from _missing_facts(coverage, policy, claim)


def _start(product: Product, coverage: Coverage | None, policy: PolicyFacts, claim: ClaimFacts) -> RuleResult:
    from_issue = coverage is not None and coverage.cover_from == "issue" and policy.issued_at is not None
    clause = coverage.clause if coverage is not None and from_issue else product.provisions["NOT_IN_FORCE"]
    if from_issue:
        return RuleResult("start", Outcome.PASS, clause, "This is covered from the purchase on.")
    outcome = _not_before(policy.starts_at, claim)
    sentence = {
        Outcome.PASS: "The loss did not happen before the first day of cover.",
        Outcome.REFER: "The loss may have happened before the first day of cover: find out when.",
        Outcome.FAIL: "The loss happened before the first day of cover.",
    }[outcome]
    return _result("start", outcome, clause, sentence, "NOT_IN_FORCE")


def _end(product: Product, policy: PolicyFacts, claim: ClaimFacts) -> RuleResult:
    outcome = _opposite(_not_before(policy.ends_at, claim))
    sentence = {
        Outcome.PASS: "The loss happened before the cover ended.",
        Outcome.REFER: "The loss may have happened after the cover ended: find out when.",
        Outcome.FAIL: "The loss happened after the cover ended.",
    }[outcome]
    return _result("end", outcome, product.provisions["NOT_IN_FORCE"], sentence, "NOT_IN_FORCE")


def _purchase(product: Product, policy: PolicyFacts, claim: ClaimFacts) -> RuleResult:
    if policy.issued_at is None:
        clause = product.provisions["NOT_IN_FORCE"]
        return RuleResult("purchase", Outcome.PASS, clause, "The policy was bought from the insurer before us.")
    outcome = _not_before(policy.issued_at, claim)
    sentence = {
        Outcome.PASS: "The loss did not happen before the purchase.",
        Outcome.REFER: "The loss may have happened before the purchase: find out when.",
        Outcome.FAIL: "The loss happened before the purchase.",
    }[outcome]
    return _result("purchase", outcome, product.provisions["BEFORE_PURCHASE"], sentence, "BEFORE_PURCHASE")


def _waiting(product: Product, policy: PolicyFacts, claim: ClaimFacts) -> RuleResult:
    """The day of departure has no hour, so a purchase on that day counts as one before departure."""
    rule = product.late_purchase
    assert rule is not None, "asked only of products that have the rule"
    if policy.issued_at is None or policy.issued_at < policy.starts_at + _DAY:
        return RuleResult("waiting", Outcome.PASS, rule.clause, "The cover was not bought during the trip: no waiting.")
    outcome = _not_before(policy.issued_at + timedelta(hours=rule.waiting_hours), claim)
    sentence = {
        Outcome.PASS: f"Bought during the trip, and the loss came after the first {rule.waiting_hours} hours.",
        Outcome.REFER: f"Bought during the trip, and the loss may lie in the first {rule.waiting_hours} hours.",
        Outcome.FAIL: f"Bought during the trip, and the loss lies in the first {rule.waiting_hours} hours.",
    }[outcome]
    return _result("waiting", outcome, rule.clause, sentence, "WAITING_PERIOD")


def _cause(product: Product, coverage: Coverage | None) -> RuleResult:
    if coverage is None:
        clause = product.provisions["NOT_INSURED_PERIL"]
        return _result("cause", Outcome.FAIL, clause, "No coverage names this cause of loss.", "NOT_INSURED_PERIL")
    return RuleResult("cause", Outcome.PASS, coverage.clause, f"The cause belongs to “{coverage.name}”.")


def _notice(product: Product, claim: ClaimFacts) -> RuleResult:
    """A late report is never a reason by itself: what counts is whether it kept us from examining the loss."""
    days = (claim.reported_at - claim.loss_until).days
    if claim.reported_at - claim.loss_until <= timedelta(days=product.notify_within_days):
        sentence = f"Reported within {product.notify_within_days} days."
        return RuleResult("notice", Outcome.PASS, product.notify_clause, sentence)
    sentence = f"Reported after {days} days: did the delay keep us from establishing what happened?"
    return _result("notice", Outcome.REFER, product.notify_clause, sentence, "LATE_NOTICE")


def _missing_facts(coverage: Coverage, policy: PolicyFacts, claim: ClaimFacts) -> Iterator[RuleResult]:
    """What the calculation had to do without; it takes the reading that is better for the claimant."""
    if coverage.valuables_limit is not None and any(item.valuable is None for item in claim.items):
        sentence = f"Say which items are valuables: at most {coverage.valuables_limit} is paid for them together."
        yield _result("valuables", Outcome.REFER, coverage.limit_clause, sentence, "VALUABLES_LIMIT")
    if coverage.benefit is not None and claim.delay_hours is None:
        sentence = f"Find out how many hours the departure was late: {_scale(coverage.benefit)}."
        yield _result("delay", Outcome.REFER, coverage.benefit.clause, sentence, "FIXED_BENEFIT")
    if coverage.limited_to_trip_cost and policy.trip_cost is None:
        sentence = "Find out what the trip cost: no more than that is paid."
        yield _result("trip_cost", Outcome.REFER, coverage.limit_clause, sentence, "LIMIT_OCCURRENCE")


def _steps(product: Product, coverage: Coverage | None, policy: PolicyFacts, claim: ClaimFacts) -> Iterator[AmountStep]:
    """Claimed → each item → valuables → fixed benefit → deductible, once for the loss → one loss → the whole term."""
    amount = total((item.claimed for item in claim.items), currency=product.currency)
    yield AmountStep("Claimed", amount, amount, coverage.clause if coverage is not None else "")
    if coverage is None:
        return
    amount = yield from _limit_items(product, coverage, claim.items, amount)
    amount = yield from _limit_to_benefit(product, coverage, claim.delay_hours, amount)
    amount = yield from _deduct(product, coverage, amount)
    amount = yield from _limit_loss(product, coverage, policy.trip_cost, amount)
    yield from _limit_term(product, coverage, policy.accepted_before, amount)


def _limit_items(product: Product, coverage: Coverage, items: tuple[ClaimedItem, ...], amount: Money) -> _Steps:
    valuables = Money.zero(product.currency)
    for item in items:
        limit = coverage.item_limit
        allowed = item.claimed if limit is None else min(item.claimed, limit)
        valuables = valuables + allowed if item.valuable else valuables
        if allowed < item.claimed:
            label = f"{item.name}: at most {limit} for one item"
            amount = yield from _reduce(label, amount, amount - (item.claimed - allowed), product, "ITEM_LIMIT")
    limit = coverage.valuables_limit
    if limit is not None and valuables > limit:
        label = f"All valuables together: at most {limit}"
        amount = yield from _reduce(label, amount, amount - (valuables - limit), product, "VALUABLES_LIMIT")
    return amount


def _limit_to_benefit(product: Product, coverage: Coverage, hours: int | None, amount: Money) -> _Steps:
    benefit = coverage.benefit
    if benefit is None or hours is None:
        return amount
    times = hours // benefit.hours
    due = Money(times * benefit.amount.minor, product.currency)
    label = f"{hours} hours late: {times} × {benefit.amount}"
    return (yield from _reduce(label, amount, min(amount, due), product, "FIXED_BENEFIT"))


def _deduct(product: Product, coverage: Coverage, amount: Money) -> _Steps:
    borne = min(amount, coverage.deductible)
    if coverage.deductible == Money.zero(product.currency):
        return amount
    reason = "DEDUCTIBLE" if borne < amount else "BELOW_DEDUCTIBLE"
    label = f"The holder bears {coverage.deductible} of each loss"
    return (yield from _reduce(label, amount, amount - borne, product, reason))


def _limit_loss(product: Product, coverage: Coverage, trip_cost: Money | None, amount: Money) -> _Steps:
    limit, label = coverage.limit, f"At most {coverage.limit} for one loss"
    if coverage.limited_to_trip_cost and trip_cost is not None and trip_cost < limit:
        limit, label = trip_cost, f"At most {trip_cost}, which is what the trip cost"
    return (yield from _reduce(label, amount, min(amount, limit), product, "LIMIT_OCCURRENCE"))


def _limit_term(product: Product, coverage: Coverage, accepted: Mapping[str, Money], amount: Money) -> _Steps:
    if coverage.aggregate is None:
        return amount
    used = total((accepted[cause] for cause in coverage.causes if cause in accepted), currency=product.currency)
    left = max(coverage.aggregate - used, Money.zero(product.currency))
    label = f"At most {coverage.aggregate} in the whole term, of which {used} is used"
    return (yield from _reduce(label, amount, min(amount, left), product, "LIMIT_AGGREGATE"))


def _reduce(label: str, before: Money, after: Money, product: Product, reason: str) -> _Steps:
    yield AmountStep(label, before, after, product.provisions[reason], reason if after < before else "")
    return after


def _not_before(moment: datetime, claim: ClaimFacts) -> Outcome:
    """Whether all of the time in which the loss can have happened lies at or after `moment`."""
    if claim.loss_at >= moment:
        return Outcome.PASS
    return Outcome.FAIL if claim.loss_until < moment else Outcome.REFER


def _opposite(outcome: Outcome) -> Outcome:
    return {Outcome.PASS: Outcome.FAIL, Outcome.FAIL: Outcome.PASS}.get(outcome, outcome)


def _result(rule: str, outcome: Outcome, clause: str, sentence: str, reason: str) -> RuleResult:
    return RuleResult(rule, outcome, clause, sentence, "" if outcome is Outcome.PASS else reason)


def _scale(benefit: Benefit) -> str:
    return f"{benefit.amount} is paid for every full {benefit.hours} hours"
