"""Entry bundles: up to 256 entries in one file, for auditors, as C2SP tlog-tiles has them (protocol.md §3)."""

from collections.abc import Iterable

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.entry import MAX_BYTES
from anchoring.protocol.tiles import WIDTH, parse_tile_path, tile_path

_LEVEL_0, _ENTRIES = "tile/0/", "tile/entries/"


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Each entry after its length, u16."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def parse_bundle(data: bytes, *, width: int) -> list[bytes]:
    """The *width* entries of a bundle. Raises Malformed."""
    assert 0 < width <= WIDTH
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        length = int.from_bytes(data[at : at + 2], "big")
        entries.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    if at != len(data) or len(entries) != width or not all(0 < len(entry) <= MAX_BYTES for entry in entries):
        raise Malformed(f"not a bundle of {width} entries")
    return entries


def bundle_path(n: int, width: int | None = None) -> str:
    """``tile/entries/<N>[.p/<W>]``: where a bundle is served; *width* only for a partial one."""
    return tile_path(0, n, width).replace(_LEVEL_0, _ENTRIES, 1)


def parse_bundle_path(path: str) -> tuple[int, int | None]:
    """Number and width (None: full) of :func:`bundle_path`. Raises Malformed."""
    if not path.startswith(_ENTRIES):
        raise Malformed("not the path of a bundle")
    _, n, width = parse_tile_path(path.replace(_ENTRIES, _LEVEL_0, 1))
    return n, width
