#!/usr/bin/env python3
"""Recompute a log's tree and map from its entries, and cosign its checkpoint.

    python audit.py keygen --name NAME --key FILE
    python audit.py run SOURCE --log-key KEY --key FILE --state FILE [--checkpoint PLACE] [--token-file FILE]
                    [--keep FOLDER] [--known-fault INDEX] [--out FILE] [--post URL]

One file, Python 3.9 or later, standard library only. Written from docs/protocol.md (§12) alone; it shares no code with
the portal whose log it audits. SOURCE is a folder or an https address with `checkpoint` and `tile/entries/…` below it.

Exit 0: everything agrees and is cosigned. 1: the log is at fault. 2: usage, or a file of one's own that cannot be used.
3: nothing is at fault, but nothing was cosigned. The last line on standard error says it in words; the cosignature is
the only thing on standard output.

From top to bottom: encodings, Ed25519, notes and keys, entries, the tree, the map, the source, the audit, the command
line. `AuditError` is the only exception that leaves `audit`, whatever the log holds.
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
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, FrozenSet, Iterator, List, NoReturn, Optional, Sequence, Tuple, Union
from urllib.parse import urlsplit

AGREES, AT_FAULT, UNUSABLE, NOT_COSIGNED = 0, 1, 2, 3

BUNDLE = 256
ENTRY_BYTES = 65_535
BUNDLE_BYTES = BUNDLE * (ENTRY_BYTES + 2)
NOTE_BYTES, NOTE_SIGNATURES = 100_000, 100
DATA_MEMBERS = 64
NESTING = 8
LARGEST_INTEGER = 2**53 - 1
LARGEST_SIZE = 2**63
SECONDS = 60.0  # for one answer


class AuditError(Exception):
    """Why there is no cosignature, in words for people; `exit_code` says whose fault that is."""

    def __init__(self, message: str, exit_code: int = AT_FAULT) -> None:
        super().__init__(message)
        self.exit_code = exit_code


# ---------------------------------------------------------------------------------------------------------------------
# Encodings (protocol §1)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def from_base64(text: Any, size: Optional[int] = None) -> bytes:
    """RFC 4648 §4 with padding, one encoding per value. Raises ValueError."""
    data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    if not isinstance(text, str) or b64(data) != text or (size is not None and len(data) != size):
        raise ValueError("not base64 of the right length")
    return data


def from_base64url(text: Any, size: int) -> bytes:
    """RFC 4648 §5 without padding. Raises ValueError."""
    if not isinstance(text, str) or not re.fullmatch("[A-Za-z0-9_-]+", text):
        raise ValueError("not base64url")
    return from_base64(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), size)


def parse_json(data: bytes) -> Any:
    """Strict canonical JSON: what parses must format back to the same bytes. Raises ValueError."""
    text = data.decode("utf-8")
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    depth = 0
    for bracket in re.sub(r"[^\[\]{}]+", "", outside):
        depth += 1 if bracket in "[{" else -1
        if not 0 <= depth <= NESTING:
            raise ValueError("nested too deep")
    value = json.loads(
        text, object_pairs_hook=_unique, parse_int=_integer, parse_float=_no_float, parse_constant=_no_float
    )
    if json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8") != data:
        raise ValueError("not canonical")
    return value


def _unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs) or not all(name.isascii() for name in found):
        raise ValueError("a name is doubled or not ASCII")
    return found


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > LARGEST_INTEGER:
        raise ValueError("an integer beyond 2^53 - 1")
    return int(digits)


def _no_float(text: str) -> NoReturn:
    raise ValueError("a number that is not an integer")


def printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{{{ord(char):x}}}" for char in text)


# ---------------------------------------------------------------------------------------------------------------------
# Ed25519 (RFC 8032 §5.1). Not in constant time: an auditor signs now and then, on a machine of their own. Points are
# (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z.

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


def _times(scalar: int, p: Point) -> Point:
    total = _NEUTRAL
    for bit in range(scalar.bit_length() - 1, -1, -1):
        total = _add(total, total)
        if scalar >> bit & 1:
            total = _add(total, p)
    return total


def _decode_point(encoded: bytes) -> Optional[Point]:
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


_BASE = _decode_point((4 * pow(5, -1, _P) % _P).to_bytes(32, "little")) or _NEUTRAL


def _sha512_number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _secret_scalar(seed: bytes) -> Tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & (2**254 - 8) | 2**254
    return scalar, digest[32:]


def ed25519_public(seed: bytes) -> bytes:
    return _encode_point(_times(_secret_scalar(seed)[0], _BASE))


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    scalar, prefix = _secret_scalar(seed)
    r = _sha512_number(prefix, message) % _L
    commitment = _encode_point(_times(r, _BASE))
    k = _sha512_number(commitment, ed25519_public(seed), message) % _L
    return commitment + ((r + k * scalar) % _L).to_bytes(32, "little")


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Strict: s < L, canonical points, no small-order key, no cofactor."""
    key = _decode_point(public)
    s = int.from_bytes(signature[32:], "little")
    if key is None or _times(8, key)[0] == 0 or len(signature) != 64 or s >= _L:
        return False
    k = _sha512_number(signature[:32], public, message) % _L
    minus_key = (_P - key[0], key[1], key[2], _P - key[3])
    return _encode_point(_add(_times(s, _BASE), _times(k, minus_key))) == signature[:32]


