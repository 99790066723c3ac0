"""Proofs that carry the registry's event (`eth-receipt-mpt/v1`): lines 3 and 4, mostly without a node."""

from collections.abc import Iterator
from typing import Any

import rlp
from eth_hash.auto import keccak

from tests.anchoring import event_world as chain
from tests.anchoring import verify_world as world
from tests.vectors.vector import Change, Vector, changed, malformed, put

HASH = chain.block_hash()
HEADER = world.unb64(chain.GOOD["header_rlp"])
NODES = [world.unb64(node) for node in chain.GOOD["receipt_nodes"]]


def cases() -> Iterator[Vector]:
    yield from good()
    yield from unknown_format()
    yield from bad_shapes()
    yield from bad_headers()
    yield from bad_rlp()
    yield from bad_walks()
    yield from bad_tries()
    yield from bad_receipts()
    yield from bad_logs()
    yield from line_4()


def offline(name: str, lines: str, anchored: dict[str, Any] | Change = chain.GOOD, **members: Any) -> Vector:
    """A proof with this anchor, or with alice's own changed, of which lines 1 to 4 are required."""
    document = changed(anchored, chain.GOOD) if callable(anchored) else anchored
    exit_code = 1 if "f" in lines else 3 if set(lines[:4]) != {"p"} else 0
    return Vector(name, world.finish(chain.proof(document)), exit_code, lines, **members)


def refused(name: str, anchored: dict[str, Any] | Change) -> Vector:
    """Line 3 fails, and the header is sound."""
    return offline(name, "ppfnn", anchored)


def good() -> Iterator[Vector]:
    yield offline("event-good", "pppnn")
    yield Vector("event-good-lines-1-to-3", good_file(), 0, "pppnn", arguments=("--require", "1-3"))
    yield offline("event-good-block-hash", "ppppn", arguments=("--block-hash", HASH))
    yield offline("event-good-through-a-node", "ppppp", rpc=chain.answers())
    yield offline(
        "event-good-through-a-node-with-block-hash", "ppppp", rpc=chain.answers(), arguments=("--block-hash", HASH)
    )
    for kind in (0, 1, 3, 4):
        of_kind = chain.receipt(chain.transfer(), chain.event(), kind=kind)
        yield offline(f"event-good-transaction-type-{kind}", "pppnn", chain.with_receipt(of_kind))
    yield offline("event-good-only-transaction", "pppnn", chain.in_block([chain.GOOD_RECEIPT], index=0))
    for index in (0, 1, 15, 127, 128, 255, 256):
        yield offline(f"event-good-transaction-{index}-of-300", "pppnn", busy_block(index))
    many = chain.receipt(*[chain.transfer() for _ in range(40)], chain.event())
    yield offline("event-good-last-of-41-logs", "pppnn", chain.with_receipt(many, log=40))
    twice = chain.receipt(chain.event(data=bytes(96)), chain.event())
    yield offline("event-good-second-event-of-the-transaction", "pppnn", chain.with_receipt(twice))
    yield from good_later_items()
    yield from good_bounds()


def good_file() -> bytes:
    return world.finish(chain.proof(chain.GOOD))


def busy_block(index: int) -> dict[str, Any]:
    values = chain.others(300)
    values[index] = chain.GOOD_RECEIPT
    return chain.in_block(values, index=index)


def good_later_items() -> Iterator[Vector]:
    """Positions stay, items are appended: by forks before ours, and by those to come."""
    yield offline("event-good-header-of-15-items", "pppnn", in_header(base_fee=None))
    yield offline("event-good-header-of-16-items", "pppnn", in_header(withdrawals=None))
    glamsterdam = {"access_list": keccak(rlp.encode([])), "slot": chain.unsigned(10_500_000)}
    yield offline("event-good-header-of-glamsterdam", "pppnn", in_header(**glamsterdam))
    later = in_header(**glamsterdam, list=[b"\x01", [], [b"deep", [b"er"]]], text=b"x" * 300)
    yield offline("event-good-header-with-unknown-items", "pppnn", later)
    more = chain.receipt(chain.transfer(), chain.event(), gas_spent=b"\x52\x08", later=[b"x", []])
    yield offline("event-good-receipt-with-unknown-items", "pppnn", chain.with_receipt(more))
    bare = chain.receipt(chain.transfer(), chain.event(), gas=b"", bloom=b"")
    yield offline("event-good-receipt-without-gas-and-bloom", "pppnn", chain.with_receipt(bare))


