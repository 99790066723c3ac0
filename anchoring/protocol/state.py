"""The state entry: the log says how large it is and what its map is (protocol.md §10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.entry import Entry
from anchoring.protocol.scalars import from_0x, from_hex, members, natural, to_0x

KIND = "log.state"

_MAP = frozenset({"map_root", "size", "subjects"})
_BLOCK = frozenset({"block_hash", "block_number", "chain_id"})


@dataclass(frozen=True, slots=True)
class Block:
    """A final block: nothing that names its 32-byte *hash* was written before it."""

    chain_id: int
    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class State:
    """The map over the leaves 0 … *size* − 1, and the last final block that the log knew of, if any."""

    map_root: bytes
    subjects: int
    size: int
    block: Block | None = None


def encode_state(state: State) -> dict[str, str | int]:
    """The ``data`` of the entry."""
    assert len(state.map_root) == 32
    data: dict[str, str | int] = {
        "map_root": state.map_root.hex(),
        "size": state.size,
        "subjects": state.subjects,
    }
    if state.block is not None:
        data |= {
            "block_hash": to_0x(state.block.hash),
            "block_number": state.block.number,
            "chain_id": state.block.chain_id,
        }
    return data


def parse_state(entry: Entry) -> State:
    """What a state entry says. Raises Malformed, also for an entry of another kind."""
    if entry.kind != KIND or entry.data is None:
        raise Malformed("not a state entry")
    data = members(dict(entry.data), _MAP | _BLOCK if _BLOCK & entry.data.keys() else _MAP)
    return State(
        map_root=from_hex(data["map_root"], size=32),
        subjects=natural(data["subjects"]),
        size=natural(data["size"]),
        block=_parse_block(data) if "chain_id" in data else None,
    )


def _parse_block(data: Mapping[str, Any]) -> Block:
    block = Block(
        chain_id=natural(data["chain_id"]),
        number=natural(data["block_number"]),
        hash=from_0x(data["block_hash"], size=32),
    )
    if block.chain_id == 0:
        raise Malformed("a chain without an id")
    return block
