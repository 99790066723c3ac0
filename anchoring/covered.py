"""What the rows say of a registration's anchors: those under way, and the newest one that counts.

Anchors stand on each other, so that the ones without a confirmation are the newest; a look reads a handful of rows,
however many anchors there were.
"""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Subquery

from anchoring import registry
from anchoring.models import Anchor, ReceiptProof, Registration
from anchoring.stages import confirmations

NEWEST = 8
"""How many anchors a look reads to find those that are under way; there is one, but for a chain that went back."""

PROOF_TRIES = 3
"""So often is it tried to make the receipt proof of an anchor; after that its locator is all there is."""


@dataclass(frozen=True)
class Covered:
    """The newest anchor that counts: what the chain is known to hold of this log. Size 0 before the first."""

    size: int = 0
    root: bytes = registry.EMPTY_ROOT
    confirmation: int | None = None
    block_number: int = 0
    block_hash: bytes = b""
    proof_is_settled: bool = True


def places(registration: Registration) -> list[tuple[int, bytes]]:
    """Size and root of what may stand on chain, newest first: anchors under way, the one that counts, the start."""
    under_way, covered = divide(newest_anchors(registration))
    waiting = [(anchor.checkpoint.size, bytes(anchor.checkpoint.root)) for anchor in reversed(under_way)]
    return [*waiting, (covered.size, covered.root)]


def under_way(registration: Registration) -> list[Anchor]:
    """The anchors that wait for a final block, oldest first; there is one at most, but for a chain that went back."""
    return divide(newest_anchors(registration))[0]


def newest_anchors(registration: Registration | Subquery, count: int = NEWEST) -> list[Anchor]:
    """The registration's newest anchors, newest first, each with the confirmation that counts. One query."""
    live = confirmations().filter(anchor=OuterRef("pk")).order_by("-nth")
    proofs = ReceiptProof.objects.filter(confirmation__anchor=OuterRef("pk"), confirmation__retraction=None)
    rows = (
        Anchor.objects.filter(registration=registration).select_related("registration", "checkpoint")
        .annotate(
            live=Subquery(live.values("pk")[:1]), live_number=Subquery(live.values("block_number")[:1]),
            live_hash=Subquery(live.values("block_hash")[:1]),
            proved=Exists(proofs.filter(data__isnull=False)),
            tries=Subquery(proofs.order_by().values("confirmation").annotate(n=Count("pk")).values("n")[:1]),
        ).order_by("-checkpoint")[:count]
    )  # fmt: skip
    found: list[Anchor] = list(rows)
    if len(found) == count and divide(found)[1].confirmation is None:
        return newest_anchors(registration, 2 * count)
    return found


def divide(newest: list[Anchor]) -> tuple[list[Anchor], Covered]:
    """Anchors, newest first → those under way, oldest first, and the newest one that counts."""
    under_way: list[Anchor] = []
    for anchor in newest:
        live = anchor.live  # type: ignore[attr-defined]  # annotated
        if live is not None:
            number, block_hash = anchor.live_number, bytes(anchor.live_hash)  # type: ignore[attr-defined]
            size, root = anchor.checkpoint.size, bytes(anchor.checkpoint.root)
            settled = anchor.proved or (anchor.tries or 0) >= PROOF_TRIES  # type: ignore[attr-defined]
            return under_way[::-1], Covered(size, root, live, number, block_hash, settled)
        under_way.append(anchor)
    return under_way[::-1], Covered()
