"""AuditAnchor on a real EVM: it takes every honest step and no other, as RFC 9162 read literally says.

Forged calls are tried by ``eth_call``, which changes nothing; what must leave a trace is sent as a transaction.
"""

import hashlib
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anchoring import registry
from anchoring.chain import Call, Fees, address_of, sign
from portal.localchain import CHAIN_ID, Ledger, RpcError
from tests.anchoring.protocol import mutations, reference

ROOT_DIR = Path(__file__).parents[2]
SOURCE = ROOT_DIR / "anchoring" / "contract" / "AuditAnchor.vy"
COMPILE = ROOT_DIR / "anchoring" / "contract" / "compile.py"
PINS = ROOT_DIR / "requirements-contract.txt"
VYPER = ROOT_DIR / "var" / "vyper"

ALICE, BOB = b"\x11" * 32, b"\x22" * 32
NOT_THE_HEAD = "execution reverted: not the head"
BAD_SIZE = "execution reverted: bad size"
NOT_CONSISTENT = "execution reverted: not consistent"
LOG_EXISTS = "execution reverted: log exists"
LARGEST = 2**63 - 1


class World:
    """A chain with one registry on it, in the words of the tests."""

    def __init__(self):
        self.ledger = Ledger([address_of(ALICE), address_of(BOB)])
        self._salts = 0
        receipt = self.send(registry.deploy_call(sender=address_of(ALICE)), key=ALICE)
        self.contract = bytes.fromhex(receipt["contractAddress"][2:])

    def send(self, call, *, key):
        """The mined transaction's receipt, whatever became of it."""
        nonce = int(self.ledger.answer("eth_getTransactionCount", [_hex(call.sender)]), 16)
        terms = {"nonce": nonce, "fees": Fees(10**9, 10**10), "gas": 1_000_000, "chain_id": CHAIN_ID}
        signed = sign(call, key=key, **terms)
        self.ledger.answer("eth_sendRawTransaction", [_hex(signed.raw)])
        return self.ledger.answer("eth_getTransactionReceipt", [_hex(signed.hash)])

    def refusal(self, call, *, value=0):
        """Why the contract would refuse the call now; None if it would take it."""
        fields = {"from": _hex(call.sender), "to": _hex(call.to), "data": _hex(call.data), "value": hex(value)}
        try:
            self.ledger.answer("eth_call", [fields])
        except RpcError as error:
            return error.message
        return None

    def head(self, log_id):
        call = {"to": _hex(self.contract), "data": _hex(registry.keccak(b"head(bytes32)")[:4] + log_id)}
        return bytes.fromhex(self.ledger.answer("eth_call", [call])[2:])

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


@pytest.fixture(scope="module")
def world():
    return World()


def _hex(value):
    return "0x" + value.hex()


def root(size):
    return reference.mth(0, size)


def proof_length(old, new, is_whole=True):
    """How many hashes PROOF(old, D[new]) has, by the recursion that makes it."""
    if old == new:
        return 0 if is_whole else 1
    k = reference.split(new)
    return 1 + (proof_length(old, k, is_whole) if old <= k else proof_length(old - k, new - k, False))


def made_up_growth(rng, old, new):
    """A growth that no one could build leaf by leaf: random subtrees, and the two roots that follow from them."""
    proof = [rng.randbytes(32) for _ in range(proof_length(old, new))]
    old_root, new_root = reference.consistency_roots(old, new, rng.randbytes(32), proof, True)
    return old_root, new_root, proof


def large_sizes(rng):
    """0 < old < new of all magnitudes."""
    new = rng.randrange(2, 2 ** rng.randrange(2, 64))
    return rng.randrange(1, new), new


# --- Growing honestly ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", range(1, 17))
def test_every_honest_growth_of_a_small_log_is_taken(world, old):
    log_id = world.log_at(old, root(old))
    calls = [
        world.anchor(log_id, old, root(old), new, root(new), reference.consistency(old, new))
        for new in range(old + 1, 20)
    ]
    assert [world.refusal(call) for call in calls] == [None] * len(calls)


