"""A small insurer, log and chain that make proofs, receipts, trust files and node answers for the verifier's tests.

Written from docs/protocol.md with other people's code (`cryptography` signs, `rfc8785` encodes, `eth_hash` hashes) and
a definitional Merkle tree, so that it shares nothing with the portal or with the verifier. Everything is
deterministic: keys and salts come from labels, and Ed25519 draws nothing at random.
"""

import base64
import copy
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_hash.auto import keccak

ORIGIN = "touchstone.example/log"
RECEIPT_NAME = f"{ORIGIN}/receipt"
NUMBER = "CLM-2026-000123-K"
SEPOLIA = 11155111
DOCUMENT = dict[str, Any]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    return base64.b64decode(text)


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def canonical(value: Any) -> bytes:
    return rfc8785.dumps(value)


def word(label: str) -> str:
    """32 bytes that stand for something, as 0x hex."""
    return "0x" + sha256(label.encode()).hex()


def uuid(label: str) -> str:
    return str(UUID(bytes=sha256(label.encode())[:16], version=4))


# --- signing ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Signer:
    """A key pair with the name under which it signs."""

    name: str
    label: str

    @property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(sha256(self.label.encode()))

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def key(self, kind: int = 1) -> str:
        return verifier_key(self.name, self.public, kind)

    def line(self, text: str) -> str:
        key_id = sha256(self.name.encode() + b"\n\x01" + self.public)[:4]
        return f"\u2014 {self.name} {b64(key_id + self.private.sign(text.encode()))}\n"


def verifier_key(name: str, public: bytes, kind: int = 1) -> str:
    blob = bytes([kind]) + public
    key_id = sha256(name.encode() + b"\n" + blob)[:4]
    return f"{name}+{key_id.hex()}+{b64(blob)}"


LOG_KEY = Signer(ORIGIN, "log key of 2026")
NEXT_LOG_KEY = Signer(ORIGIN, "log key of 2027")
RECEIPT_KEY = Signer(RECEIPT_NAME, "receipt key of 2026")
STRANGER = Signer(ORIGIN, "a stranger's key under the log's name")
WITNESS = Signer("witness.example", "a witness whom nobody named")
AUDITOR = Signer("auditor.example", "an auditor")


def note(text: str, *signers: Signer) -> str:
    return text + "\n" + "".join(signer.line(text) for signer in signers)


# --- entries and the tree --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    """An entry's text and its disclosures by field name."""

    text: str
    disclosures: dict[str, str]


ALICE_CLAIM = uuid("alice's claim")


def subject(kind: str = "claim", record: str = ALICE_CLAIM) -> str:
    return sha256(b"subject/v1\x00" + kind.encode() + b"\x00" + record.encode()).hex()


def disclose(label: str, name: str, value: Any) -> str:
    salt = b64url(sha256(f"salt {label} {name}".encode())[:16])
    return b64url(canonical([salt, name, value]))


def record(day: int, kind: str, facts: DOCUMENT, **members: Any) -> Recorded:
    """One entry about alice's claim; `members` replace members of the entry, `...` removes one."""
    label = f"{day} {kind}"
    disclosures = {name: disclose(label, name, value) for name, value in facts.items()}
    entry = {
        "at": f"2026-11-{day:02}T09:14:07.123456Z",
        "fields": {name: b64url(sha256(text.encode())) for name, text in disclosures.items()},
        "id": uuid(label),
        "kind": kind,
        "subject": subject(),
        "v": 1,
        **members,
    }
    kept = {name: value for name, value in entry.items() if value is not ...}
    return Recorded(canonical(kept).decode(), disclosures)


def alice_claims() -> list[Recorded]:
    """Submitted, taken, decided; with one fact about nobody, row columns and a value that is not plain ASCII."""
    return [
        record(2, "claim.submitted", {"amount_minor": 125000, "number": NUMBER, "place": "Zürich Flughafen ✈"}),
        record(5, "claim.taken", {"covered": True, "note": None, f"row.claim.{uuid('row')}.status": "taken"}),
        record(9, "claim.decided", {"approved_minor": 110000, "by": "dora", "reason": 'clause 4.2 "delay"\n'}),
    ]


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 9162 §2.1.1, as defined."""
    if len(leaves) <= 1:
        return sha256(b"\x00" + leaves[0]) if leaves else sha256(b"")
    cut = split(len(leaves))
    return sha256(b"\x01" + root_of(leaves[:cut]) + root_of(leaves[cut:]))


def path_of(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162 §2.1.3.1, as defined: the leaf's sibling first."""
    if len(leaves) == 1:
        return []
    cut = split(len(leaves))
    if index < cut:
        return [*path_of(index, leaves[:cut]), root_of(leaves[cut:])]
    return [*path_of(index - cut, leaves[cut:]), root_of(leaves[:cut])]


