"""Proofs checked through a node: lines 3, 4 and 5. The node's answers are a vector's third file."""

import copy
from collections.abc import Iterator
from typing import Any

from tests.anchoring import verify_world as world
from tests.vectors.vector import Vector, good_document, offline, put

GOOD = world.finish(good_document())
LEAVES = world.log_of(world.alice_claims())
ROOT = world.root_of(LEAVES)


def cases() -> Iterator[Vector]:
    yield from unregistered()
    yield from good()
    yield from line_3()
    yield from line_4()
    yield from line_5()
    yield from unclear_answers()


def asked(name: str, lines: str, rpc: world.ANSWERS, **members: Any) -> Vector:
    exit_code = 1 if "f" in lines else 3 if set(lines[:4]) != {"p"} else 0
    return Vector(name, GOOD, exit_code, lines, rpc=rpc, **members)


def told(**answers: Any) -> world.ANSWERS:
    """An honest node's answers but for these."""
    names = {
        "chain": world.CHAIN_CALL,
        "genesis": world.GENESIS_CALL,
        "block": world.BLOCK_CALL,
        "final": world.FINAL_CALL,
        "receipt": world.RECEIPT_CALL,
        "code": world.CODE_CALL,
    }
    return {**world.answers(), **{names[name]: answer for name, answer in answers.items()}}


def registered(*changes: dict[str, Any]) -> bytes:
    """A trust file with one registration for each set of changes, oldest first."""
    return world.trust(registrations=[{**world.REGISTRATION, **change} for change in changes])


def unregistered() -> Iterator[Vector]:
    """A proof does not choose its chain, contract or log: what trust.json does not register is not checked."""
    yield offline("anchored-another-contract", "ppnnn", put("anchor.contract", "0x" + "22" * 20))
    yield offline("anchored-another-chain", "ppnnn", put("anchor.chain_id", 1))
    yield offline("anchored-another-log-id", "ppnnn", put("anchor.log_id", world.word("another log")))
    yield offline("anchored-nothing-registered", "ppnnn", good_document(), trust=world.trust(registrations=[]))


def good() -> Iterator[Vector]:
    yield asked("good-through-a-node", "ppppp", told())
    yield asked("good-block-is-the-last-final-one", "ppppp", told(final=world.block(world.BLOCK, world.word("block"))))
    shouting = copy.deepcopy(world.answers())
    shouting[world.RECEIPT_CALL]["logs"][1]["address"] = world.CONTRACT.upper().replace("X", "x")
    yield asked("good-node-writes-upper-case", "ppppp", shouting)
    twice = world.answers(logs=[world.event(5, bytes(32)), world.event(len(LEAVES), ROOT)])
    yield asked("good-second-event-of-the-transaction", "ppppp", twice)
    restarted = registered({}, {"genesis": world.word("genesis after a restart")})
    yield asked("good-earlier-of-two-chains-told-by-genesis", "ppppp", told(), trust=restarted)
    moved = registered({"contract": "0x" + "33" * 20}, {})
    yield asked("good-current-of-two-registrations", "ppppp", told(), trust=moved)
    nowhere = world.ANSWERS()
    pending = world.finish(world.pending(good_document(), 0, 1, 2))
    yield Vector("good-pending-asks-no-node", pending, 3, "pwwww", rpc=nowhere)


