"""The proof of alice's claim: made reproducibly, read strictly, and believed by a tool that is not ours."""

import json
from dataclasses import replace
from hashlib import sha256

import proofbundle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.protocol import canonical
from anchoring.protocol.disclosure import disclose
from anchoring.protocol.merkle import check_inclusion, leaf_hash
from anchoring.protocol.note import sign_note
from anchoring.protocol.proof import Proof, ProvedEntry, encode_proof, parse_proof, parse_tlog_proof, tlog_proof
from anchoring.protocol.scalars import to_base64
from tests.anchoring.protocol.mutations import (
    every_bit_flipped,
    every_byte_changed,
    every_byte_dropped_or_doubled,
    every_cut,
)
from tests.anchoring.protocol.world import (
    ANCHOR,
    CHECKPOINT,
    CHECKPOINT_NOTE,
    DECIDED,
    DECIDED_ENTRY,
    ENTRIES,
    LOG_KEY,
    NEXT_LOG_KEY,
    ORIGIN,
    STRANGER_KEY,
    SUBMITTED,
    SUBMITTED_ENTRY,
    is_refused,
    is_text_refused,
    proved,
    shown,
)

SUBMITTED_PROVED = proved(2, [SUBMITTED["number"], SUBMITTED["amount_minor"], SUBMITTED["by"]])
DECIDED_PROVED = proved(5)
ANCHORED = {"entries": [SUBMITTED_PROVED, DECIDED_PROVED], "checkpoint": CHECKPOINT_NOTE, "anchor": ANCHOR}
FILE = encode_proof(**ANCHORED)


def resealed(**members):
    """Alice's proof with other members and a checksum that fits; a member of None is left out."""
    document = {name: value for name, value in (json.loads(FILE) | members).items() if value is not None}
    document.pop("checksum")
    document["checksum"] = sha256(canonical.dumps(document)).hexdigest()
    return canonical.dumps(document)


def entries(**members):
    """The file's entries, the first of them with other members."""
    first, second = json.loads(FILE)["entries"]
    return [{name: value for name, value in (first | members).items() if value is not None}, second]


def anchor(**members):
    return {name: value for name, value in (json.loads(FILE)["anchor"] | members).items() if value is not None}


def test_an_anchored_proof_is_read_as_it_was_made():
    by_name = tuple(SUBMITTED[name] for name in ("amount_minor", "by", "number"))
    assert parse_proof(FILE) == Proof(
        entries=(replace(SUBMITTED_PROVED, disclosures=by_name), DECIDED_PROVED),
        checkpoint=CHECKPOINT_NOTE,
        anchor=ANCHOR,
    )


def test_a_sealed_and_a_pending_entry_share_a_file():
    pending = ProvedEntry(entry=DECIDED_ENTRY, disclosures=(DECIDED["outcome"],))
    proof = parse_proof(encode_proof(entries=[SUBMITTED_PROVED, pending], checkpoint=CHECKPOINT_NOTE))
    assert [entry.index for entry in proof.entries] == [SUBMITTED_PROVED.index, None]
    assert (proof.checkpoint, proof.anchor) == (CHECKPOINT_NOTE, None)


def test_a_pending_proof_has_no_checkpoint():
    proof = parse_proof(encode_proof(entries=[ProvedEntry(entry=SUBMITTED_ENTRY)]))
    assert proof == Proof(entries=(ProvedEntry(entry=SUBMITTED_ENTRY),))


def test_the_order_in_which_parts_are_given_does_not_matter():
    shuffled = replace(SUBMITTED_PROVED, disclosures=SUBMITTED_PROVED.disclosures[::-1])
    assert encode_proof(**ANCHORED | {"entries": [DECIDED_PROVED, shuffled]}) == FILE


def test_the_paths_in_the_file_lead_to_the_checkpoints_root():
    for entry in parse_proof(FILE).entries:
        check_inclusion(
            index=entry.index, size=CHECKPOINT.size, leaf=leaf_hash(entry.entry), proof=entry.path, root=CHECKPOINT.root
        )


def test_every_damaged_file_is_refused():
    assert all(is_refused(parse_proof, damaged) for damaged in every_bit_flipped(FILE))
    assert all(is_refused(parse_proof, damaged) for damaged in every_byte_dropped_or_doubled(FILE))
    assert all(is_refused(parse_proof, part) for part in every_cut(FILE))


def test_the_checksum_is_over_the_document_without_it():
    document = json.loads(FILE)
    checksum = document.pop("checksum")
    assert checksum == sha256(canonical.dumps(document)).hexdigest()
    assert resealed() == FILE
    assert is_refused(parse_proof, canonical.dumps(document))
    assert is_refused(parse_proof, canonical.dumps(document | {"checksum": checksum.upper()}))