def split(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << (size - 1).bit_length() - 1


def log_of(recorded: list[Recorded]) -> list[bytes]:
    """The whole log's leaves: other people's entries before, between and after; entry i has the index 3 + 2i."""
    leaves = [b"other %d" % place for place in range(3)]
    for place, entry in enumerate(recorded):
        leaves += [entry.text.encode(), b"between %d" % place]
    return leaves


def checkpoint_text(leaves: list[bytes], origin: str = ORIGIN) -> str:
    return f"{origin}\n{len(leaves)}\n{b64(root_of(leaves))}\n"


# --- proofs, trust files, receipts -----------------------------------------------------------------------------------


def sealed(
    recorded: list[Recorded], *, hide: tuple[str, ...] = (), leaves: list[bytes] | None = None, text: str = ""
) -> DOCUMENT:
    """A proof of these entries, sealed and anchored, without its checksum; `hide` names fields not shown."""
    leaves = leaves or log_of(recorded)
    return {
        "anchor": dict(ANCHOR),
        "checkpoint": note(text or checkpoint_text(leaves), LOG_KEY),
        "entries": [item(entry, leaves, hide) for entry in recorded],
        "format": "proof-of-record/v1",
    }


def item(entry: Recorded, leaves: list[bytes], hide: tuple[str, ...]) -> DOCUMENT:
    index = leaves.index(entry.text.encode())
    return {
        "disclosures": [entry.disclosures[name] for name in sorted(entry.disclosures) if name not in hide],
        "entry": entry.text,
        "index": index,
        "path": [b64(step) for step in path_of(index, leaves)],
    }


def pending(document: DOCUMENT, *places: int) -> DOCUMENT:
    """The same with these entries not under the checkpoint; with none left, without checkpoint and anchor."""
    document = copy.deepcopy(document)
    for place in places:
        del document["entries"][place]["index"], document["entries"][place]["path"]
    if not any("index" in entry for entry in document["entries"]):
        del document["checkpoint"], document["anchor"]
    return document


def finish(document: DOCUMENT) -> bytes:
    """The file's bytes, with the checksum that its contents ask for."""
    return canonical({**document, "checksum": sha256(canonical(document)).hex()})


CODE = bytes.fromhex("6080604052") + b"a registry's code"
CONTRACT = "0x" + sha256(b"contract")[:20].hex()
BLOCK = 7_654_321
ANCHOR = {
    "block_hash": word("block"),
    "block_number": BLOCK,
    "chain_id": SEPOLIA,
    "contract": CONTRACT,
    "format": "eth-locator/v1",
    "log_id": word("log id"),
    "transaction": word("transaction"),
}
REGISTRATION = {
    "chain_id": SEPOLIA,
    "code_hash": "0x" + keccak(CODE).hex(),
    "contract": CONTRACT,
    "genesis": word("genesis"),
    "log_id": word("log id"),
}


def statement(version: int = 1, previous: str = "", **members: Any) -> DOCUMENT:
    return {
        "auditors": [AUDITOR.key(4)],
        "log_keys": [{"from": 0, "key": LOG_KEY.key()}],
        "origin": ORIGIN,
        "previous": previous,
        "receipt_keys": [RECEIPT_KEY.key()],
        "registrations": [REGISTRATION],
        "version": version,
        **members,
    }


def fingerprint(statement: DOCUMENT) -> str:
    return sha256(canonical(statement)).hex()


def signed(statement: DOCUMENT, signer: Signer = LOG_KEY) -> DOCUMENT:
    return {"signature": b64(signer.private.sign(b"trust/v1\n" + canonical(statement))), "statement": statement}


def publish(*versions: DOCUMENT) -> bytes:
    return canonical({"format": "trust/v1", "versions": list(versions)})


def trust(**members: Any) -> bytes:
    """A trust file of one version."""
    return publish(signed(statement(**members)))


def two_versions(signer: Signer = LOG_KEY, **members: Any) -> bytes:
    """A second version that adds next year's log key, signed by the first version's."""
    first = statement()
    keys = [{"from": 0, "key": LOG_KEY.key(), "until": 9}, {"from": 9, "key": NEXT_LOG_KEY.key()}]
    second = {**statement(2, fingerprint(first), log_keys=keys), **members}
    return publish(signed(first), signed(second, signer))


def receipt_text(**lines: str) -> str:
    entry = alice_claims()[0]
    parts = {
        "name": RECEIPT_NAME,
        "entry": json.loads(entry.text)["id"],
        "record": f"claim {ALICE_CLAIM}",
        "leaf": b64(sha256(b"\x00" + entry.text.encode())),
        "at": "2026-11-02T09:14:07.123456Z",
        "seal_by": "seal-by 2026-11-02T10:14:07.123456Z",
        **lines,
    }
    return "".join(f"{line}\n" for line in parts.values())


# --- the chain as a node tells it ------------------------------------------------------------------------------------

ANCHORED = "0x" + keccak(b"Anchored(bytes32,uint256,bytes32,uint256,bytes32)").hex()
ANSWERS = dict[str, Any]


def ask(method: str, *params: Any) -> str:
    """How a question is named in an answer book."""
    return json.dumps([method, list(params)])


RECEIPT_CALL = ask("eth_getTransactionReceipt", ANCHOR["transaction"])
BLOCK_CALL = ask("eth_getBlockByNumber", hex(BLOCK), False)
GENESIS_CALL = ask("eth_getBlockByNumber", "0x0", False)
FINAL_CALL = ask("eth_getBlockByNumber", "finalized", False)
CODE_CALL = ask("eth_getCode", CONTRACT, "latest")
CHAIN_CALL = ask("eth_chainId")


def event(size: int, root: bytes, **members: Any) -> DOCUMENT:
    return {
        "address": CONTRACT,
        "data": "0x" + root.hex() + bytes(64).hex(),
        "logIndex": "0x5",
        "topics": [ANCHORED, word("log id"), f"0x{size:064x}"],
        **members,
    }


def block(number: int, hash_: str) -> DOCUMENT:
    return {"hash": hash_, "number": hex(number), "timestamp": hex(1_795_435_200)}


def answers(leaves: list[bytes] | None = None, **members: Any) -> ANSWERS:
    """What an honest node of Sepolia answers; `members` replace members of the transaction's receipt."""
    leaves = leaves or log_of(alice_claims())
    receipt = {
        "blockHash": ANCHOR["block_hash"],
        "blockNumber": hex(BLOCK),
        "logs": [
            {"address": "0x" + "11" * 20, "data": "0x", "topics": [word("another event")]},
            event(len(leaves), root_of(leaves)),
        ],
        "status": "0x1",
        "transactionHash": ANCHOR["transaction"],
        **members,
    }
    return {
        CHAIN_CALL: hex(SEPOLIA),
        GENESIS_CALL: block(0, word("genesis")),
        BLOCK_CALL: block(BLOCK, word("block")),
        FINAL_CALL: block(BLOCK + 40, word("finalized block")),
        RECEIPT_CALL: receipt,
        CODE_CALL: "0x" + CODE.hex(),
    }


@dataclass
class Reply:
    """An answer that is not the book's: these bytes, with this status, after a pause, in trickles."""

    body: bytes = b""
    status: int = 200
    pause: float = 0.0
    trickle: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeNode:
    """A JSON-RPC node on loopback that answers from a book and remembers what it was asked."""

    book: ANSWERS
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def reply(self, call: DOCUMENT) -> Reply:
        question = json.dumps([call["method"], call["params"]])
        self.asked.append(question)
        if question in self.replies:
            return self.replies[question]
        answer: DOCUMENT = {"id": call["id"], "jsonrpc": "2.0"}
        if question in self.book:
            answer["result"] = self.book[question]
        else:
            answer["error"] = {"code": -32601, "message": "the book has no answer"}
        return Reply(json.dumps(answer).encode())


@contextmanager
def serve(book: ANSWERS, replies: dict[str, Reply] | None = None) -> Iterator[FakeNode]:
    node = FakeNode(book, replies or {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(node.reply))
    node.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(answer: Callable[[DOCUMENT], Reply]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reply = answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            time.sleep(reply.pause)
            with suppress(OSError):  # the verifier hangs up on a slow or endless answer, as it should
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            step = 1 if reply.trickle else len(reply.body) or 1
            for start in range(0, len(reply.body), step):
                self.wfile.write(reply.body[start : start + step])
                time.sleep(reply.trickle)

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests read what the node was asked from `asked`."""

    return Handler
