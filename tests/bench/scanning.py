"""P11: ``fsck`` (everything recomputed, openings decrypted) beside reading the same rows."""

from collections.abc import Callable, Mapping
from functools import partial

from django.db.models import Model

from anchoring.fsck import Tally, fsck
from anchoring.models import Checkpoint, Entry, Leaf, Opening, Tile
from tests.bench.rounds import Paired, paired, timed
from tests.bench.table import Line, at_most

READ: tuple[type[Model], ...] = (Entry, Opening, Leaf, Tile, Checkpoint)
CHUNK = 1_000


def measure(*, rounds: int) -> Paired:
    """On the log as it is, in which nothing must be wrong."""
    cases: dict[str, Callable[[], object]] = {"fsck": _fsck, "rows": _read, "objects": _read_objects}
    return paired("fsck", {name: partial(timed, f) for name, f in cases.items()}, rounds=rounds)


def lines(found: Mapping[int, Paired]) -> list[Line]:
    """By size of the log."""
    return [_line(size, one) for size, one in found.items()]


def _line(size: int, found: Paired) -> Line:
    ratio, objects = found.ratio("fsck", "rows"), found.ratio("fsck", "objects")
    return Line(
        f"P11 fsck at {size:,} ÷ only reading the rows",
        f"{ratio:.2f} (CPU {found.cpu_ratio('fsck', 'rows'):.2f}); ÷ reading them as Django's objects {objects:.2f}"
        f" ({found.wall('fsck'):.1f} s, {size / found.wall('fsck'):,.0f} entries/s)",
        f"rows {found.wall('rows'):.2f} s; as objects {found.wall('objects'):.2f} s",
        *at_most(ratio, 1.3, 2),
    )


def _fsck() -> None:
    found = list(fsck(tally=Tally(), progress=lambda count: None))
    assert found == [], found[:3]


def _read() -> None:
    for table in READ:
        for _ in table._default_manager.order_by("pk").values_list().iterator(chunk_size=CHUNK):
            pass


def _read_objects() -> None:
    for table in READ:
        for _ in table._default_manager.order_by("pk").iterator(chunk_size=CHUNK):
            pass
