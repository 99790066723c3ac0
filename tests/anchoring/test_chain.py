"""The chain's port: one suite for the twin in memory and for a real EVM, then the pure parts and the twin's faults."""

from contextlib import ExitStack
from dataclasses import replace

import pytest
from eth_hash.auto import keccak

from anchoring import registry, verify
from anchoring.chain import (
    NO_CODE,
    NO_HEAD,
    CallReverted,
    ChainError,
    ChainRefused,
    ChainUnavailable,
    EthereumChain,
    Fees,
    NoFunds,
    NonceTooLow,
    Underpriced,
    address_of,
    gas_limit,
    redact,
    sign,
)
from anchoring.inclusion import CannotProve, encode_header
from anchoring.protocol.anchor import ReceiptAnchor, encode_anchor
from portal.localchain import LocalChain
from tests.anchoring.contract_world import FACTORY_CODE
from tests.anchoring.memory_chain import MemoryChain
from tests.anchoring.protocol import reference

INSURER, STRANGER, PAUPER = b"\x11" * 32, b"\x22" * 32, b"\x33" * 32
FUNDED = (address_of(INSURER), address_of(STRANGER))
SALT = b"\x5a" * 32
ROOT = {size: reference.mth(0, size) for size in range(1, 20)}


@pytest.fixture(scope="module")
def evm_url():
    with LocalChain(port=0, funded=FUNDED) as local:
        yield local.url


@pytest.fixture(params=["in memory", "on a real EVM"])
def chain(request, evm_url):
    return MemoryChain(funded=FUNDED) if request.param == "in memory" else EthereumChain(evm_url)


@pytest.fixture
def contract(chain):
    return registry.deploy(chain, key=INSURER, wait=5).contract


@pytest.fixture
def log_id(chain, contract):
    return registry.register(chain, key=INSURER, contract=contract, salt=SALT, wait=5).log_id


def anchor_call(contract, log_id, old, new, *, key=INSURER, **changes):
    """The honest call that grows the reference tree from one size to another, but for the changes."""
    honest = {
        "sender": address_of(key),
        "contract": contract,
        "log_id": log_id,
        "old_size": old,
        "old_root": ROOT[old] if old else registry.EMPTY_ROOT,
        "new_size": new,
        "new_root": ROOT[new],
        "proof": reference.consistency(old, new) if old else [],
    }
    return registry.anchor_call(**honest | changes)


def signed(chain, call, *, key=INSURER, **changes):
    """The call as the pipeline would sign it now."""
    terms = {"nonce": chain.nonce(call.sender), "fees": chain.fees(), "gas": 200_000, "chain_id": 31337}
    return sign(call, key=key, **terms | changes)


def carried_out(chain, call, **changes):
    transaction = signed(chain, call, **changes)
    chain.send(transaction.raw)
    return chain.receipt(transaction.hash)


# --- The suite for both ----------------------------------------------------------------------------------------------


def test_a_chain_says_who_it_is(chain):
    identity = chain.identity()
    assert (identity.chain_id, identity.genesis) == (31337, chain.block(0).hash)


def test_two_chains_of_one_id_are_told_apart_by_their_genesis(chain):
    with LocalChain(port=0) as other:
        assert EthereumChain(other.url).identity().chain_id == chain.identity().chain_id
        assert EthereumChain(other.url).identity().genesis != chain.identity().genesis
    assert MemoryChain().identity().genesis != chain.identity().genesis


def test_the_deployed_registry_carries_the_published_code(chain, contract):
    assert chain.code_hash(contract) == registry.artefact().code_hash


def test_where_no_contract_stands_the_code_hash_says_so(chain):
    assert chain.code_hash(b"\x99" * 20) == NO_CODE


def test_money_is_spent_on_fees_and_the_nonce_counts_what_is_mined(chain, contract):
    sender = address_of(INSURER)
    money, count = chain.balance(sender), chain.nonce(sender)
    registry.register(chain, key=INSURER, contract=contract, salt=SALT, wait=5)
    assert chain.nonce(sender) == count + 1
    assert 0 < money - chain.balance(sender) < 10**16


def test_an_unknown_address_has_nothing_and_did_nothing(chain):
    assert (chain.balance(address_of(PAUPER)), chain.nonce(address_of(PAUPER))) == (0, 0)


def test_fees_leave_room_for_two_base_fees(chain):
    fees = chain.fees()
    assert fees.tip == 10**9
    assert fees.cap > fees.tip


def test_an_unknown_log_has_no_head(chain, contract):
    assert chain.head(contract, b"\x77" * 32) == NO_HEAD


