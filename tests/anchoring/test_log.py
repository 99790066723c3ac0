"""The door: what is recorded is read back, opened to those it concerns, and promised in a receipt."""

import hashlib
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from anchoring import config, log, vault, verify
from anchoring.models import Attempt, Entry, Opening, Pending
from anchoring.openings import open_disclosures
from anchoring.protocol.disclosure import parse_disclosure
from anchoring.protocol.entry import parse_entry
from anchoring.protocol.entry import subject as subject_hash
from anchoring.protocol.merkle import leaf_hash
from anchoring.protocol.receipt import parse_receipt
from anchoring.record.record import record_housekeeping
from anchoring.record.rows import column_value
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from claims.models import KycCase, Policy
from tests.anchoring.log_world import (
    ALICE,
    BOB,
    a_chain,
    a_subject,
    anchor_all,
    guards_lifted,
    note,
    register,
    sql,
    tick,
)

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def record(**changes) -> Entry:
    """What alice and bob agreed on, and a fact about nobody."""
    given_facts = {
        "kind": "thing.agreed", "subject": a_subject(), "at": NOON,
        "facts": {ALICE: {"a.name": "Alice"}, BOB: {"b.amount_minor": 4200}, vault.HOUSE: {"number": "N-1"}},
    }  # fmt: skip
    with transaction.atomic():
        return log.record(**given_facts | changes)


def test_an_entry_holds_digests_and_nothing_that_was_said() -> None:
    subject = a_subject()
    entry = record(subject=subject)
    text = parse_entry(bytes(entry.data))
    assert (text.id, text.kind, text.at) == (str(entry.id), "thing.agreed", NOON)
    assert text.subject == subject_hash(subject.type, subject.id)
    assert sorted(text.fields) == ["a.name", "b.amount_minor", "number"]
    assert b"Alice" not in bytes(entry.data) and b"4200" not in bytes(entry.data)
    assert all(b"Alice" not in bytes(opening.sealed) for opening in Opening.objects.all())


def test_each_owners_facts_lie_under_their_own_key() -> None:
    entry = record()
    for owner, said in (
        (ALICE, ("a.name", "Alice")),
        (BOB, ("b.amount_minor", 4200)),
        (vault.HOUSE, ("number", "N-1")),
    ):
        opened = open_disclosures([entry], owners=[owner])[entry.seq]
        assert [(d.name, d.value) for d in map(parse_disclosure, opened)] == [said]


def test_the_same_fact_twice_gives_other_digests() -> None:
    one, two = record(), record()
    assert set(parse_entry(bytes(one.data)).fields.values()).isdisjoint(parse_entry(bytes(two.data)).fields.values())


def test_an_entry_waits_for_its_place_from_its_first_moment() -> None:
    entry = record()
    assert list(Pending.objects.values_list("entry_id", flat=True)) == [entry.seq]


def test_entry_and_change_go_together_when_the_transaction_fails() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record()
        raise ZeroDivisionError
    assert (Entry.objects.count(), Opening.objects.count(), Pending.objects.count()) == (0, 0, 0)


def test_a_field_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="given twice"):
        record(facts={ALICE: {"text": "yes"}, BOB: {"text": "no"}})
    assert Entry.objects.count() == 0


def test_nothing_can_be_recorded_of_someone_whose_key_was_destroyed() -> None:
    vault.destroy(ALICE)
    with pytest.raises(vault.KeyDestroyed):
        record()
    assert Entry.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction_nothing_is_recorded() -> None:
    with pytest.raises(log.NotInTransaction):
        log.record(kind="thing.noted", subject=a_subject(), at=NOON, facts={ALICE: {"text": "x"}})
    with pytest.raises(log.NotInTransaction):
        record_housekeeping(kind="log.noted", at=NOON, data={"x": 1})
    assert Entry.objects.count() == 0


@pytest.mark.skipif(connection.vendor != "sqlite", reason="on PostgreSQL it is one call past Django's count")
def test_recording_costs_three_statements_on_sqlite(django_assert_num_queries) -> None:
    record()  # the owners' keys are at hand now
    with transaction.atomic(), django_assert_num_queries(3):
        log.record(kind="thing.noted", subject=a_subject(), at=NOON, facts={ALICE: {"text": "x"}})


def test_housekeeping_stands_in_clear_and_concerns_nobody() -> None:
    with transaction.atomic():
        entry = record_housekeeping(kind="log.noted", at=NOON, data={"size": 3})
    text = parse_entry(bytes(entry.data))
    assert (text.data, text.fields) == ({"size": 3}, {})
    assert text.subject == subject_hash("log", config.origin())
    assert not Opening.objects.filter(entry=entry).exists()


# --- Business rows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (-3, -3),
        ("wörd", "wörd"),
        (KycCase.Status.VERIFIED, "verified"),
        (NOON, "2026-11-23T12:00:00.123456Z"),
        (date(2026, 2, 28), "2026-02-28"),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (b"abc", hashlib.sha256(b"abc").hexdigest()),
        (memoryview(b"abc"), hashlib.sha256(b"abc").hexdigest()),
        ({"b": [1, "x"], "a": None}, '{"a":null,"b":[1,"x"]}'),
    ],
)
def test_a_column_is_kept_in_a_form_that_every_database_gives_back(value, kept) -> None:
    found = column_value(Policy(external_ref=value), "external_ref")
    assert (found, type(found)) == (kept, type(kept))


def test_only_a_table_with_a_uuid_for_a_key_can_be_declared() -> None:
    with pytest.raises(AssertionError):
        log.register_rows(Entry, {})


def anchored() -> None:
    """All that is recorded so far, sealed and anchored."""
    chain = a_chain()
    sequencer.sequence()
    register(chain)
    anchor_all(chain)


