"""Disclosures: one field's salt, name and value as one ASCII string, as in RFC 9901 (protocol.md §2).

The digest is taken over that string itself, so nothing is ever encoded again in order to be hashed.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_bytes
from typing import Any

from anchoring.protocol import canonical
from anchoring.protocol.canonical import Malformed
from anchoring.protocol.scalars import from_base64url, string, to_base64url

Value = str | int | bool | None

SALT_SIZE = 16

# Bounds the work that a hostile file can ask for; far above the longest text that a form takes.
MAX_JSON_BYTES = 2**20

_FIELD_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,199}")


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What one disclosure string says: the 16-byte salt, the field's name and its value."""

    salt: bytes
    name: str
    value: Value


def disclose(name: str, value: Value, salt: bytes | None = None) -> str:
    """The disclosure string of field *name*; a fresh random salt of 16 bytes unless one is given.

    Raises Malformed if the name, the value or its length is outside the format.
    """
    salt = token_bytes(SALT_SIZE) if salt is None else salt
    assert len(salt) == SALT_SIZE
    # Salt and name hold nothing that JSON would escape, so that only the value needs its encoder: half of the time.
    data = f'["{to_base64url(salt)}","{field_name(name)}",'.encode() + canonical.dumps(_scalar(value)) + b"]"
    if len(data) > MAX_JSON_BYTES:
        raise Malformed(f"the value of {name} is too long")
    return to_base64url(data)


def digest(disclosure: str) -> bytes:
    """The 32 bytes that stand for *disclosure* in the entry."""
    return sha256(disclosure.encode("ascii")).digest()


def parse_disclosure(text: str) -> Disclosure:
    """Inverse of :func:`disclose`. Raises Malformed."""
    document = canonical.loads(from_base64url(text), limit=MAX_JSON_BYTES)
    if not isinstance(document, list) or len(document) != 3:
        raise Malformed("a disclosure is an array of three")
    salt, name, value = document
    return Disclosure(salt=from_base64url(salt, size=SALT_SIZE), name=field_name(string(name)), value=_scalar(value))


def field_name(name: str) -> str:
    """*name* if a field may be called so, else Malformed."""
    if not _FIELD_NAME.fullmatch(name):
        raise Malformed(f"not a field name: {name[:80]!r}")
    return name


def _scalar(value: Any) -> Value:
    if value is None or isinstance(value, (str, int)):
        return value
    raise Malformed(f"a field's value cannot be a {type(value).__name__}")
