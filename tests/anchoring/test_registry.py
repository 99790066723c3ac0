"""The registry seen from outside: its event told from others, and setting it up when things go slowly or twice."""

import pytest

from anchoring import registry
from anchoring.chain import CallReverted, ChainError, ChainUnavailable, TxLog, address_of
from tests.anchoring.memory_chain import MemoryChain

INSURER = b"\x11" * 32
SALT = b"\x5a" * 32


@pytest.fixture
def chain():
    return MemoryChain(funded=(address_of(INSURER),))


@pytest.mark.parametrize(
    "changes", [{"topics": ()}, {"topics": (b"\1" * 32,) * 3}, {"data": bytes(95)}, {"data": bytes(128)}]
)
def test_another_event_is_not_taken_for_an_anchor(changes):
    anchored = registry.keccak(b"Anchored(bytes32,uint256,bytes32,uint256,bytes32)")
    event = {"address": b"\1" * 20, "topics": (anchored, bytes(32), bytes(32)), "data": bytes(96)}
    assert registry.parse_anchored(TxLog(**event)) is not None
    assert registry.parse_anchored(TxLog(**event | changes)) is None


def test_waiting_for_a_block_that_never_comes_ends(chain):
    chain.automine = False
    with pytest.raises(ChainUnavailable) as caught:
        registry.deploy(chain, key=INSURER, wait=0.1)
    assert str(caught.value).endswith(" within 0.1 seconds.")


def test_a_registration_that_was_overtaken_is_told_from_a_success(chain):
    """Two processes with one salt: the second's transaction is mined and fails."""
    contract = registry.deploy(chain, key=INSURER, wait=5).contract
    chain.estimate = lambda _call: 60_000
    registry.register(chain, key=INSURER, contract=contract, salt=SALT, wait=5)
    with pytest.raises(CallReverted) as caught:
        registry.register(chain, key=INSURER, contract=contract, salt=SALT, wait=5)
    assert str(caught.value).endswith(" was mined, and the contract refused it.")


def test_a_contract_with_other_code_is_not_taken_for_the_registry(chain):
    chain.code_hash = lambda _contract: bytes(32)
    with pytest.raises(ChainError) as caught:
        registry.deploy(chain, key=INSURER, wait=5)
    assert str(caught.value) == "The contract that was deployed does not carry the registry's code."


def test_a_log_that_is_not_there_after_its_registration_is_noticed(chain):
    contract = registry.deploy(chain, key=INSURER, wait=5).contract
    chain.head = lambda _contract, _log_id: bytes(32)
    with pytest.raises(ChainError) as caught:
        registry.register(chain, key=INSURER, contract=contract, salt=SALT, wait=5)
    assert str(caught.value) == "The registry does not hold the log that was registered."
