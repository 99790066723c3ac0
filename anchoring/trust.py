"""trust.json as this log publishes it: one stored version after the other, each signed with the log key."""

from contextlib import suppress

from django.db import IntegrityError, transaction
from django.utils import timezone

from anchoring import config
from anchoring.keys import verify_ed25519
from anchoring.models import Registration, TrustVersion
from anchoring.protocol import trust
from anchoring.protocol.canonical import dumps, loads
from anchoring.protocol.note import Verifier


def trust_file() -> bytes:
    """The file's bytes, with a new version first if keys or registrations have changed since the last one."""
    versions = list(TrustVersion.objects.order_by("version"))
    if not versions or _wanted(versions) is not None:
        publish()
        versions = list(TrustVersion.objects.order_by("version"))
    return _file(versions)


def current_fingerprint() -> str:
    """64 hex digits of the newest version: what other papers print."""
    return trust.fingerprint(_parsed(trust_file()).newest)


def auditors() -> tuple[Verifier, ...]:
    """Those whose cosignatures count, by the newest version."""
    return _parsed(trust_file()).newest.auditors


def log_key_is_trusted(size: int) -> bool:
    """Whether the log key at hand may sign a checkpoint of ``size``; the first look publishes version 1."""
    return config.log_key().verifier in _parsed(trust_file()).newest.log_verifiers(size)


def publish() -> None:
    """Insert the version that keys and registrations now call for, unless it is there.

    Two at once: the primary key lets one of them insert a version; the other looks again at what is there now.
    """
    while (version := _next_version()) is not None:
        with suppress(IntegrityError), transaction.atomic():
            version.save(force_insert=True)


def _next_version() -> TrustVersion | None:
    """The signed version that should follow, or None when the newest one says it all."""
    versions = list(TrustVersion.objects.order_by("version"))
    statement = _wanted(versions)
    if statement is None:
        return None
    signed = trust.sign_statement(statement, config.log_key())
    before = list(parse_versions(versions).versions) if versions else []
    content = loads(trust.encode_trust([*before, signed]), limit=trust.MAX_BYTES)["versions"][-1]
    return TrustVersion(version=statement.version, content=dumps(content), at=timezone.now())


def _wanted(versions: list[TrustVersion]) -> trust.Statement | None:
    """The statement that should follow, or None when the newest one says it all."""
    registrations = tuple(published(row) for row in Registration.objects.order_by("pk"))
    receipt_key = config.receipt_key().verifier
    if not versions:
        log_keys = (trust.LogKey(verifier=config.log_key().verifier),)
        return trust.Statement(config.origin(), log_keys, (receipt_key,), registrations, config.auditors())
    newest = parse_versions(versions).newest
    receipt_keys = _with(newest.receipt_keys, receipt_key)
    auditors = _with(newest.auditors, *config.auditors())
    if (newest.registrations, newest.receipt_keys, newest.auditors) == (registrations, receipt_keys, auditors):
        return None
    return trust.next_statement(newest, receipt_keys=receipt_keys, registrations=registrations, auditors=auditors)


def _with(known: tuple[Verifier, ...], *keys: Verifier) -> tuple[Verifier, ...]:
    """Keys are added and never dropped: a process with older settings must not take back what another one published."""
    return (*known, *(key for key in keys if key not in known))


def parse_versions(versions: list[TrustVersion]) -> trust.Trust:
    """The stored versions as a verifier reads them. Raises Malformed if one is not signed or linked as it must be."""
    return _parsed(_file(versions))


def published(row: Registration) -> trust.Registration:
    """A registration as trust.json names it."""
    return trust.Registration(
        chain_id=row.chain_id,
        genesis=bytes(row.genesis),
        contract=bytes(row.contract),
        code_hash=bytes(row.code_hash),
        log_id=bytes(row.log_id),
    )


def _file(versions: list[TrustVersion]) -> bytes:
    """The canonical file around the stored versions."""
    return dumps(
        {"format": trust.FORMAT, "versions": [loads(bytes(v.content), limit=trust.MAX_BYTES) for v in versions]}
    )


def _parsed(data: bytes) -> trust.Trust:
    return trust.parse_trust(data, verify_ed25519)
