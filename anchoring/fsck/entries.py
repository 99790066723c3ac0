"""Entries against their columns, their openings, their leaves and the list of what waits."""

import json
from base64 import urlsafe_b64decode
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import F

from anchoring import store, vault
from anchoring.fsck.finding import Finding, Findings, Progress, Tally
from anchoring.fsck.rows import RecordedRows
from anchoring.fsck.since import recorded as recorded_at
from anchoring.fsck.since import sealed as sealed_at
from anchoring.models import Entry, Opening
from anchoring.openings import opening_context
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.disclosure import Value, digest
from anchoring.protocol.entry import Entry as EntryText
from anchoring.protocol.entry import is_subject_type, parse_entry
from anchoring.protocol.entry import subject as subject_hash
from anchoring.protocol.merkle import leaf_hash
from anchoring.protocol.tiles import TileReader

BATCH = 1_000
Opened = tuple[str, bytes | vault.VaultError]  # owner, and the disclosures joined by "~" or why there are none


def check_entries(recorded: RecordedRows, tally: Tally, progress: Progress) -> Findings:
    """Every entry in order of ``seq``; what the openings say of business rows goes into ``recorded``."""
    for batch in _batches():
        openings = _openings(batch, tally)
        for entry in batch:
            yield from _check(entry, openings[entry.seq], recorded, tally)
        tally.entries += len(batch)
        progress(len(batch))


def _batches() -> Iterator[list[Any]]:
    last = 0
    entries = Entry.objects.annotate(
        leaf_index=F("leaf__index"), leaf_hash=F("leaf__hash"), waits=F("pending__entry")
    ).order_by("seq").values_list(named=True)  # fmt: skip
    while batch := list(entries.filter(seq__gt=last)[:BATCH]):
        yield batch
        last = batch[-1].seq


def _openings(batch: Sequence[Any], tally: Tally) -> dict[int, list[Opened]]:
    """The batch's openings by ``seq``, decrypted: two queries, one of them to the vault."""
    ids = {entry.seq: entry.id for entry in batch}
    rows = list(
        Opening.objects.filter(entry__gte=batch[0].seq, entry__lte=batch[-1].seq)
        .order_by("entry_id", "owner").values_list("entry_id", "owner", "sealed")
    )  # fmt: skip
    rows = [row for row in rows if row[0] in ids]
    plain = vault.unseal_each([(o, bytes(sealed), opening_context(ids[seq], o)) for seq, o, sealed in rows])
    found: dict[int, list[Opened]] = defaultdict(list)
    for (seq, owner, _), text in zip(rows, plain, strict=True):
        found[seq].append((owner, text))
    tally.openings += len(rows)
    return found


def _check(entry: Any, openings: list[Opened], recorded: RecordedRows, tally: Tally) -> Findings:
    where = f"entry {entry.id}"
    data = bytes(entry.data)
    tally.waiting += entry.waits is not None
    if entry.leaf_index is not None:
        if entry.waits is not None:
            yield Finding(where, f"waits for a place, but stands at index {entry.leaf_index} already")
        if bytes(entry.leaf_hash) != leaf_hash(data) and not _is_in_tile(entry, data):
            what = f"is not what was sealed: leaf {entry.leaf_index} is of other bytes"
            yield Finding(f"{where}, column data", what, sealed_at(entry.leaf_index))
            _take_on_trust(entry, openings, recorded)
            return
        if bytes(entry.leaf_hash) != leaf_hash(data):
            what = f"is not that of entry {entry.id}"
            yield Finding(f"leaf {entry.leaf_index}, column hash", what, sealed_at(entry.leaf_index))
    elif entry.waits is None:
        what = "has no place in the log and waits for none: it would never be sealed"
        yield Finding(where, what, recorded_at(entry.seq))
    try:
        text = parse_entry(data)
    except Malformed as error:
        yield Finding(f"{where}, column data", f"is not an entry: {error}")
        return
    yield from _check_columns(entry, text)
    yield from _check_openings(entry, text, openings, recorded, tally)


def _is_in_tile(entry: Any, data: bytes) -> bool:
    """Whether the tile, the third witness, holds the hash of these bytes where bytes and leaf disagree."""
    try:
        return TileReader(store.read_tiles)([(0, entry.leaf_index)]) == [leaf_hash(data)]
    except Malformed:
        return False


def _take_on_trust(entry: Any, openings: list[Opened], recorded: RecordedRows) -> None:
    """The digests are lost with the bytes; the openings still say what was recorded of business rows."""
    for _, plain in openings:
        for disclosure in [] if isinstance(plain, vault.VaultError) else plain.decode().split("~"):
            name, value, _ = _disclosed(disclosure)
            recorded.add(name, value, seq=entry.seq)


def _check_columns(entry: Any, text: EntryText) -> Findings:
    known_type = is_subject_type(entry.subject_type)
    subject = subject_hash(entry.subject_type, entry.subject_id) if known_type else b""
    columns = {
        "id": str(entry.id) == text.id,
        "kind": entry.kind == text.kind,
        "at": entry.at == text.at,
        "subject_type or subject_id": subject == text.subject,
    }
    for column, agrees in columns.items():
        if not agrees:
            what = "is not what the entry's bytes say"
            yield Finding(f"entry {entry.id}, column {column}", what, recorded_at(entry.seq))


def _check_openings(
    entry: Any, text: EntryText, openings: list[Opened], recorded: RecordedRows, tally: Tally
) -> Findings:
    missing = dict(text.fields)
    lost = False
    for owner, plain in openings:
        where = f"opening of entry {entry.id} for {owner}"
        if isinstance(plain, vault.VaultError):
            lost = True
            if not isinstance(plain, vault.KeyDestroyed):
                yield Finding(where, str(plain), recorded_at(entry.seq))
            continue
        for disclosure in plain.decode().split("~"):
            name, value, told = _disclosed(disclosure)
            if missing.pop(name, None) == told:
                recorded.add(name, value, seq=entry.seq)
            else:
                yield Finding(where, f"discloses {name}, which is not what the entry holds", recorded_at(entry.seq))
    if missing and not lost:
        what = f"no opening discloses its {', '.join(sorted(missing))}"
        yield Finding(f"entry {entry.id}", what, recorded_at(entry.seq))
    tally.not_comparable += len(missing)
    for name in missing:
        recorded.add_unknown(name, seq=entry.seq)


def _disclosed(disclosure: str) -> tuple[str, Value, bytes]:
    """Field name, value and digest. Read quickly: what has the digest that the entry holds is what we wrote."""
    try:
        _, name, value = json.loads(urlsafe_b64decode(disclosure + "==").decode())
    except (ValueError, TypeError):
        return "something malformed", None, b""
    return str(name), value, digest(disclosure)
