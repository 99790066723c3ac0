"""A proof beside what it says: read off the file's own bytes, and never further than the file goes."""

from dataclasses import replace

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from anchoring import explained, log, vault
from anchoring.seal import sequencer
from tests.anchoring.log_world import ALICE, BOB, a_chain, a_subject, anchor_all, note, notes, register

pytestmark = pytest.mark.django_db


@pytest.fixture
def subject():
    """Something that alice and then bob wrote about, among other things."""
    subject = a_subject()
    notes(3)
    note("Hers.", subject=subject)
    notes(3)
    note("His.", subject=subject, owner=BOB)
    return subject


@pytest.fixture
def chain():
    made = a_chain()
    register(made)
    return made


def facts(made: log.ExplainedProof) -> list[dict[str, object]]:
    return [dict(event.facts) for event in made.events]


def test_the_file_is_the_one_that_proof_makes(subject, chain) -> None:
    anchor_all(chain)
    for owners in (None, [ALICE, vault.HOUSE]):
        assert log.explained_proof(subject, owners=owners).content == log.proof(subject, owners=owners)


def test_it_says_what_the_reader_may_see_and_counts_the_rest(subject) -> None:
    made = log.explained_proof(subject, owners=[ALICE, vault.HOUSE])
    assert (made.number, facts(made), [event.withheld for event in made.events]) == (
        "N-1", [{"text": "Hers.", "number": "N-1"}, {"number": "N-1"}], [0, 1],
    )  # fmt: skip
    assert [event.withheld for event in log.explained_proof(subject, owners=None).events] == [0, 0]


def test_the_first_entry_is_there_for_its_number_when_another_is_asked_for(subject) -> None:
    second = log.history(subject)[1].id
    made = log.explained_proof(subject, owners=None, entries=[second])
    assert ([event.asked for event in made.events], facts(made)) == (
        [False, True], [{"number": "N-1"}, {"text": "His.", "number": "N-1"}],
    )  # fmt: skip


def test_what_is_recorded_only_has_neither_size_nor_anchor(subject) -> None:
    made = log.explained_proof(subject, owners=None)
    assert (made.size, made.anchor, made.chain_id, made.chain_name, made.chain_warning) == (None, None, None, "", "")
    assert [event.stage.word for event in made.events] == ["Recorded", "Recorded"]


def test_what_is_anchored_names_the_block_from_which_the_file_was_made(subject, chain) -> None:
    anchor_all(chain)
    made, stage = log.explained_proof(subject, owners=None), log.history(subject)[1].stage
    assert made.anchor is not None
    assert (made.anchor.block_number, made.anchor.block_at, made.anchor.transaction) == (
        stage.block_number, stage.anchored_at, stage.transaction,
    )  # fmt: skip
    assert ([event.stage.word for event in made.events], made.chain_id) == (["Anchored", "Anchored"], stage.chain_id)


def test_no_event_has_come_further_than_the_file_shows_although_the_rows_went_on(subject, chain, monkeypatch) -> None:
    recorded = log.proof(subject, owners=None)
    sequencer.sequence()
    sealed = log.proof(subject, owners=None)
    anchor_all(chain)
    for file, word in ((recorded, "Recorded"), (sealed, "Sealed")):
        monkeypatch.setattr(explained, "proof", lambda *_, file=file, **__: file)
        made = log.explained_proof(subject, owners=None)
        assert ([event.stage.word for event in made.events], made.anchor) == ([word, word], None)


def test_erased_is_said_where_a_part_that_the_reader_might_have_seen_is_gone(subject) -> None:
    vault.destroy(BOB)
    everything = log.explained_proof(subject, owners=None)
    hers = log.explained_proof(subject, owners=[ALICE, vault.HOUSE])
    assert [event.erased for event in everything.events] == [False, True]
    assert [event.erased for event in hers.events] == [False, False]
    assert facts(everything)[1] == {"number": "N-1"}


@pytest.mark.parametrize(
    ("chain_id", "warning"),
    [
        (11155111, "TESTNET: no economic security; this chain may end; keep this file"),
        (31337, "TESTNET: no economic security; this chain may end; keep this file"),
        (17000, "TESTNET: no economic security; this chain may end; keep this file"),
        (1, ""),
        (987654321, "unknown chain 987654321"),
    ],
    ids=["a test network", "one of our own", "one that has ended", "a main network", "nobody knows it"],
)
def test_the_chain_is_warned_of_as_the_verifier_warns(chain_id, warning) -> None:
    made = log.ExplainedProof(b"", "", (), None, "", None, chain_id)
    assert made.chain_warning == warning


@pytest.mark.parametrize(
    ("chain_id", "earlier", "is_local"),
    [(31337, 31337, True), (31337, None, True), (31337, 1, False), (1, 31337, False), (11155111, None, False),
     (987654321, None, False), (None, None, False)],
)  # fmt: skip
def test_a_proof_is_local_where_every_chain_that_it_names_is(subject, chain_id, earlier, is_local) -> None:
    made = log.explained_proof(subject, owners=None)
    event = replace(made.events[0], stage=replace(made.events[0].stage, chain_id=earlier))
    assert replace(made, events=(event,), chain_id=chain_id).is_local == is_local


def queries(subject) -> int:
    with CaptureQueriesContext(connection) as main, CaptureQueriesContext(connections["vault"]) as keys:
        log.explained_proof(subject, owners=None)
    return len(main) + len(keys)


def test_a_longer_history_asks_no_more_of_the_database(subject, chain) -> None:
    anchor_all(chain)
    few = queries(subject)
    for _ in range(10):
        note("More.", subject=subject)
    anchor_all(chain)
    assert queries(subject) == few


def test_of_nothing_there_is_nothing_to_explain() -> None:
    with pytest.raises(log.NoSuchRecord):
        log.explained_proof(a_subject(), owners=None)
