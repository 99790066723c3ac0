"""What is measured where, in which order, and how often."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from tests.bench import (
    anchoring,
    beside,
    demo,
    filing,
    gas,
    log_of,
    mapping,
    memory,
    proving,
    saving,
    scanning,
    sequencing,
    starting,
    verifying,
)
from tests.bench import cases as c
from tests.bench.table import show, show_rows

ON_A_LOG = ("sequencing", "proving", "fsck")


@dataclass(frozen=True)
class Effort:
    """How often: rounds, writes of each of so many writers in a round, repetitions of quick calls, entries, anchors.

    ``logs`` are the sizes at which the log is measured, ``scanned`` those at which all of it is scanned.
    """

    rounds: int
    writes: dict[int, int]
    times: int
    batch: int
    logs: tuple[int, ...]
    scanned: tuple[int, ...]
    anchors: int


FULL = Effort(
    rounds=15, writes={1: 50, 2: 25, 8: 20}, times=200, batch=10_000,
    logs=(10_000, 1_000_000), scanned=(10_000, 100_000), anchors=1_000,
)  # fmt: skip
HUGE = replace(FULL, logs=(*FULL.logs, 10_000_000))
QUICK = Effort(
    rounds=2, writes={1: 4, 2: 2, 8: 1}, times=10, batch=1_000, logs=(1_000, 20_000), scanned=(1_000,), anchors=20
)


def on_postgresql(wanted: Collection[str], effort: Effort) -> None:
    """Everything."""
    if "saving" in wanted:
        _saving(effort)
    if "filing" in wanted:
        show("Filing a claim (PostgreSQL)", filing.lines(rounds=effort.rounds, writes=effort.times // 10))
    if "anchoring" in wanted:
        show("Anchors in a row on a real node (PostgreSQL)", anchoring.lines(count=effort.anchors))
    if "verifying" in wanted:
        checks = verifying.lines(size=effort.logs[-1], rounds=effort.rounds, times=effort.times)
        show("Verifying", [*checks, *verifying.whole_proof_lines(rounds=effort.rounds)])
    if "demo" in wanted:
        show("The demonstration", demo.lines())


def on_a_log(wanted: Collection[str], effort: Effort) -> None:
    """What depends on how many entries there are: one log, which grows from size to size. Its database holds no more.

    Each size is measured before the rounds of sequencing let the log grow beyond it.
    """
    rounds, batch = effort.rounds, effort.batch
    scans, proofs, starts, added, batches = {}, {}, {}, {}, {}
    measured = effort.logs if {"sequencing", "proving"} & {*wanted} else ()
    scanned = effort.scanned if "fsck" in wanted else ()
    for size in sorted({*measured, *scanned}):
        found = log_of.grow_to(size)
        if size in scanned:
            scans[found] = scanning.measure(rounds=max(1, rounds // 5))
        if "proving" in wanted and size in effort.logs:
            proofs[size] = proving.measure(rounds=rounds, times=effort.times)
        if "sequencing" in wanted and size in effort.logs:
            starts[size] = starting.measure(rounds=rounds)
            added[size] = memory.measure(batch=batch, proofs=5 * effort.times)
            batches[size] = sequencing.measure(batch=batch, rounds=rounds)
    if "sequencing" in wanted:
        writers = beside.line(rounds=rounds, writes=effort.writes[1], size=effort.logs[-1])
        sequenced = sequencing.lines(batches, batch=batch)
        show("Sequencing (PostgreSQL)", [*sequenced, writers, *memory.lines(added), *starting.lines(starts)])
        show("The map (PostgreSQL)", mapping.lines(batch=batch, rounds=rounds))
    if "proving" in wanted:
        show("Proving from storage (PostgreSQL)", proving.lines(proofs))
    if "fsck" in wanted:
        show("The scan (PostgreSQL)", scanning.lines(scans))


def without_a_database(effort: Effort) -> None:
    """What the contract's calls cost."""
    show_rows("Gas (local chain)", gas.HEAD, list(gas.rows(samples=effort.rounds)))
    print(gas.__doc__)


def on_sqlite(effort: Effort) -> None:
    """The saves and the filing, one writer: SQLite has no more."""
    found = saving.measure(writers=1, rounds=effort.rounds, writes=effort.writes[1], cases=c.CASES)
    show("One audited save (SQLite)", saving.lines({1: found}))
    show("Filing a claim (SQLite)", filing.lines(rounds=effort.rounds, writes=effort.times // 10))


def _saving(effort: Effort) -> None:
    found = {
        count: saving.measure(writers=count, rounds=effort.rounds, writes=writes, cases=c.CASES)
        for count, writes in effort.writes.items()
    }
    show("One audited save (PostgreSQL)", saving.lines(found))
    lock = saving.lock_line(rounds=effort.rounds, writes=effort.writes[1])
    cold = saving.cold_key_line(rounds=effort.rounds, writes=effort.writes[1])
    show("Writers beside one another, and keys (PostgreSQL)", [*saving.rate_lines(found), lock, cold])
