"""The chain's port in memory: an honest chain with one contract kind, a pool, and the faults that real ones have.

It knows nothing of the EVM: the registry's rules are written out again in Python, from docs/protocol.md. The suite in
test_chain.py runs against it and against the real EVM, so that tests of the pipeline may rely on it.
"""

import secrets
from dataclasses import dataclass, field, replace

import rlp
from eth_account import Account
from eth_bloom import BloomFilter
from eth_hash.auto import keccak
from trie import HexaryTrie

from anchoring.chain import (
    Block,
    BlockAt,
    Call,
    CallReverted,
    ChainIdentity,
    ChainRefused,
    ChainUnavailable,
    Fees,
    NoFunds,
    NonceTooLow,
    RawBlock,
    Tag,
    TxLog,
    TxReceipt,
    Underpriced,
)
from anchoring.protocol.merkle import ProofInvalid, check_consistency
from anchoring.registry import FACTORY, FACTORY_CODE_HASH, artefact

GENESIS_TIME = 1_760_000_000
BLOCK_SECONDS = 12
REGISTERED = keccak(b"Registered(bytes32,address)")
ANCHORED = keccak(b"Anchored(bytes32,uint256,bytes32,uint256,bytes32)")
HANDED_OVER = keccak(b"HandedOver(bytes32,address)")
NO_SUCH_CALL = "execution reverted"  # all that the EVM says of a call that is no function's


@dataclass(frozen=True)
class Transaction:
    """A signed transaction, decoded."""

    hash: bytes
    sender: bytes
    nonce: int
    tip: int
    cap: int
    gas: int
    to: bytes
    data: bytes
    chain_id: int


@dataclass
class State:
    """What the chain knows after a block."""

    balances: dict[bytes, int] = field(default_factory=dict)
    nonces: dict[bytes, int] = field(default_factory=dict)
    registries: set[bytes] = field(default_factory=set)
    others: dict[bytes, bytes] = field(default_factory=dict)  # other contracts: address → code hash
    heads: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict)

    def copy(self) -> "State":
        return State(dict(self.balances), dict(self.nonces), set(self.registries), dict(self.others), dict(self.heads))


@dataclass(frozen=True)
class Mined:
    """A block with what its transactions left behind."""

    block: Block
    transactions: tuple[Transaction, ...]
    receipts: tuple[TxReceipt, ...]
    state: State
    raw: RawBlock


