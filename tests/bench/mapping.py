"""P4's line of its own: bringing the map up to date before an anchor, beside COPY of the rows that it maps."""

from functools import partial

from django.db import connection, transaction

from anchoring import mapping
from anchoring.models import Head, MapPage
from anchoring.protocol.entry import subject_of
from anchoring.seal import sequencer
from tests.bench import log_of
from tests.bench.rounds import Paired, paired, timed
from tests.bench.table import Line, at_most
from tests.bench.writers import Took

EACH_ITS_OWN, FIVE_EACH = "each of a subject of its own", "five of each subject"
PER_SUBJECT = {EACH_ITS_OWN: 1, FIVE_EACH: 5}


def lines(*, batch: int, rounds: int) -> list[Line]:
    """The map of the log as it stands, ``batch`` entries more at a time; then a proof from it."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_map_twin (LIKE anchoring_entry INCLUDING DEFAULTS)")
        cursor.execute("ALTER TABLE bench_map_twin ADD PRIMARY KEY (seq)")
    _map_all()
    mapping.forget(mapping.covered())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL ANALYZE anchoring_mappage")
    cases = {name: partial(_advance, batch, each) for name, each in PER_SUBJECT.items()}
    found = paired(f"mapping {batch:,}", {**cases, "COPY": partial(_copy, batch)}, rounds=rounds)
    return [*(_line(found, batch, name) for name in PER_SUBJECT), _stored(), _proof(rounds)]


def _map_all() -> None:
    with transaction.atomic(durable=True):
        mapping.advance(mapping.covered(), Head.objects.get().size)


def _advance(batch: int, each: int) -> Took:
    log_of.record_all(log_of.entries(batch, each=each))
    sequencer.sequence()
    before = mapping.covered()
    took = timed(_map_all)
    mapping.forget(before)
    return took


def _copy(batch: int) -> Took:
    rows = log_of.entries(batch)

    def copy() -> None:
        with transaction.atomic(durable=True):
            log_of.copy_into("bench_map_twin", rows)

    took = timed(copy)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_map_twin")
    return took


def _line(found: Paired, batch: int, name: str) -> Line:
    ratio, wall = found.ratio(name, "COPY"), found.wall(name)
    return Line(
        f"P4 mapping {batch:,} entries, {name} ÷ COPY of the same rows",
        f"{ratio:.2f} ({1000 * wall:.0f} ms, {batch / wall:,.0f}/s)",
        f"COPY {1000 * found.wall('COPY'):.0f} ms", *at_most(ratio, 8, 15),
    )  # fmt: skip


def _stored() -> Line:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('anchoring_mappage')")
        megabytes = cursor.fetchone()[0] / 2**20
    head = mapping.MapHead.objects.order_by("-size").first()
    assert head is not None
    return Line(
        "the map as it is stored",
        f"{megabytes:.0f} MB, {MapPage.objects.count():,} pages, {head.subjects:,} subjects, {head.size:,} entries",
    )


_SOME = "SELECT data FROM anchoring_entry WHERE seq %% 997 = 0 ORDER BY random() LIMIT %s"


def _proof(rounds: int) -> Line:
    """Of the newest map, for a subject that is there; the pages' queries and the hashes."""
    size = mapping.covered()
    with connection.cursor() as cursor:
        cursor.execute(_SOME, [20 * rounds])
        subjects = [subject_of(bytes(data)) for (data,) in cursor.fetchall()]
    remaining = iter(subjects)
    took = timed(lambda: mapping.history_proof(next(remaining), size), times=len(subjects))
    return Line("a subject's way through the newest map", f"{1000 * took.wall:.2f} ms")
