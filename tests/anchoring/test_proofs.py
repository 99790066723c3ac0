"""The proof of record that leaves the house: made from the rows, accepted by the standalone verifier."""

import json
import uuid
from functools import partial
from pathlib import Path

import pytest

from anchoring import anchors, config, log, mapping, proofs, schedule, vault, verify
from anchoring.models import Checkpoint, Confirmation
from anchoring.protocol.disclosure import parse_disclosure
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from tests.anchoring.log_world import (
    ALICE,
    BOB,
    a_chain,
    a_route,
    a_subject,
    anchor_all,
    guards_lifted,
    note,
    notes,
    register,
    sql,
)

pytestmark = pytest.mark.django_db


def verdicts(made: bytes, rpc: str | None = None) -> dict[int, str]:
    report = verify.verify(made, trust_file(), rpc=rpc) if rpc else verify.verify(made, trust_file())
    return {line.number: line.status for line in report.lines}


def shown(made: bytes) -> list[dict[str, object]]:
    """For each entry of the file, what it discloses."""
    return [
        {d.name: d.value for d in map(parse_disclosure, entry["disclosures"])} for entry in json.loads(made)["entries"]
    ]


@pytest.fixture
def subject():
    """Something that alice and then bob wrote about, among other things."""
    subject = a_subject()
    notes(3)
    note("Hers.", subject=subject)
    notes(300)
    note("His.", subject=subject, owner=BOB)
    return subject


def anchor(chain) -> None:
    anchor_all(chain)


def close_and_anchor(chain) -> None:
    """Whether an anchor is due or not."""
    sequencer.close_now()
    anchor_all(chain)


def anchor_by_the_schedule(chain) -> None:
    """The same with each step noted, so that the next state leaf knows a final block."""
    sequencer.close_now()
    route = a_route(chain)
    for _ in range(60):
        assert schedule.tick("anchor", partial(anchors.tick, route)) == ""


def test_of_nothing_there_is_no_proof() -> None:
    with pytest.raises(log.NoSuchRecord):
        log.proof(a_subject(), owners=None)


def test_an_entry_that_is_not_the_subjects_is_not_found(subject) -> None:
    with pytest.raises(log.NoSuchRecord):
        log.proof(subject, owners=None, entries=[note().id])
    with pytest.raises(log.NoSuchRecord):
        log.proof(subject, owners=None, entries=[uuid.uuid4()])


def test_a_pending_record_gives_a_valid_file_that_says_so(subject) -> None:
    made = json.loads(log.proof(subject, owners=None))
    assert sorted(made) == ["checksum", "entries", "format"]
    assert [sorted(entry) for entry in made["entries"]] == [["disclosures", "entry"]] * 2
    assert verdicts(log.proof(subject, owners=None)) == {
        1: "passed",
        2: "pending",
        3: "pending",
        4: "pending",
        5: "pending",
        6: "not checked",
        7: "not checked",
    }


def test_a_sealed_record_has_its_place_and_waits_for_its_anchor(subject) -> None:
    sequencer.sequence()
    made = json.loads(log.proof(subject, owners=None))
    assert sorted(made) == ["checkpoint", "checksum", "entries", "format"]
    assert [entry["index"] for entry in made["entries"]] == [3, 304]
    assert made["checkpoint"] == Checkpoint.objects.get().note


def test_an_anchored_record_passes_every_line_against_the_chain(subject, local_chain) -> None:
    chain = config.EthereumChain(local_chain.url)
    register(chain)
    anchor(chain)
    found = verdicts(log.proof(subject, owners=None), local_chain.url)
    assert [found[line] for line in range(1, 6)] == ["passed"] * 5


def test_an_anchored_record_carries_its_event_and_needs_no_node(subject, any_chain) -> None:
    register(any_chain)
    anchor(any_chain)
    confirmation = Confirmation.objects.get()
    made, block_hash = log.proof(subject, owners=None), "0x" + bytes(confirmation.block_hash).hex()
    assert json.loads(made)["anchor"]["format"] == "eth-receipt-mpt/v1"
    report = verify.verify(made, trust_file(), block_hash=block_hash)
    assert [line.status for line in report.lines[:5]] == ["passed"] * 4 + ["not checked"]
    assert report.verdict == (
        f"The facts shown were sealed in the log before {confirmation.block_at:%Y-%m-%d %H:%M:%S} UTC and have not been"
        " altered since."
    )


def test_where_no_event_could_be_kept_the_proof_says_where_to_look(subject) -> None:
    chain = a_chain()
    register(chain)
    anchor(chain)
    with guards_lifted("anchoring_receiptproof"):
        sql("UPDATE anchoring_receiptproof SET data = NULL, reason = 'The header is odd.'")
    made = log.proof(subject, owners=None)
    assert json.loads(made)["anchor"]["format"] == "eth-locator/v1"
    assert verdicts(made)[3] == "not checked"


def test_the_same_rows_give_the_same_bytes(subject) -> None:
    chain = a_chain()
    register(chain)
    anchor(chain)
    assert log.proof(subject, owners=None) == log.proof(subject, owners=None)


def test_each_owner_sees_their_own_facts_and_the_number(subject) -> None:
    assert shown(log.proof(subject, owners=[ALICE, vault.HOUSE])) == [
        {"text": "Hers.", "number": "N-1"},
        {"number": "N-1"},
    ]
    assert shown(log.proof(subject, owners=None))[1] == {"text": "His.", "number": "N-1"}