# --- Reading back ----------------------------------------------------------------------------------------------------


def test_a_history_is_in_order_and_shows_each_reader_their_own() -> None:
    subject = a_subject()
    note("First.", subject=subject, at=NOON)
    note("Second.", subject=subject, owner=BOB, at=NOON)
    note("Of something else.")
    events = log.history(subject)
    assert [event.facts["text"] for event in events] == ["First.", "Second."]
    assert [event.at for event in events] == [NOON, NOON]
    hers = log.history(subject, owners=[ALICE])
    assert [(dict(event.facts), event.withheld) for event in hers] == [({"text": "First."}, 1), ({}, 2)]


def test_a_destroyed_key_leaves_the_events_and_withholds_the_facts() -> None:
    subject = a_subject()
    note("First.", subject=subject)
    vault.destroy(ALICE)
    assert [(dict(e.facts), e.withheld) for e in log.history(subject)] == [({"number": "N-1"}, 1)]


def test_one_damaged_opening_withholds_its_facts_and_no_others() -> None:
    subject = a_subject()
    note("First.", subject=subject)
    damaged = note("Second.", subject=subject)
    with guards_lifted("anchoring_opening"):
        sql(
            "UPDATE anchoring_opening SET sealed = %s WHERE entry_id = %s AND owner = %s", b"x" * 64, damaged.seq, ALICE
        )
    first, second = log.history(subject)
    assert (first.facts["text"], first.withheld) == ("First.", 0)
    assert ("text" in second.facts, second.withheld) == (False, 1)


def test_an_event_climbs_from_recorded_to_sealed_to_anchored() -> None:
    subject, chain = a_subject(), a_chain()
    note(subject=subject)
    words = [log.history(subject)[0].stage.word]
    sequencer.sequence()
    words.append(log.history(subject)[0].stage.word)
    register(chain)
    sequencer.sequence()
    tick(chain)
    words.append(log.history(subject)[0].stage.word)
    tick(chain)
    stage = log.history(subject)[0].stage
    assert [*words, stage.word] == ["Recorded", "Sealed", "Sealed", "Anchored"]
    assert (stage.settled, stage.index, stage.block_number) == (True, 0, chain.block("latest").number)
    assert stage.transaction == f"0x{bytes(Attempt.objects.get().transaction).hex()}"
    assert stage.anchored_at == datetime.fromtimestamp(chain.block("latest").timestamp, tz=UTC)


def test_a_new_registration_takes_the_word_anchored_back_until_it_is_true_there() -> None:
    subject, old, new = a_subject(), a_chain(), a_chain()
    note(subject=subject)
    sequencer.sequence()
    for chain, expected in ((old, "Anchored"), (new, "Anchored")):
        register(chain)
        assert log.history(subject)[0].stage.word == "Sealed"
        anchor_all(chain)
        assert log.history(subject)[0].stage.word == expected


def test_the_newest_stages_of_many_subjects_take_two_queries(django_assert_num_queries) -> None:
    one, two = a_subject(), a_subject()
    note(subject=one)
    note(subject=two)
    anchored()
    note(subject=two)
    with django_assert_num_queries(2):
        found = log.newest_stages([one, two])
    assert {subject: stage.word for subject, stage in found.items()} == {one: "Anchored", two: "Recorded"}


@pytest.mark.parametrize("count", [1, 3])
def test_a_history_takes_three_queries_however_long(count, django_assert_num_queries) -> None:
    subject = a_subject()
    for _ in range(count):
        note(subject=subject)
    anchored()
    with django_assert_num_queries(3):
        log.history(subject)


# --- The receipt -----------------------------------------------------------------------------------------------------


def test_a_receipt_promises_this_entry_and_the_verifier_accepts_it() -> None:
    subject = a_subject()
    entry = note(subject=subject, at=NOON)
    receipt = log.receipt(entry)
    told = parse_receipt(receipt.rpartition("\n\n")[0] + "\n")
    assert (told.origin, told.entry_id, told.leaf) == (config.origin(), str(entry.id), leaf_hash(bytes(entry.data)))
    assert (told.subject_type, told.record) == (subject.type, subject.id)
    assert (told.at, told.seal_by) == (NOON, NOON + timedelta(seconds=settings.SEAL_WITHIN_SECONDS))
    assert verify.verify(receipt.encode(), trust_file()).exit_code == 0


def test_a_receipt_asked_for_again_is_the_same() -> None:
    entry = note(at=NOON)
    again = Entry.objects.get(seq=entry.seq)
    assert log.receipt(again) == log.receipt(entry)


def test_no_byte_of_a_receipt_may_change() -> None:
    receipt, trust = log.receipt(note(at=NOON)).encode(), trust_file()
    for position in range(len(receipt)):
        damaged = receipt[:position] + bytes([receipt[position] ^ 1]) + receipt[position + 1 :]
        assert not accepted(damaged, trust), position


def accepted(receipt: bytes, trust: bytes) -> bool:
    try:
        return verify.verify(receipt, trust).exit_code == 0
    except verify.VerificationError:
        return False


# --- Any facts -------------------------------------------------------------------------------------------------------

names = st.from_regex(r"[a-z][a-z0-9_.-]{0,20}", fullmatch=True).filter(lambda name: not name.startswith("row."))
values = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8"))


@given(facts=st.dictionaries(names, values, min_size=1, max_size=8))
def test_any_facts_are_read_back_as_they_were_given(facts) -> None:
    subject = a_subject()
    record(subject=subject, facts={ALICE: facts}, at=timezone.now())
    shown = log.history(subject)[0].facts
    assert {name: (type(value), value) for name, value in shown.items()} == {n: (type(v), v) for n, v in facts.items()}
