"""trust.json: one version after the other, each signed, a new one only when there is something new to believe."""

import pytest

from anchoring import config, trust
from anchoring.keys import verify_ed25519
from anchoring.models import TrustVersion
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.trust import fingerprint, parse_trust
from tests.anchoring.log_world import a_chain, register

pytestmark = pytest.mark.django_db


def published():
    return parse_trust(trust.trust_file(), verify_ed25519)


def test_the_first_look_publishes_the_keys() -> None:
    newest = published().newest
    assert (newest.version, newest.origin, newest.registrations) == (1, config.origin(), ())
    assert newest.log_verifiers(1) == (config.log_key().verifier,)
    assert newest.receipt_keys == (config.receipt_key().verifier,)


def test_looking_again_gives_the_same_bytes() -> None:
    assert trust.trust_file() == trust.trust_file()
    assert TrustVersion.objects.count() == 1


def test_a_registration_makes_a_version_that_follows_the_one_before() -> None:
    before = trust.current_fingerprint()
    register(a_chain())
    after = published()
    assert [version.statement.version for version in after.versions] == [1, 2]
    assert after.newest.previous == before
    assert after.contains(before)
    assert trust.current_fingerprint() == fingerprint(after.newest)


def test_a_new_receipt_key_is_published_beside_the_old_one_whose_receipts_people_still_hold(settings) -> None:
    old = published().newest.receipt_keys
    settings.RECEIPT_KEY = "55" * 32
    assert published().newest.receipt_keys == (*old, config.receipt_key().verifier)
    assert TrustVersion.objects.count() == 2


def test_publishing_with_nothing_new_makes_no_version() -> None:
    trust.publish()
    trust.publish()
    assert list(TrustVersion.objects.values_list("version", flat=True)) == [1]


def test_versions_that_do_not_follow_from_each_other_are_refused() -> None:
    trust.trust_file()
    register(a_chain())
    one, two = TrustVersion.objects.order_by("version")
    assert trust.parse_versions([one, two]).newest.version == 2
    for wrong in ([two], [two, one], [one, one]):
        with pytest.raises(Malformed):
            trust.parse_versions(wrong)