def line_3() -> Iterator[Vector]:
    def logs(name: str, *logs: Any) -> Vector:
        return asked(name, "ppfpp", world.answers(logs=list(logs)))

    yield asked("anchored-transaction-unknown", "ppfnp", told(receipt=None))
    yield asked("anchored-transaction-failed", "ppfpp", world.answers(status="0x0"))
    yield logs("anchored-no-event")
    yield logs("anchored-event-of-another-contract", world.event(9, ROOT, address="0x" + "22" * 20))
    topics = world.event(9, ROOT)["topics"]
    yield logs("anchored-event-of-another-log", world.event(9, ROOT, topics=[topics[0], world.word("x"), topics[2]]))
    yield logs("anchored-another-event", world.event(9, ROOT, topics=[world.word("x"), *topics[1:]]))
    yield logs("anchored-event-with-another-size", world.event(10, ROOT))
    yield logs("anchored-event-with-another-root", world.event(9, bytes(32)))
    yield logs("anchored-event-removed", world.event(9, ROOT, removed=True))
    yield logs("anchored-event-with-short-data", world.event(9, ROOT, data="0x" + ROOT.hex()))
    yield logs("anchored-event-with-long-data", world.event(9, ROOT, data="0x" + ROOT.hex() + bytes(96).hex()))
    yield logs("anchored-event-with-two-topics", world.event(9, ROOT, topics=topics[:2]))
    yield logs("anchored-event-with-four-topics", world.event(9, ROOT, topics=[*topics, topics[2]]))
    yield logs("anchored-logs-of-rubbish", None, 1, "x", [], {}, {"topics": [1, 2, 3], "address": [], "data": {}})
    old = {"data": "0x" + bytes(64).hex() + ROOT.hex(), "topics": [*topics[:2], f"0x{10:064x}"]}
    yield logs("anchored-tree-stands-as-the-old-root-only", world.event(9, ROOT, **old))


def line_4() -> Iterator[Vector]:
    yield asked("block-of-another-chain-id", "ppnnn", told(chain="0x1"))
    yield asked("block-of-another-genesis", "ppnnn", told(genesis=world.block(0, world.word("x"))))
    yield asked("block-unknown", "pppfp", told(block=None))
    yield asked("block-reorganised-away", "pppfp", told(block=world.block(world.BLOCK, world.word("x"))))
    yield asked("block-of-another-number", "pppfp", told(block=world.block(world.BLOCK + 1, world.word("block"))))
    yield asked("block-is-not-the-transactions", "pppfp", world.answers(blockHash=world.word("x")))
    yield asked("block-not-final-yet", "pppwp", told(final=world.block(world.BLOCK - 1, world.word("x"))))
    yield asked("block-none-is-final", "pppnp", told(final=None))
    yield asked("block-no-genesis", "ppnnn", told(genesis=None))


def line_5() -> Iterator[Vector]:
    required = {"arguments": ("--require", "1-5")}
    yield asked("registry-required", "ppppp", told(), **required)
    yield asked("registry-other-code", "ppppf", told(code="0x6080"), **required)
    yield asked("registry-other-code-fails-though-not-required", "ppppf", told(code="0x6080"))
    yield asked("registry-no-code", "ppppf", told(code="0x"), **required)
    other = registered({"code_hash": world.word("another code")})
    yield asked("registry-other-code-published", "ppppf", told(), trust=other, **required)


def unclear_answers() -> Iterator[Vector]:
    """A node that talks nonsense or refuses speaks neither for nor against the proof."""
    nonsense: dict[str, Any] = {"a-number": 1, "a-list": [], "a-text": "yes", "true": True, "an-empty-object": {}}
    for word, answer in nonsense.items():
        yield asked(f"unclear-chain-{word}", "ppnnn", told(chain=answer))
        yield asked(f"unclear-genesis-{word}", "ppnnn", told(genesis=answer))
        yield asked(f"unclear-receipt-{word}", "ppnnp", told(receipt=answer))
        yield asked(f"unclear-block-{word}", "pppnp", told(block=answer))
        yield asked(f"unclear-final-{word}", "pppnp", told(final=answer))
        yield asked(f"unclear-code-{word}", "ppppn", told(code=answer))
    yield asked("unclear-everything-refused", "ppnnn", {})
    yield asked("unclear-receipt-of-another-transaction", "ppnnp", world.answers(transactionHash=world.word("x")))
    yield asked("unclear-receipt-without-status", "ppnnp", world.answers(status=None))
    yield asked("unclear-receipt-logs-an-object", "ppnnp", world.answers(logs={}))
    yield asked("unclear-block-number-of-65-digits", "pppnp", told(block={**_block(), "number": "0x" + "1" * 65}))
    yield asked("unclear-code-of-odd-length", "ppppn", told(code="0x608"))


def _block() -> dict[str, Any]:
    return world.block(world.BLOCK, world.word("block"))
