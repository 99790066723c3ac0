"""How far a record has come, read off the rows that exist: Recorded, Sealed, Anchored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from anchoring import config, networks
from anchoring.models import Checkpoint, Confirmation, Entry, Registration

WORTH = {
    "local": "It lives on this computer alone: good for trying everything out, worth nothing as evidence.",
    "test": "Anybody can read them there, but it is a test network: its blocks are worth little, and it may end.",
    "main": "Anybody can read them there, and nobody can rewrite them, not even we.",
    "ended": "It was a test network and has ended: nobody may be left to read them from.",
    "unknown": "Whoever runs a node of it can read them there.",
}


@dataclass(frozen=True)
class Stage:
    """One record's place on the ladder; what is not reached yet is None."""

    recorded_at: datetime
    sealed_at: datetime | None
    index: int | None
    anchored_at: datetime | None
    block_number: int | None
    transaction: str | None
    chain_id: int | None
    late: bool

    @property
    def word(self) -> str:
        """The stage's name as people read it."""
        if self.anchored_at is not None:
            return "Anchored"
        return "Recorded" if self.index is None else "Sealed"

    @property
    def settled(self) -> bool:
        """Whether nothing further will happen by itself."""
        return self.anchored_at is not None

    @property
    def chain_name(self) -> str | None:
        """The anchor's chain in a sentence."""
        return None if self.chain_id is None else chain_name(self.chain_id)

    @property
    def is_local(self) -> bool:
        """Whether the anchor's chain is a local development chain, where it is no evidence."""
        return self.chain_id is not None and networks.shipped().kind(self.chain_id) == "local"

    @property
    def explorer_url(self) -> str:
        """Where the anchor's transaction can be looked at, or ""."""
        return "" if self.chain_id is None else explorer_url(self.chain_id, self.transaction)


def chain_name(chain_id: int) -> str:
    """The chain's name in a sentence."""
    return networks.shipped().title(chain_id)


def chain_worth(chain_id: int) -> str:
    """What an anchor on the chain is worth, in a sentence; never more than is known of the chain."""
    table = networks.shipped()
    return WORTH[table.kind(chain_id) or ("ended" if table.has_ended(chain_id) else "unknown")]


def chain_end(chain_id: int, now: datetime) -> str:
    """What is announced of the chain's end, in sentences; "" when nothing is known."""
    network = networks.by_chain_id(chain_id)
    return network.end_sentence(now.date()) if network else ""


def currency(chain_id: int) -> str:
    """What is paid with on the chain, by its symbol."""
    network = networks.by_chain_id(chain_id)
    return network.currency if network else "coins"


def explorer_url(chain_id: int, transaction: str | None) -> str:
    """The transaction (0x…) on the default explorer of its own chain, or "".

    CHAIN_EXPLORER_URL takes the place of that explorer for the chain of CHAIN, and for no other.
    """
    network = _explored(chain_id)
    return network.transaction_url(transaction) if network and transaction else ""


def block_url(chain_id: int, number: int) -> str:
    """The block on the same explorer, or ""."""
    network = _explored(chain_id)
    return network.block_url(number) if network else ""


def _explored(chain_id: int) -> networks.Network | None:
    configured = config.network()
    return configured if configured.has_chain_id(chain_id) else networks.by_chain_id(chain_id)


def current_registration() -> Registration | None:
    """The registration whose anchors count: the newest, but one that follows another only once it holds an anchor."""
    return _counting_registrations().first()


def _counting_registrations() -> QuerySet[Registration]:
    anchored = confirmations().filter(anchor__registration=OuterRef("pk"))
    return Registration.objects.filter(Q(follows=None) | Exists(anchored)).order_by("-pk")


def confirmations() -> QuerySet[Confirmation]:
    """The confirmations that count: those without a retraction."""
    return Confirmation.objects.filter(retraction=None)


def live_confirmation(anchor: str) -> Subquery:
    """The key of the confirmation that counts for the anchor in the outer query's column ``anchor``; null without."""
    return Subquery(confirmations().filter(anchor=OuterRef(anchor)).order_by("-nth").values("pk")[:1])


def with_stage(entries: QuerySet[Entry]) -> QuerySet[Any]:
    """The entries with ``leaf_index``, ``sealed_at`` and the first confirmation of the current registration above it.

    One query, three correlated look-ups by index for each entry.
    """
    sealing = Checkpoint.objects.filter(size__gt=OuterRef("leaf__index")).order_by("size")
    anchoring = (
        confirmations()
        .filter(
            anchor__registration=Subquery(_counting_registrations().values("pk")[:1]),
            anchor__checkpoint__gt=OuterRef("leaf__index"),
        )
        .order_by("anchor__checkpoint")
    )
    return entries.annotate(
        leaf_index=F("leaf__index"),
        sealed_at=Subquery(sealing.values("at")[:1]),
        confirmation_id=Subquery(anchoring.values("pk")[:1]),
    )


def stages(entries: list[Any], *, now: datetime) -> dict[int, Stage]:
    """Entries as ``with_stage`` gives them → their stages by ``seq``; one more query for all confirmations."""
    ids = {entry.confirmation_id for entry in entries} - {None}
    confirmations = Confirmation.objects.select_related("attempt", "anchor__registration").in_bulk(ids)
    return {entry.seq: _stage(entry, confirmations.get(entry.confirmation_id), now) for entry in entries}


def seal_by(at: datetime) -> datetime:
    """The time by which a receipt for an entry of ``at`` promises its seal."""
    return at + timedelta(seconds=settings.SEAL_WITHIN_SECONDS)


def _stage(entry: Any, confirmation: Confirmation | None, now: datetime) -> Stage:
    sealed = entry.sealed_at is not None
    late = not sealed and now > seal_by(entry.at)
    index = entry.leaf_index if sealed else None
    if confirmation is None:
        return Stage(entry.at, entry.sealed_at, index, None, None, None, None, late)
    return Stage(
        recorded_at=entry.at,
        sealed_at=entry.sealed_at,
        index=index,
        anchored_at=confirmation.block_at,
        block_number=confirmation.block_number,
        transaction="0x" + bytes(confirmation.attempt.transaction).hex(),
        chain_id=confirmation.anchor.registration.chain_id,
        late=late,
    )