def test_one_event_comes_with_the_first_that_shows_the_number_alone(subject) -> None:
    second = log.history(subject)[1]
    made = log.proof(subject, owners=None, entries=[second.id])
    assert shown(made) == [{"number": "N-1"}, {"text": "His.", "number": "N-1"}]


def test_a_destroyed_key_leaves_a_proof_of_the_skeleton(subject) -> None:
    sequencer.sequence()
    before = json.loads(log.proof(subject, owners=None))
    vault.destroy(ALICE)
    after = log.proof(subject, owners=None)
    assert shown(after)[0] == {"number": "N-1"}
    assert [e["entry"] for e in json.loads(after)["entries"]] == [e["entry"] for e in before["entries"]]
    assert verdicts(after)[2] == "passed"


def test_an_old_proof_still_holds_when_the_log_has_grown(subject) -> None:
    sequencer.sequence()
    made = log.proof(subject, owners=None)
    notes(40)
    sequencer.sequence()
    assert (verdicts(made)[1], verdicts(made)[2]) == ("passed", "passed")


def test_what_came_after_the_anchor_is_pending_beside_what_is_anchored(subject) -> None:
    chain = a_chain()
    register(chain)
    anchor(chain)
    note("Later.", subject=subject)
    made = json.loads(log.proof(subject, owners=None))
    assert ["index" in entry for entry in made["entries"]] == [True, True, False]
    assert "anchor" in made


def test_of_single_entries_the_first_anchor_that_covers_them_is_the_one_shown(subject) -> None:
    chain = a_chain()
    register(chain)
    anchor(chain)
    named = [event.id for event in log.history(subject)]
    before = log.proof(subject, owners=None, entries=named)
    notes(3)
    close_and_anchor(chain)
    assert log.proof(subject, owners=None, entries=named) == before
    assert "history" not in json.loads(before)


def test_a_whole_history_is_shown_under_the_newest_anchor_and_says_that_it_is_whole(subject) -> None:
    chain = a_chain()
    register(chain)
    anchor(chain)
    before = json.loads(log.proof(subject, owners=None))
    assert (len(before["entries"]), before["history"]["leaf"]["count"]) == (2, 2)
    note("More.", subject=subject)
    close_and_anchor(chain)
    made = log.proof(subject, owners=None)
    assert json.loads(made)["history"]["leaf"]["count"] == 3
    size = Confirmation.objects.order_by("-anchor__checkpoint")[0].anchor.checkpoint_id
    assert json.loads(made)["history"]["state"]["index"] == size - 1
    named = verify.verify(made, trust_file(), subject=f"{subject.type}:{subject.id}")
    assert [line.status for line in named.lines[5:]] == ["passed", "not checked"]


def test_a_history_with_an_entry_that_is_not_anchored_yet_does_not_call_itself_whole(subject) -> None:
    chain = a_chain()
    register(chain)
    anchor(chain)
    note("Later.", subject=subject)
    sequencer.sequence()
    assert "history" not in json.loads(log.proof(subject, owners=None))
    close_and_anchor(chain)
    assert "history" in json.loads(log.proof(subject, owners=None))


def test_a_map_that_is_not_kept_is_recomputed_for_who_waits_and_left_out_for_who_does_not(subject) -> None:
    chain = a_chain()
    register(chain)
    anchor(chain)
    before = log.proof(subject, owners=None)
    mapping.discard()
    assert "history" not in json.loads(log.proof(subject, owners=None))
    done = []
    assert log.proof(subject, owners=None, progress=done.append) == before
    assert sum(done) == json.loads(before)["history"]["state"]["index"]


def test_a_proof_names_a_block_that_it_was_sealed_after_once_the_log_knew_one() -> None:
    chain = a_chain()
    register(chain)
    first, second = a_subject(), a_subject()
    note(subject=first)
    anchor_by_the_schedule(chain)
    note(subject=second)
    anchor_by_the_schedule(chain)
    assert "not_before" not in json.loads(log.proof(first, owners=None))
    note(subject=(third := a_subject()))
    close_and_anchor(chain)
    bound = json.loads(json.loads(log.proof(third, owners=None))["not_before"]["entry"])["data"]
    block = chain.block(bound["block_number"])
    assert (bound["chain_id"], bound["block_hash"]) == (31337, "0x" + block.hash.hex())


def test_a_proof_that_our_own_verifier_refuses_never_leaves(subject) -> None:
    sequencer.sequence()
    with guards_lifted("anchoring_tile"):
        sql("UPDATE anchoring_tile SET hashes = %s WHERE level = 0 AND n = 0", b"x" * 8192)
    with pytest.raises(proofs.RefusedByOwnVerifier) as refused:
        log.proof(subject, owners=None)
    assert str(refused.value) == "a proof failed its own check: Do not rely on this file: line 2 failed."


def test_the_number_of_queries_does_not_grow_with_the_history(subject, django_assert_num_queries) -> None:
    sequencer.sequence()
    log.proof(subject, owners=None)
    for _ in range(2):
        with django_assert_num_queries(
            13
        ):  # of them two look for an anchor, one for cosignatures, one for a lower bound
            log.proof(subject, owners=None)
        note("More.", subject=subject)
        sequencer.sequence()


def test_a_file_that_our_own_verifier_refuses_is_never_handed_out() -> None:
    wrong = Path(__file__).parents[1] / "vectors" / "files" / "sealed-wrong-index.json"
    with pytest.raises(proofs.RefusedByOwnVerifier, match="failed its own check"):
        proofs._self_check(wrong.read_bytes())
