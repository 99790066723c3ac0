"""A proof's members ``history`` and ``not_before``: all entries of a subject, and since when (protocol.md §11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.entry import parse_entry
from anchoring.protocol.merkle import MAX_HASHES
from anchoring.protocol.scalars import from_base64, from_hex, items, members, natural, string, to_base64
from anchoring.protocol.state import parse_state
from anchoring.protocol.submap import SUBJECT_BITS, Leaf, Step


@dataclass(frozen=True, slots=True)
class SealedState:
    """A state entry's bytes with their index and path in the log."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class History:
    """The state entry, and where the map it names has the subject: *leaf* of another subject shows absence."""

    state: SealedState
    leaf: Leaf | None
    path: tuple[Step, ...]


def encode_history(history: History) -> dict[str, Any]:
    """The member ``history``."""
    document: dict[str, Any] = {
        "path": [{"position": step.position, "sibling": to_base64(step.sibling)} for step in history.path],
        "state": encode_state_place(history.state),
    }
    if history.leaf is not None:
        document["leaf"] = {
            "count": history.leaf.count,
            "last": history.leaf.last,
            "mini_root": history.leaf.mini_root.hex(),
            "subject": history.leaf.subject.hex(),
        }
    return document


def parse_history(value: Any) -> History:
    """Inverse of :func:`encode_history`; whether it leads to any root is not looked at. Raises Malformed."""
    members(value, {"path", "state"}, {"leaf"})
    path = tuple(_parse_step(step) for step in items(value["path"], most=SUBJECT_BITS))
    positions = [SUBJECT_BITS, *(step.position for step in path)]
    if any(below <= above for below, above in zip(positions, positions[1:], strict=False)):
        raise Malformed("positions do not fall from the leaf up")
    if path and "leaf" not in value:
        raise Malformed("a path without its leaf")
    leaf = _parse_leaf(value["leaf"]) if "leaf" in value else None
    return History(state=parse_state_place(value["state"]), leaf=leaf, path=path)


def encode_state_place(state: SealedState) -> dict[str, Any]:
    """The member ``not_before``, or ``state`` of a history."""
    return {"entry": state.entry.decode(), "index": state.index, "path": [to_base64(value) for value in state.path]}


def parse_state_place(value: Any) -> SealedState:
    """Inverse of :func:`encode_state_place`; the entry says a state. Raises Malformed."""
    members(value, {"entry", "index", "path"})
    entry = string(value["entry"]).encode()
    parse_state(parse_entry(entry))
    path = tuple(from_base64(text, size=32) for text in items(value["path"], most=MAX_HASHES))
    return SealedState(entry=entry, index=natural(value["index"]), path=path)


def parse_not_before(value: Any, indexes: Sequence[int]) -> SealedState:
    """A state with a block, below all the *indexes* of a proof, of which there must be one. Raises Malformed."""
    state = parse_state_place(value)
    if parse_state(parse_entry(state.entry)).block is None:
        raise Malformed("a lower bound without a block")
    if not indexes or state.index >= min(indexes):
        raise Malformed("a lower bound that is not below the entries")
    return state


def _parse_step(value: Any) -> Step:
    members(value, {"position", "sibling"})
    position = natural(value["position"])
    if position >= SUBJECT_BITS:
        raise Malformed("a position beyond the subject")
    return Step(position=position, sibling=from_base64(value["sibling"], size=32))


def _parse_leaf(value: Any) -> Leaf:
    members(value, {"count", "last", "mini_root", "subject"})
    leaf = Leaf(
        subject=from_hex(value["subject"], size=32),
        count=natural(value["count"]),
        last=natural(value["last"]),
        mini_root=from_hex(value["mini_root"], size=32),
    )
    if leaf.count == 0:
        raise Malformed("a subject without entries")
    return leaf
