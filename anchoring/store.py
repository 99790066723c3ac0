"""The log's hand-written SQL: where the row count is the load, rows are written and read without the ORM."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from psycopg import Cursor, pq

from anchoring.models import Entry


def insert_entry(entry: Entry, openings: list[tuple[str, bytes]]) -> None:
    """Write the entry, its openings and its place in the pending list; on PostgreSQL in one round trip."""
    columns = [entry.id, entry.kind, entry.subject_type, entry.subject_id, entry.at, entry.data]
    if connection.vendor == "postgresql":
        owners, sealed = [owner for owner, _ in openings], [part for _, part in openings]
        entry.seq = _call(_RECORD, [*columns, owners, sealed])
        return
    with connection.cursor() as cursor:
        fields = Entry._meta.concrete_fields[1:]
        cursor.execute(_ENTRY, [f.get_db_prep_save(v, connection) for f, v in zip(fields, columns, strict=True)])
        entry.seq = cursor.lastrowid
        cursor.execute("INSERT INTO anchoring_pending (entry_id) VALUES (%s)", [entry.seq])
        if openings:
            cursor.executemany(_OPENING, [(entry.seq, owner, sealed) for owner, sealed in openings])


_ENTRY = "INSERT INTO anchoring_entry (id, kind, subject_type, subject_id, at, data) VALUES (%s, %s, %s, %s, %s, %s)"
_OPENING = "INSERT INTO anchoring_opening (entry_id, owner, sealed) VALUES (%s, %s, %s)"
_RECORD = "SELECT anchoring_record(%b, %b, %b, %b, %b, %b, %b::text[], %b::bytea[])"  # migration 0003


class _Kept(threading.local):
    cursor: Cursor[Any] | None = None


_kept = _Kept()


def _call(function: str, arguments: list[Any]) -> Any:
    """What a function of PostgreSQL returns."""
    return _rows(function, arguments)[0][0]


def _rows(statement: str, arguments: list[Any]) -> list[Any]:
    """What PostgreSQL answers. Bytes go to the server and come back as they are: Django's own cursor would write them
    into the statement's text, in hex. The thread keeps its cursor, because a new one has to learn every type anew."""
    database = connections[DEFAULT_DB_ALIAS]  # itself: each look through the proxy ``connection`` costs microseconds
    if _kept.cursor is None or _kept.cursor.connection is not database.connection:
        _kept.cursor = Cursor(database.connection)
        _kept.cursor.format = pq.Format.BINARY
    CursorWrapper(_kept.cursor, database).execute(statement, arguments)
    return _kept.cursor.fetchall() if _kept.cursor.description else []


def take_pending(limit: int) -> list[int]:
    """Take the first entries off the list of what waits, in the caller's transaction; their ``seq``, rising."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM anchoring_pending WHERE entry_id IN"
            " (SELECT entry_id FROM anchoring_pending ORDER BY entry_id LIMIT %s) RETURNING entry_id",
            [limit],
        )
        return sorted(seq for (seq,) in cursor.fetchall())


def read_data(seqs: Sequence[int]) -> list[bytes]:
    """The bytes of the entries with these ``seq``, by rising ``seq``, in one query."""
    numbers = json.dumps(seqs)
    if connection.vendor == "postgresql":
        return [data for (data,) in _rows(_DATA.format("= ANY (%t::bigint[])"), ["{" + numbers[1:-1] + "}"])]
    with connection.cursor() as cursor:
        cursor.execute(_DATA.format("IN (SELECT value FROM json_each(%s))"), [numbers])
        return [bytes(data) for (data,) in cursor.fetchall()]


_DATA = "SELECT data FROM anchoring_entry WHERE seq {} ORDER BY seq"


def insert_leaves(start: int, seqs: Sequence[int], hashes: Sequence[bytes]) -> None:
    """By COPY on PostgreSQL, by one prepared statement elsewhere."""
    rows = zip(range(start, start + len(seqs)), seqs, hashes, strict=True)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            statement = "COPY anchoring_leaf (index, entry_id, hash) FROM STDIN (FORMAT BINARY)"
            with connection.wrap_database_errors, cursor.copy(statement) as copy:
                copy.set_types(["int8", "int8", "bytea"])
                for row in rows:
                    copy.write_row(row)
        else:
            cursor.executemany('INSERT INTO anchoring_leaf ("index", entry_id, hash) VALUES (%s, %s, %s)', list(rows))


def write_tiles(grown: Mapping[tuple[int, int], bytes]) -> None:
    rows = [(level, n, hashes) for (level, n), hashes in grown.items()]
    if connection.vendor == "postgresql":
        _rows(
            _TILES.format("SELECT * FROM unnest(%b::int2[], %b::int8[], %b::bytea[])"),
            [list(column) for column in zip(*rows, strict=True)],
        )
        return
    with connection.cursor() as cursor:
        cursor.executemany(_TILES.format("VALUES (%s, %s, %s)"), rows)


_TILES = (
    "INSERT INTO anchoring_tile (level, n, hashes) {} ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes"
)


def read_tiles(wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """The named tiles by (level, number), in one query; those that do not exist are left out."""
    if not wanted:
        return {}
    places = ",".join(["(%s,%s)"] * len(wanted))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT level, n, hashes FROM anchoring_tile WHERE (level, n) IN (VALUES {places})",  # noqa: S608
            [number for tile in wanted for number in tile],
        )
        return {(level, n): bytes(hashes) for level, n, hashes in cursor.fetchall()}


def read_head(step: str, sizes: Sequence[int]) -> Sequence[Any]:
    """Head's size and root, the newest checkpoint's, the problem of a tick, and the roots of checkpoints of ``sizes``.

    One query; what does not exist is None.
    """
    roots = ", (SELECT root FROM anchoring_checkpoint WHERE size = %s)" * len(sizes)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT head.size, head.root, newest.size, newest.root, tick.problem{roots} FROM (SELECT 1) AS one"  # noqa: S608
            " LEFT JOIN anchoring_head AS head ON head.id = 1 LEFT JOIN anchoring_checkpoint AS newest"
            " ON newest.size = (SELECT max(size) FROM anchoring_checkpoint)"
            " LEFT JOIN anchoring_tick AS tick ON tick.step = %s",
            [*sizes, step],
        )
        return cursor.fetchone() or ()


def upsert(row: Model, fields: Sequence[str]) -> None:
    """Write a row, or these fields of the one that has its key already; one statement, which is its own transaction."""
    meta, quote = row._meta, connection.ops.quote_name
    saved = {field.attname: field.get_db_prep_save(getattr(row, field.attname), connection) for field in meta.fields}
    columns, places = ", ".join(quote(name) for name in saved), ", ".join(["%s"] * len(saved))
    changed = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in fields)
    key = quote(str(meta.pk and meta.pk.attname))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES ({places})"  # noqa: S608 - names of ours alone
            f" ON CONFLICT ({key}) DO UPDATE SET {changed}",
            list(saved.values()),
        )


@contextmanager
def snapshot() -> Iterator[None]:
    """One consistent view of the main database for a long read, without keeping writers out; nothing can be written.

    Inside a transaction that is open already, that transaction's view is all there is.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")  # Django's own would be IMMEDIATE: it locks writers out
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
