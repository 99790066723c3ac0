"""What befalls an anchor between its plan and a final block, on the twin in memory; the drills do it to a real node."""

from datetime import timedelta

import pytest
from django.utils import timezone

from anchoring import anchors, config, handover, registry, routes, schedule, stages
from anchoring.chain import ChainUnavailable, RawBlock, Wallet, address_of
from anchoring.models import Anchor, Attempt, Confirmation, Handover, ReceiptProof, Retraction, Sender, Sighting, State
from anchoring.protocol.anchor import parse_inclusion
from anchoring.schedule import Halted
from anchoring.seal import sequencer
from tests.anchoring.log_world import a_chain, a_route, anchor_all, note, register, tick
from tests.anchoring.memory_chain import MemoryChain

pytestmark = pytest.mark.django_db
OTHER_KEY = b"\x55" * 32


@pytest.fixture
def chain() -> MemoryChain:
    """A chain on which the log is registered and nothing is mined by itself."""
    made = MemoryChain(funded=(address_of(config.chain_key()), address_of(OTHER_KEY)))
    register(made)
    made.automine = False
    return made


def sealed() -> None:
    """Something new, sealed, and due."""
    note()
    sequencer.sequence()


def sent(chain) -> Attempt:
    """An anchor that was sent and that no block has."""
    sealed()
    assert tick(chain) == "sent"
    return newest()


def newest() -> Attempt:
    found = Attempt.objects.order_by("pk").last()
    assert found is not None
    return found


def later(monkeypatch, **ago: float) -> None:
    """The clock goes on."""
    now = timezone.now() + timedelta(**ago)
    monkeypatch.setattr(timezone, "now", lambda: now)


def on_chain(chain) -> bytes:
    row = stages.current_registration()
    return chain.head(bytes(row.contract), bytes(row.log_id))


def head_of(anchor: Anchor, key: bytes | None = None) -> bytes:
    controller = address_of(key or config.chain_key())
    root = bytes(anchor.checkpoint.root)
    return registry.head_word(controller=controller, size=anchor.checkpoint.size, root=root)


# --- Dearer offers ---------------------------------------------------------------------------------------------------


