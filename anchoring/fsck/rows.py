"""Business rows against what the log last recorded of each of their columns."""

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from hashlib import blake2b
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import Model

from anchoring.fsck.finding import Finding, Findings, Progress, Tally
from anchoring.fsck.since import recorded as recorded_at
from anchoring.models import Entry
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.disclosure import Value
from anchoring.record.rows import RecordedTable, column_value

ROW = "row."
CHUNK = 1_000
Last = tuple[bytes | None, int]  # the mark of what was recorded last (None: its key is destroyed) and the entry's seq
Row = tuple[str, int, Any]  # primary key, which side it is from, the row or its recorded columns


class RecordedRows:
    """What the log last recorded of each column: keyed hashes in a temporary file, which goes away with the object.

    The key is this object's own, so the file tells nobody a value.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._file = sqlite3.connect("")  # "" is a private file that the system removes
        self._file.execute(
            "CREATE TABLE last (place TEXT, pk TEXT, col TEXT, mark BLOB, seq INTEGER,"
            " PRIMARY KEY (place, pk, col)) WITHOUT ROWID"
        )
        self._waiting: list[tuple[str, str, str, bytes | None, int]] = []

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def add(self, field: str, value: Value, *, seq: int) -> None:
        """Note a field of the entry ``seq``, if it is a row's; entries come in order."""
        self._add(field, lambda: self.mark(value), seq)

    def add_unknown(self, field: str, *, seq: int) -> None:
        """Note that the entry holds the field, though nobody can read the value."""
        self._add(field, lambda: None, seq)

    def mark(self, value: Value) -> bytes:
        """What stands for the value here: equal for equal ones of one type, as their ``repr`` is."""
        return blake2b(repr(value).encode(), key=self._key, digest_size=16).digest()

    def of(self, table: str) -> Iterator[Row]:
        """The table's recorded rows by primary key, each with its columns."""
        self._flush()
        found = self._file.execute("SELECT pk, col, mark, seq FROM last WHERE place = ? ORDER BY pk, col", [table])
        for pk, columns in groupby(found, key=itemgetter(0)):
            yield pk, 1, {column: (mark, seq) for _, column, mark, seq in columns}

    def _add(self, field: str, mark: Callable[[], bytes | None], seq: int) -> None:
        parts = field.split(".")
        if field.startswith(ROW) and len(parts) == 4:
            self._waiting.append((parts[1], parts[2], parts[3], mark(), seq))
            if len(self._waiting) >= 10 * CHUNK:
                self._flush()

    def _flush(self) -> None:
        self._file.executemany("INSERT OR REPLACE INTO last VALUES (?, ?, ?, ?, ?)", self._waiting)
        self._waiting.clear()


def check_rows(
    table: str, declared: RecordedTable, recorded: RecordedRows, tally: Tally, progress: Progress
) -> Findings:
    """One table: both sides in the order of their keys, side by side."""
    both = merge(_live(declared, tally, progress), recorded.of(table), key=itemgetter(0))
    for pk, sides in groupby(both, key=itemgetter(0)):
        found = {side: thing for _, side, thing in sides}
        where = f"row {table} {pk}"
        if 0 not in found:
            newest = max(seq for _, seq in found[1].values())
            yield Finding(where, f"is gone; {_named(newest)} was the last to record it", recorded_at(newest))
        elif 1 in found:
            yield from _check_row(where, found[0], found[1], declared, recorded, tally)
        elif not declared.is_draft(found[0]):
            yield Finding(where, "stands in no entry: it was not made by this program's actions")


def _live(declared: RecordedTable, tally: Tally, progress: Progress) -> Iterator[Row]:
    for row in declared.model._default_manager.order_by("pk").iterator(chunk_size=CHUNK):
        yield str(row.pk), 0, row
        tally.rows += 1
        progress(1)


def _check_row(
    where: str, row: Model, columns: dict[str, Last], declared: RecordedTable, recorded: RecordedRows, tally: Tally
) -> Findings:
    for column in declared.owners:
        mark, seq = columns.get(column, (None, None))
        tally.columns += 1
        if seq is None:
            yield Finding(f"{where}, column {column}", "stands in no entry")
        elif mark is not None and mark != _mark(recorded, row, column):
            what = f"is not what {_named(seq)} recorded, the last to do so"
            yield Finding(f"{where}, column {column}", what, recorded_at(seq))


def _mark(recorded: RecordedRows, row: Model, column: str) -> bytes:
    """The live value's mark; none that the log could have recorded when the log cannot hold the value."""
    try:
        return recorded.mark(column_value(row, column))
    except Malformed:
        return b""


def _named(seq: int) -> str:
    entry = Entry.objects.get(seq=seq)
    return f"entry {entry.id} ({entry.kind}, {entry.at:%Y-%m-%d %H:%M:%S} UTC)"
