"""Tiles: the tree kept as runs of up to 256 hashes, as C2SP tlog-tiles has them at height 8 (protocol.md §3).

Hash *i* of tile ``(L, N)`` is node ``(8 * L, 256 * N + i)`` of :mod:`merkle`. Levels in between are hashed from these.
A tile only ever grows at its end, so one that is longer than an older size needs serves that size as well.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from anchoring.protocol import merkle
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.merkle import MAX_SIZE, Node
from anchoring.protocol.scalars import decimal

HEIGHT = 8
WIDTH = 1 << HEIGHT
HASH_SIZE = 32
TILE_SIZE = WIDTH * HASH_SIZE
MAX_LEVEL = 63

Tile = tuple[int, int]  # level L and number N
Fetch = Callable[[Sequence[Tile]], Mapping[Tile, bytes]]

_PATH = re.compile(r"tile/(0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node is found: the root over *count* hashes of *tile* from position *start*."""

    tile: Tile
    start: int
    count: int

    @property
    def width(self) -> int:
        """How many hashes the tile must have."""
        return self.start + self.count


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append changed: the *tiles* to write, full or partial, and the tree's new *size* and *root*."""

    size: int
    root: bytes
    tiles: Mapping[Tile, bytes]


def place(level: int, index: int) -> Place:
    """The tile and the part of it that hold the node ``(level, index)``."""
    tile_level, height = divmod(level, HEIGHT)
    number, start = divmod(index << height, WIDTH)
    return Place(tile=(tile_level, number), start=start, count=1 << height)


def subtree_root(hashes: bytes) -> bytes:
    """The root over the joined 32-byte *hashes*, whose number is a power of two."""
    while len(hashes) > HASH_SIZE:
        hashes = b"".join([sha256(b"\x01" + hashes[i : i + 64]).digest() for i in range(0, len(hashes), 64)])
    return hashes


# By its content, so it is never wrong. Proofs share the upper tiles, and neighbours the lowest one; 2 MB at most.
_remembered_root = lru_cache(maxsize=512)(subtree_root)


@dataclass(frozen=True, slots=True)
class TileReader:
    """The port :data:`merkle.Read` over a *fetch* of tiles: one fetch for one read, whatever its length."""

    fetch: Fetch

    def __call__(self, nodes: Sequence[Node]) -> list[bytes]:
        """Raises Malformed if a tile is missing or too short for a node asked for."""
        places = [place(level, index) for level, index in nodes]
        tiles = self.fetch(sorted({where.tile for where in places}))
        return [_read_place(tiles, where) for where in places]


def _read_place(tiles: Mapping[Tile, bytes], where: Place) -> bytes:
    hashes = _prefix(tiles, where.tile, where.width)
    return _remembered_root(hashes[where.start * HASH_SIZE :])


def _prefix(tiles: Mapping[Tile, bytes], tile: Tile, width: int) -> bytes:
    """The first *width* hashes of *tile*, which may have grown beyond them."""
    hashes = tiles.get(tile, b"")
    if len(hashes) < width * HASH_SIZE:
        raise Malformed(f"tile {tile[0]}/{tile[1]} holds {len(hashes) // HASH_SIZE} hashes of {width}")
    return hashes[: width * HASH_SIZE]


def edge(size: int) -> dict[Tile, int]:
    """The partial tiles of a tree of *size* and their widths: all that an append must be given."""
    assert 0 <= size < MAX_SIZE
    widths = {}
    level, count = 0, size
    while count:
        number, width = divmod(count, WIDTH)
        if width:
            widths[level, number] = width
        level, count = level + 1, number
    return widths


def append(*, size: int, tiles: Mapping[Tile, bytes], leaves: Sequence[bytes]) -> Appended:
    """Appends the leaf hashes *leaves* to a tree of *size*, whose partial tiles, named by :func:`edge`, are *tiles*.

    Pure: nothing but the result changes. Costs one hash a leaf and a little more. Raises Malformed if a tile lacks.
    """
    known = {tile: _prefix(tiles, tile, width) for tile, width in edge(size).items()}
    written: dict[Tile, bytes] = {}
    level, count = 0, size
    grown = b"".join(leaves)
    assert len(grown) == len(leaves) * HASH_SIZE
    while grown:
        fresh = _cut(level, count, known, grown)
        written |= fresh
        grown = b"".join([subtree_root(hashes) for hashes in fresh.values() if len(hashes) == TILE_SIZE])
        level, count = level + 1, count // WIDTH
    new_size = size + len(leaves)
    known |= written
    return Appended(size=new_size, root=merkle.root(size=new_size, read=TileReader(lambda _: known)), tiles=written)


def _cut(level: int, count: int, known: Mapping[Tile, bytes], grown: bytes) -> dict[Tile, bytes]:
    """The tiles of *level* that change when the hashes *grown* follow the *count* that are there."""
    number = count // WIDTH
    hashes = known.get((level, number), b"") + grown
    return {
        (level, number + i): hashes[i * TILE_SIZE : (i + 1) * TILE_SIZE] for i in range(-(-len(hashes) // TILE_SIZE))
    }


def tile_path(level: int, n: int, width: int | None = None) -> str:
    """``tile/<L>/<N>[.p/<W>]``: where the tile is served; *width* only for a partial one."""
    assert 0 <= level <= MAX_LEVEL
    assert 0 <= n < MAX_SIZE
    assert width is None or 0 < width < WIDTH
    groups = [group.zfill(3) for group in f"{n:,}".split(",")]
    number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{number}" + (f".p/{width}" if width else "")


def parse_tile_path(path: str) -> tuple[int, int, int | None]:
    """Level, number and width (None: full) of :func:`tile_path`. Raises Malformed."""
    match = _PATH.fullmatch(path) if len(path) < 64 else None
    if match is None:
        raise Malformed("not the path of a tile")
    level, width = int(match[1]), int(match[3]) if match[3] else None
    number = decimal(match[2].replace("x", "").replace("/", "").lstrip("0") or "0")
    if level > MAX_LEVEL or (width or 0) >= WIDTH or tile_path(level, number, width) != path:
        raise Malformed("not the path of a tile")
    return level, number, width
