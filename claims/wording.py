"""What the log's events and their facts are called in sentences: to the person whose record it is, and to staff."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from django.db.models import TextChoices

from anchoring.log import Value
from claims.catalogue import causes, reasons
from claims.models import Claim, ClaimDecision, Role
from claims.money import Money, format_money

Facts = Mapping[str, Value]

HOLDER: Final[dict[str, str]] = {
    "kyc.submitted": "You sent your identity",
    "kyc.verified": "We confirmed your identity",
    "kyc.information_requested": "We asked you for something more",
    "kyc.rejected": "We could not accept your identity",
    "quote.priced": "We gave you a price",
    "quote.accepted": "You accepted the price",
    "premium.initiated": "You started the payment",
    "premium.captured": "Your payment arrived",
    "premium.failed": "Your payment did not go through",
    "policy.issued": "We issued your policy",
    "policy.taken_over": "We took over your policy",
    "claim.submitted": "You sent this claim",
    "claim.evidence_added": "You added files",
    "claim.withdrawn": "You withdrew this claim",
    "claim.taken": "An adjuster began to look at your claim",
    "claim.decided": "We decided your claim",
    "claim.decision_proposed": "A decision is proposed; a second person looks at it",
    "claim.decision_approved": "A second person confirmed the decision",
    "claim.decision_sent_back": "The second person asked for another look",
    "claim.paid": "We paid you",
    "refusal.recorded": "A step was refused",
}
"""Kind → what happened, said to the policyholder."""

STAFF: Final[dict[str, str]] = {
    "kyc.submitted": "Identity sent",
    "kyc.verified": "Identity approved",
    "kyc.information_requested": "Something more asked for",
    "kyc.rejected": "Identity rejected",
    "quote.priced": "Price given",
    "quote.accepted": "Price accepted",
    "premium.initiated": "Premium payment started",
    "premium.captured": "Premium paid",
    "premium.failed": "Premium payment failed",
    "policy.issued": "Policy issued",
    "policy.taken_over": "Policy taken over",
    "claim.submitted": "Claim sent",
    "claim.evidence_added": "Evidence added",
    "claim.withdrawn": "Claim withdrawn",
    "claim.taken": "Claim taken by an adjuster",
    "claim.decided": "Decided",
    "claim.decision_proposed": "Decision proposed for approval",
    "claim.decision_approved": "Decision approved",
    "claim.decision_sent_back": "Decision sent back",
    "claim.paid": "Paid",
    "refusal.recorded": "Step refused",
    "record.opened": "Case opened by a member of staff",
    "proof.exported": "Proof downloaded by a member of staff",
    "staff.added": "Account made",
    "staff.changed": "Account changed",
    "log.registered": "Log registered on a chain",
    "log.lost": "Loss of sealed records stated",
    "log.key": "Log key changed",
    "log.state": "State of the log",
}
"""Kind → what happened, said to staff."""

BY_THE_HOLDER: Final[frozenset[str]] = frozenset(
    {
        "kyc.submitted", "quote.priced", "quote.accepted", "premium.initiated", "claim.submitted",
        "claim.evidence_added", "claim.withdrawn",
    }
)  # fmt: skip
"""Events that the policyholder brings about; all others are ours."""


def sentence(kind: str, *, to: str = "holder") -> str:
    """What happened, to "holder" or "staff"; a kind without words of its own is named plainly."""
    assert to in ("holder", "staff"), to
    return (HOLDER if to == "holder" else STAFF).get(kind) or kind.replace(".", " ").replace("_", " ").capitalize()


def details(kind: str, facts: Facts) -> str:
    """One sentence more, from the facts that the reader may see; "" when there is nothing to add."""
    files, things = _count(facts, "file.", ".sha256"), _count(facts, "item.", ".claimed_minor")
    if kind == "claim.submitted" and "claimed_minor" in facts:
        claimed = f"{_money(facts, 'claimed_minor')} for {_several(things, 'thing')}"
        return f"{claimed}, with {_several(files, 'file')}." if files else f"{claimed}."
    if kind == "claim.evidence_added" and files:
        return f"{_several(files, 'file').capitalize()}, each with its own fingerprint."
    if kind in ("claim.decided", "claim.decision_approved") and "outcome" in facts:
        outcome = ClaimDecision.Outcome(str(facts["outcome"]))
        return "Declined." if outcome == outcome.DECLINED else f"{outcome.label}: {_money(facts, 'payable_minor')}."
    if kind == "claim.paid" and "amount_minor" in facts:
        return f"{_money(facts, 'amount_minor')}, under the reference {facts['reference']}."
    return ""


def fact_rows(facts: Facts, *, to: str = "holder") -> list[dict[str, str]]:
    """The facts of one event as rows of a summary list: what was said first, then who did it and how it then stood.

    To "staff", and on paper that the holder shows to others, the holder is not "you".
    """
    names = [name for name in facts if name not in _LAST] + [name for name in _LAST if name in facts]
    rows = {name: {"key": _label(name), "value": _value(name, facts[name], facts)} for name in names}
    if to == "staff":
        for name, row in rows.items():
            row["key"] = _STAFF_LABELS.get(name, row["key"])
        if "by.role" in rows:
            rows["by.role"]["value"] = role_words(str(facts["by.role"]), to="staff")
    return list(rows.values())


def role_words(role: str, *, to: str = "holder") -> str:
    """Who acted, by the role that the log keeps."""
    if role == "policyholder":
        return "You" if to == "holder" else "Policyholder"
    return Role(role).label if role in Role else role


_LAST: Final = ("number", "status.before", "status.after", "by.role", "by")
_LABELS: Final[dict[str, str]] = {
    "account_name": "Name on the account", "account_number": "Account", "amount_minor": "Amount",
    "by": "That person's mark in the log", "by.role": "Who", "cause": "Cause", "claimed_minor": "Claimed in all",
    "currency": "Currency", "description": "In your words", "document.sha256": "Fingerprint of the document",
    "ends_at": "Cover ends", "loss_at": "Time of the loss", "loss_precision": "How exactly", "number": "Number",
    "outcome": "Outcome", "payable_minor": "Amount payable", "place": "Place", "policy": "Policy",
    "premium_minor": "Price paid", "product_sha256": "Fingerprint of the terms", "provision_ref": "Clause",
    "rationale": "In our words", "reason": "Reason", "reason_code": "Reason", "reference": "Reference",
    "starts_at": "Cover begins", "status.after": "It then stood at", "status.before": "It stood at",
    "total_minor": "Price in all", "trust_fingerprint": "Fingerprint of our keys",
}  # fmt: skip
_STAFF_LABELS: Final[dict[str, str]] = {"description": "In their words"}
_NUMBERED: Final = re.compile(r"(item|file)\.([0-9]+)(\.claimed_minor|\.sha256)?")


def _label(name: str) -> str:
    numbered = _NUMBERED.fullmatch(name)
    if numbered is None:
        return _LABELS.get(name) or name.replace(".", " ").replace("_", " ").capitalize()
    noun = "Thing" if numbered[1] == "item" else "File"
    extra = {".claimed_minor": ", amount", ".sha256": ", fingerprint"}.get(numbered[3] or "", "")
    return f"{noun} {numbered[2]}{extra}"


def _value(name: str, value: Value, facts: Facts) -> str:
    if isinstance(value, int) and name.endswith("_minor") and "currency" in facts:
        return format_money(Money(value, str(facts["currency"])))
    if name == "loss_at" and facts.get("loss_precision", Claim.Precision.EXACT) != Claim.Precision.EXACT:
        return _day(str(value))
    return _WRITTEN.get(name, _plain)(str(value)) if value is not None else ""


def _plain(text: str) -> str:
    return text


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%-d %B %Y}"


def _choice(choices: type[TextChoices]) -> Callable[[str], str]:
    return lambda text: choices(text).label if text in choices else text.replace("_", " ").capitalize()


_WRITTEN: Final[dict[str, Callable[[str], str]]] = {
    "by.role": role_words, "cause": lambda code: causes()[code].label if code in causes() else code,
    "ends_at": _moment, "loss_at": _moment, "loss_precision": _choice(Claim.Precision),
    "outcome": _choice(ClaimDecision.Outcome),
    "reason_code": lambda code: reasons()[code].sentence if code in reasons() else code,
    "starts_at": _moment, "status.after": _choice(Claim.Status), "status.before": _choice(Claim.Status),
}  # fmt: skip


def _money(facts: Facts, name: str) -> str:
    return _value(name, facts[name], facts)


def _count(facts: Facts, start: str, end: str) -> int:
    return sum(name.startswith(start) and name.endswith(end) for name in facts)


def _several(count: int, noun: str) -> str:
    return f"{('no', 'one')[count] if count < 2 else count} {noun}{'' if count == 1 else 's'}"