class MemoryChain:
    """One chain, one honest node. Set the attributes to make it misbehave:

    ``down``: no method answers. ``loses_replies``: ``send`` arrives, its reply does not. ``automine``: a transaction is
    mined as it arrives; else ``mine()`` does it. ``finality_depth``: how far ``finalized`` is behind ``latest``.
    ``contracts`` stand on it from the first block, each known by its address and code hash: the factory does its work
    if its code is the factory's, all else does nothing.
    """

    def __init__(
        self, *, funded: tuple[bytes, ...] = (), chain_id: int = 31337, contracts: dict[bytes, bytes] | None = None
    ) -> None:
        self.name = "memory"
        self.down = False
        self.loses_replies = False
        self.automine = True
        self.finality_depth = 0
        self.base_fee = 10**9
        self.tip = 10**9
        self.pool: dict[bytes, Transaction] = {}
        self.sent: list[bytes] = []
        self._chain_id = chain_id
        self._blocks: list[Mined] = []
        self._append((), (), State(balances=dict.fromkeys(funded, 10**21), others=contracts or {}))

    # --- The port ---------------------------------------------------------------------------------------------------

    def identity(self) -> ChainIdentity:
        self._require_up()
        return ChainIdentity(chain_id=self._chain_id, genesis=self._blocks[0].block.hash)

    def code_hash(self, contract: bytes) -> bytes:
        self._require_up()
        if contract in self._state.registries:
            return artefact().code_hash
        return self._state.others.get(contract, keccak(b""))

    def balance(self, address: bytes) -> int:
        self._require_up()
        return self._state.balances.get(address, 0)

    def nonce(self, address: bytes, at: Tag = "latest") -> int:
        self._require_up()
        return self._state_at(at).nonces.get(address, 0)

    def fees(self) -> Fees:
        self._require_up()
        return Fees(tip=self.tip, cap=self.tip + 2 * self.base_fee)

    def head(self, contract: bytes, log_id: bytes, at: Tag = "latest") -> bytes:
        self._require_up()
        state = self._state_at(at)
        if contract not in state.registries:
            raise ChainRefused(f"No registry contract stands at 0x{contract.hex()}.")
        return state.heads.get((contract, log_id), bytes(32))

    def estimate(self, call: Call) -> int:
        self._require_up()
        execute(self._state.copy(), call.sender, call.to or b"", call.data, nonce=0)
        return gas_used(call.data)

    def simulate(self, call: Call, *, gas: int) -> None:
        self._require_up()
        execute(self._state.copy(), call.sender, call.to or b"", call.data, nonce=0)
        if gas < gas_used(call.data):
            raise ChainRefused("out of gas")

    def send(self, raw: bytes) -> None:
        self._require_up()
        self.sent.append(raw)
        transaction = decode(raw)
        if transaction.hash not in self.pool:
            self._refuse_unfit(transaction)
            same_nonce = [t.hash for t in self.pool.values() if _slot(t) == _slot(transaction)]
            for replaced in same_nonce:
                del self.pool[replaced]
            self.pool[transaction.hash] = transaction
        if self.automine:
            self.mine()
        if self.loses_replies:
            raise ChainUnavailable("The reply was lost.")

    def receipt(self, transaction: bytes) -> TxReceipt | None:
        self._require_up()
        for mined in self._blocks:
            for known, receipt in zip(mined.transactions, mined.receipts, strict=True):
                if known.hash == transaction:
                    return receipt
        return None

    def block(self, at: BlockAt) -> Block | None:
        self._require_up()
        if at == "finalized":
            at = max(0, len(self._blocks) - 1 - self.finality_depth)
        number = len(self._blocks) - 1 if at == "latest" else at
        return self._blocks[number].block if number < len(self._blocks) else None

    def raw_block(self, block_hash: bytes) -> RawBlock | None:
        self._require_up()
        return next((mined.raw for mined in self._blocks if mined.block.hash == block_hash), None)

    # --- What a test does to it -------------------------------------------------------------------------------------

    def mine(self) -> Block:
        """Put all that waits into a new block."""
        state = self._state.copy()
        transactions = tuple(sorted(self.pool.values(), key=lambda t: t.nonce))
        receipts = tuple(self._apply(state, t, i) for i, t in enumerate(transactions))
        self.pool = {}
        return self._append(transactions, receipts, state)

    def reorganise(self, *, depth: int) -> None:
        """The newest blocks were never canonical: what they held waits again."""
        dropped, self._blocks = self._blocks[-depth:], self._blocks[:-depth]
        assert self._blocks
        self.pool.update({t.hash: t for mined in dropped for t in mined.transactions})

    def forget_pool(self) -> None:
        """The node drops all that waits, as nodes do."""
        self.pool = {}

    # --- Inside -----------------------------------------------------------------------------------------------------

    @property
    def _state(self) -> State:
        return self._blocks[-1].state

    def _state_at(self, tag: Tag) -> State:
        depth = self.finality_depth if tag == "finalized" else 0
        return self._blocks[max(0, len(self._blocks) - 1 - depth)].state

    def _require_up(self) -> None:
        if self.down:
            raise ChainUnavailable("The chain is down.")

    def _refuse_unfit(self, new: Transaction) -> None:
        if new.chain_id != self._chain_id:
            raise ChainRefused("invalid chain id for signer")
        if new.nonce < self.nonce(new.sender):
            raise NonceTooLow("The nonce is used.")
        if new.nonce > self.nonce(new.sender):
            raise ChainRefused("nonce too high")
        if new.cap < self.base_fee:
            raise Underpriced("max fee per gas less than block base fee")
        if self.balance(new.sender) < new.gas * new.cap:
            raise NoFunds("insufficient funds")
        for old in self.pool.values():
            if _slot(old) == _slot(new) and (10 * new.tip < 11 * old.tip or 10 * new.cap < 11 * old.cap):
                raise Underpriced("replacement transaction underpriced")

    def _append(self, transactions: tuple[Transaction, ...], receipts: tuple[TxReceipt, ...], state: State) -> Block:
        """The next block. Its hash is that of a header, in which the receipts' root stands, as on any chain."""
        number, time = len(self._blocks), GENESIS_TIME + len(self._blocks) * BLOCK_SECONDS
        told = tell_receipts(transactions, receipts)
        parent = self._blocks[-1].block.hash if self._blocks else bytes(32)
        header = tell_header(parent=parent, number=number, time=time, receipts=told)
        block = Block(number, bytes.fromhex(header["hash"][2:]), time)
        placed = tuple(replace(receipt, block_number=number, block_hash=block.hash) for receipt in receipts)
        self._blocks.append(Mined(block, transactions, placed, state, RawBlock(header=header, receipts=told)))
        return block

    def _apply(self, state: State, transaction: Transaction, index: int) -> TxReceipt:
        """Run one transaction: its fee and nonce are used up whether the contract likes it or not."""
        sender, price = transaction.sender, min(transaction.cap, self.base_fee + transaction.tip)
        state.balances[sender] -= min(gas_used(transaction.data), transaction.gas) * price
        state.nonces[sender] = transaction.nonce + 1
        mined = TxReceipt(succeeded=False, block_number=0, block_hash=b"", index=index, logs=(), contract=None)
        try:
            logs = execute(state, sender, transaction.to, transaction.data, nonce=transaction.nonce)
        except CallReverted:
            return mined
        made = None if transaction.to else contract_address(sender, transaction.nonce)
        return replace(mined, succeeded=True, logs=logs, contract=made)