def test_a_log_grows_step_by_step_and_the_chain_tells_each(world):
    log_id = world.new_log()
    sizes = [0, 1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 100, 255, 256, 257, 511, 512, 699]
    for old, new in zip(sizes, sizes[1:], strict=False):
        old_root = root(old) if old else registry.EMPTY_ROOT
        proof = reference.consistency(old, new) if old else []
        receipt = world.send(world.anchor(log_id, old, old_root, new, root(new), proof), key=ALICE)
        assert world.head(log_id) == registry.head_word(controller=address_of(ALICE), size=new, root=root(new))
        assert [(log["address"], log["topics"], log["data"]) for log in receipt["logs"]] == [
            (
                _hex(world.contract),
                [
                    _hex(registry.keccak(b"Anchored(bytes32,uint256,bytes32,uint256,bytes32)")),
                    _hex(log_id),
                    _hex(new.to_bytes(32, "big")),
                ],
                _hex(root(new) + old.to_bytes(32, "big") + old_root),
            )
        ]


@pytest.mark.parametrize("bits", [0, 1, 2, 3, 7, 8, 15, 16, 24, 31, 32, 33, 48, 60, 61, 62])
def test_a_log_of_a_power_of_two_grows(world, bits):
    rng = random.Random(bits)
    old = 2**bits
    new = rng.randrange(old + 1, 2**63)
    old_root, new_root, proof = made_up_growth(rng, old, new)
    log_id = world.log_at(old, old_root)
    assert world.refusal(world.anchor(log_id, old, old_root, new, new_root, proof)) is None
    assert world.refusal(world.anchor(log_id, old, old_root, new, new_root, [old_root, *proof])) == NOT_CONSISTENT


def test_the_largest_log_there_can_be_is_reached_and_left_by_nobody(world):
    rng = random.Random(0)
    old_root, new_root, proof = made_up_growth(rng, LARGEST - 1, LARGEST)
    log_id = world.log_at(LARGEST - 1, old_root)
    last = world.anchor(log_id, LARGEST - 1, old_root, LARGEST, new_root, proof)
    beyond = world.anchor(log_id, LARGEST - 1, old_root, LARGEST + 1, new_root, proof)
    assert (world.refusal(beyond), world.refusal(last)) == (BAD_SIZE, None)


# --- Forging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", range(1, 9))
def test_of_forged_growths_of_a_small_log_none_is_taken_that_the_standard_refuses(world, old):
    log_id = world.log_at(old, root(old))
    for new in range(old + 1, 11):
        honest = reference.consistency(old, new)
        forged = [(new, root(new), proof) for proof in mutations.hash_lists(honest)]
        forged += [(new, mutations.flipped(root(new), bit), honest) for bit in (0, 7, 128, 255)]
        forged += [(size, root(new), honest) for size in (new - 1, new + 1, 2 * new) if size > old]
        forged += [(new, root(old), honest), (new, root(new - 1), honest), (new, root(new), [])]
        judge(world, log_id, old, root(old), forged)


@pytest.mark.parametrize("seed", range(20))
def test_of_forged_growths_of_a_large_log_none_is_taken_that_the_standard_refuses(world, seed):
    rng = random.Random(seed)
    old, new = large_sizes(rng)
    old_root, new_root, proof = made_up_growth(rng, old, new)
    log_id = world.log_at(old, old_root)
    damaged = list(mutations.hash_lists(proof))
    forged = [(new, new_root, proof)] + [(new, new_root, p) for p in rng.sample(damaged, min(12, len(damaged)))]
    forged += [(size, new_root, proof) for size in (new - 1, new + 1, LARGEST) if old < size <= LARGEST]
    forged += [(new, mutations.flipped(new_root, rng.randrange(256)), proof)]
    judge(world, log_id, old, old_root, forged)


