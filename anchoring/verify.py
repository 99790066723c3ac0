#!/usr/bin/env python3
"""Check a proof of record, or a receipt, without trusting whoever made it.

    python verify.py FILE --trust trust.json [--rpc URL] [--block-hash 0x…] [--require 1,2,3,4] [--fingerprint HEX]
                     [--receipt FILE | --subject TYPE:ID] [--refresh URL [--token-file FILE]] [--json] [--all-fields]

One file, Python 3.9 or later, standard library only. Written from docs/protocol.md alone; it shares no code with the
portal whose word it checks. What is believed (keys, chain, contract, log) comes from trust.json and from the command
line, never from FILE. Nothing touches the network unless --rpc or --refresh is given.

Exit 0: every required line passed. 1: a line failed, or the file is malformed. 2: usage, a PDF for FILE, or an unusable
trust file. 3: nothing failed, but a required line could not be checked (pending, offline).

From top to bottom: encodings, hashes, Ed25519, signed notes, trust file, proof, receipt proof of the anchor, receipt,
node, the seven lines, the verdict, refreshing, the printing. `VerificationError` is the only exception that leaves
`verify` and `refresh`, whatever the input.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import ipaddress
import json
import os
import re
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any, Callable, Dict, FrozenSet, List, NoReturn, Optional, Sequence, TextIO, Tuple, Union
from urllib.parse import urlsplit

PASSED, FAILED, PENDING, NOT_CHECKED = "passed", "failed", "pending", "not checked"

# Bounds for hostile input. A file is read no further than its bound, so none can exhaust this machine.
FILE_BYTES = 64 * 2**20
TRUST_BYTES = 2**20
ANSWER_BYTES = 16 * 2**20
CODE_BYTES = 2**18
ENTRY_BYTES = 65_535
ENTRIES = 10_000
NOTE_BYTES, NOTE_SIGNATURES = 100_000, 100
PATH_HASHES = 64
MAP_STEPS = 256
DISCLOSURE_BYTES = 2**20
TRUST_ITEMS = 1_000  # in each of its lists
DATA_MEMBERS = 64
NESTING, ANSWER_NESTING = 8, 64
HEADER_BYTES = 4096
NODES, NODE_BYTES = 16, 65_536  # of a receipt proof; the bytes of all its nodes together
RLP_NESTING = 8
TOKEN_BYTES = 4096
CONTAINERS, COMMAS = 100_000, 2_000_000  # more than the other bounds leave room for
LARGEST_INTEGER = 2**53 - 1

# The verifier's own knowledge of chains: what a proof or a trust file says about this is not asked.
TEST, LOCAL, MAIN = "test network", "local development chain", "main network"
CHAINS: Dict[int, Tuple[str, str]] = {
    1: ("Ethereum", MAIN),
    11155111: ("Sepolia", TEST),
    560048: ("Hoodi", TEST),
    84532: ("Base Sepolia", TEST),
    11155420: ("OP Sepolia", TEST),
    421614: ("Arbitrum Sepolia", TEST),
    80002: ("Polygon Amoy", TEST),
    17000: ("Holesky, which has ended", TEST),
    5: ("Goerli, which has ended", TEST),
    3: ("Ropsten, which has ended", TEST),
    4: ("Rinkeby, which has ended", TEST),
    80001: ("Polygon Mumbai, which has ended", TEST),
    31337: (LOCAL, LOCAL),
    1337: (LOCAL, LOCAL),
    131277322940537: (LOCAL, LOCAL),
}
TESTNET = "TESTNET: no economic security; this chain may end; keep this file"


class VerificationError(Exception):
    """Why something is not believed, in words for people.

    `outcome` is what it makes of the line that was being checked; `exit_code` is what it makes of the whole run
    when it happened before any line could be checked.
    """

    def __init__(self, message: str, *, outcome: str = FAILED, exit_code: int = 1) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.exit_code = exit_code


# ---------------------------------------------------------------------------------------------------------------------
# Encodings (protocol §1): one per value, so each decoder encodes again and compares.


def shown(value: Any) -> str:
    """A value from a file as text that cannot move the cursor, reverse the reading order or leave its quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    kept = value if len(value) <= 1000 else f"{value[:1000]}… ({len(value)} characters)"
    return '"' + printable(kept.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def printable(text: str) -> str:
    """The text with control, format (bidi, zero width) and separator characters written as escapes."""
    return "".join(char if char.isprintable() else f"\\u{{{ord(char):x}}}" for char in text)


def integer(value: Any, what: str, *, least: int = 0) -> int:
    if type(value) is not int or value < least:  # a bool is an int to Python, not to the protocol
        raise VerificationError(f"{what} is not an integer of at least {least}")
    return value


def matching(pattern: str, value: Any, what: str) -> str:
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise VerificationError(f"{what} is not of the form that the protocol gives")
    return value


def listing(value: Any, what: str, *, least: int = 0, most: int) -> List[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise VerificationError(f"{what} is not a list of {least} to {most}")
    return value


def members(value: Any, what: str, needed: str, allowed: str = "") -> Dict[str, Any]:
    """The object, if it has all the needed members and no others than the allowed (both: names with spaces)."""
    if not isinstance(value, dict):
        raise VerificationError(f"{what} is not an object")
    missing = set(needed.split()) - set(value)
    unknown = set(value) - set(needed.split()) - set(allowed.split())
    if missing or unknown:
        word, names = ("lacks", missing) if missing else ("has an unknown member", unknown)
        raise VerificationError(f"{what} {word} {shown(min(names))}")
    return value


def from_base64(text: Any, what: str, size: Optional[int] = None) -> bytes:
    """RFC 4648 §4 with padding; `size` in bytes when it is fixed."""
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except ValueError:
        data = None
    if data is None or base64.b64encode(data).decode() != text or (size is not None and len(data) != size):
        raise VerificationError(f"{what} is not base64" + (f" of {size} bytes" if size else ""))
    return data


def from_base64url(text: Any, what: str, size: Optional[int] = None) -> bytes:
    """RFC 4648 §5 without padding."""
    matching("[A-Za-z0-9_-]+", text, what)
    standard = text.translate(str.maketrans("-_", "+/"))
    return from_base64(standard + "=" * (-len(standard) % 4), what, size)


def hex32(value: Any, what: str) -> str:
    return matching("[0-9a-f]{64}", value, what)


def word32(value: Any, what: str) -> str:
    return matching("0x[0-9a-f]{64}", value, what)


def address(value: Any, what: str) -> str:
    return matching("0x[0-9a-f]{40}", value, what)


UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def uuid(value: Any, what: str) -> str:
    return matching(UUID, value, what)


def instant(value: Any, what: str) -> str:
    """A time, left as text: texts of this form sort as the times do."""
    matching(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", value, what)
    try:
        datetime.fromisoformat(value[:-1])
    except ValueError:
        raise VerificationError(f"{what} is not a time that exists") from None
    return str(value)


def parse_json(data: bytes, what: str) -> Any:
    """Strict canonical JSON: what parses must format back to the same bytes."""
    try:
        value = json.loads(
            _modest(data.decode("utf-8"), NESTING),
            object_pairs_hook=_unique_members,
            parse_int=_bounded_integer,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
        same = format_json(value) == data
    except ValueError:  # UnicodeError and JSONDecodeError are ValueErrors
        raise VerificationError(f"{what} is not canonical JSON") from None
    if not same:
        raise VerificationError(f"{what} is not canonical JSON")
    return value


def format_json(value: Any) -> bytes:
    """RFC 8785 for the protocol's values; keys are ASCII, so that sorting by code point is sorting by UTF-16."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def _unique_members(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    members_by_name = dict(pairs)
    if len(members_by_name) != len(pairs) or not all(name.isascii() for name in members_by_name):
        raise ValueError("a name is doubled or not ASCII")
    return members_by_name


def _bounded_integer(digits: str) -> int:
    # The length comes first: converting a million digits takes Python minutes.
    if len(digits) > 17 or abs(int(digits)) > LARGEST_INTEGER:
        raise ValueError("an integer beyond 2^53 - 1")
    return int(digits)


def _no_float(text: str) -> NoReturn:
    raise ValueError("a number that is not an integer")


def _modest(text: str, levels: int) -> str:
    """The text itself, if it is worth parsing: its brackets outside of strings nest at most `levels` deep.

    json.loads recurses on the C stack: where the host program has raised Python's recursion limit, deep text
    would end the process instead of raising. And it makes gigabytes out of megabytes of empty lists.
    """
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    if outside.count("[") + outside.count("{") > CONTAINERS or outside.count(",") > COMMAS:
        raise ValueError("more parts than any proof has")
    depth = 0
    for bracket in re.sub(r"[^\[\]{}]+", "", outside):
        depth += 1 if bracket in "[{" else -1
        if not 0 <= depth <= levels:
            raise ValueError(f"nested more than {levels} deep, or closed too often")
    return text


# ---------------------------------------------------------------------------------------------------------------------
# Hashes: SHA-256 (the log's) and Keccak-256 (the chain's; hashlib's SHA-3 pads differently).


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


_MASK = 2**64 - 1


def _keccak_tables() -> Tuple[List[Tuple[int, int, int]], List[int]]:
    """FIPS 202 §3.2: (from lane, to lane, left turn) of the steps ρ and π, and the constants of ι."""
    moves, x, y = [(0, 0, 0)], 1, 0
    for step in range(24):
        after = (y, (2 * x + 3 * y) % 5)
        moves.append((x + 5 * y, after[0] + 5 * after[1], (step + 1) * (step + 2) // 2 % 64))
        x, y = after
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            constant |= (register & 1) << (2**bit - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return moves, constants


_KECCAK_MOVES, _KECCAK_CONSTANTS = _keccak_tables()


def keccak256(data: bytes) -> bytes:
    rate = 136
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % rate))
    padded[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), rate):
        for lane in range(rate // 8):
            lanes[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        lanes = _keccak_f(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _keccak_f(a: List[int]) -> List[int]:
    for constant in _KECCAK_CONSTANTS:
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ _turn(c[(x + 1) % 5], 1) for x in range(5)]
        b = [0] * 25
        for source, target, left in _KECCAK_MOVES:
            b[target] = _turn(a[source] ^ d[source % 5], left)
        a = [b[i] ^ (~b[i - i % 5 + (i + 1) % 5] & b[i - i % 5 + (i + 2) % 5]) for i in range(25)]
        a[0] ^= constant
    return a


def _turn(lane: int, left: int) -> int:
    return ((lane << left) | (lane >> (64 - left))) & _MASK


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry)


def check_inclusion(*, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 §2.1.3.2; refuses a path that is not exactly as long as index and size say."""
    if index >= size:
        raise VerificationError(f"index {index} lies outside of a log of {size}")
    place, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise VerificationError(f"the path of entry {index} is too long")
        if place & 1 or place == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        place, last = place >> 1, last >> 1
    if last != 0 or node != root:
        raise VerificationError(f"the path of entry {index} does not lead to the sealed root")


# ---------------------------------------------------------------------------------------------------------------------
# Ed25519 (RFC 8032 §5.1), verification only. Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)
Point = Tuple[int, int, int, int]
_NEUTRAL: Point = (0, 1, 1, 0)


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _decode_point(encoded: bytes) -> Optional[Point]:
    """§5.1.3, or None: also for y ≥ p and for a negative zero, which some libraries let pass."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (2**255 - 1), number >> 255
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * v**3 * pow(u * v**7, (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if len(encoded) != 32 or y >= _P or v * x * x % _P != u or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


def _encode_point(p: Point) -> bytes:
    inverse = pow(p[2], -1, _P)
    x, y = p[0] * inverse % _P, p[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _is_small(p: Point) -> bool:
    """Of order 1, 2, 4 or 8: under such a key one signature fits many messages."""
    for _ in range(3):
        p = _add(p, p)
    return p[0] == 0


_BASE = _decode_point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or _NEUTRAL


def ed25519_verify(*, public: bytes, message: bytes, signature: bytes) -> bool:
    """Strict: s < L, canonical points, no small-order key, [s]B = R + [k]A without the cofactor."""
    key = _decode_point(public)
    s = int.from_bytes(signature[32:], "little")
    if key is None or _is_small(key) or len(signature) != 64 or s >= _L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    minus_key = (_P - key[0], key[1], key[2], _P - key[3])
    # Comparing encodings refuses every R that is not canonical.
    return _encode_point(_sum_of_products(s, _BASE, k, minus_key)) == signature[:32]


def _sum_of_products(s: int, p: Point, k: int, q: Point) -> Point:
    """[s]p + [k]q, both bit by bit in one pass."""
    table = (_NEUTRAL, p, q, _add(p, q))
    total = _NEUTRAL
    for bit in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):
        total = _add(total, total)
        choice = (s >> bit & 1) | (k >> bit & 1) << 1
        if choice:
            total = _add(total, table[choice])
    return total


# ---------------------------------------------------------------------------------------------------------------------
# Signed notes and verifier keys (protocol §3, C2SP signed-note). Lines are split at newlines only: str.splitlines
# knows ten other ends of line.


@dataclass(frozen=True)
class Key:
    name: str
    key_id: bytes
    public: bytes

    def __str__(self) -> str:
        return f"{printable(self.name)}+{self.key_id.hex()}"


@dataclass(frozen=True)
class Note:
    text: str
    signatures: Tuple[Tuple[str, bytes, bytes], ...]  # key name, key id, signature


def read_key(value: Any, what: str, *, name: str, kind: int = 1) -> Key:
    """A verifier key of exactly this name and of this signature type (1 Ed25519, 4 cosignature)."""
    parts = value.split("+", 2) if isinstance(value, str) else []
    if len(parts) != 3 or not re.fullmatch(r"[^\s+]+", parts[0]) or name not in ("", parts[0]):
        raise VerificationError(f"{what} is not a verifier key of the right name")
    blob = from_base64(parts[2], what, 33)
    key_id = sha256(parts[0].encode() + b"\n" + blob)[:4]
    point = _decode_point(blob[1:])
    if parts[1] != key_id.hex() or blob[0] != kind or point is None or _is_small(point):
        raise VerificationError(f"{what} is not a sound Ed25519 verifier key")
    return Key(parts[0], key_id, blob[1:])


def read_note(text: Any, what: str) -> Note:
    if not isinstance(text, str) or len(text.encode()) > NOTE_BYTES or re.search(r"[\x00-\x09\x0b-\x1f]", text):
        raise VerificationError(f"{what} is not a signed note")
    cut = text.rfind("\n\n")
    lines = text[cut + 2 :].split("\n")
    if cut < 0 or lines.pop() != "" or not 1 <= len(lines) <= NOTE_SIGNATURES:
        raise VerificationError(f"{what} is not a signed note")
    return Note(text[: cut + 1], tuple(_read_signature(line, what) for line in lines))


def _read_signature(line: str, what: str) -> Tuple[str, bytes, bytes]:
    found = re.fullmatch(r"\u2014 ([^\s+]+) (\S+)", line)
    blob = from_base64(found.group(2), f"a signature of {what}") if found else b""
    if found is None or len(blob) < 5:
        raise VerificationError(f"a signature line of {what} is malformed")
    return found.group(1), blob[:4], blob[4:]


def check_note(note: Note, keys: Sequence[Key], what: str) -> Key:
    """The first known key that signed it. Unknown keys are ignored; one bad signature of a known key spoils all."""
    known = {(key.name, key.key_id): key for key in keys}
    good = []
    for name, key_id, signature in note.signatures:
        key = known.get((name, key_id))
        if key is None:
            continue
        if not ed25519_verify(public=key.public, message=note.text.encode(), signature=signature):
            raise VerificationError(f"the signature of {what} by {key} is wrong")
        good.append(key)
    if not good:
        raise VerificationError(f"{what} is not signed by a key that trust.json names for it")
    return good[0]


def check_cosignatures(note: Note, auditors: Sequence[Key]) -> List[Tuple[Key, int]]:
    """The auditors who cosigned a checkpoint, and when they say so. One wrong cosignature of theirs spoils the note."""
    known = {(key.name, key.key_id): key for key in auditors}
    good = []
    for name, key_id, blob in note.signatures:
        key = known.get((name, key_id))
        if key is None:
            continue
        seconds = int.from_bytes(blob[:8], "big")
        message = f"cosignature/v1\ntime {seconds}\n{note.text}".encode()
        if not ed25519_verify(public=key.public, message=message, signature=blob[8:]):
            raise VerificationError(f"the cosignature of auditor {key} is wrong")
        good.append((key, seconds))
    return good


# ---------------------------------------------------------------------------------------------------------------------
# Trust file (protocol §5)


@dataclass(frozen=True)
class LogKey:
    key: Key
    start: int
    end: Optional[int]

    def covers(self, size: int) -> bool:
        return self.start <= size and (self.end is None or size < self.end)


@dataclass(frozen=True)
class Registration:
    chain_id: int
    code_hash: str
    contract: str
    genesis: str
    log_id: str


@dataclass(frozen=True)
class Trust:
    """The newest version of a trust file, and the fingerprints of all its versions, oldest first."""

    version: int
    origin: str
    log_keys: Tuple[LogKey, ...]
    receipt_keys: Tuple[Key, ...]
    auditors: Tuple[Key, ...]
    registrations: Tuple[Registration, ...]
    fingerprints: Tuple[str, ...]


def read_trust(data: bytes, fingerprint: Optional[str] = None) -> Trust:
    """The newest version; `fingerprint` is of a version that the holder knows and that must be among them."""
    try:
        if len(data) > TRUST_BYTES:
            raise VerificationError(f"it is larger than {TRUST_BYTES} bytes")
        trust = _read_versions(parse_json(data, "it"))
        if fingerprint is not None and _plain_hex(fingerprint) not in trust.fingerprints:
            raise VerificationError("none of its versions has the fingerprint that you gave")
        return trust
    except VerificationError as error:
        raise VerificationError(f"the trust file cannot be used: {error}", exit_code=2) from None


def _plain_hex(fingerprint: str) -> str:
    """As it is printed: in groups of four."""
    return re.sub(r"[\s-]", "", fingerprint).lower()


def _read_versions(document: Any) -> Trust:
    members(document, "it", "format versions")
    if document["format"] != "trust/v1":
        raise VerificationError("its format is not trust/v1")
    fingerprints: List[str] = []
    earlier: Optional[Trust] = None
    for place, version in enumerate(
        listing(document["versions"], "its list of versions", least=1, most=TRUST_ITEMS), start=1
    ):
        members(version, f"version {place}", "signature statement")
        trust = _read_statement(version["statement"], f"version {place}", place, fingerprints)
        _check_statement(version, trust, earlier or trust, f"version {place}")
        fingerprints.append(trust.fingerprints[-1])
        earlier = trust
    assert earlier is not None
    return earlier


def _read_statement(statement: Any, what: str, place: int, fingerprints: List[str]) -> Trust:
    names = "version previous origin log_keys receipt_keys auditors registrations"
    members(statement, what, names)
    if statement["version"] != place or type(statement["version"]) is not int:
        raise VerificationError(f"{what} does not carry its number")
    if statement["previous"] != (fingerprints[-1] if fingerprints else ""):
        raise VerificationError(f"{what} does not follow from the version before")
    origin = matching(r"[^\s+]+", statement["origin"], f"the origin of {what}")
    log_keys = listing(statement["log_keys"], f"the list of log keys of {what}", least=1, most=TRUST_ITEMS)
    trust = Trust(
        version=place,
        origin=origin,
        log_keys=tuple(_read_log_key(key, origin, what) for key in log_keys),
        receipt_keys=tuple(
            read_key(key, f"a receipt key of {what}", name=f"{origin}/receipt")
            for key in listing(statement["receipt_keys"], f"the list of receipt keys of {what}", most=TRUST_ITEMS)
        ),
        auditors=tuple(
            read_key(key, f"an auditor's key of {what}", name="", kind=4)
            for key in listing(statement["auditors"], f"the list of auditors of {what}", most=TRUST_ITEMS)
        ),
        registrations=tuple(
            _read_registration(value, f"a registration of {what}")
            for value in listing(statement["registrations"], f"the list of registrations of {what}", most=TRUST_ITEMS)
        ),
        fingerprints=(*fingerprints, sha256(format_json(statement)).hex()),
    )
    theirs = {log_key.key.public for log_key in trust.log_keys} | {key.public for key in trust.receipt_keys}
    if any(key.public in theirs for key in trust.auditors):
        raise VerificationError(f"an auditor's key of {what} is also a key of the log")
    return trust


def _read_log_key(value: Any, origin: str, what: str) -> LogKey:
    members(value, f"a log key of {what}", "from key", "until")
    start = integer(value["from"], f"the start of a log key of {what}")
    end = integer(value["until"], f"the end of a log key of {what}", least=start + 1) if "until" in value else None
    return LogKey(read_key(value["key"], f"a log key of {what}", name=origin), start, end)


def _read_registration(value: Any, what: str) -> Registration:
    members(value, what, "chain_id code_hash contract genesis log_id")
    return Registration(
        chain_id=integer(value["chain_id"], f"the chain id of {what}", least=1),
        code_hash=word32(value["code_hash"], f"the code hash of {what}"),
        contract=address(value["contract"], f"the contract of {what}"),
        genesis=word32(value["genesis"], f"the genesis hash of {what}"),
        log_id=word32(value["log_id"], f"the log id of {what}"),
    )


def _check_statement(version: Dict[str, Any], trust: Trust, signer: Trust, what: str) -> None:
    """`signer` is the version before; for the first version it is that version itself."""
    if trust.origin != signer.origin:
        raise VerificationError(f"{what} is of another origin")
    message = b"trust/v1\n" + format_json(version["statement"])
    signature = from_base64(version["signature"], f"the signature of {what}", 64)
    if not ed25519_verify(public=signer.log_keys[0].key.public, message=message, signature=signature):
        raise VerificationError(f"the signature of {what} is wrong")


# ---------------------------------------------------------------------------------------------------------------------
# Proof of record (protocol §2, §3, §7): reading says only whether the file is well formed.


@dataclass(frozen=True)
class Entry:
    text: bytes
    at: str
    id: str
    kind: str
    subject: str
    digests: Dict[str, str]  # field name → base64url digest
    data: Dict[str, Any]  # of log.* entries, instead of digests


@dataclass(frozen=True)
class Disclosure:
    name: str
    value: Any
    digest: str


@dataclass(frozen=True)
class Item:
    entry: Entry
    disclosures: Tuple[Disclosure, ...]
    index: Optional[int]
    path: Tuple[bytes, ...]


@dataclass(frozen=True)
class Checkpoint:
    note: Note
    origin: str
    size: int
    root: bytes


@dataclass(frozen=True)
class Anchor:
    chain_id: int
    contract: str
    log_id: str


@dataclass(frozen=True)
class Locator(Anchor):
    block_hash: str
    block_number: int
    transaction: str


@dataclass(frozen=True)
class ReceiptAnchor(Anchor):
    header_rlp: bytes
    transaction_index: int
    receipt_nodes: Tuple[bytes, ...]
    log_index: int


@dataclass(frozen=True)
class UnknownAnchor:
    """Of a format that came after this program: nothing can be said about it."""

    format: str


@dataclass(frozen=True)
class State:
    """A state entry at its place in the log (§10), and what it says. `block`: chain id, number, hash."""

    entry: Entry
    index: int
    path: Tuple[bytes, ...]
    map_root: bytes
    size: int
    subjects: int
    block: Optional[Tuple[int, int, str]]


@dataclass(frozen=True)
class MapLeaf:
    subject: bytes
    count: int
    last: int
    mini_root: bytes


@dataclass(frozen=True)
class History:
    state: State
    leaf: Optional[MapLeaf]
    path: Tuple[Tuple[int, bytes], ...]  # position and sibling, from the leaf up


@dataclass(frozen=True)
class Proof:
    items: Tuple[Item, ...]
    checkpoint: Optional[Checkpoint]
    anchor: Union[Anchor, UnknownAnchor, None]
    history: Optional[History]
    not_before: Optional[State]

    @property
    def numbers(self) -> List[Any]:
        return [shown_.value for item in self.items for shown_ in item.disclosures if shown_.name == "number"]

    @property
    def number(self) -> Optional[str]:
        return next((number for number in self.numbers if isinstance(number, str)), None)


def read_proof(data: bytes) -> Proof:
    optional = "checkpoint anchor history not_before"
    document = members(parse_json(data, "it"), "it", "format checksum entries", optional)
    if document["format"] != "proof-of-record/v1":
        raise VerificationError("its format is not proof-of-record/v1")
    rest = {name: value for name, value in document.items() if name != "checksum"}
    if sha256(format_json(rest)).hex() != document["checksum"]:
        raise VerificationError("its checksum is wrong: the file was damaged or changed")
    least = 0 if "history" in document else 1
    proof = Proof(
        items=tuple(
            _read_item(item) for item in listing(document["entries"], "its list of entries", least=least, most=ENTRIES)
        ),
        checkpoint=_read_checkpoint(document["checkpoint"]) if "checkpoint" in document else None,
        anchor=read_anchor(document["anchor"]) if "anchor" in document else None,
        history=_read_history(document["history"]) if "history" in document else None,
        not_before=_read_state(document["not_before"], "not_before") if "not_before" in document else None,
    )
    _check_whole(proof)
    _check_completeness(proof)
    return proof


def _check_whole(proof: Proof) -> None:
    """What no member can say alone: order, and which members go together."""
    order = [(item.entry.at, item.entry.id) for item in proof.items]
    if order != sorted(order) or len({item.entry.id for item in proof.items}) != len(order):
        raise VerificationError("its entries are out of order or doubled")
    sealed = any(item.index is not None for item in proof.items) or proof.history is not None
    if sealed != (proof.checkpoint is not None):
        raise VerificationError("it must have a checkpoint exactly when some entry has an index")
    if proof.anchor is not None and proof.checkpoint is None:
        raise VerificationError("it has an anchor without a checkpoint")


def _check_completeness(proof: Proof) -> None:
    """What a history and a lower bound ask of the entries (§11)."""
    indexes = [item.index for item in proof.items if item.index is not None]
    if proof.history is not None and len(set(indexes)) != len(proof.items):
        raise VerificationError("the entries of its history do not each have an index of their own")
    if proof.not_before is None:
        return
    if proof.not_before.block is None:
        raise VerificationError("its lower bound names no block")
    if not indexes or proof.not_before.index >= min(indexes):
        raise VerificationError("its lower bound does not lie below the entries")


def _read_item(value: Any) -> Item:
    members(value, "an entry of the list", "disclosures entry", "index path")
    if ("index" in value) != ("path" in value):
        raise VerificationError("an entry of the list has an index or a path without the other")
    path = listing(value.get("path", []), "the path of an entry", most=PATH_HASHES)
    disclosures = tuple(
        _read_disclosure(text) for text in listing(value["disclosures"], "a list of disclosures", most=ENTRY_BYTES)
    )
    names = [disclosure.name for disclosure in disclosures]
    if names != sorted(set(names)):
        raise VerificationError("the disclosures of an entry are out of order or doubled")
    return Item(
        entry=_read_entry(value["entry"]),
        disclosures=disclosures,
        index=integer(value["index"], "the index of an entry") if "index" in value else None,
        path=tuple(from_base64(step, "a hash of a path", 32) for step in path),
    )


def _read_entry(value: Any) -> Entry:
    text = value.encode() if isinstance(value, str) else b""
    if not 0 < len(text) <= ENTRY_BYTES:
        raise VerificationError(f"an entry is not a text of 1 to {ENTRY_BYTES} bytes")
    entry = members(parse_json(text, "an entry"), "an entry", "at id kind subject v", "fields data")
    kind = matching(r"[a-z]+(\.[a-z_]+)+", entry["kind"], "the kind of an entry")
    content = "data" if kind.startswith("log.") else "fields"
    members(entry, "an entry", f"at id kind subject v {content}")
    if entry["v"] != 1 or type(entry["v"]) is not int:
        raise VerificationError("an entry is of an unknown version")
    return Entry(
        text=text,
        at=instant(entry["at"], "the time of an entry"),
        id=uuid(entry["id"], "the id of an entry"),
        kind=kind,
        subject=hex32(entry["subject"], "the subject of an entry"),
        digests=_read_digests(entry["fields"]) if content == "fields" else {},
        data=_read_data(entry["data"]) if content == "data" else {},
    )


def _field_name(value: Any) -> str:
    return matching("[a-z][a-z0-9_.-]{0,199}", value, "the name of a field")


def _read_digests(fields: Any) -> Dict[str, str]:
    if not isinstance(fields, dict) or not fields:
        raise VerificationError("an entry has no fields")
    for name, digest in fields.items():
        _field_name(name)
        from_base64url(digest, "the digest of a field", 32)
    return fields


def _read_data(data: Any) -> Dict[str, Any]:
    if not isinstance(data, dict) or len(data) > DATA_MEMBERS:
        raise VerificationError(f"the data of an entry is not an object of at most {DATA_MEMBERS} members")
    if not all(type(value) in (str, int) for value in data.values()):
        raise VerificationError("the data of an entry holds more than strings and integers")
    return data


def _read_disclosure(text: Any) -> Disclosure:
    if not isinstance(text, str) or len(text) > DISCLOSURE_BYTES:
        raise VerificationError(f"a disclosure is not a text of at most {DISCLOSURE_BYTES} bytes")
    array = listing(parse_json(from_base64url(text, "a disclosure"), "a disclosure"), "a disclosure", least=3, most=3)
    from_base64url(array[0], "the salt of a disclosure", 16)
    if isinstance(array[2], (dict, list)):
        raise VerificationError("the value of a disclosure is not a plain value")
    digest = base64.urlsafe_b64encode(sha256(text.encode())).decode().rstrip("=")
    return Disclosure(_field_name(array[1]), array[2], digest)


def _read_checkpoint(value: Any) -> Checkpoint:
    note = read_note(value, "the checkpoint")
    lines = note.text.split("\n")
    if len(lines) != 4 or not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]) or int(lines[1]) >= 2**63:
        raise VerificationError("the checkpoint is not origin, size and root")
    return Checkpoint(note, lines[0], int(lines[1]), from_base64(lines[2], "the root of the checkpoint", 32))


def read_anchor(value: Any) -> Union[Anchor, UnknownAnchor]:
    form = value.get("format") if isinstance(value, dict) else None
    if form == "eth-locator/v1":
        return _read_locator(value)
    if form == "eth-receipt-mpt/v1":
        return _read_receipt_anchor(value)
    return UnknownAnchor(matching("[a-z0-9-]{1,40}/v[1-9][0-9]{0,3}", form, "the format of the anchor"))


def _read_locator(value: Dict[str, Any]) -> Locator:
    members(value, "the anchor", "block_hash block_number chain_id contract format log_id transaction")
    return Locator(
        *_read_place(value),
        block_hash=word32(value["block_hash"], "the block hash of the anchor"),
        block_number=integer(value["block_number"], "the block number of the anchor"),
        transaction=word32(value["transaction"], "the transaction of the anchor"),
    )


def _read_receipt_anchor(value: Dict[str, Any]) -> ReceiptAnchor:
    names = "chain_id contract format header_rlp log_id log_index receipt_nodes transaction_index"
    members(value, "the anchor", names)
    nodes = listing(value["receipt_nodes"], "the list of nodes of the anchor", least=1, most=NODES)
    anchor = ReceiptAnchor(
        *_read_place(value),
        header_rlp=from_base64(value["header_rlp"], "the header of the anchor"),
        transaction_index=integer(value["transaction_index"], "the transaction index of the anchor"),
        receipt_nodes=tuple(from_base64(node, "a node of the anchor") for node in nodes),
        log_index=integer(value["log_index"], "the log index of the anchor"),
    )
    if not 1 <= len(anchor.header_rlp) <= HEADER_BYTES:
        raise VerificationError(f"the header of the anchor is not of 1 to {HEADER_BYTES} bytes")
    if not all(anchor.receipt_nodes) or sum(map(len, anchor.receipt_nodes)) > NODE_BYTES:
        raise VerificationError(f"the nodes of the anchor are empty or of more than {NODE_BYTES} bytes")
    return anchor


def _read_place(value: Dict[str, Any]) -> Tuple[int, str, str]:
    return (
        integer(value["chain_id"], "the chain id of the anchor", least=1),
        address(value["contract"], "the contract of the anchor"),
        word32(value["log_id"], "the log id of the anchor"),
    )


def _read_state(value: Any, what: str) -> State:
    members(value, what, "entry index path")
    entry = _read_entry(value["entry"])
    if entry.kind != "log.state":
        raise VerificationError(f"{what} is not a state entry")
    about_block = "block_hash block_number chain_id"
    data = members(entry.data, f"the data of {what}", "map_root size subjects", about_block)
    block = None
    if set(data) & set(about_block.split()):
        members(data, f"the data of {what}", f"map_root size subjects {about_block}")
        block = (
            integer(data["chain_id"], f"the chain id of {what}", least=1),
            integer(data["block_number"], f"the block number of {what}"),
            word32(data["block_hash"], f"the block hash of {what}"),
        )
    return State(
        entry=entry,
        index=integer(value["index"], f"the index of {what}"),
        path=tuple(
            from_base64(step, "a hash of a path", 32) for step in listing(value["path"], "a path", most=PATH_HASHES)
        ),
        map_root=bytes.fromhex(hex32(data["map_root"], f"the map's root of {what}")),
        size=integer(data["size"], f"the size of {what}"),
        subjects=integer(data["subjects"], f"the number of subjects of {what}"),
        block=block,
    )


def _read_history(value: Any) -> History:
    members(value, "the history", "path state", "leaf")
    steps = [_read_step(step) for step in listing(value["path"], "the path through the map", most=MAP_STEPS)]
    positions = [position for position, _ in steps]
    if positions != sorted(set(positions), reverse=True):
        raise VerificationError("the positions of the path through the map do not fall")
    if steps and "leaf" not in value:
        raise VerificationError("the path through the map has no leaf")
    leaf = _read_map_leaf(value["leaf"]) if "leaf" in value else None
    return History(_read_state(value["state"], "the state of the history"), leaf, tuple(steps))


def _read_step(value: Any) -> Tuple[int, bytes]:
    members(value, "a step through the map", "position sibling")
    position = integer(value["position"], "a position in the map")
    if position >= MAP_STEPS:
        raise VerificationError("a position in the map is beyond the subject")
    return position, from_base64(value["sibling"], "a sibling in the map", 32)


def _read_map_leaf(value: Any) -> MapLeaf:
    members(value, "the leaf of the map", "count last mini_root subject")
    return MapLeaf(
        subject=bytes.fromhex(hex32(value["subject"], "the subject of the map's leaf")),
        count=integer(value["count"], "the count of the map's leaf", least=1),
        last=integer(value["last"], "the last index of the map's leaf"),
        mini_root=bytes.fromhex(hex32(value["mini_root"], "the mini-root of the map's leaf")),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Receipt proof of an anchor (protocol §7): from the block's header down the receipts trie to the registry's event.


@dataclass(frozen=True)
class Header:
    """What is read of a block's header, and the hash that the header has."""

    hash: str
    receipts_root: bytes
    number: int
    time: int  # seconds since 1970


def read_header(encoded: bytes) -> Header:
    """Three items by their positions, which no fork has moved; what later forks append may be anything."""
    items = read_rlp(encoded, "the header")
    if not isinstance(items, list) or len(items) < 15:
        raise VerificationError("the header is not an RLP list of at least 15 items")
    if not isinstance(items[5], bytes) or len(items[5]) != 32:
        raise VerificationError("the header has no receipts root")
    number, time_ = (rlp_integer(items[place], f"item {place} of the header") for place in (8, 11))
    return Header("0x" + keccak256(encoded).hex(), items[5], number, time_)


def read_event(anchor: ReceiptAnchor) -> Tuple[int, bytes]:
    """New size and new root of the registry's event that the anchor proves to stand under its header."""
    root = read_header(anchor.header_rlp).receipts_root
    logs = _logs_of(find_receipt(root, anchor.transaction_index, anchor.receipt_nodes))
    if anchor.log_index >= len(logs):
        raise VerificationError(f"the receipt has no log {anchor.log_index}")
    return _read_log(logs[anchor.log_index], anchor)


def find_receipt(root: bytes, index: int, nodes: Sequence[bytes]) -> bytes:
    """The value under the RLP of the index in the trie of this root; each node must be used, in its order."""
    key, waiting = _nibbles(rlp_key(index)), list(reversed(nodes))
    child: Any = root
    while True:
        node = _trie_node(child, waiting)
        if len(node) == 17:
            if not key:
                raise VerificationError("the receipts trie has no such transaction")
            child, key = node[int(key[0], 16)], key[1:]
            continue
        path, is_leaf = _hex_prefix(node[0])
        if not key.startswith(path) or not (path or is_leaf):
            raise VerificationError("the receipts trie has no such transaction")
        child, key = node[1], key[len(path) :]
        if is_leaf:
            break
    if key or waiting or not isinstance(child, bytes):
        raise VerificationError("the nodes of the receipts trie do not end in the receipt")
    return child


def _trie_node(child: Any, waiting: List[bytes]) -> List[Any]:
    """The node that a parent holds: a short one itself, a longer one by the hash of the next that is waiting."""
    if isinstance(child, list):
        node: Any = child if _rlp_length(child) < 32 else None
    elif len(child) == 32 and waiting and keccak256(waiting[-1]) == child:
        node = read_rlp(waiting.pop(), "a node of the receipts trie")
    else:
        raise VerificationError("a node of the receipts trie is not the one that its parent names")
    if not isinstance(node, list) or len(node) not in (2, 17):
        raise VerificationError("a node of the receipts trie is neither a branch nor a path")
    return node


def _nibbles(data: bytes) -> str:
    return data.hex()  # a digit is a nibble


def _hex_prefix(encoded: Any) -> Tuple[str, bool]:
    """The nibbles of a path and whether it ends in a leaf."""
    nibbles = _nibbles(encoded) if isinstance(encoded, bytes) else ""
    if not re.match("00|1|20|3", nibbles):
        raise VerificationError("a path in the receipts trie is malformed")
    return nibbles[1 if nibbles[0] in "13" else 2 :], nibbles[0] in "23"


def _logs_of(receipt: bytes) -> List[Any]:
    """The logs of a receipt of a transaction that succeeded."""
    kind = receipt[0] if receipt and receipt[0] < 0x80 else None
    if kind is not None and kind not in (1, 2, 3, 4):
        raise VerificationError(
            f"the receipt is of a type that this program does not know: {kind:#x}", outcome=NOT_CHECKED
        )
    items = read_rlp(receipt if kind is None else receipt[1:], "the receipt")
    if not isinstance(items, list) or len(items) < 4 or not isinstance(items[3], list):
        raise VerificationError("the receipt is not one of a transaction")
    if items[0] != b"\x01":
        raise VerificationError("the transaction did not succeed")
    return items[3]


def _read_log(log: Any, anchor: Anchor) -> Tuple[int, bytes]:
    """New size and new root, if this is the registry's Anchored event of the anchor's log."""
    if not isinstance(log, list) or len(log) != 3 or not isinstance(log[1], list) or len(log[1]) != 3:
        raise VerificationError("the log in the receipt is not the Anchored event")
    emitter, (event, log_id, size), data = log
    words = [ANCHORED_TOPIC, anchor.log_id]
    if not all(isinstance(part, bytes) for part in (emitter, event, log_id, size, data)):
        raise VerificationError("the log in the receipt is not the Anchored event")
    if "0x" + emitter.hex() != anchor.contract or ["0x" + event.hex(), "0x" + log_id.hex()] != words:
        raise VerificationError("the log in the receipt is not this log's Anchored event from the registered contract")
    if len(size) != 32 or len(data) != 96:
        raise VerificationError("the Anchored event in the receipt is malformed")
    return int.from_bytes(size, "big"), data[:32]


# RLP, strictly: strings become bytes, lists become lists; one encoding per value.


def read_rlp(data: bytes, what: str) -> Union[bytes, List[Any]]:
    try:
        item, end = _rlp_item(data, 0, len(data), RLP_NESTING)
    except ValueError:
        end = -1
    if end != len(data):
        raise VerificationError(f"{what} is not strict RLP")
    return item


def _rlp_item(data: bytes, start: int, end: int, levels: int) -> Tuple[Union[bytes, List[Any]], int]:
    """The item at `start`, and where it ends, at `end` at the latest."""
    is_list, first, after = _rlp_span(data, start, end)
    if not is_list:
        return data[first:after], after
    if levels == 0:
        raise ValueError("nested too deep")
    items: List[Any] = []
    while first < after:
        item, first = _rlp_item(data, first, after, levels - 1)
        items.append(item)
    return items, after


def _rlp_span(data: bytes, start: int, end: int) -> Tuple[bool, int, int]:
    """Whether a list begins at `start`, and where the content of the item begins and ends."""
    if start >= end:
        raise ValueError("an item is missing")
    if data[start] < 0x80:
        return False, start, start + 1
    is_list = data[start] >= 0xC0
    size, first = data[start] - (0xC0 if is_list else 0x80), start + 1
    if size > 55:
        first += size - 55
        size = int.from_bytes(data[start + 1 : first], "big")
        if first > end or data[start + 1] == 0 or size < 56:
            raise ValueError("a length that is not the shortest")
    if first + size > end or (not is_list and size == 1 and data[first] < 0x80):
        raise ValueError("too short, or one byte in two")
    return is_list, first, first + size


def _rlp_length(item: Union[bytes, List[Any]]) -> int:
    """How many bytes the item takes in RLP."""
    if isinstance(item, bytes) and len(item) == 1 and item[0] < 0x80:
        return 1
    size = len(item) if isinstance(item, bytes) else sum(map(_rlp_length, item))
    return 1 + size + (0 if size < 56 else (size.bit_length() + 7) // 8)


def rlp_integer(item: Any, what: str) -> int:
    if not isinstance(item, bytes) or len(item) > 8 or item[:1] == b"\x00":
        raise VerificationError(f"{what} is not an RLP integer of at most 8 bytes")
    return int.from_bytes(item, "big")


def rlp_key(index: int) -> bytes:
    """The RLP of an integer of at most 8 bytes."""
    number = index.to_bytes((index.bit_length() + 7) // 8, "big")
    return number if 0 < index < 0x80 else bytes([0x80 + len(number)]) + number


# ---------------------------------------------------------------------------------------------------------------------
# Receipt (protocol §4)


@dataclass(frozen=True)
class Receipt:
    note: Note
    name: str
    entry_id: str
    subject_type: str
    record: str
    leaf: str
    at: str
    seal_by: str


def read_receipt(data: bytes) -> Receipt:
    try:
        note = read_note(data.decode("utf-8"), "it")
    except (UnicodeDecodeError, VerificationError):
        raise VerificationError("it is neither a proof of record nor a receipt") from None
    lines = note.text.split("\n")
    subject_type, _, record = (lines[2] if len(lines) == 7 else "").partition(" ")
    if len(lines) != 7 or not lines[0].endswith("/receipt") or not lines[5].startswith("seal-by "):
        raise VerificationError("it is neither a proof of record nor a receipt")
    from_base64(lines[3], "the leaf hash of the receipt", 32)
    return Receipt(
        note=note,
        name=lines[0],
        entry_id=uuid(lines[1], "the entry id of the receipt"),
        subject_type=matching("[a-z]+", subject_type, "the subject type of the receipt"),
        record=uuid(record, "the record's id of the receipt"),
        leaf=lines[3],
        at=instant(lines[4], "the time of the receipt"),
        seal_by=instant(lines[5][len("seal-by ") :], "the seal-by time of the receipt"),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Node: the only part that touches the network. A node that is silent or talks nonsense proves nothing in either
# direction, so it makes lines "not checked"; only a clear answer against the proof makes one "failed".


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The host that is named must be the host that answered."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass(frozen=True)
class Block:
    number: int
    hash: str
    time: int  # seconds since 1970


@dataclass(frozen=True)
class TransactionReceipt:
    status: int
    block_hash: str
    logs: Tuple[Any, ...]


class Node:
    """An Ethereum JSON-RPC node, asked each question at most once and over at most `seconds`."""

    def __init__(self, url: str, seconds: float) -> None:
        self.url, self.seconds = url, seconds
        self.host, self.near = _host_of(url, "--rpc needs the http or https address of an Ethereum node")
        self._answers: Dict[str, Any] = {}
        self._silence: Optional[str] = None
        self._opener = urllib.request.build_opener(_NoRedirect)

    def chain_id(self) -> int:
        return self._quantity(self._ask("eth_chainId"))

    def block(self, tag: str) -> Optional[Block]:
        """By number (0x hex) or tag; None when the node has none."""
        answer = self._ask("eth_getBlockByNumber", tag, False)
        if answer is None:
            return None
        member = self._object(answer).get
        return Block(self._quantity(member("number")), self._word(member("hash")), self._quantity(member("timestamp")))

    def receipt(self, transaction: str) -> Optional[TransactionReceipt]:
        answer = self._ask("eth_getTransactionReceipt", transaction)
        if answer is None:
            return None
        member = self._object(answer).get
        logs = member("logs")
        if self._word(member("transactionHash")) != transaction or not isinstance(logs, list):
            raise self._nonsense()
        return TransactionReceipt(self._quantity(member("status")), self._word(member("blockHash")), tuple(logs))

    def transaction(self, block: int, index: int) -> str:
        """The hash of the transaction that stands there in the block of that number."""
        hashes = self._object(self._ask("eth_getBlockByNumber", hex(block), False)).get("transactions")
        if not isinstance(hashes, list) or index >= len(hashes):
            raise self._nonsense()
        return self._word(hashes[index])

    def sender(self, transaction: str) -> str:
        sender = self._object(self._ask("eth_getTransactionReceipt", transaction)).get("from")
        if not isinstance(sender, str) or not re.fullmatch("0x[0-9a-fA-F]{40}", sender):
            raise self._nonsense()
        return sender.lower()

    def head(self, contract: str, log_id: str) -> str:
        """The word that the registry keeps for the log (§6)."""
        call = {"data": "0x" + keccak256(b"head(bytes32)")[:4].hex() + log_id[2:], "to": contract}
        return self._word(self._ask("eth_call", call, "latest"))

    def code(self, contract: str) -> bytes:
        answer = self._ask("eth_getCode", contract, "latest")
        code = answer if isinstance(answer, str) and len(answer) <= 2 * CODE_BYTES else ""
        if not re.fullmatch("0x([0-9a-fA-F]{2})*", code):
            raise self._nonsense()
        return bytes.fromhex(code[2:])

    def _ask(self, method: str, *params: Any) -> Any:
        question = json.dumps([method, params])
        if question not in self._answers:
            self._answers[question] = self._result(self._exchange(method, params))
        return self._answers[question]

    def _exchange(self, method: str, params: Tuple[Any, ...]) -> bytes:
        """The raw answer; after one silence the node is not asked again."""
        if self._silence is not None:
            raise self._unchecked(self._silence)
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"Content-Type": "application/json", "User-Agent": "verify.py"}
        try:
            # The scheme was checked to be http or https in _host_of.
            request = urllib.request.Request(self.url, json.dumps(call).encode(), headers)  # noqa: S310
            with self._opener.open(request, timeout=self.seconds) as response:
                return self._whole(response)
        except urllib.error.HTTPError as error:
            error.close()
            raise self._unchecked(f"answered with HTTP status {error.code}") from None
        except (OSError, http.client.HTTPException, ValueError):
            self._silence = "did not answer"
            raise self._unchecked(self._silence) from None

    def _whole(self, response: Any) -> bytes:
        data = _read_bounded(response, ANSWER_BYTES, self.seconds)
        if data is None:
            raise self._unchecked("answered with too much, or too slowly")
        return data

    def _result(self, answer: bytes) -> Any:
        try:
            reply = json.loads(_modest(answer.decode("utf-8"), ANSWER_NESTING), parse_int=_bounded_integer)
        except ValueError:
            raise self._nonsense() from None
        if not isinstance(reply, dict) or reply.get("id") != 1:
            raise self._nonsense()
        if reply.get("error") is not None:
            raise self._unchecked("refused to answer")
        if "result" not in reply:
            raise self._nonsense()
        return reply["result"]

    def _object(self, value: Any) -> Dict[str, Any]:
        if not isinstance(value, dict):
            raise self._nonsense()
        return value

    def _quantity(self, value: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch("0x[0-9a-fA-F]{1,64}", value):
            raise self._nonsense()
        return int(value, 16)

    def _word(self, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch("0x[0-9a-fA-F]{64}", value):
            raise self._nonsense()
        return value.lower()

    def _nonsense(self) -> VerificationError:
        return self._unchecked("gave an answer that cannot be understood")

    def _unchecked(self, why: str) -> VerificationError:
        return VerificationError(f"{self.host} {why}", outcome=NOT_CHECKED)


def _read_bounded(response: Any, most: int, seconds: float) -> Optional[bytes]:
    """All of it, or None if it is more or slower: a time-out of the socket alone never ends a trickle."""
    deadline, data = time.monotonic() + seconds, bytearray()
    while len(data) <= most and time.monotonic() < deadline:
        part = response.read1(65536)
        if not part:
            return bytes(data)
        data += part
    return None


def _host_of(url: str, wanted: str) -> Tuple[str, bool]:
    """The host to name, without any secret of the URL, and whether it is this computer or its own network."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9_.:-]+", host) or "@" in parts.netloc:
        raise VerificationError(wanted, exit_code=2)
    try:
        near = ipaddress.ip_address(host).is_private
    except ValueError:
        near = host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
    return (host if port is None else f"{host}:{port}"), near


# ---------------------------------------------------------------------------------------------------------------------
# The seven lines (protocol §8)


@dataclass(frozen=True)
class Line:
    number: int
    name: str
    status: str
    text: str


@dataclass(frozen=True)
class Named:
    """The record that the reader asks about, and the receipt by which they name it."""

    text: str
    subject: bytes
    receipt: Optional[Receipt] = None


@dataclass(frozen=True)
class Case:
    """What is checked, what is believed, whom we may ask, and about what."""

    proof: Proof
    trust: Trust
    node: Optional[Node] = None
    block_hash: Optional[str] = None  # that the reader found, 0x hex
    named: Optional[Named] = None

    @property
    def anchor(self) -> Optional[Anchor]:
        """As far as this program knows its format."""
        return self.proof.anchor if isinstance(self.proof.anchor, Anchor) else None


def check_record(case: Case) -> str:
    """Line 1: the facts shown are the ones recorded."""
    for item in case.proof.items:
        for disclosure in item.disclosures:
            if item.entry.digests.get(disclosure.name) != disclosure.digest:
                raise VerificationError(f"{disclosure.name} as shown with {item.entry.id} is not the recorded one")
    if not case.proof.items:
        return "no entry is shown: the file says that there is none"
    if len({item.entry.subject for item in case.proof.items}) != 1:
        raise VerificationError("the entries are not all about one subject")
    if len(set(map(json.dumps, case.proof.numbers))) > 1 or not all(isinstance(n, str) for n in case.proof.numbers):
        raise VerificationError("the entries do not show one number")
    facts = sum(len(item.disclosures) for item in case.proof.items)
    number = case.proof.number
    name = "number not shown" if number is None else shown(number)
    return f"{name}: {_count(facts, 'fact')} shown, as recorded in {_count(len(case.proof.items), 'entry')}"


def check_sealed(case: Case) -> str:
    """Line 2: every entry lies in a tree that a log key of the origin signed."""
    checkpoint = case.proof.checkpoint
    if checkpoint is None:
        raise VerificationError("recorded, not yet sealed in the log", outcome=PENDING)
    if checkpoint.origin != case.trust.origin:
        raise VerificationError(f"the checkpoint is of another log than {printable(case.trust.origin)}")
    keys = [log_key.key for log_key in case.trust.log_keys if log_key.covers(checkpoint.size)]
    signer = check_note(checkpoint.note, keys, f"the checkpoint of {checkpoint.size} entries")
    check_cosignatures(checkpoint.note, case.trust.auditors)
    if case.proof.not_before is not None:
        _check_state(case.proof.not_before, checkpoint, case.trust.origin)
    waiting = sum(not _included(item, checkpoint, case.trust.origin) for item in case.proof.items)
    total = len(case.proof.items)
    if waiting:
        raise VerificationError(f"{waiting} of {_count(total, 'entry')} not yet under this checkpoint", outcome=PENDING)
    return f"{_count(total, 'entry')} in the log of {_count(checkpoint.size, 'entry')}, signed by {signer}"


def _included(item: Item, checkpoint: Checkpoint, origin: str) -> bool:
    if item.entry.kind.startswith("log.") and item.entry.subject != subject_of("log", origin):
        raise VerificationError("an entry about the log is about another log")
    if item.index is None:
        return False
    leaf = leaf_hash(item.entry.text)
    check_inclusion(index=item.index, size=checkpoint.size, leaf=leaf, path=item.path, root=checkpoint.root)
    return True


def _check_state(state: State, checkpoint: Checkpoint, origin: str) -> None:
    """The state entry is this log's and lies in the sealed tree."""
    if state.entry.subject != subject_of("log", origin):
        raise VerificationError("the state entry is about another log")
    leaf = leaf_hash(state.entry.text)
    check_inclusion(index=state.index, size=checkpoint.size, leaf=leaf, path=state.path, root=checkpoint.root)


def subject_of(subject_type: str, record: str) -> str:
    return sha256(b"\x00".join([b"subject/v1", subject_type.encode(), record.encode()])).hex()


def check_anchored(case: Case) -> str:
    """Line 3: the registry's own event names this tree."""
    anchor, checkpoint = _located(case)
    if not _registered(case):
        raise VerificationError(UNREGISTERED, outcome=NOT_CHECKED)
    if isinstance(anchor, Locator):
        return _anchored_as_told(case, anchor, checkpoint)
    assert isinstance(anchor, ReceiptAnchor)
    if read_event(anchor) != (checkpoint.size, checkpoint.root):
        raise VerificationError(OTHER_TREE)
    block = read_header(anchor.header_rlp)
    return (
        f"the registry {anchor.contract} recorded this tree: log {anchor.log_index} of transaction"
        f" {anchor.transaction_index} under the header with the hash {block.hash}"
    )


def _anchored_as_told(case: Case, anchor: Locator, checkpoint: Checkpoint) -> str:
    """A locator holds no event: a node has to show it."""
    node = _node(case, f"or look up transaction {anchor.transaction} yourself")
    if not _on_this_chain(case, node):
        raise _another_chain(anchor, node)
    receipt = node.receipt(anchor.transaction)
    if receipt is None:
        raise VerificationError(f"{node.host} knows no transaction {anchor.transaction} (a node may forget old ones)")
    if receipt.status != 1:
        raise VerificationError(f"the transaction {anchor.transaction} did not succeed")
    events = [event for event in (_anchored_event(log, anchor) for log in receipt.logs) if event is not None]
    if not events:
        raise VerificationError("the transaction holds no Anchored event of this log from the registered contract")
    if (checkpoint.size, checkpoint.root) not in events:
        raise VerificationError(OTHER_TREE)
    return f"the registry {anchor.contract} recorded this tree in transaction {anchor.transaction}"


OTHER_TREE = "the contract's event names another size or root than the checkpoint"
UNREGISTERED = (
    "trust.json does not know this registration; download the current trust.json from the insurer and check it with"
    " --fingerprint"
)


def _another_chain(anchor: Anchor, node: Node) -> VerificationError:
    """A node of another chain, as after a mistyped --rpc, speaks neither for nor against the file."""
    wanted = chain_name(anchor.chain_id)
    return VerificationError(f"{node.host} is a node of another chain than {wanted}", outcome=NOT_CHECKED)


ANCHORED_TOPIC = "0x" + keccak256(b"Anchored(bytes32,uint256,bytes32,uint256,bytes32)").hex()


def _anchored_event(log: Any, anchor: Anchor) -> Optional[Tuple[int, bytes]]:
    """(new size, new root) of the registry's Anchored event for this log; None of any other log line.

    Topics: event, log id, new size. Data: new root, old size, old root, 32 bytes each.
    """
    if not isinstance(log, dict) or log.get("removed") is True:
        return None
    topics = log.get("topics")
    if not isinstance(topics, list) or len(topics) != 3:
        return None
    address_, data, topics = str(log.get("address")).lower(), log.get("data"), [str(topic).lower() for topic in topics]
    if address_ != anchor.contract or topics[:2] != [ANCHORED_TOPIC, anchor.log_id]:
        return None
    if not re.fullmatch("0x[0-9a-f]{64}", topics[2]) or not re.fullmatch("0x[0-9a-fA-F]{192}", str(data)):
        return None
    return int(topics[2], 16), bytes.fromhex(str(data)[2:66])


def check_block(case: Case) -> str:
    """Line 4: the event's block is this chain's own, and final."""
    anchor, _ = _located(case)
    if not _registered(case):
        raise VerificationError("no registration to compare with: see line 3", outcome=NOT_CHECKED)
    number, hash_ = _block_of(anchor)
    if case.block_hash not in (None, hash_):
        raise VerificationError(f"the hash that you gave is not this block's: block {number} of the file has {hash_}")
    if case.node is None and case.block_hash and isinstance(anchor, ReceiptAnchor):
        time_ = moment(read_header(anchor.header_rlp).time)
        return f"block {number} of {chain_name(anchor.chain_id)}, of {time_}, is canonical and final on your word"
    otherwise = f"or compare {hash_} with the hash of block {number} in an explorer"
    node = _node(case, otherwise if isinstance(anchor, Locator) else otherwise + " and give it with --block-hash")
    if not _on_this_chain(case, node):
        raise _another_chain(anchor, node)
    block = node.block(hex(number))
    if block is None:
        raise VerificationError(f"{node.host} knows no block {number}")
    if (block.number, block.hash) != (number, hash_):
        raise VerificationError(f"block {number} is another one: {node.host} gives the hash {block.hash}")
    if isinstance(anchor, Locator):
        _require_in_block(anchor, node)
    _require_final(block, node)
    name = chain_name(anchor.chain_id)
    return f"block {block.number} of {name}, of {moment(block.time)}, is final, as told by {node.host}"


def _block_of(anchor: Anchor) -> Tuple[int, str]:
    """Number and hash: the locator's word, or what the header that is carried says and hashes to."""
    if isinstance(anchor, Locator):
        return anchor.block_number, anchor.block_hash
    assert isinstance(anchor, ReceiptAnchor)
    try:
        header = read_header(anchor.header_rlp)
    except VerificationError:
        raise VerificationError("no header to compare with: see line 3", outcome=NOT_CHECKED) from None
    return header.number, header.hash


def _require_in_block(anchor: Locator, node: Node) -> None:
    receipt = node.receipt(anchor.transaction)
    if receipt is None:
        raise VerificationError("no transaction to compare with: see line 3", outcome=NOT_CHECKED)
    if receipt.block_hash != anchor.block_hash:
        raise VerificationError(f"the transaction lies in another block: {receipt.block_hash}")


def _require_final(block: Block, node: Node) -> None:
    final = node.block("finalized")
    if final is None:
        raise VerificationError(f"{node.host} names no finalized block", outcome=NOT_CHECKED)
    if block.number > final.number:
        raise VerificationError(f"block {block.number} is not final yet, as told by {node.host}", outcome=PENDING)


def check_registry(case: Case) -> str:
    """Line 5: the published code stands at the contract, and which registrations this says nothing about."""
    anchor, _ = _located(case)
    if not _registered(case):
        raise VerificationError("no registration to compare with: see line 3", outcome=NOT_CHECKED)
    node = _node(case, "to read the contract's code")
    here = _on_this_chain(case, node)
    if not here:
        raise _another_chain(anchor, node)
    code_hash = "0x" + keccak256(node.code(anchor.contract)).hex()
    if code_hash != here[-1].code_hash:
        raise VerificationError(f"the code at {anchor.contract} is not the published one: its hash is {code_hash}")
    place, total = case.trust.registrations.index(here[-1]) + 1, len(case.trust.registrations)
    which = "the current registration" if place == total else f"registration {place} of {total}, not the current one"
    others = [f"{r.contract} on {chain_name(r.chain_id)}" for r in case.trust.registrations[: place - 1]]
    return f"the published code stands at {which}" + (f"; not covered: {', '.join(others)}" if others else "")


def _located(case: Case) -> Tuple[Anchor, Checkpoint]:
    anchor, checkpoint = case.proof.anchor, case.proof.checkpoint
    if anchor is None or checkpoint is None:
        raise VerificationError("not yet anchored: ask for a newer file later", outcome=PENDING)
    if isinstance(anchor, UnknownAnchor):
        raise VerificationError(
            f"this program does not know anchors of the format {anchor.format}: check with a newer one",
            outcome=NOT_CHECKED,
        )
    return anchor, checkpoint


def _node(case: Case, otherwise: str) -> Node:
    if case.node is None:
        raise VerificationError(f"needs --rpc with a node that you choose, {otherwise}", outcome=NOT_CHECKED)
    return case.node


def _registered(case: Case) -> List[Registration]:
    """The registrations that the anchor can mean. A local chain that was restarted has several, told by genesis."""
    anchor, _ = _located(case)
    wanted = (anchor.chain_id, anchor.contract, anchor.log_id)
    return [r for r in case.trust.registrations if (r.chain_id, r.contract, r.log_id) == wanted]


def _on_this_chain(case: Case, node: Node) -> List[Registration]:
    """Those of them whose chain the node speaks for."""
    chain_id, genesis = node.chain_id(), node.block("0x0")
    if genesis is None:
        raise VerificationError(f"{node.host} knows no first block", outcome=NOT_CHECKED)
    return [r for r in _registered(case) if (r.chain_id, r.genesis) == (chain_id, genesis.hash)]


def check_history(case: Case) -> str:
    """Line 6: the file holds all that the log's own map lists for the record that the reader named."""
    history, checkpoint, named = case.proof.history, case.proof.checkpoint, case.named
    if history is None or checkpoint is None:
        raise VerificationError(NO_HISTORY, outcome=NOT_CHECKED)
    if named is None:
        raise VerificationError(UNNAMED, outcome=NOT_CHECKED)
    last = checkpoint.size - 1
    if history.state.index != last:
        place = f"number {history.state.index} of a log of {checkpoint.size}"
        raise VerificationError(f"the state entry is {place}, not its last")
    if history.state.size != last:
        raise VerificationError(f"the state entry covers {history.state.size} entries, not the {last} before it")
    _check_state(history.state, checkpoint, case.trust.origin)
    _check_map(history, named.subject)
    return _compared(case, history, named)


NO_HISTORY = "the file holds no history: it speaks of the entries shown and of no others"
UNNAMED = (
    "name the record yourself, with --receipt FILE or --subject TYPE:ID: a file never says whose history is wanted"
)


def _check_map(history: History, subject: bytes) -> None:
    """Leaf and path lead to the map's root (§10), and so do the subject's own bits."""
    if history.leaf is None:
        if (history.state.map_root, history.state.subjects) != (sha256(b""), 0):
            raise VerificationError("the file calls a map empty that is not")
        return
    leaf = history.leaf
    if leaf.subject != subject and any(_bit(leaf.subject, step) != _bit(subject, step) for step, _ in history.path):
        raise VerificationError("this is the history of another record than the one that you named")
    node = sha256(b"\x00" + leaf.subject + _u64(leaf.count) + _u64(leaf.last) + leaf.mini_root)
    for position, sibling in history.path:
        pair = sibling + node if _bit(leaf.subject, position) else node + sibling
        node = sha256(b"\x01" + position.to_bytes(2, "big") + pair)
    if node != history.state.map_root:
        raise VerificationError("the path does not lead to the map's root")


def _bit(subject: bytes, position: int) -> int:
    """Bit 0 is the most significant."""
    return subject[position // 8] >> (7 - position % 8) & 1


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _compared(case: Case, history: History, named: Named) -> str:
    """The entries of the file against what the map lists."""
    items, leaf = case.proof.items, history.leaf
    if any(bytes.fromhex(item.entry.subject) != named.subject for item in items):
        raise VerificationError("this is the history of another record than the one that you named")
    if leaf is None or leaf.subject != named.subject:
        if items:
            raise VerificationError("the log's map lists no entries of this record, but the file holds some")
        return f"the log's map lists nothing about {named.text}{_extent(case, history)}"
    if len(items) != leaf.count:
        raise VerificationError(
            f"the log's map lists {_count(leaf.count, 'entry')} of this record, the file holds {len(items)}"
        )
    placed = sorted((item.index or 0, leaf_hash(item.entry.text)) for item in items)
    if placed[-1][0] != leaf.last or _mini_root(placed) != leaf.mini_root:
        raise VerificationError("the entries in the file are not the ones that the log's map lists")
    listed = "the 1 entry" if leaf.count == 1 else f"all {leaf.count} entries"
    return f"{listed} that the log's map lists about {named.text}{_extent(case, history)}"


def _mini_root(placed: Sequence[Tuple[int, bytes]]) -> bytes:
    """RFC 9162 §2.1.1 over index and leaf hash of a subject's entries, level by level."""
    level = [sha256(b"\x00" + _u64(index) + leaf) for index, leaf in placed]
    while len(level) > 1:
        pairs = [sha256(b"\x01" + level[place] + level[place + 1]) for place in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) - len(level) % 2 :]
    return level[0]


def _extent(case: Case, history: History) -> str:
    """How far the answer reaches, in words; fails when it lacks what a receipt promised to be there by then."""
    time_ = _confirmed_time(case)
    when = "" if time_ is None else f", anchored at {moment(time_)}"
    missing = _missing_receipt(case, time_)
    return f", up to size {history.state.size + 1} of the log{when}; what was sealed later is not covered" + (
        missing + ("" if time_ is None else _newer_anchor(case))
    )


def _confirmed_time(case: Case) -> Optional[int]:
    """When the anchor's block was made, if lines 3 and 4 pass."""
    if any(judge(0, "", check, case).status != PASSED for check in (check_anchored, check_block)):
        return None
    return _block_time(case)


def _missing_receipt(case: Case, time_: Optional[int]) -> str:
    """What to say when the entry of the reader's receipt is not among the entries: it may still be to come, or not."""
    receipt = case.named.receipt if case.named else None
    leaves = {base64.b64encode(leaf_hash(item.entry.text)).decode() for item in case.proof.items}
    if receipt is None or receipt.leaf in leaves:
        return ""
    seal_by = datetime.fromisoformat(receipt.seal_by[:-1]).replace(tzinfo=timezone.utc).timestamp()
    if time_ is not None and time_ > seal_by:
        raise VerificationError(
            f"the entry of your receipt was promised by {receipt.seal_by}, and the history anchored at"
            f" {moment(time_)} lacks it: keep both files"
        )
    return f"; the entry of your receipt, promised by {receipt.seal_by}, is not in it"


def _newer_anchor(case: Case) -> str:
    """Whether the registry has moved on since this anchor; nothing where the node does not tell."""
    anchor, checkpoint, node = case.anchor, case.proof.checkpoint, case.node
    if node is None:
        return ""
    assert anchor and checkpoint
    try:
        sender, head = node.sender(_transaction_of(anchor, node)), node.head(anchor.contract, anchor.log_id)
    except VerificationError:
        return ""
    word = bytes(12) + bytes.fromhex(sender[2:]) + checkpoint.size.to_bytes(32, "big") + checkpoint.root
    if head == "0x" + keccak256(word).hex():
        return "; it is the newest anchor"
    return "; a newer anchor exists: ask for a newer file"


def _transaction_of(anchor: Anchor, node: Node) -> str:
    """Its hash: the locator's word, or what the node has at the receipt's place in the block."""
    if isinstance(anchor, Locator):
        return anchor.transaction
    assert isinstance(anchor, ReceiptAnchor)
    return node.transaction(read_header(anchor.header_rlp).number, anchor.transaction_index)


def check_recomputed(case: Case) -> str:
    """Line 7: an auditor of trust.json recomputed the map."""
    checkpoint = case.proof.checkpoint
    cosigned = check_cosignatures(checkpoint.note, case.trust.auditors) if checkpoint else []
    if not cosigned:
        raise VerificationError(NOT_RECOMPUTED, outcome=NOT_CHECKED)
    who = [f"auditor {key}, who cosigned it at {moment(seconds)}" for key, seconds in cosigned]
    return f"the map of this checkpoint was recomputed by {' and by '.join(who)}"


NOT_RECOMPUTED = "not independently recomputed: no auditor of trust.json has cosigned this checkpoint"


def lower_bound(case: Case) -> Optional[Block]:
    """The block that the file's entries were sealed after, once the reader's node confirms it; None: none is named.

    Raises VerificationError with the reason why it is not confirmed.
    """
    if case.proof.not_before is None or case.proof.not_before.block is None:
        return None
    chain_id, number, hash_ = case.proof.not_before.block
    if case.node is None:
        raise VerificationError("needs --rpc")
    genesis = case.node.block("0x0")
    here = (case.node.chain_id(), genesis and genesis.hash)
    if here[0] != chain_id or here not in {(r.chain_id, r.genesis) for r in case.trust.registrations}:
        raise VerificationError(f"{case.node.host} is a node of another chain")
    block, final = case.node.block(hex(number)), case.node.block("finalized")
    if block is None or final is None or (block.number, block.hash) != (number, hash_) or number > final.number:
        raise VerificationError(f"{case.node.host} does not know it as a final block")
    return block


CHECKS: Tuple[Tuple[str, Callable[[Case], str]], ...] = (
    ("record", check_record),
    ("sealed", check_sealed),
    ("anchored", check_anchored),
    ("block", check_block),
    ("registry", check_registry),
    ("history", check_history),
    ("recomputed", check_recomputed),
)
DEFAULT_REQUIRED = frozenset({1, 2, 3, 4})
COMPLETE = frozenset({6, 7})  # required too once the reader names a record, and of a file that shows nothing


def judge(number: int, name: str, check: Callable[..., str], *matter: Any) -> Line:
    try:
        return Line(number, name, PASSED, check(*matter))
    except VerificationError as error:
        return Line(number, name, error.outcome, str(error))


def check_lines(case: Case) -> Tuple[Line, ...]:
    return tuple(judge(number, name, check, case) for number, (name, check) in enumerate(CHECKS, start=1))


# ---------------------------------------------------------------------------------------------------------------------
# The verdict


@dataclass(frozen=True)
class Fact:
    """One entry as far as the file shows it. Row fields are `shown` too; printing leaves them out unless asked."""

    at: str
    kind: str
    id: str
    index: Optional[int]
    shown: Dict[str, Any]
    withheld: int


@dataclass(frozen=True)
class Report:
    """The outcome of one check; every text in it is for people, values in it are the file's own."""

    document: str  # "proof" or "receipt"
    exit_code: int
    verdict: str
    lines: Tuple[Line, ...]
    warnings: Tuple[str, ...]
    limits: Tuple[str, ...]  # what it does not prove
    number: Optional[str]
    facts: Tuple[Fact, ...]
    trust_version: int
    fingerprint: str
    refresh: Optional[str] = None  # what --refresh did


def verify(
    proof: bytes,
    trust: bytes,
    *,
    rpc: Optional[str] = None,
    block_hash: Optional[str] = None,
    require: Optional[FrozenSet[int]] = None,
    fingerprint: Optional[str] = None,
    seconds: float = 10.0,
    subject: Optional[str] = None,
    receipt: Optional[bytes] = None,
) -> Report:
    """Check the bytes of a proof of record, or of a receipt, against the bytes of a trust file.

    `rpc` is a node's URL (None: no network), each answer of which may take `seconds`; `block_hash` the hash, in hex,
    that the anchor's block has as far as you know; `require` holds numbers of lines (None: 1 to 4, and 6 and
    7 of a record that is named); `subject` as TYPE:ID or `receipt` names the record that is asked about. Raises
    VerificationError for a malformed file (exit_code 1) and for an argument that cannot be used (2).
    """
    node = Node(rpc, seconds) if rpc is not None else None
    if fingerprint is not None and not re.fullmatch("[0-9a-f]{64}", _plain_hex(fingerprint)):
        raise VerificationError("--fingerprint: 64 hex digits wanted", exit_code=2)
    found = None if block_hash is None else re.fullmatch("(?:0x)?([0-9a-f]{64})", _typed(block_hash))
    if block_hash is not None and found is None:
        raise VerificationError("--block-hash: 0x and 64 hex digits wanted", exit_code=2)
    _refuse_pdf(proof)
    document = _read_document(proof)
    believed = read_trust(trust, fingerprint)
    named = _named(subject, receipt, believed)
    if isinstance(document, Receipt):
        return _receipt_report(document, believed)
    if require is None:
        require = DEFAULT_REQUIRED | COMPLETE if named or not document.items else DEFAULT_REQUIRED
    return _proof_report(Case(document, believed, node, found and "0x" + found.group(1), named), require)


def _named(subject: Optional[str], receipt: Optional[bytes], trust: Trust) -> Optional[Named]:
    """Whom the reader asks about: by type and id, or by a receipt that a receipt key signed."""
    if subject is not None and receipt is not None:
        raise VerificationError("--receipt and --subject: one of them names the record", exit_code=2)
    if receipt is not None:
        try:
            read = read_receipt(receipt)
            _check_receipt(read, trust)
        except VerificationError as error:
            raise VerificationError(f"--receipt: {error}", exit_code=2) from None
        subject = f"{read.subject_type}:{read.record}"
    if subject is None:
        return None
    kind, _, record = subject.partition(":")
    of_the_log = kind == "log" and re.fullmatch(r"[^\s+]+", record)
    if not re.fullmatch("[a-z]+", kind) or not (of_the_log or re.fullmatch(UUID, record)):
        raise VerificationError("--subject: TYPE:ID wanted, the id as it stands on the receipt", exit_code=2)
    text = f"{kind} {printable(record)}"
    return Named(text, bytes.fromhex(subject_of(kind, record)), None if receipt is None else read)


def _typed(hash_: str) -> str:
    """As copied from anywhere: without white space and what nobody sees (soft hyphen, zero width, word joiner)."""
    return re.sub("[\\s\u00ad\u200b-\u200d\u2060\ufeff]", "", hash_).lower()


PDF = (
    "This is a PDF. The proof is the .proof.json file attached inside it: open the PDF on a computer, save the"
    " attachment, and check that."
)


def _refuse_pdf(data: bytes) -> None:
    """No word on the record: the certificate carries the file that is wanted."""
    if data.startswith(b"%PDF"):
        raise VerificationError(PDF, exit_code=2)


def _read_document(data: bytes) -> Union[Proof, Receipt]:
    try:
        if len(data) > FILE_BYTES:
            raise VerificationError(f"it is larger than {FILE_BYTES} bytes")
        return read_proof(data) if data.startswith(b"{") else read_receipt(data)
    except VerificationError as error:
        raise VerificationError(f"the file is malformed: {error}") from None


def _proof_report(case: Case, require: FrozenSet[int]) -> Report:
    lines = check_lines(case)
    return Report(
        document="proof",
        exit_code=_exit_code(lines, require),
        verdict=_proof_verdict(case, lines, require),
        lines=lines,
        warnings=tuple(_warnings(case)),
        limits=(*_incompleteness(case, lines), *LIMITS),
        number=case.proof.number,
        facts=tuple(_fact(item) for item in case.proof.items),
        trust_version=case.trust.version,
        fingerprint=case.trust.fingerprints[-1],
    )


LIMITS = (
    "that an event which nobody recorded did not happen;",
    "when an entry was written: an anchor bounds the time of sealing, not of writing.",
)


def _incompleteness(case: Case, lines: Sequence[Line]) -> Tuple[str, ...]:
    """What may have been recorded and is not in the file."""
    passed = {line.number for line in lines if line.status == PASSED}
    if 6 not in passed or case.proof.checkpoint is None:
        return ("that nothing else was recorded about this: it speaks of these entries only;",)
    later = f"anything about what was sealed after the log's first {case.proof.checkpoint.size} entries;"
    if 7 not in passed:
        return ("that the log's own map leaves nothing out: no auditor of trust.json recomputed it;", later)
    return (later, "that the auditor is independent of the insurer: that is for you to judge;")


def _exit_code(lines: Sequence[Line], require: FrozenSet[int]) -> int:
    if any(line.status == FAILED for line in lines):
        return 1
    return 0 if all(line.status == PASSED for line in lines if line.number in require) else 3


def _proof_verdict(case: Case, lines: Sequence[Line], require: FrozenSet[int]) -> str:
    status = {line.number: line.status for line in lines}
    failed = [line.number for line in lines if line.status == FAILED]
    if failed:
        return f"Do not rely on this file: {_lines(failed)} failed."
    missing = [number for number in sorted(require) if status[number] != PASSED]
    waits = any(status[number] == PENDING for number in missing)
    advice = "ask for a newer file later" if waits else "see above what is needed"
    open_ = f" Nothing failed, but {_lines(missing)} could not be confirmed: {advice}." if missing else ""
    return _established(case, status) + open_


def _established(case: Case, status: Dict[int, str]) -> str:
    """The strongest sentence that the passed lines carry."""
    if not case.proof.items:
        return _nothing_shown(case, status)
    anchor = case.anchor
    if anchor and all(status[number] == PASSED for number in (1, 2, 3, 4)):
        sealed = f"The facts shown were sealed in the log {_after(case)}before {moment(_block_time(case))}"
        return f"{sealed} and have not been altered since.{_completeness(case, status)}"
    if anchor and status[2] == status[3] == PASSED:
        number, hash_ = _block_of(anchor)
        return (
            "The facts shown are anchored in a block that you have not confirmed:"
            f" compare hash {hash_} of block {number}."
        )
    known = "are sealed in the insurer's log" if status[2] == PASSED else "fit together"
    if case.proof.anchor and status[3] == NOT_CHECKED:
        asks = isinstance(anchor, Locator) and _registered(case) and not case.node
        advice = "give --rpc with a node that you choose" if asks else "see line 3"
        return f"The facts shown {known}. Whether they are anchored was not checked (lines 3 to 5): {advice}."
    others = "outside of the insurer" if status[2] == PASSED else "but this file"
    return f"The facts shown {known}; nothing {others} vouches for them yet."


def _block_time(case: Case) -> int:
    """When the anchor's block was made, in seconds since 1970, once line 4 has passed."""
    if isinstance(case.anchor, ReceiptAnchor):
        return read_header(case.anchor.header_rlp).time
    assert isinstance(case.anchor, Locator) and case.node is not None
    block = case.node.block(hex(case.anchor.block_number))
    assert block is not None
    return block.time


def _after(case: Case) -> str:
    try:
        block = lower_bound(case)
    except VerificationError:
        return ""  # the warnings say why
    return f"after {moment(block.time)} and " if block else ""


def _completeness(case: Case, status: Dict[int, str]) -> str:
    if status[6] != PASSED or not case.named or not case.proof.checkpoint:
        return ""
    what = f"about {case.named.text}, up to size {case.proof.checkpoint.size} of the log"
    if status[7] == PASSED:
        return f" They are complete: the log holds nothing else {what}."
    return f" They are all that the insurer's own map lists {what}; no auditor recomputed it, so not called complete."


def _nothing_shown(case: Case, status: Dict[int, str]) -> str:
    """A proof of absence."""
    if status[6] != PASSED or not case.named or not case.proof.checkpoint:
        return "The file shows no facts."
    what = f"nothing about {case.named.text}, up to size {case.proof.checkpoint.size}"
    if any(status[number] != PASSED for number in (1, 2, 3, 4)):
        return f"The insurer's log says that it holds {what}; nothing that you have confirmed vouches for that log yet."
    if status[7] == PASSED:
        return f"The log holds {what}."
    return f"The insurer's own map lists {what} of the log. No auditor recomputed that map."


def _lines(numbers: Sequence[int]) -> str:
    *rest, last = map(str, numbers)
    return f"lines {', '.join(rest)} and {last}" if rest else f"line {last}"


def _count(number: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else plural}"


def _warnings(case: Case) -> List[str]:
    """About the chain that the anchor lies on, or else the one that the log is registered with."""
    registrations = _registered(case) if case.anchor else []
    chains = {r.chain_id for r in registrations or case.trust.registrations[-1:]}
    warnings = [_chain_warning(chain_id) for chain_id in sorted(chains)]
    if case.node and case.node.near:
        warnings.append(
            f"{case.node.host} is on this computer or network: this program cannot know that it is independent of the"
            " insurer. Lines 3 to 5 are worth what that node is worth."
        )
    elif case.node and looks_like_insurers(case.node.host, case.trust.origin):
        warnings.append(
            f"{case.node.host} looks like the insurer's own: its word on lines 3 to 5 is the insurer's word."
            " Ask a node of somebody else."
        )
    try:
        lower_bound(case)
    except VerificationError as why:
        warnings.append(f"The file names a block that it was sealed after. Not confirmed, so not stated: {why}.")
    return [warning for warning in warnings if warning]


def looks_like_insurers(host: str, origin: str) -> bool:
    """Whether one of the two names, without its port, is the other or lies under it."""
    one, other = re.sub(":[0-9]+$", "", host).lower(), re.split("[/:]", origin, maxsplit=1)[0].lower()
    return f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")


def _chain_warning(chain_id: int) -> str:
    name, kind = CHAINS.get(chain_id, ("", ""))
    if kind in (TEST, LOCAL):
        return f"{TESTNET} ({name})"
    return "" if kind == MAIN else f"unknown chain {chain_id}: this program cannot say what its blocks are worth"


def chain_name(chain_id: int) -> str:
    return CHAINS[chain_id][0] if chain_id in CHAINS else f"unknown chain {chain_id}"


def moment(seconds: int) -> str:
    """A block's time, as the node gives it."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"second {seconds}"


def _fact(item: Item) -> Fact:
    return Fact(
        at=item.entry.at,
        kind=item.entry.kind,
        id=item.entry.id,
        index=item.index,
        shown={**item.entry.data, **{disclosure.name: disclosure.value for disclosure in item.disclosures}},
        withheld=len(item.entry.digests) - len(item.disclosures),
    )


def _receipt_report(receipt: Receipt, trust: Trust) -> Report:
    line = judge(1, "receipt", _check_receipt, receipt, trust)
    promise = (
        f"The insurer promised to seal the record {receipt.subject_type} {receipt.record}, entry {receipt.entry_id},"
        f" by {receipt.seal_by}. It was recorded at {receipt.at} in the log {printable(trust.origin)}. Keep this file:"
        f" if a checkpoint anchored in a block later than {receipt.seal_by} lacks the entry (leaf {receipt.leaf}),"
        " the promise is broken and this file shows it."
    )
    good = line.status == PASSED
    return Report(
        document="receipt",
        exit_code=0 if good else 1,
        verdict=promise if good else "Do not rely on this file: no receipt key of the insurer signed it.",
        lines=(line,),
        warnings=(),
        limits=("that the entry was sealed: a receipt is a promise, the proof of record shows that it was kept.",),
        number=None,
        facts=(),
        trust_version=trust.version,
        fingerprint=trust.fingerprints[-1],
    )


def _check_receipt(receipt: Receipt, trust: Trust) -> str:
    if receipt.name != f"{trust.origin}/receipt":
        raise VerificationError(f"the receipt is of another log than {printable(trust.origin)}")
    return f"signed by {check_note(receipt.note, trust.receipt_keys, 'the receipt')}"


# ---------------------------------------------------------------------------------------------------------------------
# Refreshing: the newest version of the same proof from the portal, which is believed no more than the file is.

RANK = {FAILED: 0, PENDING: 1, NOT_CHECKED: 2, PASSED: 3}


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects within one host and port only."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        same = urlsplit(newurl)[:2] == urlsplit(req.full_url)[:2]
        return super().redirect_request(req, fp, code, msg, headers, newurl) if same else None


def refresh(path: str, url: str, trust: bytes, *, token: Optional[str] = None, seconds: float = 60.0) -> str:
    """Replace the file by what the URL gives, if that is the same record and no worse. Says what was done.

    `token` is sent as the portal's API wants it. Raises VerificationError when the file is no proof, the trust file is
    unusable, or the URL is none to ask.
    """
    held, believed = _contents(path, FILE_BYTES), read_trust(trust)
    _refuse_pdf(held)
    if not held.startswith(b"{"):
        raise VerificationError("--refresh: only a proof of record has newer versions", exit_code=2)
    document = _read_document(held)
    assert isinstance(document, Proof)
    if not document.items:
        raise VerificationError("--refresh: a proof of absence names nobody: ask for a new one yourself", exit_code=2)
    try:
        newest = _download(url, token, seconds)
        if newest == held:
            return "your file is the newest version."
        gained = _gain(document, _read_sent(newest, _refresh_host(url)), believed)
        _replace_file(path, newest)
    except VerificationError as error:
        if error.exit_code == 2:
            raise
        return f"your file is unchanged: {error}."
    return f"your file was replaced by the newest version: {gained}."


def _refresh_host(url: str) -> str:
    host, near = _host_of(url, "--refresh needs the https address of the proof in the portal")
    if urlsplit(url).scheme != "https" and not near:
        raise VerificationError("--refresh: over http anybody on the way could read the proof; use https", exit_code=2)
    return host


def _download(url: str, token: Optional[str], seconds: float) -> bytes:
    host = _refresh_host(url)
    headers = {"Accept": "application/json", "User-Agent": "verify.py"}
    headers.update({} if token is None else {"Authorization": f"Token {token}"})
    try:
        # The scheme was checked to be http or https in _host_of.
        request = urllib.request.Request(url, headers=headers)  # noqa: S310
        with urllib.request.build_opener(_SameHost).open(request, timeout=seconds) as response:
            if response.status != 200:
                raise VerificationError(f"{host} answered with HTTP status {response.status}")
            data = _read_bounded(response, FILE_BYTES, seconds)
    except urllib.error.HTTPError as error:
        error.close()
        raise VerificationError(f"{host} answered with HTTP status {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise VerificationError(f"{host} did not answer") from None
    if data is None:
        raise VerificationError(f"{host} answered with too much, or too slowly")
    return data


def _read_sent(data: bytes, host: str) -> Proof:
    try:
        return read_proof(data)
    except VerificationError as error:
        raise VerificationError(f"{host} sent no proof ({error}); the address may need --token-file") from None


def _gain(held: Proof, newest: Proof, trust: Trust) -> str:
    """What the newest version has more. Raises VerificationError if it is not of the same record, or worse."""
    sent = {item.entry.text: {shown_.digest for shown_ in item.disclosures} for item in newest.items}
    for item in held.items:
        if item.entry.text not in sent:
            raise VerificationError(f"the version sent lacks the entry {item.entry.id}, so it is of another record")
        if not {shown_.digest for shown_ in item.disclosures} <= sent[item.entry.text]:
            raise VerificationError(f"the version sent shows less of the entry {item.entry.id}")
    if held.history is not None and newest.history is None:
        raise VerificationError("the version sent is no whole history, and your file is: ask after the next anchor")
    before, after = check_lines(Case(held, trust)), check_lines(Case(newest, trust))
    more = len(newest.items) - len(held.items)
    gains = [f"{_count(more, 'entry')} more"] if more else []
    for place, new in enumerate(after):
        old = before[place].status
        if new.status == FAILED or RANK[new.status] < RANK[old]:
            raise VerificationError(f"line {new.number} of the version sent is {new.status}: {new.text}")
        gains += [f"line {new.number} now {new.status}"] if new.status != old else []
    return ", ".join(gains) or "no line changed"


def _replace_file(path: str, content: bytes) -> None:
    """All or nothing: a crash leaves the old file or the new one."""
    target = os.path.realpath(path)
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".verify-")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, os.stat(target).st_mode & 0o777)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise VerificationError(f"it cannot be replaced: {error.strerror}") from None


# ---------------------------------------------------------------------------------------------------------------------
# Printing, for people and for programs. Every line goes through `printable` once more.

MARKS = {PASSED: "✓", FAILED: "✗", PENDING: "…", NOT_CHECKED: "-"}
ASCII_MARKS = {PASSED: "+", FAILED: "x", PENDING: ".", NOT_CHECKED: "-"}


def as_json(report: Report, *, all_fields: bool) -> str:
    facts = [{**asdict(fact), "shown": dict(_visible(fact, all_fields))} for fact in report.facts]
    return json.dumps({**asdict(report), "facts": facts}, sort_keys=True)


def as_text(report: Report, *, all_fields: bool, marks: Dict[str, str]) -> List[str]:
    groups = [report.fingerprint[place : place + 4] for place in range(0, 64, 4)]
    text = [f"Refresh: {report.refresh}", ""] if report.refresh else []
    text += [f"Checked against trust.json version {report.trust_version}, fingerprint {' '.join(groups)}", ""]
    for line in report.lines:
        text.append(f"{line.number} {line.name:<10} {marks[line.status]} {line.status:<12} {line.text}")
    if report.facts:
        text += ["", f"What is shown of {shown(report.number) if report.number else 'a record without its number'}:"]
    for fact in report.facts:
        text += _fact_text(fact, all_fields)
    text += ["", f"VERDICT (exit {report.exit_code}): {report.verdict}", *report.warnings]
    return [*text, "", "This does not prove:", *(f"  - {limit}" for limit in report.limits)]


def _fact_text(fact: Fact, all_fields: bool) -> List[str]:
    visible = _visible(fact, all_fields)
    rows = len(fact.shown) - len(visible)
    notes = [f"{_count(fact.withheld, 'field')} withheld"] if fact.withheld else []
    notes += [f"{_count(rows, 'row column')} shown with --all-fields"] if rows else []
    place = "" if fact.index is None else f"  (number {fact.index} in the log)"
    values = [f"      {printable(name)}: {shown(value)}" for name, value in visible]
    return [f"  {fact.at}  {fact.kind}{place}", *values, *([f"      [{'; '.join(notes)}]"] if notes else [])]


def _visible(fact: Fact, all_fields: bool) -> List[Tuple[str, Any]]:
    return [(name, value) for name, value in fact.shown.items() if all_fields or not name.startswith("row.")]


def _say(lines: Sequence[str], *, to: Optional[TextIO] = None) -> None:
    """Print what the terminal can show; the rest as escapes."""
    stream = to or sys.stdout
    encoding = stream.encoding or "utf-8"
    for line in lines:
        print(printable(line).encode(encoding, "backslashreplace").decode(encoding), file=stream)


def _marks() -> Dict[str, str]:
    try:
        "".join(MARKS.values()).encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return ASCII_MARKS
    return MARKS


# ---------------------------------------------------------------------------------------------------------------------
# Command line


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise VerificationError(f"{printable(message)}\n{self.format_usage().strip()}", exit_code=2)


def _line_numbers(text: str) -> FrozenSet[int]:
    """`1,2,3` and `1-3` are the same."""
    numbers: List[int] = []
    for part in text.split(","):
        found = re.fullmatch("([1-7])(?:-([1-7]))?", part)
        if not found:
            raise argparse.ArgumentTypeError("lines are numbered 1 to 7, as in 1,2 or 1-4")
        numbers += range(int(found.group(1)), int(found.group(2) or found.group(1)) + 1)
    return frozenset(numbers)


def _options(arguments: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = _Parser(prog="verify.py", description="Check a proof of record, or a receipt.", allow_abbrev=False)
    parser.add_argument("file", metavar="FILE", help="a proof of record or a receipt")
    parser.add_argument("--trust", required=True, metavar="trust.json", help="what to believe, from the insurer")
    parser.add_argument("--rpc", metavar="URL", help="an Ethereum node that you choose; without it, no network")
    parser.add_argument("--block-hash", metavar="0x…", help="of the anchor's block, as you found it, final, elsewhere")
    parser.add_argument("--refresh", metavar="URL", help="first replace FILE by its newest version from the portal")
    parser.add_argument("--token-file", metavar="FILE", help="holds the token that the portal's API asks for")
    parser.add_argument("--require", type=_line_numbers, metavar="1,2,3,4", help="of a named record also 6,7")
    parser.add_argument("--receipt", metavar="FILE", help="a receipt of the record whose whole history this must be")
    parser.add_argument("--subject", metavar="TYPE:ID", help="the same by its type and id")
    parser.add_argument("--fingerprint", metavar="HEX", help="of a version of trust.json that you know")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--all-fields", action="store_true", help="show the database columns too")
    return parser.parse_args(arguments)


def _contents(path: str, limit: int) -> bytes:
    """One byte more than the limit at most: enough to see that a file is too large."""
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no such file"
        raise VerificationError(f"cannot read {shown(path)}: {why}", exit_code=2) from None


def _run(options: argparse.Namespace) -> int:
    trust = _contents(options.trust, TRUST_BYTES)
    if options.token_file is not None and options.refresh is None:
        raise VerificationError("--token-file is sent with --refresh only", exit_code=2)
    token = None if options.token_file is None else _token(options.token_file)
    done = None if options.refresh is None else refresh(options.file, options.refresh, trust, token=token)
    report = verify(
        _contents(options.file, FILE_BYTES),
        trust,
        rpc=options.rpc,
        block_hash=options.block_hash,
        require=options.require,
        fingerprint=options.fingerprint,
        subject=options.subject,
        receipt=_contents(options.receipt, NOTE_BYTES) if options.receipt is not None else None,
    )
    report = replace(report, refresh=done)
    if options.json:
        _say([as_json(report, all_fields=options.all_fields)])
    else:
        _say(as_text(report, all_fields=options.all_fields, marks=_marks()))
    return report.exit_code


def _token(path: str) -> str:
    text = _contents(path, TOKEN_BYTES).decode("ascii", "replace").strip()
    if not re.fullmatch(r"[!-~]{1,1000}", text):
        raise VerificationError(f"{shown(path)} does not hold a token", exit_code=2)
    return text


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The exit code; never raises but SystemExit for --help."""
    json_wanted = False
    try:
        options = _options(argv)
        json_wanted = options.json
        return _run(options)
    except VerificationError as error:
        if json_wanted:
            _say([json.dumps({"exit_code": error.exit_code, "lines": [], "verdict": str(error)}, sort_keys=True)])
        else:
            verdict = f"VERDICT (exit {error.exit_code}): {error}"
            _say(verdict.split("\n"), to=sys.stderr if error.exit_code == 2 else sys.stdout)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
