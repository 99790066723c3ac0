"""trust.json against its signatures, its links, and the registrations that it publishes."""

from collections.abc import Callable, Sequence

from anchoring import config
from anchoring.fsck.finding import Finding, Findings, Tally
from anchoring.keys import verify_ed25519
from anchoring.models import Cosignature, Registration, TrustVersion
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.cosignature import check_cosignature
from anchoring.protocol.note import Verifier, split_note
from anchoring.protocol.trust import Registration as PublishedRegistration
from anchoring.protocol.trust import Trust
from anchoring.trust import parse_versions, published

Verifiers = Callable[[int], Sequence[Verifier]]


def check_trust(tally: Tally) -> Findings:
    """Each stored version, and each registration."""
    versions = list(TrustVersion.objects.order_by("version"))
    tally.trust_versions = len(versions)
    trust: Trust | None = None
    for count, version in enumerate(versions, start=1):
        try:
            trust = parse_versions(versions[:count])
        except Malformed as error:
            yield Finding(f"trust version {version.version}", str(error))
            return
        if trust.newest.version != version.version:
            yield Finding(f"trust version {version.version}, column version", "is not the one that was signed")
    told = trust.newest.registrations if trust else ()
    for place, row in enumerate(Registration.objects.order_by("pk")):
        if place >= len(told) or told[place] != published(row):
            yield Finding(f"registration {row.pk}", "is not what trust.json publishes")


def check_cosignatures() -> Findings:
    """Each auditor's line against the checkpoint that it stands under and the auditors that trust.json ever named."""
    trust = _readable(list(TrustVersion.objects.order_by("version")))
    ever = {auditor for version in trust.versions for auditor in version.statement.auditors} if trust else set()
    for row in Cosignature.objects.select_related("checkpoint").order_by("pk").iterator(chunk_size=1_000):
        text, _ = split_note(row.checkpoint.note)
        try:
            signer = check_cosignature(row.line, text, list(ever), verify_ed25519).verifier
        except Malformed as error:
            yield Finding(f"cosignature {row.pk}, column line", f"is not an auditor's of its checkpoint: {error}")
            continue
        if row.auditor != f"{signer.name}+{signer.key_id.hex()}":
            yield Finding(f"cosignature {row.pk}, column auditor", "is not the key that signed")


def log_verifiers() -> Verifiers:
    """Size → the keys that may sign a checkpoint of it: trust.json's, or our own key while nothing is published."""
    trust = _readable(list(TrustVersion.objects.order_by("version")))
    return trust.newest.log_verifiers if trust else lambda size: (config.log_key().verifier,)


def published_registrations() -> tuple[PublishedRegistration, ...]:
    """Those of the newest version that can be read."""
    trust = _readable(list(TrustVersion.objects.order_by("version")))
    return trust.newest.registrations if trust else ()


def _readable(versions: list[TrustVersion]) -> Trust | None:
    try:
        return parse_versions(versions) if versions else None
    except Malformed:
        return None