def _slot(transaction: Transaction) -> tuple[bytes, int]:
    return transaction.sender, transaction.nonce


def decode(raw: bytes) -> Transaction:
    """A signed EIP-1559 transaction."""
    assert raw[0] == 2
    chain_id, nonce, tip, cap, gas, to, _value, data, *_signature = rlp.decode(raw[1:])
    return Transaction(
        hash=keccak(raw),
        sender=bytes.fromhex(Account.recover_transaction(raw)[2:]),
        nonce=_number(nonce),
        tip=_number(tip),
        cap=_number(cap),
        gas=_number(gas),
        to=to,
        data=data,
        chain_id=_number(chain_id),
    )


def _number(value: bytes) -> int:
    return int.from_bytes(value, "big")


def contract_address(sender: bytes, nonce: int) -> bytes:
    """Where a contract made by that transaction stands."""
    return keccak(rlp.encode([sender, nonce]))[12:]


def made_by_factory(*, salt: bytes, init_code: bytes) -> bytes:
    """Where the factory makes a contract (CREATE2)."""
    assert (len(salt), init_code) == (32, artefact().bytecode)
    return keccak(b"\xff" + FACTORY + salt + keccak(init_code))[12:]


def gas_used(data: bytes) -> int:
    """Something near the truth."""
    return 30_000 + 40 * len(data)


# --- What a node tells of a block, as JSON ---------------------------------------------------------------------------


def tell_receipts(transactions: tuple[Transaction, ...], receipts: tuple[TxReceipt, ...]) -> list[dict[str, object]]:
    told: list[dict[str, object]] = []
    gas = 0
    for transaction, receipt in zip(transactions, receipts, strict=True):
        gas += min(gas_used(transaction.data), transaction.gas)
        told.append({
            "cumulativeGasUsed": hex(gas),
            "logs": [
                {"address": _hex(log.address), "data": _hex(log.data), "topics": [_hex(topic) for topic in log.topics]}
                for log in receipt.logs
            ],
            "logsBloom": _hex(bloom(receipt.logs)),
            "status": hex(receipt.succeeded),
            "transactionHash": _hex(transaction.hash),
            "transactionIndex": hex(receipt.index),
            "type": "0x2",
        })  # fmt: skip
    return told


def tell_header(*, parent: bytes, number: int, time: int, receipts: list[dict[str, object]]) -> dict[str, object]:
    """A header of the Prague fork; the random mix hash tells blocks apart that hold the same."""
    trie = HexaryTrie({})
    for index, receipt in enumerate(receipts):
        trie[rlp.encode(index)] = b"\x02" + rlp.encode(receipt_items(receipt))
    header: dict[str, bytes | int] = {
        "parentHash": parent, "sha3Uncles": keccak(rlp.encode([])), "miner": bytes(20), "stateRoot": bytes(32),
        "transactionsRoot": bytes(32), "receiptsRoot": trie.root_hash, "logsBloom": bytes(256), "difficulty": 0,
        "number": number, "gasLimit": 30_000_000, "gasUsed": 0, "timestamp": time, "extraData": b"in memory",
        "mixHash": secrets.token_bytes(32), "nonce": bytes(8), "baseFeePerGas": 10**9, "withdrawalsRoot": bytes(32),
        "blobGasUsed": 0, "excessBlobGas": 0, "parentBeaconBlockRoot": bytes(32), "requestsHash": bytes(32),
    }  # fmt: skip
    told: dict[str, object] = {n: hex(v) if isinstance(v, int) else _hex(v) for n, v in header.items()}
    return told | {
        "hash": _hex(keccak(rlp.encode(list(header.values())))),
        "transactions": [receipt["transactionHash"] for receipt in receipts],
    }


