"""The examination that every row of the drill table ends with finds planted damage, so that it cannot be empty."""

import secrets

import pytest
from django.utils import timezone

from anchoring import registry
from anchoring.chain import address_of
from anchoring.drill.examine import examine
from anchoring.drill.world import NEXT_KEY, Failed, expect, record, world
from anchoring.models import Anchor, Attempt, Confirmation, Entry, Leaf, Pending, Retraction, Sender
from tests.anchoring.log_world import guards_lifted, sql

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(anvil):
    """One anchor, confirmed; the examination finds nothing."""
    with world("kept") as made:
        made.launch()
        made.finish()
        assert examine(made) == []
        yield made


def last(model):
    return model.objects.order_by("-pk")[0]


def confirmed_once_more(nth: int) -> Confirmation:
    """The newest confirmation, doubled."""
    row = last(Confirmation)
    row.pk, row.nth = None, nth
    row.save(force_insert=True)
    return row


def test_an_entry_without_a_place_is_lost(place) -> None:
    record(1)
    assert "lost: 1 entries have no place in the log (1 of them wait)" in examine(place)


def test_an_entry_that_nobody_would_ever_place_is_lost(place) -> None:
    record(1)
    Pending.objects.all().delete()
    problems = examine(place)
    assert problems[0] == "lost: 1 entries have no place in the log (0 of them wait)"
    assert len(problems) > 1  # the scan says it too


def test_an_entry_that_was_taken_away_is_found(place) -> None:
    with guards_lifted("anchoring_leaf"):
        Leaf.objects.filter(index=1).delete()
    problems = examine(place)
    assert problems[:2] == [
        "lost: 1 entries have no place in the log (0 of them wait)",
        f"not sealed: the newest checkpoint is of size {Entry.objects.count()}, and there are"
        f" {Entry.objects.count() - 1} leaves",
    ]


def test_a_state_leaf_that_is_not_anchored_is_lost(place) -> None:
    before = place.anchors()[-1].checkpoint_id
    place.due()
    assert examine(place) == [
        f"lost: the newest state leaf closes size {Leaf.objects.count()}, and anchored is size {before}"
    ]


def test_an_anchor_that_is_confirmed_twice_is_found(place) -> None:
    size = place.anchors()[0].checkpoint_id
    confirmed_once_more(2)
    assert examine(place) == [
        f"the anchor of size {size} has 2 confirmations that count instead of one",
        f"events on chain: sizes [{size}]; anchors that count: [{size}, {size}]",
    ]


def test_an_anchor_that_counts_no_longer_is_found(place) -> None:
    size = place.anchors()[0].checkpoint_id
    Retraction.objects.create(confirmation=last(Confirmation), block_hash=b"\x01" * 32, at=timezone.now())
    problems = examine(place)
    assert problems == [
        f"the anchor of size {size} has 0 confirmations that count instead of one",
        "the registry's head is not size 0 in the hand of our key",
        f"events on chain: sizes [{size}]; anchors that count: []",
    ]


def test_a_confirmation_in_another_block_is_found(place) -> None:
    size = place.anchors()[0].checkpoint_id
    Retraction.objects.create(confirmation=last(Confirmation), block_hash=b"\x01" * 32, at=timezone.now())
    row = confirmed_once_more(2)
    with guards_lifted("anchoring_confirmation"):
        Confirmation.objects.filter(pk=row.pk).update(block_hash=b"\x02" * 32)
    assert examine(place) == [
        f"events on chain: sizes [{size}]; anchors that count: [{size}]; in other transactions or blocks",
        f"fsck: confirmation {row.pk}: its attempt was never seen in that block",
        f"fsck of the chain: confirmation {row.pk}, columns block_number and block_hash: name a block that is not in"
        " the chain",
    ]


def test_an_anchor_that_stands_on_nothing_is_found(place) -> None:
    first = place.anchors()[0].checkpoint_id
    place.launch()
    place.finish()
    anchor = place.anchors()[-1]
    with guards_lifted("anchoring_anchor"):
        Anchor.objects.filter(pk=anchor.pk).update(old_size=0, old_root=registry.EMPTY_ROOT)
    problems = examine(place)
    assert problems[0] == f"the anchor of size {anchor.checkpoint_id} does not stand on the one before, of size {first}"
    assert problems[1].endswith("; in other transactions or blocks")


