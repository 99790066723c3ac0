"""How the anchors stand, read off the rows: a word for programs, a sentence for everybody, and what anchors cost.

No chain is asked. The sentences here are fit for the public; what an operator is to do stands in ``Tick.problem`` and
in what ``anchor_doctor`` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from django.conf import settings
from django.db.models import Prefetch, QuerySet

from anchoring import covered, states
from anchoring.amounts import in_gwei
from anchoring.models import (
    Anchor,
    Attempt,
    Checkpoint,
    Confirmation,
    Head,
    Leaf,
    Pending,
    Registration,
    Sender,
    Sighting,
    Tick,
)
from anchoring.stages import explorer_url

Word = Literal["unregistered", "stopped", "halted", "silent", "sent", "mined", "due", "well"]
WORDS: tuple[Word, ...] = get_args(Word)

KEPT = "Nothing is lost: what is recorded is kept and sealed meanwhile, and the next anchor covers all of it."
SENTENCES: Mapping[Word, str] = {
    "unregistered": "The log is not registered on a chain yet: records are sealed and wait for their first anchor.",
    "stopped": f"Anchoring has not run for a while, and we have to see why. {KEPT}",
    "halted": f"Anchoring has stopped, and one of us has to look at it. {KEPT}",
    "silent": f"The chain does not answer us at the moment, so anchors wait. {KEPT}",
    "sent": "An anchor is on its way. It counts once it stands in a block that the chain calls final.",
    "mined": "An anchor stands on the chain already. It counts once the chain calls its block final.",
    "due": "The next anchor is due now.",
    "well": "The newest anchor stands on the chain, and the next one is not due yet.",
}

COUNTED = 10_000
"""Records that wait are counted up to here, so that the count stays cheap."""


@dataclass(frozen=True)
class UnderWay:
    """An anchor without a final block. ``offer`` is wei a unit of gas; ``block`` the one it was last seen in."""

    size: int
    old_size: int
    since: datetime
    attempts: int
    offer: int
    transaction: str
    explorer_url: str
    block: int | None
    moves: list[str]


@dataclass(frozen=True)
class Funds:
    """What lies on the anchoring key, as of the last look at it; amounts in gwei (10^9 wei) of the chain's coin."""

    balance_gwei: int
    anchor_gwei: int
    at: datetime

    @property
    def anchors_left(self) -> int:
        """How many anchors it pays for, at what one may have cost at the last look."""
        return self.balance_gwei // max(self.anchor_gwei, 1)


@dataclass(frozen=True)
class Standing:
    """One look at the anchors of the current registration."""

    word: Word
    due: datetime | None
    under_way: UnderWay | None
    funds: Funds | None

    @property
    def sentence(self) -> str:
        """The state, for everybody."""
        return SENTENCES[self.word]

    @property
    def is_trouble(self) -> bool:
        """Whether somebody has to do something, or the chain has to come back."""
        return self.word in ("unregistered", "stopped", "halted", "silent")


def standing(
    registration: Registration | None, head: Head | None, *, anchored: int, ticks: Mapping[str, Tick], now: datetime
) -> Standing:
    """The anchors on that registration, of which the chain holds the size ``anchored``."""
    if registration is None:
        return Standing("unregistered", None, None, None)
    waiting = under_way(registration)
    due = None if waiting else states.due_at(head, anchored=anchored)
    return Standing(_word(ticks.get("anchor"), waiting, due, now), due, waiting, _funds(registration))


def has_stopped(tick: Tick, now: datetime) -> bool:
    """Whether the step should have run again long ago."""
    every = settings.SEQUENCE_EVERY_SECONDS if tick.step == "sequence" else settings.CHAIN_TICK_SECONDS
    return now - tick.ran_at > timedelta(seconds=10 * every + 60)


def _word(tick: Tick | None, waiting: UnderWay | None, due: datetime | None, now: datetime) -> Word:
    if tick is not None and has_stopped(tick, now):
        return "stopped"
    if tick is not None and tick.problem:
        return "silent" if tick.seen.get("trouble") == "silent" else "halted"
    if waiting is not None:
        return "sent" if waiting.block is None else "mined"
    return "due" if due is not None and due <= now else "well"


def _funds(registration: Registration) -> Funds | None:
    """The row of the key that signed last."""
    looked = Sender.objects.filter(genesis=registration.genesis, looked_at__isnull=False)
    row = looked.order_by("-looked_at", "-pk").first()
    if row is None or row.balance_gwei is None or row.anchor_gwei is None or row.looked_at is None:
        return None
    return Funds(row.balance_gwei, row.anchor_gwei, row.looked_at)


# --- Records that wait -----------------------------------------------------------------------------------------------


def records_waiting() -> int:
    """How many records, the log's own entries left out, have no place in the log yet; at most ``COUNTED``."""
    return Pending.objects.exclude(entry__kind__startswith="log.")[:COUNTED].count()


def records_from(index: int) -> tuple[int, datetime | None]:
    """How many records stand in the log from that index on (at most ``COUNTED``), and when the first was recorded."""
    found = Leaf.objects.filter(index__gte=index).exclude(entry__kind__startswith="log.").order_by("index")
    first = found.values_list("entry__at", flat=True).first()
    return (0, None) if first is None else (found[:COUNTED].count(), first)


