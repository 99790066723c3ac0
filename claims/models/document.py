"""Files: what was received, as it was received, encrypted under its owner's key."""

import uuid

from django.db import models
from django.db.models import Q

from claims.models.claim import Claim, ClaimDraft
from claims.models.kyc import KycCase
from claims.models.party import Party, Role, User
from claims.models.policy import Policy


class DocumentQuerySet(models.QuerySet["Document"]):
    """Questions asked about files."""

    def visible_to(self, user: User) -> "DocumentQuerySet":
        """Identity papers for KYC, case files for who works on cases, all but drafts for compliance; one's own."""
        return self.filter(Q(party__user=user) | _OF_OTHERS.get(user.role, Q(pk=None)))


_CASE_FILES = Q(claim__isnull=False) | Q(policy__isnull=False)
_OF_OTHERS: dict[str, Q] = {
    Role.KYC_OFFICER: Q(kyc_case__isnull=False),
    Role.UNDERWRITER: Q(policy__isnull=False),
    Role.ADJUSTER: _CASE_FILES,
    Role.SUPERVISOR: _CASE_FILES,
    Role.COMPLIANCE: Q(draft__isnull=True),
}
"""What a role may open of other people's files."""


class Document(models.Model):
    """One file. ``sha256`` is of the bytes as received; the content lies encrypted in the file store under ``id``."""

    class Kind(models.TextChoices):
        IDENTITY = "identity", "Identity document"
        EVIDENCE = "evidence", "Evidence"
        POLICY = "policy", "Policy document"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=12, choices=Kind)
    kyc_case = models.ForeignKey(KycCase, null=True, blank=True, on_delete=models.PROTECT, related_name="documents")
    policy = models.ForeignKey(Policy, null=True, blank=True, on_delete=models.PROTECT, related_name="documents")
    draft = models.ForeignKey(ClaimDraft, null=True, blank=True, on_delete=models.PROTECT, related_name="documents")
    claim = models.ForeignKey(Claim, null=True, blank=True, on_delete=models.PROTECT, related_name="documents")
    name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=60)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    objects = DocumentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["claim", "sha256"], name="document_once_in_a_claim"),
            models.UniqueConstraint(fields=["draft", "sha256"], name="document_once_in_a_draft"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def owner(self) -> str:
        """Whose key the content lies under."""
        return self.party.owner
