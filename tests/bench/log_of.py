"""Entries by the thousand, put into the tables as ``record()`` would have left them, and a true log made of them."""

import random
import uuid
from collections.abc import Iterator

from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from anchoring import vault
from anchoring.log import person
from anchoring.models import Entry, Head
from anchoring.openings import opening_context
from anchoring.protocol.disclosure import digest, disclose
from anchoring.protocol.entry import encode_entry
from anchoring.protocol.entry import subject as subject_hash
from anchoring.protocol.merkle import check_inclusion, leaf_hash, prove_inclusion
from anchoring.protocol.tiles import TileReader
from anchoring.seal import sequencer
from anchoring.store import read_tiles

Row = tuple[int, uuid.UUID, str, str, str, object, bytes]
COLUMNS = "seq, id, kind, subject_type, subject_id, at, data"
TYPES = ["int8", "uuid", "varchar", "varchar", "varchar", "timestamptz", "bytea"]
OWNERS = [person(uuid.uuid4()) for _ in range(100)]
CHUNK = 100_000
SPOT_CHECKS = 20


def entries(count: int, *, each: int = 1) -> list[Row]:
    """Fresh rows of the entry table, of some 480 bytes of data each, ``each`` of them about one subject."""
    return list(_entries(count, each))


def _entries(count: int, each: int) -> Iterator[Row]:
    subjects = [str(uuid.uuid4()) for _ in range(-(-count // each))]
    at = timezone.now()
    first = _newest() + 1
    for seq in range(first, first + count):
        entry_id, subject = uuid.uuid4(), subjects[seq % len(subjects)]
        data = encode_entry(
            id=str(entry_id), kind="bench.saved", subject=subject_hash("bench", subject), at=at,
            fields={name: digest(text) for name, text in _disclosures(entry_id).items()},
        )  # fmt: skip
        yield seq, entry_id, "bench.saved", "bench", subject, at, data


def _disclosures(entry_id: uuid.UUID) -> dict[str, str]:
    """The same whenever asked, so that nobody has to keep them: entries and openings are made apart."""
    return {f"field.{n}": disclose(f"field.{n}", f"{entry_id} {n}", salt=entry_id.bytes) for n in range(4)}


def _newest() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM anchoring_entry")
        return int(cursor.fetchone()[0])


def copy_into(table: str, rows: list[Row]) -> None:
    """By binary COPY, the quickest way there is."""
    _copy(f"{table} ({COLUMNS})", TYPES, rows)


def record_all(rows: list[Row]) -> None:
    """The rows as recorded entries that wait for their place, each with an opening."""
    copy_into("anchoring_entry", rows)
    _copy("anchoring_opening (entry_id, owner, sealed)", ["int8", "varchar", "bytea"], _openings(rows))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO anchoring_pending SELECT seq FROM anchoring_entry WHERE seq >= %s", [rows[0][0]])
        cursor.execute("SELECT setval(pg_get_serial_sequence('anchoring_entry', 'seq'), %s)", [rows[-1][0]])
        cursor.execute("ANALYZE anchoring_entry, anchoring_pending")


def _openings(rows: list[Row]) -> Iterator[tuple[int, str, bytes]]:
    for seq, entry_id, *_ in rows:
        owner = OWNERS[seq % len(OWNERS)]
        text = "~".join(_disclosures(entry_id).values()).encode()
        yield seq, owner, vault.seal(owner, text, context=opening_context(entry_id, owner))


def _copy(target: str, types: list[str], rows: list[Row] | Iterator[tuple[int, str, bytes]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {target} FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def grow_to(size: int) -> int:
    """Record and sequence entries until the log has ``size``, unless it is larger; the size it has then.

    Some of its entries are proved, for it is a true log.
    """
    sequencer.sequence()
    missing = size - Head.objects.get().size
    with tqdm(total=missing, desc=f"a log of {size:,}", leave=False, disable=None) as bar:
        for count in (min(CHUNK, missing - done) for done in range(0, missing, CHUNK)):
            record_all(entries(count))
            sequencer.sequence()
            bar.update(count)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    return _prove_some()


def _prove_some() -> int:
    """The head's size. Raises ProofInvalid unless the bytes of some entries lead up to its root."""
    head = Head.objects.get()
    for index in random.sample(range(head.size), SPOT_CHECKS):
        path = prove_inclusion(index=index, size=head.size, read=TileReader(read_tiles))
        leaf = leaf_hash(bytes(Entry.objects.get(leaf__index=index).data))
        check_inclusion(index=index, size=head.size, leaf=leaf, proof=path, root=bytes(head.root))
    return head.size
