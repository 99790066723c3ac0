"""What staff fill in at their desk: one form for each step, and the administrator's two."""

from collections.abc import Mapping
from typing import Any

from django import forms

from claims.actions.adjusting import EXCLUSION
from claims.catalogue import Product, Reason, kyc_reasons, reasons
from claims.catalogue.lists import Use
from claims.coverage import CoverageResult
from claims.models import Claim, ClaimDecision, ClaimPayment, Role
from claims.money import Money, MoneyError, format_money, parse_money

LONGEST_OPTION = 90
NO_ROLE = "none"
REFERENCE_USED = "This reference belongs to another payment. Compare it with the bank's paper."
_PRIOR_DECISION = "PRIOR_DECISION"
_USED_FOR: dict[str, Use] = {ClaimDecision.Outcome.DECLINED: "decline", ClaimDecision.Outcome.PART_ACCEPTED: "part"}
Choices = list[tuple[str, Any]]


class StepForm(forms.Form):
    """The form of a step that asks nothing: pressing its button says it all."""


class DecideForm(StepForm):
    """A decision on ``claim`` with the outcome chosen already; it asks for what this outcome needs."""

    outcome = forms.ChoiceField(choices=ClaimDecision.Outcome.choices, widget=forms.HiddenInput)
    amount = forms.CharField(
        label="Amount to pay", max_length=30,
        widget=forms.TextInput(attrs={"class": "input--10", "inputmode": "decimal"}),
        error_messages={"required": "Enter the amount to pay."},
    )  # fmt: skip
    reason_code = forms.ChoiceField(label="Reason", error_messages={"required": "Choose the reason."})
    provision_ref = forms.ChoiceField(
        label="Clause of the policy",
        help_text="The claimant reads it in full beside your words. Left open, it is the clause that the terms name "
        "for the reason; for an exclusion, choose the one that applies.",
        error_messages={"required": "Choose the clause that the decision rests on: the claimant has a right to it."},
    )
    rationale = forms.CharField(
        label="In your own words",
        help_text="The claimant reads this. Say what you looked at and what follows from it.",
        max_length=5000, widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": "Say in your own words why: the claimant will read it."},
    )  # fmt: skip

    def __init__(self, *args: Any, claim: Claim, outcome: str, advice: CoverageResult | None, **kwargs: Any) -> None:
        self.claim, self.chosen = claim, outcome
        self.advised = _advised_part(advice, claim) if outcome == ClaimDecision.Outcome.PART_ACCEPTED else None
        kwargs["initial"] = {"outcome": outcome, **_suggested(advice, outcome)}
        if self.advised is not None:
            kwargs["initial"]["amount"] = str(self.advised.decimal)
        super().__init__(*args, **kwargs)
        if self.is_bound:
            self.data = _with_clause(self.data, claim.policy.product)
        for name in _not_asked(outcome):
            del self.fields[name]
        if "amount" in self.fields:
            self.fields["amount"].help_text = f"Less than the {_claimed(claim)} claimed. In {claim.currency}."
        if outcome in _USED_FOR:
            self._choices("reason_code").choices = _reason_choices(claim, outcome)
            self._choices("provision_ref").choices = _clause_choices(claim.policy.product)

    def clean_amount(self) -> int:
        """The amount in minor units."""
        try:
            amount = parse_money(self.cleaned_data["amount"], currency=self.claim.currency)
        except MoneyError as error:
            raise forms.ValidationError(str(error)) from error
        if amount.minor >= self.claim.claimed_minor:
            raise forms.ValidationError(
                f"In part means less than the {_claimed(self.claim)} claimed. Enter less, or accept in full."
            )
        return amount.minor

    @property
    def payable_minor(self) -> int | None:
        """What would be paid, in minor units; None while the amount cannot be read."""
        if self.chosen == ClaimDecision.Outcome.DECLINED:
            return 0
        if self.chosen == ClaimDecision.Outcome.ACCEPTED:
            return self.claim.claimed_minor
        if not self.is_bound:
            return None if self.advised is None else self.advised.minor
        amount: int | None = self.cleaned_data.get("amount")
        return amount

    def _choices(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field


class SendBackForm(StepForm):
    """Why the second person does not agree."""

    reason = forms.CharField(
        label="What should be looked at again?", help_text="The handler reads this, the claimant does not.",
        max_length=2000, widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": "Say what should be looked at again."},
    )  # fmt: skip


class PayForm(StepForm):
    """The bank's word for a payment that was made."""

    reference = forms.CharField(
        label="The bank's reference",
        help_text="As it stands on the bank's confirmation, for example PAY-2026-11-0042.",
        max_length=60, widget=forms.TextInput(attrs={"class": "input--20 input--mono"}),
        error_messages={"required": "Enter the reference from the bank's confirmation."},
    )  # fmt: skip

    def clean_reference(self) -> str:
        """One reference is one payment."""
        reference: str = self.cleaned_data["reference"]
        if ClaimPayment.objects.filter(reference=reference).exists():
            raise forms.ValidationError(REFERENCE_USED)
        return reference


class KycReasonForm(StepForm):
    """Why an identity needs something more ("ask") or is not accepted ("reject")."""

    reason_code = forms.ChoiceField(
        label="Reason", widget=forms.RadioSelect, error_messages={"required": "Choose the reason that fits best."}
    )
    message = forms.CharField(
        label="In your own words", help_text="The person reads this with the reason. Say exactly what to do.",
        max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Say in your own words what the person should know or do."},
    )  # fmt: skip

    def __init__(self, *args: Any, step: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["reason_code"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(reason.code, reason.label) for reason in kyc_reasons().values() if reason.step == step]


class StandingForm(forms.Form):
    """What an account may do."""

    role = forms.TypedChoiceField(
        label="Role", choices=[(NO_ROLE, "None: a policyholder"), *Role.choices], widget=forms.RadioSelect,
        coerce=lambda value: "" if value == NO_ROLE else value,
    )  # fmt: skip
    is_active = forms.BooleanField(label="This account can sign in", required=False)


class NewStaffForm(forms.Form):
    """A new member of staff."""

    name = forms.CharField(
        label="Full name", max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter the person's name."},
    )  # fmt: skip
    email = forms.EmailField(
        label="E-mail address", help_text="They sign in with it and choose a password through “Forgotten password”.",
        max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter the address that the person signs in with."},
    )  # fmt: skip
    role = forms.ChoiceField(
        label="Role", choices=Role.choices, widget=forms.RadioSelect,
        error_messages={"required": "Choose what the person does here."},
    )  # fmt: skip


def usable_reasons(outcome: str) -> list[Reason]:
    """The reasons that the catalogue gives for an outcome that pays less than was claimed."""
    return [reason for reason in reasons().values() if _USED_FOR.get(outcome) in reason.used_for]


def _not_asked(outcome: str) -> tuple[str, ...]:
    if outcome == ClaimDecision.Outcome.ACCEPTED:
        return ("amount", "reason_code", "provision_ref")
    return ("amount",) if outcome == ClaimDecision.Outcome.DECLINED else ()


def _suggested(advice: CoverageResult | None, outcome: str) -> dict[str, str]:
    """The first reason of the coverage check that fits the outcome, with its clause: a start, to be looked at."""
    usable = {reason.code for reason in usable_reasons(outcome)}
    for code, clause in advice.reasons if advice is not None else ():
        if code in usable:
            return {"reason_code": code, "provision_ref": clause}
    return {}


def _with_clause(given: Mapping[str, Any], product: Product) -> dict[str, Any]:
    """What was sent, with the clause that the terms name for its reason where none was chosen."""
    sent = {name: given.get(name) for name in given}
    named = product.provisions.get(str(sent.get("reason_code")), "")
    return sent | {"provision_ref": sent.get("provision_ref") or named}


def _advised_part(advice: CoverageResult | None, claim: Claim) -> Money | None:
    """What the terms would pay, if it is a part of what is claimed."""
    return advice.payable if advice is not None and 0 < advice.payable.minor < claim.claimed_minor else None


def _reason_choices(claim: Claim, outcome: str) -> Choices:
    """Without an exclusion where the terms have none, and without an earlier decision where we alone decided."""
    policy, out = claim.policy, set()
    if not policy.product.exclusions:
        out.add(EXCLUSION)
    if not policy.external_ref:
        out.add(_PRIOR_DECISION)
    usable = [(reason.code, reason.label) for reason in usable_reasons(outcome) if reason.code not in out]
    return [("", "Choose a reason"), *usable]


def _clause_choices(product: Product) -> Choices:
    sections: Choices = [
        (f"{section.number}. {section.heading}", [(c.ref, _shortened(f"{c.ref} {c.text}")) for c in section.clauses])
        for section in product.terms
    ]
    return [("", "Choose a clause"), *sections]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_OPTION else text[: LONGEST_OPTION - 1].rstrip() + "…"


def _claimed(claim: Claim) -> str:
    return format_money(Money(claim.claimed_minor, claim.currency))
