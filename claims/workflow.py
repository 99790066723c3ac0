"""Every state machine of the business as one table, and ``advance()``: the only writer of a status.

The table answers "may it?" for the actions, the pages' buttons, the staff desk, the API and the tests alike. No status
changes without its entry in the log: ``advance()`` saves the row and records the event in one transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from itertools import groupby
from typing import Any, ParamSpec, TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from anchoring import vault
from anchoring.log import AfterImage, Entry, Facts, Subject, Value, record
from claims import permissions as may
from claims.models import Claim, KycCase, Policy, PremiumPayment, Quote, User
from claims.permissions import Predicate

NEW = "new"
Thing = KycCase | Quote | Policy | Claim | PremiumPayment
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Step:
    """One allowed move: from any of ``sources`` to ``target`` (None: the state stays), by whoever ``who`` admits."""

    machine: str
    name: str
    sources: tuple[str, ...]
    target: str | None
    who: Predicate
    kind: str
    label: str


_files_it = may.is_holder | may.is_underwriter
_reviews = may.is_kyc_officer & may.is_not_own_case
_adjusts = may.is_adjuster & may.is_not_own_case
_checks = may.is_supervisor & may.is_not_own_case & may.is_not_own_proposal
_pays = may.is_finance & may.is_not_own_case & may.is_payable
_open = ("submitted", "under_review", "awaiting_approval")

STEPS: tuple[Step, ...] = (
    Step("kyc", "submit", (NEW, "info_requested"), "submitted", may.is_holder, "kyc.submitted", "Send identity"),
    Step("kyc", "verify", ("submitted",), "verified", _reviews, "kyc.verified", "Approve identity"),
    Step("kyc", "ask", ("submitted",), "info_requested", _reviews, "kyc.information_requested", "Ask for more"),
    Step("kyc", "reject", ("submitted",), "rejected", _reviews, "kyc.rejected", "Reject identity"),
    Step("quote", "price", (NEW,), "quoted", may.is_holder, "quote.priced", "Get a price"),
    Step("quote", "accept", ("quoted",), "accepted", may.is_holder, "quote.accepted", "Accept the price"),
    Step("payment", "initiate", (NEW,), "initiated", may.is_holder, "premium.initiated", "Start the payment"),
    Step("payment", "capture", ("initiated",), "captured", may.is_holder, "premium.captured", "Take the payment"),
    Step("payment", "fail", ("initiated",), "failed", may.is_holder, "premium.failed", "Note a failed payment"),
    Step("policy", "issue", (NEW,), None, may.is_holder, "policy.issued", "Issue the policy"),
    Step("policy", "take_over", (NEW,), None, may.is_underwriter, "policy.taken_over", "Take over a policy"),
    Step("claim", "submit", (NEW,), "submitted", _files_it, "claim.submitted", "Send your claim"),
    Step("claim", "add_evidence", _open, None, may.is_holder, "claim.evidence_added", "Add evidence"),
    Step("claim", "withdraw", _open, "withdrawn", may.is_holder, "claim.withdrawn", "Withdraw the claim"),
    Step("claim", "take", ("submitted",), "under_review", _adjusts, "claim.taken", "Take this claim"),
    Step("claim", "decide", ("under_review",), "decided", _adjusts & may.within_authority, "claim.decided", "Decide"),
    Step("claim", "propose", ("under_review",), "awaiting_approval", _adjusts & may.above_authority,
         "claim.decision_proposed", "Propose a decision"),
    Step("claim", "approve", ("awaiting_approval",), "decided", _checks & may.within_authority,
         "claim.decision_approved", "Approve the decision"),
    Step("claim", "send_back", ("awaiting_approval",), "under_review", _checks,
         "claim.decision_sent_back", "Send back"),
    Step("claim", "pay", ("decided",), "paid", _pays, "claim.paid", "Record the payment"),
)  # fmt: skip
_BY_NAME = {(step.machine, step.name): step for step in STEPS}
_MACHINES: dict[type, str] = {
    KycCase: "kyc",
    Quote: "quote",
    Policy: "policy",
    Claim: "claim",
    PremiumPayment: "payment",
}


class StepRefused(Exception):  # noqa: N818 - it is not an error of the program
    """A step that the table does not allow now, or not to this person; the text tells them why."""

    def __init__(self, thing: Thing, step: Step, sentence: str) -> None:
        super().__init__(sentence)
        self.thing, self.step = thing, step


def machine_of(thing: Thing) -> str:
    """The name of the thing's state machine, which is also its subject type in the log."""
    return _MACHINES[type(thing)]


def subject_of(thing: Thing) -> Subject:
    """The thing as the log knows it."""
    return Subject(machine_of(thing), str(thing.pk))


