"""What is measured where, in which order, and how often."""

from collections.abc import Collection
from dataclasses import dataclass

from tests.bench import anchoring, demo, filing, gas, mapping, proving, saving, sequencing, verifying
from tests.bench import cases as c
from tests.bench.table import show, show_rows


@dataclass(frozen=True)
class Effort:
    """How often: rounds, writes of each of so many writers in a round, repetitions of quick calls, entries, anchors."""

    rounds: int
    writes: dict[int, int]
    times: int
    batch: int
    large: int
    anchors: int


FULL = Effort(rounds=15, writes={1: 50, 2: 25, 8: 20}, times=200, batch=10_000, large=100_000, anchors=1_000)
QUICK = Effort(rounds=2, writes={1: 4, 2: 2, 8: 1}, times=10, batch=1_000, large=2_000, anchors=20)


def on_postgresql(wanted: Collection[str], effort: Effort) -> None:
    """Everything."""
    if "saving" in wanted:
        _saving(effort)
    if "filing" in wanted:
        show("Filing a claim (PostgreSQL)", filing.lines(rounds=effort.rounds, writes=effort.times // 10))
    if "sequencing" in wanted:
        lines = sequencing.lines(batch=effort.batch, rounds=effort.rounds, large=effort.large)
        show("Sequencing (PostgreSQL)", lines)
        lines = mapping.lines(batch=effort.batch, rounds=effort.rounds, large=effort.large)
        show("The map (PostgreSQL)", lines)
        show("Proving from storage (PostgreSQL)", proving.lines(rounds=effort.rounds, times=effort.times))
    if "anchoring" in wanted:
        show("Anchors in a row on a real node (PostgreSQL)", anchoring.lines(count=effort.anchors))
    if "verifying" in wanted:
        show("Verifying", verifying.lines(size=effort.large, rounds=effort.rounds, times=effort.times))
    if "demo" in wanted:
        show("The demonstration", demo.lines())


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