def judge(world, log_id, old, old_root, attempts):
    """The contract and the standard's recursion agree about each (new size, new root, proof)."""
    verdicts = [world.refusal(world.anchor(log_id, old, old_root, *attempt)) for attempt in attempts]
    lawful = [reference.verify_consistency(old, size, old_root, new, proof) for size, new, proof in attempts]
    refusals = [NOT_CONSISTENT if len(proof) <= 64 else "execution reverted" for _, _, proof in attempts]
    assert verdicts == [None if ok else refusal for ok, refusal in zip(lawful, refusals, strict=True)]


def test_a_history_that_was_rewritten_is_refused_although_the_key_is_right(world):
    """Alice changes leaf 3 after she anchored five: no proof of hers leads from the old root to the new one."""
    log_id = world.log_at(5, root(5))
    others = random.Random(1)
    for new in range(6, 20):
        _, new_root, proof = made_up_growth(others, 5, new)
        assert world.refusal(world.anchor(log_id, 5, root(5), new, new_root, proof)) == NOT_CONSISTENT


def test_a_longer_proof_from_a_smaller_subtree_is_refused_although_its_hashes_lead_to_the_old_root(world):
    """Leaf 5 in place of the subtree over 4 and 5: the old root comes out, and a new one of no lawful shape."""
    log_id = world.log_at(6, root(6))
    leaf_4, leaf_5, first_four, forged = reference.LEAVES[4], reference.LEAVES[5], root(4), bytes(32)
    assert reference.node(first_four, reference.node(leaf_4, leaf_5)) == root(6)
    new_root = reference.node(first_four, reference.node(leaf_4, reference.node(leaf_5, forged)))
    judge(world, log_id, 6, root(6), [(7, new_root, [leaf_5, forged, leaf_4, first_four])])


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"key": BOB}, NOT_THE_HEAD),
        ({"old_size": 4}, NOT_THE_HEAD),
        ({"old_size": 6}, NOT_THE_HEAD),
        ({"old_size": 0, "old_root": registry.EMPTY_ROOT, "proof": []}, NOT_THE_HEAD),
        ({"old_root": root(4)}, NOT_THE_HEAD),
        ({"log_id": bytes(32)}, NOT_THE_HEAD),
        ({"new_size": 5, "new_root": root(5), "proof": []}, BAD_SIZE),
        ({"new_size": 4, "new_root": root(4), "proof": reference.consistency(4, 5)}, BAD_SIZE),
        ({"new_size": 0}, BAD_SIZE),
        ({"new_size": 2**63}, BAD_SIZE),
        ({"new_size": 2**256 - 1}, BAD_SIZE),
        ({"proof": []}, NOT_CONSISTENT),
        ({"proof": [bytes(32)] * 64}, NOT_CONSISTENT),
        ({"proof": [bytes(32)] * 65}, "execution reverted"),
    ],
)
def test_an_anchor_with_a_wrong_argument_is_refused(world, changes, refusal):
    honest = {
        "log_id": world.log_at(5, root(5)),
        "old_size": 5,
        "old_root": root(5),
        "new_size": 9,
        "new_root": root(9),
        "proof": reference.consistency(5, 9),
    }
    assert world.refusal(world.anchor(**honest)) is None
    assert world.refusal(world.anchor(**honest | changes)) == refusal


def test_a_refused_anchor_that_is_sent_leaves_the_head_and_tells_nothing(world):
    log_id = world.log_at(5, root(5))
    receipt = world.send(world.anchor(log_id, 5, root(5), 9, root(9), []), key=ALICE)
    assert (receipt["status"], receipt["logs"]) == ("0x0", [])
    assert world.head(log_id) == registry.head_word(controller=address_of(ALICE), size=5, root=root(5))


