"""The checkpoint's text: origin, size and root of the tree, as in C2SP tlog-checkpoint (protocol.md §3)."""

from dataclasses import dataclass

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.merkle import MAX_SIZE
from anchoring.protocol.note import key_name
from anchoring.protocol.scalars import decimal, from_base64, to_base64


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head: its *origin*, the number of leaves, and their 32-byte root."""

    origin: str
    size: int
    root: bytes


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """The text that is signed, three lines."""
    assert 0 <= checkpoint.size < MAX_SIZE
    assert len(checkpoint.root) == 32
    return f"{key_name(checkpoint.origin)}\n{checkpoint.size}\n{to_base64(checkpoint.root)}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Inverse of :func:`format_checkpoint`; no further lines. Raises Malformed."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise Malformed("a checkpoint has three lines")
    return Checkpoint(origin=key_name(lines[0]), size=decimal(lines[1]), root=from_base64(lines[2], size=32))