def steps_for(thing: Thing, *, by: User) -> list[Step]:
    """The steps that ``by`` may take now, for buttons; a decision's amount is judged when it is known."""
    status = _status(thing)
    return [
        step
        for step in STEPS
        if step.machine == machine_of(thing) and status in step.sources and _may_offer(step, by, thing)
    ]


def refusal(thing: Thing, step_name: str, *, by: User) -> str:
    """Why ``by`` may not take the step now, or "" when they may."""
    step = _BY_NAME[machine_of(thing), step_name]
    if _status(thing) not in step.sources:
        return f"“{step.label}” is not possible now: {_described(thing)}."
    return step.who(by, thing)


def advance(
    thing: Thing,
    step_name: str,
    *,
    by: User,
    at: datetime,
    facts: Facts | None = None,
    changes: Mapping[str, Any] | None = None,
    new_rows: Sequence[Model] = (),
    changed_rows: Iterable[AfterImage] = (),
) -> Entry:
    """Take a step: judge it, change the row, save it, record the event; the caller holds the lock and the transaction.

    ``changes`` are further columns of ``thing``. ``new_rows`` belong to the event: they are inserted here, after
    ``thing``, and recorded whole; ``changed_rows`` were saved by the caller. ``facts`` say what the event means to
    people, by owner. Raises StepRefused before anything is changed.
    """
    step = _BY_NAME[machine_of(thing), step_name]
    sentence = refusal(thing, step_name, by=by)
    if sentence:
        raise StepRefused(thing, step, sentence)
    before, is_new = _status(thing), thing._state.adding
    changed = _change(thing, step, changes or {})
    for model, rows in groupby(new_rows, key=lambda row: row.__class__):
        model._default_manager.bulk_create(rows)
    return record(
        kind=step.kind,
        subject=subject_of(thing),
        at=at,
        facts=_with_standard_facts(thing, step, facts or {}, by=by, before=before, is_new=is_new),
        rows=[AfterImage(thing, None if is_new else changed), *map(AfterImage, new_rows), *changed_rows],
    )


def durable_action(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function one durable transaction; a refused step rolls it back and is recorded in a second one."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with transaction.atomic(durable=True):
                return function(*args, **kwargs)
        except StepRefused as refused:
            by = kwargs["by"]
            assert isinstance(by, User)
            _record_refusal(refused, by=by)
            raise

    return run


def _change(thing: Thing, step: Step, changes: Mapping[str, Any]) -> list[str]:
    """Set and save; the attribute names of what changed."""
    for name, value in changes.items():
        setattr(thing, name, value)
    names = list(changes)
    if step.target is not None and not isinstance(thing, Policy):
        thing.status = step.target
        names.append("status")
    if thing._state.adding:
        thing.save(force_insert=True)
    elif names:
        thing.save(update_fields=names)
    columns = {field.name: field.attname for field in thing._meta.concrete_fields}
    return [columns[name] for name in names]


def _with_standard_facts(
    thing: Thing, step: Step, facts: Facts, *, by: User, before: str, is_new: bool
) -> dict[str, dict[str, Value]]:
    """Who did it, in which role, and between which states; the number in a subject's first entry."""
    merged: dict[str, dict[str, Value]] = {owner: dict(fields) for owner, fields in facts.items()}
    house = merged.setdefault(vault.HOUSE, {})
    house |= {"by.role": by.role or "policyholder", "status.before": before, "status.after": step.target or before}
    if is_new:
        house["number"] = number_of(thing)
    merged.setdefault(by.owner, {})["by"] = str(by.person)
    return merged


def number_of(thing: Thing) -> str:
    """The number that people use for it."""
    return str(thing.number)


def _status(thing: Thing) -> str:
    if thing._state.adding:
        return NEW
    return "issued" if isinstance(thing, Policy) else thing.status


def _described(thing: Thing) -> str:
    if thing._state.adding or isinstance(thing, Policy):
        return "it stands where it stands"
    return f"it stands at “{thing.get_status_display()}”"


_JUDGED_BY_AMOUNT = {"decide", "propose"}


def _may_offer(step: Step, by: User, thing: Thing) -> bool:
    if step.name in _JUDGED_BY_AMOUNT:
        return step.name == "decide" and not _adjusts(by, thing)
    return not step.who(by, thing)


def _record_refusal(refused: StepRefused, *, by: User) -> None:
    """A second transaction, because the first is rolled back: who tried what, and why it was refused."""
    with transaction.atomic(durable=True):
        record(
            kind="refusal.recorded",
            subject=Subject("refusal", str(refused.thing.pk)),
            at=timezone.now(),
            facts={
                vault.HOUSE: {
                    "number": number_of(refused.thing),
                    "step": f"{refused.step.machine}.{refused.step.name}",
                    "reason": str(refused),
                    "by.role": by.role or "policyholder",
                },
                by.owner: {"by": str(by.person)},
            },
        )
