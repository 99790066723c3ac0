"""The trust file: what erin publishes for the insurer, version by version, and what no one else can slip in."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from anchoring.keys import SigningKey, verify_ed25519
from anchoring.protocol import canonical
from anchoring.protocol.note import NoteInvalid, Verifier
from anchoring.protocol.scalars import to_base64
from anchoring.protocol.trust import (
    LogKey,
    Registration,
    SignedStatement,
    Statement,
    Trust,
    encode_trust,
    fingerprint,
    grouped,
    next_statement,
    parse_trust,
    sign_statement,
)
from tests.anchoring.protocol.mutations import every_bit_flipped, every_byte_dropped_or_doubled, every_cut
from tests.anchoring.protocol.world import LOG_KEY, NEXT_LOG_KEY, ORIGIN, RECEIPT_KEY, STRANGER_KEY, is_refused

TESTNET = Registration(
    chain_id=11155111, genesis=b"\x25" * 32, contract=b"\xc0" * 20, code_hash=b"\xcc" * 32, log_id=b"\x10" * 32
)
FIRST = Statement(origin=ORIGIN, log_keys=(LogKey(LOG_KEY.verifier),), receipt_keys=(RECEIPT_KEY.verifier,))
SECOND = next_statement(FIRST, registrations=[TESTNET])
THIRD = next_statement(SECOND, log_keys=[LogKey(NEXT_LOG_KEY.verifier, start=500), LogKey(LOG_KEY.verifier, end=1000)])
FOURTH = next_statement(THIRD, receipt_keys=[])
VERSIONS = (
    sign_statement(FIRST, LOG_KEY),
    sign_statement(SECOND, LOG_KEY),
    sign_statement(THIRD, LOG_KEY),
    sign_statement(FOURTH, NEXT_LOG_KEY),
)
FILE = encode_trust(VERSIONS)


def read(data):
    return parse_trust(data, verify_ed25519)


def document(statement):
    return json.loads(encode_trust([SignedStatement(statement, bytes(64))]))["versions"][0]["statement"]


def signed(statement, key=LOG_KEY):
    """A file of one version, *statement* as a plain object, rightly signed."""
    signature = key.sign(b"trust/v1\n" + canonical.dumps(statement))
    return canonical.dumps(
        {"format": "trust/v1", "versions": [{"signature": to_base64(signature), "statement": statement}]}
    )


def with_members(**members):
    statement = document(replace(FIRST, registrations=(TESTNET,))) | members
    return signed({name: value for name, value in statement.items() if value is not None})


def test_the_first_statement_has_these_bytes():
    log_key, receipt_key = LOG_KEY.verifier_key, RECEIPT_KEY.verifier_key
    statement = (
        f'{{"auditors":[],"log_keys":[{{"from":0,"key":"{log_key}"}}],"origin":"insurer.example/log","previous":"",'
        f'"receipt_keys":["{receipt_key}"],"registrations":[],"version":1}}'
    )
    signature = to_base64(LOG_KEY.sign(b"trust/v1\n" + statement.encode()))
    text = f'{{"format":"trust/v1","versions":[{{"signature":"{signature}","statement":{statement}}}]}}'
    assert encode_trust(VERSIONS[:1]) == text.encode()
    assert fingerprint(FIRST) == sha256(statement.encode()).hexdigest()


def test_every_version_is_read_as_it_was_signed():
    assert read(FILE) == Trust(versions=VERSIONS)
    assert read(FILE).newest == FOURTH
    assert encode_trust(read(FILE).versions) == FILE


def test_each_version_carries_the_fingerprint_of_the_one_before():
    assert [statement.previous for statement in (FIRST, SECOND, THIRD, FOURTH)] == [
        "",
        fingerprint(FIRST),
        fingerprint(SECOND),
        fingerprint(THIRD),
    ]
    assert [statement.version for statement in (FIRST, SECOND, THIRD, FOURTH)] == [1, 2, 3, 4]


def test_a_holder_finds_the_version_on_her_policy_in_the_newer_file():
    trust = read(FILE)
    assert trust.contains(fingerprint(SECOND))
    assert not trust.contains(fingerprint(replace(SECOND, registrations=())))
    assert not read(encode_trust(VERSIONS[:1])).contains(fingerprint(SECOND))


def test_a_fingerprint_is_printed_in_groups_of_four():
    assert grouped("0123456789abcdef") == "0123 4567 89ab cdef"


def test_log_keys_are_good_for_a_range_of_sizes():
    assert THIRD.log_verifiers(499) == (LOG_KEY.verifier,)
    assert THIRD.log_verifiers(500) == (NEXT_LOG_KEY.verifier, LOG_KEY.verifier)
    assert THIRD.log_verifiers(999) == (NEXT_LOG_KEY.verifier, LOG_KEY.verifier)
    assert THIRD.log_verifiers(1000) == (NEXT_LOG_KEY.verifier,)


@pytest.mark.parametrize("position", range(4))
def test_a_version_signed_with_another_key_is_refused(position):
    forged = sign_statement(VERSIONS[position].statement, STRANGER_KEY)
    with pytest.raises(NoteInvalid, match=f"signature of version {position + 1} is wrong"):
        read(encode_trust([*VERSIONS[:position], forged, *VERSIONS[position + 1 :]]))


def test_a_new_key_cannot_vouch_for_itself():
    """Version 3 brings the next key: the key of version 2 must have signed it, not the one that it brings."""
    with pytest.raises(NoteInvalid):
        read(encode_trust([*VERSIONS[:2], sign_statement(THIRD, NEXT_LOG_KEY)]))


def test_the_old_key_has_no_say_after_the_new_one_stands_first():
    with pytest.raises(NoteInvalid):
        read(encode_trust([*VERSIONS[:3], sign_statement(FOURTH, LOG_KEY)]))


def test_versions_that_do_not_follow_are_neither_written_nor_read():
    first, second, third, _ = VERSIONS
    skipped = sign_statement(replace(THIRD, version=2), LOG_KEY)
    moved = sign_statement(replace(SECOND, origin="other.example"), LOG_KEY)
    unlinked = sign_statement(replace(SECOND, previous=""), LOG_KEY)
    for versions in ([], [second], [first, third], [second, first], [first, first], [first, skipped], [first, moved]):
        assert is_refused(encode_trust, versions)
    assert is_refused(encode_trust, [first, unlinked])
    assert is_refused(encode_trust, [sign_statement(replace(FIRST, previous=fingerprint(FIRST)), LOG_KEY)])
    for dropped in range(3):
        versions = json.loads(FILE)["versions"]
        del versions[dropped]
        assert is_refused(read, canonical.dumps({"format": "trust/v1", "versions": versions}))


def test_every_damaged_file_is_refused():
    file = encode_trust(VERSIONS[:2])
    assert all(is_refused(read, damaged) for damaged in every_bit_flipped(file))
    assert all(is_refused(read, damaged) for damaged in every_byte_dropped_or_doubled(file))
    assert all(is_refused(read, part) for part in every_cut(file))


AUDITOR = Verifier(name="auditor.example", public_key=STRANGER_KEY.public, type=4)
LOG_KEY_ITEM = {"from": 0, "key": LOG_KEY.verifier_key}
REGISTRATION = document(replace(FIRST, registrations=(TESTNET,)))["registrations"][0]


def test_auditors_sign_with_keys_of_their_own_type():
    assert read(with_members(auditors=[str(AUDITOR)])).newest.auditors == (AUDITOR,)
    assert is_refused(read, with_members(auditors=[STRANGER_KEY.verifier_key]))


@pytest.mark.parametrize("key", [LOG_KEY, RECEIPT_KEY])
def test_a_key_of_the_log_is_no_auditors(key):
    assert is_refused(read, with_members(auditors=[str(Verifier("auditor.example", key.public, 4))]))


@pytest.mark.parametrize(
    "members",
    [
        {"extra": 1},
        {"auditors": None},
        {"receipt_keys": None},
        {"registrations": None},
        {"log_keys": None},
        {"log_keys": []},
        {"log_keys": {}},
        {"log_keys": [LOG_KEY.verifier_key]},
        {"log_keys": [LOG_KEY_ITEM | {"from": -1}]},
        {"log_keys": [LOG_KEY_ITEM | {"from": True}]},
        {"log_keys": [LOG_KEY_ITEM | {"until": 0}]},
        {"log_keys": [LOG_KEY_ITEM | {"until": "9"}]},
        {"log_keys": [LOG_KEY_ITEM | {"extra": 9}]},
        {"log_keys": [{"key": LOG_KEY.verifier_key}]},
        {"log_keys": [LOG_KEY_ITEM, {"from": 0, "key": STRANGER_KEY.verifier_key}]},
        {"log_keys": [LOG_KEY_ITEM, {"from": 0, "key": str(replace(LOG_KEY.verifier, type=4))}]},
        {"log_keys": [LOG_KEY_ITEM] * 1001},
        {"receipt_keys": [LOG_KEY.verifier_key]},
        {"receipt_keys": [1]},
        {"receipt_keys": RECEIPT_KEY.verifier_key},
        {"origin": "other.example"},
        {"origin": "two words"},
        {"origin": ""},
        {"previous": "00" * 32},
        {"previous": None},
        {"version": 0},
        {"version": 2},
        {"version": True},
        {"version": "1"},
        {"registrations": [REGISTRATION | {"extra": 1}]},
        {"registrations": [REGISTRATION | {"chain_id": -1}]},
        {"registrations": [REGISTRATION | {"contract": REGISTRATION["log_id"]}]},
        {"registrations": [REGISTRATION | {"genesis": REGISTRATION["genesis"].upper()}]},
        {"registrations": [REGISTRATION | {"code_hash": "25" * 32}]},
        {"registrations": [None]},
    ],
)
def test_statements_of_another_shape_are_refused_although_signed(members):
    assert read(with_members()).newest.registrations == (TESTNET,)
    assert is_refused(read, with_members(**members))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"format":"trust/v1","versions":[]}',
        b'{"format":"trust/v1","versions":{}}',
        b'{"format":"trust/v1","versions":[1]}',
        b'{"format":"trust/v2","versions":[]}',
        FILE.replace(b"trust/v1", b"trust/v2"),
        b" " + FILE,
        b"[" * 1_000_000,
    ],
)
def test_other_files_are_refused(data):
    assert is_refused(read, data)


def test_a_key_of_the_origins_name_that_nobody_named_signs_nothing():
    imposter = SigningKey(name=ORIGIN, seed=b"X" * 32)
    assert is_refused(read, encode_trust([sign_statement(FIRST, imposter)]))
