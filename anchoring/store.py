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
from anchoring.protocol.entry import ENDING_SIZE


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


# The map -------------------------------------------------------------------------------------------------------------


def read_places(start: int, stop: int) -> list[tuple[bytes, int, bytes]]:
    """(ending, index, leaf hash) of the leaves from ``start`` to ``stop``: what the map is made of, in one query.

    The ending of an entry is the part of its bytes that holds its subject (``protocol.entry.subject_of``).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT substr(data, length(data) - {ENDING_SIZE - 1}), leaf."index", hash'  # noqa: S608
            " FROM anchoring_leaf leaf JOIN anchoring_entry entry ON entry.seq = leaf.entry_id"
            ' WHERE leaf."index" >= %s AND leaf."index" < %s ORDER BY leaf."index"',
            [start, stop],
        )
        return [(bytes(ending), index, bytes(leaf)) for ending, index, leaf in cursor.fetchall()]


def read_entries(start: int, stop: int) -> list[bytes]:
    """The bytes of the entries from index ``start`` to ``stop``, as many as there are, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data FROM anchoring_leaf leaf JOIN anchoring_entry entry ON entry.seq = leaf.entry_id"
            ' WHERE leaf."index" >= %s AND leaf."index" < %s ORDER BY leaf."index"',
            [start, stop],
        )
        return [bytes(data) for (data,) in cursor.fetchall()]


def read_pages(size: int, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """The named pages of the map by (level, number) as they were at ``size``, in one query; absent ones left out."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_PAGES, [[level for level, _ in wanted], [n for _, n in wanted], size])
        else:
            cursor.execute(_PAGES_SQLITE, [json.dumps(wanted), size])
        return {(level, n): bytes(content) for level, n, content in cursor.fetchall()}


_PAGES = """
SELECT page.level, page.n, page.content
FROM unnest(%s::smallint[], %s::bigint[]) AS wanted (level, n)
CROSS JOIN LATERAL (
  SELECT level, n, content FROM anchoring_mappage
  WHERE level = wanted.level AND n = wanted.n AND size <= %s ORDER BY size DESC LIMIT 1
) AS page
"""
_PAGES_SQLITE = """
SELECT page.level, page.n, page.content
FROM json_each(%s) AS wanted JOIN anchoring_mappage AS page
  ON page.level = json_extract(wanted.value, '$[0]') AND page.n = json_extract(wanted.value, '$[1]')
WHERE page.size = (SELECT max(size) FROM anchoring_mappage WHERE level = page.level AND n = page.n AND size <= %s)
"""


def write_pages(size: int, pages: Mapping[tuple[int, int], bytes]) -> None:
    """The pages as they are from ``size`` on: by COPY on PostgreSQL, by one prepared statement elsewhere."""
    rows = [(level, n, size, content) for (level, n), content in pages.items()]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            statement = "COPY anchoring_mappage (level, n, size, content) FROM STDIN (FORMAT BINARY)"
            with connection.wrap_database_errors, cursor.copy(statement) as copy:
                copy.set_types(["int2", "int8", "int8", "bytea"])
                for row in rows:
                    copy.write_row(row)
        else:
            statement = "INSERT INTO anchoring_mappage (level, n, size, content) VALUES (%s, %s, %s, %s)"
            cursor.executemany(statement, rows)


def forget_pages(after: int, upto: int) -> int:
    """Delete the pages that those written after size ``after`` and up to ``upto`` took the place of; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM anchoring_mappage WHERE (level, n, size) IN (SELECT page.level, page.n, page.size"
            " FROM anchoring_mappage later JOIN anchoring_mappage page"
            " ON page.level = later.level AND page.n = later.n AND page.size < later.size"
            " WHERE later.size > %s AND later.size <= %s)",
            [after, upto],
        )
        return cursor.rowcount
