"""An event's way up to its block's hash, made from what a node tells of the block (docs/protocol.md, section 7).

Pure. The node is not believed: its header must hash to the block's hash, and its receipts to the header's
``receiptsRoot``. So a proof that is made holds; where none can be made, ``CannotProve`` says why and the record keeps
its locator.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from eth_hash.auto import keccak

from anchoring.chain import RawBlock, TxLog
from anchoring.protocol.anchor import Inclusion, encode_inclusion
from anchoring.protocol.canonical import Malformed

# The header's fields in their order, by their names in JSON-RPC. Up to the nonce every header has all of them; of the
# later ones each fork appends some: London, Shanghai, Cancun (3), Prague, and Glamsterdam with EIP-7928 and EIP-7843.
HEADER_FIELDS = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom", "difficulty",
    "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce",
    "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash",
    "blockAccessListHash", "slotNumber",
)  # fmt: skip
QUANTITIES = frozenset({
    "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas",
    "slotNumber",
})  # fmt: skip
FIELDS_OF_EVERY_HEADER = 15
ETHEREUM_TYPES = range(5)  # of transactions: legacy, access list, EIP-1559, blobs, set code
DEPOSIT = 0x7E  # the OP stack's own type, whose receipts have two more items
DEPOSIT_FIELDS = ("depositNonce", "depositReceiptVersion")

Item = bytes | Sequence["Item"]


class CannotProve(Exception):
    """No proof can be made of this block's receipts; the text says why. What was anchored stays anchored."""


def prove_inclusion(
    block: RawBlock, *, block_hash: bytes, transaction_index: int, is_event: Callable[[TxLog], bool]
) -> Inclusion:
    """The proof that the first event of the transaction that ``is_event`` accepts stands in the block of that hash."""
    header, receipts = _header_of(block), _receipts_of(block)
    header_rlp = encode_header(header)
    if keccak(header_rlp) != block_hash:
        raise CannotProve(
            "The block's header cannot be written as the chain writes it: it hashes to another block hash."
            " Its network may have header fields that this program does not know."
        )
    if not 0 <= transaction_index < len(receipts):
        raise CannotProve(f"The node gives {len(receipts)} receipts of the block, none for number {transaction_index}.")
    root, nodes = prove_value([encode_receipt(receipt) for receipt in receipts], transaction_index)
    if root != _data(header, "receiptsRoot"):
        raise CannotProve(_other_root(receipts))
    if _quantity(receipts[transaction_index], "status") != 1:
        raise CannotProve("The transaction did not succeed.")
    inclusion = Inclusion(header_rlp, transaction_index, nodes, _position(receipts[transaction_index], is_event))
    try:
        encode_inclusion(inclusion)
    except Malformed as error:
        raise CannotProve(f"The proof would be larger than a file may hold: {error}.") from error
    return inclusion


def _header_of(block: RawBlock) -> Mapping[str, Any]:
    if not isinstance(block.header, dict):
        raise CannotProve("The node's answer is not a block header.")
    return block.header


def _receipts_of(block: RawBlock) -> list[Any]:
    if not isinstance(block.receipts, list):
        raise CannotProve("The node's answer is not a list of receipts.")
    return block.receipts


def _position(receipt: Any, is_event: Callable[[TxLog], bool]) -> int:
    logs = (_log(log) for log in receipt["logs"])
    found = next((place for place, log in enumerate(logs) if is_event(log)), None)
    if found is None:
        raise CannotProve("The transaction's receipt does not hold the event.")
    return found


def _other_root(receipts: list[Any]) -> str:
    text = "The block's receipts do not hash to the receiptsRoot of its header."
    foreign = sorted({_type(receipt) for receipt in receipts} - set(ETHEREUM_TYPES))
    if foreign:
        types = ", ".join(map(hex, foreign))
        text += f" Among them are types of this network's own ({types}), which this program may write otherwise."
    return text


# --- Header and receipt, from JSON to RLP ----------------------------------------------------------------------------


def encode_header(header: Mapping[str, Any]) -> bytes:
    """The RLP of the fields that the header has. Only its hash can say whether none is missing."""
    later = HEADER_FIELDS[FIELDS_OF_EVERY_HEADER:]
    names = [*HEADER_FIELDS[:FIELDS_OF_EVERY_HEADER], *(name for name in later if header.get(name) is not None)]
    return rlp([
        number(_quantity(header, name)) if name in QUANTITIES else _data(header, name) for name in names
    ])  # fmt: skip


def encode_receipt(receipt: Any) -> bytes:
    """The receipt as it stands in the trie: EIP-2718's type byte before the RLP, none for a legacy transaction."""
    kind = _type(receipt)
    logs = receipt.get("logs")
    if not isinstance(logs, list):
        raise CannotProve("A receipt of the block has no list of logs.")
    items: list[Item] = [
        number(_quantity(receipt, "status")), number(_quantity(receipt, "cumulativeGasUsed")),
        _data(receipt, "logsBloom"), [_encodable(_log(log)) for log in logs],
    ]  # fmt: skip
    if kind == DEPOSIT:
        items += [number(_quantity(receipt, name)) for name in DEPOSIT_FIELDS if receipt.get(name) is not None]
    return (bytes([kind]) if kind else b"") + rlp(items)


