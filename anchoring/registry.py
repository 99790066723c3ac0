"""The registry contract as bytes: its code, the calls it takes, the words it keeps and the event it writes.

docs/protocol.md, section 6, says what each means; ``contract/AuditAnchor.vy`` is the contract. All of it is pure but
the last parts, which prove an event and set a registry up through the chain's port.
"""

import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eth_hash.auto import keccak

from anchoring import verify
from anchoring.chain import (
    Call,
    CallReverted,
    Chain,
    ChainError,
    ChainUnavailable,
    TxLog,
    TxReceipt,
    address_of,
    gas_limit,
    sign,
)
from anchoring.inclusion import CannotProve, prove_inclusion
from anchoring.protocol.anchor import Inclusion, ReceiptAnchor, encode_anchor

ARTEFACT = Path(__file__).parent / "contract" / "AuditAnchor.json"
EMPTY_ROOT = bytes(32)  # the root in the head word of a log that was registered and never anchored


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


_REGISTER = _selector("register(bytes32)")
_ANCHOR = _selector("anchor(bytes32,bytes32,bytes32)")  # what follows the three words is packed
_HANDOVER = _selector("handover(bytes32,uint256,bytes32,address)")
_ANCHORED = keccak(b"Anchored(bytes32,uint256,bytes32,uint256,bytes32)")


@dataclass(frozen=True)
class Anchored:
    """The registry's ``Anchored`` event."""

    contract: bytes
    log_id: bytes
    new_size: int
    new_root: bytes
    old_size: int
    old_root: bytes


@dataclass(frozen=True)
class Artefact:
    """The compiled registry as it is committed: code to deploy, and keccak256 of the code as deployed."""

    bytecode: bytes
    code_hash: bytes


@cache
def artefact() -> Artefact:
    """The committed registry contract."""
    built = json.loads(ARTEFACT.read_text(encoding="utf-8"))
    return Artefact(
        bytecode=bytes.fromhex(built["bytecode"][2:]),
        code_hash=keccak(bytes.fromhex(built["deployed_bytecode"][2:])),
    )


def log_id(*, controller: bytes, salt: bytes) -> bytes:
    """The id that ``register(salt)`` sent by ``controller`` gives."""
    return keccak(_word(controller) + salt)


def head_word(*, controller: bytes, size: int, root: bytes) -> bytes:
    """What ``head`` answers for a log of that size and root in that hand; root is ``EMPTY_ROOT`` at size 0."""
    return keccak(_word(controller) + _word(size) + root)


def deploy_call(*, sender: bytes) -> Call:
    """Make a registry contract."""
    return Call(sender=sender, to=None, data=artefact().bytecode)


def register_call(*, sender: bytes, contract: bytes, salt: bytes) -> Call:
    """Start a log that the sender controls; salt is 32 bytes."""
    return Call(sender=sender, to=contract, data=_REGISTER + _word(salt))


def anchor_call(
    *,
    sender: bytes,
    contract: bytes,
    log_id: bytes,
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    proof: list[bytes],
) -> Call:
    """Move a log's head; from size 0 with ``EMPTY_ROOT`` and an empty proof. Sizes are below 2^64."""
    sizes = old_size.to_bytes(8, "big") + new_size.to_bytes(8, "big")
    return Call(sender=sender, to=contract, data=_ANCHOR + _words(log_id, old_root, new_root) + sizes + _words(*proof))


def handover_call(
    *, sender: bytes, contract: bytes, log_id: bytes, size: int, root: bytes, new_controller: bytes
) -> Call:
    """Give a log to another address."""
    return Call(sender=sender, to=contract, data=_HANDOVER + _words(log_id, size, root, new_controller))


def parse_anchored(log: TxLog) -> Anchored | None:
    """The event, whichever contract wrote it (compare ``contract``); None if it is another one."""
    if len(log.topics) != 3 or log.topics[0] != _ANCHORED or len(log.data) != 96:
        return None
    return Anchored(
        contract=log.address,
        log_id=log.topics[1],
        new_size=int.from_bytes(log.topics[2], "big"),
        new_root=log.data[:32],
        old_size=int.from_bytes(log.data[32:64], "big"),
        old_root=log.data[64:],
    )


def _words(*values: bytes | int) -> bytes:
    return b"".join(_word(value) for value in values)