# ---------------------------------------------------------------------------------------------------------------------
# Keys and checkpoints (protocol §3)

ED25519, COSIGNATURE = 1, 4


def key_id(name: str, kind: int, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + public)[:4]


@dataclass(frozen=True)
class LogKey:
    """A key that signs the log's checkpoints, and the log's origin."""

    origin: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> LogKey:
        """From its verifier key, as it stands in trust.json."""
        parts = text.split("+", 2)
        try:
            blob = from_base64(parts[2] if len(parts) == 3 else "", 33)
        except ValueError:
            blob = b""
        sound = len(blob) == 33 and blob[0] == ED25519 and re.fullmatch(r"[^\s+]+", parts[0])
        if not sound or parts[1] != key_id(parts[0], ED25519, blob[1:]).hex():
            raise AuditError("--log-key: not an Ed25519 verifier key, as it stands in trust.json", UNUSABLE)
        return cls(parts[0], blob[1:])


@dataclass(frozen=True)
class AuditorKey:
    """The auditor's own key pair."""

    name: str
    seed: bytes

    @property
    def public(self) -> bytes:
        return ed25519_public(self.seed)

    @property
    def verifier_key(self) -> str:
        public = self.public
        return f"{self.name}+{key_id(self.name, COSIGNATURE, public).hex()}+{b64(bytes([COSIGNATURE]) + public)}"

    @property
    def text(self) -> str:
        """How it is kept in a file."""
        identity = key_id(self.name, COSIGNATURE, self.public).hex()
        return f"PRIVATE+KEY+{self.name}+{identity}+{b64(bytes([COSIGNATURE]) + self.seed)}\n"

    @classmethod
    def parse(cls, text: str) -> AuditorKey:
        parts = text.strip().split("+", 4)
        try:
            blob = from_base64(parts[4] if len(parts) == 5 else "", 33)
        except ValueError:
            blob = b""
        if parts[:2] != ["PRIVATE", "KEY"] or len(blob) != 33 or blob[0] != COSIGNATURE:
            raise AuditError("--key: not a key that keygen has written", UNUSABLE)
        key = cls(parts[2], blob[1:])
        if key.text.strip() != text.strip():
            raise AuditError("--key: the key's id does not belong to the key", UNUSABLE)
        return key

    def cosign(self, checkpoint: str, seconds: int) -> str:
        """The C2SP cosignature/v1 line for a checkpoint's text, without its newline."""
        signature = ed25519_sign(self.seed, f"cosignature/v1\ntime {seconds}\n{checkpoint}".encode())
        blob = key_id(self.name, COSIGNATURE, self.public) + seconds.to_bytes(8, "big") + signature
        return f"\u2014 {self.name} {b64(blob)}"


@dataclass(frozen=True)
class Checkpoint:
    text: str
    origin: str
    size: int
    root: bytes