def test_a_head_is_not_read_where_no_registry_stands(chain):
    with pytest.raises(ChainRefused) as caught:
        chain.head(b"\x99" * 20, b"\x77" * 32)
    assert str(caught.value) == f"No registry contract stands at 0x{'99' * 20}."


def test_a_registered_log_is_empty_and_its_controllers(chain, contract, log_id):
    assert log_id == registry.log_id(controller=address_of(INSURER), salt=SALT)
    assert chain.head(contract, log_id) == registry.head_word(
        controller=address_of(INSURER), size=0, root=registry.EMPTY_ROOT
    )


def test_a_salt_that_was_registered_is_adopted_while_its_log_is_empty_and_refused_from_then_on(chain, contract, log_id):
    sent = chain.nonce(address_of(INSURER))
    again = registry.register(chain, key=INSURER, contract=contract, salt=SALT, wait=5)
    assert (again, chain.nonce(address_of(INSURER))) == (registry.Registered(log_id=log_id, transaction=None), sent)
    carried_out(chain, anchor_call(contract, log_id, 0, 5))
    with pytest.raises(CallReverted) as caught:
        registry.register(chain, key=INSURER, contract=contract, salt=SALT, wait=5)
    assert str(caught.value) == "The contract refuses the call: log exists"


def test_another_key_may_use_the_same_salt_for_a_log_of_its_own(chain, contract, log_id):
    theirs = registry.register(chain, key=STRANGER, contract=contract, salt=SALT, wait=5).log_id
    assert theirs != log_id


def test_an_anchor_moves_the_head_and_tells_of_it(chain, contract, log_id):
    first = carried_out(chain, anchor_call(contract, log_id, 0, 5))
    second = carried_out(chain, anchor_call(contract, log_id, 5, 12))
    assert (first.succeeded, second.succeeded) == (True, True)
    assert chain.head(contract, log_id) == registry.head_word(controller=address_of(INSURER), size=12, root=ROOT[12])
    assert [registry.parse_anchored(log) for log in second.logs] == [
        registry.Anchored(
            contract=contract, log_id=log_id, new_size=12, new_root=ROOT[12], old_size=5, old_root=ROOT[5]
        )
    ]


def test_a_receipt_names_the_canonical_block_and_the_block_its_time(chain, contract, log_id):
    receipt = carried_out(chain, anchor_call(contract, log_id, 0, 5))
    block = chain.block(receipt.block_number)
    assert (block.number, block.hash) == (receipt.block_number, receipt.block_hash)
    assert block == chain.block("latest") == chain.block("finalized")
    assert block.timestamp > chain.block(receipt.block_number - 1).timestamp
    assert (receipt.index, receipt.contract) == (0, None)


def test_a_block_that_is_not_there_yet_is_none(chain):
    assert chain.block(chain.block("latest").number + 1) is None


def test_a_transaction_that_nobody_sent_has_no_receipt(chain):
    assert chain.receipt(b"\x12" * 32) is None


def test_an_estimate_is_near_what_is_used(chain, contract, log_id):
    assert 25_000 < chain.estimate(anchor_call(contract, log_id, 0, 5)) < 80_000


def test_a_block_is_told_as_the_chain_hashed_it(chain, contract, log_id):
    receipt = carried_out(chain, anchor_call(contract, log_id, 0, 5))
    for number in range(receipt.block_number + 1):
        block = chain.block(number)
        assert keccak(encode_header(chain.raw_block(block.hash).header)) == block.hash
    assert [told["status"] for told in chain.raw_block(receipt.block_hash).receipts] == ["0x1"]


def test_a_block_that_nobody_made_is_not_told(chain):
    assert chain.raw_block(b"\x12" * 32) is None


def the_event(contract, log_id, old, new, **changes):
    honest = {"contract": contract, "log_id": log_id, "new_size": new, "new_root": ROOT[new]}
    return registry.Anchored(**honest | {"old_size": old, "old_root": ROOT.get(old, registry.EMPTY_ROOT)} | changes)


def test_an_anchor_is_proved_from_the_event_up_to_the_blocks_hash(chain, contract, log_id):
    for old, new in ((0, 5), (5, 12)):
        receipt = carried_out(chain, anchor_call(contract, log_id, old, new))
        made = registry.prove_anchored(chain, receipt, the_event(contract, log_id, old, new), chain_id=31337)
        anchor = verify.read_anchor(
            encode_anchor(ReceiptAnchor(chain_id=31337, contract=contract, log_id=log_id, inclusion=made))
        )
        header = verify.read_header(made.header_rlp)
        assert verify.read_event(anchor) == (new, ROOT[new])
        assert (header.number, header.hash) == (receipt.block_number, "0x" + receipt.block_hash.hex())
        assert header.time == chain.block(receipt.block_number).timestamp