def _word(value: bytes | int) -> bytes:
    """One 32-byte word of the ABI: an integer, a word, or an address padded on the left."""
    if isinstance(value, int):
        return value.to_bytes(32, "big")
    assert len(value) in (20, 32)
    return value.rjust(32, b"\0")


# --- Setting up: for a command and the demo, where a person waits ----------------------------------------------------


def prove_anchored(chain: Chain, receipt: TxReceipt, event: Anchored, *, chain_id: int) -> Inclusion:
    """The way of the event, which the receipt holds, up to its block's hash; for a block that is final.

    Raises CannotProve with the reason in words, and what the chain raises. Our own verifier has accepted what is made.
    """
    block = chain.raw_block(receipt.block_hash)
    if block is None:
        raise ChainUnavailable(f"The node does not have the block 0x{receipt.block_hash.hex()}.")
    inclusion = prove_inclusion(
        block, block_hash=receipt.block_hash, transaction_index=receipt.index,
        is_event=lambda log: parse_anchored(log) == event,
    )  # fmt: skip
    made = ReceiptAnchor(chain_id=chain_id, contract=event.contract, log_id=event.log_id, inclusion=inclusion)
    anchor = verify.read_anchor(encode_anchor(made))
    assert isinstance(anchor, verify.ReceiptAnchor)
    try:
        found = verify.read_event(anchor)
    except verify.VerificationError as error:
        raise CannotProve(f"The standalone verifier does not accept the proof: {error}.") from error
    assert found == (event.new_size, event.new_root)
    return inclusion


@dataclass(frozen=True)
class Deployed:
    """A new registry contract and the transaction that made it."""

    contract: bytes
    transaction: bytes


@dataclass(frozen=True)
class Registered:
    """A new log id and the transaction that registered it."""

    log_id: bytes
    transaction: bytes


def deploy(chain: Chain, *, key: bytes, wait: float = 180.0) -> Deployed:
    """Make a registry contract and check that the code which stands there is the committed one.

    Waits up to ``wait`` seconds for a block. After ``ChainUnavailable`` it may or may not exist; a second run makes
    another, which does no harm.
    """
    transaction, receipt = _transact(chain, deploy_call(sender=address_of(key)), key=key, wait=wait)
    if receipt.contract is None or chain.code_hash(receipt.contract) != artefact().code_hash:
        raise ChainError("The contract that was deployed does not carry the registry's code.")
    return Deployed(contract=receipt.contract, transaction=transaction)


def register(chain: Chain, *, key: bytes, contract: bytes, salt: bytes, wait: float = 180.0) -> Registered:
    """Register a log that ``key`` controls; ``CallReverted`` if this key used this salt before. Waits as ``deploy``."""
    sender = address_of(key)
    call = register_call(sender=sender, contract=contract, salt=salt)
    transaction, _ = _transact(chain, call, key=key, wait=wait)
    made = log_id(controller=sender, salt=salt)
    if chain.head(contract, made) != head_word(controller=sender, size=0, root=EMPTY_ROOT):
        raise ChainError("The registry does not hold the log that was registered.")
    return Registered(log_id=made, transaction=transaction)


def _transact(chain: Chain, call: Call, *, key: bytes, wait: float) -> tuple[bytes, TxReceipt]:
    """Sign, send and wait until a block holds it: the transaction's hash and receipt."""
    signed = sign(
        call,
        key=key,
        nonce=chain.nonce(call.sender),
        fees=chain.fees(),
        gas=gas_limit(chain.estimate(call), call.data),
        chain_id=chain.identity().chain_id,
    )
    chain.send(signed.raw)
    receipt = _await_receipt(chain, signed.hash, wait=wait)
    if not receipt.succeeded:
        raise CallReverted(f"Transaction 0x{signed.hash.hex()} was mined, and the contract refused it.")
    return signed.hash, receipt


def _await_receipt(chain: Chain, transaction: bytes, *, wait: float) -> TxReceipt:
    deadline = time.monotonic() + wait
    pause = 0.05
    while (receipt := chain.receipt(transaction)) is None:
        if time.monotonic() >= deadline:
            raise ChainUnavailable(f"No block took transaction 0x{transaction.hex()} within {wait:g} seconds.")
        time.sleep(pause)
        pause = min(pause * 2, 2.0)
    return receipt