def read_checkpoint(note: bytes, keys: Sequence[LogKey]) -> Checkpoint:
    """A checkpoint that a known key of its log has signed; one wrong signature of a known key spoils it."""
    try:
        text, signatures = _split_note(note)
        origin, size, root, end = text.split("\n")
        if not re.fullmatch("0|[1-9][0-9]{0,18}", size) or int(size) >= LARGEST_SIZE or end:
            raise ValueError("not a checkpoint")
        checkpoint = Checkpoint(text, origin, int(size), from_base64(root, 32))
    except ValueError:  # UnicodeDecodeError is one
        raise AuditError("the checkpoint is not a signed note of origin, size and root") from None
    known = {(key.origin, key_id(key.origin, ED25519, key.public)): key for key in keys if key.origin == origin}
    good = 0
    for name, identity, signature in signatures:
        if (name, identity) in known:
            if not ed25519_verify(known[name, identity].public, text.encode(), signature):
                raise AuditError("the log's signature under the checkpoint is wrong")
            good += 1
    if not good:
        raise AuditError("the checkpoint is not signed with the --log-key")
    return checkpoint


def _split_note(note: bytes) -> Tuple[str, List[Tuple[str, bytes, bytes]]]:
    text = note.decode("utf-8")
    cut = text.rfind("\n\n")
    lines = text[cut + 2 :].split("\n")
    if len(note) > NOTE_BYTES or cut < 0 or lines.pop() != "" or not 1 <= len(lines) <= NOTE_SIGNATURES:
        raise ValueError("not a signed note")
    signatures = []
    for line in lines:
        found = re.fullmatch(r"\u2014 ([^\s+]+) (\S+)", line)
        blob = from_base64(found.group(2)) if found else b""
        if found is None or len(blob) < 5:
            raise ValueError("not a signature line")
        signatures.append((found.group(1), blob[:4], blob[4:]))
    return text[: cut + 1], signatures


# ---------------------------------------------------------------------------------------------------------------------
# Entries (protocol §2)

_COMMON = {"at", "id", "kind", "subject", "v"}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KIND = re.compile(r"[a-z]+(\.[a-z_]+)+")
_FIELD = re.compile("[a-z][a-z0-9_.-]{0,199}")
_HEX32 = re.compile("[0-9a-f]{64}")


def read_entry(data: bytes) -> Dict[str, Any]:
    """A well-formed entry. Raises ValueError for anything else."""
    entry = parse_json(data) if 0 < len(data) <= ENTRY_BYTES else None
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
        raise ValueError("not an entry")
    content = "data" if entry["kind"].startswith("log.") else "fields"
    if set(entry) != _COMMON | {content} or type(entry["v"]) is not int or entry["v"] != 1:
        raise ValueError("not the members of an entry")
    for name, pattern in (("at", _TIME), ("id", _UUID), ("kind", _KIND), ("subject", _HEX32)):
        if not isinstance(entry[name], str) or not pattern.fullmatch(entry[name]):
            raise ValueError(f"not the {name} of an entry")
    datetime.fromisoformat(entry["at"][:-1])
    (_check_data if content == "data" else _check_fields)(entry[content])
    return entry


def _check_data(data: Any) -> None:
    if not isinstance(data, dict) or len(data) > DATA_MEMBERS:
        raise ValueError("not the data of an entry")
    if not all(type(value) in (str, int) for value in data.values()):
        raise ValueError("not the data of an entry")


def _check_fields(fields: Any) -> None:
    if not isinstance(fields, dict) or not fields or not all(_FIELD.fullmatch(name) for name in fields):
        raise ValueError("not the fields of an entry")
    for digest in fields.values():
        from_base64url(digest, 32)


def subject_of_log(origin: str) -> str:
    return sha256(b"subject/v1\x00log\x00" + origin.encode()).hex()


# ---------------------------------------------------------------------------------------------------------------------
# The tree (RFC 9162 §2.1): only its right edge is kept.


@dataclass
class Edge:
    """The roots of the complete subtrees that so many leaves make, the largest first."""

    count: int = 0
    roots: List[bytes] = field(default_factory=list)

    def add(self, leaf: bytes) -> None:
        ones = self.count
        while ones & 1:
            leaf = sha256(b"\x01" + self.roots.pop() + leaf)
            ones >>= 1
        self.roots.append(leaf)
        self.count += 1

    def root(self) -> bytes:
        if not self.roots:
            return sha256(b"")
        root = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            root = sha256(b"\x01" + left + root)
        return root


