"""Canonical JSON: RFC 8785 without floats, one byte sequence per value (protocol.md §1)."""

import json
import re
from typing import Any, NoReturn

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 8

# Two digits more than the largest integer allowed has: int() is never handed a long string.
_MAX_DIGITS = 18

_BRACKETS = re.compile(rb"[\[\]{}]")


class Malformed(ValueError):  # noqa: N818 (reads as the verdict it is)
    """What was given is not of the format. The only error that leaves a parser of this package."""


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False
)


def dumps(value: Any) -> bytes:
    """The one encoding of *value*: objects, arrays, strings, integers, booleans and null.

    Raises Malformed for what the format cannot hold (floats, wide integers, lone surrogates, deep nesting).
    """
    _check(value, MAX_DEPTH)
    try:
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError as error:
        raise Malformed("a string holds a lone surrogate") from error


def loads(data: bytes, *, limit: int, depth: int = MAX_DEPTH) -> Any:
    """The value of canonical *data* of at most *limit* bytes, nested at most *depth* deep.

    What does not format back to the same bytes is Malformed: white space, other orders, other escapes, repeated keys.
    """
    if len(data) > limit:
        raise Malformed(f"longer than {limit} bytes")
    _check_brackets(data, depth)
    try:
        value = json.loads(data.decode(), parse_float=_refuse, parse_int=_integer, parse_constant=_refuse)
    except Malformed:
        raise
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    _check(value, depth)
    if dumps(value) != data:
        raise Malformed("not the canonical encoding")
    return value


def _check_brackets(data: bytes, depth: int) -> None:
    """Raises Malformed for brackets nested deeper than *depth*, before anything recurses.

    json.loads recurses on the C stack: where a library has raised Python's recursion limit, deep input would end the
    process instead of raising RecursionError.
    """
    unescaped = data.replace(rb"\\", b"").replace(rb"\"", b"")
    outside_strings = b"".join(unescaped.split(b'"')[::2])
    open_now = 0
    for bracket in _BRACKETS.findall(outside_strings):
        open_now += 1 if bracket in b"[{" else -1
        if open_now > depth:
            raise Malformed(f"nested more than {depth} deep")


def _check(value: Any, depth: int) -> None:
    """Raises Malformed unless dumps() has an encoding for *value*, with *depth* levels of nesting left."""
    if value is None or isinstance(value, (str, bool)):
        return
    if isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise Malformed("an integer is out of range")
    elif isinstance(value, dict):
        _check_keys(value)
        _check_items(value.values(), depth)
    elif isinstance(value, (list, tuple)):
        _check_items(value, depth)
    else:
        raise Malformed(f"no encoding for a {type(value).__name__}")


def _check_items(items: Any, depth: int) -> None:
    if depth == 0:
        raise Malformed("nested too deep")
    for item in items:
        _check(item, depth - 1)


def _check_keys(value: dict[Any, Any]) -> None:
    # Among ASCII keys the order of code points is the order of UTF-16 units that RFC 8785 §3.2.3 asks for.
    for key in value:
        if not (isinstance(key, str) and key.isascii()):
            raise Malformed("a key is not an ASCII string")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise Malformed("an integer is out of range")
    return int(digits)


def _refuse(token: str) -> NoReturn:
    raise Malformed(f"no number may be written like {token[:20]}")