def receipt_items(receipt: dict[str, object]) -> list[object]:
    logs = [
        [_unhex(log["address"]), [_unhex(topic) for topic in log["topics"]], _unhex(log["data"])]
        for log in receipt["logs"]
    ]
    return [int(receipt["status"], 16), int(receipt["cumulativeGasUsed"], 16), _unhex(receipt["logsBloom"]), logs]


def bloom(logs: tuple[TxLog, ...]) -> bytes:
    return int(BloomFilter.from_iterable(part for log in logs for part in (log.address, *log.topics))).to_bytes(256)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


# --- The registry, from docs/protocol.md section 6 -----------------------------------------------------------------


def execute(state: State, sender: bytes, to: bytes, data: bytes, *, nonce: int) -> tuple[TxLog, ...]:
    """Run a call on the state: the events it writes, or ``CallReverted`` with the state as it was."""
    if not to:
        assert data == artefact().bytecode
        state.registries.add(contract_address(sender, nonce))
        return ()
    if to == FACTORY and state.others.get(to) == FACTORY_CODE_HASH:
        made = made_by_factory(salt=data[:32], init_code=data[32:])
        _require(made not in state.registries, NO_SUCH_CALL)
        state.registries.add(made)
        return ()
    if to not in state.registries:
        return ()
    functions = {
        keccak(b"register(bytes32)")[:4]: register,
        keccak(b"anchor(bytes32,bytes32,bytes32)")[:4]: anchor,
        keccak(b"handover(bytes32,uint256,bytes32,address)")[:4]: handover,
    }
    _require(data[:4] in functions, NO_SUCH_CALL)
    return (TxLog(to, *functions[data[:4]](state, sender, to, data[4:])),)


def register(state: State, sender: bytes, contract: bytes, body: bytes) -> tuple[tuple[bytes, ...], bytes]:
    (salt,) = arguments(body, 1)
    log_id = keccak(padded(sender) + salt)
    _require((contract, log_id) not in state.heads, "log exists")
    state.heads[contract, log_id] = head(sender, bytes(32), bytes(32))
    return (REGISTERED, log_id), padded(sender)


def anchor(state: State, sender: bytes, contract: bytes, body: bytes) -> tuple[tuple[bytes, ...], bytes]:
    log_id, old_root, new_root = arguments(body, 3)
    _require(112 <= len(body) <= 112 + 64 * 32 and len(body) % 32 == 16, "bad length")
    old_size, new_size = body[96:104].rjust(32, b"\0"), body[104:112].rjust(32, b"\0")
    proof = words(body[112:])
    _require(state.heads.get((contract, log_id)) == head(sender, old_size, old_root), "not the head")
    old, new = _number(old_size), _number(new_size)
    _require(old < new < 2**63, "bad size")
    try:
        check_consistency(old_size=old, new_size=new, old_root=old_root, new_root=new_root, proof=proof)
    except ProofInvalid:
        _require(False, "not consistent")
    state.heads[contract, log_id] = head(sender, new_size, new_root)
    return (ANCHORED, log_id, new_size), new_root + old_size + old_root


def handover(state: State, sender: bytes, contract: bytes, body: bytes) -> tuple[tuple[bytes, ...], bytes]:
    log_id, size, root, successor = arguments(body, 4)
    _require(successor[:12] == bytes(12), NO_SUCH_CALL)
    _require(state.heads.get((contract, log_id)) == head(sender, size, root), "not the head")
    state.heads[contract, log_id] = head(successor[12:], size, root)
    return (HANDED_OVER, log_id), successor


def arguments(body: bytes, count: int) -> list[bytes]:
    """The words that a function of the ABI takes; it does not mind what follows them."""
    _require(len(body) >= 32 * count, NO_SUCH_CALL)
    return words(body[: 32 * count])


def words(data: bytes) -> list[bytes]:
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def head(controller: bytes, size: bytes, root: bytes) -> bytes:
    return keccak(padded(controller) + size + root)


def padded(address: bytes) -> bytes:
    return address.rjust(32, b"\0")


def _require(holds: bool, reason: str) -> None:
    if not holds:
        raise CallReverted(f"The contract refuses the call: {reason}")