# ---------------------------------------------------------------------------------------------------------------------
# The map (protocol §10), held in memory. A node forgets its hash when something below it changes, and hashes are made
# when a root is asked for: between two states each node is hashed once.


class Leaf:
    """A subject with its mini tree."""

    __slots__ = ("edge", "hash", "last", "number", "subject")

    def __init__(self, subject: bytes) -> None:
        self.subject, self.number = subject, int.from_bytes(subject, "big")
        self.last, self.edge = 0, Edge()
        self.hash: Optional[bytes] = None

    def digest(self) -> bytes:
        if self.hash is None:
            value = self.edge.count.to_bytes(8, "big") + self.last.to_bytes(8, "big") + self.edge.root()
            self.hash = sha256(b"\x00" + self.subject + value)
        return self.hash


class Fork:
    """Where subjects part: at the first bit in which not all below agree."""

    __slots__ = ("hash", "position", "sides")

    def __init__(self, position: int, sides: List[Union[Leaf, Fork]]) -> None:
        self.position, self.sides = position, sides
        self.hash: Optional[bytes] = None

    def digest(self) -> bytes:
        if self.hash is None:
            left, right = self.sides
            self.hash = sha256(b"\x01" + self.position.to_bytes(2, "big") + left.digest() + right.digest())
        return self.hash


class SubjectMap:
    """Subject → how many entries, which is the last, and what they are."""

    def __init__(self) -> None:
        self._top: Optional[Union[Leaf, Fork]] = None
        self.subjects = 0

    def add(self, subject: bytes, index: int, leaf_hash: bytes) -> None:
        leaf = self._leaf(subject)
        leaf.edge.add(sha256(b"\x00" + index.to_bytes(8, "big") + leaf_hash))
        leaf.last, leaf.hash = index, None

    def root(self) -> bytes:
        return self._top.digest() if self._top else sha256(b"")

    def _leaf(self, subject: bytes) -> Leaf:
        """The subject's leaf, new if need be; every node above it forgets its hash."""
        number = int.from_bytes(subject, "big")
        node = self._top
        while isinstance(node, Fork):
            node.hash = None
            node = node.sides[number >> (255 - node.position) & 1]
        if node is not None and node.number == number:
            return node
        self.subjects += 1
        made = Leaf(subject)
        self._insert(made, None if node is None else 256 - (node.number ^ number).bit_length())
        return made

    def _insert(self, made: Leaf, parting: Optional[int]) -> None:
        """Hang the new leaf where its way parts from that of its nearest one, at bit `parting`."""
        if parting is None or self._top is None:
            self._top = made
            return
        above: Optional[Fork] = None
        node = self._top
        while isinstance(node, Fork) and node.position < parting:
            above, node = node, node.sides[made.number >> (255 - node.position) & 1]
        on_the_right = made.number >> (255 - parting) & 1
        fork = Fork(parting, [node, made] if on_the_right else [made, node])
        if above is None:
            self._top = fork
        else:
            above.sides[made.number >> (255 - above.position) & 1] = fork


# ---------------------------------------------------------------------------------------------------------------------
# The source: where checkpoint and entry bundles are read


def bundle_path(n: int, width: int) -> str:
    """`tile/entries/<N>`, with `.p/<W>` for a partial one."""
    groups = f"{n:,}".split(",")
    number = "/".join([*("x" + group.zfill(3) for group in groups[:-1]), groups[-1].zfill(3)])
    return f"tile/entries/{number}" + ("" if width == BUNDLE else f".p/{width}")


def split_bundle(data: bytes, width: int) -> Optional[List[bytes]]:
    """The first `width` entries of a bundle that holds as many or more; None if it does not."""
    entries, at = [], 0
    while at + 2 <= len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entries.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return entries[:width] if at == len(data) and width <= len(entries) <= BUNDLE else None


