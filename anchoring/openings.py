"""Subjects and the encrypted openings of their entries."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from anchoring import vault
from anchoring.models import Entry, Opening


@dataclass(frozen=True)
class Subject:
    """What an entry is about: a type of ``[a-z]+`` and the record's random uuid (or the origin for type ``log``)."""

    type: str
    id: str


def open_disclosures(entries: Sequence[Entry], *, owners: Collection[str] | None) -> dict[int, list[str]]:
    """The disclosures of the entries (by ``seq``) that the named owners' keys open, and no others."""
    parts = Opening.objects.filter(entry__in=[entry.seq for entry in entries]).order_by("entry_id", "owner")
    if owners is not None:
        parts = parts.filter(owner__in=owners)
    ids = {entry.seq: entry.id for entry in entries}
    opened: dict[int, list[str]] = {entry.seq: [] for entry in entries}
    by_owner: dict[str, list[Opening]] = {}
    for part in parts:
        by_owner.setdefault(part.owner, []).append(part)
    for owner, theirs in by_owner.items():
        for part, text in zip(theirs, _unsealed(owner, theirs, ids), strict=False):
            opened[part.entry_id] += text.split("~")
    return opened


def opening_context(entry_id: uuid.UUID, owner: str) -> bytes:
    """What an opening's ciphertext is bound to: its entry and its owner."""
    return f"opening/v1\x00{entry_id}\x00{owner}".encode()


def _unsealed(owner: str, parts: Sequence[Opening], ids: Mapping[int, uuid.UUID]) -> list[str]:
    try:
        sealed = [(bytes(part.sealed), opening_context(ids[part.entry_id], owner)) for part in parts]
        return [plain.decode() for plain in vault.unseal_many(owner, sealed)]
    except vault.KeyDestroyed:
        return []