@pytest.mark.parametrize(
    "changes", [{"new_size": 6}, {"new_root": ROOT[6]}, {"old_size": 1}, {"old_root": b"\x22" * 32}]
)
def test_an_event_that_is_not_the_one_is_not_proved(chain, contract, log_id, changes):
    receipt = carried_out(chain, anchor_call(contract, log_id, 0, 5))
    event = the_event(contract, log_id, 0, 5, **changes)
    with pytest.raises(CannotProve, match=r"^The transaction's receipt does not hold the event\.$"):
        registry.prove_anchored(chain, receipt, event, chain_id=31337)


def test_a_transaction_that_the_contract_refused_proves_nothing(chain, contract, log_id):
    receipt = carried_out(chain, anchor_call(contract, log_id, 0, 5, old_root=b"\1" * 32))
    with pytest.raises(CannotProve, match=r"^The transaction did not succeed\.$"):
        registry.prove_anchored(chain, receipt, the_event(contract, log_id, 0, 5), chain_id=31337)


def test_a_block_that_the_node_does_not_have_may_be_asked_for_again(chain, contract, log_id):
    receipt = carried_out(chain, anchor_call(contract, log_id, 0, 5))
    gone = replace(receipt, block_hash=b"\x12" * 32)
    with pytest.raises(ChainUnavailable) as caught:
        registry.prove_anchored(chain, gone, the_event(contract, log_id, 0, 5), chain_id=31337)
    assert str(caught.value) == f"The node does not have the block 0x{'12' * 32}."


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"old_root": b"\1" * 32}, "not the head"),
        ({"old_size": 4}, "not the head"),
        ({"new_size": 5, "proof": []}, "bad size"),
        ({"new_size": 2**63}, "bad size"),
        ({"new_root": b"\1" * 32}, "not consistent"),
        ({"proof": []}, "not consistent"),
        ({"key": STRANGER}, "not the head"),
    ],
)
def test_what_the_contract_would_refuse_is_refused_before_it_costs_money(chain, contract, log_id, changes, reason):
    carried_out(chain, anchor_call(contract, log_id, 0, 5))
    with pytest.raises(CallReverted) as caught:
        chain.estimate(anchor_call(contract, log_id, 5, 12, **changes))
    assert str(caught.value) == f"The contract refuses the call: {reason}"


def test_what_is_sent_nevertheless_is_mined_and_failed_and_the_head_stays(chain, contract, log_id):
    head = chain.head(contract, log_id)
    receipt = carried_out(chain, anchor_call(contract, log_id, 5, 12))
    assert (receipt.succeeded, receipt.logs) == (False, ())
    assert chain.head(contract, log_id) == head


def test_a_repeated_send_after_mining_says_that_the_nonce_is_used(chain, contract, log_id):
    transaction = signed(chain, anchor_call(contract, log_id, 0, 5))
    chain.send(transaction.raw)
    with pytest.raises(NonceTooLow):
        chain.send(transaction.raw)
    assert chain.receipt(transaction.hash).succeeded


def test_a_pauper_is_told_so(chain, contract):
    call = registry.register_call(sender=address_of(PAUPER), contract=contract, salt=SALT)
    with pytest.raises(NoFunds):
        chain.send(signed(chain, call, key=PAUPER).raw)


def test_an_offer_below_the_base_fee_is_told_so(chain, contract):
    call = registry.register_call(sender=address_of(INSURER), contract=contract, salt=SALT)
    with pytest.raises(Underpriced):
        chain.send(signed(chain, call, fees=Fees(tip=1, cap=1)).raw)


def test_a_transaction_for_another_chain_is_refused(chain, contract):
    call = registry.register_call(sender=address_of(INSURER), contract=contract, salt=SALT)
    with pytest.raises(ChainRefused):
        chain.send(signed(chain, call, chain_id=1).raw)


def test_after_the_handover_only_the_new_key_anchors(chain, contract, log_id):
    carried_out(chain, anchor_call(contract, log_id, 0, 5))
    handover = registry.handover_call(
        sender=address_of(INSURER), contract=contract, log_id=log_id, size=5, root=ROOT[5],
        new_controller=address_of(STRANGER),
    )  # fmt: skip
    assert carried_out(chain, handover).succeeded
    with pytest.raises(CallReverted):
        chain.estimate(anchor_call(contract, log_id, 5, 12))
    assert carried_out(chain, anchor_call(contract, log_id, 5, 12, key=STRANGER), key=STRANGER).succeeded


