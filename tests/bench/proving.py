"""P6 and P7: an inclusion path from the tiles beside one indexed SELECT, cold and warm, newest and older sizes."""

import multiprocessing
import random
from collections.abc import Callable
from functools import partial

from django.db import connection, connections

from anchoring.models import Entry, Head
from anchoring.protocol.merkle import prove_inclusion
from anchoring.protocol.tiles import TileReader
from anchoring.store import read_tiles
from tests.bench.rounds import Paired, paired, timed
from tests.bench.table import Line, at_most
from tests.bench.writers import Took

_fork = multiprocessing.get_context("fork")
_random = random.Random(6962)  # noqa: S311 - which leaves are asked for


def lines(*, rounds: int, times: int) -> list[Line]:
    """The log must hold many entries already."""
    size = Head.objects.get(pk=1).size
    seqs = list(Entry.objects.filter(leaf__index__lt=size).order_by("seq").values_list("seq", flat=True))
    cases = _cases(size, seqs)
    warm = paired("proofs, warm", {name: partial(timed, f, times=times) for name, f in cases.items()}, rounds=rounds)
    cold = paired("proofs, cold", {name: partial(_in_a_new_process, f) for name, f in cases.items()}, rounds=rounds)
    older = warm.ratio("older", "newest")
    return [
        _line("P6 an inclusion path, cold process", size, cold),
        _line("P6 an inclusion path, warm", size, warm),
        Line("P7 path at any older size ÷ at the newest", f"{older:.2f}", "", *at_most(older, 1.3, 2)),
    ]


def _cases(size: int, seqs: list[int]) -> dict[str, Callable[[], object]]:
    def path(of_size: int) -> object:
        return prove_inclusion(index=_random.randrange(of_size), size=of_size, read=TileReader(read_tiles))

    def select() -> object:
        with connection.cursor() as cursor:
            cursor.execute("SELECT seq, id, kind, data FROM anchoring_entry WHERE seq = %s", [_random.choice(seqs)])
            return cursor.fetchone()

    return {
        "newest": lambda: path(size),
        "older": lambda: path(_random.randrange(size // 2, size)),
        "SELECT": select,
        "get": lambda: Entry.objects.get(pk=_random.choice(seqs)),
    }


def _line(claim: str, size: int, found: Paired) -> Line:
    ratio, select = found.ratio("newest", "get"), found.ratio("newest", "SELECT")
    return Line(
        f"{claim} ({size:,} entries) ÷ one Django .get(pk)",
        f"{ratio:.2f}; ÷ one SELECT {select:.2f} ({1e6 * found.wall('newest'):.0f} µs)",
        f".get(pk) {1e6 * found.wall('get'):.0f} µs; SELECT {1e6 * found.wall('SELECT'):.0f} µs",
        *at_most(ratio, 1.0, 2.0),
    )


def _in_a_new_process(function: Callable[[], object]) -> Took:
    """The first call in a process that has a connection and nothing else."""
    connections.close_all()
    ours, theirs = _fork.Pipe()
    process = _fork.Process(target=_once, args=(theirs, function))
    process.start()
    took = ours.recv()
    process.join()
    return took


def _once(pipe: multiprocessing.connection.Connection, function: Callable[[], object]) -> None:
    connection.ensure_connection()
    pipe.send(timed(function))
    connections.close_all()
