"""The receipt's text: our promise, given at once, to seal an entry by a time (protocol.md §4)."""

from dataclasses import dataclass
from datetime import datetime

from anchoring.protocol.canonical import Malformed
from anchoring.protocol.entry import format_time, is_subject_type, parse_time
from anchoring.protocol.note import key_name
from anchoring.protocol.scalars import from_base64, to_base64, uuid

KEY_SUFFIX = "/receipt"
_SEAL_BY = "seal-by "


@dataclass(frozen=True, slots=True)
class Receipt:
    """The entry *entry_id* about *record* of *subject_type* with leaf hash *leaf* is in the log by *seal_by*."""

    origin: str
    entry_id: str
    subject_type: str
    record: str
    leaf: bytes
    at: datetime
    seal_by: datetime


def receipt_key_name(origin: str) -> str:
    """The name of the keys that sign receipts, never checkpoints."""
    return key_name(origin) + KEY_SUFFIX


def format_receipt(receipt: Receipt) -> str:
    """The text that is signed, six lines."""
    assert is_subject_type(receipt.subject_type)
    assert len(receipt.leaf) == 32
    lines = [
        receipt_key_name(receipt.origin),
        uuid(receipt.entry_id),
        f"{receipt.subject_type} {uuid(receipt.record)}",
        to_base64(receipt.leaf),
        format_time(receipt.at),
        _SEAL_BY + format_time(receipt.seal_by),
    ]
    return "\n".join(lines) + "\n"


def parse_receipt(text: str) -> Receipt:
    """Inverse of :func:`format_receipt`. Raises Malformed."""
    lines = text.split("\n")
    if len(lines) != 7 or lines[6]:
        raise Malformed("a receipt has six lines")
    name, entry_id, subject, leaf, at, seal_by, _ = lines
    subject_type, _, record = subject.partition(" ")
    if not (name.endswith(KEY_SUFFIX) and is_subject_type(subject_type) and seal_by.startswith(_SEAL_BY)):
        raise Malformed("not the lines of a receipt")
    return Receipt(
        origin=key_name(name.removesuffix(KEY_SUFFIX)),
        entry_id=uuid(entry_id),
        subject_type=subject_type,
        record=uuid(record),
        leaf=from_base64(leaf, size=32),
        at=parse_time(at),
        seal_by=parse_time(seal_by.removeprefix(_SEAL_BY)),
    )
