"""Auditors' cosignatures against the checkpoints that they stand under, by the keys that trust.json names."""

from anchoring.cosignatures import name_of
from anchoring.fsck.finding import Finding, Findings
from anchoring.fsck.trust import published_auditors
from anchoring.keys import verify_ed25519
from anchoring.models import Cosignature
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.cosignature import check_cosignature
from anchoring.protocol.note import split_note


def check_cosignatures() -> Findings:
    """Each line is a good one, and its auditor's. While trust.json cannot be read, nothing can be said of them."""
    auditors = published_auditors()
    if auditors is None:
        return
    for row in Cosignature.objects.select_related("checkpoint").order_by("pk").iterator():
        try:
            text, _ = split_note(row.checkpoint.note)
            signed = check_cosignature(row.line, text, auditors, verify_ed25519)
        except Malformed as problem:
            yield Finding(f"cosignature {row.pk}, column line", str(problem))
            continue
        if row.auditor != name_of(signed.verifier):
            yield Finding(f"cosignature {row.pk}, column auditor", "is not who signed the line")