def _type(receipt: Any) -> int:
    if not isinstance(receipt, dict):
        raise CannotProve("The node does not give every receipt of the block.")
    kind = _quantity(receipt, "type") if "type" in receipt else 0
    if kind > 0x7F:
        raise CannotProve(f"A receipt of the block has the type {kind:#x}, which no receipt can have.")
    return kind


def _log(log: Any) -> TxLog:
    if not isinstance(log, dict) or not isinstance(log.get("topics"), list):
        raise CannotProve("A log of the block is not one.")
    topics = tuple(_data({"topic": topic}, "topic") for topic in log["topics"])
    return TxLog(address=_data(log, "address"), topics=topics, data=_data(log, "data"))


def _encodable(log: TxLog) -> Item:
    return [log.address, list(log.topics), log.data]


def _quantity(fields: Any, name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, str) or not re.fullmatch("0x[0-9a-fA-F]{1,64}", value):
        raise CannotProve(f"The node's answer has no quantity {name}.")
    return int(value, 16)


def _data(fields: Any, name: str) -> bytes:
    value = fields.get(name)
    if not isinstance(value, str) or not re.fullmatch("0x([0-9a-fA-F]{2})*", value):
        raise CannotProve(f"The node's answer has no bytes {name}.")
    return bytes.fromhex(value[2:])


# --- RLP and the trie ------------------------------------------------------------------------------------------------


def rlp(item: Item) -> bytes:
    """The one encoding of a string, or of a list of strings and lists."""
    if not isinstance(item, bytes):
        return _lengthened(0xC0, b"".join(map(rlp, item)))
    return item if len(item) == 1 and item[0] < 0x80 else _lengthened(0x80, item)


def number(value: int) -> bytes:
    """An integer as RLP's strings hold it: big-endian, no zero byte in front."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _lengthened(base: int, payload: bytes) -> bytes:
    if len(payload) < 56:
        return bytes([base + len(payload)]) + payload
    length = number(len(payload))
    return bytes([base + 55 + len(length)]) + length + payload


def prove_value(values: Sequence[bytes], index: int) -> tuple[bytes, tuple[bytes, ...]]:
    """The root of the trie that holds each value under the RLP of its index, and one value's nodes, root first."""
    pairs = sorted((_nibbles(rlp(number(place))), value) for place, value in enumerate(values))
    path: list[bytes] = []
    root = _node(pairs, 0, _nibbles(rlp(number(index))), path)
    return keccak(root), tuple(reversed(path))


Pairs = Sequence[tuple[bytes, bytes]]  # a key's nibbles, one a byte, and its value


def _node(pairs: Pairs, depth: int, wanted: bytes, path: list[bytes]) -> bytes:
    """The RLP of the node that holds these pairs, sorted, whose keys agree in the first ``depth`` nibbles.

    On the wanted key's way, the nodes that stand under their hash are put into ``path``, the lowest first.
    """
    first, last = pairs[0][0], pairs[-1][0]
    shared = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(first[depth:], last[depth:], strict=False)))
    if len(pairs) == 1:
        items = [rlp(_hex_prefix(first[depth:], flag=2)), rlp(pairs[0][1])]
    elif shared:
        child = _node(pairs, depth + shared, wanted, path)
        items = [rlp(_hex_prefix(first[depth : depth + shared], flag=0)), _reference(child)]
    else:
        items = [_child(pairs, depth, nibble, wanted, path) for nibble in range(16)] + [rlp(b"")]
    node = _lengthened(0xC0, b"".join(items))
    if wanted[:depth] == first[:depth] and (len(node) >= 32 or depth == 0):
        path.append(node)
    return node


def _child(pairs: Pairs, depth: int, nibble: int, wanted: bytes, path: list[bytes]) -> bytes:
    below = [pair for pair in pairs if pair[0][depth] == nibble]
    return _reference(_node(below, depth + 1, wanted, path)) if below else rlp(b"")


def _reference(node: bytes) -> bytes:
    """How a parent holds a node: short ones themselves, others by their hash."""
    return node if len(node) < 32 else rlp(keccak(node))


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _hex_prefix(nibbles: bytes, *, flag: int) -> bytes:
    """Nibbles as bytes, with a nibble in front that tells leaf (flag 2) from extension (0) and odd from even."""
    odd = len(nibbles) % 2
    whole = bytes([flag + odd, *([] if odd else [0]), *nibbles])
    return bytes(high << 4 | low for high, low in zip(whole[::2], whole[1::2], strict=True))
