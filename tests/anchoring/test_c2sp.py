"""The log read by others: tlog-proofs by another's tool, checkpoint and tiles by a reader written from the C2SP texts.

The reader knows nothing of ours but the texts of tlog-tiles and tlog-checkpoint: paths, widths, what a hash of a tile
stands for. It is given a checkpoint and a place to fetch from, as a monitor that comes along would be.
"""

import base64
from collections.abc import Callable
from hashlib import sha256

import proofbundle
import pytest
from django.test import override_settings
from proofbundle.checkpoint import verify_checkpoint
from proofbundle.merkle import verify_inclusion

from anchoring import config, log, rotation
from anchoring.keys import SigningKey
from anchoring.models import Checkpoint as StoredCheckpoint
from anchoring.models import Entry, Tile
from anchoring.protocol.checkpoint import Checkpoint, format_checkpoint
from anchoring.protocol.merkle import leaf_hash, prove_inclusion
from anchoring.protocol.note import sign_note
from anchoring.protocol.proof import tlog_proof
from anchoring.protocol.tiles import TileReader, append, tile_path
from anchoring.seal import sequencer
from tests.anchoring.log_world import a_chain, a_subject, anchor_all, note, notes, register

ORIGIN = "insurer.example/log"
LOG_KEY = SigningKey(name=ORIGIN, seed=b"L" * 32)
NEXT_LOG_KEY = SigningKey(name=ORIGIN, seed=b"M" * 32)
STRANGER_KEY = SigningKey(name=ORIGIN, seed=b"S" * 32)

SMALL = [1, 2, 3, 255, 256, 257, 511, 512, 513]
LARGE = [65_535, 65_536, 65_537, 65_791, 65_792, 65_793, 131_073, 256_257]  # the last has tiles numbered x001/…


def entry(number: int) -> bytes:
    return b"entry %d" % number