@pytest.mark.parametrize(
    "members",
    [
        {"format": "proof-of-record/v2"},
        {"format": None},
        {"format": 1},
        {"extra": 1},
        {"history": {}},
        {"entries": None},
        {"entries": []},
        {"entries": {}},
        {"entries": "x"},
        {"entries": [None]},
        {"entries": entries()[::-1]},
        {"entries": [entries()[0], *entries()]},
        {"entries": entries(extra=1)},
        {"entries": entries(index=None)},
        {"entries": entries(path=None)},
        {"entries": entries(entry=None)},
        {"entries": entries(disclosures=None)},
        {"entries": entries(index=-1)},
        {"entries": entries(index=True)},
        {"entries": entries(index="2")},
        {"entries": entries(path=["AAAA"])},
        {"entries": entries(path=[to_base64(bytes(32))] * 65)},
        {"entries": entries(path=[None])},
        {"entries": entries(path="")},
        {"entries": entries(entry=SUBMITTED_ENTRY.decode() + " ")},
        {"entries": entries(entry=json.loads(SUBMITTED_ENTRY))},
        {"entries": entries(entry=ENTRIES[0].decode())},
        {"entries": entries(entry="{}")},
        {"entries": entries(disclosures=[SUBMITTED["number"], SUBMITTED["amount_minor"]])},
        {"entries": entries(disclosures=[SUBMITTED["number"], SUBMITTED["number"]])},
        {"entries": entries(disclosures=[shown("number", "CLM-2026-000124-K")])},
        {"entries": entries(disclosures=[shown("unheard_of", 1)])},
        {"entries": entries(disclosures=[DECIDED["outcome"]])},
        {"entries": entries(disclosures=["AAAA"])},
        {"entries": entries(disclosures=[1])},
        {"entries": entries(disclosures=list(SUBMITTED.values()) * 2)},
        {"checkpoint": None},
        {"checkpoint": ""},
        {"checkpoint": 1},
        {"checkpoint": CHECKPOINT_NOTE + "\n"},
        {"checkpoint": sign_note("no checkpoint\n", [LOG_KEY])},
        {"anchor": {}},
        {"anchor": []},
        {"anchor": anchor(extra=1)},
        {"anchor": anchor(format="eth-locator/v2")},
        {"anchor": anchor(chain_id=None)},
        {"anchor": anchor(chain_id="1")},
        {"anchor": anchor(chain_id=True)},
        {"anchor": anchor(block_number=-1)},
        {"anchor": anchor(block_hash="0x" + "AB" * 32)},
        {"anchor": anchor(contract="0x" + "ab" * 32)},
        {"anchor": anchor(contract="ab" * 20)},
        {"anchor": anchor(log_id="0x")},
        {"anchor": anchor(transaction=None)},
        {"entries": entries(index=None, path=None)[:1]},
        {"entries": entries(index=None, path=None)[:1], "checkpoint": None},
        {"entries": entries(index=None, path=None)[:1], "anchor": None},
    ],
)
def test_files_of_another_shape_are_refused_although_the_checksum_fits(members):
    assert is_refused(parse_proof, resealed(**members))


@pytest.mark.parametrize("document", [[], 1, "x", None, {}, {"format": "proof-of-record/v1"}])
def test_what_is_no_such_document_is_refused(document):
    assert is_refused(parse_proof, canonical.dumps(document))


@pytest.mark.parametrize("data", [b"", b"[" * 1_000_000, b'{"entries":' * 100_000, b"9" * 100_000, b"\x00" * 1000])
def test_hostile_bytes_end_in_the_one_error(data):
    assert is_refused(parse_proof, data)


def test_no_proof_is_made_of_what_would_not_be_read():
    stranger = proved(0)
    wrong = replace(DECIDED_PROVED, disclosures=(disclose("outcome", "approved"),))
    for given_parts in (
        {"entries": []},
        {"entries": [SUBMITTED_PROVED]},
        {"entries": [SUBMITTED_PROVED, SUBMITTED_PROVED], "checkpoint": CHECKPOINT_NOTE},
        {"entries": [SUBMITTED_PROVED, stranger], "checkpoint": CHECKPOINT_NOTE},
        {"entries": [wrong], "checkpoint": CHECKPOINT_NOTE},
        {"entries": [ProvedEntry(entry=SUBMITTED_ENTRY)], "checkpoint": CHECKPOINT_NOTE},
        {"entries": [ProvedEntry(entry=SUBMITTED_ENTRY)], "anchor": ANCHOR},
        {"entries": [replace(SUBMITTED_PROVED, path=None)], "checkpoint": CHECKPOINT_NOTE},
        {"entries": [replace(SUBMITTED_PROVED, index=None)], "checkpoint": CHECKPOINT_NOTE},
        {"entries": [SUBMITTED_PROVED], "checkpoint": CHECKPOINT_NOTE, "anchor": replace(ANCHOR, contract=bytes(32))},
    ):
        assert is_refused(lambda parts=given_parts: encode_proof(**parts))


