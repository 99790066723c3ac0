"""Histories for the verifier's tests: logs that end in a state entry, and what is proved from them.

Beside `verify_world`, and as free of the product: the map is the definitional one of `reference_map`.
"""

import json
from typing import Any

from tests.anchoring import event_world
from tests.anchoring import verify_world as world
from tests.anchoring.protocol import reference_map
from tests.anchoring.verify_world import AUDITOR, DOCUMENT, LOG_KEY, ORIGIN, SEPOLIA, Recorded, Signer, b64, word

NAMED = f"claim:{world.ALICE_CLAIM}"
BOB_CLAIM = world.uuid("bob's claim")
COSIGNED_AT = 1_795_435_260
STATE_BLOCK = 7_654_000


def bob_claims() -> list[Recorded]:
    """Other people's entries: three of one record, one each of two more."""
    others = [BOB_CLAIM, world.uuid("carol's claim"), BOB_CLAIM, world.uuid("dan's claim"), BOB_CLAIM]
    return [
        world.record(10 + place, "claim.submitted", {"number": f"CLM-{place}"}, subject=world.subject(record=other))
        for place, other in enumerate(others)
    ]


def texts_of(recorded: list[Recorded]) -> list[str]:
    """A log of entries: two of others, then in turn one that was recorded and one of others; entry i is 2 + 2i."""
    others = [entry.text for entry in bob_claims()]
    texts = others[:2]
    for place, entry in enumerate(recorded):
        texts += [entry.text, others[2 + place % 3]] if place < 3 else [entry.text]
    return texts


def mapped(texts: list[str]) -> list[tuple[bytes, bytes]]:
    """Each entry as the map sees it: subject and leaf hash."""
    return [(bytes.fromhex(json.loads(text)["subject"]), world.sha256(b"\x00" + text.encode())) for text in texts]


def state_of(texts: list[str], *, block: int | None = STATE_BLOCK, **data: Any) -> str:
    """The state entry after these entries; `data` replaces members of its data, `...` removes one."""
    values = reference_map.values(mapped(texts))
    named = {"block_hash": word(f"block {block}"), "block_number": block, "chain_id": SEPOLIA} if block else {}
    root = reference_map.trie(values).hex()
    members = {"map_root": root, "size": len(texts), "subjects": len(values), **named, **data}
    kept = {name: value for name, value in members.items() if value is not ...}
    about = {"data": kept, "fields": ..., "subject": world.subject("log", ORIGIN)}
    return world.record(20, "log.state", {"state": len(texts)}, **about, id=world.uuid(f"state {len(texts)}")).text


def with_state(texts: list[str], **data: Any) -> list[str]:
    return [*texts, state_of(texts, **data)]


def place_of(text: str, leaves: list[bytes]) -> DOCUMENT:
    """An entry's text with index and path, as in `state` and `not_before`."""
    index = leaves.index(text.encode())
    return {"entry": text, "index": index, "path": [b64(step) for step in world.path_of(index, leaves)]}


def history_of(texts: list[str], subject: bytes) -> DOCUMENT:
    """The member `history` for the last of these entries, which is a state entry."""
    values = reference_map.values(mapped(texts[:-1]))
    document: DOCUMENT = {"path": [], "state": place_of(texts[-1], [text.encode() for text in texts])}
    if not values:
        return document
    found, steps = reference_map.path(values, subject)
    count, last, mini_root = values[found]
    document["leaf"] = {"count": count, "last": last, "mini_root": mini_root.hex(), "subject": found.hex()}
    document["path"] = [{"position": position, "sibling": b64(sibling)} for position, sibling in steps]
    return document


def alices() -> bytes:
    return bytes.fromhex(world.subject())


def complete(
    recorded: list[Recorded] | None = None, texts: list[str] | None = None, *, cosigned: bool = True
) -> DOCUMENT:
    """Alice's whole history under a checkpoint that the auditor has cosigned, without checksum."""
    recorded = world.alice_claims() if recorded is None else recorded
    texts = with_state(texts_of(recorded)) if texts is None else texts
    leaves = [text.encode() for text in texts]
    document = world.sealed(recorded, leaves=leaves)
    text = world.checkpoint_text(leaves)
    document["checkpoint"] = world.note(text, LOG_KEY) + (cosignature(text) if cosigned else "")
    return {**document, "history": history_of(texts, alices())}


