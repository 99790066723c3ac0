"""What staff do with a claim: take, decide or propose, approve or send back, pay."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from anchoring import vault
from anchoring.log import AfterImage, Value
from claims import permissions
from claims.models import Claim, ClaimDecision, ClaimPayment, User
from claims.models.care import notify
from claims.workflow import advance, durable_action

EXCLUSION = "EXCLUSION"
"""The one reason whose clause is not the product's to give: it is that of the exclusion that applies."""


class CannotDecide(ValueError):  # noqa: N818 - the sentence is for the adjuster
    """A decision that contradicts itself or the claim; the text says what to change."""


@dataclass(frozen=True)
class Verdict:
    """What the adjuster decides; reason and provision are needed unless everything is paid."""

    outcome: str
    payable_minor: int
    rationale: str
    reason_code: str = ""
    provision_ref: str = ""


@durable_action
def take_claim(*, by: User, claim: Claim) -> Claim:
    """Take a claim from the queue. Records ``claim.taken``."""
    claim = _locked(claim)
    at = timezone.now()
    advance(claim, "take", by=by, at=at, changes={"handler": by})
    notify(claim.party, template="claim_taken", number=claim.number, path=f"/claims/{claim.number}/", at=at)
    return claim


@durable_action
def decide_claim(*, by: User, claim: Claim, verdict: Verdict) -> Claim:
    """Decide, within one's authority, or else propose for someone with a higher one.

    Raises CannotDecide. Records ``claim.decided`` or ``claim.decision_proposed``.
    """
    claim = _locked(claim)
    _require_consistent(claim, verdict)
    at = timezone.now()
    decision = ClaimDecision(
        claim=claim, outcome=verdict.outcome, payable_minor=verdict.payable_minor, currency=claim.currency,
        reason_code=verdict.reason_code, provision_ref=verdict.provision_ref, rationale=verdict.rationale,
        proposed_by=by, proposed_at=at,
    )  # fmt: skip
    decision.save(force_insert=True)
    claim.decision = decision
    step = "propose" if permissions.above_authority.test(by, claim) else "decide"
    advance(claim, step, by=by, at=at, facts=_decision_facts(decision), changed_rows=[AfterImage(decision)])
    if step == "decide":
        _tell(claim, decision)
    return claim


@durable_action
def approve_decision(*, by: User, claim: Claim) -> Claim:
    """The second person agrees. Records ``claim.decision_approved``."""
    claim = _locked(claim)
    at = timezone.now()
    decision = claim.decision
    image, facts = [], {}
    if decision is not None:
        decision.approved_by, decision.approved_at = by, at
        image, facts = [AfterImage(decision, ("approved_by_id", "approved_at"))], _decision_facts(decision)
    advance(claim, "approve", by=by, at=at, facts=facts, changed_rows=image)
    assert decision is not None, "only a proposal waits for approval"
    decision.save(update_fields=["approved_by", "approved_at"])
    _tell(claim, decision)
    return claim


@durable_action
def send_back_decision(*, by: User, claim: Claim, reason: str) -> Claim:
    """The second person does not agree and says why. Records ``claim.decision_sent_back``."""
    claim = _locked(claim)
    advance(claim, "send_back", by=by, at=timezone.now(), facts={vault.HOUSE: {"reason": reason}})
    return claim


@durable_action
def pay_claim(*, by: User, claim: Claim, reference: str) -> Claim:
    """Record that the amount decided was paid under the bank's reference. Records ``claim.paid``."""
    claim = _locked(claim)
    at = timezone.now()
    decision = claim.decision
    rows = []
    facts: dict[str, dict[str, Value]] = {}
    if decision is not None:
        payment = ClaimPayment(
            claim=claim, decision=decision, amount_minor=decision.payable_minor, currency=claim.currency,
            reference=reference, paid_by=by, paid_at=at,
        )  # fmt: skip
        rows.append(payment)
        facts[claim.owner] = {
            "amount_minor": payment.amount_minor, "currency": payment.currency, "reference": reference,
        }  # fmt: skip
    advance(claim, "pay", by=by, at=at, facts=facts, new_rows=rows)
    notify(claim.party, template="claim_paid", number=claim.number, path=f"/claims/{claim.number}/", at=at)
    return claim


def _locked(claim: Claim) -> Claim:
    rows: QuerySet[Claim] = Claim.objects.select_for_update(of=("self",)).select_related("party__user", "handler")
    return rows.get(pk=claim.pk)


def _require_consistent(claim: Claim, verdict: Verdict) -> None:
    declined = verdict.outcome == ClaimDecision.Outcome.DECLINED
    if declined != (verdict.payable_minor == 0):
        raise CannotDecide("A declined claim pays nothing; any other outcome pays something.")
    if verdict.payable_minor < 0 or verdict.payable_minor > claim.claimed_minor:
        raise CannotDecide("The amount must lie between nothing and what is claimed.")
    if (verdict.outcome == ClaimDecision.Outcome.ACCEPTED) != (verdict.payable_minor == claim.claimed_minor > 0):
        raise CannotDecide("“Accepted in full” pays exactly what is claimed; pay less as “accepted in part”.")
    if verdict.outcome != ClaimDecision.Outcome.ACCEPTED and not (verdict.reason_code and verdict.provision_ref):
        raise CannotDecide("Name the reason and the clause of the policy: the claimant has a right to both.")
    if verdict.reason_code == EXCLUSION:
        _require_exclusion(claim, verdict.provision_ref)
    if not verdict.rationale.strip():
        raise CannotDecide("Say in your own words why: the claimant will read it.")


def _require_exclusion(claim: Claim, clause: str) -> None:
    known = list(dict.fromkeys(exclusion.clause for exclusion in claim.policy.product.exclusions))
    if clause not in known:
        way_out = f"Choose its clause ({', '.join(known)}) or another reason." if known else "Choose another reason."
        raise CannotDecide(f"Clause {clause} is not an exclusion of this policy. {way_out}")


def _decision_facts(decision: ClaimDecision) -> dict[str, dict[str, Value]]:
    return {
        decision.claim.owner: {
            "outcome": decision.outcome, "payable_minor": decision.payable_minor, "currency": decision.currency,
            "reason_code": decision.reason_code, "provision_ref": decision.provision_ref,
            "rationale": decision.rationale,
        }
    }  # fmt: skip


def _tell(claim: Claim, decision: ClaimDecision) -> None:
    assert decision.claim_id == claim.pk
    notify(
        claim.party, template="claim_decided", number=claim.number, path=f"/claims/{claim.number}/",
        at=decision.approved_at or decision.proposed_at,
    )  # fmt: skip
