"""Entries by the thousand, put into the tables as ``record()`` would have left them."""

import os
import uuid
from collections.abc import Iterator

from django.db import connection
from django.utils import timezone

from anchoring.protocol.entry import encode_entry

Row = tuple[int, uuid.UUID, str, str, str, object, bytes]
COLUMNS = "seq, id, kind, subject_type, subject_id, at, data"
TYPES = ["int8", "uuid", "varchar", "varchar", "varchar", "timestamptz", "bytea"]


def entries(count: int, *, each: int = 1) -> list[Row]:
    """Fresh rows of the entry table, of some 480 bytes of data each, ``each`` of them about one subject."""
    return list(_entries(count, each))


def _entries(count: int, each: int) -> Iterator[Row]:
    subjects = [os.urandom(32) for _ in range(-(-count // each))]
    at = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM anchoring_entry")
        first = cursor.fetchone()[0] + 1
    for seq in range(first, first + count):
        entry_id, noise = uuid.uuid4(), os.urandom(128)
        data = encode_entry(
            id=str(entry_id), kind="bench.saved", subject=subjects[seq % len(subjects)], at=at,
            fields={f"field.{n}": noise[32 * n : 32 * n + 32] for n in range(4)},
        )  # fmt: skip
        yield seq, entry_id, "bench.saved", "bench", str(entry_id), at, data


def copy_into(table: str, rows: list[Row]) -> None:
    """By binary COPY, the quickest way there is."""
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(TYPES)
        for row in rows:
            copy.write_row(row)


def record_all(rows: list[Row]) -> None:
    """The rows as recorded entries that wait for their place."""
    copy_into("anchoring_entry", rows)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO anchoring_pending SELECT seq FROM anchoring_entry WHERE seq >= %s", [rows[0][0]])
        cursor.execute("ANALYZE anchoring_entry, anchoring_pending")
