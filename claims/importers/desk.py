"""The import desk: brings a case that another insurer decided into our books, through the actions that everyone uses.

Each action is its own durable transaction, so a run that dies leaves every case at the end of one of them; the next run
finds the case by its reference and goes on from there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from anchoring.log import trust_fingerprint
from claims.actions import adjusting, claim, policy
from claims.actions.adjusting import CannotDecide, Verdict
from claims.catalogue import Product
from claims.fnol import CannotFile, Fnol, Item, day_instant
from claims.models import Claim, Policy, Role, User
from claims.workflow import StepRefused


class CaseRefused(ValueError):
    """An action refused to take the case a step further; the text is the action's."""


class DeskClosed(RuntimeError):
    """An account of the import desk does not have its role any more."""


@dataclass(frozen=True, slots=True)
class Case:
    """A claim that another insurer decided. ``ref`` names it in that insurer's book, once and for all."""

    ref: str
    holder_name: str
    product: Product
    loss_on: date
    cause_code: str
    place: str
    description: str
    item: Item
    verdict: Verdict
    payment_reference: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Who acts for the import, one person for each role: the rules on who may do what hold here as well."""

    underwriter: User
    adjuster: User
    supervisor: User
    finance: User
    trust_fingerprint: str


def open_desk() -> Desk:
    """The desk's accounts, made at the first need; nobody can sign in to them. Raises DeskClosed."""
    return Desk(
        underwriter=_colleague(Role.UNDERWRITER), adjuster=_colleague(Role.ADJUSTER),
        supervisor=_colleague(Role.SUPERVISOR), finance=_colleague(Role.FINANCE),
        trust_fingerprint=trust_fingerprint(),
    )  # fmt: skip


def was_imported(case: Case) -> bool:
    """Whether nothing remains to be done for the case."""
    known = _known(case)
    return known is not None and _is_done(known, case)


def bring_in(case: Case, *, desk: Desk) -> bool:
    """Take the case as far as its insurer took it; False when that was done before. Raises CaseRefused."""
    known = _known(case)
    if known is not None and _is_done(known, case):
        return False
    with _refusals_told():
        _settle(known or _file(case, desk), case, desk)
    return True


def _colleague(role: Role) -> User:
    """A member of staff with the role and an address in a domain that never exists (RFC 2606)."""
    email = f"import-{role.value}@touchstone.invalid"
    user = User.objects.filter(email=email).order_by("pk").first()
    if user is None:
        user = User.objects.create_user(email, None, name=f"Import desk ({role.label.lower()})", role=role)
    if user.role != role:
        raise DeskClosed(f"{email} must have the role {role.label}: give it back in the staff admin.")
    return user


def _known(case: Case) -> Claim | None:
    claims = Claim.objects.filter(idempotency_key=case.ref, policy__external_ref=case.ref)
    return claims.order_by("pk").first()


def _is_done(known: Claim, case: Case) -> bool:
    last = Claim.Status.PAID if case.verdict.payable_minor else Claim.Status.DECIDED
    return known.status == last


def _file(case: Case, desk: Desk) -> Claim:
    """Policy and claim. A policy that an earlier run took over keeps the day it was given then."""
    begins = datetime.combine(case.loss_on, time.min, tzinfo=UTC)
    cover = policy.take_over_policy(
        by=desk.underwriter, holder_name=case.holder_name, product=case.product,
        term=policy.Term(begins, begins + timedelta(days=1)), external_ref=case.ref,
        trust_fingerprint=desk.trust_fingerprint,
    )  # fmt: skip
    return claim.submit_claim(by=desk.underwriter, policy=cover, fnol=_fnol(case, cover), idempotency_key=case.ref)


def _fnol(case: Case, cover: Policy) -> Fnol:
    day = cover.starts_at.astimezone(UTC).date()
    return Fnol(
        cause_code=case.cause_code, loss_at=day_instant(cover, day, now=timezone.now()),
        loss_precision=Claim.Precision.SYNTHESISED, place=case.place, description=case.description, items=[case.item],
    )  # fmt: skip


def _settle(filed: Claim, case: Case, desk: Desk) -> None:
    """Whatever of taking, deciding, approving and paying is still to be done."""
    if filed.status == Claim.Status.SUBMITTED:
        filed = adjusting.take_claim(by=desk.adjuster, claim=filed)
    if filed.status == Claim.Status.UNDER_REVIEW:
        filed = adjusting.decide_claim(by=desk.adjuster, claim=filed, verdict=case.verdict)
    _require_same_amount(filed, case)
    if filed.status == Claim.Status.AWAITING_APPROVAL:
        filed = adjusting.approve_decision(by=desk.supervisor, claim=filed)
    if filed.status == Claim.Status.DECIDED and case.verdict.payable_minor:
        adjusting.pay_claim(by=desk.finance, claim=filed, reference=case.payment_reference)


def _require_same_amount(decided: Claim, case: Case) -> None:
    """Someone may have worked on the case since a run that died."""
    decision = decided.decision
    if decision is None or decision.payable_minor != case.verdict.payable_minor:
        raise CaseRefused(f"{decided.number} has been decided here with another amount since an earlier import.")


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except (StepRefused, CannotFile, CannotDecide) as refused:
        raise CaseRefused(str(refused)) from refused
