"""The one place that says which business columns the log keeps, and whom each concerns.

``fsck`` compares every row of these tables with what the log says of it, and PostgreSQL refuses to commit a change of
them without an entry: after a change here ``manage.py migrate`` brings the database's guards up to date.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Model

from anchoring import vault
from anchoring.log import person, register_rows
from claims import models as m

Owner = Callable[[Any], str]


def _house(row: Any) -> str:
    return vault.HOUSE


def _party(row: Any) -> str:
    return person(row.party_id)


def _of_claim(row: Any) -> str:
    return person(row.claim.party_id)


def _payer(row: Any) -> str:
    return person(row.quote.party_id)


def _staff(relation: str) -> Owner:
    def owner(row: Any) -> str:
        user = getattr(row, relation)
        return vault.HOUSE if user is None else user.owner

    return owner


RECORDED: dict[type[Model], dict[str, Owner]] = {
    m.KycCase: {
        "number": _house, "party_id": _party, "status": _house, "findings": _party, "submitted_at": _house,
        "decided_at": _house, "decided_by_id": _staff("decided_by"), "reason_code": _party, "message": _party,
        "sealed": _party,
    },
    m.Quote: {
        "number": _house, "party_id": _party, "status": _house, "product_code": _house, "product_version": _house,
        "product_sha256": _house, "starts_at": _party, "ends_at": _party, "breakdown": _party, "net_minor": _party,
        "tax_minor": _party, "total_minor": _party, "currency": _house, "quoted_at": _house, "valid_until": _house,
        "sealed": _party,
    },
    m.PremiumPayment: {
        "number": _house, "quote_id": _house, "status": _house, "provider": _house, "provider_ref": _payer,
        "amount_minor": _payer, "currency": _house, "initiated_at": _house,
    },
    m.Policy: {
        "number": _house, "party_id": _party, "quote_id": _house, "product_code": _house, "product_version": _house,
        "product_sha256": _house, "starts_at": _party, "ends_at": _party, "currency": _house, "premium_minor": _party,
        "trust_fingerprint": _house, "external_ref": _house,
    },
    m.PolicyTransaction: {
        "policy_id": _house, "seq": _house, "kind": _house, "effective_at": _house, "issued_at": _house,
    },
    m.Claim: {
        "number": _house, "party_id": _party, "policy_id": _house, "status": _house, "cause_code": _party,
        "loss_at": _party, "loss_precision": _party, "reported_at": _house, "claimed_minor": _party, "currency": _house,
        "handler_id": _staff("handler"), "idempotency_key": _house, "sealed": _party,
    },
    m.ClaimLine: {"claim_id": _house, "position": _house, "item": _of_claim, "claimed_minor": _of_claim},
    m.ClaimDecision: {
        "claim_id": _house, "outcome": _of_claim, "payable_minor": _of_claim, "currency": _house,
        "reason_code": _of_claim, "provision_ref": _of_claim, "rationale": _of_claim,
        "proposed_by_id": _staff("proposed_by"), "proposed_at": _house, "approved_by_id": _staff("approved_by"),
        "approved_at": _house,
    },
    m.ClaimPayment: {
        "claim_id": _house, "decision_id": _house, "amount_minor": _of_claim, "currency": _house,
        "reference": _of_claim, "paid_by_id": _staff("paid_by"), "paid_at": _house,
    },
    m.Document: {
        "party_id": _party, "kind": _house, "kyc_case_id": _house, "policy_id": _house, "claim_id": _house,
        "name": _party, "media_type": _party, "size": _party, "sha256": _party, "received_at": _house,
    },
}  # fmt: skip


DRAFT: dict[type[Model], str] = {m.Document: "draft_id"}
"""The column that is set while a row is a draft: a file of a claim that is still being written is its writer's alone,
and is recorded with the claim."""


def declare() -> None:
    """Tell the log; called once, when the apps are ready."""
    for model, owners in RECORDED.items():
        register_rows(model, owners, draft=DRAFT.get(model))
