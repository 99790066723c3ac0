"""The business's nouns: fields, constraints and questions; no verbs."""

from claims.models.billing import ClaimPayment, PremiumPayment
from claims.models.care import Notice, Serial, next_serial
from claims.models.claim import Claim, ClaimDecision, ClaimDraft, ClaimLine
from claims.models.document import Document
from claims.models.kyc import KycCase
from claims.models.party import Party, Role, User
from claims.models.policy import Policy, PolicyTransaction, Quote

__all__ = [
    "Claim", "ClaimDecision", "ClaimDraft", "ClaimLine", "ClaimPayment", "Document", "KycCase", "Notice", "Party",
    "Policy", "PolicyTransaction", "PremiumPayment", "Quote", "Role", "Serial", "User", "next_serial",
]  # fmt: skip
