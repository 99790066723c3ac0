"""Blocks that hold the registry's event, and proofs of record that carry it: for the verifier's tests.

Made from docs/protocol.md with other people's code (`rlp` encodes, `trie` builds the tries, `eth_hash` hashes), so that
it shares nothing with the portal or with the verifier. Deterministic.
"""

from typing import Any

import rlp
from eth_hash.auto import keccak
from trie import HexaryTrie

from tests.anchoring import verify_world as world

LEAVES = world.log_of(world.alice_claims())
ROOT = world.root_of(LEAVES)
NUMBER = 7_654_321
TIME = 1_795_435_200  # 2026-11-23 12:00:00 UTC
ANCHORED = bytes.fromhex(world.ANCHORED[2:])
CONTRACT = bytes.fromhex(world.CONTRACT[2:])
LOG_ID = bytes.fromhex(world.word("log id")[2:])
Log = list[Any]


def unsigned(value: int) -> bytes:
    """Big-endian, without zero bytes in front."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def event(leaves: list[bytes] = LEAVES, **parts: Any) -> Log:
    """The registry's event for these leaves, which are those of alice's proof unless told, but for these parts."""
    honest = {
        "address": CONTRACT,
        "topics": [ANCHORED, LOG_ID, len(leaves).to_bytes(32, "big")],
        "data": world.root_of(leaves) + bytes(64),
    }
    return list({**honest, **parts}.values())


def transfer(label: str = "transfer") -> Log:
    """Some other contract's event."""
    return [world.sha256(label.encode())[:20], [keccak(b"Transfer(address,address,uint256)")], b"\x07" * 32]


def receipt(*logs: Any, kind: int = 2, **parts: Any) -> bytes:
    """A receipt as the trie holds it; kind 0 is a legacy one, which has no type byte."""
    items = {"status": b"\x01", "gas": unsigned(21_000), "bloom": bytes(256), "logs": list(logs), **parts}
    return (bytes([kind]) if kind else b"") + rlp.encode(list(items.values()))


def others(count: int) -> list[bytes]:
    """Receipts of other people's transactions, of every type."""
    return [receipt(transfer(f"transfer {place}"), kind=place % 5) for place in range(count)]


def header(receipts_root: bytes, **fields: Any) -> list[Any]:
    """The 21 items of a header since Prague, but for these fields; `None` leaves one and all that follow out."""
    items = {
        "parent": world.sha256(b"parent"),
        "uncles": keccak(rlp.encode([])),
        "miner": world.sha256(b"miner")[:20],
        "state": world.sha256(b"state"),
        "transactions": world.sha256(b"transactions"),
        "receipts": receipts_root,
        "bloom": bytes(256),
        "difficulty": b"",
        "number": unsigned(NUMBER),
        "gas_limit": unsigned(60_000_000),
        "gas_used": unsigned(1_234_567),
        "timestamp": unsigned(TIME),
        "extra": b"touchstone tests",
        "mix_hash": world.sha256(b"randao"),
        "nonce": bytes(8),
        "base_fee": unsigned(1_000_000_007),
        "withdrawals": world.sha256(b"withdrawals"),
        "blob_gas_used": unsigned(131_072),
        "excess_blob_gas": b"",
        "beacon_root": world.sha256(b"beacon block"),
        "requests": world.sha256(b""),
        **fields,
    }
    kept = list(items.values())
    return kept[: kept.index(None)] if None in kept else kept


def trie_of(values: list[bytes]) -> HexaryTrie:
    trie = HexaryTrie({})
    for index, value in enumerate(values):
        trie[rlp.encode(index)] = value
    return trie


def nodes_of(trie: HexaryTrie, index: int) -> list[bytes]:
    """The nodes on an index's way, root first, but for those that stand inside their parent."""
    encoded = [rlp.encode(node) for node in trie.get_proof(rlp.encode(index))]
    return [node for place, node in enumerate(encoded) if place == 0 or len(node) >= 32]


def anchor(header_rlp: bytes, nodes: list[bytes], *, index: int = 2, log: int = 1, **members: Any) -> world.DOCUMENT:
    """The anchor's member of a proof of record, but for these members."""
    return {
        "chain_id": world.SEPOLIA,
        "contract": world.CONTRACT,
        "format": "eth-receipt-mpt/v1",
        "header_rlp": world.b64(header_rlp),
        "log_id": world.word("log id"),
        "log_index": log,
        "receipt_nodes": [world.b64(node) for node in nodes],
        "transaction_index": index,
        **members,
    }


def in_block(values: list[bytes], *, index: int = 2, log: int = 1, **fields: Any) -> world.DOCUMENT:
    """The anchor of a block with these receipts and header fields."""
    trie = trie_of(values)
    return anchor(rlp.encode(header(trie.root_hash, **fields)), nodes_of(trie, index), index=index, log=log)


def with_receipt(value: bytes, *, log: int = 1, **fields: Any) -> world.DOCUMENT:
    """The anchor of a block whose third receipt is this one."""
    values = others(5)
    values[2] = value
    return in_block(values, log=log, **fields)


def with_nodes(*nodes: Any, index: int = 2) -> world.DOCUMENT:
    """An anchor whose trie is made by hand: nodes as RLP items, root first."""
    encoded = [rlp.encode(node) for node in nodes]
    return anchor(rlp.encode(header(keccak(encoded[0]))), encoded, index=index)


def proof(anchored: world.DOCUMENT) -> world.DOCUMENT:
    """Alice's proof with this anchor."""
    return {**world.sealed(world.alice_claims()), "anchor": anchored}


GOOD_RECEIPT = receipt(transfer(), event())
GOOD = with_receipt(GOOD_RECEIPT)


def block_hash(anchored: world.DOCUMENT = GOOD) -> str:
    """The hash of the block that the anchor's header names."""
    return "0x" + keccak(world.unb64(anchored["header_rlp"])).hex()


def answers(anchored: world.DOCUMENT = GOOD, **members: Any) -> world.ANSWERS:
    """What an honest node answers about this anchor's block; `members` replace members of the block."""
    at = world.ask("eth_getBlockByNumber", hex(NUMBER), False)
    return {**world.answers(), at: {**world.block(NUMBER, block_hash(anchored)), **members}}