class Folder:
    """Files, laid out as they are served."""

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, place: str, limit: int) -> Optional[bytes]:
        """None if there is no such file."""
        return read_file(os.path.join(self._path, *place.split("/")), limit)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Server:
    """An https address (http on this machine only), asked with a token."""

    def __init__(self, url: str, token: Optional[str]) -> None:
        require_private(url)
        self._url, self._token = url.rstrip("/"), token
        self._opener = urllib.request.build_opener(_NoRedirect)

    def read(self, place: str, limit: int) -> Optional[bytes]:
        """None if there is no such page."""
        return self.ask(f"{self._url}/{place}", None, limit)

    def ask(self, url: str, body: Optional[bytes], limit: int) -> Optional[bytes]:
        headers = {"User-Agent": "audit.py", "Content-Type": "text/plain; charset=utf-8"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            request = urllib.request.Request(url, body, headers)  # noqa: S310 - the scheme was checked
            with self._opener.open(request, timeout=SECONDS) as response:
                return bytes(response.read(limit + 1))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404 and body is None:
                return None
            raise AuditError(f"{url}: HTTP status {error.code}", NOT_COSIGNED) from None
        except (OSError, http.client.HTTPException, ValueError):
            raise AuditError(f"{url}: no answer; run this again, it goes on where it stopped", NOT_COSIGNED) from None


def require_private(url: str) -> None:
    """Entries and the token travel encrypted, or not at all beyond this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        near = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        near = False
    if not host or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not near):
        raise AuditError(f"{printable(url)}: an https address is needed", UNUSABLE)


@dataclass
class Bundles:
    """The log's entries, bundle by bundle, from where they are served or from what an earlier run kept."""

    source: Union[Folder, Server]
    keep: Optional[str] = None

    def entries(self, size: int) -> Iterator[bytes]:
        for n in range(-(-size // BUNDLE)):
            yield from self._bundle(n, min(size - n * BUNDLE, BUNDLE))

    def _bundle(self, n: int, width: int) -> List[bytes]:
        place = bundle_path(n, width)
        kept = os.path.join(self.keep, *place.split("/")) if self.keep and width == BUNDLE else None
        data = read_file(kept, BUNDLE_BYTES) if kept else None
        found = split_bundle(data, width) if data is not None else None
        if found is not None:
            return found
        data = self.source.read(place, BUNDLE_BYTES)
        if data is None and width < BUNDLE:  # the log has grown, and partial bundles may go then
            data = self.source.read(bundle_path(n, BUNDLE), BUNDLE_BYTES)
        if data is None:
            raise AuditError(f"{place} is not there: the log does not hand out its entries", NOT_COSIGNED)
        found = split_bundle(data, width)
        if found is None:
            raise AuditError(f"{place} is not a bundle of {width} entries")
        if kept:
            write_file(kept, data)
        return found


def read_file(path: str, limit: int) -> Optional[bytes]:
    """At most one byte more than the limit; None if there is no such file."""
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no such file"
        raise AuditError(f"{printable(path)}: {why}", UNUSABLE) from None


def write_file(path: str, data: bytes) -> None:
    """Whole or not at all."""
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path + ".new", "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(path + ".new", path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a name for a file"
        raise AuditError(f"{printable(path)}: {why}", UNUSABLE) from None


# ---------------------------------------------------------------------------------------------------------------------
# The audit


@dataclass(frozen=True)
class Remembered:
    """What was cosigned last, and the faults that were called known."""

    origin: str
    size: int
    root: bytes
    faults: FrozenSet[int]

    @classmethod
    def load(cls, path: str) -> Optional[Remembered]:
        data = read_file(path, 2**20)
        if data is None:
            return None
        try:
            state = json.loads(data)
            return cls(state["origin"], int(state["size"]), from_base64(state["root"], 32), frozenset(state["faults"]))
        except (ValueError, TypeError, KeyError):
            raise AuditError(f"{printable(path)}: not a state file of this program", UNUSABLE) from None

    def save(self, path: str) -> None:
        state = {"faults": sorted(self.faults), "origin": self.origin, "root": b64(self.root), "size": self.size}
        write_file(path, json.dumps(state, indent=1, sort_keys=True).encode() + b"\n")


class Recomputation:
    """Entry upon entry: the tree, the map, each state on the way."""

    def __init__(self, origin: str, known_faults: FrozenSet[int]) -> None:
        self._subject, self._known = subject_of_log(origin), known_faults
        self.tree, self.map = Edge(), SubjectMap()
        self.last_state: Optional[int] = None  # index of the newest state entry that names the right map

    def add(self, data: bytes) -> None:
        """Raises AuditError for a malformed entry, and for a state that names another map than the one that follows."""
        index, leaf = self.tree.count, sha256(b"\x00" + data)
        try:
            entry = read_entry(data)
        except (ValueError, RecursionError) as error:
            raise AuditError(f"entry {index} is malformed: {printable(str(error))}") from None
        if entry["kind"] == "log.state":
            self._check_state(index, entry)
        self.tree.add(leaf)
        self.map.add(bytes.fromhex(entry["subject"]), index, leaf)

    def _check_state(self, index: int, entry: Dict[str, Any]) -> None:
        wrong = self._wrong_in(index, entry)
        if wrong is None:
            self.last_state = index
        elif index not in self._known:
            raise AuditError(f"state entry {index} {wrong}: histories shown under it may lack something")

    def _wrong_in(self, index: int, entry: Dict[str, Any]) -> Optional[str]:
        data = entry["data"]
        if not _is_state(data) or entry["subject"] != self._subject:
            return "is not a state of this log"
        if data["size"] != index:
            return f"says that it covers {data['size']} entries, not {index}"
        if data["subjects"] != self.map.subjects:
            return f"counts {data['subjects']} subjects, not {self.map.subjects}"
        if data["map_root"] != self.map.root().hex():
            return "names a map that does not follow from the entries"
        return None


def _is_state(data: Dict[str, Any]) -> bool:
    """Exactly the members of §10, each of its form."""
    block = {"block_hash", "block_number", "chain_id"}
    wanted = {"map_root", "size", "subjects"} | (block if block & set(data) else set())
    if set(data) != wanted or not _is_matching("[0-9a-f]{64}", data["map_root"]):
        return False
    if not all(type(data[name]) is int and data[name] >= 0 for name in ("size", "subjects")):
        return False
    return "chain_id" not in data or (
        type(data["chain_id"]) is int
        and data["chain_id"] >= 1
        and type(data["block_number"]) is int
        and data["block_number"] >= 0
        and _is_matching("0x[0-9a-f]{64}", data["block_hash"])
    )


def _is_matching(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


def audit(
    checkpoint: Checkpoint, bundles: Bundles, before: Optional[Remembered], known_faults: FrozenSet[int] = frozenset()
) -> Remembered:
    """What to remember once all agrees, so that the checkpoint may be cosigned. Raises AuditError."""
    if before and before.origin != checkpoint.origin:
        raise AuditError("--state: it remembers another log", UNUSABLE)
    if before and before.size > checkpoint.size:
        raise AuditError(
            f"the checkpoint of size {checkpoint.size} is older than the one cosigned last, of size {before.size}",
            NOT_COSIGNED,
        )
    faults = known_faults | (before.faults if before else frozenset())
    found = Recomputation(checkpoint.origin, faults)
    progress = Progress(checkpoint.size)
    for data in bundles.entries(checkpoint.size):
        found.add(data)
        if before and found.tree.count == before.size:
            _require_root(
                found, before.root, "the past was rewritten: the log that was cosigned last is not its beginning"
            )
        progress.show(found.tree.count)
    _require_root(found, checkpoint.root, "the entries do not make the tree that the checkpoint names")
    if found.last_state != checkpoint.size - 1:
        raise AuditError("the checkpoint does not end with a state entry of a right map: it is not for auditors", 3)
    return Remembered(checkpoint.origin, checkpoint.size, checkpoint.root, faults)


def _require_root(found: Recomputation, root: bytes, else_: str) -> None:
    if found.tree.root() != root:
        raise AuditError(else_)


class Progress:
    """On standard error, every other second."""

    def __init__(self, total: int) -> None:
        self._total, self._next = total, time.monotonic() + 2

    def show(self, done: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 2
            print(f"{done:,} of {self._total:,} entries", file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------------------------------------------------
# Command line


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise AuditError(f"{printable(message)}\n{self.format_usage().strip()}", UNUSABLE)


def _options(arguments: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = _Parser(prog="audit.py", description="Recompute a log and cosign its checkpoint.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    keygen = commands.add_parser("keygen", help="make a key", allow_abbrev=False)
    keygen.add_argument("--name", required=True, help="your name as an auditor, like auditor.example")
    keygen.add_argument("--key", required=True, metavar="FILE", help="where the secret goes")
    run = commands.add_parser("run", help="recompute and cosign", allow_abbrev=False)
    run.add_argument("source", metavar="SOURCE", help="a folder or an https address with tile/entries/ below it")
    run.add_argument(
        "--log-key", required=True, action="append", metavar="KEY", help="from trust.json; may be repeated"
    )
    run.add_argument("--key", required=True, metavar="FILE", help="your key, made by keygen")
    run.add_argument("--state", required=True, metavar="FILE", help="what was cosigned last; made if it is not there")
    run.add_argument("--checkpoint", metavar="PLACE", help="a file or address; else `checkpoint` in SOURCE")
    run.add_argument("--token-file", metavar="FILE", help="the token to ask the server with")
    run.add_argument("--keep", metavar="FOLDER", help="keep bundles here, to go on after an interruption")
    run.add_argument("--known-fault", type=int, action="append", default=[], metavar="INDEX", help="of a wrong state")
    run.add_argument("--out", metavar="FILE", help="write the cosignature line here too")
    run.add_argument("--post", metavar="URL", help="send it there; {size} stands for the checkpoint's size")
    return parser.parse_args(arguments)


def _keygen(options: argparse.Namespace) -> str:
    if not re.fullmatch(r"[^\s+]+", options.name) or not options.name.isprintable():
        raise AuditError("--name: a name without white space and without +", UNUSABLE)
    key = AuditorKey(options.name, os.urandom(32))
    try:
        descriptor = os.open(options.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key.text)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a name for a file"
        raise AuditError(f"--key {printable(options.key)}: {why}", UNUSABLE) from None
    print(key.verifier_key)
    return f"The secret is in {printable(options.key)}: keep it to yourself. Give the insurer the line above."


def _own_file(path: str, what: str, limit: int) -> str:
    data = read_file(path, limit)
    if data is None:
        raise AuditError(f"{what} {printable(path)}: no such file", UNUSABLE)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise AuditError(f"{what} {printable(path)}: not a text", UNUSABLE) from None


def _is_address(place: str) -> bool:
    return re.match("[a-z]+://", place) is not None


def _run(options: argparse.Namespace) -> str:
    key = AuditorKey.parse(_own_file(options.key, "--key", 10_000))
    keys = [LogKey.parse(text) for text in options.log_key]
    token = _own_file(options.token_file, "--token-file", 10_000).strip() if options.token_file else None
    before = Remembered.load(options.state)
    if options.post:
        require_private(options.post.replace("{size}", "0"))
    source = Server(options.source, token) if _is_address(options.source) else Folder(options.source)
    note = _checkpoint_note(options, source, token)
    checkpoint = read_checkpoint(note, keys)
    after = audit(checkpoint, Bundles(source, options.keep), before, frozenset(options.known_fault))
    line = key.cosign(checkpoint.text, int(time.time()))
    after.save(options.state)
    print(line, flush=True)
    if options.out:
        write_file(options.out, f"{line}\n".encode())
    if options.post:
        _post(options.post.replace("{size}", str(checkpoint.size)), token, line)
    return f"All {checkpoint.size:,} entries agree; cosigned as {key.name}."


def _checkpoint_note(options: argparse.Namespace, source: Union[Folder, Server], token: Optional[str]) -> bytes:
    place = options.checkpoint
    if place is None:
        note = source.read("checkpoint", NOTE_BYTES)
    elif _is_address(place):
        note = Server(place, token).ask(place, None, NOTE_BYTES)
    else:
        note = read_file(place, NOTE_BYTES)
    if note is None:
        raise AuditError(f"there is no checkpoint in {printable(place or options.source)}", NOT_COSIGNED)
    return note


def _post(url: str, token: Optional[str], line: str) -> None:
    try:
        Server(url, token).ask(url, f"{line}\n".encode(), 2**16)
    except AuditError as error:
        raise AuditError(f"cosigned, but it was not taken: {error}", NOT_COSIGNED) from None


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The exit code; never raises but SystemExit for --help."""
    try:
        options = _options(argv)
        verdict, code = (_keygen if options.command == "keygen" else _run)(options), AGREES
    except AuditError as error:
        verdict, code = str(error), error.exit_code
    words = {AGREES: "done", AT_FAULT: "THE LOG IS AT FAULT", UNUSABLE: "not started", NOT_COSIGNED: "not cosigned"}
    print(f"AUDIT (exit {code}, {words[code]}): {verdict}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
