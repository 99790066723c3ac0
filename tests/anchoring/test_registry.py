"""Registering the log: the contract's words and calls, the row, its entry and trust.json in one commit."""

from hashlib import sha256

import pytest

from anchoring import config, registry, trust
from anchoring.chain import ChainError, ChainIdentity, NoFunds, TxLog, address_of
from anchoring.keys import verify_ed25519
from anchoring.models import Entry, Registration
from anchoring.protocol.entry import parse_entry
from anchoring.protocol.scalars import to_0x
from anchoring.protocol.trust import parse_trust
from anchoring.registration import _salt, is_registered, register_log
from anchoring.stages import current_registration
from tests.anchoring.log_world import a_chain, a_chain_with_the_factory, guards_lifted, register, sql
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


def test_two_registrations_in_the_one_contract_of_the_factory_are_two_logs() -> None:
    chain = a_chain_with_the_factory()
    first, second = register(chain), register(chain)
    assert bytes(first.contract) == bytes(second.contract) == registry.deterministic_address()
    assert bytes(first.log_id) != bytes(second.log_id)


QUESTIONS = 19  # that registering asks of a chain with the factory


@pytest.mark.parametrize("after", range(QUESTIONS))
@pytest.mark.parametrize("chain_of", [a_chain, a_chain_with_the_factory])
def test_a_chain_that_dies_on_the_way_leaves_nothing_written_down(chain_of, after) -> None:
    chain = chain_of()
    with pytest.raises(ChainError):
        register_log(chain=Dying(chain, after=after), key=config.chain_key())
    assert (Registration.objects.count(), Entry.objects.count()) == (0, 0)
    register(chain)
    assert is_registered(chain)


@pytest.mark.parametrize("after", range(QUESTIONS + 1))
def test_a_run_that_was_cut_off_and_repeated_leaves_no_orphan_on_the_chain(after) -> None:
    """Whatever was mined before the cut is found and used: one contract, one log, two transactions."""
    chain = a_chain_with_the_factory()
    try:
        register_log(chain=Dying(chain, after=after), key=config.chain_key())
    except ChainError:
        register(chain)
    [row] = Registration.objects.all()
    assert chain._state.registries == {bytes(row.contract)} == {registry.deterministic_address()}
    assert list(chain._state.heads) == [(bytes(row.contract), bytes(row.log_id))]
    assert chain.nonce(address_of(config.chain_key())) == 2


def test_a_log_whose_registration_was_mined_but_not_written_down_is_adopted(any_chain_with_the_factory) -> None:
    """The database lost the row, as it does when it dies between the two."""
    chain = any_chain_with_the_factory
    lost = register(chain)
    sent = chain.nonce(address_of(config.chain_key()))
    with guards_lifted("anchoring_registration"):
        sql("DELETE FROM anchoring_registration")
    found = register(chain)
    assert (bytes(found.contract), bytes(found.log_id)) == (bytes(lost.contract), bytes(lost.log_id))
    assert chain.nonce(address_of(config.chain_key())) == sent


def test_a_forgotten_log_that_was_anchored_or_handed_over_is_left_alone(any_chain_with_the_factory) -> None:
    chain, key = any_chain_with_the_factory, config.chain_key()
    anchored, handed_over = register(chain), register(chain)
    calls = [
        registry.anchor_call(
            sender=address_of(key), contract=bytes(anchored.contract), log_id=bytes(anchored.log_id), old_size=0,
            old_root=registry.EMPTY_ROOT, new_size=5, new_root=b"r" * 32, proof=[],
        ),
        registry.handover_call(
            sender=address_of(key), contract=bytes(handed_over.contract), log_id=bytes(handed_over.log_id), size=0,
            root=registry.EMPTY_ROOT, new_controller=address_of(b"\x22" * 32),
        ),
    ]  # fmt: skip
    for call in calls:
        registry._transact(chain, call, key=key, wait=5)
    with guards_lifted("anchoring_registration"):
        sql("DELETE FROM anchoring_registration")
    assert bytes(register(chain).log_id) not in {bytes(anchored.log_id), bytes(handed_over.log_id)}


def test_a_salt_is_the_logs_own_in_this_contract_on_this_chain(settings) -> None:
    identity = ChainIdentity(chain_id=1, genesis=b"g" * 32)
    ours = _salt(identity, contract=b"c" * 20, number=0)
    assert (
        ours
        == sha256(b"registration/v1\0" + config.origin().encode() + b"\0" + b"g" * 32 + b"c" * 20 + bytes(8)).digest()
    )
    others = [
        _salt(ChainIdentity(chain_id=1, genesis=b"h" * 32), contract=b"c" * 20, number=0),
        _salt(identity, contract=b"d" * 20, number=0),
        _salt(identity, contract=b"c" * 20, number=1),
    ]
    settings.LOG_ORIGIN = "another.example/log"
    others.append(_salt(identity, contract=b"c" * 20, number=0))
    assert len({ours, *others}) == 5


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


def test_an_anchor_call_is_packed_as_the_protocol_shows() -> None:
    call = registry.anchor_call(
        sender=b"s" * 20, contract=b"c" * 20, log_id=b"i" * 32, old_size=5, old_root=b"o" * 32, new_size=6,
        new_root=b"n" * 32, proof=[b"1" * 32, b"2" * 32, b"3" * 32],
    )  # fmt: skip
    assert (call.sender, call.to) == (b"s" * 20, b"c" * 20)
    fixed = bytes.fromhex("6ed37a1d") + b"i" * 32 + b"o" * 32 + b"n" * 32
    sizes = bytes.fromhex("00000000000000050000000000000006")
    assert call.data == fixed + sizes + b"1" * 32 + b"2" * 32 + b"3" * 32


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
