"""How the log is doing, in words: what waits, since when, and which promise is broken."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from anchoring import fsck, schedule
from anchoring.models import Checkpoint, Scan, Tick
from anchoring.seal import sequencer
from anchoring.status import log_status
from tests.anchoring.log_world import a_chain, guards_lifted, note, notes, register, sql, tick

pytestmark = pytest.mark.django_db
LATE = timedelta(seconds=settings.SEAL_WITHIN_SECONDS + 60)


def test_an_empty_log_has_nothing_to_say_but_that_it_is_not_registered() -> None:
    status = log_status()
    assert (status.size, status.waiting, status.checkpoint, status.not_anchored) == (0, 0, None, 0)
    assert status.troubles == ["The log is not registered on a chain yet: records are sealed but not anchored."]
    assert (status.alarms, status.chain_name) == ([], "no chain yet")


def test_the_figures_follow_a_record_up_the_ladder() -> None:
    chain, entry = a_chain(), note()
    status = log_status()
    assert (status.size, status.waiting, status.oldest_waiting_at) == (0, 1, entry.at)
    sequencer.sequence()
    status = log_status()
    assert (status.size, status.waiting, status.not_anchored, status.not_anchored_since) == (1, 0, 1, entry.at)
    register(chain)
    sequencer.sequence()
    tick(chain)
    assert log_status().not_anchored == 3
    tick(chain)
    status = log_status()
    assert (status.confirmation.anchor.checkpoint_id, status.not_anchored, status.troubles) == (3, 0, [])
    assert status.chain_name == "this computer's local test chain"


def test_a_promise_that_passed_unsealed_raises_the_alarm() -> None:
    entry = note(at=timezone.now() - LATE)
    [alarm] = log_status().alarms
    promised = entry.at + timedelta(seconds=settings.SEAL_WITHIN_SECONDS)
    assert alarm.startswith(f"A receipt promised a seal by {promised:%-d %B %Y %H:%M} UTC and the record is still not")
    sequencer.sequence()
    assert log_status().alarms == []


def test_a_place_without_a_signature_is_no_seal() -> None:
    """The sequencer gave the place and could not sign: the promise is as broken as without a place."""
    note(at=timezone.now() - LATE)
    sequencer._sequence_batch()
    assert (log_status().waiting, len(log_status().alarms)) == (0, 1)
    sequencer.sign_head()
    assert log_status().alarms == []


def test_within_the_time_there_is_no_alarm() -> None:
    note()
    assert log_status().alarms == []


def test_a_step_that_halted_is_shown_in_its_own_words() -> None:
    register(a_chain())
    assert schedule.tick("anchor", lambda: tick(a_chain())) == ""
    note()
    sequencer.sequence()
    schedule.tick("anchor", lambda: tick(a_chain()))
    [trouble] = log_status().troubles
    assert trouble.startswith("Anchoring is waiting: CHAIN_RPC_URL leads to chain 31337, the same number as that of")


def test_a_step_that_goes_well_again_clears_its_trouble() -> None:
    register(a_chain())

    def fail() -> None:
        raise schedule.Halted("The moon is full.")

    assert schedule.tick("anchor", fail) == "The moon is full."
    went_well = Tick.objects.get(step="anchor").went_well_at
    assert (went_well, log_status().troubles) == (None, ["Anchoring is waiting: The moon is full."])
    assert schedule.tick("anchor", lambda: None) == ""
    assert log_status().troubles == []


def test_a_bug_in_a_step_is_not_swallowed() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        schedule.tick("anchor", fail)


def test_a_schedule_that_stands_still_is_noticed() -> None:
    register(a_chain())
    schedule.tick("sequence", lambda: None)
    Tick.objects.update(ran_at=timezone.now() - timedelta(hours=1))
    [trouble] = log_status().troubles
    assert trouble.startswith("Sealing has not run since ") and trouble.endswith("Are the worker and beat running?")


def test_the_look_costs_the_same_however_long_the_log_is(django_assert_num_queries) -> None:
    register(a_chain())
    for count in (1, 30):
        notes(count)
        sequencer.sequence()
        note()
        with django_assert_num_queries(16):
            log_status()


def test_an_older_checkpoint_is_still_shown_when_the_newest_is_gone() -> None:
    note()
    sequencer.sequence()
    note()
    sequencer.sequence()
    with guards_lifted("anchoring_checkpoint"):
        sql("DELETE FROM anchoring_checkpoint WHERE size = 2")
    assert (log_status().checkpoint, log_status().size) == (Checkpoint.objects.get(size=1), 2)


# --- What the last scan found ----------------------------------------------------------------------------------------


def test_a_scan_that_found_nothing_is_said_and_one_that_stands_back_too_long_is_a_trouble() -> None:
    note()
    sequencer.sequence()
    assert log_status().scan is None
    fsck.scan()
    status = log_status()
    assert (status.scan.found, status.scan.size, status.differs) == (0, 1, "")
    Scan.objects.update(at=timezone.now() - timedelta(days=3))
    assert log_status().troubles[-1].startswith("Nothing has been compared with the log since ")


def test_what_a_scan_found_is_shown_until_one_finds_nothing() -> None:
    note()
    sequencer.sequence()
    sql("UPDATE anchoring_head SET size = 7")
    fsck.scan()
    at = f"{timezone.now():%-d %B %Y}"
    assert log_status().differs.startswith(f"When everything was compared on {at}")
    assert "1 difference between the records and the log came to light." in log_status().differs
    sql("UPDATE anchoring_head SET size = 1")
    fsck.scan()
    assert log_status().differs == ""
