"""Who may do what: predicates on (user, record), composed with ``&`` and ``|`` in the workflow's table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from claims.catalogue import authority_limit
from claims.models import Claim, ClaimDecision, Role, User


@dataclass(frozen=True)
class Predicate:
    """A test with the sentence that tells a refused person why."""

    test: Callable[[User, Any], bool]
    refusal: str

    def __call__(self, by: User, thing: Model) -> str:
        """The refusal's sentence, or "" when it is allowed."""
        return "" if self.test(by, thing) else self.refusal

    def __and__(self, other: "Predicate") -> "Predicate":
        return _All((self, other))

    def __or__(self, other: "Predicate") -> "Predicate":
        return Predicate(lambda by, thing: not self(by, thing) or not other(by, thing), self.refusal)


class _All(Predicate):
    """Every one must hold; the first that fails gives its sentence."""

    def __init__(self, parts: tuple[Predicate, ...]) -> None:
        super().__init__(lambda by, thing: not any(part(by, thing) for part in parts), "")
        object.__setattr__(self, "parts", parts)
        self.parts: tuple[Predicate, ...]

    def __call__(self, by: User, thing: Model) -> str:
        return next((sentence for part in self.parts if (sentence := part(by, thing))), "")


def _has_role(*roles: Role) -> Predicate:
    names = " or ".join(role.label for role in roles)
    return Predicate(lambda by, thing: by.role in roles, f"Only someone with the role {names} may do this.")


is_holder = Predicate(
    lambda by, thing: thing.party.user_id == by.pk, "Only the person whose record this is may do this."
)
is_not_own_case = Predicate(lambda by, thing: thing.party.user_id != by.pk, "Nobody may work on their own case.")
is_kyc_officer = _has_role(Role.KYC_OFFICER)
is_underwriter = _has_role(Role.UNDERWRITER)
is_adjuster = _has_role(Role.ADJUSTER)
is_supervisor = _has_role(Role.SUPERVISOR)
is_finance = _has_role(Role.FINANCE)


def exposure_minor(claim: Claim) -> int:
    """The exposure of the claim's newest decision."""
    decision = claim.decision
    assert decision is not None, "a decision is written before its step is judged"
    return exposure_of(decision)


def exposure_of(decision: ClaimDecision) -> int:
    """What a decision, also one not saved yet, is measured by: what it pays, or for a decline what was claimed."""
    declined = decision.outcome == decision.Outcome.DECLINED
    return decision.claim.claimed_minor if declined else decision.payable_minor


def authority_minor(by: User, currency: str) -> int:
    """The most that ``by`` may decide alone, in minor units."""
    return authority_limit(role=by.role, currency=currency)


within_authority = Predicate(
    lambda by, claim: exposure_minor(claim) <= authority_minor(by, claim.currency),
    "The amount is above your authority limit: someone with a higher limit must approve it.",
)
above_authority = Predicate(
    lambda by, claim: exposure_minor(claim) > authority_minor(by, claim.currency),
    "The amount is within your authority: decide it yourself.",
)
is_not_own_proposal = Predicate(
    lambda by, claim: claim.decision is None or claim.decision.proposed_by_id != by.pk,
    "You proposed this yourself: someone else must do the next step.",
)
is_payable = Predicate(
    lambda by, claim: claim.decision is not None and claim.decision.payable_minor > 0, "There is nothing to pay."
)
