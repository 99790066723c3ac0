"""The hand-written SQL: its cursor belongs to one connection of one thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from anchoring import store
from anchoring.models import Entry, Opening, Pending
from tests.anchoring.log_world import ALICE, a_subject, note

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_entry_is_recorded_after_the_connection_was_closed() -> None:
    first = note("Before.")
    connection.close()
    second = note("After.")
    assert list(Entry.objects.order_by("seq").values_list("id", flat=True)) == [first.id, second.id]
    assert list(Pending.objects.order_by("entry_id").values_list("entry_id", flat=True)) == [first.seq, second.seq]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the tests' SQLite lets one connection write at a time")
def test_threads_record_at_the_same_time_each_on_its_own_connection() -> None:
    def three_notes(thread: int) -> None:
        for number in range(3):
            note(f"Note {number} of thread {thread}.")
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(three_notes, range(4)))
    assert (Entry.objects.count(), Pending.objects.count(), Opening.objects.filter(owner=ALICE).count()) == (12, 12, 12)


def test_an_entry_that_is_there_already_is_refused_as_django_refuses_and_the_next_one_is_recorded() -> None:
    entry = note()
    again = Entry(id=entry.id, kind=entry.kind, subject_type="thing", subject_id=a_subject().id, at=entry.at, data=b"")
    with pytest.raises(IntegrityError), transaction.atomic():
        store.insert_entry(again, [])
    assert note().seq > entry.seq
    assert Entry.objects.count() == 2
