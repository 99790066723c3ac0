"""The map: how many entries each subject has, which is the last, and what they are (protocol.md §10).

Kept as *pages*, of which an update touches those on its subjects' ways and no others. Page ``(level, n)`` stands for
all subjects whose first ``4 * level`` bits are *n*. It lists up to 32 subjects itself (each with the right edge of its
mini tree, so that an entry more needs none of the earlier ones); with more it holds the roots of the 16 pages below.
Which pages there are follows from the subjects alone, and the map's root does not depend on how they are cut.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.merkle import EMPTY_ROOT, ProofInvalid, node_hash

BITS = 4
SLOTS = 1 << BITS
MOST_SUBJECTS = 32  # in one page, above the deepest level
DEEPEST = 15  # so that a page's number fits 60 bits; no two subjects of this world share as many
SUBJECT_BITS = 256
HASH_SIZE = 32

Page = tuple[int, int]  # level and number
Fetch = Callable[[Sequence[Page]], Mapping[Page, bytes]]
Place = tuple[int, bytes]  # an entry's index in the log and its leaf hash

_LISTING, _SLOTS = b"\x00", b"\x01"
_INNER = [b"\x01" + position.to_bytes(2, "big") for position in range(SUBJECT_BITS)]


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the map says of *subject* (32 bytes)."""

    subject: bytes
    count: int
    last: int
    mini_root: bytes

    @property
    def hash(self) -> bytes:
        return _leaf_hash(self.subject, self.count, self.last, self.mini_root)


@dataclass(frozen=True, slots=True)
class Step:
    """One node on the way from a leaf to the root: where its subjects part, and the hash of the other side."""

    position: int
    sibling: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """Where a subject's bits lead: a leaf, of this subject or another (None: the map is empty), and its way up."""

    leaf: Leaf | None
    path: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update changed: the *pages* to write, the new *root*, and how many subjects are new."""

    root: bytes
    new_subjects: int
    pages: Mapping[Page, bytes]


@dataclass(slots=True)
class Mini:
    """A subject's tree as far as it must be known to grow: the roots of its complete subtrees, the largest first."""

    count: int = 0
    last: int = 0
    edge: list[bytes] = field(default_factory=list)

    def add(self, index: int, leaf: bytes) -> None:
        """One entry more. *index* must be above the last one's."""
        node = sha256(b"\x00" + index.to_bytes(8, "big") + leaf).digest()
        ones = self.count
        while ones & 1:
            node = sha256(b"\x01" + self.edge.pop() + node).digest()
            ones >>= 1
        self.edge.append(node)
        self.count, self.last = self.count + 1, index

    @property
    def root(self) -> bytes:
        node = self.edge[-1] if self.edge else EMPTY_ROOT
        for left in reversed(self.edge[:-1]):
            node = node_hash(left, node)
        return node


# Checking ------------------------------------------------------------------------------------------------------------


def check_path(*, subject: bytes, leaf: Leaf | None, path: Sequence[Step], root: bytes) -> None:
    """Raises ProofInvalid unless *leaf* is where *subject* leads under *root*; of another subject, it shows absence."""
    if leaf is None:
        if path or root != EMPTY_ROOT:
            raise ProofInvalid("the map is not empty")
        return
    node, above = leaf.hash, SUBJECT_BITS
    for step in path:
        if not 0 <= step.position < above or _bit(subject, step.position) != _bit(leaf.subject, step.position):
            raise ProofInvalid("the path is not the subject's")
        node, above = _climb(leaf.subject, node, step), step.position
    if node != root:
        raise ProofInvalid("the path does not lead to the map's root")


def _climb(subject: bytes, node: bytes, step: Step) -> bytes:
    left, right = (step.sibling, node) if _bit(subject, step.position) else (node, step.sibling)
    return sha256(_INNER[step.position] + left + right).digest()


def _bit(subject: bytes, position: int) -> int:
    return subject[position >> 3] >> (7 - (position & 7)) & 1


def _leaf_hash(subject: bytes, count: int, last: int, mini_root: bytes) -> bytes:
    return sha256(b"\x00" + subject + count.to_bytes(8, "big") + last.to_bytes(8, "big") + mini_root).digest()


