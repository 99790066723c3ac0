"""The registry contract as bytes: its code, the calls it takes, the words it keeps and the event it writes.

docs/protocol.md, section 6, says what each means; ``contract/AuditAnchor.vy`` is the contract. All of it is pure but
the last parts, which prove an event and set a registry up through the chain's port.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

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

# The deterministic deployment proxy (EIP-7997): called with a salt and init code, it makes the contract with CREATE2.
FACTORY = bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c")
FACTORY_CODE_HASH = bytes.fromhex("2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989")
_FACTORY_SALT = bytes(32)


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


def deterministic_address() -> bytes:
    """Where the factory puts the registry, on every chain and whoever asks for it (EIP-1014)."""
    return keccak(b"\xff" + FACTORY + _FACTORY_SALT + keccak(artefact().bytecode))[12:]


def deploy_call(*, sender: bytes) -> Call:
    """Make a registry contract, at an address that sender and nonce give."""
    return Call(sender=sender, to=None, data=artefact().bytecode)


def factory_call(*, sender: bytes) -> Call:
    """Have the factory make the registry at the deterministic address; it reverts if a contract stands there."""
    return Call(sender=sender, to=FACTORY, data=_FACTORY_SALT + artefact().bytecode)


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


Reserve = Callable[[bytes, int], None]
"""Told the sender and the nonce before a transaction leaves, so that what is ours is known as ours later."""


def _keep_no_count(sender: bytes, nonce: int) -> None:
    """For a key that nothing else here uses."""


@dataclass(frozen=True)
class Deployed:
    """A registry contract, how it came to stand there, and the transaction that made it: None if it was found."""

    contract: bytes
    how: Literal["found", "made by the factory", "made without a factory"]
    transaction: bytes | None


@dataclass(frozen=True)
class Registered:
    """A log id and the transaction that registered it: None if it was registered and empty already."""

    log_id: bytes
    transaction: bytes | None


def deploy(chain: Chain, *, key: bytes, reserve: Reserve = _keep_no_count, wait: float = 180.0) -> Deployed:
    """Find the registry at its deterministic address, or make it, and check that its code is the committed one.

    The factory makes it where the chain has one. Elsewhere it is made at an address of its own, and a second run makes
    another. Waits up to ``wait`` seconds for a block; after ``ChainUnavailable`` it may or may not exist: run it again.
    """
    known = deterministic_address()
    if _is_registry(chain, known):
        return Deployed(contract=known, how="found", transaction=None)
    if chain.code_hash(FACTORY) == FACTORY_CODE_HASH:
        return _made_by_factory(chain, known, key=key, reserve=reserve, wait=wait)
    transaction, receipt = _transact(chain, deploy_call(sender=address_of(key)), key=key, reserve=reserve, wait=wait)
    if receipt.contract is None or not _is_registry(chain, receipt.contract):
        raise ChainError("The contract that was deployed does not carry the registry's code.")
    return Deployed(contract=receipt.contract, how="made without a factory", transaction=transaction)


def _made_by_factory(chain: Chain, address: bytes, *, key: bytes, reserve: Reserve, wait: float) -> Deployed:
    try:
        transaction, _ = _transact(chain, factory_call(sender=address_of(key)), key=key, reserve=reserve, wait=wait)
    except CallReverted:
        if _is_registry(chain, address):  # somebody else was faster
            return Deployed(contract=address, how="found", transaction=None)
        raise
    if not _is_registry(chain, address):
        raise ChainError("The factory made no contract with the registry's code.")
    return Deployed(contract=address, how="made by the factory", transaction=transaction)


def _is_registry(chain: Chain, address: bytes) -> bool:
    return chain.code_hash(address) == artefact().code_hash


def register(
    chain: Chain, *, key: bytes, contract: bytes, salt: bytes, reserve: Reserve = _keep_no_count, wait: float = 180.0
) -> Registered:
    """Register a log that ``key`` controls; one that is registered already and empty is adopted and nothing is sent.

    So a run that was cut off is repeated with the same salt. ``CallReverted`` if that log was anchored or handed over.
    Waits as ``deploy``.
    """
    sender = address_of(key)
    made = log_id(controller=sender, salt=salt)
    empty = head_word(controller=sender, size=0, root=EMPTY_ROOT)
    if chain.head(contract, made) == empty:
        return Registered(log_id=made, transaction=None)
    call = register_call(sender=sender, contract=contract, salt=salt)
    transaction, _ = _transact(chain, call, key=key, reserve=reserve, wait=wait)
    if chain.head(contract, made) != empty:
        raise ChainError("The registry does not hold the log that was registered.")
    return Registered(log_id=made, transaction=transaction)


def _transact(
    chain: Chain, call: Call, *, key: bytes, reserve: Reserve = _keep_no_count, wait: float
) -> tuple[bytes, TxReceipt]:
    """Sign, note the nonce, send and wait until a block holds it: the transaction's hash and receipt."""
    nonce = chain.nonce(call.sender)
    signed = sign(
        call,
        key=key,
        nonce=nonce,
        fees=chain.fees(),
        gas=gas_limit(chain.estimate(call), call.data),
        chain_id=chain.identity().chain_id,
    )
    reserve(call.sender, nonce)
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
