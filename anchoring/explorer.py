"""Pages about anchors one by one: all of them as a list, and each with what became of it; read off the rows alone."""

import re
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from anchoring import cosignatures, mapping, stages, standing
from anchoring.amounts import in_coin, in_gwei
from anchoring.models import Anchor, Attempt, Checkpoint, Confirmation, Cosignature, Sighting
from anchoring.protocol.state import State

PAGE = 25
"""How many anchors a page of the list has."""

_KEY = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Listed:
    """One anchor in a row: the confirmation that ``counts`` if one does, and what it cost, in words."""

    anchor: Anchor
    counts: Confirmation | None
    cost: str
    per_entry: str
    auditors: list[str]

    @property
    def added(self) -> int:
        """How many entries no earlier anchor covers."""
        return self.anchor.checkpoint_id - self.anchor.old_size

    @property
    def chain_name(self) -> str:
        """In a sentence."""
        return stages.chain_name(self.anchor.registration.chain_id)

    @property
    def currency(self) -> str:
        """The chain's coin."""
        return stages.currency(self.anchor.registration.chain_id)


@dataclass(frozen=True)
class Seen:
    """A block in which an attempt was seen; ``counts`` if it holds the anchor for good."""

    sighting: Sighting
    block_hash: str
    counts: bool
    retracted: bool
    block_url: str


@dataclass(frozen=True)
class Told:
    """One anchor with what became of it. ``previous`` and ``following`` are sizes of its neighbours on that chain."""

    row: Listed
    fee: str
    lag_minutes: int | None
    transaction: str
    transaction_url: str
    block_url: str
    attempts: int
    seen: list[Seen]
    moves: list[str]
    previous: int | None
    following: int | None


@require_safe
def anchors(request: HttpRequest) -> HttpResponse:
    """All anchors, newest first, a page at a time from ``?before=``; three queries, whatever the log's size."""
    before = request.GET.get("before", "")
    if before and not _KEY.fullmatch(before):
        raise Http404("The list has no such place.")
    rows = listed(int(before) if before else None)
    shown = rows[:PAGE]
    older = shown[-1].anchor.pk if len(rows) > PAGE else None
    return render(request, "anchoring/anchors.html", {"rows": shown, "older": older, "is_first": not before})


@require_safe
def anchor(request: HttpRequest, size: str) -> HttpResponse:
    """What one checkpoint's anchor covers, where it stands, what it took; 404 for a size that was never anchored."""
    found = told(int(size))
    if not found:
        raise Http404("No anchor has that size.")
    checkpoint = found[0].row.anchor.checkpoint
    context = {
        "checkpoint": checkpoint,
        "root": bytes(checkpoint.root).hex(),
        "anchors": found,
        "state": state_of(checkpoint),
        "cosigned": cosignatures.under(checkpoint),
    }
    return render(request, "anchoring/anchor.html", context)


def listed(before: int | None) -> list[Listed]:
    """The anchors older than the one with that key, or the newest; one more than a page has, if there are more."""
    rows = _anchors() if before is None else _anchors().filter(pk__lt=before)
    return [_listed(row) for row in rows.order_by("-pk")[: PAGE + 1]]


def told(size: int) -> list[Told]:
    """The anchors of the checkpoint of that size: one, or one for each chain on which the log was anchored then."""
    rows = standing.histories().filter(checkpoint=size).select_related("checkpoint", "registration")
    return [_told(row) for row in rows.order_by("-registration")]


def state_of(checkpoint: Checkpoint) -> State | None:
    """What the state leaf says that closes the checkpoint's tree; None for an older one, which has none."""
    found = mapping.state_below(checkpoint.size)
    return found[1] if found and found[0] == checkpoint.size - 1 else None


def _anchors() -> QuerySet[Anchor]:
    """With the confirmation that counts and the cosignatures: two queries beside its own."""
    return Anchor.objects.select_related("checkpoint", "registration").prefetch_related(
        Prefetch("confirmations", stages.confirmations().select_related("retraction").order_by("nth")),
        Prefetch("checkpoint__cosignatures", Cosignature.objects.order_by("auditor")),
    )


def _listed(row: Anchor) -> Listed:
    held = [confirmation for confirmation in row.confirmations.all() if not hasattr(confirmation, "retraction")]
    counts = held[-1] if held else None
    paid = standing.cost(counts) if counts else None
    return Listed(
        anchor=row, counts=counts, cost=in_coin(paid.whole) if paid else "",
        per_entry=in_gwei(paid.per_entry) if paid else "",
        auditors=[line.auditor_name for line in row.checkpoint.cosignatures.all()],
    )  # fmt: skip


def _told(row: Anchor) -> Told:
    shown, chain_id = _listed(row), row.registration.chain_id
    attempts = list(row.attempts.all())
    counts = shown.counts
    paid = standing.cost(counts) if counts else None
    newest = _attempt(counts, attempts)
    transaction = "0x" + bytes(newest.transaction).hex() if newest else ""
    siblings = Anchor.objects.filter(registration=row.registration)
    return Told(
        row=shown, fee=in_gwei(paid.fee) if paid else "",
        lag_minutes=standing.lag_minutes(row.checkpoint, counts) if counts else None,
        transaction=transaction[2:], transaction_url=stages.explorer_url(chain_id, transaction),
        block_url=stages.block_url(chain_id, counts.block_number) if counts else "", attempts=len(attempts),
        seen=_seen(row, counts), moves=standing.moves(row, counts=counts),
        previous=siblings.filter(checkpoint=row.old_size).values_list("checkpoint", flat=True).first(),
        following=siblings.filter(checkpoint__gt=row.checkpoint_id).order_by("checkpoint")
        .values_list("checkpoint", flat=True).first(),
    )  # fmt: skip


def _attempt(counts: Confirmation | None, attempts: list[Attempt]) -> Attempt | None:
    """The transaction to show: the one that holds, or the last that was sent."""
    if counts is None:
        return attempts[-1] if attempts else None
    return next(attempt for attempt in attempts if attempt.pk == counts.attempt_id)


def _seen(row: Anchor, counts: Confirmation | None) -> list[Seen]:
    """Every block that was seen to hold it, in that order."""
    gone = {bytes(held.block_hash) for held in row.confirmations.all() if hasattr(held, "retraction")}
    holds = bytes(counts.block_hash) if counts else b""
    found = [
        Seen(
            sighting, bytes(sighting.block_hash).hex(), bytes(sighting.block_hash) == holds,
            bytes(sighting.block_hash) in gone, stages.block_url(row.registration.chain_id, sighting.block_number),
        )
        for attempt in row.attempts.all() for sighting in attempt.sightings.all()
    ]  # fmt: skip
    return sorted(found, key=lambda seen: seen.sighting.pk)
