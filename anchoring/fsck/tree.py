"""The tree computed again: leaves, tiles, each checkpoint on the way, the head at the end."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

from django.db.models import Exists, Max, OuterRef

from anchoring import store
from anchoring.fsck.finding import Finding, Findings, Moment, Progress, Tally
from anchoring.fsck.since import sealed as sealed_at
from anchoring.keys import verify_ed25519
from anchoring.models import Checkpoint, Entry, Head, Leaf, Tile
from anchoring.protocol import tiles
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.checkpoint import Checkpoint as CheckpointText
from anchoring.protocol.checkpoint import parse_checkpoint
from anchoring.protocol.merkle import EMPTY_ROOT, leaf_hash, node_hash
from anchoring.protocol.note import Verifier, open_note
from anchoring.protocol.tiles import HASH_SIZE, TILE_SIZE, WIDTH

Verifiers = Callable[[int], Sequence[Verifier]]
LOST = "is missing, and no tile has its hash: the tree cannot be computed any further"


class Tree:
    """A Merkle tree that grows leaf by leaf and knows its root: complete subtrees of falling size, no more."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append a leaf's hash: it becomes one with as many subtrees as the size has binary ones at its end."""
        ones = self.size
        while ones & 1:
            leaf = node_hash(self._subtrees.pop(), leaf)
            ones >>= 1
        self._subtrees.append(leaf)
        self.size += 1

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        root = self._subtrees[-1] if self._subtrees else EMPTY_ROOT
        for left in reversed(self._subtrees[:-1]):
            root = node_hash(left, root)
        return root


