"""A proof's members ``history`` and ``not_before``: files made by others are read and written back byte for byte."""

import copy

import pytest

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.proof import ProvedEntry, encode_proof, parse_proof
from anchoring.protocol.submap import check_path
from tests.anchoring import history_world, verify_world

TEXTS = history_world.with_state(history_world.texts_of(verify_world.alice_claims()))
LEAVES = [text.encode() for text in TEXTS]
GOOD = history_world.complete(texts=TEXTS)


def bounded():
    """Alice's history in a log that began with a state, which bounds it from below."""
    return history_world.bounded()


def absent():
    return history_world.absent()


def file_of(document):
    return verify_world.finish(document)


@pytest.mark.parametrize("document", [GOOD, bounded(), absent(), history_world.empty_map()])
def test_a_file_is_read_and_written_back_byte_for_byte(document) -> None:
    data = file_of(document)
    proof = parse_proof(data)
    members = {"checkpoint": proof.checkpoint, "anchor": proof.anchor, "history": proof.history}
    assert encode_proof(entries=proof.entries, not_before=proof.not_before, **members) == data


def test_what_is_read_leads_to_the_root_that_the_state_names() -> None:
    history = parse_proof(file_of(GOOD)).history
    root = bytes.fromhex(history_world.data_of(GOOD["history"]["state"])["map_root"])
    check_path(subject=history_world.alices(), leaf=history.leaf, path=history.path, root=root)
    assert (history.leaf.count, history.leaf.last, history.state.index) == (3, 6, 8)


def with_(document, path, value):
    """The document with another value at a dotted path; ``...`` removes it."""
    changed = copy.deepcopy(document)
    *way, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    inner = changed
    for step in way:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return changed


BAD = {
    "history.note": 1, "history.state": ..., "history.path": ..., "history.leaf": ..., "history.leaf.count": 0,
    "history.leaf.last": -1, "history.leaf.mini_root": "A" * 64, "history.leaf.subject": "ab", "history.leaf.size": 1,
    "history.path.0.position": 256, "history.path.1.position": 2, "history.path.0.sibling": "AAAA",
    "history.path.0.side": 1, "history.state.path": ..., "history.state.index": "8", "history.state.note": 1,
    "history.state.entry": verify_world.alice_claims()[0].text, "entries.0.path": ..., "checkpoint": ...,
}  # fmt: skip


@pytest.mark.parametrize("path", BAD)
def test_a_history_of_another_form_is_refused(path) -> None:
    changed = with_(GOOD, path, BAD[path])
    with pytest.raises(Malformed):
        parse_proof(file_of(changed))


def test_two_entries_of_a_history_never_have_one_index() -> None:
    with pytest.raises(Malformed, match="a history of entries that have no index of their own"):
        parse_proof(file_of(with_(GOOD, "entries.1.index", 2)))
    pending = with_(with_(GOOD, "entries.2.index", ...), "entries.2.path", ...)
    with pytest.raises(Malformed, match="a history of entries that have no index of their own"):
        parse_proof(file_of(pending))


def test_no_entries_make_sense_only_as_absence() -> None:
    with pytest.raises(Malformed, match="a proof of nothing"):
        parse_proof(file_of(with_(absent(), "history", ...)))
    with pytest.raises(Malformed, match="a proof of nothing"):
        encode_proof(entries=[], checkpoint=GOOD["checkpoint"])


def test_a_lower_bound_has_a_block_and_lies_below_the_entries() -> None:
    proof = parse_proof(file_of(bounded()))
    assert (proof.not_before.index, min(entry.index for entry in proof.entries)) == (0, 3)
    with pytest.raises(Malformed, match="a lower bound that is not below the entries"):
        parse_proof(file_of(with_(bounded(), "not_before.index", 3)))
    with pytest.raises(Malformed, match="a lower bound without a block"):
        parse_proof(file_of(history_world.bounded(block=None)))
    with pytest.raises(Malformed, match="a lower bound that is not below the entries"):
        parse_proof(file_of({**absent(), "not_before": bounded()["not_before"]}))
    unsealed = [ProvedEntry(entry=verify_world.alice_claims()[0].text.encode())]
    with pytest.raises(Malformed, match="a lower bound that is not below the entries"):
        encode_proof(entries=unsealed, not_before=proof.not_before)
