"""Where a checkpoint stands on a chain: the anchor of a proof of record, in its two formats (protocol.md §7)."""

from dataclasses import dataclass
from typing import Any

from anchoring.protocol import canonical
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.scalars import from_0x, from_base64, items, members, natural, to_0x, to_base64

LOCATOR = "eth-locator/v1"
RECEIPT = "eth-receipt-mpt/v1"

MAX_HEADER_BYTES = 4096
MAX_NODES = 16
MAX_NODE_BYTES = 65_536  # of all nodes together

_PLACE = frozenset({"chain_id", "contract", "format", "log_id"})
_BLOCK = frozenset({"block_hash", "block_number", "transaction"})
_INCLUSION = frozenset({"header_rlp", "log_index", "receipt_nodes", "transaction_index"})
_MAX_STORED = 2 * (MAX_HEADER_BYTES + MAX_NODE_BYTES)  # base64 and punctuation take less than twice the bytes


@dataclass(frozen=True, slots=True)
class Locator:
    """Where to look. Hashes are 32 bytes, the contract's address 20."""

    chain_id: int
    contract: bytes
    log_id: bytes
    transaction: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class Inclusion:
    """An event's way up to its block's hash: the header's RLP, and the receipts trie's nodes from the root down.

    ``log_index`` counts among the logs of the event's own receipt.
    """

    header_rlp: bytes
    transaction_index: int
    receipt_nodes: tuple[bytes, ...]
    log_index: int


@dataclass(frozen=True, slots=True)
class ReceiptAnchor:
    """The event itself with its way up: what the locator points at, checkable without a node."""

    chain_id: int
    contract: bytes
    log_id: bytes
    inclusion: Inclusion


Anchor = Locator | ReceiptAnchor


def encode_anchor(anchor: Anchor) -> dict[str, Any]:
    """The proof's member."""
    place = {"chain_id": anchor.chain_id, "contract": to_0x(anchor.contract), "log_id": to_0x(anchor.log_id)}
    if isinstance(anchor, ReceiptAnchor):
        return place | _encode_inclusion(anchor.inclusion) | {"format": RECEIPT}
    return place | {
        "block_hash": to_0x(anchor.block_hash),
        "block_number": anchor.block_number,
        "format": LOCATOR,
        "transaction": to_0x(anchor.transaction),
    }


def parse_anchor(value: Any) -> Anchor:
    """Inverse of :func:`encode_anchor`. Another format is Malformed here: this program makes none."""
    is_receipt = isinstance(value, dict) and value.get("format") == RECEIPT
    members(value, _PLACE | (_INCLUSION if is_receipt else _BLOCK))
    place: dict[str, Any] = {
        "chain_id": natural(value["chain_id"]),
        "contract": from_0x(value["contract"], size=20),
        "log_id": from_0x(value["log_id"], size=32),
    }
    if place["chain_id"] == 0:
        raise Malformed("no chain has the id 0")
    if is_receipt:
        return ReceiptAnchor(**place, inclusion=_parse_inclusion(value))
    if value["format"] != LOCATOR:
        raise Malformed("an anchor of another format")
    return Locator(
        **place,
        transaction=from_0x(value["transaction"], size=32),
        block_number=natural(value["block_number"]),
        block_hash=from_0x(value["block_hash"], size=32),
    )


# What the database keeps of an anchor's event ------------------------------------------------------------------------


def encode_inclusion(inclusion: Inclusion) -> bytes:
    """Canonical JSON of the anchor's members that are the event's. Raises Malformed for what no proof may hold."""
    document = _encode_inclusion(inclusion)
    _parse_inclusion(document)
    return canonical.dumps(document)


def parse_inclusion(data: bytes) -> Inclusion:
    """Inverse of :func:`encode_inclusion`. Raises Malformed."""
    return _parse_inclusion(members(canonical.loads(data, limit=_MAX_STORED), _INCLUSION))


def _encode_inclusion(inclusion: Inclusion) -> dict[str, Any]:
    return {
        "header_rlp": to_base64(inclusion.header_rlp),
        "log_index": inclusion.log_index,
        "receipt_nodes": [to_base64(node) for node in inclusion.receipt_nodes],
        "transaction_index": inclusion.transaction_index,
    }


def _parse_inclusion(value: dict[str, Any]) -> Inclusion:
    header = from_base64(value["header_rlp"])
    nodes = tuple(from_base64(node) for node in items(value["receipt_nodes"], most=MAX_NODES))
    if not 0 < len(header) <= MAX_HEADER_BYTES:
        raise Malformed(f"a header is 1 to {MAX_HEADER_BYTES} bytes")
    if not nodes or not all(nodes) or sum(map(len, nodes)) > MAX_NODE_BYTES:
        raise Malformed(f"the nodes are none, empty, or more than {MAX_NODE_BYTES} bytes")
    return Inclusion(
        header_rlp=header,
        transaction_index=natural(value["transaction_index"]),
        receipt_nodes=nodes,
        log_index=natural(value["log_index"]),
    )