def test_an_anchor_that_waits_too_long_is_offered_for_an_eighth_more_at_the_same_nonce(chain, monkeypatch) -> None:
    first = sent(chain)
    later(monkeypatch, seconds=181)
    tick(chain)
    second = newest()
    assert (second.nonce, second.tip, second.cap) == (first.nonce, -(-first.tip * 9 // 8), -(-first.cap * 9 // 8))
    assert list(chain.pool) == [bytes(second.transaction)]


def test_the_patience_doubles_with_each_offer(chain, monkeypatch) -> None:
    sent(chain)
    for waited, offers in ((181, 2), (181, 2), (181, 3), (500, 3), (300, 4)):
        later(monkeypatch, seconds=waited)
        tick(chain)
        assert Attempt.objects.count() == offers


def test_what_a_node_finds_too_cheap_is_offered_dearer_at_once(chain) -> None:
    first = sent(chain)
    chain.forget_pool()
    chain.base_fee *= 20
    tick(chain)
    assert (newest().nonce, newest().cap) == (first.nonce, newest().tip + 2 * chain.base_fee)
    chain.mine()
    assert tick(chain) == "confirmed"


def test_above_the_cap_the_same_bytes_are_sent_and_it_is_said_what_the_network_asks(chain, monkeypatch) -> None:
    first = sent(chain)
    chain.forget_pool()
    chain.base_fee *= 1000
    chain.sent.clear()
    with pytest.raises(Halted, match=r"asks for 1e\+03 gwei a unit of gas, more than CHAIN_MAX_FEE_GWEI allows \(5\)"):
        tick(chain, most_fee=5 * 10**9)
    assert (Attempt.objects.get(), chain.sent[-1]) == (first, bytes(first.raw))
    chain.base_fee //= 1000
    tick(chain)
    chain.mine()
    assert (tick(chain), Attempt.objects.count()) == ("confirmed", 1)


def test_before_the_first_offer_a_network_above_the_cap_is_waited_for_and_no_nonce_used(chain) -> None:
    sealed()
    chain.base_fee *= 1000
    with pytest.raises(Halted, match="Nothing is signed until it asks for less"):
        tick(chain, most_fee=5 * 10**9)
    assert (Anchor.objects.count(), Attempt.objects.count()) == (0, 0)
    chain.base_fee //= 1000
    assert tick(chain, most_fee=5 * 10**9) == "sent"


def test_whichever_of_two_offers_is_mined_counts(chain, monkeypatch) -> None:
    first = sent(chain)
    later(monkeypatch, seconds=181)
    tick(chain)
    chain.forget_pool()
    chain.send(bytes(first.raw))
    chain.mine()
    assert tick(chain) == "confirmed"
    assert Confirmation.objects.get().attempt == first


# --- Blocks that go --------------------------------------------------------------------------------------------------


def test_a_block_seen_before_it_is_final_is_noted_and_so_is_the_one_it_moved_to(chain) -> None:
    chain.finality_depth = 2
    sent(chain)
    chain.mine()
    outcome = anchors.tick(a_route(chain))
    assert outcome.word == "mined" and "it counts once that block is final" in outcome.sentence
    chain.reorganise(depth=1)
    chain.mine()
    outcome = anchors.tick(a_route(chain))
    assert "(it moved there from block" in outcome.sentence
    chain.mine()
    chain.mine()
    assert (tick(chain), Sighting.objects.count(), Attempt.objects.count()) == ("confirmed", 2, 1)


def test_a_final_block_that_goes_all_the_same_is_retracted_and_the_anchor_sent_again(chain) -> None:
    attempt = sent(chain)
    chain.mine()
    assert tick(chain) == "confirmed"
    confirmation = Confirmation.objects.get()
    chain.reorganise(depth=1)
    chain.forget_pool()
    chain.mine()
    assert tick(chain) == "retracted"
    assert Retraction.objects.get().confirmation == confirmation
    assert stages.confirmations().count() == 0
    assert tick(chain) == "sent"
    chain.mine()
    assert tick(chain) == "confirmed"
    [again] = stages.confirmations()
    assert (again.nth, again.attempt, Attempt.objects.count()) == (2, attempt, 1)
    assert on_chain(chain) == head_of(again.anchor)


def test_two_final_anchors_that_go_are_both_sent_again_in_their_order(chain) -> None:
    for _ in range(2):
        sent(chain)
        chain.mine()
        assert tick(chain) == "confirmed"
    chain.reorganise(depth=2)
    chain.forget_pool()
    chain.mine()
    chain.mine()
    assert [tick(chain), tick(chain)] == ["retracted", "retracted"]
    for expected in ("sent", "confirmed", "confirmed"):
        assert tick(chain) == expected
        chain.mine()
    assert (stages.confirmations().count(), Attempt.objects.count()) == (2, 2)


def test_a_node_that_fell_behind_retracts_nothing(chain) -> None:
    sent(chain)
    chain.mine()
    tick(chain)
    chain.finality_depth = 1
    behind = MemoryChainBehind(chain)
    with pytest.raises(ChainUnavailable, match="The endpoint lags: block"):
        tick(behind)
    assert Retraction.objects.count() == 0


class MemoryChainBehind:
    """A node that has not heard of the newest block."""

    def __init__(self, chain) -> None:
        self._chain = chain
        self.name = "behind"

    def __getattr__(self, name: str):
        return getattr(self._chain, name)

    def block(self, at):
        newest = self._chain.block("latest").number
        if at in ("latest", "finalized"):
            return self._chain.block(newest - 1)
        return self._chain.block(at) if at < newest else None


# --- Two endpoints ---------------------------------------------------------------------------------------------------


class Lying(MemoryChainBehind):
    """A node that names another block."""

    def block(self, at):
        block = self._chain.block(at)
        return type(block)(block.number, b"l" * 32, block.timestamp)


def test_nothing_counts_until_both_endpoints_show_the_same_block(chain) -> None:
    sent(chain)
    chain.mine()
    with pytest.raises(Halted, match="The endpoints disagree about block 3: memory shows 0x"):
        anchors.tick(a_route(chain, second=Lying(chain)))
    assert Confirmation.objects.count() == 0
    second = MemoryChainBehind(chain)
    second.block = lambda at: chain.block(at)
    assert anchors.tick(a_route(chain, second=second)).word == "confirmed"


def test_nothing_counts_until_both_endpoints_call_it_final(chain) -> None:
    sent(chain)
    chain.mine()
    late = MemoryChainBehind(chain)
    late.block = lambda at: chain.block(2 if at == "finalized" else at)
    with pytest.raises(ChainUnavailable, match="behind does not call block 3 final yet"):
        anchors.tick(a_route(chain, second=late))
    assert Confirmation.objects.count() == 0


# --- Nonces and hands ------------------------------------------------------------------------------------------------


def test_a_stranger_who_takes_our_nonce_in_mid_flight_halts_it_and_nothing_is_sent(chain) -> None:
    attempt = sent(chain)
    chain.forget_pool()
    chain._state.nonces[address_of(config.chain_key())] += 1
    chain.mine()
    chain.sent.clear()
    with pytest.raises(Halted, match=f"Nonce {attempt.nonce} of our key .* was used by a transaction that is not ours"):
        tick(chain)
    assert chain.sent == []
    routes.accept_nonce(a_route(chain))
    tick(chain)
    chain.mine()
    assert (tick(chain), newest().nonce, Anchor.objects.count()) == ("confirmed", attempt.nonce + 1, 1)


def test_a_nonce_that_was_reserved_and_never_sent_leaves_no_gap(chain) -> None:
    """As after a crash between reserving and sending something else: the chain's count is where to go on."""
    Sender.objects.update_or_create(
        genesis=chain.identity().genesis, address=address_of(config.chain_key()), defaults={"next_nonce": 9}
    )
    assert sent(chain).nonce == chain.nonce(address_of(config.chain_key()))


def test_a_transaction_mined_without_effect_is_followed_by_another_but_not_for_ever(chain) -> None:
    sent(chain)
    row = stages.current_registration()
    key = bytes(row.contract), bytes(row.log_id)
    for tried in range(1, 4):
        held = chain._state.heads[key]
        chain._state.heads[key] = b"h" * 32
        chain.mine()
        chain._state.heads[key] = held
        if tried < 3:
            assert (tick(chain), Attempt.objects.count()) == ("sent", tried + 1)
    with pytest.raises(Halted, match="was mined without effect 3 times"):
        tick(chain)
    assert [attempt.nonce for attempt in Attempt.objects.order_by("pk")] == [2, 3, 4]


def hand_over(chain, key: bytes = OTHER_KEY) -> handover.Step:
    return handover.step(a_route(chain), to=address_of(key))


def test_a_handover_gives_the_log_to_the_new_key_which_goes_on(chain) -> None:
    anchor_all_by_hand(chain)
    assert hand_over(chain).sentence.startswith(f"The handover to 0x{address_of(OTHER_KEY).hex()} was sent in")
    chain.mine()
    assert hand_over(chain).done
    sealed()
    ours, theirs = address_of(config.chain_key()).hex(), address_of(OTHER_KEY).hex()
    with pytest.raises(Halted, match=f"The log is in the hand of 0x{theirs}, but CHAIN_KEY is the key of 0x{ours}"):
        tick(chain)
    assert tick(chain, key=OTHER_KEY) == "sent"
    chain.mine()
    assert tick(chain, key=OTHER_KEY) == "confirmed"
    assert on_chain(chain) == head_of(Anchor.objects.order_by("-pk")[0], OTHER_KEY)


def anchor_all_by_hand(chain) -> None:
    sent(chain)
    chain.mine()
    assert tick(chain) == "confirmed"


def test_a_handover_takes_the_place_of_an_anchor_under_way_and_the_new_key_sends_that_again(chain) -> None:
    attempt = sent(chain)
    hand_over(chain)
    taken = Handover.objects.get()
    assert (taken.nonce, taken.tip >= attempt.tip * 9 // 8) == (attempt.nonce, True)
    assert tick(chain) == "sent"  # the anchor does not outbid the handover
    assert list(chain.pool) == [bytes(taken.transaction)]
    chain.mine()
    assert hand_over(chain).done
    assert tick(chain, key=OTHER_KEY) == "sent"
    chain.mine()
    assert tick(chain, key=OTHER_KEY) == "confirmed"
    assert (Anchor.objects.count(), on_chain(chain)) == (1, head_of(Anchor.objects.get(), OTHER_KEY))


def test_an_anchor_that_is_mined_before_its_handover_is_built_upon(chain) -> None:
    attempt = sent(chain)
    hand_over(chain)
    chain.forget_pool()
    chain.send(bytes(attempt.raw))
    chain.mine()
    assert not hand_over(chain).done
    chain.mine()
    assert hand_over(chain).done
    assert tick(chain, key=OTHER_KEY) == "confirmed"
    assert on_chain(chain) == head_of(Anchor.objects.get(), OTHER_KEY)


def test_a_handover_that_is_run_again_sends_the_same_bytes(chain) -> None:
    anchor_all_by_hand(chain)
    hand_over(chain)
    chain.forget_pool()
    chain.sent.clear()
    hand_over(chain)
    assert chain.sent == [bytes(Handover.objects.get().raw)]


def test_no_anchor_is_begun_beside_a_handover(chain) -> None:
    anchor_all_by_hand(chain)
    hand_over(chain)
    sealed()
    with pytest.raises(Halted, match="is being handed over to another key. Finish it: manage.py handover_key"):
        tick(chain)


def test_a_handover_to_the_key_that_has_the_log_is_refused(chain) -> None:
    with pytest.raises(Halted, match="the key that it comes from. Set another NEXT_CHAIN_KEY"):
        hand_over(chain, config.chain_key())


# --- When an anchor is due -------------------------------------------------------------------------------------------


@pytest.fixture
def anchored(settings, monkeypatch) -> MemoryChain:
    """A log whose last state leaf is a moment old, with the real rule."""
    made = a_chain()
    register(made)
    sealed()
    anchor_all(made)
    settings.ANCHOR_EVERY_SECONDS, settings.ANCHOR_EVERY_RECORDS = 600, 5
    return made


def states() -> int:
    sequencer.sequence()
    return State.objects.count()


def test_a_record_waits_for_its_time(anchored, monkeypatch) -> None:
    note()
    assert states() == 1
    later(monkeypatch, seconds=601)
    assert states() == 2


def test_many_records_do_not_wait(anchored) -> None:
    for _ in range(4):
        note()
    assert states() == 1
    note()
    assert states() == 2


def test_a_quiet_day_gets_one_anchor(anchored, monkeypatch) -> None:
    later(monkeypatch, hours=23)
    assert (states(), tick(anchored)) == (1, "idle")
    later(monkeypatch, hours=2)
    assert (states(), tick(anchored), tick(anchored)) == (2, "sent", "confirmed")
    assert states() == 2
    later(monkeypatch, hours=25)
    assert states() == 3


def test_while_an_anchor_is_under_way_no_further_state_is_put_on_top(anchored, monkeypatch) -> None:
    anchored.automine = False
    note()
    later(monkeypatch, seconds=601)
    assert (states(), tick(anchored)) == (2, "sent")
    note()
    later(monkeypatch, seconds=700)
    assert states() == 2


def test_only_the_newest_due_checkpoint_is_ever_sent(anchored, monkeypatch) -> None:
    anchored.down = True
    for _ in range(3):
        note()
        later(monkeypatch, seconds=601)
        states()
    assert State.objects.count() == 4
    anchored.down = False
    tick(anchored)
    assert list(Anchor.objects.order_by("-pk").values_list("checkpoint", flat=True))[0] == 9


def test_now_means_now_and_only_once(anchored) -> None:
    note()
    sequencer.close_now()
    sequencer.close_now()
    assert (State.objects.count(), tick(anchored)) == (2, "sent")


def test_a_state_that_was_left_unsigned_by_a_crash_is_signed_although_the_log_went_on(anchored) -> None:
    note()
    sequencer._sequence_batch()
    sequencer._close(sequencer._is_open)
    note()
    sequencer._sequence_batch()
    sequencer.sign_head()
    assert tick(anchored) == "sent"
    assert Anchor.objects.order_by("-pk")[0].checkpoint_id == State.objects.order_by("-pk")[0].size


def test_a_state_names_the_last_final_block_that_was_seen(anchored) -> None:
    schedule.tick("anchor", lambda: anchors.tick(a_route(anchored)))
    note()
    sequencer.close_now()
    entry = State.objects.order_by("-pk")[0].entry
    final = anchored.block("finalized")
    assert (
        f'"block_hash":"0x{final.hash.hex()}","block_number":{final.number},"chain_id":31337'
        in bytes(entry.data).decode()
    )


def test_a_wallet_never_shows_its_key() -> None:
    assert repr(Wallet(OTHER_KEY)) == "<Wallet>"


# --- The event's way up to the block's hash --------------------------------------------------------------------------


def test_the_receipt_proof_is_made_as_the_block_becomes_final(chain) -> None:
    anchor_all_by_hand(chain)
    kept = ReceiptProof.objects.get()
    assert (kept.confirmation, kept.reason, parse_inclusion(bytes(kept.data)).log_index) == (
        Confirmation.objects.get(), "", 0,
    )  # fmt: skip


def test_a_receipt_proof_that_the_line_cut_off_is_made_by_the_next_tick(chain) -> None:
    sent(chain)
    chain.mine()
    cut = MemoryChainBehind(chain)
    cut.block, cut.raw_block = chain.block, lambda block_hash: None
    assert (tick(cut), ReceiptProof.objects.count()) == ("confirmed", 0)
    with pytest.raises(ChainUnavailable, match="does not have the block"):
        tick(cut)
    assert (tick(chain), ReceiptProof.objects.exclude(data=None).count()) == ("idle", 1)


def test_a_header_that_cannot_be_written_as_it_was_leaves_the_locator_and_the_reason(chain) -> None:
    sent(chain)
    chain.mine()
    odd = MemoryChainBehind(chain)
    odd.block = chain.block

    def with_a_new_field(block_hash: bytes) -> RawBlock:
        block = chain.raw_block(block_hash)
        return RawBlock(block.header | {"gasUsed": "0x7"}, block.receipts)

    odd.raw_block = with_a_new_field
    assert tick(odd) == "confirmed"
    for _ in range(5):
        assert tick(odd) == "idle"
    assert [row.data for row in ReceiptProof.objects.all()] == [None] * 3
    assert "cannot be written as the chain writes it" in ReceiptProof.objects.order_by("pk")[0].reason
