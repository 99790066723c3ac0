"""Trust files that cannot be used, and receipts."""

from collections.abc import Iterator
from typing import Any

from tests.anchoring import verify_world as world
from tests.vectors.vector import OFFLINE, Vector, good_document

GOOD = world.finish(good_document())
FIRST, SECOND = world.statement(), world.statement(2, world.fingerprint(world.statement()))


def cases() -> Iterator[Vector]:
    yield from good()
    yield from bad_chains()
    yield from bad_statements()
    yield from fingerprints()
    yield from receipts()


def usable(name: str, trust: bytes, *arguments: str) -> Vector:
    return Vector(name, GOOD, 0, "ppnnn", trust=trust, arguments=(*OFFLINE, *arguments))


def unusable(name: str, trust: bytes, *arguments: str) -> Vector:
    return Vector(name, GOOD, 2, trust=trust, arguments=(*OFFLINE, *arguments))


def stated(name: str, **members: Any) -> Vector:
    """A statement that is wrong, rightly signed; `...` leaves a member out."""
    kept = {name: value for name, value in world.statement(**members).items() if value is not ...}
    return unusable(f"trust-{name}", world.publish(world.signed(kept)))


def good() -> Iterator[Vector]:
    yield usable("trust-good-two-versions", world.publish(world.signed(FIRST), world.signed(SECOND)))
    yield usable("trust-good-without-auditors", world.trust(auditors=[]))
    keys = [{"from": 0, "key": world.LOG_KEY.key(), "until": 10}, {"from": 10, "key": world.NEXT_LOG_KEY.key()}]
    yield usable("trust-good-key-until-just-above", world.trust(log_keys=keys))


def bad_chains() -> Iterator[Vector]:
    first, second = world.signed(FIRST), world.signed(SECOND)
    yield unusable("trust-empty", b"")
    yield unusable("trust-not-json", b"trust me")
    yield unusable("trust-a-list", b"[]")
    yield unusable("trust-deep", b"[" * 5_000)
    yield unusable("trust-final-newline", world.trust() + b"\n")
    yield unusable("trust-unknown-format", world.trust().replace(b"trust/v1", b"trust/v2"))
    yield unusable("trust-no-versions", world.publish())
    yield unusable("trust-unknown-member", world.canonical({"format": "trust/v1", "note": "", "versions": [first]}))
    yield unusable("trust-version-with-unknown-member", world.publish({**first, "note": ""}))
    yield unusable("trust-without-signature", world.publish({"statement": FIRST}))
    yield unusable("trust-signature-short", world.publish({**first, "signature": world.b64(bytes(63))}))
    yield unusable("trust-signature-of-zeros", world.publish({**first, "signature": world.b64(bytes(64))}))
    yield unusable("trust-signed-by-a-stranger", world.publish(world.signed(FIRST, world.STRANGER)))
    yield unusable("trust-second-signed-by-its-own-new-key", world.two_versions(world.NEXT_LOG_KEY))
    yield unusable("trust-second-alone", world.publish(second))
    yield unusable("trust-second-first", world.publish(second, first))
    yield unusable("trust-first-twice", world.publish(first, first))
    yield unusable(
        "trust-second-follows-another-first", world.publish(world.signed(world.statement(auditors=[])), second)
    )
    yield unusable("trust-second-without-previous", world.publish(first, world.signed(world.statement(2))))
    third = world.signed(world.statement(3, world.fingerprint(FIRST)))
    yield unusable("trust-version-skipped", world.publish(first, third))
    key = world.Signer("other.example/log", "other").key()
    moved = {"origin": "other.example/log", "log_keys": [{"from": 0, "key": key}], "receipt_keys": []}
    yield unusable("trust-origin-changed", world.two_versions(**moved))


