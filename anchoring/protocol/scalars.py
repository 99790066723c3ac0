"""The text forms of single values (protocol.md §1): one spelling per value, everything else is Malformed.

Python's own decoders are generous (``int(" ٣")``, spare bits in base64), so every decoder here formats what it read
and compares.
"""

import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Set as AbstractSet
from typing import Any

from anchoring.protocol.canonical import Malformed

# Sizes and indexes of a log stay below this (protocol.md §6).
MAX_SIZE = 2**63

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_HEX = re.compile(r"(?:[0-9a-f]{2})*")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def members(value: Any, required: AbstractSet[str], optional: AbstractSet[str] = frozenset()) -> dict[str, Any]:
    """*value* if it is an object with all *required* members, some *optional* ones, and no other."""
    if not isinstance(value, dict):
        raise Malformed("not an object")
    if not required <= value.keys() <= required | optional:
        raise Malformed("members are missing or unknown: " + ", ".join(sorted(required ^ value.keys()))[:200])
    return value


def items(value: Any, *, most: int) -> list[Any]:
    """*value* if it is an array of at most *most* items."""
    if not isinstance(value, list) or len(value) > most:
        raise Malformed(f"not a list of at most {most}")
    return value


def string(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed("not a string")
    return value


def natural(value: Any) -> int:
    """*value* if it is an integer from 0; ``True`` is none."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Malformed("not a natural number")
    return value


def decimal(text: str) -> int:
    """The number below 2^63 that *text* writes without sign, zeros in front, or digits of other scripts."""
    if not _DECIMAL.fullmatch(text) or int(text) >= MAX_SIZE:
        raise Malformed("not a decimal number")
    return int(text)


def uuid(value: Any) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise Malformed("not a lower-case uuid")
    return value


def from_hex(value: Any, *, size: int) -> bytes:
    """The *size* bytes that lower-case hex *value* writes."""
    if not isinstance(value, str) or len(value) != 2 * size or not _HEX.fullmatch(value):
        raise Malformed(f"not {size} bytes in lower-case hex")
    return bytes.fromhex(value)


def to_0x(data: bytes) -> str:
    return "0x" + data.hex()


def from_0x(value: Any, *, size: int) -> bytes:
    """The *size* bytes that *value* writes as Ethereum does, ``0x`` first."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise Malformed("no 0x in front")
    return from_hex(value[2:], size=size)


def to_base64(data: bytes) -> str:
    return b64encode(data).decode()


def from_base64(value: Any, *, size: int | None = None) -> bytes:
    """The bytes of padded RFC 4648 §4 *value*, exactly *size* of them if given."""
    try:
        data = b64decode(string(value), validate=True)
    except ValueError as error:
        raise Malformed("not base64") from error
    if to_base64(data) != value or (size is not None and len(data) != size):
        raise Malformed("not base64 of the right length")
    return data


def to_base64url(data: bytes) -> str:
    return b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode()


def from_base64url(value: Any, *, size: int | None = None) -> bytes:
    """The bytes of unpadded RFC 4648 §5 *value*, exactly *size* of them if given."""
    text = string(value)
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Malformed("not base64url") from error
    if to_base64url(data) != text or (size is not None and len(data) != size):
        raise Malformed("not base64url of the right length")
    return data
