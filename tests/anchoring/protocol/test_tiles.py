"""Tiles against the definition of their hashes, appended in any portions, read at any older size."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.protocol import merkle
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.tiles import (
    HASH_SIZE,
    TileReader,
    append,
    edge,
    parse_tile_path,
    place,
    subtree_root,
    tile_path,
)
from tests.anchoring.protocol import reference
from tests.anchoring.protocol.reference import LEAVES, mth
from tests.anchoring.protocol.world import is_refused


def grow(portions):
    """A tree grown by *portions*, keeping all tiles; every append is given its edge and nothing else."""
    size, tiles, top = 0, {}, merkle.EMPTY_ROOT
    for portion in portions:
        leaves = LEAVES[size : size + portion]
        appended = append(size=size, tiles={tile: tiles[tile] for tile in edge(size)}, leaves=leaves)
        size, top = appended.size, appended.root
        tiles |= appended.tiles
    return size, top, tiles


def defined_tiles(size):
    """All tiles of a tree of *size* by their definition: hash i of (L, N) is the root over its range of entries."""
    tiles = {}
    level = 0
    while size >> 8 * level:
        span = 256**level
        for i in range(size // span):
            tiles[level, i // 256] = tiles.get((level, i // 256), b"") + mth(i * span, (i + 1) * span)
        level += 1
    return tiles


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 700])
def test_tiles_hold_the_hashes_of_their_definition(size):
    grown, top, tiles = grow([size])
    assert (grown, top, tiles) == (size, mth(0, size), defined_tiles(size))


@given(st.lists(st.integers(0, 300), max_size=5))
def test_the_same_tree_grows_in_any_portions(portions):
    total = sum(portions)
    while total > len(LEAVES):
        total -= portions.pop()
    assert grow(portions) == (total, mth(0, total), defined_tiles(total))


def test_only_tiles_that_changed_are_written():
    size, _, tiles = grow([300])
    appended = append(size=size, tiles={tile: tiles[tile] for tile in edge(size)}, leaves=LEAVES[300:301])
    assert {tile: len(hashes) // HASH_SIZE for tile, hashes in appended.tiles.items()} == {(0, 1): 45}


def test_an_append_of_nothing_writes_nothing_and_keeps_the_root():
    _, top, tiles = grow([300])
    appended = append(size=300, tiles=tiles, leaves=[])
    assert (appended.size, appended.root, appended.tiles) == (300, top, {})


def test_tiles_that_have_grown_since_still_serve_the_older_size():
    _, _, tiles = grow([600])
    for size in (1, 200, 256, 300, 599):
        appended = append(size=size, tiles=tiles, leaves=LEAVES[size : size + 1])
        assert appended.root == mth(0, size + 1)


def test_three_levels_have_the_shape_that_the_specification_prints():
    leaves = [sha256(b"%d" % i).digest() for i in range(70_000)]
    tiles = append(size=0, tiles={}, leaves=leaves).tiles
    widths = {}
    for (level, _), hashes in tiles.items():
        widths.setdefault(level, []).append(len(hashes) // HASH_SIZE)
    assert widths == {0: [256] * 273 + [112], 1: [256, 17], 2: [1]}
    assert edge(70_000) == {(0, 273): 112, (1, 1): 17, (2, 0): 1}
    assert tiles[1, 0][:HASH_SIZE] == subtree_root(b"".join(leaves[:256]))
    assert tiles[2, 0] == subtree_root(b"".join(leaves[:65536]))


def test_256_leaves_fill_one_tile_and_begin_the_next_level():
    assert edge(256) == {(1, 0): 1}
    assert edge(0) == {}


def test_every_node_has_its_place():
    assert (place(0, 0).tile, place(0, 0).start, place(0, 0).width) == ((0, 0), 0, 1)
    assert (place(0, 300).tile, place(0, 300).start, place(0, 300).width) == ((0, 1), 44, 45)
    assert (place(7, 3).tile, place(7, 3).start, place(7, 3).width) == ((0, 1), 128, 256)
    assert (place(8, 3).tile, place(8, 3).start, place(8, 3).width) == ((1, 0), 3, 4)
    assert (place(17, 5).tile, place(17, 5).start, place(17, 5).width) == ((2, 0), 10, 12)


class Fetch:
    """Tiles in memory, remembering what was asked for."""

    def __init__(self, tiles):
        self.tiles = tiles
        self.asked = []

    def __call__(self, wanted):
        self.asked.append(list(wanted))
        return {tile: self.tiles[tile] for tile in wanted if tile in self.tiles}


def test_proofs_over_tiles_are_the_definitions_at_every_older_size():
    _, _, tiles = grow([700])
    for size in (1, 2, 130, 255, 256, 257, 511, 512, 513, 699, 700):
        read = TileReader(Fetch(tiles))
        assert merkle.root(size=size, read=read) == mth(0, size)
        for index in range(0, size, 7):
            assert merkle.prove_inclusion(index=index, size=size, read=read) == reference.path(index, size)
        for old in range(1, size, 7):
            assert merkle.prove_consistency(old_size=old, new_size=size, read=read) == reference.consistency(old, size)


def test_a_proof_costs_one_fetch_of_each_tile_once():
    _, _, tiles = grow([700])
    fetch = Fetch(tiles)
    merkle.prove_inclusions(indexes=range(700), size=700, read=TileReader(fetch))
    assert fetch.asked == [[(0, 0), (0, 1), (0, 2), (1, 0)]]


def test_a_tile_that_is_missing_or_short_is_named():
    _, _, tiles = grow([300])
    with pytest.raises(Malformed, match="tile 0/1 holds 0 hashes of 44"):
        append(size=300, tiles={(1, 0): tiles[1, 0]}, leaves=LEAVES[300:301])
    with pytest.raises(Malformed, match="tile 0/1 holds 43 hashes of 44"):
        append(size=300, tiles=tiles | {(0, 1): tiles[0, 1][:-1]}, leaves=LEAVES[300:301])
    with pytest.raises(Malformed, match="tile 1/0 holds 0 hashes of 1"):
        merkle.root(size=300, read=TileReader(lambda wanted: {(0, 1): tiles[0, 1]}))


PATHS = {
    (0, 0, None): "tile/0/000",
    (0, 0, 1): "tile/0/000.p/1",
    (1, 999, 255): "tile/1/999.p/255",
    (0, 1000, None): "tile/0/x001/000",
    (0, 1234067, None): "tile/0/x001/x234/067",
    (63, 1234067, 8): "tile/63/x001/x234/067.p/8",
}


@pytest.mark.parametrize("tile", PATHS)
def test_a_tile_is_served_where_the_specification_says(tile):
    assert tile_path(*tile) == PATHS[tile]
    assert parse_tile_path(PATHS[tile]) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000\n",
        "tile/0/٠٠٠",
        " tile/0/000",
        "tile/0/000/",
        "tile/entries/000",
        "tile/0/" + "x999/" * 6 + "999",
        "tile/0/" + "x999/" * 1000 + "999",
        "tile/0/../000",
    ],
)
def test_no_other_path_names_a_tile(path):
    assert is_refused(parse_tile_path, path)


@given(st.integers(0, 63), st.integers(0, 2**63 - 1), st.none() | st.integers(1, 255))
def test_paths_and_tiles_are_one_to_one(level, number, width):
    path = tile_path(level, number, width)
    if len(path) < 64:
        assert parse_tile_path(path) == (level, number, width)
