"""State leaves: the log's own entry that closes what an anchor covers, and when one is due.

The rule: an anchor every ``ANCHOR_EVERY_SECONDS`` or ``ANCHOR_EVERY_RECORDS``, whichever comes first, while there is
news; one a day without any. The log's housekeeping (``log.*``) is no news. The sequencer puts the state leaf last; the
checkpoint right after it is the one that is anchored. The leaf names the map of all leaves before it (``mapping.py``).
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings

from anchoring import mapping
from anchoring.models import Anchor, Entry, Head, Leaf, Pending, Registration, State, Tick
from anchoring.protocol.scalars import from_0x
from anchoring.protocol.state import KIND, Block
from anchoring.record.record import record_housekeeping
from anchoring.stages import confirmations, current_registration, live_confirmation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

QUIET = timedelta(days=1)
"""After so long without news the unchanged log is anchored all the same: it still stands, and is still ours."""

MAPS_KEPT = 2
"""Of how many anchored states: one more than the newest, for a confirmation may have to be taken back."""


def is_due(head: Head, now: datetime) -> bool:
    """Whether the log, with this head, should be closed by a state leaf now. Two queries while nothing is new."""
    last = State.objects.order_by("-size").first()
    if last is None:
        return head.size > 0 and Registration.objects.exists()
    if now - last.at >= QUIET:
        return not _anchor_under_way()
    if head.size <= last.size:
        return False
    soon = now - last.at >= timedelta(seconds=settings.ANCHOR_EVERY_SECONDS)
    much = head.size - last.size >= settings.ANCHOR_EVERY_RECORDS
    return (soon or much) and has_news(last, head) and not _anchor_under_way()


def due_at(head: Head | None, *, anchored: int) -> datetime | None:
    """By when the next anchor is due at the latest, if the chain holds that size; None while nothing is recorded.

    What lies in the past is due now. While an anchor is under way the next one waits for that.
    """
    last = State.objects.order_by("-size").first()
    if head is None or head.size == 0:
        return None
    if last is None:
        return EPOCH
    if last.size > anchored:
        return last.at
    if not has_news(last, head) and not Pending.objects.exclude(entry__kind__startswith="log.").exists():
        return last.at + QUIET
    if head.size - last.size >= settings.ANCHOR_EVERY_RECORDS:
        return last.at
    return last.at + timedelta(seconds=settings.ANCHOR_EVERY_SECONDS)


def has_news(last: State, head: Head) -> bool:
    """Whether anything but the log's own housekeeping came after the last state leaf."""
    return (
        Leaf.objects.filter(index__gte=last.size, index__lt=head.size)
        .exclude(entry__kind__startswith="log.").exists()
    )  # fmt: skip


def record_state(head: Head, at: datetime) -> Entry:
    """The ``log.state`` entry over all leaves of ``head`` (protocol.md §10), with their map brought up to date.

    In the sequencer's transaction, under the head's lock. Raises Malformed if the kept map is damaged.
    """
    mapped = mapping.advance(mapping.covered(), head.size)
    return record_housekeeping(kind=KIND, at=at, data=mapping.state_data(mapped, _last_final_block()))


def forget_old_maps() -> None:
    """Give up the maps that no proof starts from: of the anchored states the last ``MAPS_KEPT`` keep theirs."""
    anchored = confirmations().filter(anchor__registration=current_registration()).order_by("-anchor__checkpoint")
    sizes = list(anchored.values_list("anchor__checkpoint", flat=True)[:MAPS_KEPT])
    if len(sizes) == MAPS_KEPT and mapping.is_kept(sizes[-1] - 1):
        mapping.forget(sizes[-1] - 1)


def _last_final_block() -> Block | None:
    """The last final block that the anchoring step saw; None before the first."""
    tick = Tick.objects.filter(step="anchor").order_by("pk").first()
    final = tick.seen.get("final") if tick else None
    if not final:
        return None
    return Block(int(final["chain_id"]), int(final["block_number"]), from_0x(final["block_hash"], size=32))


def _anchor_under_way() -> bool:
    """Whether the current registration's newest anchor still waits: a state leaf now could not be anchored."""
    newest = (
        Anchor.objects.filter(registration=current_registration())
        .annotate(live=live_confirmation("pk")).order_by("-checkpoint").first()
    )  # fmt: skip
    return newest is not None and newest.live is None