# --- Where the registry stands ---------------------------------------------------------------------------------------


@pytest.fixture(params=["in memory", "on a real EVM"])
def chain_with(request):
    """Makes a new chain with this code at the factory's address."""
    with ExitStack() as chains:

        def made(code):
            if request.param == "in memory":
                return MemoryChain(funded=FUNDED, contracts={registry.FACTORY: registry.keccak(code)})
            local = LocalChain(port=0, funded=FUNDED, contracts={registry.FACTORY: code})
            return EthereumChain(chains.enter_context(local).url)

        yield made


def test_the_factory_makes_the_registry_where_it_stands_on_every_chain(chain_with):
    chain = chain_with(FACTORY_CODE)
    address = registry.deterministic_address()
    assert chain.code_hash(address) == NO_CODE
    made = registry.deploy(chain, key=INSURER, wait=5)
    assert (made.contract, made.how) == (address, "made by the factory")
    receipt = chain.receipt(made.transaction)
    assert (receipt.succeeded, receipt.contract) == (True, None)
    assert chain.code_hash(address) == registry.artefact().code_hash
    log_id = registry.register(chain, key=INSURER, contract=address, salt=SALT, wait=5).log_id
    assert carried_out(chain, anchor_call(address, log_id, 0, 5)).succeeded


def test_a_registry_that_stands_there_is_used_by_everybody_and_nothing_is_sent(chain_with):
    chain = chain_with(FACTORY_CODE)
    contract = registry.deploy(chain, key=STRANGER, wait=5).contract
    found = registry.deploy(chain, key=INSURER, wait=5)
    assert found == registry.Deployed(contract=contract, how="found", transaction=None)
    assert chain.nonce(address_of(INSURER)) == 0
    assert registry.deploy(chain, key=PAUPER, wait=5) == found


def test_where_other_code_stands_at_the_factorys_address_nothing_is_sent_to_it(chain_with):
    chain = chain_with(b"\x60\x00\x60\x00\xfd")  # it refuses everything
    made = registry.deploy(chain, key=INSURER, wait=5)
    assert made.how == "made without a factory"
    assert made.contract not in (registry.deterministic_address(), registry.FACTORY)
    assert chain.receipt(made.transaction).contract == made.contract


def test_where_no_factory_stands_each_deployment_makes_a_contract_of_its_own(chain):
    first, second = (registry.deploy(chain, key=INSURER, wait=5) for _ in range(2))
    assert (first.how, second.how) == ("made without a factory",) * 2
    assert len({first.contract, second.contract, registry.deterministic_address()}) == 3


def test_the_factory_refuses_to_make_it_twice(chain_with):
    chain = chain_with(FACTORY_CODE)
    registry.deploy(chain, key=INSURER, wait=5)
    with pytest.raises(CallReverted):
        chain.estimate(registry.factory_call(sender=address_of(INSURER)))


def test_whoever_is_overtaken_uses_what_the_other_made():
    """A stranger's deployment is mined between the look and the call."""
    chain = Overtaken(funded=FUNDED, contracts={registry.FACTORY: registry.FACTORY_CODE_HASH})
    found = registry.deploy(chain, key=INSURER, wait=5)
    assert found == registry.Deployed(contract=registry.deterministic_address(), how="found", transaction=None)
    assert (chain.nonce(address_of(INSURER)), chain.nonce(address_of(STRANGER))) == (0, 1)


class Overtaken(MemoryChain):
    """At its first fees, a stranger's registry is made."""

    def fees(self):
        if self.nonce(address_of(STRANGER)) == 0:
            call = registry.factory_call(sender=address_of(STRANGER))
            terms = {"nonce": 0, "fees": super().fees(), "gas": 2_000_000, "chain_id": 31337}
            self.send(sign(call, key=STRANGER, **terms).raw)
        return super().fees()


def test_a_factory_that_takes_the_call_and_makes_nothing_is_noticed():
    chain = Idle(funded=FUNDED, contracts={registry.FACTORY: registry.FACTORY_CODE_HASH})
    with pytest.raises(ChainError) as caught:
        registry.deploy(chain, key=INSURER, wait=5)
    assert str(caught.value) == "The factory made no contract with the registry's code."


class Idle(MemoryChain):
    """Forgets each contract that was made."""

    def mine(self):
        block = super().mine()
        self._state.registries.clear()
        return block


# --- Pure parts ------------------------------------------------------------------------------------------------------


def test_signing_twice_gives_the_same_bytes():
    call = registry.register_call(sender=address_of(INSURER), contract=b"\x01" * 20, salt=SALT)
    terms = {"key": INSURER, "nonce": 7, "fees": Fees(tip=1, cap=3), "gas": 50_000, "chain_id": 11155111}
    assert sign(call, **terms) == sign(call, **terms)
    assert (sign(call, **terms).nonce, sign(call, **terms).gas) == (7, 50_000)