def check_tree(verifiers: Verifiers, tally: Tally, progress: Progress) -> Findings:
    """Leaves in order of their index, tile by tile, with everything that follows from them."""
    size, tree = _extent(), Tree()
    upper, signed = _UpperTiles(), _Checkpoints(verifiers)
    for number in range(-(-size // WIDTH)):
        hashes = yield from _check_leaves(number, min(size - number * WIDTH, WIDTH))
        if hashes is None:
            return
        for start in range(0, len(hashes), HASH_SIZE):
            tree.add(hashes[start : start + HASH_SIZE])
            yield from signed.check_at(tree)
        yield from upper.add(number, hashes)
        progress(len(hashes) // HASH_SIZE)
    yield from upper.finish()
    yield from signed.finish(tree)
    yield from _check_head(tree)
    tally.leaves, tally.tiles, tally.checkpoints = size, upper.checked, signed.checked
    tally.unsigned = max(0, size - signed.newest)


def _extent() -> int:
    """How many leaves to look for: as many as the leaves' rows or the tiles speak of, whichever are more."""
    newest = Leaf.objects.aggregate(newest=Max("index"))["newest"]
    tile = Tile.objects.filter(level=0).order_by("-n").first()
    in_tiles = tile.n * WIDTH + len(bytes(tile.hashes)) // HASH_SIZE if tile else 0
    return max(0 if newest is None else newest + 1, in_tiles)


def _check_head(tree: Tree) -> Findings:
    head = Head.objects.filter(pk=1).order_by("pk").first()
    if head is None:
        if tree.size:
            yield Finding("head", f"is missing; the log has {tree.size} leaves")
    elif head.size != tree.size:
        yield Finding("head, column size", f"is {head.size}; the log has {tree.size} leaves")
    elif bytes(head.root) != tree.root:
        yield Finding("head, column root", "is not the root of the log's leaves")


# Leaves and tiles ----------------------------------------------------------------------------------------------------


def _check_leaves(number: int, width: int) -> Generator[Finding, None, bytes | None]:
    """One tile of level 0 with its leaves. Gives the joined hashes that the tree goes on with, None if one is lost."""
    start = number * WIDTH
    entry = Entry.objects.filter(pk=OuterRef("entry_id"))
    rows = Leaf.objects.filter(index__gte=start, index__lt=start + width).annotate(has_entry=Exists(entry))
    leaves = {row.index: row for row in rows.order_by("index").values_list(named=True)}
    stored = _stored(0, number)
    settled = []
    for index in range(start, start + width):
        row, in_tile = leaves.get(index), _hash_at(stored or b"", index - start)
        if row is not None and not row.has_entry:
            yield Finding(f"leaf {index}", f"its entry (seq {row.entry_id}) is gone", sealed_at(index))
        if row is None:
            yield Finding(f"leaf {index}", "is missing" if in_tile else LOST, sealed_at(index))
        if row is None and in_tile is None:
            return None
        settled.append(_settled(row, in_tile))
    hashes = b"".join(settled)
    yield from _check_tile(0, number, hashes, stored)
    return hashes


def _settled(leaf: Any, in_tile: bytes | None) -> bytes:
    """The hash that two of the leaf's row, the tile and the entry agree on; the odd one is named elsewhere."""
    if leaf is None:
        assert in_tile is not None
        return in_tile
    own = bytes(leaf.hash)
    if in_tile in (own, None):
        return own
    entry = Entry.objects.filter(pk=leaf.entry_id).order_by("pk").first()
    return in_tile if entry is not None and in_tile == leaf_hash(bytes(entry.data)) else own


class _UpperTiles:
    """The tiles of level 0 come in; those above are made from them and compared."""

    def __init__(self) -> None:
        self.checked = 0
        self._open: list[bytes] = []  # by level, from 1: the hashes of the tile that is not full yet
        self._numbers: dict[int, int] = {}  # by level: how many tiles were begun

    def add(self, number: int, hashes: bytes) -> Findings:
        """One checked tile of level 0, and each tile above that it fills."""
        self.checked += 1
        self._numbers[0] = number + 1
        level = 1
        while len(hashes) == TILE_SIZE:
            if len(self._open) < level:
                self._open.append(b"")
                self._numbers[level] = 0
            hashes = self._open[level - 1] + tiles.subtree_root(hashes)
            self._open[level - 1] = hashes
            if len(hashes) == TILE_SIZE:
                yield from self._close(level)
            level += 1

    def finish(self) -> Findings:
        """The partial tiles, and those that should not be there."""
        for level, hashes in enumerate(self._open, start=1):
            if hashes:
                yield from self._close(level)
        for level, number in Tile.objects.order_by("level", "n").values_list("level", "n").iterator():
            if number >= self._numbers.get(level, 0):
                yield Finding(f"tile {level}/{number}", "lies beyond the log's end")

    def _close(self, level: int) -> Findings:
        number, hashes = self._numbers[level], self._open[level - 1]
        yield from _check_tile(level, number, hashes, _stored(level, number))
        self._numbers[level], self._open[level - 1] = number + 1, b""
        self.checked += 1


def _stored(level: int, number: int) -> bytes | None:
    return store.read_tiles([(level, number)]).get((level, number))


def _check_tile(level: int, number: int, hashes: bytes, stored: bytes | None) -> Findings:
    where, leaves = f"tile {level}/{number}", WIDTH**level  # under one of its hashes
    if stored == hashes:
        return
    whole = sealed_at((number * WIDTH + len(hashes) // HASH_SIZE) * leaves - 1)
    if stored is None:
        yield Finding(where, "is missing", whole)
    elif len(stored) != len(hashes):
        yield Finding(where, f"has {len(stored)} bytes where the log needs {len(hashes)}", whole)
    else:
        wrong = next(i for i in range(WIDTH) if _hash_at(stored, i) != _hash_at(hashes, i))
        below = f"leaf {number * WIDTH + wrong}" if level == 0 else f"tile {level - 1}/{number * WIDTH + wrong}"
        last = (number * WIDTH + wrong + 1) * leaves - 1
        yield Finding(where, f"its hash {wrong} is not that of {below}", sealed_at(last))


def _hash_at(hashes: bytes, position: int) -> bytes | None:
    found = hashes[position * HASH_SIZE : (position + 1) * HASH_SIZE]
    return found if len(found) == HASH_SIZE else None


# Checkpoints ---------------------------------------------------------------------------------------------------------


class _Checkpoints:
    """The checkpoints in order of size, each compared when the tree has come to it."""

    def __init__(self, verifiers: Verifiers) -> None:
        self.checked = self.newest = self._broken = self._last_good = 0
        self._verifiers = verifiers
        self._rows = Checkpoint.objects.order_by("size").iterator(chunk_size=1_000)
        self._next = next(self._rows, None)

    def check_at(self, tree: Tree) -> Findings:
        """Compare the checkpoint of this size, if there is one."""
        while self._next is not None and self._next.size <= tree.size:
            self.newest = self._next.size
            yield from self._check(self._next, tree)
            self._pass()

    def finish(self, tree: Tree) -> Findings:
        """Count those that cannot hold, and name those that are larger than the tree."""
        if self._broken > 1:
            yield Finding("checkpoints", f"{self._broken - 1} after the first that does not hold do not hold either")
        while self._next is not None:
            yield Finding(f"checkpoint {self._next.size}", f"covers more than the log's {tree.size} leaves")
            self._pass()

    def _pass(self) -> None:
        self.checked += 1
        self._next = next(self._rows, None)

    def _check(self, row: Checkpoint, tree: Tree) -> Findings:
        where = f"checkpoint {row.size}"
        try:
            text = self._opened(row)
        except Malformed as error:
            yield Finding(f"{where}, column note", f"is not a checkpoint that this log signed: {error}")
            return
        if text.size != row.size or row.size != tree.size:
            yield Finding(f"{where}, column size", f"is not what was signed: {text.size}")
            return
        if text.root != tree.root:
            yield from self._another_root(row)
        else:
            self._last_good = row.size
        if bytes(row.root) != text.root:
            yield Finding(f"{where}, column root", "is not the root that was signed")

    def _another_root(self, row: Checkpoint) -> Findings:
        """The first seal that does not hold says where; those after it cannot hold either, and are only counted."""
        self._broken += 1
        if self._broken == 1:
            seal = sealed_at(row.size - 1)
            where = f", to the leaves {self._last_good} to {row.size - 1},"
            after = Moment(seal.at, seal.words + where) if seal else None
            yield Finding(f"checkpoint {row.size}", "what was signed is not the root of the log's leaves", after)

    def _opened(self, row: Checkpoint) -> CheckpointText:
        verifiers = self._verifiers(row.size)
        return parse_checkpoint(open_note(row.note, verifiers, verify_ed25519).text)
