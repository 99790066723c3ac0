"""P4 and P5: giving entries their place (fetch, hash, leaves, tiles, head, signature) beside COPY of the same rows."""

from collections.abc import Mapping
from functools import partial

from django.db import connection, transaction

from anchoring.seal import sequencer
from tests.bench import log_of
from tests.bench.rounds import Paired, paired, timed
from tests.bench.table import Line, at_most
from tests.bench.writers import Took

# Two tables to copy into: with the log's own indexes, and with the primary key alone, which is the limit.
TWINS = {"COPY": "INCLUDING DEFAULTS", "COPY with the entries' indexes": "INCLUDING ALL"}


def measure(*, batch: int, rounds: int) -> Paired:
    """``batch`` entries a round, on top of the log as it is; it grows."""
    with connection.cursor() as cursor:
        for number, kind in enumerate(TWINS.values()):
            cursor.execute(f"CREATE TABLE IF NOT EXISTS bench_twin_{number} (LIKE anchoring_entry {kind})")
        cursor.execute("CREATE UNIQUE INDEX IF NOT EXISTS bench_twin_0_pk ON bench_twin_0 (seq)")
    copies = {name: partial(_copy, f"bench_twin_{number}", batch) for number, name in enumerate(TWINS)}
    return paired(f"sequencing {batch:,}", {"ours": partial(_sequence, batch), **copies}, rounds=rounds)


def lines(found: Mapping[int, Paired], *, batch: int) -> list[Line]:
    """P4 by size of the log, and P5: a larger one beside the smallest, with COPY as the clock of each."""
    smallest, *larger = found
    return [
        *(_p4(size, one, batch) for size, one in found.items()),
        *(_p5(found[smallest], smallest, found[size], size, batch) for size in larger),
    ]


def _p4(size: int, found: Paired, batch: int) -> Line:
    ratio, indexed = (found.ratio("ours", name) for name in TWINS)
    wall = found.wall("ours")
    peers = [f"{name} {1000 * found.wall(name):.0f} ms" for name in TWINS]
    return Line(
        f"P4 sequencing {batch:,} entries at {size:,} ÷ COPY of the same rows",
        f"{ratio:.2f}; with indexes {indexed:.2f} ({1000 * wall:.0f} ms, {batch / wall:,.0f}/s; our own CPU"
        f" {1000 * found.cpu('ours'):.0f} ms)",
        "; ".join(peers), *at_most(ratio, 1.0, 1.5),
    )  # fmt: skip


def _p5(before: Paired, smaller: int, after: Paired, larger: int, batch: int) -> Line:
    copy = next(iter(TWINS))
    ratio = after.ratio("ours", copy) / before.ratio("ours", copy)
    wall = after.wall("ours") / before.wall("ours")
    return Line(
        f"P5 cost of an entry at {larger:,} ÷ at {smaller:,}",
        f"{ratio:.2f} ({1e6 * after.wall('ours') / batch:.1f} µs)",
        f"by the clock on the wall, without COPY beside it, {wall:.2f}", *at_most(ratio, 1.2, 1.5),
    )  # fmt: skip


def _sequence(count: int) -> Took:
    log_of.record_all(log_of.entries(count))
    return timed(sequencer.sequence)


def _copy(table: str, count: int) -> Took:
    rows = log_of.entries(count)

    def copy() -> None:
        with transaction.atomic(durable=True):
            log_of.copy_into(table, rows)

    took = timed(copy)
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table}")
    return took
