"""Deciding a claim: the coverage check as advice, and what a decision will be recorded as before it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from claims import permissions
from claims.actions.adjusting import Verdict
from claims.admin.desk import rows_of
from claims.catalogue import CatalogueError, reasons
from claims.coverage import CoverageResult, Outcome
from claims.forms.staff import DecideForm
from claims.models import Claim, ClaimDecision, User
from claims.money import Money, format_money

_TONES = {Outcome.PASS: "good", Outcome.REFER: "wait", Outcome.FAIL: "bad"}
_WORDS = {Outcome.PASS: "Fits", Outcome.REFER: "Find out", Outcome.FAIL: "Does not fit"}


@dataclass(frozen=True)
class Rule:
    """One rule's answer with its word and tone."""

    word: str
    tone: str
    sentence: str
    clause: str


@dataclass(frozen=True)
class Bar:
    """One line of the calculation; ``width`` is what remains, in hundredths of what was claimed."""

    label: str
    taken: Money | None
    left: Money
    clause: str
    width: int


@dataclass(frozen=True)
class Advice:
    """What the terms say, for the page."""

    word: str
    tone: str
    payable: Money
    open_rules: Sequence[Rule]
    fitting: Sequence[Rule]
    bars: Sequence[Bar]
    exclusions: Sequence[str]


@dataclass(frozen=True)
class Preview:
    """What pressing the button will do: ``authority`` says whether it needs a second person."""

    event: str
    rows: Sequence[dict[str, object]]
    authority: str
    is_above: bool


def advice_of(result: CoverageResult) -> Advice:
    """The check's result in words and bars; the rules that do not fit come first."""
    worst_first = sorted(result.trace, key=lambda rule: list(Outcome).index(rule.outcome), reverse=True)
    rules = [(r.outcome, Rule(_WORDS[r.outcome], _TONES[r.outcome], r.sentence, r.clause)) for r in worst_first]
    claimed = result.steps[0].before.minor
    return Advice(
        word=_WORDS[result.outcome], tone=_TONES[result.outcome], payable=result.payable,
        open_rules=[rule for outcome, rule in rules if outcome is not Outcome.PASS],
        fitting=[rule for outcome, rule in rules if outcome is Outcome.PASS],
        bars=[
            Bar(
                step.label, step.before - step.after if step.after < step.before else None, step.after, step.clause,
                100 * step.after.minor // claimed if claimed else 0,
            )
            for step in result.steps
        ],
        exclusions=[f"{exclusion.plain} ({exclusion.clause})" for exclusion in result.exclusions],
    )  # fmt: skip


def verdict_of(claim: Claim, given: Mapping[str, Any]) -> Verdict:
    """The form's answers as the action takes them."""
    outcome = str(given["outcome"])
    full = claim.claimed_minor if outcome == ClaimDecision.Outcome.ACCEPTED else 0
    return Verdict(
        outcome=outcome, payable_minor=int(given.get("amount", full)), rationale=str(given["rationale"]),
        reason_code=str(given.get("reason_code", "")), provision_ref=str(given.get("provision_ref", "")),
    )  # fmt: skip


def preview_of(form: DecideForm, *, by: User) -> Preview:
    """From the form as far as it is filled in."""
    claim, given = form.claim, form.cleaned_data if form.is_bound else form.initial
    outcome, payable = ClaimDecision.Outcome(form.chosen), form.payable_minor
    limit = permissions.authority_minor(by, claim.currency)
    exposure = None
    if payable is not None:
        exposure = permissions.exposure_of(ClaimDecision(claim=claim, outcome=outcome, payable_minor=payable))
    is_above = exposure is not None and exposure > limit
    rows = [("Outcome", outcome.label), ("Pays", _of_claimed(claim, payable))]
    if outcome != outcome.ACCEPTED:
        rows += [("Reason", _reason(given)), ("Clause", _clause(claim, given))]
    rows += [("Your words", given.get("rationale", "")), ("By", f"{by}, {by.get_role_display().lower()}")]
    return Preview(
        event="Decision proposed for approval" if is_above else "Decided",
        rows=rows_of(*rows), authority=_authority(claim, outcome, exposure, limit), is_above=is_above,
    )  # fmt: skip


def explained(claim: Claim, decision: ClaimDecision) -> Sequence[dict[str, object]]:
    """A decision, made or proposed, in rows."""
    given = {"reason_code": decision.reason_code, "provision_ref": decision.provision_ref}
    rows = [
        ("Outcome", decision.get_outcome_display()), ("Pays", _of_claimed(claim, decision.payable_minor)),
    ]  # fmt: skip
    if decision.outcome != decision.Outcome.ACCEPTED:
        rows += [("Reason", _reason(given)), ("Clause", _clause(claim, given))]
    rows.append(("In our words", decision.rationale))
    is_proposal = claim.status == Claim.Status.AWAITING_APPROVAL or decision.approved_by is not None
    rows.append(("Proposed by" if is_proposal else "Decided by", str(decision.proposed_by)))
    if decision.approved_by is not None:
        rows.append(("Approved by", str(decision.approved_by)))
    return rows_of(*rows)


def _authority(claim: Claim, outcome: ClaimDecision.Outcome, exposure: int | None, limit: int) -> str:
    alone = f"Alone you may decide up to {_money(claim, limit)}."
    if exposure is None:
        return f"{alone} Above it, someone else must approve."
    counts = f" A decline counts as what was claimed, {_money(claim, exposure)}." if outcome == outcome.DECLINED else ""
    if exposure > limit:
        return f"{alone}{counts} This is above it: it is recorded as a proposal, and a second person must approve it."
    return f"{alone}{counts} This is within it: it stands as soon as you send it, and the claimant is told."


def _of_claimed(claim: Claim, payable: int | None) -> str:
    claimed = f"of {_money(claim, claim.claimed_minor)} claimed"
    return f"{_money(claim, payable)} {claimed}" if payable is not None else ""


def _reason(given: Mapping[str, Any]) -> str:
    reason = reasons().get(given.get("reason_code", ""))
    return reason.sentence if reason else ""


def _clause(claim: Claim, given: Mapping[str, Any]) -> str:
    ref = given.get("provision_ref", "")
    try:
        return f"{ref} {claim.policy.product.clause(ref).text}" if ref else ""
    except CatalogueError:
        return ref


def _money(claim: Claim, minor: int) -> str:
    return format_money(Money(minor, claim.currency))
