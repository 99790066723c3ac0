"""One registry on a real EVM with its twin in Python beside it, and growths of logs that nobody could build."""

from typing import NamedTuple

from anchoring import registry
from anchoring.chain import Call, CallReverted, Fees, address_of, sign
from portal.localchain import CHAIN_ID, Ledger, RpcError
from tests.anchoring import memory_chain
from tests.anchoring.protocol import reference

ALICE, BOB = b"\x11" * 32, b"\x22" * 32
REVERTED = "execution reverted"
NOT_THE_HEAD = f"{REVERTED}: not the head"
BAD_LENGTH = f"{REVERTED}: bad length"
BAD_SIZE = f"{REVERTED}: bad size"
NOT_CONSISTENT = f"{REVERTED}: not consistent"
LOG_EXISTS = f"{REVERTED}: log exists"
LARGEST = 2**63 - 1

# The factory's code as EIP-7997 demands it of each chain.
FACTORY_CODE = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)


class World:
    """A chain with one registry on it, in the words of the tests.

    ``twin`` is the same registry by the rules of memory_chain.py. What is sent is carried out on both, which must leave
    the same events; ``refusal`` asks both and they must agree.
    """

    def __init__(self):
        self.ledger = Ledger([address_of(ALICE), address_of(BOB)])
        self.twin = memory_chain.State()
        self._salts = 0
        receipt = self.mined(registry.deploy_call(sender=address_of(ALICE)), key=ALICE)
        self.contract = bytes.fromhex(receipt["contractAddress"][2:])
        self.twin.registries.add(self.contract)

    def send(self, call, *, key):
        """The mined transaction's receipt, whatever became of it."""
        receipt = self.mined(call, key=key)
        try:
            events = memory_chain.execute(self.twin, call.sender, call.to, call.data, nonce=0)
        except CallReverted:
            events = ()
        told = [(log["address"], log["topics"], log["data"]) for log in receipt["logs"]]
        assert told == [(as_hex(e.address), [as_hex(topic) for topic in e.topics], as_hex(e.data)) for e in events]
        assert receipt["status"] == ("0x1" if events else "0x0")
        return receipt

    def mined(self, call, *, key):
        """The receipt of any call, of which the twin hears nothing."""
        nonce = int(self.ledger.answer("eth_getTransactionCount", [as_hex(call.sender)]), 16)
        terms = {"nonce": nonce, "fees": Fees(10**9, 10**10), "gas": 1_000_000, "chain_id": CHAIN_ID}
        signed = sign(call, key=key, **terms)
        self.ledger.answer("eth_sendRawTransaction", [as_hex(signed.raw)])
        return self.ledger.answer("eth_getTransactionReceipt", [as_hex(signed.hash)])

    def refusal(self, call):
        """Why the contract would refuse the call now; None if it would take it."""
        refused = self.refusal_on_the_evm(call)
        assert refused == self._refusal_of_the_twin(call)
        return refused

    def refusal_on_the_evm(self, call, *, value=0):
        """The same of the EVM alone."""
        fields = {"from": as_hex(call.sender), "to": as_hex(call.to), "data": as_hex(call.data), "value": hex(value)}
        try:
            self.ledger.answer("eth_call", [fields])
        except RpcError as error:
            return error.message
        return None

    def _refusal_of_the_twin(self, call):
        try:
            memory_chain.execute(self.twin.copy(), call.sender, call.to, call.data, nonce=0)
        except CallReverted as refusal:
            reason = str(refusal).removeprefix("The contract refuses the call: ")
            return reason if reason == REVERTED else f"{REVERTED}: {reason}"
        return None

    def head(self, log_id):
        call = {"to": as_hex(self.contract), "data": as_hex(registry.keccak(b"head(bytes32)")[:4] + log_id)}
        word = bytes.fromhex(self.ledger.answer("eth_call", [call])[2:])
        assert word == self.twin.heads.get((self.contract, log_id), bytes(32))
        return word

    def new_log(self, *, key=ALICE):
        """A log registered by that person, still empty."""
        self._salts += 1
        salt, sender = self._salts.to_bytes(32, "big"), address_of(key)
        self.send(registry.register_call(sender=sender, contract=self.contract, salt=salt), key=key)
        return registry.log_id(controller=sender, salt=salt)

    def log_at(self, size, root):
        """Alice's log whose first anchor, taken on trust, is this one."""
        log_id = self.new_log()
        assert self.send(self.anchor(log_id, 0, registry.EMPTY_ROOT, size, root, []), key=ALICE)["status"] == "0x1"
        return log_id

    def anchor(self, log_id, old_size, old_root, new_size, new_root, proof, *, key=ALICE):
        return registry.anchor_call(
            sender=address_of(key), contract=self.contract, log_id=log_id, old_size=old_size, old_root=old_root,
            new_size=new_size, new_root=new_root, proof=proof,
        )  # fmt: skip

    def handover(self, log_id, size, root, *, to, key=ALICE):
        return registry.handover_call(
            sender=address_of(key), contract=self.contract, log_id=log_id, size=size, root=root,
            new_controller=address_of(to),
        )  # fmt: skip

    def other_data(self, data, *, key=ALICE):
        """A call of the registry with these very bytes."""
        return Call(sender=address_of(key), to=self.contract, data=data)


def as_hex(value):
    return "0x" + value.hex()


def root(size):
    """Of the reference tree."""
    return reference.mth(0, size)


class Growth(NamedTuple):
    """An honest step of a log: both sizes, both roots and what shows that the one is the other's beginning."""

    old: int
    old_root: bytes
    new: int
    new_root: bytes
    proof: list[bytes]


def real_growth(old, new):
    """A growth of the reference tree."""
    return Growth(old, root(old), new, root(new), reference.consistency(old, new))


def made_up_growth(rng, old, new):
    """A growth that no one could build leaf by leaf: random subtrees, and the two roots that follow from them."""
    proof = [rng.randbytes(32) for _ in range(proof_length(old, new))]
    old_root, new_root = reference.consistency_roots(old, new, rng.randbytes(32), proof, True)
    return Growth(old, old_root, new, new_root, proof)


def proof_length(old, new, is_whole=True):
    """How many hashes PROOF(old, D[new]) has, by the recursion that makes it."""
    if old == new:
        return 0 if is_whole else 1
    k = reference.split(new)
    return 1 + (proof_length(old, k, is_whole) if old <= k else proof_length(old - k, new - k, False))


def hashings(old, new, is_whole=True):
    """How many nodes are hashed to check PROOF(old, D[new]): two for a left neighbour, one for a right one."""
    if old == new:
        return 0
    k = reference.split(new)
    return 1 + hashings(old, k, is_whole) if old <= k else 2 + hashings(old - k, new - k, False)


def sizes_below(rng, bound):
    """0 < old < new < bound of all magnitudes."""
    new = rng.randrange(2, 2 ** rng.randrange(2, bound.bit_length()))
    return rng.randrange(1, new), new
