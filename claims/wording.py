"""What the log's events are called in sentences: to the person whose record it is, and to staff."""

from typing import Final

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