class Log:
    """A log of that size, made with our tiles and signed with our keys."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.tree = append(size=0, tiles={}, leaves=[leaf_hash(entry(number)) for number in range(size)])
        self.note = self.sign(LOG_KEY)

    def sign(self, *keys: SigningKey, **changes: object) -> str:
        told = {"origin": ORIGIN, "size": self.size, "root": self.tree.root} | changes
        return sign_note(format_checkpoint(Checkpoint(**told)), keys)

    def path(self, index: int) -> list[bytes]:
        return prove_inclusion(index=index, size=self.size, read=TileReader(lambda wanted: self.tree.tiles))

    def proof(self, index: int) -> str:
        return tlog_proof(index, self.path(index), self.note)

    def served(self) -> dict[str, bytes]:
        """The tiles as files by their path."""
        return served(self.tree.tiles)


def served(tiles: dict[tuple[int, int], bytes]) -> dict[str, bytes]:
    return {
        tile_path(level, n, None if len(hashes) == 256 * 32 else len(hashes) // 32): hashes
        for (level, n), hashes in tiles.items()
    }


def places(size: int) -> list[int]:
    """Where paths take another turn: both ends, and around each power of 256 and of 2."""
    near = {
        0,
        size - 1,
        size // 2,
        *(edge + step for edge in (256, 65_536, 1 << size.bit_length() - 1) for step in (-1, 0)),
    }
    return sorted(index for index in near if 0 <= index < size)


# --- tlog-proof, by another's tool -----------------------------------------------------------------------------------


def accepts(text: str, leaf: bytes, key: str = LOG_KEY.verifier_key, origin: str = ORIGIN) -> bool:
    return proofbundle.verify_tlog_proof(text, leaf, key, expected_origin=origin)["ok"]


@pytest.mark.parametrize("size", SMALL + LARGE)
def test_anothers_tool_accepts_the_tlog_proof_of_an_entry_at_every_turn_of_the_tree(size) -> None:
    made = Log(size)
    assert [index for index in places(size) if not accepts(made.proof(index), entry(index))] == []
    assert [index for index in places(size) if accepts(made.proof(index), entry(index + 1))] == []


def lines_of(text: str) -> list[str]:
    return text.split("\n")


def with_path(text: str, change: Callable[[list[str]], list[str]]) -> str:
    """The tlog-proof with its hashes changed."""
    head, _, note_ = text.partition("\n\n")
    magic, index, *hashes = lines_of(head)
    return "\n".join([magic, index, *change(hashes)]) + "\n\n" + note_


def bent(encoded: str) -> str:
    """The hash with one bit changed."""
    data = bytearray(base64.b64decode(encoded))
    data[7] ^= 1
    return base64.b64encode(bytes(data)).decode()


def with_note(text: str, note_: str) -> str:
    return text.partition("\n\n")[0] + "\n\n" + note_


TREE = Log(700)
GOOD = TREE.proof(300)
SIGNATURE = TREE.note.partition("\n\n")[2]
ROOT = lines_of(TREE.note)[2]
DEFECTS = {
    "another version": GOOD.replace("@v1", "@v2"),
    "no version": GOOD.partition("\n")[2],
    "the entry's neighbour's index": GOOD.replace("index 300", "index 301"),
    "an index beyond the log": GOOD.replace("index 300", "index 700"),
    "an index with a leading zero": GOOD.replace("index 300", "index 0300"),
    "an index with a sign": GOOD.replace("index 300", "index +300"),
    "no index": GOOD.replace("index 300\n", ""),
    "the first hash missing": with_path(GOOD, lambda hashes: hashes[1:]),
    "the last hash missing": with_path(GOOD, lambda hashes: hashes[:-1]),
    "no hashes": with_path(GOOD, lambda hashes: []),
    "a hash too many": with_path(GOOD, lambda hashes: [*hashes, hashes[-1]]),
    "two hashes exchanged": with_path(GOOD, lambda hashes: [hashes[1], hashes[0], *hashes[2:]]),
    "a bit of a hash changed": with_path(GOOD, lambda hashes: [bent(hashes[0]), *hashes[1:]]),
    "a hash of 31 bytes": with_path(GOOD, lambda hashes: [base64.b64encode(bytes(31)).decode(), *hashes[1:]]),
    "a hash that is no base64": with_path(GOOD, lambda hashes: ["*" * 44, *hashes[1:]]),
    "the path of another entry": with_path(GOOD, lambda hashes: lines_of(TREE.proof(17).partition("\n\n")[0])[2:]),
    "no empty line": GOOD.replace("\n\n", "\n", 1),
    "no checkpoint": GOOD.partition("\n\n")[0] + "\n\n",
    "no signature": GOOD.replace(SIGNATURE, ""),
    "a signature by a stranger under our name": with_note(GOOD, TREE.sign(STRANGER_KEY)),
    "a signature of another checkpoint": GOOD.replace(SIGNATURE, Log(701).note.partition("\n\n")[2]),
    "a bit of the signature changed": GOOD.replace(SIGNATURE, SIGNATURE[:-12] + "AAAAAAAAAA" + SIGNATURE[-2:]),
    "the root changed": GOOD.replace(ROOT, bent(ROOT)),
    "the size changed": GOOD.replace("\n700\n", "\n701\n"),
    "the origin changed": GOOD.replace(f"\n\n{ORIGIN}\n", "\n\nother.example/log\n"),
    "a signed checkpoint of another origin": with_note(GOOD, TREE.sign(LOG_KEY, origin="other.example/log")),
    "a signed checkpoint of another tree": with_note(GOOD, TREE.sign(LOG_KEY, root=bytes(32))),
    "a signed checkpoint of another size": with_note(GOOD, Log(512).note),
    "line ends of another system": GOOD.replace("\n", "\r\n"),
    "cut off in the middle": GOOD[: len(GOOD) // 2],
    "cut off at the end": GOOD[:-1],
    "nothing": "",
}  # fmt: skip


def test_the_good_one_from_which_the_bad_ones_are_made_is_good() -> None:
    assert accepts(GOOD, entry(300))
    assert len(set(DEFECTS.values()) | {GOOD}) == len(DEFECTS) + 1


@pytest.mark.parametrize("defect", DEFECTS)
def test_anothers_tool_refuses(defect) -> None:
    assert not accepts(DEFECTS[defect], entry(300))


def test_anothers_tool_refuses_another_entry_key_and_log() -> None:
    assert not accepts(GOOD, entry(300) + b" ")
    assert not accepts(GOOD, entry(300), key=NEXT_LOG_KEY.verifier_key)
    assert not accepts(GOOD, entry(300), origin="other.example/log")


@pytest.mark.django_db
def test_anothers_tool_accepts_what_is_derived_from_an_anchored_entry_also_when_two_keys_signed() -> None:
    chain, subject = a_chain(), a_subject()
    register(chain)
    note("First.", subject=subject)
    notes(300)
    anchor_all(chain)
    with override_settings(NEXT_LOG_KEY="55" * 32):
        rotation.rotate()
        note("Second.", subject=subject)
        anchor_all(chain)
        keys = [key.verifier_key for key in config.log_keys()]
    entries = list(Entry.objects.filter(subject_id=subject.id).order_by("seq"))
    accepted = []
    for row in entries:
        placed = log.place(subject, entry=row.id)
        assert placed.entry == bytes(row.data)
        accepted.append([accepts(placed.text, placed.entry, key=key, origin=config.origin()) for key in keys])
    assert accepted == [[True, False], [True, True]]
    assert log.place(subject) == log.place(subject, entry=entries[0].id)


# --- tlog-tiles, by a reader of its own ------------------------------------------------------------------------------


def digits(number: int) -> str:
    """Groups of three, an x before each but the last."""
    return f"{number:03d}" if number < 1000 else f"x{number // 1000:03d}/{number % 1000:03d}"


class Reader:
    """Whoever comes along with the log's address: reads a checkpoint, then fetches tiles by name until it has the root.

    ``fetch`` gives a file's bytes by its path, as an HTTP server would; KeyError is 404.
    """

    def __init__(self, checkpoint: str, fetch: Callable[[str], bytes]) -> None:
        self.origin, size, root, *_ = checkpoint.split("\n")
        self.size, self.root = int(size), base64.b64decode(root)
        self._fetch = fetch
        self.asked: set[str] = set()

    def computed_root(self) -> bytes:
        """The root over all entries, from the right edge to the left: one complete subtree for each bit of the size."""
        start, subtrees = 0, []
        for height in range(self.size.bit_length() - 1, -1, -1):
            if self.size >> height & 1:
                subtrees.append(self.subtree(height, start >> height))
                start += 1 << height
        root = subtrees.pop()
        while subtrees:
            root = sha256(b"\x01" + subtrees.pop() + root).digest()
        return root

    def inclusion(self, index: int) -> list[bytes]:
        """The hashes beside the way from the entry to the root, the lowest first (RFC 6962)."""
        return self._beside(index, 0, self.size)

    def subtree(self, height: int, number: int) -> bytes:
        """The root over the entries [number·2^height, (number + 1)·2^height), from the level below that is in tiles."""
        level, levels = divmod(height, 8)
        hashes = [self.hash(level, (number << levels) + place) for place in range(1 << levels)]
        while len(hashes) > 1:
            hashes = [sha256(b"\x01" + a + b).digest() for a, b in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    def hash(self, level: int, number: int) -> bytes:
        """Hash ``number`` of the level: the tile is full if the log has 256 hashes for it, else as wide as they are."""
        tile, place = divmod(number, 256)
        width = min(256, (self.size >> 8 * level) - 256 * tile)
        data = self._tile(level, tile, width)
        assert len(data) == 32 * width
        return data[32 * place : 32 * (place + 1)]

    def _tile(self, level: int, number: int, width: int) -> bytes:
        path = f"tile/{level}/{digits(number)}" + ("" if width == 256 else f".p/{width}")
        self.asked.add(path)
        return self._fetch(path)

    def _range(self, start: int, end: int) -> bytes:
        """The root over [start, end): RFC 6962's definition, ended where a complete subtree lies in the tiles."""
        count = end - start
        if count & (count - 1) == 0:
            return self.subtree(count.bit_length() - 1, start // count)
        middle = start + (1 << (count - 1).bit_length() - 1)
        return sha256(b"\x01" + self._range(start, middle) + self._range(middle, end)).digest()

    def _beside(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            return [*self._beside(index, start, middle), self._range(middle, end)]
        return [*self._beside(index, middle, end), self._range(start, middle)]


@pytest.mark.parametrize("size", SMALL + LARGE)
def test_a_reader_of_tiles_finds_the_checkpoints_root_and_a_path_for_every_entry(size) -> None:
    made = Log(size)
    files = made.served()
    reader = Reader(made.note, files.__getitem__)
    assert (reader.origin, reader.size, reader.computed_root()) == (ORIGIN, size, reader.root)
    wrong = [
        index for index in places(size)
        if not verify_inclusion(entry(index), index, size, reader.inclusion(index), reader.root)
        or reader.inclusion(index) != made.path(index)
    ]  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize("size", SMALL + LARGE)
def test_exactly_the_tiles_that_the_text_names_are_there(size) -> None:
    """Full ones and at most one partial one a level, of width ⌊size ÷ 256^level⌋ mod 256, none of width 0."""
    named = set()
    for level in range(8):
        hashes = size // 256**level
        named |= {f"tile/{level}/{digits(number)}" for number in range(hashes // 256)}
        if hashes % 256:
            named.add(f"tile/{level}/{digits(hashes // 256)}.p/{hashes % 256}")
    assert set(Log(size).served()) == named


@pytest.mark.parametrize("size", [257, 65_793])
def test_each_hash_of_a_tile_is_the_root_of_the_full_tile_below(size) -> None:
    made = Log(size)
    reader = Reader(made.note, made.served().__getitem__)
    for level in range(1, 3):
        for number in range(size >> 8 * level):
            below = [reader.hash(level - 1, 256 * number + place) for place in range(256)]
            while len(below) > 1:
                below = [sha256(b"\x01" + a + b).digest() for a, b in zip(below[::2], below[1::2], strict=True)]
            assert reader.hash(level, number) == below[0]


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/257.p/1", "tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"])
def test_a_reader_notices_a_changed_tile(path) -> None:
    made = Log(65_793)
    files = made.served()
    files[path] = bytes([files[path][0] ^ 1]) + files[path][1:]
    reader = Reader(made.note, files.__getitem__)
    root_holds = reader.computed_root() == reader.root
    paths_hold = [verify_inclusion(entry(i), i, reader.size, reader.inclusion(i), reader.root) for i in (1, 300)]
    assert path in reader.asked
    assert not (root_holds and all(paths_hold))


@pytest.mark.parametrize("path", ["tile/0/001", "tile/1/000", "tile/1/001.p/1"])
def test_a_reader_cannot_do_without_any_of_the_tiles_on_its_way(path) -> None:
    made = Log(65_793)
    files = made.served()
    del files[path]
    with pytest.raises(KeyError):
        Reader(made.note, files.__getitem__).inclusion(300)


@pytest.mark.django_db
@pytest.mark.parametrize("count", [255, 256, 257, 600])
def test_the_tables_of_this_log_are_such_tiles_under_such_a_checkpoint(count) -> None:
    notes(count - 2)
    sequencer.sequence()
    notes(2)
    sequencer.sequence()
    stored = StoredCheckpoint.objects.get(size=count)
    files = served({(tile.level, tile.n): bytes(tile.hashes) for tile in Tile.objects.all()})
    reader = Reader(stored.note, files.__getitem__)
    signed = verify_checkpoint(stored.note, config.log_key().verifier_key)
    assert (signed["ok"], signed["origin"], signed["tree_size"]) == (True, config.origin(), count)
    assert reader.computed_root() == reader.root == bytes(stored.root)
    for row in Entry.objects.filter(leaf__index__in=[0, count // 2, count - 1]).select_related("leaf"):
        path = reader.inclusion(row.leaf.index)
        assert verify_inclusion(bytes(row.data), row.leaf.index, count, path, reader.root)
