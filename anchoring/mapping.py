"""The map of the log's subjects as the database keeps it: brought up to date before a state entry, proved, recomputed.

What is kept is a cache: ``rebuild`` makes the same map from the entries' bytes alone, and ``discard`` throws the cache
away for ``advance`` to make it anew. Pages are written for a size and never changed, so that every map since the last
``forget`` can be proved from: the one that is anchored as well as the one that waits for its anchor.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from django.db import transaction

from anchoring import store
from anchoring.models import Head, MapHead, MapPage
from anchoring.models import State as StateLeaf
from anchoring.protocol import submap
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.entry import parse_entry, subject_of
from anchoring.protocol.merkle import EMPTY_ROOT, leaf_hash
from anchoring.protocol.state import Block, State, encode_state, parse_state
from anchoring.protocol.submap import Found, Page, WholeMap

BATCH = 20_000
"""How many leaves are mapped at once: what bounds the memory of ``advance``."""

Progress = Callable[[int], object]  # called with how many entries more are done


class MapNotKept(LookupError):
    """The database does not keep the map at that size (any more): recompute it with ``rebuild``."""


def covered() -> int:
    """How many leaves the newest map covers."""
    newest = MapHead.objects.order_by("-size").first()
    return newest.size if newest else 0


def advance(from_size: int, to_size: int) -> MapHead:
    """Map the leaves from ``from_size``, which must be what is ``covered``, to ``to_size``; the map's new head.

    In the sequencer's transaction, under the head's lock, after the leaves are inserted. Four queries and one for each
    level of pages; costs grow with the leaves added, not with the log. Raises Malformed if the cache is damaged.
    """
    head = MapHead.objects.order_by("-size").first() or MapHead(size=0, root=EMPTY_ROOT, subjects=0)
    assert head.size == from_size <= to_size, f"the map covers {head.size} leaves"
    for start in range(from_size, to_size, BATCH):
        head = _map_batch(head, min(start + BATCH, to_size))
    if to_size == 0:
        head, _ = MapHead.objects.get_or_create(size=0, defaults={"root": EMPTY_ROOT, "subjects": 0})
    return head


def _map_batch(before: MapHead, size: int) -> MapHead:
    places = [(subject_of(ending), index, leaf) for ending, index, leaf in store.read_places(before.size, size)]
    if len(places) != size - before.size:
        raise Malformed(f"leaves between {before.size} and {size} are missing")
    updated = submap.update(places=places, fetch=partial(_read_pages, before))
    store.write_pages(size, updated.pages)
    return MapHead.objects.create(size=size, root=updated.root, subjects=before.subjects + updated.new_subjects)


def _read_pages(head: MapHead, wanted: Sequence[Page]) -> Mapping[Page, bytes]:
    """Of that map. Without its root page it would pass for an empty one."""
    pages = store.read_pages(head.size, wanted)
    if head.subjects and (0, 0) in wanted and (0, 0) not in pages:
        raise Malformed("page 0/0 of the map is missing")
    return pages


def state_data(head: MapHead, block: Block | None) -> dict[str, str | int]:
    """The ``data`` of the state entry to be sealed at index ``head.size``; ``block`` is the last final one known."""
    return encode_state(State(bytes(head.root), head.subjects, head.size, block))


def is_kept(size: int) -> bool:
    """Whether proofs can start from the map over the first ``size`` leaves without recomputing it."""
    return MapHead.objects.filter(size=size).exists()


def forget(before: int) -> int:
    """Give up the maps of sizes below ``before``, which is a size that a map was made for; how many pages went.

    For the size of the last state entry that is anchored: what is older is proved from ``rebuild``.
    """
    oldest = MapHead.objects.order_by("size").first()
    if oldest is None or oldest.size >= before:
        return 0
    assert is_kept(before), f"no map was made for size {before}"
    forgotten = store.forget_pages(oldest.size, before)
    MapHead.objects.filter(size__lt=before).delete()
    return forgotten


@transaction.atomic
def discard() -> None:
    """Throw the whole cache away: the next ``advance`` starts from 0. Waits for a sequencer that is at work."""
    list(Head.objects.select_for_update().filter(pk=1))
    MapPage.objects.all().delete()
    MapHead.objects.all().delete()


# Proving -------------------------------------------------------------------------------------------------------------


def history_proof(subject: bytes, size: int) -> Found:
    """Where the 32-byte ``subject`` leads in the map over the first ``size`` leaves, whether it is there or not.

    Two queries for a subject that is there, one more for each level below where its way leaves it else.
    Raises MapNotKept.
    """
    if not is_kept(size):
        raise MapNotKept(f"the map over {size} leaves is not kept")
    if size == 0:
        return Found(None, ())
    return submap.prove(subject=subject, fetch=_Pages(subject, size))


class _Pages:
    """The port to the pages at one size; those towards one subject are read at once."""

    def __init__(self, subject: bytes, size: int) -> None:
        self._size = size
        self._near = submap.pages_towards(subject)
        self._read = store.read_pages(size, self._near)

    def __call__(self, wanted: Sequence[Page]) -> Mapping[Page, bytes]:
        unread = [page for page in wanted if page not in self._near]
        return self._read | store.read_pages(self._size, unread) if unread else self._read


# Recomputing ---------------------------------------------------------------------------------------------------------


def rebuild(upto: int, progress: Progress = lambda done: None) -> WholeMap:
    """The map over the first ``upto`` leaves, from the entries' bytes and nothing else. Memory grows with the subjects.

    Raises Malformed if an entry is missing or is none.
    """
    made = WholeMap()
    for index, data in enumerate(_all_entries(upto, progress)):
        made.add(parse_entry(data).subject, index, leaf_hash(data))
    return made


def _all_entries(upto: int, progress: Progress) -> Iterator[bytes]:
    for start in range(0, upto, BATCH):
        stop = min(start + BATCH, upto)
        entries = store.read_entries(start, stop)
        if len(entries) != stop - start:
            raise Malformed(f"entries between index {start} and {stop} are missing")
        yield from entries
        progress(len(entries))


def newest_state() -> tuple[int, State] | None:
    """The newest state entry's index and what it says."""
    return state_below(None)


def state_below(size: int | None) -> tuple[int, State] | None:
    """The newest state entry with an index below ``size`` (None: of all). Raises Malformed for one that is none."""
    leaves = StateLeaf.objects.select_related("entry").order_by("-size")
    leaf = (leaves if size is None else leaves.filter(size__lte=size)).first()
    return (leaf.size - 1, parse_state(parse_entry(bytes(leaf.entry.data)))) if leaf else None