# Tries over sorted subjects ------------------------------------------------------------------------------------------


def _gaps(subjects: Sequence[bytes]) -> list[int]:
    """Between each two neighbours of the sorted *subjects*, the first bit in which they differ."""
    numbers = [int.from_bytes(subject, "big") for subject in subjects]
    return [SUBJECT_BITS - (a ^ b).bit_length() for a, b in zip(numbers, numbers[1:], strict=False)]


def _fold(hashes: Sequence[bytes], gaps: Sequence[int]) -> bytes:
    """The root over neighbours with these *gaps* between them: the smallest gap is the topmost node."""
    positions, lefts = [-1], [b""]  # of the nodes whose right side is still to come, positions rising
    rest = iter(hashes)
    node = next(rest)
    for gap, following in zip(gaps, rest, strict=True):
        while positions[-1] > gap:
            node = sha256(_INNER[positions.pop()] + lefts.pop() + node).digest()
        positions.append(gap)
        lefts.append(node)
        node = following
    while len(lefts) > 1:
        node = sha256(_INNER[positions.pop()] + lefts.pop() + node).digest()
    return node


def _way_down(subject: bytes, hashes: Sequence[bytes], gaps: Sequence[int]) -> tuple[int, list[Step]]:
    """The place among *hashes* that *subject* leads to, and the steps from the top."""
    lo, hi, steps = 0, len(hashes), []
    while hi - lo > 1:
        position = min(gaps[lo : hi - 1])
        cut = gaps.index(position, lo) + 1
        if _bit(subject, position):
            sibling = _fold(hashes[lo:cut], gaps[lo : cut - 1])
            lo = cut
        else:
            sibling = _fold(hashes[cut:hi], gaps[cut : hi - 1])
            hi = cut
        steps.append(Step(position, sibling))
    return lo, steps


