"""The entry: the exact bytes that a leaf of the log stands for (protocol.md §2)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from anchoring.protocol import canonical
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.disclosure import field_name
from anchoring.protocol.scalars import from_base64url, from_hex, members, natural, string, to_base64url, uuid

VERSION = 1
MAX_BYTES = 65_535  # an entry's length is a u16 in the log's bundles
MAX_DATA_MEMBERS = 64
LOG_KINDS = "log."

_KIND = re.compile(r"[a-z]+(?:\.[a-z_]+)+")
_SUBJECT_TYPE = re.compile(r"[a-z]+")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_ENDING = re.compile(rb'"subject":"([0-9a-f]{64})","v":1\}')
ENDING_SIZE = 83  # bytes of what it matches
_COMMON = frozenset({"at", "id", "kind", "subject", "v"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A parsed entry. *fields* (name to 32-byte digest) is empty in entries of the log itself, which have *data*."""

    at: datetime
    id: str
    kind: str
    subject: bytes
    fields: Mapping[str, bytes] = field(default_factory=dict)
    data: Mapping[str, str | int] | None = None


def subject(type: str, id: str) -> bytes:
    """The 32 bytes that stand for the record *id* of *type*: a hash, so that outsiders cannot list records."""
    assert is_subject_type(type)
    return sha256(f"subject/v1\0{type}\0{id}".encode()).digest()


def is_subject_type(text: str) -> bool:
    return _SUBJECT_TYPE.fullmatch(text) is not None


def encode_entry(
    *,
    at: datetime,
    id: str,
    kind: str,
    subject: bytes,
    fields: Mapping[str, bytes] | None = None,
    data: Mapping[str, str | int] | None = None,
) -> bytes:
    """The leaf's bytes. *fields* maps names to 32-byte digests; kinds ``log.*`` take *data* instead.

    Raises Malformed for what the format cannot hold, the total of 65,535 bytes among it.
    """
    document: dict[str, Any] = {
        "at": format_time(at),
        "id": uuid(id),
        "kind": _kind(kind),
        "subject": subject.hex(),
        "v": VERSION,
    }
    assert len(subject) == 32
    if kind.startswith(LOG_KINDS):
        assert fields is None and data is not None, "entries of the log carry data"
        document["data"] = _data(dict(data))
    else:
        assert fields and data is None, "entries carry fields"
        document["fields"] = _encode_fields(fields)
    encoded = canonical.dumps(document)
    if len(encoded) > MAX_BYTES:
        raise Malformed(f"an entry of {len(encoded)} bytes")
    return encoded


def parse_entry(encoded: bytes) -> Entry:
    """Inverse of :func:`encode_entry`. Raises Malformed."""
    document = members(canonical.loads(encoded, limit=MAX_BYTES), _COMMON, {"data", "fields"})
    kind = _kind(string(document["kind"]))
    is_log = kind.startswith(LOG_KINDS)
    members(document, _COMMON | {"data" if is_log else "fields"})
    if natural(document["v"]) != VERSION:
        raise Malformed("an entry of another version")
    return Entry(
        at=parse_time(document["at"]),
        id=uuid(document["id"]),
        kind=kind,
        subject=from_hex(document["subject"], size=32),
        fields={} if is_log else _parse_fields(document["fields"]),
        data=_data(document["data"]) if is_log else None,
    )


def subject_of(encoded: bytes) -> bytes:
    """The subject of a well-formed entry, read at its place: sorted members end with it and the version.

    For reading many; whoever may be handed anything uses :func:`parse_entry`. Raises Malformed.
    """
    ending = _ENDING.fullmatch(encoded[-ENDING_SIZE:])
    if ending is None:
        raise Malformed("an entry without a subject at its end")
    return bytes.fromhex(ending[1].decode())


def format_time(value: datetime) -> str:
    """*value*, which must be aware, as UTC with microseconds."""
    assert value.tzinfo is not None, "a time without a zone"
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """Inverse of :func:`format_time`. Raises Malformed."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise Malformed("not a time")
    try:
        return datetime.fromisoformat(text[:-1]).replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed("no such day or hour") from error


def _kind(kind: str) -> str:
    if not _KIND.fullmatch(kind):
        raise Malformed("not a kind of entry")
    return kind


def _encode_fields(fields: Mapping[str, bytes]) -> dict[str, str]:
    assert all(len(digest) == 32 for digest in fields.values())
    return {field_name(name): to_base64url(digest) for name, digest in fields.items()}


def _parse_fields(fields: Any) -> dict[str, bytes]:
    if not isinstance(fields, dict) or not fields:
        raise Malformed("an entry has at least one field")
    return {field_name(name): from_base64url(digest, size=32) for name, digest in fields.items()}


def _data(data: Any) -> dict[str, str | int]:
    if not isinstance(data, dict) or len(data) > MAX_DATA_MEMBERS:
        raise Malformed(f"data is an object of at most {MAX_DATA_MEMBERS} members")
    for value in data.values():
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise Malformed("data holds strings and integers")
    return data
