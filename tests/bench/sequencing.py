"""P4: giving entries their place (fetch, hash, leaves, tiles, head, signature) beside COPY of the same rows."""

import resource
from functools import partial

from django.db import connection, transaction

from anchoring import pipeline
from tests.bench import log_of
from tests.bench.rounds import paired, timed
from tests.bench.table import Line, at_most
from tests.bench.writers import Took

# Two tables to copy into: with the log's own indexes, and with the primary key alone, which is the limit.
TWINS = {"COPY": "INCLUDING DEFAULTS", "COPY with the entries' indexes": "INCLUDING ALL"}


def lines(*, batch: int, rounds: int, large: int) -> list[Line]:
    """P4 by batches of ``batch``, and once at ``large`` entries in one go."""
    for number, kind in enumerate(TWINS.values()):
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE bench_twin_{number} (LIKE anchoring_entry {kind})")
            if number == 0:
                cursor.execute("ALTER TABLE bench_twin_0 ADD PRIMARY KEY (seq)")
    before = _peak()
    return [_line(batch, rounds), _line(large, 1), _memory(before)]


def _line(count: int, rounds: int) -> Line:
    copies = {name: partial(_copy, f"bench_twin_{number}", count) for number, name in enumerate(TWINS)}
    found = paired(f"sequencing {count:,}", {"ours": partial(_sequence, count), **copies}, rounds=rounds)
    ratio, indexed = (found.ratio("ours", name) for name in TWINS)
    wall = found.wall("ours")
    peers = [f"{name} {1000 * found.wall(name):.0f} ms" for name in TWINS]
    return Line(
        f"P4 sequencing {count:,} entries ÷ COPY of the same rows",
        f"{ratio:.2f}; with indexes {indexed:.2f} ({1000 * wall:.0f} ms, {count / wall:,.0f}/s)",
        "; ".join(peers), *at_most(ratio, 1.0, 1.5),
    )  # fmt: skip


def _sequence(count: int) -> Took:
    log_of.record_all(log_of.entries(count))
    return timed(pipeline.sequence)


def _copy(table: str, count: int) -> Took:
    rows = log_of.entries(count)

    def copy() -> None:
        with transaction.atomic(durable=True):
            log_of.copy_into(table, rows)

    took = timed(copy)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")
    return took


def _memory(before: int) -> Line:
    grown = (_peak() - before) / 1024
    return Line("P8 memory added by all of this, the bench's own rows among it", f"{grown:.0f} MB")


def _peak() -> int:
    """Peak resident memory of this process in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
