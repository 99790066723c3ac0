"""The log key's life after its first day: another one follows it, with an overlap or, when it was stolen, at once.

Each change is one version of trust.json and one ``log.key`` entry in the log, in one commit under the head's lock: no
checkpoint is signed between the look at the newest one and the new ranges. The first log key of a version signs the
version after it. So the old key stays first, and needed, until the change is finished; until then it can be abandoned.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from anchoring import config, restore, trust
from anchoring.models import Checkpoint, Head
from anchoring.protocol.merkle import EMPTY_ROOT
from anchoring.protocol.note import Verifier
from anchoring.protocol.trust import LogKey, Statement, fingerprint
from anchoring.record.record import record_housekeeping

Change = Callable[[Statement, int], Sequence[LogKey]]
"""The newest version and the newest checkpoint's size → the log keys of the next version."""

MAKE_ONE = (
    "Make a key (manage.py log_key generate --out FILE), let NEXT_LOG_KEY_FILE name it in every process, and run this"
    " again."
)


class NotNow(Exception):  # noqa: N818 - a refusal, not an error of the program
    """The log key cannot be changed like that now; the text says why, and what to do."""


def rotate() -> Statement:
    """Let the key in NEXT_LOG_KEY sign beside the old one, from the next checkpoint on until ``finish``.

    Raises NotNow, and KeyNotAtHand if LOG_KEY is not the key that signs trust.json.
    """
    return _change("began", _begin)


def finish() -> Statement:
    """End the old key's range after the newest checkpoint; the new key alone signs from there. Raises as ``rotate``."""
    return _change("finished", _finish)


def abandon() -> Statement:
    """Take the new key back, because it was lost or is not trusted any more. Raises as ``rotate``."""
    return _change("abandoned", _abandon)


def revoke() -> Statement:
    """Put the key in NEXT_LOG_KEY in the old one's place after the newest checkpoint, without an overlap: the old one
    was stolen. Raises as ``rotate``."""
    return _change("revoked", _revoke)


def under_way(statement: Statement) -> tuple[LogKey, LogKey] | None:
    """The old and the new key while the change from one to the other is under way."""
    lasting = [key for key in statement.log_keys if key.end is None]
    return (lasting[0], lasting[1]) if len(lasting) > 1 else None


@transaction.atomic(durable=True)
def _change(word: str, change: Change) -> Statement:
    """The new version and the entry that tells of it, in one commit."""
    if reason := restore.gate():
        raise NotNow(reason)
    Head.objects.get_or_create(pk=1, defaults={"size": 0, "root": EMPTY_ROOT})
    Head.objects.select_for_update().get(pk=1)
    newest = Checkpoint.objects.order_by("-size").values_list("size", flat=True).first() or 0
    before = trust.current()
    made = trust.publish_log_keys(lambda statement: change(statement, newest))
    data = {"change": word, "from": newest + 1, **_told(before, made, newest + 1)}
    record_housekeeping(kind="log.key", at=timezone.now(), data=data)
    return made


def _told(before: Statement, made: Statement, size: int) -> dict[str, str | int]:
    """Which key joins and which one ends at ``size``, and the version that says so."""
    old, new = before.log_verifiers(size), made.log_verifiers(size)
    joined = [("joined", str(verifier)) for verifier in new if verifier not in old]
    ended = [("ended", str(verifier)) for verifier in old if verifier not in new]
    return {**dict(joined), **dict(ended), "trust_version": made.version, "trust_fingerprint": fingerprint(made)}


def _begin(statement: Statement, newest: int) -> Sequence[LogKey]:
    return [*_settled(statement, newest), LogKey(_newcomer(statement), start=newest + 1)]


def _revoke(statement: Statement, newest: int) -> Sequence[LogKey]:
    old, *others = _settled(statement, newest)
    return [LogKey(_newcomer(statement), start=newest + 1), replace(old, end=newest + 1), *others]


def _finish(statement: Statement, newest: int) -> Sequence[LogKey]:
    old, new = _both(statement)
    if new.verifier not in [key.verifier for key in config.log_keys()]:
        raise NotNow(
            f"The new key, {trust.short(new.verifier)}, is not at hand, and afterwards it alone could sign. Put it into"
            " NEXT_LOG_KEY; if it is lost, run: manage.py log_key abandon"
        )
    if newest < new.start:
        raise NotNow("Nothing carries both signatures yet. Run manage.py sequence, then this again.")
    return [new, replace(old, end=newest + 1), *_others(statement, old, new)]


def _abandon(statement: Statement, newest: int) -> Sequence[LogKey]:
    old, new = _both(statement)
    used = [replace(new, end=newest + 1)] if newest >= new.start else []
    return [old, *used, *_others(statement, old, new)]


def _settled(statement: Statement, newest: int) -> Sequence[LogKey]:
    """The log keys, the one that signs first, if no change is under way and that key has signed something."""
    if under_way(statement):
        raise NotNow(
            "A change of the log key is under way. If all is well, or the old key was stolen: manage.py log_key finish."
            " If the new key is lost or was stolen: manage.py log_key abandon"
        )
    if newest < statement.log_keys[0].start:
        raise NotNow("The present log key has signed nothing yet. Run manage.py sequence, then this again.")
    return statement.log_keys


def _both(statement: Statement) -> tuple[LogKey, LogKey]:
    keys = under_way(statement)
    if keys is None:
        raise NotNow("No change of the log key is under way. One begins with: manage.py log_key rotate")
    return keys


def _others(statement: Statement, *known: LogKey) -> list[LogKey]:
    return [key for key in statement.log_keys if key not in known]


def _newcomer(statement: Statement) -> Verifier:
    """The key in NEXT_LOG_KEY, if it was never a log key before."""
    new = config.next_log_key()
    if new is None:
        raise NotNow(MAKE_ONE)
    if new.verifier.key_id in [key.verifier.key_id for key in statement.log_keys]:
        raise NotNow(f"NEXT_LOG_KEY holds a key that trust.json names already: each serves once. {MAKE_ONE}")
    return new.verifier
