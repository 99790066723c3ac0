"""trust.json against its signatures, its links, and the registrations that it publishes."""

from collections.abc import Callable, Sequence

from anchoring import config
from anchoring.fsck.finding import Finding, Findings, Tally
from anchoring.models import Registration, TrustVersion
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.note import Verifier
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
