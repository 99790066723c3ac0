"""The receipt that alice holds from the moment she submitted."""

from datetime import timedelta

import pytest

from anchoring.keys import verify_ed25519
from anchoring.protocol.merkle import leaf_hash
from anchoring.protocol.note import open_note, sign_note
from anchoring.protocol.receipt import Receipt, format_receipt, parse_receipt, receipt_key_name
from anchoring.protocol.scalars import to_base64
from tests.anchoring.protocol.mutations import every_byte_changed, every_byte_dropped_or_doubled, every_cut
from tests.anchoring.protocol.world import (
    ALICES_CLAIM,
    NOON,
    ORIGIN,
    RECEIPT_KEY,
    SUBMITTED_ENTRY,
    entry_id,
    is_refused,
    is_text_refused,
)

RECEIPT = Receipt(
    origin=ORIGIN,
    entry_id=entry_id(1),
    subject_type="claim",
    record=ALICES_CLAIM,
    leaf=leaf_hash(SUBMITTED_ENTRY),
    at=NOON,
    seal_by=NOON + timedelta(hours=24),
)
TEXT = format_receipt(RECEIPT)
LINES = TEXT.split("\n")
NOTE = sign_note(TEXT, [RECEIPT_KEY])


def read(note):
    return parse_receipt(open_note(note, [RECEIPT_KEY.verifier], verify_ed25519).text)


def with_line(number, line):
    return "\n".join([*LINES[:number], line, *LINES[number + 1 :]])


def test_alices_receipt_has_these_lines():
    assert TEXT.splitlines() == [
        "insurer.example/log/receipt",
        "e0000000-0000-4000-8000-000000000001",
        "claim 0a1b2c3d-0000-4000-8000-00000000a11c",
        to_base64(leaf_hash(SUBMITTED_ENTRY)),
        "2026-11-23T12:00:00.123456Z",
        "seal-by 2026-11-24T12:00:00.123456Z",
    ]
    assert receipt_key_name(ORIGIN) == RECEIPT_KEY.name == LINES[0]


def test_a_signed_receipt_is_read_and_no_single_byte_may_change():
    assert read(NOTE) == RECEIPT
    note = NOTE.encode()
    assert all(is_text_refused(read, damaged) for damaged in every_byte_changed(note))
    assert all(is_text_refused(read, damaged) for damaged in every_byte_dropped_or_doubled(note))
    assert all(is_text_refused(read, part) for part in every_cut(note))


def test_every_text_that_is_read_is_written_the_same():
    for damaged in every_byte_changed(TEXT.encode()):
        if not is_text_refused(parse_receipt, damaged):
            assert format_receipt(parse_receipt(damaged.decode())).encode() == damaged


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.rstrip("\n"),
        TEXT + "\n",
        TEXT + "more\n",
        TEXT.replace("\n", "\r\n"),
        with_line(0, ORIGIN),
        with_line(0, "/receipt"),
        with_line(0, "a b/receipt"),
        with_line(1, "1"),
        with_line(2, ALICES_CLAIM),
        with_line(2, f"Claim {ALICES_CLAIM}"),
        with_line(2, f"claim  {ALICES_CLAIM}"),
        with_line(2, f" {ALICES_CLAIM}"),
        with_line(2, f"claim {ALICES_CLAIM} "),
        with_line(3, "AAAA"),
        with_line(4, "2026-11-23"),
        with_line(5, "2026-11-24T12:00:00.123456Z"),
        with_line(5, "seal-by  2026-11-24T12:00:00.123456Z"),
        with_line(5, "Seal-by 2026-11-24T12:00:00.123456Z"),
    ],
)
def test_other_texts_are_refused(text):
    assert is_refused(parse_receipt, text)
