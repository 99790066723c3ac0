"""The trust file: which keys, chain and contract a verifier believes, version upon signed version (protocol.md §5)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from anchoring.protocol import canonical
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.note import COSIGNATURE, ED25519, NoteInvalid, Signer, Verifier, Verify, key_name
from anchoring.protocol.receipt import receipt_key_name
from anchoring.protocol.scalars import from_0x, from_base64, items, members, natural, string, to_0x, to_base64

FORMAT = "trust/v1"
MAX_BYTES = 2**20
MAX_ITEMS = 1_000  # of any list in the file
SIGNATURE_SIZE = 64

_CONTEXT = b"trust/v1\n"
_STATEMENT = frozenset({"auditors", "log_keys", "origin", "previous", "receipt_keys", "registrations", "version"})
_REGISTRATION = frozenset({"chain_id", "code_hash", "contract", "genesis", "log_id"})


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key of the log, good for checkpoints of size from *start*, and below *end* unless that is None."""

    verifier: Verifier
    start: int = 0
    end: int | None = None

    def covers(self, size: int) -> bool:
        return self.start <= size and (self.end is None or size < self.end)


@dataclass(frozen=True, slots=True)
class Registration:
    """A log's place in a registry contract. Hashes are 32 bytes, the contract's address 20."""

    chain_id: int
    genesis: bytes
    contract: bytes
    code_hash: bytes
    log_id: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """One version of what is to be believed. *previous* is the fingerprint of the version before, or empty."""

    origin: str
    log_keys: tuple[LogKey, ...]
    receipt_keys: tuple[Verifier, ...] = ()
    registrations: tuple[Registration, ...] = ()  # oldest first
    auditors: tuple[Verifier, ...] = ()
    version: int = 1
    previous: str = ""

    def log_verifiers(self, size: int) -> tuple[Verifier, ...]:
        """The keys that may sign a checkpoint of *size*."""
        return tuple(key.verifier for key in self.log_keys if key.covers(size))


@dataclass(frozen=True, slots=True)
class SignedStatement:
    statement: Statement
    signature: bytes


@dataclass(frozen=True, slots=True)
class Trust:
    """A trust file whose versions follow from one another, each signed with the key that the one before named."""

    versions: tuple[SignedStatement, ...]

    @property
    def newest(self) -> Statement:
        return self.versions[-1].statement

    def contains(self, known: str) -> bool:
        """Whether the version with the fingerprint *known* is among them: if not, the file is another one's."""
        return any(fingerprint(version.statement) == known for version in self.versions)


def fingerprint(statement: Statement) -> str:
    """64 hex digits that stand for *statement*."""
    return sha256(_encode(statement)).hexdigest()


def grouped(text: str) -> str:
    """A fingerprint as it is printed for people: groups of four."""
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def next_statement(
    previous: Statement,
    *,
    log_keys: Sequence[LogKey] | None = None,
    receipt_keys: Sequence[Verifier] | None = None,
    registrations: Sequence[Registration] | None = None,
    auditors: Sequence[Verifier] | None = None,
) -> Statement:
    """The version after *previous*, with the lists that are given in place of its own."""
    return replace(
        previous,
        version=previous.version + 1,
        previous=fingerprint(previous),
        log_keys=previous.log_keys if log_keys is None else tuple(log_keys),
        receipt_keys=previous.receipt_keys if receipt_keys is None else tuple(receipt_keys),
        registrations=previous.registrations if registrations is None else tuple(registrations),
        auditors=previous.auditors if auditors is None else tuple(auditors),
    )


def sign_statement(statement: Statement, signer: Signer) -> SignedStatement:
    """*statement* signed. *signer* holds the first log key of the version before, for version 1 of its own."""
    return SignedStatement(statement=statement, signature=signer.sign(_message(statement)))


def encode_trust(versions: Sequence[SignedStatement]) -> bytes:
    """The file's bytes. Raises Malformed if the versions do not follow from one another; signatures are not checked."""
    _check_versions([version.statement for version in versions])
    documents = [
        {"signature": to_base64(version.signature), "statement": _document(version.statement)} for version in versions
    ]
    return canonical.dumps({"format": FORMAT, "versions": documents})


def parse_trust(data: bytes, verify: Verify) -> Trust:
    """The file's versions once each is rightly linked and signed. Raises Malformed, NoteInvalid for a signature."""
    document = members(canonical.loads(data, limit=MAX_BYTES), {"format", "versions"})
    if document["format"] != FORMAT:
        raise Malformed("a file of another format")
    versions = tuple(_parse_version(value) for value in items(document["versions"], most=MAX_ITEMS))
    _check_versions([version.statement for version in versions])
    signers = [versions[0], *versions[:-1]]
    for before, version in zip(signers, versions, strict=True):
        key = before.statement.log_keys[0].verifier.public_key
        if not verify(key, version.signature, _message(version.statement)):
            raise NoteInvalid(f"the signature of version {version.statement.version} is wrong")
    return Trust(versions=versions)


