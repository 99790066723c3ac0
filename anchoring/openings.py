"""Subjects and the encrypted openings of their entries."""

import uuid
from collections.abc import Collection, Sequence
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
    sealed = [(part.owner, bytes(part.sealed), opening_context(ids[part.entry_id], part.owner)) for part in parts]
    for part, plain in zip(parts, vault.unseal_each(sealed), strict=True):
        if isinstance(plain, vault.WrongVaultKey):
            raise plain
        if isinstance(plain, bytes):  # else its key was destroyed, or fsck names it: either way it is withheld
            opened[part.entry_id] += plain.decode().split("~")
    return opened


def opening_context(entry_id: uuid.UUID, owner: str) -> bytes:
    """What an opening's ciphertext is bound to: its entry and its owner."""
    return f"opening/v1\x00{entry_id}\x00{owner}".encode()