def bad_statements() -> Iterator[Vector]:
    log, receipt = world.LOG_KEY.key(), world.RECEIPT_KEY.key()
    yield stated("version-0", version=0)
    yield stated("version-true", version=True)
    yield stated("first-with-previous", previous="ab" * 32)
    yield stated("statement-lacks-auditors", auditors=...)
    yield stated("statement-unknown-member", note="")
    yield stated("origin-with-space", origin="touchstone.example log")
    yield stated("origin-with-plus", origin="touchstone+log")
    yield stated("no-log-keys", log_keys=[])
    yield stated("log-key-of-another-name", log_keys=[{"from": 0, "key": receipt}])
    yield stated("log-key-until-its-start", log_keys=[{"from": 5, "key": log, "until": 5}])
    yield stated("log-key-from-below-zero", log_keys=[{"from": -1, "key": log}])
    yield stated("log-key-without-from", log_keys=[{"key": log}])
    yield stated("log-key-wrong-key-id", log_keys=[{"from": 0, "key": _other_id(log)}])
    yield stated("log-key-of-cosignature-type", log_keys=[{"from": 0, "key": world.LOG_KEY.key(4)}])
    low = world.verifier_key(world.ORIGIN, (1).to_bytes(32, "little"))
    yield stated("log-key-of-small-order", log_keys=[{"from": 0, "key": log}, {"from": 0, "key": low}])
    high = world.verifier_key(world.ORIGIN, (2**255 - 19 + 3).to_bytes(32, "little"))
    yield stated("log-key-not-canonical", log_keys=[{"from": 0, "key": log}, {"from": 0, "key": high}])
    yield stated("log-key-a-number", log_keys=[{"from": 0, "key": 1}])
    yield stated("receipt-key-of-another-name", receipt_keys=[log])
    yield stated("receipt-key-wrong-key-id", receipt_keys=[_other_id(receipt)])
    yield stated("auditor-of-type-1", auditors=[world.AUDITOR.key(1)])
    both = world.Signer("auditor.example", "log key of 2026")
    yield stated("auditor-with-the-logs-own-key", auditors=[both.key(4)])
    yield stated("auditor-with-a-receipt-key", auditors=[world.Signer("auditor.example", "receipt key of 2026").key(4)])
    for member, value in {
        "chain_id": 0,
        "code_hash": "0x00",
        "contract": world.CONTRACT.upper(),
        "genesis": None,
        "log_id": "ab" * 32,
    }.items():
        yield stated(f"registration-bad-{member}", registrations=[{**world.REGISTRATION, member: value}])
    yield stated("registration-unknown-member", registrations=[{**world.REGISTRATION, "name": "x"}])


def _other_id(key: str) -> str:
    name, key_id, blob = key.split("+", 2)
    return f"{name}+{int(key_id, 16) ^ 1:08x}+{blob}"


def fingerprints() -> Iterator[Vector]:
    both = world.publish(world.signed(FIRST), world.signed(SECOND))
    first, second = world.fingerprint(FIRST), world.fingerprint(SECOND)
    yield usable("trust-fingerprint-of-the-newest", both, "--fingerprint", second)
    yield usable("trust-fingerprint-of-an-earlier-one", both, "--fingerprint", first)
    printed = " ".join(first[place : place + 4] for place in range(0, 64, 4)).upper()
    yield usable("trust-fingerprint-in-groups-of-four", both, "--fingerprint", printed)
    yield unusable("trust-fingerprint-of-a-version-left-out", world.trust(), "--fingerprint", second)
    yield unusable("trust-fingerprint-cut-short", both, "--fingerprint", first[:-1])
    yield unusable("trust-fingerprint-empty", both, "--fingerprint", "")


def receipts() -> Iterator[Vector]:
    def receipt(name: str, text: str, lines: str, *signers: world.Signer) -> Vector:
        exit_code = 0 if lines == "p" else 1
        return Vector(f"receipt-{name}", world.note(text, *signers).encode(), exit_code, lines)

    def broken(name: str, text: str) -> Vector:
        return receipt(name, text, "", world.RECEIPT_KEY)

    key, text = world.RECEIPT_KEY, world.receipt_text()
    yield receipt("good", text, "p", key)
    yield receipt("good-with-a-witness", text, "p", world.WITNESS, key)
    yield receipt("signed-by-the-log-key", text, "f", world.LOG_KEY)
    yield receipt("signed-by-a-stranger", text, "f", world.Signer(world.RECEIPT_NAME, "a stranger"))
    other = world.Signer("other.example/log/receipt", "receipt key of 2026")
    yield receipt("of-another-log", world.receipt_text(name=other.name), "f", other, key)
    late = world.note(text, key).replace("seal-by 2026", "seal-by 2036").encode()
    yield Vector("receipt-seal-by-changed", late, 1, "f")
    yield broken("malformed-line-missing", text.split("\n", 1)[0] + "\n")
    yield broken("malformed-line-too-many", text + "and more\n")
    yield broken("malformed-name", world.receipt_text(name=world.ORIGIN))
    yield broken("malformed-entry-id", world.receipt_text(entry="1"))
    yield broken("malformed-record", world.receipt_text(record=f"Claim {world.ALICE_CLAIM}"))
    yield broken("malformed-record-without-type", world.receipt_text(record=world.ALICE_CLAIM))
    yield broken("malformed-leaf-hash", world.receipt_text(leaf=world.b64(bytes(31))))
    yield broken("malformed-time", world.receipt_text(at="2026-13-02T09:14:07.123456Z"))
    yield broken("malformed-seal-by", world.receipt_text(seal_by="2026-11-02T10:14:07.123456Z"))
    yield broken("malformed-carriage-returns", text.replace("\n", "\r\n"))
    yield Vector("receipt-malformed-unsigned", text.encode(), 1)
    yield Vector("receipt-malformed-not-utf-8", b"\xff" + text.encode(), 1)
