"""Registering the log: the contract's words and calls, the row, its entry and trust.json in one commit."""

import pytest

from anchoring import config, registry, trust
from anchoring.chain import ChainError, NoFunds, TxLog, address_of
from anchoring.keys import verify_ed25519
from anchoring.models import Entry, Registration
from anchoring.protocol.entry import parse_entry
from anchoring.protocol.scalars import to_0x
from anchoring.protocol.trust import parse_trust
from anchoring.registration import is_registered, register_log
from anchoring.stages import current_registration
from tests.anchoring.log_world import a_chain, register
from tests.anchoring.memory_chain import MemoryChain

pytestmark = pytest.mark.django_db


def test_a_registration_is_written_down_recorded_and_published(any_chain) -> None:
    row = register(any_chain)
    identity = any_chain.identity()
    assert (row.chain_id, bytes(row.genesis)) == (identity.chain_id, identity.genesis)
    assert bytes(row.controller) == address_of(config.chain_key())
    assert any_chain.code_hash(bytes(row.contract)) == bytes(row.code_hash) == registry.artefact().code_hash
    told = parse_entry(bytes(Entry.objects.get(kind="log.registered").data)).data
    assert told == {
        "chain_id": row.chain_id,
        "genesis": to_0x(bytes(row.genesis)),
        "contract": to_0x(bytes(row.contract)),
        "code_hash": to_0x(bytes(row.code_hash)),
        "log_id": to_0x(bytes(row.log_id)),
    }
    newest = parse_trust(trust.trust_file(), verify_ed25519).newest
    assert newest.registrations == (trust.published(row),)


def test_the_registered_log_is_empty_in_our_hand(any_chain) -> None:
    row = register(any_chain)
    expected = registry.head_word(controller=bytes(row.controller), size=0, root=registry.EMPTY_ROOT)
    assert any_chain.head(bytes(row.contract), bytes(row.log_id)) == expected


def test_the_log_knows_whether_it_is_registered_on_this_very_chain(any_chain) -> None:
    assert not is_registered(any_chain)
    register(any_chain)
    assert is_registered(any_chain)
    assert not is_registered(a_chain())


def test_a_chain_that_lost_the_contract_is_not_the_one() -> None:
    chain = a_chain()
    register(chain)
    chain._state.registries.clear()
    assert not is_registered(chain)


def test_registered_again_the_newest_counts_and_the_older_one_stays_published(any_chain) -> None:
    first = register(a_chain())
    second = register(any_chain)
    assert current_registration() == second
    newest = parse_trust(trust.trust_file(), verify_ed25519).newest
    assert newest.registrations == (trust.published(first), trust.published(second))


def test_two_registrations_of_one_key_are_two_logs(any_chain) -> None:
    assert bytes(register(any_chain).log_id) != bytes(register(any_chain).log_id)


@pytest.mark.parametrize("after", range(1, 14))
def test_a_chain_that_dies_on_the_way_leaves_nothing_written_down(after) -> None:
    chain = a_chain()
    dying = Dying(chain, after=after)
    try:
        register_log(chain=dying, key=config.chain_key())
    except ChainError:
        assert (Registration.objects.count(), Entry.objects.count()) == (0, 0)
    register(chain)
    assert is_registered(chain)


def test_without_funds_nothing_is_registered() -> None:
    with pytest.raises(NoFunds):
        register(MemoryChain())
    assert Registration.objects.count() == 0


def test_an_event_of_another_kind_is_not_taken_for_an_anchor() -> None:
    topics = (registry._ANCHORED, b"i" * 32, (7).to_bytes(32, "big"))
    assert registry.parse_anchored(TxLog(b"c" * 20, topics, b"d" * 96)).new_size == 7
    for log in (
        TxLog(b"c" * 20, (b"x" * 32, *topics[1:]), b"d" * 96),
        TxLog(b"c" * 20, topics[:2], b"d" * 96),
        TxLog(b"c" * 20, topics, b"d" * 95),
        TxLog(b"c" * 20, (), b""),
    ):
        assert registry.parse_anchored(log) is None


class Dying:
    """A chain that answers so many questions and then is down."""

    def __init__(self, chain: MemoryChain, *, after: int) -> None:
        self._chain, self._left = chain, after

    def __getattr__(self, name: str):
        def ask(*args, **kwargs):
            self._left -= 1
            self._chain.down = self._left < 0
            try:
                return getattr(self._chain, name)(*args, **kwargs)
            finally:
                self._chain.down = False

        return ask