def test_signing_for_another_sender_is_a_programmers_mistake():
    call = registry.register_call(sender=address_of(STRANGER), contract=b"\x01" * 20, salt=SALT)
    with pytest.raises(AssertionError):
        sign(call, key=INSURER, nonce=0, fees=Fees(1, 3), gas=50_000, chain_id=1)


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, b"\1" * 31])
def test_an_unusable_key_is_refused_without_being_repeated(key):
    with pytest.raises(ChainError) as caught:
        address_of(key)
    text = "The chain key is not a private key of this kind of chain: 32 bytes are needed."
    assert (str(caught.value), caught.value.__cause__) == (text, None)


def test_an_address_is_the_one_that_every_wallet_shows():
    assert address_of(bytes(31) + b"\1").hex() == "7e5f4552091a69125d5dfcb7b8c2659029395bdf"


def test_a_gas_limit_is_a_quarter_more_and_covers_the_calldata():
    assert gas_limit(50_001, b"") == 62_502
    assert gas_limit(21_000, bytes(1000)) == 85_000


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://sepolia.example/v3/0123456789abcdef", "https://sepolia.example"),
        ("https://user:password@sepolia.example/", "https://sepolia.example"),
        ("http://127.0.0.1:8545/?key=secret#secret", "http://127.0.0.1:8545"),
        ("http://[::1]:8545", "http://[::1]:8545"),
        ("http://host:99999/secret", "an endpoint that is not a URL"),
        ("http://[secret", "an endpoint that is not a URL"),
    ],
)
def test_an_endpoint_is_shown_without_what_may_be_a_key(url, shown):
    assert redact(url) == shown


# --- The twin's own faults -------------------------------------------------------------------------------------------


@pytest.fixture
def twin():
    return MemoryChain(funded=FUNDED)


def test_the_twin_can_be_down(twin):
    twin.down = True
    with pytest.raises(ChainUnavailable):
        twin.identity()


def test_the_twin_mines_when_told_and_takes_repetitions_until_then(twin):
    twin.automine = False
    transaction = signed(twin, registry.deploy_call(sender=address_of(INSURER)))
    twin.send(transaction.raw)
    twin.send(transaction.raw)
    assert twin.receipt(transaction.hash) is None
    block = twin.mine()
    assert twin.receipt(transaction.hash).block_hash == block.hash


def test_the_twin_replaces_only_for_a_tenth_more(twin):
    twin.automine = False
    call = registry.deploy_call(sender=address_of(INSURER))
    first = signed(twin, call, fees=Fees(100 * 10**7, 300 * 10**7))
    twin.send(first.raw)
    with pytest.raises(Underpriced):
        twin.send(signed(twin, call, fees=Fees(109 * 10**7, 330 * 10**7)).raw)
    second = signed(twin, call, fees=Fees(110 * 10**7, 330 * 10**7))
    twin.send(second.raw)
    twin.mine()
    assert (twin.receipt(first.hash), twin.receipt(second.hash).succeeded) == (None, True)


def test_the_twin_loses_a_reply_but_not_what_was_sent(twin):
    twin.loses_replies = True
    transaction = signed(twin, registry.deploy_call(sender=address_of(INSURER)))
    with pytest.raises(ChainUnavailable):
        twin.send(transaction.raw)
    assert twin.receipt(transaction.hash).succeeded


def test_the_twin_reorganises_and_the_same_bytes_land_in_another_block(twin):
    transaction = signed(twin, registry.deploy_call(sender=address_of(INSURER)))
    twin.send(transaction.raw)
    before = twin.receipt(transaction.hash)
    twin.reorganise(depth=1)
    assert (twin.receipt(transaction.hash), twin.nonce(address_of(INSURER))) == (None, 0)
    twin.send(transaction.raw)
    after = twin.receipt(transaction.hash)
    assert after.block_number == before.block_number
    assert after.block_hash != before.block_hash


def test_the_twin_forgets_what_waits(twin):
    twin.automine = False
    transaction = signed(twin, registry.deploy_call(sender=address_of(INSURER)))
    twin.send(transaction.raw)
    twin.forget_pool()
    twin.mine()
    assert twin.receipt(transaction.hash) is None


def test_the_twin_calls_blocks_final_late(twin):
    twin.finality_depth = 2
    for _ in range(3):
        twin.mine()
    assert (twin.block("finalized").number, twin.block("latest").number) == (1, 3)