def in_header(**fields: Any) -> dict[str, Any]:
    return chain.with_receipt(chain.GOOD_RECEIPT, **fields)


def good_bounds() -> Iterator[Vector]:
    first = in_header(number=b"", timestamp=b"")
    yield offline("event-good-block-0", "pppnn", first)
    largest = in_header(number=b"\xff" * 8, timestamp=b"\xff" * 8)
    yield offline("event-good-number-and-time-of-8-bytes", "pppnn", largest)
    yield offline("event-good-header-of-4096-bytes", "pppnn", padded_header(4096))
    yield offline("event-good-nodes-of-65536-bytes", "pppnn", padded_nodes(65_536))


def padded_header(size: int) -> dict[str, Any]:
    """A header of so many bytes."""
    rest = len(world.unb64(in_header(later=bytes(1000))["header_rlp"])) - 1000
    return in_header(later=bytes(size - rest))


def padded_nodes(size: int) -> dict[str, Any]:
    """A receipt with a log so long that the nodes are so many bytes together."""

    def of(length: int) -> dict[str, Any]:
        long = [world.sha256(b"long")[:20], [], bytes(length)]
        return chain.with_receipt(chain.receipt(chain.transfer(), chain.event(), long))

    rest = sum(len(world.unb64(node)) for node in of(size - 2000)["receipt_nodes"]) - (size - 2000)
    return of(size - rest)


def unknown_format() -> Iterator[Vector]:
    """What came after the verifier cannot be checked: never valid, not malformed either."""
    later = {"format": "eth-receipt-mpt/v2", "proof": {"ssz": [1, "x", None, {}]}}
    yield offline("anchor-of-a-later-version", "ppnnn", later)
    yield offline("anchor-of-an-unknown-format", "ppnnn", {"format": "bitcoin-header/v1"})
    yield offline("anchor-of-an-unknown-format-with-block-hash", "ppnnn", later, arguments=("--block-hash", HASH))
    yield offline("anchor-of-an-unknown-format-and-a-node", "ppnnn", later, rpc=chain.answers())
    yield offline("anchor-unknown-with-known-members", "ppnnn", put("format", "eth-receipt-mpt/v9999"))
    yield offline("event-of-another-contract", "ppnnn", put("contract", "0x" + "22" * 20))
    yield offline("event-of-another-chain", "ppnnn", put("chain_id", 1))
    yield offline("event-of-another-log-id", "ppnnn", put("log_id", world.word("another log")))


def bad_shapes() -> Iterator[Vector]:
    def wrong(name: str, member: str, value: Any) -> Vector:
        return malformed(f"malformed-event-{name}", chain.proof(changed(put(member, value), chain.GOOD)))

    yield wrong("lacks-header", "header_rlp", ...)
    yield wrong("lacks-log-index", "log_index", ...)
    yield wrong("lacks-nodes", "receipt_nodes", ...)
    yield wrong("with-block-hash", "block_hash", HASH)
    yield wrong("with-transaction", "transaction", world.word("transaction"))
    yield wrong("null-member", "block_number", None)
    yield wrong("format-upper-case", "format", "ETH-receipt-mpt/v1")
    yield wrong("format-with-newline", "format", "eth-receipt-mpt/v2\n")
    yield wrong("format-too-long", "format", "a" * 41 + "/v1")
    yield wrong("chain-0", "chain_id", 0)
    yield wrong("contract-upper-case", "contract", world.CONTRACT.upper().replace("X", "x"))
    yield wrong("index-negative", "transaction_index", -1)
    yield wrong("index-true", "transaction_index", True)
    yield wrong("index-text", "transaction_index", "0x2")
    yield wrong("log-index-negative", "log_index", -1)
    yield wrong("header-empty", "header_rlp", "")
    yield wrong("header-base64url", "header_rlp", world.b64url(HEADER))
    yield wrong("header-of-4097-bytes", "header_rlp", padded_header(4097)["header_rlp"])
    yield wrong("no-nodes", "receipt_nodes", [])
    yield wrong("nodes-an-object", "receipt_nodes", {})
    yield wrong("node-empty", "receipt_nodes", ["", *chain.GOOD["receipt_nodes"]])
    yield wrong("node-a-number", "receipt_nodes.0", 1)
    yield wrong("node-newline", "receipt_nodes.0", chain.GOOD["receipt_nodes"][0] + "\n")
    yield wrong("17-nodes", "receipt_nodes", [chain.GOOD["receipt_nodes"][0]] * 17)
    yield wrong("nodes-of-65537-bytes", "receipt_nodes", padded_nodes(65_537)["receipt_nodes"])


