"""The verifier's own arithmetic against other people's: Ed25519, Keccak-256 and the Merkle tree."""

import random
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from anchoring.verify import VerificationError, check_inclusion, ed25519_verify, keccak256, leaf_hash
from tests.anchoring import verify_world as world

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493

# RFC 8032 §7.1: public key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]

# All encodings of points of order 1, 2, 4 and 8, and the ones with y ≥ p or a negative zero.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


def other_library_says(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def ours_says(public: bytes, message: bytes, signature: bytes) -> bool:
    return ed25519_verify(public=public, message=message, signature=signature)


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_the_examples_of_rfc_8032_are_good(public: str, message: str, signature: str) -> None:
    assert ours_says(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)) is True


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300), st.integers(0, 511))
def test_a_signature_is_good_and_with_one_bit_changed_bad(seed: bytes, message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    assert ours_says(public, message, signature) is True
    assert ours_says(public, message, bytes(changed)) is False
    assert ours_says(public, message + b"x", signature) is False


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=40), st.binary(min_size=64, max_size=64))
def test_random_keys_and_signatures_are_judged_as_by_another_library(
    public: bytes, message: bytes, signature: bytes
) -> None:
    """But for keys of small order, under which the other library lets signatures of zeros pass."""
    expected = public.hex() not in SMALL_ORDER and other_library_says(public, message, signature)
    assert ours_says(public, message, signature) == expected


def test_a_malleable_signature_is_refused() -> None:
    """s + L satisfies the same equation; RFC 8032 §5.1.7 demands s < L."""
    for public, message, signature in RFC_8032:
        raw = bytes.fromhex(signature)
        for factor in (1, 2, 7):
            s = int.from_bytes(raw[32:], "little") + factor * ORDER
            forged = raw[:32] + s.to_bytes(32, "little")
            assert ours_says(bytes.fromhex(public), bytes.fromhex(message), forged) is False


@pytest.mark.parametrize("public", SMALL_ORDER)
def test_a_key_of_small_order_fits_no_message(public: str) -> None:
    """With R = [s]B and such a key, the equation holds for one message in eight at least."""
    identity = (1).to_bytes(32, "little")
    fits = [ours_says(bytes.fromhex(public), bytes([n]), identity + bytes(32)) for n in range(32)]
    assert fits == [False] * 32


@pytest.mark.parametrize("y", [P, P + 1, P + 3, P + 18])
def test_a_point_that_is_not_canonical_is_refused_as_key_and_as_r(y: int) -> None:
    public, message, signature = (bytes.fromhex(part) for part in RFC_8032[0])
    encoded = y.to_bytes(32, "little")
    assert ours_says(encoded, message, signature) is False
    assert ours_says(public, message, encoded + signature[32:]) is False


@pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    public, message, signature = (bytes.fromhex(part) for part in RFC_8032[1])
    assert ours_says(public, message, (signature * 2)[:length]) is False


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    public, message, signature = (bytes.fromhex(part) for part in RFC_8032[1])
    assert ours_says((public * 2)[:length], message, signature) is False


def test_a_signature_takes_less_than_50_milliseconds() -> None:
    public, message, signature = (bytes.fromhex(part) for part in RFC_8032[2])
    started = time.process_time()
    for _ in range(20):
        assert ours_says(public, message, signature)
    assert (time.process_time() - started) / 20 < 0.05


def test_keccak_agrees_with_another_library_for_every_length_to_three_blocks() -> None:
    data = random.Random(8).randbytes(3 * 136 + 2)
    lengths = range(len(data) + 1)
    assert [keccak256(data[:length]) for length in lengths] == [keccak(data[:length]) for length in lengths]


def test_keccak_of_a_contract_of_the_largest_size_agrees() -> None:
    data = random.Random(9).randbytes(24_576)
    assert keccak256(data) == keccak(data)


def judge(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    try:
        check_inclusion(index=index, size=size, leaf=leaf, path=path, root=root)
    except VerificationError:
        return False
    return True


LEAVES = [b"%d" % place for place in range(70)]


def test_every_entry_of_every_small_log_is_included() -> None:
    for size in range(1, 40):
        root = world.root_of(LEAVES[:size])
        for index in range(size):
            assert judge(index, size, leaf_hash(LEAVES[index]), world.path_of(index, LEAVES[:size]), root)


def test_every_change_of_a_path_is_refused() -> None:
    for size in range(1, 24):
        root = world.root_of(LEAVES[:size])
        for index in range(size):
            leaf, path = leaf_hash(LEAVES[index]), world.path_of(index, LEAVES[:size])
            for changed in changes(path):
                assert not judge(index, size, leaf, changed, root)
            assert not judge(index, size, leaf_hash(b"x"), path, root)
            assert not judge(index, size, leaf, path, bytes(32))


def changes(path: list[bytes]) -> list[list[bytes]]:
    """Each hash changed, dropped, doubled; two neighbours swapped; one more at either end."""
    spots = range(len(path))
    flipped = [[*path[:i], bytes([path[i][0] ^ 1]) + path[i][1:], *path[i + 1 :]] for i in spots]
    dropped = [path[:i] + path[i + 1 :] for i in spots]
    doubled = [path[: i + 1] + path[i:] for i in spots]
    swapped = [[*path[:i], path[i + 1], path[i], *path[i + 2 :]] for i in spots[:-1]]
    return [*flipped, *dropped, *doubled, *swapped, [*path, bytes(32)], [bytes(32), *path]]


def test_a_path_is_good_for_its_own_index_only() -> None:
    """Another size may share a path (RFC 9162 leaves that to the signed size), another index never does."""
    for size in range(2, 24):
        root = world.root_of(LEAVES[:size])
        for index in range(size):
            leaf, path = leaf_hash(LEAVES[index]), world.path_of(index, LEAVES[:size])
            assert [at for at in range(70) if judge(at, size, leaf, path, root)] == [index]


def test_nothing_is_included_in_an_empty_log() -> None:
    assert not judge(0, 0, leaf_hash(b""), [], world.root_of([]))