def cosignature(text: str, signer: Signer = AUDITOR, *, at: int = COSIGNED_AT, name: str = "") -> str:
    """C2SP cosignature/v1: a line of type 04 under a checkpoint."""
    message = f"cosignature/v1\ntime {at}\n{text}".encode()
    key_id = world.sha256((name or signer.name).encode() + b"\n\x04" + signer.public)[:4]
    return f"\u2014 {name or signer.name} {b64(key_id + at.to_bytes(8, 'big') + signer.private.sign(message))}\n"


def bounded(*, block: int | None = STATE_BLOCK) -> DOCUMENT:
    """Alice's history in a log whose first leaf is a state entry: everything else was sealed after its block."""
    texts = bounded_texts(block=block)
    bound = place_of(texts[0], [text.encode() for text in texts])
    return {**complete(texts=texts), "not_before": bound}


def bounded_texts(*, block: int | None = STATE_BLOCK) -> list[str]:
    return with_state([state_of([], block=block), *texts_of(world.alice_claims())])


def absent() -> DOCUMENT:
    """That nothing is recorded about alice's claim, in a log of others."""
    return complete([], with_state(texts_of([]) + [entry.text for entry in bob_claims()[2:]]))


def empty_map() -> DOCUMENT:
    """The same in a log that holds nothing but its first state entry."""
    return complete([], with_state([]))


def with_event(document: DOCUMENT, texts: list[str]) -> DOCUMENT:
    """The same with the registry's event in place of the locator."""
    leaves = [text.encode() for text in texts]
    shown = event_world.receipt(event_world.transfer(), event_world.event(leaves))
    return {**document, "anchor": event_world.with_receipt(shown)}


def data_of(place: DOCUMENT) -> DOCUMENT:
    """What the state entry at that place says."""
    data: DOCUMENT = json.loads(place["entry"])["data"]
    return data


# --- as a node tells it ----------------------------------------------------------------------------------------------

SENDER = "0x" + "5e" * 20
HEAD_DATA = "0x" + world.keccak(b"head(bytes32)")[:4].hex() + word("log id")[2:]
HEAD_CALL = world.ask("eth_call", {"data": HEAD_DATA, "to": world.CONTRACT}, "latest")
STATE_BLOCK_CALL = world.ask("eth_getBlockByNumber", hex(STATE_BLOCK), False)


def head_word(leaves: list[bytes]) -> str:
    """What the registry keeps when this tree is the newest anchored one."""
    root = world.root_of(leaves)
    return "0x" + world.keccak(bytes(12) + bytes.fromhex(SENDER[2:]) + len(leaves).to_bytes(32, "big") + root).hex()


def answers(texts: list[str], *, sender: Any = SENDER, **others: Any) -> world.ANSWERS:
    """What an honest node answers where this log is anchored and nothing newer is; `others` replace by call."""
    leaves = [text.encode() for text in texts]
    block = {**world.block(STATE_BLOCK, word(f"block {STATE_BLOCK}")), "timestamp": hex(1_795_348_800)}
    told = {HEAD_CALL: head_word(leaves), STATE_BLOCK_CALL: block}
    return {**world.answers(leaves, **{"from": sender}), **told, **others}


def answers_about_event(document: DOCUMENT, texts: list[str], **others: Any) -> world.ANSWERS:
    """The same where the anchor is the event itself: its transaction is known by its place in its block alone."""
    hashes = [word(f"transaction {place}") for place in range(5)]
    sent = hashes[document["anchor"]["transaction_index"]]
    known = answers(texts)
    receipt = {**known.pop(world.RECEIPT_CALL), "transactionHash": sent}
    at = world.ask("eth_getBlockByNumber", hex(event_world.NUMBER), False)
    block = event_world.answers(document["anchor"], transactions=hashes)[at]
    return {**known, at: block, world.ask("eth_getTransactionReceipt", sent): receipt, **others}