def bad_headers() -> Iterator[Vector]:
    """Line 3 fails, and there is no header for line 4 to go by."""

    def header(name: str, encoded: bytes) -> Vector:
        return offline(f"event-header-{name}", "ppfnn", put("header_rlp", world.b64(encoded)))

    items = rlp.decode(HEADER)
    yield offline("event-header-in-hex", "ppfnn", put("header_rlp", "0x" + HEADER.hex()))  # which is base64 as well
    yield header("truncated", HEADER[:-1])
    yield header("with-a-byte-behind", HEADER + b"\x00")
    yield header("with-its-hash-behind", HEADER + keccak(HEADER))
    yield header("half", HEADER[: len(HEADER) // 2])
    yield header("of-14-items", rlp.encode(items[:14]))
    yield header("a-string", rlp.encode(HEADER))
    yield header("an-empty-list", b"\xc0")
    yield header("one-byte", b"\x01")
    for name, fields in {
        "root-of-31-bytes": {"receipts": bytes(31)},
        "root-of-33-bytes": {"receipts": bytes(33)},
        "root-a-list": {"receipts": [bytes(32)]},
        "number-with-leading-zero": {"number": b"\x00\x01"},
        "number-a-zero-byte": {"number": b"\x00"},
        "number-of-9-bytes": {"number": b"\x01" + bytes(8)},
        "number-a-list": {"number": []},
        "time-with-leading-zero": {"timestamp": b"\x00" + chain.unsigned(chain.TIME)},
        "time-of-32-bytes": {"timestamp": b"\x01" + bytes(31)},
        "time-a-list": {"timestamp": [b"\x01"]},
    }.items():
        yield offline(f"event-header-{name}", "ppfnn", in_header(**fields))
    shifted = [*items[:5], b"a new item", *items[5:]]
    yield header("with-an-item-in-between", rlp.encode(shifted))
    other = chain.with_receipt(chain.receipt(chain.transfer(), chain.event(data=bytes(96))))
    yield refused("event-header-of-another-block", put("header_rlp", other["header_rlp"]))
    yield refused("event-header-says-another-root", put("header_rlp", in_block_of(world.sha256(b"root"))))


def in_block_of(receipts_root: bytes) -> str:
    return world.b64(rlp.encode(chain.header(receipts_root)))


def bad_rlp() -> Iterator[Vector]:
    """One value, one encoding: each of these is read without complaint by some lenient decoder."""

    def later(name: str, encoded: bytes) -> Vector:
        """A header whose last item is written like this."""
        payload = b"".join(map(rlp.encode, rlp.decode(HEADER))) + encoded
        header = b"\xf9" + len(payload).to_bytes(2, "big") + payload
        return offline(f"event-rlp-{name}", "ppfnn", put("header_rlp", world.b64(header)))

    yield later("one-byte-in-two", b"\x81\x05")
    yield later("zero-byte-in-two", b"\x81\x00")
    yield later("short-string-in-long-form", b"\xb8\x05hello")
    yield later("string-of-55-bytes-in-long-form", b"\xb8\x37" + bytes(55))
    yield later("string-length-with-leading-zero", b"\xb9\x00\x38" + bytes(56))
    yield later("short-list-in-long-form", b"\xf8\x01\x05")
    yield later("list-length-with-leading-zero", b"\xf9\x00\x38" + b"\x01" * 56)
    yield later("string-longer-than-the-rest", b"\x85hell")
    yield later("list-longer-than-the-rest", b"\xc5\x01\x02")
    yield later("long-string-longer-than-the-rest", b"\xb8\x38" + bytes(55))
    yield later("length-of-8-bytes", b"\xbf" + b"\xff" * 8)
    yield later("list-length-of-8-bytes", b"\xff" + b"\xff" * 8)
    yield later("length-cut-off", b"\xb9\x01")
    yield later("length-missing", b"\xb8")
    yield later("item-crosses-the-end-of-its-list", b"\xc2\x82\x01\x02")
    deep = b"\xc0"
    for _ in range(6):
        deep = b"".join([bytes([0xC0 + len(deep)]), deep])
    good = chain.with_receipt(chain.GOOD_RECEIPT, later=rlp.decode(deep))
    yield offline("event-rlp-nested-8-deep-is-good", "pppnn", good)
    yield later("nested-9-deep", bytes([0xC0 + len(deep)]) + deep)
    payload = b"".join(map(rlp.encode, rlp.decode(HEADER)))
    outer = b"\xfa\x00" + len(payload).to_bytes(2, "big") + payload
    yield offline("event-rlp-outermost-length-with-leading-zero", "ppfnn", put("header_rlp", world.b64(outer)))


def bad_walks() -> Iterator[Vector]:
    """The right nodes, wrongly put together."""

    def nodes(name: str, *given: bytes) -> Vector:
        return refused(f"event-{name}", put("receipt_nodes", [world.b64(node) for node in given]))

    yield nodes("root-bit-flipped", flipped(NODES[0]), *NODES[1:])
    yield nodes("leaf-bit-flipped", *NODES[:-1], flipped(NODES[-1]))
    yield nodes("nodes-swapped", *reversed(NODES))
    yield nodes("without-root", *NODES[1:])
    yield nodes("without-leaf", *NODES[:-1])
    yield nodes("leaf-twice", *NODES, NODES[-1])
    yield nodes("root-twice", NODES[0], *NODES)
    yield nodes("extra-node-at-the-end", *NODES, rlp.encode([b"\x20", b"x"]))
    yield nodes("extra-node-at-the-start", rlp.encode([b"\x20", b"x"]), *NODES)
    yield nodes("leaf-with-a-byte-behind", *NODES[:-1], NODES[-1] + b"\x00")
    for index in (0, 1, 3, 4, 5, 127, 128, 2**53 - 1):
        yield refused(f"event-at-index-{index}-instead", put("transaction_index", index))
    for index in (0, 2, 2**53 - 1):
        yield refused(f"event-at-log-{index}-instead", put("log_index", index))


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def bad_tries() -> Iterator[Vector]:
    """Tries that no chain has: the header names their root. Index 2 is the key `02`."""
    receipt = chain.GOOD_RECEIPT
    leaf = [b"\x20\x02", receipt]
    branch = [b""] * 17

    def trie(name: str, *nodes: Any, lines: str = "ppfnn") -> Vector:
        return offline(f"event-trie-{name}", lines, chain.with_nodes(*nodes))

    def child(nibble: int, reference: Any) -> list[Any]:
        return [*branch[:nibble], reference, *branch[nibble + 1 :]]

    def under(node: Any) -> bytes:
        return keccak(rlp.encode(node))

    yield trie("of-one-leaf-is-good", leaf, lines="pppnn")
    odd = [b"\x32", receipt]
    yield trie("of-branch-and-leaf-is-good", child(0, under(odd)), odd, lines="pppnn")
    last = [b"\x20", receipt]
    extension = [b"\x00\x02", under(last)]
    yield trie("of-extension-and-leaf-is-good", extension, last, lines="pppnn")
    yield trie("leaf-too-short-a-path", [b"\x30", receipt])
    yield trie("leaf-too-long-a-path", [b"\x20\x02\x00", receipt])
    yield trie("leaf-of-another-path", [b"\x20\x03", receipt])
    yield trie("leaf-as-extension", [b"\x00\x02", receipt])
    yield trie("leaf-with-flag-4", [b"\x40\x02", receipt])
    yield trie("leaf-with-flag-15", [b"\xf0\x02", receipt])
    yield trie("leaf-with-padding-not-zero", [b"\x21\x02", receipt])
    yield trie("leaf-without-a-path", [b"", receipt])
    yield trie("leaf-with-a-list-for-a-path", [[b"\x20\x02"], receipt])
    yield trie("leaf-with-a-list-for-a-value", [b"\x20\x02", rlp.decode(receipt[1:])])
    yield trie("leaf-without-a-value", [b"\x20\x02", b""])
    yield trie("extension-without-a-path", [b"\x00", under(leaf)], leaf)
    yield trie("extension-beyond-the-key", [b"\x00\x02\x00", under(last)], last)
    yield trie("extension-to-another-path", [b"\x00\x03", under(last)], last)
    yield trie("extension-with-flag-2", [b"\x20\x02", under(last)], last)
    yield trie("branch-value-for-a-receipt", [b"\x00\x02", under([*branch[:16], receipt])], [*branch[:16], receipt])
    yield trie("branch-of-16-items", child(0, under(odd))[:16], odd)
    yield trie("branch-of-18-items", [*child(0, under(odd)), b""], odd)
    yield trie("node-of-3-items", [*leaf, b""])
    yield trie("node-of-1-item", [b"\x20\x02"])
    yield trie("node-an-empty-list", [])
    yield trie("node-a-string", receipt)
    yield trie("child-missing", child(1, under(odd)), odd)
    yield trie("child-of-31-bytes", child(0, under(odd)[:31]), odd)
    yield trie("child-of-33-bytes", child(0, under(odd) + b"\x00"), odd)
    yield trie("long-child-inside-its-parent", child(0, odd))
    short = [b"\x32", b"\xc1\x01"]
    yield trie("short-child-inside-its-parent-is-no-receipt", child(0, short))
    yield trie("short-child-by-its-hash", child(0, under(short)), short)
    yield trie("short-child-inside-and-its-node-too", child(0, short), short)
    yield trie("walks-in-a-circle", child(0, b"\x00" * 32), leaf)


def bad_receipts() -> Iterator[Vector]:
    def receipt(name: str, value: bytes, lines: str = "ppfnn") -> Vector:
        return offline(f"event-receipt-{name}", lines, chain.with_receipt(value))

    logs = (chain.transfer(), chain.event())
    good = chain.receipt(*logs, kind=0)
    yield receipt("of-a-failed-transaction", chain.receipt(*logs, status=b""))
    yield receipt("with-status-2", chain.receipt(*logs, status=b"\x02"))
    yield receipt("with-status-zero-byte", chain.receipt(*logs, status=b"\x00"))
    yield receipt("with-status-of-two-bytes", chain.receipt(*logs, status=b"\x00\x01"))
    yield receipt("with-a-root-for-status", chain.receipt(*logs, status=bytes(31) + b"\x01"))
    yield receipt("with-a-list-for-status", chain.receipt(*logs, status=[b"\x01"]))
    yield receipt("of-3-items", b"\x02" + rlp.encode([b"\x01", b"\x01", bytes(256)]))
    yield receipt("logs-a-string", chain.receipt(logs=b"x" * 40))
    yield receipt("without-logs", chain.receipt())
    yield receipt("a-string", b"\xb9" + len(good).to_bytes(2, "big") + good)
    yield receipt("with-a-byte-behind", chain.GOOD_RECEIPT + b"\x00")
    yield receipt("truncated", chain.GOOD_RECEIPT[:-1])
    yield receipt("only-a-type", b"\x02")
    yield receipt("with-its-type-twice", b"\x02" + chain.GOOD_RECEIPT)
    for kind in (0x05, 0x64, 0x7E, 0x7F):
        yield receipt(f"of-the-unknown-type-{kind:#x}", bytes([kind]) + good, "ppnnn")
    yield receipt("of-type-0-written-out", b"\x00" + good, "ppnnn")
    yield receipt("status-written-in-two-bytes", two_byte_status(good))


def two_byte_status(legacy: bytes) -> bytes:
    """The receipt with its status 1 written as 81 01."""
    payload = legacy[3:]
    assert legacy[0] == 0xF9 and payload[0] == 0x01
    payload = b"\x81" + payload
    return b"\xf9" + len(payload).to_bytes(2, "big") + payload


def bad_logs() -> Iterator[Vector]:
    def log(name: str, given: Any) -> Vector:
        value = chain.receipt(chain.transfer(), given)
        return refused(f"event-log-{name}", chain.with_receipt(value))

    topics = chain.event()[1]
    root = chain.ROOT
    yield log("of-another-contract", chain.event(address=b"\x22" * 20))
    yield log("of-an-address-of-21-bytes", chain.event(address=chain.CONTRACT + b"\x00"))
    yield log("of-another-event", chain.event(topics=[keccak(b"HandedOver(bytes32,address)"), *topics[1:]]))
    yield log("of-another-log", chain.event(topics=[topics[0], world.sha256(b"another log"), topics[2]]))
    yield log("with-two-topics", chain.event(topics=topics[:2]))
    yield log("with-four-topics", chain.event(topics=[*topics, topics[2]]))
    yield log("with-a-size-of-31-bytes", chain.event(topics=[*topics[:2], topics[2][1:]]))
    yield log("with-a-size-of-33-bytes", chain.event(topics=[*topics[:2], b"\x00" + topics[2]]))
    yield log("with-a-list-for-a-topic", chain.event(topics=[*topics[:2], [topics[2]]]))
    yield log("with-another-size", chain.event(topics=[*topics[:2], (10).to_bytes(32, "big")]))
    yield log("with-another-root", chain.event(data=bytes(96)))
    yield log("with-the-tree-as-the-old-one-only", chain.event(data=bytes(64) + root))
    yield log("with-data-of-95-bytes", chain.event(data=root + bytes(63)))
    yield log("with-data-of-97-bytes", chain.event(data=root + bytes(65)))
    yield log("with-the-root-alone", chain.event(data=root))
    yield log("with-a-list-for-data", chain.event(data=[root]))
    yield log("with-topics-as-one-string", chain.event(topics=b"".join(topics)))
    yield log("of-two-items", chain.event()[:2])
    yield log("of-four-items", [*chain.event(), b""])
    yield log("a-string", rlp.encode(chain.event()))
    yield refused("event-log-of-another-transaction", chain.in_block([*chain.others(4), chain.GOOD_RECEIPT], log=0))


def line_4() -> Iterator[Vector]:
    other = ("--block-hash", world.word("another block"))
    yield offline("event-block-hash-of-another-block", "pppfn", arguments=other)
    yield offline("event-block-hash-against-the-node", "pppfp", rpc=chain.answers(), arguments=other)
    yield offline("event-node-has-another-block", "pppfp", rpc=chain.answers(hash=world.word("another block")))
    yield offline("event-node-has-another-number", "pppfp", rpc=chain.answers(number=hex(chain.NUMBER + 1)))
    silent = {question: answer for question, answer in chain.answers().items() if hex(chain.NUMBER) not in question}
    unknown = {**silent, world.ask("eth_getBlockByNumber", hex(chain.NUMBER), False): None}
    yield offline("event-node-knows-no-such-block", "pppfp", rpc=unknown)
    yield offline("event-node-refuses-the-block", "pppnp", rpc=silent)
    told = chain.answers()
    early = {**told, world.FINAL_CALL: world.block(chain.NUMBER - 1, world.word("x"))}
    yield offline("event-block-not-final-yet", "pppwp", rpc=early)
    yield offline("event-block-none-is-final", "pppnp", rpc={**told, world.FINAL_CALL: None})
    yield offline("event-node-of-another-chain", "pppnn", rpc={**told, world.CHAIN_CALL: "0x1"})
    yield offline("event-node-of-another-genesis", "pppnn", rpc={**told, world.GENESIS_CALL: world.block(0, HASH)})
    yield offline("event-node-silent-with-block-hash", "pppnn", rpc=world.ANSWERS(), arguments=("--block-hash", HASH))
    forgotten = {question: answer for question, answer in told.items() if question != world.RECEIPT_CALL}
    yield offline("event-good-though-the-node-forgot-the-receipt", "ppppp", rpc=forgotten)
    bad = chain.with_receipt(chain.receipt(chain.transfer(), chain.event(data=bytes(96))))
    yield offline("event-wrong-in-a-confirmed-block", "ppfpn", bad, arguments=("--block-hash", chain.block_hash(bad)))
    locator = dict(world.ANCHOR)
    right = ("--block-hash", world.ANCHOR["block_hash"])
    yield offline("locator-block-hash-settles-nothing", "ppnnn", locator, arguments=right)
    yield offline("locator-block-hash-of-another-block", "ppnfn", locator, arguments=("--block-hash", HASH))
    yield offline("locator-node-and-block-hash", "ppppp", locator, rpc=world.answers(), arguments=right)