def test_the_same_anchor_twice_is_refused_the_second_time(world):
    log_id = world.log_at(5, root(5))
    call = world.anchor(log_id, 5, root(5), 9, root(9), reference.consistency(5, 9))
    assert [world.send(call, key=ALICE)["status"] for _ in range(2)] == ["0x1", "0x0"]


def test_the_first_anchor_takes_no_proof(world):
    log_id = world.new_log()
    first = world.anchor(log_id, 0, registry.EMPTY_ROOT, 5, root(5), [])
    with_proof = world.anchor(log_id, 0, registry.EMPTY_ROOT, 5, root(5), [root(1)])
    of_nothing = world.anchor(log_id, 0, registry.EMPTY_ROOT, 0, registry.EMPTY_ROOT, [])
    assert [world.refusal(call) for call in (first, with_proof, of_nothing)] == [None, NOT_CONSISTENT, BAD_SIZE]


# --- Registering and handing over ------------------------------------------------------------------------------------


def test_a_log_is_registered_once_for_each_person_and_salt(world):
    salt = b"\x77" * 32
    alices, bobs = (
        registry.register_call(sender=address_of(key), contract=world.contract, salt=salt) for key in (ALICE, BOB)
    )
    log_id = registry.log_id(controller=address_of(ALICE), salt=salt)
    assert world.head(log_id) == bytes(32)
    receipt = world.send(alices, key=ALICE)
    assert [(log["topics"], log["data"]) for log in receipt["logs"]] == [
        (
            [_hex(registry.keccak(b"Registered(bytes32,address)")), _hex(log_id)],
            _hex(address_of(ALICE).rjust(32, b"\0")),
        )
    ]
    assert world.head(log_id) == registry.head_word(controller=address_of(ALICE), size=0, root=registry.EMPTY_ROOT)
    assert (world.refusal(alices), world.refusal(bobs)) == (LOG_EXISTS, None)


def test_a_log_that_was_anchored_or_handed_over_cannot_be_registered_again(world):
    salt = b"\x78" * 32
    call = registry.register_call(sender=address_of(ALICE), contract=world.contract, salt=salt)
    log_id = registry.log_id(controller=address_of(ALICE), salt=salt)
    world.send(call, key=ALICE)
    world.send(world.anchor(log_id, 0, registry.EMPTY_ROOT, 5, root(5), []), key=ALICE)
    assert world.refusal(call) == LOG_EXISTS
    world.send(world.handover(log_id, 5, root(5), to=BOB), key=ALICE)
    assert world.refusal(call) == LOG_EXISTS


def test_after_a_handover_the_new_key_alone_speaks_for_the_log(world):
    log_id = world.log_at(5, root(5))
    receipt = world.send(world.handover(log_id, 5, root(5), to=BOB), key=ALICE)
    assert [(log["topics"], log["data"]) for log in receipt["logs"]] == [
        (
            [_hex(registry.keccak(b"HandedOver(bytes32,address)")), _hex(log_id)],
            _hex(address_of(BOB).rjust(32, b"\0")),
        )
    ]
    growth = (log_id, 5, root(5), 9, root(9), reference.consistency(5, 9))
    assert world.refusal(world.anchor(*growth)) == NOT_THE_HEAD
    assert world.refusal(world.handover(log_id, 5, root(5), to=ALICE)) == NOT_THE_HEAD
    assert world.send(world.anchor(*growth, key=BOB), key=BOB)["status"] == "0x1"
    assert world.head(log_id) == registry.head_word(controller=address_of(BOB), size=9, root=root(9))


def test_a_log_is_handed_over_by_its_controller_at_its_head_only(world):
    log_id = world.log_at(5, root(5))
    calls = [
        world.handover(log_id, 5, root(5), to=BOB, key=BOB),
        world.handover(log_id, 4, root(4), to=BOB),
        world.handover(log_id, 5, root(4), to=BOB),
        world.handover(log_id, 4, root(5), to=BOB),
    ]
    assert [world.refusal(call) for call in calls] == [NOT_THE_HEAD] * 4