# tlog-proof.

TLOG_PROOF = tlog_proof(2, SUBMITTED_PROVED.path, CHECKPOINT_NOTE)


def accepts(text, entry=SUBMITTED_ENTRY, key=LOG_KEY):
    """The verdict of another's tool, which shares nothing with us but the specification."""
    return proofbundle.verify_tlog_proof(text, entry, key.verifier_key, expected_origin=ORIGIN)["ok"]


def test_a_tlog_proof_is_read_as_it_was_made():
    parsed = parse_tlog_proof(TLOG_PROOF)
    assert (parsed.index, parsed.path, parsed.checkpoint) == (2, SUBMITTED_PROVED.path, CHECKPOINT_NOTE)
    assert TLOG_PROOF.split("\n")[:2] == ["c2sp.org/tlog-proof@v1", "index 2"]
    assert TLOG_PROOF.endswith("\n\n" + CHECKPOINT_NOTE)


def test_anothers_tool_accepts_the_tlog_proof_of_every_entry():
    for index, entry in enumerate(ENTRIES):
        assert accepts(tlog_proof(index, proved(index).path, CHECKPOINT_NOTE), entry)


def test_anothers_tool_accepts_a_checkpoint_that_both_log_keys_signed():
    note = sign_note(CHECKPOINT_NOTE.partition("\n\n")[0] + "\n", [LOG_KEY, NEXT_LOG_KEY])
    text = tlog_proof(2, SUBMITTED_PROVED.path, note)
    assert accepts(text)
    assert accepts(text, key=NEXT_LOG_KEY)


def test_anothers_tool_refuses_another_entry_index_or_key():
    assert not accepts(TLOG_PROOF, DECIDED_ENTRY)
    assert not accepts(TLOG_PROOF.replace("index 2", "index 3"))
    assert not accepts(TLOG_PROOF, key=STRANGER_KEY)


def test_anothers_tool_and_ours_write_the_same_tlog_proof():
    assert proofbundle.tlogproof.format_tlog_proof(2, list(SUBMITTED_PROVED.path), CHECKPOINT_NOTE) == TLOG_PROOF


def test_no_change_of_a_byte_leaves_the_tlog_proof_as_it_was():
    """What is still well formed says something else; whether that is true is for the signature and the path to tell."""
    original = parse_tlog_proof(TLOG_PROOF)
    for damaged in every_byte_changed(TLOG_PROOF.encode()):
        if not is_text_refused(parse_tlog_proof, damaged):
            assert parse_tlog_proof(damaged.decode()) != original
    assert all(is_text_refused(parse_tlog_proof, part) for part in every_cut(TLOG_PROOF.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        TLOG_PROOF.replace("@v1", "@v2"),
        TLOG_PROOF.replace("index 2", "extra AAAA\nindex 2"),
        TLOG_PROOF.replace("index 2", "index 02"),
        TLOG_PROOF.replace("index 2", "index +2"),
        TLOG_PROOF.replace("index 2", "index -2"),
        TLOG_PROOF.replace("index 2", "index  2"),
        TLOG_PROOF.replace("index 2", "index ٢"),
        TLOG_PROOF.replace("index 2", "index " + "9" * 5000),
        TLOG_PROOF.replace("index 2", "index 2\n"),
        TLOG_PROOF.replace("index 2\n", ""),
        TLOG_PROOF.replace("index 2", "index 2\nAAAA"),
        TLOG_PROOF.replace("index 2", "index 2" + "\nAAAA" * 1_000_000),
        TLOG_PROOF.replace("\n\n", "\n", 1),
        TLOG_PROOF.replace("\n", "\r\n"),
        TLOG_PROOF + "\n",
        "\n" + TLOG_PROOF,
    ],
)
def test_other_texts_are_no_tlog_proof(text):
    assert is_refused(parse_tlog_proof, text)


@given(st.text())
def test_random_texts_are_refused_with_the_one_error(text):
    assert is_refused(parse_tlog_proof, text)
