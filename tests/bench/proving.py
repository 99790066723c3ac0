"""P6 and P7: an inclusion path from the tiles beside one indexed SELECT, cold and warm, newest and older sizes."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from django.db import connection

from anchoring.models import Entry, Head, Leaf
from anchoring.protocol.merkle import prove_inclusion
from anchoring.protocol.tiles import TileReader
from anchoring.store import read_tiles
from tests.bench.rounds import Paired, in_a_new_process, paired, timed
from tests.bench.table import Line, at_most

ROWS = 5_000  # that are looked up in turn
_random = random.Random(6962)  # noqa: S311 - which leaves are asked for


@dataclass(frozen=True)
class Proving:
    """The same in processes that have just begun, and in one that goes on."""

    cold: Paired
    warm: Paired


def measure(*, rounds: int, times: int) -> Proving:
    """On the log as it is, which must hold some entries."""
    size = Head.objects.get(pk=1).size
    places = _random.sample(range(size), min(ROWS, size))
    cases = _cases(size, list(Leaf.objects.filter(index__in=places).order_by("pk").values_list("entry_id", flat=True)))
    return Proving(
        cold=paired("proofs, cold", {name: partial(in_a_new_process, f) for name, f in cases.items()}, rounds=rounds),
        warm=paired("proofs, warm", {name: partial(timed, f, times=times) for name, f in cases.items()}, rounds=rounds),
    )


def lines(found: Mapping[int, Proving]) -> list[Line]:
    """By size of the log."""
    return [
        *(_p6("P6 an inclusion path, cold process,", size, one.cold) for size, one in found.items()),
        *(_p6("P6 an inclusion path, warm,", size, one.warm) for size, one in found.items()),
        *(_p7(size, one.warm) for size, one in found.items()),
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


def _p6(claim: str, size: int, found: Paired) -> Line:
    ratio, select = found.ratio("newest", "get"), found.ratio("newest", "SELECT")
    return Line(
        f"{claim} at {size:,} ÷ one Django .get(pk)",
        f"{ratio:.2f} (CPU {found.cpu_ratio('newest', 'get'):.2f}); ÷ one SELECT {select:.2f}"
        f" ({1e6 * found.wall('newest'):.0f} µs)",
        f".get(pk) {1e6 * found.wall('get'):.0f} µs; SELECT {1e6 * found.wall('SELECT'):.0f} µs",
        *at_most(ratio, 1.0, 2.0),
    )


def _p7(size: int, found: Paired) -> Line:
    older = found.ratio("older", "newest")
    return Line(
        f"P7 a path at any size between {size // 2:,} and {size:,} ÷ at the newest",
        f"{older:.2f} (CPU {found.cpu_ratio('older', 'newest'):.2f})", "", *at_most(older, 1.3, 2),
    )  # fmt: skip