def test_a_doubled_anchor_on_chain_is_found(place) -> None:
    """Its rows are taken away: the chain holds an anchor that our database knows nothing of."""
    size = place.anchors()[0].checkpoint_id
    place.launch()
    place.finish()
    second = place.anchors()[-1]
    [attempt] = second.attempts.all()
    proof = second.confirmations.get().receipt_proofs.get()
    doomed = [
        ("anchoring_receiptproof", "id", proof), ("anchoring_confirmation", "attempt_id", attempt),
        ("anchoring_sighting", "attempt_id", attempt),
        ("anchoring_attempt", "id", attempt), ("anchoring_anchor", "id", second),
    ]  # fmt: skip
    with guards_lifted(*(table for table, _, _ in doomed)):
        for table, column, row in doomed:
            sql(f"DELETE FROM {table} WHERE {column} = %s", row.pk)
    assert examine(place) == [
        f"lost: the newest state leaf closes size {second.checkpoint_id}, and anchored is size {size}",
        f"the registry's head is not size {size} in the hand of our key",
        f"events on chain: sizes [{size}, {second.checkpoint_id}]; anchors that count: [{size}]",
        f"transaction 0x{bytes(attempt.transaction).hex()} of our key is none that we wrote down",
        f"fsck of the chain: chain: the registry's head is not that of size {size}, which our rows say it is",
    ]


def test_a_nonce_that_was_left_out_is_found(place) -> None:
    next_nonce = last(Sender).next_nonce
    Sender.objects.update(next_nonce=next_nonce + 1)
    assert examine(place) == [
        f"nonces: the chain counts {next_nonce}, and the next one that we give out is {next_nonce + 1}"
    ]


def test_a_transaction_that_still_waits_is_found(place) -> None:
    sent = place.stranger()
    assert examine(place) == [f"the node's pool still holds transactions of our keys, with nonces [{sent.nonce}]"]


def test_a_transaction_of_our_key_that_nobody_wrote_down_is_found(place) -> None:
    sent = place.stranger()
    place.strangers.clear()
    place.node.mine()
    Sender.objects.update(next_nonce=sent.nonce + 1)
    assert examine(place) == [f"transaction 0x{sent.hash.hex()} of our key is none that we wrote down"]


def test_a_log_in_another_hand_is_found(place) -> None:
    place.hand_over_in_full(NEXT_KEY)
    place.key = secrets.token_bytes(32)
    size = place.anchors()[0].checkpoint_id
    assert examine(place) == [
        f"the registry's head is not size {size} in the hand of our key", "nonces: our key has sent nothing",
    ]  # fmt: skip


def test_bytes_that_are_not_their_transactions_are_found(place) -> None:
    attempt = last(Attempt)
    with guards_lifted("anchoring_attempt"):
        Attempt.objects.filter(pk=attempt.pk).update(raw=bytes(attempt.raw) + b"\0")
    assert examine(place) == [
        f"attempt {attempt.pk} with nonce {attempt.nonce}: its bytes are not those of its transaction",
        f"fsck: attempt {attempt.pk}, column transaction: is not the hash of the signed bytes",
    ]


# --- What rows expect ------------------------------------------------------------------------------------------------


def test_what_was_not_expected_is_said() -> None:
    with pytest.raises(Failed, match=r"^attempts: \[1, 2\] instead of \[1\]$"):
        expect("attempts", [1, 2], [1])


def test_a_tick_with_another_word_fails_with_what_it_said(place) -> None:
    place.due()
    with pytest.raises(Failed, match=r"^a tick: 'sent' instead of 'mined'\. It said: The anchor of size "):
        place.sees("mined")


def test_a_halt_in_other_words_fails(place) -> None:
    place.due()
    place.node.fund(address_of(place.key), 0)
    with pytest.raises(Failed, match='^the words it halts in: "The anchoring key '):
        place.halts("It is poor.")


def test_a_halt_on_the_way_to_the_end_fails(place) -> None:
    place.due()
    place.node.fund(address_of(place.key), 0)
    with pytest.raises(Failed, match="^a tick: 'halted' on the way to the end. It said: The anchoring key "):
        place.finish()


def test_a_reply_that_was_not_lost_on_purpose_fails(place) -> None:
    place.due()
    place.first.stop()
    with pytest.raises(Failed, match="^a tick: 'no answer' on the way to the end. It said: http://127.0.0.1:"):
        place.finish()


def test_an_end_that_never_comes_fails(place) -> None:
    place.launch()
    place.replies = "lost"
    place.first.stop()
    with pytest.raises(Failed, match="^no end after 20 blocks. The last tick said: http://127.0.0.1:"):
        place.finish()