def _message(statement: Statement) -> bytes:
    return _CONTEXT + _encode(statement)


def _check_versions(statements: Sequence[Statement]) -> None:
    if not statements:
        raise Malformed("a trust file without a version")
    known = ""
    for number, statement in enumerate(statements, start=1):
        if statement.version != number or statement.previous != known:
            raise Malformed(f"version {number} does not follow the one before")
        if statement.origin != statements[0].origin:
            raise Malformed("versions of more than one log")
        known = fingerprint(statement)


# A statement's bytes -------------------------------------------------------------------------------------------------


def _encode(statement: Statement) -> bytes:
    return canonical.dumps(_document(statement))


def _document(statement: Statement) -> dict[str, Any]:
    return {
        "auditors": [str(verifier) for verifier in statement.auditors],
        "log_keys": [_log_key_document(key) for key in statement.log_keys],
        "origin": statement.origin,
        "previous": statement.previous,
        "receipt_keys": [str(verifier) for verifier in statement.receipt_keys],
        "registrations": [_registration_document(registration) for registration in statement.registrations],
        "version": statement.version,
    }


def _log_key_document(key: LogKey) -> dict[str, Any]:
    until = {} if key.end is None else {"until": key.end}
    return {"from": key.start, "key": str(key.verifier)} | until


def _registration_document(registration: Registration) -> dict[str, Any]:
    return {
        "chain_id": registration.chain_id,
        "code_hash": to_0x(registration.code_hash),
        "contract": to_0x(registration.contract),
        "genesis": to_0x(registration.genesis),
        "log_id": to_0x(registration.log_id),
    }


def _parse_version(value: Any) -> SignedStatement:
    members(value, {"signature", "statement"})
    return SignedStatement(
        statement=_parse_statement(value["statement"]),
        signature=from_base64(value["signature"], size=SIGNATURE_SIZE),
    )


def _parse_statement(value: Any) -> Statement:
    members(value, _STATEMENT)
    origin = key_name(string(value["origin"]))
    statement = Statement(
        origin=origin,
        log_keys=_parse_log_keys(value["log_keys"], origin),
        receipt_keys=_parse_keys(value["receipt_keys"], ED25519, receipt_key_name(origin)),
        registrations=tuple(_parse_registration(item) for item in items(value["registrations"], most=MAX_ITEMS)),
        auditors=_parse_keys(value["auditors"], COSIGNATURE),
        version=natural(value["version"]),
        previous=string(value["previous"]),
    )
    _check_auditors(statement)
    return statement


def _check_auditors(statement: Statement) -> None:
    """An auditor who signs with a key of the log's would be no second pair of eyes. Raises Malformed."""
    ours = [*(key.verifier for key in statement.log_keys), *statement.receipt_keys]
    if {key.public_key for key in ours} & {key.public_key for key in statement.auditors}:
        raise Malformed("an auditor's key is also a key of the log")


def _parse_log_keys(value: Any, origin: str) -> tuple[LogKey, ...]:
    keys = tuple(_parse_log_key(item, origin) for item in items(value, most=MAX_ITEMS))
    if not keys:
        raise Malformed("a log without a key")
    return keys


def _parse_log_key(value: Any, origin: str) -> LogKey:
    members(value, {"from", "key"}, {"until"})
    verifier = _parse_key(value["key"], ED25519, origin)
    start = natural(value["from"])
    end = natural(value["until"]) if "until" in value else None
    if end is not None and end <= start:
        raise Malformed("a log key that is never good")
    return LogKey(verifier=verifier, start=start, end=end)


def _parse_keys(value: Any, type: int, name: str | None = None) -> tuple[Verifier, ...]:
    return tuple(_parse_key(item, type, name) for item in items(value, most=MAX_ITEMS))


def _parse_key(value: Any, type: int, name: str | None) -> Verifier:
    """A verifier key of *type*, and of *name* unless any will do."""
    verifier = Verifier.parse(string(value))
    if verifier.type != type or name not in (None, verifier.name):
        raise Malformed("a key of the wrong type or name")
    return verifier


def _parse_registration(value: Any) -> Registration:
    members(value, _REGISTRATION)
    return Registration(
        chain_id=natural(value["chain_id"]),
        genesis=from_0x(value["genesis"], size=32),
        contract=from_0x(value["contract"], size=20),
        code_hash=from_0x(value["code_hash"], size=32),
        log_id=from_0x(value["log_id"], size=32),
    )
