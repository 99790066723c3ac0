"""trust.json as this log publishes it: one stored version after the other, each signed with the log key."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from django.db import IntegrityError, transaction
from django.utils import timezone

from anchoring import config
from anchoring.keys import SigningKey, verify_ed25519
from anchoring.models import Registration, TrustVersion
from anchoring.protocol import trust
from anchoring.protocol.canonical import dumps, loads
from anchoring.protocol.note import Verifier


class KeyNotAtHand(Exception):  # noqa: N818 - nothing is wrong with the program: its settings are not the right ones
    """A key that must sign is neither in LOG_KEY nor in NEXT_LOG_KEY; the text says which one, and what to do."""


def trust_file() -> bytes:
    """The file's bytes, with a new version first if keys or registrations have changed since the last one.

    Where the key that signs versions is not at hand the file stays as it is: nothing is sealed either, in words.
    """
    versions = _stored()
    if not versions or _wanted(versions) is not None:
        with suppress(KeyNotAtHand):
            publish()
        versions = _stored()
    return _file(versions)


def current() -> trust.Statement:
    """What is to be believed now; the first look publishes version 1."""
    return _parsed(trust_file()).newest


def current_fingerprint() -> str:
    """64 hex digits of the newest version: what other papers print."""
    return trust.fingerprint(current())


def auditors() -> tuple[Verifier, ...]:
    """Those whose cosignatures count, by the newest version."""
    return current().auditors


def signers(size: int) -> list[SigningKey]:
    """The keys that sign a checkpoint of ``size``: all that trust.json names for it, and no other.

    Raises KeyNotAtHand unless this process has each of them.
    """
    statement = current()
    named = statement.log_verifiers(size)
    keys = {key.verifier: key for key in config.log_keys()}
    missing = [verifier for verifier in named if verifier not in keys]
    if missing or not named:
        raise KeyNotAtHand(_advice(statement, named, missing))
    return [keys[verifier] for verifier in named]


def publish() -> None:
    """Insert the version that keys and registrations now call for, unless it is there. Raises KeyNotAtHand."""
    _insert(_wanted)


def publish_log_keys(change: Callable[[trust.Statement], Sequence[trust.LogKey]]) -> trust.Statement:
    """Insert a version with the log keys that ``change`` makes of the newest one; what it raises goes through.

    The version's signature is that of the first log key before it. Raises KeyNotAtHand.
    """
    publish()
    made = _insert(partial(_with_log_keys, change))
    assert made is not None
    return made


def require_signer() -> None:
    """Raise KeyNotAtHand unless this process could sign the next version."""
    _signer(_stored())


def short(verifier: Verifier) -> str:
    """A log key as verifiers print it: name and key id."""
    return f"{verifier.name}+{verifier.key_id.hex()}"


def _advice(statement: trust.Statement, named: Sequence[Verifier], missing: Sequence[Verifier]) -> str:
    """What to do where a checkpoint cannot be signed as it must be."""
    if len(named) > 1 and named[0] in missing:
        return (
            f"The change of the log key is not finished: every seal needs the old key as well, {short(named[0])}."
            " Put that into LOG_KEY and the new one into NEXT_LOG_KEY, then run: manage.py log_key finish"
        )
    if len(named) > 1:
        return (
            f"A change of the log key is under way: every seal needs the new key as well, {short(missing[0])}."
            " Put it into NEXT_LOG_KEY of every process. If it is lost, run: manage.py log_key abandon"
        )
    wanted = short((named or [statement.log_keys[0].verifier])[0])
    if config.log_key().verifier in [key.verifier for key in statement.log_keys]:
        return f"The key in LOG_KEY is not good any more: trust.json names {wanted} now. Put that one into LOG_KEY."
    return (
        "LOG_KEY is not the key that trust.json names, so nobody would believe its seals. Put the right key back:"
        f" {wanted}."
    )


def _insert(wanted: Callable[[list[TrustVersion]], trust.Statement | None]) -> trust.Statement | None:
    """Sign and insert what is ``wanted`` on top of the stored versions; None if nothing is.

    Two at once: the primary key lets one of them insert a version; the other looks again at what is there now.
    """
    while (statement := wanted(versions := _stored())) is not None:
        row = _row(statement, versions)
        with suppress(IntegrityError), transaction.atomic():
            row.save(force_insert=True)
            return statement
    return None


def _row(statement: trust.Statement, versions: list[TrustVersion]) -> TrustVersion:
    """The signed version, not saved yet."""
    signed = trust.sign_statement(statement, _signer(versions))
    before = list(parse_versions(versions).versions) if versions else []
    content = loads(trust.encode_trust([*before, signed]), limit=trust.MAX_BYTES)["versions"][-1]
    return TrustVersion(version=statement.version, content=dumps(content), at=timezone.now())


def _signer(versions: list[TrustVersion]) -> SigningKey:
    """The key that signs the version after these: the first log key of the newest."""
    if not versions:
        return config.log_key()
    verifier = parse_versions(versions).newest.log_keys[0].verifier
    for key in config.log_keys():
        if key.verifier == verifier:
            return key
    raise KeyNotAtHand(
        f"The next version of trust.json needs the signature of {short(verifier)}, which is neither in LOG_KEY nor in"
        " NEXT_LOG_KEY. Put it back."
    )


def _with_log_keys(
    change: Callable[[trust.Statement], Sequence[trust.LogKey]], versions: list[TrustVersion]
) -> trust.Statement:
    before = parse_versions(versions).newest
    return trust.next_statement(before, log_keys=change(before))


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


def _stored() -> list[TrustVersion]:
    return list(TrustVersion.objects.order_by("version"))


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