# Pages ---------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Listing:
    """A page that lists its subjects, sorted: their leaves' hashes and their mini trees as they are stored."""

    subjects: list[bytes]
    hashes: list[bytes]
    minis: list[bytes]

    @classmethod
    def parse(cls, content: bytes) -> "_Listing":
        """Kind, number of subjects (u32), subjects, hashes, sizes of the edges (u8 each), mini trees."""
        count = int.from_bytes(content[1:5], "big")
        parts = [content[i : i + HASH_SIZE] for i in range(5, 5 + 2 * count * HASH_SIZE, HASH_SIZE)]
        start = 5 + 2 * count * HASH_SIZE
        lengths = [16 + HASH_SIZE * size for size in content[start : start + count]]
        ends = list(accumulate(lengths, initial=start + count))
        if ends[-1] != len(content):
            raise Malformed("a page of the map is damaged")
        minis = [content[a:b] for a, b in zip(ends, ends[1:], strict=False)]
        return cls(parts[:count], parts[count:], minis)

    def encode(self) -> bytes:
        sizes = bytes([len(mini) // HASH_SIZE for mini in self.minis])
        count = len(self.subjects).to_bytes(4, "big")
        return b"".join([_LISTING, count, *self.subjects, *self.hashes, sizes, *self.minis])

    def add(self, subject: bytes, places: Iterable[Place]) -> bool:
        """More entries of *subject*; whether it is new here."""
        at = bisect_left(self.subjects, subject)
        is_new = at == len(self.subjects) or self.subjects[at] != subject
        mini = Mini() if is_new else _parse_mini(self.minis[at])
        for index, leaf in places:
            mini.add(index, leaf)
        stored = mini.count.to_bytes(8, "big") + mini.last.to_bytes(8, "big") + b"".join(mini.edge)
        hashed = _leaf_hash(subject, mini.count, mini.last, mini.root)
        if is_new:
            self.subjects.insert(at, subject)
            self.hashes.insert(at, hashed)
            self.minis.insert(at, stored)
        else:
            self.hashes[at], self.minis[at] = hashed, stored
        return is_new

    def part(self, lo: int, hi: int) -> "_Listing":
        return _Listing(self.subjects[lo:hi], self.hashes[lo:hi], self.minis[lo:hi])

    def leaf(self, at: int) -> Leaf:
        mini = _parse_mini(self.minis[at])
        return Leaf(self.subjects[at], mini.count, mini.last, mini.root)


def _parse_mini(stored: bytes) -> Mini:
    edge = [stored[i : i + HASH_SIZE] for i in range(16, len(stored), HASH_SIZE)]
    return Mini(int.from_bytes(stored[:8], "big"), int.from_bytes(stored[8:16], "big"), edge)


def _parse_slots(content: bytes) -> dict[int, bytes]:
    """Kind, u16 with a bit for each slot that is taken (slot 0 the lowest), their hashes in order."""
    taken = int.from_bytes(content[1:3], "big")
    slots = [slot for slot in range(SLOTS) if taken >> slot & 1]
    if len(content) != 3 + len(slots) * HASH_SIZE:
        raise Malformed("a page of the map is damaged")
    return {slot: content[3 + i * HASH_SIZE : 35 + i * HASH_SIZE] for i, slot in enumerate(slots)}


def _encode_slots(slots: Mapping[int, bytes]) -> bytes:
    taken = sum(1 << slot for slot in slots)
    return b"".join([_SLOTS, taken.to_bytes(2, "big"), *(slots[slot] for slot in sorted(slots))])


def _slot_gaps(level: int, slots: Sequence[int]) -> list[int]:
    end = BITS * (level + 1)
    return [end - (a ^ b).bit_length() for a, b in zip(slots, slots[1:], strict=False)]


def _fold_slots(level: int, slots: Mapping[int, bytes]) -> bytes:
    taken = sorted(slots)
    return _fold([slots[slot] for slot in taken], _slot_gaps(level, taken))


def _slot(subject: bytes, level: int) -> int:
    byte = subject[level >> 1]
    return byte & 15 if level & 1 else byte >> 4


def _child(page: Page, slot: int) -> Page:
    return page[0] + 1, page[1] << BITS | slot


def pages_towards(subject: bytes) -> list[Page]:
    """All pages that can lie on the way of *subject*, the topmost first."""
    number = int.from_bytes(subject[:8], "big") >> (64 - BITS * DEEPEST)
    return [(level, number >> BITS * (DEEPEST - level)) for level in range(DEEPEST + 1)]


# Updating ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Update:
    """One update under way: what is added by subject, and what comes of it."""

    added: Mapping[bytes, list[Place]]
    subjects: Sequence[bytes]  # sorted
    roots: dict[Page, bytes] = field(default_factory=dict)
    written: dict[Page, bytes] = field(default_factory=dict)
    new_subjects: int = 0

    def list_into(self, page: Page, content: bytes | None, lo: int, hi: int) -> None:
        """The subjects from *lo* to *hi* join a page that lists its own (or is not there yet)."""
        listing = _Listing.parse(content) if content else _Listing([], [], [])
        for subject in self.subjects[lo:hi]:
            self.new_subjects += listing.add(subject, self.added[subject])
        self.roots[page] = self._store(page, listing)

    def _store(self, page: Page, listing: _Listing) -> bytes:
        """Write the page, in 16 parts if it lists too many; its root."""
        if len(listing.subjects) <= MOST_SUBJECTS or page[0] == DEEPEST:
            self.written[page] = listing.encode()
            return _fold(listing.hashes, _gaps(listing.subjects))
        runs = _runs(listing.subjects, page[0], 0, len(listing.subjects))
        slots = {slot: self._store(_child(page, slot), listing.part(a, b)) for slot, a, b in runs}
        return self.write_slots(page, slots)

    def write_slots(self, page: Page, slots: Mapping[int, bytes]) -> bytes:
        self.written[page] = _encode_slots(slots)
        self.roots[page] = root = _fold_slots(page[0], slots)
        return root


def _runs(subjects: Sequence[bytes], level: int, lo: int, hi: int) -> list[tuple[int, int, int]]:
    """The sorted subjects from *lo* to *hi* by their slot at *level*: slot, from, to."""
    runs = []
    while lo < hi:
        slot, start = _slot(subjects[lo], level), lo
        while lo < hi and _slot(subjects[lo], level) == slot:
            lo += 1
        runs.append((slot, start, lo))
    return runs


def update(*, places: Iterable[tuple[bytes, int, bytes]], fetch: Fetch) -> Updated:
    """The map after more entries: subject, index, leaf hash of each, indexes rising.

    Pure: nothing but the result changes. One fetch for each level that is touched; hashes grow with the number of
    subjects touched and with the logarithm of the map's size. Raises Malformed if a page is missing or damaged.
    """
    added: dict[bytes, list[Place]] = {}
    for subject, index, leaf in places:
        added.setdefault(subject, []).append((index, leaf))
    assert added, "an update adds something"
    work = _Update(added, sorted(added))
    above: dict[Page, dict[int, bytes]] = {}  # pages of slots on the way, each after the one that it hangs under
    touched: dict[Page, list[int]] = {}  # their slots that change
    wanted: dict[Page, tuple[int, int]] = {(0, 0): (0, len(added))}
    while wanted:
        contents = fetch(list(wanted))
        below: dict[Page, tuple[int, int]] = {}
        for page, (lo, hi) in wanted.items():
            content = _required(page, contents.get(page), above)
            if content and content[:1] == _SLOTS:
                above[page] = _parse_slots(content)
                runs = _runs(work.subjects, page[0], lo, hi)
                touched[page] = [slot for slot, _, _ in runs]
                below |= {_child(page, slot): (a, b) for slot, a, b in runs}
            else:
                work.list_into(page, content, lo, hi)
        wanted = below
    for page in reversed(above):
        changed = {slot: work.roots[_child(page, slot)] for slot in touched[page]}
        work.write_slots(page, above[page] | changed)
    return Updated(work.roots[0, 0], work.new_subjects, work.written)


def _required(page: Page, content: bytes | None, above: Mapping[Page, Mapping[int, bytes]]) -> bytes | None:
    """The page's content; None where there is none and none should be. A lost page would be a wrong root, unseen."""
    level, number = page
    is_there = level == 0 or number & (SLOTS - 1) in above[level - 1, number >> BITS]
    if level and is_there != (content is not None):
        raise Malformed(f"page {level}/{number} of the map is missing or too many")
    return content


# Proving -------------------------------------------------------------------------------------------------------------


def prove(*, subject: bytes, fetch: Fetch) -> Found:
    """Where *subject* leads. One fetch a level; for a subject in the map the pages are among ``pages_towards`` it."""
    steps: list[Step] = []
    page: Page = (0, 0)
    while (content := fetch([page]).get(page)) and content[:1] == _SLOTS:
        slots = _parse_slots(content)
        taken = sorted(slots)
        at, way = _way_down(subject, [slots[slot] for slot in taken], _slot_gaps(page[0], taken))
        steps += way
        page = _child(page, taken[at])
    if content is None:
        if page != (0, 0):
            raise Malformed(f"page {page[0]}/{page[1]} of the map is missing")
        return Found(None, ())
    listing = _Listing.parse(content)
    at, way = _way_down(subject, listing.hashes, _gaps(listing.subjects))
    return Found(listing.leaf(at), tuple(reversed(steps + way)))


class WholeMap:
    """The map in memory, made from all entries: for recomputing, and for proofs of the past. Needs memory for all."""

    def __init__(self) -> None:
        self._minis: dict[bytes, Mini] = {}

    def add(self, subject: bytes, index: int, leaf: bytes) -> None:
        """The entry at *index*; indexes rise."""
        self._minis.setdefault(subject, Mini()).add(index, leaf)

    @property
    def subjects(self) -> int:
        """How many subjects it has."""
        return len(self._minis)

    def root(self) -> bytes:
        """The map's root; costs two hashes a subject."""
        subjects = sorted(self._minis)
        return _fold([self._leaf(s).hash for s in subjects], _gaps(subjects)) if subjects else EMPTY_ROOT

    def prove(self, subject: bytes) -> Found:
        """Where *subject* leads; costs as much as the root."""
        subjects = sorted(self._minis)
        if not subjects:
            return Found(None, ())
        at, steps = _way_down(subject, [self._leaf(s).hash for s in subjects], _gaps(subjects))
        return Found(self._leaf(subjects[at]), tuple(reversed(steps)))

    def _leaf(self, subject: bytes) -> Leaf:
        mini = self._minis[subject]
        return Leaf(subject, mini.count, mini.last, mini.root)
