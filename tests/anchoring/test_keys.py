"""Ed25519 keys: the test of RFC 8032, and quiet refusals."""

import pytest

from anchoring.keys import SigningKey, verify_ed25519
from tests.anchoring.protocol.mutations import every_bit_flipped

# RFC 8032 §7.1, test 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
MESSAGE = b"\x72"
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
KEY = SigningKey(name="insurer.example/log", seed=SEED)


def test_the_rfcs_key_signs_the_rfcs_message():
    assert (KEY.public, KEY.sign(MESSAGE)) == (PUBLIC, SIGNATURE)
    assert verify_ed25519(PUBLIC, SIGNATURE, MESSAGE)


def test_no_bit_of_a_signature_or_key_may_change():
    assert not any(verify_ed25519(PUBLIC, damaged, MESSAGE) for damaged in every_bit_flipped(SIGNATURE))
    assert not any(verify_ed25519(damaged, SIGNATURE, MESSAGE) for damaged in every_bit_flipped(PUBLIC))
    assert not verify_ed25519(PUBLIC, SIGNATURE, b"\x73")


def test_a_signature_made_larger_by_the_groups_order_is_refused():
    """RFC 8032 §5.1.7: otherwise one message would have two signatures by one key."""
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(SIGNATURE[32:], "little") + order
    assert not verify_ed25519(PUBLIC, SIGNATURE[:32] + s.to_bytes(32, "little"), MESSAGE)


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33), bytes(64), b"\xff" * 32])
def test_what_is_no_key_or_signature_verifies_nothing(wrong):
    assert not verify_ed25519(wrong, SIGNATURE, MESSAGE)
    assert not verify_ed25519(PUBLIC, wrong, MESSAGE)


def test_the_repr_shows_the_public_key_and_not_the_secret():
    assert repr(KEY) == f"<SigningKey {KEY.verifier_key}>"
    assert SEED.hex() not in repr(KEY)
