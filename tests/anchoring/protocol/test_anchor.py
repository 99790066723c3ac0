"""The anchor's two formats in the file, and what the database keeps of one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from anchoring.protocol import canonical
from anchoring.protocol.anchor import (
    Inclusion,
    Locator,
    ReceiptAnchor,
    encode_anchor,
    encode_inclusion,
    parse_anchor,
    parse_inclusion,
)
from tests.anchoring.protocol.mutations import every_bit_flipped, every_cut
from tests.anchoring.protocol.world import ANCHOR, is_refused

INCLUSION = Inclusion(header_rlp=b"\xf8header", transaction_index=7, receipt_nodes=(b"root", b"leaf"), log_index=2)
RECEIPT = ReceiptAnchor(chain_id=11155111, contract=b"\xc0" * 20, log_id=b"\x10" * 32, inclusion=INCLUSION)
STORED = encode_inclusion(INCLUSION)
VECTORS = Path(__file__).parent.parent.parent / "vectors"


@pytest.mark.parametrize("anchor", [ANCHOR, RECEIPT], ids=["locator", "receipt"])
def test_an_anchor_is_read_as_it_was_made(anchor):
    assert parse_anchor(encode_anchor(anchor)) == anchor
    assert isinstance(anchor, Locator) == (encode_anchor(anchor)["format"] == "eth-locator/v1")


def test_what_is_kept_is_read_as_it_was_made_and_is_canonical():
    assert parse_inclusion(STORED) == INCLUSION
    assert STORED == (
        b'{"header_rlp":"+GhlYWRlcg==","log_index":2,"receipt_nodes":["cm9vdA==","bGVhZg=="],"transaction_index":7}'
    )


def test_what_is_kept_of_the_largest_proof_is_read():
    largest = replace(INCLUSION, header_rlp=bytes(4096), receipt_nodes=(bytes(4096),) * 16)
    assert parse_inclusion(encode_inclusion(largest)) == largest


def differs(data):
    """Refused, or something else than what was kept."""
    return is_refused(parse_inclusion, data) or parse_inclusion(data) != INCLUSION


def test_no_damage_to_what_is_kept_goes_unseen():
    assert all(differs(damaged) for damaged in every_bit_flipped(STORED))
    assert all(is_refused(parse_inclusion, part) for part in every_cut(STORED))
    assert is_refused(parse_inclusion, STORED + b" ")


@pytest.mark.parametrize(
    "changes",
    [
        {"header_rlp": b""},
        {"header_rlp": bytes(4097)},
        {"receipt_nodes": ()},
        {"receipt_nodes": (b"root", b"")},
        {"receipt_nodes": (b"x",) * 17},
        {"receipt_nodes": (bytes(65_537),)},
        {"receipt_nodes": (bytes(65_536), b"x")},
        {"transaction_index": -1},
        {"transaction_index": 2**53},
        {"log_index": -1},
    ],
)
def test_nothing_is_kept_that_no_file_may_hold(changes):
    assert is_refused(encode_inclusion, replace(INCLUSION, **changes))


@pytest.mark.parametrize(
    "members",
    [{"extra": 1}, {"log_index": None}, {"log_index": True}, {"header_rlp": "+GhlYWRlcg"}, {"receipt_nodes": "cm9v"}],
)
def test_what_is_kept_in_another_shape_is_refused(members):
    assert is_refused(parse_inclusion, canonical.dumps(json.loads(STORED) | members))


def vectors():
    """The anchors of the vector files about them, and whether their form is right."""
    for vector in json.loads((VECTORS / "index.json").read_text(encoding="utf-8")):
        name = vector["name"]
        about = ("event-", "anchor-", "locator-", "malformed-event-", "malformed-anchor-")
        if name.startswith(about) and name != "malformed-anchor-without-checkpoint":  # whose anchor is sound
            document = json.loads((VECTORS / vector["file"]).read_bytes())
            yield pytest.param(document["anchor"], vector["lines"] != {}, id=name)


@pytest.mark.parametrize(("anchor", "is_well_formed"), vectors())
def test_the_vectors_are_read_and_refused_as_by_the_verifier_but_for_unknown_formats(anchor, is_well_formed):
    known = isinstance(anchor, dict) and anchor.get("format") in ("eth-locator/v1", "eth-receipt-mpt/v1")
    assert is_refused(parse_anchor, anchor) is not (is_well_formed and known)
    if is_well_formed and known:
        assert encode_anchor(parse_anchor(anchor)) == anchor