# --- What it does not do ---------------------------------------------------------------------------------------------


def test_it_takes_no_ether_and_knows_no_other_function(world):
    log_id = world.log_at(5, root(5))
    anchor = world.anchor(log_id, 5, root(5), 9, root(9), reference.consistency(5, 9))
    assert world.refusal(anchor, value=1) == "execution reverted"
    for data in (b"", b"\x00", registry.keccak(b"owner()")[:4], registry.keccak(b"pause()")[:4], anchor.data[:3]):
        call = Call(sender=address_of(ALICE), to=world.contract, data=data)
        assert [world.refusal(call), world.refusal(call, value=1)] == ["execution reverted"] * 2


def test_cut_or_bent_calldata_is_refused(world):
    """What is missing reads as zeros, so that a cut call is one with other arguments: no less refused."""
    log_id = world.log_at(5, root(5))
    call = world.anchor(log_id, 5, root(5), 9, root(9), reference.consistency(5, 9))
    offset, count = slice(4 + 5 * 32, 4 + 6 * 32), slice(4 + 6 * 32, 4 + 7 * 32)
    bent = [call.data[:end] for end in range(4, len(call.data), 32)] + [call.data[:-1]]
    for place, value in ((offset, 2**255), (offset, len(call.data)), (count, 2**64), (count, 65)):
        bent.append(call.data[: place.start] + value.to_bytes(32, "big") + call.data[place.stop :])
    taken = [data for data in bent if world.refusal(Call(call.sender, call.to, data)) is None]
    assert taken == []


def test_an_anchor_of_sixteen_million_entries_costs_sixty_thousand_gas_on_average(world):
    rng = random.Random(24)
    used = []
    for _ in range(15):
        new = rng.randrange(2**23, 2**24)
        old = rng.randrange(1, new)
        old_root, new_root, proof = made_up_growth(rng, old, new)
        log_id = world.log_at(old, old_root)
        receipt = world.send(world.anchor(log_id, old, old_root, new, new_root, proof), key=ALICE)
        used.append(int(receipt["gasUsed"], 16))
    assert sum(used) / len(used) <= 60_000
    assert max(used) <= 65_000


# --- The artefact ----------------------------------------------------------------------------------------------------


def test_the_artefact_names_the_source_that_stands_beside_it_and_has_its_functions():
    artefact = json.loads(registry.ARTEFACT.read_text())
    assert artefact["source_sha256"] == hashlib.sha256(SOURCE.read_bytes()).hexdigest()
    assert sorted(entry["name"] for entry in artefact["abi"] if entry["type"] == "function") == [
        "anchor", "handover", "head", "register",
    ]  # fmt: skip


def test_the_code_that_stands_on_the_chain_is_the_artefacts(world):
    code = world.ledger.answer("eth_getCode", [_hex(world.contract)])
    assert code == json.loads(registry.ARTEFACT.read_text())["deployed_bytecode"]


@pytest.fixture(scope="module")
def vyper_python():
    """A Python with the pinned compiler, in an environment of its own that is kept under var/."""
    pins = hashlib.sha256(PINS.read_bytes()).hexdigest()
    made_for = VYPER / "made-for"
    python = VYPER / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not (made_for.exists() and made_for.read_text() == pins and python.exists()):
        shutil.rmtree(VYPER, ignore_errors=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", PINS]
        for command in ([sys.executable, "-m", "venv", VYPER], install):
            ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
            if ran.returncode:
                pytest.skip(f"THE CONTRACT WAS NOT RECOMPILED: its compiler cannot be installed. {ran.stderr[-300:]}")
        made_for.write_text(pins)
    return python


def test_whoever_compiles_the_source_gets_the_committed_artefact(vyper_python):
    compiled = subprocess.run([vyper_python, COMPILE], capture_output=True, text=True, timeout=120, check=True).stdout
    assert compiled == registry.ARTEFACT.read_text()
