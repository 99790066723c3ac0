"""The restore gate and the first sequencing of a process that has only just begun, beside one Django ``.get(pk)``."""

from collections.abc import Mapping
from functools import partial

from anchoring import restore
from anchoring.models import Checkpoint, Head
from anchoring.seal import sequencer
from tests.bench import log_of
from tests.bench.rounds import Paired, in_a_new_process, paired
from tests.bench.table import Line, at_most
from tests.bench.writers import Took

GATE, SEQUENCE, GET = "the restore gate", "the first sequencing, of one entry,", ".get(pk)"


def measure(*, rounds: int) -> Paired:
    """Each in a process of its own, which has a connection and nothing else."""
    size = Head.objects.get().size
    cases = {
        GATE: partial(in_a_new_process, _gate),
        SEQUENCE: _sequence,
        GET: partial(in_a_new_process, partial(Checkpoint.objects.get, pk=size)),
    }
    return paired("starting", cases, rounds=rounds)


def lines(found: Mapping[int, Paired]) -> list[Line]:
    """By size of the log; that of the smallest is what a larger one is held against."""
    smallest, *larger = found
    return [
        Line(
            f"{name} at {size:,} ÷ at {smallest:,}",
            f"{found[size].ratio(name, GET) / found[smallest].ratio(name, GET):.2f}"
            f" ({1000 * found[size].wall(name):.1f} ms, {1000 * found[smallest].wall(name):.1f} ms)",
            f".get(pk) {1000 * found[size].wall(GET):.1f} ms, {1000 * found[smallest].wall(GET):.1f} ms",
            *at_most(found[size].ratio(name, GET) / found[smallest].ratio(name, GET), 1.5),
        )
        for size in larger
        for name in (GATE, SEQUENCE)
    ]


def _gate() -> None:
    assert restore.gate() == ""


def _sequence() -> Took:
    log_of.record_all(log_of.entries(1))
    return in_a_new_process(_sequence_one)


def _sequence_one() -> None:
    assert sequencer.sequence() == 1
