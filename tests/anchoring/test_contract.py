"""AuditAnchor on a real EVM: it takes every honest step and no other, as RFC 9162 read literally says.

Forged calls are tried by ``eth_call``, which changes nothing; what must leave a trace is sent as a transaction.
test_contract_judged.py damages calls in every small way, test_contract_fuzz.py at random.
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
from anchoring.chain import address_of
from tests.anchoring.contract_world import (
    ALICE,
    BAD_LENGTH,
    BAD_SIZE,
    BOB,
    LARGEST,
    LOG_EXISTS,
    NOT_CONSISTENT,
    NOT_THE_HEAD,
    REVERTED,
    World,
    as_hex,
    hashings,
    made_up_growth,
    proof_length,
    real_growth,
    root,
)
from tests.anchoring.protocol import reference

ROOT_DIR = Path(__file__).parents[2]
SOURCE = ROOT_DIR / "anchoring" / "contract" / "AuditAnchor.vy"
COMPILE = ROOT_DIR / "anchoring" / "contract" / "compile.py"
PINS = ROOT_DIR / "requirements-contract.txt"
VYPER = ROOT_DIR / "var" / "vyper"


@pytest.fixture(scope="module")
def world():
    return World()


# --- Growing honestly ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", range(1, 17))
def test_every_honest_growth_of_a_small_log_is_taken(world, old):
    log_id = world.log_at(old, root(old))
    calls = [world.anchor(log_id, *real_growth(old, new)) for new in range(old + 1, 20)]
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
                as_hex(world.contract),
                [
                    as_hex(registry.keccak(b"Anchored(bytes32,uint256,bytes32,uint256,bytes32)")),
                    as_hex(log_id),
                    as_hex(new.to_bytes(32, "big")),
                ],
                as_hex(root(new) + old.to_bytes(32, "big") + old_root),
            )
        ]


@pytest.mark.parametrize("bits", [0, 1, 2, 3, 7, 8, 15, 16, 24, 31, 32, 33, 48, 60, 61, 62])
def test_a_log_of_a_power_of_two_grows(world, bits):
    rng = random.Random(bits)
    old = 2**bits
    new = rng.randrange(old + 1, 2**63)
    growth = made_up_growth(rng, old, new)
    log_id = world.log_at(old, growth.old_root)
    with_the_root_itself = growth._replace(proof=[growth.old_root, *growth.proof])
    assert world.refusal(world.anchor(log_id, *growth)) is None
    assert world.refusal(world.anchor(log_id, *with_the_root_itself)) == NOT_CONSISTENT


def test_the_largest_log_there_can_be_is_reached_and_left_by_nobody(world):
    growth = made_up_growth(random.Random(0), LARGEST - 1, LARGEST)
    log_id = world.log_at(LARGEST - 1, growth.old_root)
    last = world.anchor(log_id, *growth)
    beyond = world.anchor(log_id, *growth._replace(new=LARGEST + 1))
    assert (world.refusal(beyond), world.refusal(last)) == (BAD_SIZE, None)


# --- Forging ---------------------------------------------------------------------------------------------------------


def test_a_history_that_was_rewritten_is_refused_although_the_key_is_right(world):
    """Alice changes leaf 3 after she anchored five: no proof of hers leads from the old root to the new one."""
    log_id = world.log_at(5, root(5))
    others = random.Random(1)
    for new in range(6, 20):
        rewritten = made_up_growth(others, 5, new)._replace(old_root=root(5))
        assert world.refusal(world.anchor(log_id, *rewritten)) == NOT_CONSISTENT


def test_a_longer_proof_from_a_smaller_subtree_is_refused_although_its_hashes_lead_to_the_old_root(world):
    """Leaf 5 in place of the subtree over 4 and 5: the old root comes out, and a new one of no lawful shape."""
    log_id = world.log_at(6, root(6))
    leaf_4, leaf_5, first_four, forged = reference.LEAVES[4], reference.LEAVES[5], root(4), bytes(32)
    assert reference.node(first_four, reference.node(leaf_4, leaf_5)) == root(6)
    new_root = reference.node(first_four, reference.node(leaf_4, reference.node(leaf_5, forged)))
    proof = [leaf_5, forged, leaf_4, first_four]
    assert not reference.verify_consistency(6, 7, root(6), new_root, proof)
    assert world.refusal(world.anchor(log_id, 6, root(6), 7, new_root, proof)) == NOT_CONSISTENT


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
        ({"new_size": 2**64 - 1}, BAD_SIZE),
        ({"proof": []}, NOT_CONSISTENT),
        ({"proof": [bytes(32)] * 64}, NOT_CONSISTENT),
        ({"proof": [bytes(32)] * 65}, BAD_LENGTH),
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
            [as_hex(registry.keccak(b"Registered(bytes32,address)")), as_hex(log_id)],
            as_hex(address_of(ALICE).rjust(32, b"\0")),
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
            [as_hex(registry.keccak(b"HandedOver(bytes32,address)")), as_hex(log_id)],
            as_hex(address_of(BOB).rjust(32, b"\0")),
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
    anchor = world.anchor(log_id, *real_growth(5, 9))
    assert world.refusal_on_the_evm(anchor, value=1) == REVERTED
    for data in (b"", b"\x00", registry.keccak(b"owner()")[:4], registry.keccak(b"pause()")[:4], anchor.data[:3]):
        call = world.other_data(data)
        assert [world.refusal(call), world.refusal_on_the_evm(call, value=1)] == [REVERTED] * 2


def test_its_code_calls_no_other_contract_makes_none_and_cannot_be_destroyed():
    """The one kind of call in it is STATICCALL, to the precompiles for SHA-256 and for copying."""
    forbidden = {0xF0: "CREATE", 0xF1: "CALL", 0xF2: "CALLCODE", 0xF4: "DELEGATECALL", 0xF5: "CREATE2", 0xFF: "DESTROY"}
    code = bytes.fromhex(json.loads(registry.ARTEFACT.read_text())["deployed_bytecode"][2:])
    operations = list(opcodes(code))
    assert [forbidden[operation] for operation in operations if operation in forbidden] == []
    assert (operations.count(0x55), operations.count(0xFA)) == (3, 4)  # SSTORE in each function, STATICCALL


def opcodes(code):
    """The operations in the code, without what PUSH1 to PUSH32 push."""
    at = 0
    while at < len(code):
        yield code[at]
        at += code[at] - 0x5E if 0x60 <= code[at] <= 0x7F else 1


def test_every_length_but_the_exact_one_is_refused(world):
    """A call cut or made longer by any number of bytes; only by whole hashes is it a call, with another proof."""
    call = world.anchor(world.log_at(5, root(5)), *real_growth(5, 9))
    words, fixed, longest = 4 + 3 * 32, 4 + 3 * 32 + 2 * 8, 4 + 3 * 32 + 2 * 8 + 64 * 32
    assert (len(call.data), world.refusal(call)) == (fixed + 5 * 32, None)
    for length in [
        *range(4, len(call.data)),
        *range(len(call.data) + 1, len(call.data) + 70),
        longest + 1,
        longest + 32,
    ]:
        refused = world.refusal(world.other_data(call.data[:length].ljust(length, b"\0")))
        whole = length >= fixed and (length - fixed) % 32 == 0 and length <= longest
        assert refused == (NOT_CONSISTENT if whole else REVERTED if length < words else BAD_LENGTH)


# --- What it costs ---------------------------------------------------------------------------------------------------

MOST = 2**24  # entries of the logs whose anchors are bounded here


def gas_used(world, growth):
    log_id = world.log_at(growth.old, growth.old_root)
    receipt = world.send(world.anchor(log_id, *growth), key=ALICE)
    assert receipt["status"] == "0x1"
    return int(receipt["gasUsed"], 16)


def random_pairs(rng):
    """Of logs of eight to sixteen million entries, wherever the anchor before stood."""
    news = [rng.randrange(MOST // 2, MOST) for _ in range(15)]
    return [(rng.randrange(1, new), new) for new in news]


def pairs_of_batches(rng):
    """Of such logs, grown by as many entries as an interval may bring."""
    batches = [10, 100, 1_000, 10_000, 100_000] * 3
    news = [rng.randrange(MOST // 2 + batch, MOST) for batch in batches]
    return [(new - batch, new) for batch, new in zip(batches, news, strict=True)]


@pytest.mark.parametrize("pairs", [random_pairs, pairs_of_batches])
def test_an_anchor_of_sixteen_million_entries_costs_sixty_thousand_gas_on_average(world, pairs):
    rng = random.Random(24)
    used = [gas_used(world, made_up_growth(rng, *pair)) for pair in pairs(rng)]
    print(f"gas, {pairs.__name__}: mean {sum(used) / len(used):.0f}, max {max(used)}")
    assert sum(used) / len(used) <= 60_000
    assert max(used) <= 65_000


def test_no_anchor_of_up_to_sixteen_million_entries_costs_more_than_sixty_five_thousand_gas(world):
    """The pairs of sizes with the most hashes to send and the most nodes to hash: all bits are ones but one."""
    rng, new = random.Random(25), MOST - 1
    pairs = [(new ^ 1 << bit, new) for bit in (1, 2, 3, 12, 21, 22, 23)] + [(MOST // 2 - 1, MOST // 2 + 1)]
    assert {(proof_length(*pair), hashings(*pair)) for pair in pairs} == {(25, 46)}
    used = [gas_used(world, made_up_growth(rng, *pair)) for pair in pairs]
    print(f"gas, worst pairs: mean {sum(used) / len(used):.0f}, max {max(used)}")
    assert max(used) <= 65_000


@pytest.mark.parametrize("bits", range(3, 9))
def test_those_pairs_of_sizes_are_the_worst_there_are(bits):
    """Tried on all pairs of smaller bounds."""
    pairs = [(old, new) for new in range(2, 2**bits) for old in range(1, new)]
    worst = (2 ** (bits - 1) - 1, 2**bits - 1)
    assert max(proof_length(*pair) for pair in pairs) == proof_length(*worst) == bits + 1
    assert max(hashings(*pair) for pair in pairs) == hashings(*worst) == 2 * (bits - 1)


# --- The artefact ----------------------------------------------------------------------------------------------------


def test_the_artefact_names_the_source_that_stands_beside_it_and_has_its_functions():
    artefact = json.loads(registry.ARTEFACT.read_text())
    assert artefact["source_sha256"] == hashlib.sha256(SOURCE.read_bytes()).hexdigest()
    assert sorted(entry["name"] for entry in artefact["abi"] if entry["type"] == "function") == [
        "anchor", "handover", "head", "register",
    ]  # fmt: skip


def test_the_code_that_stands_on_the_chain_is_the_artefacts(world):
    code = world.ledger.answer("eth_getCode", [as_hex(world.contract)])
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