# --- Anchors, one by one ---------------------------------------------------------------------------------------------


def under_way(registration: Registration) -> UnderWay | None:
    """The oldest anchor that has no final block."""
    found = covered.under_way(registration)[:1]
    if not found:
        return None
    anchor = histories().get(pk=found[0].pk)
    attempts = list(anchor.attempts.all())
    if not attempts:
        return None
    blocks = [sighting for attempt in attempts for sighting in attempt.sightings.all()]
    newest = max(blocks, key=lambda sighting: sighting.pk, default=None)
    transaction = "0x" + bytes((newest.attempt if newest else attempts[-1]).transaction).hex()
    return UnderWay(
        size=anchor.checkpoint_id, old_size=anchor.old_size, since=anchor.at, attempts=len(attempts),
        offer=max(attempt.cap for attempt in attempts), transaction=transaction,
        explorer_url=explorer_url(registration.chain_id, transaction), block=newest.block_number if newest else None,
        moves=moves(anchor, counts=None),
    )  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What an anchor cost, in wei: a unit of gas, all of it, and its share for each entry that it added."""

    fee: int
    whole: int
    per_entry: int


def cost(confirmation: Confirmation) -> Cost | None:
    """None where the node did not say."""
    if confirmation.gas_used is None or confirmation.gas_price is None:
        return None
    whole = confirmation.gas_used * confirmation.gas_price
    added = confirmation.anchor.checkpoint_id - confirmation.anchor.old_size
    return Cost(confirmation.gas_price, whole, whole // max(added, 1))


def newest_anchors(registration: Registration, count: int) -> list[tuple[Confirmation, Cost | None, list[str]]]:
    """The newest confirmations that count, newest first, each with its cost and what happened to its block."""
    live = Confirmation.objects.filter(retraction=None, anchor__registration=registration)
    rows = (
        live.select_related("attempt").prefetch_related(Prefetch("anchor", queryset=histories()))
        .order_by("-anchor__checkpoint")[:count]
    )  # fmt: skip
    return [(row, cost(row), moves(row.anchor, counts=row)) for row in rows]


@dataclass(frozen=True)
class Measured:
    """One anchor that counts, in figures: how long after its seal the chain called it final, and what it cost.

    ``per_entry`` is in wei for each entry that it added; None where the node did not say.
    """

    size: int
    added: int
    sealed_at: datetime
    lag_minutes: int
    per_entry: int | None

    @property
    def gwei_an_entry(self) -> str:
        """The cost as people read it; "" where it is not known."""
        return "" if self.per_entry is None else in_gwei(self.per_entry)


def measured(registration: Registration | None, count: int) -> list[Measured]:
    """The newest ``count`` anchors that count, oldest first. One query."""
    live = Confirmation.objects.filter(retraction=None, anchor__registration=registration)
    rows = live.select_related("anchor__checkpoint").order_by("-anchor__checkpoint")[:count]
    return [_measured(row) for row in reversed(rows)]


def lag_minutes(checkpoint: Checkpoint, row: Confirmation) -> int:
    """Whole minutes from the seal until we saw the block called final."""
    return max(row.at - checkpoint.at, timedelta(0)) // timedelta(minutes=1)


def _measured(row: Confirmation) -> Measured:
    paid, anchor = cost(row), row.anchor
    return Measured(
        size=anchor.checkpoint_id, added=anchor.checkpoint_id - anchor.old_size, sealed_at=anchor.checkpoint.at,
        lag_minutes=lag_minutes(anchor.checkpoint, row), per_entry=paid.per_entry if paid else None,
    )  # fmt: skip


def histories() -> QuerySet[Anchor]:
    """Anchors with every block that was ever seen to hold them."""
    confirmations = Confirmation.objects.select_related("retraction").order_by("nth")
    attempts = Attempt.objects.order_by("pk")
    sightings = Sighting.objects.order_by("pk")
    return Anchor.objects.prefetch_related(
        Prefetch("confirmations", queryset=confirmations),
        Prefetch("attempts", queryset=attempts),
        Prefetch("attempts__sightings", queryset=sightings),
    )


def moves(anchor: Anchor, *, counts: Confirmation | None) -> list[str]:
    """What the chain gave up of it, in sentences; ``counts`` is the confirmation that holds now, if one does."""
    retracted = [row for row in anchor.confirmations.all() if hasattr(row, "retraction")]
    called_final = {bytes(row.block_hash) for row in retracted}
    seen = [sighting for attempt in anchor.attempts.all() for sighting in attempt.sightings.all()]
    again = f"anchored again in block {counts.block_number:,}" if counts else "it is sent again"
    said = [f"The chain gave block {row.block_number:,} up, which it had called final; {again}." for row in retracted]
    holds = bytes(counts.block_hash) if counts else bytes(seen[-1].block_hash) if seen else b""
    left = [row for row in seen if bytes(row.block_hash) not in called_final | {holds}]
    return said + [f"The chain gave up an earlier block {row.block_number:,} that held it." for row in left]
